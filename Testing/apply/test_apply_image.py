"""Images through registrations, against SimpleITK's Resample and against closed forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from applycases import (
    GRID_ORIGIN,
    GRID_SIZE,
    GRID_SPACING,
    affine,
    deformable,
    field,
    itk_field,
    itk_image,
    matrix,
    read_values,
    write_volume,
)
from DicomRegInspectorLib.errors import DicomRegInspectorError
from DicomRegInspectorLib.tasks.apply import resample
from DicomRegInspectorLib.tasks.apply.applied import Applied
from DicomRegInspectorLib.tasks.apply.request import ApplyRequest
from DicomRegInspectorLib.tasks.apply.run import apply_transform
from DicomRegInspectorLib.tasks.apply.transform import read_transform
from regfiles import rigid, rotation

sitk = pytest.importorskip("SimpleITK")

IMAGE = affine((2.0, 2.5, 3.0), (-33.0, -30.0, -28.0), rotation(0.05, -0.1, 0.2))
VALUES = np.random.default_rng(5).normal(0, 100, (18, 24, 30)).astype(np.float32)
TARGET = affine((1.5, 1.75, 2.0), (-28.0, -24.0, -22.0), rotation(0.0, 0.1, -0.15))
TARGET_SIZE = (26, 22, 17)


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """A volume whose voxels are the output's."""
    return write_volume(tmp_path / "reference.nrrd", np.zeros(TARGET_SIZE[::-1], np.int16), TARGET)


def apply(transform: Path, output: Path, given: Path, *, inverse: bool = False, **options: Any) -> Applied:
    if "reference" in options:
        options["reference"] = [str(options["reference"])]
    request = ApplyRequest(
        transform=read_transform(transform, inverse=inverse), input=str(given), output=output, **options
    )
    return apply_transform("image", request)


def by_itk(transform: Any, interpolator: int = sitk.sitkLinear, values: np.ndarray = VALUES) -> np.ndarray:
    """SimpleITK's own, NaN where it has no value."""
    target = itk_image(np.zeros(TARGET_SIZE[::-1], np.float32), TARGET)
    image = itk_image(values, IMAGE)
    return sitk.GetArrayFromImage(sitk.Resample(image, target, transform, interpolator, float("nan"), sitk.sitkFloat64))


@pytest.mark.parametrize("interpolation", ["linear", "nearest", "cubic"])
@pytest.mark.parametrize("matrices", [False, True])
def test_a_deformed_image_equals_simpleitks(
    tmp_path: Path, reference: Path, interpolation: Any, matrices: bool
) -> None:
    vectors = field()
    pre, post = (
        (rigid((0.02, 0.03, -0.04), (1, -2, 3)), rigid((-0.05, 0.01, 0.02), (2, 1, -1))) if matrices else (None, None)
    )
    registration = deformable(tmp_path / "reg.dcm", vectors, pre, post)
    given = write_volume(tmp_path / "image.nrrd", VALUES, IMAGE)
    applied = apply(
        registration, tmp_path / "out.nrrd", given, reference=reference, interpolation=interpolation, fill=-5000.0
    )
    # Equation C.20.3-1 as transforms of ITK: post (pre x + D(x)) = post pre (x + pre^-1 D(x)).
    inner = vectors if pre is None else (vectors.astype(np.float64) @ np.linalg.inv(pre[:3, :3]).T)
    whole = sitk.AffineTransform(3)
    product = np.eye(4) if pre is None else post @ pre
    whole.SetMatrix(product[:3, :3].ravel().tolist())
    whole.SetTranslation(product[:3, 3].tolist())
    chain = sitk.CompositeTransform([whole, itk_field(inner)])
    interpolator = {"linear": sitk.sitkLinear, "nearest": sitk.sitkNearestNeighbor, "cubic": sitk.sitkBSpline}
    expected = by_itk(chain, interpolator[interpolation])
    found = read_values(tmp_path / "out.nrrd")
    missing = np.isnan(expected)
    assert 0 < missing.sum() < missing.size / 2
    if interpolation == "nearest":
        assert np.mean(found == np.where(missing, -5000, expected)) > 0.9999
    else:
        assert np.abs(found - np.where(missing, -5000, expected)).max() < 2e-3
    coverage = applied.coverage
    assert coverage is not None
    assert (coverage.filled, coverage.undefined) == (int(missing.sum()), 0)
    assert coverage.to_dict()["filled_ml"] == pytest.approx(missing.sum() * 1.5 * 1.75 * 2 / 1000)


