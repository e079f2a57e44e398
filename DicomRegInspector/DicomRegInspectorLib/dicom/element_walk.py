"""The elements of any DICOM file by their headers alone: in little memory, whatever the file's size and encoding.

Unlike :mod:`.reading`, which knows plain files only and leaves the others to pydicom, this walks over all encodings,
into sequences too, and remembers where values lie instead of the values (PS3.5 sections 6, 7 and annex A).
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..errors import FileError, NotDicomError, TruncatedFileError
from .fast_header import looks_like_bare_dataset
from .source import BoundedFile
from .tags import DEFLATED_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN, LONG_VRS, SHORT_VRS, UNDEFINED, element_name, tag_text
from .undefined_length import END_OF_ITEM, END_OF_SEQUENCE, ITEM

TRANSFER_SYNTAX = 0x00020010
MAX_DEPTH = 60
"""Sequences within sequences; real objects have fewer than ten."""
MAX_INFLATED = 1 << 32
"""Bytes of a deflated dataset that are unpacked to disk."""
_CHUNK = 1 << 18
_ITEM_TAGS = (ITEM, END_OF_ITEM, END_OF_SEQUENCE)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How element headers are written."""

    explicit: bool
    little: bool

    def number(self, raw: bytes) -> int:
        """An unsigned number."""
        return int.from_bytes(raw, "little" if self.little else "big")


@dataclass(frozen=True, slots=True)
class Element:
    """Where an element's value lies."""

    tag: int
    vr: str
    """Empty where the encoding does not say."""
    offset: int
    """Of the value."""
    length: int
    """Of the value, or UNDEFINED."""


@dataclass(frozen=True)
class Dataset:
    """An open file whose elements can be walked over."""

    path: str
    stream: BoundedFile
    size: int
    """Of what can be walked over: the file, or what it inflates to."""
    start: int
    """Offset of the first element after the file meta information."""
    encoding: Encoding
    transfer_syntax_uid: str

    def bytes_at(self, offset: int, count: int) -> bytes:
        """Bytes of the file; fewer at its end."""
        self.stream.seek(offset)
        return self.stream.read(max(count, 0))

    def elements(self, start: int, end: int, encoding: Encoding) -> Iterator[Element]:
        """Elements one after the other, up to ``end`` or an item's delimiter.

        Raises
        ------
        TruncatedFileError
            An element ends beyond ``end``; it is yielded first.
        """
        offset = start
        while offset + 8 <= end:
            element = self.element_at(offset, encoding)
            if element.tag in (END_OF_ITEM, END_OF_SEQUENCE):
                return
            yield element
            offset = self.after(element, end, encoding)

    def element_at(self, offset: int, encoding: Encoding) -> Element:
        """The element whose header begins here."""
        head = self.bytes_at(offset, 12)
        tag = encoding.number(head[:2]) << 16 | encoding.number(head[2:4])
        vr = head[4:6]
        if encoding.explicit and tag not in _ITEM_TAGS and vr in SHORT_VRS:
            return Element(tag, vr.decode(), offset + 8, encoding.number(head[6:8]))
        if encoding.explicit and tag not in _ITEM_TAGS and vr.isalpha() and vr.isupper():
            if len(head) < 12:
                raise TruncatedFileError(self.path, "is cut off within an element. Copy or export it again.")
            return Element(tag, vr.decode("ascii", "replace"), offset + 12, encoding.number(head[8:12]))
        return Element(tag, "", offset + 8, encoding.number(head[4:8]))

    def after(self, element: Element, end: int, encoding: Encoding, depth: int = 0) -> int:
        """Where the next element begins."""
        if element.length != UNDEFINED:
            following = element.offset + element.length
            if following > end:
                raise TruncatedFileError(
                    self.path,
                    f"is cut off: {element_name(element.tag)} announces {element.length:,} bytes, "
                    f"{max(end - element.offset, 0):,} are left. Copy or export it again.",
                )
            return following
        if depth > MAX_DEPTH:
            raise FileError(self.path, "has sequences nested too deeply to be read.")
        return self._skip_items(element.offset, end, _nested(element, encoding), depth)

    def _skip_items(self, offset: int, end: int, encoding: Encoding, depth: int) -> int:
        while offset + 8 <= end:
            item = self.element_at(offset, encoding)
            if item.tag == END_OF_SEQUENCE:
                return item.offset
            if item.tag != ITEM:
                raise FileError(self.path, f"has {tag_text(item.tag)} where a sequence's item should begin.")
            if item.length == UNDEFINED:
                offset = self._skip_dataset(item.offset, end, encoding, depth + 1)
            else:
                offset = self.after(item, end, encoding)
        raise TruncatedFileError(self.path, "is cut off within a sequence. Copy or export it again.")

    def _skip_dataset(self, offset: int, end: int, encoding: Encoding, depth: int) -> int:
        while offset + 8 <= end:
            element = self.element_at(offset, encoding)
            if element.tag == END_OF_ITEM:
                return element.offset
            offset = self.after(element, end, encoding, depth)
        raise TruncatedFileError(self.path, "is cut off within a sequence. Copy or export it again.")

    def items(self, sequence: Element, end: int, encoding: Encoding) -> Iterator[tuple[int, int, Encoding]]:
        """Beginning, end and encoding of the datasets in a sequence."""
        inner = _nested(sequence, encoding)
        offset = sequence.offset
        if sequence.length != UNDEFINED:
            end = min(end, sequence.offset + sequence.length)
        while offset + 8 <= end:
            item = self.element_at(offset, inner)
            if item.tag != ITEM:
                return
            if item.length == UNDEFINED:
                following = self._skip_dataset(item.offset, end, inner, 1)
                yield item.offset, following - 8, inner
            else:
                following = self.after(item, end, inner)
                yield item.offset, following, inner
            offset = following


