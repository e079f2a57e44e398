"""Where a volume's slices lie, and which of a series' images it is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import series_making
import volume_making as vm
from DicomRegInspectorLib.errors import FileError, NotDicomError, UsageError
from DicomRegInspectorLib.series import inspect_series, load_series, load_stack, read_header
from DicomRegInspectorLib.tasks.audit_images import read_scalar_image

INSTALLED = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests"


def lattice(volume, k: int) -> np.ndarray:
    """Where the affine puts the first pixel of a slice."""
    return (volume.affine_lps @ [0, 0, k, 1])[:3]


def headers_by_hand(folder: Path) -> list[pydicom.Dataset]:
    """A folder's datasets sorted along their normal, by pydicom and NumPy alone."""
    found = [pydicom.dcmread(path) for path in sorted(folder.glob("*")) if pydicom.misc.is_dicom(path)]
    cosines = np.array(found[0].ImageOrientationPatient, float)
    normal = np.cross(cosines[:3], cosines[3:])
    return sorted(found, key=lambda one: float(np.dot(normal, np.array(one.ImagePositionPatient, float))))


def test_slices_are_placed_by_position_whatever_their_names_and_numbers(tmp_path: Path) -> None:
    stored, positions = vm.pixels_of(6), vm.axial(6)
    order = [3, 0, 5, 1, 4, 2]
    vm.write_stack(tmp_path, stored[order], [positions[k] for k in order], InstanceNumber=[1, 1, 9, 4, 2, 3])
    volume = load_series(tmp_path)
    np.testing.assert_array_equal(volume.array, stored)
    np.testing.assert_array_equal(volume.slice_corners_lps_mm, positions)
    np.testing.assert_array_equal(volume.slice_positions_mm, [100 + 2.5 * k for k in range(6)])
    assert volume.valid.tolist() == [True] * 6
    assert (volume.frame_uid, volume.modality, volume.series_uid) == (vm.FRAME_OF_REFERENCE, "CT", "1.2.5.1")
    # Pixel Spacing is between rows, then between columns.
    np.testing.assert_array_equal(np.diag(volume.affine_lps), [0.5, 0.75, 2.5, 1])


def test_the_affine_of_an_oblique_tilted_stack_places_every_voxel(tmp_path: Path) -> None:
    turn = series_making.rotation(0.3, 0.5, -1.1)
    row, column, normal = turn.T
    step = 1.75 * normal + 0.4 * column - 0.2 * row
    origin = np.array([12.0, -30.5, 77.0])
    cosines = [vm.text(value) for value in np.concatenate([row, column])]
    vm.write_stack(
        tmp_path, vm.pixels_of(9), [origin + k * step for k in range(9)], ImageOrientationPatient=[cosines] * 9
    )
    volume = load_series(tmp_path)
    expected = np.eye(4)
    expected[:3] = np.stack([row * 0.5, column * 0.75, step, origin], axis=1)
    np.testing.assert_allclose(volume.affine_lps, expected, atol=1e-7)
    assert volume.is_regular and volume.deviation_mm < 1e-6


def test_rounded_positions_do_not_add_up(tmp_path: Path) -> None:
    positions = [(0, 0, f"{k / 3:.3f}") for k in range(200)]
    vm.write_stack(tmp_path, vm.pixels_of(200, (2, 2)), positions)
    volume = load_series(tmp_path)
    assert abs(volume.affine_lps[2, 2] - 1 / 3) < 1e-5
    assert volume.deviation_mm < 1e-3


def test_a_gap_keeps_its_slices_where_they_are(tmp_path: Path) -> None:
    positions = [(0, 0, z) for z in (0, 2, 4, 6, 66, 68, 70)]
    vm.write_stack(tmp_path, vm.pixels_of(7), positions)
    volume = load_series(tmp_path)
    np.testing.assert_array_equal(volume.slice_corners_lps_mm, positions)
    np.testing.assert_allclose(volume.affine_lps[:3, 2], [0, 0, 2])
    assert not volume.is_regular and abs(volume.deviation_mm - 58) < 1e-9
    assert "slice-gap" in [finding.code for finding in volume.findings]