def test_a_matrix_equals_simpleitks_there_and_back(tmp_path: Path, reference: Path) -> None:
    source_to_registered = rigid((0.1, -0.05, 0.2), (4, -3, 2))
    registration = matrix(tmp_path / "reg.dcm", source_to_registered)
    given = write_volume(tmp_path / "image.nrrd", VALUES, IMAGE)
    for inverse, mapping in ((False, np.linalg.inv(source_to_registered)), (True, source_to_registered)):
        output = tmp_path / f"{inverse}.nrrd"
        apply(registration, output, given, reference=reference, fill=0.5, inverse=inverse)
        itk = sitk.AffineTransform(3)
        itk.SetMatrix(mapping[:3, :3].ravel().tolist())
        itk.SetTranslation(mapping[:3, 3].tolist())
        expected = by_itk(itk)
        assert np.abs(read_values(output) - np.where(np.isnan(expected), 0.5, expected)).max() < 1e-3


def linear_image(path: Path) -> Path:
    """Values that are a linear function of the place: interpolation keeps them exactly."""
    k, j, i = np.indices(VALUES.shape)
    places = np.stack([i, j, k], axis=-1) @ IMAGE[:3, :3].T + IMAGE[:3, 3]
    return write_volume(path, places @ GRADIENT + 7.0, IMAGE)


GRADIENT = np.array([3.0, -2.0, 0.5])


def is_among_centres(places: np.ndarray) -> np.ndarray:
    """Whether places lie between voxel centres of the image, where a linear function is kept."""
    index = (places - IMAGE[:3, 3]) @ np.linalg.inv(IMAGE[:3, :3]).T
    return ((index >= 0) & (index <= np.array(VALUES.shape[::-1]) - 1)).all(axis=-1)


def target_places() -> np.ndarray:
    k, j, i = np.indices(TARGET_SIZE[::-1])
    return np.stack([i, j, k], axis=-1) @ TARGET[:3, :3].T + TARGET[:3, 3]


def test_undefined_vectors_stay_undefined_and_are_counted(tmp_path: Path, reference: Path) -> None:
    vectors = field(size=0.5)
    vectors[3:5, 6:10, 4:9] = np.nan
    registration = deformable(tmp_path / "reg.dcm", vectors)
    applied = apply(
        registration, tmp_path / "out.nrrd", linear_image(tmp_path / "image.nrrd"), reference=reference, fill=-9999.0
    )
    places = target_places()
    mapped = read_transform(registration).item.map_points(places)
    lost = np.isnan(mapped).any(axis=-1)
    found = read_values(tmp_path / "out.nrrd")
    assert applied.coverage is not None and applied.coverage.undefined == lost.sum() > 50
    assert (found[lost] == -9999).all()
    filled = found == -9999
    kept = is_among_centres(mapped)
    assert kept.sum() > 4000 and not filled[kept].any()
    assert np.abs(found - (mapped @ GRADIENT + 7))[kept].max() < 1e-9
    assert applied.coverage.filled == filled.sum()


