"""The objects of the kit: deformable ones here, and those of :mod:`.catalogue_matrices`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np

from .catalogue_matrices import matrix_objects
from .equation import Array, Lattice, identity
from .objects import (
    DEFORMABLE,
    MATRICES,
    SYNTAXES,
    Encoding,
    KitItem,
    KitObject,
    deformable,
    grid,
    matrix,
    points_of,
)
from .visible import visible_objects

_TILTED = (17.0, -23.0, 31.0)
_PRE = matrix((5, -8, 11), (9.5, -6.25, 12.0))
_POST = matrix((-9, 6, -7), (-11.0, 7.75, -5.5))
_PRE_SCALED = matrix((5, -8, 11), (9.5, -6.25, 12.0), scale=(1.08, 0.93, 1.05))
_POST_SCALED = matrix((-9, 6, -7), (-11.0, 7.75, -5.5), scale=(0.94, 1.07, 1.11))
_PRE_AFFINE = matrix((5, -8, 11), (9.5, -6.25, 12.0), (1.06, 0.95, 1.03), (0.06, -0.04, 0.05))
_POST_AFFINE = matrix((-9, 6, -7), (-11.0, 7.75, -5.5), (0.95, 1.05, 1.08), (-0.05, 0.07, -0.03))


@cache
def kit_objects() -> tuple[KitObject, ...]:
    """Return every object of the kit; the same each time."""
    parts = (_grids(), _matrices(), _items(), _undefined(), _encodings(), _odd(), matrix_objects(), visible_objects())
    objects = [made for part in parts for made in part]
    capabilities = list(dict.fromkeys(made.capability for made in objects))
    return tuple(sorted(objects, key=lambda made: capabilities.index(made.capability)))


def _grids() -> Iterator[KitObject]:
    def made(name: str, title: str, lattice: Lattice) -> KitObject:
        return KitObject(name, title, "where the grid lies", (deformable(lattice),))

    yield made("grid-axial", "axial grid, the same spacing in all axes", grid((6, 6, 6), (10, 10, 10)))
    yield made("grid-anisotropic", "axial grid, three spacings", grid())
    yield made("grid-coronal", "coronal grid", grid(degrees=(-90, 0, 0)))
    yield made("grid-sagittal", "sagittal grid", grid(degrees=(-90, 0, 90)))
    yield made("grid-turned", "grid turned about z", grid(degrees=(0, 0, 28)))
    yield made("grid-tilted", "grid tilted about x, as a gantry tilts", grid(degrees=(-19, 0, 0)))
    yield made("grid-oblique", "oblique grid, three spacings", grid(degrees=_TILTED))
    yield made(
        "grid-oblique-cubic", "oblique grid, the same spacing in all axes", grid((6, 6, 6), (10, 10, 10), _TILTED)
    )
    yield made("grid-upside-down", "grid that runs to the right, front and head backwards", grid(degrees=(180, 0, 15)))
    yield made("grid-far", "oblique grid far from the origin", grid(degrees=_TILTED, centre=(-312.5, 204.75, 1187.25)))
    yield made("grid-fine", "grid of 0.4 to 0.9 mm", grid((9, 8, 7), (0.4, 0.65, 0.9), _TILTED, strength=0.4))
    yield made("grid-coarse", "grid of 40 to 60 mm", grid((4, 5, 4), (40, 50, 60), _TILTED))


def _matrices() -> Iterator[KitObject]:
    def made(name: str, title: str, pre: Array | None, post: Array | None, lattice: Lattice | None = None) -> KitObject:
        oblique = grid(degrees=_TILTED) if lattice is None else lattice
        return KitObject(name, title, "pre and post matrices", (deformable(oblique, pre, post),))

    yield made("pre-rigid-axial", "axial grid after a rigid pre matrix", _PRE, None, grid())
    yield made("post-rigid-axial", "axial grid before a rigid post matrix", None, _POST, grid())
    yield made("pre-post-rigid-axial", "axial grid between rigid matrices", _PRE, _POST, grid())
    yield made("pre-rigid", "oblique grid after a rigid pre matrix", _PRE, None)
    yield made("post-rigid", "oblique grid before a rigid post matrix", None, _POST)
    yield made("pre-post-rigid", "oblique grid between rigid matrices", _PRE, _POST)
    yield made("pre-post-shifts", "oblique grid between matrices that only shift", matrix(shift=(8, -13, 5)),
               matrix(shift=(-3, 6, 17)))  # fmt: skip
    yield made("pre-scaled", "oblique grid after a pre matrix that scales", _PRE_SCALED, None)
    yield made("post-scaled", "oblique grid before a post matrix that scales", None, _POST_SCALED)
    yield made("pre-affine", "oblique grid after an affine pre matrix", _PRE_AFFINE, None)
    yield made("post-affine", "oblique grid before an affine post matrix", None, _POST_AFFINE)
    yield made("pre-post-affine", "oblique grid between affine matrices", _PRE_AFFINE, _POST_AFFINE)
    yield made("pre-post-identities", "oblique grid between matrices that are written and move nothing", identity(),
               identity())  # fmt: skip
    none = "no grid: the matrices alone move"
    for name, title, pre, post in (
        ("no-grid-pre", f"{none}, a rigid pre matrix", _PRE, None),
        ("no-grid-pre-post", f"{none}, an affine pre and a rigid post matrix", _PRE_AFFINE, _POST),
    ):
        yield KitObject(name, title, "pre and post matrices", (deformable(None, pre, post),))


def _items() -> Iterator[KitObject]:
    def made(name: str, title: str, *items: KitItem) -> KitObject:
        return KitObject(name, title, "several items", items)

    first, second = grid(degrees=_TILTED), grid((6, 7, 5), (8, 7, 11), (-14, 9, -26), phase=1.3)
    yield made("items-two-frames", "two items for two frames of reference",
               deformable(first), deformable(second, source="source-2"))  # fmt: skip
    yield made("items-two-frames-matrices", "two items for two frames, each with its own matrices",
               deformable(first, _PRE, _POST), deformable(second, None, _POST_AFFINE, source="source-2"))  # fmt: skip
    yield made("items-registered-first", "an item that moves nothing for the registered frame, then the one that moves",
               deformable(None, identity(), source="registered"), deformable(first, _PRE))  # fmt: skip
    yield made("items-registered-last", "the item that moves, then one that moves nothing for the registered frame",
               deformable(first, _PRE), deformable(None, identity(), source="registered"))  # fmt: skip
    yield made("items-same-frame", "two items for phases of one frame, told apart by the images they refer to",
               deformable(first, source="source-2"), deformable(second, source="source-3"))  # fmt: skip


def _undefined() -> Iterator[KitObject]:
    def made(name: str, title: str, *items: KitItem) -> KitObject:
        return KitObject(name, title, "where nothing is defined", items)

    def with_hole(lattice: Lattice, at: tuple[slice, slice, slice]) -> Lattice:
        vectors = lattice.vectors.copy()
        vectors[at] = np.nan
        return replace(lattice, vectors=vectors)

    inner = (slice(1, 3), slice(2, 4), slice(2, 4))
    border = (slice(None), slice(None), slice(0, 2))
    yield made("undefined-inside", "axial grid with undefined vectors inside", deformable(with_hole(grid(), inner)))
    yield made("undefined-border", "oblique grid with undefined vectors along one side",
               deformable(with_hole(grid(degrees=_TILTED), border)))  # fmt: skip
    yield made("undefined-matrices", "oblique grid with undefined vectors inside, between rigid matrices",
               deformable(with_hole(grid(degrees=_TILTED), inner), _PRE, _POST))  # fmt: skip
    for name, title, lattice, pre in (
        ("outside-axial", "points beyond an axial grid too, where the standard defines nothing", grid(), None),
        ("outside-oblique", "points beyond an oblique grid too, after a rigid pre matrix", grid(degrees=_TILTED), _PRE),
    ):
        beyond = np.array([(-0.6, 2.2, 1.3), (7.4, 3.1, 2.6), (2.7, -1.8, 1.1), (3.3, 6.2, 3.4), (4.2, 1.6, 4.9)])
        points = np.vstack([points_of(lattice)[:5], np.round(lattice.position(beyond), 3)])
        yield made(name, title, deformable(lattice, pre, points=points))


def _encodings() -> Iterator[KitObject]:
    def made(name: str, encoding: Encoding) -> KitObject:
        item = deformable(grid(degrees=_TILTED), _PRE, _POST, big_endian=encoding.syntax == "explicit big endian")
        return KitObject(name, f"oblique grid between rigid matrices: {encoding.words}", "encodings", (item,),
                         encoding=encoding)  # fmt: skip

    for syntax in SYNTAXES:
        short = syntax.removesuffix(" endian").replace(" ", "-")
        yield made(f"encoding-{short}", Encoding(syntax))
        yield made(f"encoding-{short}-undefined", Encoding(syntax, True, True))
    yield made("encoding-undefined-sequences", Encoding(undefined_sequences=True))
    yield made("encoding-undefined-items", Encoding(undefined_items=True))
    yield made("encoding-private", Encoding(private=True))
    yield made("encoding-private-implicit-undefined", Encoding("implicit little endian", True, True, private=True))


def _odd() -> Iterator[KitObject]:
    def made(name: str, title: str, *items: KitItem) -> KitObject:
        return KitObject(name, title, "odd but right", items)

    flat = grid((7, 6, 1), centre=(14.0, -21.0, 33.0))
    yield made("single-slice", "grid of one slice", deformable(flat))
    yield made("single-slice-matrices", "grid of one slice between rigid matrices", deformable(flat, _PRE, _POST))
    row = grid((9, 1, 1), (6.0, 9.0, 12.0))
    yield made("single-row", "grid of one row of nodes", deformable(row))
    still = grid(degrees=_TILTED)
    still = replace(still, vectors=still.vectors * 0)
    yield made("zero-field", "oblique grid with vectors of zero: nothing is moved", deformable(still))
    yield made("zero-field-matrices", "oblique grid with vectors of zero, between rigid matrices that move",
               deformable(still, _PRE, _POST))  # fmt: skip
    content = (deformable(grid(degrees=_TILTED), _PRE),)
    yield KitObject("wrong-class", "oblique grid after a rigid pre matrix, in an object that says it is a Spatial "
                    "Registration", "broken on purpose", content, DEFORMABLE, MATRICES,
                    broken="SOP Class UID (0008,0016) names another class than the content is of")  # fmt: skip
    yield KitObject("out-of-order", "oblique grid after a rigid pre matrix, elements not in ascending order",
                    "broken on purpose", content, encoding=Encoding(out_of_order=True),
                    broken="elements of groups 0008 and 0020 stand behind those of group 0070")  # fmt: skip
