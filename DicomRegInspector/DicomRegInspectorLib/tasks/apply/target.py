"""The voxels of the output: a reference's, the registration's own grid, or the input's own carried along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ...errors import ChoiceError, UsageError
from ...registration.matrices import is_rigid
from ...series.pixels.choose_stack import the_series, the_stack
from ...series.regularize.reference import ReferenceGrid, reference_of_stack
from ...volumes import Volume
from ...volumes.other_formats import read_reference
from ...volumes.read_volume import is_dicom
from .request import ApplyRequest

MOST_VOXELS = 1 << 31
"""Of an output: two gigabytes at the least; a spacing that asks for more was mistyped."""


OwnGrid = Callable[[ApplyRequest, Volume], tuple[ReferenceGrid, str]]
"""Finds the voxels of an output for an input, and says whose they are."""


def target_grid(request: ApplyRequest, volume: Volume, own_grid: OwnGrid | None = None) -> tuple[ReferenceGrid, str]:
    """Find the voxels of an output, and say in words whose they are.

    A reference's; without one those of the registration's own grid, on the way to the registered frame; of a rigid
    matrix the input's own, carried along, so that nothing has to be interpolated. A spacing divides the box of these
    anew.

    Parameters
    ----------
    volume
        The input.
    own_grid
        What finds them where there is no reference and no rigid matrix; None: they are the registration's.

    Raises
    ------
    FileError
        When the reference cannot be read.
    UsageError
        When it is no grid, or there is none to take.
    """
    grid, words = _whole(request, volume, own_grid)
    if request.spacing_mm is not None:
        grid = _divided(grid, request.spacing_mm)
        words += ", its box divided anew"
    count = int(np.prod(grid.dimensions, dtype=object))
    if count > MOST_VOXELS:
        raise UsageError(f"the output would have {' × '.join(map(str, grid.dimensions))} voxels; choose fewer")
    return grid, words


def _whole(request: ApplyRequest, volume: Volume, own_grid: OwnGrid | None) -> tuple[ReferenceGrid, str]:
    transform = request.transform
    if request.reference:
        return reference_grid(request.reference), "the reference's voxels"
    mapping = transform.mapping
    frame = transform.output_frame_uid
    if own_grid is not None and (mapping.lattice is not None or not is_rigid(mapping.affine)):
        return own_grid(request, volume)
    if mapping.lattice is not None and not transform.inverse:
        dimensions, index_to_lps = mapping.lattice
        if min(dimensions) > 1:
            return ReferenceGrid(index_to_lps, dimensions, frame), "the nodes of the registration's own grid"
    if mapping.lattice is None:
        matrix = mapping.affine if transform.inverse else np.linalg.inv(mapping.affine)
        if is_rigid(matrix):
            return (
                ReferenceGrid(matrix @ volume.index_to_lps, volume.dimensions, frame),
                "the input's own voxels, carried along",
            )
    raise ChoiceError(
        f"{transform.registration.path}: has no voxels of the {transform.sides[1]} frame to bring the input to; name "
        "an image there",
        "reference",
    )


def reference_grid(reference: Sequence[str]) -> ReferenceGrid:
    """Return the voxels of a reference; headers only.

    Raises FileError when it cannot be read. Raises UsageError when it is no grid.
    """
    if len(reference) == 1:
        return read_reference(reference[0])
    return reference_of_stack(the_stack(the_series(reference, None), None))


def dicom_reference(reference: Sequence[str]) -> Sequence[str]:
    """Return a reference where it is DICOM: what patient and study are taken from; nothing otherwise."""
    return reference if reference and all(is_dicom(path) for path in reference) else ()


def _divided(grid: ReferenceGrid, spacing_mm: tuple[float, float, float]) -> ReferenceGrid:
    """The same box, from face to face of its voxels, in others: as many as fit, in the middle."""
    old = np.linalg.norm(grid.affine_lps[:3, :3], axis=0)
    size, wanted = old * grid.dimensions, np.array(spacing_mm)
    counts = np.maximum(np.floor(size / wanted + 1e-6), 1)
    affine = grid.affine_lps.copy()
    directions = grid.affine_lps[:3, :3] / old
    affine[:3, :3] = directions * wanted
    affine[:3, 3] += directions @ ((size - counts * wanted) / 2 - old / 2 + wanted / 2)
    ni, nj, nk = (int(count) for count in counts)
    return replace(grid, affine_lps=affine, dimensions=(ni, nj, nk))
