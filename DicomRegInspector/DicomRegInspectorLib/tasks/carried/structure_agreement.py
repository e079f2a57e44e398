"""How well structures of two frames agree through a mapping: overlap, surfaces, volumes, and the field inside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...findings import Finding
from ...progress import Progress, report_progress
from ...registration.mapping import Mapping
from ...registration.measures.agreement import Agreement, centre_of, compare_masks, spacing_of
from ...registration.measures.regions import LabelImage, RegionMeasures, measure_regions
from ...registration.measures.surface_distances import border_voxels
from ...registration.nodes import Nodes
from ...space import apply_matrix
from ...structures import Structure, StructureSet, Voxels
from ...structures.checks import check_structures
from ...words import plural
from .lattice_boxes import (
    corners_of,
    cut_out,
    index_box,
    moved_lattice,
    places_box,
    sampled,
    touches_end,
    union,
    voxel_count,
)

TOLERANCE_MM = 3.0
"""Mean distance to agreement from which structures are off: the wider end of what AAPM TG-132 asks, 2 to 3 mm."""
STOPPED = "measuring was cancelled"
MOST_NAMED = 20
"""Structures that a finding names."""
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

    @property
    def is_off(self) -> bool:
        """Whether it does not come to lie where it was drawn; an empty one says nothing."""
        if not (self.fixed_voxels.array.any() and self.moving_voxels.array.any()):
            return False
        distance = self.after.mean_distance_mm
        return distance is None or distance > TOLERANCE_MM

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
    """What holds for more than one: names that several have, frames of reference that are others than the mapping's."""

    drawn: tuple[Finding, ...] = ()
    """What is odd about the structures themselves."""

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the pairs as the JSON report holds them."""
        return [pair.to_dict() for pair in self.pairs]

    def findings(self, subject: str) -> tuple[Finding, ...]:
        """Return what is odd about the structures, and which of them the registration leaves apart."""
        apart = [pair for pair in self.pairs if pair.is_off]
        if not apart:
            return self.drawn
        apart.sort(key=lambda pair: -(pair.after.mean_distance_mm or math.inf))
        worst, names = apart[0], [pair.name for pair in apart[:MOST_NAMED]]
        distance = worst.after.mean_distance_mm
        told = "nothing of it comes here" if distance is None else f"{distance:.3g} mm on average"
        rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
        message = (
            f"Carried over, {len(apart)} of {plural(len(self.pairs), 'structure')} lie more than {TOLERANCE_MM:g} mm "
            f"off: {', '.join(names[:3])}{rest}; {worst.name}: {told}."
        )
        evidence = {
            "structures": len(self.pairs),
            "tolerance_mm": TOLERANCE_MM,
            "farthest": names,
            "mean_distance_mm": distance,
            "dice": worst.after.dice,
        }
        return (*self.drawn, Finding("reg-structures-off", "warning", message, subject, evidence))


def _listed(values: NDArray[np.float64] | None) -> list[float] | None:
    return None if values is None else values.tolist()


def pair_structures(
    judging: JudgingStructures,
) -> tuple[list[tuple[Structure, Structure]], tuple[str, ...], tuple[str, ...]]:
    """Return pairs by the names told, then by equal names whatever their case; the names without a partner; remarks.

    Where several structures of a set have one name, it is not known which of them is meant: none is compared, and a
    remark says so.

    Raises
    ------
    UsageError
        When a name told is not there or there more than once, or there is no pair.
    """
    fixed, moving = _by_name(judging.fixed), _by_name(judging.moving)
    pairs = []
    for first, second in judging.pairs:
        pairs.append((_taken(fixed, first, judging.fixed), _taken(moving, second, judging.moving)))
    for key in [key for key in fixed if key in moving]:
        if len(fixed[key]) == len(moving[key]) == 1:
            pairs.append((fixed.pop(key)[0], moving.pop(key)[0]))
    unpaired = tuple(structures[0].name for rest in (fixed, moving) for structures in rest.values())
    remarks = tuple(
        f"{len(structures)} structures of the {role} frame are called {structures[0].name!r}: none of them was compared"
        for role, rest in (("registered", fixed), ("source", moving))
        for structures in rest.values()
        if len(structures) > 1
    )
    if pairs:
        return pairs, unpaired, remarks
    if remarks:
        raise UsageError(f"no structure can be compared: {'; '.join(remarks)}")
    names = [", ".join(of[0].name for of in rest.values()) or "none" for rest in (fixed, moving)]
    raise UsageError(
        f"no structure has the same name in both sets; the registered frame has {names[0]}, the source frame "
        f"{names[1]}: say which belong together"
    )


def _by_name(found: StructureSet) -> dict[str, list[Structure]]:
    named: dict[str, list[Structure]] = {}
    for structure in found.structures:
        # Points and open curves enclose nothing; what is empty is compared, and told.
        if structure.is_region or structure.is_empty:
            named.setdefault(_key(structure.name), []).append(structure)
    return named


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def _taken(named: dict[str, list[Structure]], name: str, found: StructureSet) -> Structure:
    structures = named.get(_key(name), [])
    if not structures:
        known = ", ".join(each.name for each in found.structures) or "none"
        raise UsageError(f"{found.path}: has no structure {name!r} that is left to be paired; it has {known}")
    if len(structures) > 1:
        raise UsageError(f"{found.path}: has {len(structures)} structures called {structures[0].name!r}; rename them")
    return named.pop(_key(name))[0]


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
    pairs, unpaired, remarks = pair_structures(judging)
    remarks += _about_frames(judging, frames, pairs)
    found, images = [], []
    for number, (fixed, moving) in enumerate(pairs):
        report_progress(progress, number, 2 * len(pairs), f"Rasterising {fixed.name}", STOPPED)
        own, other = as_voxels(fixed), as_voxels(moving)
        images.append(LabelImage(own.array.astype(np.uint8), own.index_to_lps, {1: fixed.name}))
        found.append((fixed, moving, own, other))
    inside: list[RegionMeasures | None] = [None] * len(pairs)
    if mapping.grid is not None:
        inside = list(measure_regions(mapping, images, progress=progress))
    compared = []
    for number, (each, region) in enumerate(zip(found, inside, strict=True), start=len(pairs)):
        report_progress(progress, number, 2 * len(pairs), f"Comparing {each[0].name}", STOPPED)
        compared.append(_compare(mapping, *each, region))
    drawn = [
        finding
        for found_set, structures in zip((judging.fixed, judging.moving), zip(*pairs, strict=True), strict=True)
        for finding in check_structures(found_set, structures)
    ]
    return StructureAgreements(tuple(compared), unpaired, remarks, tuple(drawn))


def _about_frames(
    judging: JudgingStructures, frames: tuple[str, str], pairs: Sequence[tuple[Structure, Structure]]
) -> tuple[str, ...]:
    own = judging.fixed.frame_uid, judging.moving.frame_uid
    if all(own) and all(frames) and own != frames and own == frames[::-1]:
        raise UsageError(
            f"{judging.fixed.path} is of the source frame, and {judging.moving.path} of the registered one: name them "
            "the other way round"
        )
    remarks = []
    for role, whole, wanted, compared in zip(
        ("registered", "source"), own, frames, zip(*pairs, strict=True), strict=True
    ):
        # Each structure may name a frame of its own.
        for uid in dict.fromkeys(structure.frame_uid or whole for structure in compared):
            if uid and wanted and uid != wanted:
                named = [structure.name for structure in compared if (structure.frame_uid or whole) == uid]
                whose = "the structures" if len(named) == len(compared) else ", ".join(named[:MOST_NAMED])
                remarks.append(
                    f"{whose} of the {role} frame are in another frame of reference ({uid}) than the registration’s "
                    f"{wanted}"
                )
    return tuple(remarks)


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
    box = union(index_box(own), places_box(corners_of(other), own))
    if voxel_count(box) > MOST_VOXELS:
        return None
    there, _ = sampled(other, own, box, lambda points: points)
    return compare_masks(cut_out(own, box), there, moved_lattice(own, box))


def _carried_over(mapping: Mapping, own: Voxels, other: Voxels) -> tuple[Agreement, float | None]:
    """Compare with what the mapping brings; and the share of the structure where the mapping says nothing."""
    box = index_box(own)
    border = np.argwhere(border_voxels(other.array))[:, ::-1]
    if len(border):
        some = border[:: max(1, len(border) // _SEARCHED)]
        back = mapping.map_points_inverse(apply_matrix(other.index_to_lps, some)).points
        back = back[np.isfinite(back).all(axis=1)]
        wanted = union(box, places_box(back, own)) if len(back) else box
        if voxel_count(wanted) <= MOST_VOXELS:
            box = wanted
    margin = _MARGIN
    while True:
        wide = box + np.array([[-margin], [margin]], np.int64)
        there, undefined = sampled(other, own, wide, mapping.map_points)
        if not touches_end(there) or voxel_count(wide) > MOST_VOXELS:
            break
        margin *= 3
    here = cut_out(own, wide)
    total = int(np.count_nonzero(here))
    share = int(np.count_nonzero(undefined & here)) / total if total else None
    return compare_masks(here, there, moved_lattice(own, wide)), share
