"""What a server's metadata leaves out or changes is found out, and the instances' own headers are judged instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from DicomRegInspectorLib.archive.dicomweb import study as study_module
from DicomRegInspectorLib.archive.dicomweb.spare_files import SpareFiles
from DicomRegInspectorLib.dicom.fast_header import read_header
from fake_server import FakeServer, serving
from judging import found, from_files, from_server
from stack_making import along_table, write_stack

Change = Callable[[dict[str, Any]], Any]


def ge_files(folder: Path) -> list[Path]:
    """Two b-values in GE's elements alone, at the same five places; one slice of the second is missing."""
    uids = [{"StudyInstanceUID": "1.2.3.1", "SOPInstanceUID": f"1.2.3.1.{k + 1}"} for k in range(9)]
    write_stack(folder, along_table([0, 2, 4, 6, 8, 0, 2, 6, 8]), series_uid="1.2.4.1", per_slice=uids)
    paths = sorted(folder.iterdir())
    for path in paths:
        dataset = pydicom.dcmread(path)
        b_value = 0 if int(str(dataset.SOPInstanceUID).rpartition(".")[2]) <= 5 else 1000000800
        dataset.private_block(0x43, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [b_value, 8, 0, 0])
        dataset.save_as(path)
    return paths


@pytest.fixture()
def fake(tmp_path: Path) -> Iterator[FakeServer]:
    with serving(*ge_files(tmp_path / "ge")) as server:
        yield server


def without(*keys: str) -> Change:
    return lambda metadata: {key: value for key, value in metadata.items() if key not in keys}


def instead(key: str, element: Any) -> Change:
    return lambda metadata: {**metadata, key: element}


def own_headers(fake: FakeServer) -> int:
    return fake.asked(r"/instances/[\d.]+$")


def test_metadata_that_say_all_are_enough(fake: FakeServer, tmp_path: Path) -> None:
    (said,) = from_server(fake.url, tmp_path / "state").values()
    (expected,) = from_files(sorted((tmp_path / "ge").iterdir()), tmp_path / "files").values()
    assert said == expected
    assert [stack["slice_count"] for series in said["series"] for stack in series["stacks"]] == [5, 4]
    assert own_headers(fake) == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(without("00431039"), id="a maker's element"),
        pytest.param(without("00430010"), id="a maker's name"),
        pytest.param(without("00280010", "00280011"), id="rows and columns"),
        pytest.param(without("00200032", "00200037", "00200052"), id="the geometry"),
        pytest.param(without("00280030"), id="pixel spacing"),
        pytest.param(lambda m: {k: m[k] for k in ("00080016", "00080018", "0020000D", "0020000E")}, id="all but UIDs"),
        pytest.param(instead("00200032", {"vr": "DS", "Value": [0, 0, 0]}), id="another position"),
        pytest.param(instead("00200032", {"vr": "DS", "Value": [3]}), id="one coordinate"),
        pytest.param(instead("00200032", {"vr": "DS", "Value": [None, 1, 2]}), id="a null"),
        pytest.param(instead("00200032", {"vr": "DS", "Value": []}), id="no values"),
        pytest.param(instead("00200032", {"vr": "DS", "BulkDataURI": "http://127.0.0.1/x"}), id="a link"),
        pytest.param(instead("00280010", {"vr": "US", "Value": ["forty-eight"]}), id="a word for rows"),
        pytest.param(instead("00280010", {"vr": "OW", "Value": [48]}), id="another representation"),
        pytest.param(instead("52009230", {"vr": "SQ", "Value": [{}]}), id="frames that are none"),
        pytest.param(instead("00280008", {"vr": "IS", "Value": [2]}), id="more frames"),
    ],
)
def test_what_is_left_out_is_read_from_the_instances(change: Change, fake: FakeServer, tmp_path: Path) -> None:
    fake.change = change
    (said,) = from_server(fake.url, tmp_path / "state").values()
    (expected,) = from_files(sorted((tmp_path / "ge").iterdir()), tmp_path / "files").values()
    assert said == expected
    assert own_headers(fake) == 9


