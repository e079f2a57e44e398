"""Frames that were deflated, one inflated at a time: each by itself, or with the whole data set around them."""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...dicom.dataset import open_dataset
from ...dicom.deflated_source import DeflatedSource
from ...dicom.tags import PIXEL_KEYWORDS
from ...errors import FileError, TruncatedFileError
from ...limits import FRAGMENTS
from .format import PixelFormat

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
MOST_FRAGMENTS = FRAGMENTS.value


def is_inflated_by_frame(pixels: PixelFormat) -> bool:
    """Tell whether :func:`frames_of_deflated` reads them: whole bytes for each frame, in no colours to be converted."""
    return pixels.bits_allocated % 8 == 0 and not pixels.photometric.startswith("YBR")


def frames_of_deflated(pixels: PixelFormat, frames: list[int]) -> Generator[NDArray[np.generic]]:
    """Yield frames (from 0) of a deflated data set (PS3.5 annex A.5) in the order asked for, as stored.

    What stands before a frame is inflated and forgotten.

    Raises FileError when the data are damaged, end too early, or have no Pixel Data.
    """
    length = pixels.rows * pixels.columns * pixels.samples * pixels.bits_allocated // 8
    source, start = None, 0
    try:
        for frame in frames:
            if source is None or frame * length < start:
                if source is not None:
                    source.close()
                source, start = _at_pixels(pixels), 0
            start += source.skip(frame * length - start)
            data = source.read(length)
            start += len(data)
            if len(data) < length:
                raise TruncatedFileError(pixels.path, f"ends within frame {frame + 1}. Copy or export it again.")
            yield _shaped(data, pixels)
    finally:
        if source is not None:
            source.close()


def _at_pixels(pixels: PixelFormat) -> DeflatedSource:
    """Where the value of Pixel Data begins."""
    with open_dataset(pixels.path) as dataset:
        found = next(iter(dataset.walk.elements(PIXEL_KEYWORDS)), None)
        start = dataset.start
    if found is None:
        raise FileError(pixels.path, "has no pixel data. Get the images again from the source system.")
    source = DeflatedSource(pixels.path, start)
    source.skip(found.offset)
    return source


def inflated_frames(pixels: PixelFormat, frames: list[int]) -> Generator[NDArray[np.generic]]:
    """Yield frames (from 0) of Deflated Image Frame Compression (PS3.5 annex A.4.12), which pydicom does not decode.

    In the order asked for, (rows, columns) or (rows, columns, samples), as stored. Each frame is one fragment, a raw
    deflate stream of the pixels as they would be without compression, in little endian order; nothing is inflated
    beyond a frame's size.

    Raises ValueError when a fragment is missing, or its stream is damaged, too short or too long.
    """
    bits = pixels.rows * pixels.columns * pixels.samples * pixels.bits_allocated
    length = (bits + 7) // 8
    with open(pixels.path, "rb") as file:
        places = dict(enumerate(_fragments(file, pixels.offset or 0)))
        if len(places) != pixels.frames:
            raise ValueError(f"there are {len(places):,} fragments for {pixels.frames:,} frames, one for each expected")
        for frame in frames:
            offset, size = places[frame]
            file.seek(offset)
            yield _shaped(_inflated(file.read(size), length, frame), pixels)


def _fragments(file: BinaryIO, offset: int) -> Iterator[tuple[int, int]]:
    """Offset and length of each fragment, without the Basic Offset Table before them."""
    for number in range(MOST_FRAGMENTS):
        file.seek(offset)
        head = file.read(8)
        if len(head) < 8 or head[:4] == _END:
            return
        if head[:4] != _ITEM:
            raise ValueError(f"the bytes at {offset:,} are no item")
        length = int.from_bytes(head[4:], "little")
        if number:
            yield offset + 8, length
        offset += 8 + length


def _inflated(data: bytes, length: int, frame: int) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        # A frame may be followed by one byte that makes it even, before it is deflated.
        found = inflater.decompress(data, length + 2)
    except zlib.error as error:
        raise ValueError(f"frame {frame + 1} cannot be inflated ({error})") from error
    if not length <= len(found) <= length + 1:
        held = f"more than {length:,}" if len(found) > length else f"{len(found):,}"
        raise ValueError(f"frame {frame + 1} inflates to {held} bytes, {length:,} are expected")
    return found[:length]


def _shaped(data: bytes, pixels: PixelFormat) -> NDArray[np.generic]:
    """The pixels of a frame; bits that are not stored are no part of them."""
    stored = pixels.stored.dtype
    count = pixels.rows * pixels.columns * pixels.samples
    if pixels.bits_allocated == 1:
        values = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[:count].astype(stored)
    else:
        values = np.frombuffer(data, stored.newbyteorder("<")).astype(stored)
    unused = pixels.bits_allocated - pixels.bits_stored
    if unused and pixels.bits_allocated > 1 and stored.kind in "ui":
        values = np.right_shift(np.left_shift(values, unused), unused)
    if pixels.samples == 1:
        return values.reshape(pixels.rows, pixels.columns)
    if pixels.planar == 1:
        return values.reshape(pixels.samples, pixels.rows, pixels.columns).transpose(1, 2, 0)
    return values.reshape(pixels.rows, pixels.columns, pixels.samples)
