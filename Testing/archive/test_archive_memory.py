"""Memory of a run does not grow with the number of studies, be they in one flat folder or in one each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from archive_making import FIXED, ROOT, slice_template

STUDIES = 800
MOST_GROWTH = 4_000_000
"""Bytes from the first fifth of the studies to the last; kept rows of tables would be more."""

_RUN = """
import os, sys
from DicomRegInspectorLib.archive import EngineOptions, RunOptions, inspect_archive

held = []

def progress(done, total, text):
    if "files/s" in text:
        with open("/proc/self/statm") as file:
            held.append((done, int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")))

inspect_archive(sys.argv[1], sys.argv[2], how=RunOptions(EngineOptions(workers=0)), progress=progress)
print(*(max(size for done, size in held if done <= share * held[-1][0]) for share in (0.2, 1)), held[-1][0])
"""


@pytest.mark.parametrize("flat", [True, False])
def test_memory_is_flat(tmp_path: Path, flat: bool) -> None:
    template = slice_template(FIXED, 1, 0.0, ("Maker", "One"), 2020)
    (tmp_path / "in").mkdir()
    for study in range(STUDIES):
        folder = tmp_path / "in" / ("" if flat else f"{study:05}")
        folder.mkdir(exist_ok=True)
        content = template.replace(f"{ROOT}100000.".encode(), f"{ROOT}{study + 100000}.".encode())
        (folder / f"{study}.dcm").write_bytes(content)
    command = [sys.executable, "-c", _RUN, str(tmp_path / "in"), str(tmp_path / "out")]
    early, late, studies = map(int, subprocess.run(command, capture_output=True, check=True).stdout.split())
    assert studies == STUDIES
    assert late - early < MOST_GROWTH
