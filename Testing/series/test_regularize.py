"""Irregular stacks of a phantom known by its formula, made regular: the formula comes back, slices lie right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib import memory
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.series.regularize.regularize import regularize
from series_making import rotation
from stack_loading import load_to_regularize
from stack_making import AXIAL, PIXEL_SPACING, SIZE, along_table, phantom, slice_points, tilted, write_stack

EVEN = np.arange(0, 60, 2.0)
RNG = np.random.default_rng(5)
JITTERED = np.sort(EVEN + RNG.uniform(-0.6, 0.6, EVEN.size))
TWO_SPACINGS = np.concatenate([np.arange(0, 30, 2.0), 29.3 + np.arange(0, 36, 3.0)])
GAPPED = np.concatenate([np.arange(0, 30, 2.0), np.arange(58, 90, 2.0)])


def voxel_points(volume) -> np.ndarray:
    """(nk, nj, ni, 3) LPS mm."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in volume.dimensions], indexing="ij"), axis=-1)
    points = index @ volume.affine_lps[:3, :3].T + volume.affine_lps[:3, 3]
    return points.transpose(2, 1, 0, 3)


def load(folder: Path):
    return load_to_regularize(folder)[0]


@pytest.mark.parametrize("heights", [EVEN, JITTERED, TWO_SPACINGS, GAPPED], ids=["even", "jitter", "two", "gap"])
@pytest.mark.parametrize("tilt", [0.0, 18.5, -12.0])
def test_the_phantom_comes_back_from_resampling(tmp_path: Path, heights: np.ndarray, tilt: float) -> None:
    volume = load(write_stack(tmp_path, along_table(heights), tilted(tilt)))
    result = regularize(volume, "resample", spacing_mm=1.5).volume
    expected = phantom(voxel_points(result))
    valid = result.valid
    error = (result.array - expected)[valid]
    assert np.sqrt((error**2).mean()) < 0.01 * np.sqrt((expected[valid] ** 2).mean())
    assert valid.sum() > 0.6 * (np.ptp(heights) / 1.5) * SIZE[0] * SIZE[1] * (0.5 if heights is GAPPED else 1)
    assert (result.array[~valid] == -1000).all()
    assert result.is_orthogonal
    np.testing.assert_allclose(result.spacing_mm, [PIXEL_SPACING[1], PIXEL_SPACING[0], 1.5], atol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_the_phantom_comes_back_from_oblique_sheared_irregular_stacks(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    turned = rotation(*rng.uniform(-np.pi, np.pi, 3))
    orientation = (*turned[0], *turned[1])
    heights = np.cumsum(rng.uniform(1.2, 2.6, 25))
    shear = rng.uniform(-0.5, 0.5, 2)
    positions = [height * (turned[2] + shear[0] * turned[0] + shear[1] * turned[1]) for height in heights]
    volume = load(write_stack(tmp_path, positions, orientation))
    result = regularize(volume, "resample", spacing_mm=1.1, max_gap=3).volume
    expected = phantom(voxel_points(result))[result.valid]
    error = result.array[result.valid] - expected
    assert np.sqrt((error**2).mean()) < 0.01 * np.sqrt((expected**2).mean())
    assert result.is_orthogonal and result.valid.sum() > 30000
    grid = regularize(volume, "acquisition", max_gap=3).volume
    np.testing.assert_allclose(grid.slice_corners_lps_mm, positions, atol=1e-6)
    index = np.arange(len(positions))[:, None]
    on_lattice = grid.affine_lps[:3, 3] + index * grid.affine_lps[:3, 2]
    np.testing.assert_allclose(on_lattice + grid.displacement.displacements_mm[:, 0, 0], positions, atol=1e-6)


def test_slices_without_values_are_left_out(tmp_path: Path) -> None:
    volume = load(write_stack(tmp_path, along_table(EVEN)))
    valid = volume.valid.copy()
    valid[5] = False
    result = regularize(replace(volume, valid=valid), "resample", max_gap=0)
    assert [one.reason for one in result.dropped] == ["holds no values"]
    assert not result.valid[5].any() and result.valid[[4, 6]].all()


def test_every_voxel_between_slices_is_valid_and_no_other(tmp_path: Path) -> None:
    volume = load(write_stack(tmp_path, along_table(GAPPED), tilted(20)))
    result = regularize(volume, "resample", spacing_mm=1.0).volume
    points = voxel_points(result)
    row, column = np.array(tilted(20)[:3]), np.array(tilted(20)[3:])
    normal = np.cross(row, column)
    place = points @ normal
    starts = np.array(along_table(GAPPED))
    heights = starts @ normal
    after = np.clip(np.searchsorted(heights, place), 1, len(heights) - 1)
    inside = (place >= heights[0] - 1e-6) & (place <= heights[-1] + 1e-6)
    inside &= (heights[after] - heights[after - 1]) < 3
    for side in (after - 1, after):
        offset = points - starts[side]
        for axis, spacing, count in ((row, PIXEL_SPACING[1], SIZE[1]), (column, PIXEL_SPACING[0], SIZE[0])):
            along = offset @ axis / spacing
            inside &= (along >= -1e-3) & (along <= count - 1 + 1e-3)
    on_a_slice = np.abs(place[..., None] - heights).min(axis=-1) < 2e-3
    np.testing.assert_array_equal(result.valid[~on_a_slice], inside[~on_a_slice])


def test_resampling_agrees_with_simpleitk_where_only_the_spacing_changes(tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    volume = load(write_stack(tmp_path, along_table(EVEN)))
    mine = regularize(volume, "resample", spacing_mm=0.7, in_plane_spacing_mm=(1.1, 0.9)).volume
    image = sitk.GetImageFromArray(volume.array.astype(np.float64))
    image.SetSpacing([PIXEL_SPACING[1], PIXEL_SPACING[0], 2.0])
    theirs = sitk.Resample(image, mine.dimensions, sitk.Transform(), sitk.sitkLinear, (0, 0, 0), (0.9, 1.1, 0.7))
    np.testing.assert_allclose(mine.array, sitk.GetArrayFromImage(theirs), atol=0.5 + 1e-3)
    assert mine.is_all_valid
    last = (np.array(mine.dimensions) - 1) * (0.9, 1.1, 0.7)
    assert (
        last > (np.array(volume.dimensions) - 1) * (PIXEL_SPACING[1], PIXEL_SPACING[0], 2.0) - (0.9, 1.1, 0.7)
    ).all()


def test_a_regular_stack_comes_back_as_it_is(tmp_path: Path) -> None:
    volume = load(write_stack(tmp_path, along_table(EVEN)))
    result = regularize(volume, "resample")
    np.testing.assert_array_equal(result.array, volume.array)
    np.testing.assert_allclose(result.affine_lps, volume.affine_lps, atol=1e-9)
    assert result.volume.is_all_valid and not result.dropped


def test_the_spacing_most_intervals_have_is_the_default(tmp_path: Path) -> None:
    # 0.6 mm slices of which some are doubled nearly in place: the mean is 0.58.
    heights = np.concatenate([np.arange(0, 12, 0.6), [3.3]])
    volume = load(write_stack(tmp_path, along_table(np.sort(heights))))
    assert regularize(volume, "resample").volume.spacing_mm[2] == pytest.approx(0.6, abs=1e-9)


@pytest.mark.parametrize(("missing", "max_gap", "bridged"), [(1, 1, True), (2, 1, False), (1, 0, False), (2, 2, True)])
def test_a_gap_is_bridged_up_to_as_many_missing_slices_as_allowed(
    tmp_path: Path, missing: int, max_gap: int, bridged: bool
) -> None:
    heights = np.concatenate([np.arange(10), 9 + missing + np.arange(1, 11)]).astype(float)
    volume = load(write_stack(tmp_path, along_table(heights)))
    result = regularize(volume, "resample", max_gap=max_gap, fill=-2000).volume
    valid = result.valid.all(axis=(1, 2))
    assert len(result.array) == 20 + missing
    assert [not one for one in valid[10 : 10 + missing]] == [not bridged] * missing
    assert valid[:10].all() and valid[10 + missing :].all()
    assert (result.array[10 : 10 + missing] == -2000).all() == (not bridged)


def true_corners(positions: list[tuple[float, ...]], orientation: tuple[float, ...]) -> np.ndarray:
    """(n, 2, 2, 3) [row][column]."""
    return np.stack([slice_points(one, orientation)[np.ix_([0, -1], [0, -1])] for one in positions])


@pytest.mark.parametrize("heights", [EVEN, JITTERED, TWO_SPACINGS, GAPPED], ids=["even", "jitter", "two", "gap"])
@pytest.mark.parametrize("tilt", [0.0, 18.5])
def test_the_acquisition_grid_puts_every_corner_where_the_header_says(
    tmp_path: Path, heights: np.ndarray, tilt: float
) -> None:
    positions = along_table(heights)
    volume = load(write_stack(tmp_path, positions, tilted(tilt)))
    result = regularize(volume, "acquisition").volume
    displacements = 0 if result.displacement is None else result.displacement.displacements_mm
    filled = np.array([bool(one) for one in result.sources])
    np.testing.assert_array_equal(result.array[filled], volume.array)
    nk, nj, ni = result.array.shape
    a = np.array([0, ni - 1])[None, None, :, None] * result.affine_lps[:3, 0]
    b = np.array([0, nj - 1])[None, :, None, None] * result.affine_lps[:3, 1]
    k = np.arange(nk)[:, None, None, None] * result.affine_lps[:3, 2]
    moved = result.affine_lps[:3, 3] + a + b + k + displacements
    np.testing.assert_allclose(moved[filled], true_corners(positions, tilted(tilt)), atol=1e-6)
    assert result.is_orthogonal
    assert (result.array[~filled] == result.fill).all()
    assert not result.valid[~filled].any() and result.valid[filled].all()
    # 30 mm between slices 2 mm apart (times the cosine of the tilt, both): 14 are missing.
    assert (~filled).sum() == (14 if heights is GAPPED else 0)


def test_a_regular_upright_stack_gets_no_transform_and_is_called_regular(tmp_path: Path) -> None:
    volume = load(write_stack(tmp_path, along_table(EVEN)))
    result = regularize(volume, "acquisition")
    assert result.volume.displacement is None and result.volume.deviation_mm < 1e-6
    np.testing.assert_array_equal(result.array, volume.array)
    np.testing.assert_allclose(result.volume.slice_corners_lps_mm, along_table(EVEN), atol=1e-6)
    assert result.description == "30 slices as they are, regular already: no transform is needed"


@pytest.mark.parametrize(("off", "is_moved"), [(0.0004, False), (0.004, True)])
def test_a_micrometre_decides_whether_slices_are_moved(tmp_path: Path, off: float, is_moved: bool) -> None:
    heights = EVEN.copy()
    heights[11] += off
    one = regularize(load(write_stack(tmp_path, along_table(heights), decimals=4)), "acquisition").volume
    assert (one.displacement is not None) == is_moved
    assert one.deviation_mm == pytest.approx(0 if is_moved else off, abs=1e-6)


def test_a_regular_tilted_stack_is_moved(tmp_path: Path) -> None:
    result = regularize(load(write_stack(tmp_path, along_table(EVEN), tilted(18.5))), "acquisition")
    assert result.volume.displacement is not None and "each moved to its place" in result.description


def test_sections_of_constant_spacing_are_split(tmp_path: Path) -> None:
    heights = np.concatenate([np.arange(0, 20, 2.0), 40 + np.arange(0, 24, 3.0), 70 + np.arange(0, 20, 2.0)])
    volume = load(write_stack(tmp_path, along_table(heights), tilted(10)))
    result = regularize(volume, "split")
    assert [one.array.shape[0] for one in result.volumes] == [10, 8, 10]
    assert [one.label for one in result.volumes] == [f"section {n} of 3" for n in (1, 2, 3)]
    start = 0
    for one in result.volumes:
        stop = start + len(one.array)
        np.testing.assert_array_equal(one.array, volume.array[start:stop])
        expected = np.stack([slice_points(p, tilted(10)) for p in along_table(heights)[start:stop]])
        np.testing.assert_allclose(voxel_points(one), expected, atol=1e-6)
        assert one.is_untouched and one.deviation_mm < 1e-6
        start = stop
    assert start == 28


def test_a_spacing_that_changes_without_a_break_ends_one_section_and_begins_the_next(tmp_path: Path) -> None:
    heights = np.concatenate([np.arange(0, 21, 2.0), 20 + np.arange(5, 31, 5.0)])
    result = regularize(load(write_stack(tmp_path, along_table(heights))), "split")
    assert [one.array.shape[0] for one in result.volumes] == [11, 7]
    np.testing.assert_array_equal(result.volumes[0].array[-1], result.volumes[1].array[0])


def test_cropping_keeps_the_longest_run_and_lists_the_rest(tmp_path: Path) -> None:
    heights = np.concatenate([np.arange(0, 20, 2.0), 40 + np.arange(0, 36, 2.0)])
    volume = load(write_stack(tmp_path, along_table(heights)))
    result = regularize(volume, "crop")
    np.testing.assert_array_equal(result.array, volume.array[10:])
    np.testing.assert_allclose(result.affine_lps[:3, 3], along_table([40.0])[0], atol=1e-9)
    assert len(result.dropped) == 10 and {one.reason for one in result.dropped} == {
        "lies outside the longest regular run"
    }


def doubled(tmp_path: Path):
    """Two acquisitions that share three places, the second 100 HU denser and written first."""
    first, second = np.arange(0, 20, 2.0), np.arange(14, 40, 2.0)
    elements = [{"AcquisitionNumber": 2, "RescaleIntercept": -924}] * len(second)
    elements += [{"AcquisitionNumber": 1}] * len(first)
    return load(write_stack(tmp_path, along_table([*second, *first]), per_slice=elements))


@pytest.mark.parametrize(
    ("how", "added"),
    [("first", 0), ("last", 100), ("mean", 50), (1, 0), (2, 100)],
    ids=["first", "last", "mean", "1", "2"],
)
def test_duplicates_are_resolved_as_asked_for(tmp_path: Path, how, added: int) -> None:
    result = regularize(doubled(tmp_path), "resample", duplicates=how)
    heights = np.arange(0, 40, 2.0)
    expected = np.stack([np.rint(phantom(slice_points(one, AXIAL))) for one in along_table(heights)])
    expected += np.select([heights < 13, heights < 19], [0, added], 100)[:, None, None]
    np.testing.assert_array_equal(result.array, expected)
    assert len(result.dropped) == (0 if how == "mean" else 3)
    kept = {"first": 2, "last": 1, 1: 2, 2: 1, "mean": 0}[how]
    assert all(one.slice.header.acquisition_number == kept for one in result.dropped)


def test_of_interleaved_acquisitions_one_can_be_chosen(tmp_path: Path) -> None:
    first, second = np.arange(0, 20, 2.0), np.arange(13, 40, 2.0)
    elements = [{"AcquisitionNumber": 1}] * len(first) + [{"AcquisitionNumber": 2}] * len(second)
    volume = load(write_stack(tmp_path, along_table([*first, *second]), per_slice=elements))
    result = regularize(volume, "split", duplicates=2)
    dropped = sorted(one.slice.position_lps_mm[2] for one in result.dropped)
    assert dropped == [14, 16, 18]
    assert [len(one.array) for one in result.volumes] in ([7, 14],)


@pytest.mark.parametrize(("how", "kept"), [("first", 20.4), ("last", 21.0), ("mean", 20.7)])
def test_of_two_slices_too_close_one_can_be_made(tmp_path: Path, how: str, kept: float) -> None:
    heights = [*np.arange(0, 20, 2.0), 20.4, 21.0, *np.arange(23, 40, 2.0)]
    volume = load(write_stack(tmp_path, along_table(heights)))
    left = regularize(volume, "acquisition", overlaps=how).volume
    assert len(left.array) == len(heights) - 1
    assert left.slice_corners_lps_mm[10, 2] == pytest.approx(kept)
    assert len(regularize(volume, "acquisition").array) == len(heights)


def test_localizers_and_other_image_types_stay_apart_and_are_listed(tmp_path: Path) -> None:
    heights = np.arange(0, 40, 2.0)
    elements: list[dict] = [{} for _ in heights]
    elements[3] = {"ImageType": ["DERIVED", "SECONDARY", "MPR"]}
    folder = write_stack(tmp_path, along_table(heights), series_uid="1.2.3.4", per_slice=elements)
    localizer = [{"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "InstanceNumber": 99}]
    write_stack(tmp_path / "more", [(-25.0, 0.0, 10.0)], (1, 0, 0, 0, 0, -1), series_uid="1.2.3.4", per_slice=localizer)
    volume, apart = load_to_regularize(folder)
    result = regularize(volume, "resample", apart=apart)
    assert len(volume.array) == 19 and len(result.array) == 20
    assert sorted(one.reason.split(",")[0] for one in result.dropped) == [
        "a localizer",
        "image type DERIVED/SECONDARY/MPR",
    ]


def test_bad_stacks_are_refused_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = load(write_stack(tmp_path / "good", along_table(EVEN)))
    with pytest.raises(UsageError, match="one slice"):
        regularize(load(write_stack(tmp_path / "one", along_table([3.0]))), "resample")
    none = replace(volume, array=volume.array[:0], slices=(), slice_corners_lps_mm=volume.slice_corners_lps_mm[:0])
    with pytest.raises(UsageError, match="There are no slices"):
        regularize(none, "resample")
    corners = volume.slice_corners_lps_mm.copy()
    corners[4, 2] = np.nan
    with pytest.raises(UsageError, match=r"Image Position .*nan"):
        regularize(replace(volume, slice_corners_lps_mm=corners), "acquisition")
    for options in ({"spacing_mm": 0.0}, {"spacing_mm": np.nan}, {"max_gap": -1}, {"duplicates": "all"}, {"fill": 0.5}):
        with pytest.raises(UsageError):
            regularize(volume, "resample", **options)
    with pytest.raises(UsageError, match=r"[TG]B of memory"):
        regularize(volume, "resample", spacing_mm=1e-9)
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    with pytest.raises(UsageError, match=r"needs .* of memory; 1 kB are available"):
        regularize(volume, "resample")


def test_slices_of_two_sizes_leave_the_smaller_group_out(tmp_path: Path) -> None:
    elements: list[dict] = [{} for _ in EVEN]
    half = np.zeros((SIZE[0] // 2, SIZE[1]), "<u2")
    elements[7] = {"Rows": SIZE[0] // 2, "PixelData": half.tobytes()}
    volume, apart = load_to_regularize(write_stack(tmp_path, along_table(EVEN), per_slice=elements))
    assert len(volume.array) == len(EVEN) - 1
    assert [one.reason for one in apart] == [f"{SIZE[1]} × {SIZE[0] // 2} pixels, the stack has {SIZE[1]} × {SIZE[0]}"]
