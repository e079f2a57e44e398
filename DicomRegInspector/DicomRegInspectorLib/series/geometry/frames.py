"""Slices of files that hold many: enhanced objects, dose grids, nuclear medicine, mosaics, and plain frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ...dicom.header import Header
from ...dicom.tags import DEFLATED_LITTLE_ENDIAN, RT_DOSE, Tag, element_name, is_encapsulated, storage_classes
from ...errors import FileError
from ...findings import Finding, Severity
from ...findings.about import about_file, about_series
from ...limits import DEFLATION, FRAMES
from ...words import mm, plural
from .dose_frames import MOST_FRAMES, can_be_placed, dose_slices, moved
from .functional_groups import PER_FRAME_GROUPS, SHARED_GROUPS, functional_group_slices
from .kinds import SLICE_CLASSES, WHOLE_SLIDE
from .mosaics import Mosaic, MosaicReader
from .nuclear_frames import NUCLEAR_MEDICINE, is_reconstruction, nuclear_slices
from .stacks import UNPLACED, Slice, axes_of, slice_of

__all__ = ["FUNCTIONAL_GROUP_CLASSES", "PER_FRAME_GROUPS", "SHARED_GROUPS", "read_slices"]

FrameSpacing = float | Literal["claimed"] | None
"""How frames without positions of their own are placed: so many mm apart, as far as their header claims, or not."""

FUNCTIONAL_GROUP_CLASSES = storage_classes(
    "2.1 2.2 4.1 4.3 4.4 128.1 130 66.4 66.7 30 6.2 13.1.1 13.1.2 13.1.3 77.1.5.4 7.1 7.2 7.3 7.4"
)
"""SOP classes whose frames carry their own plane (PS3.3 C.7.6.16)."""

_VOLUMES = storage_classes("6.2")
"""Enhanced US Volume."""
_SELDOM_PLACED = _VOLUMES | storage_classes("13.1.1 13.1.2 13.1.3 77.1.5.4 7.1 7.2 7.3 7.4")
"""Classes of which frames need not have planes in the patient: told as what they are, not as an error."""


def read_slices(headers: Iterable[Header], frame_spacing: FrameSpacing = None) -> tuple[list[Slice], list[Finding]]:
    """Return all slices of a series' files, and what is to be said of how they are stored.

    Files that can no longer be read are findings.

    ``frame_spacing``: how to place frames that share one position.
    """
    reader = _Reader(frame_spacing)
    for header in headers:
        try:
            reader.add(header)
        except FileError as error:
            subject = about_file(error.path, series_uid=header.series_uid)
            reader.findings.append(Finding(error.code, "error", error.sentence, subject))
    return reader.slices, [*reader.findings, *reader.unplaced_findings(), *reader.mosaic_findings()]


@dataclass(frozen=True)
class _Unplaced:
    """What is known of where a file's frames lie."""

    is_volume: bool
    has_position: bool
    claimed: float | None
    source: str
    """The element that claims it."""
    step: float | None
    """What they were placed by, mm."""


