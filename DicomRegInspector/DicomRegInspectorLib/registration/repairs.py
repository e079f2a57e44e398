"""Another reading of a registration, when the user decides that the file does not mean what it says.

A repair makes a new item; the one that was read stays as it is. What was done is said in words, for the node and the
report. Nothing here is ever chosen by the library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from ..errors import UsageError
from ..progress import Progress, report_progress
from ..space import RAS_SIGNS, apply_matrix, plane_indices, to_ras
from .grid import Grid
from .mapping import INVERSE_TOLERANCE_MM, Mapping, MappingError
from .matrices import is_singular
from .measures.bulk import bulk_motion
from .measures.sampled import BULK_SAMPLE
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
class Repaired:
    """A mapping read in another way, and what was done to it."""

    mapping: Mapping
    description: str
    undefined: int = 0
    """Vectors that are undefined now and were not before (a reversed field has no inverse everywhere)."""


@dataclass(frozen=True)
class RepairedItem:
    """An item read in another way, and what was done to it."""

    item: RegistrationItem
    description: str
    undefined: int
    """As :attr:`Repaired.undefined`."""


def repair_item(item: RegistrationItem, repair: Repair, progress: Progress | None = None) -> RepairedItem:
    """Read an item in another way; see :func:`repair_mapping`.

    Raises UsageError when the repair is not known or does not apply to the item. Raises RegistrationError when the item
    cannot be used, or not in this way.
    """
    item.require_usable()
    with item.naming_item():
        repaired = repair_mapping(item.mapping, repair, item.subject, progress)
    return RepairedItem(replace(item, mapping=repaired.mapping), repaired.description, repaired.undefined)


def repair_mapping(mapping: Mapping, repair: Repair, subject: str, progress: Progress | None = None) -> Repaired:
    """Read a mapping in another way.

    Raises UsageError when the repair is not known or does not apply. Raises MappingError when it cannot be reversed.

    Parameters
    ----------
    mapping
        In LPS mm.
    repair
        One of :data:`REPAIRS`. ``reversed`` holds a grid with the inverse at each node, NaN where the mapping has no
        inverse; it takes some microseconds a node for each step of the search.
    subject
        How messages name it.
    """
    if repair not in get_args(Repair):
        raise UsageError(f"there is no repair {repair!r}; choose from {', '.join(REPAIRS)}")
    if mapping.matrix is not None:
        return _repair_matrix(mapping.matrix, repair, subject)
    if repair == "matrices-ignored":
        return Repaired(Mapping(grid=mapping.grid), REPAIRS[repair])
    if repair == "matrices-swapped":
        return Repaired(Mapping(mapping.post, mapping.grid, mapping.pre), REPAIRS[repair])
    if repair == "reversed":
        require_reversible(mapping)
    if mapping.grid is None:
        return _repair_matrices(mapping, repair, subject)
    if repair == "voxel-units":
        return Repaired(mapping.with_grid(_from_voxels(mapping.grid)), REPAIRS[repair])
    if repair == "axis-signs":
        with np.errstate(invalid="ignore"):  # of NaN that signal
            return Repaired(mapping.with_grid(mapping.grid.vectors * RAS_SIGNS.astype(np.float32)), REPAIRS[repair])
    return (_reverse if repair == "reversed" else _without_bulk)(mapping, subject, progress)


def require_reversible(mapping: Mapping) -> None:
    """Refuse to turn around what has no inverse anywhere.

    Raises MappingError when a matrix beside the grid is singular.
    """
    if is_singular(mapping.pre) or is_singular(mapping.post):
        raise MappingError("cannot be reversed: a matrix is singular")


def _repair_matrices(mapping: Mapping, repair: Repair, subject: str) -> Repaired:
    """Matrices alone: together they map like one."""
    if repair == "reversed":
        repaired = Mapping(pre=np.linalg.inv(mapping.post), post=np.linalg.inv(mapping.pre))
    elif repair == "axis-signs":
        repaired = Mapping(pre=to_ras(mapping.pre), post=to_ras(mapping.post))
    else:
        raise UsageError(f"{subject} has no grid: {repair} does not apply to it")
    return Repaired(repaired, REPAIRS[repair])


def _repair_matrix(matrix: np.ndarray, repair: Repair, subject: str) -> Repaired:
    if repair == "reversed":
        return Repaired(Mapping(matrix=np.linalg.inv(matrix)), REPAIRS[repair])
    if repair == "axis-signs":
        return Repaired(Mapping(matrix=to_ras(matrix)), REPAIRS[repair])
    raise UsageError(f"{subject} is a matrix: {repair} does not apply to it")


def _from_voxels(grid: Grid) -> np.ndarray:
    """``D = directions · (spacing · v)``: v counts voxels along the grid's own axes."""
    # What becomes infinite is undefined.
    with np.errstate(over="ignore", invalid="ignore"):
        return (grid.vectors @ grid.index_to_lps[:3, :3].T.astype(np.float32)).astype(np.float32, copy=False)


def _by_slices(grid: Grid, moved: Callable[[np.ndarray], np.ndarray], progress: Progress | None) -> np.ndarray:
    """Vectors ``moved(x) - x`` at the grid's nodes, (nz, ny, nx, 3) float32."""
    nx, ny, nz = grid.dimensions
    vectors = np.empty((nz, ny, nx, 3), np.float32)
    plane = plane_indices(nx, ny)
    for k in range(nz):
        report_progress(progress, k, nz, "Computing vectors", "the repair was cancelled")
        nodes = apply_matrix(grid.index_to_lps, np.column_stack([plane, np.full(len(plane), k)]))
        vectors[k] = (moved(nodes) - nodes).reshape(ny, nx, 3)
    return vectors


def _undefined(vectors: np.ndarray) -> int:
    return int(np.count_nonzero(~np.isfinite(vectors).all(axis=-1)))


def _reverse(mapping: Mapping, subject: str, progress: Progress | None) -> Repaired:
    grid = mapping.grid
    vectors = _by_slices(grid, lambda nodes: mapping.map_points_inverse(nodes).points, progress)
    lost = max(_undefined(vectors) - _undefined(grid.vectors), 0)
    description = f"{REPAIRS['reversed']}; {lost} nodes have no inverse within {INVERSE_TOLERANCE_MM} mm"
    return Repaired(Mapping(grid=grid).with_grid(vectors), description, lost)


def _without_bulk(mapping: Mapping, subject: str, progress: Progress | None) -> Repaired:
    """The mapping f as ``R ∘ (R⁻¹ ∘ f)``, R the rigid motion closest to f: R is the post matrix then."""
    rigid = bulk_motion(mapping, BULK_SAMPLE)
    if rigid is None:
        raise UsageError(f"{subject} has too few defined vectors to find a bulk motion")
    back = np.linalg.inv(rigid.matrix)
    vectors = _by_slices(mapping.grid, lambda nodes: apply_matrix(back, mapping.map_points(nodes)), progress)
    shift = float(np.linalg.norm(rigid.shift_mm))
    description = (
        f"{REPAIRS['without-bulk']}: shift {shift:.4g} mm at the centre, rotation {rigid.rotation_deg:.4g} degrees"
    )
    return Repaired(Mapping(grid=mapping.grid, post=rigid.matrix).with_grid(vectors), description)
