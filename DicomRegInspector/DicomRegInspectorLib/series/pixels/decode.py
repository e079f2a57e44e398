"""Reading frames into arrays that are there already: uncompressed ones straight from the file, others by pydicom."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...dicom.identity import header_of, identities_of
from ...dicom.tags import DEFLATED_FRAMES, DEFLATED_LITTLE_ENDIAN, is_encapsulated
from ...dicom.values import name_of_uid
from ...errors import DicomRegInspectorError, FileError, TruncatedFileError, UsageError
from ...limits import DECODING
from ..geometry.stacks import Tile
from .decode_apart import DecoderLostError, DecoderNotStartedError, DecodingProcesses, is_decoded_apart
from .decode_apart_program import by_pydicom
from .deflated_frames import frames_of_deflated, inflated_frames, is_inflated_by_frame
from .format import PixelFormat
from .rescale import Rescale, StoredRange, TooNarrowError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_PALETTE_TAGS = [0x00280004, 0x00280100, 0x00280103] + [
    0x00280000 + number for number in (0x1101, 0x1102, 0x1103, 0x1104, 0x1201, 0x1202, 0x1203, 0x1204)
]
_SEGMENTED_PALETTE_TAGS = [0x00281221, 0x00281222, 0x00281223]


@dataclass(frozen=True)
class FrameKind:
    """What comes out of a frame before rescaling."""

    stored: StoredRange
    channels: int
    """1 for grey; 3 for colour, 4 with an alpha channel."""


@dataclass(frozen=True, eq=False)
class FrameJob:
    """One frame of a file, and where it is wanted."""

    frame: int
    """From 0."""
    target: NDArray[np.generic]
    """(rows, columns) or (rows, columns, channels), C-contiguous."""
    rescale: Rescale
    tile: Tile | None = None
    """The part of the frame that is wanted; None for all of it."""


def frame_kind(pixels: PixelFormat, *, stored_values: bool, processes: DecodingProcesses | None = None) -> FrameKind:
    """Find type and channels of a file's frames; one that pydicom has to decode is decoded for this.

    ``processes``: what decodes frames of syntaxes whose decoders may crash; without, they are decoded in this process.
    Raises FileError when nothing here can decode it (code ``pixel-not-decodable``).
    """
    if pixels.is_direct:
        return FrameKind(pixels.stored, pixels.samples)
    (first,) = _decoded(pixels, [0], stored_values=stored_values, processes=processes)
    channels = first.shape[2] if first.ndim == 3 else 1
    dtype = first.dtype.newbyteorder("=")
    declared = pixels.stored
    kind = StoredRange(dtype, declared.low, declared.high)
    if dtype.kind in "ui" and (dtype != declared.dtype or is_encapsulated(pixels.syntax)):
        # A codestream has a precision of its own, which need not be Bits Stored.
        reach = np.iinfo(dtype.str)
        kind = StoredRange(dtype, int(reach.min), int(reach.max))
    return FrameKind(kind, channels)


def read_frames(
    pixels: PixelFormat,
    jobs: Sequence[FrameJob],
    *,
    stored_values: bool = False,
    processes: DecodingProcesses | None = None,
) -> None:
    """Read frames of one file into their targets and rescale them; ``processes`` as for :func:`frame_kind`.

    Raises FileError when the file cannot be read or decoded any more. Raises TooNarrowError when a target's integer
    type does not hold a value of its frame.
    """
    if any(job.tile is not None for job in jobs):
        _read_tiles(pixels, jobs, stored_values=stored_values, processes=processes)
        return
    if not pixels.is_direct:
        numbers = [job.frame for job in jobs]
        with closing(_decoded(pixels, numbers, stored_values=stored_values, processes=processes)) as frames:
            for job, values in zip(jobs, frames, strict=True):
                _place_decoded(pixels, values, job)
        return
    try:
        with open(pixels.path, "rb", buffering=0) as file:
            scratch: NDArray[np.generic] | None = None
            for job in jobs:
                scratch = _read_direct(file, pixels, job, scratch)
    except OSError as error:
        raise FileError(pixels.path, f"cannot be read ({error.strerror or error}).") from error


def _read_tiles(
    pixels: PixelFormat, jobs: Sequence[FrameJob], *, stored_values: bool, processes: DecodingProcesses | None
) -> None:
    """Read each frame once, and cut out of it what is wanted."""
    kind = frame_kind(pixels, stored_values=stored_values, processes=processes)
    channels = (kind.channels,) if kind.channels > 1 else ()
    whole = np.empty((pixels.rows, pixels.columns, *channels), kind.stored.dtype)
    by_frame: dict[int, list[FrameJob]] = {}
    for job in jobs:
        by_frame.setdefault(job.frame, []).append(job)
    for frame, parts in by_frame.items():
        read_frames(pixels, [FrameJob(frame, whole, Rescale())], stored_values=stored_values, processes=processes)
        for job in parts:
            tile = job.tile
            cut = whole if tile is None else whole[tile.row : tile.row + tile.rows, tile.column :][:, : tile.columns]
            job.rescale.map_into(np.ascontiguousarray(cut), job.target)


def _read_direct(
    file: IO[bytes], pixels: PixelFormat, job: FrameJob, scratch: NDArray[np.generic] | None
) -> NDArray[np.generic] | None:
    """Read one frame, without a copy where its bytes are as wide as the target's; gives scratch memory to use again."""
    stored, target = pixels.stored.dtype, job.target
    by_plane = pixels.samples > 1 and pixels.planar == 1
    in_place = (
        not by_plane
        and target.dtype.kind in "ui"
        and target.dtype.itemsize == stored.itemsize
        and job.rescale.table is None
    )
    if in_place:
        values = target.view(stored)
    else:
        shape = (pixels.samples, *target.shape[:2]) if by_plane else target.shape
        if scratch is None or scratch.shape != shape:
            scratch = np.empty(shape, stored)
        values = scratch
    file.seek((pixels.offset or 0) + job.frame * values.nbytes)
    _fill(file, values, pixels.path)
    if stored.itemsize > 1 and pixels.big_endian != (sys.byteorder == "big"):
        values.byteswap(inplace=True)
    unused = pixels.bits_allocated - pixels.bits_stored
    if unused:
        # Bits above Bits Stored are not pixel; shifted back, the highest stored bit becomes the sign.
        np.left_shift(values, unused, out=values)
        np.right_shift(values, unused, out=values)
    if by_plane:
        values = values.transpose(1, 2, 0)
    if in_place:
        job.rescale.map_in_place(values, target.dtype)
    else:
        job.rescale.map_into(values, target)
    return scratch


