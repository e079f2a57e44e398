"""How well structures of two frames agree through a mapping: overlap, surfaces, volumes, and the field inside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..memory import require_memory
from ..progress import Progress, report_progress
from ..registration.mapping import Mapping
from ..registration.measures.agreement import Agreement, box_of, centre_of, compare_masks, spacing_of
from ..registration.measures.regions import LabelImage, RegionMeasures, measure_regions
from ..registration.measures.surface_distances import border_voxels
from ..registration.nodes import Nodes
from ..registration.on_grid import PointMap
from ..space import apply_matrix, lattice_corners, plane_indices
from ..structures import Structure, StructureSet, Voxels

PITCH_MM = 1.0
"""Contours are compared on voxels that are no larger than this in their planes."""
MOST_VOXELS = 1 << 28
"""Of the box around two structures; farther apart they are not compared."""
_SEARCHED = 4096
"""Border voxels whose places are sought through the inverse, to find where a structure comes to lie."""
_MARGIN = 3
"""Voxels around that; more where the structure reaches them."""


@dataclass(frozen=True, eq=False)
class JudgingStructures:
    """Structures of the registered and of the source frame that a mapping is judged by."""

    fixed: StructureSet
    moving: StructureSet
    pairs: Sequence[tuple[str, str]] = ()
    """Names that belong together although they differ, the registered frame's first."""


@dataclass(frozen=True, eq=False)
class StructureAgreement:
    """One structure of both frames, compared in the registered frame."""

    name: str
    partner: str
    """What it is called in the source frame."""
    voxel_mm: tuple[float, float, float]
    """Voxels that they were compared on, along their lattice's axes."""
    fixed_cm3: float | None
    moving_cm3: float | None
    """In the source frame, as it was drawn; None of a single plane of contours without a spacing."""
    fixed_centre_lps_mm: NDArray[np.float64] | None
    moving_centre_lps_mm: NDArray[np.float64] | None
    before: Agreement | None
    """With the source frame's structure as it lies, without any registration; None when they are too far apart."""
    after: Agreement
    """With the source frame's structure carried over by the mapping."""
    undefined_fraction: float | None
    """Share of the registered frame's structure where the mapping says nothing; None of an empty one."""
    inside: RegionMeasures | None
    """The field inside the registered frame's structure; None without a grid."""
    fixed_voxels: Voxels
    """What was compared, for pictures."""
    moving_voxels: Voxels
    remarks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        jacobian = None
        if self.inside is not None:
            jacobian = {
                **self.inside.jacobian.to_dict("min", "max", "mean", "p1", "p99"),
                "nonpositive_fraction": self.inside.nonpositive_fraction,
                "nodes": self.inside.nodes,
            }
        return {
            "name": self.name,
            "partner": self.partner,
            "voxel_mm": list(self.voxel_mm),
            "fixed_volume_cm3": self.fixed_cm3,
            "fixed_centre_lps_mm": _listed(self.fixed_centre_lps_mm),
            "moving_volume_cm3": self.moving_cm3,
            "moving_centre_lps_mm": _listed(self.moving_centre_lps_mm),
            "undefined_fraction": self.undefined_fraction,
            "before": self.before and self.before.to_dict(),
            "after": self.after.to_dict(),
            "jacobian": jacobian,
            "remarks": list(self.remarks),
        }


