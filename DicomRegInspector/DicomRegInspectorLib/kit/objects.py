"""What an object of the kit holds, before it is DICOM: items, how it is encoded, and the points that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .equation import Array, Lattice, NamedPoints, Parts, evaluate, identity

DEFORMABLE = "Deformable Spatial Registration"
MATRICES = "Spatial Registration"
FIDUCIALS = "Spatial Fiducials"

SYNTAXES = {
    "implicit little endian": "1.2.840.10008.1.2",
    "explicit little endian": "1.2.840.10008.1.2.1",
    "explicit big endian": "1.2.840.10008.1.2.2",
    "deflated": "1.2.840.10008.1.2.1.99",
}
DEFAULT_SYNTAX = "explicit little endian"

_PLACES = (
    (0.11, 0.23, 0.31), (0.83, 0.19, 0.42), (0.47, 0.77, 0.16), (0.21, 0.61, 0.88), (0.69, 0.91, 0.57),
    (0.93, 0.37, 0.79), (0.36, 0.09, 0.64), (0.58, 0.44, 0.93), (0.07, 0.53, 0.05), (0.74, 0.66, 0.27),
)  # fmt: skip
"""Of the grid's extent: where points are asked for, on no plane of nodes and not alike in any two axes."""
_NODES = ((0.34, 0.62, 0.28), (0.71, 0.29, 0.66))
"""Beside which nodes."""


@dataclass(frozen=True)
class Encoding:
    """How an object is written."""

    syntax: str = DEFAULT_SYNTAX
    """Of :data:`SYNTAXES`."""
    undefined_sequences: bool = False
    undefined_items: bool = False
    private: bool = False
    """Whether private elements stand before the content, and in its items."""
    out_of_order: bool = False
    """Whether some elements stand behind those that they should precede, which no object may do."""

    @property
    def words(self) -> str:
        """The encoding in words."""
        lengths = {
            (False, False): "defined lengths",
            (True, True): "undefined lengths",
            (True, False): "undefined lengths of sequences",
            (False, True): "undefined lengths of items",
        }
        parts = [self.syntax, lengths[self.undefined_sequences, self.undefined_items]]
        return ", ".join(parts + (["private elements"] if self.private else []))


TIDY = Encoding()
"""Explicit little endian, defined lengths, nothing private."""


@dataclass(frozen=True)
class KitItem:
    """One item of an object, and what is asked of it."""

    parts: Parts | NamedPoints
    points: Array
    """(n, 3) LPS mm in the registered frame."""
    source: str
    """Series whose frame it leads to, of those in the folder of images."""
    names_frame: bool = True
    """Whether the item names that frame; where not, only the images it refers to tell."""
    has_pre: bool = False
    has_post: bool = False
    """Whether those matrices are written, even as the identity."""

    @property
    def answers(self) -> Array:
        """(n, 3) where the points go, LPS mm; NaN where undefined."""
        with np.errstate(all="ignore"):
            return evaluate(self.parts, self.points)


@dataclass(frozen=True)
class KitObject:
    """One object of the kit."""

    name: str
    """Its file's name without the ending."""
    title: str
    capability: str
    """What a reader has to be able to do, for the table of a score."""
    items: tuple[KitItem, ...]
    kind: str = DEFORMABLE
    sop_class: str = ""
    """What it says it is, where that is not what it holds."""
    registered: str = "registered"
    """Series of its Frame of Reference UID."""
    encoding: Encoding = TIDY
    broken: str = ""
    """What is broken on purpose; a reader may refuse it then."""

    @property
    def file_name(self) -> str:
        """The name of its file."""
        return f"{self.name}.dcm"


def decimal(value: float) -> str:
    """Write a number as a decimal string of at most 16 characters (PS3.5 6.2), the way all of the kit are."""
    text = f"{float(value) + 0.0:.12f}"[:16]
    return text.rstrip("0").rstrip(".") if "." in text else text


def as_written(values: Array | Sequence[float]) -> Array:
    """Return numbers as a reader gets them from :func:`decimal`: answers are worked out from these."""
    array = np.asarray(values, float)
    return np.array([float(decimal(value)) for value in array.ravel()]).reshape(array.shape)


