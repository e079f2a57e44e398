"""How the values of two volumes differ, and what explains it; slab by slab, so that no volume is copied."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..progress import Progress, report_progress
from .geometry import IndexMapping
from .volume import Volume

SLAB_VALUES = 1 << 19
"""Values compared at a time."""
SAMPLES = 1 << 16
"""Values that a step is looked for in, where a file does not tell it."""
FIT_ROOM = 1.25
"""Values of both are rounded to their steps before a factor is fitted: the fit is off by a part of that."""
STEP_DIGITS = 1e-5
"""Relative: steps are handed on with six digits."""
NOISE = 1e-6
"""Of the values' range: what is left by arithmetic after fitting a factor to floating point values."""

EXPLANATIONS = {
    "identical": "all values are equal",
    "float-rounding": "values differ by no more than single precision rounds off",
    "rescale-quantization": "values differ by at most half the step they were stored in",
    "linear": "values differ by a constant factor and offset",
    "slice-slopes": "values differ by a factor and offset of each slice: slopes of slices were not kept",
    "unexplained": "neither rounding nor any factor and offset explains the differences",
}
"""Words for what explains the differences of values."""


@dataclass(frozen=True)
class ValueDifference:
    """B minus A, voxel by corresponding voxel."""

    max: float
    """The largest absolute difference; NaN where no voxel has a value in both."""
    mean: float
    rms: float
    differing: int
    """Voxels (and channels) that differ at all."""
    compared: int
    undefined: int
    """Voxels that are no number (NaN) in one of the two only."""
    place: tuple[int, int, int] | None
    """(i, j, k) of A with the largest difference."""
    explained_by: str
    """A key of :data:`EXPLANATIONS`."""
    details: dict[str, float] = field(default_factory=dict)
    """Numbers of the explanation: the steps, the factor and offset."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        return {
            **vars(self),
            "place": list(self.place) if self.place else None,
            "words": EXPLANATIONS[self.explained_by],
        }


@dataclass(eq=False)
class _Sums:
    """What one pass over both volumes adds up; moments for each slice of A."""

    largest: float = -1.0
    place: tuple[int, int, int] | None = None
    total: float = 0.0
    squares: float = 0.0
    differing: int = 0
    undefined: int = 0
    beyond_rounding: float = -np.inf
    """The most that a difference exceeds what single precision rounds off."""
    beyond_step: float = -np.inf
    """The most that a difference exceeds half a step."""
    low: NDArray[np.float64] = field(default_factory=lambda: np.full(2, np.inf))
    high: NDArray[np.float64] = field(default_factory=lambda: np.full(2, -np.inf))
    moments: list[NDArray[np.float64]] = field(default_factory=list)
    """For each slice: count, sums of a, b, a², ab, b², taken from :attr:`shift`."""
    shift: tuple[float, float] = (0.0, 0.0)


def compare_values(a: Volume, b: Volume, mapping: IndexMapping, progress: Progress | None = None) -> ValueDifference:
    """Compare all values under a mapping that fits both volumes' sizes."""
    ours, theirs = a.array, mapping.view(b.array)
    steps = _steps_of(a), _steps_of(b)
    sums = _first_pass(ours, theirs, _step_bounds(steps, mapping, a), _precision(a, b), progress)
    compared = int(sum(moments[0] for moments in sums.moments))
    known = {"step_a": float(steps[0].max()), "step_b": float(steps[1].max())}
    report_progress(progress, 0, 0, "Explaining differences", "Comparing was stopped.")
    explained, details = _explain(a, b, mapping, sums, steps)
    return ValueDifference(
        max=sums.largest if compared else float("nan"),
        mean=sums.total / compared if compared else float("nan"),
        rms=float(np.sqrt(sums.squares / compared)) if compared else float("nan"),
        differing=sums.differing,
        compared=compared,
        undefined=sums.undefined,
        place=sums.place if sums.largest > 0 else None,
        explained_by=explained,
        details=known | details,
    )


def _steps_of(volume: Volume) -> NDArray[np.float64]:
    """(nk,) or (1,): the steps a volume's values come in; 0 where they may be anything."""
    if volume.quanta is not None:
        return np.abs(np.asarray(volume.quanta, dtype=np.float64)).reshape(-1)
    if volume.array.dtype.kind in "biu":
        return np.ones(1)
    return np.array([estimated_step(volume.array)])


