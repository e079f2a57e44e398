"""What the tests of archives share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def serial() -> Callable[..., Any]:
    """Inspect an archive in this process alone."""
    from DicomRegInspectorLib.archive import EngineOptions, JudgeOptions, RunOptions, inspect_archive

    def run(places: Any, output: Path, judged: JudgeOptions | None = None, progress: Any = None, **how: Any) -> Any:
        return inspect_archive(places, output, judged, RunOptions(EngineOptions(workers=0), **how), progress)

    return run
