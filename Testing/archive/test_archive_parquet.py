"""Parquet files of bounded size, written a few rows at a time: all rows, in the order of their keys."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from archive_making import write_archive
from archive_rows import dicts_of
from DicomRegInspectorLib.archive import parquet

pyarrow = pytest.importorskip("pyarrow", reason="the extra archive is not installed")
pyarrow_parquet = pytest.importorskip("pyarrow.parquet", reason="the extra archive is not installed")


@pytest.mark.parametrize("studies", [2, 4, 6, 7])
def test_files_hold_all_rows_in_groups(
    tmp_path: Path, serial: Any, monkeypatch: pytest.MonkeyPatch, studies: int
) -> None:
    monkeypatch.setattr(parquet, "ROWS_A_GROUP", 2)
    monkeypatch.setattr(parquet, "GROUPS_A_FILE", 3)
    write_archive(tmp_path / "in", studies)
    serial(tmp_path / "in", tmp_path / "out")
    files = sorted((tmp_path / "out" / "studies").iterdir())
    groups = [pyarrow_parquet.ParquetFile(file).metadata for file in files]
    assert [[of.row_group(n).num_rows for n in range(of.num_row_groups)] for of in groups] == {
        2: [[2]], 4: [[2, 2]], 6: [[2, 2, 2]], 7: [[2, 2, 2], [1]],
    }[studies]  # fmt: skip
    found = [row["study_instance_uid"] for file in files for row in pyarrow_parquet.read_table(file).to_pylist()]
    assert found == [row["study_instance_uid"] for row in dicts_of(tmp_path / "out", "studies")]


_ALLOCATOR = """
from DicomRegInspectorLib.archive.parquet import require_parquet
require_parquet()
import pyarrow
print(pyarrow.default_memory_pool().backend_name)
"""


@pytest.mark.parametrize("wish", [{}, {"ARROW_DEFAULT_MEMORY_POOL": "mimalloc"}])
def test_memory_comes_from_the_system_unless_the_user_wants_another_allocator(wish: dict[str, str]) -> None:
    if wish and "mimalloc" not in pyarrow.supported_memory_backends():
        pytest.skip("Arrow was built without mimalloc")
    environment = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"} | wish
    done = subprocess.run([sys.executable, "-c", _ALLOCATOR], env=environment, capture_output=True, check=True)
    assert done.stdout.decode().strip() == wish.get("ARROW_DEFAULT_MEMORY_POOL", "system")
