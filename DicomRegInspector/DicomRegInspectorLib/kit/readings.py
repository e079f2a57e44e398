"""The ways in which readers misread registrations, each as a change of one part of an item.

Seen in other systems' code or output, or reported of them; none of them is guessed at here to be anybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np

from .equation import SIGNS, Array, Lattice, NamedPoints, Parts, evaluate, identity

Item = Parts | NamedPoints
Change = Callable[[Item, Sequence[Item]], Item | None]
"""Of an item and all items of its object; None where there is nothing to misread so."""


@dataclass(frozen=True)
class Misreading:
    """One way to misread."""

    name: str
    title: str
    group: str
    """Two of one group exclude each other."""
    change: Change


def _deformable(change: Callable[[Parts], Parts | None]) -> Change:
    return lambda item, _: change(item) if isinstance(item, Parts) and item.chain is None else None


def _gridded(change: Callable[[Parts, Lattice], Parts | None]) -> Change:
    return _deformable(lambda item: None if item.lattice is None else change(item, item.lattice))


def _vectors(change: Callable[[Lattice], Array]) -> Change:
    return _gridded(lambda item, grid: replace(item, lattice=replace(grid, vectors=change(grid))))


def _grid(**changes: Callable[[Lattice], Array]) -> Change:
    def change(item: Parts, grid: Lattice) -> Parts:
        return replace(item, lattice=replace(grid, **{name: made(grid) for name, made in changes.items()}))

    return _gridded(change)


def _both(change: Callable[[Array, Array], tuple[Array, Array]]) -> Change:
    def changed(item: Parts) -> Parts:
        pre, post = change(item.pre, item.post)
        return replace(item, pre=pre, post=post)

    return _deformable(changed)


def _each_matrix(change: Callable[[Array], Array]) -> Change:
    def changed(item: Item, _: Sequence[Item]) -> Item | None:
        if not isinstance(item, Parts):
            return None
        if item.chain is not None:
            return replace(item, chain=tuple(map(change, item.chain)))
        return replace(item, pre=change(item.pre), post=change(item.post))

    return changed


def _chain(change: Callable[[tuple[Array, ...]], tuple[Array, ...]]) -> Change:
    return lambda item, _: (
        replace(item, chain=change(item.chain)) if isinstance(item, Parts) and item.chain is not None else None
    )


def _any(**values: object) -> Change:
    return lambda item, _: replace(item, **values)  # type: ignore[arg-type] # fields that both kinds have


def _across_items(item: Item, items: Sequence[Item]) -> Item | None:
    chains = [other.chain for other in items if isinstance(other, Parts) and other.chain is not None]
    if not isinstance(item, Parts) or item.chain is None or len(chains) < 2:
        return None
    return replace(item, chain=tuple(matrix for chain in chains for matrix in chain))


def _nothing(item: Item, _: Sequence[Item]) -> Item:
    if isinstance(item, NamedPoints):
        return replace(item, reversed=True)
    return Parts(chain=(identity(),))


def _swapped_bytes(item: Parts, grid: Lattice) -> Parts | None:
    if not item.big_endian:
        return None
    vectors = grid.vectors.astype(np.float32).byteswap().astype(float)
    return replace(item, lattice=replace(grid, vectors=vectors))


def _on_grid(item: Parts, grid: Lattice) -> Parts:
    moved = replace(
        grid,
        origin=item.pre[:3, :3] @ grid.origin + item.pre[:3, 3],
        directions=item.pre[:3, :3] @ grid.directions,
    )
    return replace(item, lattice=moved, pre=identity())


def _rows_without_normal(grid: Lattice) -> Array:
    """Rows are the direction cosines that the file has; across both it is taken to run along z."""
    return np.vstack([grid.directions.T[:2], (0.0, 0.0, 1.0)])


def _rigid_part(matrix: Array) -> Array:
    left, _, right = np.linalg.svd(matrix[:3, :3])
    rigid = matrix.copy()
    rigid[:3, :3] = left @ right
    return rigid


def _column_by_column(matrix: Array) -> Array:
    """The translation is then where nobody looks for it."""
    read = identity()
    read[:3, :3] = matrix[:3, :3].T
    return read


def _as_planes(grid: Lattice) -> Array:
    return np.moveaxis(grid.vectors.reshape(3, *grid.vectors.shape[:3]), 0, -1)


def _z_fastest(grid: Lattice) -> Array:
    nz, ny, nx, _ = grid.vectors.shape
    return grid.vectors.reshape(nx, ny, nz, 3).transpose(2, 1, 0, 3)


def _signed(matrix: Array) -> Array:
    turn = np.diag([*SIGNS, 1.0])
    return turn @ matrix @ turn


_INV = np.linalg.inv
_EYE = identity()

MISREADINGS: tuple[Misreading, ...] = (
    Misreading("identity", "nothing is moved", "all", _nothing),
    Misreading("reversed", "the direction is reversed", "direction", _any(reversed=True)),
    # What the vectors are.
    Misreading("voxel-units", "vectors are taken as numbers of voxels along the grid's axes", "vectors",
               _vectors(lambda g: (g.vectors * g.spacing) @ g.directions.T)),
    Misreading("voxel-units-unturned", "vectors are taken as numbers of voxels, along the patient's axes", "vectors",
               _vectors(lambda g: g.vectors * g.spacing)),
    Misreading("grid-axes", "vectors are taken along the grid's axes, not the patient's", "vectors",
               _vectors(lambda g: g.vectors @ g.directions.T)),
    Misreading("axis-signs", "vectors carry the other sign in x and y (LPS against RAS)", "vectors",
               _vectors(lambda g: g.vectors * SIGNS)),
    Misreading("negated", "vectors are subtracted", "vectors", _vectors(lambda g: -g.vectors)),
    Misreading("components-reversed", "vectors are taken as (dz, dy, dx)", "vectors",
               _vectors(lambda g: g.vectors[..., ::-1])),
    Misreading("vectors-ignored", "vectors are left out", "vectors", _vectors(lambda g: g.vectors * 0)),
    Misreading("byte-order", "vectors are read in the wrong byte order", "vectors", _gridded(_swapped_bytes)),
    # How they are stored.
    Misreading("planes", "vectors are read as all dx, then all dy, then all dz", "layout", _vectors(_as_planes)),
    Misreading("z-fastest", "vectors are read with z running fastest", "layout", _vectors(_z_fastest)),
    # Where the grid lies.
    Misreading("orientation-rows", "the grid's direction cosines are taken as rows of its matrix", "orientation",
               _grid(directions=lambda g: g.directions.T)),
    Misreading("orientation-rows-upright", "the grid's direction cosines are taken as rows, and its slices as axial",
               "orientation", _grid(directions=_rows_without_normal)),
    Misreading("orientation-ignored", "the grid's orientation is left out", "orientation",
               _grid(directions=lambda g: np.eye(3))),
    Misreading("orientation-exchanged", "row and column direction are exchanged", "orientation",
               _grid(directions=lambda g: g.directions[:, [1, 0, 2]] * (1, 1, -1))),
    Misreading("spacing-reversed", "the grid's spacing is taken as (z, y, x)", "spacing",
               _grid(spacing=lambda g: g.spacing[::-1])),
    Misreading("half-voxel", "the grid's position is taken for the corner of its first voxel", "position",
               _grid(origin=lambda g: g.position((0.5, 0.5, 0.5)))),
    Misreading("position-signs", "the grid's position carries the other sign in x and y", "position",
               _grid(origin=lambda g: g.origin * SIGNS)),
    Misreading("nearest", "the vector of the nearest node is taken, not interpolated", "between",
               _gridded(lambda item, _: replace(item, nearest=True))),
    # Where nothing is defined.
    Misreading("outside-unmoved", "outside the grid vectors are zero", "outside",
               _gridded(lambda item, _: replace(item, outside="zero"))),
    Misreading("outside-repeated", "outside the grid the vectors of its border go on", "outside",
               _gridded(lambda item, _: replace(item, outside="border"))),
    Misreading("undefined-as-zero", "undefined vectors are taken as zero", "undefined",
               _gridded(lambda item, _: replace(item, undefined="zero"))),
    Misreading("undefined-left-out", "beside undefined vectors the others alone are weighed", "undefined",
               _gridded(lambda item, _: replace(item, undefined="left out"))),
    # Pre and post.
    Misreading("pre-ignored", "the pre matrix is left out", "matrices", _both(lambda pre, post: (_EYE, post))),
    Misreading("post-ignored", "the post matrix is left out", "matrices", _both(lambda pre, post: (pre, _EYE))),
    Misreading("matrices-ignored", "pre and post matrix are left out", "matrices",
               _both(lambda pre, post: (_EYE, _EYE))),
    Misreading("matrices-swapped", "pre and post matrix are exchanged", "matrices",
               _both(lambda pre, post: (post, pre))),
    Misreading("pre-inverted", "the pre matrix is inverted", "matrices", _both(lambda pre, post: (_INV(pre), post))),
    Misreading("post-inverted", "the post matrix is inverted", "matrices", _both(lambda pre, post: (pre, _INV(post)))),
    Misreading("matrices-inverted", "pre and post matrix are inverted", "matrices",
               _both(lambda pre, post: (_INV(pre), _INV(post)))),
    Misreading("pre-on-grid", "the pre matrix moves the grid, not the point", "pre", _gridded(_on_grid)),
    Misreading("vector-after-pre", "the vector is looked up where the pre matrix leads, not at the point", "steps",
               _gridded(lambda item, _: replace(item, looked_up="pre x"))),
    Misreading("vector-before-pre", "the vector is added before the pre matrix", "steps",
               _gridded(lambda item, _: replace(item, steps="vector, pre, post"))),
    Misreading("vector-last", "the vector is added after the post matrix", "steps",
               _gridded(lambda item, _: replace(item, steps="pre, post, vector"))),
    # Any matrix.
    Misreading("matrices-by-column", "matrices are read column by column", "matrix", _each_matrix(_column_by_column)),
    Misreading("matrix-signs", "matrices are read in RAS", "matrix", _each_matrix(_signed)),
    Misreading("rigid-part", "of matrices that scale or shear the rigid part is taken", "matrix",
               _each_matrix(_rigid_part)),
    # A Matrix Sequence.
    Misreading("matrix-order", "the matrices of a sequence act in the other order", "order", _chain(lambda c: c[::-1])),
    Misreading("first-matrix-only", "of several matrices the first alone is used", "order", _chain(lambda c: c[:1])),
    Misreading("last-matrix-only", "of several matrices the last alone is used", "order", _chain(lambda c: c[-1:])),
    # Items.
    Misreading("first-item-only", "the first item is used for all", "items", lambda item, items: items[0]),
    Misreading("last-item-only", "the last item is used for all", "items", lambda item, items: items[-1]),
    Misreading("items-chained", "the matrices of all items are multiplied", "items", _across_items),
    Misreading("by-order", "fiducials are matched by their order, not by their identifiers", "names",
               lambda item, _: replace(item, by_order=True) if isinstance(item, NamedPoints) else None),
    # The coordinates of the answers.
    Misreading("answers-in-ras", "answers are in RAS", "coordinates", _any(points_out=SIGNS)),
    Misreading("points-in-ras", "points are taken, and answered, in RAS", "coordinates",
               _any(points_in=SIGNS, points_out=SIGNS)),
)  # fmt: skip
"""All that is told by its name; of two that give the same points on an object both are told."""

TO_PARENT = ("reversed", "outside-repeated")
BY_NAME = {misreading.name: misreading for misreading in MISREADINGS}


def misread(names: Sequence[str], item: Item, items: Sequence[Item]) -> Item | None:
    """Return an item with these misreadings, one after the other; None where one of them has nothing to misread."""
    # The items first: what else is misread is misread of the item that is used.
    changed: Item | None = item
    for name in sorted(names, key=lambda name: BY_NAME[name].group != "items"):
        if changed is not None:
            changed = BY_NAME[name].change(changed, items)
    return changed


def candidates() -> Iterator[list[tuple[str, ...]]]:
    """Yield the names of misreadings that are looked for together: each alone, two, and so on.

    More than two are those of a grid that is taken for a transform to parent: scenes invert it, and repeat its border
    beyond it.
    """
    yield [(misreading.name,) for misreading in MISREADINGS]
    yield [
        (first.name, second.name)
        for first, second in combinations(MISREADINGS, 2)
        if first.group != second.group and "all" not in (first.group, second.group)
    ]
    taken = (*(BY_NAME[name].group for name in TO_PARENT), "all")
    orientations = [misreading.name for misreading in MISREADINGS if misreading.group == "orientation"]
    matrices = [misreading.name for misreading in MISREADINGS if misreading.group in ("matrices", "pre")]
    both = ("pre-on-grid", "post-ignored")
    yield [(*TO_PARENT, misreading.name) for misreading in MISREADINGS if misreading.group not in taken]
    yield [*((*TO_PARENT, *names) for names in product(orientations, matrices)), (*TO_PARENT, *both)]
    yield [(*TO_PARENT, name, *both) for name in orientations]


def answers_of(names: Sequence[str], item: Item, items: Sequence[Item], points: Array) -> Array | None:
    """Return where a reader with these misreadings sends points (n, 3); None where they do not apply."""
    changed = misread(names, item, items)
    if changed is None:
        return None
    with np.errstate(all="ignore"):
        try:
            return evaluate(changed, points)
        except np.linalg.LinAlgError:
            return None  # no reader gets through this: axes that lie in one plane
