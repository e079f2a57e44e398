"""Whether a matrix is the identity, rigid, scales, shears or mirrors, as far as the digits that it was written in say.

A matrix in a file is a rounded one: of a rotation written with three decimals nobody can tell its scale better than to
some 0.1 %. What rounding explains is no property of the matrix.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..findings import Finding

RIGID_TOLERANCE = 1e-4
"""Largest deviation of R'R from the identity in a rigid matrix, beside that of its digits: 0.01 mm over 200 mm."""
SINGULAR_RATIO = 1e-9
"""Smallest singular value against the largest below which a matrix counts as not invertible."""
COARSEST_HALF_UNIT = 0.005
"""Half a unit of two decimals. Nobody writes a rotation with fewer: shorter numbers are meant as they stand."""
IDENTITY_LINEAR = 5e-7
"""Largest deviation of the upper left 3x3 of an identity: a few roundings to 32 bits, of 6e-8 each."""
IDENTITY_SHIFT_MM = 1e-4
"""Largest translation of an identity: what 32 bits make of 1 m; a tenth of what the mapping is held to."""

_UNIT = np.eye(3)
_PAIRS = np.stack([np.outer(_UNIT[a], _UNIT[b]) + np.outer(_UNIT[b], _UNIT[a]) for a in range(3) for b in range(a, 3)])
"""(6, 3, 3) symmetric matrices: of the length of each column, and of the angle between each two."""
_ARE_ANGLES = _PAIRS.trace(axis1=1, axis2=2) == 0
LEAST_SHEAR_DEG = 0.05
"""Shear worth a word."""


def is_identity(matrix: np.ndarray) -> bool:
    """Tell whether a 4x4 is the identity, but for what 32-bit numbers and the noise of arithmetic leave."""
    deviation = np.abs(matrix - np.eye(4))
    return bool(deviation[:3, :3].max() <= IDENTITY_LINEAR and deviation[:3, 3].max() <= IDENTITY_SHIFT_MM)


def is_singular(matrix: np.ndarray) -> bool:
    """Tell whether a 4x4 collapses space."""
    values = np.linalg.svd(matrix[:3, :3], compute_uv=False)
    return bool(values[-1] <= SINGULAR_RATIO * max(values[0], 1e-300))


def is_rigid(matrix: np.ndarray, half_units: np.ndarray | None = None) -> bool:
    """Tell whether a 4x4 may be a rotation and a translation.

    ``half_units``: (3, 3) half a unit of the last digit that each number of the rotation was written with; none
    without.
    """
    return _keeps_handedness(matrix) and _may_keep_lengths(matrix[:3, :3], half_units)


def largest_move_mm(matrix: np.ndarray, corners: np.ndarray) -> float:
    """Return how far a 4x4 moves any point of a box, given by its corners (8, 3), mm: the farthest is a corner."""
    moved = corners @ (matrix[:3, :3] - np.eye(3)).T + matrix[:3, 3]
    return float(np.linalg.norm(moved, axis=1).max())


def _keeps_handedness(matrix: np.ndarray) -> bool:
    return bool(np.linalg.det(matrix[:3, :3]) > 0)


def _may_keep_lengths(linear: np.ndarray, half_units: np.ndarray | None) -> bool:
    """Whether there may be an orthogonal matrix that gives these digits when it is written with them.

    Of an orthogonal R = M - E with |E| of at most half units h, ``M'M - I = M'E + E'M - E'E``. Each symmetric Q turns
    that into a bound, ``|tr Q(M'M - I)| <= 2 Σ|MQ|h + Σ|Q|(h'h)``: for the lengths and angles of the columns, for the
    volume, and for what the matrix stretches most. No rotation breaks any of them, however it is rounded.
    """
    half = np.zeros((3, 3)) if half_units is None else np.minimum(half_units, COARSEST_HALF_UNIT)
    return all(
        _bounds_hold(one_way, digits, _directions_to_try(one_way))
        for one_way, digits in ((linear, half), (linear.T, half.T))
    )


