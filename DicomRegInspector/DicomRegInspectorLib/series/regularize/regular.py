"""What regularizing a series gives: volumes on regular lattices, and what became of every slice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ..geometry.stacks import Slice
from ..pixels.padding import Padding
from ..pixels.volume import SeriesVolume
from .one_per_place import Dropped, Placed

Mode = Literal["acquisition", "resample", "split", "crop"]
MODES: tuple[Mode, ...] = ("acquisition", "resample", "split", "crop")
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
    def is_orthogonal(self) -> bool:
        """Whether the axes are at right angles; formats and tools that store directions and spacings need it."""
        directions = self.affine_lps[:3, :3] / self.spacing_mm
        return bool(np.abs(directions.T @ directions - np.eye(3)).max() < ORTHOGONAL)


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

        Raises
        ------
        UsageError
            When there are several.
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


def lattice(placed: Placed, origin: NDArray[np.float64], step: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) with the stack's rows and columns, an origin, and a step (3,) from slice to slice."""
    row, column, _ = placed.axes
    between_rows, between_columns = placed.pixel_spacing_mm
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = row * between_columns, column * between_rows, step
    affine[:3, 3] = origin
    return affine


def full_boxes(array: NDArray[Any]) -> NDArray[np.intp]:
    """Boxes (see :attr:`RegularVolume.boxes`) of slices that are valid everywhere."""
    return np.tile(np.array([0, array.shape[1], 0, array.shape[2]], np.intp), (len(array), 1))


def padding_holes(array: NDArray[Any], padding: Padding | None) -> dict[int, NDArray[np.uint8]]:
    """Holes (see :attr:`RegularVolume.holes`) where slices have padding."""
    if padding is None:
        return {}
    masks = ((k, padding.mask(values, k)) for k, values in enumerate(array))
    return {k: np.packbits(mask) for k, mask in masks if mask is not None}


def fill_value(volume: SeriesVolume, asked: float | None) -> float:
    """The fill value: the files' own padding where their images have some; else air (−1000) in HU; else what is shown
    black, the smallest value (MONOCHROME1: the largest).

    Raises
    ------
    UsageError
        When the volume's type does not hold the value asked for.
    """
    dtype = volume.array.dtype
    if asked is not None:
        fits = dtype.kind == "f" or (float(asked).is_integer() and np.iinfo(dtype).min <= asked <= np.iinfo(dtype).max)
        if not fits:
            raise UsageError(f"The fill value {asked:g} is no {dtype}, which the volume's values are.")
        return asked
    padding = volume.padding
    if padding is not None and padding.value is not None:
        is_there = any(padding.mask(values, k) is not None for k, values in enumerate(volume.array))
        if is_there:
            return padding.value
    if volume.photometric == "MONOCHROME1":
        return float(volume.array.max())
    smallest = float(volume.array.min())
    # Many files name no units; a CT with values below 0 is in HU then.
    in_hu = volume.units == "HU" or (not volume.units and volume.modality == "CT" and smallest < 0)
    return -1000.0 if in_hu and dtype.kind != "u" and dtype.itemsize > 1 else smallest


def slice_corners(one: Slice) -> NDArray[np.float64]:
    """(2, 2, 3) centres of a slice's corner pixels, [row][column], LPS mm, just as its header says (PS3.3 C.7.6.2)."""
    cosines = np.asarray(one.orientation, np.float64)
    between_rows, between_columns = one.pixel_spacing_mm or (1.0, 1.0)
    along_row = cosines[:3] * between_columns * (one.header.columns - 1)
    along_column = cosines[3:] * between_rows * (one.header.rows - 1)
    b, a = np.meshgrid((0, 1), (0, 1), indexing="ij")
    corner = np.asarray(one.position_lps_mm, np.float64)
    return corner + a[..., None] * along_row + b[..., None] * along_column


def parallel_deviation_mm(placed: Placed) -> float:
    """The farthest that a slice's corner lies from where the stack's directions and pixel spacing put it."""
    nj, ni = placed.array.shape[1:3]
    between_rows, between_columns = placed.pixel_spacing_mm
    b, a = np.meshgrid((0, nj - 1), (0, ni - 1), indexing="ij")
    row, column, _ = placed.axes
    offsets = a[..., None] * between_columns * row + b[..., None] * between_rows * column
    own = np.stack([slice_corners(one[0]) for one in placed.members])
    return float(np.linalg.norm(own - own[:, :1, :1] - offsets, axis=-1).max())
