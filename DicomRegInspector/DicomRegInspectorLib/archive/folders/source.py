"""Folders as a source of studies."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ...errors import FileError, UsageError
from ...progress import Progress, report_progress
from ...tasks.inspect import inspect_files
from ..studies import JudgeOptions, State, StudyRead, StudyRef
from .index import Index
from .scan import parts_together, scan_parts, stamps

NAME = "folders"
NO_UID = "no-uid-"
"""How the key begins of what names no study: the files of one folder together."""
_FILES_AT_ONCE = 5000
_KEEP_AFTER = 50_000
"""Files after which what is known is kept for a next run."""
_STOPPED = "the run was stopped"


class FolderSource:
    """Files and folders. All of one run are one source: a study may lie in several."""

    name = NAME

    def __init__(self, paths: Sequence[str]) -> None:
        for path in paths:
            if not os.path.lexists(path):
                raise UsageError(f"{path}: there is no such file or folder")
        self._roots = [os.fsencode(os.path.realpath(path)) for path in paths]

    def reader(self) -> FolderReader:
        """Make what reads studies of files."""
        return FolderReader()

    def find(self, state: State, progress: Progress | None) -> Iterator[StudyRef]:
        """Find studies; see :class:`..studies.Source`.

        First all files are listed and their studies found, on all workers: which study a file belongs to only the file
        says. Of files that have not changed since an earlier run nothing is read.
        """
        index = Index(state.folder / "folders.sqlite")
        try:
            self._list(index, state, progress)
            self._scan(index, state, progress)
            index.sort_by_study()
            expected, state.passed_over = index.counts()
            state.expected += expected
            yield from self._found(index, state)
        except sqlite3.Error as error:
            raise UsageError(f"{state.folder}: the list of files cannot be written ({error})") from error
        finally:
            index.close()

    def _list(self, index: Index, state: State, progress: Progress | None) -> None:
        index.begin()
        try:
            listed = 0
            pending = list(reversed(self._roots))
            while pending:
                place = pending.pop()
                report_progress(progress, 0, 0, f"Listing files: {listed:,}", _STOPPED)
                if os.path.isdir(place):
                    listed += self._list_folder(index, place, pending, state)
                else:
                    index.add_files(index.number_of(os.path.dirname(place)), [os.path.basename(place)])
                    listed += 1
            index.forget_unseen()
        finally:
            index.commit()

    @staticmethod
    def _list_folder(index: Index, folder: bytes, pending: list[bytes], state: State) -> int:
        """Note the files of a folder; its folders are put on the pile, links where they lead."""
        number = index.add_folder(folder)
        if number is None:
            return 0
        names: list[bytes] = []
        inner: list[bytes] = []
        count = 0
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    count += 1
                    place = os.path.realpath(entry.path) if entry.is_symlink() else None
                    if _is_folder(entry):
                        inner.append(place or entry.path)
                    elif place is not None:
                        index.add_files(index.number_of(os.path.dirname(place)), [os.path.basename(place)])
                    else:
                        names.append(entry.name)
                    if len(names) >= _FILES_AT_ONCE:
                        index.add_files(number, sorted(names))
                        names.clear()
        except OSError as error:
            state.unlisted += 1
            index.note_trouble(number, str(error.strerror or error))
        index.add_files(number, sorted(names))
        pending += sorted(inner, reverse=True)
        return count

    @staticmethod
    def _scan(index: Index, state: State, progress: Progress | None) -> None:
        total, done = index.count(), 0
        index.begin()
        try:
            for outcome in state.engine.run(scan_parts, parts_together(index.parts())):
                # What a worker was at that ended is read here.
                scanned = scan_parts(outcome.task) if outcome.result is None else outcome.result
                kept = done // _KEEP_AFTER
                for part, found in zip(outcome.task, scanned, strict=True):
                    index.update(part.number, found)
                    done += len(part.files)
                if done // _KEEP_AFTER > kept:
                    index.commit()
                    index.begin()
                report_progress(progress, done, total, "Finding studies", _STOPPED)
        finally:
            index.commit()

    @staticmethod
    def _found(index: Index, state: State) -> Iterator[StudyRef]:
        for study in index.studies():
            if study:
                yield _ref(study, index.files_of(study))
        for folder, files in index.folders_without_study():
            state.expected += 1
            yield _ref(f"{NO_UID}{_digest([folder])[:12]}", files)
        for folder, reason in index.troubles():
            state.expected += 1
            where = Unlisted(reason)
            yield StudyRef(NAME, f"{NO_UID}{_digest([folder, b'unlisted'])[:12]}", "", 0, where)


def _is_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link that leads nowhere, or in a circle


def _ref(study: str, files: list[tuple[bytes, bytes, int, int]]) -> StudyRef:
    stamped = [(os.path.join(folder, name), size, changed) for folder, name, size, changed in files]
    paths = tuple([os.fsdecode(path) for path, _, _ in stamped])
    return StudyRef(NAME, study, digest_of(stamped), len(paths), paths)


def digest_of(files: Iterable[tuple[bytes, int, int]]) -> str:
    """Return what tells a change: of paths, sizes and times of last change, which reading nothing shows."""
    return _digest(b"%s\0%d\0%d" % file for file in sorted(files))


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part + b"\n")
    return digest.hexdigest()


@dataclass(frozen=True)
class Unlisted:
    """In place of a study's files: why a folder could not be listed."""

    reason: str


@dataclass(frozen=True)
class FolderReader:
    """Reads studies of files."""

    @contextmanager
    def read(self, ref: StudyRef, options: JudgeOptions, progress: Progress) -> Iterator[StudyRead]:
        """Read and inspect a study; see :class:`..studies.Reader`."""
        if isinstance(ref.where, Unlisted):
            raise FileError("", f"a folder cannot be listed ({ref.where.reason})")
        paths: tuple[str, ...] = ref.where
        inspection = inspect_files(paths, progress, interval_tolerance=options.interval_tolerance, audit=options.audit)
        yield StudyRead(inspection, paths, digest_of(stamps(paths)))
