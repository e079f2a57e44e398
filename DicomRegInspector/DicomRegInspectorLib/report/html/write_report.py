"""Write the report of an inspection as an HTML file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from ...errors import Cancelled, DicomRegInspectorError
from ...privacy import NOBODY
from ...progress import Progress, Run, in_background, report_progress
from ...tasks.inspect import Inspection
from ...tasks.quality import QualityReport
from ..files import check_place, write_whole
from . import BEGINNING, Contents, ItemDetails, Picture, Provenance, html_report
from .measuring import Measured, measure_items
from .names import common_folders
from .sign_off import sign_off_page
from .sources import STOPPED, digests, patients, versions

PICTURE_BUDGET = 3_000_000
"""Bytes of all pictures of a report: with them it stays below 5 MB."""


class Drawer(Protocol):
    """Draws the pictures of a report. The scene room has one; whoever may import it hands it in."""

    def draw_deformation(self, item: Any, fixed: Any, name: str = "") -> Any:
        """Draw an item on an image of its registered frame."""

    def draw_checks(self, item: Any, fixed: Any, moving: Any, outlines: Sequence[Any]) -> Any:
        """Draw what is looked at by eye: both images, checkerboard, difference, outlines."""

    def library_versions(self) -> list[tuple[str, str]]:
        """Tell what draws, by name and version."""


@dataclass(frozen=True)
class ReportOptions:
    """What a report is to tell."""

    title: str = ""
    """What was inspected; by default the name of the only folder or file."""
    paths: Sequence[str] = ()
    """What was inspected, as the user named it: files are told below these folders."""
    identifiers: bool = False
    """Tell who the files say the patient is."""
    pictures: bool = True
    told: Sequence[tuple[str, str]] = ()
    """Options that the report's reader should know, by name."""
    kind: str = "Inspection report"
    """What the report is, as its heading says."""
    files: Sequence[str] = ()
    """Other files whose digests are told: structures, landmarks."""
    sign_off: bool = False
    """Make the page that is signed instead; it needs what was measured."""


@dataclass(frozen=True)
class Written:
    """What was written."""

    path: str
    size: int
    """Bytes."""

    @property
    def in_words(self) -> str:
        """A line for the user."""
        return f"HTML report: {self.path} ({max(self.size // 1000, 1):,} kB)"


_SILENT = frozenset(
    {"command", "debug", "fail_on", "html", "sign_off", "identifiers", "json", "csv", "all", "paths", "registration"}
)
"""Options that change nothing in a report, and those that it tells elsewhere."""