def test_slabs_make_no_difference(tmp_path: Path, reference: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = field(size=0.5)
    vectors[3:5, 6:10, 4:9] = np.nan
    registration = deformable(tmp_path / "reg.dcm", vectors)
    given = linear_image(tmp_path / "image.nrrd")
    whole = apply(registration, tmp_path / "whole.nrrd", given, reference=reference, fill=-9999.0)
    monkeypatch.setattr(resample, "SLAB_VOXELS", 5 * 26 * 22)
    monkeypatch.setattr(resample, "PULLED_VOXELS", 2 * 26 * 22)
    parts = apply(registration, tmp_path / "parts.nrrd", given, reference=reference, fill=-9999.0)
    assert parts.coverage == whole.coverage
    assert np.abs(read_values(tmp_path / "parts.nrrd") - read_values(tmp_path / "whole.nrrd")).max() < 1e-9


def test_what_is_wrong_with_the_registration_is_told(tmp_path: Path, reference: Path) -> None:
    vectors = np.zeros((*GRID_SIZE[::-1], 3), np.float32)
    vectors[5, 8, 8] = (30.0, 0.0, 0.0)
    applied = apply(
        deformable(tmp_path / "reg.dcm", vectors), tmp_path / "out.nrrd", linear_image(tmp_path / "image.nrrd"),
        reference=reference,
    )  # fmt: skip
    assert "reg-folding" in {finding.code for finding in applied.findings}


def test_vectors_that_lead_far_away_leave_nothing_but_the_fill(tmp_path: Path, reference: Path) -> None:
    registration = deformable(tmp_path / "reg.dcm", np.full((*GRID_SIZE[::-1], 3), 1e6, np.float32))
    given = linear_image(tmp_path / "image.nrrd")
    applied = apply(registration, tmp_path / "out.nrrd", given, reference=reference, fill=2.0)
    assert (read_values(tmp_path / "out.nrrd") == 2).all()
    assert applied.coverage is not None and applied.coverage.outside == applied.coverage.voxels


def test_a_chain_is_evaluated_exactly(tmp_path: Path, reference: Path) -> None:
    """Two fields in a row have no single grid: each voxel is mapped through both."""
    first = deformable(tmp_path / "first.dcm", field(1, 1.0))
    sitk.WriteTransform(itk_field(field(2, 1.0)), str(tmp_path / "second.h5"))
    request = ApplyRequest(
        transform=read_transform(first, then=[tmp_path / "second.h5"]),
        input=str(linear_image(tmp_path / "image.nrrd")),
        output=tmp_path / "out.nrrd",
        reference=[str(reference)],
        fill=-9999.0,
    )
    apply_transform("image", request)
    there = request.transform.item.map_points(target_places())
    kept = is_among_centres(there)
    found = read_values(tmp_path / "out.nrrd")
    assert kept.sum() > 3000 and np.abs(found - (there @ GRADIENT + 7))[kept].max() < 1e-8
    expected = by_itk(sitk.CompositeTransform([itk_field(field(2, 1.0)), itk_field(field(1, 1.0))]))
    assert np.isfinite(expected).sum() == (found != -9999).sum()


def test_nothing_is_said_outside_the_grid(tmp_path: Path) -> None:
    """One voxel's width beyond the outermost nodes the vector would go on for half a voxel in ITK."""
    registration = deformable(tmp_path / "reg.dcm", np.zeros((*GRID_SIZE[::-1], 3), np.float32))
    around = affine((1.0, 1.0, 1.0), np.array(GRID_ORIGIN) - 2)
    size = np.array(GRID_SPACING) * (np.array(GRID_SIZE) - 1) + 5
    wide = write_volume(tmp_path / "wide.nrrd", np.ones(size.astype(int)[::-1], np.float32), around)
    applied = apply(registration, tmp_path / "out.nrrd", wide, reference=wide, fill=0.0)
    found = read_values(tmp_path / "out.nrrd")
    inside = np.zeros(found.shape, bool)
    inside[2:-2, 2:-2, 2:-2] = True
    assert np.array_equal(found == 1, inside)
    assert applied.coverage is not None
    assert (applied.coverage.undefined, applied.coverage.outside) == (int((~inside).sum()), 0)


def test_the_registered_image_goes_back_by_the_inverse_with_its_residual(tmp_path: Path, reference: Path) -> None:
    k, j, i = np.meshgrid(*(np.arange(count) for count in GRID_SIZE[::-1]), indexing="ij")
    nodes = np.stack([i, j, k], -1) * GRID_SPACING + GRID_ORIGIN
    vectors = (1.5 * np.sin(nodes / 15)).astype(np.float32)
    registration = deformable(tmp_path / "reg.dcm", vectors)
    applied = apply(
        registration, tmp_path / "out.nrrd", linear_image(tmp_path / "image.nrrd"), reference=reference, inverse=True,
        fill=-9999.0,
    )  # fmt: skip
    places = target_places()
    back = read_transform(registration).item.map_points_inverse(places).points
    found = read_values(tmp_path / "out.nrrd")
    filled = found == -9999
    assert filled.mean() < 0.5
    kept = is_among_centres(back)
    assert not filled[kept].any()
    assert np.abs(found - (back @ GRADIENT + 7))[kept].max() < 1e-8
    # Where it was found, the mapping leads to the place that was asked for.
    again = read_transform(registration).item.map_points(back)
    assert np.nanmax(np.linalg.norm(again - places, axis=-1)) < 1e-4
    assert applied.residual is not None and applied.residual.max_mm is not None
    assert applied.residual.points == filled.size and applied.residual.max_mm <= 1e-4


def test_integers_are_rounded_and_not_cut_off(tmp_path: Path, reference: Path) -> None:
    registration = deformable(tmp_path / "reg.dcm", field())
    whole = np.rint(VALUES).astype(np.int16)
    given = write_volume(tmp_path / "image.nrrd", whole, IMAGE)
    apply(registration, tmp_path / "out.nrrd", given, reference=reference, fill=-3000.0)
    expected = by_itk(itk_field(field()), values=whole)
    expected[np.isnan(expected)] = -3000
    found = read_values(tmp_path / "out.nrrd")
    assert found.dtype == np.int16
    assert np.abs(found - expected).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32])
