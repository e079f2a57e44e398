"""What the project says of itself: how to cite it, what changed, and that these name the version that is there."""

from __future__ import annotations

import re
from pathlib import Path

from DicomRegInspectorLib import __version__


def test_the_citation_file_has_what_cff_1_2_0_requires(project_root: Path) -> None:
    text = (project_root / "CITATION.cff").read_text(encoding="utf-8")
    keys = dict(re.findall(r"^([a-z-]+):[ ]?(.*)$", text, flags=re.MULTILINE))
    assert {"cff-version", "message", "title", "authors"} <= set(keys)
    known = {
        "cff-version", "message", "type", "title", "abstract", "authors", "version", "license", "repository-code",
        "keywords", "url", "date-released",
    }  # fmt: skip
    assert set(keys) <= known
    assert keys["cff-version"] == "1.2.0" and keys["type"] == "software" and keys["license"] == "MIT"
    assert re.findall(r'^  - name: "([^"]+)"$', text, flags=re.MULTILINE) == ["DicomRegInspector contributors"]
    assert "\t" not in text


def test_citation_and_changelog_name_this_version(project_root: Path) -> None:
    citation = (project_root / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf'^version: "{re.escape(__version__)}"$', citation, flags=re.MULTILINE)
    changes = (project_root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[([^\]]+)\]", changes, flags=re.MULTILINE)[0] in (__version__, "Unreleased")


def test_citation_and_package_name_the_same_repository(project_root: Path) -> None:
    citation = (project_root / "CITATION.cff").read_text(encoding="utf-8")
    url = re.search(r'^repository-code: "(.+)"$', citation, flags=re.MULTILINE)
    assert url is not None
    for name in ("pyproject.toml", "CMakeLists.txt", "extension.s4ext", "DicomRegInspector.json"):
        assert url[1] in (project_root / name).read_text(encoding="utf-8"), name


def test_the_readme_reads_in_one_sitting(project_root: Path) -> None:
    assert len((project_root / "README.md").read_text(encoding="utf-8").splitlines()) < 200
