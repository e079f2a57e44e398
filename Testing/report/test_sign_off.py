"""The page that is signed: what passes and what does not, what it holds, and how it lies on paper."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from chromium import look_at, printed
from DicomRegInspectorLib import cli
from DicomRegInspectorLib.findings import Finding
from DicomRegInspectorLib.findings.about import about_series
from DicomRegInspectorLib.findings.severities import Severity
from DicomRegInspectorLib.samples.quality_phantom import FOLDING, REGISTRATION, write_quality_phantom
from DicomRegInspectorLib.tasks.quality import JudgedBy, run_quality
from DicomRegInspectorLib.tasks.signing.sign_off import SignedCheck, overall, signed_checks
from page_reading import Node, read_page


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom")
    write_quality_phantom(folder)
    return folder


def arguments(phantom: Path, name: str = REGISTRATION) -> list[str]:
    """Everything that there is to judge it by."""
    return [
        str(phantom / name), "--fixed", str(phantom / "fixed"), "--moving", str(phantom / "moving"),
        "--structures", str(phantom / "structures-fixed.dcm"), str(phantom / "structures-moving.dcm"),
        "--landmarks", str(phantom / "landmarks-fixed.csv"), str(phantom / "landmarks-moving.csv"),
        "--observer-error", "1",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def signed(phantom: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("signed") / "sign-off.html"
    assert cli.main(["quality", *arguments(phantom), "--sign-off", str(place), "--quiet"]) == 0
    return place


def checks_of(phantom: Path, name: str = REGISTRATION, **judged_by: object) -> dict[str, SignedCheck]:
    (item,) = run_quality(phantom / name, JudgedBy(**judged_by)).items
    return {f"{check.group.rpartition(' ')[2]}: {check.measure}": check for check in signed_checks(item)}


def structures_of(phantom: Path) -> dict[str, Path]:
    return {f"{side}_structures": phantom / f"structures-{side}.dcm" for side in ("fixed", "moving")}


def landmarks_of(phantom: Path) -> dict[str, Path]:
    return {f"{side}_landmarks": phantom / f"landmarks-{side}.csv" for side in ("fixed", "moving")}


# ---- What passes


def test_structures_pass_need_a_look_or_fail_by_their_tolerances(phantom: Path) -> None:
    checks = checks_of(phantom, **structures_of(phantom))
    outcomes = {name: check.outcome for name, check in checks.items()}
    assert outcomes["Liver: Overlap (Dice)"] == outcomes["Liver: Mean distance to agreement"] == "pass"
    assert outcomes["Kidney: Overlap (Dice)"] == "pass"  # 0.9, the limit itself
    assert outcomes["Bladder: Overlap (Dice)"] == "fail"  # 0.774
    assert outcomes["Bladder: Mean distance to agreement"] == "attention"  # 2.05 mm
    assert checks["Bladder: Overlap (Dice)"].found == "0.774 (before 0.598)"
    assert {check.source for name, check in checks.items() if "Dice" in name} == {"TG-132"}


def test_what_was_not_looked_at_is_not_done_and_never_passes(phantom: Path) -> None:
    checks = checks_of(phantom)
    not_done = {name for name, check in checks.items() if check.outcome == "not done"}
    assert not_done == {
        "Reading: The images agree with it as it is read",
        "Images: Registered image inside the other",
        "Landmarks: Target registration error",
        "Structures: Mean distance to agreement",
        "Structures: Overlap (Dice)",
    }
    outcome, words = overall(list(checks.values()))
    assert (outcome, words) == ("not done", "Nothing failed; 5 checks not done")


def test_what_has_no_partner_was_not_compared_and_keeps_the_whole_from_passing(phantom: Path) -> None:
    given = {**structures_of(phantom), **landmarks_of(phantom)}
    (item,) = run_quality(phantom / REGISTRATION, JudgedBy(**given)).items
    assert item.structures is not None and item.landmarks is not None
    alone = replace(
        item,
        structures=replace(item.structures, unpaired=("Heart", "Cord", "Lung", "Eye")),
        landmarks=replace(item.landmarks, unpaired=("carina",)),
    )
    found = {c.group: c for c in signed_checks(alone) if c.measure.startswith("Without a partner")}
    assert found["Structures"].found == "not compared: Heart, Cord, Lung and 1 more"
    assert found["Landmarks"].found == "not compared: carina"
    assert {check.outcome for check in found.values()} == {"not done"}
    assert not any(check.measure.startswith("Without a partner") for check in signed_checks(item))


@pytest.mark.parametrize(("severity", "expected"), [("error", "fail"), ("warning", "attention"), ("info", "pass")])
def test_images_whose_slices_are_wrong_do_not_pass(phantom: Path, severity: Severity, expected: str) -> None:
    (item,) = run_quality(phantom / REGISTRATION).items
    about = [Finding("pixel-data-missing", severity, "a slice is missing", about_series("1.2.3"))]
    (check,) = [check for check in signed_checks(item, about) if check.measure.endswith("registration and images")]
    assert check.outcome == expected


def test_landmarks_are_held_against_the_tolerance_that_was_given(phantom: Path) -> None:
    from DicomRegInspectorLib.registration.measures.landmarks import Tolerance

    name = "Landmarks: Target registration error, largest"
    usual = checks_of(phantom, **landmarks_of(phantom))[name]
    assert (usual.outcome, usual.tolerance, usual.source) == ("pass", "5 mm", "TG-132")
    strict = checks_of(phantom, **landmarks_of(phantom), tolerance=Tolerance(1, 2))[name]
    assert (strict.outcome, strict.tolerance, strict.source) == ("fail", "2 mm", "given by the user")


def test_observers_no_better_than_the_tolerance_need_a_look(phantom: Path) -> None:
    name = "Landmarks: Observers’ error in placing landmarks"
    assert checks_of(phantom, **landmarks_of(phantom))[name].outcome == "not done"
    assert checks_of(phantom, **landmarks_of(phantom), observer_mm=1.0)[name].outcome == "pass"
    assert checks_of(phantom, **landmarks_of(phantom), observer_mm=2.0)[name].outcome == "attention"


def test_folding_fails(phantom: Path) -> None:
    checks = checks_of(phantom, FOLDING)
    assert checks["Field: Jacobian determinant"].outcome == "fail"
    assert checks["Reading: Findings about the registration"].outcome == "fail"
    assert overall(list(checks.values()))[0] == "fail"


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["pass", "told"], "pass"),
        (["pass", "not done"], "not done"),
        (["pass", "not done", "attention"], "attention"),
        (["attention", "fail", "pass"], "fail"),
    ],
)
def test_the_whole_is_what_its_worst_part_is(outcomes: Sequence, expected: str) -> None:
    checks = [SignedCheck("g", "m", "", "", "", outcome) for outcome in outcomes]
    outcome, words = overall(checks)
    assert outcome == expected
    assert ("not done" in words) == ("not done" in outcomes)


# ---- What it holds


def read(place: Path) -> Node:
    return read_page(place.read_text(encoding="utf-8"))


def test_it_tells_what_was_registered_by_what_and_how_it_is_repeated(signed: Path, phantom: Path) -> None:
    text = read(signed).text
    for words in (
        "Sign-off of a registration", "deformable spatial registration, by DicomRegInspector",
        "nothing wrong with its slices was found", "100 % of series 1 lands inside series 2",
        "Registered by", "Checked by", "Approved by", "Signature", "Date", "not done until who signs ticks it",
        "dicom-reg-inspector quality registration.dcm --fixed fixed --moving moving --landmarks landmarks-fixed.csv",
        "--observer-error 1.0 --sign-off sign-off.html", "NumPy", "pydicom",
    ):  # fmt: skip
        assert words in text, words
    for name in (REGISTRATION, "structures-fixed.dcm", "landmarks-moving.csv"):
        assert hashlib.sha256((phantom / name).read_bytes()).hexdigest() in text
    assert str(phantom) not in signed.read_text(encoding="utf-8")


def test_its_tables_hold_the_numbers_with_tolerance_and_result(signed: Path) -> None:
    checks, structures = read(signed).all("table", "checks")
    rows = {cells[0]: cells[1:] for cells in cells_of(checks)}
    assert rows["Target registration error, mean"] == ["0.971 mm (before 8.47)", "2 mm", "TG-132", "pass"]
    assert rows["SDlogJ, as Learn2Reg has it"][3] == "–"
    rows = {cells[0]: cells[1:] for cells in cells_of(structures)}
    assert rows["Kidney"] == ["0.9 (before 0.666)", "0.517 mm", "0.703 to 1.14", "pass"]
    assert rows["Node"][-1] == "fail"


def cells_of(table: Node) -> list[list[str]]:
    rows = table.one("tbody").all("tr")
    return [[cell.text.strip() for cell in [*row.all("th"), *row.all("td")]] for row in rows]


def test_it_needs_nothing_but_itself_and_names_nobody(signed: Path) -> None:
    page = signed.read_text(encoding="utf-8")
    assert "Phantom^Nobody" not in page
    assert "PHANTOM-1" not in page
    assert "http" not in page.replace("http-equiv", "")
    for picture in read(signed).all("img"):
        assert picture.attributes["src"].startswith("data:image/png;base64,")


def test_whom_it_is_about_is_told_when_asked_for(phantom: Path, tmp_path: Path) -> None:
    place = tmp_path / "named.html"
    options = ["--sign-off", str(place), "--identifiers", "--quiet"]
    assert cli.main(["quality", str(phantom / REGISTRATION), *options]) == 0
    assert "Phantom^Nobody" in read(place).text


def test_without_images_it_says_that_nothing_was_compared(phantom: Path, tmp_path: Path) -> None:
    place = tmp_path / "bare.html"
    assert cli.main(["quality", str(phantom / REGISTRATION), "--sign-off", str(place), "--quiet"]) == 0
    page = read(place)
    assert "Nothing failed; 5 checks not done" in page.text
    assert page.one("div", "verdict").attributes["class"] == "verdict open"
    assert "none were given: their quality and overlap were not looked at" in page.text


def test_places_it_cannot_go_to_are_refused(phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    registration, foreign = str(phantom / REGISTRATION), tmp_path / "mine.html"
    foreign.write_text("mine")
    for options, words in (
        (["--sign-off", "-"], "name a file"),
        (["--sign-off", str(foreign)], "mine.html"),
        (["--sign-off", str(tmp_path / "a"), "--html", str(tmp_path / "a")], "both --html and --sign-off"),
        (["--pairs", "A=B"], "--pairs belongs to --structures"),
        (["--pairs", "A", "--structures", "a", "b"], "expected two names"),
        (["--observer-error", "1"], "--observer-error belongs to --landmarks"),
    ):
        assert cli.main(["quality", registration, *options]) == 2
        assert words in capsys.readouterr().err
    assert foreign.read_text() == "mine"


# ---- On paper and on screen


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not installed")
def test_all_that_is_signed_is_on_the_first_sheet_of_a4(signed: Path, tmp_path: Path) -> None:
    place = printed(signed, tmp_path / "print")
    about = subprocess.run(["pdfinfo", place], capture_output=True, text=True, check=True).stdout
    assert "(A4)" in about
    first = subprocess.run(
        ["pdftotext", "-layout", "-l", "1", place, "-"], capture_output=True, text=True, check=True
    ).stdout
    for words in ("Registration", "Node", "not acceptable", "Approved by", "Signature"):
        assert words in first
    assert "Provenance" not in first


def test_what_is_looked_at_is_drawn(signed: Path) -> None:
    pytest.importorskip("slicer", reason="pictures need slicer-core or Slicer")
    pictures = read(signed).all("img")
    assert [picture.attributes["alt"].split(",")[0] for picture in pictures] == ["Both images", "Axial"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("width", "dark"), [(360, False), (1200, True)])
def test_it_opens_cleanly_on_a_phone_and_in_the_dark(signed: Path, tmp_path: Path, width: int, dark: bool) -> None:
    seen = look_at(signed, tmp_path, width, dark)
    told = seen.measures
    assert (seen.console, seen.requests, told["clipped"], told["collisions"]) == ([], [], [], [])
    assert told["scrollWidth"] <= width
    assert told["contrast"][0][0] >= 4.5, told["contrast"]
    assert (told["scripts"], told["handlers"]) == (0, 0)
