"""One kit for all tests that read it."""

from __future__ import annotations

from pathlib import Path

import pytest
from DicomRegInspectorLib.kit import write_kit


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kit, not to be changed."""
    return write_kit(tmp_path_factory.mktemp("kit") / "kit")
