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
from .other_formats import import_simpleitk

SHEARED_SUFFIXES = (".nrrd", ".mha")
"""Of the formats that hold any matrix; ITK makes a tilted one orthogonal when it writes NIfTI."""

_NIFTI_HEADER = 352
"""Bytes before the values."""


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
            _write_volume(folder / place.name, volume, affine)
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


def _write_volume(place: Path, volume: RegularVolume, affine_lps: np.ndarray) -> None:
    """Write a volume, and read it back: ITK says nothing of a NIfTI or NRRD file that did not fit onto the disk."""
    sitk = import_simpleitk()
    image = sitk.GetImageFromArray(volume.array, isVector=volume.array.ndim == 4)
    spacing = np.linalg.norm(affine_lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(affine_lps[:3, 3].tolist())
    image.SetDirection((affine_lps[:3, :3] / spacing).ravel().tolist())
    try:
        sitk.WriteImage(image, str(place), useCompression=True)
        del image  # The one that is read takes its memory.
        read = sitk.ReadImage(str(place))
        is_whole = _same_bytes(sitk.GetArrayViewFromImage(read), volume.array) and _ends_whole(place, volume.array)
    except RuntimeError as error:
        raise UsageError(f"{place.name}: SimpleITK's writer failed; is the disk full?") from error
    if not is_whole:
        raise UsageError(f"{place.name}: what SimpleITK wrote is not whole; is the disk full?")


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
