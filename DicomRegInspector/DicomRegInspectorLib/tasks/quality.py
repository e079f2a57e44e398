"""The quality of a registration with everything that was handed in to judge it by: images, labels, landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

from ..dicom.source import read_regular_file
from ..errors import ChoiceError, RegistrationError, UsageError
from ..findings import Finding, by_severity
from ..progress import Progress
from ..registration import Registration, RegistrationItem, read_registration
from ..registration.choose import items_by_number
from ..registration.file.fiducials import Landmark
from ..registration.measures.landmarks import TG_132, Tolerance, read_landmarks
from ..registration.measures.regions import LabelImage
from .audits import MOVES_NOTHING, ItemAudit
from .carried.structure_agreement import JudgingStructures
from .chain import ReadRegistration
from .coverage import LANDMARKS, Check, Coverage, audit_check
from .judge import Judgement, Judges, JudgingImage, judge
from .named_mapping import named_item

Path = str | PathLike[str]


@dataclass(frozen=True)
class JudgedBy:
    """What a registration is judged by besides itself."""

    fixed: Sequence[Path] = ()
    """Files or folders of the image series in the registered frame."""
    moving: Sequence[Path] = ()
    """Files or folders of the image series in the source frame."""
    labels: Path | None = None
    """A label volume in the registered frame, in any format that SimpleITK reads."""
    fixed_landmarks: Path | None = None
    """CSV with ``name,x,y,z`` (LPS mm) in the registered frame, or a Spatial Fiducials object."""
    moving_landmarks: Path | None = None
    """The same points in the source frame."""
    tolerance: Tolerance = TG_132
    """How far the registration may leave them apart."""
    observer_mm: float | None = None
    """How far apart repeated placements of one landmark lie, root mean square, mm."""
    fixed_structures: Path | None = None
    """An RT Structure Set, a Segmentation or a label volume in the registered frame."""
    moving_structures: Path | None = None
    """The same structures in the source frame."""
    structure_pairs: Sequence[tuple[str, str]] = ()
    """Names of structures that belong together although they differ, the registered frame's first."""


@dataclass(frozen=True, kw_only=True)
class ItemQuality(Judgement):
    """One item with all that was measured of it."""

    item: RegistrationItem

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        return {
            "number": self.item.number,
            "kind": self.item.kind,
            "source_frame_of_reference_uid": self.item.source_frame_uid,
            "registered_frame_of_reference_uid": self.item.registered_frame_uid,
            **super().to_dict(),
        }


@dataclass(frozen=True)
class QualityReport:
    """A registration's items, each measured."""

    registration: Registration
    items: tuple[ItemQuality, ...]
    skipped: tuple[RegistrationItem, ...] = ()
    """Items that nobody asked for by number and that cannot be used."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, those of skipped items among them, the most severe first."""
        skipped = (finding for item in self.skipped for finding in item.findings)
        return tuple(by_severity([*(finding for item in self.items for finding in item.findings), *skipped]))

    @property
    def audits(self) -> tuple[ItemAudit, ...]:
        """Of each item of the registration what its images say."""
        measured = {item.item.number: item for item in self.items}
        return tuple(_audit_of(item, measured.get(item.number)) for item in self.registration.items)

    @property
    def coverage(self) -> Coverage:
        """What was looked at, and what was not and why."""
        checks = [Check("elements", item.subject) for item in self.registration.items]
        for item, audit in zip(self.registration.items, self.audits, strict=True):
            measured = next((each for each in self.items if each.item is item), None)
            if measured is None:
                continue
            if item.grid is not None:
                checks.append(Check("vectors", item.subject))
            checks.append(audit_check(audit, item.subject))
            if measured.landmarks is not None:
                checks.append(Check("landmarks", item.subject))
            if measured.structures is not None:
                checks.append(Check("structures", item.subject))
        without = any(item.landmarks is None for item in self.items)
        return Coverage(tuple(checks), (LANDMARKS,) if without else ())

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        from .. import __version__

        return {
            "schema": 1,
            "version": __version__,
            "file": str(self.registration.path),
            "sop_instance_uid": self.registration.sop_instance_uid,
            "items": [item.to_dict() for item in self.items],
            "skipped_items": [{"number": item.number, "problem": item.problem} for item in self.skipped],
            "findings": [finding.to_dict() for finding in self.findings],
            "coverage": self.coverage.to_dict(),
        }


def _audit_of(item: RegistrationItem, measured: ItemQuality | None) -> ItemAudit:
    if measured is None:
        return ItemAudit(item, reason="it was not measured", applies=item.problem is None)
    if item.mapping.is_identity:
        return ItemAudit(item, reason=MOVES_NOTHING, applies=False)
    return ItemAudit(item, measured.audit, "" if measured.audit is not None else "no images of both sides were given")


