"""A structure brought to another place by a mapping: points one by one, closed surfaces cut anew by the slices there.

Contours that were planar are not any more after a deformation, and no closed planar contours then. So the surface that
they lie on is cut by the slices of the target: the place of each point there is looked up in the source, exactly, and
it is on a contour where the surface is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..progress import Progress
from ..registration.measures.folded import folded_share
from .model import Contour
from .planes import ContourPlanes, planes_of
from .resample import ImagePlane, contours_of_voxels, contours_on_planes
from .signed_distance import SignedDistance, signed_distance
from .structure import Structure

PointMap = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Places (n, 3) LPS mm of points (n, 3); NaN where there are none."""

MOST_PITCH_MM = 1.0
"""Between places that are looked at for contours."""
_PER_SIDE = 150
SAMPLES = 20_000
"""Points inside a structure at which is measured what has no place, and where the mapping folds."""
KEPT_MM = 0.005
"""A contour whose points come to lie no farther than this from a slice is one of that slice as it is."""


@dataclass(frozen=True)
class Ways:
    """A mapping between the frame that structures are in, and the one that they are brought to."""

    push: PointMap
    """From the structures' frame to the target's."""
    pull: PointMap
    """Back."""
    mapped: PointMap
    """From the registered to the source frame: the one of both that is evaluated, not searched for."""
    to_registered: bool
    """Whether the target is the registered frame."""


@dataclass(frozen=True, eq=False)
class Carried:
    """A structure at its new place, and how much of it could not be brought there."""

    structure: Structure
    volume_before_mm3: float
    volume_after_mm3: float
    resampled: bool = False
    """Whether closed contours were cut anew."""
    samples: int = 0
    """Points inside that the shares were measured at."""
    undefined_share: float = 0.0
    """Of the volume that has no place there."""
    outside_share: float = 0.0
    """Of the volume that lies beyond the slices there."""
    folded_share: float | None = None
    """Of places inside the structure, in the registered frame, where the mapping folds; None where none was defined."""
    lost_points: int = 0
    """Points of open contours, and single ones, that have no place."""
    left_planes: int = 0
    """OPEN_PLANAR contours that lie in no plane any more, OPEN_NONPLANAR now."""


def carry(
    structure: Structure,
    pushed: NDArray[np.float64],
    ways: Ways,
    planes: Sequence[ImagePlane],
    spacing_mm: float | None,
    progress: Progress | None = None,
) -> Carried:
    """Bring a structure along a mapping.

    Parameters
    ----------
    pushed
        (n, 3) where the points of all its contours come to lie, in their order; see :func:`contours_of`.
    planes
        Slices of the target, parallel, in the order of their heights.
    spacing_mm
        Between these slices.
    """
    contours = contours_of(structure)
    moved = _split(pushed, contours)
    lines, lost, left = _lines(contours, moved, planes)
    closed = [number for number, contour in enumerate(contours) if contour.is_closed]
    before = structure.volume_mm3
    carried = Carried(replace(structure, contours=tuple(lines), voxels=None), before, 0.0, False, 0, lost_points=lost)
    carried = replace(carried, left_planes=left)
    source = structure.planes if structure.voxels is None else planes_of(contours, _own_spacing(structure))
    if not source.planes:
        return carried
    source = source.with_spacing(structure.spacing_mm or spacing_mm or 1.0)
    surface = signed_distance(source)
    kept = _kept(contours, moved, closed, planes) if structure.voxels is None else None
    if kept is None:
        is_exclusive = structure.voxels is None and any(
            contour.geometric_type == "CLOSEDPLANAR_XOR" for contour in contours
        )
        closed_now = _cut(surface, ways, moved, closed, planes, is_exclusive, progress)
    else:
        closed_now = kept
    whole = replace(carried.structure, contours=(*closed_now, *lines), spacing_mm=spacing_mm)
    inside = _samples(surface)
    missing, outside = _missing(inside, ways, planes, spacing_mm)
    return replace(
        carried,
        structure=whole,
        volume_after_mm3=whole.volume_mm3,
        resampled=kept is None,
        samples=len(inside),
        undefined_share=missing,
        outside_share=outside,
        folded_share=folded_share(ways.mapped, _registered(inside, surface, ways, whole)),
    )


def contours_of(structure: Structure) -> tuple[Contour, ...]:
    """Return a structure's contours; of one made of voxels those around them."""
    return structure.contours if structure.voxels is None else tuple(contours_of_voxels(structure.voxels))


def _own_spacing(structure: Structure) -> float | None:
    return None if structure.voxels is None else float(np.linalg.norm(structure.voxels.index_to_lps[:3, 2]))


def _split(points: NDArray[np.float64], contours: Sequence[Contour]) -> list[NDArray[np.float64]]:
    ends = np.cumsum([len(contour.points) for contour in contours])
    return np.split(points, ends[:-1]) if len(contours) else []


def _lines(
    contours: Sequence[Contour], moved: Sequence[NDArray[np.float64]], planes: Sequence[ImagePlane]
) -> tuple[list[Contour], int, int]:
    """Points and open contours at their new places; how many points have none, and contours lie in no plane now."""
    found: list[Contour] = []
    lost = left = 0
    for contour, points in zip(contours, moved, strict=True):
        if contour.is_closed:
            continue
        there = np.isfinite(points.sum(axis=1))
        lost += int(np.count_nonzero(~there))
        kind = contour.geometric_type
        # Where points are missing the line is broken there: nothing is drawn across.
        breaks = np.flatnonzero(np.diff(there.astype(int)))
        for part in np.split(np.arange(len(points)), breaks + 1):
            if not len(part) or not there[part[0]] or (kind != "POINT" and len(part) < 2):
                continue
            plane = _plane_of(points[part], planes)
            own = kind
            if kind == "OPEN_PLANAR" and plane is None and not _is_planar(points[part]):
                own, left = "OPEN_NONPLANAR", left + 1
            found.append(_on(plane, points[part], own))
    return found, lost, left


