"""Judging studies: what runs in a worker."""

from __future__ import annotations

import logging
import multiprocessing
import threading
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..address_space import is_lack_of_memory
from ..errors import Cancelled, DicomRegInspectorError, FileError, file_error
from ..findings import Finding
from ..progress import Progress
from .rows import StudyRows, failed_rows, study_rows
from .studies import JudgeOptions, Reader, SourceError, StudyRef

GRACE_S = 5.0
"""How long a study that has taken too long gets to notice it."""
CHANGED = "changed while it was read; the next run reads it again"


@dataclass(frozen=True)
class Batch:
    """Studies for one task: an engine's own time for each is a millisecond or so."""

    refs: tuple[StudyRef, ...]
    reader: Reader
    options: JudgeOptions
    study_limit_s: float
    reports: str = ""
    """Folder for the studies' own reports; empty for none."""


@dataclass(frozen=True)
class Judged:
    """What became of a batch."""

    rows: list[StudyRows] = field(default_factory=list)
    left: tuple[StudyRef, ...] = ()
    """Those behind one that does not end."""
    stuck_process: int | None = None
    """The process in which it goes on."""
    source_lost: str = ""
    """Why nothing more can be had from the source."""


def judge_batch(batch: Batch) -> Judged:
    """Judge studies one after the other; whatever one does to its reader is the reason in its row."""
    if multiprocessing.parent_process() is not None:
        # A worker's own process: other packages comment on odd files in their own words, and nobody reads them here.
        warnings.simplefilter("ignore")
        logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    rows: list[StudyRows] = []
    for number, ref in enumerate(batch.refs):
        try:
            found, ended = _within_limit(ref, batch)
        except SourceError as error:
            return Judged(rows, source_lost=str(error))
        rows.append(found)
        if not ended:
            import os

            return Judged(rows, batch.refs[number + 1 :], os.getpid())
    return Judged(rows)


def _within_limit(ref: StudyRef, batch: Batch) -> tuple[StudyRows, bool]:
    """The rows of a study, and whether it has ended: in a thread of its own, which can be left behind.

    Raises SourceError when its source is of no use any more.
    """
    limit = batch.study_limit_s
    deadline = time.monotonic() + limit
    # Of one piece each: where memory is short there is no room to add to a list.
    found: StudyRows | None = None
    failed: Exception | None = None

    def progress(done: int, total: int, text: str) -> bool:
        return time.monotonic() < deadline

    def work() -> None:
        """Judge the study, and leave what came of it."""
        nonlocal found, failed
        try:
            found = judge_study(ref, batch, progress)
        except Exception as error:
            failed = error.with_traceback(None)  # whose frames would keep what the study held

    thread = threading.Thread(target=work, name=f"study {ref.study_uid}", daemon=True)
    thread.start()
    thread.join(limit + GRACE_S)
    if found is not None:
        return found, True
    is_alive = thread.is_alive()
    reason = f"given up after {limit:g} s"
    if failed is None:
        reason += f"; it had not ended {GRACE_S:g} s later"
    elif isinstance(failed, SourceError):
        raise failed
    elif not isinstance(failed, Cancelled):
        reason = _sentence(failed)
    return failed_rows(ref, reason, batch.options), failed is not None or not is_alive


def _sentence(error: Exception) -> str:
    """What is wrong, without the path."""
    if not isinstance(error, DicomRegInspectorError):
        if is_lack_of_memory(error):
            return "needs more memory than there is"
        error = file_error("", error)
    return error.sentence if isinstance(error, FileError) else str(error)


def judge_study(ref: StudyRef, batch: Batch, progress: Progress) -> StudyRows:
    """Read one study, judge it, and write its report where one is wanted.

    Raises
    ------
    DicomRegInspectorError
        With the reason why it cannot be judged.
    Cancelled
        When ``progress`` returned False.
    """
    options = batch.options
    with batch.reader.read(ref, options, progress) as read:
        more: Sequence[Finding] = ()
        if options.pixels and read.pixel_paths:
            from ..series import check_pixels

            told = {(finding.code, str(finding.subject)) for finding in read.inspection.findings}
            pixels = check_pixels(read.pixel_paths, progress).findings
            more = [finding for finding in pixels if (finding.code, str(finding.subject)) not in told]
        rows = study_rows(ref, read.inspection, more, options, progress)
        if read.digest not in ("", ref.digest):
            return failed_rows(ref, CHANGED, options, changed=True)
        if batch.reports:
            from .reports import write_study_report

            write_study_report(batch.reports, ref, read.inspection, more, options, progress)
    return rows
