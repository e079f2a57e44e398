"""What an inspection leaves out for speed, measured for the report: quality, histograms, and the audit by images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ...errors import Cancelled, DicomRegInspectorError
from ...findings import Finding
from ...progress import Progress
from ...registration import Registration, RegistrationItem
from ...registration.measures.histograms import Histogram, jacobian_histogram, length_histogram
from ...registration.measures.local import jacobian
from ...series import Series, Stack
from ...tasks.audit_images import AuditImage, read_stack_image
from ...tasks.inspect import Inspection
from ...tasks.item_images import ItemImages, StackAtHand
from ...tasks.judge import Judges
from ...tasks.named_mapping import named_item
from ...tasks.quality import ItemQuality, judge_item
from ..text.inspection_report import series_names
from .contents import Picture

BINS = 60
"""Bars that can still be told apart on a phone."""
UNUSABLE = (DicomRegInspectorError, MemoryError, ArithmeticError, ValueError)
"""What may keep one item from being measured; the report says so and goes on."""


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
    notes: list[str] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)


def measure_items(
    inspection: Inspection, known: Mapping[int, ItemQuality] | None = None, progress: Progress | None = None
) -> list[Measured]:
    """Measure every usable item of every registration.

    Where exactly one image series lies in each of an item's two frames, it is audited by them.

    Parameters
    ----------
    known
        What was measured already, by item number, when the inspection holds a single registration.

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
                _measure(measured, images, (known or {}).get(item.number), progress)
                result.append(measured)
    return result


def _measure(measured: Measured, images: _Images, known: ItemQuality | None, progress: Progress | None) -> None:
    item = measured.item
    try:
        measured.fixed, measured.fixed_name = images.registered(item, measured.notes)
        measured.quality = known or judge_item(
            measured.registration, item, images.judges(item, measured.notes), progress
        )
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
        self._names = series_names(inspection)
        self._kept: dict[int, AuditImage | str] = {}

    def registered(self, item: RegistrationItem, notes: list[str]) -> tuple[AuditImage | None, str]:
        """The image of the registered side with the most slices, and what it is called; None without one."""
        candidates = sorted(_volumes(self._images_of(item).registered), key=lambda volume: -len(volume[1].slices))
        for series, stack in candidates[:1]:
            image = self._read(stack)
            if isinstance(image, AuditImage):
                return image, self._name(series)
            notes.append(f"{self._name(series).capitalize()} could not be read as an image: {image}")
        return None, ""

    def judges(self, item: RegistrationItem, notes: list[str]) -> Judges:
        """The two images that the item is judged by, where there is no doubt which they are."""
        images = self._images_of(item)
        volumes = [
            [volume for volume in _volumes(side) if volume[0].is_volume] for side in (images.registered, images.source)
        ]
        if images.are_the_same or not all(volumes):
            return Judges(others=self._others)
        if any(len(found) > 1 for found in volumes):
            notes.append(
                "Not audited: several series lie on a side of this item. The command quality takes the two images to "
                "judge it by (--fixed and --moving)."
            )
            return Judges(others=self._others)
        read = [self._read(found[0][1]) for found in volumes]
        for image, found in zip(read, volumes, strict=True):
            if not isinstance(image, AuditImage):
                notes.append(f"Not audited: {self._name(found[0][0])} could not be read as an image: {image}")
                return Judges(others=self._others)
        fixed, moving = read
        notes.append(
            f"Audited with {self._name(volumes[0][0][0])} (fixed) and {self._name(volumes[1][0][0])} (moving)."
        )
        return Judges(fixed.judging, moving.judging, others=self._others)

    def _name(self, series: Series) -> str:
        return self._names[series.series_instance_uid]

    def _images_of(self, item: RegistrationItem) -> ItemImages:
        return self._of_item.get((item.path, item.number), ItemImages((), (), by_reference=False))

    def _read(self, stack: Stack) -> AuditImage | str:
        """The image, or why there is none."""
        key = id(stack)
        if key not in self._kept:
            if len(self._kept) > 1:
                self._kept.pop(next(iter(self._kept)))
            try:
                self._kept[key] = read_stack_image(stack, progress=self._progress)
            except Cancelled:
                raise
            except UNUSABLE as error:
                self._kept[key] = str(error) or "there is not enough memory"
        return self._kept[key]


def _volumes(side: Sequence[StackAtHand]) -> list[tuple[Series, Stack]]:
    """The stack of each series that is looked at: the one that is meant alone, else the main one."""
    found = []
    for series in {id(side_image.series): side_image.series for side_image in side}.values():
        stacks = [side_image.stack for side_image in side if side_image.series is series]
        stack = stacks[0] if len(stacks) == 1 and series.is_volume else series.main_stack
        if stack is not None and any(stack is other for other in stacks):
            found.append((series, stack))
    return found


def further_findings(inspection: Inspection, measured: Iterable[Measured]) -> Sequence[Finding]:
    """Return what the judge found besides the inspection."""
    told = {(finding.code, finding.subject, finding.message) for finding in inspection.findings}
    found = [
        finding
        for measured_item in measured
        if measured_item.quality is not None
        for finding in measured_item.quality.findings
    ]
    return [finding for finding in found if (finding.code, finding.subject, finding.message) not in told]
