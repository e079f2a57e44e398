"""Whether Pixel Data is there, and as long as the header says (PS3.5 section 8 and annex A)."""

from __future__ import annotations

from collections.abc import Iterator

from ...dicom import tags
from ...dicom.header import REGISTRATION_SOP_CLASSES
from ...findings import Finding, Severity
from ...words import plural
from .fragments import Fragments
from .pixel_facts import PROVIDER_URL, TOTAL_LENGTH, PixelFacts, named

_IMAGE_CLASSES = tags.storage_classes(
    "1 1.1 1.1.1 1.2 1.2.1 1.3 1.3.1 2 2.1 2.2 3.1 4 4.1 4.3 4.4 6.1 6.2 6.3 7 7.1 7.2 7.3 7.4 12.1 12.1.1 12.2 12.2.1 "
    "13.1.1 13.1.2 13.1.3 13.1.4 13.1.5 14.1 14.2 20 30 66.4 66.7 77.1.1 77.1.2 77.1.3 77.1.4 77.1.5.1 77.1.5.2 "
    "77.1.5.4 77.1.6 77.1.1.1 77.1.2.1 77.1.4.1 128 128.1 130 481.1"
)
"""Storage SOP classes whose objects are images: pixels are required."""
_AFTER_PIXELS = (0xFFFAFFFA, 0xFFFCFFFC)
"""Digital Signatures Sequence and Data Set Trailing Padding may follow (PS3.10 section 7.2)."""
_PIECE = 1 << 16


def pixel_state(facts: PixelFacts) -> str:
    """Say in words whether there are pixels and should be: ``present``, ``missing``, or why rightly none."""
    if facts.bulk:
        return "present"
    if PROVIDER_URL in facts.present:
        return "none: it is to be fetched from another place (Pixel Data Provider URL)"
    sop_class = str(facts.get(0x00080016, ""))
    if sop_class in _IMAGE_CLASSES or facts.is_image:
        return "missing"
    if sop_class == tags.RT_DOSE:
        return "none: this dose holds no grid, only what was computed from one"
    if sop_class in REGISTRATION_SOP_CLASSES:
        return "none: registrations have no pixels"
    return "none: this kind of object has no pixels"


def missing_findings(facts: PixelFacts) -> Iterator[Finding]:
    """Yield ``pixel-data-missing`` for an image without pixels, or with two kinds of them."""
    if pixel_state(facts) == "missing":
        text = "The object is an image by its header, but has no Pixel Data (7FE0,0010)"
        evidence = {
            "rows": facts.get(tags.ROWS),
            "columns": facts.get(tags.COLUMNS),
            "expected_bytes": expected_bytes(facts),
        }
        yield Finding("pixel-data-missing", "error", text, facts.path, evidence)
    elif any(not element.length for element in facts.bulk.values()) and facts.is_image:
        (tag, _), *_ = facts.bulk.items()
        evidence = {"expected_bytes": expected_bytes(facts)}
        yield Finding("pixel-data-missing", "error", f"{named(tag)} is empty", facts.path, evidence)
    if len(facts.bulk) > 1:
        names = [named(tag) for tag in facts.bulk]
        text = f"Only one kind of pixel data is allowed; there are {' and '.join(names)}"
        kinds = [tags.PIXEL_KEYWORDS[tag] for tag in facts.bulk]
        yield Finding("pixel-bits-inconsistent", "error", text, facts.path, {"elements": kinds})


def frame_bits(facts: PixelFacts) -> int | None:
    """Return bits of one uncompressed frame; None where the header does not say."""
    numbers = [facts.integer(tag) for tag in (tags.ROWS, tags.COLUMNS, tags.BITS_ALLOCATED)]
    if any(not number for number in numbers):
        return None
    rows, columns, bits = (int(number or 0) for number in numbers)
    samples = facts.integer(tags.SAMPLES) or 1
    photometric = facts.text(tags.PHOTOMETRIC)
    if samples == 3 and photometric in ("YBR_FULL_422", "YBR_PARTIAL_422"):
        # Two pixels share their chrominance samples.
        return rows * columns * 2 * bits
    if samples == 3 and photometric == "YBR_PARTIAL_420":
        return rows * columns * 3 * bits // 2
    return rows * columns * samples * bits


