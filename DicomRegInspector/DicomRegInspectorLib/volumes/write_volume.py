"""Volumes as files that other programs read, written with SimpleITK and read back."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..space import lattice_corners
from .other_formats import import_simpleitk, index_to_lps, place_image

SHEARED_SUFFIXES = (".nrrd", ".mha")
"""Of the formats that hold any matrix; ITK makes a tilted one orthogonal when it writes NIfTI."""

_NIFTI_HEADER = 352
"""Bytes before the values."""
_PLACED_MM = 0.01
"""How far a corner may lie from where it was: NIfTI places volumes in single precision."""


def write_volume_file(place: Path, array: NDArray[np.generic], affine_lps: NDArray[np.float64]) -> None:
    """Write a volume, and read it back: ITK says nothing of a NIfTI or NRRD file that did not fit onto the disk.

    Parameters
    ----------
    array
        (nk, nj, ni) or (nk, nj, ni, channels).
    affine_lps
        (4, 4) from (i, j, k, 1) to LPS mm.

    Raises UsageError when the writer fails or what it wrote reads otherwise.
    """
    sitk = import_simpleitk()
    image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    place_image(image, affine_lps)
    try:
        sitk.WriteImage(image, str(place), useCompression=True)
        del image  # The one that is read takes its memory.
        read = sitk.ReadImage(str(place))
        is_whole = _same_bytes(sitk.GetArrayViewFromImage(read), array) and _ends_whole(place, array)
        is_whole = is_whole and _is_placed(index_to_lps(read), affine_lps, array)
    except RuntimeError as error:
        raise UsageError(f"{place.name}: SimpleITK's writer failed; is the disk full?") from error
    if not is_whole:
        raise UsageError(f"{place.name}: what SimpleITK wrote is not whole, or lies elsewhere; is the disk full?")


def _is_placed(read: np.ndarray, written: np.ndarray, array: np.ndarray) -> bool:
    nk, nj, ni = array.shape[:3]
    apart = lattice_corners(read, (ni, nj, nk)) - lattice_corners(written, (ni, nj, nk))
    return bool(np.abs(apart).max() <= _PLACED_MM)


def _same_bytes(read: np.ndarray, written: np.ndarray) -> bool:
    return read.shape == written.shape and all(
        np.array_equal(theirs.astype(ours.dtype, copy=False).view("u1"), np.ascontiguousarray(ours).view("u1"))
        for theirs, ours in zip(read, written, strict=True)
    )


def _ends_whole(place: Path, array: np.ndarray) -> bool:
    """Whether a compressed file ends as gzip does (RFC 1952), with the length: readers here would not miss that."""
    inflated = {".nrrd": array.nbytes, ".gz": array.nbytes + _NIFTI_HEADER}.get(place.suffix.lower())
    if inflated is None:
        return True
    with place.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(4), "little") == inflated % 2**32
