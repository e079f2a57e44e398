"""A head and a chest made of formulas: Hounsfield units at any point, so that images of them have known answers.

They suggest anatomy and are no model of it. Points are LPS mm, the origin lies in the middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

AIR_HU = -1000.0
EDGE_MM = 3.0
"""Over this length a surface goes from outside to inside: about a voxel, as partial volume makes it."""
BLOCK = 4096
"""Points painted at a time: about half a slice."""

Points = NDArray[np.float32]
Values = NDArray[np.float32]


@dataclass(frozen=True)
class Solid:
    """An ellipsoid (``power`` 2) or one with a squarer outline; a cylinder when one radius is far longer than all."""

    hu: float
    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    axes: tuple[tuple[float, float, float], ...] = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    """Unit vectors along the radii."""
    power: float = 2.0
    below_z: float = np.inf
    above_z: float = -np.inf

    def extent(self) -> NDArray[np.float32]:
        """Return (3,) how far from its centre it can be seen along x, y and z."""
        reach = np.sqrt(((np.asarray(self.axes) * np.asarray(self.radii)[:, None]) ** 2).sum(axis=0))
        return np.asarray(reach + EDGE_MM, np.float32)

    def paint(self, points: Points, values: Values) -> None:
        """Put it over what is in ``values`` (n,) at ``points`` (n, 3)."""
        centre, axes, radii = (np.asarray(value, np.float32) for value in (self.centre, self.axes, self.radii))
        near = np.flatnonzero((np.abs(points - centre) < self.extent()).all(axis=1))
        if not near.size:
            return
        part = points[near]
        local = np.abs((part - centre) @ axes.T) / radii
        size = np.sqrt((local * local).sum(axis=1)) if self.power == 2 else _norm(local, self.power)
        outside = (size - 1) * np.float32(min(self.radii))
        for limit, sign in ((self.below_z, 1), (self.above_z, -1)):
            if np.isfinite(limit):
                outside = np.maximum(outside, sign * (part[:, 2] - np.float32(limit)))
        values[near] += _share(outside) * (np.float32(self.hu) - values[near])


def _norm(local: NDArray[np.floating], power: float) -> NDArray[np.floating]:
    return (local**power).sum(axis=1) ** np.float32(1 / power)


def _share(outside: Values) -> Values:
    """1 inside, 0 outside, smooth over :data:`EDGE_MM`; of the distance outside the surface, mm."""
    t = np.clip(0.5 - outside / EDGE_MM, 0, 1)
    return t * t * (3 - 2 * t)


def _rod(hu: float, start: ArrayLike, end: ArrayLike, radius: float) -> Solid:
    """A thin ellipsoid from point to point: a vessel."""
    first, last = np.asarray(start, float), np.asarray(end, float)
    along = (last - first) / np.linalg.norm(last - first)
    across = np.cross(along, (0.0, 0.0, 1.0) if abs(along[2]) < 0.9 else (1.0, 0.0, 0.0))
    across /= np.linalg.norm(across)
    axes = tuple(tuple(axis.tolist()) for axis in (across, np.cross(along, across), along))
    centre = tuple(((first + last) / 2).tolist())
    return Solid(hu, centre, (radius, radius, float(np.linalg.norm(last - first)) / 2), axes)


_LONG = 1000.0

_HEAD = (
    Solid(40, (0, 25, -120), (52, 55, _LONG), below_z=-55),  # neck
    Solid(30, (0, 0, 0), (76, 97, 108)),
    Solid(-80, (0, -74, -60), (44, 34, 45)),  # face
    Solid(950, (0, 0, 0), (71, 92, 103)),
    Solid(10, (0, 0, 0), (64, 85, 96)),
    Solid(37, (0, 0, 1), (62, 83, 93)),
    Solid(29, (0, 2, 8), (50, 66, 74)),
    Solid(38, (24, 4, 6), (13, 22, 15)),  # deep grey matter, both sides
    Solid(38, (-24, 4, 6), (13, 22, 15)),
    _rod(6, (7, -38, 22), (24, 46, 16), 8),  # ventricles
    _rod(6, (-7, -38, 22), (-24, 46, 16), 8),
    Solid(6, (0, 12, 4), (4, 14, 12)),
    Solid(130, (0, 28, 8), (4, 4, 4)),  # a calcification in the middle
    Solid(58, (0, 4, 48), (1.5, 78, 42)),  # falx
    Solid(40, (0, 42, -48), (44, 26, 20)),  # cerebellum
    Solid(35, (0, 22, -62), (14, 13, _LONG), below_z=-25),  # brain stem and cord
    Solid(650, (0, 44, -100), (26, 16, 32), below_z=-70),
    Solid(25, (0, 44, -105), (9, 8, 40), below_z=-68),
    Solid(800, (58, 18, -48), (16, 18, 14)),  # temporal bones
    Solid(800, (-58, 18, -48), (16, 18, 14)),
    Solid(-700, (60, 24, -50), (8, 9, 8)),
    Solid(-700, (-60, 24, -50), (8, 9, 8)),
    Solid(700, (33, -76, -32), (20, 17, 19)),  # orbits, eyes and lenses
    Solid(700, (-33, -76, -32), (20, 17, 19)),
    Solid(-70, (33, -78, -32), (17, 18, 16)),
    Solid(-70, (-33, -78, -32), (17, 18, 16)),
    Solid(15, (33, -85, -32), (12, 12, 12)),
    Solid(15, (-33, -85, -32), (12, 12, 12)),
    Solid(90, (33, -94, -32), (5, 2.5, 5)),
    Solid(90, (-33, -94, -32), (5, 2.5, 5)),
    Solid(-950, (0, -86, -12), (18, 7, 12)),  # sinuses and nose
    Solid(-950, (0, -70, -55), (14, 26, 24)),
    Solid(400, (0, -72, -55), (2.5, 26, 24)),
    Solid(70, (-34, 26, 40), (11, 14, 10)),  # one thing that is not on both sides
)

_CHEST = (
    Solid(-105, (0, 0, 0), (172, 118, _LONG), power=2.6),
    Solid(45, (0, 0, 0), (158, 104, _LONG), power=2.6),
    Solid(-835, (74, 4, 25), (60, 80, 138), power=2.4),  # lungs
    Solid(-835, (-74, 4, 25), (62, 82, 138), power=2.4),
    Solid(45, (0, -8, 60), (30, 40, _LONG), above_z=0),
    Solid(45, (22, -26, -22), (54, 46, 60)),  # heart
    Solid(170, (30, -28, -26), (30, 24, 36)),
    Solid(150, (-14, -20, -12), (22, 22, 30)),
    Solid(62, (-72, -4, -118), (92, 92, 96)),  # liver, spleen, stomach
    Solid(110, (-60, 20, -112), (9, 9, 40)),
    Solid(50, (88, 34, -122), (52, 46, 74)),
    Solid(25, (60, -36, -124), (46, 42, 66)),
    Solid(-850, (60, -56, -108), (26, 18, 30)),
    Solid(165, (20, 46, 0), (12, 12, _LONG), below_z=62),  # aorta
    _rod(165, (22, 46, 58), (-10, -26, 66), 13),
    _rod(165, (-10, -26, 72), (-4, -24, -10), 13),
    Solid(-960, (0, 10, 90), (10, 9, _LONG), above_z=42),  # airways
    _rod(-960, (2, 10, 52), (46, 14, 14), 7),
    _rod(-960, (-2, 10, 52), (-48, 14, 10), 7),
    Solid(330, (0, -100, 70), (19, 6, 110), power=3),  # sternum
    Solid(30, (0, 103, 0), (9, 8, _LONG)),
    Solid(35, (-86, -30, 56), (11, 11, 11)),  # one thing that is not on both sides
)


def _lung_vessels() -> tuple[Solid, ...]:
    """Branches from the root of each lung outwards, the same each time."""
    random = np.random.default_rng(20)
    vessels = []
    for side in (1, -1):
        root = np.array([34.0 * side, 12.0, 22.0])
        for _ in range(11):
            away = np.array([side * random.uniform(0.25, 1.0), random.uniform(-0.9, 0.9), random.uniform(-1.0, 1.0)])
            away /= np.linalg.norm(away)
            vessels.append(_rod(40, root, root + away * random.uniform(45, 80), random.uniform(3.5, 6.0)))
    return tuple(vessels)


def head(points: NDArray[np.floating]) -> Values:
    """Return Hounsfield units of the head, about 15 x 19 x 22 cm; (n, 3) LPS mm to (n,)."""
    return _painted(points, _HEAD)


def chest(points: NDArray[np.floating]) -> Values:
    """Return Hounsfield units of the chest, 34 x 24 cm and endless in z; (n, 3) LPS mm to (n,)."""
    flat = np.ascontiguousarray(points, dtype=np.float32)
    lungs, rest = _CHEST[:4], _CHEST[4:]
    values = _painted(flat, (*lungs, *_lung_vessels(), *rest))
    x, y, z = flat.T
    # Vertebrae with discs between them, their arches behind, and ribs that slope forwards and down.
    body = (np.hypot(x / 21, (y - 76) / 17) - 1) * 17
    _blend(values, np.float32(90), body)
    _blend(values, np.float32(330), np.maximum(body, np.abs((z + 6) % 30 - 15) - 11))
    arch = np.maximum(np.maximum(9 - np.hypot(x, y - 103), np.hypot(x / 26, (y - 103) / 13) * 13 - 13), 0)
    _blend(values, np.float32(420), np.maximum(arch - 0.5, np.abs((z + 2) % 30 - 15) - 9))
    wall = ((np.abs(x) / 150) ** 2.6 + (np.abs(y) / 96) ** 2.6) ** (1 / 2.6)
    shell = np.abs(wall - 0.955) * 96 - 5
    _blend(values, np.float32(480), np.maximum(shell, np.abs((z + 0.38 * y) % 28 - 14) - 6))
    return values


def _blend(values: Values, hu: np.float32, outside: Values) -> None:
    values += _share(outside.astype(np.float32)) * (hu - values)


def _painted(points: NDArray[np.floating], solids: Sequence[Solid]) -> Values:
    """Block by block: most solids are far from most blocks, and a block stays in the processor's cache."""
    flat = np.ascontiguousarray(points, dtype=np.float32)
    values = np.full(len(flat), AIR_HU, np.float32)
    places = [(np.asarray(solid.centre, np.float32), solid.extent()) for solid in solids]
    extents = [(centre - extent, centre + extent) for centre, extent in places]
    for start in range(0, len(flat), BLOCK):
        part, painted = flat[start : start + BLOCK], values[start : start + BLOCK]
        low, high = part.min(axis=0), part.max(axis=0)
        for solid, (first, last) in zip(solids, extents, strict=True):
            if (first < high).all() and (last > low).all():
                solid.paint(part, painted)
    return values
