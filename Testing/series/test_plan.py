"""What is told of a regularized series before a pixel is read, held against what then comes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.panel.selftests.files import write_ct_stack
from DicomRegInspectorLib.series import Series
from DicomRegInspectorLib.series.regularize.options import MODES, Mode, RegularizeOptions
from DicomRegInspectorLib.series.regularize.plan import Plan, irregularities, plan
from DicomRegInspectorLib.series.regularize.reference import ReferenceGrid
from DicomRegInspectorLib.series.regularize.regularize import regularize
from DicomRegInspectorLib.tasks.inspect import inspect_paths
from stack_loading import load_to_regularize

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


def planned(series: Series, mode: Mode, **options: Any) -> Plan:
    return plan(series, RegularizeOptions(mode, **options))


def compare(folder: Path, mode: Mode, max_gap: float, **options: Any) -> None:
    told = planned(inspected(folder), mode, max_gap=max_gap, **options)
    volume, apart = load_to_regularize([folder])
    came = regularize(volume, mode, max_gap=max_gap, apart=apart, **options)
    assert [one.dimensions for one in told.volumes] == [one.dimensions for one in came.volumes]
    filled = [tuple(not sources for sources in one.sources) for one in came.volumes]
    assert [one.is_filled for one in told.volumes] == filled
    assert [one.filled_slices for one in told.volumes] == [sum(one) for one in filled]
    for one, other in zip(told.volumes, came.volumes, strict=True):
        np.testing.assert_allclose(one.spacing_mm, [*other.spacing_mm[:2], other.slice_distance_mm], rtol=1e-3)
        normal = volume.stack.normal
        np.testing.assert_allclose(one.positions_mm, other.slice_corners_lps_mm @ normal, atol=1e-9)
        assert one.is_moved == (other.displacement is not None)
        np.testing.assert_allclose(one.tilt_deg, tilt_of(other.slice_corners_lps_mm, normal), atol=0.1)
    assert [(one.slice.path, one.reason) for one in told.dropped] == [
        (one.slice.path, one.reason) for one in came.dropped
    ]


def tilt_of(corners: np.ndarray, normal: np.ndarray) -> float:
    """Angle between the normal and the way from the first to the last slice, degrees."""
    way = corners[-1] - corners[0]
    length = float(np.linalg.norm(way))
    return math.degrees(math.acos(min(float(way @ normal) / length, 1.0))) if length else 0.0


@pytest.mark.parametrize("max_gap", [0, 1, 12])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", STACKS)
def test_what_is_told_is_what_comes(tmp_path: Path, name: str, mode: Mode, max_gap: float) -> None:
    write_ct_stack(tmp_path, STACKS[name])
    compare(tmp_path, mode, max_gap)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", ["first", "last", "mean"])
def test_choices_of_duplicates_and_overlaps_are_told(tmp_path: Path, how: str, mode: Mode) -> None:
    write_ct_stack(tmp_path, (0, 2, 4, 4, 6, 8, 10, 10.5, 12, 14))
    compare(tmp_path, mode, 1, duplicates=how, overlaps=how)


def test_telling_reads_no_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> Any:
        raise AssertionError("pixels are read")

    for module in ("series.regularize.values", "series.pixels.volume"):
        monkeypatch.setattr(f"DicomRegInspectorLib.{module}.load_pixels", refuse)
    write_ct_stack(tmp_path, STACKS["duplicate"])
    told = planned(inspected(tmp_path), "split", duplicates="last", overlaps="mean")
    assert len(told.dropped) == 1
    assert [dropped.slice.position_lps_mm[2] for dropped in told.dropped] == [4.0]


def test_another_pixel_spacing_is_told(tmp_path: Path) -> None:
    write_ct_stack(tmp_path, STACKS["one missing"])
    compare(tmp_path, "resample", 1, in_plane_spacing_mm=1.5)
    compare(tmp_path, "resample", 1, in_plane_spacing_mm=(1.0, 3.0))
    (one,) = planned(inspected(tmp_path), "resample", in_plane_spacing_mm=(1.0, 3.0)).volumes
    assert one.dimensions == (7, 15, 10)  # 9 × 2 mm in steps of 3 mm, 7 × 2 mm in steps of 1 mm
    assert one.spacing_mm[:2] == (3.0, 1.0)


def test_largest_step_is_the_gap_that_stays(tmp_path: Path) -> None:
    write_ct_stack(tmp_path, STACKS["wide gap and overlap"])
    series = inspected(tmp_path)
    steps = {mode: max(one.largest_step_mm for one in planned(series, mode).volumes) for mode in MODES}
    assert steps == pytest.approx({"acquisition": 2.0, "resample": 2.0, "split": 2.0, "crop": 2.0})
    assert planned(series, "acquisition", max_gap=100).volumes[0].largest_step_mm == pytest.approx(22.0)


def test_another_spacing_is_told(tmp_path: Path) -> None:
    write_ct_stack(tmp_path, STACKS["wide gap and overlap"])
    compare(tmp_path, "resample", 1, spacing_mm=0.75)
    (one,) = planned(inspected(tmp_path), "resample", spacing_mm=0.75).volumes
    assert one.dimensions == (10, 8, 51)  # 38 / 0.75 = 50.7 steps


@pytest.mark.parametrize("mode", MODES)
def test_tilted_real_series_comes_as_told(shared_data: Path, mode: Mode) -> None:
    compare(shared_data / "ct-ge-tilted-irregular", mode, 1)


def test_absurd_spacing_is_refused_at_once(tmp_path: Path) -> None:
    write_ct_stack(tmp_path, STACKS["regular"])
    with pytest.raises(UsageError, match="800,001 slices"):
        planned(inspected(tmp_path), "resample", spacing_mm=1e-5)


def test_only_irregular_stacks_have_irregularities(tmp_path: Path) -> None:
    codes = {}
    for name, positions in STACKS.items():
        write_ct_stack(tmp_path / name, positions)
        codes[name] = {one.code for one in irregularities(inspected(tmp_path / name))}
    assert codes == {
        "regular": set(),
        "one missing": {"slice-gap"},
        "wide gap and overlap": {"slice-gap", "slice-overlap"},
        "duplicate": {"duplicate-position"},
        "two spacings": {"spacing-change"},
    }


def test_grid_of_another_volume_is_told(tmp_path: Path) -> None:
    """Ten columns and eight rows of 2 mm at 0; the grid begins one slice below the stack and ends within it."""
    write_ct_stack(tmp_path, STACKS["one missing"])
    affine = np.diag([4.0, 3.0, 2.5, 1.0])
    affine[:3, 3] = [2.0, 3.0, -2.5]
    compare(tmp_path, "resample", 0, reference=ReferenceGrid(affine, (4, 5, 6)))
    (one,) = planned(inspected(tmp_path), "resample", reference=ReferenceGrid(affine, (4, 5, 6))).volumes
    assert (one.dimensions, one.spacing_mm) == ((4, 5, 6), (4.0, 3.0, 2.5))
    assert one.positions_mm == pytest.approx((-2.5, 0, 2.5, 5, 7.5, 10))
    assert one.is_filled == (True, False, False, False, False, False)


def test_grid_across_the_slices_has_no_positions_along_them(tmp_path: Path) -> None:
    write_ct_stack(tmp_path, STACKS["regular"])
    affine = np.eye(4)
    affine[:3, :3] = [[0, 0, 1.5], [2.0, 0, 0], [0, 1.0, 0]]
    (one,) = planned(inspected(tmp_path), "resample", reference=ReferenceGrid(affine, (6, 7, 8))).volumes
    assert (one.dimensions, one.spacing_mm) == ((6, 7, 8), (2.0, 1.0, 1.5))
    assert (one.positions_mm, one.largest_step_mm) == ((), 1.5)


def test_grid_in_other_coordinates_is_refused(tmp_path: Path) -> None:
    write_ct_stack(tmp_path, STACKS["regular"])
    with pytest.raises(UsageError, match="frame of reference"):
        planned(inspected(tmp_path), "resample", reference=ReferenceGrid(np.eye(4), (4, 4, 4), "1.2.3"))
