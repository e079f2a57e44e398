"""One finding, and several by severity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..words import numbers_of
from .about import About
from .code_info import CodeInfo
from .severities import SEVERITIES, Severity


@dataclass(frozen=True)
class Finding:
    """One fact about one subject, with the numbers that prove it.

    Raises
    ------
    ValueError
        When the code is not one of :data:`.codes.CODES` or the severity not one of :data:`.severities.SEVERITIES`.
    """

    code: str
    severity: Severity
    message: str
    subject: str
    """What it is about in words: a file name, ``series 1.2.3``, ``item 1 of reg.dcm``. See :attr:`about`."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON values; a number's unit is in its key (``gap_mm``)."""

    def __post_init__(self) -> None:
        from .codes import CODES

        if self.code not in CODES:
            raise ValueError(f"unknown finding code {self.code!r}")
        if self.severity not in SEVERITIES:
            raise ValueError(f"unknown severity {self.severity!r}; expected one of {', '.join(SEVERITIES)}")

    @property
    def about(self) -> About | None:
        """What it is about as data; None where whoever made the finding gave words alone."""
        about: About | None = getattr(self.subject, "about", None)
        numbers = numbers_of(self.evidence.get("slices"))
        if about is None or not numbers:
            return about
        return replace(about, kind="stack" if about.kind == "series" else about.kind, slices=tuple(numbers))

    @property
    def title(self) -> str:
        """The code's meaning in a few words."""
        return self._info.title

    @property
    def remedy(self) -> str:
        """What a user can do about it, in one sentence."""
        return self._info.remedy

    @property
    def _info(self) -> CodeInfo:
        from .codes import CODES

        return CODES[self.code]

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as the JSON report holds it."""
        found: dict[str, Any] = {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "subject": str(self.subject),
            "evidence": dict(self.evidence),
        }
        return found if self.about is None else {**found, "about": self.about.to_dict()}


def counted(count: int, severity: Severity) -> str:
    """Say how many findings of a severity there are: ``1 error``, ``2 warnings``, ``3 info``."""
    return f"{count:,} {severity}" + ("" if count == 1 or severity == "info" else "s")


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings, the most severe first; within a severity the order stays."""
    return sorted(findings, key=lambda finding: -SEVERITIES.index(finding.severity))


def worst_severity(findings: Iterable[Finding]) -> Severity | None:
    """Find the highest severity among the findings, or None when there are none."""
    return max((finding.severity for finding in findings), key=SEVERITIES.index, default=None)
