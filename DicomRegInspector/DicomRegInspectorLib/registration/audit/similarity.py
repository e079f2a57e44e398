"""How alike two images are at paired points, and how certain that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Measure = Literal["ncc", "mutual_information"]

REPLICATES = 500
"""Bootstrap replicates: the ends of a 95 % interval rest on a dozen of them each."""
MOST_BINS = 24
_MIN_SPREAD = 1e-9
"""Standard deviation against the largest value below which values count as constant."""


@dataclass(frozen=True, eq=False)
class Scores:
    """One measure for several versions of the moving values, with its bootstrap replicates, the same for all."""

    values: np.ndarray
    """(m,); NaN where the measure is not defined."""
    replicates: np.ndarray
    """(r, m), centred on the values."""

    def interval(self, index: int) -> tuple[float, float] | None:
        """Return the 95 % interval of one version's measure; None where it is not defined."""
        return _interval(self.values[index], self.replicates[:, index])

    def difference(self, index: int, other: int) -> tuple[float, tuple[float, float] | None]:
        """Return how much better one version is than another, and the 95 % interval of that, by paired replicates."""
        difference = self.values[index] - self.values[other]
        return float(difference), _interval(difference, self.replicates[:, index] - self.replicates[:, other])


def _interval(value: float, replicates: np.ndarray) -> tuple[float, float] | None:
    known = replicates[np.isfinite(replicates)]
    if not np.isfinite(value) or len(known) < 0.9 * len(replicates):
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def block_weights(blocks: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return replicates of a block bootstrap: whole blocks of space are drawn with replacement.

    Neighbouring points are alike, so that drawing single points would make every difference look certain (Kuensch,
    "The jackknife and the bootstrap for general stationary observations", Ann Stat 17(3), 1989; here in space).

    Parameters
    ----------
    blocks
        (n,) the block of each point.

    Returns
    -------
    tuple
        (n,) block numbers from 0 without gaps, and (r, number of blocks) how often a replicate has each block.
    """
    numbers = np.unique(blocks, return_inverse=True)[1].reshape(-1)
    count = int(numbers.max()) + 1 if len(numbers) else 0
    if not count:
        return numbers, np.empty((REPLICATES, 0))
    return numbers, random.multinomial(count, np.full(count, 1 / count), REPLICATES).astype(float)


def score(measure: Measure, fixed: np.ndarray, moving: np.ndarray, blocks: np.ndarray, weights: np.ndarray) -> Scores:
    """Return a measure of similarity for each version of the moving values.

    Parameters
    ----------
    fixed
        (n,) finite values.
    moving
        (m, n) finite values, one row for each version.
    blocks, weights
        From :func:`block_weights`.
    """
    return (_ncc if measure == "ncc" else _mutual_information)(fixed, moving, blocks, weights)


def _ncc(fixed: np.ndarray, moving: np.ndarray, blocks: np.ndarray, weights: np.ndarray) -> Scores:
    """Normalized cross-correlation: Pearson's coefficient of the paired values, -1 to 1."""
    f = _standardized(fixed)
    values, replicates = np.full(len(moving), np.nan), np.full((len(weights), len(moving)), np.nan)
    for row, version in enumerate(moving):
        m = _standardized(version)
        if f is None or m is None:
            continue
        columns = (np.ones(len(f)), f, m, f * f, m * m, f * m)
        sums = np.stack([np.bincount(blocks, column, weights.shape[1]) for column in columns], axis=1)
        values[row] = _pearson(sums.sum(axis=0)[None])[0]
        replicates[:, row] = _pearson(weights @ sums)
    return _centred(values, replicates)


def _standardized(values: np.ndarray) -> np.ndarray | None:
    """Mean 0 and deviation 1, which keeps sums of squares exact; None for constant values."""
    if not len(values):
        return None
    scale = float(np.abs(values).max())
    if not scale > 0:
        return None
    scaled = values / scale
    spread = float(scaled.std())
    return None if spread <= _MIN_SPREAD else (scaled - scaled.mean()) / spread


def _pearson(sums: np.ndarray) -> np.ndarray:
    n, f, m, ff, mm, fm = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        return (fm - f * m / n) / np.sqrt((ff - f * f / n) * (mm - m * m / n))


def _mutual_information(fixed: np.ndarray, moving: np.ndarray, blocks: np.ndarray, weights: np.ndarray) -> Scores:
    """Mutual information in nats, of a joint histogram of equally filled bins (Maes et al., IEEE TMI 16(2), 1997).

    Equally filled bins make it blind to any monotonic change of either scale. All versions share their bins.
    """
    bins = _bins_for(len(fixed))
    f, f_bins = _binned(fixed[None], bins)
    m, m_bins = _binned(moving, bins)
    cells = f_bins * m_bins
    values, replicates = np.empty(len(moving)), np.empty((len(weights), len(moving)))
    for row in range(len(moving)):
        joint = np.bincount(blocks * cells + f[0] * m_bins + m[row], minlength=weights.shape[1] * cells)
        joint = joint.reshape(weights.shape[1], cells).astype(float)
        values[row] = _information(joint.sum(axis=0)[None].reshape(1, f_bins, m_bins))[0]
        replicates[:, row] = _information((weights @ joint).reshape(-1, f_bins, m_bins))
    return _centred(values, replicates)


def _bins_for(count: int) -> int:
    return int(np.clip(np.sqrt(count / 8), 4, MOST_BINS))


def chance_information(count: int) -> float:
    """Return what independent values come to on average, in nats (Miller, "Note on the bias of information estimates",
    1955): a histogram of few points looks as if it told something."""
    return (_bins_for(count) - 1) ** 2 / (2 * count)


def _binned(values: np.ndarray, bins: int) -> tuple[np.ndarray, int]:
    """Bin numbers of the values, and how many bins there are: fewer than wished where many values are equal."""
    pooled = values if values.size < 1 << 17 else values[:, :: values.size // (1 << 17) + 1]
    edges = np.unique(np.percentile(pooled, np.linspace(0, 100, bins + 1)[1:-1]))
    return np.searchsorted(edges, values, side="right"), len(edges) + 1


def _information(joint: np.ndarray) -> np.ndarray:
    """(r,) mutual information of joint counts (r, a, b)."""
    share = joint / np.maximum(joint.sum(axis=(1, 2), keepdims=True), 1e-300)
    expected = share.sum(axis=2, keepdims=True) * share.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(share > 0, share * np.log(share / expected), 0.0)
    return terms.sum(axis=(1, 2))


def _centred(values: np.ndarray, replicates: np.ndarray) -> Scores:
    """Replicates moved so that their mean is the value: resampling makes mutual information look larger."""
    with np.errstate(invalid="ignore"):
        known = np.isfinite(replicates)
        mean = np.where(known, replicates, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return Scores(values, replicates - mean + values)
