"""Which study files belong to: what runs in a worker for some files of one folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ...dicom.fast_header import first_elements, read_header
from ...dicom.header_walk import DIRECTORY, Selection, codes_of
from ...dicom.tags import Tag
from ...errors import FileError, NotDicomError

NOT_DICOM, NO_STUDY = "-", ""
"""In place of a Study Instance UID: of a file that is no DICOM (or a media directory, which holds no objects), and of
DICOM that names no study or cannot be read."""
FILES_A_TASK = 2000
_STUDY = Selection(
    codes_of(
        dict.fromkeys((Tag.MEDIA_STORAGE_SOP_CLASS_UID, Tag.TRANSFER_SYNTAX_UID, Tag.STUDY_INSTANCE_UID), (b"UI",))
    ),
    Tag.STUDY_INSTANCE_UID,
)


class Known(NamedTuple):
    """A file as an earlier run has seen it: a tuple, since there are many, and tuples are sent to workers faster."""

    name: bytes
    size: int | None
    changed_ns: int | None


class Scanned(NamedTuple):
    """A file as it is."""

    name: bytes
    size: int
    changed_ns: int
    study: str
    """Study Instance UID, or :data:`NOT_DICOM`, or :data:`NO_STUDY`."""


@dataclass(frozen=True)
class Part:
    """Some files of a folder."""

    number: int
    """Of the folder, for who asked."""
    folder: bytes
    files: tuple[Known, ...]


def scan_parts(parts: Iterable[Part]) -> list[list[Scanned]]:
    """Find the studies of files in several folders; see :func:`scan_part`."""
    return [scan_part(part) for part in parts]


def parts_together(parts: Iterable[Part]) -> Iterator[tuple[Part, ...]]:
    """Put parts of small folders together: an engine's own time for a task is a millisecond or so."""
    together: list[Part] = []
    files = 0
    for part in parts:
        if together and files + len(part.files) > FILES_A_TASK:
            yield tuple(together)
            together, files = [], 0
        together.append(part)
        files += len(part.files)
    if together:
        yield tuple(together)


def scan_part(part: Part) -> list[Scanned]:
    """Find the study of each file that has changed since it was seen, by its header alone; of the others nothing.

    Files that are gone by now are left out.
    """
    found, folder = [], os.path.join(part.folder, b"")
    for known in part.files:
        path = folder + known.name
        try:
            status = os.stat(path)
        except FileNotFoundError:
            continue
        except OSError:
            found.append(Scanned(known.name, -1, -1, NO_STUDY))
            continue
        if (status.st_size, status.st_mtime_ns) != (known.size, known.changed_ns):
            found.append(Scanned(known.name, status.st_size, status.st_mtime_ns, _study_of(os.fsdecode(path), status)))
    return found


def _study_of(path: str, status: os.stat_result) -> str:
    study = _study_by_walk(path, status.st_size) if stat.S_ISREG(status.st_mode) else ""
    return study or _study_by_header(path)


def _study_by_walk(path: str, size: int) -> str:
    """The study of a plain file, of which nothing behind its UID is read; empty where that takes more than a look."""
    found = first_elements(path, size, _STUDY)
    if found.get(Tag.MEDIA_STORAGE_SOP_CLASS_UID) == DIRECTORY:
        return NOT_DICOM
    return found.get(Tag.STUDY_INSTANCE_UID, b"").strip(b" \0").decode("utf-8", "replace")


def _study_by_header(path: str) -> str:
    try:
        header = read_header(path)
    except NotDicomError:
        # What says that it is DICOM and is not is told, as by an inspection.
        return NO_STUDY if path.lower().endswith(".dcm") else NOT_DICOM
    except (FileError, MemoryError, RecursionError, ValueError):
        return NO_STUDY
    return NOT_DICOM if header.is_dicomdir else header.study_uid


def stamps(paths: Iterable[str]) -> list[tuple[bytes, int, int]]:
    """Return names, sizes and times of files as they are; -1 for those that are gone."""
    found = []
    for path in paths:
        try:
            status = os.stat(path)
            found.append((os.fsencode(path), status.st_size, status.st_mtime_ns))
        except OSError:
            found.append((os.fsencode(path), -1, -1))
    return found
