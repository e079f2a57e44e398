"""Colour, compression and loss: what the header says against the transfer syntax and the compressed images."""

from __future__ import annotations

from collections.abc import Iterator

from ...dicom import tags
from ...findings import Finding, Severity
from ...words import plural
from .codestream import Codestream, parse_codestream
from .fragments import RLE, Fragments, is_movie
from .lengths import expected_bytes
from .pixel_facts import LOSSY, LOSSY_RATIO, PALETTE_DATA, PALETTES, PixelFacts, named

HEAD = 1 << 16
"""Bytes of a compressed frame within which its header is looked for."""
RATIO_FACTOR = 2.0
"""Stated and real compression ratios further apart than this disagree: which bytes were counted may differ."""

_SAMPLES = {
    "MONOCHROME1": (1,),
    "MONOCHROME2": (1,),
    "PALETTE COLOR": (1,),
    "RGB": (3,),
    "HSV": (3,),
    "ARGB": (4,),
    "CMYK": (4,),
    "YBR_FULL": (3,),
    "YBR_FULL_422": (3,),
    "YBR_PARTIAL_422": (3,),
    "YBR_PARTIAL_420": (3,),
    "YBR_ICT": (3,),
    "YBR_RCT": (3,),
    "XYB": (3,),
}
_PREFIX = "1.2.840.10008.1.2.4."
_JPEG_2000 = tuple(
    _PREFIX + number for number in ("90", "91", "92", "93", "94", "95", "201", "202", "203", "204", "205")
)
_ALWAYS_LOSSY = tuple(_PREFIX + number for number in ("50", "51", "53", "55"))
_LOSSLESS_ONLY = tuple(_PREFIX + number for number in ("57", "70", "80", "90", "92", "201", "202", "204", "110"))


def head_of_frame(facts: PixelFacts, found: Fragments | None) -> Codestream | None:
    """Return the header of the first compressed frame, where its format is known."""
    if found is None or not len(found.offsets) or facts.syntax == RLE or is_movie(facts.syntax):
        return None
    return parse_codestream(facts.dataset.bytes_at(found.start + 8, min(found.lengths[0], HEAD)))


def photometric_findings(facts: PixelFacts, stream: Codestream | None) -> Iterator[Finding]:
    """Check Photometric Interpretation (C.7.6.3.1.2) against samples, palettes and transfer syntax."""
    photometric, samples = facts.text(tags.PHOTOMETRIC), facts.integer(tags.SAMPLES)
    evidence = {"photometric_interpretation": photometric, "samples_per_pixel": samples}

    def finding(severity: Severity, text: str) -> Finding:
        return Finding("pixel-photometric", severity, text, facts.path, evidence)

    if samples is None:
        yield finding("error", f"{named(tags.SAMPLES)} is missing: how many samples a pixel has is not said")
    if not photometric:
        yield finding("error", f"{named(tags.PHOTOMETRIC)} is missing: what samples mean is not said")
        return
    if photometric not in _SAMPLES:
        yield finding("warning", f"{named(tags.PHOTOMETRIC)} is {photometric!r}, which DICOM does not define")
    elif samples is not None and samples not in _SAMPLES[photometric]:
        count = plural(_SAMPLES[photometric][0], "sample")
        text = f"{named(tags.PHOTOMETRIC)} is {photometric}, which has {count} per pixel; "
        yield finding("error", f"{text}{named(tags.SAMPLES)} is {samples}")
    if photometric == "PALETTE COLOR":
        yield from _palette_findings(facts)
    planar = facts.get(tags.PLANAR)
    if (samples or 1) > 1 and planar not in (0, 1):
        said = "missing" if planar is None else f"{planar}"
        yield finding("warning", f"{named(tags.PLANAR)} is {said}; colour needs 0 (by pixel) or 1 (by plane)")
    elif planar == 1 and photometric.endswith(("_422", "_420")):
        yield finding("warning", f"{photometric} is stored by pixel; {named(tags.PLANAR)} says by plane")
    text = _syntax_problem(facts.syntax, photometric)
    if text:
        yield finding("warning", text)
    if stream is not None and photometric in _SAMPLES:
        text = _stream_problem(photometric, stream)
        if text:
            yield finding("warning", text)


def _palette_findings(facts: PixelFacts) -> Iterator[Finding]:
    for colour, tag in PALETTES.items():
        descriptor = facts.values.get(tag, ())
        if len(descriptor) != 3 or not any(data in facts.present for data in PALETTE_DATA[colour]):
            text = f"PALETTE COLOR needs a lookup table for {colour}: {named(tag)} or its data is missing"
            evidence = {"colour": colour, "descriptor": list(descriptor)}
            yield Finding("pixel-photometric", "error", text, facts.path, evidence)


def _syntax_problem(syntax: str, photometric: str) -> str:
    """Why a transfer syntax cannot hold such pixels (PS3.5 section 8.2); empty where it can."""
    if photometric in ("YBR_ICT", "YBR_RCT") and syntax not in _JPEG_2000:
        return (
            f"{photometric} is a colour space of JPEG 2000; the transfer syntax {syntax or '(none)'} is not JPEG 2000"
        )
    if photometric == "YBR_PARTIAL_420" and not is_movie(syntax):
        return f"{photometric} is for MPEG and HEVC; the transfer syntax is {syntax or '(none)'}"
    if photometric == "YBR_FULL_422" and syntax == RLE:
        return "RLE cannot hold YBR_FULL_422"
    if syntax == _PREFIX + "90" and photometric in ("YBR_ICT", "YBR_FULL_422"):
        return f"{photometric} loses information, which the lossless JPEG 2000 transfer syntax does not allow"
    return ""


