"""Decimal strings that are none, or not as many as an element needs: quoted, so that whoever wrote them is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from ...dicom.header import Header, numbers
from ...dicom.identity import identities_of
from ...dicom.tags import Tag
from ...findings import Finding, Severity
from ...privacy import Identities
from ...words import plural
from .finding_maker import MAX_UIDS
from .stacks import Slice

MAX_QUOTED = 80
"""Characters of a value that are quoted."""
MAX_TEXTS = 3


@dataclass(frozen=True)
class _Rule:
    name: str
    count: int
    expected: str
    is_positive: bool = False
    places: bool = True
    """Whether the pixels lie elsewhere when it cannot be read."""


_RULES: dict[int, _Rule] = {
    Tag.SLICE_THICKNESS: _Rule("Slice Thickness (0018,0050)", 1, "one number in mm", places=False),
    Tag.SPACING_BETWEEN_SLICES: _Rule("Spacing Between Slices (0018,0088)", 1, "one number in mm", places=False),
    Tag.IMAGE_POSITION: _Rule("Image Position (Patient) (0020,0032)", 3, "three numbers in mm"),
    Tag.IMAGE_ORIENTATION: _Rule("Image Orientation (Patient) (0020,0037)", 6, "six direction cosines"),
    Tag.PIXEL_SPACING: _Rule("Pixel Spacing (0028,0030)", 2, "two positive numbers in mm", is_positive=True),
}
CHECKED_NUMBERS = frozenset(_RULES)
"""Tags of the elements whose numbers are checked."""


@dataclass(frozen=True)
class InvalidNumber:
    """An element that does not hold the numbers it is made for."""

    tag: int
    text: str
    """What stands there."""
    message: str
    severity: Severity


def invalid_numbers(elements: Mapping[int, bytes], named: Callable[[], Identities]) -> Iterator[InvalidNumber]:
    """Yield the elements that hold something else than the numbers they are made for; empty ones hold nothing.

    Parameters
    ----------
    elements
        Tag to raw value, of one image or frame.
    named
        Gives who is not to be named by what is quoted; asked only where something is.
    """
    is_placed = bool(elements.get(Tag.IMAGE_POSITION, b"").strip(b" \0"))
    for tag, rule in _RULES.items():
        raw = elements.get(tag, b"").strip(b" \0")
        values = numbers(raw, rule.count) if raw else ()
        if not raw or (values is not None and not (rule.is_positive and min(values) <= 0)):
            continue
        text = named().masked(raw.decode("utf-8", "replace"))
        text = "".join(character if character.isprintable() else "?" for character in text)
        shown = text[:MAX_QUOTED] + ("…" if len(text) > MAX_QUOTED else "")
        hint = ""
        if b"," in raw and numbers(raw.replace(b",", b"."), rule.count) is not None:
            hint = "; commas stand where DICOM has decimal points"
        elif b"," in raw:
            hint = "; values are separated by backslashes, and a decimal point is no comma"
        message = f"{rule.name} is '{shown}': {rule.expected} {'is' if rule.count == 1 else 'are'} expected{hint}"
        severity: Severity = "error" if rule.places and is_placed else "warning"
        yield InvalidNumber(tag, shown, message, severity)


def _named_in(header: Header) -> Identities:
    return identities_of(header.elements)


def number_findings(slices: Iterable[Slice], subject: str) -> list[Finding]:
    """Return one finding for each element of a series that holds no such numbers, with what stands there."""
    found: dict[tuple[int, Severity], list[tuple[InvalidNumber, Slice]]] = {}
    seen: set[str] = set()
    for slice_ in slices:
        header = slice_.header
        elements: dict[int, bytes] = dict(slice_.unread)
        if slice_.path not in seen:
            seen.add(slice_.path)
            elements = {**{tag: header.raw(tag) for tag in CHECKED_NUMBERS}, **elements}
        for number in invalid_numbers(elements, partial(_named_in, header)):
            found.setdefault((number.tag, number.severity), []).append((number, slice_))
    findings = []
    for (_, severity), group in found.items():
        texts = list(dict.fromkeys(number.text for number, _ in group))
        message = group[0][0].message
        if len(group) > 1:
            others = ", ".join(f"'{text}'" for text in texts[1:MAX_TEXTS])
            others += " …" if len(texts) > MAX_TEXTS else ""
            message += f" (in {plural(len(group), 'image')}" + (f"; also {others})" if others else ")")
        uids = list(dict.fromkeys(slice_.sop_instance_uid for _, slice_ in group))
        evidence = {"values": texts[:MAX_UIDS], "images": len(group), "sop_instance_uids": uids[:MAX_UIDS]}
        findings.append(Finding("number-invalid", severity, message, subject, evidence))
    return findings
