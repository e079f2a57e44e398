"""Finding codes for readers: in groups, what severities, commands and units mean, and which code is meant.

The manual's pages and the command line's explanations are both made of this.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from . import CODES
from .audit_codes import AUDIT_CODES
from .code_info import CodeInfo, FoundBy
from .geometry_codes import GEOMETRY_CODES
from .landmark_codes import LANDMARK_CODES
from .mixture_codes import MIXTURE_CODES
from .object_codes import OBJECT_CODES
from .pixel_codes import FILE_CODES, PIXEL_CODES
from .registration_codes import REGISTRATION_CODES
from .relation_codes import RELATION_CODES
from .severities import Severity
from .structure_codes import STRUCTURE_CODES

GROUPS: tuple[tuple[str, Mapping[str, CodeInfo]], ...] = (
    ("Image series", {**GEOMETRY_CODES, **MIXTURE_CODES}),
    ("Objects and headers", OBJECT_CODES),
    ("Registrations", REGISTRATION_CODES),
    ("Registrations, images and each other", RELATION_CODES),
    ("How a registration is meant", AUDIT_CODES),
    ("What landmarks say of a registration", LANDMARK_CODES),
    ("Structures", STRUCTURE_CODES),
    ("Pixels", PIXEL_CODES),
    ("Files", FILE_CODES),
)
"""Every code once, under the heading it is listed with."""
SEVERITY_MEANINGS: Mapping[Severity, str] = {
    "error": "used as it is, geometry or values come out wrong",
    "warning": "may come out wrong, or is not what a reader expects",
    "info": "good to know",
}
FINDERS: Mapping[FoundBy, str] = {
    "inspect": "`inspect`, and the panel's *Inspect*",
    "quality": "`quality`, and the panel's *Quality*",
    "pixels": "`pixels`, and the panel's *Check pixels*",
    "apply": "`apply`",
    "loading": "making a volume of a series: `regularize`, and loading in Slicer",
}
_UNITS = (
    ("lps_mm", "mm, LPS"),
    ("mm", "mm"),
    ("deg", "°"),
    ("percent", "%"),
    ("bytes", "bytes"),
    ("ml", "mL"),
    ("byte", "0 to 255"),
)
_LIKE = 0.7
"""How much alike (0 to 1) a mistyped code and the one that is meant are; slips of two letters stay above."""


def unit_of(key: str) -> str:
    """Return the unit of a number in the evidence, by the end of its key; empty where it has none."""
    return next((unit for ending, unit in _UNITS if key == ending or key.endswith(f"_{ending}")), "")


def related_codes(code: str) -> list[str]:
    """Return codes worth reading of with this one: those that it names, then those that name it."""
    naming = (other for other, info in CODES.items() if code in info.related)
    return list(dict.fromkeys([*CODES[code].related, *naming]))


def codes_like(text: str) -> list[str]:
    """Return the codes that may be meant by a text that is none: spelled alike, or with its words in code or title."""
    words = re.findall("[a-z0-9]+", text.lower())
    alike = difflib.get_close_matches("-".join(words), CODES, n=3, cutoff=_LIKE)
    holding = [
        code for code, info in CODES.items() if words and all(word in f"{code} {info.title.lower()}" for word in words)
    ]
    return list(dict.fromkeys([*alike, *holding]))
