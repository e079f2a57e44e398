"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# A continuous-integration run tries the same examples each time; runs elsewhere go on searching. How fast examples are
# made depends on what else the machine does: that is no failure.
BUSY_MACHINE = (hypothesis.HealthCheck.too_slow,)
hypothesis.settings.register_profile("busy", suppress_health_check=BUSY_MACHINE)
hypothesis.settings.register_profile("ci", derandomize=True, suppress_health_check=BUSY_MACHINE)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "busy")

ROOT = Path(__file__).resolve().parent.parent
MODULE_FOLDER = ROOT / "DicomRegInspector"

# The tests run from a bare checkout as well as against an installed package.
sys.path.insert(0, str(MODULE_FOLDER))


@pytest.fixture(scope="session")
def undeclared_findings() -> Iterator[list[str]]:
    """What the library's findings say beyond what their code's entry in the table announces, as the tests meet it."""
    from DicomRegInspectorLib.findings import CODES, Finding

    undeclared: list[str] = []
    checked = Finding.__post_init__

    def check(finding: Any) -> None:
        checked(finding)
        if not _made_by_library():
            return
        if finding.about is None:
            undeclared.append(
                f"{finding.code} is about {finding.subject!r} in words only: hand in what findings.about makes"
            )
        info = CODES[finding.code]
        if finding.severity not in info.severities:
            undeclared.append(f"{finding.code} has severity {finding.severity}: add it to its severities")
        undeclared.extend(
            f"{finding.code} has evidence {key}: say in its entry what that is"
            for key in finding.evidence
            if key not in info.evidence
        )

    Finding.__post_init__ = check
    yield undeclared
    Finding.__post_init__ = checked


def _made_by_library() -> bool:
    """Whether the finding under construction comes from the library, and not from a test that makes one up."""
    frame = sys._getframe(3)
    while frame is not None and frame.f_globals.get("__name__") == "dataclasses":
        frame = frame.f_back
    return frame is not None and frame.f_globals.get("__name__", "").startswith("DicomRegInspectorLib")


@pytest.fixture(autouse=True)
def findings_are_as_declared(undeclared_findings: list[str]) -> Iterator[None]:
    """The manual's pages are made of the table of codes: what any test meets has to stand there."""
    undeclared_findings.clear()
    yield
    assert sorted(set(undeclared_findings)) == [], "the table in DicomRegInspectorLib/findings lacks this"


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
