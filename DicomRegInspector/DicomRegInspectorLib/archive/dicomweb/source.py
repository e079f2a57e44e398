"""A DICOMweb server as where studies are found."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING

from ...errors import UsageError
from ...progress import Progress, report_progress
from ...tasks.inspect import inspect_files
from ..studies import JudgeOptions, State, StudyRead, StudyRef
from .errors import AnswerError
from .header_file import text_of
from .server import SERIES, SERIES_COUNT, STUDY, STUDY_COUNT, Server, count_of, is_uid
from .settings import DicomwebSettings, checked_url
from .spare_files import SpareFiles
from .study import SeriesAt, StudyFiles, paths_in
from .turns import Turns

if TYPE_CHECKING:
    from .session import Wait

_STOPPED = "the run was stopped"
_STUDY_SERIES_COUNT = "00201206"
_STEP_S = 0.2
_WEIGHT = 10
"""Files of a folder that take as long as an instance behind a server: tasks stay small enough to share out evenly."""
_FETCHED, _LISTED = "fetched", "studies.jsonl"


@dataclass(frozen=True)
class NoSeries:
    """In place of a study's series: why it cannot be asked for."""

    address: str
    problem: str


class DicomwebSource:
    """The studies of one server.

    Parameters
    ----------
    url
        The root of its DICOMweb services; a user, a password or a query in it is refused with a UsageError.
    """

    def __init__(self, url: str, settings: DicomwebSettings) -> None:
        self.name = checked_url(url)
        self._settings = settings
        self._reader = DicomwebReader(self.name, settings)

    def find(self, state: State, progress: Progress | None) -> Iterator[StudyRef]:
        """Find all studies by QIDO-RS.

        A study's digest is made of its series and the number of instances in each, as the server counts them: the UIDs
        of all instances cost a server as much as their metadata. Where it does not count, they are asked for.
        """
        private = state.folder / f"dicomweb-{hashlib.blake2b(self.name.encode(), digest_size=6).hexdigest()}"
        shutil.rmtree(private / _FETCHED, ignore_errors=True)  # what a run left that was killed
        private.mkdir(mode=0o700, exist_ok=True)
        self._reader.private = private
        try:
            server = self._reader.server(_waiting(progress, "Asking for studies"))
            state.expected += _list_studies(server, private / _LISTED)
            for study, series, instances in _listed(private / _LISTED):
                yield _study(server, study, series, instances)
        except AnswerError as error:
            raise UsageError(str(error)) from error

    def reader(self) -> DicomwebReader:
        """Make what reads the studies; it can be sent to workers once :meth:`find` has begun."""
        return self._reader


