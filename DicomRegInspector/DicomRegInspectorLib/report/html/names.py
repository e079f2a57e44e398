"""What a report calls things: series by number, files below the folder that was inspected, and never the patient."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...findings import Finding
from ...series import Series
from ...words import slices_in_words
from ..text.inspection_report import named, series_names
from .contents import Contents
from .markup import Markup, foreign

if TYPE_CHECKING:
    from ...registration import Registration
    from ...tasks.inspect import Inspection


class Names:
    """Names of one report's objects.

    Parameters
    ----------
    inspection
        Whose objects these are.
    contents
        The folders that were inspected, and whom nothing is to name.
    """

    def __init__(self, inspection: Inspection, contents: Contents) -> None:
        self._series = series_names(inspection)
        self._inspection = inspection
        self._by_series = _by_series(inspection.findings)
        roots = contents.roots or common_folders(inspection)
        # Longer ones first: one may lie in another. A name like data must not be cut out of metadata/x.
        folders = sorted({re.escape(os.path.join(root, "")) for root in roots if len(root) > 1}, key=len, reverse=True)
        self._roots = re.compile(rf"(?<![\w/\\.-])(?:{'|'.join(folders)})") if folders else None
        self._identities = contents.identities.plain

    def about(self, thing: Series | Registration) -> list[Finding]:
        """Return findings about a series or a registration, those of comparing it with others among them."""
        if isinstance(thing, Series):
            found = self._by_series.get(thing.series_instance_uid, [])
            return found if thing.series_instance_uid else [finding for finding in found if finding in thing.findings]
        return self._inspection.findings_about(thing)

    def clean(self, value: object) -> str:
        """Return words without the folders above those inspected, and with whom names of files and folders name masked.

        Texts of files name nobody any more when they come here.
        """
        return self._identities.masked(self._roots.sub("", str(value)) if self._roots else str(value))

    def shown(self, value: object, longest: int = 300) -> Markup:
        """Return :meth:`clean` text from a file, as HTML."""
        return foreign(self.clean(value), longest)

    def file(self, registration: Registration) -> str:
        """Return a registration's file below the folder inspected."""
        return self.clean(registration.path)

    def subject(self, finding: Finding) -> str:
        """Return what a finding is about: ``series 1``, ``item 1 of reg.dcm``."""
        return self.clean(named(finding, self._series))

    def place(self, finding: Finding) -> str:
        """Return the subject and where in it: ``series 1, slices 14–15``."""
        about = finding.about
        where = slices_in_words(about.slices) if about is not None and about.kind == "stack" else ""
        return f"{self.subject(finding)}, {where}" if where else self.subject(finding)


def _by_series(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Findings about series and files, by Series Instance UID; it is empty where there is none."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        about = finding.about
        if about is not None and about.kind in ("file", "series", "stack"):
            found.setdefault(about.uid, []).append(finding)
    return found


def common_folders(inspection: Inspection) -> list[str]:
    """Return the folder that everything inspected lies in; several where there is none of all."""
    paths = [str(registration.path) for registration in inspection.registrations]
    paths += [path for series in inspection.series for path in series.paths]
    folders = {os.path.dirname(os.path.abspath(path)) for path in paths}
    try:
        return [os.path.commonpath(folders)] if folders else []
    except ValueError:  # drives of their own
        return sorted(folders)
