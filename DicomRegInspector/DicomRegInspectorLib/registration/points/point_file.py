"""What a file of points holds, whatever its format."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

SIGNS = {"LPS": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0)}
"""What a file's coordinates are multiplied by to be LPS, and LPS to be the file's."""


@dataclass(frozen=True)
class PointFile:
    """Points, and how their file is written with them elsewhere."""

    positions_lps_mm: np.ndarray
    """(n, 3) LPS mm; NaN where the file says that a point has no position."""
    names: tuple[str, ...]
    """Labels in the order of the points; empty where there is none."""
    format: str
    """What the format is called."""
    rewrite: Callable[[np.ndarray, np.ndarray | None], str]
    """Called with positions (n, 3) in LPS mm, NaN where there are none, and residuals (n,) in mm or None: the text of
    the file with these positions, everything else as it was, in the file's own coordinate system."""


def number_of(cell: str) -> float | None:
    """Return the number in a cell; None where there is none. Python alone would also take ``1_0``."""
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def in_file(positions_lps_mm: np.ndarray, signs: ArrayLike) -> list[list[float]]:
    """Return positions (n, 3) in the file's coordinates; a product that leaves -0.0 is no news to anybody."""
    places: list[list[float]] = (positions_lps_mm * np.asarray(signs) + 0.0).tolist()
    return places


def is_defined(position: list[float]) -> bool:
    """Return whether a position is one."""
    return all(map(math.isfinite, position))


def shown(cells: list[str]) -> str:
    """Return a row as it stands in a message, cut short."""
    text = ",".join(cells)
    return f"{text[:60]}…" if len(text) > 60 else text or "nothing"
