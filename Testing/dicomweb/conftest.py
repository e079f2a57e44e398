"""Servers for the tests of DICOMweb, and the writers of other rooms' tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]
OTHERS = ("series", "registration", "relations", "structures", "manual", "archive")
sys.path += [str(HERE.parent / room) for room in OTHERS]

from orthanc_server import MISSING, Orthanc, is_installed  # noqa: E402


@pytest.fixture(scope="session")
def running_orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An Orthanc for the whole session."""
    if not is_installed():
        pytest.skip(MISSING)
    server = Orthanc(tmp_path_factory.mktemp("orthanc") / "own")
    server.start()
    yield server
    server.stop()


@pytest.fixture()
def orthanc(running_orthanc: Orthanc) -> Orthanc:
    """The session's Orthanc, with nothing in it."""
    running_orthanc.clear()
    return running_orthanc


@pytest.fixture(autouse=True)
def nobody_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own environment goes to a server."""
    for name in ("DICOMWEB_TOKEN", "DICOMWEB_USER", "DICOMWEB_PASSWORD", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
