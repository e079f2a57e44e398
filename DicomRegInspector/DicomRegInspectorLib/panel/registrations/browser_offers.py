"""What the DICOM browser is told of a registration: its grid, its images and its faults, from headers alone.

No vector is read: a registration of 400 MB is described by its first few kilobytes.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

from ...privacy import Identities
from ...registration import Registration, RegistrationItem, read_registration

MOST_WARNINGS = 3
NO_IMAGES = frozenset(("REG", "SEG", "SR", "RTSTRUCT", "RTPLAN", "RTRECORD", "KO", "PR", "DOC"))
"""Modalities of objects that share a frame of reference with images and are none."""


@dataclass(frozen=True)
class Offer:
    """How a registration is offered."""

    what: str
    """Behind the series' number and description: kind, the images it registers to, grid."""
    tooltip: str
    warning: str
    referenced_instance_uids: tuple[str, ...]
    """Images of both frames that the browser can offer to load too."""
    can_be_loaded: bool = True


@dataclass(frozen=True)
class _Images:
    """A series of the database by what the user knows it."""

    uid: str
    label: str


def describe_registration(path: str, database: Any) -> Offer | None:
    """Describe a registration from its elements and from what the database says of the images of its frames.

    ``database``: Slicer's DICOM database: ``fileValue``, ``filesForSeries``, ``seriesForStudy``,
    ``instancesForSeries``.
    Raises FileError when it cannot be read.

    Returns None when the file holds no registration that could be loaded.
    """
    registration = read_registration(path)
    if not registration.items:
        return None
    frames = _images_by_frame(registration, database)
    registered = frames.get(registration.frame_uid, ())
    parts = [_kind(registration)]
    grids = [item.grid for item in registration.items if item.grid is not None]
    if registered:
        more = len(registered) - 1
        name = registered[0].label
        text = _("to {images} and {count} more") if more else _("to {images}")
        parts.append(text.format(images=name, count=more))
    if len(grids) == 1:
        parts.append(_("{} × {} × {} grid").format(*grids[0].dimensions))
    problems = [item.problem for item in registration.items if item.problem is not None]
    loadable = len(problems) < len(registration.items)
    return Offer(
        ", ".join(parts),
        _tooltip(registration, frames, database),
        _warning(registration, problems, loadable),
        _referenced(registration, [image for images in frames.values() for image in images], database),
        loadable,
    )


def _kind(registration: Registration) -> str:
    items = registration.items
    kind = _("Spatial registration") if registration.kind == "matrix" else _("Deformable registration")
    return kind + (", " + _("{count} items").format(count=len(items)) if len(items) > 1 else "")


def _images_by_frame(registration: Registration, database: Any) -> dict[str, tuple[_Images, ...]]:
    """Series of images of the registration's study whose frame of reference it names; one file of each is looked at."""
    wanted = {registration.frame_uid, *(item.source_frame_uid for item in registration.items)} - {""}
    found: dict[str, list[_Images]] = {}
    for uid in database.seriesForStudy(registration.study_uid) if registration.study_uid else ():
        files = database.filesForSeries(uid, 1)
        if len(files) == 0:
            continue
        frame = _value(database, files[0], "0020,0052")
        modality = _value(database, files[0], "0008,0060")
        if frame in wanted and modality not in NO_IMAGES:
            found.setdefault(frame, []).append(_Images(uid, _label(database, files[0])))
    return {frame: tuple(images) for frame, images in found.items()}


def _label(database: Any, path: str) -> str:
    modality, description = _value(database, path, "0008,0060"), described(database, path)
    label = f"{modality} “{description}”" if description else _("{modality} series").format(modality=modality)
    return label.strip()


def described(database: Any, path: str) -> str:
    """Return the Series Description of a file in the DICOM database, without whom the file names."""
    people = Identities(*(frozenset([_value(database, path, tag)]) for tag in ("0010,0010", "0010,0020", "0010,0030")))
    return people.masked(_value(database, path, "0008,103E"))


def _value(database: Any, path: str, tag: str) -> str:
    return (database.fileValue(path, tag) or "").strip()


def _referenced(registration: Registration, images: Sequence[_Images], database: Any) -> tuple[str, ...]:
    """SOP Instance UIDs of whole series: of those that the object refers to, else of the images of its frames.

    An object may name single slices; the browser loads just the instances it is told, and they would be no volume.
    """
    lists = [series.images.instance_uids for series in registration.referenced_series]
    lists += [item.images.instance_uids for item in registration.items]
    # The first and the last stand for all: a database is not asked for a hundred thousand.
    files = [database.fileForInstance(uid) for uids in lists for uid in (*uids[:1], *uids[-1:])]
    series = [_value(database, path, "0020,000E") for path in files if path] or [image.uid for image in images]
    every = (database.instancesForSeries(uid) for uid in dict.fromkeys(series) if uid)
    return tuple(dict.fromkeys(str(uid) for uids in every for uid in uids))


def _source_images(item: RegistrationItem, frames: Mapping[str, Sequence[_Images]], database: Any) -> str:
    """What an item moves, by what it refers to, else by its frame; the first image referred to tells the series."""
    if not item.images:
        return _named(frames.get(item.source_frame_uid, ()))
    path = database.fileForInstance(item.images.instance_uids[0])
    if not path:
        return _named(())
    return _("{series} ({images} referred to)").format(series=_label(database, path), images=item.images.words)


def _tooltip(registration: Registration, frames: Mapping[str, Sequence[_Images]], database: Any) -> str:
    system = registration.manufacturer or _("an unknown system")
    lines = [
        _(
            "Written by {manufacturer}. Loaded as transform nodes: a volume of the source frame placed under them lies "
            "where the registered images are."
        ).format(manufacturer=system),
        _("Registered images: {images}").format(images=_named(frames.get(registration.frame_uid, ()))),
    ]
    for item in registration.items:
        if item.images or item.source_frame_uid != registration.frame_uid:
            lines.append(
                _("Item {number}: {what}; source images: {images}").format(
                    number=item.number, what=item.description, images=_source_images(item, frames, database)
                )
            )
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def _named(images: Sequence[_Images]) -> str:
    return ", ".join(image.label for image in images) or _("none in this study")


def _warning(registration: Registration, problems: Sequence[str], can_be_loaded: bool) -> str:
    findings = [
        *registration.header_findings,
        *(finding for item in registration.items for finding in item.header_findings),
    ]
    texts = [finding.message for finding in findings if finding.severity != "info"]
    if not can_be_loaded:
        texts.insert(0, _("Cannot be loaded: {problem}").format(problem=problems[0]))
    return " ".join(text.rstrip(".") + "." for text in dict.fromkeys(texts[:MOST_WARNINGS]))
