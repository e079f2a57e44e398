"""The wanted elements of a file with their values, in a tree; large values are only placed.

pydicom reads a sequence of defined length as one bytes object, so a grid of 400 MB costs 400 MB before its first
element is looked at. Here memory is what the small values that were asked for need.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .. import limits
from ..errors import FileError
from .dataset import open_dataset
from .deflated_source import Unpacked
from .element_head import ElementHead
from .element_walk import ElementWalk
from .tags import DEFLATED_LITTLE_ENDIAN, UNDEFINED

KEEP_AT_MOST = limits.KEPT_VALUE.value
MOST_PRIVATE_BYTES, MOST_PRIVATE = 1024, 1000
"""Bytes of a private value that is kept, and how many are."""
MOST_KEPT, MOST_LISTED = limits.KEPT_VALUES.value, limits.LISTED_ITEMS.value
_END_OF_SEQUENCE = {True: b"\xfe\xff\xdd\xe0\0\0\0\0", False: b"\xff\xfe\xe0\xdd\0\0\0\0"}
_ELEMENT_COST, _ITEM_COST = 250, 300
LISTED_AT_MOST = 128
"""Bytes of a value in a list: twice what a UID may have (PS3.5 section 9.1)."""


@dataclass(slots=True)
class Element:
    """One data element: where its value lies and, when it is small, the value."""

    tag: int
    vr: str
    """As the data dictionary has it where the encoding does not say."""
    offset: int
    length: int
    little: bool
    value: bytes | None = None
    items: list[Items] | None = None
    listed: list[tuple[bytes, ...]] | None = None
    """Of a list, in place of its items: the values asked for of each, empty where they are missing or too long."""
    count: int = 0
    """Items of a list, also of those that are not kept."""


@dataclass(slots=True)
class Items:
    """One data set (the top level or a sequence item): its elements by tag."""

    elements: dict[int, Element] = field(default_factory=dict)
    repeated: list[int] = field(default_factory=list)
    """Tags of wanted elements that stood there again; the first is kept."""
    private: list[Element] = field(default_factory=list)
    """Small private elements where they were asked for; with (no) items a sequence that holds what was looked for."""

    def get(self, tag: int) -> Element | None:
        """Return the element with this tag, or None."""
        return self.elements.get(tag)

    def sequence(self, tag: int) -> list[Items]:
        """Return the items of the sequence with this tag; none when it is absent."""
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
    unpacked: Unpacked | None = None
    """A deflated data set as it was inflated; None where it was not kept."""

    @property
    def deflated(self) -> bool:
        """Whether offsets count inflated bytes from ``dataset_start``."""
        return self.transfer_syntax == DEFLATED_LITTLE_ENDIAN


def read_elements(
    path: Path,
    wanted: Collection[int],
    up_to: int = 0xFFFFFFFF,
    lists: Mapping[int, tuple[int, ...]] | None = None,
    private_with: int | None = None,
    keep: bool = False,
) -> ElementTree:
    """Walk a DICOM file and keep the wanted elements, at whatever level they stand.

    Raises NotDicomError when the file is not DICOM. Raises TruncatedFileError when the file ends inside an element or a
    sequence. Raises FileError when it cannot be read or its structure makes no sense.

    Parameters
    ----------
    path
        The file; any transfer syntax.
    wanted
        Tags to keep. Sequences that are not wanted are passed over whole.
    up_to
        The first element with a higher tag ends it.
    lists
        Sequences, among those wanted, that may have very many items, each to the few elements of an item that are
        kept: as :attr:`Element.listed`, a tenth of the memory.
    private_with
        Also keep small private elements, and private sequences that seem to hold an element with this tag.
    keep
        Keep a deflated data set as it was inflated, if that can be, for who reads large values afterwards.
    """
    with open_dataset(path, keep=keep) as dataset:
        walk = dataset.walk
        root = _Keeper(walk, frozenset(wanted), lists or {}, private_with).items(up_to)
        return ElementTree(
            path, root, dataset.syntax_by_content, dataset.start, walk.out_of_order, dataset.kept() if keep else None
        )


class _WithPrivate:
    """Tags that are wanted, and all private ones that are not a block's creator (PS3.5 section 7.8)."""

    def __init__(self, wanted: frozenset[int]) -> None:
        self._wanted = wanted

    def __contains__(self, tag: object) -> bool:
        return tag in self._wanted or (isinstance(tag, int) and bool(tag >> 16 & 1) and tag & 0xFFFF >= 0x1000)


