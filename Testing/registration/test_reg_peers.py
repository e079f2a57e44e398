"""The same registrations as other software reads them: SimpleITK, pydicomrt, and a file that plastimatch wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import reference
import regfiles as rf
from DicomRegInspectorLib.registration import read_registration
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import map_coordinates


def items_of(path: Path):
    return read_registration(path).items


@pytest.mark.parametrize("seed", range(4))
def test_simpleitk_moves_points_to_the_same_places(tmp_path: Path, seed: int) -> None:
    sitk = pytest.importorskip("SimpleITK")
    random = np.random.default_rng(seed)
    vectors = random.normal(0, 6, (6, 7, 8, 3)).astype(np.float32)
    grid = rf.GridSpec(vectors, (1.5, 2.5, 3.5), (-40.5, 12.25, 99.0), rf.orientation_of(random.uniform(-3, 3, 3)))
    image = sitk.GetImageFromArray(vectors.astype(np.float64), isVector=True)
    image.SetOrigin(grid.origin)
    image.SetSpacing(grid.spacing)
    image.SetDirection(reference.directions_of(grid).ravel().tolist())
    transform = sitk.DisplacementFieldTransform(image)
    points = reference.points_inside(grid, 200, seed, margin=1e-3)
    expected = np.array([transform.TransformPoint(p.tolist()) for p in points])
    (item,) = items_of(rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec((rf.DeformableItem(grid),))))
    np.testing.assert_allclose(item.map_points(points), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("syntax", ["implicit-le", "explicit-le", "deflated"])
def test_pydicomrt_reads_the_same_fields_and_matrices(tmp_path: Path, syntax: str) -> None:
    parser = pytest.importorskip("pydicomrt.reg.parser")
    pydicom = pytest.importorskip("pydicom")
    grid = rf.GridSpec(
        rf.smooth_vectors((6, 7, 5)), (1.5, 2.5, 3.5), (-4.0, 5.0, 6.0), rf.orientation_of((0.4, 0.5, 0.6))
    )
    written = rf.DeformableItem(grid, rf.rigid((0.1, 0.2, 0.3), (1, 2, 3)), rf.rigid((0.3, 0.2, 0.1), (3, 2, 1)))
    path = rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec((written,)), rf.Encoding(syntax))
    (theirs,) = parser.get_deformable_registrations(pydicom.dcmread(path))
    (ours,) = items_of(path)
    lattice = theirs["DeformableRegistrationGrid"]
    orientation = np.array(lattice["ImageOrientationPatient"], float)
    axes = np.column_stack([orientation[:3], orientation[3:], np.cross(orientation[:3], orientation[3:])])
    axes = axes * np.array(lattice["GridResolution"], float)
    points = reference.points_inside(grid, 50, margin=1e-3)
    index = np.linalg.solve(axes, (points - np.array(lattice["ImagePositionPatient"], float)).T).T
    field = np.asarray(lattice["VectorGridData"], np.float64)
    offsets = RegularGridInterpolator([np.arange(n) for n in field.shape[:3]], field)(index[:, ::-1])
    pre = np.reshape(theirs["PreDeformationMatrixRegistration"], (4, 4))
    post = np.reshape(theirs["PostDeformationMatrixRegistration"], (4, 4))
    moved = points @ pre[:3, :3].T + pre[:3, 3] + offsets
    np.testing.assert_allclose(ours.map_points(points), moved @ post[:3, :3].T + post[:3, 3], rtol=0, atol=1e-6)


def test_pydicomrt_and_this_library_give_spatial_registrations_the_same_matrices(tmp_path: Path) -> None:
    parser = pytest.importorskip("pydicomrt.reg.parser")
    pydicom = pytest.importorskip("pydicom")
    path = rf.write(tmp_path / "reg.dcm", rf.Samples().matrices)
    (theirs,) = parser.get_spatial_registrations(pydicom.dcmread(path)).values()
    for item in items_of(path):
        np.testing.assert_allclose(item.matrix, np.reshape(theirs[item.source_frame_uid], (4, 4)), rtol=0, atol=1e-9)


def test_what_pydicomrt_writes_is_read(tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    builder = pytest.importorskip("pydicomrt.reg.builder")
    from pydicom.dataset import Dataset

    series = []
    for number, frame in enumerate(("1.2.3.100", "1.2.3.200")):
        image = Dataset()
        image.SOPClassUID, image.SOPInstanceUID = rf.CT_CLASS, f"1.2.3.{number + 1}"
        image.SeriesInstanceUID, image.StudyInstanceUID = f"1.2.4.{number}", "1.2.5"
        image.FrameOfReferenceUID = frame
        series.append([image])
    vectors = rf.smooth_vectors((5, 6, 7))
    field = sitk.GetImageFromArray(vectors.astype(np.float64), isVector=True)
    field.SetOrigin((10.0, -20.0, 30.0))
    field.SetSpacing((2.0, 3.0, 4.0))
    field.SetDirection(rf.rotation(0.2, -0.4, 0.6).ravel().tolist())
    transform = sitk.DisplacementFieldTransform(sitk.Image(field))
    data = builder.DeformableSpatialRegistrationBuilder(series[0]).add_registration(series[1], transform).build()
    data.save_as(tmp_path / "reg.dcm", enforce_file_format=True)
    (item,) = items_of(tmp_path / "reg.dcm")
    points = np.array(
        [
            field.TransformContinuousIndexToPhysicalPoint(i)
            for i in np.random.default_rng(0).uniform(0.01, 3.99, (40, 3)).tolist()
        ]
    )
    expected = np.array([transform.TransformPoint(p.tolist()) for p in points])
    assert (item.source_frame_uid, item.registered_frame_uid) == ("1.2.3.200", "1.2.3.100")
    np.testing.assert_allclose(item.map_points(points), expected, rtol=0, atol=1e-5)


# ---- A real pair ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pair(deformable_pair: Path):
    """(fixed, moving, item): two SimpleITK images and the registration between them."""
    sitk = pytest.importorskip("SimpleITK")

    def image(name: str):
        files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(deformable_pair / name))
        return sitk.ReadImage(files, sitk.sitkFloat64)

    (item,) = items_of(deformable_pair / "registration.dcm")
    return image("fixed"), image("moving"), item


def _correlation(pair, place) -> float:
    """Correlation of fixed with moving sampled at ``place(points)``, over every third voxel of the inside."""
    sitk = pytest.importorskip("SimpleITK")
    fixed, moving, _ = pair
    values = sitk.GetArrayFromImage(fixed)
    kji = np.stack(
        np.meshgrid(
            *[np.arange(2, n - 2, step) for n, step in zip(values.shape, (1, 3, 3), strict=True)], indexing="ij"
        ),
        -1,
    ).reshape(-1, 3)
    axes = np.reshape(fixed.GetDirection(), (3, 3)) * fixed.GetSpacing()
    places = place(kji[:, ::-1] @ axes.T + fixed.GetOrigin())
    moving_axes = np.reshape(moving.GetDirection(), (3, 3)) * moving.GetSpacing()
    index = np.linalg.solve(moving_axes, (places - moving.GetOrigin()).T)
    sampled = map_coordinates(sitk.GetArrayFromImage(moving), index[::-1], order=1, mode="constant", cval=np.nan)
    good = np.isfinite(sampled)
    assert good.mean() > 0.9
    return float(np.corrcoef(values[tuple(kji[good].T)], sampled[good])[0, 1])


def test_the_moving_image_at_the_mapped_points_is_the_fixed_image(pair) -> None:
    item = pair[2]
    mapped = _correlation(pair, item.map_points)
    unmoved = _correlation(pair, lambda points: points)
    turned = _correlation(pair, lambda points: 2 * points - item.map_points(points))
    assert mapped > 0.95
    assert unmoved < 0.9
    assert turned < unmoved


def test_the_plastimatch_file_says_what_pydicom_reads_from_it(pair, deformable_pair: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    data = pydicom.dcmread(deformable_pair / "registration.dcm")
    entry = data.DeformableRegistrationSequence[0]
    lattice = entry.DeformableRegistrationGridSequence[0]
    item = pair[2]
    registration = read_registration(deformable_pair / "registration.dcm")
    assert registration.sop_instance_uid == data.SOPInstanceUID
    assert (registration.study_uid, registration.series_uid) == (data.StudyInstanceUID, data.SeriesInstanceUID)
    assert (item.source_frame_uid, item.registered_frame_uid) == (
        entry.SourceFrameOfReferenceUID,
        data.FrameOfReferenceUID,
    )
    assert tuple(item.grid.dimensions) == tuple(lattice.GridDimensions) == (128, 128, 28)
    expected = np.frombuffer(lattice.VectorGridData, "<f4").reshape(28, 128, 128, 3)
    np.testing.assert_array_equal(item.grid.vectors, expected)
    lengths = np.linalg.norm(expected.astype(float), axis=-1)
    assert item.displacement_mm["max"] == pytest.approx(lengths.max(), abs=1e-3)
    assert not [f for f in registration.findings if f.severity == "error"]