def test_of_duplicates_the_first_is_kept_and_the_others_are_listed(tmp_path: Path) -> None:
    stored = vm.pixels_of(5)
    positions = [(0, 0, z) for z in (0, 2, 2, 4, 6)]
    paths = vm.write_stack(
        tmp_path, stored, positions, InstanceNumber=[1, 9, 2, 3, 4], AcquisitionNumber=[1, 1, 1, 1, 1]
    )
    volume = load_series(tmp_path, stack=1)
    np.testing.assert_array_equal(volume.array, stored[[0, 2, 3, 4]])
    assert [one.path for one in volume.dropped] == [str(paths[1])]
    uid = pydicom.dcmread(paths[1]).SOPInstanceUID
    assert [
        finding.evidence["dropped_sop_instance_uids"]
        for finding in volume.findings
        if "dropped_sop_instance_uids" in finding.evidence
    ] == [[uid]]


def test_a_stack_without_majority_has_to_be_chosen() -> None:
    folder = INSTALLED / "98892003" / "MR700"
    with pytest.raises(UsageError, match=r"no stack with more than half of its 7 images.*7: 1 of 16 × 16") as caught:
        load_series(folder)
    assert "normal" in str(caught.value)
    volume = load_series(folder, stack=3)
    assert volume.array.shape == (1, 16, 16)
    found = pydicom.dcmread(volume.slices[0].path)
    np.testing.assert_array_equal(volume.array[0], found.pixel_array)
    with pytest.raises(UsageError, match="has no stack 8"):
        load_series(folder, stack=8)
    with pytest.raises(UsageError, match="has no stack 0"):
        load_series(folder, stack=0)


def test_of_several_series_one_has_to_be_chosen(tmp_path: Path) -> None:
    for number in (1, 2):
        vm.write_stack(
            tmp_path / str(number), vm.pixels_of(3, seed=number), vm.axial(3), SeriesInstanceUID=f"1.9.{number}"
        )
    with pytest.raises(UsageError, match=r"2 series.*1\.9\.1.*1\.9\.2"):
        load_series(tmp_path)
    volume = load_series(tmp_path, series_uid="1.9.2")
    np.testing.assert_array_equal(volume.array, vm.pixels_of(3, seed=2))
    with pytest.raises(UsageError, match=r"no image of series 1\.9\.3"):
        load_series(tmp_path, series_uid="1.9.3")


def test_what_is_not_dicom_is_passed_over_in_folders_only(tmp_path: Path) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(3), vm.axial(3))
    (tmp_path / "notes.txt").write_text("read me")
    assert load_series(tmp_path).dimensions == (7, 5, 3)
    with pytest.raises(NotDicomError):
        load_series(tmp_path.glob("*"))


def test_an_inspected_stack_is_read_without_reading_headers_again(tmp_path: Path) -> None:
    paths = vm.write_stack(tmp_path, vm.pixels_of(3), vm.axial(3))
    (series,) = inspect_series(read_header(path) for path in paths)
    assert series.main_stack is not None
    np.testing.assert_array_equal(load_stack(series.main_stack).array, vm.pixels_of(3))


def test_one_slice_is_as_thick_as_it_says(tmp_path: Path) -> None:
    volume = load_series(vm.save(vm.dataset(vm.pixels_of(1)[0], (1, 2, 3)), tmp_path / "one.dcm"))
    expected = np.array([[0.5, 0, 0, 1], [0, 0.75, 0, 2], [0, 0, 2.5, 3], [0, 0, 0, 1]])
    np.testing.assert_array_equal(volume.affine_lps, expected)
    (finding,) = [one for one in volume.findings if one.code == "position-constant"]
    assert (finding.severity, finding.evidence) == ("warning", {"assumed_thickness_mm": 2.5})