def _bounds_hold(linear: np.ndarray, half: np.ndarray, directions: np.ndarray) -> bool:
    """``directions``: (n, 3, 3) the symmetric Q of :func:`_may_keep_lengths`."""
    sizes = np.abs(directions)
    explained = 2 * (np.abs(linear @ directions) * half).sum(axis=(1, 2)) + (sizes * (half.T @ half)).sum(axis=(1, 2))
    found = np.abs((directions * (linear.T @ linear - _UNIT)).sum(axis=(1, 2)))
    return not bool((found > explained + RIGID_TOLERANCE * sizes.sum(axis=(1, 2))).any())


def _directions_to_try(linear: np.ndarray) -> np.ndarray:
    """(11, 3, 3) symmetric matrices."""
    excess = linear.T @ linear - _UNIT
    _, axes = np.linalg.eigh(excess)
    return np.concatenate([_PAIRS, (_UNIT, excess), axes.T[:, :, None] * axes.T[:, None]])


def shear_deg(linear: np.ndarray) -> float:
    """Return by how much a (3, 3) takes right angles off 90°; 0 where it scales along the axes after a turn."""
    return 0.0 if _skew_deg(linear.T) < LEAST_SHEAR_DEG else _skew_deg(linear)


def _skew_deg(linear: np.ndarray) -> float:
    lengths = np.linalg.norm(linear, axis=0)
    cosines = (linear.T @ linear) / np.maximum(np.outer(lengths, lengths), 1e-300)
    largest = np.abs(cosines[np.triu_indices(3, 1)]).max()
    return math.degrees(math.asin(min(float(largest), 1.0)))


def _shears(linear: np.ndarray, half_units: np.ndarray | None) -> bool:
    """Whether no scaling along axes, before or after a rotation, explains the angles."""
    half = np.zeros((3, 3)) if half_units is None else np.minimum(half_units, COARSEST_HALF_UNIT)
    return not any(_bounds_hold(m, h, _PAIRS[_ARE_ANGLES]) for m, h in ((linear, half), (linear.T, half.T)))


def matrix_findings(
    matrix: np.ndarray,
    declared: str,
    name: str,
    subject: str,
    baked: bool = False,
    half_units: np.ndarray | None = None,
) -> list[Finding]:
    """Return findings about one transformation matrix.

    Parameters
    ----------
    matrix
        (4, 4), valid.
    declared
        Frame of Reference Transformation Matrix Type (0070,030C): RIGID, RIGID_SCALE or AFFINE, in any case.
    name
        How to name the matrix in the message.
    baked
        Whether the scene has to work the matrix into the grid's vectors when it is not rigid.
    half_units
        As in :func:`is_rigid`.
    """
    linear = matrix[:3, :3]
    singular_values = np.linalg.svd(linear, compute_uv=False)
    evidence: dict[str, Any] = {
        "matrix": name,
        "declared_type": declared,
        "singular_values": singular_values.tolist(),
        "determinant": float(np.linalg.det(linear)),
    }
    named = f"{name[:1].upper()}{name[1:]}"
    if is_singular(matrix):
        message = f"{named} cannot be inverted: its singular values are {_join(singular_values)}."
        return [Finding("reg-matrix-singular", "error", message, subject, evidence)]
    if is_rigid(matrix, half_units):
        return []
    kind = "_".join(declared.upper().replace("-", " ").replace("_", " ").split())
    mirrors, shears = not _keeps_handedness(matrix), _shears(linear, half_units)
    does = []
    if mirrors:
        does.append("mirrors the patient (its determinant is negative)")
    if shears:
        evidence["shear_deg"] = shear_deg(linear)
        does.append(f"shears: right angles are off by up to {evidence['shear_deg']:.3g}°")
    if not _may_keep_lengths(linear, half_units):
        does.append(f"scales by {_join(singular_values)} along its principal axes")
    wrong = mirrors or kind == "RIGID" or (shears and kind == "RIGID_SCALE")
    says = f"is declared {declared}" if declared else "has no declared type"
    allowed = kind == "AFFINE" or not declared or (kind == "RIGID_SCALE" and not (shears or mirrors))
    message = f"{named} {says} {'and' if allowed else 'but'} {', and '.join(does)}."
    if baked:
        message += " In a scene it is worked into the grid's vectors (exact at and between the nodes)."
    return [Finding("reg-matrix-not-rigid", "warning" if wrong else "info", message, subject, evidence)]


def _join(values: np.ndarray) -> str:
    return ", ".join(f"{value:.6g}" for value in values)
