"""What a 4x4 matrix does, in words."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ...registration.matrices import IDENTITY_LINEAR, IDENTITY_SHIFT_MM, LEAST_SHEAR_DEG, RIGID_TOLERANCE, shear_deg
from ...registration.turns import rotation_deg, turn_of
from ...words import millimetres

_SIDES = (("left", "right"), ("posterior", "anterior"), ("superior", "inferior"))
"""What the positive and the negative direction of each LPS axis is called."""
LEAST_SHIFT_MM = 0.005
"""What two decimals show."""


def describe_matrix(matrix: np.ndarray, rounded: bool = False) -> str:
    """Return a matrix (4, 4) between LPS coordinates in mm, in words: identity, translation, rotation, affine.

    Parameters
    ----------
    rounded
        Whether it is rigid as far as the digits tell that it was written with.
    """
    if not np.isfinite(matrix).all():
        return "not all numbers"
    linear, offset = matrix[:3, :3], matrix[:3, 3]
    shift = f"translation ({', '.join(millimetres(value) for value in offset)}) mm"
    moves = bool(np.abs(offset).max() > IDENTITY_SHIFT_MM)
    if np.abs(linear - np.eye(3)).max() <= IDENTITY_LINEAR:
        return shift if moves else "identity"
    if not rounded and np.abs(linear @ linear.T - np.eye(3)).max() > RIGID_TOLERANCE:
        scale = np.linalg.svd(linear, compute_uv=False)
        words = f"affine with scale {', '.join(f'{value:.4g}' for value in scale)}"
        if (shear := shear_deg(linear)) >= LEAST_SHEAR_DEG:
            words += f" and shear {shear:.1f}°"
        if np.linalg.det(linear) < 0:
            words += ", mirrored"
    elif np.linalg.det(linear) < 0:
        words = "reflection"
    else:
        words = f"rotation by {rotation_deg(linear):.2f}°"
    return f"{words}, {shift}" if moves else words


def describe_turn(linear: np.ndarray) -> str:
    """Return the rotation of a matrix (3, 3) as pitch, roll and yaw; see :class:`~...registration.turns.Turn`."""
    turn = turn_of(linear)
    # Rounded first: -0.00 is no angle.
    pitch, roll, yaw = (round(angle, 2) + 0.0 for angle in (turn.pitch_deg, turn.roll_deg, turn.yaw_deg))
    text = f"pitch {pitch:.2f}°, roll {roll:.2f}°, yaw {yaw:.2f}°"
    if turn.is_locked:
        text += " (at a pitch of 90° roll and yaw turn about one axis: all is told as yaw)"
    return text


def describe_shift(shift: Iterable[float]) -> str:
    """Return a vector in LPS mm in words: ``1.2 mm left, 0.3 mm anterior``; ``none`` for less than 0.005 mm."""
    parts = [
        f"{millimetres(abs(value), 2)} mm {sides[0 if value > 0 else 1]}"
        for value, sides in zip(shift, _SIDES, strict=True)
        if abs(value) >= LEAST_SHIFT_MM
    ]
    return ", ".join(parts) or "none"


def describe_direction(vector: np.ndarray) -> str:
    """Return an LPS direction in words: ``left``, ``posterior and 18.5° superior``."""
    unit = np.asarray(vector, float)
    unit = unit / np.linalg.norm(unit)
    order = np.argsort(-np.abs(unit))
    main = _side(unit, order[0])
    angle = math.degrees(math.acos(min(abs(float(unit[order[0]])), 1.0)))
    if angle < 0.05:
        return main
    return f"{main}, {angle:.1f}° towards {_side(unit, order[1])}"


def _side(vector: np.ndarray, axis: int) -> str:
    return _SIDES[axis][0 if vector[axis] > 0 else 1]
