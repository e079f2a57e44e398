"""Whether a header made of a server's metadata says the same as the instance's own, to whoever judges it."""

from __future__ import annotations

from ...dicom.header import Header, decimals_of, decoded
from ...dicom.private_elements import private_values
from ...dicom.tags import BINARY_SIZES, PEOPLE, WANTED, Tag
from ...series.geometry.frames import read_slices

_OF_THE_FILE = (Tag.SPECIFIC_CHARACTER_SET, Tag.MEDIA_STORAGE_SOP_CLASS_UID, Tag.TRANSFER_SYNTAX_UID)
_NOT_COMPARED = frozenset((*PEOPLE, *_OF_THE_FILE))
_COMPARED = tuple((tag, vr) for tag, vr in WANTED.items() if tag not in _NOT_COMPARED)
_PLACES = (Tag.IMAGE_POSITION, Tag.IMAGE_ORIENTATION)
"""Of which the last digit counts: it says how far rounding can have moved a slice."""
_DECIMALS = tuple(tag for tag, vr in _COMPARED if vr == b"DS")


def decimals_written(header: Header) -> dict[int, int]:
    """Return the digits after the point of each decimal element of a header, where it has any."""
    known = {tag: decimals_of(header.raw(tag)) for tag in _DECIMALS}
    return {tag: count for tag, count in known.items() if count is not None and count > 0}


def says_the_same(own: Header, made: Header) -> bool:
    """Tell whether two headers are judged alike, as far as their files go.

    Parameters
    ----------
    own
        Of the instance.
    made
        Of its metadata, numbers with as many digits as the instance has.
    """
    for tag, vr in _COMPARED:
        if _value(own, tag, vr) != _value(made, tag, vr):
            return False
    if any(decimals_of(own.raw(tag)) != decimals_of(made.raw(tag)) for tag in _PLACES):
        return False
    if own.is_image != made.is_image or own.is_registration != made.is_registration:
        return False
    return not own.is_image or (private_values(own) == private_values(made) and _slices(own) == _slices(made))


def _value(header: Header, tag: int, vr: bytes) -> object:
    raw = header.raw(tag)
    if vr in BINARY_SIZES:
        return raw
    text = decoded(raw, header.raw(Tag.SPECIFIC_CHARACTER_SET))
    parts = [part.strip(" \0") for part in text.split("\\")]
    if vr not in (b"DS", b"IS"):
        return parts
    try:
        return [float(part) if part else None for part in parts]
    except ValueError:
        return parts


def _slices(header: Header) -> object:
    """Where a file's slices lie, and what else is known of each."""
    slices, findings = read_slices([header])
    return (
        [
            (slice_.position_lps_mm, slice_.orientation, slice_.pixel_spacing_mm, dict(slice_.frame_values))
            for slice_ in slices
        ],
        [(finding.code, finding.severity) for finding in findings],
    )
