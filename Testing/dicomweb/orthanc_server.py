"""An Orthanc of the tests' own: on loopback, with a port and a folder of its own, started and stopped at will."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PROGRAM = Path("/usr/sbin/Orthanc")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
MISSING = "Debian's packages orthanc and orthanc-dicomweb are not installed"
START_S = 30.0


def is_installed() -> bool:
    """Whether this machine has Orthanc with its DICOMweb plugin."""
    return PROGRAM.is_file() and PLUGIN.exists()


class Orthanc:
    """A server in a folder."""

    def __init__(self, folder: Path, **dicomweb: Any) -> None:
        self._folder = folder
        (folder / "storage").mkdir(parents=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.root = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.root}/dicom-web"
        settings = {
            "Name": "tests",
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "Plugins": [str(PLUGIN)],
            "HttpPort": self.port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomServerEnabled": False,
            "Locale": "C",
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": False, **dicomweb},
        }
        (folder / "orthanc.json").write_text(json.dumps(settings), encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(PROGRAM), str(self._folder / "orthanc.json")], stdout=log, stderr=log, cwd=self._folder
            )
        deadline = time.monotonic() + START_S
        while True:
            try:
                self._ask("/system")
                return
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.stop()
                    raise
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop, and wait until it has."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def add(self, paths: Iterable[Path]) -> None:
        """Take files in."""
        for path in paths:
            self._ask("/instances", path.read_bytes())

    def clear(self) -> None:
        """Forget everything."""
        for study in json.loads(self._ask("/studies")):
            self._ask(f"/studies/{study}", method="DELETE")

    def _ask(self, path: str, data: bytes | None = None, method: str | None = None) -> bytes:
        request = urllib.request.Request(self.root + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read()
