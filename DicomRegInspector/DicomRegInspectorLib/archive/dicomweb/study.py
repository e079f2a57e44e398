"""A study's files, as far as judging it needs them: headers made of metadata, instances where their bytes count."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...dicom.fast_header import read_header
from ...dicom.header import REGISTRATION_SOP_CLASSES
from ...dicom.pydicom_header import pixel_data_by_pydicom
from ...dicom.tags import storage_classes
from ...errors import FileError
from .errors import AnswerError
from .header_file import HeaderWriter, text_of, values_of
from .same import decimals_written, says_the_same
from .server import INSTANCE, Server, count_of, is_uid
from .spare_files import SpareFiles

WHOLE_MODALITIES = frozenset(("REG", "RTSTRUCT"))
"""Whose objects are nothing without their bytes: servers' metadata holds one number of a vector field, or megabytes of
contours."""
_WHOLE_CLASSES = REGISTRATION_SOP_CLASSES | storage_classes("481.3")
_REGISTRATION_SEQUENCES = ("00640002", "00700308")
_KIND = ("00080016", "00080008", "00080070")
"""SOP class, image type, manufacturer: instances that agree in them say what they say in the same elements."""
_FRAMES, _FUNCTIONAL_GROUPS = "00280008", ("52009229", "52009230")
_LOOK_FOR_PIXELS_AT = 1 << 20
"""Bytes: what is smaller is taken whole, since breaking off an answer costs a connection."""


@dataclass(frozen=True)
class SeriesAt:
    """A series of a study as the server lists it."""

    uid: str
    modality: str
    count: int | None
    """How many instances it has, where the server says so."""


@dataclass
class _Kind:
    """What is known of a series' instances of one kind."""

    writer: HeaderWriter = field(default_factory=HeaderWriter)
    trusted: bool | None = None
    """Whether metadata says what instances do; None: not compared yet."""


class StudyFiles:
    """Fetches one study's files into a folder that is there and empty."""

    def __init__(self, server: Server, study: str, folder: Path, spares: SpareFiles) -> None:
        self._server, self._study, self._folder, self._spares = server, study, folder, spares
        self.instances = 0
        """SOP instances fetched, in one way or another."""

    def fetch(self, series: SeriesAt, number: int, *, whole: bool) -> None:
        """Ask for one series, into a folder of its own.

        ``whole``: all instances with all their bytes.

        Raises what :class:`Server` does, AnswerError also for fewer instances than the server counts.
        """
        folder = self._folder / f"{number:04d}"
        folder.mkdir()
        before = self.instances
        if whole or series.modality in WHOLE_MODALITIES:
            for instance in self._server.instances(self._study, series.uid, series.count):
                self._whole(series.uid, instance, folder)
        else:
            self._by_metadata(series, folder)
        held = self.instances - before
        if series.count is not None and held < series.count:
            raise AnswerError(
                f"{self._server.url}/studies/{self._study}/series/{series.uid}",
                f"has {series.count} instances as the server counts, of which it gives {held}.",
            )

    def _by_metadata(self, series: SeriesAt, folder: Path) -> None:
        kinds: dict[tuple[object, ...], _Kind] = {}
        seen: set[str] = set()
        for metadata in self._server.metadata(self._study, series.uid, series.count or 0):
            instance = text_of(metadata, INSTANCE)
            if not is_uid(instance):
                raise AnswerError(
                    f"{self._server.url}/studies/{self._study}/series/{series.uid}/metadata",
                    "was answered with an instance that has no usable SOP Instance UID (0008,0018).",
                )
            if instance in seen:
                continue
            seen.add(instance)
            if _is_whole(metadata):
                self._whole(series.uid, instance, folder)
            else:
                key = tuple(str(values_of(metadata, element)) for element in _KIND)
                self._header(series.uid, instance, metadata, kinds.setdefault(key, _Kind()), folder)

    def _whole(self, series: str, instance: str, folder: Path) -> None:
        path = folder / f"{instance}.dcm"
        self._server.retrieve(self._study, series, instance, path)
        self._check_identity(path, instance)
        self.instances += 1

    def _header(self, series: str, instance: str, metadata: dict[str, Any], kind: _Kind, folder: Path) -> None:
        """The header of one instance: of its metadata, where those of its kind can be trusted."""
        path = folder / f"{instance}.dcm"
        self.instances += 1
        if kind.trusted is False or _has_frames(metadata):
            self._own_header(series, instance, path)
            return
        if kind.trusted is None:
            kind.trusted = self._compare(series, instance, metadata, kind.writer, path)
            return
        made = kind.writer.header_file(metadata)
        if made.is_doubtful:
            self._own_header(series, instance, path)
        else:
            self._spares.write(path, made.content)

    def _compare(self, series: str, instance: str, metadata: dict[str, Any], writer: HeaderWriter, path: Path) -> bool:
        """Fetch an instance's own header, and tell whether its metadata says the same."""
        self._own_header(series, instance, path)
        trial = path.with_suffix(".made")
        try:
            own = read_header(path)
            writer.decimals = decimals_written(own)
            made = writer.header_file(metadata)
            if made.is_doubtful:
                return False
            trial.write_bytes(made.content)
            return says_the_same(own, read_header(trial))
        except FileError:
            return False  # said of the file when it is judged
        finally:
            trial.unlink(missing_ok=True)

    def _own_header(self, series: str, instance: str, path: Path) -> None:
        """The instance itself, without the pixels where they are more than its header."""
        until = _UntilPixels()
        self._server.retrieve(self._study, series, instance, path, until)
        if until.end is not None:
            os.truncate(path, until.end)
        self._check_identity(path, instance)

    def _check_identity(self, path: Path, instance: str) -> None:
        try:
            own = read_header(path).sop_instance_uid
        except FileError:
            return  # said of the file when it is judged
        if own and own != instance:
            raise AnswerError(
                f"{self._server.url}/studies/{self._study}",
                f"was asked for instance {instance}, and answered with instance {own if is_uid(own) else 'of no UID'}.",
            )


class _UntilPixels:
    """Tells when a file that grows has come to its Pixel Data."""

    def __init__(self) -> None:
        self.end: int | None = None
        """Where Pixel Data begins, once that is known."""
        self._next = _LOOK_FOR_PIXELS_AT

    def __call__(self, path: Path, size: int) -> bool:
        if size < self._next:
            return False
        self._next = 2 * size
        with path.open("rb") as file:
            try:
                found = pixel_data_by_pydicom(file.fileno(), size, os.fspath(path))
            except FileError:
                return False  # not there yet
            if found is None:
                return False
            file.seek(found[0] - 12)
            has_long_header = file.read(4) in (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")
        self.end = found[0] - (12 if has_long_header else 8)
        return True


def _is_whole(metadata: dict[str, Any]) -> bool:
    """Whether an object has to be read with all its bytes, whatever its series is called."""
    if text_of(metadata, "00080016") in _WHOLE_CLASSES or any(key in metadata for key in _REGISTRATION_SEQUENCES):
        return True
    return text_of(metadata, "00080060") in WHOLE_MODALITIES


def _has_frames(metadata: dict[str, Any]) -> bool:
    """Whether an object says what counts of each of its frames, which its own header does in fewer bytes."""
    frames = count_of(metadata, _FRAMES)
    many = _FRAMES in metadata if frames is None else frames > 1
    return many or any(key in metadata for key in _FUNCTIONAL_GROUPS)


def paths_in(folder: Path) -> tuple[str, ...]:
    """Return the files of a study, in the order of their series."""
    return tuple(sorted(os.fspath(path) for path in folder.glob("*/*.dcm")))
