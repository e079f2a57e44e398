"""The fragments of compressed Pixel Data (PS3.5 annex A.4) and how they make up frames, without reading them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ...dicom.element_head import item_head
from ...dicom.tags import END_OF_SEQUENCE, ITEM, PIXEL_DATA
from ...findings import Finding
from ...limits import FRAGMENTS
from ...words import plural
from .codestream import frame_begins
from .pixel_facts import OFFSET_LENGTHS, OFFSETS, PixelFacts, named

MAX_FRAGMENTS = FRAGMENTS.value
RLE = "1.2.840.10008.1.2.5"
_MOVIES = tuple(
    f"1.2.840.10008.1.2.4.{number}" for number in ("100", "101", "102", "103", "104", "105", "106", "107", "108")
)
_LISTED = 8


@dataclass(eq=False)
class Fragments:
    """Where the fragments of a file lie; offsets as Basic Offset Tables count them, from the first fragment's item."""

    start: int = 0
    """Offset in the file of the first fragment's item."""
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    lengths: array[int] = field(default_factory=lambda: array("Q"))
    table: array[int] = field(default_factory=lambda: array("Q"))
    """The Basic Offset Table."""
    table_bytes: int = 0
    end: int | None = None
    """Offset in the file after the Sequence Delimitation Item; None when there is none."""
    missing_bytes: int | None = 0
    """How much of the last fragment is beyond the end of the file; None when that cannot be known."""
    problem: str = ""
    """What is not as annex A.4 says."""


def is_movie(syntax: str) -> bool:
    """Tell whether frames are not told apart by fragments (MPEG, HEVC)."""
    return syntax in _MOVIES


def read_fragments(facts: PixelFacts) -> Fragments:
    """Follow the items of Pixel Data; what is wrong with them is noted, not raised."""
    dataset = facts.dataset
    offset = facts.bulk[PIXEL_DATA].offset
    found = Fragments()
    is_first = True
    while len(found.offsets) < MAX_FRAGMENTS:
        head = dataset.bytes_at(offset, 8)
        if len(head) < 8:
            found.missing_bytes = None
            return found
        tag, length = item_head(head)
        if tag == END_OF_SEQUENCE:
            found.end = offset + 8
            return found
        if tag != ITEM:
            found.problem = f"the bytes at {offset:,} are no item"
            return found
        if offset + 8 + length > dataset.size:
            found.missing_bytes = offset + 8 + length - dataset.size
            return found
        if is_first:
            found.table_bytes = length
            found.table = _numbers(facts, offset + 8, min(length - length % 4, 4 * MAX_FRAGMENTS), 4)
            found.start = offset + 8 + length
            is_first = False
        else:
            found.offsets.append(offset - found.start)
            found.lengths.append(length)
        offset += 8 + length
    found.problem = FRAGMENTS.sentence
    return found


def _numbers(facts: PixelFacts, offset: int, length: int, size: int) -> array[int]:
    numbers = array("Q")
    step = 1 << 15
    for start in range(0, length, step):
        piece = facts.dataset.bytes_at(offset + start, min(step, length - start))
        numbers.extend(int.from_bytes(piece[at : at + size], "little") for at in range(0, len(piece) - size + 1, size))
    return numbers


def frame_findings(facts: PixelFacts, found: Fragments) -> Iterator[Finding]:
    """Check fragments, offset tables and Number of Frames against each other."""
    frames = facts.frames
    count = len(found.offsets)

    def finding(text: str, **evidence: object) -> Finding:
        details = {"frames": frames, "fragments": count, **evidence}
        return Finding("pixel-frames-disagree", "error", text, facts.path, details)

    if found.missing_bytes != 0:
        return
    if is_movie(facts.syntax):
        return
    empty = [number + 1 for number, length in enumerate(found.lengths) if not length]
    if empty:
        text = f"{len(empty):,} of {count:,} fragments of Pixel Data are empty (the first is number {empty[0]})"
        yield finding(text, empty_fragments=empty[:_LISTED], empty_count=len(empty))
    if facts.syntax == RLE and count != frames:
        yield finding(f"Pixel Data has {count:,} fragments for {frames:,} frames; with RLE each frame is one")
    elif count < frames:
        text = f"Pixel Data has {count:,} fragments, the header announces {frames:,} frames, each of one or more"
        yield finding(text)
    elif frames == 1 < count or count > frames:
        begun = _frames_begun(facts, found)
        if begun is not None and begun != frames:
            text = f"{begun:,} of the {count:,} fragments of Pixel Data begin an image, the header announces "
            yield finding(text + plural(frames, "frame"), images=begun)
    yield from _basic_table(facts, found, finding)
    yield from _extended_table(facts, found, finding)


