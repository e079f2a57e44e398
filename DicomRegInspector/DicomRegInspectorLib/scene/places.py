"""What a finding is about, in a user's words, and where in space or in which object it is to be seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..findings import About, Finding
from ..registration import Registration
from ..series import Series, Slice
from ..tasks.inspect import Inspection
from ..words import slices_in_words, well_formed

if TYPE_CHECKING:
    import slicer


@dataclass(frozen=True)
class Place:
    """Where a finding leads."""

    subject: str
    """The series, registration or file, as a person calls it; no patient name, no UID."""
    where: str
    """Slices, item or region within it; empty when the finding is about all of it."""
    position_lps_mm: tuple[float, float, float] | None = None
    """A point to show in the slice views, LPS mm; None when there is none."""
    series: Series | None = None
    slice_uid: str = ""
    """SOP Instance UID of the first slice that it is about; empty when it is about none."""
    registration: Registration | None = None
    item: int | None = None
    """Of the registration, counting from 1; None when it is about all of it."""
    transform_id: str = ""
    """MRML ID of the transform node that was measured; empty when the finding is about files."""


def series_name(description: str, number: int | None) -> str:
    """Return the description, or what Slicer's DICOM module calls a series that has none (defaultSeriesNodeName)."""
    return description or (f"{number}: " if number is not None else "") + "Unnamed Series"


def name_of_series(series: Series) -> str:
    """Return the name of a series that was inspected, see :func:`series_name`."""
    return series_name(series.description, series.slices[0].header.series_number if series.slices else None)


def series_names(every: Sequence[Series]) -> list[str]:
    """Name each series, see :func:`name_of_series`; those that would be called alike are counted."""
    return _told_apart([name_of_series(series) for series in every])


def series_labels(every: Sequence[Series]) -> list[str]:
    """Describe each series: modality, description, number of slices; those that would read alike are counted."""
    labels = [
        f"{series.modality or 'Image'}, {name_of_series(series)} "
        f"({series.slice_count} slice{'s' if series.slice_count != 1 else ''})"
        for series in every
    ]
    return _told_apart(labels)


def _told_apart(labels: Sequence[str]) -> list[str]:
    repeated = {label for label, count in Counter(labels).items() if count > 1}
    seen: Counter[str] = Counter()
    unique = []
    for label in labels:
        seen[label] += 1
        unique.append(f"{label} no. {seen[label]}" if label in repeated else label)
    return unique


def registration_label(registration: Registration) -> str:
    """Return a registration in a few words: its description, or its file's name."""
    return well_formed(registration.series_description or registration.shown_name)


def slice_centre(slice_: Slice) -> tuple[float, float, float] | None:
    """Give the middle of a slice, LPS mm; its corner when size or orientation are missing, None without a position."""
    if slice_.position_lps_mm is None:
        return None
    corner = np.asarray(slice_.position_lps_mm, float)
    rows, columns = slice_.rows, slice_.columns
    if slice_.orientation is None or slice_.pixel_spacing_mm is None or not rows or not columns:
        return tuple(corner.tolist())
    row, column = np.asarray(slice_.orientation, float).reshape(2, 3)
    # Pixel Spacing (0028,0030): first the distance between rows, then the distance between columns.
    between_rows, between_columns = slice_.pixel_spacing_mm
    centre = corner + row * between_columns * (columns - 1) / 2 + column * between_rows * (rows - 1) / 2
    return tuple(centre.tolist())


class Places:
    """Where each finding of an inspection leads."""

    def __init__(self, inspection: Inspection) -> None:
        self._series = list(zip(inspection.series, series_labels(inspection.series), strict=True))
        self._registrations = {str(registration.path): registration for registration in inspection.registrations}

    def of(self, finding: Finding) -> Place:
        """Return the place of one finding; a finding about neither series nor registration is about a file."""
        about = finding.about or About("file", name=finding.subject)
        if about.file in self._registrations:
            registration = self._registrations[about.file]
            return _place_in_registration(finding, registration, about.item, self._position_in_image(about))
        if about.kind in ("file", "series", "stack"):
            # Series of several studies can have one UID, or none; what is about a file need not name its series.
            for series, label in self._series:
                if about.uid in ("", series.series_instance_uid) and finding in series.findings:
                    return _place_in_series(finding, series, label)
        return Place(well_formed(Path(about.words).name), "")

    def _position_in_image(self, about: About) -> tuple[float, float, float] | None:
        """The middle of the first slice that a finding about a registration tells of."""
        for series, _ in self._series if about.slices else ():
            for stack in series.stacks if series.series_instance_uid == about.uid else ():
                if about.slices[0] <= len(stack.slices):
                    return slice_centre(stack.slices[about.slices[0] - 1])
        return None


def _place_in_registration(
    finding: Finding, registration: Registration, item: int | None, in_image: tuple[float, float, float] | None
) -> Place:
    lowest = finding.evidence.get("lowest_at_lps_mm")
    at = in_image or (tuple(lowest) if lowest is not None else _middle_of_box(finding))
    where = "" if item is None else f"item {item}"
    return Place(registration_label(registration), where, at, registration=registration, item=item)


def _middle_of_box(finding: Finding) -> tuple[float, float, float] | None:
    """The middle of the region of a grid that a finding tells of, LPS mm."""
    low, high = (finding.evidence.get(f"box_{end}_lps_mm") for end in ("min", "max"))
    if low is None or high is None:
        return None
    return tuple(((np.asarray(low, float) + np.asarray(high, float)) / 2).tolist())


def measured_place(node: slicer.vtkMRMLTransformNode, finding: Finding, registrations: Iterable[Registration]) -> Place:
    """Return where a finding of a measured transform node leads, loaded from one of some registrations or not.

    A node that was read in another way than the standard's is no longer what the registration says.
    """
    prefix = "DicomRegInspector."
    uid = node.GetAttribute(prefix + "SOPInstanceUID") if not node.GetAttribute(prefix + "Repair") else None
    registration = next(
        (registration for registration in registrations if uid and registration.sop_instance_uid == uid), None
    )
    item = node.GetAttribute(prefix + "Item") or ""
    return Place(
        node.GetName(),
        "",
        _middle_of_box(finding),
        registration=registration,
        item=int(item) if item.isdecimal() else None,
        transform_id=node.GetID(),
    )


def longest_vector_lps(registration: Registration, item: int | None) -> tuple[float, float, float] | None:
    """Return where the longest vector of an item (or the first with a grid) stands, LPS mm; None without vectors."""
    for other in registration.items:
        if other.grid is None or other.problem is not None or (item is not None and other.number != item):
            continue
        index = other.grid.statistics.max_index
        return None if index is None else tuple(other.grid.node_position(index).tolist())
    return None


def _place_in_series(finding: Finding, series: Series, label: str) -> Place:
    numbers = finding.about.slices if finding.about is not None else ()
    uids = finding.evidence.get("sop_instance_uids") or ()
    position = _position_of(series, numbers[0], uids[0]) if numbers and uids else None
    return Place(label, slices_in_words(numbers), position, series=series, slice_uid=uids[0] if uids else "")


def _position_of(series: Series, number: int, uid: str) -> tuple[float, float, float] | None:
    """Where the slice of this number (from 1) lies, in the stack where that slice has this SOP Instance UID."""
    for stack in series.stacks:
        if number <= len(stack.slices) and stack.slices[number - 1].sop_instance_uid == uid:
            return slice_centre(stack.slices[number - 1])
    return None
