"""What a reader's answers say of the reader: object by object right, misread in a way that has a name, or refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import UsageError
from ..findings import Severity
from ..progress import Progress, report_progress
from ..version import __version__
from .answers import ANSWERS, answers_text, kit_items, read_answers
from .equation import Array
from .objects import KitItem, KitObject
from .readings import BY_NAME, answers_of, candidates

TOLERANCE_MM = 0.05
"""How far a right answer may be off: far below a voxel, far above what 32-bit numbers lose."""
LEAST_TOLERANCE_MM, MOST_TOLERANCE_MM = 1e-6, 1.0
"""Above it readings could no longer be told apart."""

SHOWN = 3
"""Readings with the same points that are told in words; the JSON report has them all."""

Verdict = Literal["right", "misread", "unknown", "refused"]
VERDICTS: dict[Verdict, str] = {
    "right": "right",
    "misread": "misread in a known way",
    "unknown": "none of the known readings",
    "refused": "refused",
}
Names = tuple[str, ...]
"""One misreading, or some that go together."""


@dataclass(frozen=True)
class ItemScore:
    """What was answered for one item of an object."""

    object: KitObject
    number: int
    """Of the item, from 1."""
    verdict: Verdict
    readings: tuple[Names, ...] = ()
    """Those that give the same points as were answered, the one that explains most of the kit first."""
    off_mm: float | None = None
    """Largest distance from the right answer, where both are defined; None where nothing is."""
    answered_undefined: int = 0
    """Points that were answered where nothing is defined."""
    left_undefined: int = 0
    """Points without an answer where one is defined."""

    @property
    def severity(self) -> Severity | None:
        """How bad it is; None for what is right, and for a broken object that was refused."""
        if self.verdict == "refused":
            return None if self.object.broken else "warning"
        return None if self.verdict == "right" else "error"

    @property
    def title(self) -> str:
        """The object's file, and the item where there are several."""
        return self.object.file_name + (f", item {self.number}" if len(self.object.items) > 1 else "")

    @property
    def words(self) -> str:
        """The verdict in words."""
        if self.verdict == "right":
            return f"right within {_millimetres(self.off_mm)} mm"
        if self.verdict == "refused":
            return f"refused; it is broken on purpose: {self.object.broken}" if self.object.broken else "refused"
        off = f"up to {_millimetres(self.off_mm)} mm off" if self.off_mm is not None else "nothing to compare"
        for count, what in ((self.answered_undefined, "answered where nothing is defined"),
                            (self.left_undefined, "undefined where an answer exists")):  # fmt: skip
            off += f", {count} {what}" if count else ""
        if self.verdict == "unknown" and self.readings:
            return f"undefined at every point, as where {self._told}"
        if self.verdict == "unknown":
            return f"none of the known readings: {off}"
        return f"{self._told}; {off}"

    @property
    def _told(self) -> str:
        titles = [reading_title(names) for names in self.readings]
        more = len(titles) - SHOWN
        return " or: ".join(titles[:SHOWN]) + (f" or {more} more" if more > 0 else "")

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        return {
            "object": self.object.file_name,
            "item": self.number,
            "capability": self.object.capability,
            "verdict": self.verdict,
            "readings": [list(names) for names in self.readings],
            "off_mm": self.off_mm,
            "answered_where_undefined": self.answered_undefined,
            "undefined_where_answered": self.left_undefined,
            "broken": self.object.broken,
            "words": self.words,
        }


@dataclass(frozen=True)
class KitScore:
    """What a reader's answers say of it."""

    items: tuple[ItemScore, ...]
    tolerance_mm: float

    @property
    def counts(self) -> dict[str, Counter[str]]:
        """Of each capability, in the order of the kit, how many items have which verdict."""
        found: dict[str, Counter[str]] = {}
        for score in self.items:
            found.setdefault(score.object.capability, Counter())[score.verdict] += 1
        return found

    @property
    def total(self) -> Counter[str]:
        """How many items have which verdict."""
        return sum(self.counts.values(), Counter())

    @property
    def explanations(self) -> list[tuple[Names, int, int]]:
        """Readings that explain a misread item: how many each explains, and of how many it is the only one.

        Of two that explain the same items only the simpler is told, as are those that explain something alone.
        """
        misread = [score for score in self.items if score.verdict == "misread"]
        explains = Counter(score.readings[0] for score in misread)
        alone = Counter(score.readings[0] for score in misread if len(score.readings) == 1)
        return [(names, count, alone[names]) for names, count in explains.most_common()]

    def to_dict(self) -> dict[str, Any]:
        """Return the score as the JSON report holds it."""
        return {
            "schema": 1,
            "version": __version__,
            "tolerance_mm": self.tolerance_mm,
            "total": {verdict: self.total[verdict] for verdict in VERDICTS},
            "capabilities": [
                {"capability": name, **{verdict: counts[verdict] for verdict in VERDICTS}}
                for name, counts in self.counts.items()
            ],
            "explanations": [
                {"reading": list(names), "title": reading_title(names), "items": count, "items_alone": alone}
                for names, count, alone in self.explanations
            ],
            "items": [score.to_dict() for score in self.items],
        }


