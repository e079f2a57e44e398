"""One walk over the elements of a DICOM data set, whatever its encoding: into what is asked for, past all else.

It goes forward only and keeps nothing but one window of the file and a few numbers for each level it is in, so it does
for a deflated stream as well as for a file, and tells where large values lie without reading them (PS3.5 sections 6
and 7). Headers of images have a faster walk of their own, :mod:`.fast_header`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from os import PathLike

from .. import limits
from ..errors import FileError, TruncatedFileError
from .element_head import (
    ELEMENT_HEADS,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    LENGTHS,
    ElementHead,
    Encoding,
    element_head,
    item_head,
)
from .source import ByteSource
from .tags import (
    END_OF_ITEM,
    END_OF_SEQUENCE,
    ITEM,
    LONG_VRS,
    SHORT_VRS,
    UNDEFINED,
    element_name,
    tag_text,
    truncation_problem,
)

MOST_LEVELS, MOST_ELEMENTS = limits.LEVELS.value, limits.ELEMENTS.value
MOST_OUT_OF_ORDER = 10_000
"""Elements out of order that are noted."""
WINDOW = 8192
"""Bytes read at a time: more than the header of nearly every CT or MR file."""

_LAST_TAG, _LAST_PLAIN = 0xFFFFFFFF, 0xFFFDFFFF
_NO_END = 1 << 62
_EMPTY_ITEMS = re.compile(rb"(?:\xfe\xff\x00\xe0(?:\0\0\0\0|\xff\xff\xff\xff\xfe\xff\x0d\xe0\0\0\0\0))+").match
_WITH_ITEMS = ("", "SQ", "UN", "OB", "OW")
"""Representations that a value of undefined length can have: sequences, and the fragments of compressed pixels."""


@dataclass(slots=True)
class _Level:
    """A data set or a sequence that the walk is in."""

    tag: int
    """Of the sequence; 0 for the data set."""
    is_sequence: bool
    encoding: Encoding
    end: int
    """Of what is around it, where it has a delimiter."""
    has_delimiter: bool
    is_done: bool = False
    last_tag: int = -1

    @property
    def name(self) -> str:
        """What it is, for a message."""
        if not self.tag:
            return "the data set"
        return element_name(self.tag) if self.is_sequence else f"an item of {element_name(self.tag)}"


class ElementWalk:
    """A place in a data set that moves forward.

    Parameters
    ----------
    source
        Its bytes, nothing of them read yet.
    """

    def __init__(self, path: str | PathLike[str], source: ByteSource, encoding: Encoding = EXPLICIT_LITTLE) -> None:
        self.path = path
        self.out_of_order: list[tuple[int, int]] = []
        """Pairs (tag, the greater tag that stood before it), in the data sets whose elements were asked for."""
        self._source = source
        self._size = _NO_END if source.size is None else source.size
        self._levels = [_Level(0, False, encoding, self._size, False)]
        self._window, self._at, self._window_start = b"", 0, 0
        self._given: ElementHead | None = None
        self._count = 0

    @property
    def encoding(self) -> Encoding:
        """How the data set around all sequences is written."""
        return self._levels[0].encoding

    @encoding.setter
    def encoding(self, encoding: Encoding) -> None:
        self._levels[0].encoding = encoding

    def begin_at(self, offset: int) -> None:
        """Go to ``offset``, at most :data:`WINDOW`, before anything is walked over."""
        self.peek(offset)
        self._at = offset

    @property
    def position(self) -> int:
        """Offset of what comes next."""
        return self._window_start + self._at

    def peek(self, count: int) -> bytes:
        """Return the bytes that come next; fewer at the end."""
        if self._at + count > len(self._window):
            rest = self._window[self._at :]
            self._window_start += self._at
            self._window, self._at = rest + self._source.read(max(count - len(rest), WINDOW)), 0
        return self._window[self._at : self._at + count]

    def value(self, head: ElementHead, most: int) -> bytes:
        """Give up to ``most`` bytes of the value of the element that :meth:`elements` gave last; none of a sequence."""
        if self._given is not head:
            raise ValueError(f"the walk is not at {tag_text(head.tag)} any more")
        if head.length == UNDEFINED:
            return b""
        end = self._at + min(head.length, most)
        return self._window[self._at : end] if end <= len(self._window) else self.peek(end - self._at)

    def elements(self, wanted: Container[int] | None = None, up_to: int = _LAST_TAG) -> Iterator[ElementHead]:
        """Yield the elements asked for of the data set that the walk is in, one after the other, before their values.

        Raises TruncatedFileError when the file ends within an element or a sequence; the element is given first. Raises
        FileError when what is there is no data set, or more than the limits of this module allow.

        Parameters
        ----------
        wanted
            Their tags; all without.
        up_to
            The walk stops before the first element with a higher tag.
        """
        depth, level = len(self._levels), self._levels[-1]
        level.last_tag = -1
        while True:
            head = self._pass_plain(level, wanted, min(up_to, _LAST_PLAIN)) if wanted is not None else None
            if head is None:
                head = self._next_head(up_to)
                if head is None:
                    return
                if head.tag > level.last_tag:
                    level.last_tag = head.tag
                elif len(self.out_of_order) < MOST_OUT_OF_ORDER:
                    self.out_of_order.append((head.tag, level.last_tag))
            if wanted is None or head.tag in wanted:
                self._given = head
                yield head
                if self._given is not head:
                    self._leave(depth)
                    continue
                self._given = None
            following = head.offset + head.length
            if following <= level.end and following - self._window_start <= len(self._window):
                self._at = following - self._window_start
            else:
                self._pass_over(head)
                self._leave(depth)

    def items(self, sequence: ElementHead) -> Iterator[int]:
        """Go into the items of a sequence that :meth:`elements` has just given; their elements are next.

        Yields
        ------
        int
            The item's number, from 1.

        Raises
        ------
        TruncatedFileError, FileError
            As in :meth:`elements`.
        """
        if self._given is not sequence:
            raise ValueError(f"the walk is not at {tag_text(sequence.tag)} any more")
        self._given = None
        self._enter(sequence)
        depth, number = len(self._levels), 0
        while self._next_item():
            number += 1
            yield number
            self._leave(depth)
        self._leave(depth - 1)

    def _pass_plain(self, level: _Level, wanted: Container[int], up_to: int = _LAST_PLAIN) -> ElementHead | None:
        """Pass over elements that nothing is to be said about, nearly all: in order, of defined length, in the window.

        Returns the next that is wanted, the walk then before its value, if it is such an element too.
        """
        window, start, at, last, count = self._window, self._window_start, self._at, level.last_tag, 0
        explicit, little = level.encoding.explicit, level.encoding.little
        unpack, long_length = ELEMENT_HEADS[little], LENGTHS[little]
        short = SHORT_VRS if explicit else frozenset()
        end = -1 if level.is_done else min(len(window), level.end - start)
        last_start, head = end - 12, None
        while at <= last_start:
            group, number, vr, length = unpack(window, at)
            tag = group << 16 | number
            if vr in short:
                value = at + 8
            elif not explicit:
                value, length, vr = at + 8, long_length(window, at + 4)[0], b""
            elif vr in LONG_VRS:
                value, length = at + 12, long_length(window, at + 8)[0]
            else:
                break
            following = value + length
            if following > end or not last < tag <= up_to:
                break
            last = tag
            count += 1
            if tag in wanted:
                head = ElementHead(tag, vr.decode("ascii"), start + value, length, level.encoding)
                at = value
                break
            at = following
        self._at, level.last_tag = at, last
        self._count += count
        return head

    def _next_head(self, up_to: int = _LAST_TAG) -> ElementHead | None:
        """The next element of the innermost data set, the walk then before its value; None at the data set's end."""
        level, position = self._levels[-1], self.position
        if level.is_done or (position >= level.end and not level.has_delimiter):
            level.is_done = True
            return None
        raw = self.peek(12)
        if len(self._levels) == 1 and not raw[:8].strip(b"\0\r\n"):
            level.is_done = True  # nothing, or padding
            return None
        if len(raw) < 8 or position + 8 > level.end:
            raise self._broken_off(level)
        head = element_head(raw, position, level.encoding)
        if head is None:
            raise self._broken_off(level)
        if head.tag > up_to:
            return None
        self._at += head.offset - position
        self._counted()
        if head.tag == END_OF_ITEM and len(self._levels) > 1:
            level.is_done = True
            return None
        if head.tag >> 16 == 0xFFFE:
            raise FileError(self.path, f"has a stray {tag_text(head.tag)} at byte {position:,} in {level.name}.")
        return head

    def _next_item(self) -> bool:
        """Go into the next item of the innermost sequence; False at the sequence's end."""
        level, position = self._levels[-1], self.position
        if level.is_done or (position >= level.end and not level.has_delimiter):
            level.is_done = True
            return False
        raw = self.peek(8)
        if len(raw) < 8 or position + 8 > level.end:
            raise self._broken_off(level)
        tag, length = item_head(raw, level.encoding)
        if tag not in (ITEM, END_OF_SEQUENCE):
            raise FileError(
                self.path, f"{level.name} holds {tag_text(tag)} at byte {position:,} where an item should begin."
            )
        self._at += 8
        self._counted()
        if tag == END_OF_SEQUENCE:
            level.is_done = True
            return False
        self._push(level.tag, False, level.encoding, ElementHead(level.tag, "", position + 8, length, level.encoding))
        return True

    def _enter(self, sequence: ElementHead) -> None:
        """Go to the first item of a sequence."""
        if sequence.length == UNDEFINED and sequence.vr not in _WITH_ITEMS:
            raise FileError(
                self.path,
                f"{element_name(sequence.tag)} (VR {sequence.vr}) has an undefined length, "
                "which only sequences may have.",
            )
        # A sequence of unknown representation is implicit little endian inside (PS3.5 section 6.2.2, note).
        encoding = IMPLICIT_LITTLE if sequence.vr == "UN" else sequence.encoding
        self._push(sequence.tag, True, encoding, sequence)

    def _push(self, tag: int, is_sequence: bool, encoding: Encoding, head: ElementHead) -> None:
        end, has_delimiter = self._levels[-1].end, head.length == UNDEFINED
        if not has_delimiter:
            self._require_inside(head)
            end = head.offset + head.length
        if len(self._levels) > 2 * MOST_LEVELS:
            raise FileError(self.path, limits.LEVELS.sentence)
        self._levels.append(_Level(tag, is_sequence, encoding, end, has_delimiter))

    def _leave(self, depth: int) -> None:
        """Pass over what is left of all levels below ``depth``."""
        if self._given is not None:  # by a walk over a deeper level that was not carried on
            given, self._given = self._given, None
            self._pass_over(given)
        while len(self._levels) > depth:
            level = self._levels[-1]
            if level.is_done or not level.has_delimiter:
                if not level.has_delimiter:
                    self._skip_to(level.end, level)
                self._levels.pop()
            elif level.is_sequence:
                self._pass_empty_items(level)
                self._next_item()
            else:
                self._pass_plain(level, ())
                head = self._next_head()
                level.last_tag = -1
                if head is not None:
                    self._pass_over(head)

    def _pass_empty_items(self, level: _Level) -> None:
        """Pass over items with nothing in them, of which a small file can hold millions, as far as the window goes."""
        if level.encoding.little:
            found = _EMPTY_ITEMS(self._window, self._at, max(level.end - self._window_start, 0))
            self._at = found.end() if found else self._at

    def _pass_over(self, head: ElementHead) -> None:
        """Pass over a value of defined length; go into one without, for :meth:`_leave` to pass over."""
        if head.length == UNDEFINED:
            self._enter(head)
            return
        self._require_inside(head)
        self._skip_to(head.offset + head.length, head)

    def _skip_to(self, position: int, what: ElementHead | _Level) -> None:
        at = position - self._window_start
        missing = at - len(self._window)
        if missing <= 0:
            self._at = at
            return
        missing -= self._source.skip(missing)
        if missing:
            name = what.name if isinstance(what, _Level) else element_name(what.tag)
            raise TruncatedFileError(
                self.path, f"is cut off: {missing:,} bytes of {name} are missing. Export it again."
            )
        self._window, self._window_start, self._at = b"", position, 0

    def _require_inside(self, head: ElementHead) -> None:
        level, end = self._levels[-1], head.offset + head.length
        if end <= level.end:
            return
        if end <= self._size < _NO_END or level.end < self._size == _NO_END:
            raise FileError(
                self.path,
                f"{element_name(head.tag)} announces {head.length:,} bytes, {max(level.end - head.offset, 0):,} are "
                f"left in {level.name}: a length is wrong. Export it again.",
            )
        if level.encoding.explicit and not head.vr and not level.tag:
            raise FileError(
                self.path, f"has bytes at {head.offset - 8:,} that are no element, after its data set. Export it again."
            )
        raise TruncatedFileError(self.path, truncation_problem(head.tag, head.length, self._size - head.offset))

    def _broken_off(self, level: _Level) -> FileError:
        if level.end >= self._size or self._size == _NO_END:
            return TruncatedFileError(
                self.path, f"is cut off at byte {self.position:,} within {level.name}. Copy or export it again."
            )
        return FileError(self.path, f"{level.name} ends within one of its elements: its length is wrong.")

    def _counted(self) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS:
            raise FileError(self.path, limits.ELEMENTS.sentence)
