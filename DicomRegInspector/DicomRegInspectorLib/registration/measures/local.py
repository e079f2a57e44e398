"""Local measures of a displacement field: magnitude, components, Jacobian determinant, curl.

Central differences inside and one-sided at the border, along the grid's own axes and then turned into the registered
axes, so that an oblique grid gives what an axial one gives. Everything is float32 in blocks of rows, or of whole
slices where these are small, on two threads. Each quantity of the size of the grid can go into the memory of the one
before (``out``): new pages cost as much as the arithmetic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from .field import TAME_NUMBER, Field, Planes, SliceReader, layout
from .node_region import Region

_OfVectors = Callable[[np.ndarray, np.ndarray], None]
"""Called with components (3, n) of vectors and the n numbers of the result to fill."""
_OfDifferences = Callable[[np.ndarray, np.ndarray], Callable[[np.ndarray], None]]
"""Called with the memory of a block's differences (3, 3, n) and (6, n) to work in; returns what is called with the n
numbers of the result to fill, each time that the differences are there."""

_MINORS = (
    (slice(1, 3), slice(2, 0, -1)),
    (slice(2, None, -2), slice(0, 3, 2)),
    (slice(0, 2), slice(1, None, -1)),
)
"""Of each minor of three components, both products at once: components 1 and 2 by 2 and 1, 2 and 0 by 0 and 2, …"""


def magnitude(field: Field, out: np.ndarray | None = None) -> np.ndarray:
    """Return (nz, ny, nx) float32 length of each vector in mm; NaN where undefined."""
    return _measured(field, (_length,), (), (out,))[0]


def component(field: Field, direction: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return (nz, ny, nx) float32 of the vectors' product with a direction (3,); NaN where undefined."""
    return components(field, [direction], [out])[0]


def components(
    field: Field, directions: Sequence[np.ndarray], outs: Sequence[np.ndarray | None] | None = None
) -> list[np.ndarray]:
    """Return :func:`component` for each of some directions, in one pass over the vectors."""
    return _measured(field, [_along(direction) for direction in directions], (), outs or [None] * len(directions))


def jacobian(field: Field, out: np.ndarray | None = None) -> np.ndarray:
    """Return (nz, ny, nx) float32 Jacobian determinant of the whole mapping, matrices included; NaN where undefined.

    ``det(post) · det(pre + dD/dx)`` with ``dD/dx = E · A⁻¹``, E the differences along the grid's axes and A the
    grid's index matrix, so that ``det(pre + dD/dx) = det(pre · A + E) / det(A)`` and no block has to be turned.
    Values of 1 keep volume, values of 0 and less fold (e.g. Leow et al., IEEE TMI 26(6), 2007).
    """
    return _measured(field, (), (_jacobian_of(field),), (out,))[0]


def sd_log_jacobian(determinants: np.ndarray) -> float | None:
    """Return SDlogJ as the Learn2Reg challenge has it: the standard deviation of ``log(clip(J + 3, 1e-9, 1e9))``.

    The two outermost nodes on every side are left out, as its evaluation does (github.com/MDL-UzL/L2R,
    ``evaluation/evaluation.py`` and ``utils.py``; Hering et al., IEEE TMI 42(3), 2023). There J is that of a field in
    voxels; the determinant is the same in mm.

    Returns None where no such node is defined.

    Parameters
    ----------
    determinants
        (nz, ny, nx) Jacobian determinants; NaN where undefined.
    """
    count, total, squares = 0, 0.0, 0.0
    for plane in determinants[2:-2, 2:-2, 2:-2]:
        values = plane[~np.isnan(plane)].astype(np.float64)
        # Around the identity's, so that the difference of large sums loses nothing.
        logs = np.log(np.clip(values + 3, 1e-9, 1e9)) - np.log(4.0)
        count, total, squares = count + logs.size, total + float(logs.sum()), squares + float(logs @ logs)
    return float(np.sqrt(max(squares / count - (total / count) ** 2, 0.0))) if count else None


def curl(field: Field, out: np.ndarray | None = None) -> np.ndarray:
    """Return (nz, ny, nx) float32 length of the curl of D, mm/mm: twice the local rotation in radians if small."""
    return _measured(field, (), (_curl_of(field),), (out,))[0]


