"""What a compressed image says of itself in its first bytes: JPEG, JPEG-LS and JPEG 2000 (ITU-T T.81, T.87, T.800)."""

from __future__ import annotations

from dataclasses import dataclass

J2K_START = b"\xff\x4f\xff\x51"
JPEG_START = b"\xff\xd8"
JP2_START = b"\x00\x00\x00\x0cjP  "
_FRAME_MARKERS = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7))
_LOSSLESS_MARKERS = frozenset((0xC3, 0xC7, 0xCB, 0xCF))


@dataclass(frozen=True)
class Codestream:
    """The header of one compressed image."""

    kind: str
    """``JPEG``, ``JPEG-LS`` or ``JPEG 2000``."""
    rows: int
    columns: int
    components: int
    bits: int
    """Of the first component."""
    signed: bool | None
    """None where the format does not say."""
    lossy: bool | None
    """Whether the method loses information; None where only the encoder knows."""
    colour_transform: bool | None = None
    """Whether components were transformed (from RGB); None where that is not said."""


def frame_begins(head: bytes) -> bool:
    """Tell whether a fragment that begins with these bytes begins an image."""
    return head.startswith((JPEG_START, J2K_START, JP2_START))


def parse_codestream(data: bytes) -> Codestream | None:
    """Give the header in the first bytes of a frame; None when it is none of these formats or not within the bytes."""
    try:
        if data.startswith(JP2_START):
            data = data[data.index(J2K_START) :]
        if data.startswith(J2K_START):
            return _jpeg_2000(data)
        return _jpeg(data) if data.startswith(JPEG_START) else None
    except (IndexError, ValueError):
        return None


def _u16(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]


def _u32(data: bytes, at: int) -> int:
    return _u16(data, at) << 16 | _u16(data, at + 2)


def _jpeg_2000(data: bytes) -> Codestream:
    # SIZ (T.800 A.5.1): Lsiz, Rsiz, Xsiz, Ysiz, XOsiz, YOsiz, tiles, Csiz, then a depth for each component.
    columns, rows = _u32(data, 8) - _u32(data, 16), _u32(data, 12) - _u32(data, 20)
    components, depth = _u16(data, 40), data[42]
    lossy = transform = None
    at = 4 + _u16(data, 4)
    while data[at] == 0xFF and data[at + 1] not in (0x90, 0x93):
        if data[at + 1] == 0x52:
            # COD (A.6.1): the component transformation and the wavelet, 0 being the irreversible 9-7.
            transform = data[at + 8] == 1
            # The reversible wavelet may still have been cut short: only the encoder knows.
            lossy = True if data[at + 13] == 0 else None
        at += 2 + _u16(data, at + 2)
    return Codestream("JPEG 2000", rows, columns, components, (depth & 0x7F) + 1, bool(depth & 0x80), lossy, transform)


def _jpeg(data: bytes) -> Codestream | None:
    at, transform, frame = 2, None, None
    lossy: bool | None = None
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker in (0xFF, 0x01) or 0xD0 <= marker <= 0xD8:
            at += 1 if marker == 0xFF else 2
            continue
        length = _u16(data, at + 2)
        if marker == 0xEE and data[at + 4 : at + 9] == b"Adobe":
            transform = data[at + 15] != 0
        elif marker in _FRAME_MARKERS:
            frame = (_u16(data, at + 5), _u16(data, at + 7), data[at + 9], data[at + 4], marker)
            lossy = marker not in _LOSSLESS_MARKERS
        elif marker == 0xDA:
            if frame is not None and frame[4] == 0xF7:
                # SOS of JPEG-LS (T.87 C.2.3): the near-lossless error stands after the components.
                lossy = data[at + 5 + 2 * data[at + 4]] > 0
            break
        elif marker == 0xD9:
            break
        at += 2 + length
    if frame is None:
        return None
    kind = "JPEG-LS" if frame[4] == 0xF7 else "JPEG"
    return Codestream(kind, frame[0], frame[1], frame[2], frame[3], None, lossy, transform)
