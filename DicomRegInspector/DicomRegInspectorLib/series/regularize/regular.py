"""What regularizing a series gives: volumes on regular lattices, and what became of every slice."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...progress import Progress
from ..geometry.stacks import Slice
from ..pixels.volume import SeriesVolume
from .one_per_place import Dropped, Placed
from .options import Mode
from .values import Values

VOLUME_SUFFIXES = (".nrrd", ".nii.gz", ".nii", ".mha")
"""Endings of the volume files that results are written to."""
ORTHOGONAL = 1e-6
"""Largest cosine between axes that counts as a right angle."""


@dataclass(frozen=True, eq=False)
class AcquisitionGrid:
    """Displacements that put each slice of a regular volume where its header says it is. LPS mm.

    Nodes are the corner pixels of every slice. Between them displacements are linear, outside they are those of the
    border; added to a point of the regular lattice they give the point in the patient (Slicer's ToParent direction).
    """

    affine_lps: NDArray[np.float64]
    """(4, 4) from node (a, b, k, 1), a and b 0 or 1, to the regular lattice's point."""
    displacements_mm: NDArray[np.float64]
    """(nk, 2, 2, 3), indexed k, b (row), a (column)."""

    @property
    def farthest_mm(self) -> float:
        """The length of the longest displacement."""
        return float(np.linalg.norm(self.displacements_mm, axis=-1).max())


@dataclass(frozen=True, eq=False)
class RegularVolume:
    """One volume whose affine matrix (with its displacements, where there are any) places every voxel. LPS mm."""

    array: NDArray[Any]
    """(nk, nj, ni) or (nk, nj, ni, channels)."""
    affine_lps: NDArray[np.float64]
    """(4, 4) from (i, j, k, 1) to LPS mm."""
    boxes: NDArray[np.intp]
    """(nk, 4) where values are valid in each slice: first row and the one after the last, then columns."""
    sources: tuple[tuple[Slice, ...], ...]
    """For each slice what its values come from; empty where it holds the fill value only."""
    fill: float
    """What stands where nothing is valid."""
    slice_corners_lps_mm: NDArray[np.float64]
    """(nk, 3) where the first pixel of each slice truly is; the lattice's own point unless there are displacements."""
    source: SeriesVolume
    """What it was made from."""
    is_untouched: bool
    """Whether every value is that of a source slice's pixel, none interpolated or averaged."""
    description: str
    """What was done, in a sentence."""
    label: str = ""
    """Sets it apart from others of the same result: ``section 1 of 2``."""
    displacement: AcquisitionGrid | None = None
    """Where the lattice alone does not say where slices are."""
    deviation_mm: float = 0.0
    """The farthest that a corner of a source slice lies from where the result takes it to be; rounding, as a rule."""
    holes: Mapping[int, NDArray[np.uint8]] = field(default_factory=dict)
    """For slices with voxels inside their box that are not valid (padding, or outside an oblique stack): which, as
    :func:`numpy.packbits` packs (nj, ni) of them, an eighth of a byte each."""

    @cached_property
    def valid(self) -> NDArray[np.bool_]:
        """(nk, nj, ni) whether a voxel holds the image's value rather than the fill value."""
        mask = np.zeros(self.array.shape[:3], dtype=bool)
        for k, (row, row_stop, column, column_stop) in enumerate(self.boxes.tolist()):
            mask[k, row:row_stop, column:column_stop] = True
        for k, hole in self.holes.items():
            mask[k] &= ~np.unpackbits(hole, count=mask[k].size).reshape(mask[k].shape).view(bool)
        return mask

    @property
    def is_restacked(self) -> bool:
        """Whether sections were put one behind the other: positions are not in the source's frame of reference."""
        return any(slice_.is_restacked for members in self.sources for slice_ in members)

    @property
    def is_all_valid(self) -> bool:
        """Whether there is no fill value, told without making the mask."""
        nk, nj, ni = self.array.shape[:3]
        return not self.holes and bool((self.boxes == np.array([0, nj, 0, ni])).all()) and nk == len(self.boxes)

    @property
    def valid_fraction(self) -> float:
        """How much of the volume is valid, from 0 to 1, told slice by slice."""
        nk, nj, ni = self.array.shape[:3]
        count = int(((self.boxes[:, 1] - self.boxes[:, 0]) * (self.boxes[:, 3] - self.boxes[:, 2])).sum())
        for k, hole in self.holes.items():
            row, row_stop, column, column_stop = self.boxes[k].tolist()
            inside = np.unpackbits(hole, count=nj * ni).reshape(nj, ni)[row:row_stop, column:column_stop]
            count -= int(inside.sum())
        return count / (nk * nj * ni)

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """(3,) lengths of the steps along i, j and k."""
        return np.linalg.norm(self.affine_lps[:3, :3], axis=0)

    @property
    def slice_distance_mm(self) -> float:
        """Between neighbouring slice planes; less than the step along a tilted k axis."""
        normal = np.cross(self.affine_lps[:3, 0], self.affine_lps[:3, 1])
        return float(abs(normal @ self.affine_lps[:3, 2]) / np.linalg.norm(normal))

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """(ni, nj, nk)."""
        nk, nj, ni = self.array.shape[:3]
        return ni, nj, nk

    @property
    def upright_affine_lps(self) -> NDArray[np.float64]:
        """(4, 4) of a lattice with the same rows, columns and slice distance, the k axis along the normal."""
        affine = self.affine_lps.copy()
        normal = np.cross(affine[:3, 0], affine[:3, 1])
        normal /= np.linalg.norm(normal)
        affine[:3, 2] = normal * (normal @ affine[:3, 2])
        return affine

    @property
    def is_orthogonal(self) -> bool:
        """Whether the axes are at right angles; formats and tools that store directions and spacings need it."""
        directions = self.affine_lps[:3, :3] / self.spacing_mm
        return bool(np.abs(directions.T @ directions - np.eye(3)).max() < ORTHOGONAL)


@dataclass(frozen=True, eq=False, kw_only=True)
class PlannedVolume(ABC):
    """One volume that will come, told from headers alone. LPS mm."""

    dimensions: tuple[int, int, int]
    """(ni, nj, nk)."""
    spacing_mm: tuple[float, float, float]
    """Between columns, rows and slice planes."""
    positions_mm: tuple[float, ...]
    """Where each slice will lie along the normal of the stack, as :attr:`~..geometry.stacks.Stack.positions_mm`; empty
    on a grid that runs across the stack's slices."""
    is_filled: tuple[bool, ...]
    """For each of these whether it will hold nothing but the fill value."""
    affine_lps: NDArray[np.float64]
    """(4, 4) from (i, j, k, 1) to LPS mm."""
    deviation_mm: float
    """The farthest that a corner of a source slice lies from where the result takes it to be."""
    tilt_deg: float = 0.0
    """By how much the line through the slices will lean from their normal, transforms included."""
    is_moved: bool = False
    """Whether a displacement grid will put the slices in their places."""

    @property
    def filled_slices(self) -> int:
        """Slices that hold nothing but the fill value."""
        return sum(self.is_filled)

    @property
    def largest_step_mm(self) -> float:
        """The largest distance between neighbouring slices; 0 for a single one."""
        if not self.positions_mm:
            return self.spacing_mm[2] if self.dimensions[2] > 1 else 0.0
        return float(np.diff(self.positions_mm).max(initial=0.0))

    @property
    def new_voxels(self) -> int:
        """Voxels that need memory besides the source's."""
        ni, nj, nk = self.dimensions
        return ni * nj * nk

    @abstractmethod
    def make(self, placed: Placed, values: Values, progress: Progress | None) -> RegularVolume:
        """Make the volume of what was placed when it was planned."""


@dataclass(frozen=True, eq=False)
class Regularized:
    """What became of a series."""

    mode: Mode
    volumes: tuple[RegularVolume, ...]
    """One; for ``split`` one for each section."""
    dropped: tuple[Dropped, ...]
    """Slices that are in no volume, each with the reason."""
    description: str
    """What was done, in a sentence or two."""

    @property
    def volume(self) -> RegularVolume:
        """The only volume.

        Raises UsageError when there are several.
        """
        if len(self.volumes) != 1:
            raise UsageError(f"There are {len(self.volumes)} volumes: take one of .volumes.")
        return self.volumes[0]

    @property
    def array(self) -> NDArray[Any]:
        """Of the only volume."""
        return self.volume.array

    @property
    def affine_lps(self) -> NDArray[np.float64]:
        """Of the only volume."""
        return self.volume.affine_lps

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Of the only volume."""
        return self.volume.valid


def full_boxes(array: NDArray[Any]) -> NDArray[np.intp]:
    """Return boxes (see :attr:`RegularVolume.boxes`) of slices that are valid everywhere."""
    return np.tile(np.array([0, array.shape[1], 0, array.shape[2]], np.intp), (len(array), 1))
