"""Whom a DICOM file names, and headers whose free text does not name them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FileError
from ..privacy import NOBODY, Identities
from .fast_header import read_header
from .header import Header, decoded
from .tags import DEFLATED_LITTLE_ENDIAN, PEOPLE, WANTED, Tag

if TYPE_CHECKING:
    from .wanted_elements import Items

NAMES = frozenset(
    [*PEOPLE, 0x00140104, 0x00142006, 0x00321032, 0x00400006, 0x00401010, 0x00402008, 0x00404037, 0x0040A075]
    + [0x0040A123, 0x00700084]
)
"""Elements that hold names of people, in a header and beyond it: of those who asked, performed, verified, created."""
NUMBERS = frozenset(
    [Tag.PATIENT_ID, Tag.OTHER_PATIENT_IDS, Tag.MEDICAL_RECORD_LOCATOR, Tag.ACCESSION_NUMBER]
    + [0x00101040, 0x00102154, 0x00102155, 0x00380010]
)
"""Numbers of patients, requests and admissions; address and telephone."""
_DATES = frozenset([Tag.PATIENT_BIRTH_DATE])
_PLACES = frozenset([Tag.INSTITUTION_NAME, Tag.ISSUER_OF_PATIENT_ID])
_IDENTIFYING = NAMES | NUMBERS | _DATES | _PLACES
SEQUENCES = frozenset(
    [0x00081120, 0x00101002, 0x00400100, 0x00400275, 0x00400555, 0x00404035, 0x0040A073, 0x0040A078, 0x0040A370]
    + [0x04000550, 0x04000561]
)
"""Sequences whose items name people: other IDs of the patient, requests, performers, observers, former attributes."""
_LAST = 0x0400FFFF
"""Nothing that identifies comes after it; vectors and pixels of most objects do."""
_IN_HEADER = tuple(sorted(tag for tag in _IDENTIFYING if tag in WANTED))
_TEXT = tuple(
    tag
    for tag, vr in WANTED.items()
    if vr in (b"LO", b"SH", b"CS") and tag not in _IDENTIFYING and tag != Tag.SPECIFIC_CHARACTER_SET
)
"""What of a header is free text, and codes in which free text is found all the same."""
_TEXT_OR_WHO = frozenset((*_IN_HEADER, *_TEXT, Tag.SPECIFIC_CHARACTER_SET))
UTF_8 = b"ISO_IR 192"
_BREAKS = frozenset(b"\\^=")
"""Where a text begins anew with the first of its character sets (PS3.5 section 6.1.2.5.3)."""


def identities_of(elements: Mapping[int, bytes]) -> Identities:
    """Return whom the elements of a header name."""
    values = tuple([elements.get(tag, b"") for tag in _IN_HEADER])
    return _identities(values, elements.get(Tag.SPECIFIC_CHARACTER_SET, b""))


@lru_cache(maxsize=1024)
def _identities(values: tuple[bytes, ...], character_set: bytes) -> Identities:
    """Of the values of :data:`_IN_HEADER`: most files of a patient have the same."""
    return _gathered(zip(_IN_HEADER, values, strict=True), character_set)


def header_of(path: str | PathLike[str]) -> Mapping[int, bytes]:
    """Return the elements of a file's header, for whom they name; none when it cannot be read."""
    try:
        return read_header(path).elements
    except FileError:
        return {}


