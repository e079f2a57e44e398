"""The page on formats says of each what its reader says, and what a file leaves open."""

from __future__ import annotations

from pathlib import Path

from DicomRegInspectorLib.registration.file.read import ONLY_WHEN_NAMED, READERS, Reader


def row(reader: Reader) -> str:
    """How the table has a format."""
    said = reader.CONVENTIONS
    endings = ", ".join(f"`{ending}`" for ending in reader.ENDINGS)
    return f"| {reader.FORMAT} | {endings} | {said.direction} | {said.coordinates} | {said.unit} | {said.outside} |"


def test_the_table_of_formats_is_that_of_the_readers(project_root: Path) -> None:
    page = (project_root / "docs" / "formats.md").read_text(encoding="utf-8")
    expected = [row(reader) for reader in (*READERS, *ONLY_WHEN_NAMED)]
    assert [line for line in page.splitlines() if line.startswith("| ") and line.count("|") == 7][1:] == expected


def test_readme_names_the_programs_whose_transforms_are_read(project_root: Path) -> None:
    text = (project_root / "README.md").read_text(encoding="utf-8")
    for name in ("ITK", "ANTs", "elastix", "plastimatch", "docs/formats.md"):
        assert name in text
