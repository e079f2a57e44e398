"""The one judge of a mapping's quality: a file's item, an item in a report and a transform node all come here.

Equal mappings with equal things to judge them by get equal measures and equal findings, wherever they come from; each
face adds what only it knows (what a file's elements say, how a node was loaded).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..findings import Finding, by_severity
from ..progress import Progress
from ..registration.audit import AuditResult, audit_mapping, signs_in_vectors
from ..registration.audit.scalar_image import ScalarImage
from ..registration.file.fiducials import Landmark
from ..registration.measures.landmarks import (
    TG_132,
    TargetRegistrationError,
    Tolerance,
    target_registration_error,
)
from ..registration.measures.quality import Quality, measure
from ..registration.measures.regions import LabelImage, RegionMeasures, measure_regions
from .carried.structure_agreement import JudgingStructures, StructureAgreements, compare_structures
from .named_mapping import NamedMapping
from .relations import Slices, coverage_finding, image_frame_finding, same_motion_findings


@dataclass(frozen=True, eq=False)
class JudgingImage:
    """An image that a mapping is judged by; of one that is only looked at for its place, no voxels are needed."""

    slices: Slices
    """Where it lies and in which frame."""
    image: ScalarImage | None = None
    """Its voxels, for the audit."""
    modality: str = ""
    """Modality (0008,0060); empty when it is not known."""


@dataclass(frozen=True, eq=False)
class Judges:
    """What a mapping is judged by besides itself; everything may be missing."""

    fixed: JudgingImage | None = None
    """The image of the registered frame."""
    moving: JudgingImage | None = None
    """The image of the source frame."""
    labels: Sequence[LabelImage] | None = None
    """Of the registered frame."""
    landmarks: tuple[Sequence[Landmark], Sequence[Landmark]] | None = None
    """Of the registered and of the source frame, LPS mm."""
    others: Sequence[NamedMapping] = ()
    """Registrations beside it: a matrix of the same motion would be applied twice."""
    audit: AuditResult | None = None
    """What the images were found to say already; they are not compared again then."""
    tolerance: Tolerance = TG_132
    """How far landmarks may be off."""
    observer_mm: float | None = None
    """How far they are off where they were placed, root mean square, where it is known."""
    structures: JudgingStructures | None = None
    """Of the registered and of the source frame."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A mapping with all that was measured of it."""

    quality: Quality
    audit: AuditResult | None
    regions: tuple[RegionMeasures, ...] | None
    """By label; None without labels, and for a mapping without a grid."""
    landmarks: TargetRegistrationError | None
    findings: tuple[Finding, ...]
    """The most severe first."""
    structures: StructureAgreements | None = None
    labels_given: bool = False
    """Whether there were labels; without a grid there are no nodes in them that could be measured."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        told = self.quality.to_dict()
        if self.audit is not None:
            told["audit"] = self.audit.to_dict()
        if self.regions is not None:
            told["labels"] = [region.to_dict() for region in self.regions]
        if self.landmarks is not None:
            told["landmarks"] = self.landmarks.to_dict()
        if self.structures is not None:
            told["structures"] = self.structures.to_dict()
            told["structures_unpaired"] = list(self.structures.unpaired)
            told["structures_remarks"] = list(self.structures.remarks)
        told["findings"] = [finding.to_dict() for finding in self.findings]
        return told


def judge(subject: NamedMapping, judges: Judges, progress: Progress | None = None) -> Judgement:
    """Measure a mapping and judge it by what is there.

    Findings are those that its owner knows of already (:attr:`.named_mapping.NamedMapping.known`), those of the
    measures (undefined vectors, folding, bulk motion …), what the images say of how it is meant (where there is
    anything to ask: the identity can be read in no other way), what landmarks show, and what the images and the other
    registrations say of its frames, its extent and its motion. Signs in the vectors themselves are
    told unless the images have decided: then they would be a false alarm, or say the same with less.

    Raises
    ------
    MappingError
        When a matrix that has to be inverted cannot be.
    UsageError
        When landmarks or structures cannot be paired.
    FileError
        When the file with the vectors is gone or has changed.
    Cancelled
        When ``progress`` returned False.
    """
    mapping, audit, landmarks = subject.mapping, judges.audit, None
    # First what can fail: landmarks without a partner are told before anybody has waited.
    if judges.landmarks is not None:
        landmarks = target_registration_error(mapping, *judges.landmarks, judges.tolerance, judges.observer_mm)
    structures = None
    if judges.structures is not None:
        structures = compare_structures(mapping, judges.structures, subject.frames, progress)
    quality = measure(mapping, subject.name, progress)
    regions = None
    if judges.labels is not None and mapping.grid is not None:
        regions = tuple(measure_regions(mapping, judges.labels, progress=progress))
    fixed, moving = judges.fixed, judges.moving
    images = [side.image for side in (fixed, moving) if side is not None and side.image is not None]
    if audit is None and not mapping.is_identity and fixed is not None and moving is not None and len(images) == 2:
        same = fixed.modality == moving.modality if fixed.modality and moving.modality else None
        audit = audit_mapping(mapping, *images, frames=subject.frames, same_modality=same, progress=progress)
    findings = [*subject.known, *quality.findings]
    if audit is None or audit.verdict == "undecided":
        findings += signs_in_vectors(mapping, subject.name, subject.origin)
    if audit is not None:
        findings += audit.findings(subject.name)
    if landmarks is not None:
        findings += landmarks.findings(subject.name)
    if structures is not None:
        findings += structures.findings(subject.name)
    findings += _relations(subject, judges)
    return Judgement(
        quality=quality, audit=audit, regions=regions, landmarks=landmarks, findings=tuple(by_severity(findings)),
        structures=structures, labels_given=judges.labels is not None,
    )  # fmt: skip


def _relations(subject: NamedMapping, judges: Judges) -> Iterable[Finding]:
    for role, image, wanted in zip(
        ("registered", "source"), (judges.fixed, judges.moving), subject.frames, strict=True
    ):
        if image is not None:
            yield from image_frame_finding(subject.name, role, wanted, image.slices)
    if judges.fixed is not None:
        yield from coverage_finding(subject, judges.fixed.slices)
    yield from same_motion_findings(subject, judges.others)
