"""Doses through registrations: on their own grid or a reference's, as RT Dose that says by what it came there."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from applycases import (
    GRID_ORIGIN,
    GRID_SIZE,
    GRID_SPACING,
    REGISTERED,
    SOURCE,
    apply_kind,
    ct_series,
    dciodvfy,
    deformable,
    matrix,
    read_values,
)
from DicomRegInspectorLib.errors import DicomRegInspectorError, FileError
from DicomRegInspectorLib.samples.ct_files import made_uid
from DicomRegInspectorLib.tasks.apply.dose_object import stored_dose
from DicomRegInspectorLib.tasks.apply.request import ApplyRequest
from DicomRegInspectorLib.tasks.apply.run import apply_transform
from DicomRegInspectorLib.tasks.apply.transform import read_transform
from regfiles import rigid

pytest.importorskip("SimpleITK")

ORIGIN, SPACING, SIZE = (-25.0, -20.0, -15.0), (2.5, 2.5, 3.0), (20, 16, 10)
SHIFT = (5.0, 2.5, -3.0)
"""Of whole voxels of the dose."""
SCALING = 1e-5


def places(origin: Any = ORIGIN, spacing: Any = SPACING, size: Any = SIZE) -> np.ndarray:
    """(nk, nj, ni, 3) LPS mm of the centres."""
    k, j, i = np.meshgrid(*(np.arange(count) for count in size[::-1]), indexing="ij")
    return np.stack([i, j, k], axis=-1) * spacing + origin


def given_dose(points: np.ndarray) -> np.ndarray:
    """Gy: a linear fall, which interpolation keeps."""
    return points @ np.array([0.2, -0.1, 0.3]) + 30


def rt_dose(path: Path, bits: int = 32, frame: str = SOURCE) -> Path:
    """An RT Dose object as a planning system writes it."""
    stored = np.rint(given_dose(places()) / (SCALING if bits == 32 else 1e-3))
    data = pydicom.Dataset()
    data.SpecificCharacterSet = "ISO_IR 100"
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.2", made_uid("dose", path.name)
    data.PatientName, data.PatientID, data.PatientBirthDate, data.PatientSex = "Nobody", "PHANTOM-1", "", "O"
    data.StudyInstanceUID, data.SeriesInstanceUID = made_uid("apply", "other"), made_uid("dose", "series")
    data.StudyDate = data.StudyTime = data.StudyID = data.AccessionNumber = data.ReferringPhysicianName = ""
    data.Modality, data.Manufacturer, data.SeriesNumber, data.InstanceNumber = "RTDOSE", "Maker", 3, 1
    data.OperatorsName = data.PositionReferenceIndicator = ""
    data.FrameOfReferenceUID = frame
    data.ImagePositionPatient, data.ImageOrientationPatient = list(ORIGIN), [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.SliceThickness = [SPACING[1], SPACING[0]], SPACING[2]
    data.NumberOfFrames, data.Rows, data.Columns = SIZE[2], SIZE[1], SIZE[0]
    data.FrameIncrementPointer = 0x3004000C
    data.GridFrameOffsetVector = [SPACING[2] * k for k in range(SIZE[2])]
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.BitsAllocated, data.BitsStored, data.HighBit = bits, bits, bits - 1
    data.DoseUnits, data.DoseType, data.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    data.DoseGridScaling = SCALING if bits == 32 else 1e-3
    data.NormalizationPoint = [0, 0, 0]
    plan = pydicom.Dataset()
    plan.ReferencedSOPClassUID, plan.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.5", made_uid("plan")
    data.ReferencedRTPlanSequence = [plan]
    data.PixelData = stored.astype(f"<u{bits // 8}").tobytes()
    data["PixelData"].VR = "OW"
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID, data.file_meta.MediaStorageSOPInstanceUID = (
        data.SOPClassUID,
        data.SOPInstanceUID,
    )
    data.save_as(path, enforce_file_format=True)
    return path


apply = partial(apply_kind, "dose")


def read_dose(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Values and (nk, nj, ni, 3) places, by the equations of PS3.3 alone."""
    data = pydicom.dcmread(path)
    values = data.pixel_array * float(data.DoseGridScaling)
    row, column = np.array(data.ImageOrientationPatient, float).reshape(2, 3)
    down, across = map(float, data.PixelSpacing)
    offsets = np.array(data.GridFrameOffsetVector, float)
    k, j, i = np.indices(values.shape)
    corner = np.array(data.ImagePositionPatient, float)
    return values, (
        corner
        + i[..., None] * across * row
        + j[..., None] * down * column
        + offsets[k][..., None] * np.cross(row, column)
    )


@pytest.fixture
def shifted(tmp_path: Path) -> Path:
    return deformable(tmp_path / "reg.dcm", np.tile(np.float32(SHIFT), (*GRID_SIZE[::-1], 1)))


