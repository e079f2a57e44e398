"""An image sampled where a transform leads, slab by slab: ITK interpolates, and nothing is made up where it cannot."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...memory import require_memory
from ...progress import Progress, report_progress
from ...registration.mapping import in_order
from ...series.regularize.reference import ReferenceGrid
from ...space import apply_matrix, plane_indices
from ...volumes.other_formats import import_simpleitk, place_image
from .applied import Coverage, Residual, residual_of
from .field_lookup import FieldLookup
from .request import Interpolation
from .transform import Pulling

if TYPE_CHECKING:
    import SimpleITK

MAX_THREADS = 8
SLAB_VOXELS = 1 << 21
"""Sampled at a time by a thread: some tens of megabytes."""
PULLED_VOXELS = 1 << 18
"""Of these, where each is pulled by itself: that takes a hundred bytes for each."""
_EXACT_WHOLE = 1 << 53
"""Whole numbers up to this are doubles."""


@dataclass(frozen=True, eq=False)
class Sampled:
    """An image on other voxels."""

    array: NDArray[Any]
    """(nk, nj, ni), or with channels; the type of what was sampled."""
    coverage: Coverage
    residual: Residual | None


def resample(
    array: NDArray[Any],
    index_to_lps: NDArray[np.float64],
    transform: Pulling,
    target: ReferenceGrid,
    *,
    interpolation: Interpolation,
    fill: float,
    progress: Progress | None = None,
) -> Sampled:
    """Sample an image at where each voxel of a target is pulled to.

    As ITK has it, a voxel is a box: an image has values up to half a voxel beyond its outermost centres, and nothing
    there is extrapolated further. Integers are rounded to the nearest, not cut off. Where a transform is one grid
    between matrices, ITK looks its vectors up; else points are mapped one by one, exactly.

    Parameters
    ----------
    array
        (nk, nj, ni) or (nk, nj, ni, channels), each channel for itself; NaN: no value.
    index_to_lps
        (4, 4) from (i, j, k, 1) to LPS mm, at any angles.
    fill
        What stands where there is no value; the array's type holds it.

    Raises
    ------
    UsageError
        When memory does not suffice, integers are more than a double holds, or for cubic interpolation a value is
        missing.
    MappingError
        When a matrix cannot be inverted.
    """
    ni, nj, nk = target.dimensions
    shape = (nk, nj, ni, *array.shape[3:])
    require_memory(
        int(np.prod(shape, dtype=object)) * array.dtype.itemsize + array.nbytes,
        f"The output of {' × '.join(map(str, target.dimensions))} voxels, beside the input,",
    )
    output = np.empty(shape, array.dtype)
    channels = range(array.shape[3]) if array.ndim == 4 else [None]
    told = _Told()
    for channel in channels:
        own = array if channel is None else np.ascontiguousarray(array[..., channel])
        into = output if channel is None else output[..., channel]
        sampler = _Sampler(own, index_to_lps, transform, target, interpolation, fill)
        told = sum(_in_slabs(sampler, into, progress), _Told())
    voxel_ml = float(abs(np.linalg.det(target.affine_lps[:3, :3]))) / 1000
    coverage = Coverage(ni * nj * nk, told.undefined, told.filled - told.undefined, fill, voxel_ml)
    return Sampled(output, coverage, told.residual)


@dataclass(frozen=True)
class _Told:
    """What is known of a slab."""

    undefined: int = 0
    filled: int = 0
    residual: Residual | None = None

    def __add__(self, other: _Told) -> _Told:
        residual = _whole([self.residual, other.residual])
        return _Told(self.undefined + other.undefined, self.filled + other.filled, residual)


def _in_slabs(sampler: _Sampler, output: NDArray[Any], progress: Progress | None) -> Iterator[_Told]:
    nk, nj, ni = output.shape
    threads = min(MAX_THREADS, os.cpu_count() or 1)
    size = max(1, min(SLAB_VOXELS // (ni * nj), -(-nk // threads)))
    pool = ThreadPoolExecutor(threads)
    try:
        futures = [pool.submit(sampler.fill_slab, output, k, min(size, nk - k)) for k in range(0, nk, size)]
        for done, future in enumerate(as_completed(futures), 1):
            yield future.result()
            report_progress(progress, done, len(futures), "Resampling", "Resampling was stopped.")
    finally:
        # Threads write into the output: they have to be done before anything else happens to it.
        pool.shutdown(wait=True, cancel_futures=True)


def _whole(residuals: list[Residual | None]) -> Residual | None:
    known = [residual for residual in residuals if residual is not None]
    if not known:
        return None
    largest = [residual.max_mm for residual in known if residual.max_mm is not None]
    return Residual(
        sum(residual.points for residual in known), sum(residual.lost for residual in known), max(largest, default=None)
    )


class _Sampler:
    """Samples slabs; safe to use from several threads."""

    def __init__(
        self,
        array: NDArray[Any],
        index_to_lps: NDArray[np.float64],
        transform: Pulling,
        target: ReferenceGrid,
        interpolation: Interpolation,
        fill: float,
    ) -> None:
        self._transform, self._target, self._fill = transform, target, fill
        self._lookup: FieldLookup | None = None
        # What is linear at the end of the way goes into the geometry of the image.
        self._unmoved = np.eye(4)
        if FieldLookup.can_do(transform):
            mapping = transform.mapping
            self._lookup = FieldLookup(mapping, target.affine_lps, target.dimensions)
            whole = mapping.affine if mapping.grid is None else in_order([mapping.pre, mapping.post])
            self._unmoved = whole if transform.inverse else np.linalg.inv(whole)
        self._overshoots = interpolation == "cubic"
        self._image, self._interpolator, self._pixel_type = _prepared(array, interpolation)
        place_image(self._image, self._unmoved @ index_to_lps)

    def fill_slab(self, output: NDArray[Any], first: int, count: int) -> _Told:
        """Sample slices from ``first`` on into the output."""
        lookup, (_, nj, ni) = self._lookup, output.shape
        found = lookup.itk_transform(first, count) if lookup is not None else None
        if lookup is not None and found is not None:
            values = self._sampled(found, first, count)
            defined = lookup.defined(first, count)
            undefined = defined.blank(values, np.nan) if defined is not None else 0
            return _Told(undefined, self._finish(values, output[first : first + count]), None)
        if count > 1 and count * nj * ni > PULLED_VOXELS:
            half = count // 2
            return self.fill_slab(output, first, half) + self.fill_slab(output, first + half, count - half)
        found, lost, residual = self._pulled(first, count)
        values = self._sampled(found, first, count)
        values[lost] = np.nan
        return _Told(int(np.count_nonzero(lost)), self._finish(values, output[first : first + count]), residual)

    def _slab_to_lps(self, first: int) -> NDArray[np.float64]:
        affine = self._target.affine_lps.copy()
        affine[:3, 3] += first * affine[:3, 2]
        return affine

    def _pulled(self, first: int, count: int) -> tuple[SimpleITK.Transform, NDArray[np.bool_], Residual | None]:
        """Where each voxel is pulled to, as displacements on the voxels themselves; and which are pulled nowhere."""
        sitk = import_simpleitk()
        ni, nj, _ = self._target.dimensions
        plane = plane_indices(ni, nj)
        index = np.concatenate([np.column_stack([plane, np.full(len(plane), k)]) for k in range(count)])
        points = apply_matrix(self._slab_to_lps(first), index)
        moved = self._transform.pull(points)
        lost = ~np.isfinite(moved.points).all(axis=1)
        with np.errstate(invalid="ignore"):
            displacement = apply_matrix(self._unmoved, moved.points) - points
        displacement[lost] = 0.0
        image = sitk.GetImageFromArray(displacement.reshape(count, nj, ni, 3), isVector=True)
        place_image(image, self._slab_to_lps(first))
        return sitk.DisplacementFieldTransform(image), lost.reshape(count, nj, ni), residual_of(moved)

    def _sampled(self, itk_transform: SimpleITK.Transform, first: int, count: int) -> NDArray[np.floating]:
        """(count, nj, ni) values; NaN where the image has none."""
        sitk = import_simpleitk()
        ni, nj, _ = self._target.dimensions
        affine = self._slab_to_lps(first)
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        sampler = sitk.ResampleImageFilter()
        sampler.SetNumberOfThreads(1)  # Slabs are what threads share.
        sampler.SetTransform(itk_transform)
        sampler.SetInterpolator(self._interpolator)
        sampler.SetOutputPixelType(self._pixel_type)
        sampler.SetDefaultPixelValue(float("nan"))
        sampler.SetSize((ni, nj, count))
        sampler.SetOutputOrigin(affine[:3, 3].tolist())
        sampler.SetOutputSpacing(spacing.tolist())
        sampler.SetOutputDirection((affine[:3, :3] / spacing).ravel().tolist())
        return sitk.GetArrayFromImage(sampler.Execute(self._image))

    def _finish(self, values: NDArray[np.floating], output: NDArray[Any]) -> int:
        """Write values in the output's type; returns how many are the fill value for want of any other."""
        total, is_whole = 0, output.dtype.kind in "iu"
        reach = np.iinfo(output.dtype) if is_whole else None
        # Slice by slice: what is done to one stays in the processor's cache.
        for plane, into in zip(values, output, strict=True):
            missing = np.isnan(plane)
            count = int(np.count_nonzero(missing))
            total += count
            if is_whole:
                plane = np.rint(plane)
            if count:
                plane[missing] = self._fill
            if reach is not None and self._overshoots:
                np.clip(plane, reach.min, reach.max, out=plane)
            into[...] = plane
        return total


