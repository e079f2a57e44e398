"""Studies on an Orthanc are judged exactly as from the files that it was given."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib import read_registration
from DicomRegInspectorLib.archive.dicomweb import server as server_module
from DicomRegInspectorLib.archive.dicomweb.settings import DicomwebSettings
from finding_examples import MAKERS, _working_folder
from judging import found, from_files, from_server, read
from orthanc_server import Orthanc
from stack_making import along_table, write_stack

LEFT_OUT = frozenset(
    # Orthanc does not take what is cut off; the others are no DICOM, or take long to make and hold nothing else.
    ["file-truncated", "file-unreadable", "reg-left-open", "reg-sampled", "vectors-left-open"]
)
CODES = sorted(
    {
        code
        for code, maker in MAKERS
        if code not in LEFT_OUT and maker.__module__ in ("example_series", "example_registrations", "example_relations")
    }
)


def dicom_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.read_bytes()[128:132] == b"DICM")


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """The manual's examples of findings, by code."""
    made = {}
    for code, maker in MAKERS:
        if code in CODES:
            folder = tmp_path_factory.mktemp(code)
            with _working_folder(folder):
                maker()
            made[code] = dicom_files(folder)
    return made


@pytest.mark.parametrize("code", CODES)
def test_an_example_of_each_finding_is_judged_as_from_files(
    code: str, examples: dict[str, list[Path]], orthanc: Orthanc, tmp_path: Path
) -> None:
    orthanc.add(examples[code])
    expected = from_files(examples[code], tmp_path / "files")
    said = from_server(orthanc.url, tmp_path / "state")
    assert said == expected
    assert expected, "the example has studies"


def uid_sets(number: int) -> list[dict[str, Any]]:
    root = f"1.2.826.0.1.3680043.10.543.{number}"
    return [{"SOPInstanceUID": f"{root}.1.{k}", "StudyInstanceUID": f"{root}.2"} for k in range(1, 41)]


def test_zeros_that_json_loses_count_as_in_files(orthanc: Orthanc, tmp_path: Path) -> None:
    """2 and 3 mm by turns: rounding where positions are whole numbers, an error where they are written 2.000."""
    heights = [0, 3, 5, 8, 10, 13, 15, 18, 20, 23]
    paths = []
    for number, decimals in ((1, 0), (2, 3)):
        positions = along_table(heights)
        write_stack(
            tmp_path / f"{decimals}", positions, decimals=7, series_uid=f"1.2.3.{number}", per_slice=uid_sets(number)
        )
        for path in dicom_files(tmp_path / f"{decimals}"):
            dataset = pydicom.dcmread(path)
            dataset.ImagePositionPatient = [f"{float(value):.{decimals}f}" for value in dataset.ImagePositionPatient]
            dataset.save_as(path)
            paths.append(path)
    orthanc.add(paths)
    said = from_server(orthanc.url, tmp_path / "state")
    assert said == from_files(paths, tmp_path / "files")
    codes = [{finding["code"] for finding in said[uid_sets(n)[0]["StudyInstanceUID"]]["findings"]} for n in (1, 2)]
    assert codes[0] != codes[1], "the digits decide here"


def test_private_elements_that_tell_sets_apart_are_there(orthanc: Orthanc, tmp_path: Path) -> None:
    """Two b-values that stand in GE's own elements alone: two sets of five, at the same places."""
    sets = uid_sets(3)
    write_stack(tmp_path / "ge", along_table([0, 2, 4, 6, 8] * 2), series_uid="1.2.3.3", per_slice=sets)
    paths = dicom_files(tmp_path / "ge")
    for path in paths:
        dataset = pydicom.dcmread(path)
        b_value = 0 if int(str(dataset.SOPInstanceUID).rpartition(".")[2]) <= 5 else 1000000800
        dataset.private_block(0x43, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [b_value, 8, 0, 0])
        dataset.save_as(path)
    orthanc.add(paths)
    (said,) = from_server(orthanc.url, tmp_path / "state").values()
    assert said == next(iter(from_files(paths, tmp_path / "files").values()))
    assert [stack["slice_count"] for series in said["series"] for stack in series["stacks"]] == [5, 5]


