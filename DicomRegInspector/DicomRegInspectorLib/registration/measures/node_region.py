"""Nodes of a grid that have something in common: how many, and the box that holds them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Region:
    """Where vectors of one kind lie on the grid: how many, and the box of their (i, j, k), ends included."""

    count: int
    first: tuple[int, int, int]
    last: tuple[int, int, int]


class RegionCount:
    """Counts nodes and keeps the box that holds them, slab by slab; safe to feed from two threads."""

    def __init__(self, dimensions: tuple[int, int, int]) -> None:
        self._dimensions = dimensions
        self._rows: list[np.ndarray] = []

    def add(self, flat: np.ndarray) -> None:
        """Add nodes by their numbers (n,), x fastest."""
        if not len(flat):
            return
        nx, ny, _ = self._dimensions
        index = np.stack([flat % nx, flat // nx % ny, flat // (nx * ny)])
        self._rows.append(np.concatenate([[len(flat)], index.min(axis=1), index.max(axis=1)]))

    @property
    def region(self) -> Region | None:
        """What was added; None for nothing."""
        if not self._rows:
            return None
        table = np.stack(self._rows)
        first, last = table[:, 1:4].min(axis=0), table[:, 4:7].max(axis=0)
        return Region(int(table[:, 0].sum()), tuple(int(i) for i in first), tuple(int(i) for i in last))
