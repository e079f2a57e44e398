"""``sample-data``: what it makes is valid DICOM, the same each time, and shows what it promises to show."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib import cli, inspect_paths, read_registration
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.samples import SAMPLES, make_samples, write_samples
from DicomRegInspectorLib.samples.known_field import BREATHING

PAIR = "registration-pair"


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("samples") / "made"
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("DicomRegInspectorLib.cli.trying.tell", lambda _, text: said.append(text))
        patch.setattr("socket.socket.connect", lambda *_: pytest.fail("the sample data went to the network"))
        assert cli.main(["sample-data", str(folder)]) == 0
    return folder, "\n".join(said)


def every_file(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def stack(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Hounsfield units (k, j, i) and positions, by pydicom, sorted along z."""
    files = sorted(map(pydicom.dcmread, folder.iterdir()), key=lambda one: one.ImagePositionPatient[2])
    values = np.stack([one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept) for one in files])
    return values, np.array([one.ImagePositionPatient for one in files], float)


def test_there_is_what_is_announced(samples) -> None:
    folder, said = samples
    names = [str(path.relative_to(folder)).replace("\\", "/") for path in every_file(folder)]
    assert names == sorted(name for sample in SAMPLES for name in sample.files)
    assert all(sample.folder in said for sample in SAMPLES)
    assert "SYNTHETIC" in said
    assert sum(path.stat().st_size for path in every_file(folder)) < 20e6


def test_every_file_says_that_it_is_synthetic(samples) -> None:
    folder, _ = samples
    for path in every_file(folder):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        assert str(dataset.PatientName) == "Phantom^Nobody"
        assert "SYNTHETIC" in dataset.SeriesDescription
        if dataset.Modality == "CT":
            assert dataset.ImageType[0] == "DERIVED"
            assert "SYNTHETIC" in dataset.DerivationDescription
            assert dataset.QualityControlSubject == "YES"


def test_every_run_makes_the_same_bytes(samples, tmp_path: Path) -> None:
    folder, _ = samples
    write_samples(tmp_path / "again")

    def digests(place: Path) -> dict[str, str]:
        return {str(p.relative_to(place)): hashlib.sha256(p.read_bytes()).hexdigest() for p in every_file(place)}

    assert digests(tmp_path / "again") == digests(folder)


def test_no_two_objects_share_a_uid(samples) -> None:
    folder, _ = samples
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in every_file(folder)]
    uids = [header.SOPInstanceUID for header in headers]
    assert len(set(uids)) == len(uids)
    assert len({header.SeriesInstanceUID for header in headers}) == 5
    assert all(uid.is_valid and len(uid) <= 64 for uid in uids)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
def test_dciodvfy_finds_no_error(samples) -> None:
    folder, _ = samples
    for path in every_file(folder):
        if path.name in ("slice001.dcm", "slice025.dcm", "slice040.dcm") or path.name.startswith("reg"):
            said = subprocess.run(
                ["dciodvfy", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            ).stdout
            assert "CTImage" in said or "DeformableSpatialRegistration" in said
            assert "Error" not in said, (path.name, said)


def test_the_irregular_series_has_just_the_faults_it_is_made_for(samples) -> None:
    folder, _ = samples
    inspection = inspect_paths([folder / "irregular-ct"])
    found = {finding.code: finding for finding in inspection.findings if finding.severity != "info"}
    assert set(found) == {
        "slice-gap", "duplicate-position", "spacing-change", "thickness-change", "gantry-tilt", "order-disagrees",
    }  # fmt: skip
    # By pydicom and NumPy: intervals along the normal, and the lean of the stack.
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in (folder / "irregular-ct").iterdir()]
    row, column = np.reshape(np.array(headers[0].ImageOrientationPatient, float), (2, 3))
    normal = np.cross(row, column)
    positions = np.array(sorted(([*map(float, one.ImagePositionPatient)] for one in headers), key=lambda p: p[2]))
    intervals = np.diff(np.sort(positions @ normal))
    values, counts = np.unique(intervals.round(3), return_counts=True)
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == {0.0: 1, 3.0: 19, 5.0: 18, 10.0: 1}
    travel = positions[-1] - positions[0]
    lean = np.degrees(np.arccos(travel @ normal / np.linalg.norm(travel)))
    assert lean == pytest.approx(float(headers[0].GantryDetectorTilt), abs=1e-3)
    assert found["slice-gap"].evidence["missing_slices"] == 1


def test_the_registration_says_the_known_field(samples) -> None:
    folder, _ = samples
    (item,) = read_registration(folder / PAIR / "registration.dcm").items
    random = np.random.default_rng(5)
    points = random.uniform((-150, -110, -100), (150, 110, 100), (400, 3))
    mapped = item.map_points(points)
    # What linear interpolation between nodes 7, 7 and 5 mm apart leaves of bumps 36 mm wide and more.
    assert np.abs(mapped - BREATHING.source_of(points)).max() < 0.15
    assert item.findings == ()


def test_the_moving_image_is_the_fixed_one_deformed(samples) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    folder, _ = samples
    fixed, places = stack(folder / PAIR / "fixed")
    moving, moving_places = stack(folder / PAIR / "moving")
    np.testing.assert_array_equal(places, moving_places)
    (item,) = read_registration(folder / PAIR / "registration.dcm").items
    spacing = np.array([3.5, 3.5, 5.0])
    index = np.random.default_rng(6).integers((8, 8, 6), (96, 72, 40), (20000, 3))
    source = (item.map_points(places[0] + index * spacing) - places[0]) / spacing
    warped = ndimage.map_coordinates(moving.astype(float), source.T[::-1], order=1)
    there = fixed[tuple(index.T[::-1])]
    unmoved = moving[tuple(index.T[::-1])]
    assert np.corrcoef(warped, there)[0, 1] > 0.99
    assert np.corrcoef(unmoved, there)[0, 1] < 0.96


@pytest.mark.parametrize(("name", "reading"), [("registration", "standard"), ("registration-in-voxels", "voxel-units")])
def test_the_audit_tells_the_right_registration_from_the_wrong_one(samples, run_quality, name, reading) -> None:
    import json

    folder, _ = samples
    pair = folder / PAIR
    arguments = (pair / f"{name}.dcm", "--fixed", pair / "fixed", "--moving", pair / "moving", "--json", "-")
    code, out, _ = run_quality(*arguments)
    assert code == 0
    (item,) = json.loads(out)["items"]
    assert item["audit"]["verdict"] == reading
    assert ("reg-units-suspect" in out) == (reading == "voxel-units")


def test_nothing_is_written_over_what_is_there(tmp_path: Path, capsys) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert cli.main(["sample-data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_application_s_copy_is_made_once_and_mended(tmp_path: Path) -> None:
    place = make_samples(tmp_path / "cache", "irregular")
    assert place == tmp_path / "cache" / "irregular-ct"
    before = {path.name: path.stat().st_mtime_ns for path in place.iterdir()}
    assert make_samples(tmp_path / "cache", "irregular") == place
    assert {path.name: path.stat().st_mtime_ns for path in place.iterdir()} == before
    (place / "slice007.dcm").unlink()
    make_samples(tmp_path / "cache", "irregular")
    assert {path.name for path in place.iterdir()} == set(before)


def test_a_sample_that_is_not_there_or_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="irregular, pair"):
        make_samples(tmp_path, "brain")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        make_samples(tmp_path / "file", "irregular")
