"""The equations of DICOM registrations with their parts laid open, in plain NumPy: so each part can be misread too.

Nothing here is shared with the library's own mappings. Points are LPS mm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

SIGNS = np.array([-1.0, -1.0, 1.0])
"""Between LPS and RAS."""
_ON_NODE = 1e-6
"""Of a voxel: what is nearer to a plane of nodes lies on it."""
_AS_BORDER = 1e-4
"""Of a voxel: what lies outside by less lies on the border."""
_CORNERS = np.array(list(np.ndindex(2, 2, 2)))[:, None]
"""(8, 1, 3) of a cell, before its points."""
_INVERSE_STEPS = 60
_DIFFERENCE_MM = 1e-3
_LONGEST_STEP_MM = 20.0


def identity() -> Array:
    """Return a (4, 4) that moves nothing."""
    return np.eye(4)


@dataclass(frozen=True)
class Lattice:
    """A deformation grid: where its nodes lie, and their vectors."""

    origin: Array
    """(3,) LPS mm of node (0, 0, 0)."""
    directions: Array
    """(3, 3), columns: along the rows of nodes, along their columns, and across both."""
    spacing: Array
    """(3,) mm."""
    vectors: Array
    """(nz, ny, nx, 3) mm along the LPS axes, as doubles; NaN where undefined."""

    @property
    def dimensions(self) -> Array:
        """(3,) numbers of nodes nx, ny, nz."""
        return np.array(self.vectors.shape[2::-1])

    def position(self, index: Sequence[float] | Array) -> Array:
        """Return (..., 3) LPS mm of indices (..., 3), of nodes or between them (PS3.3 C.20.3.1.1)."""
        return self.origin + (np.asarray(index, float) * self.spacing) @ self.directions.T

    def index(self, points: Array) -> Array:
        """Return (n, 3) indices of points (n, 3)."""
        return np.linalg.solve(self.directions * self.spacing, (points - self.origin).T).T


@dataclass(frozen=True)
class Parts:
    """An item of a registration, and how each of its parts is taken; as it stands, as the standard says."""

    lattice: Lattice | None = None
    pre: Array = field(default_factory=identity)
    post: Array = field(default_factory=identity)
    chain: tuple[Array, ...] | None = None
    """The matrices of a Matrix Sequence, of which the first acts first; None for a deformable item."""
    big_endian: bool = False
    looked_up: Literal["x", "pre x"] = "x"
    steps: Literal["pre, vector, post", "vector, pre, post", "pre, post, vector"] = "pre, vector, post"
    reversed: bool = False
    """Whether it is taken as leading from the source to the registered frame."""
    outside: Literal["undefined", "zero", "border"] = "undefined"
    undefined: Literal["undefined", "zero", "left out"] = "undefined"
    nearest: bool = False
    points_in: Array = field(default_factory=lambda: np.ones(3))
    points_out: Array = field(default_factory=lambda: np.ones(3))
    """Signs of the coordinates that go in and come out."""


@dataclass(frozen=True)
class NamedPoints:
    """The same named points in two frames (PS3.3 C.21): one is where the other is by its name."""

    names: tuple[str, ...]
    positions: Array
    """(n, 3) in the registered frame."""
    source_names: tuple[str, ...]
    source_positions: Array
    by_order: bool = False
    reversed: bool = False
    points_in: Array = field(default_factory=lambda: np.ones(3))
    points_out: Array = field(default_factory=lambda: np.ones(3))


def moved(matrix: Array, points: Array) -> Array:
    """Return points (n, 3) through an affine (4, 4)."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def evaluate(parts: Parts | NamedPoints, points: Array) -> Array:
    """Return where points (n, 3) of the registered frame lie in the source frame, NaN where that is undefined.

    Deformable: ``post (pre x + D(x))`` (PS3.3 Equation C.20.3-1). Matrices: the x' with ``M_n ··· M_2 M_1 x' = x``
    (C.20.2). Named points: the point of the same name (C.21).
    """
    given = np.asarray(points, float) * parts.points_in
    if isinstance(parts, NamedPoints):
        return _same_name(parts, given) * parts.points_out
    if parts.chain is not None:
        product = identity()
        for matrix in parts.chain:
            product = matrix @ product
        found = moved(product if parts.reversed else np.linalg.inv(product), given)
    else:
        found = _inverse(parts, given) if parts.reversed else _forward(parts, given)
    return found * parts.points_out


