"""What a report tells besides an inspection: measures, pictures, and where its numbers come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ...privacy import NOBODY, Identities

if TYPE_CHECKING:
    from ...registration.measures.histograms import Histogram
    from ...tasks.quality import ItemQuality


@dataclass(frozen=True)
class Picture:
    """A PNG that goes into the report itself."""

    png: bytes
    alt: str
    """What is to be seen on it, for those who do not see it."""
    caption: str = ""


@dataclass(frozen=True, eq=False)
class ItemDetails:
    """What was measured of one registration item for the report."""

    path: str
    """The registration's file, as :attr:`~...registration.model.Registration.path` has it."""
    number: int
    measured: ItemQuality | None = None
    lengths: Histogram | None = None
    determinants: Histogram | None = None
    pictures: Sequence[Picture] = ()
    notes: Sequence[str] = ()
    """Sentences: which images it was judged by, why there is no picture."""


@dataclass(frozen=True)
class Digest:
    """The SHA-256 of a file, or of a series as :data:`~.provenance.SERIES_DIGEST` says."""

    path: str
    """The registration's file, or the Series Instance UID."""
    sha256: str
    """Hexadecimal; empty when the file could not be read again, which ``problem`` then tells."""
    files: int = 1
    size: int = 0
    """Bytes."""
    problem: str = ""


@dataclass(frozen=True)
class Patient:
    """Who a file says the patient is; in a report only when that was asked for."""

    name: str
    patient_id: str
    birth_date: str
    objects: int = 1
    """In how many registrations and series it stands so."""


@dataclass(frozen=True)
class Provenance:
    """Where the report comes from."""

    made: datetime
    """With a time zone."""
    versions: Sequence[tuple[str, str]] = ()
    options: Sequence[tuple[str, str]] = ()
    digests: Sequence[Digest] = ()


@dataclass(frozen=True)
class Contents:
    """Everything besides the inspection. A report without it tells what the inspection found."""

    kind: str = "Inspection report"
    """What the report is, as its heading says."""
    title: str = ""
    """What was inspected, in a few words: the name of a folder or a file."""
    roots: Sequence[str] = ()
    """The folders that were inspected: files are named below them."""
    details: Sequence[ItemDetails] = ()
    provenance: Provenance | None = None
    patients: Sequence[Patient] | None = None
    """None: not asked for, and none is told."""
    identities: Identities = NOBODY
    """Whom names of files and folders must not name here."""
