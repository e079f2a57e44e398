"""The HTML report as a document: well formed, complete in itself, and readable without seeing it."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from DicomRegInspectorLib.findings import Finding
from DicomRegInspectorLib.report.html import Contents, html_report
from DicomRegInspectorLib.report.html.style import DARK, LIGHT, STYLE
from DicomRegInspectorLib.tasks.inspect import inspect_paths
from page_reading import Node, read_page
from report_objects import report, write_folding, write_irregular, write_slice


@pytest.fixture(scope="module", params=["ct", "pair", "irregular", "folding", "empty"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Node:
    folder = tmp_path_factory.mktemp("made") / request.param
    folder.mkdir()
    if request.param == "ct":
        folder = request.getfixturevalue("tilted_irregular_ct")
    elif request.param == "pair":
        folder = request.getfixturevalue("deformable_pair")
    elif request.param == "irregular":
        write_irregular(folder)
    elif request.param == "folding":
        write_irregular(folder)
        write_folding(folder / "reg.dcm")
    return report(folder, tmp_path_factory.mktemp("report") / "report.html")


def test_nothing_is_fetched_and_nothing_runs(page: Node) -> None:
    for node in page.all():
        for name, value in node.attributes.items():
            assert not name.startswith("on"), (node.tag, name)
            if name in ("src", "href", "xlink:href", "action", "srcset", "data", "poster", "formaction"):
                assert value.startswith(("#", "data:image/png;base64,")) or value == "data:,", value[:80]
            if name == "fill":
                assert value.startswith("url(#hatch-"), value
            assert name != "style"
    assert not {node.tag for node in page.all()} & {
        "script",
        "iframe",
        "object",
        "embed",
        "form",
        "base",
        "foreignobject",
    }
    (style,) = page.all("style")
    assert not re.search(r"url\(|@import|expression|javascript", style.text)
    policy = next(one for one in page.all("meta") if one.attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy.attributes["content"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_names_are_unique_and_lead_somewhere(page: Node) -> None:
    names = [node.attributes["id"] for node in page.all() if "id" in node.attributes]
    assert len(set(names)) == len(names)
    for node in page.all():
        for target in re.findall(
            r"^#(.+)|url\(#(.+)\)", node.attributes.get("href") or node.attributes.get("fill") or ""
        ):
            assert "".join(target) in names


def test_who_does_not_see_it_is_told_the_same(page: Node) -> None:
    assert page.one("html").attributes["lang"] == "en"
    assert page.one("head").one("title").text.startswith("Inspection report")
    levels = [int(node.tag[1]) for node in page.all() if re.fullmatch(r"h[1-6]", node.tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels
    for image in page.all("img"):
        assert len(image.attributes["alt"]) > 20
    for table in page.all("table"):
        heads = table.all("th")
        assert heads and all(head.attributes.get("scope") in ("row", "col") for head in heads)
    for drawing in page.all("svg"):
        is_told = drawing.attributes.get("role") == "img" and drawing.attributes.get("aria-label")
        is_hidden = drawing.attributes.get("aria-hidden") == "true"
        inside = drawing.parent.tag == "g"
        assert is_told or is_hidden or inside, drawing.attributes
    for region in page.all(class_="scroll"):
        if "tabindex" in region.attributes:
            assert region.attributes["role"] == "region" and region.attributes["aria-label"]
    assert {"header", "main", "footer"} <= {node.tag for node in page.all()}


def test_the_verdict_and_every_finding_are_told(tilted_irregular_ct: Path, tmp_path: Path) -> None:
    page = report(tilted_irregular_ct, tmp_path / "report.html")
    inspection = inspect_paths([tilted_irregular_ct])
    assert page.one(class_="words").text == "Do not use as it is: 2 errors and 2 warnings"
    articles = page.all("article", "finding")
    assert [one.one("code").text for one in articles] == [one.code for one in inspection.findings]
    for article, finding in zip(articles, inspection.findings, strict=True):
        assert finding.title in article.one("h3").text
        assert finding.message in article.text
        assert finding.remedy in article.one("p", "remedy").text
        for value in finding.evidence.values():
            if isinstance(value, float):
                assert f"{value:.6g}" in article.one("table", "evidence").text.replace("−", "-")
    assert "Series 1, slices 14–15" in articles[0].text
    assert "1.08109 mm" in articles[0].one("table", "evidence").text


@pytest.mark.parametrize(
    ("severities", "words"),
    [
        (("error",), "Do not use as it is: 1 error"),
        (("warning", "warning"), "Use with care: 2 warnings, no error"),
        (("info",), "Nothing wrong was found"),
        ((), "Nothing wrong was found"),
    ],
)
def test_the_verdict_follows_the_worst_finding(severities: tuple[str, ...], words: str, tmp_path: Path) -> None:
    write_slice(tmp_path / "one.dcm", 0, "1.2")
    findings = tuple(
        Finding("slice-gap", one, f"Number {number}", "series 1.2") for number, one in enumerate(severities)
    )
    page = read_page(html_report(replace(inspect_paths([tmp_path]), findings=findings)))
    assert page.one(class_="words").text == words


def test_an_empty_folder_is_not_called_good(tmp_path: Path) -> None:
    page = read_page(html_report(inspect_paths([tmp_path])))
    assert page.one(class_="words").text == "Nothing could be inspected"


def test_a_report_without_anything_measured_is_a_report(tmp_path: Path) -> None:
    write_folding(tmp_path / "reg.dcm")
    page = read_page(html_report(inspect_paths([tmp_path]), Contents()))
    assert "Grid 10 × 9 × 8, 3 × 3 × 3 mm" in page.text
    assert not page.all("svg", "plot")


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_of_words_and_marks_stand_out(colours: dict[str, str]) -> None:
    """WCAG 2.2: 4.5 for text (1.4.3), 3 for what is drawn (1.4.11)."""
    for ink in ("ink", "faint", "link", "error", "warning", "info", "good"):
        assert contrast(colours[ink], colours["card"]) >= 4.5, ink
    for ink in ("ink", "faint", "link"):
        assert contrast(colours[ink], colours["page"]) >= 4.5, ink
    for kind in ("error", "warning", "info", "good"):
        assert contrast(colours["ink"], colours[f"{kind}-pale"]) >= 4.5
        assert contrast(colours["faint"], colours[f"{kind}-pale"]) >= 4.5
    for mark in ("gap", "overlap", "duplicate", "bar", "folded"):
        assert contrast(colours[mark], colours["card"]) >= 3, mark
    assert all(f"--{name}:{value}" in STYLE for name, value in colours.items())
