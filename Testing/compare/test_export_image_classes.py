"""Volumes written as DICOM images: what is taken from a reference, what is required, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib import ImageExportOptions, compare_volumes, export_image
from DicomRegInspectorLib.errors import DicomRegInspectorError
from DicomRegInspectorLib.samples.ct_files import made_uid
from DicomRegInspectorLib.series.write.single_frames import CT, MR, PET
from DicomRegInspectorLib.tasks.image_export.kinds import KINDS
from DicomRegInspectorLib.volumes import Volume
from image_making import ORIGIN, PATIENT, SPACING, STATED, dciodvfy, images, turned, values_of, write_reference

AFFINE = np.eye(4)
AFFINE[:3, :3] = np.diag(SPACING)
AFFINE[:3, 3] = ORIGIN
VALUES = np.random.default_rng(8).integers(0, 900, (3, 4, 5)).astype(np.int16)
TRACER = pydicom.Dataset()
TRACER.Radiopharmaceutical, TRACER.RadionuclideCodeSequence = "Glucosé", []
OF_PET = {
    "Units": "BQML",
    "CountsSource": "EMISSION",
    "DecayCorrection": "START",
    "DecayFactor": ("1.1", "1.2", "1.3", "1.4"),
    "SeriesDate": "20240102",
    "SeriesTime": "090000",
    "SeriesType": ["WHOLE BODY", "IMAGE"],
    "FrameReferenceTime": ("10", "20", "30", "40"),
    "RadiopharmaceuticalInformationSequence": [TRACER],
}


def export(output: Path, array: np.ndarray = VALUES, matrix: np.ndarray = AFFINE, **options: Any) -> Any:
    return export_image(Volume(array, matrix, "a volume"), output, ImageExportOptions(**options))


def refusal(output: Path, *arguments: Any, **options: Any) -> str:
    with pytest.raises(DicomRegInspectorError) as told:
        export(output, *arguments, **options)
    assert not output.exists()
    assert list(output.parent.glob(".unfinished*")) == []
    return str(told.value)


def test_patient_study_frame_and_what_the_class_requires_come_from_the_reference(tmp_path: Path) -> None:
    reference = write_reference(tmp_path / "ct", CT, 4, {"KVP": ("80", "100", "120", "140"), "AcquisitionNumber": 2})
    written = export(tmp_path / "out", reference=[reference])
    for data in images(tmp_path / "out"):
        assert (data.PatientName, data.PatientID, data.PatientBirthDate) == (PATIENT, "4711", "19700102")
        assert data.StudyInstanceUID == made_uid("image", "study")
        assert data.FrameOfReferenceUID == made_uid("image", "frame")
        assert (data.SOPClassUID, data.Modality, data.PatientPosition, data.AcquisitionNumber) == (CT, "CT", "HFS", 2)
        assert data.SeriesInstanceUID == written.series_uid != made_uid("image", "ct")
        assert data.SeriesInstanceUID.startswith("2.25.") and data.SOPInstanceUID.startswith("2.25.")
    # The slices lie at 7.25, 10 and 12.75 mm, the reference's at 6, 9, 12 and 15.
    assert [float(value) for value in values_of(tmp_path / "out", "KVP")] == [80, 100, 120]
    assert PATIENT not in str(written.to_dict())


def test_a_pet_reference_gives_times_and_tracer_but_not_the_units(tmp_path: Path) -> None:
    reference = write_reference(tmp_path / "pet", PET, 4, OF_PET)
    assert "Units (0054,1001)" in refusal(tmp_path / "out", reference=[reference])
    export(tmp_path / "out", reference=[reference], units="GML")
    assert values_of(tmp_path / "out", "Units") == ["GML"] * 3
    assert values_of(tmp_path / "out", "FrameReferenceTime") == [10, 20, 30]
    assert values_of(tmp_path / "out", "DecayFactor") == [1.1, 1.2, 1.3]
    assert values_of(tmp_path / "out", "SeriesTime") == ["090000"] * 3
    assert values_of(tmp_path / "out", "SeriesType") == [["WHOLE BODY", "IMAGE"]] * 3
    assert values_of(tmp_path / "out", "ImageIndex") == [1, 2, 3]
    for path in (tmp_path / "out").iterdir():
        (tracer,) = pydicom.dcmread(path).RadiopharmaceuticalInformationSequence
        assert tracer.Radiopharmaceutical == "Glucosé"
        assert dciodvfy(path) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "mr"}, ("Scanning Sequence (0018,0020)", "nothing is made up", "reference")),
        ({"kind": "pet", "units": "GML"}, ("Counts Source", "Decay Correction", "Frame Reference Time", "Series Date")),
        ({"kind": "pet", "units": "SUV", "stated": STATED}, ("SUV: no units", "GML for SUV")),
        ({"kind": "pet", "units": "GML", "stated": STATED | {"KVP": "3"}}, ("KVP: cannot be stated",)),
        ({"kind": "pet", "units": "GML", "stated": STATED | {"SeriesDate": "May"}}, ("'May' is no value",)),
        ({"kind": "ct", "per_slice": True}, ("for PET images",)),
        ({"kind": "segmentation"}, ("Segment Algorithm Type (0062,0008)",)),
        ({"kind": "xray"}, ("no kind of image",)),
    ],
)
def test_what_is_required_and_not_known_is_refused(tmp_path: Path, options: dict[str, Any], said: tuple) -> None:
    told = refusal(tmp_path / "out", **options)
    assert all(part in told for part in said), told


def sheared() -> np.ndarray:
    matrix = AFFINE.copy()
    matrix[0, 2] = 0.05
    return matrix


def test_volumes_that_images_cannot_hold_are_refused_with_a_reason(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "right angles" in refusal(out, VALUES, sheared())
    assert "numbers for each voxel" in refusal(out, np.zeros((2, 3, 4, 3), np.uint8))
    wide = VALUES.astype(np.int32) * 1000
    assert "more than 16 bits" in refusal(out, wide)
    values = VALUES.astype(np.float32)
    values[1, 2, 3] = np.nan
    assert "1 value of 60 NaN or infinite" in refusal(out, values, kind="ct")
    assert "no finite number" in refusal(out, values, kind="ct", fill=float("nan"))
    filled = export(out, values, kind="ct", fill=-1000)
    assert "written as -1000" in " ".join(filled.notes)
    # Slices along z, whose order is kept.
    assert float(images(out)[1].pixel_array[2, 3]) == -1000
    exact = export(tmp_path / "map", wide, kind="parametric-map")
    assert exact.comparison.explained_by == "identical"


def test_another_frame_and_a_folder_that_holds_something_are_refused(tmp_path: Path) -> None:
    reference = write_reference(tmp_path / "ct", CT, 3)
    volume = Volume(VALUES, AFFINE, frame_uid="1.2.3")
    with pytest.raises(DicomRegInspectorError, match="nothing in common"):
        export_image(volume, tmp_path / "out", ImageExportOptions(reference=[reference]))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note.txt").write_text("mine")
    with pytest.raises(DicomRegInspectorError, match="not empty"):
        export(tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["note.txt"]


def test_a_volume_beside_the_reference_is_told(tmp_path: Path) -> None:
    reference = write_reference(tmp_path / "ct", CT, 3)
    away = AFFINE.copy()
    away[2, 3] = 900
    assert "in the same coordinates?" in " ".join(export(tmp_path / "away", VALUES, away, reference=[reference]).notes)
    assert "coordinates" not in " ".join(export(tmp_path / "near", reference=[reference]).notes)


def test_slices_run_as_the_references_do(tmp_path: Path) -> None:
    reference = write_reference(tmp_path / "mr", MR, 3, {"ScanningSequence": "SE", "SequenceVariant": "NONE"})
    sagittal = np.eye(4)
    sagittal[:3, :3] = np.array([[0, 0, -1.2], [1.1, 0, 0], [0, 2.0, 0]])
    sagittal[:3, 3] = -15, 14, 5
    written = export(tmp_path / "out", VALUES, sagittal, reference=[reference])
    assert written.sop_class == "MR Image Storage" and len(written.files) == 4
    for data in images(tmp_path / "out"):
        assert list(data.ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]
    assert written.comparison.explained_by == "identical"


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save = pydicom.Dataset.save_as

    def full(dataset: pydicom.Dataset, path: Any, **options: Any) -> None:
        if Path(path).name == "00002.dcm":
            raise OSError(28, "No space left on device")
        save(dataset, path, **options)

    monkeypatch.setattr(pydicom.Dataset, "save_as", full)
    assert "No space left on device" in refusal(tmp_path / "out", kind="ct")


def test_labels_become_segments_in_their_places(tmp_path: Path) -> None:
    hd = pytest.importorskip("highdicom")
    reference = write_reference(tmp_path / "ct", CT, 3)
    labels = np.zeros((3, 4, 5), np.int16)
    labels[1, 1:3, 2:4], labels[2, 0, 0] = 3, 300
    matrix = AFFINE.copy()
    matrix[:3, :3] = turned(0.1, 0.2) @ AFFINE[:3, :3] @ np.diag([1, -1, 1])
    stated = {"SegmentAlgorithmType": "AUTOMATIC", "SegmentAlgorithmName": "a net"}
    written = export(tmp_path / "out", labels, matrix, kind="segmentation", reference=[reference], stated=stated)
    assert written.comparison.explained_by == "identical"
    (path,) = (tmp_path / "out").iterdir()
    assert dciodvfy(path) == []
    read = hd.seg.segread(path)
    assert [segment.SegmentLabel for segment in read.SegmentSequence] == ["Label 3", "Label 300"]
    assert len(read.ReferencedImageSequence) == 3
    referred = [item.ReferencedSOPInstanceUID for item in read.ReferencedSeriesSequence[0].ReferencedInstanceSequence]
    assert referred == [made_uid("image", "ct", number) for number in range(3)]
    found = read.get_volume(combine_segments=True)
    index = np.eye(4)[[2, 1, 0, 3]]
    segments = np.array([0, 3, 300])[found.array]
    back = Volume(segments, found.affine @ index)
    assert compare_volumes(Volume(labels[1:], matrix @ _from_slice(1)), back).explained_by == "identical"
    with pytest.raises(DicomRegInspectorError, match="label volume"):
        export(tmp_path / "no", labels - 1, matrix, kind="segmentation", stated={"SegmentAlgorithmType": "MANUAL"})


def _from_slice(first: int) -> np.ndarray:
    matrix = np.eye(4)
    matrix[2, 3] = first
    return matrix


def test_the_command_line_knows_every_kind() -> None:
    from DicomRegInspectorLib.cli.export_arguments import IMAGE_KINDS

    assert set(IMAGE_KINDS) == set(KINDS)
