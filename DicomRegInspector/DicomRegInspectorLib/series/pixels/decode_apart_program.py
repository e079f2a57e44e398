"""Frames decoded by pydicom: in this process, or in another one that runs this file.

The file stands by itself, so that the other process is there soon: it imports nothing of this library.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import warnings
from collections.abc import Generator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray


def by_pydicom(path: str, syntax: str, frames: list[int], raw: bool) -> Generator[NDArray[np.generic]]:
    """Decode frames (from 0) of a file that is not deflated, in the order asked for; grey or RGB, or ``raw`` as stored.

    Raises whatever pydicom and its decoders do.
    """
    from pydicom import dcmread
    from pydicom.pixels import iter_pixels

    with open(path, "rb") as file:
        options: dict[str, Any] = {} if syntax else {"transfer_syntax_uid": "1.2.840.10008.1.2"}
        found = iter_pixels(file, indices=frames, raw=raw, **options)
        try:
            try:
                first = next(found)
            except Exception:  # files that are not what their syntax says are understood only when read whole
                file.seek(0)
                found = iter_pixels(dcmread(file, force=True), indices=frames, raw=raw)
                first = next(found)
            yield first
            yield from found
        finally:
            # Before the file: it is set back to where it was.
            found.close()


def serve() -> None:
    """Answer each request, a line of stdin, by its frames on stdout, each after a line that describes it."""
    # Decoders write where they like; answers go where they cannot.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    with open(os.devnull, "w", encoding="ascii") as nowhere:
        for line in sys.stdin:
            _serve(json.loads(line), answers, nowhere)
            answers.flush()


def _serve(request: dict[str, Any], answers: IO[bytes], nowhere: IO[str]) -> None:
    # This ends the process from a thread that needs no leave of Python's, whatever the decoder is doing. The process
    # has to do it itself: in Slicer, Python is started by a launcher, and ending that would leave a blocked one behind.
    found = by_pydicom(request["path"], request["syntax"], request["frames"], request["raw"])
    try:
        for _ in request["frames"]:
            faulthandler.dump_traceback_later(request["seconds"], exit=True, file=nowhere)
            values = np.ascontiguousarray(next(found))
            faulthandler.cancel_dump_traceback_later()
            answers.write(json.dumps({"shape": values.shape, "dtype": values.dtype.str}).encode() + b"\n")
            answers.write(values.reshape(-1).view(np.uint8).data)
            answers.flush()
    except BrokenPipeError:
        os._exit(0)
    except StopIteration:
        answers.write(b'{"error": "it ends before its last frame"}\n')
    except MemoryError:
        answers.write(b'{"error": "MemoryError"}\n')
    except Exception as error:  # decoders raise many kinds on broken data, none of them documented
        answers.write(json.dumps({"error": str(error) or type(error).__name__}).encode() + b"\n")
    finally:
        faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    serve()