def _is_planar(points: NDArray[np.float64]) -> bool:
    if len(points) < 4:
        return True
    singular = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(singular[-1] <= KEPT_MM * np.sqrt(len(points)))


def _on(plane: ImagePlane | None, points: NDArray[np.float64], kind: str) -> Contour:
    images = () if plane is None or plane.image is None else (plane.image,)
    return Contour(points, kind, images, None if plane is None else plane.frame_number)


def _plane_of(points: NDArray[np.float64], planes: Sequence[ImagePlane]) -> ImagePlane | None:
    """The slice that points lie in; None where they lie in none."""
    if not planes or not np.isfinite(points).all():
        return None
    heights = points @ planes[0].normal
    at = _heights(planes)
    nearest = int(np.abs(at - heights[0]).argmin())
    return planes[nearest] if np.abs(heights - at[nearest]).max() <= KEPT_MM else None


def _heights(planes: Sequence[ImagePlane]) -> NDArray[np.float64]:
    return np.array([plane.index_to_lps[:3, 3] @ planes[0].normal for plane in planes])


def _kept(
    contours: Sequence[Contour],
    moved: Sequence[NDArray[np.float64]],
    closed: Sequence[int],
    planes: Sequence[ImagePlane],
) -> list[Contour] | None:
    """The closed contours with their points moved, where all lie in slices and every slice between has some."""
    found, used = [], set()
    for number in closed:
        plane = _plane_of(moved[number], planes)
        if plane is None:
            return None
        used.add(planes.index(plane))
        found.append(_on(plane, moved[number], contours[number].geometric_type))
    return found if used and len(used) == max(used) - min(used) + 1 else None


def _cut(
    surface: SignedDistance,
    ways: Ways,
    moved: Sequence[NDArray[np.float64]],
    closed: Sequence[int],
    planes: Sequence[ImagePlane],
    is_exclusive: bool,
    progress: Progress | None,
) -> list[Contour]:
    """The closed contours in which the slices cut the surface at its new place."""
    ends = ways.push(_ends(surface.planes))
    every = np.concatenate([*(moved[number] for number in closed), ends])
    every = every[np.isfinite(every).all(axis=1)]
    if not len(every):
        return []
    box = np.stack([every.min(axis=0), every.max(axis=0)])
    pitch = min(MOST_PITCH_MM, max(float(np.sort(np.ptp(every, axis=0))[1]) / _PER_SIDE, 0.02))
    # Between the points of a polygon, and of caps, a deformed surface may bulge.
    box += np.array([[-2.0], [2.0]]) * max(pitch, 1.0)
    return contours_on_planes(
        lambda points: surface.at(ways.pull(points)), planes, box, pitch, exclusive=is_exclusive, progress=progress
    )


def _ends(planes: ContourPlanes) -> NDArray[np.float64]:
    """Points of the outlines where the slabs of planes end, and no other begins."""
    found = [np.empty((0, 3))]
    last = len(planes.planes) - 1
    for number, plane in enumerate(planes.planes):
        goes_on = (number > 0 and planes.is_joined(number - 1), number < last and planes.is_joined(number))
        for side in (0, 1):
            if goes_on[side]:
                continue
            shift = (planes.slabs_mm[number, side] - plane.height_mm) * planes.axes[2]
            found.extend(polygon + shift for group in plane.groups for polygon in group)
    return np.concatenate(found)


def _missing(
    inside: NDArray[np.float64], ways: Ways, planes: Sequence[ImagePlane], spacing_mm: float | None
) -> tuple[float, float]:
    """Shares of points inside a structure that have no place, and that come to lie above or below the slices."""
    if not len(inside):
        return 0.0, 0.0
    pushed = ways.push(inside)
    there = pushed[np.isfinite(pushed.sum(axis=1))]
    outside = 0
    if planes:
        at, half = _heights(planes), (spacing_mm or 0.0) / 2
        height = there @ planes[0].normal
        outside = int(np.count_nonzero((height < at.min() - half) | (height > at.max() + half)))
    return 1 - len(there) / len(inside), outside / len(inside)


def _registered(
    inside: NDArray[np.float64], surface: SignedDistance, ways: Ways, whole: Structure
) -> NDArray[np.float64]:
    """Points of the registered frame inside a structure: where a mapping folds, a search may pass them over."""
    if not ways.to_registered:
        return inside
    box = whole.box()
    if box is None:
        return np.empty((0, 3))
    points = _spread(box[0], box[1], 2 * SAMPLES)
    return points[surface.at(ways.pull(points)) > 0]


def _samples(surface: SignedDistance) -> NDArray[np.float64]:
    """Points (n, 3) LPS mm spread evenly over the inside of a surface."""
    slabs = surface.planes.slabs_mm
    low = np.append(surface.low_mm, slabs[:, 0].min())
    high = np.append(surface.high_mm, slabs[:, 1].max())
    points = _spread(low, high, 4 * SAMPLES) @ surface.planes.axes
    return points[surface.at(points) > 0][:SAMPLES]


def _spread(low: NDArray[np.float64], high: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Points (count, 3) spread evenly over a box, the same each time.

    (Additive sequence of the plastic number's generalization: Roberts, "The unreasonable effectiveness of
    quasirandom sequences", 2018.)
    """
    root = 1.2207440846057596
    share = np.mod(0.5 + np.arange(1, count + 1)[:, None] / root ** np.arange(1, 4), 1.0)
    return low + share * (high - low)
