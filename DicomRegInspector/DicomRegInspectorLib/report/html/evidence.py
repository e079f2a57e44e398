"""The numbers that prove a finding, as a table with units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...findings import Finding
from .markup import Markup, join, tag, text
from .names import Names

MOST_ROWS = 40
MOST_VALUES = 12
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


def evidence_table(finding: Finding, names: Names) -> Markup | None:
    """Each value of the evidence with its unit; None without any."""
    rows = list(_rows(finding.evidence))
    if not rows:
        return None
    body = [
        tag("tr", tag("th", _name(name), scope="row"), tag("td", _value(value, names)), tag("td", unit))
        for name, value, unit in rows[:MOST_ROWS]
    ]
    if len(rows) > MOST_ROWS:
        rest = f"and {len(rows) - MOST_ROWS} more values, in the JSON report"
        body.append(tag("tr", tag("td", rest, colspan=3)))
    head = tag("tr", *(tag("th", one, scope="col") for one in ("Evidence", "Value", "Unit")))
    return tag("table", tag("thead", head), tag("tbody", *body), class_="evidence")


def _rows(evidence: Mapping[str, object], lead: str = "") -> Iterator[tuple[str, object, str]]:
    for key, value in evidence.items():
        name, unit = _split(f"{lead}{key}")
        if isinstance(value, Mapping):
            yield from _rows(value, f"{name}: ")
        elif isinstance(value, list | tuple) and value and all(isinstance(one, Mapping) for one in value):
            for number, one in enumerate(value[:MOST_VALUES], 1):
                yield from _rows(one, f"{name} {number}: ")
        elif value is not None and value != [] and value != "":
            yield name, value, unit


def _split(key: str) -> tuple[str, str]:
    return next(((key.removesuffix(end), unit) for end, unit in _UNITS if key.endswith(end)), (key, ""))


def _name(key: str) -> str:
    words = " ".join(_NAMES.get(word, word) for word in key.replace("_", " ").split(" "))
    return words[:1].upper() + words[1:]


def _value(value: object, names: Names) -> Markup:
    if isinstance(value, list | tuple):
        shown = join(*(_value(one, names) for one in value[:MOST_VALUES]), by=", ")
        rest = len(value) - MOST_VALUES
        return join(shown, tag("span", f" … ({len(value):,} in all)", class_="cut") if rest > 0 else None)
    if isinstance(value, bool):
        return text("yes" if value else "no")
    if isinstance(value, float):
        return text(f"{value:.6g}".replace("-", "−"))
    if isinstance(value, int):
        return text(f"{value:,}".replace("-", "−") if abs(value) >= 10000 else str(value).replace("-", "−"))
    return names.shown(value)
