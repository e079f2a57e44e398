"""``quality`` with both images, with nothing to go by, and with bad input of all sorts."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from dicom_objects import (
    LINEAR,
    ORIGIN,
    REGISTERED,
    SOURCE,
    SPACING,
    TURN,
    new_object,
    node_points,
    save,
    write_fiducials,
    write_linear,
)
from DicomRegInspectorLib import cli
from DicomRegInspectorLib.registration.file.write import write_deformable_registration

sitk = pytest.importorskip("SimpleITK", reason="label volumes are read with SimpleITK")

from label_files import half_labels, write_labels  # noqa: E402

READINGS = {
    "standard", "voxel-units", "reversed", "axis-signs", "matrices-ignored", "matrices-swapped", "identity",
}  # fmt: skip


# ---- With the two images


@pytest.fixture(scope="module")
def audited(deformable_pair: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The report on the real pair as it is, and what was printed (``text``)."""
    place = tmp_path_factory.mktemp("audit") / "report.json"
    pair, text = deformable_pair, io.StringIO()
    images = ["--fixed", str(pair / "fixed"), "--moving", str(pair / "moving")]
    with contextlib.redirect_stdout(text):
        assert cli.main(["quality", str(pair / "registration.dcm"), *images, "--json", str(place)]) == 0
    return {**json.loads(place.read_text()), "text": text.getvalue()}


def test_the_real_pair_is_read_as_the_standard_says(audited: dict) -> None:
    (item,) = audited["items"]
    assert item["audit"]["verdict"] == "standard"
    ranking = {reading["hypothesis"]: reading for reading in item["audit"]["ranking"]}
    assert ranking.keys() <= READINGS
    assert item["audit"]["ranking"][0]["hypothesis"] == "standard"
    best = ranking["standard"]
    assert best["ci95"][0] <= best["ncc"] <= best["ci95"][1]
    assert best["mutual_information"] > 0
    for name in ("reversed", "identity", "axis-signs", "voxel-units"):
        assert ranking[name]["ncc"] < best["ncc"] - 0.02, name
    suspects = [one["code"] for one in audited["findings"] if "suspect" in one["code"]]
    assert suspects == []


def test_the_real_pair_agrees_with_simpleitk(audited: dict, deformable_pair: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    entry = pydicom.dcmread(deformable_pair / "registration.dcm").DeformableRegistrationSequence[0]
    lattice = entry.DeformableRegistrationGridSequence[0]
    nx, ny, nz = lattice.GridDimensions
    vectors = np.frombuffer(lattice.VectorGridData, "<f4").reshape(nz, ny, nx, 3)
    field = sitk.GetImageFromArray(vectors.astype(float), isVector=True)
    field.SetSpacing(list(lattice.GridResolution))
    inner = sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(field))[1:-1, 1:-1, 1:-1]
    (item,) = audited["items"]
    lengths = np.linalg.norm(vectors.astype(float), axis=-1)
    assert item["displacement_mm"]["max"] == pytest.approx(lengths.max(), abs=1e-4)
    assert item["displacement_mm"]["p95"] == pytest.approx(np.percentile(lengths, 95), abs=1e-4)
    assert item["jacobian"]["min"] <= inner.min() + 1e-4
    assert item["jacobian"]["max"] >= inner.max() - 1e-4
    assert item["jacobian"]["p50"] == pytest.approx(np.median(inner), abs=5e-3)


CHANGES = {
    "voxel-units": lambda vectors, spacing: vectors / spacing,
    "axis-signs": lambda vectors, spacing: vectors * np.float32([-1, -1, 1]),
}
"""What a writer might have stored in place of mm along LPS; the pair's grid is axial."""


@pytest.mark.parametrize("verdict", CHANGES)
def test_the_pair_written_otherwise_is_told(told, deformable_pair: Path, tmp_path: Path, verdict: str) -> None:
    pydicom = pytest.importorskip("pydicom")
    dataset = pydicom.dcmread(deformable_pair / "registration.dcm")
    lattice = dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
    stored = np.frombuffer(lattice.VectorGridData, "<f4").reshape(-1, 3)
    changed = CHANGES[verdict](stored, np.array(lattice.GridResolution, float))
    lattice.VectorGridData = changed.astype("<f4").tobytes()
    dataset.save_as(tmp_path / "changed.dcm")
    whole = told(tmp_path / "changed.dcm", "--fixed", deformable_pair / "fixed", "--moving", deformable_pair / "moving")
    assert whole["items"][0]["audit"]["verdict"] == verdict
    code = {"voxel-units": "reg-units-suspect", "axis-signs": "reg-axis-signs-suspect"}[verdict]
    assert code in [one["code"] for one in whole["findings"]]


