"""Directions in words."""

from __future__ import annotations

import math

import numpy as np


def describe_plane(normal: np.ndarray) -> str:
    """Return a slice plane by its normal (LPS): ``axial``, ``axial, tilted 18.5°``, ``oblique``."""
    unit = np.asarray(normal, float)
    unit = unit / np.linalg.norm(unit)
    axis = int(np.argmax(np.abs(unit)))
    angle = math.degrees(math.acos(min(abs(float(unit[axis])), 1.0)))
    name = ("sagittal", "coronal", "axial")[axis]
    if angle < 0.05:
        return name
    return f"{name}, tilted {angle:.1f}°" if angle <= 40 else f"oblique, nearest to {name} ({angle:.1f}° off)"