class _Reader:
    """Reads the files of one series, and remembers what they have in common."""

    def __init__(self, frame_spacing: FrameSpacing) -> None:
        self.frame_spacing = frame_spacing
        self.slices: list[Slice] = []
        self.findings: list[Finding] = []
        self._mosaics = MosaicReader()
        self._found: list[Mosaic] = []
        self._unplaced: dict[_Unplaced, list[Header]] = {}

    def add(self, header: Header) -> None:
        kind, frames = header.sop_class_uid, header.number_of_frames
        mosaic = self._mosaics.read(header)
        if mosaic is not None:
            self._found.append(mosaic)
            self.slices += mosaic.slices
        elif kind == RT_DOSE and (frames > 1 or header.holds(Tag.NUMBER_OF_FRAMES)):
            slices, found = dose_slices(header, about_series(header.series_uid))
            self.slices += slices
            self.findings += found
        elif kind == NUCLEAR_MEDICINE and frames > 1:
            self._add_nuclear(header)
        elif kind in FUNCTIONAL_GROUP_CLASSES or frames > 1:
            self._add_frames(header)
        else:
            self.slices.append(slice_of(header))

    def _add_frames(self, header: Header) -> None:
        slices = functional_group_slices(header)
        if any(slice_.position_lps_mm is not None or slice_.coordinates for slice_ in slices):
            self.slices += slices
        elif header.number_of_frames == 1:
            values = slices[0].frame_values if slices else {}
            self.slices.append(replace(slice_of(header), frame_values=values))
        elif header.sop_class_uid in FUNCTIONAL_GROUP_CLASSES and slices and header.image_position_mm is None:
            self.slices += slices
            if header.sop_class_uid in _SELDOM_PLACED:
                self._note_unplaced(header, slices[0])
        else:
            self._add_unplaced(header, slice_of(header))

    def _add_nuclear(self, header: Header) -> None:
        if not is_reconstruction(header):
            self._add_unplaced(header, slice_of(header))
            return
        step = header.spacing_between_slices_mm
        slices = nuclear_slices(header, step or self._step(header))
        if not step or any(slice_.position_lps_mm is None for slice_ in slices):
            first = next((slice_ for slice_ in nuclear_slices(header, 1.0) if can_be_placed(slice_)), slices[0])
            self._note_unplaced(header, first)
        unplaced = [
            replace(slice_, coordinates=UNPLACED) if slice_.position_lps_mm is None else slice_ for slice_ in slices
        ]
        self.slices += unplaced

    def _add_unplaced(self, header: Header, first: Slice) -> None:
        """Frames that share one position or have none: placed on request, as they follow each other."""
        step = self._step(header)
        along = None
        if step is not None and can_be_placed(first):
            assert first.orientation is not None
            along = step * axes_of(first.orientation)[2]
        if along is None and first.position_lps_mm is not None:
            first = replace(first, coordinates=UNPLACED)
        for k in range(min(header.number_of_frames, _frames_held(header), MOST_FRAMES)):
            corner = np.asarray(first.position_lps_mm) + k * along if along is not None else None
            self.slices.append(moved(first, corner, k + 1, first.precision_mm))
        self._note_unplaced(header, first)

    def _step(self, header: Header) -> float | None:
        """mm between frames as asked for; None: they are not to be placed, or nothing is claimed."""
        if self.frame_spacing == "claimed":
            return claimed_spacing(header)[0]
        return self.frame_spacing

    def _note_unplaced(self, header: Header, first: Slice) -> None:
        if header.sop_class_uid == WHOLE_SLIDE:
            return  # Told as what they are.
        claimed, source = claimed_spacing(header)
        is_nuclear = header.sop_class_uid == NUCLEAR_MEDICINE and is_reconstruction(header)
        is_volume = is_nuclear or header.sop_class_uid in SLICE_CLASSES | _VOLUMES
        key = _Unplaced(is_volume, first.position_lps_mm is not None, claimed, source, self._step(header))
        self._unplaced.setdefault(key, []).append(header)

    def unplaced_findings(self) -> list[Finding]:
        """One for all files whose frames lie in the same unknown way."""
        return [_unplaced_finding(key, headers) for key, headers in self._unplaced.items()]

    def mosaic_findings(self) -> list[Finding]:
        """One for the mosaics of the series, and one for those of which nothing can be made."""
        found = []
        split = [told for told in self._found if told.is_split]
        if split:
            found.append(_split_finding(split))
        rest = [told for told in self._found if not told.is_split]
        if rest:
            header = rest[0].slices[0].header
            text = (
                f"{plural(len(rest), 'image')} of {header.columns} × {header.rows} pixels "
                f"{'is a mosaic' if len(rest) == 1 else 'are mosaics'} of several slices, but no "
                "NumberOfImagesInMosaic says how many: each slice's place is unknown"
            )
            found.append(_mosaic_finding("warning", text, rest, None))
        return found


