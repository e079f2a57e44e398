"""What an inspection can find: the vocabulary that every room shares.

A finding states one fact about one subject with the numbers that prove it. Codes are stable; scripts filter on them.
The names below are imported at first use: a command line's help does without the texts of all codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import names_from

if TYPE_CHECKING:
    from .about import About
    from .code_info import CodeInfo, FoundBy
    from .codes import CODES
    from .finding import Finding, by_severity, counted, worst_severity
    from .severities import SEVERITIES, Severity

__all__ = [
    "CODES",
    "SEVERITIES",
    "About",
    "CodeInfo",
    "Finding",
    "FoundBy",
    "Severity",
    "by_severity",
    "counted",
    "worst_severity",
]

__getattr__ = names_from(
    __name__,
    {
        "About": "about",
        "CODES": "codes",
        "CodeInfo": "code_info",
        "Finding": "finding",
        "FoundBy": "code_info",
        "SEVERITIES": "severities",
        "Severity": "severities",
        "by_severity": "finding",
        "counted": "finding",
        "worst_severity": "finding",
    },
)
