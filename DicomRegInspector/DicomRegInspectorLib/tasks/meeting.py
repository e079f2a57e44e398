"""Whether the images of both sides meet under an item at all: geometry alone, before any voxel is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import product

import numpy as np

from ..findings import Finding
from ..registration import Mapping, RegistrationItem
from ..registration.mapping import MappingError
from ..registration.matrices import is_identity
from ..space import apply_matrix
from ..words import millimetres
from .boxes import Box, are_apart, gap_mm
from .item_images import ItemImages, StackAtHand, names_of

LATTICE = 9
"""Parts along each edge of the registered image whose places are looked up; shares come out within some 6 %."""
FINE_LATTICE = 33
"""The same, where a field has sent none of them into the source image and it might lie between them."""
MOST_PAIRS = 100
"""Pairs of images that are looked at, once two of them meet."""
APART_MM = 0.5
"""Distance from which images do not meet: pixel edges and rounded corners touch."""


@dataclass(frozen=True, eq=False)
class Meeting:
    """Where a registered image goes, beside a source image."""

    registered: StackAtHand
    source: StackAtHand
    share: float
    """Of the registered image (of a field: of its nodes in it), 0 to 1, what lands inside the source image."""
    gap_mm: float
    """Distance between the two where they have no place in common; 0 where they may have one."""
    others: tuple[tuple[str, float], ...] = ()
    """Where they do not meet: other readings under which they would, in words, with their shares."""


@dataclass(frozen=True, eq=False)
class Meetings:
    """What was looked up for an item."""

    pairs: tuple[Meeting, ...] = ()
    unchecked: str = ""
    """Why nothing was; empty where something was, and where there is nothing to ask."""

    @property
    def best(self) -> Meeting | None:
        """The pair that meets best; else the one that lies nearest."""
        return max(self.pairs, key=lambda pair: (pair.gap_mm == 0, pair.share, -pair.gap_mm), default=None)


def meetings_of(item: RegistrationItem, images: ItemImages) -> Meetings:
    """Look up where the registered images of an item land.

    Parameters
    ----------
    images
        Of both sides.

    Raises
    ------
    FileError
        When the file is gone or has changed since it was opened.
    """
    if item.problem is not None:
        return Meetings(unchecked="the item cannot be used")
    if not images.registered or not images.source:
        role = "registered" if not images.registered else "moved"
        return Meetings(unchecked=f"no image of the {role} side is here")
    if images.are_the_same:
        return Meetings()
    if item.source_frame_uid and images.source_frames - {item.source_frame_uid}:
        return Meetings(unchecked="the images it refers to are not of its frame")
    pairs: list[Meeting] = []
    samples = cache(partial(_sampled_nodes, item.mapping))
    for registered, source in product(images.registered, images.source):
        meeting = _meeting(item.mapping, registered, source, samples)
        if meeting is not None:
            pairs.append(meeting)
        if len(pairs) >= MOST_PAIRS and any(pair.gap_mm == 0 for pair in pairs):
            break
    if pairs:
        return Meetings(tuple(pairs))
    if item.grid is not None:
        return Meetings(unchecked="no defined vector of the grid lies in the image")
    return Meetings(unchecked="the size of pixels is not known")


def meeting_finding(item: RegistrationItem, meetings: Meetings) -> list[Finding]:
    """Return ``reg-images-apart`` when no pair of images of both sides has a place in common."""
    best = meetings.best
    if best is None or best.gap_mm == 0:
        return []
    registered, source = (names_of([side])[0] for side in (best.registered, best.source))
    message = (
        f"Under this item the registered image, {registered}, lands {millimetres(best.gap_mm, 1)} mm beside the image "
        f"it is to be compared with, {source}: no point of the one lies in the other"
    )
    if len(meetings.pairs) > 1:
        message += f", nor do any other two of the {len(meetings.pairs)} pairs of images meet"
    if best.others:
        message += f". With {best.others[0][0]}, {100 * best.others[0][1]:.3g} % of it would land inside"
    evidence = {
        "file": str(item.path),
        "registered_series_instance_uid": best.registered.series.series_instance_uid,
        "source_series_instance_uid": best.source.series.series_instance_uid,
        "inside_percent": 0.0,
        "gap_mm": best.gap_mm,
        "pairs": len(meetings.pairs),
        "other_readings_inside_percent": {name: 100 * share for name, share in best.others},
    }
    return [Finding("reg-images-apart", "error", f"{message}.", item.subject, evidence)]


def _meeting(
    mapping: Mapping, registered: StackAtHand, source: StackAtHand, samples: Callable[[int], _Samples]
) -> Meeting | None:
    box, other = registered.box, source.box
    if box is None or other is None:
        return None
    if mapping.grid is None:
        return _by_matrix(mapping, registered, source, box, other)
    for count in (LATTICE, FINE_LATTICE):
        nodes = _nodes_in(box, samples(count))
        if nodes is None:
            return None
        mapped = apply_matrix(mapping.post, apply_matrix(mapping.pre, nodes.points) + nodes.vectors)
        share = float(other.holds(mapped)[nodes.inside].mean()) if nodes.inside.any() else 0.0
        gap = float(other.distance_mm(mapped).min())
        if share > 0 or gap == 0:
            break
        # Between nodes lie points that are mapped no farther from the nearest of them than half a cell.
        sure = gap - _half_a_cell(mapped, nodes)
        if sure > APART_MM:
            return Meeting(registered, source, 0.0, sure, tuple(_other_readings(mapping, nodes, other)))
    return Meeting(registered, source, share, 0.0)


def _by_matrix(mapping: Mapping, registered: StackAtHand, source: StackAtHand, box: Box, other: Box) -> Meeting | None:
    try:
        matrix = mapping.affine
    except MappingError:
        return None
    cells = box.cells(LATTICE)

    def share(reading: np.ndarray) -> float:
        return float(other.holds(apply_matrix(reading, cells)).mean())

    if not are_apart(box, other, matrix, APART_MM):
        return Meeting(registered, source, share(matrix), 0.0)
    readings = []
    if abs(np.linalg.det(matrix[:3, :3])) > 1e-12:
        inverse = np.linalg.inv(matrix)
        if not are_apart(box, other, inverse, APART_MM):
            readings.append(("the matrix read the other way round (its inverse)", share(inverse)))
        gap = gap_mm(box, other, matrix)
    else:
        gap = float(other.distance_mm(apply_matrix(matrix, box.lattice(LATTICE))).min())
    return Meeting(registered, source, 0.0, gap, tuple(readings))


@dataclass(frozen=True, eq=False)
class _Samples:
    """Nodes spread over a grid, with their vectors; LPS mm."""

    points: np.ndarray
    """(a, b, c, 3)"""
    vectors: np.ndarray
    """(a, b, c, 3)"""
    cell_mm: float
    """Diagonal of the cells between them."""


@dataclass(frozen=True, eq=False)
class _Nodes:
    """Nodes with defined vectors in an image, or no farther from it than the next node; LPS mm."""

    points: np.ndarray
    """(n, 3)"""
    vectors: np.ndarray
    inside: np.ndarray
    """(n,) whether in the box itself."""
    use: np.ndarray
    """(a, b, c) which of the samples they are."""


def _sampled_nodes(mapping: Mapping, count: int) -> _Samples:
    """Up to count³ nodes, outermost ones included; slices are read from the file one by one."""
    axes = [
        np.unique(np.linspace(0, size - 1, min(size, count)).round().astype(int)) for size in mapping.grid.dimensions
    ]
    i, j, k = axes
    read = mapping.field.open_slices()
    vectors = np.stack([read(int(index))[np.ix_(j, i)].astype(float) for index in k])
    index = np.stack(np.meshgrid(k, j, i, indexing="ij"), axis=-1)[..., ::-1]
    cell = np.array([np.diff(axis).max(initial=0) for axis in axes]) * mapping.grid.spacing_mm
    return _Samples(apply_matrix(mapping.index_to_lps, index.astype(float)), vectors, float(np.linalg.norm(cell)))


def _nodes_in(box: Box, samples: _Samples) -> _Nodes | None:
    distance = box.distance_mm(samples.points.reshape(-1, 3)).reshape(samples.points.shape[:3])
    use = np.isfinite(samples.vectors).all(axis=-1) & (distance <= samples.cell_mm)
    if not use.any():
        return None
    return _Nodes(samples.points[use], samples.vectors[use], distance[use] <= 1e-6, use)


def _half_a_cell(mapped: np.ndarray, nodes: _Nodes) -> float:
    """How far a point between nodes can be mapped from the nearest of them, by what neighbours lie apart."""
    whole = np.full((*nodes.use.shape, 3), np.nan)
    whole[nodes.use] = mapped
    reach = 0.0
    for axis in range(3):
        steps = np.linalg.norm(np.diff(whole, axis=axis), axis=-1)
        reach += float(np.nanmax(steps, initial=0.0)) / 2 if np.isfinite(steps).any() else 0.0
    return reach


def _other_readings(mapping: Mapping, nodes: _Nodes, box: Box) -> Iterator[tuple[str, float]]:
    """Readings under which nodes of the image would land in a box, with their shares, the largest first."""
    pre, post = mapping.pre, mapping.post
    singular = [abs(np.linalg.det(matrix[:3, :3])) < 1e-12 for matrix in (pre, post)]
    inverse = [matrix if bad else np.linalg.inv(matrix) for matrix, bad in zip((pre, post), singular, strict=True)]
    points, vectors = nodes.points[nodes.inside], nodes.vectors[nodes.inside]
    has_pre, has_post = (not is_identity(matrix) for matrix in (pre, post))
    readings = []
    if has_post:
        readings.append(("the post-deformation matrix inverted", (pre, vectors, inverse[1])))
    if has_pre:
        readings.append(("the pre-deformation matrix inverted", (inverse[0], vectors, post)))
    if has_pre and has_post:
        readings.append(("both matrices inverted", (inverse[0], vectors, inverse[1])))
    readings.append(("the whole registration read the other way round", (inverse[1], -vectors, inverse[0])))
    if not len(points):
        return
    shares = [
        (name, float(box.holds(apply_matrix(last, apply_matrix(first, points) + change)).mean()))
        for name, (first, change, last) in readings
    ]
    yield from sorted((each for each in shares if each[1] > 0), key=lambda each: -each[1])
