"""From similarities to a verdict: is the best reading clearly the best, and do the images belong together at all?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .hypotheses import TITLES
from .result import MEASURE_NAMES, AuditResult, Reading
from .sampling import Sample
from .scalar_image import ScalarImage
from .similarity import Measure, Scores, block_weights, score

LEAST_NCC = 0.3
"""Correlation that related images reach under the right reading, with 95 % confidence."""
LEAST_INFORMATION = 0.1
"""The same in nats of mutual information."""
SHIFT_MM = 5.0
"""How far the images are moved against each other to see whether they fit worse then: a registration that is less
precise than half of that tells nothing about how its file is to be read."""
LEAST_DROP = 0.03
"""Share of the similarity that must be lost by that shift on average: anatomy that only lies about the same place
fits nearly as well when it is moved."""


@dataclass(frozen=True, eq=False)
class Compared:
    """The readings compared at common points."""

    names: tuple[str, ...]
    scores: dict[Measure, Scores]
    measure: Measure
    """The one that decides."""
    samples: int
    blocks: int

    @property
    def deciding(self) -> Scores:
        """The scores that decide."""
        return self.scores[self.measure]


def judge(
    readings: dict[str, Reading],
    compared: Compared,
    sample: Sample,
    mapped: dict[str, np.ndarray],
    values: dict[str, np.ndarray],
    moving: ScalarImage,
    random: np.random.Generator,
) -> AuditResult:
    """Rank the readings and decide.

    Undecided: when the best reading's similarity is too small to mean anything; when a rival's paired difference to
    it is not above zero with 95 % confidence; when the images fit as well moved by :data:`SHIFT_MM`, as unrelated
    ones do (in all directions they must fit no better, along two axes at least clearly worse).

    Parameters
    ----------
    readings
        Every reading, by hypothesis.
    mapped, values
        Where each maps the sample, and the moving image there.
    """
    ranking = _rank(readings, compared)
    best = ranking[0]
    runner_up = ranking[1] if len(compared.names) > 1 else None
    result = AuditResult(
        best.hypothesis,
        "",
        tuple(ranking),
        compared.measure,
        margin=runner_up.behind_best if runner_up else None,
        margin_ci95=runner_up.behind_best_ci95 if runner_up else None,
        samples=compared.samples,
        blocks=compared.blocks,
    )
    doubt = _doubt(ranking, compared)
    if doubt is None:
        name = best.hypothesis
        doubt = _shift_doubt(sample, mapped[name], values[name], moving, compared.measure, random)
    if doubt is not None:
        return replace(result, verdict="undecided", reason=doubt)
    return replace(result, reason=_reason(best, runner_up, compared))


def _rank(readings: dict[str, Reading], compared: Compared) -> list[Reading]:
    """The compared readings with their numbers, best first; then the others, those that are the same as one last."""
    order = np.argsort(-np.nan_to_num(compared.deciding.values, nan=-np.inf), kind="stable")
    ranked = []
    for row in order:
        behind, interval = compared.deciding.difference(order[0], row)
        ranked.append(
            replace(
                readings[compared.names[row]],
                **_numbers(compared, row),
                behind_best=behind if np.isfinite(behind) else None,
                behind_best_ci95=interval,
            )
        )
    rest = [reading for name, reading in readings.items() if name not in compared.names]
    for place, reading in enumerate(rest):
        if reading.same_as in compared.names:
            rest[place] = replace(reading, **_numbers(compared, compared.names.index(reading.same_as)))
    return ranked + sorted(rest, key=lambda reading: reading.same_as is not None)


def _numbers(compared: Compared, row: int) -> dict[str, object]:
    ncc, information = compared.scores["ncc"], compared.scores["mutual_information"]
    return {
        "ncc": float(ncc.values[row]) if np.isfinite(ncc.values[row]) else None,
        "ci95": ncc.interval(row),
        "mutual_information": float(information.values[row]),
        "mutual_information_ci95": information.interval(row),
    }


def _measured(reading: Reading, measure: Measure) -> tuple[float | None, tuple[float, float] | None]:
    if measure == "ncc":
        return reading.ncc, reading.ci95
    return reading.mutual_information, reading.mutual_information_ci95


def _doubt(ranking: list[Reading], compared: Compared) -> str | None:
    """What speaks against a verdict in the ranking itself, as a sentence; None when nothing does."""
    best, rivals = ranking[0], ranking[1 : len(compared.names)]
    name = MEASURE_NAMES[compared.measure]
    value, interval = _measured(best, compared.measure)
    least = LEAST_NCC if compared.measure == "ncc" else LEAST_INFORMATION
    if value is None or interval is None:
        return "The values of the source image do not vary enough at the points looked at."
    if interval[0] < least:
        hint = (
            " Images of different modalities have to be compared by mutual information."
            if name == "correlation"
            else ""
        )
        return (
            f"The images are hardly alike under any reading: the best, {TITLES[best.hypothesis]}, has a {name} of "
            f"{value:.3f} (95 % interval {interval[0]:.3f} to {interval[1]:.3f}); {least} is needed.{hint}"
        )
    if not rivals and not any(reading.same_as is None for reading in ranking[1:]):
        return "All readings lead to the same points: there is nothing to decide."
    close = [rival for rival in rivals if rival.behind_best_ci95 is not None and rival.behind_best_ci95[0] <= 0]
    if close and close[0].behind_best_ci95 is not None:
        named = ", ".join(TITLES[rival.hypothesis] for rival in (best, *close))
        low, high = close[0].behind_best_ci95
        return (
            f"These readings fit equally well: {named}. The first is ahead of the second by {close[0].behind_best:.4f} "
            f"in {name}, with a 95 % interval of {low:.4f} to {high:.4f}."
        )
    same = [reading.hypothesis for reading in ranking if reading.same_as == best.hypothesis]
    if same and best.hypothesis != "standard":
        named = ", ".join(TITLES[hypothesis] for hypothesis in (best.hypothesis, *same))
        return f"The readings that fit best lead to the same points here: {named}. The standard's fits worse."
    return None


def _shift_doubt(
    sample: Sample,
    points: np.ndarray,
    values: np.ndarray,
    moving: ScalarImage,
    measure: Measure,
    random: np.random.Generator,
) -> str | None:
    """Whether the images fit as well when they are moved against each other, as a sentence; None when they do not."""
    step = max(SHIFT_MM, 2 * float(np.sort(moving.spacing_mm)[1]))
    axes = moving.index_to_lps[:3, :3] / np.linalg.norm(moving.index_to_lps[:3, :3], axis=0)
    worse = np.zeros((3, 2), bool)
    drops = []
    for axis, side in np.ndindex(3, 2):
        shifted = moving.sample(points + (step if side else -step) * axes[:, axis])
        common = np.isfinite(values) & np.isfinite(shifted)
        if common.sum() < 0.25 * np.isfinite(values).sum():
            continue
        numbers, weights = block_weights(sample.blocks[common], random)
        scores = score(measure, sample.values[common], np.array([values[common], shifted[common]]), numbers, weights)
        difference, interval = scores.difference(0, 1)
        if interval is None:
            continue
        if interval[1] < 0 or difference < -LEAST_DROP * scores.values[0]:
            return (
                f"Under the best reading the images fit still better when they are moved by {step:.1f} mm against "
                "each other: they are not registered by it, or do not belong together."
            )
        worse[axis, side] = interval[0] > 0
        drops.append(difference / scores.values[0])
    if worse.all(axis=1).sum() < 2 or np.mean(drops) < LEAST_DROP:
        return (
            f"Under the best reading the images fit about as well when they are moved by {step:.1f} mm against each "
            "other: they have no detail in common that could decide."
        )
    return None


def _reason(best: Reading, runner_up: Reading | None, compared: Compared) -> str:
    name = MEASURE_NAMES[compared.measure]
    value, interval = _measured(best, compared.measure)
    text = f"{name[:1].upper()}{name[1:]} {value:.3f} (95 % interval {interval[0]:.3f} to {interval[1]:.3f})"
    if runner_up is not None and runner_up.behind_best_ci95 is not None:
        low, high = runner_up.behind_best_ci95
        text += (
            f"; the next best reading, {TITLES[runner_up.hypothesis]}, is behind by {runner_up.behind_best:.3f} "
            f"({low:.3f} to {high:.3f})"
        )
    text = f"{text}; {compared.samples} points in {compared.blocks} blocks of space."
    if best.hypothesis == "reversed":
        text += " It would look the same if the two images had been exchanged."
    return text