def _fill(file: IO[bytes], values: NDArray[np.generic], path: str) -> None:
    left = memoryview(values.reshape(-1).view(np.uint8))
    while left:
        count = file.readinto(left)  # type: ignore[attr-defined] # a buffered reader has it, IO does not say so
        if not count:
            raise TruncatedFileError(path, "became shorter while it was read. Copy or export it again.")
        left = left[count:]


def _place_decoded(pixels: PixelFormat, values: NDArray[np.generic], job: FrameJob) -> None:
    if values.shape != job.target.shape:
        raise _undecodable(
            pixels,
            f"frame {job.frame + 1} decodes to {_shape(values.shape)}, the header announces {_shape(job.target.shape)}",
        )
    if values.dtype.kind == "f" and job.target.dtype.kind != "f":
        raise TooNarrowError
    job.rescale.map_into(values, job.target)


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(str(size) for size in shape)


def _decoded(
    pixels: PixelFormat, frames: list[int], *, stored_values: bool, processes: DecodingProcesses | None
) -> Generator[NDArray[np.generic]]:
    """Frames by pydicom, grey or RGB; as stored (YBR, palette indices) when asked for."""
    _require_decoder(pixels)
    palette = _palette(pixels) if pixels.photometric == "PALETTE COLOR" and not stored_values else None
    with _decoding_errors(pixels), closing(_found(pixels, frames, stored_values, processes)) as found:
        for frame in found:
            yield _colored(frame, palette)


