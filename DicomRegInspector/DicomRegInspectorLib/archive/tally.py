"""What a run over an archive has done."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ..version import __version__
from .summary import Summary


@dataclass
class Tally:
    """What a run has done."""

    judged: int = 0
    failed: int = 0
    already_done: int = 0
    gone: int = 0
    passed_over: int = 0
    """Files that are no DICOM."""
    seconds: float = 0.0
    summary: Summary | None = None
    """Of all studies, of this and earlier runs; there when the run is complete."""
    remarks: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return what was done, and the summary, as the JSON report holds them."""
        return {"schema": 1, "version": __version__, **asdict(self)}
