"""Images that nobody would take for slices of a volume: told as what they are, and judged by nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ...dicom.header import Header
from ...dicom.tags import STORAGE, Tag, storage_classes
from ...findings import Finding
from .finding_maker import MAX_UIDS
from .grouping import Grouping
from .stacks import SLIDE, ULTRASOUND_VOLUME, Slice, Stack

SECONDARY_CAPTURE = STORAGE + "7"
SEGMENTATIONS = storage_classes("66.4 66.7")
WHOLE_SLIDE = STORAGE + "77.1.6"
SLICE_CLASSES = storage_classes("2 2.1 2.2 4 4.1 4.3 4.4 128 128.1 130 13.1.1 13.1.2 13.1.3")
"""CT, MR, PET and X-ray reconstructions: their images are slices, but for what is set aside here."""
_MAPS = SEGMENTATIONS | {STORAGE + "30"}
FEW = 3
"""So many parallel images may be a volume, whatever they are called."""

Noun = tuple[str, str]
DOSE: Noun = ("dose report or protocol", "dose reports or protocols")
CAPTURE: Noun = ("screenshot or other Secondary Capture", "screenshots or other Secondary Captures")
LOCALIZER: Noun = ("localizer", "localizers")
SNAPSHOT: Noun = ("MPR or 3D snapshot", "MPR or 3D snapshots")
SLIDE_TILE: Noun = ("frame of a slide", "frames of a slide")
WITHOUT_PLANES: Noun = ("frame of a projection or photograph", "frames of a projection or photograph")

_TEXT_PAGES = frozenset(["DOSE", "PROT", "PROTOCOL", "REPORT", "DOSEINFO"])
_SCREENS = frozenset(["SCREEN", "SCREENSAVE", "SCREENSHOT"])
_PICTURES = _SCREENS | frozenset(
    ["MPR", "CPR", "MIP", "MINIP", "VRT", "3D", "RENDERED", "RENDERING"]
    + ["REFORMATTED", "SNAPSHOT", "GRAPH", "CURVE", "PRESENTATION", "COMPOSED"]
)
_WORDS = re.compile(r"[A-Z0-9]+")


@dataclass(frozen=True)
class SetAside:
    """A grouping without what is no slice of a volume."""

    grouping: Grouping
    aside: tuple[tuple[Noun, tuple[Slice, ...]], ...]
    """What was taken out, by what it is."""
    stacks: tuple[Stack, ...]
    """What was taken out and has a plane, as stacks."""

    @property
    def count(self) -> int:
        """Images taken out."""
        return sum(len(slices) for _, slices in self.aside)


def is_secondary_capture(header: Header) -> bool:
    """Tell whether the object is a Secondary Capture, of one frame or of several (PS3.3 A.8)."""
    uid = header.sop_class_uid
    return uid == SECONDARY_CAPTURE or uid.startswith(SECONDARY_CAPTURE + ".")


def set_aside(grouping: Grouping) -> SetAside:
    """Take out screenshots, dose reports, snapshots and what else is no slice; a converted volume stays one.

    An image counts as such by its class, its Image Type or its colours, and only where it has no place or makes no
    stack with others.
    """
    found: dict[Noun, list[Slice]] = {}
    stacks: list[Stack] = []
    kept: list[Stack] = []
    most = max((len(stack.slices) for stack in grouping.stacks), default=0)
    has_slices = any(_is_volume(stack) for stack in grouping.stacks)
    has_others = any(not stack.is_localizer for stack in grouping.stacks)
    captured = any(is_secondary_capture(s.slices[0].header) and len(s.distinct) > 1 for s in grouping.stacks)
    for stack in grouping.stacks:
        noun = _of_stack(stack, most, among_slices=has_slices)
        if stack.is_localizer and not has_others:
            # As a series of its own; among slices it is told by localizer-in-series.
            found.setdefault(LOCALIZER, []).extend(stack.slices)
        if noun is None:
            kept.append(stack)
        else:
            found.setdefault(noun, []).extend(stack.slices)
            stacks.append(stack)
    unplaced = []
    for slice_ in grouping.without_position:
        noun = _of_unplaced(slice_, captures_are_slices=captured)
        if noun is None:
            unplaced.append(slice_)
        else:
            found.setdefault(noun, []).append(slice_)
    out = {id(slice_) for slices in found.values() for slice_ in slices}
    left = replace(
        grouping,
        stacks=tuple(kept),
        without_position=tuple(unplaced),
        bad_orientation=tuple(slice_ for slice_ in grouping.bad_orientation if id(slice_) not in out),
    )
    return SetAside(left, tuple((noun, tuple(slices)) for noun, slices in found.items()), tuple(stacks))


def aside_findings(sorted_out: SetAside, subject: str) -> list[Finding]:
    """Return one for each kind of image that is no slice, and one for positions that are not in the patient."""
    rest = sorted_out.grouping
    slices = [slice_ for stack in rest.stacks if not stack.is_localizer for slice_ in stack.slices]
    others = len(slices) + len(rest.without_position)
    found = []
    for (single, several), images in sorted_out.aside:
        noun = single if len(images) == 1 else several
        text = f"{len(images):,} {noun}"
        if others:
            text += f" among {others:,} slice{'' if others == 1 else 's'}: left out of the volume"
        else:
            text += ": no volume is expected of " + ("it" if len(images) == 1 else "them")
        uids = list(dict.fromkeys(image.sop_instance_uid for image in images))
        evidence = {
            "kind": single,
            "images": len(images),
            "sop_instance_uids": uids[:MAX_UIDS],
            "instance_numbers": [image.instance_number for image in images[:MAX_UIDS]],
        }
        found.append(Finding("no-slice", "info", text, subject, evidence))
    volume = [slice_ for slice_ in slices if slice_.coordinates == ULTRASOUND_VOLUME]
    if volume:
        text = (
            f"{len(volume):,} frames have their positions in the ultrasound volume's own coordinates, not in the "
            "patient's: they cannot be laid over other images"
        )
        found.append(Finding("coordinates-not-patient", "info", text, subject, {"frames": len(volume)}))
    return found


def _of_unplaced(slice_: Slice, *, captures_are_slices: bool) -> Noun | None:
    header = slice_.header
    if slice_.coordinates == SLIDE or header.sop_class_uid == WHOLE_SLIDE:
        return SLIDE_TILE
    if header.sop_class_uid in _MAPS and slice_.orientation is None and not slice_.unread:
        return WITHOUT_PLANES
    if slice_.unread or _claims_place(header):
        return None
    words = _words(header)
    if slice_.is_localizer:
        return LOCALIZER
    if is_secondary_capture(header):
        if captures_are_slices and not words & _TEXT_PAGES:
            return None
        return DOSE if words & _TEXT_PAGES else CAPTURE
    if header.sop_class_uid not in SLICE_CLASSES or not (_is_secondary(header) or header.samples_per_pixel >= FEW):
        return None
    if words & _TEXT_PAGES:
        return DOSE
    if words & _PICTURES or header.samples_per_pixel >= FEW:
        return SNAPSHOT
    # A slice that lost its position has the size of its pixels left; a picture of a screen never had one.
    has_size = header.pixel_spacing_mm is not None or header.slice_thickness_mm is not None
    return None if has_size else CAPTURE


def _is_volume(stack: Stack) -> bool:
    """Whether these are slices that nobody took of a screen."""
    return len(stack.distinct) >= FEW and not stack.is_localizer and not is_secondary_capture(stack.slices[0].header)


def _of_stack(stack: Stack, most: int, *, among_slices: bool) -> Noun | None:
    """What a stack of a few images is, if these are no slices."""
    if stack.is_localizer:
        return None
    slice_ = stack.slices[0]
    header = slice_.header
    few = len(stack.distinct) < 2 or (len(stack.slices) < FEW and most >= FEW)
    words = _words(header)
    if is_secondary_capture(header) and (few or among_slices):
        return DOSE if words & _TEXT_PAGES else SNAPSHOT
    if among_slices and words & _SCREENS and _is_secondary(header):
        return CAPTURE
    if not few:
        return None
    if header.number_of_frames > 1 or not _is_secondary(header):
        return None
    if words & _TEXT_PAGES:
        return DOSE
    return SNAPSHOT if words & _PICTURES else None


def _claims_place(header: Header) -> bool:
    """Whether the file has a position that cannot be used: it is a slice that is damaged."""
    return any(header.raw(tag).strip(b" \0") for tag in (Tag.IMAGE_POSITION, Tag.IMAGE_ORIENTATION))


def _is_secondary(header: Header) -> bool:
    """Whether Image Type's second value says that the image came after the examination (PS3.3 C.7.6.1.1.2)."""
    return header.image_type[1:2] == ("SECONDARY",)


def _words(header: Header) -> frozenset[str]:
    text = " ".join((*header.image_type[2:], header.series_description.upper()))
    return frozenset(_WORDS.findall(text.replace("_", " ")))
