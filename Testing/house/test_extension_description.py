"""What the extension says of itself, in the four places that say it."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import pytest

RAW = "https://raw.githubusercontent.com/"


@pytest.fixture(scope="session")
def cmake(project_root: Path) -> dict[str, str]:
    """The EXTENSION_* values of the top-level CMakeLists.txt, by their name in lower case."""
    text = (project_root / "CMakeLists.txt").read_text(encoding="utf-8")
    values = re.findall(r'^set\(EXTENSION_(\w+)\s+(?:"([^"]*)"|([^)]*))\)', text, flags=re.MULTILINE)
    return {name.lower(): quoted or bare for name, quoted, bare in values}


@pytest.fixture(scope="session")
def s4ext(project_root: Path) -> dict[str, str]:
    """The description file's values by keyword, read as Slicer reads it."""
    lines = (project_root / "extension.s4ext").read_text(encoding="utf-8").splitlines()
    entries = (line.strip().partition(" ") for line in lines if line.strip() and not line.startswith("#"))
    return {keyword: value.strip() for keyword, _, value in entries}


@pytest.fixture(scope="session")
def catalog_entry(project_root: Path) -> dict[str, object]:
    return json.loads((project_root / "DicomRegInspector.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def repository(cmake: dict[str, str]) -> str:
    return cmake["homepage"]


SHARED_BY_BOTH = [
    "homepage", "category", "contributors", "description", "iconurl", "screenshoturls", "depends", "status", "enabled",
    "tier", "dicom_support_rule", "keywords",
]  # fmt: skip


@pytest.mark.parametrize("name", SHARED_BY_BOTH)
def test_s4ext_says_what_cmake_says(name: str, cmake: dict[str, str], s4ext: dict[str, str]) -> None:
    assert s4ext[name] == cmake[name] != ""


def test_s4ext_has_every_field_of_slicers_template_and_no_other(s4ext: dict[str, str]) -> None:
    # The keywords of Slicer's extension_description.s4ext.in.
    assert set(s4ext) == {*SHARED_BY_BOTH, "scm", "scmurl", "scmrevision", "recommends", "build_subdirectory"}


def test_s4ext_names_the_projects_own_repository(s4ext: dict[str, str], repository: str) -> None:
    assert (s4ext["scm"], s4ext["scmurl"]) == ("git", repository)


def test_catalog_entry_agrees_with_cmake(
    catalog_entry: dict[str, object], cmake: dict[str, str], s4ext: dict[str, str], project_root: Path
) -> None:
    project = re.search(r"^project\((\w+)\)", (project_root / "CMakeLists.txt").read_text(), flags=re.MULTILINE)
    assert project is not None
    assert (project_root / f"{project[1]}.json").is_file(), "the entry's name is the extension's"
    assert str(catalog_entry["$schema"]).endswith("/slicer-extension-catalog-entry-schema-v1.0.2.json#")
    assert catalog_entry["category"] == cmake["category"]
    assert catalog_entry["dicom_support_rule"] == cmake["dicom_support_rule"]
    assert catalog_entry["tier"] == int(cmake["tier"])
    assert catalog_entry["enabled"] is (cmake["enabled"] == "1")
    assert catalog_entry["build_dependencies"] == [] and cmake["depends"] == "NA"
    assert catalog_entry["scm_url"] == s4ext["scmurl"]
    assert catalog_entry["scm_revision"] == s4ext["scmrevision"]
    assert catalog_entry["build_subdirectory"] == s4ext["build_subdirectory"]


def test_pictures_are_png_files_of_this_repository(cmake: dict[str, str], repository: str, project_root: Path) -> None:
    base = repository.replace("https://github.com/", RAW) + "/main/"
    urls = [cmake["iconurl"], *cmake["screenshoturls"].split()]
    assert len(urls) >= 2, "the extension index asks for an icon and a screenshot"
    for url in urls:
        assert url.startswith(base)
        assert png_size(project_root / url.removeprefix(base))[0] > 0


@pytest.mark.parametrize(
    "icon", ["Resources/DicomRegInspector.png", "DicomRegInspector/Resources/Icons/DicomRegInspector.png"]
)
def test_icons_have_the_size_that_slicer_asks_for(icon: str, project_root: Path) -> None:
    assert png_size(project_root / icon) == (128, 128)


def test_description_fits_the_extension_manager(cmake: dict[str, str]) -> None:
    # One paragraph; a semicolon would make CMake cut it into a list.
    assert ";" not in cmake["description"] and "\n" not in cmake["description"]
    assert 40 < len(cmake["description"]) < 300


def png_size(path: Path) -> tuple[int, int]:
    """Width and height from the file's own header."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n" and head[12:16] == b"IHDR", f"{path} is no PNG file"
    return struct.unpack(">II", head[16:24])