@dataclass(frozen=True, eq=False)
class StructureAgreements:
    """All pairs, and the structures that have no partner."""

    pairs: tuple[StructureAgreement, ...]
    unpaired: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    """What holds for all: frames of reference that are others than the mapping's."""

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the pairs as the JSON report holds them."""
        return [pair.to_dict() for pair in self.pairs]


def _listed(values: NDArray[np.float64] | None) -> list[float] | None:
    return None if values is None else values.tolist()


def pair_structures(judging: JudgingStructures) -> tuple[list[tuple[Structure, Structure]], tuple[str, ...]]:
    """Return pairs by the names told, then by equal names whatever their case; and the names without a partner.

    Raises
    ------
    UsageError
        When a name told is not there, a name occurs twice in one set, or there is no pair.
    """
    fixed, moving = _by_name(judging.fixed), _by_name(judging.moving)
    pairs = []
    for first, second in judging.pairs:
        pairs.append((_taken(fixed, first, judging.fixed), _taken(moving, second, judging.moving)))
    for key in [key for key in fixed if key in moving]:
        pairs.append((fixed.pop(key), moving.pop(key)))
    unpaired = tuple(structure.name for rest in (fixed, moving) for structure in rest.values())
    if not pairs:
        names = [", ".join(structure.name for structure in rest.values()) or "none" for rest in (fixed, moving)]
        raise UsageError(
            f"no structure has the same name in both sets; the registered frame has {names[0]}, the source frame "
            f"{names[1]}: say which belong together"
        )
    return pairs, unpaired


def _by_name(found: StructureSet) -> dict[str, Structure]:
    named: dict[str, Structure] = {}
    for structure in found.structures:
        # Points and open curves enclose nothing; what is empty is compared, and told.
        if not structure.is_region and not structure.is_empty:
            continue
        key = _key(structure.name)
        if key in named:
            raise UsageError(f"{found.path}: more than one structure is called {structure.name!r}")
        named[key] = structure
    return named


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def _taken(named: dict[str, Structure], name: str, found: StructureSet) -> Structure:
    structure = named.pop(_key(name), None)
    if structure is None:
        known = ", ".join(each.name for each in found.structures) or "none"
        raise UsageError(f"{found.path}: has no structure {name!r} that is left to be paired; it has {known}")
    return structure


def compare_structures(
    mapping: Mapping,
    judging: JudgingStructures,
    frames: tuple[str, str] = ("", ""),
    progress: Progress | None = None,
) -> StructureAgreements:
    """Compare each structure of the registered frame with its partner, as it lies and carried over.

    A voxel of the registered frame is in the structure carried over when the voxel of the source frame around the point
    that its centre maps to is in the structure: the nearest one decides.

    Parameters
    ----------
    frames
        Frame of Reference UIDs of the registered and of the source frame; empty where unknown.

    Raises
    ------
    UsageError
        When they cannot be paired, are given the wrong way round, or lie on a sheared lattice; or memory does not
        suffice.
    Cancelled
        When ``progress`` returned False.
    """
    pairs, unpaired = pair_structures(judging)
    remarks = _about_frames(judging, frames)
    found, images = [], []
    for number, (fixed, moving) in enumerate(pairs):
        report_progress(progress, number, len(pairs), f"Comparing {fixed.name}", "measuring was cancelled")
        own, other = as_voxels(fixed), as_voxels(moving)
        images.append(LabelImage(own.array.astype(np.uint8), own.index_to_lps, {1: fixed.name}))
        found.append((fixed, moving, own, other))
    inside: list[RegionMeasures | None] = [None] * len(pairs)
    if mapping.grid is not None:
        inside = list(measure_regions(mapping, images, progress=progress))
    compared = tuple(_compare(mapping, *each, region) for each, region in zip(found, inside, strict=True))
    return StructureAgreements(compared, unpaired, remarks)


def _about_frames(judging: JudgingStructures, frames: tuple[str, str]) -> tuple[str, ...]:
    own = judging.fixed.frame_uid, judging.moving.frame_uid
    if all(own) and all(frames) and own != frames and own == frames[::-1]:
        raise UsageError(
            f"{judging.fixed.path} is of the source frame, and {judging.moving.path} of the registered one: name them "
            "the other way round"
        )
    return tuple(
        f"the structures of the {role} frame are in another frame of reference ({uid}) than the registration’s {wanted}"
        for role, uid, wanted in zip(("registered", "source"), own, frames, strict=True)
        if uid and wanted and uid != wanted
    )


def as_voxels(structure: Structure) -> Voxels:
    """Return a structure on its own voxels, or contours on voxels that end where the structure does.

    Raises UsageError when memory does not suffice.
    """
    if structure.voxels is not None:
        return structure.voxels
    planes, box = structure.planes, structure.box()
    if box is None or not planes.planes:
        return Voxels(np.zeros((1, 1, 1), bool), np.eye(4))
    every = np.concatenate([polygon for plane in planes.planes for group in plane.groups for polygon in group])
    low, high = (every @ planes.axes[:2].T).min(axis=0), (every @ planes.axes[:2].T).max(axis=0)
    counts = np.maximum(np.ceil((high - low) / PITCH_MM - 1e-3), 1).astype(int)
    pitch = np.maximum((high - low) / counts, 1e-3)
    heights = planes.heights_mm
    apart = planes.usual_mm or structure.spacing_mm or PITCH_MM
    layers = round((heights[-1] - heights[0]) / apart) + 1
    index_to_lps = np.eye(4)
    index_to_lps[:3, :3] = planes.axes.T * [*pitch, apart]
    index_to_lps[:3, 3] = planes.axes.T @ [*(low + pitch / 2), heights[0]]
    grid = Nodes(index_to_lps, (int(counts[0]), int(counts[1]), layers), structure.name)
    return Voxels(structure.mask(grid), index_to_lps)


def _compare(
    mapping: Mapping, fixed: Structure, moving: Structure, own: Voxels, other: Voxels, inside: RegionMeasures | None
) -> StructureAgreement:
    remarks = [
        f"empty in the {frame} frame"
        for voxels, frame in ((own, "registered"), (other, "source"))
        if not voxels.array.any()
    ]
    before = _as_they_lie(own, other)
    if before is None:
        remarks.append("too far apart to be compared as they lie")
    after, undefined = _carried_over(mapping, own, other)
    if undefined:
        remarks.append(f"the registration says nothing in {100 * undefined:.3g} % of it")
    if other.array.any() and not after.second_cm3:
        remarks.append("nothing of it is brought here from the source frame")
    spacing = spacing_of(own.index_to_lps).tolist()
    return StructureAgreement(
        fixed.name, moving.name, (spacing[0], spacing[1], spacing[2]), _cm3(fixed), _cm3(moving),
        after.first_centre_lps_mm, centre_of(other.array, other.index_to_lps), before, after, undefined, inside,
        own, other, tuple(remarks),
    )  # fmt: skip


def _cm3(structure: Structure) -> float | None:
    volume = structure.volume_mm3 / 1000
    return volume if math.isfinite(volume) else None


def _as_they_lie(own: Voxels, other: Voxels) -> Agreement | None:
    box = _union(_index_box(own), _places_box(_corners(other), own))
    if _count(box) > MOST_VOXELS:
        return None
    there, _ = _sampled(other, own, box, lambda points: points)
    return compare_masks(_cut(own, box), there, _moved(own, box))


def _carried_over(mapping: Mapping, own: Voxels, other: Voxels) -> tuple[Agreement, float | None]:
    """Compare with what the mapping brings; and the share of the structure where the mapping says nothing."""
    box = _index_box(own)
    border = np.argwhere(border_voxels(other.array))[:, ::-1]
    if len(border):
        some = border[:: max(1, len(border) // _SEARCHED)]
        back = mapping.map_points_inverse(apply_matrix(other.index_to_lps, some)).points
        back = back[np.isfinite(back).all(axis=1)]
        wanted = _union(box, _places_box(back, own)) if len(back) else box
        if _count(wanted) <= MOST_VOXELS:
            box = wanted
    margin = _MARGIN
    while True:
        wide = box + np.array([[-margin], [margin]], np.int64)
        there, undefined = _sampled(other, own, wide, mapping.map_points)
        if not _touches_end(there) or _count(wide) > MOST_VOXELS:
            break
        margin *= 3
    here = _cut(own, wide)
    total = int(np.count_nonzero(here))
    share = int(np.count_nonzero(undefined & here)) / total if total else None
    return compare_masks(here, there, _moved(own, wide)), share


def _touches_end(mask: NDArray[np.bool_]) -> bool:
    return any(mask.take(end, axis=axis).any() for axis in range(3) for end in (0, -1))


def _index_box(voxels: Voxels) -> NDArray[np.int64]:
    """(2, 3) first and last index (i, j, k) of what is inside; the first voxel of what is empty."""
    if not voxels.array.any():
        return np.zeros((2, 3), np.int64)
    k, j, i = box_of(voxels.array)
    return np.array([[i.start, j.start, k.start], [i.stop - 1, j.stop - 1, k.stop - 1]])


def _corners(voxels: Voxels) -> NDArray[np.float64]:
    """(n, 3) LPS mm around what is inside; nothing of what is empty."""
    if not voxels.array.any():
        return np.empty((0, 3))
    first, last = _index_box(voxels)
    return lattice_corners(voxels.index_to_lps, last - first + 1) + voxels.index_to_lps[:3, :3] @ first


def _places_box(points: NDArray[np.float64], lattice: Voxels) -> NDArray[np.int64]:
    """(2, 3) indices on a lattice around points, with a voxel on each side."""
    if not len(points):
        return np.zeros((2, 3), np.int64)
    index = apply_matrix(np.linalg.inv(lattice.index_to_lps), points)
    return np.array([np.floor(index.min(axis=0)) - 1, np.ceil(index.max(axis=0)) + 1]).astype(np.int64)


def _union(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.array([np.minimum(first[0], second[0]), np.maximum(first[1], second[1])])


def _count(box: NDArray[np.int64]) -> int:
    return math.prod((box[1] - box[0] + 1).tolist())


def _moved(lattice: Voxels, box: NDArray[np.int64]) -> NDArray[np.float64]:
    """(4, 4) of a lattice that begins where a box does."""
    matrix = np.array(lattice.index_to_lps, float)
    matrix[:3, 3] = apply_matrix(matrix, box[0].astype(float))
    return matrix


def _cut(voxels: Voxels, box: NDArray[np.int64]) -> NDArray[np.bool_]:
    """What is inside, on the voxels of a box that may reach beyond."""
    size = (box[1] - box[0] + 1)[::-1]
    cut = np.zeros(size, bool)
    ends = np.array(voxels.dimensions)
    first, last = np.maximum(box[0], 0), np.minimum(box[1] + 1, ends)
    if (last > first).all():
        target = tuple(slice(*pair) for pair in zip((first - box[0])[::-1], (last - box[0])[::-1], strict=True))
        source = tuple(slice(*pair) for pair in zip(first[::-1], last[::-1], strict=True))
        cut[target] = voxels.array[source]
    return cut


def _sampled(
    source: Voxels, lattice: Voxels, box: NDArray[np.int64], map_points: PointMap
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which voxels of a box map into what is inside, by the nearest voxel; and where nothing is said."""
    ni, nj, nk = (box[1] - box[0] + 1).tolist()
    require_memory(2 * _count(box), f"masks of {ni} × {nj} × {nk} voxels")
    to_lps, to_source = _moved(lattice, box), np.linalg.inv(source.index_to_lps)
    inside, undefined = np.zeros((2, nk, nj, ni), bool)
    plane, limits = plane_indices(ni, nj), np.array(source.dimensions)
    for k in range(nk):
        mapped = map_points(apply_matrix(to_lps, np.column_stack([plane, np.full(len(plane), k)])))
        known = np.isfinite(mapped).all(axis=1)
        index = np.full((len(plane), 3), -1, np.int64)
        index[known] = np.floor(apply_matrix(to_source, mapped[known]) + 0.5)
        within = ((index >= 0) & (index < limits)).all(axis=1)
        i, j, layer = index[within].T
        found = np.zeros(len(plane), bool)
        found[within] = source.array[layer, j, i]
        inside[k], undefined[k] = found.reshape(nj, ni), ~known.reshape(nj, ni)
    return inside, undefined
