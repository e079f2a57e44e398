"""What a 4x4 matrix does, in words."""

from __future__ import annotations

import math

import numpy as np

from ...registration.matrices import IDENTITY_LINEAR, IDENTITY_SHIFT_MM, LEAST_SHEAR_DEG, RIGID_TOLERANCE, shear_deg
from ...words import millimetres

_SIDES = (("left", "right"), ("posterior", "anterior"), ("superior", "inferior"))
"""What the positive and the negative direction of each LPS axis is called."""


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


def rotation_deg(linear: np.ndarray) -> float:
    """Return the angle in degrees of a rotation (3, 3)."""
    # atan2 keeps small angles, where the cosine alone is blind.
    skew = np.array([linear[2, 1] - linear[1, 2], linear[0, 2] - linear[2, 0], linear[1, 0] - linear[0, 1]])
    return math.degrees(math.atan2(float(np.linalg.norm(skew)), float(np.trace(linear)) - 1))


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
