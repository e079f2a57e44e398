"""The HTML report in headless Chromium, as wide as a desktop and as a phone, in light and in dark, and on paper."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from chromium import chromium, look_at, printed
from DicomRegInspectorLib.report.html.style import DARK, LIGHT
from report_objects import report, write_folding, write_irregular

LOOKS = [(1280, False), (1280, True), (375, False), (390, True)]
"""How wide in CSS pixels, and whether in the dark scheme: a desktop and two phones."""


@pytest.fixture(scope="module", params=["ct", "pair", "irregular", "hostile", "empty"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium()
    folder = tmp_path_factory.mktemp(request.param)
    place = tmp_path_factory.mktemp("report") / "report.html"
    if request.param == "ct":
        folder = request.getfixturevalue("tilted_irregular_ct")
    elif request.param == "pair":
        folder = request.getfixturevalue("deformable_pair")
    elif request.param in ("irregular", "hostile"):
        nasty = "</title><script>alert(1)</script><img src=http://a.invalid/x onerror=alert(2)>\u202e" + "W" * 10_000
        description = nasty if request.param == "hostile" else "Thorax"
        write_irregular(folder, SpecificCharacterSet="ISO_IR 192", SeriesDescription=description)
        name = "<b>\u202e.dcm" if request.param == "hostile" else "reg.dcm"
        write_folding(folder / name, series_description=description)
    report(folder, place)
    return place


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_it_opens_cleanly_at_any_width_in_both_schemes(written: Path, tmp_path: Path, width: int, dark: bool) -> None:
    seen = look_at(written, tmp_path, width, dark)
    told = seen.measures
    assert seen.console == []
    assert seen.requests == []
    assert told["width"] == width
    assert told["scrollWidth"] <= width
    assert told["clipped"] == []
    assert told["collisions"] == []
    assert (told["scripts"], told["handlers"]) == (0, 0)
    assert told["title"].startswith("Inspection report")
    page = (DARK if dark else LIGHT)["page"]
    assert told["background"] == f"rgb({', '.join(str(int(page[at : at + 2], 16)) for at in (1, 3, 5))})"
    assert told["texts"] > 10
    assert told["contrast"][0][0] >= 4.5, told["contrast"]
    assert all(pixels > 100 for pixels in told["pictures"])
    assert all("hatch-gap" in fill for fill in told["hatched"])


def test_bars_and_pictures_are_drawn(deformable_pair: Path, tmp_path: Path) -> None:
    pytest.importorskip("slicer", reason="pictures need slicer-core or Slicer")
    chromium()
    report(deformable_pair, tmp_path / "report.html")
    told = look_at(tmp_path / "report.html", tmp_path / "seen", 1280).measures
    assert told["bars"] > 100
    assert len(told["pictures"]) == 1


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not installed")
def test_on_paper_evidence_and_measuring_are_open(tmp_path: Path) -> None:
    chromium()
    folder = write_irregular(tmp_path / "data")
    report(folder, tmp_path / "report.html")
    text = subprocess.run(
        ["pdftotext", "-layout", printed(tmp_path / "report.html", tmp_path / "print"), "-"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "Missing slices" in text  # of the evidence
    assert "Image Position (Patient) (0020,0032)" in " ".join(text.split())  # how it is measured: folded on a screen
