"""One DICOM object out of a WADO-RS answer (PS3.18 section 8.6.1.2.1), byte for byte as the server sent it."""

from __future__ import annotations

import os
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

from .errors import AnswerError
from .session import shown_url

ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'
"""In the transfer syntax in which it is stored (PS3.18 section 8.7.3.5.2)."""
_MOST_PART_HEADER = 1 << 14
_BLANK = b"\r\n\r\n"

IsEnough = Callable[[Path, int], bool]
"""Whether a file that has so many bytes by now holds all that is wanted."""


class ObjectSink:
    """Takes an answer in and writes the object in it to a file.

    Servers that send the object itself, not wrapped, are understood as well.
    """

    def __init__(self, path: Path, is_enough: IsEnough | None = None) -> None:
        self._path, self._is_enough = path, is_enough
        self._file: Any = None
        self._delimiter: bytes | None = None
        self._held = b""
        self._in_part = self._ended = self._stopped = False
        self._written = 0
        self._announced: int | None = None
        self._url = ""

    def begin(self, response: Any) -> None:
        """Look at what the server says that it sends."""
        self._url = shown_url(response)
        kind, parameters = _content_type(response.headers.get("Content-Type", ""))
        if kind == "multipart/related":
            boundary = parameters.get("boundary", "")
            if not boundary or len(boundary) > 200:
                raise AnswerError(self._url, "was answered with a multipart message that names no boundary.")
            self._delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
            self._held = b"\r\n"  # so that the first delimiter is like the others
        elif kind in ("application/dicom", "application/octet-stream"):
            self._in_part = True
        else:
            raise AnswerError(self._url, f"was answered with {kind[:80] or 'nothing known'}; expected a DICOM object.")
        self._file = self._path.open("wb")

    def write(self, piece: bytes) -> bool:
        """Take in the next bytes; True when no more are needed."""
        if self._delimiter is None:
            self._put(piece)
        elif not self._ended:
            self._held += piece
            if not self._in_part:
                self._look_for_part()
            if self._in_part:
                self._take_part(self._delimiter)
        else:
            self._held = (self._held + piece)[:2]
        if self._is_enough is not None and self._in_part and not self._ended:
            self._file.flush()
            self._stopped = self._is_enough(self._path, self._written)
        return self._stopped

    def finish(self) -> None:
        """Check that the object is whole."""
        self._file.close()
        if self._stopped:
            return
        if self._delimiter is not None and not self._ended:
            raise AnswerError(self._url, f"is cut off: its message ends after {self._written:,} bytes, in the middle.")
        if self._announced is not None and self._announced != self._written:
            raise AnswerError(
                self._url, f"is cut off: {self._announced:,} bytes were announced, {self._written:,} came."
            )
        if not self._written:
            raise AnswerError(self._url, "was answered with an empty message; expected a DICOM object.")
        if self._delimiter is not None and not self._held.startswith(b"--"):
            raise AnswerError(self._url, "was answered with several objects; expected the one that was asked for.")

    def abandon(self) -> None:
        """Leave the file as it is, whatever came."""
        if self._file is not None:
            self._file.close()

    def _look_for_part(self) -> None:
        assert self._delimiter is not None
        start = self._held.find(self._delimiter)
        end = self._held.find(_BLANK, start + len(self._delimiter)) if start >= 0 else -1
        if end < 0:
            if len(self._held) > _MOST_PART_HEADER:
                raise AnswerError(self._url, "was answered with a message in which no part begins.")
            return
        kind, length = _part_header(self._held[start + len(self._delimiter) : end])
        if kind not in ("", "application/dicom", "application/octet-stream"):
            raise AnswerError(self._url, f"was answered with a part of {kind[:80]}; expected a DICOM object.")
        self._announced = length
        self._held = self._held[end + len(_BLANK) :]
        self._in_part = True

    def _take_part(self, delimiter: bytes) -> None:
        end = self._held.find(delimiter)
        if end >= 0:
            self._put(self._held[:end])
            self._held = self._held[end + len(delimiter) :][:2]
            self._ended = True
        elif len(self._held) > len(delimiter):
            self._put(self._held[: -len(delimiter)])
            self._held = self._held[-len(delimiter) :]

    def _put(self, piece: bytes) -> None:
        self._file.write(piece)
        self._written += len(piece)


def _content_type(text: str) -> tuple[str, dict[str, str]]:
    message = Message()
    message["Content-Type"] = text.replace("\r", " ").replace("\n", " ")
    kind, *parameters = message.get_params(failobj=[("", "")])
    return kind[0].lower(), {name.lower(): str(value) for name, value in parameters}


def _part_header(raw: bytes) -> tuple[str, int | None]:
    """Content type and length of a part; empty and None where it does not say."""
    kind, length = "", None
    for line in raw.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-type":
            kind = _content_type(value.strip())[0]
        elif name.strip().lower() == "content-length" and value.strip().isdigit():
            length = int(value.strip()[:18])
    return kind, length


def room_for(folder: str | os.PathLike[str]) -> int:
    """Return the bytes that a folder's disk has left: more than that no answer may bring."""
    import shutil

    return shutil.disk_usage(folder).free
