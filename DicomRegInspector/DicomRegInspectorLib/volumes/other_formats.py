"""Volumes in the formats that SimpleITK reads: NIfTI, NRRD, MetaImage and others."""

from __future__ import annotations

import math
import os
import re
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from ..dicom.fast_header import read_header
from ..errors import FileError, NotDicomError, UsageError
from ..limits import BELIEVED_VALUES, BZIP2, COMPRESSION, TEXT_HEADER
from ..memory import require_room_for_libraries, require_room_to_import
from ..registration.measures.regions import LabelImage
from ..series.pixels.choose_stack import the_series, the_stack
from ..series.regularize.reference import ReferenceGrid, reference_of_stack
from ..words import is_utf8

if TYPE_CHECKING:
    import SimpleITK

NOT_READ = "is not a volume that SimpleITK reads (NIfTI, NRRD, MetaImage …)"
_ENDINGS = {
    "NiftiImageIO": (".nii", ".nii.gz", ".hdr", ".img", ".img.gz", ".nia"),
    "NrrdImageIO": (".nrrd", ".nhdr"),
    "MetaImageIO": (".mha", ".mhd"),
    "GiplImageIO": (".gipl", ".gipl.gz"),
    "VTKImageIO": (".vtk",),
    "HDF5ImageIO": (".h5", ".hdf5", ".hdf"),
    "MINCImageIO": (".mnc", ".mnc2"),
    "MRCImageIO": (".mrc", ".rec"),
    "TIFFImageIO": (".tif", ".tiff"),
    "PNGImageIO": (".png",),
    "JPEGImageIO": (".jpg", ".jpeg"),
    "JPEG2000ImageIO": (".jp2", ".j2k"),
    "BMPImageIO": (".bmp",),
    "LSMImageIO": (".lsm",),
    "BioRadImageIO": (".pic",),
    "StimulateImageIO": (".spr",),
}
"""What of ITK reads files by these endings of their names."""
_COMPRESSED = re.compile(rb"^(encoding *: *(gz|bz)|CompressedData *= *True)", re.IGNORECASE | re.MULTILINE)


def read_label_image(path: str | PathLike[str]) -> LabelImage:
    """Read a label volume, LPS mm; labels are named by their numbers.

    Raises FileError when the file cannot be read, is no volume of whole numbers, or holds more than one number for each
    voxel. Raises UsageError when SimpleITK is not installed.
    """
    return label_image_of(read_image(path), path)


def label_image_of(image: SimpleITK.Image, path: str | PathLike[str]) -> LabelImage:
    """Return a volume that was read from a file as labels, LPS mm.

    Raises FileError when it holds other than whole numbers, or more than one for each voxel.
    """
    array = import_simpleitk().GetArrayFromImage(image)
    if image.GetNumberOfComponentsPerPixel() != 1 or image.GetDimension() != 3:
        found = f"{image.GetDimension()} axes and {image.GetNumberOfComponentsPerPixel()} numbers for each voxel"
        raise FileError(path, f"is not a label volume: it has {found}; expected 3 and 1")
    if not np.issubdtype(array.dtype, np.integer):
        with np.errstate(invalid="ignore"):  # of signalling NaN
            whole = np.round(array)
        if not np.array_equal(whole, array) or np.abs(whole).max(initial=0) > np.iinfo(np.int32).max:
            raise FileError(path, "is not a label volume: it holds numbers that are not whole")
        array = whole.astype(np.int32)
    return LabelImage(array, index_to_lps(image))


def read_image(path: str | PathLike[str]) -> SimpleITK.Image:
    """Read a volume as SimpleITK does.

    Raises FileError when the file is not there, SimpleITK does not read it, or it claims more voxels than it can hold.
    Raises UsageError when SimpleITK is not installed.
    """
    if not os.path.isfile(path):
        raise FileError(path, "there is no such file")
    reader = _reader(path)
    try:
        reader.ReadImageInformation()
        _check_claim(path, reader)
        return reader.Execute()
    except RuntimeError as error:
        if "orthonormal" in str(error):
            problem = "has axes that are not at right angles (sheared), which ITK does not read of NIfTI. Resample it."
            raise FileError(path, problem) from error
        raise FileError(path, NOT_READ) from error


