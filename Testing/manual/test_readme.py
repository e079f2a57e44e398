"""The README's Python, as it stands: in Slicer as far as it is played, and without Slicer."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from documents import ROOT, blocks
from recipes import run_python

IN_SLICER, PLAIN = (block for block in blocks(ROOT / "README.md") if block.language == "python")


def test_the_console_example_loads_volume_and_registration(here: Path, slicer_application: Any) -> None:
    space, printed = run_python(IN_SLICER)
    assert printed.count("\n") == 7 and "reg-units-suspect" in printed
    assert space["volume"].GetParentTransformNode() is space["nodes"][0]


def test_the_plain_example_maps_there_and_back(here: Path) -> None:
    with redirect_stdout(io.StringIO()):
        space, _ = run_python(PLAIN)
    np.testing.assert_allclose(space["back"], [[60.0, 10.0, -20.0]], atol=1e-3)
    assert space["report"]["schema"] == 1 and len(space["report"]["findings"]) == 7


def test_it_names_python_that_the_package_runs_on() -> None:
    assert sys.version_info >= (3, 11) and "Python 3.11 or later" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("section", ["Try it", "In 3D Slicer", "From the command line", "How to cite", "Licence"])
def test_it_has_the_sections_that_others_point_to(section: str) -> None:
    assert f"\n## {section}\n" in (ROOT / "README.md").read_text(encoding="utf-8")
