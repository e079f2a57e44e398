"""Volumes written as DICOM images: places and values, as pydicom, SimpleITK and dcm2niix read them."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib import ImageExportOptions, check_pixels, compare_volumes, export_image, inspect_paths
from DicomRegInspectorLib.errors import DicomRegInspectorError
from DicomRegInspectorLib.tasks.image_export.planes import planes_of
from DicomRegInspectorLib.volumes import Volume
from DicomRegInspectorLib.volumes.read_volume import read_volume
from image_making import STATED, by_place, dciodvfy, images, of_file, of_images, off, turned, values_of, volume_file

sitk = pytest.importorskip("SimpleITK")

SHAPE = (4, 5, 6)
LEFT_HANDED = turned(0.2, 0.3) @ np.diag([-1, 1, 1])


def hounsfield() -> np.ndarray:
    values = np.random.default_rng(4).integers(-1024, 3072, SHAPE).astype(np.int16)
    values.flat[:2] = -32768, 32767
    return values


def uptake() -> np.ndarray:
    return (np.random.default_rng(5).random(SHAPE) ** 4 * 25).astype(np.float32)


def export(volume: Any, output: Path, **options: Any) -> Any:
    return export_image(volume, output, ImageExportOptions(**options))


@pytest.mark.parametrize("name", ["v.nii.gz", "v.nrrd", "v.mha"])
def test_an_int16_ct_comes_back_bit_for_bit_where_it_was(tmp_path: Path, name: str) -> None:
    source = volume_file(tmp_path / name, hounsfield(), LEFT_HANDED)
    written = export(source, tmp_path / "out", kind="ct")
    assert written.comparison.same_physical_image and written.comparison.explained_by == "identical"
    assert off(of_file(source), of_images(tmp_path / "out")) == 0
    for data in images(tmp_path / "out"):
        assert (data.RescaleSlope, data.RescaleIntercept, data.RescaleType) == (1, 0, "HU")
        assert (data.PixelRepresentation, data.BitsAllocated, data.BitsStored) == (1, 16, 16)
    stored = np.concatenate([data.pixel_array.ravel() for data in images(tmp_path / "out")])
    assert sorted(stored.tolist()) == sorted(hounsfield().ravel().tolist())


@pytest.mark.parametrize(
    ("order", "signs"), [*itertools.product(itertools.permutations(range(3)), [(1, 1, 1), (-1, 1, 1), (1, -1, -1)])]
)
def test_voxels_stay_where_they_are_in_any_order_of_axes(order: tuple[int, ...], signs: tuple[int, ...]) -> None:
    array = np.arange(120).reshape(SHAPE)
    matrix = np.eye(4)
    matrix[:3, :3] = (turned(0.2, 0.3) * np.array([1.25, 1.5, 2.75]))[:, order] * signs
    matrix[:3, 3] = -12.5, 40.25, 3.0
    planes = planes_of(Volume(array, matrix))
    row, column, normal = planes.directions.T
    assert np.cross(row, column) @ normal == pytest.approx(1)
    assert by_place(planes.array, planes.index_to_lps) == by_place(array, matrix)
    assert abs(planes.directions[:, 2] @ Volume(array, matrix).directions[:, 2]) == pytest.approx(1)
    main = np.argmax(np.abs(normal))
    assert planes.orientation[:2] == {0: "PI", 1: "LI", 2: "LP"}[int(main)]


def test_a_suv_volume_out_and_back_keeps_its_corners_and_values_within_half_a_step(tmp_path: Path) -> None:
    source = volume_file(tmp_path / "suv.nii.gz", uptake(), np.diag([-1, -1, 1]))
    written = export(source, tmp_path / "out", kind="pet", units="GML", stated=STATED)
    largest = off(of_file(source), of_images(tmp_path / "out"))
    assert 0 < largest <= written.step / 2 * 1.001
    assert written.comparison.explained_by == "rescale-quantization"
    assert values_of(tmp_path / "out", "Units") == ["GML"] * 4
    assert values_of(tmp_path / "out", "RescaleIntercept") == [0] * 4
    back = sitk.ReadImage([str(path) for path in sorted((tmp_path / "out").iterdir())])
    image = sitk.ReadImage(str(source))
    corners = list(itertools.product((0, 5), (0, 4), (0, 3)))
    ours, theirs = ({tuple(np.round(i.TransformIndexToPhysicalPoint(c), 4)) for c in corners} for i in (image, back))
    assert ours == theirs


def test_a_slope_for_each_slice_is_half_a_step_of_that_slice(tmp_path: Path) -> None:
    values = uptake() * np.array([1, 10, 100, 0.01], np.float32)[:, None, None]
    source = volume_file(tmp_path / "suv.nrrd", values)
    written = export(source, tmp_path / "out", kind="pet", units="GML", stated=STATED, per_slice=True)
    slopes = [float(slope) for slope in values_of(tmp_path / "out", "RescaleSlope")]
    assert len(set(slopes)) == 4 and written.step == max(slopes)
    for data, plane, slope in zip(images(tmp_path / "out"), values, slopes, strict=True):
        assert np.abs(data.pixel_array * slope - plane).max() <= slope * 0.501


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_parametric_map_is_exact_nan_and_infinity_too(tmp_path: Path, dtype: type) -> None:
    values = (uptake() / 3).astype(dtype)
    values.flat[:3] = np.nan, np.inf, -1e30
    source = volume_file(tmp_path / "suv.nrrd", values, LEFT_HANDED)
    written = export(source, tmp_path / "out", kind="parametric-map", units="GML")
    assert "2 values" in " ".join(written.notes)
    (data,) = images(tmp_path / "out")
    assert data.pixel_array.dtype == dtype
    numbers = np.sort(data.pixel_array.ravel())
    assert numbers.tobytes() == np.sort(values.ravel()).tobytes()
    assert off({p: v for p, v in of_file(source).items() if np.isfinite(v)},
               {p: v for p, v in of_images(tmp_path / "out").items() if np.isfinite(v)}) == 0  # fmt: skip
    assert read_volume(tmp_path / "out").array.dtype == dtype


def test_steps_of_a_scaled_file_are_kept(tmp_path: Path) -> None:
    stored = np.random.default_rng(1).integers(0, 30000, SHAPE)
    volume = Volume(stored * 0.0003125, np.diag([1, 1, 2, 1.0]), quanta=np.array([0.0003125]))
    export(volume, tmp_path / "out", kind="pet", units="GML", stated=STATED)
    data = np.stack([image.pixel_array for image in images(tmp_path / "out")])
    assert (data == stored).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.int32, np.uint32])
def test_integers_of_any_type_are_exact_in_secondary_captures(tmp_path: Path, dtype: type) -> None:
    values = (np.random.default_rng(2).permutation(120).reshape(SHAPE) - (60 if np.iinfo(dtype).min else 0)).astype(
        dtype
    )
    source = volume_file(tmp_path / "v.nrrd", values, LEFT_HANDED)
    written = export(source, tmp_path / "out")
    assert written.comparison.explained_by == "identical"
    assert off(of_file(source), of_images(tmp_path / "out")) == 0
    (data,) = images(tmp_path / "out")
    assert data.PixelRepresentation == 0
    assert off(of_file(source), of_file(tmp_path / "out" / "00001.dcm")) == 0


KINDS: list[dict[str, Any]] = [
    {"kind": "ct"},
    {"kind": "mr", "stated": {"ScanningSequence": "SE", "SequenceVariant": "NONE"}},
    {"kind": "pet", "units": "BQML", "stated": STATED},
    {"kind": "secondary-capture"},
    {"kind": "parametric-map"},
]


@pytest.mark.parametrize("options", KINDS, ids=lambda options: options["kind"])
@pytest.mark.parametrize("values", [hounsfield(), hounsfield() / np.float32(9)], ids=["integers", "floats"])
def test_images_are_valid_and_pass_our_own_checks(tmp_path: Path, options: dict[str, Any], values: np.ndarray) -> None:
    source = volume_file(tmp_path / "v.nrrd", values, LEFT_HANDED)
    written = export(source, tmp_path / "out", **options)
    inspection = inspect_paths([tmp_path / "out"])
    assert [finding.code for finding in (*inspection.findings, *check_pixels([tmp_path / "out"]).findings)] == []
    assert inspection.series[0].main_stack is not None
    for name in written.files:
        assert dciodvfy(tmp_path / "out" / name) == []


@pytest.mark.skipif(shutil.which("dcm2niix") is None, reason="dcm2niix is not installed")
@pytest.mark.parametrize("options", [KINDS[0], KINDS[2], KINDS[4]], ids=lambda options: options["kind"])
def test_dcm2niix_finds_the_same_volume(tmp_path: Path, options: dict[str, Any]) -> None:
    values = hounsfield() if options["kind"] == "ct" else uptake()
    source = volume_file(tmp_path / "v.nii", values, LEFT_HANDED)
    written = export(source, tmp_path / "out", **options)
    subprocess.run(["dcm2niix", "-f", "back", "-o", tmp_path, tmp_path / "out"], check=True, capture_output=True)
    comparison = compare_volumes(read_volume(source), read_volume(tmp_path / "back.nii"))
    assert comparison.same_physical_image and comparison.max_corner_distance_mm < 1e-3
    assert comparison.max_value_difference is not None
    assert comparison.max_value_difference <= written.step / 2 * 1.01 + 1e-6


def test_a_ct_series_is_its_own_reference(tmp_path: Path) -> None:
    source = volume_file(tmp_path / "v.nrrd", hounsfield())
    first = export(source, tmp_path / "first", kind="ct")
    second = export(tmp_path / "first", tmp_path / "second")
    assert second.sop_class == "CT Image Storage" and second.frame_uid == first.frame_uid
    assert second.comparison.explained_by == "identical"
    with pytest.raises(DicomRegInspectorError, match="source series"):
        export(tmp_path / "first", tmp_path / "first" / "inside")
