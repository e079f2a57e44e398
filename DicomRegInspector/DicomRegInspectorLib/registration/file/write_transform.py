"""Write a mapping in the formats of other programs: which there are, and what each can and cannot say.

All are LPS mm from the registered to the source frame, as resampling needs it. What readers make of the places where
DICOM defines nothing was tried with SimpleITK 2.5, plastimatch 1.9, transformix 5.0 and Slicer 5.12; tests do it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ...errors import UsageError
from ...output_file import replace_file
from ..baking import FieldVectors, field_then_matrix
from ..mapping import Mapping, MappingError
from .fields.write_field import write_metaimage, write_nifti, write_nrrd
from .itk.write_itk import in_a_row, write_hdf5, write_text

Undefined = Literal["nan", "nan, read as zero", "zero"]
"""What becomes of a vector that is undefined or infinite: NaN; NaN that readers take for zero; zero."""


@dataclass(frozen=True)
class TransformFormat:
    """A format of files that hold a transform."""

    suffixes: tuple[str, ...]
    """Endings of names, lower case."""
    is_field: bool
    """Whether it holds vectors alone, and no matrix."""
    undefined: Undefined
    readers: tuple[str, ...]
    """Programs on ITK that were seen to read it with vectors in it."""
    write: Callable[[Path, FieldVectors | None, np.ndarray | None], None]
    """Called with the place, a field, and a matrix (4, 4) that acts after it; of both, one at least."""


@dataclass(frozen=True)
class WrittenTransform:
    """What went into a file."""

    form: TransformFormat
    has_grid: bool
    has_matrix: bool
    """Whether there is a matrix besides the vectors, or alone."""
    undefined_count: int
    """Vectors that are undefined or infinite in the registration; :attr:`TransformFormat.undefined` says what became
    of them."""


def _write_hdf5(place: Path, field: FieldVectors | None, matrix: np.ndarray | None) -> None:
    write_hdf5(place, in_a_row(field, matrix))


def _write_text(place: Path, field: FieldVectors | None, matrix: np.ndarray | None) -> None:
    write_text(place, in_a_row(field, matrix))


def _as_image(write: Callable[[Path, FieldVectors], None]) -> Callable[[Path, FieldVectors, None], None]:
    return lambda place, field, _: write(place, field)


_FIELD_READERS = ("SimpleITK", "plastimatch", "transformix")

FORMATS = (
    TransformFormat((".h5",), False, "nan", ("SimpleITK",), _write_hdf5),
    TransformFormat((".tfm",), False, "zero", ("SimpleITK",), _write_text),
    TransformFormat((".nrrd",), True, "nan", _FIELD_READERS, _as_image(write_nrrd)),
    TransformFormat((".nii.gz", ".nii"), True, "nan, read as zero", _FIELD_READERS, _as_image(write_nifti)),
    TransformFormat((".mha",), True, "nan", _FIELD_READERS, _as_image(write_metaimage)),
)


def format_of(path: Path) -> TransformFormat:
    """Return the format that a file's name stands for by its ending.

    Raises
    ------
    UsageError
        When it stands for none.
    """
    for form in FORMATS:
        if path.name.lower().endswith(form.suffixes):
            return form
    known = ", ".join(suffix for form in FORMATS for suffix in form.suffixes)
    raise UsageError(f"{path}: expected a name that ends in {known}")


def write_transform(path: Path, mapping: Mapping, *, bake: bool = False) -> WrittenTransform:
    """Write a mapping to a file, by the ending of its name; vectors pass through and are not held.

    Parameters
    ----------
    mapping
        In LPS mm.
    bake
        Put matrices into the vectors instead of beside them; formats that hold vectors alone always get them so.

    Raises
    ------
    MappingError
        When there is no grid and the format holds vectors alone, or a matrix alone cannot be inverted.
    UsageError
        When the name ends in nothing known, or the file cannot be written; then nothing is left behind, and a file that
        was there is untouched.
    FileError
        When the registration's own file is gone or has changed.
    """
    form = format_of(path)
    if form.is_field and mapping.grid is None:
        matrices = " or ".join(suffix for other in FORMATS if not other.is_field for suffix in other.suffixes)
        raise MappingError(f"has no grid to write as a displacement field; name an output that ends in {matrices}")
    before, matrix = field_then_matrix(mapping, bake or form.is_field)
    field = None if before is None else FieldVectors(before, 0.0 if form.undefined == "zero" else np.nan)
    replace_file(path, lambda place: form.write(place, field, matrix))
    return WrittenTransform(form, field is not None, matrix is not None, field.undefined if field else 0)
