"""What is told of a regularized series before a pixel is read, held against what then comes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.inspection import inspect_paths
from DicomRegInspectorLib.panel.selftest_files import write_ct_stack
from DicomRegInspectorLib.series import Series
from DicomRegInspectorLib.series.regularize.modes import regularize
from DicomRegInspectorLib.series.regularize.placing import load_to_regularize
from DicomRegInspectorLib.series.regularize.preview import irregularities, preview
from DicomRegInspectorLib.series.regularize.regular import MODES, Mode

STACKS = {
    "regular": (0, 2, 4, 6, 8),
    "one missing": (0, 2.5, 5, 7.5, 10, 15, 17.5, 20, 22.5),
    "wide gap and overlap": (0, 2, 4, 6, 8, 30, 32, 34, 36, 36.5, 38),
    "duplicate": (0, 2, 4, 4, 6, 8),
    "two spacings": (0, 1, 2, 3, 4, 6, 8, 10, 12),
}


def inspected(folder: Path) -> Series:
    (series,) = inspect_paths(folder).series
    return series


def compare(folder: Path, mode: Mode, max_gap: float, spacing_mm: float | None = None) -> None:
    told = preview(inspected(folder), mode, max_gap=max_gap, spacing_mm=spacing_mm)
    volume, apart = load_to_regularize([folder])
    came = regularize(volume, mode, max_gap=max_gap, spacing_mm=spacing_mm, apart=apart)
    assert [one.dimensions for one in told.volumes] == [one.dimensions for one in came.volumes]
    filled = [sum(not sources for sources in one.sources) for one in came.volumes]
    assert [one.filled_slices for one in told.volumes] == filled
    for one, other in zip(told.volumes, came.volumes, strict=True):
        np.testing.assert_allclose(one.spacing_mm, [*other.spacing_mm[:2], other.slice_distance_mm], rtol=1e-3)
    assert [(one.slice.path, one.reason) for one in told.dropped] == [
        (one.slice.path, one.reason) for one in came.dropped
    ]


@pytest.mark.parametrize("max_gap", [0, 1, 12])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", STACKS)
def test_what_is_told_is_what_comes(tmp_path: Path, name: str, mode: Mode, max_gap: float) -> None:
    write_ct_stack(tmp_path, STACKS[name])
    compare(tmp_path, mode, max_gap)


def test_another_spacing_is_told(tmp_path: Path) -> None:
    write_ct_stack(tmp_path, STACKS["wide gap and overlap"])
    compare(tmp_path, "resample", 1, spacing_mm=0.75)
    (one,) = preview(inspected(tmp_path), "resample", spacing_mm=0.75).volumes
    assert one.dimensions == (10, 8, 51)  # 38 / 0.75 = 50.7 steps


@pytest.mark.parametrize("mode", MODES)
def test_tilted_real_series_comes_as_told(shared_data: Path, mode: Mode) -> None:
    compare(shared_data / "ct-ge-tilted-irregular", mode, 1)


def test_absurd_spacing_is_refused_at_once(tmp_path: Path) -> None:
    write_ct_stack(tmp_path, STACKS["regular"])
    with pytest.raises(UsageError, match="800,001 slices"):
        preview(inspected(tmp_path), "resample", spacing_mm=1e-5)


def test_only_irregular_stacks_have_irregularities(tmp_path: Path) -> None:
    codes = {}
    for name, positions in STACKS.items():
        write_ct_stack(tmp_path / name, positions)
        codes[name] = {one.code for one in irregularities(inspected(tmp_path / name))}
    assert codes == {
        "regular": set(),
        "one missing": {"slice-gap"},
        "wide gap and overlap": {"slice-gap", "slice-overlap"},
        "duplicate": set(),
        "two spacings": {"spacing-change"},
    }
