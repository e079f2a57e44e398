"""Which images at hand each item of a registration is about: by its frames of reference, or by what it refers to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .boxes import Box, box_of_stack

if TYPE_CHECKING:
    from ..registration import Registration, RegistrationItem
    from ..series import Series, Stack


@dataclass(frozen=True, eq=False)
class StackAtHand:
    """A stack of an inspected series, and what it is called there."""

    number: int
    """Of its series, from 1."""
    series: Series
    stack: Stack

    @cached_property
    def box(self) -> Box | None:
        """The box that it fills; None where the size of its pixels is not known."""
        return box_of_stack(self.stack)


def names_of(stacks: Iterable[StackAtHand]) -> list[str]:
    """Return ``series 2``, or with the stack's label where not all of the series is meant; each series once."""
    names = []
    by_series: dict[int, list[StackAtHand]] = {}
    for at_hand in stacks:
        by_series.setdefault(at_hand.number, []).append(at_hand)
    for number, group in sorted(by_series.items()):
        whole = sum(not stack.is_localizer for stack in group[0].series.stacks)
        labels = [at_hand.stack.label for at_hand in group]
        part = f" ({', '.join(labels)})" if len(group) < whole and all(labels) else ""
        names.append(f"series {number}{part}")
    return names


def series_uids(stacks: Iterable[StackAtHand]) -> list[str]:
    """Return series Instance UIDs of stacks, each once."""
    return list(dict.fromkeys(stack.series.series_instance_uid for stack in stacks))


def corners_of(stacks: Iterable[StackAtHand]) -> tuple[np.ndarray, str] | None:
    """Return corners (8 n, 3) of the boxes of stacks, LPS mm, and the stacks in words; None where no box is known."""
    known = [(stack, stack.box.corners) for stack in stacks if stack.box is not None]
    if not known:
        return None
    return np.concatenate([corners for _, corners in known]), ", ".join(names_of(stack for stack, _ in known))


@dataclass(frozen=True, eq=False)
class ItemImages:
    """The images at hand of both sides of an item; localizers are none."""

    registered: tuple[StackAtHand, ...]
    source: tuple[StackAtHand, ...]
    by_reference: bool
    """Whether the source side is what the item refers to by UID; else it is what lies in its frame."""
    found: int = 0
    """Images among those referred to that are at hand."""

    @property
    def are_the_same(self) -> bool:
        """Whether both sides are the same images: an item for the registered frame itself."""
        return {id(registered_image.stack) for registered_image in self.registered} == {
            id(source_image.stack) for source_image in self.source
        }

    @property
    def source_frames(self) -> set[str]:
        """Frame of Reference UIDs of the source side's images."""
        return {source_image.stack.frame_of_reference_uid for source_image in self.source} - {""}


class ImagesAtHand:
    """The image series of an inspection, found by frame of reference and by SOP Instance UID."""

    def __init__(self, series: Sequence[Series]) -> None:
        self.series = series
        self.stacks = [
            StackAtHand(number, series_, stack)
            for number, series_ in enumerate(series, 1)
            for stack in series_.stacks
            if not stack.is_localizer
        ]

    @cached_property
    def instance_uids(self) -> dict[str, tuple[int, ...]]:
        """SOP Instance UID of every image at hand to the stacks that it is in, by their numbers from 0."""
        found: dict[str, tuple[int, ...]] = {
            slice_.sop_instance_uid: () for series_ in self.series for slice_ in series_.slices
        }
        for index, at_hand in enumerate(self.stacks):
            own = (index,)
            for slice_ in at_hand.stack.slices:
                known = found.get(slice_.sop_instance_uid, ())
                if index not in known:
                    found[slice_.sop_instance_uid] = known + own if known else own
        found.pop("", None)
        return found

    def in_frame(self, frame_uid: str) -> list[StackAtHand]:
        """Return the stacks of a frame of reference; none of an empty one."""
        return [stack for stack in self.stacks if frame_uid and stack.stack.frame_of_reference_uid == frame_uid]

    def referred_to(self, item: RegistrationItem) -> tuple[list[StackAtHand], int]:
        """Return the stacks that hold images which an item refers to, and how many of those images are at hand."""
        known = self.instance_uids if item.images else {}
        places = [known[uid] for uid in item.images.instance_uids if uid in known]
        return [self.stacks[index] for index in sorted({index for place in places for index in place})], len(places)

    def of_items(self, registration: Registration) -> tuple[ItemImages, ...]:
        """Return the images of both sides of each item, in order.

        What an item refers to is its source side. Where items share a frame (the phases of a 4D CT), what others refer
        to is not moved by an item that refers to nothing, and the registered side is what an identity item refers to,
        or what none of the others moves.
        """
        referred = [self.referred_to(item) for item in registration.items]
        frame = registration.frame_uid
        fixed: list[StackAtHand] = []
        moved: list[StackAtHand] = []
        for item, (stacks, _) in zip(registration.items, referred, strict=True):
            (fixed if stays(item, frame) else moved).extend(stacks)
        registered = fixed or _without(self.in_frame(frame), moved)
        found = []
        for item, (stacks, count) in zip(registration.items, referred, strict=True):
            source = stacks
            if not item.images:
                others = [stack for own, _ in referred for stack in own]
                source = _without(self.in_frame(item.source_frame_uid), others)
            found.append(ItemImages(tuple(registered), tuple(source), bool(item.images), count))
        return tuple(found)


def stays(item: RegistrationItem, frame_uid: str) -> bool:
    """Tell whether an item leaves images of the registered frame, or of a frame it does not name, where they are."""
    return item.problem is None and item.mapping.is_identity and item.source_frame_uid in ("", frame_uid)


def _without(stacks: list[StackAtHand], others: list[StackAtHand]) -> list[StackAtHand]:
    """Stacks that are not among others; all of them where nothing else would be left."""
    left = [stack for stack in stacks if all(stack is not other for other in others)]
    return left or stacks