def test_with_noise_for_an_image_nothing_can_be_decided(told, deformable_pair: Path, tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    random = np.random.default_rng(0)
    for path in (deformable_pair / "moving").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PixelData = random.integers(0, 1000, dataset.Rows * dataset.Columns).astype("<u2").tobytes()
        dataset.save_as(tmp_path / path.name)
    whole = told(deformable_pair / "registration.dcm", "--fixed", deformable_pair / "fixed", "--moving", tmp_path)
    assert whole["items"][0]["audit"]["verdict"] == "undecided"
    assert [one["severity"] for one in whole["findings"] if one["code"] == "reg-audit-undecided"] == ["info"]


def test_the_text_names_the_verdict(audited: dict) -> None:
    assert "Is it read the way it was meant?" in audited["text"]
    assert "The images agree best with the registration read like this" in " ".join(audited["text"].split())


def test_images_that_do_not_overlap_the_grid_decide_nothing(told, deformable_pair: Path, tmp_path: Path) -> None:
    away = write_linear(tmp_path / "away.dcm", origin=(5000, 5000, 5000))
    whole = told(away, "--fixed", deformable_pair / "fixed", "--moving", deformable_pair / "moving")
    assert whole["items"][0]["audit"]["verdict"] == "undecided"


def test_a_folder_without_images_is_refused_by_name(run_quality, deformable_pair: Path, tmp_path: Path) -> None:
    (tmp_path / "nothing here").mkdir()
    path = deformable_pair / "registration.dcm"
    for fixed, moving in (("nothing here", "fixed"), ("fixed", "nothing here"), ("fixed", "not there at all")):
        places = [tmp_path / one if "n" in one[:1] else deformable_pair / one for one in (fixed, moving)]
        code, _, error = run_quality(path, "--fixed", places[0], "--moving", places[1])
        assert code == 2
        assert (fixed if fixed != "fixed" else moving) in error


def test_a_registration_is_no_image(run_quality, deformable_pair: Path) -> None:
    path = deformable_pair / "registration.dcm"
    assert run_quality(path, "--fixed", path, "--moving", deformable_pair / "moving")[0] == 2


# ---- What cannot be done


def bad_arguments(tmp_path: Path) -> dict[str, list[object]]:
    registration = write_linear(tmp_path / "reg.dcm")
    (tmp_path / "text").write_text("hello\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "marks.csv").write_text("name,x,y,z\na,1,2,here\n")
    (tmp_path / "cut.dcm").write_bytes(registration.read_bytes()[:-500])
    picture = new_object("1.2.840.10008.5.1.4.1.1.2", "CT", Rows=2, Columns=2, PixelSpacing=["1", "1"])
    return {
        "nothing": [],
        "no file": [tmp_path / "none.dcm"],
        "an empty folder": [tmp_path / "empty"],
        "text": [tmp_path / "text"],
        "cut off": [tmp_path / "cut.dcm"],
        "an image": [save(picture, tmp_path / "image.dcm")],
        "fiducials": [write_fiducials(tmp_path / "f.dcm", ["A"])],
        "an item that is no number": [registration, "--item", "first"],
        "fixed alone": [registration, "--fixed", tmp_path],
        "moving alone": [registration, "--moving", tmp_path],
        "no labels": [registration, "--labels", tmp_path / "none.nrrd"],
        "labels that are text": [registration, "--labels", tmp_path / "text"],
        "labels that are DICOM": [registration, "--labels", registration],
        "one list of landmarks": [registration, "--landmarks", tmp_path / "marks.csv"],
        "no landmarks": [registration, "--landmarks", tmp_path / "none.csv", tmp_path / "none.csv"],
        "landmarks nowhere": [registration, "--landmarks", tmp_path / "marks.csv", tmp_path / "marks.csv"],
        "landmarks of a registration": [registration, "--landmarks", registration, registration],
    }


BAD = [
    "nothing", "no file", "an empty folder", "text", "cut off", "an image", "fiducials",
    "an item that is no number",
    "fixed alone", "moving alone", "no labels", "labels that are text", "labels that are DICOM",
    "one list of landmarks", "no landmarks", "landmarks nowhere", "landmarks of a registration",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_usage_and_bad_files_exit_with_2_and_one_line(run_quality, tmp_path: Path, name: str) -> None:
    assert run_quality(*bad_arguments(tmp_path)[name])[0] == 2


def test_the_line_of_a_bad_landmark_is_named(run_quality, tmp_path: Path) -> None:
    _, _, error = run_quality(*bad_arguments(tmp_path)["landmarks nowhere"])
    assert "marks.csv" in error
    assert "line 2" in error


def odd_grid(tmp_path: Path, vectors: np.ndarray) -> Path:
    return write_linear(tmp_path / "odd.dcm", vectors=vectors)


def test_a_grid_of_one_slice_is_measured_in_its_plane_and_says_so(told, run_quality, tmp_path: Path) -> None:
    stretch = TURN @ np.diag([0.5, -0.2, 0.0]) @ TURN.T
    path = odd_grid(tmp_path, (node_points() @ stretch.T)[:1])
    (item,) = told(path)["items"]
    assert item["measured_axes"] == 2
    assert item["jacobian"]["min"] == pytest.approx(1.5 * 0.8, abs=1e-4)
    _, out, _ = run_quality(path)
    assert "2 axes" in out


@pytest.mark.parametrize("shape", [(1, 1, 9), (1, 1, 1), (7, 1, 1)])
def test_grids_of_a_line_or_a_point_are_measured_without_complaint(told, tmp_path: Path, shape) -> None:
    (item,) = told(odd_grid(tmp_path, np.full((*shape, 3), 2.0)))["items"]
    assert item["displacement_mm"]["max"] == pytest.approx(np.sqrt(12), abs=1e-4)
    assert item["jacobian"]["min"] == pytest.approx(1)
    assert item["measured_axes"] == sum(size > 1 for size in shape)


def test_a_field_of_nan_is_told_as_one(told, run_quality, tmp_path: Path) -> None:
    path = odd_grid(tmp_path, np.full((7, 8, 9, 3), np.nan))
    whole = told(path)
    (item,) = whole["items"]
    assert item["displacement_mm"]["max"] is None
    assert item["jacobian"] == {**dict.fromkeys(item["jacobian"]), "nonpositive_volume_cm3": 0.0}
    assert item["bulk"] == {"rigid": None, "affine": None}
    assert "reg-vectors-undefined" in [one["code"] for one in whole["findings"]]
    labels = write_labels(tmp_path / "labels.nrrd", half_labels())
    code, out, _ = run_quality(path, "--labels", labels, "--csv", tmp_path / "t.csv")
    assert code == 0
    assert "no vector is defined" in out


@pytest.mark.parametrize("value", [3e38, np.inf])
def test_absurd_vectors_end_in_numbers_or_none_never_in_a_traceback(told, tmp_path: Path, value: float) -> None:
    vectors = node_points() @ LINEAR.T
    vectors[3, 4, 5] = value
    (item,) = told(odd_grid(tmp_path, vectors))["items"]
    assert item["jacobian"]["p1"] == pytest.approx(np.linalg.det(np.eye(3) + LINEAR), abs=1e-3)


def test_patients_are_not_named(run_quality, tmp_path: Path) -> None:
    image = new_object("1.2.840.10008.5.1.4.1.1.2", "CT")
    path = tmp_path / "reg.dcm"
    write_deformable_registration(
        path, vectors=node_points(), origin=ORIGIN, directions=TURN, spacing=SPACING, registered_frame_uid=REGISTERED,
        source_frame_uid=SOURCE, registered_images=[image],
    )  # fmt: skip
    for arguments in ((path,), (path, "--json", "-"), (path, "--csv", tmp_path / "t.csv")):
        _, out, error = run_quality(*arguments)
        assert "Secret" not in out + error
        assert "SECRET" not in out + error
    assert "Secret" not in (tmp_path / "t.csv").read_text()
