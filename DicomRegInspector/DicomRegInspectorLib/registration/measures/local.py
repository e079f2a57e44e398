"""Local measures of a displacement field: magnitude, components, Jacobian determinant, curl.

Central differences inside and one-sided at the border, along the grid's own axes and then turned into the registered
axes, so that an oblique grid gives what an axial one gives. Everything is float32 in blocks of rows, on two threads.
Each quantity of the size of the grid can go into the memory of the one before (``out``): new pages cost as much as
the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from .field import Field, Planes, SliceReader, row_blocks
from .node_region import Region


@dataclass(frozen=True)
class Summary:
    """How one quantity is distributed over the nodes where it is defined."""

    count: int
    min: float | None = None
    max: float | None = None
    min_index: tuple[int, int, int] | None = None
    max_index: tuple[int, int, int] | None = None
    mean: float | None = None
    percentiles: dict[str, float] | None = None
    """``p1``, ``p5``, ``p50``, ``p95``, ``p99`` by linear interpolation between ranks."""

    def to_dict(self, *names: str) -> dict[str, float | None]:
        """Return the named numbers (``min``, ``max``, ``mean``, ``p1`` …), None where nothing is defined."""
        percentiles = self.percentiles or {}
        return {name: percentiles.get(name) if name[1:].isdigit() else getattr(self, name) for name in names}


_Measure = Callable[[np.ndarray, np.ndarray], None]
"""Called with a block's planes or differences and the block of the result to fill."""

_RANKS = {"p1": 1, "p5": 5, "p50": 50, "p95": 95, "p99": 99}


def magnitude(field: Field, out: np.ndarray | None = None) -> np.ndarray:
    """Return (nz, ny, nx) float32 length of each vector in mm; NaN where undefined."""

    def measure(planes: np.ndarray, out: np.ndarray) -> None:
        np.multiply(planes[0], planes[0], out=out)
        for axis in (1, 2):
            out += planes[axis] * planes[axis]
        np.sqrt(out, out=out)

    return _pointwise(field, measure, out)


