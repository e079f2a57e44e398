"""Another reading of a registration, when the user decides that the file does not mean what it says.

A repair makes a new item; the one that was read stays as it is. What was done is said in words, for the node and the
report. Nothing here is ever chosen by the library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from ..errors import RegistrationError, UsageError
from ..progress import Progress, report_progress
from ..space import apply_matrix
from .checks import is_singular
from .grid import Grid, grid_of_array
from .mapping import INVERSE_TOLERANCE_MM, invert_deformable, map_deformable
from .measures.bulk import fit_rigid
from .measures.sampled import BULK_SAMPLE, sample_nodes
from .model import RegistrationItem

Repair = Literal["voxel-units", "reversed", "axis-signs", "without-bulk", "matrices-ignored", "matrices-swapped"]

REPAIRS: dict[Repair, str] = {
    "voxel-units": "vectors read as numbers of voxels along the grid's axes",
    "reversed": "direction reversed (exact inverse)",
    "axis-signs": "signs of the x and y components turned",
    "without-bulk": "bulk rigid motion taken out of the grid, as a linear transform of its own",
    "matrices-ignored": "pre and post matrices ignored",
    "matrices-swapped": "pre and post matrices exchanged",
}
"""Each repair and how the node and the report say it."""


@dataclass(frozen=True)
class RepairedItem:
    """An item read in another way, and what was done to it."""

    item: RegistrationItem
    description: str
    undefined: int
    """Vectors that are undefined now and were not before (a reversed field has no inverse everywhere)."""


def repair_item(item: RegistrationItem, repair: Repair, progress: Progress | None = None) -> RepairedItem:
    """Read an item in another way.

    Parameters
    ----------
    item
        A usable item.
    repair
        One of :data:`REPAIRS`. ``reversed`` holds a grid with the inverse at each node, NaN where the mapping has no
        inverse; it takes some microseconds a node for each step of the search.

    Raises
    ------
    UsageError
        When the repair is not known or does not apply to the item.
    RegistrationError
        When the item cannot be used.
    Cancelled
        When ``progress`` returned False.
    """
    if repair not in get_args(Repair):
        raise UsageError(f"there is no repair {repair!r}; choose from {', '.join(REPAIRS)}")
    item.require_usable()
    if item.kind == "matrix":
        return _repair_matrix(item, repair)
    if repair in ("matrices-ignored", "matrices-swapped"):
        pre, post = (np.eye(4), np.eye(4)) if repair == "matrices-ignored" else (item.post, item.pre)
        return RepairedItem(replace(item, pre=pre, post=post), REPAIRS[repair], 0)
    if item.grid is None:
        return _repair_matrices(item, repair)
    changed = {"voxel-units": _from_voxels, "axis-signs": _turn_signs}.get(repair)
    if changed is not None:
        return RepairedItem(replace(item, grid=_with_vectors(item.grid, changed(item.grid))), REPAIRS[repair], 0)
    if repair == "reversed":
        return _reverse(item, item.grid, progress)
    return _without_bulk(item, item.grid, progress)


def _repair_matrices(item: RegistrationItem, repair: Repair) -> RepairedItem:
    """A deformable item of matrices alone: together they map like one."""
    if repair == "reversed":
        if is_singular(item.pre) or is_singular(item.post):
            raise RegistrationError(item.path, f"item {item.number} cannot be reversed: a matrix is singular")
        repaired = replace(item, pre=np.linalg.inv(item.post), post=np.linalg.inv(item.pre))
    elif repair == "axis-signs":
        turn = np.diag([-1.0, -1.0, 1.0, 1.0])
        repaired = replace(item, pre=turn @ item.pre @ turn, post=turn @ item.post @ turn)
    else:
        raise UsageError(f"{item.subject} has no grid: {repair} does not apply to it")
    return RepairedItem(repaired, REPAIRS[repair], 0)


def _repair_matrix(item: RegistrationItem, repair: Repair) -> RepairedItem:
    if repair == "reversed":
        matrix = np.linalg.inv(item.matrix)
    elif repair == "axis-signs":
        turn = np.diag([-1.0, -1.0, 1.0, 1.0])
        matrix = turn @ item.matrix @ turn
    else:
        raise UsageError(f"{item.subject} is a matrix: {repair} does not apply to it")
    return RepairedItem(replace(item, matrix=matrix), REPAIRS[repair], 0)


def _with_vectors(grid: Grid, vectors: np.ndarray) -> Grid:
    return replace(grid, place=grid_of_array(vectors, grid.index_to_lps).place)


def _from_voxels(grid: Grid) -> np.ndarray:
    """``D = directions · (spacing · v)``: v counts voxels along the grid's own axes."""
    return (grid.vectors @ grid.index_to_lps[:3, :3].T.astype(np.float32)).astype(np.float32, copy=False)


