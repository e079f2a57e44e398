"""Volumes to be compared, from files and folders of any kind that is read here."""

from __future__ import annotations

import os
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import FileError, NotDicomError
from ..progress import Progress
from ..series import SeriesVolume, load_series, read_header
from ..series.pixels.format import PixelFormat, read_pixel_format
from . import Volume
from .other_formats import import_simpleitk, index_to_lps, read_image

if TYPE_CHECKING:
    import SimpleITK


def read_volume(
    path: str | PathLike[str],
    *,
    stack: int | str | None = None,
    flat: bool = True,
    progress: Progress | None = None,
) -> Volume:
    """Read a volume: a DICOM file, a folder with one DICOM series, or any format that SimpleITK reads.

    ``stack``: which set of a DICOM series, as in :func:`~..series.load_series`; it means nothing for other formats.
    ``flat``: whether a picture of two axes is taken for a volume of one slice; it does not say where that lies.

    Raises FileError when the file cannot be read, or is no volume of three axes. Raises UsageError when a folder holds
    no series or several, memory does not suffice, or SimpleITK is not installed.
    """
    name = os.fspath(path)
    if not os.path.exists(name):
        raise FileError(name, "there is no such file or folder")
    if is_dicom(name):
        return volume_of_series(load_series(name, stack=stack, progress=progress), name)
    return _volume_of_file(name, (2, 3) if flat else (3,))


def is_dicom(path: str) -> bool:
    """Tell whether a path is taken for DICOM: a folder, or such a file; FileError where it cannot be read."""
    if os.path.isdir(path):
        return True
    try:
        read_header(path)
    except NotDicomError:
        return False
    return True


def volume_of_series(series: SeriesVolume, name: str = "") -> Volume:
    """Return a loaded series, with the places of its slices and the steps of their values."""
    return Volume(
        series.array,
        series.affine_lps,
        name or series.description,
        slice_corners_lps_mm=series.slice_corners_lps_mm,
        quanta=None if series.is_stored or series.is_color else _slopes(series),
        frame_uid=series.frame_uid,
    )


def _slopes(series: SeriesVolume) -> NDArray[np.float64] | None:
    """(nk,) Rescale Slope of each slice; None where values come from a table or are floating point."""
    formats: dict[str, PixelFormat] = {}
    slopes = []
    for slice_ in series.slices:
        if slice_.path not in formats:
            formats[slice_.path] = read_pixel_format(slice_.header)
        pixels = formats[slice_.path]
        rescale = pixels.rescale((slice_.frame_number or 1) - 1)
        if rescale.table is not None or pixels.keyword != "PixelData":
            return None
        slopes.append(abs(rescale.slope))
    return np.array(slopes)


def _volume_of_file(name: str, axes: tuple[int, ...]) -> Volume:
    sitk = import_simpleitk()
    image = read_image(name)
    if image.GetDimension() not in axes:
        raise FileError(name, f"has {image.GetDimension()} axes; a volume has three. Extract or make one first.")
    slope = _number(image, "scl_slope") or 0.0
    quanta = np.array([abs(slope)]) if slope and np.isfinite(slope) and _is_scaled_integer(image) else None
    if image.GetDimension() == 2:
        image = sitk.JoinSeries(image)
    array = sitk.GetArrayViewFromImage(image)
    return Volume(array, index_to_lps(image), name, quanta=quanta, owner=image)


def _number(image: SimpleITK.Image, key: str) -> float | None:
    try:
        return float(image.GetMetaData(key)) if image.HasMetaDataKey(key) else None
    except ValueError:
        return None


def _is_scaled_integer(image: object) -> bool:
    """Whether a NIfTI file stores integers (its datatype codes of floating point are 16 and 64)."""
    return _number(image, "datatype") not in (None, 16.0, 64.0, 32.0, 1536.0, 1792.0)