def run_quality(
    path: Path,
    judged_by: JudgedBy | None = None,
    items: Sequence[int] | None = None,
    progress: Progress | None = None,
    read: ReadRegistration = read_registration,
) -> QualityReport:
    """Measure a registration and judge it by what is handed in.

    Parameters
    ----------
    path
        The registration.
    judged_by
        Images (both or none), labels, landmarks and structures (both or none).
    items
        Numbers of the items, counting from 1; all usable ones by default.
    read
        How the registration is read.

    Raises
    ------
    FileError
        When a file cannot be used.
    UsageError
        When only one of two images, landmark files or structure files is given, or an item is not there.
    Cancelled
        When ``progress`` returned False.
    """
    judged_by = judged_by or JudgedBy()
    _check_pairs(judged_by)
    registration = read(path)
    chosen = _choose(registration, items)
    labels = _read_labels(judged_by.labels)
    judges = Judges(
        _read_image(judged_by.fixed, progress),
        _read_image(judged_by.moving, progress),
        None if labels is None else [labels],
        tolerance=judged_by.tolerance,
        observer_mm=judged_by.observer_mm,
        structures=_read_structures(judged_by),
        others=[named_item(item) for item in registration.items if item.problem is None],
    )
    results = []
    for item in chosen:
        own, lost = _judged_by_landmarks(judged_by, item, judges)
        results.append(_naming_lost(judge_item(registration, item, own, progress), lost))
    skipped = () if items is not None else tuple(item for item in registration.items if item.problem is not None)
    return QualityReport(registration, tuple(results), skipped)


def _check_pairs(judged_by: JudgedBy) -> None:
    if bool(judged_by.fixed) != bool(judged_by.moving):
        role, frame = ("moving", "source") if judged_by.fixed else ("fixed", "registered")
        raise ChoiceError(
            f"the audit compares two images; the {role} one, of the {frame} frame, is missing", f"{role} image"
        )
    if bool(judged_by.fixed_landmarks) != bool(judged_by.moving_landmarks):
        raise UsageError("landmark errors need landmarks of both frames")
    if bool(judged_by.fixed_structures) != bool(judged_by.moving_structures):
        raise UsageError("structures are compared with those of the other frame: give both")


def _choose(registration: Registration, items: Sequence[int] | None) -> list[RegistrationItem]:
    if not registration.items:
        raise RegistrationError(registration.path, f"is a {registration.kind} object: it has no items to measure")
    if items is not None:
        chosen = items_by_number(registration, items)
    else:
        # One broken item does not hide the others; when all are broken, the first says why.
        chosen = [item for item in registration.items if item.problem is None] or [registration.items[0]]
    for item in chosen:
        item.require_usable()
    return chosen


def _read_image(paths: Sequence[Path], progress: Progress | None) -> JudgingImage | None:
    from .audit_images import read_scalar_image

    if not paths:
        return None
    try:
        return read_scalar_image(paths, progress=progress).judging
    except UsageError as error:
        # Two series are read; which one is of no use must be said.
        raise UsageError(f"{', '.join(map(str, paths))}: {error}") from error


def _read_labels(path: Path | None) -> LabelImage | None:
    if path is None:
        return None
    from ..volumes.other_formats import read_label_image

    return read_label_image(path)


def _read_structures(judged_by: JudgedBy) -> JudgingStructures | None:
    if judged_by.fixed_structures is None or judged_by.moving_structures is None:
        return None
    from ..structures import read_structures

    fixed, moving = (read_structures(path) for path in (judged_by.fixed_structures, judged_by.moving_structures))
    return JudgingStructures(fixed, moving, judged_by.structure_pairs)


def _judged_by_landmarks(judged_by: JudgedBy, item: RegistrationItem, judges: Judges) -> tuple[Judges, tuple[str, ...]]:
    """With the landmarks of an item's frames; and names that are only marked on images."""
    if judged_by.fixed_landmarks is None:
        return judges, ()
    fixed, lost = _landmarks_of(judged_by.fixed_landmarks, item.registered_frame_uid)
    moving, also_lost = _landmarks_of(judged_by.moving_landmarks, item.source_frame_uid)
    return replace(judges, landmarks=(fixed, moving)), (*lost, *also_lost)


def _naming_lost(judged: ItemQuality, without_place: tuple[str, ...]) -> ItemQuality:
    """Fiducials without a place are named in the report as those without a partner are."""
    if judged.landmarks is None or not without_place:
        return judged
    unpaired = tuple(dict.fromkeys((*judged.landmarks.unpaired, *without_place)))
    return replace(judged, landmarks=replace(judged.landmarks, unpaired=unpaired))


def _landmarks_of(path: Path, frame_uid: str) -> tuple[list[Landmark], tuple[str, ...]]:
    """Landmarks of a CSV file, or those of a Spatial Fiducials object that lie in a frame; names without a place."""
    if read_regular_file(path, 132)[128:] != b"DICM":
        return read_landmarks(path), ()
    registration = read_registration(path)
    if registration.kind != "fiducials":
        raise UsageError(f"{path} is a registration, not a Spatial Fiducials object")
    sets = [fiducials for fiducials in registration.fiducial_sets if fiducials.frame_uid == frame_uid]
    if not sets:
        frames = ", ".join(fiducials.frame_uid or "none" for fiducials in registration.fiducial_sets)
        raise UsageError(f"{path} holds no fiducials in the frame {frame_uid}; its sets are in: {frames}")
    landmarks = [landmark for fiducials in sets for landmark in fiducials.landmarks]
    return landmarks, tuple(name for fiducials in sets for name in fiducials.without_place)


def judge_item(
    registration: Registration, item: RegistrationItem, judges: Judges, progress: Progress | None = None
) -> ItemQuality:
    """Judge one item by what is there; see :func:`.judge.judge`.

    Raises
    ------
    RegistrationError
        When the item cannot be used.
    """
    item.require_usable()
    with item.naming_item():
        return ItemQuality(item=item, **vars(judge(named_item(item, registration), judges, progress)))