def _unplaced_finding(key: _Unplaced, headers: list[Header]) -> Finding:
    counts = [header.number_of_frames for header in headers]
    there = "one position" if key.has_position else "no position"
    text = f"{plural(counts[0], 'frame')} with {there}: where each of them lies is not said"
    if len(headers) > 1:
        some = f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,} to {max(counts):,}"
        text = f"{len(headers):,} files of {some} frames with {there}: where each frame lies is not said"
    if max(counts) > FRAMES.value:
        text += FRAMES.sentence
    evidence: dict[str, object] = {"frames": sum(counts), "files": len(headers), "claimed_spacing_mm": key.claimed}
    if key.step is not None and key.has_position:
        text += f"; they are placed {mm(abs(key.step))} mm apart along their normal, as was asked for"
        evidence["assumed_spacing_mm"] = key.step
    elif key.claimed is not None and key.is_volume:
        text += f"; {key.source} claims {mm(abs(key.claimed))} mm, which can be used on request"
    elif not key.is_volume:
        text += "; they may be points in time or directions of view"
    evidence["sop_instance_uids"] = [header.sop_instance_uid for header in headers[:50]]
    subject = about_series(headers[0].series_uid)
    return Finding("frames-unplaced", "warning" if key.is_volume else "info", text, subject, evidence)


def _split_finding(split: list[Mosaic]) -> Finding:
    sizes = sorted({len(divided.slices) for divided in split})
    first = split[0].slices[0]
    counts = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    name = "grid" if split[0].maker == "UIH" else "mosaic"
    tiles = f"{counts} slices of {first.columns} × {first.rows} pixels, side by side in an image of "
    tiles += f"{first.header.columns} × {first.header.rows}"
    subject = f"a mosaic ({name})" if name == "grid" else "a mosaic"
    text = f"The image is {subject}: {tiles}" if len(split) == 1 else f"{len(split):,} mosaics, each of {tiles}"
    text += "; taken apart here, one volume for each image"
    assumed = list(dict.fromkeys(word for divided in split for word in divided.assumed))
    if assumed:
        text += f"; {'; '.join(assumed)}"
    unplaced = [divided for divided in split if divided.slices[0].position_lps_mm is None]
    if unplaced:
        text += "; the slices of " + plural(len(unplaced), "mosaic") + " have no place"
    return _mosaic_finding("warning" if assumed or unplaced else "info", text, split, sizes[-1])


def _mosaic_finding(severity: Severity, text: str, mosaics: list[Mosaic], tiles: int | None) -> Finding:
    headers = [mosaic.slices[0].header for mosaic in mosaics]
    evidence = {
        "mosaics": len(mosaics),
        "slices_in_each": tiles,
        "sop_instance_uids": [header.sop_instance_uid for header in headers[:50]],
    }
    return Finding("slices-tiled", severity, text, about_series(headers[0].series_uid), evidence)


def _frames_held(header: Header) -> int:
    """How many frames the file can hold at most, whatever it announces; 1 at least."""
    bits = header.rows * header.columns * max(header.samples_per_pixel, 1) * max(header.bits_allocated, 1)
    if is_encapsulated(header.transfer_syntax_uid):
        return max(header.size // 8, 1)  # Each frame has an item, whose header has 8 bytes.
    held = header.size * (DEFLATION.value if header.transfer_syntax_uid == DEFLATED_LITTLE_ENDIAN else 1)
    return max(8 * held // bits, 1)


def claimed_spacing(header: Header) -> tuple[float | None, str]:
    """Return mm between frames as the header claims, and the element that does."""
    for tag in (Tag.SPACING_BETWEEN_SLICES, Tag.SLICE_THICKNESS):
        value = header.decimal(tag)
        if value:
            return value, element_name(tag)
    return None, ""
