"""The ways in which a registration item could have been meant, each as a map from registered to source points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...space import RAS_SIGNS, apply_matrix, to_ras
from ..grid import Grid
from ..mapping import Mapping
from ..matrices import is_identity, is_singular

HYPOTHESES = (
    "standard",
    "voxel-units",
    "reversed",
    "axis-signs",
    "matrices-ignored",
    "matrices-swapped",
    "pre-inverted",
    "post-inverted",
    "matrices-inverted",
    "identity",
)
"""Every reading, in the order in which they are evaluated."""

TITLES = {
    "standard": "as the standard says",
    "voxel-units": "vectors in voxels",
    "reversed": "direction reversed",
    "axis-signs": "signs of x and y slipped (LPS against RAS)",
    "matrices-ignored": "matrices ignored",
    "matrices-swapped": "pre and post matrices swapped",
    "pre-inverted": "pre matrix inverted",
    "post-inverted": "post matrix inverted",
    "matrices-inverted": "pre and post matrices inverted",
    "identity": "no deformation",
}
"""The readings in words."""

INVERSE_STEPS = 30
INVERSE_TOLERANCE_MM = 0.02
"""How closely the reversed reading is solved: far below a voxel, so that images cannot tell."""

PointMap = Callable[[np.ndarray], np.ndarray]
"""(n, 3) LPS mm in the registered frame to (n, 3) LPS mm in the source frame, NaN where the reading defines nothing."""


def point_maps(mapping: Mapping) -> dict[str, PointMap]:
    """Return the readings of a mapping in LPS mm, of :data:`HYPOTHESES` those that its kind allows.

    With ``D`` the stored vectors interpolated at x, ``A`` and ``B`` the pre and post matrices, and ``G`` the columns
    of the grid's directions, a deformable mapping (PS3.3 C.20.3) is read as

    - ``standard``: ``B (A x + D(x))``, Equation C.20.3-1;
    - ``voxel-units``: D is a number of voxels along the grid's axes: ``B (A x + G (spacing * D(x)))``;
    - ``reversed``: the stored mapping leads from source to registered, as it does too when the two frames are named the
      wrong way round: the y with ``B (A y + D(y)) = x``;
    - ``axis-signs``: x and y of D carry the other sign, matrices as they are: ``B (A x + (-Dx, -Dy, Dz))``;
    - ``matrices-ignored``: ``x + D(x)``;
    - ``matrices-swapped``: ``A (B x + D(x))``;
    - ``pre-inverted``: ``B (A^-1 x + D(x))``, ``post-inverted``: ``B^-1 (A x + D(x))``, ``matrices-inverted``:
      ``B^-1 (A^-1 x + D(x))``, where those matrices have an inverse and are not the identity;
    - ``identity``: the deformation is left out, the matrices are kept: ``B A x``, where D is defined.

    Without a grid D is zero; the matrices then take the place of the vectors in ``axis-signs``: ``S B A S x`` with
    S = diag(-1, -1, 1), and ``identity`` is x. A matrix mapping (C.20.2) with the matrix M from source to registered is
    read as ``standard``: ``M^-1 x``, ``reversed``: ``M x``, ``axis-signs``: ``S M^-1 S x``, ``identity``: x.

    Raises
    ------
    numpy.linalg.LinAlgError
        When the matrix of a matrix mapping is singular.
    """
    pre, grid, post, matrix = mapping.pre, mapping.grid, mapping.post, mapping.matrix
    if matrix is not None:
        inverse = np.linalg.inv(matrix)
        return {
            "standard": _affine(inverse),
            "reversed": _affine(matrix),
            "axis-signs": _affine(to_ras(inverse)),
            "identity": np.array,
        }
    if grid is None:
        return _without_grid(pre, post)
    return _with_grid(pre, grid, post)


def _affine(matrix: np.ndarray) -> PointMap:
    return lambda points: apply_matrix(matrix, points)


def _inverted(pre: np.ndarray, post: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The matrices (pre, post) of the readings that invert one or both; what the identity or singular is has none."""
    can_pre, can_post = (not (is_identity(matrix) or is_singular(matrix)) for matrix in (pre, post))
    pairs = {}
    if can_pre:
        pairs["pre-inverted"] = (np.linalg.inv(pre), post)
    if can_post:
        pairs["post-inverted"] = (pre, np.linalg.inv(post))
    if can_pre and can_post:
        pairs["matrices-inverted"] = (pairs["pre-inverted"][0], pairs["post-inverted"][1])
    return pairs


