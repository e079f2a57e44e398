"""Whether the matrices of registrations agree: in one object, forth and back, and around triangles of frames."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..findings import Finding, Severity
from ..registration import Registration, RegistrationItem
from ..registration.chain import CUBE_CORNERS, CUBE_WORDS, furthest_apart_mm
from ..registration.checks import NEAR_ZERO_MM
from ..registration.mapping import MappingError
from ..space import apply_matrix
from ..words import millimetres
from .item_images import ImagesAtHand, ItemImages, StackAtHand, corners_of, stays

DISAGREEMENT_MM = 2.0
"""Matrices for the same two frames that differ by more are told; a voxel of most CT and MR, which TG-132 takes as the
measure of a rigid registration's error (Brock et al., Med Phys 44(7), 2017)."""
MOST_TOLD = 20
"""Findings of disagreement; beyond, another matrix of the same two frames says nothing new."""

_Moved = tuple[RegistrationItem, ItemImages, float, str]
"""An item, its images, how far it moves something, mm, and what."""
End = Hashable
"""One side of a mapping: a frame of reference, or the images of one of several sets in it."""


@dataclass(frozen=True, eq=False)
class _Edge:
    """A matrix between two ends."""

    item: RegistrationItem
    matrix: np.ndarray
    """(4, 4) from the registered to the source end, LPS mm."""
    registered: End
    source: End
    images: ItemImages

    def between(self, first: End) -> np.ndarray:
        """The matrix from one of the ends to the other."""
        return self.matrix if first == self.registered else np.linalg.inv(self.matrix)

    def stacks_of(self, end: End) -> tuple[StackAtHand, ...]:
        return self.images.registered if end == self.registered else self.images.source


def agreement_findings(
    registrations: Sequence[Registration], images: Sequence[Sequence[ItemImages]], at_hand: ImagesAtHand
) -> list[Finding]:
    """Return what items without a grid say against each other.

    Parameters
    ----------
    images
        Of each registration, of each of its items, in order.
    """
    findings: list[Finding] = []
    edges: list[_Edge] = []
    ends = _Ends(registrations, images)
    for registration, own in zip(registrations, images, strict=True):
        moved = _registered_frame_findings(registration, own, at_hand)
        findings += moved
        told = {finding.about.item for finding in moved if finding.about is not None}
        edges += ends.edges(registration, own, told)
    return findings + list(_disagreements(edges))[:MOST_TOLD]


def _matrix_of(item: RegistrationItem) -> np.ndarray | None:
    """(4, 4) registered to source; None of a field, and of what cannot be used or inverted."""
    if item.problem is not None or item.mapping.grid is not None:
        return None
    try:
        matrix = item.mapping.affine
        np.linalg.inv(matrix)
    except (MappingError, np.linalg.LinAlgError):
        return None
    return matrix


def _where(edge: _Edge, start: End) -> tuple[np.ndarray, str]:
    """Points (n, 3) at one end of a matrix, and of what: of its images, of those of the other end, of a cube."""
    here = corners_of(edge.stacks_of(start))
    if here is not None:
        return here
    end = edge.source if start == edge.registered else edge.registered
    there = corners_of(edge.stacks_of(end))
    if there is not None:
        return apply_matrix(edge.between(end), there[0]), there[1]
    return CUBE_CORNERS, CUBE_WORDS


def _registered_frame_findings(
    registration: Registration, images: Sequence[ItemImages], at_hand: ImagesAtHand
) -> list[Finding]:
    """``reg-registered-frame-moved`` for items of the registered frame itself that are not the identity."""
    frame = registration.frame_uid
    matrices = [_matrix_of(item) for item in registration.items]
    still: list[_Moved] = []
    moving: list[_Moved] = []
    for item, own, matrix in zip(registration.items, images, matrices, strict=True):
        if matrix is None or item.kind != "matrix":
            continue
        points, where = corners_of(own.source or own.registered) or (CUBE_CORNERS, CUBE_WORDS)
        size = furthest_apart_mm(matrix, np.eye(4), points)
        (moving if size > NEAR_ZERO_MM else still).append((item, own, size, where))
    own_still = [item for item, *_ in still if item.source_frame_uid == frame]
    swapped = [item for item, *_ in still if item.source_frame_uid and item.source_frame_uid != frame]
    findings = []
    for item, own, size, where in moving:
        if not frame or item.source_frame_uid != frame:
            continue
        # Sets of images in one frame, phases for instance, are told apart by what the items refer to.
        if item.images and not (swapped and not own_still and len(at_hand.in_frame(frame)) <= len(own.source)):
            continue
        message = (
            f"The item is for the registered frame itself, {frame}, and moves it by up to {millimetres(size, 2)} mm "
            f"over {where}; only the identity can be right there"
        )
        if swapped:
            message += (
                f", while item {swapped[0].number}, for the frame {swapped[0].source_frame_uid}, is the identity: the "
                "two matrices seem to be swapped"
            )
        evidence = {
            "file": str(item.path),
            "frame_of_reference_uid": frame,
            "moved_mm": size,
            "identity_items": [other.number for other in swapped],
        }
        severity: Severity = "error" if swapped and not own_still else "warning"
        findings.append(Finding("reg-registered-frame-moved", severity, f"{message}.", item.subject, evidence))
    return findings