def reading_title(names: Names) -> str:
    """Return what a reading does, in words."""
    return " + ".join(BY_NAME[name].title for name in names)


def _millimetres(value: float | None) -> str:
    least = 1e-4  # what is less is the noise of arithmetic
    if not value or value < 10:
        return f"{max(value or 0, least):.2g}"
    return f"{value:.0f}" if value < 1e6 else f"{value:.1e}"


def score_kit(
    folder: str | PathLike[str],
    answers: str | PathLike[str],
    tolerance_mm: float = TOLERANCE_MM,
    progress: Progress | None = None,
) -> KitScore:
    """Compare a reader's answers with the right ones and with every known misreading.

    Parameters
    ----------
    folder
        The kit that was read.
    answers
        A CSV file in the form of the kit's template.
    tolerance_mm
        How far a point may be off and still count as the same.
    progress
        Called as the work goes on: what no single misreading explains takes some seconds in all.

    Raises
    ------
    UsageError
        When the folder holds no kit or that of another version, the tolerance is out of range, or the answers are not
        as :func:`.answers.read_answers` wants them.
    """
    if not LEAST_TOLERANCE_MM <= tolerance_mm <= MOST_TOLERANCE_MM:
        raise UsageError(
            f"the tolerance is {tolerance_mm:g} mm; expected {LEAST_TOLERANCE_MM:g} to {MOST_TOLERANCE_MM:g}"
        )
    _require_own_kit(Path(folder))
    given = read_answers(Path(answers)).by_item
    scores, items = [], list(kit_items())
    for done, (made, number, item) in enumerate(items):
        report_progress(progress, done, len(items), "Comparing answers", "comparing the answers was cancelled")
        scores.append(_score(made, number, item, given.get((made.file_name, number)), tolerance_mm))
    return KitScore(tuple(_most_likely_first(scores)), tolerance_mm)


def _require_own_kit(folder: Path) -> None:
    place = folder / ANSWERS
    try:
        there = place.read_bytes()
    except OSError as error:
        raise UsageError(f"{folder}: holds no conformance kit ({place.name}: {error.strerror or error})") from error
    if there.replace(b"\r\n", b"\n") != answers_text().encode("utf-8"):
        raise UsageError(f"{place}: is not the table of this version's kit ({__version__}); write the kit anew")


def _score(made: KitObject, number: int, item: KitItem, given: Array | None, tolerance_mm: float) -> ItemScore:
    if given is None:
        return ItemScore(made, number, "refused")
    right = item.answers
    defined, answered = (np.isfinite(points).all(axis=1) for points in (right, given))
    both = defined & answered
    off = float(np.linalg.norm(given[both] - right[both], axis=1).max()) if both.any() else None
    score = ItemScore(
        made, number, "right", (), off, int((answered & ~defined).sum()), int((defined & ~answered).sum())
    )
    if same_points(given, right, tolerance_mm):
        return score
    readings = tuple(_explaining(made, number - 1, given, tolerance_mm))
    # Points that all lie nowhere say that the grid was looked for elsewhere, not where.
    told = readings and answered.any()
    return replace(score, verdict="misread" if told else "unknown", readings=readings)


def same_points(given: Array, other: Array, tolerance_mm: float) -> bool:
    """Tell whether two answers (n, 3) are defined at the same points and nowhere farther apart than the tolerance."""
    defined = np.isfinite(other).all(axis=1)
    if not np.array_equal(defined, np.isfinite(given).all(axis=1)):
        return False
    # What is read in a wrong byte order is beyond millimetres.
    with np.errstate(over="ignore"):
        apart = np.abs(given[defined] - other[defined]) - 1e-6 * np.abs(other[defined])
        return bool((np.linalg.norm(np.maximum(apart, 0), axis=1) <= tolerance_mm).all())


def _explaining(made: KitObject, place: int, given: Array, tolerance_mm: float) -> Iterator[Names]:
    """The misreadings that give what was given, or those together that do where no single one does."""
    right = made.items[place].answers
    item, parts = made.items[place], [other.parts for other in made.items]
    for together in candidates():
        found = False
        for names in together:
            points = answers_of(names, item.parts, parts, item.points)
            if points is None or same_points(points, right, tolerance_mm):
                continue
            if same_points(given, points, tolerance_mm):
                found = True
                yield names
        if found:
            return


def _most_likely_first(scores: Sequence[ItemScore]) -> Iterator[ItemScore]:
    explains = Counter(names for score in scores if score.verdict == "misread" for names in score.readings)
    for score in scores:
        yield replace(score, readings=tuple(sorted(score.readings, key=lambda names: -explains[names])))
