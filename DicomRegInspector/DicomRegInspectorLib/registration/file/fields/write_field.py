"""Displacement fields as images of three numbers for each voxel, LPS mm: NRRD, MetaImage and NIfTI.

Vectors pass through in slabs, 32-bit and little endian: nothing of the size of the grid is held.
"""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from ....errors import UsageError
from ....space import LPS_TO_RAS, RAS_SIGNS
from ...baking import FieldVectors
from ...checks import ORTHONORMAL_TOLERANCE
from ...grid import Grid

FLOAT32 = "<f4"
_NIFTI_MOST_NODES = 32767
"""Along an axis: dimensions are 16-bit numbers."""
_NIFTI_MILLIMETRES = 2
_NIFTI_VECTOR = 1007
"""NIFTI_INTENT_VECTOR: what ITK hands on as it stands. Of 1006, displacements, some versions turn two signs."""
_NIFTI_SCANNER = 1
"""NIFTI_XFORM_SCANNER_ANAT."""
_NIFTI_FLOAT32 = 16


def write_nrrd(place: Path, vectors: FieldVectors) -> None:
    """Write a NRRD file; its header says that the vectors are along LPS, and for resampling, as Slicer asks for."""
    grid = vectors.grid
    columns = (grid.directions * grid.spacing_mm).T
    header = (
        "NRRD0005\n"
        "type: float\n"
        "dimension: 4\n"
        "space: left-posterior-superior\n"
        f"sizes: 3 {_words(grid.dimensions)}\n"
        f"space directions: none {' '.join(_bracketed(column) for column in columns)}\n"
        "kinds: vector domain domain domain\n"
        "endian: little\n"
        "encoding: raw\n"
        f"space origin: {_bracketed(grid.origin_lps_mm)}\n"
        "measurement frame: (1,0,0) (0,1,0) (0,0,1)\n"
        "displacement field type:=resampling\n"
        "\n"
    )
    with place.open("wb") as file:
        file.write(header.encode("ascii"))
        write_numbers(file, vectors)


def write_metaimage(place: Path, vectors: FieldVectors) -> None:
    """Write a MetaImage file, header and data in one."""
    grid = vectors.grid
    header = (
        "ObjectType = Image\n"
        "NDims = 3\n"
        "BinaryData = True\n"
        "BinaryDataByteOrderMSB = False\n"
        "CompressedData = False\n"
        f"TransformMatrix = {_words(grid.directions.T.ravel())}\n"
        f"Offset = {_words(grid.origin_lps_mm)}\n"
        "CenterOfRotation = 0 0 0\n"
        f"ElementSpacing = {_words(grid.spacing_mm)}\n"
        f"DimSize = {_words(grid.dimensions)}\n"
        "ElementNumberOfChannels = 3\n"
        "ElementType = MET_FLOAT\n"
        "ElementDataFile = LOCAL\n"
    )
    with place.open("wb") as file:
        file.write(header.encode("ascii"))
        write_numbers(file, vectors)


def write_nifti(place: Path, vectors: FieldVectors) -> None:
    """Write a NIfTI-1 file, compressed where its name ends in ``.gz``.

    Raises
    ------
    UsageError
        When the grid has more nodes along an axis than NIfTI-1 can count, or a single slice, which ITK takes for a flat
        image: it then reads a third component of zero.
    """
    nx, ny, nz = vectors.grid.dimensions
    if max(nx, ny, nz) > _NIFTI_MOST_NODES or nz == 1:
        raise UsageError(
            f"{place.name}: NIfTI holds fields of 2 or more slices and {_NIFTI_MOST_NODES} nodes along an axis at "
            f"most, this grid has {nx} x {ny} x {nz} nodes; name an output that ends in .nrrd or .mha"
        )
    axes = vectors.grid.directions
    if not np.allclose(axes.T @ axes, np.eye(3), atol=ORTHONORMAL_TOLERANCE):
        raise UsageError(f"{place.name}: NIfTI holds grids with right angles only; name an output that ends in .nrrd")
    with _compressed_by_name(place) as file:
        file.write(_nifti_header(vectors.grid))
        # Components are the slowest axis.
        for component in range(3):
            write_numbers(file, (slab[:, component] for slab in vectors))


def write_numbers(file: BinaryIO, slabs: Iterable[np.ndarray]) -> None:
    """Write arrays one behind the other, as 32-bit little endian."""
    for slab in slabs:
        file.write(np.ascontiguousarray(slab, FLOAT32).data)


@contextmanager
def _compressed_by_name(place: Path) -> Iterator[BinaryIO]:
    """A file to write to; compressed without name and time, so that the same field gives the same bytes."""
    with place.open("wb") as file:
        if place.suffix.lower() != ".gz":
            yield file
            return
        # Higher levels gain little on the low bits of a vector.
        with gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as compressed:
            yield cast(BinaryIO, compressed)


def _nifti_header(grid: Grid) -> bytes:
    """The 348 bytes of the header and four that say there is no extension."""
    affine = LPS_TO_RAS @ grid.index_to_lps
    rotation = RAS_SIGNS[:, None] * grid.directions
    handedness = 1.0 if np.linalg.det(rotation) > 0 else -1.0
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 5, *grid.dimensions, 1, 3, 1, 1)
    struct.pack_into("<3h", header, 68, _NIFTI_VECTOR, _NIFTI_FLOAT32, 32)
    struct.pack_into("<8f", header, 76, handedness, *grid.spacing_mm, 1, 1, 1, 1)
    struct.pack_into("<3f", header, 108, 352, 1, 0)
    header[123] = _NIFTI_MILLIMETRES
    struct.pack_into("<2h", header, 252, _NIFTI_SCANNER, _NIFTI_SCANNER)
    struct.pack_into("<6f", header, 256, *_quaternion(rotation * [1, 1, handedness]), *affine[:3, 3])
    struct.pack_into("<12f", header, 280, *affine[:3].ravel())
    header[344:348] = b"n+1\0"
    return bytes(header)


def _quaternion(rotation: np.ndarray) -> tuple[float, float, float]:
    """The imaginary parts (b, c, d) of the unit quaternion of a rotation (3, 3) whose real part is not negative."""
    # The eigenvector to the largest eigenvalue of this symmetric matrix, which also serves where digits are few
    # (Bar-Itzhack, "New method for extracting the quaternion from a rotation matrix", J Guid Control Dyn 23(6), 2000).
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    matrix = np.array(
        [
            [xx + yy + zz, zy - yz, xz - zx, yx - xy],
            [zy - yz, xx - yy - zz, xy + yx, xz + zx],
            [xz - zx, xy + yx, yy - xx - zz, yz + zy],
            [yx - xy, xz + zx, yz + zy, zz - xx - yy],
        ]
    )
    _, vectors = np.linalg.eigh(matrix)
    _, b, c, d = (vectors[:, -1] * math.copysign(1.0, vectors[0, -1])).tolist()
    return b, c, d


def _words(values: Iterable[float]) -> str:
    return " ".join(f"{value:.17g}" for value in values)


def _bracketed(values: Iterable[float]) -> str:
    return f"({','.join(f'{value:.17g}' for value in values)})"
