"""From similarities to a verdict: is the best reading clearly the best, and do the images belong together at all?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .hypotheses import TITLES
from .result import MEASURE_NAMES, AuditResult, Reading
from .sampling import Sample
from .scalar_image import ScalarImage
from .similarity import Measure, Scores, block_weights, chance_information, score

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
LEAST_APART_MM = 2.0
"""How far a reading has to lead from the standard's points, at the 95th percentile, to be held against them: TG-132
asks registrations for no more than 2 mm, and one that is right to that may fit a little worse than none at all."""
STANDARD_WORSE = "The standard's fits worse than any of them."


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
    it is not above zero with 95 % confidence; when it leads all but where the standard's does; when the images fit as
    well moved by :data:`SHIFT_MM`, as unrelated ones do (in all directions they must fit no better, along two axes at
    least clearly worse).

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
    if doubt is not None:
        return replace(result, verdict="undecided", reason=doubt)
    tie, name = _tie(ranking, compared), best.hypothesis
    doubt = _nearness_doubt(best, mapped) or _shift_doubt(
        sample, mapped[name], values[name], moving, compared.measure, random
    )
    if tie is not None and doubt is None and _standard_is_behind(ranking):
        return replace(result, verdict="undecided", reason=f"{tie} {STANDARD_WORSE}", standard_worse=True)
    if tie is not None or doubt is not None:
        return replace(result, verdict="undecided", reason=tie or doubt or "")
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
    """What speaks against any verdict in the ranking itself, as a sentence; None when nothing does."""
    best, rivals, name = ranking[0], ranking[1 : len(compared.names)], MEASURE_NAMES[compared.measure]
    value, interval = _measured(best, compared.measure)
    least = LEAST_NCC
    if compared.measure == "mutual_information":
        least = LEAST_INFORMATION + chance_information(compared.samples)
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
            f"{value:.3f} (95 % interval {interval[0]:.3f} to {interval[1]:.3f}); {least:.3g} is needed.{hint}"
        )
    if not rivals and not any(reading.same_as is None for reading in ranking[1:]):
        return "All readings lead to the same points: there is nothing to decide."
    return None


def _tie(ranking: list[Reading], compared: Compared) -> str | None:
    """The readings that fit best, where they are several, as a sentence; None where one is ahead of all."""
    best, rivals = ranking[0], ranking[1 : len(compared.names)]
    name = MEASURE_NAMES[compared.measure]
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
        return f"The readings that fit best lead to the same points here: {named}."
    return None


def _standard_is_behind(ranking: list[Reading]) -> bool:
    """Whether the standard's reading was ranked, and surely fits worse than the best."""
    standard = next(reading for reading in ranking if reading.hypothesis == "standard")
    return standard.behind_best_ci95 is not None and standard.behind_best_ci95[0] > 0


def _nearness_doubt(best: Reading, mapped: dict[str, np.ndarray]) -> str | None:
    """Whether the best reading is another than the standard's, and leads to the same places all but the precision."""
    distance = np.linalg.norm(mapped[best.hypothesis] - mapped["standard"], axis=1)
    distance = distance[np.isfinite(distance)]
    if best.hypothesis == "standard" or not len(distance) or np.percentile(distance, 95) >= LEAST_APART_MM:
        return None
    return (
        f"The reading that fits best, {TITLES[best.hypothesis]}, leads to points within "
        f"{np.percentile(distance, 95):.2g} mm of the standard's (95 % of them): registrations are hardly more precise."
    )


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
        text += " It would look the same if the two images had been exchanged, or the two frames swapped in the file."
    return text
