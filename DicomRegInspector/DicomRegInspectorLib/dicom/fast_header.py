"""Headers of files, fast where a file is plain and by pydicom where it is not, with the same result.

Nearly every CT and MR file is explicit little endian with defined lengths, its geometry within the first few kilobytes.
For those one read and a walk over the elements is enough. Whatever that walk does not understand goes to
:mod:`.slow_reading`.
"""

from __future__ import annotations

import os
import stat
from os import PathLike, fspath
from struct import Struct

from ..errors import FileError, NotDicomError, TruncatedFileError
from .header import Header
from .pixel_extent import pixel_extent
from .tags import (
    DEFORMABLE_REGISTRATION_SEQUENCE,
    EXPLICIT_LITTLE_ENDIAN,
    LAST_TAG,
    LONG_VRS,
    MEDIA_STORAGE_DIRECTORY,
    REGISTRATION_SEQUENCE,
    SHORT_VRS,
    UNDEFINED,
    WANTED,
    Tag,
    is_encapsulated,
    partial_element_problem,
    truncation_problem,
)
from .undefined_length import NotPlainError

FIRST_READ = 8192
"""Bytes: more than the header of nearly every CT or MR file up to Bits Allocated."""
SECOND_READ = 1 << 18
"""Bytes read where the first were not enough (long private groups before the geometry)."""

META_END = 0x0002FFFF
RUN_LENGTH = 6
"""Elements in a remembered run: one that differs from file to file costs the walk over its own run only."""
MAX_RUN_BYTES = 4096
MAX_RUNS = 1024

_SHORT_HEADER = Struct("<HHHH").unpack_from
_LONG_LENGTH = Struct("<L").unpack_from
# A VR compared as the number its two bytes make.
_SHORT_CODES = frozenset(int.from_bytes(vr, "little") for vr in SHORT_VRS)
_LONG_CODES = frozenset(int.from_bytes(vr, "little") for vr in LONG_VRS)
_WANTED_CODES = {tag: int.from_bytes(vr, "little") for tag, vr in WANTED.items()}
# Elements between the wanted ones are mostly the same bytes in all files of a series. A run of them that was walked
# before, after the same tag, is recognised by one comparison and skipped whole: being the same bytes, walking it again
# would end at the same place. Tag before a run to its bytes and its last tag; entries never change: threads may share.
_runs: dict[int, tuple[bytes, int]] = {}
# O_NONBLOCK: opening a FIFO must not wait for a writer. Windows has O_BINARY instead.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
# Defined terms of Specific Character Set (PS3.3 C.12.1.1.2); anything else is left to pydicom to judge.
_CHARACTER_SETS = frozenset(
    [b"", b"ISO_IR 6", b"ISO_IR 192", b"GB18030", b"GBK"]
    + [b"ISO_IR %d" % number for number in (13, 100, 101, 109, 110, 126, 127, 138, 144, 148, 166)]
    + [b"ISO 2022 IR %d" % n for n in (6, 13, 58, 87, 100, 101, 109, 110, 126, 127, 138, 144, 148, 149, 159, 166)]
)


def read_header(path: str | PathLike[str]) -> Header:
    """Read what an inspection needs of a file's header.

    Raises
    ------
    NotDicomError
        The file is readable, but is not DICOM.
    TruncatedFileError
        The file ends within its header.
    FileError
        The file cannot be read, is no regular file, or its header cannot be parsed.
    """
    name = fspath(path)
    try:
        descriptor = os.open(name, _OPEN_FLAGS)
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


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text)[:1].lower() + str(text)[1:]


def looks_like_bare_dataset(head: bytes) -> bool:
    """Whether bytes begin with a DICOM element though there is no preamble: old files and network dumps have none."""
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
    """The header by the walk alone.

    Raises
    ------
    NotPlainError
        When the file needs pydicom.
    """
    try:
        elements, end, next_tag = walk(head, size, name)
    except IndexError:
        if len(head) >= size or len(head) > FIRST_READ:
            raise NotPlainError from None
        try:
            elements, end, next_tag = walk(head + os.read(descriptor, SECOND_READ), size, name)
        except IndexError:
            raise NotPlainError from None
    syntax = elements.pop(Tag.TRANSFER_SYNTAX_UID).rstrip(b"\0").decode("ascii")
    pixel_data, missing = pixel_extent(descriptor, name, elements, syntax, size, end)
    is_registration = next_tag in (DEFORMABLE_REGISTRATION_SEQUENCE, REGISTRATION_SEQUENCE)
    return Header(name, syntax, elements, size, pixel_data, missing, is_registration)


