"""Volumes in the formats that SimpleITK reads: NIfTI, NRRD, MetaImage and others."""

from __future__ import annotations

import os
from os import PathLike
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from .errors import FileError, UsageError
from .registration.regions import LabelImage

if TYPE_CHECKING:
    import SimpleITK


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
        When the file is not there or SimpleITK does not read it.
    UsageError
        When SimpleITK is not installed.
    """
    reader = _import_simpleitk()
    if not os.path.isfile(path):
        raise FileError(path, "there is no such file")
    try:
        return reader.ReadImage(os.fspath(path))
    except RuntimeError as error:
        raise FileError(path, "is no volume that SimpleITK reads (NIfTI, NRRD, MetaImage …)") from error


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