def options_in_words(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the command line's options as a report tells them: those that were given."""
    told = [("Command", str(options["command"]))]
    for name, value in options.items():
        if name not in _SILENT and value not in (None, (), [], False):
            values = value if isinstance(value, list | tuple) else [value]
            # Of a path the last part: the folders above are nobody's business.
            words = ", ".join(os.path.basename(os.path.normpath(str(value))) for value in values)
            told.append((f"--{name.replace('_', '-')}", words))
    return told


def check_report_place(path: str | None) -> None:
    """Refuse, before the work, a place that a report cannot go to or that holds anything but an earlier report.

    Raises
    ------
    UsageError
        With the reason.
    """
    check_place(path, "HTML report", BEGINNING.strip().encode("ascii"))


def write_report(
    inspection: Inspection,
    path: str | os.PathLike[str],
    options: ReportOptions | None = None,
    *,
    drawer: Drawer | None = None,
    quality: QualityReport | None = None,
    progress: Progress | None = None,
    run: Run | None = None,
) -> Written:
    """Measure what the inspection left out, draw, and write one HTML file.

    Parameters
    ----------
    path
        The file; one that is there is replaced, in one step, if it is such a report.
    drawer
        Draws the pictures; without one each item says that it has none, and why.
    quality
        What was measured of the inspection's only registration already.
    progress
        Called as the work goes on; see :data:`...progress.Progress`.
    run
        Called with the functions that read and compute; may call them in a thread with a progress callback of their
        own. The letters of pictures are drawn in the caller's thread: VTK's know only one.

    Raises
    ------
    UsageError
        The file cannot be written, or is there and is no such report.
    Cancelled
        When ``progress`` returned False; nothing is written then.
    """
    options = options or ReportOptions()
    check_report_place(os.fspath(path))

    def beside(work: Callable[[Progress | None], Any]) -> Any:
        return in_background(work, progress, run)

    known = {item.item.number: item for item in quality.items} if quality is not None else None
    measured = beside(lambda report: measure_items(inspection, known, report, options.sign_off))
    visual = options.sign_off
    drawn_with = _draw(measured, drawer, beside, progress, visual) if options.pictures else []
    data = beside(lambda report: _assembled(inspection, options, measured, drawn_with, quality, report))
    write_whole(path, data)
    return Written(os.fspath(path), len(data))


def _assembled(
    inspection: Inspection,
    options: ReportOptions,
    measured: Sequence[Measured],
    drawn_with: Sequence[tuple[str, str]],
    quality: QualityReport | None,
    progress: Progress | None,
) -> bytes:
    contents = Contents(
        kind=options.kind,
        title=options.title or _title(options.paths or common_folders(inspection)),
        roots=[os.path.abspath(path) for path in _roots(options.paths)] + list(_roots(options.paths)),
        details=[_details(measured_item) for measured_item in measured],
        provenance=Provenance(
            datetime.now().astimezone(),
            list(versions(drawn_with)),
            _told(options),
            digests(inspection, progress, options.files),
        ),
        patients=patients(inspection) if options.identifiers else None,
        identities=NOBODY if options.identifiers else inspection.identities,
    )
    if options.sign_off and quality is not None:
        return sign_off_page(inspection, contents, quality).encode("utf-8")
    return html_report(inspection, contents).encode("utf-8")


def _roots(paths: Sequence[str]) -> list[str]:
    """Folders that were inspected, and those of files that were named themselves."""
    return [path if os.path.isdir(path) else os.path.dirname(path) for path in paths]


def _title(paths: Sequence[str]) -> str:
    names = [Path(os.path.abspath(path)).name for path in paths]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _told(options: ReportOptions) -> list[tuple[str, str]]:
    told = list(options.told)
    told.append(("Patient identifiers", "told, as asked for" if options.identifiers else "left out"))
    return told


def _details(measured: Measured) -> ItemDetails:
    return ItemDetails(
        str(measured.registration.path),
        measured.item.number,
        measured.quality,
        measured.lengths,
        measured.determinants,
        measured.pictures,
        measured.notes,
    )


def _draw(
    measured: Sequence[Measured], drawer: Drawer | None, beside: Run, progress: Progress | None, visual: bool
) -> list[tuple[str, str]]:
    """Draw a picture of each item, as many as fit; why there is none becomes a note. What they were drawn with.

    ``visual``: also what is looked at by eye, before what is told of the deformation.
    """
    if not measured:
        return []
    if drawer is None:
        for measured_item in measured:
            measured_item.notes.append(
                "Pictures need Slicer's MRML libraries: pip install 'dicom-reg-inspector[headless]'."
            )
        return []
    left = PICTURE_BUDGET
    for number, measured_item in enumerate(measured):
        report_progress(progress, number, len(measured), "Drawing", STOPPED)
        for draw in (_draw_checks, _draw_deformation) if visual else (_draw_deformation,):
            try:
                picture = _picture(draw, drawer, measured_item, beside)
            except Cancelled:
                raise
            except (DicomRegInspectorError, MemoryError, ArithmeticError, ValueError) as error:
                measured_item.notes.append(f"No picture: {error}")
                continue
            if len(picture.png) > left:
                measured_item.notes.append(
                    "No picture: the report would become too large; look at this item in Slicer."
                )
                continue
            left -= len(picture.png)
            measured_item.pictures.append(picture)
    return drawer.library_versions()


def _draw_deformation(drawer: Drawer, measured: Measured) -> Any:
    return drawer.draw_deformation(measured.item, measured.fixed, measured.fixed_name)


def _draw_checks(drawer: Drawer, measured: Measured) -> Any:
    quality = measured.quality
    pairs = quality.structures.pairs if quality is not None and quality.structures is not None else ()
    outlines = [(pair.fixed_voxels, pair.moving_voxels) for pair in pairs]
    return drawer.draw_checks(measured.item, measured.fixed, measured.moving, outlines)


def _picture(draw: Callable[[Drawer, Measured], Any], drawer: Drawer, measured: Measured, beside: Run) -> Picture:
    drawing = beside(lambda _report: draw(drawer, measured))
    drawing.canvas.write_texts()
    return Picture(beside(lambda _report: drawing.canvas.png()), drawing.alt, drawing.caption)