def test_a_registration_comes_bit_for_bit(orthanc: Orthanc, deformable_pair: Path, tmp_path: Path) -> None:
    """plastimatch's object, of which Orthanc's metadata holds one float."""
    original = deformable_pair / "registration.dcm"
    orthanc.add([original])
    ((ref,), reader) = found(orthanc.url, tmp_path / "state")
    (series,) = ref.where
    copy = tmp_path / "copy.dcm"
    server = reader.server(lambda seconds: None)
    server.retrieve(ref.study_uid, series.uid, pydicom.dcmread(original).SOPInstanceUID, copy)
    assert copy.read_bytes() == original.read_bytes()
    own, fetched = (read_registration(path).items[0].grid.vectors for path in (original, copy))
    assert np.array_equal(own, fetched, equal_nan=True)
    assert (
        read(reader, ref)["registrations"]
        == next(iter(from_files([original], tmp_path / "f").values()))["registrations"]
    )


def test_images_are_compared_with_a_registration_on_request(
    orthanc: Orthanc, deformable_pair: Path, tmp_path: Path
) -> None:
    """Of fixed, moving and registration, all put into one study."""
    paths = []
    for number, path in enumerate(dicom_files(deformable_pair)):
        dataset = pydicom.dcmread(path)
        dataset.StudyInstanceUID = "1.2.3.30"
        paths.append(tmp_path / f"{number}.dcm")
        dataset.save_as(paths[-1])
    orthanc.add(paths)
    (said,) = from_server(orthanc.url, tmp_path / "state", audit=True).values()
    (expected,) = from_files(paths, tmp_path / "files", audit=True).values()
    assert said == expected
    (item,) = said["registrations"][0]["items"]
    assert item["audit"]["verdict"] == "standard"


def test_images_are_fetched_whole_for_pixels_alone(orthanc: Orthanc, tmp_path: Path) -> None:
    write_stack(tmp_path / "ct", along_table(range(6)), per_slice=uid_sets(4))
    paths = dicom_files(tmp_path / "ct")
    orthanc.add(paths)
    ((ref,), reader) = found(orthanc.url, tmp_path / "state")
    from DicomRegInspectorLib.archive.studies import JudgeOptions

    with reader.read(ref, JudgeOptions(), lambda *told: True) as study:
        assert study.pixel_paths == ()
    with reader.read(ref, JudgeOptions(pixels=True), lambda *told: True) as study:
        held = sorted(Path(path).read_bytes() for path in study.pixel_paths)
    assert held == sorted(path.read_bytes() for path in paths)
    assert not list((tmp_path / "state").rglob("*.dcm")), "what was fetched is gone"


def test_all_studies_are_found_page_by_page(orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5, 12):
        write_stack(tmp_path / f"{number}", along_table(range(3)), per_slice=uid_sets(number))
        orthanc.add(dicom_files(tmp_path / f"{number}"))
    monkeypatch.setattr(server_module, "PAGE", 3)
    refs, _ = found(orthanc.url, tmp_path / "state")
    assert sorted(ref.study_uid for ref in refs) == sorted(uid_sets(n)[0]["StudyInstanceUID"] for n in range(5, 12))
    assert len({ref.weight for ref in refs}) == 1


def test_a_changed_study_has_another_digest(orthanc: Orthanc, tmp_path: Path) -> None:
    write_stack(tmp_path / "ct", along_table(range(6)), per_slice=uid_sets(20))
    paths = dicom_files(tmp_path / "ct")
    orthanc.add(paths[:5])
    ((before,), _) = found(orthanc.url, tmp_path / "state")
    ((same,), _) = found(orthanc.url, tmp_path / "state")
    orthanc.add(paths[5:])
    ((after,), _) = found(orthanc.url, tmp_path / "state")
    assert before.digest == same.digest != after.digest


def test_a_server_that_restarts_is_waited_for(tmp_path: Path, running_orthanc: Orthanc) -> None:
    write_stack(tmp_path / "ct", along_table(range(6)), per_slice=uid_sets(21))
    paths = dicom_files(tmp_path / "ct")
    own = Orthanc(tmp_path / "own")
    own.start()
    try:
        own.add(paths)
        ((ref,), reader) = found(own.url, tmp_path / "state", DicomwebSettings(patience_s=40))
        own.stop()
        later = threading.Thread(target=lambda: (time.sleep(0.7), own.start()))
        later.start()
        said = read(reader, ref)
        later.join()
    finally:
        own.stop()
    assert said == next(iter(from_files(paths, tmp_path / "files").values()))
