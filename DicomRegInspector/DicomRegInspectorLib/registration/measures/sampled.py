"""Measures taken at a sample of the nodes: bending energy, the inverse's residual, the bulk motion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .field import Field
from .rows import Measure, MeasureRow, number

BENDING_SAMPLE = 50_000
INVERSE_SAMPLE = 5_000
BULK_SAMPLE = 50_000
SEED = 20_240_501
"""Fixed, so that a report says the same each time."""

_CHUNK = 4096
"""Nodes whose 27 second derivatives are held at once: all of a sample would weigh as much as a small grid."""

Gather = Callable[[np.ndarray], np.ndarray]
"""Displacements (n, 3) mm at nodes by their numbers (n,), x fastest, as float64; not finite where undefined."""


@dataclass(frozen=True)
class BendingEnergy:
    """Mean over the nodes of the squared second derivatives of the displacement, in 1/mm²."""

    mean: float | None
    standard_error: float | None
    """0 where every node with two neighbours along each axis was taken."""
    samples: int
    of: int
    """Nodes there are to sample from."""

    def to_dict(self) -> dict[str, Any]:
        """Return the sample behind the number."""
        return {"standard_error": self.standard_error, "samples": self.samples, "of": self.of}

    @property
    def measure(self) -> Measure:
        """As a row of the report."""
        told = "not defined" if self.mean is None else number(self.mean)
        if self.standard_error:
            told += f" ± {number(self.standard_error, 2)} (from {self.samples} of {self.of} nodes)"
        rows = (MeasureRow(("bending_energy_per_mm2",), "Bending energy, mean", self.mean, "1/mm²"),)
        return Measure("bending energy", told if self.mean is None else f"{told} 1/mm²", rows)


def sample_nodes(dimensions: tuple[int, int, int], count: int, margin: int = 0) -> np.ndarray:
    """Choose node indices (n, 3): all, or ``count`` at random, with a margin along axes of more than one node."""
    first = np.array([margin if size > 1 else 0 for size in dimensions])
    sizes = np.array(dimensions) - 2 * first
    if (sizes < 1).any():
        return np.empty((0, 3), np.int64)
    total = int(np.prod(sizes))
    flat = np.arange(total) if total <= count else np.random.default_rng(SEED).integers(0, total, count)
    index = np.stack([flat % sizes[0], flat // sizes[0] % sizes[1], flat // (sizes[0] * sizes[1])], axis=1)
    return index + first


def bending_energy(field: Field, gather: Gather) -> BendingEnergy:
    """Average ``Σ_c Σ_ab (∂²D_c/∂x_a∂x_b)²`` over inner nodes (Rueckert et al., IEEE TMI 18(8), 1999, equation 7).

    ``gather``: looks displacements up.
    """
    index = sample_nodes(field.dimensions, BENDING_SAMPLE, margin=1)
    active = [axis for axis, size in enumerate(field.dimensions) if size > 2]
    first = np.array([1 if size > 1 else 0 for size in field.dimensions])
    of = int(np.prod(np.maximum(np.array(field.dimensions) - 2 * first, 0)))
    if not len(index) or not active:
        return BendingEnergy(None, None, 0, of)
    nx, ny, _ = field.dimensions
    numbers = index @ (1, nx, nx * ny)
    with np.errstate(over="ignore", invalid="ignore"):
        energy = np.concatenate(
            [
                np.square(_second_derivatives(field, gather, numbers[start : start + _CHUNK], active)).sum(axis=(0, 2))
                for start in range(0, len(numbers), _CHUNK)
            ]
        )
    energy = energy[np.isfinite(energy)]
    if not len(energy):
        return BendingEnergy(None, None, 0, of)
    error = 0.0 if len(index) == of else float(energy.std(ddof=1) / np.sqrt(len(energy)))
    return BendingEnergy(float(energy.mean()), error, len(energy), of)


def _second_derivatives(field: Field, gather: Gather, numbers: np.ndarray, active: list[int]) -> np.ndarray:
    """(9, n, 3) second derivatives of each component along pairs of the registered axes, at nodes by number."""
    nx, ny, _ = field.dimensions
    steps = (1, nx, nx * ny)
    here = gather(numbers)
    along = np.zeros((3, 3, *here.shape))
    for a in active:
        along[a, a] = gather(numbers + steps[a]) - 2 * here + gather(numbers - steps[a])
        for b in active:
            if b > a:
                sum_, difference = steps[a] + steps[b], steps[a] - steps[b]
                mixed = gather(numbers + sum_) - gather(numbers + difference)
                mixed += gather(numbers - sum_) - gather(numbers - difference)
                along[a, b] = along[b, a] = mixed / 4
    to_index = np.linalg.inv(field.index_to_world[:3, :3])
    # d2/dx_a dx_b = sum over i, j of to_index[i, a] to_index[j, b] d2/di dj, for all pairs by one product.
    return (np.kron(to_index, to_index).T @ along.reshape(9, -1)).reshape(9, *here.shape)
