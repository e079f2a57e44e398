"""The studies' own reports, one HTML file each, written by whoever judged the study."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..findings import Finding
from ..report.html.write_report import ReportOptions, write_report
from .studies import JudgeOptions, StudyRef

if TYPE_CHECKING:
    from ..progress import Progress
    from ..tasks.inspection import Inspection

FOLDER = "reports"
_UID = re.compile(r"[0-9.]{1,64}")


def report_name(source: str, study_uid: str) -> str:
    """Return the name of a study's report: its UID, or a digest of what is none; nothing in it leads elsewhere."""
    beginning = study_uid if _UID.fullmatch(study_uid) else "study"
    digest = hashlib.blake2b(f"{source}\n{study_uid}".encode("utf-8", "replace"), digest_size=4).hexdigest()
    return f"{beginning.strip('.')}-{digest}.html"


def write_study_report(
    folder: str,
    ref: StudyRef,
    inspection: Inspection,
    more: Sequence[Finding],
    options: JudgeOptions,
    progress: Progress,
) -> None:
    """Write the report of a study; its pictures are left out.

    Raises
    ------
    UsageError
        When it cannot be written.
    Cancelled
        When ``progress`` returned False.
    """
    told = ReportOptions(title=f"Study {ref.study_uid}", identifiers=options.identifiers, pictures=False)
    place = Path(folder) / report_name(ref.source, ref.study_uid)
    write_report(inspection.with_findings(more), place, told, progress=progress)