def identities_in(path: str | PathLike[str]) -> Identities:
    """Return whom a file names, also in sequences: requests, original attributes, observers; nobody when unreadable."""
    try:
        status = os.stat(path)
    except OSError:
        return NOBODY
    return _identities_in(os.fspath(path), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _identities_in(path: str, size: int, changed_ns: int) -> Identities:
    """Of a registration both who sorts files and who reads it ask, and a deflated one is slow to walk through."""
    # Opened only where a patient is new: what reads a file of any encoding takes a while to import.
    from .wanted_elements import read_elements

    for wanted in (_IDENTIFYING | SEQUENCES, _IDENTIFYING):
        try:
            root = read_elements(Path(path), {*wanted, Tag.SPECIFIC_CHARACTER_SET}, up_to=_LAST).root
        except (FileError, OSError):
            continue  # a sequence is damaged, or all of it: said by whoever reads the file for what it is
        return _of_items(root, b"")
    return NOBODY


def _of_items(items: Items, character_set: bytes) -> Identities:
    own = items.get(Tag.SPECIFIC_CHARACTER_SET)
    character_set = own.value or b"" if own is not None else character_set
    values = [(tag, element.value or b"") for tag, element in items.elements.items() if tag in _IDENTIFYING]
    found = _gathered(values, character_set)
    for element in items.elements.values():
        for item in element.items or ():
            found |= _of_items(item, character_set)
    return found


def _gathered(values: Iterable[tuple[int, bytes]], character_set: bytes) -> Identities:
    found: dict[frozenset[int], set[str]] = {NAMES: set(), NUMBERS: set(), _DATES: set(), _PLACES: set()}
    for tag, raw in values:
        kind = next(kind for kind in found if tag in kind)
        for text in _texts(raw, character_set) if raw else ():
            found[kind].update(part.strip() for part in text.split("\\") if part.strip())
    return Identities(*map(frozenset, found.values()))


def _texts(raw: bytes, character_set: bytes) -> list[str]:
    """A value as the file's character set reads it, and as UTF-8, which writers use without saying so."""
    texts = [decoded(raw, character_set, _BREAKS)]
    if not raw.isascii():
        with suppress(UnicodeDecodeError):
            texts.append(raw.decode("utf-8").strip(" \0"))
    return texts


class Gathered:
    """Whom the files of one run name, each patient's looked at once."""

    def __init__(self) -> None:
        self._seen: set[tuple[bytes, bytes, bytes]] = set()
        self._patients: set[tuple[bytes, bytes]] = set()
        self._found = NOBODY

    @property
    def identities(self) -> Identities:
        """All of them."""
        return self._found

    def add(self, header: Header) -> None:
        """Take in whom a file names; in a series it may be several patients, but one set of physicians.

        Of the first file of each patient also its sequences are read; not of a deflated registration, which is walked
        through once, by who reads it and tells whom it names.
        """
        patient = header.raw(Tag.PATIENT_NAME), header.raw(Tag.PATIENT_ID)
        key = (*patient, header.raw(Tag.SERIES_INSTANCE_UID))
        if key in self._seen:
            return
        self._seen.add(key)
        self._found |= identities_of(header.elements)
        is_slow = header.is_registration and header.transfer_syntax_uid == DEFLATED_LITTLE_ENDIAN
        if patient not in self._patients and not is_slow:
            self._patients.add(patient)
            self._found |= identities_in(header.path)


def gathered(headers: Iterable[Header]) -> Identities:
    """Return whom files name; see :class:`Gathered`."""
    found = Gathered()
    for header in headers:
        found.add(header)
    return found.identities


def without_names(header: Header) -> Header:
    """Return a header whose texts do not name whom its own file names; see :func:`masked_headers`."""
    return masked_headers([header], gathered([header]))[0]


def masked_headers(headers: Sequence[Header], identities: Identities) -> list[Header]:
    """Return headers whose texts name nobody of these; the same ones where they did not.

    All text of a header that did is in UTF-8 afterwards, and its Specific Character Set (0008,0005) says so.
    """
    if not identities:
        return list(headers)
    known: dict[tuple[bytes, ...], bool] = {}
    of_shared: dict[int, Mapping[int, bytes] | None] = {}
    """By the identity of what files share: that without names, None where it has none; of files whose own elements are
    none of these texts."""
    result = []
    for header in headers:
        if not header.own.keys().isdisjoint(_TEXT_OR_WHO):
            result.append(_masked(header, identities) if _names(header, identities, known) else header)
            continue
        shared = header.shared
        if id(shared) not in of_shared:
            of_shared[id(shared)] = _without(shared, identities) if _names(header, identities, known) else None
        masked = of_shared[id(shared)]
        result.append(header if masked is None else replace(header, shared=masked))
    return result


def _names(header: Header, identities: Identities, known: dict[tuple[bytes, ...], bool]) -> bool:
    """Whether a text of a header names one of these; asked once of the same texts."""
    key = (header.raw(Tag.SPECIFIC_CHARACTER_SET), *[header.raw(tag) for tag in _TEXT])
    names = known.get(key)
    if names is None:
        names = known[key] = any(identities.are_named_in(decoded(raw, key[0], _BREAKS)) for raw in key[1:] if raw)
    return names


def _masked(header: Header, identities: Identities) -> Header:
    return replace(header, own=_without(header.elements, identities), shared={})


def _without(elements: Mapping[int, bytes], identities: Identities) -> Mapping[int, bytes]:
    """Elements whose texts name none of these, in UTF-8."""
    masked, character_set = dict(elements), elements.get(Tag.SPECIFIC_CHARACTER_SET, b"")
    for tag in (*_IN_HEADER, *_TEXT):
        if raw := masked.get(tag):
            text = decoded(raw, character_set, _BREAKS)
            masked[tag] = (identities.masked(text) if tag in _TEXT else text).encode("utf-8")
    masked[Tag.SPECIFIC_CHARACTER_SET] = UTF_8
    return masked
