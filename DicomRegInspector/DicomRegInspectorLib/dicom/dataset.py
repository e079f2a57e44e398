"""Opening DICOM files of any encoding for a walk over their elements."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike

from ..errors import FileError, NotDicomError, TruncatedFileError
from . import tags
from .deflated_source import MOST_INFLATED, MOST_UNPACKED, DeflatedSource, Unpacked, UnpackedSource, unpacked_of
from .element_head import ElementHead, Encoding, element_head
from .element_walk import ElementWalk
from .fast_header import looks_like_bare_dataset
from .source import BoundedFile, PlainSource
from .tags import Tag

_META_END = 0x0002FFFF


@dataclass(frozen=True)
class Dataset:
    """An open file, and the walk over its elements."""

    path: str | PathLike[str]
    walk: ElementWalk
    """At the first element after the file meta information."""
    start: int
    """Offset in the file of that element, or of the deflated data."""
    transfer_syntax_uid: str
    """Empty where the file has none."""
    size: int
    """Of the file, or of what it was unpacked to."""
    stream: BoundedFile | None
    kept: Callable[[], Unpacked | None] = lambda: None
    """Gives a deflated data set as it was inflated, once all was walked over; None where it was not kept."""

    @property
    def encoding(self) -> Encoding:
        """How elements outside of sequences are written."""
        return self.walk.encoding

    @property
    def syntax_by_content(self) -> str:
        """Transfer Syntax UID, made of the encoding where the file has none."""
        if self.transfer_syntax_uid:
            return self.transfer_syntax_uid
        if not self.encoding.explicit:
            return tags.IMPLICIT_LITTLE_ENDIAN
        return tags.EXPLICIT_LITTLE_ENDIAN if self.encoding.little else tags.EXPLICIT_BIG_ENDIAN

    def bytes_at(self, offset: int, count: int) -> bytes:
        """Return bytes at any place, once the walk is over; fewer at the end. Only where it was opened to look up."""
        if self.stream is None:
            raise ValueError(f"{self.path} was opened to be read forward")
        self.stream.seek(offset)
        return self.stream.read(max(count, 0))

    def element_at(self, offset: int) -> ElementHead | None:
        """Return the element outside of sequences whose header begins here; None where none is left."""
        raw = self.bytes_at(offset, 12)
        return element_head(raw, offset, self.encoding) if len(raw) >= 8 else None


@contextmanager
def open_dataset(path: str | PathLike[str], *, look_up: bool = False, keep: bool = False) -> Iterator[Dataset]:
    """Open a file for walking.

    ``look_up``: let bytes be read at any place too; a deflated file is unpacked to a temporary file for that. ``keep``:
    write what a walk inflates of a deflated file to one, for :attr:`Dataset.kept`.

    Raises
    ------
    NotDicomError, TruncatedFileError, FileError
    """
    try:
        with PlainSource(path) as source:
            walk, syntax = _after_meta(path, source)
            start = walk.position
            if syntax != tags.DEFLATED_LITTLE_ENDIAN:
                walk.encoding = _encoding_of(path, walk.peek(8), syntax)
                yield Dataset(path, walk, start, syntax, source.size, source.for_lookup() if look_up else None)
                return
            found = None if look_up else unpacked_of(path)
            if found is not None:
                walk = ElementWalk(path, UnpackedSource(path, found))
                yield Dataset(path, walk, start, syntax, source.size, None, lambda: found)
                return
            with DeflatedSource(path, start, MOST_UNPACKED if look_up else MOST_INFLATED, keep=keep) as deflated:
                if not look_up:
                    yield Dataset(path, ElementWalk(path, deflated), start, syntax, source.size, None, deflated.kept)
                    return
                with tempfile.TemporaryFile(buffering=0) as file:
                    deflated.copy_to(file)
                    unpacked = PlainSource(path, file)
                    walk = ElementWalk(path, unpacked)
                    yield Dataset(path, walk, start, syntax, unpacked.size, unpacked.for_lookup())
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror or error}).") from error


def _after_meta(path: str | PathLike[str], source: PlainSource) -> tuple[ElementWalk, str]:
    """A walk that has passed over the file meta information (PS3.10 section 7.1), and Transfer Syntax UID."""
    walk = ElementWalk(path, source)
    head = walk.peek(132)
    if not head:
        raise NotDicomError(path, "is empty.")
    if head[128:132] == b"DICM":
        walk.begin_at(132)
    elif not looks_like_bare_dataset(head):
        raise NotDicomError(path, "is not DICOM: no DICM at byte 128, and it does not begin with a DICOM element.")
    syntax = ""
    # Explicit little endian, whatever follows; some writers make it implicit.
    for element in walk.elements((Tag.TRANSFER_SYNTAX_UID,), up_to=_META_END):
        syntax = walk.value(element, 64).strip(b" \0").decode("ascii", "replace")
    return walk, syntax


def _encoding_of(path: str | PathLike[str], head: bytes, syntax: str) -> Encoding:
    # By what is there: files that contradict their transfer syntax exist, and every reader goes by the bytes.
    if len(head) < 8:
        raise TruncatedFileError(path, "is cut off: it ends before its dataset begins. Copy or export it again.")
    little, big = (int.from_bytes(head[:2], order) in (2, 4, 8) for order in ("little", "big"))
    is_explicit = head[4:6] in tags.SHORT_VRS or head[4:6] in tags.LONG_VRS
    return Encoding(is_explicit, little or (not big and syntax != tags.EXPLICIT_BIG_ENDIAN))
