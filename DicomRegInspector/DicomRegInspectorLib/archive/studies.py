"""What an archive is made of: studies, where they are found, and who reads them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import UsageError
from ..progress import Progress
from ..series.geometry.spacing import RELATIVE_TOLERANCE
from ..version import __version__

if TYPE_CHECKING:
    from ..tasks.inspection import Inspection
    from .engine import Engine


class SourceError(UsageError):
    """A source as a whole is of no use any more. The run ends, and what is not done stays to be done by the next."""


@dataclass(frozen=True)
class StudyRef:
    """A study that was found: small, and can be sent to a worker."""

    source: str
    """:attr:`Source.name`."""
    study_uid: str
    """Study Instance UID (0020,000D); with the source it is the key of every row."""
    digest: str
    """Changes whenever the study may have changed: one that is done and has the same is not read again."""
    weight: int
    """About how many instances it has."""
    where: Any
    """What its source's reader needs to find it; can be pickled."""


@dataclass(frozen=True)
class JudgeOptions:
    """What decides the rows of a study, besides the study."""

    interval_tolerance: float = RELATIVE_TOLERANCE
    """Share of the spacing that an interval between slices may be off."""
    audit: bool = False
    """Whether images are compared to find out how registrations are meant."""
    pixels: bool = False
    """Whether pixels are checked."""
    measures: bool = False
    """Whether all measures of grids are taken, not those alone that inspecting gives."""
    identifiers: bool = False
    """Whether rows may say who the patient is, and where files lie."""

    @cached_property
    def fingerprint(self) -> str:
        """Twelve letters for these options and this version: rows made with others are made again."""
        made = json.dumps({"version": __version__, **asdict(self)}, sort_keys=True)
        return hashlib.blake2b(made.encode(), digest_size=6).hexdigest()


@dataclass(frozen=True)
class StudyRead:
    """A study as its reader read it."""

    inspection: Inspection
    """Of this study alone."""
    pixel_paths: tuple[str, ...] = ()
    """Files on this machine whose pixels can be checked, for as long as the reader's context lasts."""
    digest: str = ""
    """As the study was afterwards, where that can be told: another one than found says that it has changed."""


@dataclass
class State:
    """What a source may use while it looks for studies."""

    folder: Path
    """Of the output, for what a source keeps between runs; nobody else looks in."""
    engine: Engine
    expected: int = 0
    """Studies that there are, as far as is known: for the time that is left."""
    passed_over: int = 0
    """Files that are no DICOM."""
    unlisted: int = 0
    """Folders and the like that could not be listed: what was in them is not gone."""
    remarks: list[str] = field(default_factory=list)
    """What a person should know, in sentences."""


class Reader(Protocol):
    """Reads studies in a worker process or thread; sent there by pickle."""

    def read(self, ref: StudyRef, options: JudgeOptions, progress: Progress) -> AbstractContextManager[StudyRead]:
        """Read and inspect a study. Temporary files live as long as the context.

        Parameters
        ----------
        progress
            Returns False when the study has taken too long; called often.

        Raises
        ------
        DicomRegInspectorError
            With what becomes the reason in the study's row; a SourceError ends the run.
        """


class Source(Protocol):
    """Where studies are found."""

    name: str
    """Stands in every row: ``folders``, or an address without what is secret in it."""

    def find(self, state: State, progress: Progress | None) -> Iterator[StudyRef]:
        """Find all studies, each once; memory does not grow with their number.

        Raises
        ------
        UsageError
            When they cannot be found: the run ends, and goes on where it was when it is started again.
        Cancelled
            When ``progress`` returned False.
        """

    def reader(self) -> Reader:
        """Make what reads them."""