def test_where_nothing_is_known_stands_the_lowest_value_of_a_volume(tmp_path: Path, dtype: type) -> None:
    values = (np.arange(VALUES.size) % 90 + 17).reshape(VALUES.shape).astype(dtype)
    if values.dtype.kind == "f":
        values[0] = np.nan
    given = write_volume(tmp_path / "image.nrrd", values, IMAGE)
    moved = matrix(tmp_path / "far.dcm", rigid((0, 0, 0), (1e4, 0, 0)))
    apply(moved, tmp_path / "out.nrrd", given, reference=given)
    assert np.unique(read_values(tmp_path / "out.nrrd")).tolist() == [17]


def test_colours_are_interpolated_each_for_itself(tmp_path: Path, reference: Path) -> None:
    registration = deformable(tmp_path / "reg.dcm", field())
    colours = np.random.default_rng(2).integers(0, 255, (*VALUES.shape, 3)).astype(np.uint8)
    given = write_volume(tmp_path / "image.nrrd", colours, IMAGE)
    applied = apply(registration, tmp_path / "out.nrrd", given, reference=reference, fill=0.0)
    found = read_values(tmp_path / "out.nrrd")
    assert found.shape == (*TARGET_SIZE[::-1], 3) and "3 channels" in " ".join(applied.notes)
    for channel in range(3):
        expected = by_itk(itk_field(field()), values=colours[..., channel])
        assert np.abs(found[..., channel] - np.nan_to_num(expected)).max() <= 0.5 + 1e-3


def test_a_rigid_matrix_without_a_reference_carries_the_voxels_along(tmp_path: Path) -> None:
    moved = rigid((0.1, 0.2, 0.3), (5, 6, 7))
    registration = matrix(tmp_path / "reg.dcm", moved)
    given = write_volume(tmp_path / "image.nrrd", VALUES, IMAGE)
    applied = apply(registration, tmp_path / "out.nrrd", given)
    image = sitk.ReadImage(str(tmp_path / "out.nrrd"))
    assert np.abs(sitk.GetArrayFromImage(image) - VALUES).max() < 1e-3
    assert np.allclose(image.GetOrigin(), moved[:3, :3] @ IMAGE[:3, 3] + moved[:3, 3])
    assert applied.coverage is not None and applied.coverage.filled == 0


def test_the_grid_itself_and_its_box_in_other_voxels(tmp_path: Path) -> None:
    registration = deformable(tmp_path / "reg.dcm", field(size=0.1))
    given = write_volume(tmp_path / "image.nrrd", VALUES, IMAGE)
    applied = apply(registration, tmp_path / "out.nrrd", given)
    assert (applied.dimensions, applied.spacing_mm) == (GRID_SIZE, GRID_SPACING)
    finer = apply(registration, tmp_path / "finer.nrrd", given, spacing_mm=(2.0, 2.0, 2.0))
    # 85, 72 and 66 mm from face to face: 42, 36 and 33 voxels, in the middle.
    assert finer.dimensions == (42, 36, 33)
    origin = sitk.ReadImage(str(tmp_path / "finer.nrrd")).GetOrigin()
    assert origin == pytest.approx((-40 - 2.5 + 0.5 + 1, -35 - 2 + 1, -30 - 3 + 1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"interpolation": "cubic"}, "cubic interpolation needs a value at every voxel"),
        ({"inverse": True}, "has no voxels of the source frame"),
        ({"spacing_mm": (0.001, 0.001, 0.001)}, "choose fewer"),
        ({"fill": float("inf")}, "no finite number"),
    ],
)
def test_what_cannot_be_done_is_refused_and_leaves_nothing(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    registration = deformable(tmp_path / "reg.dcm", field())
    values = VALUES.copy()
    values[3, 4, 5] = np.nan
    given = write_volume(tmp_path / "image.nrrd", values, IMAGE)
    with pytest.raises(DicomRegInspectorError, match=said):
        apply(registration, tmp_path / "out.nrrd", given, **change)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image.nrrd", "reg.dcm"]