def _stream_problem(photometric: str, stream: Codestream) -> str:
    if stream.kind == "JPEG 2000" and stream.components == 3 and stream.colour_transform is not None:
        if stream.colour_transform and photometric == "RGB":
            return "The compressed image has its colours transformed (YBR_RCT or YBR_ICT), the header says RGB"
        if not stream.colour_transform and photometric in ("YBR_ICT", "YBR_RCT"):
            return f"The compressed image has its colours not transformed, the header says {photometric}"
    if stream.kind == "JPEG" and stream.colour_transform and photometric == "RGB":
        return "The compressed image has its colours transformed (YBR), the header says RGB"
    return ""


def stream_findings(facts: PixelFacts, stream: Codestream | None) -> Iterator[Finding]:
    """Check the header against the first compressed image: size, samples, bits and sign."""
    if stream is None:
        return
    for tag, found in ((tags.ROWS, stream.rows), (tags.COLUMNS, stream.columns), (tags.SAMPLES, stream.components)):
        if facts.get(tag) is not None and facts.get(tag) != found:
            # What decodes to another size has no place in the image.
            yield _against_stream(facts, stream, "error", tag, found, "pixel-not-decodable")
    stored, allocated = facts.get(tags.BITS_STORED), facts.get(tags.BITS_ALLOCATED)
    if stored is not None and stream.bits != stored:
        # A wider image than stored bits is common and harmless, as long as it fits into the bits allocated.
        too_wide = allocated is not None and stream.bits > allocated
        severity: Severity = "error" if too_wide else "warning" if stream.bits < stored else "info"
        yield _against_stream(facts, stream, severity, tags.BITS_STORED, stream.bits)
    if stream.signed is not None and facts.get(tags.REPRESENTATION) in (0, 1) and stream.signed != facts.signed:
        yield _against_stream(facts, stream, "warning", tags.REPRESENTATION, int(stream.signed))


def _against_stream(
    facts: PixelFacts,
    stream: Codestream,
    severity: Severity,
    tag: int,
    found: int,
    code: str = "pixel-bits-inconsistent",
) -> Finding:
    text = f"{named(tag)} is {facts.get(tag)}, the compressed image ({stream.kind}) has {found}"
    evidence = {"element": named(tag), "header": facts.get(tag), "compressed": found}
    return Finding(code, severity, text, facts.path, evidence)


def lossy_findings(facts: PixelFacts, found: Fragments | None, stream: Codestream | None) -> Iterator[Finding]:
    """Check Lossy Image Compression (C.7.6.1.1.5) against transfer syntax, method and ratio."""
    if tags.PIXEL_DATA not in facts.bulk:
        return
    said, syntax = facts.text(LOSSY), facts.syntax
    ratios = [ratio for ratio in facts.values.get(LOSSY_RATIO, ()) if isinstance(ratio, float)]
    real = _ratio(facts, found)
    evidence = {"lossy_image_compression": said, "transfer_syntax_uid": syntax, "ratios": ratios, "ratio_found": real}

    def finding(severity: Severity, text: str) -> Finding:
        return Finding("pixel-lossy", severity, text, facts.path, evidence)

    if said not in ("", "00", "01"):
        yield finding("warning", f"{named(LOSSY)} is {said!r}; 00 and 01 are defined")
    lossy_kind = stream.kind if stream is not None and stream.lossy is True else None
    method_is_lossy = lossy_kind is not None
    lossy = syntax in _ALWAYS_LOSSY or is_movie(syntax) or method_is_lossy
    if method_is_lossy and syntax in _LOSSLESS_ONLY:
        text = f"The transfer syntax {syntax} is lossless, the compressed image uses a lossy method"
        yield finding("error", text)
    if lossy and said != "01":
        flag = f"is {said}" if said else "is missing"
        how = "the transfer syntax" if not method_is_lossy else f"the method of the compressed image ({lossy_kind})"
        yield finding("warning", f"{how[:1].upper()}{how[1:]} is lossy, {named(LOSSY)} {flag}")
    if said == "01" and not ratios:
        yield finding("info", f"The image was compressed with loss; {named(LOSSY_RATIO)} does not say how much")
    if lossy and ratios and real and not 1 / RATIO_FACTOR <= ratios[-1] / real <= RATIO_FACTOR:
        yield finding("info", f"{named(LOSSY_RATIO)} is {ratios[-1]:g}, the pixels are compressed {real:.3g} times")


def _ratio(facts: PixelFacts, found: Fragments | None) -> float | None:
    expected = expected_bytes(facts)
    if found is None or expected is None or not sum(found.lengths) or not tags.is_encapsulated(facts.syntax):
        return None
    stored, allocated = facts.get(tags.BITS_STORED) or 0, facts.get(tags.BITS_ALLOCATED) or 1
    # Unused bits are not counted as compressed away (C.7.6.1.1.5.2).
    return expected * min(max(stored, 1) / allocated, 1) / sum(found.lengths)