def _same_name(parts: NamedPoints, points: Array) -> Array:
    nearest = np.linalg.norm(points[:, None] - parts.positions, axis=2).argmin(axis=1)
    if parts.reversed:
        return parts.positions[nearest]
    order = list(range(len(parts.source_names)))
    if not parts.by_order:
        order = [parts.source_names.index(name) for name in parts.names]
    return parts.source_positions[np.array(order)[nearest]]


def _forward(parts: Parts, points: Array, extend: bool = False) -> Array:
    before = moved(parts.pre, points)
    vector = np.zeros_like(points)
    if parts.lattice is not None:
        place = points if parts.looked_up == "x" else before
        vector = displacement(parts.lattice, place, parts, extend)
    if parts.steps == "vector, pre, post":
        return moved(parts.post, moved(parts.pre, points + vector))
    if parts.steps == "pre, post, vector":
        return moved(parts.post, before) + vector
    return moved(parts.post, before + vector)


def displacement(lattice: Lattice, points: Array, parts: Parts, extend: bool = False) -> Array:
    """Return D at points (n, 3), mm: trilinear between the nodes; ``extend`` repeats the border beyond it."""
    nowhere = np.asarray(~np.isfinite(points).all(axis=1))
    index, last = lattice.index(np.where(nowhere[:, None], 0, points)), lattice.dimensions - 1
    outside = ((index < -_AS_BORDER) | (index > last + _AS_BORDER)).any(axis=1)
    index, node = np.clip(index, 0, last), np.rint(np.clip(index, 0, last))
    index = np.where(parts.nearest | (np.abs(index - node) < _ON_NODE), node, index)
    low = np.clip(np.floor(index), 0, np.maximum(last - 1, 0)).astype(int)
    share = np.clip(index - low, 0, 1)
    vectors = np.nan_to_num(lattice.vectors) if parts.undefined == "zero" else lattice.vectors
    weights = np.where(_CORNERS == 1, share, 1 - share).prod(axis=-1)
    i, j, k = np.moveaxis(np.minimum(low + _CORNERS, last), -1, 0)
    corners = vectors[k, j, i]
    counts = weights > 0
    if parts.undefined == "left out" or extend:
        counts = counts & np.isfinite(corners).all(axis=-1)
    weights = np.where(counts, weights, 0)
    total = np.where(counts[..., None], weights[..., None] * corners, 0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        total /= weights.sum(axis=0)[:, None]
    total[nowhere] = np.nan
    if extend or parts.outside == "border":
        return total
    total[outside] = 0.0 if parts.outside == "zero" else np.nan
    return total


def _inverse(parts: Parts, points: Array) -> Array:
    """The y that goes to x, by Newton steps with differences for derivatives; NaN where none is found on the grid."""
    found = moved(np.linalg.inv(parts.post @ parts.pre), points)
    steps = np.vstack([np.zeros(3), np.eye(3) * _DIFFERENCE_MM])
    for _ in range(_INVERSE_STEPS if parts.lattice is not None else 1):
        places = (found + steps[:, None]).reshape(-1, 3)
        off = _forward(parts, places, extend=True).reshape(4, -1, 3) - points
        jacobian = np.stack(list((off[1:] - off[0]) / _DIFFERENCE_MM), axis=-1)
        with np.errstate(invalid="ignore"):
            usable = np.isfinite(jacobian).all(axis=(1, 2)) & (np.abs(np.linalg.det(jacobian)) > 1e-6)
        step = np.zeros_like(found)
        step[usable] = np.linalg.solve(jacobian[usable], off[0][usable][:, :, None])[:, :, 0]
        length = np.linalg.norm(step, axis=1, keepdims=True)
        found = found - step * np.minimum(1, _LONGEST_STEP_MM / np.maximum(length, 1e-12))
        if (length < 1e-9).all():
            break
    off = np.linalg.norm(_forward(parts, found) - points, axis=1)
    with np.errstate(invalid="ignore"):
        found[~(off < 1e-5)] = np.nan
    return found
