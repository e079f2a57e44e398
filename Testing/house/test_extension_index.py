"""What Slicer's extension index checks when an extension is proposed; docs/extension-index.md lists it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

CATEGORIES = {"DICOM", "Informatics", "Quantification", "Radiotherapy", "Registration", "Utilities"}
"""Of the index's list, those that an extension like this could have."""
KEYS = {
    "$schema": str, "category": str, "scm_url": str, "scm_revision": str, "scm_type": str, "build_dependencies": list,
    "dicom_support_rule": str, "build_subdirectory": str, "enabled": bool, "tier": int,
}  # fmt: skip
"""Every key of schema 1.0.2, which allows no others."""
REQUIRED = {"$schema", "category", "scm_url"}


@pytest.fixture(scope="session")
def entry_file(project_root: Path) -> Path:
    (found,) = project_root.glob("*.json")
    return found


@pytest.fixture(scope="session")
def entry(entry_file: Path) -> dict[str, object]:
    return json.loads(entry_file.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def cmake_text(project_root: Path) -> str:
    return (project_root / "CMakeLists.txt").read_text(encoding="utf-8")


def test_the_entry_follows_schema_1_0_2(entry: dict[str, object]) -> None:
    assert set(entry) <= set(KEYS) and set(entry) >= REQUIRED
    for key, value in entry.items():
        assert type(value) is KEYS[key], key
    assert entry["scm_type"] in ("git", "local")
    assert 1 <= entry["tier"] <= 5
    assert all(isinstance(one, str) for one in entry["build_dependencies"])


def test_the_entry_has_unix_line_ends(entry_file: Path) -> None:
    assert b"\r" not in entry_file.read_bytes()


def test_the_category_is_one_of_the_index(entry: dict[str, object]) -> None:
    assert entry["category"] in CATEGORIES


def test_extension_and_repository_are_named_as_the_index_asks(entry: dict[str, object], entry_file: Path) -> None:
    assert not entry_file.stem.lower().startswith("slicer")
    url = urlsplit(str(entry["scm_url"]))
    assert url.scheme in ("git", "https")
    repository = Path(url.path).stem
    assert repository.startswith("Slicer") and repository.removeprefix("Slicer") == entry_file.stem


def test_cmake_has_what_the_index_reads_by_its_patterns(cmake_text: str, entry_file: Path) -> None:
    project = re.findall(r"project\s*\(\s*([^\s\)\n\r]+)", cmake_text, re.IGNORECASE)
    assert project[0] == entry_file.stem
    assert re.findall(r'set\s*\(EXTENSION_ICONURL\s*"([^"]+)"[ ]*\)', cmake_text)
    (screenshots,) = re.findall(r'set\s*\(EXTENSION_SCREENSHOTURLS\s*"([^"]+)"\)', cmake_text)
    assert all(url.startswith("https://") and url.endswith(".png") for url in screenshots.split())


def test_the_description_is_one_or_two_sentences(cmake_text: str) -> None:
    (description,) = re.findall(r'set\(EXTENSION_DESCRIPTION "([^"]+)"\)', cmake_text)
    assert description.endswith(".") and len(re.findall(r"\.(?= [A-Z]|$)", description)) <= 2


def test_the_licence_is_in_the_root_and_named_on_the_homepage(project_root: Path) -> None:
    assert (project_root / "LICENSE").is_file()
    readme = (project_root / "README.md").read_text(encoding="utf-8")
    assert "MIT" in readme.partition("## Licence")[2]


def test_the_repository_is_small(project_root: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=project_root, capture_output=True, text=True, check=False)
    files = [project_root / name for name in listed.stdout.split("\0") if name]
    if not files:
        pytest.skip("not a git checkout")
    assert sum(file.stat().st_size for file in files if file.is_file()) < 20e6


def test_the_homepage_has_name_description_picture_and_a_sentence_for_each_module(
    project_root: Path, entry_file: Path
) -> None:
    readme = (project_root / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"# {entry_file.stem}\n")
    assert re.search(r"!\[[^\]]+\]\(Resources/Screenshots/[\w-]+\.png\)", readme)
    described = readme.partition("## In 3D Slicer")[2].partition("\n## ")[0]
    for module in (project_root / "DicomRegInspector").glob("*.py"):
        title = re.search(r'parent\.title = (?:_\()?"([^"]+)"', module.read_text(encoding="utf-8"))
        names = {module.stem, title[1] if title else module.stem}
        assert any(re.search(rf"^- \*\*{re.escape(name)}\*\*.{{40,}}\.$", described, re.MULTILINE) for name in names)