def _found(
    pixels: PixelFormat, frames: list[int], raw: bool, processes: DecodingProcesses | None
) -> Generator[NDArray[np.generic]]:
    if pixels.syntax == DEFLATED_LITTLE_ENDIAN and is_inflated_by_frame(pixels):
        return frames_of_deflated(pixels, frames)
    if pixels.syntax == DEFLATED_LITTLE_ENDIAN:
        from pydicom.pixels import iter_pixels

        from .slow_format import inflated_dataset

        return iter_pixels(inflated_dataset(pixels.header), indices=frames, raw=raw)
    if pixels.syntax == DEFLATED_FRAMES:
        return inflated_frames(pixels, frames)
    if processes is not None and is_decoded_apart(pixels.syntax):
        return processes.frames(pixels.path, pixels.syntax, frames, raw)
    return by_pydicom(pixels.path, pixels.syntax, frames, raw)


def _colored(values: NDArray[np.generic], palette: Dataset | None) -> NDArray[np.generic]:
    if palette is None:
        return values
    from pydicom.pixels import apply_color_lut

    return apply_color_lut(values, palette)


def _palette(pixels: PixelFormat) -> Dataset:
    from ...dicom.pydicom_header import read_elements

    palette = read_elements(pixels.path, _PALETTE_TAGS + _SEGMENTED_PALETTE_TAGS)
    with _decoding_errors(pixels):
        entries = int(palette.RedPaletteColorLookupTableDescriptor[0]) or 2**16
        # pydicom looks up with indices as wide as the entries.
        if entries > 256 and len(palette.get("RedPaletteColorLookupTableData", b"")) in (entries, entries + 1):
            raise ValueError(f"a palette of {entries:,} entries of 8 bits is not supported")
    return palette


@contextmanager
def _decoding_errors(pixels: PixelFormat) -> Generator[None]:
    try:
        yield
    except (DicomRegInspectorError, TooNarrowError):
        raise
    except DecoderLostError as error:
        reason = DECODING.sentence
        raise _undecodable(pixels, reason) from error
    except DecoderNotStartedError as error:
        raise UsageError(
            f"{pixels.path}: Pixel Data (7fe0,0010) cannot be decoded: the Python program that does it cannot be "
            f"started ({error}). Nothing is wrong with the file; repair the installation."
        ) from error
    except OSError as error:
        if error.errno is not None:
            raise FileError(pixels.path, f"cannot be read ({error.strerror or error}).") from error
        raise _undecodable(pixels, _first_line(error)) from error
    except MemoryError as error:
        raise _undecodable(pixels, "it needs more memory than there is") from error
    except Exception as error:  # decoders raise many kinds on broken data, none of them documented
        raise _undecodable(pixels, _first_line(error)) from error


def _first_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{text[:200]}…" if len(text) > 200 else text or type(error).__name__


def _undecodable(pixels: PixelFormat, reason: str) -> FileError:
    how = f"compressed as {_syntax_text(pixels.syntax)}" if is_encapsulated(pixels.syntax) else "uncompressed"
    reason = identities_of(header_of(pixels.path)).masked(reason)
    problem = f"Pixel Data (7FE0,0010), {how}, cannot be decoded: {reason}. Get the image again from the source system."
    return FileError(pixels.path, problem, code="pixel-not-decodable")


def _syntax_text(uid: str) -> str:
    name = name_of_uid(uid)
    return f"{name} ({uid})" if name != uid else f"transfer syntax {uid}"


def _require_decoder(pixels: PixelFormat) -> None:
    """Whether a decoder for the transfer syntax is installed.

    Raises FileError with the code ``pixel-not-decodable``, with the syntax and what to install.
    """
    from pydicom.pixels import get_decoder

    syntax = pixels.syntax or "1.2.840.10008.1.2"
    if syntax == DEFLATED_FRAMES:
        return
    what = f"Pixel Data (7FE0,0010) is stored as {_syntax_text(syntax)}"
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        problem = f"{what}, which pydicom has no decoder for. Convert the file to an uncompressed transfer syntax."
        raise FileError(pixels.path, problem, code="pixel-not-decodable") from error
    if decoder.is_available:
        return
    # pydicom lists "plugin - requires package>=1 and package>=2".
    ways = [text.partition(" requires ")[2] or text for text in decoder.missing_dependencies]
    problem = f"{what}, and no decoder for it is installed. Install {', or '.join(ways)}, or convert the file."
    raise FileError(pixels.path, problem, code="pixel-not-decodable")
