"""Headers of files, fast where a file is plain and by pydicom where it is not, with the same result.

Nearly every CT and MR file is little endian with its elements in order, its geometry within the first few kilobytes.
For those one read and a walk over the elements is enough. Whatever that walk does not understand goes to
:mod:`.pydicom_header`.
"""

from __future__ import annotations

import os
import stat
import struct
from functools import lru_cache
from os import PathLike, fspath

from ..errors import FileError, NotDicomError
from .header import Header
from .header_walk import DIRECTORY, Elements, Run, Selection, codes_of, walk, walk_sharing
from .pixel_extent import LENGTH_TAGS, pixel_extent, walk_to_pixel_data
from .source import OPEN_FLAGS
from .tags import (
    DEFORMABLE_REGISTRATION_SEQUENCE,
    LAST_TAG,
    LENIENT,
    LONG_VRS,
    REGISTRATION_SEQUENCE,
    SHORT_VRS,
    WANTED,
    Tag,
)
from .undefined_length import NotPlainError, plain_character_set

SHORT_READ = 4096
"""Bytes: more than comes before the first UIDs of the data set in nearly every file."""
FIRST_READ = 8192
"""Bytes: more than the header of nearly every CT or MR file up to Bits Allocated."""
SECOND_READ = 1 << 18
"""Bytes read where the first were not enough (long private groups before the geometry)."""
THIRD_READ = 1 << 28
"""Bytes read at most where a sequence of undefined length has no end in what was read before."""

_HEADER = Selection(codes_of({tag: (vr,) for tag, vr in WANTED.items()}), LAST_TAG, LENIENT)


def read_header(path: str | PathLike[str]) -> Header:
    """Read what an inspection needs of a file's header.

    Raises NotDicomError when the file is readable, but is not DICOM. Raises TruncatedFileError when the file ends
    within its header. Raises FileError when the file cannot be read, is no regular file, or its header cannot be
    parsed.
    """
    name = fspath(path)
    try:
        descriptor = os.open(name, OPEN_FLAGS)
    except (OSError, ValueError) as error:
        raise FileError(name, f"cannot be opened ({_reason(error)}).") from error
    try:
        return _read_open(name, descriptor)
    except OSError as error:
        raise FileError(name, f"cannot be read ({_reason(error)}).") from error
    finally:
        os.close(descriptor)


def _read_open(name: str, descriptor: int) -> Header:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise FileError(name, "is not a regular file.")
    head = os.read(descriptor, FIRST_READ)
    if not head:
        raise NotDicomError(name, "is empty.")
    size = status.st_size
    if head[128:132] == b"DICM":
        try:
            return fast_header(name, descriptor, head, size)
        except NotPlainError:
            pass
    elif not looks_like_bare_dataset(head):
        raise NotDicomError(name, "is not DICOM: no DICM at byte 128, and it does not begin with a DICOM element.")
    from .pydicom_header import slow_header

    return slow_header(name, descriptor, head, size)


def first_elements(path: str, size: int, selection: Selection) -> Elements:
    """Read the elements that a selection wants, where the beginning of a plain file of ``size`` bytes has all of them.

    Returns
    -------
    elements
        Tag to raw value, as :func:`.header_walk.walk` gives them; none where the file has to be read further or by
        pydicom, or cannot be read.
    """
    try:
        descriptor = os.open(path, OPEN_FLAGS)
        try:
            head = os.read(descriptor, SHORT_READ)
        finally:
            os.close(descriptor)
        return walk(head, size, selection)[0] if head[128:132] == b"DICM" else {}
    except (OSError, ValueError, IndexError, struct.error, NotPlainError):
        return {}


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text)[:1].lower() + str(text)[1:]


def looks_like_bare_dataset(head: bytes) -> bool:
    """Tell whether bytes begin with a DICOM element without a preamble: old files and network dumps have none."""
    if len(head) < 8:
        return False
    little = int.from_bytes(head[:2], "little")
    big = int.from_bytes(head[:2], "big")
    explicit = head[4:6] in SHORT_VRS or head[4:6] in LONG_VRS
    if explicit:
        return little in (2, 8) or big in (2, 8)
    # Implicit: the first element of group 8 is short (a length, a character set, an image type, a date).
    return little == 8 and int.from_bytes(head[4:8], "little") <= 1024


def fast_header(name: str, descriptor: int, head: bytes, size: int) -> Header:
    """Return the header by the walk alone.

    Raises NotPlainError when the file needs pydicom.
    """
    own, shared, raw_syntax, end, next_tag = _walk_file(descriptor, head, size)
    syntax = _syntax_of(raw_syntax)

    def locate() -> tuple[int, int] | None:
        place = walk_to_pixel_data(descriptor, end, syntax)
        if place is None:
            from .pydicom_header import pixel_data_by_pydicom

            place = pixel_data_by_pydicom(descriptor, size, name)
        return place

    length_of = tuple([raw if (raw := own.get(tag)) is not None else shared.get(tag, b"") for tag in LENGTH_TAGS])
    pixel_data, missing = pixel_extent(descriptor, length_of, syntax, size, end, locate)
    is_registration = next_tag in (DEFORMABLE_REGISTRATION_SEQUENCE, REGISTRATION_SEQUENCE)
    return Header(name, syntax, own, size, pixel_data, missing, is_registration, shared)


@lru_cache(maxsize=256)
def _syntax_of(raw: bytes) -> str:
    """Cached, so that files share the text."""
    try:
        return raw.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        raise NotPlainError from None


_Walked = tuple[Elements, Elements, bytes, int, int]
"""What is the file's own, what it has in common with others, its transfer syntax, and where
:func:`.header_walk.walk` ended."""


def _walk_file(descriptor: int, head: bytes, size: int) -> _Walked:
    """The walk over as much of the file as it takes."""
    for count in (SECOND_READ, THIRD_READ):
        try:
            return _header_walk(head, size)
        except IndexError:
            if len(head) > FIRST_READ:
                raise NotPlainError from None  # after some big value, over which pydicom leaps in the file
        except struct.error:
            pass  # within a sequence, whose end only reading on can find
        if len(head) >= size:
            raise NotPlainError
        head += os.read(descriptor, min(count, size - len(head)))
    try:
        return _header_walk(head, size)
    except (IndexError, struct.error):
        raise NotPlainError from None


def _header_walk(data: bytes, size: int) -> _Walked:
    """Values of remembered runs are not copied into each file's own."""
    meta: Elements = {}
    own: Elements = {}
    runs: list[Run] = []
    end, next_tag = walk_sharing(data, size, _HEADER, (meta, own, runs))
    media_class = meta.get(Tag.MEDIA_STORAGE_SOP_CLASS_UID, b"")
    shared = _HEADER.in_common(media_class, runs)
    if media_class != DIRECTORY:
        _check(own, shared)
    return own, shared, meta[Tag.TRANSFER_SYNTAX_UID], end, next_tag


def _check(own: Elements, shared: Elements) -> None:
    """Leave to pydicom what does not identify an instance, or names unknown character sets."""
    for tag in (Tag.SOP_CLASS_UID, Tag.SOP_INSTANCE_UID, Tag.SERIES_INSTANCE_UID):
        if not (own.get(tag) or shared.get(tag)):
            raise NotPlainError
    if Tag.SPECIFIC_CHARACTER_SET in own:
        own[Tag.SPECIFIC_CHARACTER_SET] = plain_character_set(own[Tag.SPECIFIC_CHARACTER_SET])
