"""Transforms that were not read because their files leave something open, and vectors that may be displacements."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import ChoiceError
from ..findings import Finding
from ..findings.about import about_file
from ..privacy import Identities
from ..registration.conventions import NOTHING_ASSUMED, Assumed

CODE = "reg-left-open"
Answers = Assumed | Mapping[str, Assumed]
"""What is known of transforms: of all that leave it open, or of each by its path."""
_MOST_NAMED = 5


@dataclass(frozen=True)
class LeftOpen:
    """A transform that was not read because its file does not say everything."""

    path: str
    sentence: str
    """What it does not say."""
    questions: tuple[str, ...]
    """Of ``direction`` and ``coordinates`` those that are open."""

    @property
    def finding(self) -> Finding:
        """That it was not read, and why."""
        message = f"{self.sentence}; it was not read. Say it to have it read."
        return Finding(CODE, "warning", message, about_file(self.path), {"file": self.path})


def left_open(file: str, error: ChoiceError) -> LeftOpen:
    """Return what a file was refused for."""
    sentence = str(error).removeprefix(f"{file}: ")
    return LeftOpen(file, sentence[:1].upper() + sentence[1:], tuple(error.choices))


def vectors_finding(files: Sequence[str], identities: Identities) -> list[Finding]:
    """Tell of the volumes of vectors in a folder that nothing calls displacements; they are not judged."""
    if not files:
        return []
    names = [identities.masked(os.path.basename(file)) for file in files[:_MOST_NAMED]]
    more = f" and {len(files) - len(names)} more" if len(files) > len(names) else ""
    what = "1 file holds" if len(files) == 1 else f"{len(files)} files hold"
    message = (
        f"{what} three numbers for each voxel, and nothing says whether they are displacements: {', '.join(names)}"
        f"{more}. Not judged; name a file itself to have it read as a displacement field."
    )
    return [Finding(CODE, "info", message, about_file("", "vector volumes"), {"files": len(files)})]


def answer_for(file: str, answers: Answers) -> Assumed:
    """Return what is known of a file."""
    return answers if isinstance(answers, Assumed) else answers.get(file, NOTHING_ASSUMED)
