"""Whatever stands in a file's text elements, the HTML report shows it as text, and shows no more of it than it says."""

from __future__ import annotations

import warnings
from pathlib import Path

import pydicom
import pytest
from DicomRegInspectorLib.privacy import Identities
from DicomRegInspectorLib.report.html import Patient, html_report
from DicomRegInspectorLib.report.html.contents import Contents
from DicomRegInspectorLib.report.html.markup import LONGEST, foreign, tag, text
from DicomRegInspectorLib.report.html.names import Names
from DicomRegInspectorLib.report.text.terminal import printable
from DicomRegInspectorLib.tasks.inspect import inspect_paths
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_reading import Node, read_page, shapes
from pydicom.datadict import dictionary_VR, tag_for_keyword
from report_objects import Dataset, report, write_folding, write_irregular

NASTY = (
    "</title><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg/onload=alert(1)>",
    "&amp;&#x3c;script&#62;",
    "]]></style><!-- -->",
    "line\r\nbreak\ttab\x00nul\x1b[31m",
    "\u202egnp.exe\u202c \u2066isolated\u2069 \u200f\u061c",
    "\u2028\u2029\ufeff\u00ad\u0085",
    "{{7*7}} ${x} javascript:alert(1)",
    "x" * 10_000,
    "<b>" * 3_000,
)

TEXT_ELEMENTS = (
    "SeriesDescription", "StudyDescription", "ProtocolName", "Manufacturer", "ManufacturerModelName", "StationName",
    "ImageComments", "PatientComments", "StudyID", "BodyPartExamined", "ContentLabel", "ContentDescription",
    "SoftwareVersions", "Modality", "ImageType", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID",
    "SOPInstanceUID",
)  # fmt: skip
"""Of every text representation; UIDs among them hold what no UID may. Names of people and institutions and the numbers
of patients have tests of their own: their words are hidden wherever they stand."""


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """Kinds of elements and attributes of a report in which nothing is nasty."""
    folder = tmp_path_factory.mktemp("benign")
    write_irregular(folder, SeriesDescription="Thorax")
    write_folding(folder / "reg.dcm", series_description="Thorax")
    return shapes(report(folder, folder / "report.html", pictures=False))


def poison(path: Path, value: str, encoding: str = "utf-8") -> None:
    """Put the value into every text element of a file, as bytes, whatever the standard says of them."""
    dataset = pydicom.dcmread(path)
    raw = value.encode(encoding, "surrogatepass")
    dataset.SpecificCharacterSet = "ISO_IR 192"

    def put(level: Dataset, keyword: str) -> None:
        vr = dictionary_VR(keyword)
        level[tag_for_keyword(keyword)] = pydicom.dataelem.RawDataElement(
            pydicom.tag.Tag(keyword), vr, len(raw) + len(raw) % 2, raw + b" " * (len(raw) % 2), 0, False, True
        )

    for keyword in TEXT_ELEMENTS:
        # 10 kB are more than the length field of these representations counts in some syntaxes; not in this one.
        put(dataset, keyword)
    for item in dataset.get("DeformableRegistrationSequence", ()):
        put(item, "SourceFrameOfReferenceUID")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_nasty_values_in_every_text_element_are_text(value: str, ours: set[tuple[str, str]], tmp_path: Path) -> None:
    folder = write_irregular(tmp_path / "nasty")
    write_folding(folder / "reg.dcm")
    for path in sorted(folder.iterdir()):
        poison(path, value)
    page = report(folder, tmp_path / "nasty.html", pictures=False)
    assert shapes(page) - ours <= KNOWN
    inspection = inspect_paths([folder])
    descriptions = {one.description for one in inspection.series}
    descriptions |= {one.series_description for one in inspection.registrations}
    for described in descriptions:
        assert f"“{printable(described[:120])}" in page.text
        assert len(described) <= 120 or f"({len(described):,} characters, 120 shown)" in page.text
    assert any(value.strip()[:20] in described for described in descriptions) or not value.isprintable()
    html = (tmp_path / "nasty.html").read_text(encoding="utf-8")
    for character in "\x00\x1b\u202e\u202c\u2066\u2069\u200f\u061c\u2028\u2029\ufeff\u00ad\u0085":
        assert character not in html
    assert len(html) < 1_500_000


KNOWN = {("span", "class"), ("span", ""), ("bdi", "")} | {
    (name, attribute)
    for name in ("p", "h2", "h3", "h4", "li", "ul", "div", "dl", "dt", "dd", "table", "tr", "td", "th", "code")
    for attribute in ("", "class")
}
"""What a report may hold besides, where other things are wrong with the objects; none of it carries code or links."""


