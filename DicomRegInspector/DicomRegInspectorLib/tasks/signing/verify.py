"""The whole quality report on a phantom, each number against its closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UsageError
from ...progress import Progress, report_progress
from ...samples.quality_phantom import FOLDING, NAMES, OBSERVER_MM, REGISTRATION, answers_of, write_quality_phantom
from ...samples.quality_phantom.answers import flattened
from ...samples.quality_phantom.files import FIXED, LANDMARK_FILES, MOVING, STRUCTURE_FILES
from ...samples.quality_phantom.waves import FOLD, STRETCH
from ..quality import JudgedBy, QualityReport, run_quality

ALLOWED = 1e-3
"""Part of a number by which it may be off."""
ZERO = 1e-6
"""Smaller answers are zero: what is found may be off by :data:`ALLOWED` of a unit."""
_UNASKED = {
    REGISTRATION: ("audit", "findings", "displacement_mm.max_index_ijk"),
    FOLDING: ("findings", "inverse_residual_mm", "displacement_mm.max_index_ijk"),
}
"""Numbers without a closed form: of other readings of the images, of the inverse where it is not unique, and which of
several nodes with the same vector comes first."""
_MIRRORED = ("displacement_mm.max_place_lps_mm", "regions.folded.lowest_at_lps_mm")
"""Places with their like on the other side of the phantom's middle, which is the origin: compared without a sign."""
_WORDS = {
    REGISTRATION: {"findings": "reg-bulk-motion", "reading": "standard"},
    FOLDING: {"findings": "reg-folding"},
}


@dataclass(frozen=True)
class Verified:
    """One number, or word, of the report."""

    subject: str
    """The registration's file."""
    name: str
    """Where it stands in the JSON report's item."""
    found: float | str | None
    expected: float | str | None
    """None: there is a number that nothing is known of."""

    @property
    def deviation(self) -> float:
        """How far it is off, as a part of what it should be, or of a unit where that is zero; 0 for the right word."""
        if isinstance(self.found, str) or isinstance(self.expected, str):
            return 0.0 if self.found == self.expected else math.inf
        if self.found is None or self.expected is None:
            return math.inf
        off = abs(self.found - self.expected)
        return off if abs(self.expected) < ZERO else off / abs(self.expected)

    @property
    def is_right(self) -> bool:
        """Whether it is off by no more than is allowed; NaN never is."""
        return self.deviation <= ALLOWED

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        deviation = self.deviation if math.isfinite(self.deviation) else None
        told = {"subject": self.subject, "name": self.name, "found": self.found, "expected": self.expected}
        return {**told, "deviation": deviation, "right": self.is_right}


def prepare_phantom(folder: Path, progress: Progress | None = None) -> None:
    """Make the phantom in a folder; one that is there already is left as it is.

    Raises UsageError when the folder holds something else, or a part of a phantom, or cannot be written.
    """
    there = (
        {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        if folder.is_dir()
        else set()
    )
    if there:
        missing, foreign = sorted(NAMES - there), sorted(there - NAMES)
        if missing or foreign:
            what = f"lacks {missing[0]}" if missing else f"holds {foreign[0]}, which is no part of it"
            raise UsageError(f"{folder}: is not the quality phantom: it {what}; name a new folder")
        return
    done = 0

    def written() -> None:
        nonlocal done
        done += 1
        report_progress(progress, done, len(NAMES), "Making the phantom", "verifying was cancelled")

    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_quality_phantom(folder, written)
    except OSError as error:
        raise UsageError(f"{folder}: the phantom cannot be written ({error.strerror or error})") from error


def verify(folder: Path, progress: Progress | None = None) -> list[Verified]:
    """Run the quality report on the phantom in a folder and compare each of its numbers with its closed form.

    Raises
    ------
    FileError, UsageError
        When the phantom cannot be read.
    Cancelled
        When ``progress`` returned False.
    """
    judged_by = JudgedBy(
        fixed=(folder / FIXED,),
        moving=(folder / MOVING,),
        fixed_landmarks=folder / LANDMARK_FILES[0],
        moving_landmarks=folder / LANDMARK_FILES[1],
        observer_mm=OBSERVER_MM,
        fixed_structures=folder / STRUCTURE_FILES[0],
        moving_structures=folder / STRUCTURE_FILES[1],
    )
    rows: list[Verified] = []
    for name, field, judges in ((REGISTRATION, STRETCH, judged_by), (FOLDING, FOLD, None)):
        report = run_quality(folder / name, judges, progress=progress)
        told = answers_of(field, with_judges=judges is not None)
        answers = {
            answer.path: abs(answer.value) if answer.path.startswith(_MIRRORED) else answer.value for answer in told
        }
        rows += _compared(name, report, answers)
    return rows


def _compared(name: str, report: QualityReport, answers: dict[str, float]) -> list[Verified]:
    (item,) = report.items
    found = {path: abs(value) if path.startswith(_MIRRORED) else value for path, value in flattened(item.to_dict())}
    rows: list[Verified] = [Verified(name, path, found.pop(path, None), value) for path, value in answers.items()]
    rows += [Verified(name, path, value, None) for path, value in found.items() if not path.startswith(_UNASKED[name])]
    words = {"findings": " ".join(sorted({finding.code for finding in item.findings}))}
    if item.audit is not None:
        words["reading"] = item.audit.verdict
    return rows + [Verified(name, key, words.get(key), value) for key, value in _WORDS[name].items()]
