"""A few vectors of a grid that tell the most, found in one pass over the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..registration import Grid

_AXES = ("x", "y", "z")


@dataclass(frozen=True)
class PreviewVector:
    """One vector and why it is shown."""

    name: str
    index: tuple[int, int, int]
    vector: tuple[float, float, float]
    """mm along LPS."""
    length_mm: float


def preview_vectors(grid: Grid) -> list[PreviewVector]:
    """First and last node, the longest vector on the grid's faces, the median, the shortest and longest, and the
    extremes along each axis. Reads slab by slab, so the memory needed does not grow with the grid.

    Raises
    ------
    FileError
        When the file is gone or has changed.
    """
    best = _Best(grid.statistics.percentiles_mm["p50"])
    count = grid.place.count
    for first, slab in grid.place.slabs():
        best.look(slab, first, _on_faces(first, len(slab), grid.dimensions), count)
    nx, ny, _ = grid.dimensions
    rows = []
    for name, (_, at, vector) in best.found.items():
        length = float(np.linalg.norm(vector.astype(float)))
        rows.append(PreviewVector(name, (at % nx, at // nx % ny, at // (nx * ny)), tuple(map(float, vector)), length))
    return rows


class _Best:
    """What has been found so far, by name: (score, number of the vector, vector); the smallest score stays."""

    def __init__(self, median_mm: float) -> None:
        self.median_mm = median_mm
        names = ["first node", "last node", "longest on a face", "median length", "shortest", "longest"]
        names += [f"{side} {axis}" for axis in _AXES for side in ("least", "most")]
        self._order = names
        self._found: dict[str, tuple[float, int, np.ndarray]] = {}

    @property
    def found(self) -> dict[str, tuple[float, int, np.ndarray]]:
        """In the order they are shown."""
        return {name: self._found[name] for name in self._order if name in self._found}

    def look(self, slab: np.ndarray, first: int, on_faces: np.ndarray, count: int) -> None:
        """Compare a slab (n, 3), of which ``first`` is the number of its first vector of ``count``."""
        if first == 0:
            self._found["first node"] = (0.0, 0, slab[0].copy())
        if first + len(slab) == count:
            self._found["last node"] = (0.0, count - 1, slab[-1].copy())
        with np.errstate(over="ignore", invalid="ignore"):
            size = np.sqrt(np.einsum("ij,ij->i", slab, slab))
            size[~np.isfinite(size)] = np.nan
            self._take("longest on a face", np.where(on_faces, -size, np.nan), slab, first)
            self._take("median length", np.abs(size - self.median_mm), slab, first)
            self._take("shortest", size, slab, first)
            self._take("longest", -size, slab, first)
            for axis, name in enumerate(_AXES):
                component = np.where(np.isnan(size), np.nan, slab[:, axis])
                self._take(f"least {name}", component, slab, first)
                self._take(f"most {name}", -component, slab, first)

    def _take(self, name: str, score: np.ndarray, slab: np.ndarray, first: int) -> None:
        if np.isnan(score).all():
            return
        at = int(np.nanargmin(score))
        if name not in self._found or score[at] < self._found[name][0]:
            self._found[name] = (float(score[at]), first + at, slab[at].copy())


def _on_faces(first: int, count: int, dimensions: tuple[int, int, int]) -> np.ndarray:
    """Which of the vectors ``first`` to ``first + count`` lie on one of the grid's six faces."""
    nx, ny, nz = dimensions
    flat = np.arange(first, first + count, dtype=np.int64)
    i, rest = flat % nx, flat // nx
    j, k = rest % ny, rest // ny
    return (i == 0) | (i == nx - 1) | (j == 0) | (j == ny - 1) | (k == 0) | (k == nz - 1)
