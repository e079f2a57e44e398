"""Where a reader that knows one spacing puts the slices of a stack, and how far that is from where they are.

Slicer's reader (itk::ImageSeriesReader with ForceOrthogonalDirection off) takes the line from the first slice to the
last and cuts it into equal steps: a tilt stays in the matrix, gaps and overlaps are spread over all slices. Slicer then
adds a transform that puts each slice in its place; tools that look at the volume without it see this plain one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError


@dataclass(frozen=True, eq=False)
class PlainStack:
    """A stack taken for equally spaced. LPS mm."""

    origin_lps_mm: NDArray[np.float64]
    """(3,) first pixel of the first slice, where it is."""
    step_lps_mm: NDArray[np.float64]
    """(3,) from each slice to the next."""
    distances_mm: NDArray[np.float64]
    """(n,) how far each slice lies from where this puts it."""

    @property
    def spacing_mm(self) -> float:
        """Length of the step: the average distance between slices along the line from the first to the last."""
        return float(np.linalg.norm(self.step_lps_mm))

    @property
    def farthest(self) -> tuple[int, float]:
        """Number (from 1) and distance, mm, of the slice that lies farthest off."""
        index = int(np.argmax(self.distances_mm))
        return index + 1, float(self.distances_mm[index])

    def first_beyond(self, tolerance_mm: float) -> tuple[int, float] | None:
        """Return number (from 1) and distance, mm, of the first slice that lies farther off; None without one."""
        beyond = np.flatnonzero(self.distances_mm > tolerance_mm)
        return (int(beyond[0]) + 1, float(self.distances_mm[beyond[0]])) if beyond.size else None


def plain_stack(corners_lps_mm: NDArray[np.float64]) -> PlainStack:
    """Take slices (n, 3), given by their first pixels in the order of the stack, for equally spaced.

    Raises UsageError when there are fewer than two slices, or the first and the last lie at one place: there is no
    line.
    """
    corners = np.asarray(corners_lps_mm, np.float64).reshape(-1, 3)
    if len(corners) < 2:
        raise UsageError(f"There {'is one slice' if len(corners) else 'are no slices'}: no line leads through them.")
    step = (corners[-1] - corners[0]) / (len(corners) - 1)
    if not np.linalg.norm(step) > 0:
        raise UsageError("The first and the last slice lie at one place: no line leads from one to the other.")
    places = corners[0] + np.arange(len(corners))[:, None] * step
    return PlainStack(corners[0], step, np.linalg.norm(corners - places, axis=1))