def _turn_signs(grid: Grid) -> np.ndarray:
    return grid.vectors * np.array([-1, -1, 1], np.float32)


def _by_slices(grid: Grid, mapping: Callable[[np.ndarray], np.ndarray], progress: Progress | None) -> np.ndarray:
    """Vectors ``mapping(x) - x`` at the grid's nodes, (nz, ny, nx, 3) float32."""
    nx, ny, nz = grid.dimensions
    vectors = np.empty((nz, ny, nx, 3), np.float32)
    matrix = grid.index_to_lps
    plane = np.stack(np.meshgrid(np.arange(nx), np.arange(ny), indexing="xy"), axis=-1).reshape(-1, 2)
    for k in range(nz):
        report_progress(progress, k, nz, "Computing vectors", "the repair was cancelled")
        index = np.column_stack([plane, np.full(len(plane), k)])
        nodes = index @ matrix[:3, :3].T + matrix[:3, 3]
        vectors[k] = (mapping(nodes) - nodes).reshape(ny, nx, 3)
    return vectors


def _undefined(vectors: np.ndarray) -> int:
    return int(np.count_nonzero(~np.isfinite(vectors).all(axis=-1)))


def _reverse(item: RegistrationItem, grid: Grid, progress: Progress | None) -> RepairedItem:
    def inverse(points: np.ndarray) -> np.ndarray:
        return invert_deformable(points, item.pre, grid, item.post).points

    try:
        vectors = _by_slices(grid, inverse, progress)
    except np.linalg.LinAlgError as error:
        raise RegistrationError(item.path, f"item {item.number} cannot be reversed: a matrix is singular") from error
    lost = _undefined(vectors) - _undefined(grid.vectors)
    description = f"{REPAIRS['reversed']}; {max(lost, 0)} nodes have no inverse within {INVERSE_TOLERANCE_MM} mm"
    repaired = replace(item, grid=_with_vectors(grid, vectors), pre=np.eye(4), post=np.eye(4))
    return RepairedItem(repaired, description, max(lost, 0))


def _without_bulk(item: RegistrationItem, grid: Grid, progress: Progress | None) -> RepairedItem:
    """The mapping f as ``R ∘ (R⁻¹ ∘ f)``, R the rigid motion closest to f: R is the item's post matrix then."""
    index = sample_nodes(grid.dimensions, BULK_SAMPLE)
    points = index @ grid.index_to_lps[:3, :3].T + grid.origin_lps_mm
    mapped = map_deformable(points, item.pre, grid, item.post)
    defined = np.isfinite(mapped).all(axis=1)
    if np.count_nonzero(defined) < 4:
        raise UsageError(f"{item.subject} has too few defined vectors to find a bulk motion")
    rigid = fit_rigid(points[defined], mapped[defined])
    back = np.linalg.inv(rigid.matrix)

    def rest(nodes: np.ndarray) -> np.ndarray:
        return apply_matrix(back, map_deformable(nodes, item.pre, grid, item.post))

    vectors = _by_slices(grid, rest, progress)
    shift = float(np.linalg.norm(rigid.shift_mm))
    description = (
        f"{REPAIRS['without-bulk']}: shift {shift:.4g} mm at the centre, rotation {rigid.rotation_deg:.4g} degrees"
    )
    repaired = replace(item, grid=_with_vectors(grid, vectors), pre=np.eye(4), post=rigid.matrix)
    return RepairedItem(repaired, description, 0)