def turn(degrees: Sequence[float]) -> Array:
    """Return (3, 3) rotation about x, then y, then z."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return z @ y @ x


def matrix(
    degrees: Sequence[float] = (0, 0, 0),
    shift: Sequence[float] = (0, 0, 0),
    scale: Sequence[float] = (1, 1, 1),
    shear: Sequence[float] = (0, 0, 0),
) -> Array:
    """Return (4, 4), as written: scaled and sheared along the axes, then turned, then shifted by mm."""
    linear = np.diag(np.asarray(scale, float))
    linear[0, 1], linear[0, 2], linear[1, 2] = shear
    made = identity()
    made[:3, :3], made[:3, 3] = turn(degrees) @ linear, shift
    return as_written(made)


def matrix_type(made: Array) -> str:
    """Return what Frame of Reference Transformation Matrix Type (0070,030C) says of a (4, 4)."""
    products = made[:3, :3].T @ made[:3, :3]
    if np.abs(products - np.eye(3)).max() < 1e-9:
        return "RIGID"
    return "RIGID_SCALE" if np.abs(products - np.diag(np.diag(products))).max() < 1e-9 else "AFFINE"


def grid(
    count: Sequence[int] = (7, 6, 5),
    spacing: Sequence[float] = (7.0, 9.0, 12.0),
    degrees: Sequence[float] = (0, 0, 0),
    centre: Sequence[float] = (14.0, -21.0, 33.0),
    *,
    strength: float = 0.11,
    phase: float = 0.0,
) -> Lattice:
    """Return a grid about a place with a smooth field that is alike in no two axes, as written.

    ``strength``: of the vectors, as a share of the grid's least extent.
    """
    axes = as_written(turn(degrees)[:, :2])
    directions = np.column_stack([axes, np.cross(axes[:, 0], axes[:, 1])])
    step = np.asarray(spacing, float)
    extent = (np.asarray(count) - 1) * step
    origin = np.round(np.asarray(centre) - directions @ extent / 2, 3)
    w, v, u = np.meshgrid(*(np.linspace(0, 1, number) for number in count[::-1]), indexing="ij")
    size = strength * float(extent[extent > 0].min())
    components = [
        np.sin(2.1 * u + 0.3 + phase) + 0.7 * np.cos(2.9 * v - 0.4) - 0.6 * w,
        0.8 * np.cos(2.4 * u + 1.1) - 0.9 * np.sin(1.7 * w + 0.6 + phase) + 0.5 * v,
        0.9 * np.sin(2.6 * v + 0.9 + phase) + 0.8 * np.cos(1.9 * w - 0.7) - 0.5 * u * u,
    ]
    vectors = (size * np.stack(components, axis=-1)).astype(np.float32)
    return Lattice(as_written(origin), directions, step, vectors.astype(float))


def points_of(lattice: Lattice) -> Array:
    """Return the points that are asked for on a grid: between its nodes and beside two of them; (n, 3) LPS mm."""
    last = lattice.dimensions - 1
    nodes = np.clip(np.rint(np.array(_NODES) * last), np.minimum(1, last), np.maximum(last - 1, 0))
    index = np.vstack([np.array(_PLACES) * last, nodes])
    return np.round(lattice.position(index), 3)


POINTS = np.array([
    (31.5, -22.25, 47.0), (-48.0, 12.5, 8.75), (5.25, 63.0, -36.5), (-17.75, -54.25, 22.0), (72.0, 35.5, 61.25),
    (0.0, 0.0, 0.0), (-66.5, 41.75, -70.25), (24.25, 8.0, -12.5),
])  # fmt: skip
"""(8, 3) LPS mm: the points that are asked for where there is no grid."""


def deformable(
    lattice: Lattice | None,
    pre: Array | None = None,
    post: Array | None = None,
    *,
    source: str = "source-1",
    points: Array | None = None,
    big_endian: bool = False,
) -> KitItem:
    """Return an item of a Deformable Registration Sequence; without a matrix it has none."""
    parts = Parts(lattice, identity() if pre is None else pre, identity() if post is None else post,
                  big_endian=big_endian)  # fmt: skip
    asked = points if points is not None else POINTS if lattice is None else points_of(lattice)
    return KitItem(parts, asked, source, has_pre=pre is not None, has_post=post is not None)


def matrices(*chain: Array, source: str = "source-1", names_frame: bool = True) -> KitItem:
    """Return an item of a Registration Sequence with these matrices, the first of which acts first."""
    return KitItem(Parts(chain=chain), POINTS, source, names_frame)
