"""Who asks is told to the server that was named, over a connection that can be trusted, and to nobody else."""

from __future__ import annotations

import logging
import os
import pickle
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from DicomRegInspectorLib.archive import inspect_archive
from DicomRegInspectorLib.archive.dicomweb.errors import AnswerError, ServerError
from DicomRegInspectorLib.archive.dicomweb.settings import DicomwebSettings, checked_url
from DicomRegInspectorLib.cli import main
from DicomRegInspectorLib.errors import UsageError
from fake_server import FakeServer, Handler, serving
from judging import HASTY, found, read
from stack_making import along_table, write_stack

SECRET = "s3cret-of-the-run"


@pytest.fixture()
def files(tmp_path: Path) -> list[Path]:
    uids = [{"StudyInstanceUID": "1.2.3.1", "SOPInstanceUID": f"1.2.3.1.{k + 1}"} for k in range(4)]
    write_stack(tmp_path / "ct", along_table(range(4)), series_uid="1.2.4.1", per_slice=uids)
    return sorted((tmp_path / "ct").iterdir())


@pytest.fixture()
def fake(files: list[Path]) -> Iterator[FakeServer]:
    with serving(*files) as server:
        yield server


def said_of_itself(fake: FakeServer) -> set[str | None]:
    return {headers.get("authorization") for _, headers in fake.requests}


def redirects(to: str, status: int = 302) -> object:
    return lambda handler: handler.send(b"", status=status, Location=to + handler.path)


def test_nothing_is_said_where_nothing_is_known(fake: FakeServer, tmp_path: Path) -> None:
    found(fake.url, tmp_path / "state")
    assert said_of_itself(fake) == {None}


