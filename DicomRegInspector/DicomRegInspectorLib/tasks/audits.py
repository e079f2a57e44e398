"""Which registration items are audited by their two images, and what came out: decided here for every face."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import Cancelled, DicomRegInspectorError, FileError, file_error
from ..findings import CODES, Finding
from ..findings.about import about_file
from ..limits import AUDIT_IMAGES, AUDITED_ITEMS
from ..progress import Progress, report_progress
from ..registration import Registration, RegistrationItem
from ..registration.audit import AuditResult, audit_mapping, signs_in_vectors
from .audit_images import AuditImage, read_stack_image
from .item_images import StackAtHand, names_of
from .named_mapping import named_item
from .relations import ItemRelation

MOST_AUDITED, KEPT_BYTES = AUDITED_ITEMS.value, AUDIT_IMAGES.value
NOT_COMPARED = ("RTDOSE", "SEG")
"""Modalities of volumes that lie on images, and that no registration is made of."""
MOVES_NOTHING = "it moves nothing: all readings are the same"
UNUSABLE = (DicomRegInspectorError, MemoryError, ArithmeticError, ValueError)
"""What may keep an item from being measured or audited; the reason is told, and the work goes on."""


@dataclass(frozen=True, eq=False)
class ItemAudit:
    """What its two images say of how an item is meant; or why they were not asked."""

    item: RegistrationItem
    result: AuditResult | None = None
    reason: str = ""
    """Why there is no result."""
    applies: bool = True
    """Whether there is anything to ask: no two readings of an item that moves nothing differ."""
    fixed: StackAtHand | None = None
    """The image of the registered side that was compared."""
    moving: StackAtHand | None = None
    """The image of the source side."""
    problems: tuple[Finding, ...] = ()
    """What was found wrong with the pixels of the images."""

    @property
    def decided(self) -> AuditResult | None:
        """The result, where the images told something."""
        result = self.result
        return None if result is None or (result.verdict == "undecided" and not result.standard_worse) else result

    @property
    def open_reason(self) -> str:
        """Why it is not known how the item is meant; empty where it is, and where there is nothing to ask."""
        if self.decided is not None or not self.applies:
            return ""
        return self.result.reason if self.result is not None else self.reason

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong. Images that leave the question open are nothing wrong: :attr:`open_reason` tells of them."""
        found = self.decided.findings(self.item.subject) if self.decided is not None else ()
        return (*found, *self.problems)

    @property
    def images_in_words(self) -> str:
        """``series 1 (fixed) and series 2 (moving)``; empty where none were compared."""
        if self.fixed is None or self.moving is None:
            return ""
        return f"{names_of([self.fixed])[0]} (fixed) and {names_of([self.moving])[0]} (moving)"

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        return {
            "fixed_series_instance_uid": self.fixed.series.series_instance_uid if self.fixed else None,
            "moving_series_instance_uid": self.moving.series.series_instance_uid if self.moving else None,
            "not_audited": (self.reason or None) if self.result is None else None,
            **(self.result.to_dict() if self.result is not None else {}),
        }


def audit_items(
    registrations: Sequence[Registration],
    related: Sequence[Sequence[ItemRelation]],
    wanted: bool,
    progress: Progress | None = None,
) -> list[tuple[ItemAudit, ...]]:
    """Compare the two images of every item of every registration where they are known.

    Items with the same images follow each other, so that an image is read once as long as it fits in memory
    (:data:`KEPT_BYTES`). At most :data:`MOST_AUDITED` items are audited.

    Parameters
    ----------
    related
        Of each registration, of each of its items, in order.
    wanted
        Whether images are compared at all; without, each item that could be audited says so.

    Raises
    ------
    Cancelled
        When ``progress`` returned False.
    """
    audits = [
        [planned(registration, relation) for relation in relations]
        for registration, relations in zip(registrations, related, strict=True)
    ]
    places = [(row, column) for row, own in enumerate(audits) for column in range(len(own))]
    open_places = [(row, column) for row, column in places if audits[row][column].fixed is not None]
    open_places.sort(key=lambda place: [id(side) for side in _stacks(audits[place[0]][place[1]])])
    volumes = Volumes()
    for number, (row, column) in enumerate(open_places):
        audit = audits[row][column]
        if not wanted:
            audits[row][column] = replace(audit, reason="images were not compared, as asked for")
        elif number >= MOST_AUDITED:
            reason = AUDITED_ITEMS.sentence
            audits[row][column] = replace(audit, reason=reason)
        else:
            among = min(len(open_places), MOST_AUDITED)
            audits[row][column] = _audit(audit, volumes, _part(progress, number, among, audit.item))
    return [tuple(own) for own in audits]


def audit_findings(registrations: Sequence[Registration], audits: Sequence[Sequence[ItemAudit]]) -> Iterator[Finding]:
    """Yield what audits found; and where no image decided an item, what its vectors look like."""
    told: list[Finding] = []
    for registration, own in zip(registrations, audits, strict=True):
        for audit in own:
            # An image that cannot be read may be that of several items.
            new = [finding for finding in audit.findings if finding not in told]
            told += new
            yield from new
            if audit.item.problem is None and audit.decided is None:
                subject = named_item(audit.item, registration)
                yield from signs_in_vectors(subject.mapping, subject.name, subject.origin)


def _stacks(audit: ItemAudit) -> list[Any]:
    return [side.stack for side in (audit.fixed, audit.moving) if side is not None]


