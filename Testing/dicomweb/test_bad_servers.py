"""What a server may answer instead of what it was asked for: a sentence with the address, and no study is lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pydicom
import pytest
from DicomRegInspectorLib.archive.dicomweb import server as server_module
from DicomRegInspectorLib.archive.dicomweb import session as session_module
from DicomRegInspectorLib.archive.dicomweb.errors import AnswerError, BusyError, ServerError
from DicomRegInspectorLib.archive.dicomweb.settings import DicomwebSettings
from DicomRegInspectorLib.errors import UsageError
from fake_server import BOUNDARY, JSON_TYPE, FakeServer, Handler, multipart, serving
from judging import found, from_files, read
from stack_making import along_table, write_stack

MULTIPART = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
REGISTRATION = "1.2.840.10008.5.1.4.1.1.66.1"


def stack_files(folder: Path, number: int = 1, count: int = 5) -> list[Path]:
    uids = [{"StudyInstanceUID": f"1.2.3.{number}", "SOPInstanceUID": f"1.2.3.{number}.{k + 1}"} for k in range(count)]
    write_stack(folder, along_table(range(count)), series_uid=f"1.2.4.{number}", per_slice=uids)
    return sorted(folder.iterdir())


def registration_file(path: Path) -> Path:
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    dataset.SOPClassUID, dataset.Modality = REGISTRATION, "REG"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = "1.2.3.90", "1.2.4.90", "1.2.5.90"
    dataset.FrameOfReferenceUID = "1.2.6.90"
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture()
def fake(tmp_path: Path) -> Iterator[FakeServer]:
    """A good server with one study of five slices."""
    with serving(*stack_files(tmp_path / "ct")) as server:
        yield server


@pytest.fixture()
def with_registration(tmp_path: Path) -> Iterator[FakeServer]:
    """A good server with one registration."""
    with serving(registration_file(tmp_path / "reg.dcm")) as server:
        yield server


def sends(content: bytes, kind: str = JSON_TYPE, status: int = 200, **more: Any) -> Callable[[Handler], None]:
    return lambda handler: handler.send(content, kind, status, **more)


def only_study(fake: FakeServer, tmp_path: Path) -> dict[str, Any]:
    ((ref,), reader) = found(fake.url, tmp_path / "state")
    return read(reader, ref)


def test_a_good_server_is_judged_as_files(fake: FakeServer, tmp_path: Path) -> None:
    expected = from_files(sorted((tmp_path / "ct").iterdir()), tmp_path / "files")
    assert only_study(fake, tmp_path) == expected["1.2.3.1"]
    assert fake.asked(r"/instances/[\d.]+$") == 1, "one instance shows that metadata can be trusted"


@pytest.mark.parametrize(
    ("misbehave", "words"),
    [
        (sends(b"{}", status=404), "404"),
        (sends(b"<html>log in</html>", "text/html"), "no JSON"),
        (sends(b'"studies"'), "no list of data sets"),
        (sends(b"[1, 2]"), "no list of data sets"),
        (sends(b"[" * 200_000), "no JSON"),
        (sends(b"[]", status=500), "500"),
        (sends(b"[]", status=418), "418"),
        (sends(b"[{}, {}", length=400), "broke off"),
    ],
)
def test_nonsense_in_place_of_the_studies_ends_the_run(
    misbehave: Callable[[Handler], None], words: str, fake: FakeServer, tmp_path: Path
) -> None:
    fake.fails(r"/studies\?", misbehave)
    with pytest.raises(UsageError, match=words) as error:
        found(fake.url, tmp_path / "state")
    assert f"{fake.url}/studies" in str(error.value)


def test_no_server_at_all_ends_the_run(tmp_path: Path) -> None:
    with serving() as gone:
        url = gone.url
    with pytest.raises(ServerError, match="connection refused") as error:
        found(url, tmp_path / "state")
    assert url in str(error.value)


@pytest.mark.parametrize("pattern", [r"/metadata$", r"/instances/[\d.]+$"])
@pytest.mark.parametrize(
    ("misbehave", "kind"),
    [
        (sends(b"nix", status=404), AnswerError),
        (sends(b"nix", status=403), AnswerError),
        (sends(b"<html>", "text/html"), AnswerError),
        (sends(b"nix", status=503), BusyError),
        (sends(b"nix", status=500), BusyError),
        (sends(b"nix", status=401), ServerError),
    ],
)
def test_a_study_that_is_not_given_fails_with_the_address(
    pattern: str, misbehave: Callable[[Handler], None], kind: type[Exception], fake: FakeServer, tmp_path: Path
) -> None:
    fake.fails(pattern, misbehave)
    with pytest.raises(kind) as error:
        only_study(fake, tmp_path)
    assert "/studies/1.2.3.1/series/1.2.4.1/" in getattr(error.value, "sentence", str(error.value))
    assert not list((tmp_path / "state").rglob("*.dcm"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: sends(multipart(content)[:-40], MULTIPART), "cut off"),
        (lambda content: sends(multipart(content)[: len(content) // 2], MULTIPART), "cut off"),
        (lambda content: sends(multipart(content)[: len(content) // 2], MULTIPART, length=99_999), "broke off"),
        (lambda content: sends(multipart(content[:-8]).replace(b"-Length: ", b"-Length: 9"), MULTIPART), "announced"),
        (lambda content: sends(multipart(content, "text/html"), MULTIPART), "part of text/html"),
        (lambda content: sends(multipart(content), "multipart/related"), "no boundary"),
        (lambda content: sends(multipart(content), "image/png"), "image/png"),
        (lambda content: sends(multipart(content)[:-4] + b"\r\n" + multipart(content), MULTIPART), "several objects"),
        (lambda content: sends(b"", MULTIPART), "cut off"),
        (lambda content: sends(b"", "application/dicom"), "empty"),
        (lambda content: sends(multipart(content.replace(b"1.2.5.90", b"1.2.5.91")), MULTIPART), "instance 1.2.5.91"),
    ],
)
def test_half_an_object_is_no_object(
    change: Callable[[bytes], Callable[[Handler], None]], words: str, with_registration: FakeServer, tmp_path: Path
) -> None:
    content = with_registration.datasets[0][1]
    with_registration.fails(r"/instances/[\d.]+$", change(content))
    with pytest.raises(AnswerError, match=words):
        only_study(with_registration, tmp_path)


def test_an_object_that_is_not_wrapped_is_taken(with_registration: FakeServer, tmp_path: Path) -> None:
    expected = only_study(with_registration, tmp_path)
    with_registration.fails(r"/instances/[\d.]+$", sends(with_registration.datasets[0][1], "application/dicom"))
    assert only_study(with_registration, tmp_path) == expected


def test_what_breaks_off_is_asked_for_again(fake: FakeServer, tmp_path: Path) -> None:
    expected = only_study(fake, tmp_path)
    fake.fails(r"/metadata$", sends(b"[{}", length=4000), times=1)
    fake.fails(r"/instances/[\d.]+$", sends(b"--part\r\n", MULTIPART, length=4000), times=1)
    fake.fails(r"/series\?", sends(b"", status=503), times=2)
    ((ref,), reader) = found(fake.url, tmp_path / "state", DicomwebSettings(patience_s=20))
    assert read(reader, ref) == expected


def test_a_busy_server_says_when_to_come_again(fake: FakeServer, tmp_path: Path) -> None:
    fake.fails(r"/metadata$", sends(b"", status=429, Retry_After="1"), times=1)
    ((ref,), reader) = found(fake.url, tmp_path / "state", DicomwebSettings(patience_s=5))
    started = time.monotonic()
    read(reader, ref)
    assert 1.0 <= time.monotonic() - started < 4.0
    fake.fails(r"/metadata$", sends(b"", status=429, Retry_After="900"))
    started = time.monotonic()
    with pytest.raises(BusyError, match="429"):
        read(reader, ref)
    assert time.monotonic() - started < 2.0, "nobody waits longer than they were told to"


def test_the_time_to_come_again_may_be_a_date(fake: FakeServer, tmp_path: Path) -> None:
    ((ref,), reader) = found(fake.url, tmp_path / "state", DicomwebSettings(patience_s=5))
    started = time.time()
    date = formatdate(started + 2, usegmt=True)
    fake.fails(r"/metadata$", sends(b"", status=503, Retry_After=date), times=1)
    read(reader, ref)
    assert time.time() >= float(int(started + 2))


def hangs_up(handler: Handler) -> None:
    handler.close_connection = True


def says_nothing(handler: Handler) -> None:
    time.sleep(1)
    handler.close_connection = True


@pytest.mark.parametrize(("misbehave", "words"), [(hangs_up, "connection broke"), (says_nothing, "in time")])
def test_a_server_that_says_nothing_is_asked_three_times(
    misbehave: Callable[[Handler], None],
    words: str,
    fake: FakeServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_module, "SILENT_S", 0.2)
    fake.fails(r"/metadata$", misbehave)
    ((ref,), reader) = found(fake.url, tmp_path / "state", DicomwebSettings(patience_s=30))
    with pytest.raises(BusyError, match=rf"{words} \(3 attempts"):
        read(reader, ref)
    assert fake.asked(r"/metadata$") == 3


def test_an_answer_without_end_is_left(fake: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", JSON_TYPE)
        handler.end_headers()
        for _ in range(3000):
            handler.wfile.write(b"[" * 10_000)
        handler.close_connection = True

    monkeypatch.setattr(server_module, "LEAST_BYTES", 100_000)
    monkeypatch.setattr(server_module, "MOST_METADATA_BYTES", 1000)
    fake.fails(r"/metadata$", endless)
    with pytest.raises(AnswerError, match="has no end"):
        only_study(fake, tmp_path)


def test_an_answer_of_single_bytes_can_be_stopped(fake: FakeServer, tmp_path: Path) -> None:
    def trickle(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", JSON_TYPE)
        handler.end_headers()
        for _ in range(200):
            handler.wfile.write(b"[" * session_module.PIECE)
            time.sleep(0.05)

    ((ref,), reader) = found(fake.url, tmp_path / "state")
    fake.fails(r"/metadata$", trickle)
    until = time.monotonic() + 0.5
    from DicomRegInspectorLib.archive.studies import JudgeOptions
    from DicomRegInspectorLib.errors import Cancelled

    with pytest.raises(Cancelled), reader.read(ref, JudgeOptions(), lambda *told: time.monotonic() < until):
        pass
    assert time.monotonic() - until < 2


def test_fewer_instances_than_counted_are_told(fake: FakeServer, tmp_path: Path) -> None:
    ((ref,), reader) = found(fake.url, tmp_path / "state")
    del fake.datasets[2]
    with pytest.raises(AnswerError, match=r"has 5 instances as the server counts, of which it gives 4"):
        read(reader, ref)


def test_a_study_without_series_fails(fake: FakeServer, tmp_path: Path) -> None:
    fake.fails(r"/series\?", sends(b"", status=204))
    with pytest.raises(AnswerError, match="without series"):
        only_study(fake, tmp_path)


def test_an_empty_server_has_no_studies(tmp_path: Path) -> None:
    with serving() as empty:
        assert found(empty.url, tmp_path / "state")[0] == []


@pytest.mark.parametrize("uid", ["", "../../etc/passwd", "1.2.3?token=x", 12])
def test_a_study_without_a_usable_uid_is_a_study_that_fails(uid: Any, fake: FakeServer, tmp_path: Path) -> None:
    rows = [{"0020000D": {"vr": "UI", "Value": [uid]}}, {"0020000D": {"vr": "UI", "Value": ["1.2.3.1"]}}]
    fake.fails(r"/studies\?.*offset=0", sends(json.dumps(rows).encode()))
    refs, reader = found(fake.url, tmp_path / "state")
    assert len(refs) == 2
    with pytest.raises(AnswerError, match=r"no usable Study Instance UID"):
        read(reader, refs[0])
    read(reader, refs[1])


@pytest.mark.parametrize(("knows_offset", "knows_limit"), [(True, True), (False, True), (True, False), (False, False)])
def test_every_study_is_found_once_however_a_server_pages(
    knows_offset: bool, knows_limit: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "PAGE", 3)
    with serving() as fake:
        for number in range(1, 8):
            fake.add(stack_files(tmp_path / f"{number}", number, count=1))
        fake.knows_offset, fake.knows_limit = knows_offset, knows_limit
        refs, _ = found(fake.url, tmp_path / "state")
    assert sorted(ref.study_uid for ref in refs) == [f"1.2.3.{number}" for number in range(1, 8)]


def test_a_server_that_does_not_count_is_asked_for_uids(fake: FakeServer, tmp_path: Path) -> None:
    fake.counts = False
    ((before,), reader) = found(fake.url, tmp_path / "state")
    read(reader, before)
    fake.datasets.pop()
    ((after,), _) = found(fake.url, tmp_path / "state")
    assert before.digest != after.digest
