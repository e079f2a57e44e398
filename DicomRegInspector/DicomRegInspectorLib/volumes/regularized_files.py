"""Regularized volumes as files that other programs read, written with SimpleITK."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import UsageError
from ..output_file import require_utf8_name, unfinished_folder
from ..registration.file.itk.write_itk import (
    INVERSE_DISPLACEMENT_FIELD,
    ItkTransform,
    affine_transform,
    field_transform,
    write_hdf5,
)
from ..series.regularize.regular import VOLUME_SUFFIXES, AcquisitionGrid, Regularized, RegularVolume
from .write_volume import SHEARED_SUFFIXES, write_volume_file


def write_regularized(result: Regularized, output: Path) -> list[Path]:
    """Write volumes to files of the kinds in :data:`~..series.regularize.regular.VOLUME_SUFFIXES`.

    Several volumes go into files of their own, ``NAME-section-1.nrrd`` and so on. Volume files hold no displacements,
    and NIfTI no tilt: then the transform that puts the slices in place is written beside the file, as
    ``NAME-acquisition-transform.h5``, which Slicer reads. NRRD and MetaImage hold the tilt of a section in their
    directions.

    Returns
    -------
    The files written, volumes first.

    Raises
    ------
    UsageError
        When a file is there already or cannot be written, or SimpleITK is not installed.
    """
    suffix = next(suffix for suffix in VOLUME_SUFFIXES if output.name.lower().endswith(suffix))
    stem = output.name[: -len(suffix)]
    count = len(result.volumes)
    stems = [stem] if count == 1 else [f"{stem}-section-{number + 1}" for number in range(count)]
    volumes = {output.with_name(stem + suffix): volume for stem, volume in zip(stems, result.volumes, strict=True)}
    transforms = {
        output.with_name(f"{stem}-acquisition-transform.h5"): transform
        for stem, volume in zip(stems, result.volumes, strict=True)
        if (transform := _beside(volume, suffix)) is not None
    }
    require_new([*volumes, *transforms])
    require_utf8_name(output, "SimpleITK")
    # All of them or none: a section alone is not what was asked for.
    with unfinished_folder(Path(os.path.realpath(output)).parent, output) as folder:
        for place, volume in volumes.items():
            affine = volume.affine_lps if _holds(volume, suffix) else volume.upright_affine_lps
            write_volume_file(folder / place.name, volume.array, affine)
        for place, transform in transforms.items():
            write_hdf5(folder / place.name, [transform])
        for place in (*volumes, *transforms):
            os.replace(folder / place.name, os.path.realpath(place))
    return [*volumes, *transforms]


def require_new(places: Sequence[Path]) -> None:
    """Refuse places where something is.

    Raises
    ------
    UsageError
        Names the first one.
    """
    there = [place for place in places if place.exists()]
    if there:
        raise UsageError(f"{there[0]}: already exists and is not overwritten; name another output")


def _holds(volume: RegularVolume, suffix: str) -> bool:
    """Whether a file of this kind can say where all voxels are, displacements aside."""
    return volume.is_orthogonal or (volume.displacement is None and suffix in SHEARED_SUFFIXES)


def _beside(volume: RegularVolume, suffix: str) -> ItkTransform | None:
    """What a file of this kind cannot say: from points of the patient to points of the lattice in the file."""
    if volume.displacement is not None:
        return _acquisition_transform(volume.displacement)
    if _holds(volume, suffix):
        return None
    return affine_transform(volume.upright_affine_lps @ np.linalg.inv(volume.affine_lps))


def _acquisition_transform(grid: AcquisitionGrid) -> ItkTransform:
    """The inverse of displacements from the lattice into the patient: of all programs, Slicer reads it."""
    dimensions = (2, 2, len(grid.displacements_mm))
    # Doubles: single precision would cost 1e-5 mm, and the grid is small.
    pieces = [grid.displacements_mm]
    return field_transform(dimensions, grid.affine_lps, pieces, name=INVERSE_DISPLACEMENT_FIELD, dtype="<f8")
