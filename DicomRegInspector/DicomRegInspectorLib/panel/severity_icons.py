"""The icons of the three severities: told apart by shape, by colour and by the word beside them."""

from __future__ import annotations

from pathlib import Path

import qt

from ..findings import Severity

_FILES: dict[Severity, str] = {
    "error": "SeverityError.svg",
    "warning": "SeverityWarning.svg",
    "info": "SeverityInfo.svg",
}


def severity_icons(folder: Path) -> dict[Severity, qt.QIcon]:
    """The icon of each severity, from the module's folder of icons."""
    return {severity: qt.QIcon(str(folder / name)) for severity, name in _FILES.items()}
