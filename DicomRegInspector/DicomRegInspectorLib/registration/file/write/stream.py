"""A DICOM file whose vectors pass through: nothing of the size of the grid is held."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ....dicom import tags
from ....errors import UsageError, errors_of_file
from ....limits import ELEMENT
from ....output_file import replace_file

if TYPE_CHECKING:
    from pydicom import Dataset

_MOST_BYTES = ELEMENT.value
"""Of a value and of what encloses it."""


_NOT_ENCODED = "cannot be written: what the images say does not go into a DICOM object"


def save(dataset: Dataset, path: Path) -> None:
    """Write an object to a file, explicit VR little endian; errors as of :func:`....output_file.replace_file`."""
    _name(dataset)

    def write(unfinished: Path) -> None:
        with errors_of_file(path, _NOT_ENCODED):
            dataset.save_as(unfinished, enforce_file_format=True)

    replace_file(path, write)


def save_with_vectors(dataset: Dataset, path: Path, vectors: Iterable[np.ndarray], count: int) -> None:
    """Write a Deformable Spatial Registration, and Vector Grid Data (0064,0009) of its only grid as they come.

    Parameters
    ----------
    dataset
        With one item of Deformable Registration Sequence, which has a grid without vectors.
    vectors
        Pieces in the order of the grid, ``count`` vectors in all, any shape; stored as float32.

    Raises
    ------
    UsageError
        When they do not fit an element, or the file cannot be written; nothing is left of it then.
    """
    (item,) = dataset[tags.DEFORMABLE_REGISTRATION_SEQUENCE].value
    (grid,) = item[tags.DEFORMABLE_GRID_SEQUENCE].value
    size = 12 * count
    ahead, behind = b"", b""
    inner = size
    for enclosing, tag in (
        (grid, tags.VECTOR_GRID_DATA),
        (item, tags.DEFORMABLE_GRID_SEQUENCE),
        (dataset, tags.DEFORMABLE_REGISTRATION_SEQUENCE),
    ):
        # From the inside out: what comes before the element, its header, what it encloses, what comes after it.
        is_sequence = tag != tags.VECTOR_GRID_DATA
        length = inner + (8 if is_sequence else 0)
        if length > _MOST_BYTES:
            raise UsageError(f"{size} bytes of vectors {ELEMENT.sentence}; choose a coarser grid")
        header = _header(tag, b"SQ" if is_sequence else b"OF", length)
        if is_sequence:
            header += b"\xfe\xff\x00\xe0" + inner.to_bytes(4, "little")
        with errors_of_file(path, _NOT_ENCODED):
            before, after = _encoded(enclosing[:tag]), _encoded(enclosing[tag + 1 :])
        ahead, behind = before + header + ahead, behind + after
        inner = len(ahead) + size + len(behind)
    _name(dataset)

    def write(unfinished: Path) -> None:
        with unfinished.open("wb", buffering=0) as file:
            _write_meta(dataset, file)
            _write_all(file, ahead)
            written = 0
            for piece in vectors:
                data = np.ascontiguousarray(piece, "<f4").data.cast("B")
                _write_all(file, data)
                written += len(data)
            if written != size:
                raise ValueError(f"expected {size} bytes of vectors, got {written}")
            _write_all(file, behind)

    replace_file(path, write)


def _header(tag: int, vr: bytes, length: int) -> bytes:
    group, element = divmod(tag, 0x10000)
    return group.to_bytes(2, "little") + element.to_bytes(2, "little") + vr + b"\0\0" + length.to_bytes(4, "little")


def _encoded(part: Dataset) -> bytes:
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, part, parent_encoding="ISO_IR 192")
    return bytes(buffer.getvalue())


def _name(dataset: Dataset) -> None:
    from pydicom import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID


def _write_meta(dataset: Dataset, file: BinaryIO) -> None:
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_file_meta_info

    buffer = DicomBytesIO()
    write_file_meta_info(buffer, dataset.file_meta, enforce_standard=True)
    _write_all(file, b"\0" * 128 + b"DICM" + buffer.getvalue())


def _write_all(file: BinaryIO, data: bytes | memoryview) -> None:
    """An unbuffered file may take a part at a time."""
    rest = memoryview(data)
    while len(rest):
        rest = rest[file.write(rest) :]