def expected_bytes(facts: PixelFacts) -> int | None:
    """Return bytes of all uncompressed frames without padding; None where the header does not say."""
    bits = frame_bits(facts)
    return None if bits is None else (bits * facts.frames + 7) // 8


def length_findings(facts: PixelFacts, found: Fragments | None) -> Iterator[Finding]:
    """Yield ``file-truncated``, ``pixel-data-length`` and ``pixel-frames-disagree`` for the pixels of a file."""
    for tag, element in facts.bulk.items():
        if found is not None and tag == tags.PIXEL_DATA:
            yield from _fragment_findings(facts, found)
            end = found.end if found.end is not None else facts.dataset.size
        elif element.length == tags.UNDEFINED or tags.is_encapsulated(facts.syntax):
            how = "no defined length" if element.length == tags.UNDEFINED else f"a length of {element.length:,} bytes"
            text = f"{named(tag)} has {how}, which transfer syntax {facts.syntax or '(none)'} does not allow"
            yield Finding("pixel-data-length", "error", text, facts.path, {"transfer_syntax_uid": facts.syntax})
            return
        else:
            yield from _native_findings(facts, tag, element.offset, element.length)
            end = element.offset + element.length
        if tag == tags.PIXEL_DATA and end < facts.dataset.size:
            yield from _trailing_findings(facts, end)


