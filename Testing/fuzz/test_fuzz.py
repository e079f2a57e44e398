"""Damaged files of every kind through the public functions; `fuzz.py` beside this does it for as long as wanted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import fuzz
from calls import CALLS, Call, is_worth_it
from damage import Seed, damaged
from DicomRegInspectorLib.errors import FileError
from outcome import kept_in
from seeds import seed_folders

IMAGES = CALLS["export_image"]


@pytest.fixture(scope="module")
def folders() -> list[list[Seed]]:
    return seed_folders()


def test_only_the_librarys_own_errors_come_out_of_damaged_files(folders: list[list[Seed]]) -> None:
    outcome = fuzz.run(1_500, seed=11, folders=folders)
    assert outcome.is_clean, str(outcome)
    assert sum(outcome.calls.values()) >= 1_500


def test_whole_seeds_are_understood(folders: list[list[Seed]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "damaged", lambda choose, origin: origin.data)
    made = [group for group in folders if group[0].name.endswith(".dcm") and is_worth_it(IMAGES, group[0].name, 0.1)]
    made += [group for group in folders if group[0].name.startswith("reg-deformable")]
    outcome = fuzz.run(300, folders=made)
    assert outcome.is_clean, str(outcome)
    assert outcome.done["load_series"] > 0.5 * outcome.calls["load_series"]
    assert outcome.done["export_image"] > 0.5 * outcome.calls["export_image"]
    assert outcome.done["read_registration"] > 0


def test_damage_changes_files_and_finds_their_elements(folders: list[list[Seed]]) -> None:
    choose = fuzz.random.Random(1)
    seeds = [seed for group in folders for seed in group]
    assert sum(len(seed.places) > 10 for seed in seeds) > 0.5 * len(seeds)
    changed = [damaged(choose, seed) != seed.data for seed in seeds]
    assert sum(changed) > 0.9 * len(seeds)


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (ValueError("of another package"), "foreign"),
        (fuzz.TooLong(), "hangs"),
        (FileError("file", "is broken."), None),
    ],
)
def test_what_must_not_come_out_is_counted(
    trouble: BaseException, kind: str | None, folders: list[list[Seed]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def call(folder: Path, path: Path) -> None:
        raise trouble

    monkeypatch.setattr(fuzz, "CALLS", {"call": Call(call)})
    outcome = fuzz.run(3, folders=folders, keep=tmp_path)
    assert outcome.is_clean == (kind is None)
    if kind is not None:
        assert sum(getattr(outcome, kind).values()) == 3
        assert len(kept_in(tmp_path)) == 3
    again = fuzz.run(5, folders=folders, keep=tmp_path)
    assert sum(again.calls.values()) == 5 and again.starts == {"1": 2}
    monkeypatch.setattr(fuzz, "CALLS", {"call": Call(lambda folder, path: None)})
    mended = fuzz.run(6, folders=folders, keep=tmp_path)
    assert mended.is_clean and sum(mended.mended.values()) == (0 if kind is None else 5)
    assert kept_in(tmp_path) == []


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peak memory is told by Linux only")
def test_memory_out_of_proportion_is_counted(folders: list[list[Seed]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "CALLS", {"call": Call(lambda folder, path: bytearray(b"x" * (100 << 20)) and None)})
    outcome = fuzz.run(1, folders=folders)
    assert sum(outcome.memory.values()) == 1


def test_an_error_nobody_expected_is_told_of_its_file_and_the_others_are_judged(
    tmp_path: Path, folders: list[list[Seed]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from DicomRegInspectorLib import check_pixels, inspect_paths
    from DicomRegInspectorLib.series.pixel_checks import check_pixels as checking
    from DicomRegInspectorLib.tasks import inspect

    (group,) = [group for group in folders if group[0].name.startswith("ct1/")][:1]
    for number, seed in enumerate(group):
        (tmp_path / f"{number}.dcm").write_bytes(seed.data)
    read, check = inspect.read_header, checking.check_file

    def fail(path: str) -> None:
        if Path(path).name == "2.dcm":
            raise TypeError("DOE^JANE")

    monkeypatch.setattr(inspect, "read_header", lambda path: fail(path) or read(path))
    monkeypatch.setattr(checking, "check_file", lambda path, **how: fail(path) or check(path, **how))
    found = inspect_paths([tmp_path])
    assert [len(series.stacks[0].slices) for series in found.series] == [4]
    (finding,) = [finding for finding in found.findings if finding.code == "file-unreadable"]
    assert "2.dcm" in str(finding.subject) and "TypeError" in finding.message and "DOE" not in finding.message
    pixels = check_pixels([tmp_path])
    assert len(pixels.files) == 4
    assert [finding.code for finding in pixels.findings if finding.severity == "error"] == ["file-unreadable"]
