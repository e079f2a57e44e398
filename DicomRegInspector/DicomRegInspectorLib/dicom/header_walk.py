"""A walk over the elements of plain files that recognises what it has met before: the fast way to a header.

All but a few elements are the same bytes in all files of a series. A run of elements that was walked before, after the
same tag, is recognised by one comparison and skipped whole: being the same bytes, walking it again would end at the
same place with the same values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from struct import Struct

from .tags import (
    EXPLICIT_LITTLE_ENDIAN,
    IMPLICIT_LITTLE_ENDIAN,
    LONG_VRS,
    MEDIA_STORAGE_DIRECTORY,
    SHORT_VRS,
    UNDEFINED,
    WANTED,
    Tag,
    is_encapsulated,
)
from .undefined_length import NotPlainError, end_of_undefined, plain_character_set

META_END = 0x0002FFFF
RUN_LENGTH = 64
"""Elements in a remembered run; those that keep differing from file to file are left out of it."""
MAX_RUN_BYTES = 4096
MAX_RUNS = 1024

_SHORT_HEADER = Struct("<HHHH").unpack_from
_LONG_LENGTH = Struct("<L").unpack_from
DIRECTORY = MEDIA_STORAGE_DIRECTORY.encode()
"""SOP Class UID of a media directory."""
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
_SAME = {int(tag): int(tag) for tag in WANTED}
"""Tags, so that what all files hold is held under one object."""
Elements = dict[int, bytes]
"""Tag to raw value."""
Run = tuple[bytes, int, Elements, list[tuple[int, int]]]
"""Bytes, the last tag, the wanted values, and each tag with where its element ends within the bytes. It never changes:
threads may share it."""
_Runs = dict[int, Run]
"""By the tag before them. Explicit and implicit encodings have their own: there the same bytes can mean something
else."""
HALF_LIFE = 64
"""Files after which that an element differed counts half."""
OFTEN = 4.0
"""How often an element has differed of late when it is left out of runs: seldom is no more than a new series."""
LEARN_ANEW = 1024
"""Files after which it is found out anew which elements differ: after many short series there may come long ones."""


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
    shared: dict[tuple[object, ...], tuple[Elements, list[Run]]] = field(default_factory=dict)
    """What files with the same runs have in common, by these; and the runs, so that their identity stays theirs."""

    def note_difference(self, runs: _Runs, before: int, known: Run, data: bytes, offset: int) -> None:
        """Find the element by which bytes differ from the run known after a tag; leave it out when it often does.

        A run without it is remembered when the file has been walked over.
        """
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

    def begin_walk(self) -> None:
        """Count a walk; from time to time, forget."""
        self.walks += 1
        if self.walks % LEARN_ANEW == 0:
            self.explicit_runs, self.implicit_runs = {}, {}
            self.varying, self.differed = set(_VARYING), {}

    def in_common(self, media_class: bytes, runs: list[Run]) -> Elements:
        """Return the values of some runs together, and that of the media storage class: one object for all files."""
        key = media_class, *map(id, runs)
        found = self.shared.get(key)
        if found is None:
            values: Elements = {}
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


def walk(data: bytes, size: int, selection: Selection) -> tuple[Elements, int, int]:
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
    meta: Elements = {}
    elements: Elements = {}
    runs: list[Run] = []
    end, next_tag = walk_sharing(data, size, selection, (meta, elements, runs))
    for run in runs:
        elements.update(run[2])
    return {**meta, **elements}, end, next_tag


def walk_sharing(
    data: bytes, size: int, selection: Selection, into: tuple[Elements, Elements, list[Run]]
) -> tuple[int, int]:
    """Walk as :func:`walk` does: into elements of the meta information, elements of the data set, and runs of these."""
    meta, elements, runs = into
    selection.begin_walk()
    if data[132:136] == b"\x02\0\0\0" and data[136:140] != b"UL\x04\0":
        raise NotPlainError  # File Meta Information Group Length, which pydicom interprets.
    of_meta: list[Run] = []
    offset, tag = _pick(data, 132, size, (0x0001FFFF, META_END), (meta, of_meta), selection, False)
    for run in of_meta:
        meta.update(run[2])
    if _is_plain_directory(meta, tag):
        return offset, tag
    if meta[Tag.TRANSFER_SYNTAX_UID].rstrip(b"\0") != IMPLICIT_LITTLE_ENDIAN.encode():
        implicit = False
    elif data[offset + 4 : offset + 6].isalpha() and data[offset + 4 : offset + 6].isupper():
        raise NotPlainError  # encoded explicitly after all, or so pydicom believes
    else:
        implicit = True
    tags = META_END, selection.last_tag
    return _pick(data, offset, size, tags, (elements, runs), selection, implicit)


def _pick(
    data: bytes, offset: int, size: int, tags: tuple[int, int], into: tuple[Elements, list[Run]], picked: Selection,
    implicit: bool,
) -> tuple[int, int]:  # fmt: skip
    """Walk on over what comes after the first of ``tags``, up to and with the last. See :func:`walk`."""
    (previous, last_tag), (values, seen) = tags, into
    available, codes, varying = len(data), picked.codes, picked.varying
    runs = picked.implicit_runs if implicit else picked.explicit_runs
    start_of_run, before_run = offset, previous
    in_run: tuple[Elements, list[tuple[int, int]]] = {}, []
    while True:
        known = runs.get(previous)
        if known is not None:
            if data.startswith(known[0], offset):
                seen.append(known)
                offset += len(known[0])
                start_of_run, before_run, in_run = offset, known[1], ({}, [])
                previous = before_run
                continue
            picked.note_difference(runs, previous, known, data, offset)
        if offset + 8 > available:
            return _end_of_data(offset, available, size), 0
        group, number, vr, length = _SHORT_HEADER(data, offset)
        tag = group << 16 | number
        if tag <= previous:
            raise NotPlainError
        count = len(in_run[1])
        if count and (count >= RUN_LENGTH or tag in varying or tag >= last_tag):
            if offset <= available and offset - start_of_run <= MAX_RUN_BYTES:
                _remember_run(runs, before_run, (data[start_of_run:offset], previous, *in_run))
            start_of_run, before_run, in_run = offset, previous, ({}, [])
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
        in_run[1].append((tag, offset - start_of_run))
        previous = tag
        wanted = codes.get(tag)
        if wanted is not None and (not vr or vr in wanted):
            if offset > available:
                raise IndexError
            values[_SAME.get(tag, tag)] = in_run[0][tag] = data[start:offset]
            if tag == last_tag:
                return offset, 0
        elif wanted is not None and tag not in picked.lenient:
            raise NotPlainError
        if tag in varying:
            start_of_run, before_run, in_run = offset, tag, ({}, [])


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


def _remember_run(runs: _Runs, key: int, run: Run) -> None:
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
    if media_class == DIRECTORY:
        return True
    if next_tag >> 16 < 8:
        raise NotPlainError
    return False
