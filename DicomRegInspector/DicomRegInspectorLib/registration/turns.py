"""Rotations as therapists name them: pitch, roll and yaw, their order and signs; and the shift at a point."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

IEC_AXES = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Columns: left, superior and anterior in LPS, which are X, Y and Z of IEC 61217 for a patient supine, head first."""
LOCKED = 1e-6
"""Cosine of the pitch below which roll and yaw turn about one axis."""


@dataclass(frozen=True)
class Turn:
    """The rotation of a matrix: ``R = R_anterior(yaw) · R_left(pitch) · R_superior(roll)``, each right-handed.

    In the order of a table top: yaw first, then pitch and then roll, each about axes turned by those before (PS3.3
    C.8.8.14.12, "The Pitch Angle rotation is applied before the Roll Angle rotation", after that of the support).
    """

    pitch_deg: float
    """About the patient's left: positive takes superior towards anterior. -90 to 90."""
    roll_deg: float
    """About superior: positive takes anterior towards left. -180 to 180."""
    yaw_deg: float
    """About anterior: positive takes left towards superior. -180 to 180."""
    total_deg: float
    """The one angle about one axis that does the same."""
    is_locked: bool = False
    """Whether the pitch is 90°, where only the sum or difference of roll and yaw is known: all of it is told as yaw."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        return dict(vars(self))


def turn_of(linear: np.ndarray) -> Turn:
    """Find the rotation of a matrix (3, 3) in LPS; of one that scales or shears that of its polar decomposition."""
    lps = closest_rotation(linear)
    iec = IEC_AXES.T @ lps @ IEC_AXES
    level = math.hypot(iec[0, 1], iec[1, 1])
    pitch, locked = math.atan2(iec[2, 1], level), level < LOCKED
    roll = 0.0 if locked else math.atan2(-iec[2, 0], iec[2, 2])
    yaw = math.atan2(iec[1, 0], iec[0, 0]) if locked else math.atan2(-iec[0, 1], iec[1, 1])
    return Turn(math.degrees(pitch), math.degrees(roll), math.degrees(yaw), rotation_deg(lps), locked)


def rotation_deg(linear: np.ndarray) -> float:
    """Return the angle in degrees of a rotation (3, 3)."""
    # atan2 keeps small angles, where the cosine alone is blind.
    skew = np.array([linear[2, 1] - linear[1, 2], linear[0, 2] - linear[2, 0], linear[1, 0] - linear[0, 1]])
    return math.degrees(math.atan2(float(np.linalg.norm(skew)), float(np.trace(linear)) - 1))


def closest_rotation(matrix: np.ndarray) -> np.ndarray:
    """Return the proper rotation (3, 3) closest to a matrix."""
    left, _, right = np.linalg.svd(matrix)
    turn = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right)) or 1.0])
    return left @ turn @ right


@dataclass(frozen=True)
class Shift:
    """Where a point of the registered frame goes, less the point itself."""

    point_lps_mm: tuple[float, float, float]
    of: str
    """What the point is: ``as asked for``, ``centre of series 1``, ``centre of the grid``."""
    shift_mm: tuple[float, float, float]
    """LPS, registered to source; NaN where the registration is undefined."""
    vector_mm: tuple[float, float, float] | None = None
    """Of an item with a grid the vector D at the point, the matrices left out; LPS."""

    @property
    def length_mm(self) -> float:
        """Its length; NaN where it is undefined."""
        return math.hypot(*self.shift_mm)

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it; null where it is undefined."""
        undefined = math.isnan(self.length_mm)
        return {
            "point_lps_mm": list(self.point_lps_mm),
            "of": self.of,
            "direction": "registered-to-source",
            "shift_mm": None if undefined else list(self.shift_mm),
            "length_mm": None if undefined else self.length_mm,
            "vector_mm": None if self.vector_mm is None or undefined else list(self.vector_mm),
        }
