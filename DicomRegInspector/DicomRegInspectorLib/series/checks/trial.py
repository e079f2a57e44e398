"""Whether compressed frames can be decoded here: by decoding them, one at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ...errors import FileError, UsageError
from ...findings import Finding
from ..headers.reading import read_header
from ..pixels.decode import FrameJob, frame_kind, read_frames
from ..pixels.format import read_pixel_format
from ..pixels.memory import require_memory
from ..pixels.rescale import Rescale, TooNarrowError

MAX_DECODED = 32
"""Frames of a file that are tried, evenly over all of them."""
_ABORTING_DECODERS = ("gdcm",)
"""Decoders that end the whole process on some damaged frames."""


class DecodingTrial:
    """Decodes files, in a process of its own where a decoder is installed that may take its process down.

    A context manager: the other process lasts until the end, and is begun anew when a file has ended it.
    """

    def __init__(self) -> None:
        is_python = "python" in os.path.basename(sys.executable or "").lower()
        self._apart = is_python and any(find_spec(name) is not None for name in _ABORTING_DECODERS)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> DecodingTrial:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop()

    def findings(self, path: str) -> list[Finding]:
        """One finding when a frame cannot be decoded, with what the decoder says or what to install."""
        if not self._apart:
            return list(_tried(path))
        answer = self._ask(path)
        if answer:
            return [Finding(code, "error", text, path) for code, text in json.loads(answer)]
        self._stop()
        text = "A frame of Pixel Data (7fe0,0010) makes the decoder crash: it is damaged. Get the image again"
        return [Finding("pixel-not-decodable", "error", text, path)]

    def _ask(self, path: str) -> str:
        if self._process is None:
            program = f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r}); "
            program += f"from {__name__} import serve; serve()"
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            self._process = subprocess.Popen([sys.executable, "-c", program], text=True, **pipes)  # type: ignore[call-overload]
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(os.path.abspath(path)) + "\n")
            self._process.stdin.flush()
            return self._process.stdout.readline()
        except OSError:
            return ""

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def serve() -> None:
    """The other process: a path on each line of stdin, its findings on a line of stdout, as JSON."""
    # Decoders write where they like; answers go where they cannot.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        found = [(one.code, one.message) for one in _tried(json.loads(line))]
        answers.write(json.dumps(found) + "\n")
        answers.flush()


def _tried(path: str) -> Iterator[Finding]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pixels = read_pixel_format(read_header(path))
            require_memory(4 * pixels.rows * pixels.columns * pixels.samples * (pixels.bits_allocated // 8 or 1), path)
            kind = frame_kind(pixels, stored_values=True)
            shape = (pixels.rows, pixels.columns) + ((kind.channels,) if kind.channels > 1 else ())
            target = np.empty(shape, kind.stored.dtype)
            for frame in np.unique(np.linspace(0, pixels.frames - 1, min(pixels.frames, MAX_DECODED)).astype(int)):
                read_frames(pixels, [FrameJob(int(frame), target, Rescale())], stored_values=True)
        except FileError as error:
            text = f"The file {error.problem}" if error.problem[:1].islower() else error.problem
            yield Finding(error.code, "error", text, path)
        except UsageError as error:
            yield Finding("pixel-not-decodable", "error", str(error), path)
        except TooNarrowError:
            text = "Decoded frames do not all have the same type of values"
            yield Finding("pixel-not-decodable", "error", text, path)
