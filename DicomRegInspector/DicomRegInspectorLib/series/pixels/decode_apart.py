"""Frames decoded in processes of their own, out of which no damaged frame can take this one down.

Tried with damaged frames by the thousand: GDCM 3.2.6 aborts its process on some of JPEG, JPEG-LS and JPEG 2000; CharLS
(pyjpegls 1.5.1) never comes back from some JPEG-LS frames that are cut off, and lets no other thread run meanwhile.
Pillow and pydicom's own RLE decoder say what is wrong, as they should.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dicom.tags import is_encapsulated
from ...limits import DECODING

_TRUSTED = frozenset(["pillow", "pydicom"])
"""pydicom's names of decoders that neither end nor block their process."""
_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "decode_apart_program.py")
PATIENCE_S = float(DECODING.value)


class DecoderLostError(Exception):
    """The process that decoded a frame has ended."""


class DecoderNotStartedError(Exception):
    """The program that decodes could not be started; its message says which and why."""


@lru_cache(maxsize=64)
def is_decoded_apart(syntax: str) -> bool:
    """Tell whether frames of a transfer syntax may be decoded by something that can take its process down.

    Never so where there is no Python program to start, as in applications that only embed Python; in Slicer there is.
    """
    if not is_encapsulated(syntax) or "python" not in os.path.basename(sys.executable or "").lower():
        return False
    from pydicom.pixels import get_decoder

    try:
        return not _TRUSTED.issuperset(get_decoder(syntax).available_plugins)
    except NotImplementedError:
        return False


class DecodingProcesses:
    """Other processes that decode frames; they stay until the end for the next frames.

    A context manager; :meth:`frames` may be called from several threads, which wait for one another when there are more
    of them than processes.
    """

    def __init__(self, most: int = 1, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._free = threading.Semaphore(max(most, 1))
        self._idle: list[_Process] = []
        self._all: list[_Process] = []
        self._lock = threading.Lock()

    def __enter__(self) -> DecodingProcesses:
        return self

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            everyone, self._all, self._idle = self._all, [], []
        for process in everyone:
            process.stop()

    def frames(self, path: str, syntax: str, frames: list[int], raw: bool) -> Generator[NDArray[np.generic]]:
        """Yield frames as :func:`~.decode_apart_program.by_pydicom` does.

        Raises DecoderLostError when the process ended or was ended; the next call starts another one. Raises
        DecoderNotStartedError when there is no process: the installation is broken, not the file. Raises ValueError
        with what the decoder said.
        """
        with self._free:
            process = self._take()
            try:
                yield from process.decode(path, syntax, frames, raw, self._patience_s)
            finally:
                self._give_back(process)

    def _take(self) -> _Process:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            process = _Process()
            self._all.append(process)
            return process

    def _give_back(self, process: _Process) -> None:
        with self._lock:
            if process.is_ready:
                self._idle.append(process)
                return
            if process in self._all:
                self._all.remove(process)
        process.stop()


class _Process:
    """One other process."""

    def __init__(self) -> None:
        # Neither this folder nor the working directory is a place to import from.
        program = "import runpy, sys; sys.path = [one for one in sys.path if one]; "
        program += f"runpy.run_path({_PROGRAM!r}, run_name='__main__')"
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # Windows opens a console window otherwise.
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise DecoderNotStartedError(f"{sys.executable}: {error.strerror or error}") from error
        self.is_ready = True
        """Whether everything that was asked has been answered."""

    def decode(
        self, path: str, syntax: str, frames: list[int], raw: bool, patience_s: float
    ) -> Generator[NDArray[np.generic]]:
        request = {"path": os.path.abspath(path), "syntax": syntax, "frames": frames, "raw": raw, "seconds": patience_s}
        self.is_ready = False
        pipe = self._process.stdin
        assert pipe is not None
        try:
            pipe.write(json.dumps(request).encode() + b"\n")
            pipe.flush()
        except OSError:
            raise DecoderLostError from None
        for left in range(len(frames) - 1, -1, -1):
            values = self._answer()
            self.is_ready = not left
            yield values

    def _answer(self) -> NDArray[np.generic]:
        pipe = self._process.stdout
        assert pipe is not None
        line = pipe.readline()
        if not line.endswith(b"\n"):
            raise DecoderLostError
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            self.is_ready = True
            raise MemoryError if answer["error"] == "MemoryError" else ValueError(answer["error"])
        values = np.empty(answer["shape"], np.dtype(answer["dtype"]))
        left = memoryview(values.reshape(-1).view(np.uint8))
        while left:
            count = pipe.readinto(left)  # type: ignore[attr-defined] # a buffered reader has it, IO does not say so
            if not count:
                raise DecoderLostError
            left = left[count:]
        return values

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            # What was still to be written has nobody to go to.
            with suppress(OSError):
                pipe.close()
