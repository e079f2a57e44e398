"""What is wrong with the images that a registration refers to: another frame than it names, or nothing at hand."""

from __future__ import annotations

from collections.abc import Sequence

from ..dicom import tags
from ..dicom.tags import element_name
from ..findings import Finding, Severity
from ..findings.about import about_registration
from ..registration import Registration, RegistrationItem
from .item_images import ImagesAtHand, ItemImages, names_of, series_uids


def reference_findings(
    registration: Registration, images: Sequence[ItemImages], at_hand: ImagesAtHand
) -> list[Finding]:
    """Return what references of a registration show beside the image series at hand; nothing without any.

    Parameters
    ----------
    images
        Of each item, in order.
    """
    if not at_hand.stacks:
        return []
    findings: list[Finding] = []
    for item, own in zip(registration.items, images, strict=True):
        findings += _frame_finding(item, own)
        findings += _missing_finding(item, own, at_hand)
    return findings or _series_finding(registration, at_hand)


def _frame_finding(item: RegistrationItem, images: ItemImages) -> list[Finding]:
    """``reg-reference-contradicts``: images of another frame than the item's, or of several frames."""
    if not images.by_reference or not images.source_frames:
        return []
    frames = images.source_frames
    if item.source_frame_uid:
        others = [
            source_image
            for source_image in images.source
            if source_image.stack.frame_of_reference_uid not in ("", item.source_frame_uid)
        ]
        if not others:
            return []
        message = (
            f"The item is for the frame {item.source_frame_uid}, but the images it refers to in "
            f"{', '.join(names_of(others))} are of {_frames(frames - {item.source_frame_uid})}."
        )
    else:
        if len(frames) == 1:
            return []
        message = (
            f"The item names no frame, and the images it refers to, of {', '.join(names_of(images.source))}, are of "
            f"{_frames(frames)}: one matrix cannot be right for all of them."
        )
    evidence = {
        "file": str(item.path),
        "frame_of_reference_uid": item.source_frame_uid,
        "frames_of_images": sorted(frames),
        "series_instance_uids": series_uids(images.source),
    }
    return [Finding("reg-reference-contradicts", "warning", message, item.subject, evidence)]


def _frames(frames: set[str]) -> str:
    return ("the frame " if len(frames) == 1 else "the frames ") + ", ".join(sorted(frames))


def _missing_finding(item: RegistrationItem, images: ItemImages, at_hand: ImagesAtHand) -> list[Finding]:
    """``reg-reference-missing``: images that an item refers to and that are not at hand."""
    count = len(item.images.instance_uids)
    missing = count - images.found
    if not missing:
        return []
    severity: Severity = "warning"
    if not images.found:
        # That no image here has the frame is told already, and says the same.
        if item.source_frame_uid and not at_hand.in_frame(item.source_frame_uid):
            return []
        message = f"None of the {item.images.words} that the item refers to is here"
        message += f" ({element_name(tags.REFERENCED_IMAGES)})"
        others = names_of(at_hand.in_frame(item.source_frame_uid))
        message += f"; {', '.join(others)} {'lies' if len(others) == 1 else 'lie'} in its frame." if others else "."
    else:
        message = (
            f"{missing} of the {item.images.words} that the item refers to are not here "
            f"({element_name(tags.REFERENCED_IMAGES)}); the others are of {', '.join(names_of(images.source))}."
            if images.source
            else f"{missing} of the {item.images.words} that the item refers to are not here."
        )
        here = {series_.series_instance_uid for series_ in at_hand.series}
        if set(item.images.series_uids) - here:
            severity = "info"
            message += " The object counts them to a series that is not here."
    known = at_hand.instance_uids
    absent = [uid for uid in item.images.instance_uids if uid not in known]
    evidence = {
        "file": str(item.path),
        "referenced": count,
        "found": images.found,
        "missing": missing,
        "sop_instance_uids": absent[:50],
        "series_instance_uids": series_uids(images.source),
    }
    return [Finding("reg-reference-missing", severity, message, item.subject, evidence)]


def _series_finding(registration: Registration, at_hand: ImagesAtHand) -> list[Finding]:
    """``reg-reference-missing`` at severity info: series that the object as a whole names images of, none at hand."""
    known = at_hand.instance_uids
    here = {series_.series_instance_uid for series_ in at_hand.series}
    named = [
        referenced_sery
        for referenced_sery in registration.referenced_series
        if referenced_sery.images and referenced_sery.series_uid not in here
    ]
    absent = [named_item for named_item in named if known.keys().isdisjoint(named_item.images.instance_uids)]
    if not absent:
        return []
    count = sum(len(absent_item.images.instance_uids) for absent_item in absent)
    shown = ", ".join(absent_item.series_uid or "one without a UID" for absent_item in absent[:3])
    more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
    message = (
        f"The object refers to {count} images or other objects of {len(absent)} series that are not among the images "
        f"here ({element_name(tags.REFERENCED_SERIES)}): {shown}{more}."
    )
    evidence = {
        "file": str(registration.path),
        "referenced": count,
        "found": 0,
        "missing": count,
        "series_instance_uids": [absent_item.series_uid for absent_item in absent[:50]],
    }
    return [Finding("reg-reference-missing", "info", message, about_registration(registration.path), evidence)]