def test_a_netrc_is_not_looked_into(fake: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login someone password {SECRET}\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    found(fake.url, tmp_path / "state")
    assert said_of_itself(fake) == {None}


def test_user_and_password_come_from_the_environment(
    fake: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DICOMWEB_USER", "Aladdin")
    with pytest.raises(UsageError, match="DICOMWEB_PASSWORD"):
        found(fake.url, tmp_path / "state")
    monkeypatch.setenv("DICOMWEB_PASSWORD", "open sesame")
    found(fake.url, tmp_path / "state")
    assert said_of_itself(fake) == {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, "the example of RFC 7617"


def test_a_token_that_was_renewed_in_its_file_is_used(fake: FakeServer, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(f"{SECRET}\n", encoding="utf-8")
    ((ref,), reader) = found(fake.url, tmp_path / "state", DicomwebSettings(patience_s=1, token_file=str(token)))

    def wants_new(handler: Handler) -> None:
        if handler.headers["Authorization"] == "Bearer renewed":
            fake.answer(handler, handler.path.removeprefix("/dicom-web"), {})
        else:
            token.write_text("renewed", encoding="utf-8")
            handler.send(b"", status=401)

    fake.fails("/metadata$", wants_new)
    read(reader, ref)
    assert said_of_itself(fake) == {f"Bearer {SECRET}", "Bearer renewed"}


@pytest.mark.parametrize("content", ["", "two words", "line\nline", "\x00", "x" * 100_000])
def test_what_is_no_token_is_refused_and_not_repeated(content: str, fake: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(content + SECRET + " x", encoding="utf-8")
    with pytest.raises(UsageError) as error:
        found(fake.url, tmp_path / "state", DicomwebSettings(token_file=str(tmp_path / "token")))
    assert SECRET not in str(error.value) and str(tmp_path / "token") in str(error.value)
    assert not fake.requests


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{SECRET}@127.0.0.1/dicom-web",
        f"https://{SECRET}@host/dicom-web",
        f"https://host/dicom-web?token={SECRET}",
        f"https://host/dicom-web#{SECRET}",
        f"http://user:{SECRET}@[::1/dicom-web",
        f"http://user:{SECRET}@host:port/dicom-web",
    ],
)
def test_a_secret_in_an_address_is_refused_and_not_repeated(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["archive", url, "--output", str(tmp_path / "out"), "--workers", "0"]) == 2
    told = capsys.readouterr()
    assert SECRET not in told.err + told.out and told.err.strip()
    assert not (tmp_path / "out").exists()


def test_an_address_is_one_however_it_is_written() -> None:
    assert checked_url("https://Host.example:8443/dicom-web/") == "https://host.example:8443/dicom-web"
    assert checked_url("http://[::1]:8042/a/") == "http://[::1]:8042/a"
    for wrong in ("ftp://host/a", "https:///a", "host/a", ""):
        with pytest.raises(UsageError):
            checked_url(wrong)


def test_another_server_is_not_told_who_asks(
    fake: FakeServer, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DICOMWEB_TOKEN", SECRET)
    with serving(*files) as other:
        fake.fails("/metadata$|/instances/[0-9.]+$", redirects(other.url.removesuffix("/dicom-web")))
        ((ref,), reader) = found(fake.url, tmp_path / "state")
        read(reader, ref)
        assert said_of_itself(other) == {None}
    assert said_of_itself(fake) == {f"Bearer {SECRET}"}


def test_a_redirection_within_a_server_keeps_who_asks(
    fake: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DICOMWEB_TOKEN", SECRET)
    fake.fails(r"/metadata$", redirects("", 307), times=1)
    ((ref,), reader) = found(fake.url, tmp_path / "state")
    read(reader, ref)
    assert said_of_itself(fake) == {f"Bearer {SECRET}"}


@pytest.mark.parametrize("to", ["", "ftp://127.0.0.1", "gopher://127.0.0.1", f"http://u:{SECRET}@127.0.0.1"])
def test_a_redirection_to_nowhere_is_not_followed(to: str, fake: FakeServer, tmp_path: Path) -> None:
    fake.fails("/metadata$", redirects(to))
    ((ref,), reader) = found(fake.url, tmp_path / "state")
    with pytest.raises(AnswerError, match="redirection") as error:
        read(reader, ref)
    assert SECRET not in str(error.value)


def test_no_secret_is_logged_kept_or_sent_to_workers(
    fake: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DICOMWEB_TOKEN", SECRET)
    fake.fails("/metadata$", lambda handler: handler.send(b"", status=503))
    with caplog.at_level(logging.DEBUG):
        inspect_archive(fake.url, tmp_path / "out", asking=HASTY)
    assert f"Bearer {SECRET}" in said_of_itself(fake)
    assert SECRET not in caplog.text
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    refs, reader = found(fake.url, tmp_path / "state")
    assert SECRET.encode() not in pickle.dumps((refs, reader))


@pytest.fixture()
def certificate(tmp_path: Path) -> Path:
    """Of an authority that nobody knows, for 127.0.0.1, with its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not here")
    made = [tmp_path / "cert.pem", tmp_path / "key.pem"]
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-out", str(made[0]), "-keyout", str(made[1])]
    subprocess.run([openssl, *new, *subject], check=True, capture_output=True)
    return made[0]


def test_certificates_are_checked(
    fake: FakeServer, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    fake.wrap(lambda listening: context.wrap_socket(listening, server_side=True), "https")
    monkeypatch.setenv("DICOMWEB_TOKEN", SECRET)
    with pytest.raises(ServerError, match="certificate is not trusted"):
        found(fake.url, tmp_path / "state")
    assert not fake.requests
    trusting = DicomwebSettings(patience_s=1, ca_file=str(certificate))
    assert len(found(fake.url, tmp_path / "state", trusting)[0]) == 1
    # What the option names counts, whatever the environment says; without it the environment does.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", os.devnull)
    assert len(found(fake.url, tmp_path / "state", trusting)[0]) == 1
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert len(found(fake.url, tmp_path / "state")[0]) == 1


def test_files_that_are_not_there_are_told_before_anything_is_asked(tmp_path: Path) -> None:
    for option in ("--token-file", "--ca-file"):
        arguments = ["archive", "http://127.0.0.1:9", "--output", str(tmp_path / "out"), option, str(tmp_path / "nix")]
        assert main(arguments) == 2