def estimated_step(array: NDArray[Any]) -> float:
    """Return the step that all values are multiples of, from a sample; 0 when there is none."""
    stride = max(array.shape[0] * array[0].size // SAMPLES, 1)
    rows = max(array.shape[0] // 16, 1)
    sample = np.concatenate([array[k].reshape(-1)[:: max(stride // rows, 1)] for k in range(0, array.shape[0], rows)])
    distinct = np.unique(sample[np.isfinite(sample)].astype(np.float64))
    if distinct.size < 3:
        return 0.0
    noise = 16 * float(np.finfo(np.float32).eps) * float(np.abs(distinct).max())
    gaps = np.diff(distinct)
    gaps = gaps[gaps > noise]
    step = 0.0
    for gap in np.unique(gaps):
        step = _common_step(step, float(gap), noise)
        if step < 32 * noise:
            return 0.0
    # Noise of single gaps does not add up in their sum.
    return float(gaps.sum() / np.round(gaps / step).sum()) if step else 0.0


def _common_step(step: float, other: float, noise: float) -> float:
    """The greatest number of which both are multiples, but for noise."""
    while step > noise:
        rest = other % step
        if step - rest <= noise:
            rest = 0.0
        step, other = rest, step
    return other


def _step_bounds(
    steps: tuple[NDArray[np.float64], NDArray[np.float64]], mapping: IndexMapping, a: Volume
) -> NDArray[np.float64]:
    """Half the larger step, broadcast to A's array (three axes): steps go by slice, of A or of B."""
    ours = steps[0].reshape(-1, 1, 1)
    theirs = np.broadcast_to(steps[1].reshape(-1, 1, 1), (mapping.dimensions[2], 1, 1))
    along = mapping.axes.index(2)
    line = theirs.reshape(-1)[:: -1 if mapping.flipped[along] else 1]
    shape = [1, 1, 1]
    shape[2 - along] = line.size
    return 0.5 * np.maximum(ours, line.reshape(shape))


def _precision(a: Volume, b: Volume) -> float:
    """Relative rounding of values that went through floating point."""
    floating = [volume for volume in (a, b) if volume.array.dtype.kind == "f" or volume.quanta is not None]
    return 4 * float(np.finfo(np.float32).eps) if floating else 0.0


def _first_pass(
    ours: NDArray[Any],
    theirs: NDArray[Any],
    bounds: NDArray[np.float64],
    precision: float,
    progress: Progress | None = None,
) -> _Sums:
    middle = ours.shape[0] // 2
    sums = _Sums(shift=(_mean(ours[middle]), _mean(theirs[middle])))
    for k in range(ours.shape[0]):
        moments = np.zeros(6)
        for start, stop in _row_ranges(ours[k].shape):
            x = ours[k, start:stop].astype(np.float64)
            y = theirs[k, start:stop].astype(np.float64)
            bound = bounds[k if bounds.shape[0] > 1 else 0]
            bound = bound[start:stop] if bound.shape[0] > 1 else bound
            moments += _add(sums, x, y, bound, precision, (start, k))
        sums.moments.append(moments)
        report_progress(progress, k + 1, ours.shape[0], "Comparing values", "Comparing was stopped.")
    return sums


def _row_ranges(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    rows = max(SLAB_VALUES // max(int(np.prod(shape[1:])), 1), 1)
    return [(start, min(start + rows, shape[0])) for start in range(0, shape[0], rows)]


def _mean(values: NDArray[Any]) -> float:
    finite = np.isfinite(values)
    return float(np.mean(values, where=finite, dtype=np.float64)) if finite.any() else 0.0


def _add(
    sums: _Sums, x: NDArray[np.float64], y: NDArray[np.float64], bound: NDArray[np.float64], precision: float,
    corner: tuple[int, int],
) -> NDArray[np.float64]:  # fmt: skip
    """Add a piece (rows, columns[, channels]) to the sums; returns its moments."""
    both = np.isfinite(x) & np.isfinite(y)
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    sums.undefined += int(np.count_nonzero(~both & ~same))
    if not both.all():
        x, y = np.where(both, x, sums.shift[0]), np.where(both, y, sums.shift[1])
    difference = np.where(both, y - x, 0.0)
    size = np.abs(difference)
    largest = float(size.max())
    if largest > sums.largest and both.any():
        row, column = np.unravel_index(int(size.argmax()), size.shape)[:2]
        sums.largest, sums.place = largest, (int(column), corner[0] + int(row), corner[1])
    sums.total += float(difference.sum())
    sums.squares += float((difference * difference).sum())
    sums.differing += int(np.count_nonzero(size))
    room = precision * np.maximum(np.abs(x), np.abs(y))
    sums.beyond_rounding = max(sums.beyond_rounding, float((size - room).max()))
    if x.ndim == 3:
        bound = bound[..., None]
    sums.beyond_step = max(sums.beyond_step, float((size - room - bound * (1 + STEP_DIGITS)).max()))
    sums.low = np.minimum(sums.low, [x.min(), y.min()])
    sums.high = np.maximum(sums.high, [x.max(), y.max()])
    u, v = np.where(both, x - sums.shift[0], 0.0), np.where(both, y - sums.shift[1], 0.0)
    return np.array([np.count_nonzero(both), u.sum(), v.sum(), (u * u).sum(), (u * v).sum(), (v * v).sum()])


def _explain(
    a: Volume,
    b: Volume,
    mapping: IndexMapping,
    sums: _Sums,
    steps: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> tuple[str, dict[str, float]]:
    if sums.undefined or sums.largest < 0:
        return ("unexplained", {}) if sums.undefined else ("identical", {})
    if sums.largest == 0:
        return "identical", {}
    if sums.beyond_rounding <= 0:
        return "float-rounding", {}
    if sums.beyond_step <= 0:
        return "rescale-quantization", {}
    noise = NOISE * float((sums.high - sums.low).max())
    largest_steps = float(steps[0].max()), float(steps[1].max())
    whole = np.sum(sums.moments, axis=0)[None]
    factor, offset = _fit(whole, sums.shift)
    lines = np.repeat(factor, a.dimensions[2]), np.repeat(offset, a.dimensions[2])
    if factor[0] and _fits_lines(a.array, mapping.view(b.array), lines, largest_steps, noise):
        return "linear", {"factor": float(factor[0]), "offset": float(offset[0])}
    lines = _fit(np.array(sums.moments), sums.shift)
    if _fits_lines(a.array, mapping.view(b.array), lines, largest_steps, noise):
        return "slice-slopes", {"factor_min": float(lines[0].min()), "factor_max": float(lines[0].max())}
    if mapping.axes[2] != 2:
        # The slices may be those of B.
        back = mapping.inverse()
        other = _first_pass(b.array, back.view(a.array), np.zeros((1, 1, 1)), 0.0)
        lines = _fit(np.array(other.moments), other.shift)
        if _fits_lines(b.array, back.view(a.array), lines, largest_steps[::-1], noise):
            return "slice-slopes", {"factor_min": float(lines[0].min()), "factor_max": float(lines[0].max())}
    return "unexplained", {}


def _fit(moments: NDArray[np.float64], shift: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Factor and offset of each row of moments by least squares: b = factor · a + offset."""
    count, sum_a, sum_b, sum_aa, sum_ab, _ = np.maximum(moments, [[1, -np.inf, -np.inf, 0, -np.inf, 0]]).T
    variance = sum_aa - sum_a * sum_a / count
    # A slice of one value has no factor of its own.
    is_flat = variance <= 1e-12 * np.maximum(sum_aa, 1e-300)
    factor = np.where(is_flat, 0.0, (sum_ab - sum_a * sum_b / count) / np.where(is_flat, 1.0, variance))
    offset = sum_b / count - factor * sum_a / count
    return factor, offset + shift[1] - factor * shift[0]


def _fits_lines(
    ours: NDArray[Any],
    theirs: NDArray[Any],
    lines: tuple[NDArray[np.float64], NDArray[np.float64]],
    steps: tuple[float, float],
    noise: float,
) -> bool:
    """Whether factor and offset of each slice leave no more than rounding to steps does."""
    for k in range(ours.shape[0]):
        factor, offset = float(lines[0][k]), float(lines[1][k])
        room = FIT_ROOM * 0.5 * (steps[1] + abs(factor) * steps[0]) + noise
        for start, stop in _row_ranges(ours[k].shape):
            rest = ours[k, start:stop].astype(np.float64)
            rest *= factor
            rest += offset
            rest -= theirs[k, start:stop]
            np.abs(rest, out=rest)
            if float(np.nanmax(rest, initial=0.0)) > room:
                return False
    return True


def alike(a: Volume, b: Volume, mapping: IndexMapping) -> float:
    """Return correlation of a sample of corresponding values; 0 where there is none."""
    random = np.random.default_rng(0)
    index = random.integers(0, a.dimensions, (SAMPLES // 4, 3))
    i, j, k = mapping.apply(index).T
    x = a.array[index[:, 2], index[:, 1], index[:, 0]].astype(np.float64).reshape(-1)
    y = b.array[k, j, i].astype(np.float64).reshape(-1)
    good = np.isfinite(x) & np.isfinite(y)
    if good.sum() < 3 or not x[good].std() or not y[good].std():
        return 0.0
    return float(np.corrcoef(x[good], y[good])[0, 1])