def test_one_odd_instance_costs_one_header(fake: FakeServer, tmp_path: Path) -> None:
    def odd(metadata: dict[str, Any]) -> dict[str, Any]:
        if metadata["00080018"]["Value"] == ["1.2.3.1.7"]:
            return {**metadata, "00200032": {"vr": "DS", "Value": [None, None, None]}}
        return metadata

    fake.change = odd
    (said,) = from_server(fake.url, tmp_path / "state").values()
    (expected,) = from_files(sorted((tmp_path / "ge").iterdir()), tmp_path / "files").values()
    assert said == expected
    assert own_headers(fake) == 2


@pytest.mark.parametrize("metadata", [{}, {"00080018": {"vr": "UI"}}, {"00080018": {"vr": "UI", "Value": ["../x"]}}])
def test_an_instance_without_a_uid_fails_its_study(metadata: Any, fake: FakeServer, tmp_path: Path) -> None:
    fake.change = lambda own: metadata
    with pytest.raises(study_module.AnswerError, match=r"no usable SOP Instance UID|1\.2\.4\.1"):
        from_server(fake.url, tmp_path / "state")


def test_of_a_big_object_only_the_header_is_taken(tmp_path: Path) -> None:
    """Breaking off where the pixels begin, and not at the pixels of an icon."""
    write_stack(tmp_path / "ct", along_table([5.0]), series_uid="1.2.4.1")
    (path,) = (tmp_path / "ct").iterdir()
    dataset = pydicom.dcmread(path)
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 512, 512, 40
    icon = pydicom.Dataset()
    icon.Rows = icon.Columns = 4
    icon.add_new(0x7FE00010, "OW", bytes(32))
    dataset.IconImageSequence = [icon]
    dataset.add_new(0x00880904, "LO", "behind the icon")
    dataset.PixelData = bytes(512 * 512 * 2 * 40)
    dataset.save_as(path)
    with serving(path) as fake:
        ((ref,), reader) = found(fake.url, tmp_path / "state")
        server = reader.server(lambda seconds: None)
        files = study_module.StudyFiles(server, ref.study_uid, tmp_path, SpareFiles(tmp_path))
        files._own_header("1.2.4.1", dataset.SOPInstanceUID, tmp_path / "own.dcm")
    assert (tmp_path / "own.dcm").stat().st_size < 10_000 < path.stat().st_size
    whole, own = read_header(path), read_header(tmp_path / "own.dcm")
    assert (own.elements, own.pixel_data) == (whole.elements, "absent")
    kept = pydicom.dcmread(tmp_path / "own.dcm")
    assert kept[0x00880904].value == "behind the icon" and "PixelData" not in kept


def test_big_series_are_asked_for_instance_by_instance(
    fake: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from DicomRegInspectorLib.archive.dicomweb import server as server_module

    monkeypatch.setattr(server_module, "TOGETHER", 4)
    (said,) = from_server(fake.url, tmp_path / "state").values()
    (expected,) = from_files(sorted((tmp_path / "ge").iterdir()), tmp_path / "files").values()
    assert said == expected
    assert (fake.asked(r"/instances/[\d.]+/metadata$"), fake.asked(r"/series/[\d.]+/metadata$")) == (9, 0)


def test_pixels_are_not_asked_for(fake: FakeServer, tmp_path: Path) -> None:
    from_server(fake.url, tmp_path / "state")
    assert fake.asked("frames|bulk|rendered") == 0
    assert own_headers(fake) == 1


def test_a_series_of_several_kinds_is_compared_kind_by_kind(tmp_path: Path) -> None:
    kinds = [["ORIGINAL", "PRIMARY", "AXIAL"], ["DERIVED", "SECONDARY", "AXIAL"]]
    uids = [
        {"StudyInstanceUID": "1.2.3.1", "SOPInstanceUID": f"1.2.3.1.{k + 1}", "ImageType": kinds[k % 2]}
        for k in range(6)
    ]
    write_stack(tmp_path / "ct", along_table(range(6)), series_uid="1.2.4.1", per_slice=uids)
    with serving(*sorted((tmp_path / "ct").iterdir())) as fake:
        from_server(fake.url, tmp_path / "state")
        assert own_headers(fake) == 2
