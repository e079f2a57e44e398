"""Whether an output is whole, beside one that is known to be: new UIDs and times make each of them another."""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import pydicom

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "archive"))

from archive_rows import all_rows

DATABASE = "archive.sqlite"


def contents(output: Path) -> dict[str, str]:
    """Return a digest of each file of an output, by its path in it."""
    files = [output] if output.is_file() else [path for path in output.rglob("*") if path.is_file()]
    return {path.relative_to(output).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def is_whole(output: Path, reference: Path) -> bool:
    """Tell whether an output is as complete as another of the same command."""
    if (reference / DATABASE).exists():
        return _is_whole_archive(output, reference)
    if output.is_dir():
        names = sorted(contents(output))
        return names == sorted(contents(reference)) and all(is_whole(output / name, reference / name) for name in names)
    ours, theirs = output.read_bytes(), reference.read_bytes()
    if ours == theirs:
        return True
    check = _CHECKS.get(output.suffix)
    return check is not None and check(output, reference)


def _is_whole_archive(output: Path, reference: Path) -> bool:
    """Tell whether two archives have the same files and rows; times and the process that wrote them are other ones."""
    names = contents(output).keys()
    tables = [path for path in names if path.endswith(".parquet")]
    return (
        names == contents(reference).keys()
        and all_rows(output) == all_rows(reference)
        and all((output / name).read_bytes() == (reference / name).read_bytes() for name in tables)
    )


def _is_whole_dicom(output: Path, reference: Path) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            first, second = pydicom.dcmread(output), pydicom.dcmread(reference)
        except Exception:
            return False
    binary = [element.tag for element in first if element.VR in ("OB", "OW", "OF", "OD")]
    return first.keys() == second.keys() and all(len(first[tag].value) == len(second[tag].value) for tag in binary)


def _is_whole_bundle(output: Path, reference: Path) -> bool:
    try:
        with ZipFile(output) as first, ZipFile(reference) as second:
            return first.testzip() is None and len(first.namelist()) == len(second.namelist())
    except BadZipFile:
        return False


def _is_whole_json(output: Path, reference: Path) -> bool:
    try:
        return json.loads(output.read_bytes()).keys() == json.loads(reference.read_bytes()).keys()
    except ValueError:
        return False


_CHECKS = {
    ".dcm": _is_whole_dicom,
    ".mrb": _is_whole_bundle,
    ".json": _is_whole_json,
    ".html": lambda output, _: output.read_bytes().rstrip().endswith(b"</html>"),
    ".png": lambda output, _: b"IEND" in output.read_bytes()[-12:],
}
