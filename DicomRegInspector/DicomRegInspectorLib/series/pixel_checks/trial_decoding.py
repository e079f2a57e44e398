"""Whether compressed frames can be decoded here: by decoding them, one at a time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from ...dicom.fast_header import read_header
from ...errors import FileError, UsageError
from ...findings import Finding
from ...findings.about import about_file
from ...limits import DECODED_FRAMES
from ...memory import require_memory
from ..pixels.decode import FrameJob, frame_kind, read_frames
from ..pixels.decode_apart import DecodingProcesses
from ..pixels.format import read_pixel_format
from ..pixels.rescale import Rescale, TooNarrowError

MAX_DECODED = DECODED_FRAMES.value


def trial_findings(path: str, processes: DecodingProcesses) -> Iterator[Finding]:
    """Yield one finding when a frame cannot be decoded, with what the decoder says or what to install."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pixels = read_pixel_format(read_header(path))
            require_memory(4 * pixels.rows * pixels.columns * pixels.samples * (pixels.bits_allocated // 8 or 1), path)
            kind = frame_kind(pixels, stored_values=True, processes=processes)
            shape = (pixels.rows, pixels.columns) + ((kind.channels,) if kind.channels > 1 else ())
            target = np.empty(shape, kind.stored.dtype)
            for frame in np.unique(np.linspace(0, pixels.frames - 1, min(pixels.frames, MAX_DECODED)).astype(int)):
                job = FrameJob(int(frame), target, Rescale())
                read_frames(pixels, [job], stored_values=True, processes=processes)
        except FileError as error:
            yield Finding(error.code, "error", error.sentence, about_file(path))
        except UsageError as error:
            yield Finding("pixel-not-decodable", "error", str(error), about_file(path))
        except TooNarrowError:
            text = "Decoded frames do not all have the same type of values"
            yield Finding("pixel-not-decodable", "error", text, about_file(path))
