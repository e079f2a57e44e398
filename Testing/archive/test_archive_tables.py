"""The tables of an archive: every planted fault in them, the same from one process and from Dask's, and in Parquet."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from archive_making import SECRET, SLICES, fault_of, uid, write_archive
from archive_rows import TABLES, all_rows, dicts_of, rows_of
from DicomRegInspectorLib.archive import EngineOptions, JudgeOptions, RunOptions, inspect_archive

STUDIES = int(os.environ.get("ARCHIVE_STUDIES", "200"))
"""2,000 with ARCHIVE_STUDIES=2000, which takes a minute or two."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive") / "studies"
    write_archive(folder, STUDIES)
    return folder


@pytest.fixture(scope="module")
def output(archive: Path) -> Path:
    """Of a serial run."""
    place = archive.parent / "serial"
    tally = inspect_archive(archive, place, how=RunOptions(EngineOptions(workers=0)))
    assert (tally.judged, tally.failed, tally.already_done) == (STUDIES, 0, 0)
    return place


def test_every_planted_fault_is_found_and_no_other(output: Path) -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for row in dicts_of(output, "findings"):
        if row["severity"] in ("warning", "error"):
            found[row["study_instance_uid"]].add(row["code"])
    for study in range(STUDIES):
        fault = fault_of(study)
        assert found[uid(study, 0)] == ({fault} if fault else set()) | EFFECTS.get(fault, set()), (study, fault)


EFFECTS = {"duplicate-position": {"slice-gap"}}
"""What else a fault is: a slice that was put on another's place is missing from its own."""


def test_counts_and_keys_are_those_of_what_was_written(output: Path) -> None:
    studies = dicts_of(output, "studies")
    assert [row["study_instance_uid"] for row in studies] == sorted(uid(study, 0) for study in range(STUDIES))
    assert {row["files"] for row in studies} == {2 * SLICES + 1}
    assert {row["modalities"] for row in studies} == {"CT\\REG"}
    assert {row["year"] for row in studies} == {2018, 2019, 2020, 2021}
    series = dicts_of(output, "series")
    assert len(series) == 2 * STUDIES
    assert {(row["slices"], row["files"], row["sets"], row["is_volume"]) for row in series} == {(SLICES, SLICES, 1, 1)}
    items = dicts_of(output, "items")
    assert len(items) == STUDIES
    folding = [row for row in items if row["kind"] == "deformable"]
    assert {row["displacement_max_mm"] for row in folding} == {20.0}
    assert {(row["grid_i"], row["grid_j"], row["grid_k"]) for row in folding} == {(4, 4, 4)}
    moved = [json.loads(row["matrix_lps"]) for row in items if row["kind"] == "matrix"]
    assert {matrix[0][3] for matrix in moved} == {1.5}
    assert {row["worst"] for row in studies} == {"", "warning", "error"}


def test_dask_gives_the_table_of_a_serial_run_row_for_row(archive: Path, output: Path, tmp_path: Path) -> None:
    tally = inspect_archive(archive, tmp_path / "dask", how=RunOptions(EngineOptions(workers=2)))
    assert tally.judged == STUDIES
    assert all_rows(tmp_path / "dask") == all_rows(output)
    for table in TABLES:
        assert _parquet(tmp_path / "dask", table) == _parquet(output, table)


def test_threads_give_the_same_table(archive: Path, output: Path, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.mkdir()
    for study in range(20):
        (part / f"{study:06}").symlink_to(archive / f"{study:06}")
    inspect_archive(part, tmp_path / "threads", how=RunOptions(EngineOptions(workers=2, threads=True)))
    wanted = {uid(study, 0) for study in range(20)}
    expected = {name: [row for row in rows if row[1] in wanted] for name, rows in all_rows(output).items()}
    assert all_rows(tmp_path / "threads") == expected


def _parquet(output: Path, table: str) -> list[tuple[Any, ...]]:
    found = pyarrow.parquet.read_table(output / table)
    return [tuple(row.values()) for row in found.to_pylist()]


def test_parquet_has_the_rows_of_the_database(output: Path) -> None:
    for table in TABLES:
        read = pyarrow.parquet.read_table(output / table)
        assert _parquet(output, table) == rows_of(output, table)  # True is 1
        assert all(str(kind) in ("string", "int64", "double", "bool") for kind in read.schema.types)


def test_nothing_that_leaves_names_a_patient_or_a_path(archive: Path, output: Path) -> None:
    written = [path.read_bytes() for path in output.rglob("*") if path.is_file() and ".private" not in path.parts]
    rows = json.dumps(all_rows(output))
    for secret in (*SECRET.split("^"), "ID00", str(archive)):
        assert secret not in rows
        assert not any(secret.encode() in content for content in written)
    assert oct((output / ".private").stat().st_mode & 0o777) == "0o700"


def test_identifiers_and_places_are_told_when_asked_for(archive: Path, tmp_path: Path, serial: Any) -> None:
    serial(archive / "000001", tmp_path / "out", JudgeOptions(identifiers=True))
    (row,) = dicts_of(tmp_path / "out", "studies")
    assert (row["patient_id"], row["patient_name"]) == ("ID000001", SECRET)
    assert row["location"] == str(archive / "000001")


def test_text_of_a_file_is_no_formula_and_no_markup(output: Path) -> None:
    assert {row["model"] for row in dicts_of(output, "series")} == {"One", "'=Two", "Three"}
    page = (output / "summary.html").read_text("utf-8")
    assert "&lt;b&gt;Maker C&lt;/b&gt;" in page and "<b>Maker" not in page


def test_the_summary_counts_what_is_in_the_tables(output: Path) -> None:
    page = (output / "summary.html").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>") and "<script" not in page
    with_errors = sum(row["worst"] == "error" for row in dicts_of(output, "studies"))
    assert f"{with_errors} studies with errors" in page
    for code in ("slice-gap", "reg-folding", "reg-frame-unknown"):
        assert code in page


def test_green_stands_only_for_what_was_looked_at(tmp_path: Path, serial: Any) -> None:
    """Study 0 has no fault; that its images agree with its registration is only known by asking them."""
    write_archive(tmp_path / "in", 1)
    told = {}
    for audit in (False, True):
        output = tmp_path / f"audit-{audit}"
        summary = serial(tmp_path / "in", output, JudgeOptions(audit=audit)).summary
        told[audit] = (output / "summary.html").read_text("utf-8")
        assert summary.is_complete == audit
    assert 'class="verdict open"' in told[False] and "Not looked at: what images say" in told[False]
    assert 'class="verdict good"' in told[True] and "Not looked at: pixels" in told[True]
