"""Frames of reference that an RT Structure Set relates to others: a registration in an unusual place, named here.

The elements were retired in favour of Spatial Registration objects (PS3.3 C.8.8.5, 2007); some files still have them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from ...dicom.identity import identities_in
from ...dicom.tags import FRAME_OF_REFERENCE_UID, TRANSFORMATION_MATRIX, element_name
from ...dicom.values import numbers, text
from ...dicom.wanted_elements import Items, read_elements
from ...findings import Finding
from ...findings.about import about_file
from ...words import plural

MODALITY = "RTSTRUCT"
REFERENCED_FRAMES, RELATIONSHIPS = 0x30060010, 0x300600C0
_RELATED_FRAME, _TYPE = 0x300600C2, 0x300600C4
_WANTED = (FRAME_OF_REFERENCE_UID, REFERENCED_FRAMES, RELATIONSHIPS, _RELATED_FRAME, _TYPE, TRANSFORMATION_MATRIX)


@dataclass(frozen=True)
class FrameRelationship:
    """An item of Frame of Reference Relationship Sequence (3006,00C0)."""

    frame_uid: str
    """The frame it stands in."""
    related_frame_uid: str
    """Related Frame of Reference UID (3006,00C2): the matrix takes its points into the frame."""
    kind: str
    """Frame of Reference Transformation Type (3006,00C4), HOMOGENEOUS by the standard."""
    matrix: np.ndarray | None
    """(4, 4) LPS mm; None where it is missing or cannot be read."""


def read_frame_relationships(path: str | PathLike[str]) -> tuple[FrameRelationship, ...]:
    """Read which frames a structure set relates; contours are not touched.

    Raises FileError when the file cannot be read.
    """
    root = read_elements(Path(path), _WANTED, up_to=REFERENCED_FRAMES).root
    identities = identities_in(path)
    found = []
    for frame in root.sequence(REFERENCED_FRAMES):
        uid = text(frame.get(FRAME_OF_REFERENCE_UID))
        for item in frame.sequence(RELATIONSHIPS):
            related, kind = text(item.get(_RELATED_FRAME)), identities.masked(text(item.get(_TYPE)))
            found.append(FrameRelationship(uid, related, kind, _matrix(item)))
    return tuple(found)


def _matrix(item: Items) -> np.ndarray | None:
    element = item.get(TRANSFORMATION_MATRIX)
    values = numbers(element) if element is not None else None
    if values is None or len(values) != 16 or not np.isfinite(values).all():
        return None
    return np.array(values).reshape(4, 4)


def relationship_findings(path: str | PathLike[str]) -> list[Finding]:
    """Tell that a structure set relates frames, which nothing here applies.

    Raises FileError when the file cannot be read.
    """
    found = read_frame_relationships(path)
    if not found:
        return []
    pairs = "; ".join(
        f"{relation.related_frame_uid or 'missing'} to {relation.frame_uid or 'missing'}" for relation in found[:5]
    )
    message = (
        f"The structure set holds {element_name(RELATIONSHIPS)}: {plural(len(found), 'frame')} of reference related "
        f"to another ({pairs}). That is a registration in a retired place: named, not applied."
    )
    name = os.path.basename(path)
    evidence = {"file": os.fspath(path), "relationships": len(found)}
    return [Finding("reg-not-read", "info", message, about_file(path, name), evidence)]
