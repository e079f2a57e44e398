"""Write Spatial Fiducials objects (PS3.3 A.40, C.21): named points, a set for each frame of reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ....dicom import tags
from ....errors import UsageError
from ..fiducials import Landmark
from .dicom_object import (
    NewIdentity,
    ReferencedImages,
    dataset_of,
    decimals_of,
    new_object,
    new_uid,
    reference_item,
)
from .registrations import LONG_STRING
from .stream import save

if TYPE_CHECKING:
    from pydicom import Dataset

IDENTIFIER = 16
"""Characters of Fiducial Identifier (0070,0310), an SH element."""
DESCRIPTION = 1024
"""Of Fiducial Description (0070,030F), an ST element."""


@dataclass(frozen=True, eq=False)
class NewFiducialSet:
    """Points of one frame."""

    frame_uid: str
    landmarks: Sequence[Landmark]
    images: ReferencedImages = field(default_factory=ReferencedImages)
    """Images of the frame, which are referred to."""


def write_spatial_fiducials(
    path: str | PathLike[str],
    sets: Sequence[NewFiducialSet],
    *,
    series_description: str = "",
    content_label: str = "FIDUCIALS",
    content_description: str = "",
    identity: NewIdentity | None = None,
) -> str:
    """Write sets of points as one object; the first set's images give patient and study.

    A name that is no Fiducial Identifier, for it has more than 16 characters or is there twice, becomes the Fiducial
    Description too. Points of one name in two sets get one identifier.

    Raises UsageError when there is no point, or the file cannot be written; nothing is left of it then.

    Returns the new SOP Instance UID.
    """
    if not sets or not all(each.landmarks for each in sets):
        raise UsageError(f"{path}: a set of fiducials holds no point with a position; nothing is written")
    known = next((each.images for each in sets if each.images), ReferencedImages())
    others = tuple(reference for each in sets for reference in each.images.references)
    everything = ReferencedImages(others, known.header)
    dataset = new_object(tags.SPATIAL_FIDUCIALS, "FID", everything, ReferencedImages(), identity or NewIdentity())
    dataset.SeriesDescription, dataset.ContentLabel = series_description[:LONG_STRING], content_label
    dataset.ContentDescription = content_description[:LONG_STRING]
    identifiers = identifiers_of([[landmark.name for landmark in each.landmarks] for each in sets])
    dataset.FiducialSetSequence = [_set_item(each, names) for each, names in zip(sets, identifiers, strict=True)]
    save(dataset, Path(path))
    return str(dataset.SOPInstanceUID)


def identifiers_of(names: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return Fiducial Identifiers for the names of each set: of 16 characters at most, each once in a set.

    The same name, for the same time in its set, has the same identifier in every set.
    """
    chosen: dict[tuple[str, int], str] = {}
    taken: set[str] = set()
    result = []
    for of_set in names:
        seen: dict[str, int] = {}
        row = []
        for number, name in enumerate(of_set, 1):
            # Backslashes part values, and blanks at either end are no part of one.
            plain = " ".join(name.replace("\\", "/").split()) or f"point {number}"
            seen[plain] = seen.get(plain, 0) + 1
            key = (plain, seen[plain])
            if key not in chosen:
                chosen[key] = _free(plain, taken)
                taken.add(chosen[key])
            row.append(chosen[key])
        result.append(row)
    return result


def _free(name: str, taken: set[str]) -> str:
    short = name[:IDENTIFIER].strip()
    number = 1
    while short in taken:
        number += 1
        end = f" {number}"
        short = name[: IDENTIFIER - len(end)].strip() + end
    return short


def _set_item(fiducials: NewFiducialSet, identifiers: Sequence[str]) -> Dataset:
    item = dataset_of(
        FrameOfReferenceUID=fiducials.frame_uid,
        FiducialSequence=[
            _fiducial(landmark, identifier)
            for landmark, identifier in zip(fiducials.landmarks, identifiers, strict=True)
        ],
    )
    if fiducials.images.references:
        item.ReferencedImageSequence = [reference_item(reference) for reference in fiducials.images.references]
    return item


def _fiducial(landmark: Landmark, identifier: str) -> Dataset:
    item = dataset_of(
        FiducialIdentifier=identifier,
        FiducialUID=new_uid(),
        ShapeType="POINT",
        NumberOfContourPoints=1,
        ContourData=decimals_of(landmark.position_lps_mm),
    )
    if identifier != landmark.name and landmark.name.strip():
        item.FiducialDescription = landmark.name[:DESCRIPTION]
    return item
