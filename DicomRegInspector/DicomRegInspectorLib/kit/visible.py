"""The objects whose right answer can be seen: a phantom with marks, and that phantom as each registration moves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from .equation import Array, Parts, evaluate
from .objects import DEFORMABLE, MATRICES, TIDY, Encoding, KitItem, KitObject, deformable, grid, matrices, matrix

CAPABILITY = "seen on images"
COLUMNS, ROWS, SLICES = 64, 64, 28
PIXEL_MM, SLICE_MM = 3.5, 6.0
ORIGIN = (-110.25, -110.25, -81.0)
"""LPS mm of the first voxel's centre, of every series: axial, from foot to head."""
SECOND_SOURCE = "visible-items-second"
"""Series of the second item's source frame of ``visible-items``."""
_EDGE_MM = 3.5


@dataclass(frozen=True)
class Mark:
    """A ball that is told from the others by its Hounsfield units."""

    name: str
    hu: int
    centre: tuple[float, float, float]
    """LPS mm in the source frame."""
    radius_mm: float


MARKS = (
    Mark("A", 400, (38.0, -34.0, 27.0), 8.5),
    Mark("B", 550, (-52.0, -12.0, 39.0), 8.5),
    Mark("C", 700, (11.0, 44.0, -3.0), 8.5),
    Mark("D", 850, (-29.0, 27.0, -45.0), 8.5),
    Mark("E", 1000, (57.0, 15.0, -33.0), 8.5),
)
"""What is looked for; no two lie alike about any axis."""
_ABOUT = (
    Mark("body", 0, (0.0, 0.0, 0.0), 0.0),
    Mark("air", -800, (-18.0, -36.0, 2.0), 14.0),
    Mark("fat", -100, (24.0, 6.0, 24.0), 20.0),
)


def phantom(points: Array) -> Array:
    """Return Hounsfield units (n,) of the phantom at points (n, 3), LPS mm in its own frame; air where NaN."""
    inside = np.nan_to_num(points, nan=1e6)
    away = np.abs(inside) / (88.0, 68.0, 70.0)
    values = np.full(len(inside), -1000.0)
    _paint(values, 0.0, ((away**3).sum(axis=1) ** (1 / 3) - 1) * 68.0)
    for mark in (*_ABOUT[1:], *MARKS):
        _paint(values, mark.hu, np.linalg.norm(inside - mark.centre, axis=1) - mark.radius_mm)
    return values


def _paint(values: Array, hu: float, outside_mm: Array) -> None:
    values += np.clip(0.5 - outside_mm / _EDGE_MM, 0, 1) * (hu - values)


@cache
def voxel_centres() -> Array:
    """Return (n, 3) LPS mm of all voxels of a series, columns first, then rows, then slices."""
    k, j, i = np.meshgrid(np.arange(SLICES), np.arange(ROWS), np.arange(COLUMNS), indexing="ij")
    index = np.stack([i, j, k], axis=-1).reshape(-1, 3)
    return np.asarray(ORIGIN) + index * (PIXEL_MM, PIXEL_MM, SLICE_MM)


def voxel_of(point: Array | Sequence[float]) -> Array:
    """Return (3,) column, row and slice of a point, LPS mm, counted from 0 and not rounded."""
    return (np.asarray(point, float) - ORIGIN) / (PIXEL_MM, PIXEL_MM, SLICE_MM)


def registered_image(item: KitItem) -> Array:
    """Return (slices, rows, columns) Hounsfield units: at x what the source shows where x goes."""
    return phantom(evaluate(item.parts, voxel_centres())).reshape(SLICES, ROWS, COLUMNS)


def second_source_image(first: KitItem, second: KitItem) -> Array:
    """Return the image of the second item's source: through both items the registered frame shows the same.

    Parameters
    ----------
    second
        An item of matrices alone.
    """
    assert isinstance(second.parts, Parts) and second.parts.lattice is None
    back = np.linalg.inv(second.parts.post @ second.parts.pre)
    points = voxel_centres() @ back[:3, :3].T + back[:3, 3]
    return phantom(evaluate(first.parts, points)).reshape(SLICES, ROWS, COLUMNS)


def visible_objects() -> Iterator[KitObject]:
    """Yield the objects with a registered series of their own."""
    rigid = matrix((9, -7, 14), (17.5, -12.25, 15.0))
    other = matrix((-6, 12, -8), (-14.0, 9.5, 11.0))
    back = matrix((-6, 12, -8), (-14.0, 9.5, -13.0))
    affine = matrix((6, -5, 10), (12.0, -9.5, 10.0), (1.08, 0.93, 1.05), (0.06, -0.05, 0.04))
    lattice = grid((14, 12, 10), (20, 23, 25), (17, -13, 21), (3.0, -4.0, 2.0), strength=0.055)
    still = matrices(np.eye(4), source="registered")

    def made(name: str, title: str, *items: KitItem, kind: str = DEFORMABLE, encoding: Encoding = TIDY) -> KitObject:
        name = f"visible-{name}"
        return KitObject(name, title, CAPABILITY, items, kind, registered=name, encoding=encoding)

    yield made("matrix", "a rigid matrix", _still(still, "visible-matrix"), matrices(rigid), kind=MATRICES)
    yield made("chain", "two matrices in one sequence", _still(still, "visible-chain"), matrices(other, rigid),
               kind=MATRICES)  # fmt: skip
    yield made("grid", "an oblique grid", deformable(lattice))
    yield made("pre-post", "an oblique grid between rigid matrices", deformable(lattice, rigid, back))
    yield made("pre-affine", "an oblique grid after an affine matrix, undefined lengths", deformable(lattice, affine),
               encoding=Encoding("implicit little endian", True, True))  # fmt: skip
    yield made("items", "an item with a grid for one frame, and one with matrices for another",
               deformable(lattice), deformable(None, rigid, other, source=SECOND_SOURCE))  # fmt: skip


def _still(item: KitItem, source: str) -> KitItem:
    return KitItem(item.parts, item.points, source)