@pytest.mark.parametrize("bits", [16, 32])
def test_a_dose_is_moved_on_its_own_grid(tmp_path: Path, shifted: Path, bits: int) -> None:
    given = rt_dose(tmp_path / "dose.dcm", bits)
    applied = apply(shifted, tmp_path / "out.dcm", given)
    values, there = read_dose(tmp_path / "out.dcm")
    assert np.abs(there - (places() - SHIFT)).max() < 1e-9
    step = applied.more["dose_grid_scaling"]
    assert step <= values.max() / (2**bits - 1) * (1 + 1e-8)
    assert np.abs(values - given_dose(there + SHIFT)).max() <= step / 2 + (1e-5 if bits == 32 else 1e-3) / 2 + 1e-9
    data = pydicom.dcmread(tmp_path / "out.dcm")
    assert data.BitsAllocated == bits and data.FrameOfReferenceUID == REGISTERED
    assert (data.DoseUnits, data.DoseType, data.DoseSummationType) == ("GY", "PHYSICAL", "PLAN")
    assert data.SpatialTransformOfDose == "NON_RIGID"
    assert data.ReferencedSpatialRegistrationSequence[0].ReferencedSOPInstanceUID == "1.2.3.4.5.6"
    assert data.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == made_uid("plan")
    assert "not conserved" in data.DoseComment and "NormalizationPoint" not in data
    assert all(len(str(value)) <= 16 for value in (data.DoseGridScaling, *data.GridFrameOffsetVector))
    told = " ".join(applied.notes)
    assert "is not conserved" in told and "Integral dose" in told
    before, after = applied.more["integral_dose_ml"]
    assert before == pytest.approx(given_dose(places()).sum() * 0.01875, rel=1e-5) == pytest.approx(after, rel=1e-5)
    assert dciodvfy(tmp_path / "out.dcm") - dciodvfy(given) == set()


def test_a_dose_on_the_references_voxels_belongs_to_its_study(tmp_path: Path, shifted: Path) -> None:
    given = rt_dose(tmp_path / "dose.dcm")
    reference = ct_series(tmp_path / "fixed", np.zeros((8, 20, 24)), REGISTERED)
    applied = apply(shifted, tmp_path / "out.dcm", given, reference)
    values, there = read_dose(tmp_path / "out.dcm")
    assert values.shape == (8, 20, 24) and np.allclose(there[0, 0, 0], (-30, -25, -20))
    from_ = there + SHIFT
    low, high = places()[0, 0, 0], places()[-1, -1, -1]
    inside = ((from_ >= low) & (from_ <= high)).all(axis=-1)
    beyond = ((from_ < low - np.array(SPACING) / 2) | (from_ >= high + np.array(SPACING) / 2)).any(axis=-1)
    assert inside.sum() > 500 and np.abs(values - given_dose(from_))[inside].max() < 2e-5
    assert (values[beyond] == 0).all()
    assert applied.coverage is not None and applied.coverage.outside == beyond.sum()
    data = pydicom.dcmread(tmp_path / "out.dcm")
    assert (data.StudyInstanceUID, data.FrameOfReferenceUID) == (made_uid("apply", "study"), REGISTERED)
    assert dciodvfy(tmp_path / "out.dcm") - dciodvfy(given) == set()


def test_a_rigid_matrix_turns_the_grid_and_keeps_the_values(tmp_path: Path) -> None:
    moved = rigid((0.0, 0.1, 0.2), (3, 4, 5))
    given = rt_dose(tmp_path / "dose.dcm")
    apply(matrix(tmp_path / "reg.dcm", moved), tmp_path / "out.dcm", given)
    values, there = read_dose(tmp_path / "out.dcm")
    assert np.abs(there - (places() @ moved[:3, :3].T + moved[:3, 3])).max() < 1e-4
    assert np.abs(values - given_dose(places())).max() < 2e-5
    assert pydicom.dcmread(tmp_path / "out.dcm").SpatialTransformOfDose == "RIGID"
    assert dciodvfy(tmp_path / "out.dcm") - dciodvfy(given) == set()


def test_a_dose_as_a_volume_file_is_in_its_units(tmp_path: Path, shifted: Path) -> None:
    apply(shifted, tmp_path / "out.nrrd", rt_dose(tmp_path / "dose.dcm"))
    assert np.abs(read_values(tmp_path / "out.nrrd") - given_dose(places())).max() < 1e-5


