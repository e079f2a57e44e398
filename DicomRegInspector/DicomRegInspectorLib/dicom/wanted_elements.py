"""The elements of a registration file, found without reading the large values.

pydicom reads a sequence of defined length as one bytes object, so a grid of 400 MB costs 400 MB before its first
element is looked at. This walk notes where large values lie and reads only the small ones (PS3.5 section 7).
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import FileError, NotDicomError, TruncatedFileError
from .source import ByteSource, DeflatedSource, PlainSource
from .tags import UNDEFINED, element_name

ITEM, END_OF_ITEM, END_OF_SEQUENCE = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"

LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())

KEEP_AT_MOST = 1 << 16
"""Bytes of a value that is read with the walk; what is longer is only placed."""
DEEPEST = 64
"""Nesting that is followed; the deepest registration object the standard allows has 5 levels."""
MOST_ELEMENTS = 2_000_000
"""Elements walked before a file is given up; a real object has some thousands at most."""


@dataclass(slots=True)
class Element:
    """One data element: where its value lies and, when it is small, the value."""

    tag: int
    vr: str
    offset: int
    length: int
    little: bool
    value: bytes | None = None
    items: list[Items] | None = None


@dataclass(slots=True)
class Items:
    """One data set (the top level or a sequence item): its elements by tag."""

    elements: dict[int, Element] = field(default_factory=dict)

    def get(self, tag: int) -> Element | None:
        """The element with this tag, or None."""
        return self.elements.get(tag)

    def sequence(self, tag: int) -> list[Items]:
        """The items of the sequence with this tag; none when it is absent."""
        element = self.elements.get(tag)
        return (element.items or []) if element else []


@dataclass(slots=True)
class ElementTree:
    """What the walk found."""

    path: Path
    root: Items
    transfer_syntax: str
    dataset_start: int
    """Where the data set starts in the file (after the file meta information)."""
    out_of_order: list[tuple[int, int]]
    """Pairs (tag, the greater tag that stood before it)."""

    @property
    def deflated(self) -> bool:
        """Whether offsets count inflated bytes from ``dataset_start``."""
        return self.transfer_syntax == DEFLATED


@dataclass(slots=True)
class _Level:
    """A data set or a sequence that the walk is inside of."""

    node: Items | Element | None
    end: int | None
    implicit: bool
    little: bool
    is_sequence: bool
    keep: bool
    last_tag: int = -1
    name: str = "the data set"


def read_elements(path: Path, wanted: Collection[int]) -> ElementTree:
    """Walk a DICOM file and keep the wanted elements, at whatever level they stand.

    Parameters
    ----------
    path
        The file; any transfer syntax a data set without pixel data can have.
    wanted
        Tags to keep. Sequences that are not wanted are passed over whole.

    Raises
    ------
    NotDicomError
        When the file is not DICOM.
    TruncatedFileError
        When the file ends inside an element or a sequence.
    FileError
        When it cannot be read or its structure makes no sense.
    """
    syntax, start = _transfer_syntax(path)
    source: ByteSource
    if syntax == DEFLATED:
        source, base = DeflatedSource(path, start), 0
    else:
        source, base = PlainSource(path), start
    try:
        source.skip(base)
        return _Walk(path, source, syntax, start, frozenset(wanted)).run()
    finally:
        source.close()


def _transfer_syntax(path: Path) -> tuple[str, int]:
    """The transfer syntax and where the data set starts; both guessed from the first element without a preamble."""
    source = PlainSource(path)
    try:
        head = source.read(132)
        if not head:
            raise NotDicomError(path, "is empty")
        if head[128:132] == b"DICM":
            return _read_meta(path, source, 132)
        if head[:2] == b"\x02\x00" and head[4:6] in SHORT_VRS | LONG_VRS:
            source.close()
            source = PlainSource(path)
            return _read_meta(path, source, 0)
        return _guess_syntax(path, head, ""), 0
    finally:
        source.close()


def _guess_syntax(path: Path, head: bytes, declared: str) -> str:
    """Tell the encoding from the first element of a data set, which has group 0008 in every composite object."""
    explicit = head[4:6] in SHORT_VRS | LONG_VRS
    if head[:2] == b"\x08\x00" and len(head) >= 8:
        return "1.2.840.10008.1.2.1" if explicit else IMPLICIT_LITTLE
    if head[:2] == b"\x00\x08" and explicit:
        return EXPLICIT_BIG
    if declared or not head:
        return declared or IMPLICIT_LITTLE
    raise NotDicomError(path, "is not a DICOM file: it has no DICM mark at byte 128 and does not start with a data set")


def _read_meta(path: Path, source: PlainSource, start: int) -> tuple[str, int]:
    """Read the file meta information (group 0002, always explicit little endian; PS3.10 section 7.1)."""
    syntax = ""
    position = start
    while True:
        head = source.read(8)
        if len(head) < 8:
            if not syntax:
                raise TruncatedFileError(path, "ends inside the file meta information (group 0002)")
            return syntax, position
        group, element, vr, length = struct.unpack("<HH2sH", head)
        if group != 2:
            break
        size = 8
        if vr in LONG_VRS:
            extra = source.read(4)
            if len(extra) < 4:
                raise TruncatedFileError(path, "ends inside the file meta information (group 0002)")
            length, size = struct.unpack("<I", extra)[0], 12
        if length > source.size - position - size:
            raise TruncatedFileError(
                path,
                f"{element_name(group << 16 | element)} in the file meta information announces {length} bytes, "
                f"{source.size - position - size} are left in the file",
            )
        if element == 0x0010:
            syntax = source.read(length).rstrip(b"\0 ").decode("ascii", "replace")
        else:
            source.skip(length)
        position += size + length
    return syntax or _guess_syntax(path, head, ""), position


class _Walk:
    """The state of one walk: a stack of the levels it is in."""

    def __init__(self, path: Path, source: ByteSource, syntax: str, start: int, wanted: frozenset[int]) -> None:
        self.path, self.source, self.wanted = path, source, wanted
        self.tree = ElementTree(path, Items(), syntax, start, [])
        implicit, little = syntax == IMPLICIT_LITTLE, syntax != EXPLICIT_BIG
        end = source.size
        self.levels = [_Level(self.tree.root, end, implicit, little, False, True)]
        self.count = 0

    def run(self) -> ElementTree:
        """Walk to the end of the data set."""
        while self.levels:
            level = self.levels[-1]
            if level.end is not None and self.source.tell() >= level.end:
                if self.source.tell() > level.end:
                    raise FileError(self.path, f"{level.name} ends inside one of its elements: its length is wrong")
                self.levels.pop()
            elif level.is_sequence:
                self._next_item(level)
            elif not self._next_element(level):
                break
        return self.tree

    def _header(self, level: _Level) -> bytes | None:
        """Eight bytes, or None at the proper end of the file."""
        head = self.source.read(8)
        if len(self.levels) == 1 and not head.strip(b"\0"):
            return None  # the end, or a padding of zeros after it
        if len(head) == 8:
            return head
        raise TruncatedFileError(
            self.path, f"ends after {self.source.tell()} bytes inside {level.name}; copy or export it again"
        )

    def _next_item(self, level: _Level) -> None:
        head = self._header(level)
        if head is None:
            return
        group, number, length = struct.unpack("<HHI" if level.little else ">HHI", head)
        tag = group << 16 | number
        if tag == END_OF_SEQUENCE:
            self.levels.pop()
            return
        if tag != ITEM:
            raise FileError(
                self.path,
                f"{level.name} holds {element_name(tag)} at byte {self.source.tell() - 8} where an item is expected",
            )
        node = None
        if level.keep:
            node = Items()
            level.node.items.append(node)
        self._push(
            _Level(
                node,
                self._end(length, level.name),
                level.implicit,
                level.little,
                False,
                level.keep,
                name=f"an item of {level.name}",
            )
        )

    def _next_element(self, level: _Level) -> bool:
        head = self._header(level)
        if head is None:
            return False
        self.count += 1
        if self.count > MOST_ELEMENTS:
            raise FileError(self.path, f"holds more than {MOST_ELEMENTS} elements; that is no registration object")
        tag, vr, length = self._parse(level, head)
        if tag == END_OF_ITEM:
            if len(self.levels) == 1:
                raise FileError(self.path, f"has an item end mark at byte {self.source.tell() - 8} outside of any item")
            self.levels.pop()
            return True
        if tag >> 16 == 0xFFFE:
            raise FileError(
                self.path, f"has a stray {element_name(tag)} at byte {self.source.tell() - 8} in {level.name}"
            )
        if tag <= level.last_tag:
            self.tree.out_of_order.append((tag, level.last_tag))
        level.last_tag = max(tag, level.last_tag)
        self._take(level, tag, vr, length)
        return True

    def _parse(self, level: _Level, head: bytes) -> tuple[int, bytes, int]:
        order = "<" if level.little else ">"
        group, number, length = struct.unpack(order + "HHI", head)
        tag = group << 16 | number
        if level.implicit or group == 0xFFFE:
            return tag, dictionary_vr(tag), length
        vr = head[4:6]
        if vr in LONG_VRS:
            extra = self.source.read(4)
            if len(extra) < 4:
                raise TruncatedFileError(self.path, f"ends inside the head of {element_name(tag)}")
            return tag, vr, struct.unpack(order + "I", extra)[0]
        if vr in SHORT_VRS:
            return tag, vr, struct.unpack(order + "H", head[6:])[0]
        # Some writers fall back to implicit VR inside sequences of an explicit VR file.
        return tag, dictionary_vr(tag), length

    def _take(self, level: _Level, tag: int, vr: bytes, length: int) -> None:
        wanted = level.keep and tag in self.wanted
        known_sequence = vr == b"SQ" or (
            vr == b"UN" and (length == UNDEFINED or (wanted and dictionary_vr(tag) == b"SQ"))
        )
        end = self._end(length, tag)
        element = Element(tag, vr.decode("ascii"), self.source.tell(), length, level.little)
        if wanted and tag not in level.node.elements:
            level.node.elements[tag] = element
        elif wanted:
            wanted = False
        if known_sequence and (wanted or length == UNDEFINED):
            element.items = []
            # Inside UN the data set is implicit little endian whatever the file's syntax (PS3.5 section 6.2.2).
            implicit, little = (True, True) if vr == b"UN" else (level.implicit, level.little)
            self._push(_Level(element, end, implicit, little, True, wanted, name=element_name(tag)))
            return
        if length == UNDEFINED:
            raise FileError(
                self.path,
                f"{element_name(tag)} (VR {element.vr}) has an undefined length, which only sequences may have",
            )
        if wanted and length <= KEEP_AT_MOST:
            element.value = self.source.read(length)
            short = length - len(element.value)
        else:
            short = length - self.source.skip(length)
        if short:
            raise TruncatedFileError(
                self.path, f"{element_name(tag)} announces {length} bytes, {length - short} are left in the file"
            )

    def _end(self, length: int, what: int | str) -> int | None:
        if length == UNDEFINED:
            return None
        end = self.source.tell() + length
        limit = min((level.end for level in self.levels if level.end is not None), default=None)
        if limit is not None and end > limit:
            name = what if isinstance(what, str) else element_name(what)
            left = limit - self.source.tell()
            if limit == self.source.size:
                raise TruncatedFileError(
                    self.path, f"{name} announces {length} bytes, {left} are left in the file; copy or export it again"
                )
            raise FileError(self.path, f"{name} announces {length} bytes, {left} are left in the sequence it stands in")
        return end

    def _push(self, level: _Level) -> None:
        if len(self.levels) > DEEPEST:
            raise FileError(
                self.path, f"nests sequences more than {DEEPEST} levels deep; that is no registration object"
            )
        self.levels.append(level)


def dictionary_vr(tag: int) -> bytes:
    """The VR that the data dictionary gives a tag; UN for one it does not know."""
    from pydicom.datadict import dictionary_VR

    try:
        return dictionary_VR(tag)[:2].encode("ascii")
    except KeyError:
        return b"UN"
