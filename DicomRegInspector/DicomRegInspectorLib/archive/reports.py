"""The studies' own reports, one HTML file each, written by whoever judged the study."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..findings import Finding
from ..report.html.write_report import ReportOptions, write_report
from .studies import JudgeOptions, SourceError, StudyRef
from .tables import text

if TYPE_CHECKING:
    from ..progress import Progress
    from ..tasks.inspection import Inspection

FOLDER = "reports"
_UID = re.compile(r"[0-9.]{1,64}")


def report_name(source: str, study_uid: str) -> str:
    """Return the name of a study's report: its UID, or a digest of what is none; nothing in it leads elsewhere."""
    source, study_uid = text(source), text(study_uid)
    beginning = study_uid if _UID.fullmatch(study_uid) else "study"
    digest = hashlib.blake2b(f"{source}\n{study_uid}".encode("utf-8", "replace"), digest_size=4).hexdigest()
    return f"{beginning.strip('.')}-{digest}.html"


class Reports:
    """The reports of an output: those of studies that were judged with some, and of no others."""

    def __init__(self, output: Path) -> None:
        self._folder = output / FOLDER
        self.wanted = ""
        """The folder that this run's reports go to; empty for none."""

    def begin(self, wanted: bool) -> None:
        """Make the folder, where reports are wanted."""
        if wanted:
            self._folder.mkdir(exist_ok=True)
            self.wanted = str(self._folder)

    def lack(self, ref: StudyRef) -> bool:
        """Tell whether a study has no report though it is to have one."""
        return bool(self.wanted) and not (self._folder / report_name(ref.source, ref.study_uid)).is_file()

    def forget(self, studies: Iterable[tuple[str, str]]) -> None:
        """Remove the reports of studies, by source and UID, that say what is so no more."""
        if self._folder.is_dir():
            for source, study_uid in studies:
                (self._folder / report_name(source, study_uid)).unlink(missing_ok=True)


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
    SourceError
        When it cannot be written, as no other would be.
    Cancelled
        When ``progress`` returned False.
    """
    told = ReportOptions(title=f"Study {ref.study_uid}", identifiers=options.identifiers, pictures=False)
    place = Path(folder) / report_name(ref.source, ref.study_uid)
    try:
        write_report(inspection.with_findings(more), place, told, progress=progress)
    except UsageError as error:
        raise SourceError(str(error)) from error
