"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hypothesis
import pytest

# A continuous-integration run tries the same examples each time; runs elsewhere go on searching.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")

ROOT = Path(__file__).resolve().parent.parent
MODULE_FOLDER = ROOT / "DicomRegInspector"

# The tests run from a bare checkout as well as against an installed package.
sys.path.insert(0, str(MODULE_FOLDER))


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The checkout's top level."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data that is kept beside the project, not in it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real test data is not here ({folder})")
    return folder


@pytest.fixture(scope="session")
def deformable_pair(shared_data: Path) -> Path:
    """A fixed and a moving CT with the deformable registration that plastimatch wrote for them."""
    return shared_data / "deformable-pair-plastimatch"


@pytest.fixture(scope="session")
def tilted_irregular_ct(shared_data: Path) -> Path:
    """A real head CT with a gantry tilt and two sections of different spacing."""
    return shared_data / "ct-ge-tilted-irregular"
