"""A volume's voxels in the order of DICOM images: the same places, other indices where that is needed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...series.geometry.stacks import Stack
from ...series.regularize.reference import REGULAR_MM, RIGHT_ANGLE
from ...volumes import IndexMapping, Volume

_SHOWN = {2: ((1, 0, 0), (0, 1, 0)), 1: ((1, 0, 0), (0, 0, -1)), 0: ((0, 1, 0), (0, 0, -1))}
"""To which side rows and columns of sagittal, coronal and axial images are shown, LPS, by the main axis of k."""


def planes_of(volume: Volume, like: Stack | None = None) -> Volume:
    """Return a volume with k along row x column, as slices of PS3.3 C.7.6.2 are counted here; values are not copied.

    Axes are exchanged and turned around, nothing is interpolated: every voxel stays in its place.

    Parameters
    ----------
    like
        Images whose rows, columns and slices the new ones shall run along as nearly as they can. None: k stays k, and
        rows and columns run as axial, coronal or sagittal images are shown.

    Raises
    ------
    UsageError
        When axes are not at right angles, slices lie on no lattice, or a voxel has several numbers.
    """
    called = volume.name or "the volume"
    if volume.array.ndim != 3:
        raise UsageError(
            f"{called}: has {volume.array.shape[3]} numbers for each voxel; images are written of one. Write each "
            "component as a volume of its own first."
        )
    _require_lattice(volume, called)
    if like is None or like.slices[0].orientation is None:
        main = int(np.argmax(np.abs(volume.directions[:, 2])))
        mapping = _nearest(volume, np.array(_SHOWN[main], float), [(0, 1, 2), (1, 0, 2)])
    else:
        mapping = _nearest(volume, like.axes, list(permutations(range(3))))
    return Volume(
        mapping.view(volume.array),
        volume.index_to_lps @ mapping.matrix,
        volume.name,
        quanta=volume.quanta if volume.quanta is not None and np.ptp(volume.quanta) == 0 else None,
        frame_uid=volume.frame_uid,
        owner=volume,
    )


def _require_lattice(volume: Volume, called: str) -> None:
    skew = np.abs(volume.directions.T @ volume.directions - np.eye(3)).max()
    if skew > RIGHT_ANGLE:
        angle = 90 - np.degrees(np.arccos(min(skew, 1.0)))
        raise UsageError(
            f"{called}: its axes are {angle:.3g} degrees off right angles (sheared, or tilted); rows and columns of "
            "images are at right angles (PS3.3 C.7.6.2.1.1). Resample it, or regularize the series it is from."
        )
    corners = volume.slice_corners_lps_mm
    if corners is None:
        return
    even = volume.index_to_lps[:3, 3] + np.arange(len(corners))[:, None] * volume.index_to_lps[:3, 2]
    off = float(np.linalg.norm(corners - even, axis=1).max())
    if off > REGULAR_MM:
        raise UsageError(
            f"{called}: its slices lie up to {off:.3g} mm beside evenly spaced places; regularize makes a volume of it"
        )


def _nearest(volume: Volume, wanted: NDArray[np.float64], orders: Sequence[tuple[int, ...]]) -> IndexMapping:
    """The order of axes that runs most nearly along wanted directions, the rows, with k along row x column."""
    cosines = wanted @ volume.directions
    count = len(wanted)
    axes = max(orders, key=lambda order: sum(abs(cosines[m, order[m]]) for m in range(count)))
    flipped = [bool(cosines[m, axes[m]] < 0) for m in range(2)]
    row, column = (volume.directions[:, axes[m]] * (-1 if flipped[m] else 1) for m in range(2))
    flipped.append(bool(np.cross(row, column) @ volume.directions[:, axes[2]] < 0))
    return IndexMapping(axes, tuple(flipped), volume.dimensions)  # type: ignore[arg-type] # one for each of three axes
