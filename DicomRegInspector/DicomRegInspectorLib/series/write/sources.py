"""What slices come from, as datasets that can be written again: files with one image, and frames made such images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import FileError, errors_of_file
from ..geometry.stacks import Slice, Tile
from ..pixels.decode import FrameJob, FrameKind, frame_kind, read_frames
from ..pixels.decode_apart import DecodingProcesses
from ..pixels.format import PixelFormat, read_pixel_format
from ..pixels.rescale import Rescale
from .single_frames import SECONDARY_CAPTURE, single_frame
from .stored_values import decimal_string, set_pixels

if TYPE_CHECKING:
    from pydicom import Dataset


NOT_WRITTEN = "holds elements that cannot be written again"


class Sources:
    """Reads sources of slices; a file with many frames is read once for those that follow each other.

    A context manager, for what decodes compressed frames in another process.
    """

    def __init__(self) -> None:
        self._processes = DecodingProcesses()
        self._path = ""
        self._dataset: Dataset | None = None
        self._pixels: PixelFormat | None = None
        self._kind: FrameKind | None = None

    def __enter__(self) -> Sources:
        return self

    def __exit__(self, *exception: object) -> None:
        self._processes.__exit__(*exception)

    def read(self, slice_: Slice, *, pixels: bool = True) -> Dataset:
        """Return the dataset of a slice: its file's own, or its frame as an image of one frame.

        With ``pixels`` a frame comes with its stored values as they are, not compressed, and their rescale.

        Raises FileError when it cannot be read, or its frames cannot be images of one frame.
        """
        if slice_.frame_number is None and slice_.tile is None:
            return read_file(slice_.path, pixels=pixels)
        if self._path != slice_.path or self._dataset is None:
            self._path, self._dataset, self._pixels = slice_.path, read_file(slice_.path, pixels=False), None
            self._kind = None
        if slice_.frame_number is None:
            instance = cut_out(self._dataset, slice_)
        else:
            instance = single_frame(self._dataset, slice_.frame_number, slice_.path)
        if pixels:
            if self._pixels is None:
                self._pixels = read_pixel_format(slice_.header)
            self._set_pixels(instance, self._pixels, (slice_.frame_number or 1) - 1, slice_.tile)
        return instance

    def _set_pixels(self, instance: Dataset, pixels: PixelFormat, frame: int, tile: Tile | None) -> None:
        rescale = pixels.rescale(frame)
        if rescale.table is not None or pixels.keyword != "PixelData" or pixels.bits_allocated not in (8, 16):
            problem = (
                "has frames of other than 8 or 16 bits, or with a Modality LUT, which images of one frame lack here."
            )
            raise FileError(pixels.path, f"{problem} Write a volume file (.nrrd, .nii.gz) instead.")
        stored = self._stored(pixels, frame, tile)
        if stored.ndim == 2 and instance.SOPClassUID != SECONDARY_CAPTURE and stored.dtype.itemsize == 1:
            # CT, MR and PET images have 16 bits allocated, however many of them are stored.
            stored = stored.astype(f"{stored.dtype.kind}2")
        set_pixels(instance, stored, pixels.bits_stored)
        if stored.ndim == 2:
            instance.RescaleSlope, instance.RescaleIntercept = map(decimal_string, (rescale.slope, rescale.intercept))
            if not instance.get("RescaleType"):
                instance.RescaleType = pixels.units or "US"

    def _stored(self, pixels: PixelFormat, frame: int, tile: Tile | None) -> NDArray[np.generic]:
        if self._kind is None:
            self._kind = frame_kind(pixels, stored_values=not pixels.is_color, processes=self._processes)
        kind = self._kind
        channels = (kind.channels,) if kind.channels > 1 else ()
        size = (pixels.rows, pixels.columns) if tile is None else (tile.rows, tile.columns)
        target = np.empty((*size, *channels), kind.stored.dtype)
        job = FrameJob(frame, target, Rescale(), tile)
        read_frames(pixels, [job], stored_values=not pixels.is_color, processes=self._processes)
        return target


MOSAIC_WORDS = ("MOSAIC", "VFRAME")
_MOSAIC_GROUPS = (0x0019, 0x0029, 0x0051, 0x0065)


def cut_out(mosaic: Dataset, slice_: Slice) -> Dataset:
    """Cut one slice of a mosaic out as an image of its own, without pixels and what private elements say of all."""
    import copy

    assert slice_.tile is not None and slice_.position_lps_mm is not None
    instance = copy.deepcopy(mosaic)
    for element in list(instance):
        if element.tag.group in _MOSAIC_GROUPS:
            del instance[element.tag]
    instance.Rows, instance.Columns = slice_.tile.rows, slice_.tile.columns
    instance.ImagePositionPatient = [decimal_string(value) for value in slice_.position_lps_mm]
    if slice_.orientation is not None:
        instance.ImageOrientationPatient = [decimal_string(value) for value in slice_.orientation]
    instance.ImageType = [value for value in instance.get("ImageType", []) if value not in MOSAIC_WORDS]
    for keyword in ("SliceLocation", "SmallestImagePixelValue", "LargestImagePixelValue"):
        if keyword in instance:
            delattr(instance, keyword)
    return instance


def read_file(path: str, *, pixels: bool) -> Dataset:
    """Read the dataset of a file.

    Raises FileError when it cannot be read.
    """
    import pydicom

    try:
        with errors_of_file(path, "cannot be parsed"):
            return pydicom.dcmread(path, force=True, stop_before_pixels=not pixels)
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror}).") from error
