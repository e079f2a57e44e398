"""The objects of the kit without grids: Spatial Registration and Spatial Fiducials."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .equation import NamedPoints, identity
from .objects import DEFORMABLE, FIDUCIALS, MATRICES, POINTS, TIDY, Encoding, KitItem, KitObject, matrices, matrix

_FIRST = matrix((12, -7, 18), (24.5, -13.25, 31.0))
_SECOND = matrix((0, 34, 0), (-41.0, 5.5, 17.75))
_THIRD = matrix((-21, 8, 5), (7.0, 29.5, -22.25))
_SCALED = matrix((12, -7, 18), (24.5, -13.25, 31.0), scale=(1.1, 0.92, 1.06))
_AFFINE = matrix((12, -7, 18), (24.5, -13.25, 31.0), (1.07, 0.94, 1.04), (0.08, -0.05, 0.06))


def _still(source: str = "registered") -> KitItem:
    """The identity that writers add for the registered frame itself."""
    return matrices(identity(), source=source)


def matrix_objects() -> Iterator[KitObject]:
    """Yield Spatial Registration and Spatial Fiducials objects."""
    yield from _single_matrices()
    yield from _chains()
    yield from _items()
    yield from _encoded()
    yield from _fiducials()


def _single_matrices() -> Iterator[KitObject]:
    for name, title, made in (
        ("matrix-rigid", "a rigid matrix", _FIRST),
        ("matrix-shift", "a matrix that only shifts", matrix(shift=(24.5, -13.25, 31.0))),
        ("matrix-turn", "a matrix that only turns", matrix((12, -7, 18))),
        ("matrix-scaled", "a matrix that scales", _SCALED),
        ("matrix-affine", "an affine matrix", _AFFINE),
    ):
        title = f"{title}, and the identity for the registered frame"
        yield KitObject(name, title, "a matrix", (_still(), matrices(made)), MATRICES)
    title = "a rigid matrix, and no item for the registered frame"
    yield KitObject("matrix-alone", title, "a matrix", (matrices(_FIRST),), MATRICES)
    yield KitObject("matrix-identity", "the identity for two frames: nothing is moved", "a matrix",
                    (_still(), _still("source-1")), MATRICES)  # fmt: skip


def _chains() -> Iterator[KitObject]:
    for name, title, chain in (
        ("chain-two", "two matrices in one sequence", (_FIRST, _SECOND)),
        ("chain-three", "three matrices in one sequence", (_FIRST, _SECOND, _THIRD)),
        ("chain-affine", "an affine and a rigid matrix in one sequence", (_AFFINE, _SECOND)),
        ("chain-identity-last", "a rigid matrix and the identity in one sequence", (_FIRST, identity())),
        ("chain-identity-first", "the identity and a rigid matrix in one sequence", (identity(), _FIRST)),
    ):
        yield KitObject(name, title, "several matrices in a sequence", (_still(), matrices(*chain)), MATRICES)


def _items() -> Iterator[KitObject]:
    def made(name: str, title: str, *items: KitItem) -> KitObject:
        return KitObject(name, title, "several items", items, MATRICES)

    yield made("frames-identity-last", "a rigid matrix, then the identity for the registered frame",
               matrices(_FIRST), _still())  # fmt: skip
    yield made("frames-three", "the identity and two matrices for two other frames",
               _still(), matrices(_FIRST), matrices(_SECOND, source="source-2"))  # fmt: skip
    yield made("frames-chains", "two items for two frames, each with two matrices",
               matrices(_FIRST, _SECOND), matrices(_THIRD, _AFFINE, source="source-2"))  # fmt: skip
    yield made("frames-by-references", "two items told apart by the images they refer to alone",
               matrices(_FIRST, source="source-2", names_frame=False),
               matrices(_SECOND, source="source-3", names_frame=False))  # fmt: skip
    yield made("frames-same-frame", "two items for phases of one frame, told apart by the images they refer to",
               matrices(_FIRST, source="source-2"), matrices(_SECOND, source="source-3"))  # fmt: skip


def _encoded() -> Iterator[KitObject]:
    for name, encoding in (
        ("matrix-implicit-undefined", Encoding("implicit little endian", True, True)),
        ("matrix-big-endian", Encoding("explicit big endian")),
        ("matrix-deflated-private", Encoding("deflated", private=True)),
    ):
        yield KitObject(name, f"three matrices in one sequence: {encoding.words}", "encodings",
                        (_still(), matrices(_FIRST, _SECOND, _THIRD)), MATRICES, encoding=encoding)  # fmt: skip
    yield KitObject(
        "wrong-class-matrix",
        "a rigid matrix, in an object that says it is a Deformable Spatial Registration",
        "broken on purpose",
        (_still(), matrices(_FIRST)),
        MATRICES,
        DEFORMABLE,
        broken="SOP Class UID (0008,0016) names another class than the content is of",
    )


def _fiducials() -> Iterator[KitObject]:
    names = ("apex", "carina", "left kidney", "right kidney", "spine")
    registered = POINTS[:5]
    source = np.round(registered @ _AFFINE[:3, :3].T + _AFFINE[:3, 3], 2)
    other = [3, 0, 4, 2, 1]
    mixed = NamedPoints(names, registered, tuple(names[place] for place in other), source[other])
    same = NamedPoints(names, registered, names, source)
    other_order = "named points in two frames, in another order"
    implicit = Encoding("implicit little endian", True, True)
    for name, title, points, encoding in (
        ("fiducials", "named points in two frames, in the same order", same, TIDY),
        ("fiducials-other-order", other_order, mixed, TIDY),
        ("fiducials-implicit-undefined", f"{other_order}: {implicit.words}", mixed, implicit),
    ):
        item = KitItem(points, registered, "source-1")
        yield KitObject(name, title, "named points", (item,), FIDUCIALS, encoding=encoding)