class _Keeper:
    """Keeps wanted elements, up to a limit."""

    def __init__(
        self,
        walk: ElementWalk,
        wanted: frozenset[int],
        lists: Mapping[int, tuple[int, ...]],
        private_with: int | None,
    ) -> None:
        self.walk, self.wanted, self.lists, self.private_with = walk, wanted, lists, private_with
        self.asked = wanted if private_with is None else _WithPrivate(wanted)
        self.left, self.left_listed, self.private_left = MOST_KEPT, MOST_LISTED, MOST_PRIVATE

    def items(self, up_to: int = 0xFFFFFFFF) -> Items:
        """The data set that the walk is in."""
        found = Items()
        for head in self.walk.elements(self.asked, up_to):
            if head.tag not in self.wanted:
                self._look_at_private(head, found)
            elif head.tag in found.elements:
                if len(found.repeated) < MOST_PRIVATE:
                    found.repeated.append(head.tag)
            else:
                found.elements[head.tag] = element = Element(
                    head.tag, head.vr or dictionary_vr(head.tag), head.offset, head.length, head.encoding.little
                )
                self._read(head, element)
        return found

    def _look_at_private(self, head: ElementHead, found: Items) -> None:
        """Keep a private element that may matter. Nothing is followed into: what makers write there may be anything."""
        if not self.private_left:
            return
        element = Element(head.tag, head.vr or "UN", head.offset, head.length, head.encoding.little)
        if head.length == UNDEFINED:
            raw = self.walk.peek(KEEP_AT_MOST)[:KEEP_AT_MOST]
            element.items = [] if self._seems_within(raw.partition(_END_OF_SEQUENCE[head.encoding.little])[0]) else None
        elif head.vr == "SQ" or head.length > MOST_PRIVATE_BYTES:
            element.items = [] if self._seems_within(self.walk.value(head, KEEP_AT_MOST)) else None
        else:
            element.value = self.walk.value(head, head.length)
            element.items = [] if self._seems_within(element.value) else None
        if element.value is not None or element.items is not None:
            self.private_left -= 1
            found.private.append(element)

    def _seems_within(self, raw: bytes) -> bool:
        """Whether bytes hold the header of the element that is looked for, as decimal text of a plausible length."""
        group, number = self.private_with >> 16, self.private_with & 0xFFFF
        for order in ("<", ">"):
            header = struct.pack(f"{order}HH", group, number)
            at = raw.find(header)
            if at >= 0 and len(raw) >= at + 8:
                (length,) = struct.unpack_from(f"{order}I", raw, at + 4)
                if raw[at + 4 : at + 6] == b"DS" or 31 <= length <= MOST_PRIVATE_BYTES:
                    return True
        return False

    def _read(self, head: ElementHead, element: Element) -> None:
        self._keep(_ELEMENT_COST)
        vr = dictionary_vr(head.tag) if element.vr == "UN" else element.vr
        if vr == "SQ" and head.tag in self.lists:
            self._list(head, element, self.lists[head.tag])
        elif vr == "SQ":
            element.items = []
            for _ in self.walk.items(head):
                self._keep(_ITEM_COST)
                element.items.append(self.items())
        elif head.length <= KEEP_AT_MOST:
            self._keep(head.length)
            element.value = self.walk.value(head, head.length)

    def _list(self, head: ElementHead, element: Element, tags: tuple[int, ...]) -> None:
        element.listed = []
        same: dict[int, bytes] = {}
        for _ in self.walk.items(head):
            found = {}
            for inner in self.walk.elements(tags):
                if inner.tag not in found and inner.length <= LISTED_AT_MOST:
                    value = self.walk.value(inner, inner.length)
                    # What every item says, its SOP class, is held once.
                    found[inner.tag] = same[inner.tag] if same.get(inner.tag) == value else value
            same = found
            element.count += 1
            if self.left_listed > 0:
                self.left_listed -= 1
                element.listed.append(tuple(found.get(tag, b"") for tag in tags))

    def _keep(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise FileError(self.walk.path, limits.KEPT_VALUES.sentence)


def dictionary_vr(tag: int) -> str:
    """Return the VR that the data dictionary gives a tag; UN for one it does not know."""
    from pydicom.datadict import dictionary_VR

    try:
        return dictionary_VR(tag)[:2]
    except KeyError:
        return "UN"
