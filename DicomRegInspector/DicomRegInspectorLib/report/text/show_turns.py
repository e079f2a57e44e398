"""What an item turns and shifts, as therapists name it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...errors import RegistrationError
from ...registration.matrices import IDENTITY_LINEAR, is_singular
from ...registration.turns import Shift
from ...words import point
from .matrices import describe_shift, describe_turn
from .page import Page

if TYPE_CHECKING:
    from ...registration import RegistrationItem

MEANING = (
    "Pitch is about the patient's left (positive takes superior towards anterior), roll about superior (anterior "
    "towards left), yaw about anterior (left towards superior), all right-handed; first yaw, then pitch, then roll, "
    "each about axes turned by those before (X, Z and Y of IEC 61217; PS3.3 C.8.8.14.12)."
)


def turns_worth_telling(item: RegistrationItem) -> list[np.ndarray]:
    """Return the matrices of an item whose linear part (3, 3) is not the identity."""
    if item.problem is not None:
        return []
    matrices = [item.pre, item.post] if item.matrix is None else [item.matrix]
    return [matrix for matrix in matrices if turns(matrix)]


def turns(matrix: np.ndarray) -> bool:
    """Tell whether a matrix (4, 4) does more than to shift, and has an inverse."""
    if not np.isfinite(matrix).all() or is_singular(matrix):
        return False
    return bool(np.abs(matrix[:3, :3] - np.eye(3)).max() > IDENTITY_LINEAR)


def show_turn(matrix: np.ndarray, page: Page, *, is_rigid: bool, both_ways: bool) -> None:
    """Put pitch, roll and yaw of a matrix (4, 4) on the page; of one that is not rigid those of its closest rotation.

    Parameters
    ----------
    both_ways
        Also those of the inverse: angles of a rotation turned back are not the same with other signs.
    """
    if not turns(matrix):
        return
    closest = "" if is_rigid else "; of the closest rotation (polar decomposition)"
    if not both_ways:
        page.row("turns by", describe_turn(matrix[:3, :3]) + closest, 4)
        return
    page.row("turns by, source to registered", describe_turn(matrix[:3, :3]) + closest, 4)
    page.row("turns by, registered to source", describe_turn(np.linalg.inv(matrix[:3, :3])) + closest, 4)


def shift_of(
    item: RegistrationItem, asked: Sequence[float] | None, centre: tuple[np.ndarray, str] | None
) -> Shift | None:
    """Find the shift at the point asked for, else at a centre (3,) LPS mm with its name, else at that of the grid."""
    if item.problem is not None:
        return None
    if asked is not None:
        place, of = np.asarray(asked, float), "as asked for"
    elif centre is not None:
        place, of = centre
    elif item.grid is not None:
        nx, ny, nz = item.grid.dimensions
        place = (item.grid.node_position((0, 0, 0)) + item.grid.node_position((nx - 1, ny - 1, nz - 1))) / 2
        of = "centre of the grid"
    else:
        return None
    try:
        return item.shift_at(place.tolist(), of)
    except RegistrationError:  # a matrix without an inverse, which the findings tell
        return Shift(tuple(place.tolist()), of, (math.nan,) * 3)


def show_shift(shift: Shift | None, page: Page) -> None:
    """Put the shift at a point on the page, as numbers and in words."""
    if shift is None:
        page.row("shift", "told at a point: no image of the registered frame is here, and none was asked for", 4)
        return
    page.row("shift at", f"{point(shift.point_lps_mm)} mm LPS, {shift.of}", 4)
    if math.isnan(shift.length_mm):
        page.row(
            "registered to source",
            "undefined there: outside the grid, without a vector, or without an inverse",
            6,
        )
        return
    length = f"; {shift.length_mm:.3f} mm long"
    page.row("registered to source", f"{point(shift.shift_mm)} mm LPS{length}: {describe_shift(shift.shift_mm)}", 6)
    back = [-value for value in shift.shift_mm]
    page.row("source to registered", f"{point(back)} mm LPS, of the source point that comes to lie there", 6)
    if shift.vector_mm is not None:
        page.row("the vector alone", f"{point(shift.vector_mm)} mm LPS", 6)