def walk(data: bytes, size: int, name: str) -> tuple[dict[int, bytes], int, int]:
    """Pick the wanted elements of an explicit little endian file with defined lengths in ascending order.

    Returns
    -------
    elements
        Tag to raw value, Transfer Syntax UID among them.
    end
        Offset in the file where reading stopped.
    next_tag
        The first element that is not read any more; 0 at the end of the file or after the last wanted one.

    Raises
    ------
    IndexError
        When ``data`` ends before the last wanted element, though the file does not.
    NotPlainError
        For everything else this walk does not understand.
    TruncatedFileError
        When an element of the dataset ends beyond the file.
    """
    elements: dict[int, bytes] = {}
    if data[132:136] == b"\x02\0\0\0" and data[136:140] != b"UL\x04\0":
        raise NotPlainError  # File Meta Information Group Length, which pydicom interprets.
    try:
        offset, tag = _pick(data, 132, size, name, 0x0001FFFF, META_END, elements)
    except TruncatedFileError:
        raise NotPlainError from None
    if _is_plain_directory(elements, tag):
        return elements, offset, tag
    try:
        offset, tag = _pick(data, offset, size, name, META_END, LAST_TAG, elements)
    except TruncatedFileError:
        _check_character_set(elements)
        raise
    return _checked(elements), offset, tag


def _pick(
    data: bytes, offset: int, size: int, name: str, previous: int, last_tag: int, elements: dict[int, bytes]
) -> tuple[int, int]:
    """Walk on from ``offset`` up to and with ``last_tag``; wanted values go into ``elements``. See :func:`walk`."""
    available = len(data)
    run_start, run_key, run_count = offset, previous, 0
    while True:
        known = _runs.get(previous)
        if known is not None and data.startswith(known[0], offset):
            offset += len(known[0])
            run_start, run_key, run_count = offset, known[1], 0
            previous = known[1]
            continue
        if offset + 8 > available:
            return _end_of_data(offset, available, size, name), 0
        group, number, vr, length = _SHORT_HEADER(data, offset)
        tag = group << 16 | number
        if tag <= previous:
            raise NotPlainError
        wanted_vr = _WANTED_CODES.get(tag)
        if wanted_vr is not None or run_count >= RUN_LENGTH or tag > last_tag:
            if run_count and offset <= available:
                _remember_run(run_key, data[run_start:offset], previous)
            run_start, run_key, run_count = offset, previous, 0
        if tag > last_tag:
            return offset, tag
        start = offset + 8
        if vr in _LONG_CODES:
            if offset + 12 > available:
                raise IndexError if available < size else NotPlainError
            length = _LONG_LENGTH(data, start)[0]
            start += 4
            if length == UNDEFINED:
                raise NotPlainError
        elif vr not in _SHORT_CODES:
            raise NotPlainError
        offset = start + length
        if offset > size:
            raise TruncatedFileError(name, truncation_problem(tag, length, size - start))
        run_count += 1
        previous = tag
        if wanted_vr is not None:
            if vr != wanted_vr:
                raise NotPlainError
            if offset > available:
                raise IndexError
            elements[tag] = data[start:offset]
            if tag == last_tag:
                return offset, 0
            run_start, run_key, run_count = offset, tag, 0


def _end_of_data(offset: int, available: int, size: int, name: str) -> int:
    """The offset, if the data ends with the file and with an element."""
    if available < size:
        raise IndexError
    if offset < available:
        raise TruncatedFileError(name, partial_element_problem(available - offset))
    return offset


def _remember_run(key: int, run: bytes, last_tag: int) -> None:
    if len(run) <= MAX_RUN_BYTES:
        if len(_runs) >= MAX_RUNS:
            _runs.clear()
        _runs[key] = (run, last_tag)


def _is_plain_directory(elements: dict[int, bytes], next_tag: int) -> bool:
    """Whether the file meta information is a media directory's; NotPlainError unless explicit little endian follows."""
    syntax = elements.get(Tag.TRANSFER_SYNTAX_UID, b"").rstrip(b"\0").decode("ascii", "replace")
    if not next_tag or (syntax != EXPLICIT_LITTLE_ENDIAN and not is_encapsulated(syntax)):
        raise NotPlainError
    media_class = elements.pop(Tag.MEDIA_STORAGE_SOP_CLASS_UID, b"").rstrip(b"\0 ")
    if media_class:
        if not media_class.replace(b".", b"").isdigit():
            raise NotPlainError
        elements[Tag.MEDIA_STORAGE_SOP_CLASS_UID] = media_class
    if media_class == MEDIA_STORAGE_DIRECTORY.encode():
        return True
    if next_tag >> 16 < 8:
        raise NotPlainError
    return False


def _checked(elements: dict[int, bytes]) -> dict[int, bytes]:
    """The elements, if they identify an instance and name known character sets."""
    if not (
        elements.get(Tag.SOP_CLASS_UID) and elements.get(Tag.SOP_INSTANCE_UID) and elements.get(Tag.SERIES_INSTANCE_UID)
    ):
        raise NotPlainError
    _check_character_set(elements)
    return elements


def _check_character_set(elements: dict[int, bytes]) -> None:
    """Bring Specific Character Set into its plain form; pydicom's word counts for one that is not known."""
    character_set = elements.get(Tag.SPECIFIC_CHARACTER_SET)
    if character_set is not None:
        names = [part.strip(b" \0") for part in character_set.split(b"\\")]
        if not _CHARACTER_SETS.issuperset(names):
            raise NotPlainError
        elements[Tag.SPECIFIC_CHARACTER_SET] = b"\\".join(names)
