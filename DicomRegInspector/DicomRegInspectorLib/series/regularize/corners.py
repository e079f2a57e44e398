"""Where the corners of a slice lie, by its own header."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geometry.stacks import Slice
from .one_per_place import Placed


def slice_corners(one: Slice) -> NDArray[np.float64]:
    """(2, 2, 3) centres of a slice's corner pixels, [row][column], LPS mm, just as its header says (PS3.3 C.7.6.2)."""
    cosines = np.asarray(one.orientation, np.float64)
    between_rows, between_columns = one.pixel_spacing_mm or (1.0, 1.0)
    along_row = cosines[:3] * between_columns * (one.header.columns - 1)
    along_column = cosines[3:] * between_rows * (one.header.rows - 1)
    b, a = np.meshgrid((0, 1), (0, 1), indexing="ij")
    corner = np.asarray(one.position_lps_mm, np.float64)
    return corner + a[..., None] * along_row + b[..., None] * along_column


def parallel_deviation_mm(placed: Placed) -> float:
    """The farthest that a slice's corner lies from where the stack's directions and pixel spacing put it."""
    nj, ni = placed.array.shape[1:3]
    between_rows, between_columns = placed.pixel_spacing_mm
    b, a = np.meshgrid((0, nj - 1), (0, ni - 1), indexing="ij")
    row, column, _ = placed.axes
    offsets = a[..., None] * between_columns * row + b[..., None] * between_rows * column
    own = np.stack([slice_corners(one[0]) for one in placed.members])
    return float(np.linalg.norm(own - own[:, :1, :1] - offsets, axis=-1).max())
