"""Local measures of a displacement field: magnitude, components, Jacobian determinant, curl.

Differences along the grid's own axes are turned into the registered axes, so that an oblique grid gives what an axial
one gives. How a quantity is distributed over the nodes is told without an array of it: see :mod:`.distributions`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from .field import Field
from .walk import OfDifferences, OfVectors, Quantity, arrays_of


def along(direction: np.ndarray) -> Quantity:
    """Return the quantity that is the vectors' product with a direction (3,)."""
    used = [(axis, np.float32(factor)) for axis, factor in enumerate(direction) if factor]

    def measure(planes: np.ndarray, out: np.ndarray) -> None:
        (axis, factor), *rest = used
        np.multiply(planes[axis], factor, out=out)
        for axis, factor in rest:
            out += planes[axis] * factor

    return Quantity(lambda field: measure)


def _lengths_of(_field: Field) -> OfVectors:
    work = np.empty(0, np.float32)

    def measure(planes: np.ndarray, out: np.ndarray) -> None:
        nonlocal work
        if len(work) < len(out):
            work = np.empty(len(out), np.float32)
        _root_of_squares(planes, out, work[: len(out)])

    return measure


def _root_of_squares(parts: Iterable[np.ndarray], out: np.ndarray, work: np.ndarray) -> None:
    for place, part in enumerate(parts):
        np.multiply(part, part, out=work if place else out)
        if place:
            np.add(out, work, out=out)
    np.sqrt(out, out=out)


def _jacobian_of(field: Field) -> OfDifferences:
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
        minor, product = work[:2]
        along_j, along_k = twice[:, 1], twice[:, 2]

        factors = [(along_j[a - 2], along_k[a - 1], along_j[a - 1], along_k[a - 2], twice[a, 0]) for a in range(3)]

        def measure(out: np.ndarray) -> None:
            np.add(rows, numbers, rows)
            for place, (j_of_b, k_of_c, j_of_c, k_of_b, i_of_a) in enumerate(factors):
                np.multiply(j_of_b, k_of_c, minor)
                np.multiply(j_of_c, k_of_b, product)
                np.subtract(minor, product, minor)
                if place:
                    np.multiply(minor, i_of_a, minor)
                    np.add(out, minor, out)
                else:
                    np.multiply(minor, i_of_a, out)
            np.multiply(out, scale, out)

        return measure

    return bind


def _curl_of(field: Field) -> OfDifferences:
    inverse = np.linalg.inv(field.index_to_world[:3, :3]) / 2
    terms = [_curl_terms(inverse, axis) for axis in range(3)]
    # In units of the commonest factor, that of equal spacings, most differences are taken as they are.
    unit = Counter(abs(factor) for of in terms for _, _, factor in of).most_common(1)[0][0]
    scale = np.float32(unit)

    def bind(twice: np.ndarray, work: np.ndarray) -> Callable[[np.ndarray], None]:
        part, product = work[:2]
        axes = [
            sorted(
                ((twice[component_, index], np.float32(factor / unit)) for component_, index, factor in of),
                key=lambda term: term[1] != 1,
            )
            for of in terms
        ]

        def parts() -> Iterator[np.ndarray]:
            for (first, factor), *rest in axes:
                so_far = first if factor == 1 and rest else np.multiply(first, factor, out=part)
                for differences, factor in rest:
                    if factor == 1:
                        so_far = np.add(so_far, differences, out=part)
                    elif factor == -1:
                        so_far = np.subtract(so_far, differences, out=part)
                    else:
                        so_far = np.add(so_far, np.multiply(differences, factor, out=product), out=part)
                yield so_far

        def measure(out: np.ndarray) -> None:
            _root_of_squares(parts(), out, product)
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


MAGNITUDE = Quantity(_lengths_of)
"""Length of each vector in mm."""
JACOBIAN = Quantity(of_differences=_jacobian_of, spoils=True)
"""Jacobian determinant of the whole mapping, matrices included.

``det(post) · det(pre + dD/dx)`` with ``dD/dx = E · A⁻¹``, E the differences along the grid's axes and A the grid's
index matrix, so that ``det(pre + dD/dx) = det(pre · A + E) / det(A)`` and no block has to be turned. Values of 1 keep
volume, values of 0 and less fold (e.g. Leow et al., IEEE TMI 26(6), 2007).
"""
CURL = Quantity(of_differences=_curl_of)
"""Length of the curl of D, mm/mm: twice the local rotation in radians if small."""


def magnitude(field: Field, out: np.ndarray | None = None) -> np.ndarray:
    """Return :data:`MAGNITUDE` of each node, (nz, ny, nx) float32."""
    return arrays_of(field, [MAGNITUDE], [out])[0]


def component(field: Field, direction: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return :func:`along` a direction for each node, (nz, ny, nx) float32."""
    return arrays_of(field, [along(direction)], [out])[0]


def jacobian(field: Field, out: np.ndarray | None = None) -> np.ndarray:
    """Return :data:`JACOBIAN` of each node, (nz, ny, nx) float32."""
    return arrays_of(field, [JACOBIAN], [out])[0]


def curl(field: Field, out: np.ndarray | None = None) -> np.ndarray:
    """Return :data:`CURL` of each node, (nz, ny, nx) float32."""
    return arrays_of(field, [CURL], [out])[0]
