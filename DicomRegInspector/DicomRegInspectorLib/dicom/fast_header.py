"""Headers of files, fast where a file is plain and by pydicom where it is not, with the same result.

Nearly every CT and MR file is little endian with its elements in order, its geometry within the first few kilobytes.
For those one read and a walk over the elements is enough. Whatever that walk does not understand goes to
:mod:`.pydicom_header`.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from os import PathLike, fspath
from struct import Struct

from ..errors import FileError, NotDicomError
from .header import Header
from .pixel_extent import LENGTH_TAGS, pixel_extent, walk_to_pixel_data
from .source import OPEN_FLAGS
from .tags import (
    DEFORMABLE_REGISTRATION_SEQUENCE,
    EXPLICIT_LITTLE_ENDIAN,
    IMPLICIT_LITTLE_ENDIAN,
    LAST_TAG,
    LENIENT,
    LONG_VRS,
    MEDIA_STORAGE_DIRECTORY,
    REGISTRATION_SEQUENCE,
    SHORT_VRS,
    UNDEFINED,
    WANTED,
    Tag,
    is_encapsulated,
)
from .undefined_length import NotPlainError, end_of_undefined, plain_character_set

FIRST_READ = 8192
"""Bytes: more than the header of nearly every CT or MR file up to Bits Allocated."""
SECOND_READ = 1 << 18
"""Bytes read where the first were not enough (long private groups before the geometry)."""
THIRD_READ = 1 << 28
"""Bytes read at most where a sequence of undefined length has no end in what was read before."""

META_END = 0x0002FFFF
RUN_LENGTH = 64
"""Elements in a remembered run; those that keep differing from file to file are left out of it."""
MAX_RUN_BYTES = 4096
MAX_RUNS = 1024

_SHORT_HEADER = Struct("<HHHH").unpack_from
_LONG_LENGTH = Struct("<L").unpack_from
_DIRECTORY = MEDIA_STORAGE_DIRECTORY.encode()
_LITTLE_ENDIAN = (EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN)
# A VR compared as the number its two bytes make.
_SHORT_CODES = frozenset(int.from_bytes(vr, "little") for vr in SHORT_VRS)
_LONG_CODES = frozenset(int.from_bytes(vr, "little") for vr in LONG_VRS)
# Elements that differ from file to file in most series. Others that do are found out.
_VARYING = frozenset(
    [
        Tag.SOP_INSTANCE_UID,
        Tag.ACQUISITION_DATE_TIME,
        Tag.ACQUISITION_TIME,
        Tag.CONTENT_TIME,
        Tag.TRIGGER_TIME,
        Tag.INSTANCE_NUMBER,
        Tag.IMAGE_POSITION,
        Tag.SLICE_LOCATION,
    ]
)
# All others are mostly the same bytes in all files of a series. A run of elements that was walked before, after the
# same tag, is recognised by one comparison and skipped whole: being the same bytes, walking it again would end at the
# same place with the same values. Entries never change: threads may share. Explicit and implicit encodings have their
# own: the same bytes can mean different elements.
_Elements = dict[int, bytes]
_Run = tuple[bytes, int, _Elements, list[tuple[int, int]]]
"""Bytes, the last tag, the wanted values, and each tag with where its element ends within the bytes."""
_Runs = dict[int, _Run]
"""By the tag before them."""
HALF_LIFE = 64
"""Files after which that an element differed counts half."""
OFTEN = 4.0
"""How often an element has differed of late when it is left out of runs: seldom is no more than a new series."""


@dataclass(eq=False)
class Selection:
    """Which elements a walk picks, and the runs of elements that it knows."""

    codes: Mapping[int, tuple[int, ...]]
    """Tag to the value representations it may have, each as the number that its two bytes make."""
    last_tag: int
    """Nothing after it is picked."""
    lenient: frozenset[int] = frozenset()
    """Tags passed over where they have another representation; for others that is not plain."""
    explicit_runs: _Runs = field(default_factory=dict)
    implicit_runs: _Runs = field(default_factory=dict)
    varying: set[int] = field(default_factory=lambda: set(_VARYING))
    """Elements that are in no run."""
    differed: dict[int, tuple[float, int]] = field(default_factory=dict)
    """By tag how often it differed of late, and at which walk it did last."""
    walks: int = 0
    shared: dict[tuple[object, ...], tuple[_Elements, list[_Run]]] = field(default_factory=dict)
    """What files with the same runs have in common, by these; and the runs, so that their identity stays theirs."""

    def note_difference(self, runs: _Runs, before: int, data: bytes, offset: int) -> None:
        """Find the element by which bytes differ from the run remembered after a tag; leave it out when it often does.

        A run without it is remembered when the file has been walked over.
        """
        known = runs[before]
        start = 0
        for tag, end in known[3]:
            if not data.startswith(known[0][start:end], offset + start):
                count, last = self.differed.get(tag, (0.0, 0))
                count = count * 0.5 ** ((self.walks - last) / HALF_LIFE) + 1
                self.differed[tag] = count, self.walks
                if count >= OFTEN:
                    self.varying.add(tag)
                    runs.pop(before, None)
                return
            start = end

    def in_common(self, media_class: bytes, runs: list[_Run]) -> _Elements:
        """Return the values of some runs together, and that of the media storage class: one object for all files."""
        key = media_class, *map(id, runs)
        found = self.shared.get(key)
        if found is None:
            values: _Elements = {}
            for run in runs:
                values.update(run[2])
            if media_class:
                values[Tag.MEDIA_STORAGE_SOP_CLASS_UID] = media_class
            if Tag.SPECIFIC_CHARACTER_SET in values:
                values[Tag.SPECIFIC_CHARACTER_SET] = plain_character_set(values[Tag.SPECIFIC_CHARACTER_SET])
            if len(self.shared) >= MAX_RUNS:
                self.shared.clear()
            found = self.shared[key] = values, runs
        return found[0]


def codes_of(representations: Mapping[int, tuple[bytes, ...]]) -> dict[int, tuple[int, ...]]:
    """Return what a :class:`Selection` has for each tag, from the names of its value representations."""
    return {tag: tuple(int.from_bytes(vr, "little") for vr in vrs) for tag, vrs in representations.items()}


_SAME = {int(tag): int(tag) for tag in WANTED}
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
    return raw.rstrip(b"\0").decode("ascii")


_Walked = tuple[_Elements, _Elements, bytes, int, int]
"""What is the file's own, what it has in common with others, its transfer syntax, and as of :func:`walk`."""


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
    meta: _Elements = {}
    own: _Elements = {}
    runs: list[_Run] = []
    end, next_tag = _walk(data, size, _HEADER, meta, own, runs)
    media_class = meta.get(Tag.MEDIA_STORAGE_SOP_CLASS_UID, b"")
    shared = _HEADER.in_common(media_class, runs)
    if media_class != _DIRECTORY:
        _check(own, shared)
    return own, shared, meta[Tag.TRANSFER_SYNTAX_UID], end, next_tag


