"""What ``inspect`` and ``quality`` conclude, what they say was not looked at, and the exit codes that it makes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib import cli, inspect_paths, read_registration
from DicomRegInspectorLib.report.html.document import html_report
from DicomRegInspectorLib.samples import make_samples
from page_of import verdict_of

pydicom = pytest.importorskip("pydicom")


@pytest.fixture(scope="module", params=["plastimatch", "sample"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with fixed, moving and registration.dcm."""
    if request.param == "plastimatch":
        return request.getfixturevalue("deformable_pair")
    return make_samples(tmp_path_factory.mktemp("samples"), "pair")


@pytest.fixture
def folder(pair: Path, tmp_path: Path) -> Path:
    """A copy of a pair that a test may change."""
    for name in ("fixed", "moving"):
        shutil.copytree(pair / name, tmp_path / "data" / name)
    shutil.copy(pair / "registration.dcm", tmp_path / "data" / "right.dcm")
    return tmp_path / "data"


def rewritten(folder: Path, name: str, change: Callable[[Any, Any], None]) -> Path:
    """A copy of the right registration under a name and a UID of its own; ``change`` gets the object and its item."""
    dataset = pydicom.dcmread(folder / "right.dcm")
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    change(dataset, dataset.DeformableRegistrationSequence[0])
    dataset.save_as(folder / name)
    return folder / name


