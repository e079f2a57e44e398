"""What an inspection leaves out for speed and a report shows: the measures of each item, and their histograms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...errors import Cancelled
from ...progress import Progress
from ...registration import Registration, RegistrationItem
from ...registration.measures.histograms import Histogram, jacobian_histogram, length_histogram
from ...registration.measures.local import jacobian
from ...tasks.audit_images import AuditImage
from ...tasks.audits import UNUSABLE, Volumes, unread, volumes_of
from ...tasks.inspect import Inspection
from ...tasks.item_images import names_of
from ...tasks.judge import Judges, JudgingImage
from ...tasks.named_mapping import named_item
from ...tasks.quality import ItemQuality, judge_item
from ...tasks.relations import slices_of_stack
from .contents import Picture

BINS = 60
"""Bars that can still be told apart on a phone."""


@dataclass(eq=False)
class Measured:
    """One item with what was measured of it."""

    registration: Registration
    item: RegistrationItem
    quality: ItemQuality | None = None
    lengths: Histogram | None = None
    determinants: Histogram | None = None
    fixed: AuditImage | None = None
    """An image of the registered frame, for the picture."""
    fixed_name: str = ""
    moving: AuditImage | None = None
    """An image of the source frame, for what is compared by eye."""
    notes: list[str] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)


def measure_items(
    inspection: Inspection,
    known: Mapping[int, ItemQuality] | None = None,
    progress: Progress | None = None,
    with_moving: bool = False,
) -> list[Measured]:
    """Measure every usable item of every registration; what its images say was found by the inspection.

    Parameters
    ----------
    known
        What was measured already, by item number, when the inspection holds a single registration.
    with_moving
        Also read the image of the source side.

    Raises
    ------
    Cancelled
        When ``progress`` returned False.
    """
    images = _Images(inspection, progress)
    result = []
    for registration in inspection.registrations:
        for item in registration.items:
            if item.problem is None:
                measured = Measured(registration, item)
                _measure(measured, images, (known or {}).get(item.number), progress, with_moving)
                result.append(measured)
    return result


def _measure(
    measured: Measured, images: _Images, known: ItemQuality | None, progress: Progress | None, with_moving: bool
) -> None:
    item = measured.item
    try:
        measured.fixed, measured.fixed_name = images.side(item, "registered", measured.notes)
        if with_moving:
            measured.moving, _ = images.side(item, "source", measured.notes)
        judges = images.judges(item, measured.notes)
        measured.quality = known or judge_item(measured.registration, item, judges, progress)
        if item.grid is not None:
            measured.lengths, measured.determinants = _histograms(item, progress)
    except Cancelled:
        raise
    except UNUSABLE as error:
        measured.notes.append(f"Not measured: {error or 'there is not enough memory'}")


def _histograms(item: RegistrationItem, progress: Progress | None) -> tuple[Histogram, Histogram]:
    from ...progress import report_progress
    from .sources import STOPPED

    report_progress(progress, 0, 2, "Histogram of the displacements", STOPPED)
    lengths = length_histogram(item.grid.field(), BINS)
    report_progress(progress, 1, 2, "Histogram of the Jacobian determinants", STOPPED)
    return lengths, jacobian_histogram(jacobian(item.mapping.field), BINS)


class _Images:
    """The series of an inspection as images; the last ones read are kept, since items of one object share them."""

    def __init__(self, inspection: Inspection, progress: Progress | None) -> None:
        self._progress = progress
        items = [item for registration in inspection.registrations for item in registration.items]
        self._others = [named_item(item) for item in items if item.problem is None]
        self._of_item = {
            (relation.item.path, relation.item.number): relation.images
            for registration in inspection.registrations
            for relation in inspection.relations_of(registration)
        }
        self._audits = {(audit.item.path, audit.item.number): audit for own in inspection.audits for audit in own}
        self._volumes = Volumes()

    def side(self, item: RegistrationItem, name: str, notes: list[str]) -> tuple[AuditImage | None, str]:
        """The image of the ``registered`` or ``source`` side with the most slices, and what it is called, if any."""
        images = self._of_item.get((item.path, item.number))
        candidates = sorted(
            volumes_of(getattr(images, name)) if images is not None else [], key=lambda side: -len(side.stack.slices)
        )
        for side in candidates[:1]:
            image = self._volumes.read(side, self._progress)
            if isinstance(image, AuditImage):
                return image, names_of([side])[0]
            notes.append(unread(side, image))
        return None, ""

    def judges(self, item: RegistrationItem, notes: list[str]) -> Judges:
        """What its images said of an item already, and where they lie; by which images, or why nothing, as a note."""
        audit = self._audits.get((item.path, item.number))
        if audit is None:
            return Judges(others=self._others)
        if audit.result is None:
            notes.append(f"Not audited: {audit.reason}.")
        elif audit.images_in_words:
            notes.append(f"Audited with {audit.images_in_words}.")
        fixed, moving = (side and JudgingImage(slices_of_stack(side.stack)) for side in (audit.fixed, audit.moving))
        return Judges(fixed, moving, others=self._others, audit=audit.result)
