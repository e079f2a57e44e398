"""What tutorial and the page on the panel call buttons and sections is what stands on them."""

from __future__ import annotations

import ast
import html
import re
from pathlib import Path

import pytest
from documents import DOCS, ROOT

MODULE = ROOT / "DicomRegInspector"
SECTION = (DOCS / "tutorial.md").read_text(encoding="utf-8").partition("## In 3D Slicer")[2]
PAGE = (DOCS / "slicer.md").read_text(encoding="utf-8")
UI = "\n".join(path.read_text(encoding="utf-8") for path in sorted((MODULE / "Resources" / "UI").glob("*.ui")))


@pytest.fixture(scope="module")
def words_of_the_panel() -> set[str]:
    """Every text of the .ui files and every string that the module translates, without shortcuts."""
    words = {html.unescape(text).replace("&", "") for text in re.findall(r"<string>([^<]*)</string>", UI)}
    for path in [*MODULE.glob("*.py"), *(MODULE / "DicomRegInspectorLib" / "panel").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                words |= {one.value.replace("&", "") for one in node.args if isinstance(one, ast.Constant)}
    return words


@pytest.mark.parametrize("said", sorted(set(re.findall(r"\*\*([^*]+)\*\*", SECTION + PAGE))))
def test_controls_are_called_what_stands_on_them(said: str, words_of_the_panel: set[str]) -> None:
    assert said in words_of_the_panel


def test_the_page_tells_of_every_button_of_the_panel() -> None:
    buttons = re.findall(r'<widget class="QPushButton" name="(\w+)">(.*?)</widget>', UI, re.DOTALL)
    asked = {"askDoButton", "askOptionsButton", "askCancelButton"}  # called by what is asked
    told = [
        html.unescape(text[1]).replace("&", "")
        for name, body in buttons
        if name not in asked and (text := re.search(r'name="text">\s*<string>([^<]*)</string>', body))
    ]
    assert len(told) > 20
    assert [one for one in told if f"**{one}**" not in PAGE and one != "Cancel"] == []


@pytest.mark.parametrize("said", ["upright, tilt removed", "without duplicates", "regularized"])
def test_offers_are_called_what_the_browser_calls_them(said: str) -> None:
    assert f"*{said}*" in PAGE
    offers = MODULE / "DicomRegInspectorLib" / "panel" / "series" / "series_offers.py"
    assert f'"{said}"' in offers.read_text(encoding="utf-8")


@pytest.mark.parametrize("said", ["Slices missing"])
def test_findings_are_called_what_the_table_calls_them(said: str) -> None:
    from DicomRegInspectorLib.findings import CODES

    assert f"*{said}*" in SECTION
    assert said in {info.title for info in CODES.values()}


def test_the_sample_data_are_called_what_sample_data_calls_them() -> None:
    source = Path(MODULE / "DicomRegInspectorLib" / "panel" / "sample_data.py").read_text(encoding="utf-8")
    for said in ("DICOM Registration Inspector", "Deformable registration pair (synthetic)"):
        assert f"*{said}*" in SECTION and f"*{said}*" in PAGE and f'"{said}"' in source
    assert "*Irregular CT series (synthetic)*" in PAGE and '"Irregular CT series (synthetic)"' in source
