"""How the axes of two volumes correspond: signed permutations found from directions, and what they leave over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..space import apply_matrix
from .volume import Volume

_NAMES = "ijk"


@dataclass(frozen=True)
class IndexMapping:
    """Which voxel of B is the voxel of A."""

    axes: tuple[int, int, int]
    """For i, j and k of A, the axis of B that runs along it."""
    flipped: tuple[bool, bool, bool]
    """For i, j and k of A, whether that axis runs the other way."""
    dimensions: tuple[int, int, int]
    """(ni, nj, nk) of B."""

    @property
    def is_identity(self) -> bool:
        """Whether voxels have the same index in both."""
        return self.axes == (0, 1, 2) and not any(self.flipped)

    @property
    def matrix(self) -> NDArray[np.int64]:
        """(4, 4) whole numbers: from (i, j, k, 1) in A to (i, j, k, 1) in B."""
        result = np.zeros((4, 4), np.int64)
        result[3, 3] = 1
        for m, (axis, flipped) in enumerate(zip(self.axes, self.flipped, strict=True)):
            result[axis, m] = -1 if flipped else 1
            result[axis, 3] = self.dimensions[axis] - 1 if flipped else 0
        return result

    def apply(self, index: ArrayLike) -> NDArray[np.int64]:
        """Map voxels (..., 3) of A to voxels of B."""
        return apply_matrix(self.matrix, np.asarray(index))

    def inverse(self) -> IndexMapping:
        """Return the mapping from B to A."""
        axes = tuple(self.axes.index(axis) for axis in range(3))
        flipped = tuple(self.flipped[m] for m in axes)
        dimensions = tuple(self.dimensions[axis] for axis in self.axes)
        return IndexMapping(axes, flipped, dimensions)  # type: ignore[arg-type] # one for each of three axes

    def view(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return b's array (nk, nj, ni, ...) in the order of A, without copying."""
        order = [2 - self.axes[2 - place] for place in range(3)] + list(range(3, array.ndim))
        steps = tuple(slice(None, None, -1 if self.flipped[2 - place] else 1) for place in range(3))
        return array.transpose(order)[steps]

    @property
    def signed_axes(self) -> list[str]:
        """``["+j", "-i", "+k"]``: i of A runs along j of B, j of A against i of B."""
        pairs = zip(self.axes, self.flipped, strict=True)
        return [f"{'-' if flipped else '+'}{_NAMES[axis]}" for axis, flipped in pairs]

    def words(self) -> str:
        """Return the mapping as a sentence."""
        if self.is_identity:
            return "voxels are in the same order"
        parts = []
        for m, (axis, flipped) in enumerate(zip(self.axes, self.flipped, strict=True)):
            part = f"{_NAMES[m]} of A is {_NAMES[axis]} of B"
            if flipped:
                last = self.dimensions[axis] - 1
                part += f" reversed ({_NAMES[m]} = 0 is {_NAMES[axis]} = {last})"
            parts.append(part)
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        return {
            "axes": self.signed_axes,
            "matrix": self.matrix.tolist(),
            "is_identity": self.is_identity,
            "words": self.words(),
        }


def mapping_by_directions(a: Volume, b: Volume) -> tuple[IndexMapping, float]:
    """Find the signed permutation whose axes run most nearly alike, and the largest angle left, degrees."""
    cosines = a.directions.T @ b.directions
    best = max(permutations(range(3)), key=lambda axes: sum(abs(cosines[m, axis]) for m, axis in enumerate(axes)))
    chosen = [float(cosines[m, axis]) for m, axis in enumerate(best)]
    # By the sine: near 1, a cosine rounds away angles of some 1e-6 degrees.
    crosses = [np.cross(a.directions[:, m], b.directions[:, axis]) for m, axis in enumerate(best)]
    angle = max(float(np.degrees(np.arcsin(min(float(np.linalg.norm(cross)), 1.0)))) for cross in crosses)
    flipped = tuple(value < 0 for value in chosen)
    return IndexMapping(best, flipped, b.dimensions), angle  # type: ignore[arg-type] # one for each of three axes


def mappings_that_fit(a: Volume, b: Volume) -> Iterator[IndexMapping]:
    """Yield all signed permutations under which the two have the same numbers of voxels."""
    for axes in permutations(range(3)):
        if all(a.dimensions[m] == b.dimensions[axis] for m, axis in enumerate(axes)):
            for flipped in product((False, True), repeat=3):
                yield IndexMapping(axes, flipped, b.dimensions)  # type: ignore[arg-type] # one for each of three axes


def fits(a: Volume, mapping: IndexMapping) -> bool:
    """Tell whether the two have the same numbers of voxels along corresponding axes."""
    return all(a.dimensions[m] == mapping.dimensions[axis] for m, axis in enumerate(mapping.axes))


def largest_corner_distance(a: Volume, b: Volume, mapping: IndexMapping) -> float:
    """Measure how far apart, mm, corners lie that should be one: of the volumes, and of every slice of each.

    Where sizes differ, each corner is compared with the corner at the same end of the corresponding axis.
    """
    if not fits(a, mapping):
        ends = np.array(list(product((0, 1), repeat=3)))
        of_b = ends[:, mapping.inverse().axes] != np.array(mapping.inverse().flipped)
        places = b.positions(of_b * (np.array(b.dimensions) - 1))
        return float(np.linalg.norm(a.positions(ends * (np.array(a.dimensions) - 1)) - places, axis=1).max())
    in_a = _slice_corners(a.dimensions)
    distances = [np.linalg.norm(a.positions(in_a) - b.positions(mapping.apply(in_a)), axis=1).max()]
    in_b = _slice_corners(b.dimensions)
    distances.append(np.linalg.norm(a.positions(mapping.inverse().apply(in_b)) - b.positions(in_b), axis=1).max())
    return float(max(distances))


def _slice_corners(dimensions: tuple[int, int, int]) -> NDArray[np.int64]:
    ni, nj, nk = dimensions
    return np.array([(i, j, k) for k in range(nk) for j in {0, nj - 1} for i in {0, ni - 1}])