def walk(data: bytes, size: int, selection: Selection) -> tuple[dict[int, bytes], int, int]:
    """Pick the wanted elements of a little endian file whose elements are in ascending order.

    Raises IndexError when ``data`` ends before the last wanted element, though the file does not. Raises struct.error
    when ``data`` ends within a sequence of undefined length. Raises NotPlainError for everything else this walk does
    not understand, and for a file that is cut off.

    Returns
    -------
    elements
        Tag to raw value, Transfer Syntax UID among them; of a media directory only those of its meta information.
    end
        Offset in the file where reading stopped.
    next_tag
        The first element that is not read any more; 0 at the end of the file or after the last wanted one.
    """
    elements: _Elements = {}
    end, next_tag = _walk(data, size, selection, elements, elements, None)
    return elements, end, next_tag


def _walk(
    data: bytes, size: int, selection: Selection, meta: _Elements, elements: _Elements, seen: list[_Run] | None
) -> tuple[int, int]:
    """As :func:`walk`; with ``seen``, runs are noted there instead of their values in ``elements``."""
    selection.walks += 1
    if data[132:136] == b"\x02\0\0\0" and data[136:140] != b"UL\x04\0":
        raise NotPlainError  # File Meta Information Group Length, which pydicom interprets.
    offset, tag = _pick(data, 132, size, (0x0001FFFF, META_END), meta, selection, False, None)
    if _is_plain_directory(meta, tag):
        return offset, tag
    if meta[Tag.TRANSFER_SYNTAX_UID].rstrip(b"\0") != IMPLICIT_LITTLE_ENDIAN.encode():
        implicit = False
    elif data[offset + 4 : offset + 6].isalpha() and data[offset + 4 : offset + 6].isupper():
        raise NotPlainError  # encoded explicitly after all, or so pydicom believes
    else:
        implicit = True
    tags = META_END, selection.last_tag
    return _pick(data, offset, size, tags, elements, selection, implicit, seen)