def read_reference(path: str | PathLike[str]) -> ReferenceGrid:
    """Return the grid of a volume, by its header: a folder with one DICOM series, or what SimpleITK reads.

    Raises FileError when the file is not there or is no volume. Raises UsageError when the grid is none that can be
    resampled on: irregular, tilted, sheared.
    """
    name = os.fspath(path)
    if os.path.isdir(name):
        return reference_of_stack(the_stack(the_series(name, None), None))
    if not os.path.isfile(name):
        raise FileError(path, "there is no such file or folder")
    try:
        header = read_header(name)
    except NotDicomError:
        pass
    else:
        if header.number_of_frames > 1:
            return reference_of_stack(the_stack(the_series(name, None), None))
        raise FileError(path, "is one image of a series; name the folder with the whole series as the reference")
    reader = _reader(path)
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise FileError(path, NOT_READ) from error
    if reader.GetDimension() != 3:
        raise FileError(path, f"has {reader.GetDimension()} axes; a reference has three")
    return ReferenceGrid(index_to_lps(reader), tuple(reader.GetSize()))


def _reader(path: str | PathLike[str]) -> SimpleITK.ImageFileReader:
    if not is_utf8(os.fspath(path)):
        raise FileError(path, "has a name that is not in UTF-8, as SimpleITK needs it. Rename the file or its folder.")
    name = _image_io(path)
    if name is None:
        raise FileError(path, NOT_READ)
    reader = import_simpleitk().ImageFileReader()
    # Otherwise each of them looks into the file: GDCM takes gigabytes for a few damaged bytes.
    reader.SetImageIO(name)
    reader.SetFileName(os.fspath(path))
    return reader


def _image_io(path: str | PathLike[str]) -> str | None:
    """What of ITK reads a file, by its name, else by its first bytes; None where nothing does."""
    name = os.fspath(path).lower()
    found = next((reads for reads, endings in _ENDINGS.items() if name.endswith(endings)), None)
    if found is not None:
        return found
    with open(path, "rb") as file:
        head = file.read(TEXT_HEADER.value)
    if head.startswith(b"\x1f\x8b") or head[344:347] in (b"n+1", b"ni1"):
        return "NiftiImageIO"
    if head.startswith(b"NRRD000"):
        return "NrrdImageIO"
    return "MetaImageIO" if re.match(rb"(ObjectType|NDims) *=", head) else None


def _check_claim(path: str | PathLike[str], reader: SimpleITK.ImageFileReader) -> None:
    """ITK allocates what a header claims before it looks for the voxels: refuse what the file cannot hold."""
    claimed = math.prod(reader.GetSize()) * reader.GetNumberOfComponents()
    if claimed <= BELIEVED_VALUES.value:
        return
    place = Path(path)
    # A detached header has its voxels in a file beside it.
    files = place.parent.iterdir() if place.suffix.lower() in (".nhdr", ".mhd", ".hdr") else [place]
    on_disk = sum(file.stat().st_size for file in files if file.is_file())
    if claimed > _most_of_a_byte(place) * on_disk:
        size = " x ".join(map(str, reader.GetSize()))
        raise FileError(path, COMPRESSION.met.format(size=size, bytes=on_disk))


def _most_of_a_byte(path: Path) -> int:
    """How many values one byte can become, as far as the header says."""
    if path.suffix.lower() not in (".nii", ".nrrd", ".mha"):
        return COMPRESSION.value
    with path.open("rb") as file:
        head = file.read(TEXT_HEADER.value)
    packed = _COMPRESSED.search(head)
    if packed is not None:
        return BZIP2.value if packed[2] == b"bz" else COMPRESSION.value
    return COMPRESSION.value if head.startswith(b"\x1f\x8b") else 1


def index_to_lps(image: SimpleITK.Image | SimpleITK.ImageFileReader) -> np.ndarray:
    """Return (4, 4) from (i, j, k, 1) to LPS mm, the coordinates ITK uses."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def place_image(image: SimpleITK.Image, index_to_lps: np.ndarray) -> None:
    """Give an image origin, spacing and directions of a (4, 4) from (i, j, k, 1) to LPS mm."""
    spacing = np.linalg.norm(index_to_lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(index_to_lps[:3, 3].tolist())
    image.SetDirection((index_to_lps[:3, :3] / spacing).ravel().tolist())


def import_simpleitk() -> ModuleType:
    """Return the module SimpleITK, which is not imported before it is needed.

    Raises
    ------
    UsageError
        When it is not installed, or does not fit into memory.
    """
    require_room_to_import("SimpleITK")
    try:
        import SimpleITK
    except ImportError as error:
        require_room_for_libraries(error)
        raise UsageError(
            "volumes are read and written with SimpleITK, which is missing: pip install SimpleITK"
        ) from error
    return SimpleITK