@dataclass
class DicomwebReader:
    """Reads studies of one server in a worker."""

    url: str
    settings: DicomwebSettings
    private: Path | None = None
    """Where fetched files lie while they are judged, and where workers agree on whose turn it is."""

    @contextmanager
    def read(self, ref: StudyRef, options: JudgeOptions, progress: Progress) -> Iterator[StudyRead]:
        """Ask for what judging a study needs, keep it in a private folder, and inspect it."""
        if isinstance(ref.where, NoSeries):
            raise AnswerError(ref.where.address, ref.where.problem)
        series: tuple[SeriesAt, ...] = ref.where
        if not series:
            raise AnswerError(f"{self.url}/studies/{ref.study_uid}", "is a study without series.")
        whole = options.pixels or (options.audit and any(each.modality == "REG" for each in series))
        wait = _waiting(progress, "Waiting for the server")
        with self._folder() as folder, self._kept(wait) as (server, spares):
            files = StudyFiles(server, ref.study_uid, folder, spares)
            try:
                for number, each in enumerate(series):
                    report_progress(progress, number, len(series), "Asking for series", _STOPPED)
                    files.fetch(each, number, whole=whole)
            except OSError as error:
                raise UsageError(f"what was fetched cannot be kept for judging ({error.strerror or error})") from error
            paths, audit, tolerance = paths_in(folder), options.audit, options.interval_tolerance
            inspection = inspect_files(paths, progress, interval_tolerance=tolerance, audit=audit, judge_names=False)
            yield StudyRead(inspection, paths if options.pixels else ())

    def server(self, wait: Wait) -> Server:
        """Make a connection of its own."""
        turns = Turns(self._place() / "turns", self.settings.connections, self.settings.rate)
        return Server(self.url, self.settings, turns, wait)

    def _place(self) -> Path:
        """The run's private folder; on another machine of a cluster, where it is not, that of temporary files."""
        if self.private is not None and self.private.is_dir():
            return self.private
        return Path(gettempdir()) / f"dicom-reg-inspector-{self.private.name if self.private is not None else 'own'}"

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        place = self._place() / _FETCHED
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        with TemporaryDirectory(dir=place, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    @contextmanager
    def _kept(self, wait: Wait) -> Iterator[tuple[Server, SpareFiles]]:
        """A connection and files of this process that nobody else uses, kept for the next study."""
        key = (self.url, self.settings, self.private)
        with _IDLE_LOCK:
            idle = _IDLE.setdefault(key, [])
            kept = idle.pop() if idle else None
        server, spares = kept or (self.server(wait), SpareFiles(self._place() / _FETCHED))
        server.session.wait = wait
        try:
            yield server, spares
        finally:
            spares.take_back()
            with _IDLE_LOCK:
                idle.append((server, spares))


_IDLE: dict[object, list[tuple[Server, SpareFiles]]] = {}
_IDLE_LOCK = threading.Lock()


def _list_studies(server: Server, path: Path) -> int:
    """Write the studies that a server has to a file, since all of them at a time may be many; returns how many."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in server.studies():
            count += 1
            study = text_of(row, STUDY)
            if not is_uid(study):
                study = "?" + hashlib.blake2b(repr(row).encode(), digest_size=8).hexdigest()
            print(json.dumps([study, count_of(row, _STUDY_SERIES_COUNT), count_of(row, STUDY_COUNT)]), file=file)
    return count


def _listed(path: Path) -> Iterator[tuple[str, int | None, int | None]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            study, series, instances = json.loads(line)
            yield study, series, instances


def _study(server: Server, study: str, series_count: int | None, instance_count: int | None) -> StudyRef:
    if study.startswith("?"):
        problem = "was answered with a study that has no usable Study Instance UID (0020,000D)."
        return StudyRef(server.url, f"unknown-{study[1:]}", study[1:], 1, NoSeries(f"{server.url}/studies", problem))
    try:
        series = _series_of(server, study, series_count)
        digest = _digest_of(server, study, series)
    except AnswerError as error:
        digest = hashlib.blake2b(str(error).encode(), digest_size=16).hexdigest()
        return StudyRef(server.url, study, digest, 1, NoSeries(error.path, error.problem))
    weight = sum(each.count or 0 for each in series) or instance_count or 1
    return StudyRef(server.url, study, digest, _WEIGHT * weight, series)


def _series_of(server: Server, study: str, expected: int | None) -> tuple[SeriesAt, ...]:
    url = f"{server.url}/studies/{study}/series"
    found = []
    for row in server.series(study, expected):
        uid = text_of(row, SERIES)
        if not is_uid(uid):
            raise AnswerError(url, "was answered with a series that has no usable Series Instance UID (0020,000E).")
        found.append(SeriesAt(uid, text_of(row, "00080060"), count_of(row, SERIES_COUNT)))
    return tuple(sorted(found, key=lambda each: each.uid))


def _digest_of(server: Server, study: str, series: tuple[SeriesAt, ...]) -> str:
    """What changes with a study: its series, and how many instances, or which, each has."""
    held = [
        (each.uid, each.count if each.count is not None else sorted(server.instances(study, each.uid)))
        for each in series
    ]
    return hashlib.blake2b(json.dumps(held).encode(), digest_size=16).hexdigest()


def _waiting(progress: Progress | None, text: str) -> Wait:
    """What waits so many seconds, and lets the work be stopped meanwhile."""

    def wait(seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            report_progress(progress, 0, 0, text, _STOPPED)
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _STEP_S))

    return wait