def _native_findings(facts: PixelFacts, tag: int, offset: int, length: int) -> Iterator[Finding]:
    held = min(length, facts.dataset.size - offset)
    if held < length:
        text = f"The file ends within {named(tag)}: {length:,} bytes are announced, {held:,} are there"
        evidence = {"announced_bytes": length, "present_bytes": held, "missing_bytes": length - held}
        yield Finding("file-truncated", "error", text, facts.path, evidence)
    expected, bits = expected_bytes(facts), frame_bits(facts)
    if expected is None or bits is None or not length:
        return
    padded = expected + expected % 2
    what = f"{plural(facts.frames, 'frame')} of {facts.get(tags.ROWS)} × {facts.get(tags.COLUMNS)} pixels"
    evidence = {"length_bytes": length, "expected_bytes": padded, "frame_bytes": (bits + 7) // 8}
    if length == padded:
        # In big-endian words the last two bytes are exchanged.
        if length > expected and held == length and facts.dataset.encoding.little:
            yield from _padding_finding(facts, offset + expected)
        return
    if length == expected:
        text = f"{named(tag)} has an odd length of {length:,} bytes: it lacks the byte that makes it even"
        yield Finding("pixel-data-length", "warning", text, facts.path, evidence)
        return
    whole, rest = divmod(length * 8, bits)
    text = f"{named(tag)} has {length:,} bytes; expected {padded:,} for {what}"
    if length < expected:
        text += f": {padded - length:,} too few"
        evidence |= {"too_few_bytes": padded - length, "whole_frames": whole}
    else:
        text += f": {length - padded:,} too many"
        evidence |= {"too_many_bytes": length - padded, "whole_frames": whole}
    full = _full_samples(facts)
    if full is not None and length in (full, full + full % 2):
        text += f". It is the length without subsampled colours, which {facts.text(tags.PHOTOMETRIC)} has"
    elif (
        facts.get(tags.BITS_ALLOCATED) == 1
        and length - ((bits + 7) // 8) * facts.frames in (0, 1)
        and length > expected
    ):
        text += ". It is the length of frames that each begin at a whole byte; bits are packed without gaps"
    elif rest // 8 <= 1 and whole and (whole != facts.frames or tags.FRAMES not in facts.values):
        text += f". There is room for {plural(whole, 'frame')}"
        yield Finding("pixel-frames-disagree", "error", text, facts.path, {**evidence, "frames": facts.frames})
        return
    severity: Severity = "error" if length < expected else "warning"
    yield Finding("pixel-data-length", severity, text, facts.path, evidence)


def _full_samples(facts: PixelFacts) -> int | None:
    if facts.text(tags.PHOTOMETRIC) not in ("YBR_FULL_422", "YBR_PARTIAL_422"):
        return None
    rows, columns, bits = (facts.integer(tag) or 0 for tag in (tags.ROWS, tags.COLUMNS, tags.BITS_ALLOCATED))
    return rows * columns * 3 * bits * facts.frames // 8


def _padding_finding(facts: PixelFacts, offset: int) -> Iterator[Finding]:
    byte = facts.dataset.bytes_at(offset, 1)
    if byte not in (b"", b"\0"):
        text = f"The byte that pads the pixels to an even length is {byte[0]}, not 0"
        yield Finding("pixel-data-length", "info", text, facts.path, {"padding_byte": byte[0]})


def _fragment_findings(facts: PixelFacts, found: Fragments) -> Iterator[Finding]:
    evidence = {"fragments": len(found.offsets)}
    if found.missing_bytes != 0:
        amount = "at least its end" if found.missing_bytes is None else f"{found.missing_bytes:,} bytes"
        count = plural(len(found.offsets), "fragment")
        text = f"The file ends within compressed Pixel Data, after {count}: {amount} missing"
        if found.missing_bytes is None and _is_only_unclosed(facts, found):
            text = (
                "Compressed Pixel Data is not closed: the Sequence Delimitation Item after the last fragment is missing"
            )
            yield Finding("pixel-data-length", "warning", text, facts.path, evidence)
            return
        yield Finding("file-truncated", "error", text, facts.path, {**evidence, "missing_bytes": found.missing_bytes})
    if found.problem:
        text = f"The fragments of Pixel Data cannot be followed: after {len(found.offsets):,} of them {found.problem}"
        yield Finding("pixel-data-length", "error", text, facts.path, evidence)
    odd = [number for number, length in enumerate(found.lengths, start=1) if length % 2]
    if odd:
        text = f"{len(odd):,} of {len(found.lengths):,} fragments have an odd length (the first is number {odd[0]})"
        yield Finding("pixel-data-length", "warning", text, facts.path, {**evidence, "odd_fragments": len(odd)})
    total = sum(found.lengths)
    if facts.total_length is not None and not 0 <= total - facts.total_length <= len(found.lengths):
        text = f"{named(TOTAL_LENGTH)} is {facts.total_length:,} bytes, the fragments have {total:,}"
        evidence |= {"announced_bytes": facts.total_length, "fragment_bytes": total}
        yield Finding("pixel-data-length", "warning", text, facts.path, evidence)


def _is_only_unclosed(facts: PixelFacts, found: Fragments) -> bool:
    """Whether the file ends exactly where the delimiter should be, with all frames there."""
    if not len(found.offsets) or len(found.offsets) < facts.frames:
        return False
    return found.start + found.offsets[-1] + 8 + found.lengths[-1] == facts.dataset.size


def _trailing_findings(facts: PixelFacts, end: int) -> Iterator[Finding]:
    """What follows the pixels: signatures and padding elements may, anything else makes readers stumble."""
    dataset = facts.dataset
    offset = end
    while (element := dataset.element_at(offset)) is not None and element.tag in _AFTER_PIXELS:
        if element.length == tags.UNDEFINED or element.offset + element.length > dataset.size:
            return
        offset = element.offset + element.length
    left = dataset.size - offset
    if not left:
        return
    zeros = all(
        not any(dataset.bytes_at(start, min(_PIECE, dataset.size - start)))
        for start in range(offset, min(dataset.size, offset + 64 * _PIECE), _PIECE)
    )
    begins = "" if element is None else f"beginning with {tags.tag_text(element.tag)}, "
    what = "all of them 0" if zeros else f"{begins}which may not follow the pixels"
    text = f"{left:,} bytes follow after Pixel Data, {what}"
    yield Finding("pixel-data-length", "warning", text, facts.path, {"trailing_bytes": left, "zeros": zeros})


def float_findings(facts: PixelFacts) -> Iterator[Finding]:
    """Check that Float Pixel Data has 32 bits allocated, Double Float Pixel Data 64 (C.7.6.24, C.7.6.25)."""
    for tag, bits in ((tags.FLOAT_PIXEL_DATA, 32), (tags.DOUBLE_FLOAT_PIXEL_DATA, 64)):
        if tag in facts.bulk and facts.get(tags.BITS_ALLOCATED) != bits:
            text = f"{named(tag)} goes with {bits} Bits Allocated (0028,0100), found {facts.get(tags.BITS_ALLOCATED)}"
            evidence = {"bits_allocated": facts.get(tags.BITS_ALLOCATED), "expected_bits": bits}
            yield Finding("pixel-bits-inconsistent", "error", text, facts.path, evidence)
