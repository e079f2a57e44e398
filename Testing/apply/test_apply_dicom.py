"""Images written as DICOM of the reference's study: whose they are, what they say of their making, what is refused."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pydicom
import pytest
from applycases import (
    GRID_SIZE,
    REGISTERED,
    SOURCE,
    apply_kind,
    ct_series,
    dciodvfy,
    deformable,
    headers,
    matrix,
    read_values,
)
from DicomRegInspectorLib.errors import DicomRegInspectorError
from DicomRegInspectorLib.samples.ct_files import made_uid
from regfiles import rigid

pytest.importorskip("SimpleITK")

HOUNSFIELD = np.random.default_rng(3).integers(-900, 1000, (14, 20, 24)).astype(np.int16)
SHIFT = (4.0, 2.0, -3.0)
"""Of whole voxels: (2, 1, -1)."""


@pytest.fixture
def shifted(tmp_path: Path) -> Path:
    """A registration under which a registered point comes from the place SHIFT further on."""
    vectors = np.tile(np.float32(SHIFT), (*GRID_SIZE[::-1], 1))
    return deformable(tmp_path / "reg.dcm", vectors)


apply = partial(apply_kind, "image")


def test_images_are_of_the_references_study_and_say_what_they_were_made_of(tmp_path: Path, shifted: Path) -> None:
    given = ct_series(tmp_path / "moving", HOUNSFIELD, SOURCE, study="other")
    reference = ct_series(tmp_path / "fixed", np.zeros((12, 20, 24)), REGISTERED)
    applied = apply(shifted, tmp_path / "out", given, reference)
    made = headers(tmp_path / "out")
    values = np.stack([data.pixel_array * data.RescaleSlope + data.RescaleIntercept for data in made])
    expected = np.full((12, 20, 24), -1000.0)
    expected[1:, :-1, :-2] = HOUNSFIELD[:11, 1:, 2:]
    assert np.array_equal(values, expected)
    assert applied.coverage is not None
    assert (applied.coverage.fill, applied.coverage.undefined) == (-1000, 0)
    assert applied.coverage.outside == expected.size - 11 * 19 * 22
    (target,) = {data.StudyInstanceUID for data in made}
    assert target == made_uid("apply", "study")
    for data in made:
        assert (data.FrameOfReferenceUID, data.PatientID, data.Modality) == (REGISTERED, "PHANTOM-1", "CT")
        assert data.SeriesInstanceUID not in (made_uid("apply", "fixed"), made_uid("apply", "moving"))
        assert data.ImageType[:2] == ["DERIVED", "SECONDARY"]
        assert "1.2.3.4.5.6" in data.DerivationDescription and "linear" in data.DerivationDescription
        assert data.DerivationCodeSequence[0].CodeValue == "113085"
        assert len(data.SourceImageSequence) == 14
        (named,) = data.ReferencedInstanceSequence
        assert named.ReferencedSOPInstanceUID == "1.2.3.4.5.6"
        assert named.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.66.3"
        assert named.PurposeOfReferenceCodeSequence[0].CodeValue == "128444"


def test_dciodvfy_finds_no_error_that_the_images_had_not(tmp_path: Path, shifted: Path) -> None:
    given = ct_series(tmp_path / "moving", HOUNSFIELD, SOURCE)
    reference = ct_series(tmp_path / "fixed", np.zeros((4, 20, 24)), REGISTERED)
    apply(shifted, tmp_path / "out", given, reference)
    known = dciodvfy(next(given.iterdir()))
    assert [dciodvfy(path) - known for path in sorted((tmp_path / "out").iterdir())] == [set()] * 4


def test_an_image_keeps_its_class_beside_a_reference_of_another(tmp_path: Path, shifted: Path) -> None:
    given = ct_series(tmp_path / "moving", HOUNSFIELD, SOURCE)
    reference = ct_series(tmp_path / "fixed", np.zeros((4, 20, 24)), REGISTERED)
    for path in given.iterdir():
        data = pydicom.dcmread(path)
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
        data.Modality, data.ScanningSequence, data.SequenceVariant, data.EchoTime = "MR", "GR", "SP", "7"
        data.save_as(path)
    apply(shifted, tmp_path / "out", given, reference)
    made = headers(tmp_path / "out")
    assert {(data.Modality, data.ScanningSequence, data.EchoTime) for data in made} == {("MR", "GR", 7)}
    assert {data.StudyInstanceUID for data in made} == {made_uid("apply", "study")}


def test_padding_is_no_value_and_comes_out_as_padding(tmp_path: Path, shifted: Path) -> None:
    values = HOUNSFIELD.copy()
    values[:, :4] = -1024
    given = ct_series(tmp_path / "moving", values, SOURCE)
    for path in given.iterdir():
        data = pydicom.dcmread(path)
        data.add_new(0x00280120, "US", 0)
        data.save_as(path)
    reference = ct_series(tmp_path / "fixed", np.zeros((12, 20, 24)), REGISTERED, pixel_mm=1.3)
    applied = apply(shifted, tmp_path / "out.nrrd", given, reference)
    found = read_values(tmp_path / "out.nrrd")
    y = -25 + 1.3 * np.arange(20) + SHIFT[1]
    # Up to the first row that is image nothing is mixed of padding and image.
    beside_padding = y < -25 + 4 * 2.0
    assert (found[2, beside_padding, 2] == -1024).all() and (found[2, ~beside_padding, 2] > -1000).all()
    assert applied.coverage is not None and applied.coverage.fill == -1024


def test_frames_that_disagree_are_refused_and_the_other_way_is_named(tmp_path: Path, shifted: Path) -> None:
    reference = ct_series(tmp_path / "fixed", np.zeros((12, 20, 24)), REGISTERED)
    turned = ct_series(tmp_path / "turned", HOUNSFIELD, REGISTERED)
    other = ct_series(tmp_path / "other", HOUNSFIELD, "1.2.3.201")
    for given, said in ((turned, "the other direction"), (other, "any frame")):
        with pytest.raises(DicomRegInspectorError, match=said):
            apply(shifted, tmp_path / "out", given, reference)
    with pytest.raises(DicomRegInspectorError, match="registered frame of this transform is"):
        apply(shifted, tmp_path / "out", ct_series(tmp_path / "source", HOUNSFIELD, SOURCE), other)
    assert not (tmp_path / "out").exists()
    applied = apply(shifted, tmp_path / "out", other, reference, any_frame=True)
    (finding,) = [finding for finding in applied.findings if finding.code == "reg-frame-unknown"]
    assert finding.severity == "warning" and "nearly the same" in finding.message


def test_a_parametric_map_says_what_its_values_are_in(tmp_path: Path, shifted: Path) -> None:
    given = ct_series(tmp_path / "moving", HOUNSFIELD, SOURCE)
    reference = ct_series(tmp_path / "fixed", np.zeros((12, 20, 24)), REGISTERED, pixel_mm=1.7)
    apply(shifted, tmp_path / "map", given, reference, kind="parametric-map")
    (made,) = (pydicom.dcmread(path) for path in (tmp_path / "map").iterdir())
    mapping = made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "[hnsf'U]"
    assert made.FrameOfReferenceUID == REGISTERED and "linear" in made.DerivationDescription
    assert dciodvfy(tmp_path / "map" / "00001.dcm") == set()


def test_a_tilted_series_is_sampled_where_its_slices_lie(tmp_path: Path) -> None:
    """Slices that are shifted against each other by the same step: a sheared lattice."""
    given = ct_series(tmp_path / "moving", HOUNSFIELD, SOURCE)
    for number, path in enumerate(sorted(given.iterdir())):
        data = pydicom.dcmread(path)
        data.ImagePositionPatient[1] = -25 + 1.5 * number
        stored = np.rint(20 * (data.ImagePositionPatient[1] + 2.0 * np.arange(20)))[:, None] + np.zeros(24)
        data.PixelData = (stored + 1024).clip(0).astype("<u2").tobytes()
        data.save_as(path)
    reference = ct_series(tmp_path / "fixed", np.zeros((6, 12, 12)), REGISTERED, origin=(-20, -5, -10), pixel_mm=1.0)
    moved = rigid((0, 0, 0), (0.5, -3.25, 1.25))
    apply(matrix(tmp_path / "reg.dcm", moved), tmp_path / "out.nrrd", given, reference)
    # Twenty times the y coordinate, whatever the slice; -3.25 mm further back in the source.
    expected = 20 * (-5 + np.arange(12) + 3.25)
    assert np.abs(read_values(tmp_path / "out.nrrd") - expected[:, None]).max() <= 0.5


def test_nothing_is_written_among_the_inputs_images(tmp_path: Path, shifted: Path) -> None:
    given = ct_series(tmp_path / "moving", HOUNSFIELD, SOURCE)
    reference = ct_series(tmp_path / "fixed", np.zeros((4, 20, 24)), REGISTERED)
    for folder in (given, reference):
        with pytest.raises(DicomRegInspectorError, match="name a folder elsewhere"):
            apply(shifted, folder / "out", given, reference)
    with pytest.raises(DicomRegInspectorError, match="name a new folder"):
        apply(shifted, tmp_path / "out.dcm", given, reference)


def test_an_irregular_series_is_refused_with_what_to_do(tmp_path: Path, shifted: Path) -> None:
    given = ct_series(tmp_path / "moving", HOUNSFIELD, SOURCE)
    (given / "slice007.dcm").unlink()
    with pytest.raises(DicomRegInspectorError, match=r"beside evenly spaced places.*regularize"):
        apply(shifted, tmp_path / "out", given, ct_series(tmp_path / "fixed", np.zeros((4, 20, 24)), REGISTERED))
    assert not (tmp_path / "out").exists()


def test_another_patient_is_told(tmp_path: Path) -> None:
    registration = matrix(tmp_path / "reg.dcm", rigid((0, 0, 0), (1, 2, 3)))
    given = ct_series(tmp_path / "moving", HOUNSFIELD, SOURCE)
    reference = ct_series(tmp_path / "fixed", np.zeros((4, 20, 24)), REGISTERED, patient_id="P2")
    told = " ".join(apply(registration, tmp_path / "out", given, reference).notes)
    assert "is it one patient?" in told and "P2" not in told
