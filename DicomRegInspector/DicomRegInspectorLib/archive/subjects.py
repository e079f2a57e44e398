"""What findings of a study are about, by UIDs: paths stand in no table unless they are asked for."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..findings import Finding
from .tables import Row, as_json, text

if TYPE_CHECKING:
    from ..registration import Registration
    from ..tasks.inspection import Inspection

_PATHS = frozenset(("file", "other_file", "paths"))
"""Keys of evidence that hold paths."""


Sorted = dict[str, list[Finding]]


class Subjects:
    """The objects of one study by the paths that findings know them by."""

    def __init__(self, inspection: Inspection, with_paths: bool) -> None:
        self._with_paths = with_paths
        self._registrations = {str(registration.path): registration for registration in inspection.registrations}
        self._headers = {slice_.path: slice_.header for series in inspection.series for slice_ in series.slices}
        self._copies: dict[str, int] = {}
        seen: Counter[str] = Counter()
        for path, registration in self._registrations.items():
            seen[registration.sop_instance_uid] += 1
            self._copies[path] = seen[registration.sop_instance_uid]
        # As words name them, so that a file called 2 is not found in "2 of 3 slices".
        names = {re.escape(registration.path.name): registration for registration in inspection.registrations}
        self._uid_of_name = {
            registration.path.name: f"registration {registration.sop_instance_uid}" for registration in names.values()
        }
        self._named = re.compile(rf"(item \d+ of )({'|'.join(names)})(?![\w.])") if names else None

    @staticmethod
    def place_of(inspection: Inspection) -> str:
        """Return the folder that all of a study lies in."""
        paths = [str(registration.path) for registration in inspection.registrations]
        paths += [path for series in inspection.series for path in series.paths]
        try:
            return text(os.path.commonpath([os.path.dirname(path) for path in paths])) if paths else ""
        except ValueError:  # drives of their own
            return ""

    def key_of(self, registration: Registration) -> tuple[str, int]:
        """Return SOP Instance UID, and which of several objects with it, from 1."""
        return text(registration.sop_instance_uid), self._copies[str(registration.path)]

    def registration_of(self, finding: Finding) -> Registration | None:
        """Return the registration that a finding is about."""
        about = finding.about
        return None if about is None else self._registrations.get(about.file)

    def series_of(self, finding: Finding) -> str | None:
        """Return the Series Instance UID of the series that a finding is about; None of none."""
        about = finding.about
        if about is None:
            header = self._headers.get(str(finding.subject))
            return None if header is None else header.series_uid
        if about.kind in ("series", "stack"):
            return about.uid
        header = self._headers.get(about.file)
        return about.uid or (header.series_uid if header is not None else None)

    def sorted_by_object(self, findings: Iterable[Finding]) -> tuple[Sorted, Sorted]:
        """Return findings by the Series Instance UID, and by the registration's path, of what they are about."""
        of_series: dict[str, list[Finding]] = {}
        of_registration: dict[str, list[Finding]] = {}
        for finding in findings:
            registration, series_uid = self.registration_of(finding), self.series_of(finding)
            if registration is not None:
                of_registration.setdefault(str(registration.path), []).append(finding)
            elif series_uid is not None:
                of_series.setdefault(series_uid, []).append(finding)
        return of_series, of_registration

    def finding_row(self, finding: Finding) -> Row:
        """Return a finding's columns behind its number."""
        about, registration = finding.about, self.registration_of(finding)
        path = about.file if about is not None and about.file else str(finding.subject)
        header = self._headers.get(path)
        instance, copy = ("", None) if registration is None else self.key_of(registration)
        if header is not None:
            instance = header.sop_instance_uid
        shown = os.fspath(path) if self._with_paths and (header or registration or (about and about.file)) else ""
        return (
            finding.severity, finding.code, text(self._without_names(finding.message)), text(self._subject(finding)),
            text(self.series_of(finding) or ""), text(instance), copy, about.item if about is not None else None,
            as_json(list(about.slices)) if about is not None and about.slices else "",
            as_json(dict(self._evidence(finding))), "", text(shown),
        )  # fmt: skip

    def _subject(self, finding: Finding) -> str:
        about, path = finding.about, str(finding.subject)
        if about is not None and about.file:
            path = about.file
        registration, header = self._registrations.get(path), self._headers.get(path)
        if registration is not None:
            item = f"item {about.item} of " if about is not None and about.item else ""
            return f"{item}registration {registration.sop_instance_uid}"
        if header is not None:
            return f"image {header.sop_instance_uid}"
        if about is None or (about.kind == "file" and about.file):
            return path if self._with_paths else "a file"
        return str(finding.subject)

    def _evidence(self, finding: Finding) -> Iterator[tuple[str, Any]]:
        for key, value in finding.evidence.items():
            if key not in _PATHS or self._with_paths:
                yield key, value
            elif isinstance(value, list | tuple):
                yield (
                    "sop_instance_uids",
                    [self._headers[path].sop_instance_uid for path in value if path in self._headers],
                )
            elif (other := self._registrations.get(str(value))) is not None:
                yield key.replace("file", "sop_instance_uid"), other.sop_instance_uid

    def _without_names(self, message: str) -> str:
        """A message with UIDs in place of files' names."""
        if self._named is None or self._with_paths:
            return message
        return self._named.sub(lambda found: found[1] + self._uid_of_name[found[2]], message)