def _without_grid(pre: np.ndarray, post: np.ndarray) -> dict[str, PointMap]:
    maps = {"standard": _affine(post @ pre)}
    if not is_singular(post @ pre):
        maps["reversed"] = _affine(np.linalg.inv(post @ pre))
    maps |= {"axis-signs": _affine(to_ras(post @ pre)), "matrices-swapped": _affine(pre @ post)}
    inverted = _inverted(pre, post)
    if len(inverted) > 1:  # of one matrix alone, that is the direction reversed
        maps |= {name: _affine(last @ first) for name, (first, last) in inverted.items()}
    return maps | {"identity": np.array}


def _with_grid(pre: np.ndarray, grid: Grid, post: np.ndarray) -> dict[str, PointMap]:
    voxels = grid.directions * grid.spacing_mm
    # Most readings ask for the vectors at the same points.
    remembered: list[tuple[np.ndarray, np.ndarray]] = []

    def vectors(points: np.ndarray) -> np.ndarray:
        if not remembered or remembered[0][0] is not points:
            remembered[:] = [(points, grid.displacement(points))]
        return remembered[0][1]

    def composed(first: np.ndarray, change: Callable[[np.ndarray], np.ndarray], last: np.ndarray) -> PointMap:
        return lambda points: apply_matrix(last, apply_matrix(first, points) + change(vectors(points)))

    none = np.eye(4)
    maps: dict[str, PointMap] = {
        "standard": composed(pre, lambda vector: vector, post),
        "voxel-units": composed(pre, lambda vector: vector @ voxels.T, post),
        "axis-signs": composed(pre, lambda vector: vector * RAS_SIGNS, post),
        "matrices-ignored": composed(none, lambda vector: vector, none),
        "matrices-swapped": composed(post, lambda vector: vector, pre),
        **{name: composed(first, lambda vector: vector, last) for name, (first, last) in _inverted(pre, post).items()},
        "identity": composed(pre, lambda vector: vector * 0.0, post),
    }
    if not (is_singular(pre) or is_singular(post)):
        maps["reversed"] = lambda points: _solve(points, pre, grid, post)
    return {name: maps[name] for name in HYPOTHESES if name in maps}


def _solve(points: np.ndarray, pre: np.ndarray, grid: Grid, post: np.ndarray) -> np.ndarray:
    """The y of the grid with ``post (pre y + D(y)) = x``, NaN where the fixed-point iteration finds none.

    A coarse form of :meth:`..mapping.Mapping.map_points_inverse`: where the iteration does not settle
    the field nearly folds, and points there say little about which way it leads.
    """
    inverse_pre = np.linalg.inv(pre)
    target = apply_matrix(np.linalg.inv(post), points)
    found = apply_matrix(inverse_pre, target)
    size = np.full(len(found), np.inf)
    active = np.flatnonzero(np.isfinite(found).all(axis=1))
    for _ in range(INVERSE_STEPS):
        if not len(active):
            break
        moved = target[active] - grid.displacement(found[active], extend=True)
        step = apply_matrix(inverse_pre, moved) - found[active]
        size[active] = np.linalg.norm(step, axis=1)
        usable = np.isfinite(size[active])
        found[active[usable]] += step[usable]
        active = active[usable & (size[active] > INVERSE_TOLERANCE_MM)]
    settled = size <= INVERSE_TOLERANCE_MM
    found[~settled] = np.nan
    # A solution outside the grid rests on no vector that the file holds.
    found[np.isnan(grid.displacement(found)).any(axis=1)] = np.nan
    return found