class _Ends:
    """Which frames and which sets of images in them are one end."""

    def __init__(self, registrations: Sequence[Registration], images: Sequence[Sequence[ItemImages]]) -> None:
        self._sets: dict[str, list[frozenset[Hashable]]] = defaultdict(list)
        """Frame to the sets of images in it that are referred to, those with one in common made one."""
        for registration, own in zip(registrations, images, strict=True):
            for item, of_item in zip(registration.items, own, strict=True):
                if item.images:
                    self._add(self.frame_of(item, of_item), _content(item, of_item))

    @staticmethod
    def frame_of(item: RegistrationItem, images: ItemImages) -> str:
        """Of the file, or of the images that it refers to."""
        return item.source_frame_uid or next(iter(images.source_frames), "")

    def _add(self, frame: str, content: frozenset[Hashable]) -> None:
        joined = [known for known in self._sets[frame] if known & content]
        self._sets[frame] = [known for known in self._sets[frame] if not known & content] + [content.union(*joined)]

    def _end(self, frame: str, content: frozenset[Hashable] | None, alone: bool) -> End:
        """A frame, where nothing in it is told apart; else the set that images are of."""
        if content is None or (frame and not alone and len(self._sets[frame]) < 2):
            return frame
        return next((known for known in self._sets[frame] if known & content), content)

    def edges(
        self, registration: Registration, images: Sequence[ItemImages], without: set[int | None]
    ) -> Iterator[_Edge]:
        """The matrices of an object, those of its registered frame itself left out."""
        frame = registration.frame_uid
        pairs = list(zip(registration.items, images, strict=True))
        fixed = [_content(item, own) for item, own in pairs if item.images and stays(item, frame)]
        registered = self._end(frame, fixed[0] if fixed else None, alone=False)
        for item, own in pairs:
            matrix = _matrix_of(item)
            if matrix is None or item.number in without or not frame:
                continue
            its_frame = self.frame_of(item, own)
            content = _content(item, own) if item.images else None
            source = self._end(its_frame, content, alone=its_frame == frame and not item.mapping.is_identity)
            if source and source != registered:
                yield _Edge(item, matrix, registered, source, own)


def _content(item: RegistrationItem, images: ItemImages) -> frozenset[Hashable]:
    """What an item refers to: the stacks at hand, or the images where none of them is."""
    if images.source:
        return frozenset(id(source_image.stack) for source_image in images.source)
    return frozenset(item.images.instance_uids)


def _disagreements(edges: Sequence[_Edge]) -> Iterator[Finding]:
    groups: dict[frozenset[End], list[_Edge]] = defaultdict(list)
    for edge in edges:
        groups[frozenset((edge.registered, edge.source))].append(edge)
    agreed: dict[frozenset[End], _Edge] = {}
    for pair, (first, *others) in groups.items():
        found = [finding for other in others for finding in _compared(first, other)]
        yield from found
        if not found:
            agreed[pair] = first
    yield from _around_triangles(agreed)


def _compared(first: _Edge, other: _Edge) -> Iterator[Finding]:
    points, where = _where(first, first.registered)
    apart = furthest_apart_mm(first.matrix, other.between(first.registered), points)
    if apart <= DISAGREEMENT_MM:
        return
    back = other.registered != first.registered
    how = "leads back between the same two frames" if back else "is for the same two frames"
    message = f"{_named(first.item)} {how}, and the two disagree by up to {millimetres(apart, 1)} mm over {where}."
    yield _disagreement(other.item, message, apart, [first.item])


def _around_triangles(edges: dict[frozenset[End], _Edge]) -> Iterator[Finding]:
    """Three frames, each pair of which has a matrix: two in turn should lead where the third does."""
    beside: dict[End, list[End]] = defaultdict(list)
    for pair in edges:
        first, second = pair
        beside[first].append(second)
        beside[second].append(first)
    order = {end: number for number, end in enumerate(beside)}
    for start in beside:
        later = [end for end in beside[start] if order[end] > order[start]]
        for middle, end in combinations(later, 2):
            across = edges.get(frozenset((middle, end)))
            if across is not None:
                yield from _triangle(edges[frozenset((start, middle))], across, edges[frozenset((start, end))], start)


def _triangle(first: _Edge, second: _Edge, direct: _Edge, start: End) -> Iterator[Finding]:
    middle = first.source if start == first.registered else first.registered
    points, where = _where(first, start)
    in_turn = second.between(middle) @ first.between(start)
    apart = furthest_apart_mm(in_turn, direct.between(start), points)
    if apart <= DISAGREEMENT_MM:
        return
    message = (
        f"{_named(first.item, second.item)} in turn do not lead where this item leads: they disagree "
        f"by up to {millimetres(apart, 1)} mm over {where}."
    )
    yield _disagreement(direct.item, message, apart, [first.item, second.item])


def _named(*items: RegistrationItem) -> str:
    words = " and ".join(str(item.subject) for item in items)
    return f"{words[0].upper()}{words[1:]}"


def _disagreement(item: RegistrationItem, message: str, apart: float, others: Sequence[RegistrationItem]) -> Finding:
    evidence = {
        "file": str(item.path),
        "disagreement_mm": apart,
        "tolerance_mm": DISAGREEMENT_MM,
        "other_files": [str(other.path) for other in others],
        "other_items": [other.number for other in others],
    }
    return Finding("reg-matrices-disagree", "warning", message, item.subject, evidence)