def _nested(element: Element, encoding: Encoding) -> Encoding:
    # A sequence of unknown representation is implicit little endian inside (PS3.5 section 6.2.2, note).
    return Encoding(False, True) if element.vr == "UN" else encoding


@contextmanager
def open_dataset(path: str) -> Iterator[Dataset]:
    """Open a file for walking; a deflated one is unpacked to a temporary file first.

    Raises
    ------
    NotDicomError, TruncatedFileError, FileError
    """
    try:
        with open(path, "rb", buffering=0) as file:
            size = file.seek(0, 2)
            stream = BoundedFile(file.fileno(), size, path)
            start, syntax = _meta(path, stream, size)
            if syntax != DEFLATED_LITTLE_ENDIAN:
                yield Dataset(path, stream, size, start, _encoding_at(path, stream, start, syntax), syntax)
                return
            with tempfile.TemporaryFile(buffering=0) as unpacked:
                inflated = _inflate(path, stream, start, unpacked)
                inner = BoundedFile(unpacked.fileno(), inflated, path)
                yield Dataset(path, inner, inflated, 0, Encoding(True, True), syntax)
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror or error}).") from error


def _meta(path: str, stream: BoundedFile, size: int) -> tuple[int, str]:
    """Where the dataset begins, and Transfer Syntax UID."""
    head = stream.read(140)
    if head[128:132] != b"DICM":
        if not looks_like_bare_dataset(head):
            raise NotDicomError(path, "is not DICOM: no DICM at byte 128, and it does not begin with a DICOM element.")
        start = 0
    else:
        start = 132
    walk = Dataset(path, stream, size, start, Encoding(True, True), "")
    syntax, offset = "", start
    while offset + 8 <= size:
        # The file meta information is explicit little endian, whatever follows; some writers make it implicit.
        element = walk.element_at(offset, Encoding(True, True))
        if element.tag >> 16 != 2:
            break
        if element.tag == TRANSFER_SYNTAX:
            syntax = walk.bytes_at(element.offset, min(element.length, 64)).strip(b" \0").decode("ascii", "replace")
        offset = walk.after(element, size, walk.encoding)
    return offset, syntax


def _encoding_at(path: str, stream: BoundedFile, start: int, syntax: str) -> Encoding:
    # By what is there: files that contradict their transfer syntax exist, and every reader goes by the bytes.
    stream.seek(start)
    head = stream.read(8)
    if len(head) < 8:
        raise TruncatedFileError(path, "is cut off: it ends before its dataset begins. Copy or export it again.")
    orders = [order for order in ("little", "big") if int.from_bytes(head[:2], order) in (2, 4, 8)]  # type: ignore[arg-type]
    little = orders != ["big"] if orders else syntax != EXPLICIT_BIG_ENDIAN
    return Encoding(head[4:6] in SHORT_VRS or head[4:6] in LONG_VRS, little)


def _inflate(path: str, stream: BoundedFile, start: int, target: object) -> int:
    """Unpack a deflated dataset (PS3.5 annex A.5) piece by piece; its size."""
    inflater, written = zlib.decompressobj(-zlib.MAX_WBITS), 0
    stream.seek(start)
    try:
        while not inflater.eof:
            data = inflater.unconsumed_tail or stream.read(_CHUNK)
            if not data:
                raise TruncatedFileError(path, "is cut off within its deflated data. Copy or export it again.")
            piece = inflater.decompress(data, _CHUNK)
            written += len(piece)
            if written > MAX_INFLATED:
                raise FileError(path, f"inflates to more than {MAX_INFLATED >> 30} GiB, which is not checked.")
            target.write(piece)  # type: ignore[attr-defined]
    except zlib.error as error:
        raise FileError(path, "is said to be deflated, but its data cannot be inflated. Get it again.") from error
    return written
