"""Everything that files and folders hold, inspected in one go: registrations, image series, and what is neither."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple

from ..dicom.fast_header import read_header
from ..dicom.header import Header
from ..dicom.identity import Gathered
from ..errors import ChoiceError, NotDicomError, UsageError, file_error
from ..findings import Finding
from ..findings.about import about_file
from ..findings.pixel_codes import FILE_CODES
from ..progress import Progress, report_progress
from ..registration.conventions import NOTHING_ASSUMED, Assumed, named_turned
from ..series.geometry.spacing import LEAST_TOLERANCE, MOST_TOLERANCE, RELATIVE_TOLERANCE
from .file_names import file_name_findings
from .inspection import FileCounts, Inspection, inspect_headers
from .left_open import Answers, LeftOpen, answer_for, left_open, vectors_finding

if TYPE_CHECKING:
    from ..registration import Registration

__all__ = [
    "FileCounts",
    "Inspection",
    "Listed",
    "check_tolerance",
    "inspect_files",
    "inspect_paths",
    "list_registrations",
    "list_with_images",
]

_REPORT_EVERY = 32
"""Headers read between two progress calls: often enough for a smooth bar, rare enough to cost nothing."""


def inspect_paths(
    paths: str | PathLike[str] | Iterable[str | PathLike[str]],
    progress: Progress | None = None,
    *,
    interval_tolerance: float = RELATIVE_TOLERANCE,
    audit: bool = True,
    assumed: Answers = NOTHING_ASSUMED,
) -> Inspection:
    """Inspect files and folders, whatever their names.

    Parameters
    ----------
    paths
        Files and folders; folders are searched through, links to folders followed once.
    progress
        Called as the work goes on; see :data:`Progress`.
    interval_tolerance
        Share of the nominal spacing that an interval between slices may be off before it is a gap, an overlap or a
        change of spacing. Findings say so when it is not the usual 0.05.
    audit
        Where a registration and both its images are there, read the images and find out whether they agree with the
        registration as the standard reads it (:mod:`.audits`): a second or so for each item, and the time that the
        images take to be read.
    assumed
        What is known of transforms in other formats than DICOM whose files leave it open, or of each by its path. Said
        of the only file that is inspected, a direction is taken instead of the format's usual one.

    Returns
    -------
    Inspection
        Files that cannot be used are findings, not errors. Files without DICOM in a folder are only counted, unless
        their name ends in ``.dcm``.

    Raises
    ------
    UsageError
        When a path does not exist, there is none, or the tolerance is out of range.
    Cancelled
        When ``progress`` returned False.
    """
    check_tolerance(interval_tolerance)
    work = _Work(progress, interval_tolerance, audit, assumed)
    work.collect([paths] if isinstance(paths, str | PathLike) else list(paths))
    work.read_headers()
    work.read_registrations()
    return work.finish()


def inspect_files(
    files: Sequence[str],
    progress: Progress | None = None,
    *,
    interval_tolerance: float = RELATIVE_TOLERANCE,
    audit: bool = True,
    judge_names: bool = True,
) -> Inspection:
    """Inspect files that somebody has listed and knows to be DICOM, in their order; see :func:`inspect_paths`.

    Files that cannot be read by now are findings, as all that is wrong with them.

    ``judge_names``: whether somebody gave the files their names, which may tell who the patient is.
    """
    work = _Work(progress, interval_tolerance, audit, NOTHING_ASSUMED)
    work.take(files, judge_names=judge_names)
    work.read_headers()
    work.read_registrations()
    return work.finish()


class Listed(NamedTuple):
    """What files and folders hold, not judged."""

    files: list[str]
    """Those named themselves, the registrations of folders, and what in them cannot be read: reading it says why."""
    images: list[Header]
    """Of the folders."""


def list_registrations(paths: Iterable[str | PathLike[str]], progress: Progress | None = None) -> list[str]:
    """List the registrations among files and folders, without judging anything.

    Returns
    -------
    Files that are named themselves, whatever they are; of folders the registrations, and what cannot be read.

    Raises
    ------
    UsageError
        When a path does not exist, or a folder holds no such file.
    Cancelled
        When ``progress`` returned False.
    """
    files = (file for path in paths for file in _listed(path, progress, with_images=False).files)
    return list(dict.fromkeys(files))


def list_with_images(paths: Sequence[str | PathLike[str]], progress: Progress | None = None) -> Listed:
    """List registrations as :func:`list_registrations` does, and the images in folders.

    Beside other paths a folder may hold images alone. Errors as there.
    """
    found = [_listed(path, progress, with_images=len(paths) > 1) for path in paths]
    files = dict.fromkeys(file for listed in found for file in listed.files)
    return Listed(list(files), [image for listed in found for image in listed.images])


def _listed(path: str | PathLike[str], progress: Progress | None, *, with_images: bool) -> Listed:
    work = _Work(progress, RELATIVE_TOLERANCE, False, NOTHING_ASSUMED)
    turned = named_turned(path)
    work.collect([path if turned is None else turned[0]])
    if turned is not None or not os.path.isdir(path):
        return Listed([os.fspath(path)], [])
    work.read_headers()
    held = work.registrations_and_unreadable()
    if not held and not (with_images and work.images):
        raise UsageError(f"{os.fspath(path)}: this folder holds no registration")
    return Listed(held, work.images)


def check_tolerance(interval_tolerance: float) -> None:
    """Refuse a tolerance under which gaps could not be told apart from spacings.

    Raises
    ------
    UsageError
        With the range.
    """
    if not LEAST_TOLERANCE <= interval_tolerance <= MOST_TOLERANCE:
        raise UsageError(
            f"a tolerance of {100 * interval_tolerance:g} % of the spacing between slices: expected "
            f"{100 * LEAST_TOLERANCE:g} to {100 * MOST_TOLERANCE:g} %"
        )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link that leads nowhere, or in a circle: told when it is read


class _Work:
    """One inspection under way."""

    def __init__(self, progress: Progress | None, interval_tolerance: float, audit: bool, answers: Answers) -> None:
        self._answers = answers
        self._progress, self._interval_tolerance, self._audit = progress, interval_tolerance, audit
        self._files: dict[str, bool] = {}
        """Path to whether it was named itself (or looks like DICOM by its name), in the order found."""
        self._images: list[Header] = []
        self._series: set[str] = set()  # told while headers are read
        self._registration_paths: list[str] = []
        self._dicom_registrations: set[str] = set()
        self._perhaps_fields: list[str] = []
        """Volumes of vectors of which nothing says whether they are displacements."""
        self._left_open: list[LeftOpen] = []
        self._registrations: list[Registration] = []
        self._findings: list[Finding] = []
        self._not_dicom = self._unreadable = self._other = 0
        self._people = Gathered()
        self._given: list[str] = []
        self._judge_names = True

    def _report(self, done: int, total: int, text: str) -> None:
        report_progress(self._progress, done, total, text, "the inspection was cancelled")

    def collect(self, paths: list[str | PathLike[str]]) -> None:
        """List the files; the same file reached twice counts once."""
        if not paths:
            raise UsageError("nothing to inspect: name a file or a folder")
        for path in paths:
            if not os.path.lexists(path):
                raise UsageError(f"{os.fspath(path)}: there is no such file or folder")
        self._given = [os.fspath(path) for path in paths]
        seen: set[str] = set()
        self._report(0, 0, "Listing files")
        for path in paths:
            named = not os.path.isdir(path)
            name = os.fspath(path)
            for file, real in [(name, os.path.realpath(name))] if named else self._walk(name):
                if real not in seen:
                    seen.add(real)
                    self._files[file] = named or file.lower().endswith(".dcm")

    def take(self, files: Iterable[str], *, judge_names: bool) -> None:
        """Take files that are known to be there, each once."""
        self._files, self._judge_names = dict.fromkeys(files, True), judge_names

    def _walk(self, folder: str) -> Iterator[tuple[str, str]]:
        """Files with where they really are: asked of the system for folders and links only, which are few."""
        visited = set()
        pending = [folder]
        while pending:
            named = pending.pop()
            here, real = os.path.join(named, ""), os.path.join(os.path.realpath(named), "")
            if real in visited:
                continue
            visited.add(real)
            self._report(0, 0, "Listing files")
            folders, files = self._entries(named)
            pending += [here + name for name in sorted(folders, reverse=True)]
            for name in sorted(files):
                path = here + name
                if files[name]:
                    yield path, os.path.realpath(path)
                else:
                    yield path, path if here == real else real + name

    def _entries(self, folder: str) -> tuple[list[str], dict[str, bool]]:
        """Names of the folders in a folder, and of the files with whether they are links."""
        folders: list[str] = []
        files: dict[str, bool] = {}
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if _is_folder(entry):
                        folders.append(entry.name)
                    else:
                        files[entry.name] = entry.is_symlink()
        except OSError as error:
            message = f"This folder cannot be read ({error.strerror or error})."
            self._note("file-unreadable", message, error.filename or "?")
        return folders, files

    def _note(self, code: str, message: str, file: str) -> None:
        subject = about_file(file, os.path.basename(file) or file)
        self._findings.append(Finding(code, "error", message, subject, {"file": file}))

    def read_headers(self) -> None:
        """Read every file's header and sort the files by what they are."""
        for done, (file, expected) in enumerate(self._files.items()):
            if done % _REPORT_EVERY == 0:
                found = f": {len(self._series)} image series so far" if self._series else ""
                self._report(done, len(self._files), f"Reading headers{found}")
            try:
                header = read_header(file)
            except NotDicomError as error:
                self._not_dicom += 1
                if not self._is_transform(file) and expected:
                    self._note(error.code, error.sentence, file)
            except Exception as error:
                self._note_unreadable(file, error)
            else:
                self._people.add(header)
                self._sort(file, header)

    def _is_transform(self, file: str) -> bool:
        """Whether a file that is not DICOM is a transform, or may be one; if so it is noted."""
        from ..registration.file.read import reader_of, recognised_in_folder

        if file in self._given:
            is_one = reader_of(file) is not None
            self._registration_paths += [file] * is_one
            return is_one
        found = recognised_in_folder(file)
        if found is not None:
            (self._registration_paths if found.is_told else self._perhaps_fields).append(file)
        return found is not None

    def _note_unreadable(self, file: str, error: Exception) -> None:
        """Whatever a file does to its reader is told of that file; the others are judged."""
        self._unreadable += 1
        problem = file_error(file, error)
        self._note(problem.code, problem.sentence, file)

    def _sort(self, file: str, header: Header) -> None:
        if header.is_registration:
            self._registration_paths.append(file)
            self._dicom_registrations.add(file)
        elif header.is_image:
            self._images.append(header)
            self._series.add(header.series_uid)
        else:
            self._other += 1
            self._name_relationships(file, header.modality)

    def _name_relationships(self, file: str, modality: str) -> None:
        """A structure set may hold a registration; what else it holds is not judged, and no fault of it is told."""
        from ..registration.file import structure_set

        if modality != structure_set.MODALITY:
            return
        try:
            self._findings += structure_set.relationship_findings(file)
        except Exception as error:
            self._other -= 1
            self._note_unreadable(file, error)

    @property
    def images(self) -> list[Header]:
        """Headers of the images."""
        return self._images

    def registrations_and_unreadable(self) -> list[str]:
        """Registrations, and what was noted as unreadable, by path."""
        noted = [finding.evidence["file"] for finding in self._findings if finding.code in FILE_CODES]
        return [*self._registration_paths, *noted]

    def read_registrations(self) -> None:
        """Read the registrations, their vectors once each."""
        if not self._registration_paths:
            return
        total = len(self._registration_paths)
        for done, file in enumerate(self._registration_paths):
            self._report(done, total, f"Reading registration {os.path.basename(file)}")
            try:
                registration = self._read(file)
                # Vectors are looked at here, so that a file that fails is told as one.
                _ = registration.findings
                self._registrations.append(registration)
            except ChoiceError as error:
                self._left_open.append(left_open(file, error))
            except Exception as error:
                self._note_unreadable(file, error)

    def _read(self, file: str) -> Registration:
        """Read one; DICOM leaves nothing open, whatever is said of other files beside it."""
        from ..registration.file.read import read_answering, read_registration

        if file in self._dicom_registrations:
            return read_registration(file)
        alone = self._given == [file] or not isinstance(self._answers, Assumed)
        answer = answer_for(file, self._answers)
        return read_registration(file, answer) if alone else read_answering(file, answer)[0]

    def finish(self) -> Inspection:
        """Judge the series and put everything together."""
        identities = self._people.identities
        for registration in self._registrations:
            identities |= registration.identities
        self._findings += [open_.finding for open_ in self._left_open]
        self._findings += vectors_finding(self._perhaps_fields, identities)
        if self._judge_names:
            self._findings += file_name_findings(self._files, self._given, identities)
        files = len(self._files)
        counts = FileCounts(
            files=files,
            dicom=files - self._not_dicom - self._unreadable,
            not_dicom=self._not_dicom,
            unreadable=self._unreadable,
            other_dicom=self._other,
        )
        return inspect_headers(
            self._images,
            self._registrations,
            findings=self._findings,
            counts=counts,
            identities=identities,
            left_open=self._left_open,
            interval_tolerance=self._interval_tolerance,
            audit=self._audit,
            progress=self._progress,
        )
