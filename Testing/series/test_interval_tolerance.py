"""The tolerance for slice intervals: what it decides, where it is told, and that the usual one is unchanged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib import cli, inspect_paths
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.panel.selftests.files import write_ct_stack
from DicomRegInspectorLib.series.geometry.spacing import judge_spacing
from DicomRegInspectorLib.series.regularize.options import RegularizeOptions
from DicomRegInspectorLib.series.regularize.plan import plan

INTERVALS = [2.0] * 8 + [2.3] + [2.0] * 8
"""One interval 15 % too long."""


def positions(intervals: list[float]) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(intervals)])


@pytest.mark.parametrize(("tolerance", "irregular"), [(0.05, 1), (0.149, 1), (0.151, 0), (0.3, 0)])
def test_an_interval_is_irregular_when_it_is_off_by_more(tolerance: float, irregular: int) -> None:
    judged = judge_spacing(positions(INTERVALS), 0.0, tolerance)
    assert len(judged.irregular) == irregular
    assert judged.relative_tolerance == tolerance


@pytest.mark.parametrize("tolerance", [0.05, 0.2, 0.45])
def test_a_missing_slice_is_a_gap_under_any_tolerance(tolerance: float) -> None:
    (gap,) = judge_spacing(positions([2.0] * 8 + [4.0] + [2.0] * 8), 0.0, tolerance).irregular
    assert (gap.kind, gap.missing, gap.before) == ("gap", 1, 9)


def test_a_narrower_tolerance_finds_what_the_usual_one_passes() -> None:
    off = positions([2.0] * 8 + [2.06] + [2.0] * 8)
    assert judge_spacing(off, 0.0).irregular == ()
    (gap,) = judge_spacing(off, 0.0, 0.01).irregular
    assert gap.interval_mm == pytest.approx(2.06)


def test_rounding_is_never_irregular_however_narrow_the_tolerance() -> None:
    rounded = np.round(np.arange(60) * 0.58, 1)
    assert judge_spacing(rounded, 0.1, 0.001).irregular == ()


def test_findings_say_which_tolerance_made_them_only_when_it_is_not_the_usual_one(tmp_path: Path) -> None:
    write_ct_stack(tmp_path, positions([2.0] * 8 + [2.5] + [2.0] * 8))
    (usual,) = [one for one in inspect_paths(tmp_path).findings if one.code == "slice-gap"]
    assert "interval_tolerance_percent" not in usual.evidence
    other = inspect_paths(tmp_path, interval_tolerance=0.1)
    (found,) = [one for one in other.findings if one.code == "slice-gap"]
    assert found.evidence["interval_tolerance_percent"] == 10.0
    assert other.to_dict()["options"] == {"interval_tolerance_percent": 10.0}
    wide = inspect_paths(tmp_path, interval_tolerance=0.3)
    assert [one.code for one in wide.findings] == ["spacing-jitter"]
    assert "30 %" in wide.findings[0].message
    assert "nothing to correct" not in wide.findings[0].message


def test_what_becomes_of_a_stack_follows_the_tolerance_it_was_inspected_with(tmp_path: Path) -> None:
    write_ct_stack(tmp_path, positions(INTERVALS))
    volumes = [
        len(plan(inspect_paths(tmp_path, interval_tolerance=share).series[0], RegularizeOptions("split")).volumes)
        for share in (0.05, 0.2)
    ]
    assert volumes == [2, 1]


@pytest.mark.parametrize("share", [0.0, -0.1, 0.5, float("nan")])
def test_a_tolerance_that_means_nothing_is_refused(tmp_path: Path, share: float) -> None:
    with pytest.raises(UsageError, match=r"0\.1 to 45 %"):
        inspect_paths(tmp_path, interval_tolerance=share)


def test_the_command_line_takes_per_cent_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_ct_stack(tmp_path, positions(INTERVALS))
    assert cli.main(["inspect", str(tmp_path), "--fail-on", "error"]) == 1
    assert "% off" not in capsys.readouterr().out
    assert cli.main(["inspect", str(tmp_path), "--fail-on", "error", "--tolerance", "20"]) == 0
    assert "20 % off" in " ".join(capsys.readouterr().out.split())
    assert cli.main(["inspect", str(tmp_path), "--json", "-", "--tolerance", "20"]) == 0
    assert json.loads(capsys.readouterr().out)["options"]["interval_tolerance_percent"] == 20
    assert cli.main(["inspect", str(tmp_path), "--tolerance", "60"]) == 2
    assert "45 %" in capsys.readouterr().err
