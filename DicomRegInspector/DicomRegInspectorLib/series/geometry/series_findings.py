"""What is wrong with a series as a whole: planes that are missing, mixed, repeated or ignored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ...dicom.header import Header
from ...dicom.tags import Tag, storage_classes
from ...findings import Finding, Severity
from ...findings.about import about_file
from ...words import describe_plane, exact_mm, mm, plural
from .finding_maker import MAX_OF_A_KIND, MAX_UIDS
from .grouping import INVALID_ORIENTATION, Grouping
from .kinds import SEGMENTATIONS, is_secondary_capture
from .stacks import UNPLACED, Slice, Stack

_CROSS_SECTIONAL = storage_classes("2 2.1 2.2 4 4.1 4.3 4.4 128 128.1 130 481.2 66.4")
"""CT, MR, PET, RT Dose, Segmentation: objects whose images are slices of a volume by definition."""


def _uids(slices: Iterable[Slice]) -> dict[str, Any]:
    unique = list(dict.fromkeys(slice_.sop_instance_uid for slice_ in slices))
    evidence: dict[str, Any] = {"sop_instance_uids": unique[:MAX_UIDS], "instances": len(unique)}
    numbers = [slice_.instance_number for slice_ in slices]
    evidence["instance_numbers"] = numbers[:MAX_UIDS]
    return evidence


def file_findings(headers: Iterable[Header]) -> list[Finding]:
    """Return one for each image file that ends within its pixel data."""
    found = []
    for header in headers:
        if header.is_cut_off:
            missing = header.missing_bytes
            amount = f"{missing:,} bytes" if missing is not None else "the end"
            found.append(
                Finding(
                    "file-truncated",
                    "error",
                    f"The file ends within its pixel data: {amount} of it missing",
                    about_file(header.path, series_uid=header.series_uid),
                    {"missing_bytes": missing, "sop_instance_uids": [header.sop_instance_uid]},
                )
            )
    return found


def copies_finding(copies: list[Header], subject: str) -> Finding:
    """Return files that repeat an instance: harmless, since the first one is taken."""
    verbs = ("repeats", "is") if len(copies) == 1 else ("repeat", "are")
    text = (
        f"{plural(len(copies), 'file')} {verbs[0]} an instance of this series (same SOP Instance UID) and {verbs[1]} "
        "left out"
    )
    uids = list(dict.fromkeys(header.sop_instance_uid for header in copies))
    evidence = {"copies": len(copies), "sop_instance_uids": uids[:MAX_UIDS], "same_instance": True}
    return Finding("duplicate-position", "info", text, subject, evidence)


def position_findings(grouping: Grouping, count: int, subject: str) -> list[Finding]:
    """Return planes that cannot be placed, or whose directions are wrong, or that common readers do not place."""
    found = []
    missing = [slice_ for slice_ in grouping.without_position if slice_.coordinates != UNPLACED]
    placed = [slice_ for stack in grouping.stacks for slice_ in stack.slices]
    expected = placed or any(
        absent.header.sop_class_uid in _CROSS_SECTIONAL and not absent.is_localizer for absent in missing
    )
    if missing and expected:
        which = "No slice has" if len(missing) == count else f"{plural(len(missing), 'slice')} of {count:,} without"
        text = f"{which} a usable Image Position (Patient) and Image Orientation (Patient)"
        found.append(Finding("position-missing", "error", text, subject, _uids(missing)))
    if grouping.bad_orientation:
        severity: Severity = "error" if grouping.worst_orientation > INVALID_ORIENTATION else "warning"
        text = (
            f"{plural(len(grouping.bad_orientation), 'slice')} with an Image Orientation (Patient) whose directions "
            f"are not perpendicular unit vectors (off by up to {grouping.worst_orientation:.3g})"
        )
        evidence = {**_uids(grouping.bad_orientation), "largest_error": round(grouping.worst_orientation, 6)}
        found.append(Finding("orientation-invalid", severity, text, subject, evidence))
    # Frames of multi-frame captures have their places in functional groups, where GDCM does look.
    ignored = [slice_ for slice_ in placed if slice_.frame_number is None and is_secondary_capture(slice_.header)]
    if ignored:
        text = (
            f"{plural(len(ignored), 'image')} of a Secondary Capture class with position and orientation: GDCM and ITK "
            "ignore these and give 1 mm voxels at the origin"
        )
        evidence = {**_uids(ignored), "sop_class_uid": ignored[0].header.sop_class_uid}
        found.append(Finding("geometry-ignored-by-readers", "warning", text, subject, evidence))
    unsized = [slice_ for slice_ in placed if _lacks_pixel_spacing(slice_)]
    if unsized:
        text = f"{plural(len(unsized), 'slice')} of {count:,} without Pixel Spacing (0028,0030): pixels have no size"
        found.append(Finding("geometry-ignored-by-readers", "error", text, subject, _uids(unsized)))
    return found


def _lacks_pixel_spacing(slice_: Slice) -> bool:
    """Whether a slice has no Pixel Spacing at all; one that cannot be read is quoted (``number-invalid``)."""
    if (
        slice_.pixel_spacing_mm is not None
        or slice_.is_localizer
        or slice_.header.sop_class_uid not in _CROSS_SECTIONAL
    ):
        return False
    return not (slice_.header.raw(Tag.PIXEL_SPACING).strip(b" \0") or slice_.unread)


def mixed_findings(grouping: Grouping, count: int, subject: str) -> list[Finding]:
    """Return what a volume has only one of, and this series has several of."""
    stacks = grouping.stacks
    found = []
    localizers = [stack for stack in stacks if stack.is_localizer]
    # Segmentations of one series need not have one grid: each segment is a volume of its own.
    volumes = [
        stack
        for stack in stacks
        if not stack.is_localizer and stack.slices[0].header.sop_class_uid not in SEGMENTATIONS
    ]
    if localizers and volumes:
        slices = [slice_ for stack in localizers for slice_ in stack.slices]
        text = f"{plural(len(slices), 'localizer')} among {plural(count - len(slices), 'slice')}"
        found.append(Finding("localizer-in-series", "info", text, subject, _uids(slices)))
    checks: list[tuple[str, Severity, str, Callable[[Stack], Any], Callable[[Any], str]]] = [
        ("frame-of-reference-mixed", "error", "frames of reference", lambda s: s.frame_of_reference_uid, _uid_text),
        ("size-mixed", "warning", "image sizes (columns × rows)", lambda s: (s.columns, s.rows), _size_text),
        ("pixel-spacing-mixed", "warning", "pixel spacings", lambda s: s.pixel_spacing_mm, _spacing_text),
        ("orientation-mixed", "warning", "slice orientations", _orientation_key, _orientation_text),
    ]
    for code, severity, name, key, describe in checks:
        counts: Counter[Any] = Counter()
        for stack in volumes:
            counts[key(stack)] += len(stack.slices)
        if len(counts) < 2:
            continue
        parts = [f"{describe(value)} ({plural(number, 'slice')})" for value, number in counts.most_common(6)]
        more = f"; and {len(counts) - 6} more" if len(counts) > 6 else ""
        text = f"{len(counts)} {name} in one series: {'; '.join(parts)}{more}"
        odd = [slice_ for stack in volumes if key(stack) != counts.most_common(1)[0][0] for slice_ in stack.slices]
        evidence = {
            **_uids(odd),
            "values": [describe(value) for value, _ in counts.most_common(MAX_UIDS)],
            "counts": [number for _, number in counts.most_common(MAX_UIDS)],
        }
        found.append(Finding(code, severity, text, subject, evidence))
    return found


def _uid_text(value: str) -> str:
    return value or "none"


def _size_text(value: tuple[int, int]) -> str:
    return f"{value[0]} × {value[1]}"


def _spacing_text(value: tuple[float, float] | None) -> str:
    return f"{value[0]:g} × {value[1]:g} mm" if value else "none"


def _orientation_key(stack: Stack) -> tuple[float, ...]:
    return tuple(round(float(value), 2) + 0.0 for value in (stack.slices[0].orientation or ()))


def _orientation_text(value: tuple[float, ...]) -> str:
    return describe_plane(np.cross(value[:3], value[3:]))


def tried_text(tried: Sequence[str]) -> str:
    """Return what differs and was tried in vain; empty where nothing differs."""
    if not tried:
        return ""
    return f"; tried: {', '.join(tried[:6])}" + (f" and {len(tried) - 6} more" if len(tried) > 6 else "")


def duplicates_findings(stack: Stack, subject: str, tried: Sequence[str] = ()) -> list[Finding]:
    """Return slices at one position that nothing in their headers tells apart, with what was tried."""
    starts = stack.distinct.tolist()
    if len(starts) == 1:
        text = f"All {len(stack.slices):,} slices lie at one position ({mm(float(stack.positions_mm[0]))} mm)"
        evidence = {**_uids(stack.slices), "position_mm": exact_mm(stack.positions_mm[0])}
        return [Finding("position-constant", "error", text, subject, evidence)]
    ends = [*starts[1:], len(stack.slices)]
    places = [(start, end) for start, end in zip(starts, ends, strict=True) if end - start > 1]
    if len(places) > MAX_OF_A_KIND:
        extra = sum(end - start - 1 for start, end in places)
        text = (
            f"{len(places):,} positions hold several slices ({extra:,} too many) that nothing tells apart into volumes"
            f"{tried_text(tried)}"
        )
        slices = [slice_ for start, end in places for slice_ in stack.slices[start:end]]
        evidence = {**_uids(slices), "positions": len(places), "tried": list(tried)}
        return [Finding("duplicate-position", "error", text, subject, evidence)]
    found = []
    for start, end in places:
        position = float(stack.positions_mm[start])
        numbers = list(range(start + 1, end + 1))
        which = " and ".join(map(str, numbers)) if len(numbers) <= 6 else f"{numbers[0]} to {numbers[-1]}"
        place = mm(position, stack.nominal_spacing_mm)
        text = f"Slices {which} lie at one position ({place} mm){tried_text(tried)}"
        evidence = {**_uids(stack.slices[start:end]), "slices": numbers, "position_mm": exact_mm(position)}
        evidence["tried"] = list(tried)
        found.append(Finding("duplicate-position", "error", text, subject, evidence))
    return found