def test_an_image_without_a_place_says_so(tmp_path: Path) -> None:
    one = vm.dataset(vm.pixels_of(1)[0], None, NumberOfFrames=3, SOPClassUID="1.2.840.10008.5.1.4.1.1.7.3")
    stored = vm.pixels_of(3)
    one.PixelData = stored.tobytes() + b"\0" * (stored.nbytes % 2)
    path = vm.save(one, tmp_path / "capture.dcm")
    volume = load_series(path)
    np.testing.assert_array_equal(volume.array, stored)
    assert (volume.stack, volume.frame_uid) == (None, "")
    assert ("position-missing", "error") in [(finding.code, finding.severity) for finding in volume.findings]
    with pytest.raises(UsageError, match="no positions"):
        read_scalar_image(path)


def test_frames_without_places_of_their_own_are_not_stacked(tmp_path: Path) -> None:
    one = vm.dataset(vm.pixels_of(1)[0], NumberOfFrames=3, SOPClassUID="1.2.840.10008.5.1.4.1.1.7.3")
    one.PixelData = vm.pixels_of(3).tobytes()
    with pytest.raises(FileError, match="3 frames, but only one position"):
        load_series(vm.save(one, tmp_path / "capture.dcm"))


@pytest.mark.parametrize("name", ["fixed", "moving"])
def test_values_and_place_are_those_of_simpleitk(deformable_pair: Path, name: str) -> None:
    sitk = pytest.importorskip("SimpleITK")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(deformable_pair / name)))
    image = reader.Execute()
    volume = load_series(deformable_pair / name)
    np.testing.assert_array_equal(volume.array, sitk.GetArrayFromImage(image))
    for index in [(0, 0, 0), (127, 0, 0), (0, 127, 0), (0, 0, 27), (5, 70, 13)]:
        expected = image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose((volume.affine_lps @ [*index, 1])[:3], expected, atol=1e-6)
    assert volume.units == "HU" and volume.is_regular


def test_every_slice_of_a_tilted_irregular_scan_is_where_its_header_says(tilted_irregular_ct: Path) -> None:
    volume = load_series(tilted_irregular_ct)
    found = headers_by_hand(tilted_irregular_ct)
    corners = np.array([one.ImagePositionPatient for one in found], float)
    np.testing.assert_allclose(volume.slice_corners_lps_mm, corners, atol=1e-9)
    for k, one in enumerate(found):
        expected = one.pixel_array.astype(float) * float(one.RescaleSlope) + float(one.RescaleIntercept)
        np.testing.assert_array_equal(volume.array[k], expected)
    # The k axis leans as the gantry did: the slices lie on one line, whatever their distances.
    along = (corners[-1] - corners[0]) / np.linalg.norm(corners[-1] - corners[0])
    axis = volume.affine_lps[:3, 2] / np.linalg.norm(volume.affine_lps[:3, 2])
    np.testing.assert_allclose(axis, along, atol=1e-4)
    np.testing.assert_array_equal(lattice(volume, 0), corners[0])
    assert not volume.is_regular


def test_the_audit_sees_irregular_slices_where_they_are(tilted_irregular_ct: Path) -> None:
    found = read_scalar_image([tilted_irregular_ct])
    headers = headers_by_hand(tilted_irregular_ct)
    index = np.array([[0.0, 0.0, k] for k in range(len(headers))])
    corners = np.array([one.ImagePositionPatient for one in headers], float)
    np.testing.assert_allclose(found.image.points_of(index), corners, atol=2e-3)
    at = np.array([[200.0, 300.0, k] for k in (0, 13, 14, 27)])
    values = [
        float(headers[k].pixel_array[300, 200]) * float(headers[k].RescaleSlope) + float(headers[k].RescaleIntercept)
        for k in (0, 13, 14, 27)
    ]
    np.testing.assert_allclose(found.image.sample(found.image.points_of(at)), values, atol=1e-3)
    assert (found.modality, found.image.frame_uid) == ("CT", str(headers[0].FrameOfReferenceUID))


def test_the_audit_takes_regular_series_in_the_same_memory(deformable_pair: Path) -> None:
    volume = load_series(deformable_pair / "fixed")
    from DicomRegInspectorLib.tasks.audit_images import audit_image

    image = audit_image(volume).image
    assert np.shares_memory(image.array, volume.array)
    assert image.slice_positions_mm is None
