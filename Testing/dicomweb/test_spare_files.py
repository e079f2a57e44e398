"""Files of headers are filled again, hold what was written last, and nothing of a study that is done."""

from __future__ import annotations

from pathlib import Path

from DicomRegInspectorLib.archive.dicomweb.spare_files import SpareFiles

SECRET = b"\0" * 128 + b"DICM Nemo^Secret" * 9


def test_a_file_is_used_again_without_what_it_held(tmp_path: Path) -> None:
    spares = SpareFiles(tmp_path)
    spares.write(tmp_path / "first.dcm", SECRET)
    used = (tmp_path / "first.dcm").stat().st_ino
    spares.take_back()
    assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == [b"\0"]
    spares.write(tmp_path / "second.dcm", b"short")
    spares.write(tmp_path / "third.dcm", SECRET)
    assert (tmp_path / "second.dcm").stat().st_ino == used
    assert [(tmp_path / name).read_bytes() for name in ("second.dcm", "third.dcm")] == [b"short", SECRET]


def test_files_are_made_where_spare_ones_were_taken_away(tmp_path: Path) -> None:
    spares = SpareFiles(tmp_path)
    spares.write(tmp_path / "first.dcm", SECRET)
    spares.take_back()
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    spares.write(tmp_path / "second.dcm", b"short")
    spares.take_back()
    spares.write(tmp_path / "third.dcm", SECRET)
    assert [(tmp_path / name).read_bytes() for name in ("second.dcm", "third.dcm")] == [b"short", SECRET]


def test_spare_files_end_with_who_has_them(tmp_path: Path) -> None:
    spares = SpareFiles(tmp_path)
    spares.write(tmp_path / "first.dcm", SECRET)
    spares.take_back()
    del spares
    assert not list(tmp_path.iterdir())