def _frames_begun(facts: PixelFacts, found: Fragments) -> int | None:
    """Fragments that begin a compressed image; None where that cannot be told."""
    if not len(found.offsets) or not frame_begins(facts.dataset.bytes_at(found.start + 8, 12)):
        return None
    return sum(frame_begins(facts.dataset.bytes_at(found.start + offset + 8, 12)) for offset in found.offsets)


def _basic_table(facts: PixelFacts, found: Fragments, finding: Callable[..., Finding]) -> Iterator[Finding]:
    table, frames = found.table, facts.frames
    if found.table_bytes % 4:
        text = f"The Basic Offset Table has {found.table_bytes:,} bytes, not a multiple of an entry's 4"
        yield finding(text, table_bytes=found.table_bytes)
    if not len(table):
        return
    if len(table) != frames:
        yield finding(
            f"The Basic Offset Table has {len(table):,} entries, the header announces {plural(frames, 'frame')}",
            table_entries=len(table),
        )
        return
    starts = set(found.offsets)
    wrong = [number for number, offset in enumerate(table) if offset not in starts]
    # Tables of 32 bits cannot hold the offsets of the last frames of a big object: they wrap around.
    wrapped = bool(wrong) and all(any(table[n] + k * 2**32 in starts for k in range(1, 9)) for n in wrong)
    ordered = all(table[n] < table[n + 1] for n in range(len(table) - 1))
    if wrong:
        why = "; they wrapped around at 4 GiB" if wrapped else ""
        text = (
            f"{len(wrong):,} of {frames:,} entries of the Basic Offset Table point to no fragment (the first for frame "
            f"{wrong[0] + 1}: {table[wrong[0]]:,}){why}"
        )
        yield finding(text, wrong_entries=len(wrong), first_wrong_frame=wrong[0] + 1)
    elif table[0] != 0 or not ordered:
        text = f"The Basic Offset Table does not ascend from 0: frames are not in order (first entry {table[0]:,})"
        yield finding(text, first_entry=table[0])


def _extended_table(facts: PixelFacts, found: Fragments, finding: Callable[..., Finding]) -> Iterator[Finding]:
    """Extended Offset Table and its lengths (C.7.6.3.1.8): each frame in one fragment."""
    if facts.offsets is None and facts.offset_lengths is None:
        return
    frames = facts.frames
    tables = {}
    for tag, element in ((OFFSETS, facts.offsets), (OFFSET_LENGTHS, facts.offset_lengths)):
        if element is None:
            there = named(OFFSET_LENGTHS if tag == OFFSETS else OFFSETS)
            yield finding(f"{there} is there without {named(tag)}")
            return
        tables[tag] = _numbers(facts, element.offset, min(element.length, 8 * MAX_FRAGMENTS), 8)
        if len(tables[tag]) != frames:
            yield finding(
                f"{named(tag)} has {len(tables[tag]):,} entries, the header announces {plural(frames, 'frame')}",
                extended_entries=len(tables[tag]),
            )
            return
    if len(found.table):
        yield finding("There are both a Basic and an Extended Offset Table; the basic one must then be empty")
    lengths = dict(zip(found.offsets, found.lengths, strict=True))
    for number, (offset, length) in enumerate(zip(tables[OFFSETS], tables[OFFSET_LENGTHS], strict=True), start=1):
        held = lengths.get(offset)
        if held is None:
            yield finding(
                f"{named(OFFSETS)} puts frame {number} at {offset:,}, where no fragment begins",
                first_wrong_frame=number,
            )
            return
        # The length is the frame's own, or with the byte that makes the fragment even.
        if not 0 <= held - length <= 1:
            yield finding(
                f"{named(OFFSET_LENGTHS)} gives frame {number} {length:,} bytes, its fragment has {held:,}",
                first_wrong_frame=number,
                length_bytes=length,
                fragment_bytes=held,
            )
            return
