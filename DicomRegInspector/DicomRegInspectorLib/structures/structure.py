"""Structures: regions that were drawn or segmented, and sets of them. LPS mm throughout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..findings import Finding
from ..registration.file.write.dicom_object import Reference
from .model import Contour, VoxelGrid, Voxels
from .planes import ContourPlanes, planes_of
from .rasterise import mask_of_planes, mask_of_voxels


@dataclass(frozen=True, eq=False)
class Structure:
    """A region of interest: of an RT Structure Set, a segment of a Segmentation, a label of a label volume."""

    number: int
    """ROI Number (3006,0022), Segment Number (0062,0004), or the label."""
    name: str
    """As it may be shown: names of people are masked."""
    contours: tuple[Contour, ...] = ()
    voxels: Voxels | None = None
    """None: it is made of contours."""
    colour: tuple[int, int, int] | None = None
    """Red, green, blue, 0 to 255."""
    interpreted_type: str = ""
    """RT ROI Interpreted Type (3006,00A4)."""
    generation_algorithm: str = ""
    """ROI Generation Algorithm (3006,0036)."""
    description: str = field(default="", repr=False)
    """ROI Description (3006,0028), as the file has it."""
    written_name: str = field(default="", repr=False)
    """The name as the file has it, for what is written; empty: the same."""
    frame_uid: str = ""
    """Frame of Reference UID that its places are in; empty where unknown."""
    spacing_mm: float | None = None
    """Between slices of the images it was drawn on; None: as its own contours, or those of the set, lie apart."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was drawn."""
        if self.voxels is not None:
            return not self.voxels.array.any()
        return not any(len(contour.points) for contour in self.contours)

    @property
    def is_region(self) -> bool:
        """Whether it encloses a volume: voxels, or closed contours."""
        return self.voxels is not None or any(contour.is_closed for contour in self.contours)

    @property
    def point_count(self) -> int:
        """Points of all contours."""
        return sum(len(contour.points) for contour in self.contours)

    @cached_property
    def volume_mm3(self) -> float:
        """Volume of its voxels, or of the slabs of its contours, see :class:`.planes.ContourPlanes`; NaN where unknown.

        Unknown: of a single plane of contours without a spacing.
        """
        return self.planes.volume_mm3 if self.voxels is None else self.voxels.volume_mm3

    @cached_property
    def planes(self) -> ContourPlanes:
        """Its closed contours by the planes they lie in."""
        return planes_of(self.contours, self.spacing_mm)

    def mask(self, grid: VoxelGrid) -> NDArray[np.bool_]:
        """Return (nk, nj, ni) which voxels of a grid have their centres in the structure, see :mod:`.rasterise`.

        Raises UsageError when memory does not suffice.
        """
        return mask_of_planes(self.planes, grid) if self.voxels is None else mask_of_voxels(self.voxels, grid)

    def box(self) -> NDArray[np.float64] | None:
        """Return (2, 3) lowest and highest LPS mm of contour points or voxel corners; None where it is empty."""
        if self.voxels is not None:
            return self.voxels.box()
        parts = [contour.points for contour in self.contours if len(contour.points)]
        every = np.concatenate(parts) if parts else np.empty((0, 3))
        return np.stack([every.min(axis=0), every.max(axis=0)]) if len(every) else None


@dataclass(frozen=True, eq=False)
class StructureSet:
    """Structures of one file."""

    path: str
    structures: tuple[Structure, ...]
    frame_uid: str = ""
    """Frame of Reference UID that all of them are in; empty where unknown, or where there are several."""
    label: str = ""
    """Structure Set Label (3006,0002), as it may be shown."""
    sop_class_uid: str = ""
    """Empty of what is no DICOM object."""
    sop_instance_uid: str = ""
    study_uid: str = ""
    references: tuple[Reference, ...] = ()
    """Images it refers to."""
    findings: tuple[Finding, ...] = ()

    def named(self, names: Iterable[str]) -> tuple[Structure, ...]:
        """Return the structures with these names, in the order of the names.

        Raises UsageError that lists the names there are.
        """
        known = {structure.name: structure for structure in reversed(self.structures)}
        wanted = list(names)
        missing = [name for name in wanted if name not in known]
        if missing:
            raise UsageError(
                f"{self.path}: has no structure {missing[0]!r}; it has {', '.join(sorted(known)) or 'none'}"
            )
        return tuple(known[name] for name in wanted)