def _prepared(array: NDArray[Any], interpolation: Interpolation) -> tuple[SimpleITK.Image, int, int]:
    """An image for ITK, what interpolates it, and the type of what comes out: one that holds all values, and NaN."""
    sitk = import_simpleitk()
    dtype = array.dtype
    pixel_type = sitk.sitkFloat64 if dtype.itemsize > (4 if dtype.kind == "f" else 2) else sitk.sitkFloat32
    if (
        dtype.kind in "iu"
        and dtype.itemsize == 8
        and array.size
        and max(-int(array.min()), int(array.max())) > _EXACT_WHOLE
    ):
        raise UsageError("the image holds whole numbers of more than 53 bits, which no interpolation keeps")
    if dtype == np.float16 or dtype == np.bool_:
        array = array.astype(np.float32 if dtype.kind == "f" else np.uint8)
    image = sitk.GetImageFromArray(array.astype(array.dtype.newbyteorder("="), order="C", copy=False))
    if interpolation == "nearest":
        return image, sitk.sitkNearestNeighbor, pixel_type
    if interpolation == "linear":
        return image, sitk.sitkLinear, pixel_type
    if dtype.kind == "f" and not all(np.isfinite(plane).all() for plane in array):
        raise UsageError(
            "cubic interpolation needs a value at every voxel, and some are NaN, infinite or padding; choose linear"
        )
    # Once for all slabs: ITK would otherwise find the coefficients anew for each.
    coefficients = sitk.BSplineDecomposition(sitk.Cast(image, sitk.sitkFloat64), 3)
    return coefficients, sitk.sitkBSplineResamplerOrder3, pixel_type