def component(field: Field, direction: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return (nz, ny, nx) float32 of the vectors' product with a direction (3,); NaN where undefined."""
    used = [(axis, np.float32(factor)) for axis, factor in enumerate(direction) if factor]

    def measure(planes: np.ndarray, out: np.ndarray) -> None:
        (axis, factor), *rest = used
        np.multiply(planes[axis], factor, out=out)
        for axis, factor in rest:
            out += planes[axis] * factor

    return _pointwise(field, measure, out)


def jacobian(field: Field, out: np.ndarray | None = None) -> np.ndarray:
    """Return (nz, ny, nx) float32 Jacobian determinant of the whole mapping, matrices included; NaN where undefined.

    ``det(post) · det(pre + dD/dx)`` with ``dD/dx = E · A⁻¹``, E the differences along the grid's axes and A the
    grid's index matrix, so that ``det(pre + dD/dx) = det(pre · A + E) / det(A)`` and no block has to be turned.
    Values of 1 keep volume, values of 0 and less fold (e.g. Leow et al., IEEE TMI 26(6), 2007).
    """
    return _from_differences(field, (_jacobian_of(field),), (out,))[0]


def curl(field: Field, out: np.ndarray | None = None) -> np.ndarray:
    """Return (nz, ny, nx) float32 length of the curl of D, mm/mm: twice the local rotation in radians if small."""
    return _from_differences(field, (_curl_of(field),), (out,))[0]


def jacobian_and_curl(field: Field, out: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return :func:`jacobian` and :func:`curl` in one pass over the vectors; ``out`` takes the Jacobian."""
    # The Jacobian comes last: it works in the memory of the differences.
    turning, determinants = _from_differences(field, (_curl_of(field), _jacobian_of(field)), (None, out))
    return determinants, turning


def _jacobian_of(field: Field) -> _Measure:
    matrix = field.index_to_world[:3, :3]
    with np.errstate(over="ignore", invalid="ignore"):
        base = (2 * field.pre[:3, :3] @ matrix).astype(np.float32)[:, :, None, None]
        scale = np.float32(np.linalg.det(field.post[:3, :3]) / np.linalg.det(matrix) / 8)

    def measure(twice: np.ndarray, out: np.ndarray) -> None:
        # twice[a, b] is 2 dD_a/d(index b): the halves and the constants meet in one factor at the end.
        twice += base
        _determinant(twice, out)
        out *= scale

    return measure


def _curl_of(field: Field) -> _Measure:
    inverse = np.linalg.inv(field.index_to_world[:3, :3]) / 2
    terms = [_curl_terms(inverse, axis) for axis in range(3)]

    def measure(twice: np.ndarray, out: np.ndarray) -> None:
        part, product = np.empty_like(out), np.empty_like(out)
        for axis in range(3):
            for number, (component_, index, factor) in enumerate(terms[axis]):
                np.multiply(twice[component_, index], factor, out=product if number else part)
                if number:
                    part += product
            part *= part
            if axis == 0:
                out[:] = part
            else:
                out += part
        np.sqrt(out, out=out)

    return measure


def _curl_terms(inverse: np.ndarray, axis: int) -> list[tuple[int, int, np.float32]]:
    """(component, index axis, factor) of dD_c/dx_b - dD_b/dx_c with dD/dx = E A⁻¹; factors of zero left out."""
    b, c = (axis + 1) % 3, (axis + 2) % 3
    rows = [(c, index, inverse[index, b]) for index in range(3)] + [
        (b, index, -inverse[index, c]) for index in range(3)
    ]
    return [(component_, index, np.float32(factor)) for component_, index, factor in rows if factor]


def _determinant(m: np.ndarray, out: np.ndarray) -> None:
    minor, product = np.empty_like(out), np.empty_like(out)
    for column, (b, c) in enumerate(((1, 2), (2, 0), (0, 1))):
        np.multiply(m[1, b], m[2, c], out=minor)
        np.multiply(m[1, c], m[2, b], out=product)
        minor -= product
        minor *= m[0, column]
        if column == 0:
            out[:] = minor
        else:
            out += minor


def _target(field: Field, out: np.ndarray | None) -> np.ndarray:
    nx, ny, nz = field.dimensions
    return np.empty((nz, ny, nx), np.float32) if out is None else out.reshape(nz, ny, nx)


def _pointwise(field: Field, measure: _Measure, out: np.ndarray | None) -> np.ndarray:
    result = _target(field, out)

    def work(read: SliceReader, slices: range) -> None:
        planes = Planes(field, read)
        for k in slices:
            whole = planes.get(k)
            for rows in row_blocks(field):
                with np.errstate(over="ignore", invalid="ignore"):
                    measure(whole[:, rows], result[k, rows])
                _mark_undefined(result[k, rows], whole[0, rows])

    field.run(work)
    return result


def _from_differences(
    field: Field, measures: tuple[_Measure, ...], outs: tuple[np.ndarray | None, ...]
) -> list[np.ndarray]:
    nx, _, nz = field.dimensions
    results = [_target(field, out) for out in outs]

    def work(read: SliceReader, slices: range) -> None:
        planes = Planes(field, read)
        buffer = None
        for k in slices:
            before, here, after = planes.get(max(k - 1, 0)), planes.get(k), planes.get(min(k + 1, nz - 1))
            through = np.float32(1 if 0 < k < nz - 1 else 2)
            for rows in row_blocks(field):
                size = rows.stop - rows.start
                if buffer is None or buffer.shape[2] != size:
                    buffer = np.empty((3, 3, size, nx), np.float32)
                with np.errstate(over="ignore", invalid="ignore"):
                    _differences(here, rows, buffer)
                    np.subtract(after[:, rows], before[:, rows], out=buffer[:, 2])
                    if through != 1:
                        buffer[:, 2] *= through
                    for measure, result in zip(measures, results, strict=True):
                        measure(buffer, result[k, rows])
                for result in results:
                    _mark_undefined(result[k, rows], here[0, rows])

    field.run(work)
    return results


def _mark_undefined(values: np.ndarray, vectors: np.ndarray) -> None:
    """NaN where the node itself is undefined, and where the arithmetic overflowed."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.add.reduce(values, axis=None) + np.add.reduce(vectors, axis=None)):
            return
    values[np.isnan(vectors) | ~np.isfinite(values)] = np.nan


def _differences(planes: np.ndarray, rows: slice, out: np.ndarray) -> None:
    """Twice the derivative of each component along i and j: ``out[c, 0]`` and ``out[c, 1]``, of shape (rows, nx)."""
    block = planes[:, rows]
    _, ny, nx = planes.shape
    if nx == 1:
        out[:, 0] = 0
    else:
        np.subtract(block[:, :, 2:], block[:, :, :-2], out=out[:, 0, :, 1:-1])
        np.multiply(block[:, :, 1] - block[:, :, 0], 2, out=out[:, 0, :, 0])
        np.multiply(block[:, :, -1] - block[:, :, -2], 2, out=out[:, 0, :, -1])
    if ny == 1:
        out[:, 1] = 0
        return
    first, last = rows.start, rows.stop
    inner = slice(max(first, 1), min(last, ny - 1))
    if inner.stop > inner.start:
        upper, lower = planes[:, inner.start + 1 : inner.stop + 1], planes[:, inner.start - 1 : inner.stop - 1]
        np.subtract(upper, lower, out=out[:, 1, inner.start - first : inner.stop - first])
    if first == 0:
        np.multiply(planes[:, 1] - planes[:, 0], 2, out=out[:, 1, 0])
    if last == ny:
        np.multiply(planes[:, -1] - planes[:, -2], 2, out=out[:, 1, -1])


def summarize(values: np.ndarray, field: Field | None = None) -> Summary:
    """Summarize a quantity, using its memory: the order of the values is lost.

    Parameters
    ----------
    values
        float32, any shape; NaN where undefined. Contiguous.
    field
        Where given, the places of the least and the greatest value are told.
    """
    flat = values.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        suspect = not np.isfinite(np.add.reduce(flat))
    undefined = int(np.count_nonzero(np.isnan(flat))) if suspect else 0
    count = flat.size - undefined
    if not count:
        return Summary(0)
    least = int(np.nanargmin(flat) if undefined else np.argmin(flat))
    greatest = int(np.nanargmax(flat) if undefined else np.argmax(flat))
    low, high = float(flat[least]), float(flat[greatest])
    total = np.nansum(flat, dtype=np.float64) if undefined else flat.sum(dtype=np.float64)
    return Summary(
        count,
        low,
        high,
        field.index_of(least) if field is not None else None,
        field.index_of(greatest) if field is not None else None,
        float(total) / count,
        _percentiles(flat, count),
    )


def summarize_all(quantities: Sequence[np.ndarray], field: Field | None = None) -> list[Summary]:
    """Return :func:`summarize` for several quantities, on several threads."""
    with ThreadPoolExecutor(max(len(quantities), 1)) as pool:
        return list(pool.map(lambda values: summarize(values, field), quantities))


def _percentiles(flat: np.ndarray, count: int) -> dict[str, float]:
    """Exact percentiles of the first ``count`` values in order; a partition puts NaN last."""
    ranks = {name: percent / 100 * (count - 1) for name, percent in _RANKS.items()}
    needed = sorted({int(place) for rank in ranks.values() for place in (np.floor(rank), np.ceil(rank))})
    flat.partition(needed)
    result = {}
    for name, rank in ranks.items():
        low, high = int(np.floor(rank)), int(np.ceil(rank))
        result[name] = float(flat[low] + (rank - low) * (float(flat[high]) - float(flat[low])))
    return result


def region_where(mask: np.ndarray) -> Region | None:
    """Count and index box of the nodes where a mask (nz, ny, nx) holds; None when nowhere."""
    count = int(np.count_nonzero(mask))
    if not count:
        return None
    k = np.flatnonzero(mask.any(axis=(1, 2)))
    j = np.flatnonzero(mask.any(axis=(0, 2)))
    i = np.flatnonzero(mask.any(axis=(0, 1)))
    return Region(count, (int(i[0]), int(j[0]), int(k[0])), (int(i[-1]), int(j[-1]), int(k[-1])))


def folded_region(determinants: np.ndarray) -> Region | None:
    """Return where Jacobian determinants are 0 or less; None when nowhere."""
    with np.errstate(invalid="ignore"):
        return region_where(determinants <= 0)


def component_statistics(values: np.ndarray) -> dict[str, Any]:
    """Return ``min``, ``max``, ``mean`` and percentiles of one component, using the memory of the values."""
    return summarize(values).to_dict("min", "max", "mean", "p1", "p5", "p50", "p95", "p99")


def scaled_statistics(statistics: dict[str, float | None], factor: float) -> dict[str, float | None]:
    """Return what :func:`component_statistics` gives of values times a factor, which turns the order below zero."""
    ends = (("min", "max"), ("p1", "p99"), ("p5", "p95"))
    opposite = {end: other for pair in ends for end, other in (pair, pair[::-1])} if factor < 0 else {}
    values = {name: statistics[opposite.get(name, name)] for name in statistics}
    return {name: None if value is None else value * factor for name, value in values.items()}