def magnitude_jacobian_and_curl(
    field: Field, outs: Sequence[np.ndarray | None] = (None, None, None)
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return :func:`magnitude`, :func:`jacobian` and :func:`curl` in one pass over the vectors."""
    # The Jacobian comes last: it works in the memory of the differences.
    lengths, turning, determinants = _measured(field, (_length,), (_curl_of(field), _jacobian_of(field)), outs)
    return lengths, determinants, turning


def _along(direction: np.ndarray) -> _OfVectors:
    used = [(axis, np.float32(factor)) for axis, factor in enumerate(direction) if factor]

    def measure(planes: np.ndarray, out: np.ndarray) -> None:
        (axis, factor), *rest = used
        np.multiply(planes[axis], factor, out=out)
        for axis, factor in rest:
            out += planes[axis] * factor

    return measure


def _length(planes: np.ndarray, out: np.ndarray) -> None:
    # Multiplies and adds in one go.
    np.einsum("cn,cn->n", planes, planes, out=out)
    np.sqrt(out, out=out)


def _jacobian_of(field: Field) -> _OfDifferences:
    matrix = field.index_to_world[:3, :3]
    with np.errstate(over="ignore", invalid="ignore"):
        base = (2 * field.pre[:3, :3] @ matrix).astype(np.float32)
        scale = np.float32(np.linalg.det(field.post[:3, :3]) / np.linalg.det(matrix) / 8)
    diagonal = not np.count_nonzero(base - np.diag(np.diag(base)))

    def bind(twice: np.ndarray, work: np.ndarray) -> Callable[[np.ndarray], None]:
        # twice[a, b] is 2 dD_a/d(index b): the halves and the constants meet in one factor at the end.
        rows, numbers = twice.reshape(9, -1), base.reshape(9, 1)
        if diagonal:
            rows, numbers = rows[::4], numbers[::4]
        minors, products = work[:3], work[3:]
        factors = [
            (twice[along_j, 1], twice[along_k, 2], work[place::3]) for place, (along_j, along_k) in enumerate(_MINORS)
        ]

        def measure(out: np.ndarray) -> None:
            np.add(rows, numbers, out=rows)
            for along_j, along_k, pair in factors:
                np.multiply(along_j, along_k, out=pair)
            np.subtract(minors, products, out=minors)
            np.multiply(minors, twice[:, 0], out=minors)
            np.add(minors[0], minors[1], out=minors[0])
            np.add(minors[0], minors[2], out=minors[0])
            np.multiply(minors[0], scale, out=out)

        return measure

    return bind


def _curl_of(field: Field) -> _OfDifferences:
    inverse = np.linalg.inv(field.index_to_world[:3, :3]) / 2
    terms = [_curl_terms(inverse, axis) for axis in range(3)]
    # In units of the commonest factor, that of equal spacings, most differences are taken as they are.
    unit = Counter(abs(factor) for of in terms for _, _, factor in of).most_common(1)[0][0]
    scale = np.float32(unit)

    def bind(twice: np.ndarray, work: np.ndarray) -> Callable[[np.ndarray], None]:
        parts, product = work[:3], work[3]
        axes = [
            sorted(
                ((twice[component_, index], np.float32(factor / unit)) for component_, index, factor in of),
                key=lambda term: term[1] != 1,
            )
            for of in terms
        ]

        def measure(out: np.ndarray) -> None:
            for part, ((first, factor), *rest) in zip(parts, axes, strict=True):
                so_far = first if factor == 1 and rest else np.multiply(first, factor, out=part)
                for differences, factor in rest:
                    if factor == 1:
                        so_far = np.add(so_far, differences, out=part)
                    elif factor == -1:
                        so_far = np.subtract(so_far, differences, out=part)
                    else:
                        so_far = np.add(so_far, np.multiply(differences, factor, out=product), out=part)
            _length(parts, out)
            np.multiply(out, scale, out=out)

        return measure

    return bind


def _curl_terms(inverse: np.ndarray, axis: int) -> list[tuple[int, int, float]]:
    """(component, index axis, factor) of dD_c/dx_b - dD_b/dx_c with dD/dx = E A⁻¹; factors of zero left out."""
    b, c = (axis + 1) % 3, (axis + 2) % 3
    rows = [(c, index, inverse[index, b]) for index in range(3)] + [
        (b, index, -inverse[index, c]) for index in range(3)
    ]
    return [(component_, index, float(factor)) for component_, index, factor in rows if factor]


def _measured(
    field: Field,
    pointwise: Sequence[_OfVectors],
    differential: Sequence[_OfDifferences],
    outs: Sequence[np.ndarray | None],
) -> list[np.ndarray]:
    """(nz, ny, nx) for each measure, first those of the vectors alone, then those of their differences."""
    nx, ny, nz = field.dimensions
    results = [np.empty((nz, ny, nx), np.float32) if out is None else out.reshape(nz, ny, nx) for out in outs]
    of_points, of_differences = results[: len(pointwise)], results[len(pointwise) :]
    tame_matrices = _tame(field)
    divided = layout(field, bool(differential))
    whole = slice(0, ny)

    def measure_parts(read: SliceReader, parts: range) -> None:
        planes = Planes(field, read, bool(differential))
        buffer = np.empty((3, 3, 0, 0, nx), np.float32)
        bound: list[Callable[[np.ndarray], None]] = []
        with np.errstate(over="ignore", invalid="ignore"):
            for block in divided.blocks(parts):
                planes.begin(block.rows if divided.through or not differential else whole)
                if differential and buffer.shape[2:4] != block.shape[:2]:
                    buffer = np.empty((3, 3, *block.shape), np.float32)
                    flat = buffer.reshape(3, 3, -1)
                    work = np.empty((6, flat.shape[2]), np.float32)
                    bound = [bind(flat, work) for bind in differential]
                first = planes.rows.start
                rows = slice(block.rows.start - first, block.rows.stop - first)
                tame = tame_matrices
                for place, k in enumerate(block.slices):
                    if differential:
                        before, after = max(k - 1, 0), min(k + 1, nz - 1)
                        neighbours = planes.get(before), planes.get(k), planes.get(after)
                        _differences(neighbours, rows, 0 < k < nz - 1, buffer[:, :, place])
                        tame = tame and planes.tame(before) and planes.tame(after)
                    here = planes.get(k).reshape(3, -1)[:, rows.start * nx : rows.stop * nx]
                    tame = tame and planes.tame(k)
                    for measure, result in zip(pointwise, of_points, strict=True):
                        measure(here, result[k, block.rows].reshape(-1))
                for fill, result in zip(bound, of_differences, strict=True):
                    fill(result[block.where].reshape(-1))
                if not tame:
                    undefined = np.stack([np.isnan(planes.get(k)[0, rows]) for k in block.slices])
                    for result in results:
                        values = result[block.where]
                        values[undefined | ~np.isfinite(values)] = np.nan

    field.run(measure_parts, divided.parts)
    return results


def _tame(field: Field) -> bool:
    """Whether the numbers of a field's matrices are so small that with tame vectors nothing overflows."""
    linear = field.index_to_world[:3, :3]
    if not np.linalg.det(linear):
        return False
    numbers = np.array([linear, np.linalg.inv(linear), field.pre[:3, :3], field.post[:3, :3]])
    return bool(np.abs(numbers).max() <= TAME_NUMBER)


def _differences(
    neighbours: tuple[np.ndarray, np.ndarray, np.ndarray], rows: slice, between: bool, out: np.ndarray
) -> None:
    """Twice the derivative of each component along i, j and k: ``out[c, axis]`` of shape (rows, nx).

    Parameters
    ----------
    neighbours
        Planes (3, rows, nx) of the slice before, the slice and the one after; the slice itself where there is none.
    rows
        Which of them to take.
    between
        Whether there is a slice on both sides.
    """
    before, planes, after = neighbours
    _, count, nx = planes.shape
    first, last = rows.start, rows.stop
    # As one row: far faster than row by row, and the two columns that it gets wrong are written again.
    flat, along = planes.reshape(3, -1), out.reshape(3, 3, -1)
    if nx == 1:
        out[:, 0] = 0
    else:
        block = flat[:, first * nx : last * nx]
        np.subtract(block[:, 2:], block[:, :-2], out=along[:, 0, 1:-1])
        apart = max(nx - 2, 1)
        block = planes[:, rows]
        np.multiply(block[:, :, 1::apart] - block[:, :, : nx - 1 : apart], 2, out=out[:, 0, :, :: nx - 1])
    if count == 1:
        out[:, 1] = 0
    else:
        inner = slice(max(first, 1), min(last, count - 1))
        if inner.stop > inner.start:
            upper, lower = (flat[:, (inner.start + step) * nx : (inner.stop + step) * nx] for step in (1, -1))
            np.subtract(upper, lower, out=along[:, 1, (inner.start - first) * nx : (inner.stop - first) * nx])
        if first == 0:
            np.multiply(planes[:, 1] - planes[:, 0], 2, out=out[:, 1, 0])
        if last == count:
            np.multiply(planes[:, -1] - planes[:, -2], 2, out=out[:, 1, -1])
    np.subtract(after[:, rows], before[:, rows], out=out[:, 2])
    if not between:
        out[:, 2] *= np.float32(2)


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
        # Slice by slice: most fields fold nowhere, and need no mask of the whole grid to show it.
        if not any((slice_ <= 0).any() for slice_ in determinants):
            return None
        return region_where(determinants <= 0)
