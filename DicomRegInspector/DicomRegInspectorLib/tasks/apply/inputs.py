"""What a transform is applied to: a volume on a lattice, with what its files say of its values."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import FileError, UsageError, errors_of_file
from ...findings import Finding
from ...progress import Progress
from ...registration.file.write.dicom_object import NOT_COPIED
from ...registration.matrices import is_singular
from ...series import SeriesVolume, load_series
from ...series.regularize.reference import REGULAR_MM
from ...series.regularize.values import fill_value
from ...space import apply_matrix
from ...volumes import Volume
from ...volumes.read_volume import is_dicom, read_volume, volume_of_series
from .request import ApplyRequest

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True, eq=False)
class Input:
    """A volume whose voxels lie on a lattice, sheared ones too."""

    volume: Volume
    series: SeriesVolume | None = None
    """What it was loaded as, where it is DICOM."""

    @property
    def modality(self) -> str:
        """Modality (0008,0060); empty where it is not known."""
        return self.series.modality if self.series is not None else ""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """About the series, and what loading it meant."""
        return self.series.findings if self.series is not None else ()

    @property
    def values(self) -> NDArray[Any]:
        """Its array, with NaN where its files say that there is no image; (nk, nj, ni) or with channels."""
        array = self.volume.array
        padding = self.series.padding if self.series is not None else None
        if padding is None:
            return array
        found = {k: mask for k, plane in enumerate(array) if (mask := padding.mask(plane, k)) is not None}
        if not found:
            return array
        values = array.astype(np.float64 if array.dtype.itemsize > 2 else np.float32)
        for k, mask in found.items():
            values[k][mask] = np.nan
        return values

    def fill(self, asked: float | None) -> float:
        """Return what stands where there is no value: what was asked for, else padding, air or black.

        Raises UsageError when the type of the values does not hold what was asked for.
        """
        if self.series is not None:
            return fill_value(self.series, asked)
        dtype = self.volume.array.dtype
        if asked is None:
            finite = (plane[np.isfinite(plane)] for plane in self.volume.array)
            return min((float(values.min()) for values in finite if values.size), default=0.0)
        if dtype.kind in "iu" and not (float(asked).is_integer() and _reaches(dtype, asked)):
            raise UsageError(f"The fill value {asked:g} cannot be stored as {dtype}, the type of the volume's values.")
        return asked


def _reaches(dtype: np.dtype, value: float) -> bool:
    reach = np.iinfo(dtype)
    return reach.min <= value <= reach.max


def read_input(request: ApplyRequest, progress: Progress | None = None, *, scale_dose: bool = False) -> Input:
    """Read the volume that a request names.

    Raises
    ------
    FileError
        When it cannot be read, or is no volume of three axes.
    UsageError
        When a folder holds no series or several, or slices lie on no lattice: those have to be made regular first.
    """
    return read_place(
        [request.input],
        request.quietly,
        stack=request.stack,
        series_uid=request.series_uid,
        scale_dose=scale_dose,
        progress=progress,
    )


def read_place(
    places: Sequence[str],
    quietly: Callable[[], AbstractContextManager[object]],
    *,
    stack: int | str | None = None,
    series_uid: str | None = None,
    scale_dose: bool = False,
    progress: Progress | None = None,
) -> Input:
    """Read the volume at some places; parameters of :func:`~...series.load_series`, errors of :func:`read_input`."""
    name = places[0]
    for place in places:
        if not os.path.exists(place):
            raise FileError(place, "there is no such file or folder")
    if len(places) == 1 and not is_dicom(name):
        with quietly():
            return Input(read_volume(name, flat=False))
    series = load_series(places, stack=stack, series_uid=series_uid, scale_dose=scale_dose, progress=progress)
    if series.stack is None:
        raise FileError(name, "has no position: where its voxels lie is not known, and nothing can be applied to it")
    _require_lattice(series, name)
    return Input(volume_of_series(series, name), series)


def header_of(path: str) -> Dataset:
    """Read a DICOM file without its pixels.

    Raises FileError when it cannot be parsed.
    """
    import pydicom

    with errors_of_file(path, NOT_COPIED):
        return pydicom.dcmread(path, stop_before_pixels=True)


def _require_lattice(series: SeriesVolume, name: str) -> None:
    count = len(series.array)
    corners = series.slice_corners_lps_mm
    lattice = apply_matrix(series.affine_lps, np.column_stack([np.zeros((count, 2)), np.arange(count)]))
    off = float(np.linalg.norm(corners - lattice, axis=1).max())
    precision = series.stack.precision_mm if series.stack is not None else 0.0
    if off > max(REGULAR_MM, 2 * precision):
        raise UsageError(
            f"{name}: its slices lie up to {off:.3g} mm beside evenly spaced places, on no lattice of voxels; make a "
            "regular volume of it first (regularize), and apply the transform to that"
        )
    if is_singular(series.affine_lps):
        raise UsageError(f"{name}: its voxels have no size along one of their axes")
