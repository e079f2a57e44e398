"""What is in the kit's folder: how many objects, how large, the same each time, and clean by dicom3tools."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pydicom
import pytest
from DicomRegInspectorLib.errors import Cancelled, UsageError
from DicomRegInspectorLib.kit import write_kit
from DicomRegInspectorLib.kit.catalogue import kit_objects
from DicomRegInspectorLib.kit.write import is_kits

DEFLATED = "1.2.840.10008.1.2.1.99"


def test_there_are_many_objects_of_every_kind_in_little_space(kit: Path) -> None:
    objects = [pydicom.dcmread(path) for path in kit.glob("*.dcm")]
    assert len(objects) == len(kit_objects()) >= 60
    assert sum(path.stat().st_size for path in kit.rglob("*") if path.is_file()) < 20_000_000
    classes = Counter(dataset.SOPClassUID[-4:] for dataset in objects)
    assert set(classes) == {"66.1", "66.2", "66.3"}
    syntaxes = Counter(dataset.file_meta.TransferSyntaxUID for dataset in objects)
    assert set(syntaxes) == {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", DEFLATED}
    assert {len(made.items) for made in kit_objects()} >= {1, 2, 3}


def test_lengths_are_defined_and_undefined_as_the_catalogue_says(kit: Path) -> None:
    for made in kit_objects():
        dataset = pydicom.dcmread(kit / made.file_name)
        sequences = [element for element in dataset if element.VR == "SQ"]
        assert sequences
        for element in sequences:
            assert element.is_undefined_length is made.encoding.undefined_sequences, made.name
            for item in element.value:
                assert item.is_undefined_length_sequence_item is made.encoding.undefined_items, made.name


def test_the_same_bytes_are_written_each_time(kit: Path, tmp_path: Path) -> None:
    again = write_kit(tmp_path / "again")
    names = sorted(path.relative_to(kit).as_posix() for path in kit.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(again).as_posix() for path in again.rglob("*") if path.is_file())
    assert [name for name in names if (kit / name).read_bytes() != (again / name).read_bytes()] == []
    assert all(map(is_kits, names)) and not is_kits("mine.txt") and not is_kits("images/registered/mine.dcm")


def test_nobody_is_named_and_uids_follow_from_names(kit: Path) -> None:
    seen = set()
    for path in kit.rglob("*.dcm"):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        assert (str(dataset.PatientName), dataset.PatientID) == ("Kit^Nobody", "KIT-1")
        uids = (dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID)
        assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in uids)
        seen.add(dataset.SOPInstanceUID)
    assert len(seen) == len(list(kit.rglob("*.dcm")))


def test_decimal_strings_have_sixteen_characters_at_most(kit: Path) -> None:
    def strings(dataset: pydicom.Dataset):
        for element in dataset:
            if element.VR == "SQ":
                for item in element.value:
                    yield from strings(item)
            elif element.VR == "DS":
                values = element.value if element.VM > 1 else [element.value]
                yield from (value.original_string for value in values)

    found = [text for path in kit.glob("*.dcm") for text in strings(pydicom.dcmread(path))]
    assert len(found) > 1000 and max(map(len, found)) <= 16


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        write_kit(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_nothing_is_left_of_a_kit_that_was_cancelled(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        write_kit(tmp_path / "kit", lambda done, total, what: done < 5)
    assert list(tmp_path.iterdir()) == []


# ---- dicom3tools ----------------------------------------------------------------------------------------------------

needs_dicom3tools = pytest.mark.skipif(
    shutil.which("dciodvfy") is None or shutil.which("dcentvfy") is None, reason="dicom3tools is not installed"
)


def complaints(*command: str | Path) -> list[str]:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    # Private elements are unknown to every program but their own.
    own = [line for line in said if not (line.startswith("(0x0009,0x10") and "Unrecognized tag" in line)]
    return [line for line in own if "Error" in line or "Warning" in line]


@pytest.fixture(scope="module")
def readable(kit: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each object for dicom3tools, which do not inflate: deflated ones again, as explicit little endian."""
    folder, found = tmp_path_factory.mktemp("inflated"), {}
    for made in kit_objects():
        path = kit / made.file_name
        dataset = pydicom.dcmread(path)
        if dataset.file_meta.TransferSyntaxUID == DEFLATED:
            dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
            path = folder / made.file_name
            dataset.save_as(path)
        found[made.name] = path
    return found


@needs_dicom3tools
def test_dciodvfy_complains_of_nothing_but_what_is_broken_on_purpose(kit: Path, readable: dict[str, Path]) -> None:
    found = {made.name: complaints("dciodvfy", readable[made.name]) for made in kit_objects()}
    broken = {made.name for made in kit_objects() if made.broken}
    assert {name: said for name, said in found.items() if said and name not in broken} == {}
    assert len(broken) >= 3 and all(found[name] for name in broken)
    for folder in (kit / "images").iterdir():
        assert complaints("dciodvfy", min(folder.iterdir())) == []


@needs_dicom3tools
def test_dcentvfy_complains_of_nothing(kit: Path, readable: dict[str, Path]) -> None:
    files = [path for name, path in readable.items() if name != "out-of-order"]
    assert complaints("dcentvfy", *files, *sorted((kit / "images").rglob("*.dcm"))) == []
