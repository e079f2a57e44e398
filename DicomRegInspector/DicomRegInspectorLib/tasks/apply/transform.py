"""A registration as it is applied: which way it is gone through, and what an object made by it says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Protocol

import numpy as np

from ...registration import Mapping, Registration, RegistrationItem
from ...registration.choose import choose_item
from ...registration.conventions import NOTHING_ASSUMED, Assumed
from ...registration.file.write.dicom_object import Reference
from ..chain import read_in_a_row
from ..named_mapping import NamedMapping, named_item

Place = str | PathLike[str]


@dataclass(frozen=True, eq=False)
class Moved:
    """Points at another place."""

    points: np.ndarray
    """(n, 3) LPS mm; NaN where there is no place for them."""
    residual_mm: np.ndarray | None = None
    """(n,) how far from the given point the one found maps; NaN where that is undefined. None: mapped, not searched."""


class Pulling(Protocol):
    """What an image can be sampled through: a :class:`Transform`, or a node of a scene."""

    @property
    def mapping(self) -> Mapping:
        """From the registered to the source frame."""

    @property
    def inverse(self) -> bool:
        """Whether it is gone through from the registered to the source frame."""

    def pull(self, points: np.ndarray) -> Moved:
        """Find for places (n, 3) of the output where in the input their values are looked up, LPS mm."""


class Way:
    """What things go through from the source to the registered frame, or back."""

    inverse: bool
    """From the registered to the source frame."""

    @property
    def _gone_through(self) -> RegistrationItem | Mapping:
        """What maps from the registered to the source frame, LPS mm."""
        raise NotImplementedError

    @property
    def sides(self) -> tuple[str, str]:
        """What the frames of input and output are called."""
        return ("registered", "source") if self.inverse else ("source", "registered")

    @property
    def direction(self) -> str:
        """In words: ``from the source to the registered frame``."""
        return "from the {} to the {} frame".format(*self.sides)

    def pull(self, points: np.ndarray) -> Moved:
        """Find for places (n, 3) of the output where in the input their values are looked up, LPS mm."""
        return self._inverse(points) if self.inverse else Moved(self._gone_through.map_points(points))

    def push(self, points: np.ndarray) -> Moved:
        """Move points (n, 3) of the input to where they lie in the output, LPS mm."""
        return Moved(self._gone_through.map_points(points)) if self.inverse else self._inverse(points)

    def _inverse(self, points: np.ndarray) -> Moved:
        result = self._gone_through.map_points_inverse(points)
        return Moved(result.points, result.residual_mm)


@dataclass(frozen=True, eq=False)
class Transform(Way):
    """An item of a registration, and whether what it is applied to goes from source to registered frame or back."""

    registration: Registration
    item: RegistrationItem
    inverse: bool = False
    """From the registered to the source frame."""
    then: tuple[str, ...] = ()
    """What points of the registered frame go on through, as it was named."""
    note: str = ""
    """How the item was chosen, where there were several."""

    @property
    def mapping(self) -> Mapping:
        """From the registered to the source frame, LPS mm."""
        return self.item.mapping

    @property
    def _gone_through(self) -> RegistrationItem:
        return self.item

    @property
    def subject(self) -> NamedMapping:
        """The item as findings name it."""
        return named_item(self.item, self.registration)

    @property
    def input_frame_uid(self) -> str:
        """Frame of Reference UID of what it is applied to; empty where nothing tells."""
        return self.item.registered_frame_uid if self.inverse else self.item.source_frame_uid

    @property
    def output_frame_uid(self) -> str:
        """Frame of Reference UID of what comes out; empty where nothing tells."""
        return self.item.source_frame_uid if self.inverse else self.item.registered_frame_uid

    @property
    def references(self) -> tuple[Reference, ...]:
        """The registration object, for what refers to it; none where it is no DICOM object, or not all that is used."""
        own = self.registration
        if not (own.sop_class_uid and own.sop_instance_uid) or self.then:
            return ()
        return (Reference(own.sop_class_uid, own.sop_instance_uid, own.series_uid, own.study_uid),)

    @property
    def is_rigid_or_affine(self) -> bool:
        """Whether it has no field."""
        return self.mapping.grid is None

    @property
    def description(self) -> str:
        """What was done, in words that name nobody: for Derivation Description (0008,2111) and reports."""
        own = self.registration
        called = f"{own.format} transform"
        if self.then:
            called = f"{1 + len(self.then)} transforms in a row"
        elif own.sop_instance_uid:
            called = f"DICOM registration {own.sop_instance_uid}"
        count = len(own.items)
        which = f", item {self.item.number} of {count}" if count > 1 else ""
        return f"{self.direction} by {called}{which} ({self.mapping.description})"


def read_transform(
    path: Place,
    *,
    then: Sequence[Place] = (),
    assumed: Assumed = NOTHING_ASSUMED,
    item: int | None = None,
    inverse: bool = False,
) -> Transform:
    """Read a registration, or any other transform that the library reads, to apply it.

    Parameters
    ----------
    then
        Further ones that points of the registered frame go on through; see :func:`..chain.read_in_a_row`.
    assumed
        What a file leaves open.
    item
        Of several, counting from 1.
    inverse
        Apply it from the registered to the source frame.

    Raises
    ------
    FileError
        When it cannot be read or used.
    UsageError
        When there is no such item, or several could be meant.
    """
    registration = read_in_a_row(path, tuple(then), assumed)
    choice = choose_item(registration, item)
    choice.item.require_usable()
    return Transform(registration, choice.item, inverse, tuple(map(str, then)), choice.note)
