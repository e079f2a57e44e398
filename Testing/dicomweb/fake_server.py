"""A small DICOMweb server for tests, on loopback: well-behaved unless a test makes it otherwise."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pydicom

BOUNDARY = "part"
JSON_TYPE = "application/dicom+json"
Misbehave = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    wbufsize, disable_nagle_algorithm = 1 << 16, True  # or each answer waits 40 ms for an acknowledgement
    server: Any

    def log_message(self, *arguments: Any) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        """Answer, as a test wants it or as a good server would."""
        fake: FakeServer = self.server.fake
        parts = urlsplit(self.path)
        fake.requests.append((parts.path, {name.lower(): value for name, value in self.headers.items()}))
        fake.queries.append(parts.query)
        try:
            for pattern, times, misbehave in fake.faults:
                if re.search(pattern, self.path) and times[0] != 0:
                    times[0] -= 1
                    misbehave(self)
                    return
            fake.answer(self, parts.path.removeprefix("/dicom-web"), parse_qs(parts.query))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def send(
        self, content: bytes, kind: str = JSON_TYPE, status: int = 200, length: int | None = None, **headers: str
    ) -> None:
        """Send an answer; ``length`` is what it is said to have."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)
        if length is not None and length != len(content):
            self.close_connection = True

    def send_json(self, value: Any, status: int = 200) -> None:
        """Send what JSON can hold."""
        self.send(json.dumps(value).encode(), status=status)


class FakeServer:
    """Serves files; ``faults`` are patterns of paths, how often (-1: always), and what happens instead."""

    def __init__(self) -> None:
        self.datasets: list[tuple[pydicom.Dataset, bytes]] = []
        self.faults: list[tuple[str, list[int], Misbehave]] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.queries: list[str] = []
        self.knows_offset = self.knows_limit = True
        self.counts = True
        self.change: Callable[[dict[str, Any]], Any] = lambda metadata: metadata
        """What becomes of an instance's metadata."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.fake = self  # type: ignore[attr-defined]
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/dicom-web"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def wrap(self, wrapped: Callable[[Any], Any], scheme: str) -> None:
        """Put something around the listening socket, such as TLS."""
        self._server.socket = wrapped(self._server.socket)
        self.url = self.url.replace("http:", f"{scheme}:")

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def add(self, paths: Sequence[Path]) -> None:
        """Take files in."""
        for path in paths:
            self.datasets.append((pydicom.dcmread(path), path.read_bytes()))

    def fails(self, pattern: str, misbehave: Misbehave, times: int = -1) -> None:
        """Let what matches be answered otherwise."""
        self.faults.insert(0, (pattern, [times], misbehave))

    def asked(self, pattern: str) -> int:
        """How many requests matched."""
        return sum(re.search(pattern, path) is not None for path, _ in self.requests)

    def answer(self, handler: Handler, path: str, query: dict[str, list[str]]) -> None:
        """Answer as a good server does."""
        names = [name for name in path.split("/") if name]
        uids = dict(zip(names[::2], names[1::2], strict=False))
        found = [
            (dataset, content)
            for dataset, content in self.datasets
            if uids.get("studies", dataset.StudyInstanceUID) == dataset.StudyInstanceUID
            and uids.get("series", dataset.SeriesInstanceUID) == dataset.SeriesInstanceUID
            and uids.get("instances", dataset.SOPInstanceUID) == dataset.SOPInstanceUID
        ]
        if not found and len(names) > 1:
            handler.send_json({"error": "not there"}, 404)
        elif names[-1] == "metadata":
            handler.send_json([self.change(metadata_of(dataset)) for dataset, _ in found])
        elif len(names) == 6:
            handler.send(multipart(found[0][1]), f'multipart/related; type="application/dicom"; boundary={BOUNDARY}')
        else:
            self._search(handler, names[-1], [dataset for dataset, _ in found], query)

    def _search(self, handler: Handler, level: str, found: list[Any], query: dict[str, list[str]]) -> None:
        keyword = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID", "instances": "SOPInstanceUID"}[level]
        groups: dict[str, list[Any]] = {}
        for dataset in found:
            groups.setdefault(dataset[keyword].value, []).append(dataset)
        rows = [self._row(level, group) for group in groups.values()]
        offset = int(query.get("offset", ["0"])[0]) if self.knows_offset else 0
        limit = int(query.get("limit", ["1000000"])[0]) if self.knows_limit else 1000000
        rows = rows[offset : offset + limit]
        if rows:
            handler.send_json(rows)
        else:
            handler.send(b"", status=204)

    def _row(self, level: str, group: list[Any]) -> dict[str, Any]:
        first, row = group[0], pydicom.Dataset()
        row.StudyInstanceUID = first.StudyInstanceUID
        if level != "studies":
            row.SeriesInstanceUID, row.Modality = first.SeriesInstanceUID, first.Modality
        if level == "instances":
            row.SOPInstanceUID = first.SOPInstanceUID
        elif self.counts and level == "studies":
            row.NumberOfStudyRelatedSeries = len({dataset.SeriesInstanceUID for dataset in group})
            row.NumberOfStudyRelatedInstances = len(group)
        elif self.counts:
            row.NumberOfSeriesRelatedInstances = len(group)
        return row.to_json_dict()


def metadata_of(dataset: pydicom.Dataset) -> dict[str, Any]:
    """An instance in the DICOM JSON model, long binary values as links, by pydicom."""
    return dataset.to_json_dict(
        bulk_data_threshold=64, bulk_data_element_handler=lambda element: "http://127.0.0.1/bulk"
    )


def multipart(content: bytes, kind: str = "application/dicom") -> bytes:
    """A message of one part (RFC 2387)."""
    return (
        f"--{BOUNDARY}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        + content
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )


@contextmanager
def serving(*paths: Path) -> Iterator[FakeServer]:
    """A server of files, until the end of the block."""
    fake = FakeServer()
    try:
        fake.add(paths)
        yield fake
    finally:
        fake.close()