def test_what_is_no_dose_of_this_frame_is_refused(tmp_path: Path, shifted: Path) -> None:
    for given, output, said in (
        (rt_dose(tmp_path / "other.dcm", frame="1.2.3.9"), "out.dcm", "Choose any frame"),
        (ct_series(tmp_path / "ct", np.zeros((4, 20, 24)), SOURCE), "out.dcm", "is no RT Dose"),
        (rt_dose(tmp_path / "dose.dcm"), "folder", r"goes into a DICOM file \(\.dcm\)"),
    ):
        with pytest.raises(DicomRegInspectorError, match=said):
            apply(shifted, tmp_path / output, given)
        assert not (tmp_path / output).exists()
    far = deformable(tmp_path / "far.dcm", np.full((*GRID_SIZE[::-1], 3), np.nan, np.float32))
    with pytest.raises(DicomRegInspectorError, match="its middle has no place in the registered frame"):
        apply(far, tmp_path / "out.dcm", tmp_path / "dose.dcm")


def test_the_largest_dose_fits_into_the_bits_whatever_its_size() -> None:
    for largest in (1e-7, 0.3, 71.23456789, 12_345.678, 4.2e9):
        for bits in (16, 32):
            dose = stored_dose(np.array([[[0.0, largest / 3, largest]]]), bits)
            assert len(f"{dose.scaling:.10g}") <= 16
            assert dose.stored.max() <= 2**bits - 1
            assert np.abs(dose.stored * dose.scaling - [0, largest / 3, largest]).max() <= dose.scaling * 0.5000001
    signed = stored_dose(np.array([[[-2.0, 1.0]]]), 16)
    assert signed.stored.dtype == np.int16 and np.abs(signed.stored * signed.scaling - [-2, 1]).max() < 1e-4


def test_the_dose_lies_in_the_grid() -> None:
    ends = np.array(GRID_ORIGIN) + np.array(GRID_SPACING) * (np.array(GRID_SIZE) - 1)
    corners = np.stack([places()[0, 0, 0], places()[-1, -1, -1]]) - SHIFT
    assert (corners > GRID_ORIGIN).all() and (corners < ends).all()


def test_a_dose_of_another_patient_and_one_taken_for_an_image_are_told(tmp_path: Path, shifted: Path) -> None:
    given = rt_dose(tmp_path / "dose.dcm")
    reference = ct_series(tmp_path / "fixed", np.zeros((8, 20, 24)), REGISTERED, patient_id="P2")
    told = " ".join(apply(shifted, tmp_path / "out.dcm", given, reference).notes)
    assert "is it one patient?" in told and "P2" not in told
    request = ApplyRequest(transform=read_transform(shifted), input=str(given), output=tmp_path / "image.nrrd")
    with pytest.raises(DicomRegInspectorError, match="is no image but RT Dose Storage; bring it along as dose"):
        apply_transform("image", request)


def test_a_dose_that_is_damaged_is_refused_with_a_sentence(tmp_path: Path, shifted: Path) -> None:
    given = rt_dose(tmp_path / "dose.dcm")
    for change, said in (
        ({"DoseGridScaling": None}, "Dose Grid Scaling"),
        ({"GridFrameOffsetVector": None}, "cannot be placed"),
        ({"PixelData": b"\0" * 10}, "pixel"),
    ):
        data = pydicom.dcmread(given)
        for keyword, value in change.items():
            if value is None:
                delattr(data, keyword)
            else:
                setattr(data, keyword, value)
        data.save_as(tmp_path / "damaged.dcm")
        with pytest.raises(DicomRegInspectorError, match=said):
            apply(shifted, tmp_path / "out.dcm", tmp_path / "damaged.dcm")
        assert not (tmp_path / "out.dcm").exists()
    data = pydicom.dcmread(given)
    del data.GridFrameOffsetVector, data.FrameIncrementPointer, data.NumberOfFrames
    data.PixelData = data.PixelData[: 4 * SIZE[0] * SIZE[1]]
    data.save_as(tmp_path / "plane.dcm")
    apply(shifted, tmp_path / "out.dcm", tmp_path / "plane.dcm")
    made = pydicom.dcmread(tmp_path / "out.dcm")
    assert made.get("GridFrameOffsetVector") is None and made.Rows == SIZE[1]
    assert dciodvfy(tmp_path / "out.dcm") - dciodvfy(tmp_path / "plane.dcm") == set()


def test_an_element_that_is_kept_may_be_of_another_kind_than_it_says(tmp_path: Path, shifted: Path) -> None:
    given = rt_dose(tmp_path / "dose.dcm")
    data = given.read_bytes()
    name, value = b"\x04\x30\x0a\x00", b"PLAN"
    assert data.count(name + b"CS\x04\x00" + value) == 1
    given.write_bytes(data.replace(name + b"CS\x04\x00" + value, name + b"FD\x04\x00" + value))
    with pytest.raises(FileError, match=r"dose\.dcm: holds elements that a dose made of it cannot keep"):
        apply(shifted, tmp_path / "moved.dcm", given)
    assert not (tmp_path / "moved.dcm").exists()