def _pick(
    data: bytes,
    offset: int,
    size: int,
    tags: tuple[int, int],
    into: _Elements,
    picked: Selection,
    implicit: bool,
    seen: list[_Run] | None,
) -> tuple[int, int]:
    """Walk on over what comes after the first of ``tags``, up to and with the last. See :func:`walk`."""
    previous, last_tag = tags
    available, codes, varying = len(data), picked.codes, picked.varying
    runs = picked.implicit_runs if implicit else picked.explicit_runs
    run_start, run_key, run_count = offset, previous, 0
    run_values: dict[int, bytes] = {}
    run_ends: list[tuple[int, int]] = []
    while True:
        known = runs.get(previous)
        if known is not None:
            if data.startswith(known[0], offset):
                offset += len(known[0])
                previous = known[1]
                if seen is None:
                    into.update(known[2])
                elif known[2]:
                    seen.append(known)
                run_start, run_key, run_count = offset, previous, 0
                continue
            picked.note_difference(runs, previous, data, offset)
        if offset + 8 > available:
            return _end_of_data(offset, available, size), 0
        group, number, vr, length = _SHORT_HEADER(data, offset)
        tag = group << 16 | number
        if tag <= previous:
            raise NotPlainError
        if not run_count:
            run_values, run_ends = {}, []
        elif run_count >= RUN_LENGTH or tag in varying or tag >= last_tag:
            if offset <= available and offset - run_start <= MAX_RUN_BYTES:
                _remember_run(runs, run_key, (data[run_start:offset], previous, run_values, run_ends))
            run_start, run_key, run_count, run_values, run_ends = offset, previous, 0, {}, []
        if tag > last_tag:
            return offset, tag
        start = offset + 8
        if implicit:
            vr, length = 0, _LONG_LENGTH(data, offset + 4)[0]
        elif vr in _LONG_CODES:
            if offset + 12 > available:
                raise IndexError if available < size else NotPlainError
            length = _LONG_LENGTH(data, start)[0]
            start += 4
        elif vr not in _SHORT_CODES:
            raise NotPlainError
        offset = start + length if length != UNDEFINED else _end_of_sequence(data, start, tag, vr, codes)
        if offset > size:
            raise NotPlainError
        run_count += 1
        run_ends.append((tag, offset - run_start))
        previous = tag
        wanted = codes.get(tag)
        if wanted is not None and (not vr or vr in wanted):
            if offset > available:
                raise IndexError
            tag = previous = _SAME.get(tag, tag)  # One object for all files.
            into[tag] = run_values[tag] = data[start:offset]
            if tag == last_tag:
                return offset, 0
        elif wanted is not None and tag not in picked.lenient:
            raise NotPlainError
        if tag in varying:
            run_start, run_key, run_count = offset, tag, 0


def _end_of_sequence(data: bytes, start: int, tag: int, vr: int, codes: Mapping[int, tuple[int, ...]]) -> int:
    if tag in codes or tag >> 16 == 2:
        raise NotPlainError  # no sequences in any sound file
    return end_of_undefined(data, start, tag, vr)


def _end_of_data(offset: int, available: int, size: int) -> int:
    """The offset, if the data ends with the file and with an element."""
    if available < size:
        raise IndexError
    if offset < available:
        raise NotPlainError
    return offset


def _remember_run(runs: _Runs, key: int, run: _Run) -> None:
    if len(runs) >= MAX_RUNS:
        runs.clear()
    runs[key] = run


def _is_plain_directory(elements: dict[int, bytes], next_tag: int) -> bool:
    """Whether the file meta information is a media directory's; NotPlainError unless little endian follows."""
    syntax = elements.get(Tag.TRANSFER_SYNTAX_UID, b"").rstrip(b"\0").decode("ascii", "replace")
    if not next_tag or not (syntax in _LITTLE_ENDIAN or is_encapsulated(syntax)):
        raise NotPlainError
    media_class = elements.pop(Tag.MEDIA_STORAGE_SOP_CLASS_UID, b"").rstrip(b"\0 ")
    if media_class:
        if not media_class.replace(b".", b"").isdigit():
            raise NotPlainError
        elements[Tag.MEDIA_STORAGE_SOP_CLASS_UID] = media_class
    if media_class == _DIRECTORY:
        return True
    if next_tag >> 16 < 8:
        raise NotPlainError
    return False


def _check(own: _Elements, shared: _Elements) -> None:
    """Leave to pydicom what does not identify an instance, or names unknown character sets."""
    for tag in (Tag.SOP_CLASS_UID, Tag.SOP_INSTANCE_UID, Tag.SERIES_INSTANCE_UID):
        if not (own.get(tag) or shared.get(tag)):
            raise NotPlainError
    if Tag.SPECIFIC_CHARACTER_SET in own:
        own[Tag.SPECIFIC_CHARACTER_SET] = plain_character_set(own[Tag.SPECIFIC_CHARACTER_SET])
