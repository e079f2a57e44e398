"""ITK transform files, in HDF5 (``.h5``) and as text (``.tfm``): a matrix, a displacement field, or both in a row."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...baking import FieldVectors
from .hdf5_writer import Hdf5Writer

DISPLACEMENT_FIELD = "DisplacementFieldTransform"
INVERSE_DISPLACEMENT_FIELD = "InverseDisplacementFieldTransform"
"""Slicer's own: points go to where the field's displacement brings them from."""
_COMPOSITE = "CompositeTransform"
_AFFINE = "AffineTransform"


@dataclass(frozen=True)
class ItkTransform:
    """A transform as ITK's files hold it: what kind, and two rows of numbers."""

    name: str
    fixed: np.ndarray
    """Float64; of a field where its lattice lies, of a matrix its centre."""
    count: int
    """How many parameters."""
    parameters: Iterable[np.ndarray]
    """In pieces of any shape."""
    dtype: str = "<f8"
    """What they are in an HDF5 file."""


def affine_transform(matrix: np.ndarray) -> ItkTransform:
    """Return a (4, 4) in LPS mm as ITK's affine transform."""
    return ItkTransform(_AFFINE, np.zeros(3), 12, [np.concatenate([matrix[:3, :3].ravel(), matrix[:3, 3]])])


def field_transform(
    dimensions: Sequence[int],
    index_to_lps: np.ndarray,
    vectors: Iterable[np.ndarray],
    *,
    name: str = DISPLACEMENT_FIELD,
    dtype: str = "<f4",
) -> ItkTransform:
    """Return displacements, LPS mm, on a lattice as ITK's transform.

    Parameters
    ----------
    dimensions, index_to_lps
        (nx, ny, nz), and (4, 4) from (i, j, k, 1) to LPS mm.
    vectors
        In pieces, x fastest.
    """
    spacing = np.linalg.norm(index_to_lps[:3, :3], axis=0)
    directions = index_to_lps[:3, :3] / spacing
    where = np.concatenate([dimensions, index_to_lps[:3, 3], spacing, directions.ravel()])
    return ItkTransform(name, where, 3 * math.prod(dimensions), vectors, dtype)


def in_a_row(field: FieldVectors | None, matrix: np.ndarray | None) -> list[ItkTransform]:
    """Return a field and a matrix (4, 4) that acts after it as transforms, in ITK's order: the last acts first."""
    transforms = [] if matrix is None else [affine_transform(matrix)]
    if field is not None:
        transforms.append(field_transform(field.grid.dimensions, field.grid.index_to_lps, field))
    return transforms


def write_hdf5(place: Path, transforms: list[ItkTransform]) -> None:
    """Write an ITK transform file in HDF5; several transforms are one composite."""
    with place.open("wb") as file:
        writer = Hdf5Writer(file)
        groups = {str(number): _group(writer, transform) for number, transform in enumerate(_whole(transforms))}
        writer.finish(writer.group({"TransformGroup": writer.group(groups)}))


def _group(writer: Hdf5Writer, transform: ItkTransform | None) -> int:
    members = {"TransformType": writer.text(_type_name(transform))}
    if transform is not None:
        fixed = transform.fixed
        members["TransformFixedParameters"] = writer.numbers([fixed], fixed.size, "<f8")
        members["TransformParameters"] = writer.numbers(transform.parameters, transform.count, transform.dtype)
    return writer.group(members)


def write_text(place: Path, transforms: list[ItkTransform]) -> None:
    """Write an ITK transform file as text; several transforms are one composite. ITK reads no NaN from text."""
    with place.open("w", encoding="ascii", newline="\n") as file:
        file.write("#Insight Transform File V1.0\n")
        for number, transform in enumerate(_whole(transforms)):
            file.write(f"#Transform {number}\nTransform: {_type_name(transform)}\n")
            if transform is not None:
                file.write("Parameters:")
                for piece in transform.parameters:
                    file.write(_words(piece, 9 if transform.dtype == "<f4" else 17))
                file.write(f"\nFixedParameters:{_words(transform.fixed, 17)}\n")


def _words(numbers: np.ndarray, digits: int) -> str:
    """A blank and a number, for each; one format for all is the fastest way in Python."""
    return (f" %.{digits}g" * numbers.size) % tuple(numbers.ravel().tolist())


def _whole(transforms: list[ItkTransform]) -> Iterator[ItkTransform | None]:
    """What the file lists: None stands for the composite, which comes first and has no numbers."""
    if len(transforms) > 1:
        yield None
    yield from transforms


def _type_name(transform: ItkTransform | None) -> str:
    return f"{_COMPOSITE if transform is None else transform.name}_double_3_3"
