"""What is masked in a text and what is not, and where the names come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_objects import data, new_object, save, write_linear, write_matrices, write_slice
from DicomRegInspectorLib import cli, inspect_paths, read_registration
from DicomRegInspectorLib.dicom.identity import NAMES, SEQUENCES, identities_in
from DicomRegInspectorLib.privacy import Identities
from DicomRegInspectorLib.report.html.write_report import ReportOptions, write_report
from pydicom.datadict import DicomDictionary

PEOPLE = Identities(
    frozenset(["Doe^John", "Müller-Lüdenscheidt^Özge", "Ng^Li", "Long^Head", "Phantom^QA", "山田^太郎", "홍^길동"]),
    frozenset(["4711-A", "12", "CT", "00123456", "1024"]),
    frozenset(["19700131"]),
    frozenset(["Mayo Clinic", "Radiology"]),
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("DOE_JOHN_THORAX", "▮▮▮_▮▮▮_THORAX"),
        ("thorax of john doe", "thorax of ▮▮▮ ▮▮▮"),
        ("DoeJohn Thorax", "▮▮▮ Thorax"),
        ("ThoraxDoe", "Thorax▮▮▮"),
        ("jdoe 3", "▮▮▮ 3"),
        ("MUELLER CT", "▮▮▮ CT"),
        ("Mu\u0308ller, Ozge", "▮▮▮, ▮▮▮"),
        ("head LI-NG", "head ▮▮▮-▮▮▮"),
        ("山田太郎胸部", "▮▮▮"),
        ("胸部 太郎", "胸部 ▮▮▮"),
        ("길동 흉부", "▮▮▮ 흉부"),
        ("4711_a, 4711A", "▮▮▮, ▮▮▮"),
        ("id 123456", "id ▮▮▮"),
        ("born 31.01.1970", "born ▮▮▮"),
        ("31 Jan 1970, 1970-1-31", "▮▮▮, ▮▮▮"),
        ("MAYO CLINIC chest", "▮▮▮ chest"),
        ("head, long", "▮▮▮, ▮▮▮"),
    ],
)
def test_names_are_masked_however_they_are_written(text: str, shown: str) -> None:
    assert PEOPLE.masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Johnson", "head axis long", "phantom", "li", "CT 12", "1024.5 mm", "1024px", "Mayo", "radiology", "31 1970",
        "1.3.12.2.1107.5.1.4.123456.19700131", "1.2.4711.1024.19700131.5", "胸部", "",
    ],
)  # fmt: skip
def test_what_everybody_says_is_not_masked(text: str) -> None:
    assert PEOPLE.masked(text) == text
    assert not PEOPLE.are_named_in(text)


@pytest.mark.parametrize("named", ["Head^A", "Scan^Axial", "Original", "CT", "1", "Siemens^Phantom"])
def test_no_name_and_no_number_takes_the_words_that_descriptions_are_made_of(named: str) -> None:
    people = Identities(frozenset([named]), frozenset([named]))
    for text in ("Head CT axial 1 mm", "ORIGINAL\\PRIMARY\\AXIAL", "Phantom scan 1.5", "SIEMENS", "MR T1 phantom"):
        assert people.masked(text) == text


def test_names_are_looked_for_in_every_element_of_the_dictionary_that_holds_some() -> None:
    of_trials_and_hanging_protocols = {"0040A067", "0040A307", "0040A352", "0072006A"}
    people = {tag for tag, entry in DicomDictionary.items() if entry[0] == "PN" and tag < 0x04000000}
    assert {f"{tag:08X}" for tag in people ^ NAMES} == of_trials_and_hanging_protocols
    assert {DicomDictionary[tag][0] for tag in SEQUENCES} == {"SQ"}


def test_a_file_names_people_in_sequences_too(tmp_path: Path) -> None:
    former = data(ModifiedAttributesSequence=[data(PatientName="Formerly^Gertrude", PatientID="OLD-5566")])
    dataset = new_object("1.2.840.10008.5.1.4.1.1.2", "CT", ContentCreatorName="Creator^Carla")
    dataset.OriginalAttributesSequence = [former]
    dataset.OtherPatientIDsSequence = [data(PatientID="ELSEWHERE-99")]
    dataset.RequestAttributesSequence = [data(RequestingPhysician="Asker^Anna")]
    people = identities_in(save(dataset, tmp_path / "a.dcm"))
    assert people.masked("gertrude carla anna nemo else") == "▮▮▮ ▮▮▮ ▮▮▮ ▮▮▮ else"
    assert people.masked("old-5566 elsewhere99 ID-SECRET-77") == "▮▮▮ ▮▮▮ ▮▮▮"


def test_a_name_is_masked_in_the_other_files_of_a_run(tmp_path: Path) -> None:
    """Research software writes Anonymous for the name and leaves it in the description."""
    write_slice(tmp_path / "a.dcm", 0, "1.2.3.4", PatientName="Eckhart^Meister", PatientID="EM-2024-7")
    write_slice(
        tmp_path / "b.dcm", 0, "1.2.3.5", PatientName="Anonymous", PatientID="", SeriesDescription="eckhart head"
    )
    write_matrices(tmp_path / "r.dcm", {"1.2.3": np.eye(4)})
    registration = pydicom.dcmread(tmp_path / "r.dcm")
    registration.PatientName, registration.SeriesDescription = "", "to Eckhart_em20247"
    registration.save_as(tmp_path / "r.dcm")
    assert "Eckhart" in read_registration(tmp_path / "r.dcm").series_description  # alone, it cannot be known
    inspection = inspect_paths(tmp_path)
    assert [series.description for series in inspection.series] == ["", "▮▮▮ head"]
    assert inspection.registrations[0].series_description == "to ▮▮▮_▮▮▮"


def test_file_names_that_hold_the_patient_are_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "Nemo above" / "study" / "SECRET NEMO"
    folder.mkdir(parents=True)
    for k in range(3):
        write_slice(folder / f"nemo_{k}.dcm", 2.0 * k, "1.2.3.4")
    write_linear(folder / "idsecret77.dcm")
    inspection = inspect_paths(folder.parent)
    (told,) = [finding for finding in inspection.findings if finding.code == "file-names-identify"]
    assert (told.severity, told.evidence) == ("info", {"files": 4, "folders": 1})
    assert "nemo" not in f"{told.message} {told.subject}".casefold()
    write_report(inspection, tmp_path / "page.html", ReportOptions(paths=[str(folder.parent)], pictures=False))
    assert "nemo" not in (tmp_path / "page.html").read_text(encoding="utf-8").casefold()
    assert cli.main(["inspect", str(folder.parent), "--json", "-"]) == 0
    # A program has to find the file again.
    assert "idsecret77.dcm" in capsys.readouterr().out


def test_a_folder_above_what_is_inspected_says_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "nemo" / "study"
    folder.mkdir(parents=True)
    write_slice(folder / "1.dcm", 0, "1.2.3.4")
    assert "file-names-identify" not in {finding.code for finding in inspect_paths(folder).findings}