def _part(progress: Progress | None, number: int, among: int, item: RegistrationItem) -> Progress:
    """A progress callback for one of several audits."""
    where = f"{item.subject} ({number + 1} of {among})" if among > 1 else str(item.subject)

    def report(done: int, total: int, text: str) -> bool:
        share = int(1000 * done / total) if total else 0
        report_progress(progress, 1000 * number + share, 1000 * among, f"{text}: {where}", "the audit was cancelled")
        return True

    return report


def planned(registration: Registration, relation: ItemRelation) -> ItemAudit:
    """Return an audit that is to be done, with the images it takes; or the reason why there is none."""
    item, images = relation.item, relation.images
    if item.problem is not None:
        return ItemAudit(item, reason="the item cannot be used", applies=False)
    if item.mapping.is_identity or any(finding.code == "reg-near-zero" for finding in item.findings):
        return ItemAudit(item, reason=MOVES_NOTHING, applies=False)
    if images.are_the_same and images.source:
        return ItemAudit(item, reason="both sides are the same images", applies=False)
    if not images.registered or not images.source:
        return ItemAudit(item, reason=relation.meetings.unchecked or "an image of one side is not here")
    chosen = []
    for side, role in ((images.registered, "registered"), (images.source, "moved")):
        volumes = [at_hand for at_hand in volumes_of(side) if at_hand.series.is_volume]
        candidates = _meant(
            [at_hand for at_hand in volumes if at_hand.series.modality not in NOT_COMPARED], registration
        )
        if len(candidates) != 1:
            reason = f"{len(candidates)} volumes of the {role} side are here, and nothing says which is meant"
            return ItemAudit(item, reason=reason if candidates else f"no volume of the {role} side is here")
        chosen += candidates
    return ItemAudit(item, fixed=chosen[0], moving=chosen[1])


def volumes_of(side: Iterable[StackAtHand]) -> list[StackAtHand]:
    """Return the stack of each series that is looked at: the one that is meant alone, else the main one."""
    found = []
    for series in {id(at_hand.series): at_hand.series for at_hand in side}.values():
        stacks = [at_hand for at_hand in side if at_hand.series is series]
        wanted = stacks[0].stack if len(stacks) == 1 and series.is_volume else series.main_stack
        found += [at_hand for at_hand in stacks if at_hand.stack is wanted]
    return found


def _meant(candidates: list[StackAtHand], registration: Registration) -> list[StackAtHand]:
    """Of several volumes on one side those that the object refers to by Referenced Series Sequence (0008,1115)."""
    named = {series.series_uid for series in registration.referenced_series}
    meant = [candidate for candidate in candidates if candidate.series.series_instance_uid in named]
    return meant if len(candidates) > 1 and meant else candidates


def _audit(audit: ItemAudit, volumes: Volumes, progress: Progress) -> ItemAudit:
    item, grid = audit.item, audit.item.grid
    images = []
    for side in (audit.fixed, audit.moving):
        if side is None:
            raise ValueError("an audit without its images was asked for")
        image = volumes.read(side, progress)
        if not isinstance(image, AuditImage):
            return replace(audit, reason=unread(side, image), problems=_problems(side, image))
        images.append(image)
    fixed, moving = images
    same = fixed.modality == moving.modality if fixed.modality and moving.modality else None
    frames = (item.registered_frame_uid, item.source_frame_uid)
    loaded = grid if grid is not None and "vectors" not in vars(grid) else None
    try:
        result = audit_mapping(
            item.mapping, fixed.image, moving.image, frames=frames, same_modality=same, progress=progress
        )
    except Cancelled:
        raise
    except UNUSABLE as error:
        return replace(audit, reason=str(error) or "there is not enough memory")
    finally:
        if loaded is not None:
            loaded.forget_vectors()
    return replace(audit, result=result)


def unread(side: StackAtHand, error: DicomRegInspectorError) -> str:
    """Say why a series could not be read as an image."""
    words = error.sentence if isinstance(error, FileError) else str(error)
    return f"{names_of([side])[0]} could not be read as an image: {words.rstrip('.')}"


def _problems(side: StackAtHand, error: DicomRegInspectorError) -> tuple[Finding, ...]:
    """Pixels that cannot be read are a finding about their file."""
    if not isinstance(error, FileError) or "error" not in CODES[error.code].severities:
        return ()
    subject = about_file(error.path, series_uid=side.series.series_instance_uid)
    return (Finding(error.code, "error", error.sentence, subject),)


class Volumes:
    """The images of series; those read last are kept, since items share them."""

    def __init__(self) -> None:
        self._kept: dict[int, AuditImage | DicomRegInspectorError] = {}

    def read(self, side: StackAtHand, progress: Progress | None) -> AuditImage | DicomRegInspectorError:
        """Return the image, or what kept it from being read."""
        key = id(side.stack)
        image = self._kept.pop(key, None)
        if image is None:
            self._make_room()
            try:
                image = read_stack_image(side.stack, progress=progress)
            except Cancelled:
                raise
            except DicomRegInspectorError as error:
                image = error
            except Exception as error:
                image = file_error(side.stack.slices[0].path, error, "holds pixels that cannot be understood")
        self._kept[key] = image
        return image

    def _make_room(self) -> None:
        """The one that is read next is compared with the last one at most."""
        while len(self._kept) > 1 and sum(map(_size, self._kept.values())) > KEPT_BYTES:
            self._kept.pop(next(iter(self._kept)))


def _size(image: AuditImage | DicomRegInspectorError) -> int:
    return image.image.array.nbytes if isinstance(image, AuditImage) else 0
