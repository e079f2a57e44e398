"""Spatial Fiducials objects: sets of named points, one set for each frame of reference (PS3.3 C.21)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ...dicom import tags
from ...dicom.values import numbers, text
from ...dicom.wanted_elements import Element, Items
from ...privacy import NOBODY, Identities


@dataclass(frozen=True)
class Landmark:
    """A named point."""

    name: str
    position_lps_mm: tuple[float, float, float]
    shape: str = field(default="", compare=False)
    """Shape Type (0070,0306) as the file has it; empty where it is not known."""


@dataclass(frozen=True)
class FiducialSet:
    """The fiducials of one frame of reference that have a place in it."""

    frame_uid: str
    """Frame of Reference UID (0020,0052) of the set; empty when only referenced images tell."""
    landmarks: tuple[Landmark, ...]
    """Points by Fiducial Identifier (0070,0310), LPS mm; of a shape with several points, their mean."""
    without_place: tuple[str, ...]
    """Identifiers of fiducials that are only marked on images (Graphic Coordinates Data) or cannot be read."""
    shapes_without_place: tuple[str, ...] = ()
    """Their Shape Types."""

    def masked(self, identities: Identities) -> FiducialSet:
        """Return it with identifiers that name none of these people."""
        landmarks = tuple(replace(landmark, name=identities.masked(landmark.name)) for landmark in self.landmarks)
        return replace(self, landmarks=landmarks, without_place=tuple(map(identities.masked, self.without_place)))


def read_fiducial_sets(root: Items, identities: Identities = NOBODY) -> tuple[FiducialSet, ...]:
    """Return all sets of a Spatial Fiducials object, whose words name none of these people."""
    character_sets = root.get(tags.SPECIFIC_CHARACTER_SET)
    sets = []
    for item in root.sequence(tags.FIDUCIAL_SET_SEQUENCE):
        placed, unplaced, shapes = [], [], []
        for number, fiducial in enumerate(item.sequence(tags.FIDUCIAL_SEQUENCE), 1):
            name = identities.masked(text(fiducial.get(tags.FIDUCIAL_IDENTIFIER), character_sets))
            name = name or f"fiducial {number}"
            shape = identities.masked(text(fiducial.get(tags.SHAPE_TYPE)))
            position = _position(fiducial.get(tags.CONTOUR_DATA))
            if position is None:
                unplaced.append(name)
                shapes.append(shape)
            else:
                placed.append(Landmark(name, position, shape))
        frame = text(item.get(tags.FRAME_OF_REFERENCE_UID))
        sets.append(FiducialSet(frame, tuple(placed), tuple(unplaced), tuple(shapes)))
    return tuple(sets)


def _position(element: Element | None) -> tuple[float, float, float] | None:
    """The mean of Contour Data's points; None when they cannot be read (PS3.3 C.21.1.1)."""
    values = numbers(element) if element is not None else None
    if not values or len(values) % 3 or any(value != value or abs(value) == float("inf") for value in values):
        return None
    count = len(values) // 3
    x, y, z = (sum(values[axis::3]) / count for axis in range(3))
    return x, y, z
