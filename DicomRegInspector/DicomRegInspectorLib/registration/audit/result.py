"""What an interpretation audit found, for people and for reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...findings import Finding, Severity
from .hypotheses import TITLES
from .similarity import Measure

MEASURE_NAMES = {"ncc": "correlation", "mutual_information": "mutual information"}

_FINDING_OF_VERDICT: dict[str, tuple[str, Severity]] = {
    "voxel-units": ("reg-units-suspect", "error"),
    "reversed": ("reg-direction-suspect", "error"),
    "axis-signs": ("reg-axis-signs-suspect", "error"),
    "matrices-ignored": ("reg-matrices-suspect", "error"),
    "matrices-swapped": ("reg-matrices-suspect", "error"),
    "pre-inverted": ("reg-matrices-suspect", "error"),
    "post-inverted": ("reg-matrices-suspect", "error"),
    "matrices-inverted": ("reg-matrices-suspect", "error"),
    "identity": ("reg-deformation-suspect", "warning"),
    "undecided": ("reg-audit-undecided", "info"),
}


@dataclass(frozen=True)
class Reading:
    """One hypothesis and how alike the images are when the item is read that way."""

    hypothesis: str
    overlap: float
    """Share of the sample that this reading maps into the source image, 0 to 1."""
    ncc: float | None = None
    """Normalized cross-correlation; None where it is not defined or the reading was not ranked."""
    ci95: tuple[float, float] | None = None
    """95 % bootstrap interval of the correlation."""
    mutual_information: float | None = None
    """In nats."""
    mutual_information_ci95: tuple[float, float] | None = None
    behind_best: float | None = None
    """How much less alike than under the best reading, by the measure that decides; 0 for the best itself."""
    behind_best_ci95: tuple[float, float] | None = None
    """95 % interval of that by paired replicates; the reading cannot be told from the best when it includes zero."""
    mean_distance_mm: float | None = None
    """How far from the standard's points this reading's lie on average."""
    same_as: str | None = None
    """An earlier hypothesis that leads to the same points for this item; this one is then no rival of its own."""
    note: str = ""
    """Why it was not ranked."""

    def to_dict(self) -> dict[str, Any]:
        """Return the reading as the JSON report holds it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}


@dataclass(frozen=True)
class AuditResult:
    """The verdict on how a registration item is meant, and what it rests on."""

    verdict: str
    """One of :data:`.hypotheses.HYPOTHESES`, or ``undecided``."""
    reason: str
    """Why, in a sentence or two."""
    ranking: tuple[Reading, ...] = ()
    """Best first by the measure that decides, then those that were not ranked."""
    measure: Measure = "ncc"
    """What decides: ``ncc`` within one modality, else ``mutual_information``."""
    margin: float | None = None
    """How far the runner-up is behind, in the measure that decides; None without a runner-up."""
    margin_ci95: tuple[float, float] | None = None
    samples: int = 0
    """Points at which all ranked readings were compared."""
    blocks: int = 0
    """Blocks of space that these points lie in: what the bootstrap draws."""
    notes: tuple[str, ...] = ()
    """What else a reader should know: frames of reference that do not match."""
    standard_worse: bool = False
    """Undecided among readings that all fit better than the standard's."""

    @property
    def best(self) -> Reading | None:
        """The reading that fits best, decided or not; None when nothing could be compared."""
        return self.ranking[0] if self.ranking and self.ranking[0].behind_best is not None else None

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        if self.verdict == "undecided":
            return f"It cannot be decided from these images how the registration is meant. {self.reason}"
        return f"The images agree best with the registration read like this: {TITLES[self.verdict]}. {self.reason}"

    def to_dict(self) -> dict[str, Any]:
        """Return the audit as the JSON report holds it."""
        return {
            "verdict": self.verdict,
            "ranking": [reading.to_dict() for reading in self.ranking],
            "measure": self.measure,
            "margin": self.margin,
            "margin_ci95": None if self.margin_ci95 is None else list(self.margin_ci95),
            "samples": self.samples,
            "blocks": self.blocks,
            "reason": self.reason,
            "notes": list(self.notes),
        }

    def findings(self, subject: str) -> tuple[Finding, ...]:
        """Return the finding that the verdict amounts to; none when the item is meant as the standard says.

        Parameters
        ----------
        subject
            What was audited, see :attr:`..model.RegistrationItem.subject`.
        """
        if self.verdict not in _FINDING_OF_VERDICT:
            return ()
        code, severity = _FINDING_OF_VERDICT[self.verdict]
        if self.standard_worse:
            severity = "warning"
        return (Finding(code, severity, self.sentence, subject, self.to_dict()),)
