"""A grid to resample on that is given from outside: another volume's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ..geometry.stacks import Stack, corners_of, farthest_from_lattice_mm, lattice
from ..pixels.choose_stack import first_at_each_position

RIGHT_ANGLE = 1e-4
"""Largest cosine between a grid's axes: files keep directions with four digits or more."""
REGULAR_MM = 0.01
"""Slices of a reference that lie farther than this from its lattice are on no grid."""


@dataclass(frozen=True, eq=False)
class ReferenceGrid:
    """Where another volume's voxels lie. LPS mm."""

    affine_lps: NDArray[np.float64]
    """(4, 4) from (i, j, k, 1) to LPS mm; axes at right angles."""
    dimensions: tuple[int, int, int]
    """(ni, nj, nk)."""
    frame_uid: str = ""
    """Frame of Reference UID; empty where unknown."""

    def __post_init__(self) -> None:
        lengths = np.linalg.norm(self.affine_lps[:3, :3], axis=0)
        if not (np.isfinite(self.affine_lps).all() and lengths.min() > 0 and min(self.dimensions) > 0):
            raise UsageError(
                "The reference is not a grid: its spacing, origin or size is not a positive finite number."
            )
        directions = self.affine_lps[:3, :3] / lengths
        if np.abs(directions.T @ directions - np.eye(3)).max() > RIGHT_ANGLE:
            raise UsageError("The reference's axes are not at right angles; choose one that is not sheared or tilted.")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ReferenceGrid) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[object, ...]:
        return (*self.affine_lps.ravel().tolist(), *self.dimensions, self.frame_uid)

    def require_frame(self, frame_uid: str) -> None:
        """Refuse a reference in other coordinates than a series is in, where both are known.

        Raises UsageError.
        """
        if self.frame_uid and frame_uid and self.frame_uid != frame_uid:
            raise UsageError(
                f"The reference lies in the frame of reference {self.frame_uid}, the series in {frame_uid}: their "
                "coordinates have nothing in common before a registration. Choose a reference of the same frame."
            )


def reference_of_stack(stack: Stack) -> ReferenceGrid:
    """Return the grid of a stack of slices, which has to be a regular upright one; headers only.

    Raises UsageError.
    """
    kept, _ = first_at_each_position(stack)
    if stack.pixel_spacing_mm is None or stack.spacing is None:
        raise UsageError("The reference is not a grid: it has no Pixel Spacing (0028,0030) or only one slice position.")
    corners = corners_of(kept)
    affine = lattice(stack.axes, stack.pixel_spacing_mm, corners[0], (corners[-1] - corners[0]) / (len(corners) - 1))
    off = farthest_from_lattice_mm(corners, affine)
    if off > max(REGULAR_MM, 2 * stack.precision_mm):
        raise UsageError(f"The reference is not a grid: its slices lie up to {off:.3g} mm beside evenly spaced places.")
    return ReferenceGrid(affine, (stack.columns, stack.rows, len(kept)), stack.frame_of_reference_uid)
