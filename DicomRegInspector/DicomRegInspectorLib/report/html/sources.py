"""Which files a report is about, with their digests; who they say the patient is; and what it was made with."""

from __future__ import annotations

import hashlib
import os
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path

from ...dicom.tags import Tag
from ...dicom.values import text
from ...dicom.wanted_elements import read_elements
from ...errors import FileError
from ...progress import Progress, report_progress
from ...tasks.inspect import Inspection
from . import Digest, Patient

_CHUNK = 1 << 20
STOPPED = "the report was cancelled"


def digests(inspection: Inspection, progress: Progress | None = None, files: Sequence[str] = ()) -> list[Digest]:
    """Compute the SHA-256 of each registration, and of each series: that of its files' digests, sorted, one a line.

    ``files``: others that are told with their digests.

    Files are read through once, a piece at a time.

    Raises
    ------
    Cancelled
        When ``progress`` returned False.
    """
    total = sum(_size(str(registration.path)) for registration in inspection.registrations)
    total += sum(_size(path) for series in inspection.series for path in series.paths)
    total += sum(map(_size, files))
    reading = _Reading(total, progress)
    found = []
    for registration in inspection.registrations:
        found.append(reading.digest(str(registration.path), [str(registration.path)], single=True))
    for path in files:
        found.append(reading.digest(path, [path], single=True))
    for series in inspection.series:
        found.append(reading.digest(series.series_instance_uid, series.paths, single=False))
    return found


class _Reading:
    """Reads files one after the other and tells how far it is."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total, self._progress, self._done = total, progress, 0

    def digest(self, name: str, paths: Iterable[str], single: bool) -> Digest:
        """The digest of an object that one file or several hold."""
        each, before = [], self._done
        try:
            for path in paths:
                each.append(self._file(path))
        except OSError as error:
            problem = f"{os.path.basename(error.filename or name)} cannot be read any more ({error.strerror or error})"
            return Digest(name, "", len(each), self._done - before, problem)
        if single:
            return Digest(name, each[0], 1, self._done - before)
        lines = "".join(f"{digest}\n" for digest in sorted(each))
        return Digest(name, hashlib.sha256(lines.encode("ascii")).hexdigest(), len(each), self._done - before)

    def _file(self, path: str) -> str:
        found = hashlib.sha256()
        with open(path, "rb") as file:
            while piece := file.read(_CHUNK):
                found.update(piece)
                self._done += len(piece)
                # In megabytes: bytes of a big series are more than a progress bar of Qt counts.
                report_progress(
                    self._progress, self._done >> 20, max(self._total >> 20, 1), "Digests of files", STOPPED
                )
        return found.hexdigest()


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def patients(inspection: Inspection) -> list[Patient]:
    """Return who the registrations and the series say the patient is; files of one series may say different things."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for registration in inspection.registrations:
        counts[_patient_of(registration.path)] += 1
    for series in inspection.series:
        counts.update([*dict.fromkeys(map(_patient_of, series.paths))])
    return [Patient(*identity, count) for identity, count in counts.items() if any(identity)]


_PATIENT = (Tag.PATIENT_NAME, Tag.PATIENT_ID, Tag.PATIENT_BIRTH_DATE)


def _patient_of(path: str | PathLike[str]) -> tuple[str, str, str]:
    """Reads no further than the patient: vectors and pixels come later in a file."""
    try:
        root = read_elements(Path(path), {Tag.SPECIFIC_CHARACTER_SET, *_PATIENT}, up_to=_PATIENT[-1]).root
    except FileError:  # reported as such elsewhere
        return ("", "", "")
    sets = root.get(Tag.SPECIFIC_CHARACTER_SET)
    name, number, born = (text(root.get(tag), sets) for tag in _PATIENT)
    return name, number, born


def versions(more: Iterable[tuple[str, str]] = ()) -> Iterator[tuple[str, str]]:
    """Yield what a report is made with."""
    import numpy
    import pydicom

    from ... import __version__

    yield "DicomRegInspector", __version__
    yield "Python", platform.python_version()
    yield "pydicom", pydicom.__version__
    yield "NumPy", numpy.__version__
    yield from more
