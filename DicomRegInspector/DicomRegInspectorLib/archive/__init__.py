"""Archives: all studies of folders or of a server, judged on many workers, with tables at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import names_from

if TYPE_CHECKING:
    from .dicomweb.settings import DicomwebSettings
    from .engine import EngineOptions
    from .run import RunOptions, run_archive
    from .sources import inspect_archive, sources_of
    from .studies import JudgeOptions
    from .tally import Tally

__all__ = [
    "DicomwebSettings",
    "EngineOptions",
    "JudgeOptions",
    "RunOptions",
    "Tally",
    "inspect_archive",
    "run_archive",
    "sources_of",
]

__getattr__ = names_from(
    __name__,
    {
        "DicomwebSettings": "dicomweb.settings",
        "EngineOptions": "engine",
        "JudgeOptions": "studies",
        "RunOptions": "run",
        "Tally": "tally",
        "inspect_archive": "sources",
        "run_archive": "run",
        "sources_of": "sources",
    },
)