@given(st.text(max_size=LONGEST))
def test_a_text_from_a_file_is_read_back_as_it_is_shown_elsewhere(value: str) -> None:
    page = read_page(f"<html>{foreign(value)}</html>")
    assert page.text == printable(value)
    assert {node.tag for node in page.all()} <= {"html", "bdi", "span"}


@given(st.text(min_size=LONGEST + 1, max_size=3 * LONGEST))
def test_a_long_text_is_cut_and_its_length_told(value: str) -> None:
    page = read_page(f"<html>{foreign(value)}</html>")
    assert page.one("bdi").text == printable(value[:LONGEST])
    assert f"({len(value):,} characters, {LONGEST} shown)" in page.text


@given(st.text(), st.text())
def test_text_and_attributes_of_any_element_come_back(inside: str, attribute: str) -> None:
    page = read_page(f"<html>{tag('p', inside, title=attribute)}</html>")
    assert page.one("p").text == printable(inside)
    assert page.one("p").attributes["title"] == printable(attribute)
    assert text(text(inside)) == text(inside)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=2000).filter(lambda one: one.isprintable())
)
def test_any_description_is_shown_or_its_cut_is_told(tmp_path: Path, value: str) -> None:
    value = value.replace("\\", "/").strip()
    path = tmp_path / "reg.dcm"
    write_folding(path, series_description="")
    poison_one(path, value)
    inspection = inspect_paths([path])
    described = inspection.registrations[0].series_description
    page = read_page(html_report(inspection))
    heading = heading_of(page)
    shown = printable(described[:120])
    assert (f"“{shown}" in heading) if described else "“" not in heading
    assert (f"({len(described):,} characters, 120 shown)" in heading) == (len(described) > 120)


def poison_one(path: Path, value: str) -> None:
    dataset = pydicom.dcmread(path)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.SeriesDescription = value
        dataset.PatientName = dataset.PatientID = ""
        dataset.save_as(path)


def heading_of(page: Node) -> str:
    (article,) = [one for one in page.all("article") if one.attributes.get("id") == "registration-1"]
    return article.one("h3").text


@pytest.mark.parametrize("raw", [b"\xff\xfe\x80abc", b"\x1b$B\x1b$B", bytes(range(128, 256))])
def test_bytes_that_are_no_text_do_not_break_it(raw: bytes, tmp_path: Path) -> None:
    folder = write_irregular(tmp_path / "data")
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset[0x0008103E] = pydicom.dataelem.RawDataElement(
            pydicom.tag.Tag(0x0008103E), "LO", len(raw), raw, 0, False, True
        )
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.save_as(path)
    assert "Series 1: CT" in report(folder, tmp_path / "report.html", pictures=False).text


def test_names_of_files_and_folders_are_text_too(tmp_path: Path) -> None:
    folder = tmp_path / "<b>bold & \u202ecod\u202c"
    folder.mkdir()
    write_folding(folder / "\"><script>'.dcm")
    page = report(folder, tmp_path / "report.html", pictures=False)
    assert heading_of(page).startswith("\"><script>'.dcm")
    assert page.one("h1").one("bdi").text == "<b>bold & \\u202ecod\\u202c"
    assert not page.all("script") and not page.all("b")


def test_folders_above_those_inspected_are_not_told(tmp_path: Path) -> None:
    folder = tmp_path / "archive" / "study"
    write_irregular(folder / "images")
    (folder / "reg").mkdir()
    write_folding(folder / "reg" / "one.dcm")
    (folder / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\x02\0")
    page = report(folder, tmp_path / "report.html", pictures=False)
    assert "reg/one.dcm" in page.text
    assert "broken.dcm" in page.text
    assert "archive" not in page.text and str(tmp_path) not in page.text


def test_words_of_the_patient_are_hidden_wherever_they_stand() -> None:
    class Nothing:
        registrations = series = findings = ()

    people = Identities(frozenset(["Doe^John^von"]), frozenset(["4711-A", "12"]), frozenset(["19700101"]))
    names = Names(Nothing(), Contents(identities=people))
    assert names.clean("CT of DOE, john (4711-a)") == "CT of ▮▮▮, ▮▮▮ (▮▮▮)"
    assert names.clean("doe_john_4711-A.dcm") == "▮▮▮_▮▮▮_▮▮▮.dcm"
    assert names.clean("Johnson, 12 slices, 1.2.4711-B") == "Johnson, 12 slices, 1.2.4711-B"


def test_identifiers_are_text_as_well(tmp_path: Path) -> None:
    write_folding(tmp_path / "reg.dcm")
    patients = [Patient("<script>^A\u202e", "x" * 10_000, "<!--", 2)]
    page = read_page(html_report(inspect_paths([tmp_path]), Contents(patients=patients)))
    row = page.one("section", "patients").one("tbody").one("tr")
    assert row.one("th").text == "<script>^A\\u202e"
    assert "(10,000 characters, 80 shown)" in row.text
