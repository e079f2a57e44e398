"""Volumes in the formats that SimpleITK reads: NIfTI, NRRD, MetaImage and others."""

from __future__ import annotations

import math
import os
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from .errors import FileError, UsageError
from .registration.regions import LabelImage

if TYPE_CHECKING:
    import SimpleITK

MOST_COMPRESSION = 1100
"""Deflate makes a byte of at most 1032; a header that claims more voxels for each byte on disk is not believed."""
BELIEVED_VOXELS = 1 << 26
"""Claims up to this are tried whatever the file's size: 64 million voxels fit any machine."""


def read_label_image(path: str | PathLike[str]) -> LabelImage:
    """A label volume, LPS mm; labels are named by their numbers.

    Raises
    ------
    FileError
        When the file cannot be read, is no volume of whole numbers, or holds more than one number for each voxel.
    UsageError
        When SimpleITK is not installed.
    """
    image = read_image(path)
    array = _import_simpleitk().GetArrayFromImage(image)
    if image.GetNumberOfComponentsPerPixel() != 1 or image.GetDimension() != 3:
        found = f"{image.GetDimension()} axes and {image.GetNumberOfComponentsPerPixel()} numbers for each voxel"
        raise FileError(path, f"is no label volume: it has {found}; expected 3 and 1")
    if not np.issubdtype(array.dtype, np.integer):
        whole = np.round(array)
        if not np.array_equal(whole, array) or np.abs(whole).max(initial=0) > np.iinfo(np.int32).max:
            raise FileError(path, "is no label volume: it holds numbers that are not whole")
        array = whole.astype(np.int32)
    return LabelImage(array, index_to_lps(image))


def read_image(path: str | PathLike[str]) -> SimpleITK.Image:
    """A volume as SimpleITK reads it.

    Raises
    ------
    FileError
        When the file is not there, SimpleITK does not read it, or it claims more voxels than it can hold.
    UsageError
        When SimpleITK is not installed.
    """
    if not os.path.isfile(path):
        raise FileError(path, "there is no such file")
    reader = _import_simpleitk().ImageFileReader()
    reader.SetFileName(os.fspath(path))
    try:
        reader.ReadImageInformation()
        _check_claim(path, reader)
        return reader.Execute()
    except RuntimeError as error:
        raise FileError(path, "is no volume that SimpleITK reads (NIfTI, NRRD, MetaImage …)") from error


def _check_claim(path: str | PathLike[str], reader: SimpleITK.ImageFileReader) -> None:
    """ITK allocates what a header claims before it looks for the voxels: refuse what the file cannot hold."""
    claimed = math.prod(reader.GetSize()) * reader.GetNumberOfComponents()
    if claimed <= BELIEVED_VOXELS:
        return
    place = Path(path)
    # A detached header has its voxels in a file beside it.
    files = place.parent.iterdir() if place.suffix.lower() in (".nhdr", ".mhd", ".hdr") else [place]
    on_disk = sum(file.stat().st_size for file in files if file.is_file())
    if claimed > MOST_COMPRESSION * on_disk:
        size = " x ".join(map(str, reader.GetSize()))
        raise FileError(path, f"claims {size} voxels, but only {on_disk} bytes are there; it is cut off or damaged")


def index_to_lps(image: SimpleITK.Image) -> np.ndarray:
    """(4, 4) from (i, j, k, 1) to LPS mm, the coordinates ITK uses."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def _import_simpleitk() -> ModuleType:
    try:
        import SimpleITK
    except ImportError as error:
        raise UsageError("volumes are read with SimpleITK, which is missing: pip install SimpleITK") from error
    return SimpleITK