def with_vectors(change: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[[Any, Any], None]:
    def write(_dataset: Any, item: Any) -> None:
        grid = item.DeformableRegistrationGridSequence[0]
        vectors = np.frombuffer(grid.VectorGridData, "<f4").reshape(-1, 3)
        grid.VectorGridData = change(vectors, np.array(grid.GridResolution, float)).astype("<f4").tobytes()

    return write


def swap_frames(dataset: Any, item: Any) -> None:
    """Without references to images, which would tell of it."""
    own, other = dataset.FrameOfReferenceUID, item.SourceFrameOfReferenceUID
    dataset.FrameOfReferenceUID, item.SourceFrameOfReferenceUID = other, own
    for holder in (dataset, item):
        for keyword in ("ReferencedImageSequence", "ReferencedSeriesSequence"):
            if keyword in holder:
                delattr(holder, keyword)


def inspected(tmp_path: Path, *arguments: object) -> tuple[int, dict]:
    """Exit code and report."""
    place = tmp_path / "report.json"
    code = cli.main(["inspect", *map(str, arguments), "--json", str(place)])
    return code, json.loads(place.read_text(encoding="utf-8"))


def checks(report: dict, kind: str) -> list[tuple[str, str | None]]:
    return [(one["outcome"], one["reason"]) for one in report["coverage"]["checks"] if one["check"] == kind]


def test_what_is_wrong_in_a_folder_is_named_and_what_is_right_is_not(folder: Path, tmp_path: Path) -> None:
    rewritten(folder, "voxels.dcm", with_vectors(lambda vectors, spacing: vectors / spacing))
    rewritten(folder, "flipped.dcm", with_vectors(lambda vectors, _: vectors * np.float32([-1, -1, 1])))
    code, report = inspected(tmp_path, folder, "--fail-on", "error")
    assert code == 1
    errors = [one for one in report["findings"] if one["severity"] == "error"]
    assert sorted((Path(one["about"]["file"]).name, one["code"]) for one in errors) == [
        ("flipped.dcm", "reg-axis-signs-suspect"),
        ("voxels.dcm", "reg-units-suspect"),
    ]
    assert checks(report, "audit") == [("checked", None)] * 3
    audits = {Path(one["file"]).name: one["items"][0]["audit"]["verdict"] for one in report["registrations"]}
    assert audits == {"right.dcm": "standard", "voxels.dcm": "voxel-units", "flipped.dcm": "axis-signs"}


def test_the_right_one_alone_is_good_and_says_of_what(folder: Path, tmp_path: Path, capsys) -> None:
    code, report = inspected(tmp_path, folder, "--fail-on", "warning")
    assert (code, report["findings"]) == (0, [])
    assert {one["outcome"] for one in report["coverage"]["checks"]} == {"checked"}
    out = " ".join(capsys.readouterr().out.split())
    assert "Checked: 1 registration item: elements and matrices, every vector" in out
    assert "Not checked" not in out
    assert verdict_of(html_report(inspect_paths([folder])))[0] == "good"


def test_swapped_frames_are_told(folder: Path, tmp_path: Path) -> None:
    rewritten(folder, "swapped.dcm", swap_frames)
    (folder / "right.dcm").unlink()
    code, report = inspected(tmp_path, folder, "--fail-on", "error")
    assert code == 1
    (error,) = [one for one in report["findings"] if one["severity"] == "error"]
    assert error["code"] == "reg-direction-suspect"
    assert "the two frames swapped" in error["message"]


@pytest.mark.parametrize("lost", ["fixed", "moving"])
def test_with_one_image_nothing_is_called_good(folder: Path, tmp_path: Path, lost: str, capsys) -> None:
    shutil.rmtree(folder / lost)
    _, report = inspected(tmp_path, folder)
    role = {"fixed": "registered", "moving": "moved"}[lost]
    assert checks(report, "audit") == [("not-checked", f"no image of the {role} side is here")]
    assert f"(no image of the {role} side is here)" in " ".join(capsys.readouterr().out.split())
    registration, image = folder / "right.dcm", folder / ({"fixed", "moving"} - {lost}).pop()
    kind, words = verdict_of(html_report(inspect_paths([registration])))
    assert (kind, words) == ("open", "Nothing wrong was found in what could be checked")
    assert image.is_dir()


def test_speed_is_bought_by_a_check_that_is_named(folder: Path, tmp_path: Path) -> None:
    rewritten(folder, "flipped.dcm", with_vectors(lambda vectors, _: vectors * np.float32([-1, -1, 1])))
    code, report = inspected(tmp_path, folder, "--no-audit", "--fail-on", "error")
    assert code == 0
    assert checks(report, "audit") == [("not-checked", "images were not compared, as asked for")] * 2
    assert verdict_of(html_report(inspect_paths([folder], audit=False)))[0] == "open"


def test_pixels_that_cannot_be_decoded_are_a_finding(folder: Path, tmp_path: Path) -> None:
    for path in (folder / "moving").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
        dataset.PixelData = pydicom.encaps.encapsulate([b"\xff\x4f\xff\x51 no codestream "])
        dataset["PixelData"].VR = "OB"
        dataset.save_as(path)
    code, report = inspected(tmp_path, folder, "--fail-on", "error")
    assert code == 1
    assert {one["code"] for one in report["findings"] if one["severity"] == "error"} == {"pixel-not-decodable"}
    ((outcome, reason),) = checks(report, "audit")
    assert outcome == "not-checked"
    assert "could not be read as an image" in reason


def change_images(folder: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Another modality, with other values."""
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.Modality = "MR"
        stored = change(dataset.pixel_array.astype(float))
        dataset.PixelData = np.clip(np.rint(stored), 0, 4000).astype("<u2").tobytes()
        dataset.PixelRepresentation = 0
        dataset.save_as(path)


def test_another_modality_decides_by_mutual_information(folder: Path, tmp_path: Path) -> None:
    change_images(folder / "moving", lambda values: 3000 * np.exp(-values / values.max() * 2))
    code, report = inspected(tmp_path, folder, "--fail-on", "warning")
    audit = report["registrations"][0]["items"][0]["audit"]
    assert (code, audit["verdict"], audit["measure"]) == (0, "standard", "mutual_information")


def test_images_that_decide_nothing_are_not_checked_and_no_finding(folder: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    change_images(folder / "moving", lambda values: random.uniform(0, 1000, values.shape))
    code, report = inspected(tmp_path, folder, "--fail-on", "warning")
    assert (code, report["findings"]) == (0, [])
    ((outcome, reason),) = checks(report, "audit")
    assert outcome == "not-checked"
    assert "hardly alike" in reason


def test_of_several_images_on_a_side_none_is_guessed(folder: Path, tmp_path: Path) -> None:
    for path in list((folder / "fixed").iterdir()):
        dataset = pydicom.dcmread(path)
        dataset.SeriesInstanceUID = "1.2.3.4.5"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        dataset.save_as(path.with_name(f"other-{path.name}"))
    rewritten(folder, "right.dcm", lambda dataset, _: dataset.pop("ReferencedSeriesSequence", None))
    _, report = inspected(tmp_path, folder)
    ((outcome, reason),) = checks(report, "audit")
    assert outcome == "not-checked"
    assert reason == "2 volumes of the registered side are here, and nothing says which is meant"


# ---- Landmarks


def landmark_files(pair: Path, tmp_path: Path, off_mm: tuple[float, float, float], count: int = 12) -> list[str]:
    """Points of the grid, and where they are mapped, moved; as two files."""
    (item,) = read_registration(pair / "registration.dcm").items
    size = np.array(item.grid.dimensions) - 1
    inside = np.random.default_rng(0).uniform(0.3, 0.7, (count, 3)) * size
    fixed = inside @ item.grid.index_to_lps[:3, :3].T + item.grid.index_to_lps[:3, 3]
    sides = {"fixed.csv": fixed, "moving.csv": item.map_points(fixed) + off_mm}
    for name, points in sides.items():
        rows = "".join(f"P{n},{x!r},{y!r},{z!r}\n" for n, (x, y, z) in enumerate(points.tolist(), 1))
        (tmp_path / name).write_text(f"name,x,y,z\n{rows}", encoding="utf-8")
    return ["--landmarks", *(str(tmp_path / name) for name in sides)]


def test_landmarks_12_mm_off_are_red_and_fail(pair: Path, tmp_path: Path, run_quality) -> None:
    landmarks, place = landmark_files(pair, tmp_path, (0, 12, 0)), tmp_path / "quality.html"
    code, out, _ = run_quality(pair / "registration.dcm", *landmarks, "--fail-on", "error", "--html", place)
    assert code == 1
    assert "reg-landmarks-off" in out
    page = place.read_text(encoding="utf-8")
    kind, words = verdict_of(page)
    assert (kind, words[:21]) == ("error", "Do not use as it is: ")
    assert "<title>Quality of a registration: " in page
    assert run_quality(pair / "registration.dcm", *landmarks)[0] == 0, "without --fail-on"


@pytest.mark.parametrize(
    ("off", "tolerance", "code"),
    [
        (1.9, None, 0),
        (2.1, None, 1),
        (2.1, "2.2,5", 0),
        (12, "20,30", 0),
        (1, "0.5,5", 1),
    ],
)
def test_the_tolerance_decides(deformable_pair: Path, tmp_path: Path, run_quality, off, tolerance, code) -> None:
    landmarks = landmark_files(deformable_pair, tmp_path, (off, 0, 0))
    options = [] if tolerance is None else ["--tolerance", tolerance]
    found, out, _ = run_quality(deformable_pair / "registration.dcm", *landmarks, *options, "--json", "-", "--item", 1)
    assert found == 0
    codes = {one["code"] for one in json.loads(out)["findings"]}
    assert ("reg-landmarks-off" in codes) == bool(code)


def test_landmarks_that_lay_together_before_are_worse_now(deformable_pair: Path, tmp_path: Path, told) -> None:
    landmarks = landmark_files(deformable_pair, tmp_path, (0, 0, 0))
    both = [landmarks[0], landmarks[1], landmarks[1]]
    report = told(deformable_pair / "registration.dcm", *both, "--tolerance", "50,50")
    (worse,) = [one for one in report["findings"] if one["code"] == "reg-landmarks-worse"]
    assert (worse["severity"], worse["evidence"]["before_mean_mm"]) == ("error", 0)
    assert worse["evidence"]["mean_mm"] == pytest.approx(report["items"][0]["landmarks"]["after_mm"]["mean"])


def test_landmarks_outside_the_grid_count(deformable_pair: Path, tmp_path: Path, told) -> None:
    landmarks = landmark_files(deformable_pair, tmp_path, (0, 0, 0))
    for name in landmarks[1:]:
        with Path(name).open("a", encoding="utf-8") as file:
            file.write("beyond,900,900,900\n")
    found = {one["code"]: one for one in told(deformable_pair / "registration.dcm", *landmarks)["findings"]}
    assert found["reg-landmarks-undefined"]["severity"] == "warning"
    assert found["reg-landmarks-undefined"]["evidence"]["names"] == ["beyond"]
    for name in landmarks[1:]:
        Path(name).write_text("name,x,y,z\nbeyond,900,900,900\n", encoding="utf-8")
    (finding,) = told(deformable_pair / "registration.dcm", *landmarks)["findings"]
    assert (finding["code"], finding["severity"]) == ("reg-landmarks-undefined", "error")


@pytest.mark.parametrize("tolerance", ["5", "5,2", "0,5", "-1,5", "a,b", "nan,5", "2,inf", "1,2,3"])
def test_a_tolerance_that_is_none_is_refused(deformable_pair: Path, tmp_path: Path, run_quality, tolerance) -> None:
    landmarks = landmark_files(deformable_pair, tmp_path, (0, 0, 0))
    assert run_quality(deformable_pair / "registration.dcm", *landmarks, f"--tolerance={tolerance}")[0] == 2


def test_a_tolerance_without_landmarks_is_refused(deformable_pair: Path, run_quality) -> None:
    code, _, error = run_quality(deformable_pair / "registration.dcm", "--tolerance", "2,5")
    assert code == 2
    assert "--landmarks" in error


def test_quality_says_what_it_was_not_given(deformable_pair: Path, run_quality) -> None:
    _, out, _ = run_quality(deformable_pair / "registration.dcm")
    text = " ".join(out.split())
    assert "Not checked: item 1 of registration.dcm: how its images say it is meant (no images of both sides" in text
    assert "Never part of this: how far landmarks are off" in text
