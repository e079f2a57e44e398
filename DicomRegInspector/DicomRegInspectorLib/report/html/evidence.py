"""The numbers that prove a finding, as a table with units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...findings import CODES, Finding
from .markup import Markup, join, tag, text
from .names import Names

MOST_ROWS = 40
MOST_VALUES = 16
"""Of a list; the JSON report holds them all."""

_UNITS = (
    ("_lps_mm", "mm LPS"),
    ("_percent", "%"),
    ("_cm3", "cm³"),
    ("_mm3", "mm³"),
    ("_bytes", "bytes"),
    ("_deg", "°"),
    ("_ijk", "voxel i, j, k"),
    ("_mm", "mm"),
)
"""What a key of the evidence ends with, and the unit that means."""

_NAMES = {"sop": "SOP", "uid": "UID", "uids": "UIDs", "lps": "LPS", "ras": "RAS", "ci95": "95 % interval", "ncc": "NCC"}
_IDENTITIES = ("stack", "slices", "positions_mm", "instance_numbers", "frame_numbers", "sop_instance_uids", "file")
"""Which objects a finding is about: told after what was measured of them."""


def evidence_table(finding: Finding, names: Names) -> Markup | None:
    """List each value of the evidence with its unit; None without any. A pointer at a name is told what is there."""
    order = [key for key in finding.evidence if key not in _IDENTITIES]
    order += [key for key in _IDENTITIES if key in finding.evidence]
    told = CODES[finding.code].evidence
    rows = [row for key in order for row in _rows(key, finding.evidence[key], told.get(key), names)]
    if not rows:
        return None
    body = rows[:MOST_ROWS]
    if len(rows) > MOST_ROWS:
        rest = f"and {len(rows) - MOST_ROWS} more values, in the JSON report"
        body.append(tag("tr", tag("td", rest, colspan=2)))
    head = tag("tr", *(tag("th", head_text, scope="col") for head_text in ("What", "Value")))
    return tag("table", tag("thead", head), tag("tbody", *body), class_="evidence")


def _rows(key: str, value: object, told: str | None, names: Names) -> Iterator[Markup]:
    """The row of one key; one for each entry where it holds several objects."""
    name, unit = _split(key)
    if isinstance(value, Mapping):
        yield _row(name, _together(value, names), "", told)
    elif isinstance(value, list | tuple) and value and all(isinstance(part, Mapping) for part in value):
        for number, part in enumerate(value[:MOST_VALUES], 1):
            yield _row(f"{name.removesuffix('s')} {number}", _together(part, names), "", told)
    elif not _is_empty(value):
        yield _row(name, _value(value, names), unit, told)


def _row(name: str, value: Markup, unit: str, told: str | None) -> Markup:
    space = "" if unit == "°" else " "
    shown = join(value, tag("span", f"{space}{unit}", class_="unit") if unit else None)
    return tag("tr", tag("th", _name(name), scope="row", title=told), tag("td", shown))


def _together(values: Mapping[str, object], names: Names) -> Markup:
    """Several values in a line, each with its name and unit."""
    parts = []
    for key, value in values.items():
        if _is_empty(value):
            continue
        name, unit = _split(key)
        shown = _together(value, names) if isinstance(value, Mapping) else _value(value, names)
        parts.append(join(_name(name, capital=False), " ", shown, f" {unit}" if unit else None))
    return join(*parts, by="; ")


def _is_empty(value: object) -> bool:
    """Whether there is nothing to tell: nothing known of any of the objects, too."""
    if isinstance(value, list | tuple):
        return all(_is_empty(part) for part in value)
    return value is None or value == ""


def _split(key: str) -> tuple[str, str]:
    return next(((key.removesuffix(end), unit) for end, unit in _UNITS if key.endswith(end)), (key, ""))


def _name(key: str, capital: bool = True) -> str:
    words = " ".join(_NAMES.get(word, word) for word in key.replace("_", " ").split(" "))
    return words[:1].upper() + words[1:] if capital else words


def _value(value: object, names: Names) -> Markup:
    if isinstance(value, list | tuple):
        shown = join(*(_value(part, names) for part in value[:MOST_VALUES]), by=", ")
        rest = len(value) - MOST_VALUES
        return join(shown, tag("span", f" … ({len(value):,} in all)", class_="cut") if rest > 0 else None)
    if isinstance(value, Mapping):
        return _together(value, names)
    if value is None:
        return text("–")
    if isinstance(value, bool):
        return text("yes" if value else "no")
    if isinstance(value, float):
        return text(f"{value:.6g}".replace("-", "−"))
    if isinstance(value, int):
        return text(f"{value:,}".replace("-", "−") if abs(value) >= 10000 else str(value).replace("-", "−"))
    return names.shown(value)
