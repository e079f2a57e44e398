"""Read a registration in any format that is known: the registry of readers, and who is asked to read a file.

A format is one module in this folder, with what :class:`Reader` says, and one line in :data:`READERS`.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import NamedTuple, Protocol

from ...dicom.source import read_regular_file
from ...errors import ChoiceError, FileError, UsageError
from ..composite import inverse_of, turned_to_lps
from ..conventions import NOTHING_ASSUMED, Assumed, Conventions
from ..mapping import MappingError
from ..model import Registration
from . import elastix, matrix_text, plastimatch, read_dicom
from .fields import metaimage, nifti, nrrd
from .itk import hdf5_file, matlab, text

HEAD_BYTES = 4096
"""What a reader gets to see of a file before it says whether the format is its own."""


class Reader(Protocol):
    """What the module of a format offers."""

    FORMAT: str
    """What the format is called."""
    ENDINGS: tuple[str, ...]
    """How names of such files end usually; they decide nothing."""
    CONVENTIONS: Conventions
    """What its numbers mean, where a file says nothing else."""

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        """Tell whether a file that begins with these bytes, at most :data:`HEAD_BYTES`, is of this format.

        Content alone decides, never a file's name. The path is for formats that say only farther on what they are.
        """

    @staticmethod
    def read(path: Path) -> Registration:
        """Read a file of this format.

        Raises FileError when the file cannot be read or used; a format's own errors do not come through.

        Returns
        -------
        Registration
            An item for each mapping that the file holds, each with a :class:`..mapping.Mapping` in LPS mm from the
            registered to the source frame. Frames that the format does not name are empty, never invented; what it
            leaves open is said in ``left_open``.
        """


READERS: tuple[Reader, ...] = (text, hdf5_file, matlab, nrrd, metaimage, nifti, elastix, plastimatch, read_dicom)
"""All formats. DICOM comes last: it also gets what nobody recognises, and says best what a file is not."""
ONLY_WHEN_NAMED: tuple[Reader, ...] = (nifti.UNSAID, matrix_text)
"""Formats that are no more than likely: a file is taken for one when somebody names it, never in a folder."""
_SAYS_SO = {reader.FORMAT: reader.says_displacements for reader in (nrrd, metaimage, nifti)}
"""Of formats that hold vectors of any kind (colours, gradients, eigenvectors): what tells whether a header says that
they are displacements."""
_CALLED_A_FIELD = re.compile(
    r"warp(?!ed)|disp(?!lay|ers)|deform(?!ed)|transform(?!ed)|xform|dvf|ddf|(?<![a-z])vf(?![a-z])", re.IGNORECASE
)
_CALLED_ANOTHER = re.compile(r"veloc|gradient|eigen|colou?r|rgb", re.IGNORECASE)


def read_registration(path: str | PathLike[str], assumed: Assumed = NOTHING_ASSUMED) -> Registration:
    """Read a registration. Vectors stay in the file until something asks for them.

    Of DICOM: Deformable Spatial Registration (PS3.3 A.39.2) and Spatial Registration (A.39.1) objects in any transfer
    syntax, recognised by their sequences whatever their SOP class says; Spatial Fiducials are recognised and named.
    Of other formats those in :data:`READERS`, recognised by content.

    Parameters
    ----------
    assumed
        What is known of a file that does not say it. A direction is also taken instead of the format's usual one.

    Returns
    -------
    Registration
        All coordinates LPS mm. Items that cannot be used say why in ``problem`` and in their findings.

    Raises
    ------
    NotDicomError
        When the file is not DICOM and of no other format that is read.
    TruncatedFileError
        When it ends before what it announces.
    RegistrationError
        When it is DICOM and not a registration.
    FileError
        When it cannot be read or its structure makes no sense.
    ChoiceError
        When it leaves open which way it maps, or in which coordinates, and ``assumed`` does not say.
    """
    place = Path(path)
    reader = reader_of(place)
    return settled((reader or READERS[-1]).read(place), assumed)


def read_answering(path: str | PathLike[str], assumed: Assumed) -> tuple[Registration, Assumed]:
    """Read a registration that is one of several: what is said of them is said of what their files leave open only.

    Returns it, and what of ``assumed`` was asked for. Errors as of :func:`read_registration`.
    """
    place = Path(path)
    registration = (reader_of(place) or READERS[-1]).read(place)
    left_open = registration.left_open
    asked = Assumed(
        assumed.maps if "direction" in left_open else None,
        assumed.coordinates if left_open - {"direction"} else None,
    )
    return settled(registration, asked), asked


def settled(registration: Registration, assumed: Assumed) -> Registration:
    """Return a registration with what a file left open as it was said to be.

    Raises
    ------
    ChoiceError
        When something is open and nobody says.
    UsageError
        When something else is said of DICOM, which leaves nothing open.
    """
    if registration.format == "DICOM":
        if assumed != NOTHING_ASSUMED:
            raise UsageError(
                f"{registration.path}: DICOM says which way a registration maps and in which coordinates; to read a "
                "file in another way than it says, choose a reading"
            )
        return registration
    asks_direction = "direction" in registration.left_open and assumed.maps is None
    open_coordinates = registration.left_open & {"coordinates", "coordinates of vectors"}
    asks_coordinates = bool(open_coordinates) and assumed.coordinates is None
    says_not = f"{registration.path}: {registration.format} does not say"
    if asks_direction and asks_coordinates:
        raise ChoiceError(f"{says_not} {_DIRECTION}, and not {_COORDINATES}", "direction", "coordinates")
    if asks_direction:
        raise ChoiceError(f"{says_not} {_DIRECTION}", "direction")
    if asks_coordinates:
        raise ChoiceError(f"{says_not} {_COORDINATES}", "coordinates")
    if assumed.coordinates is not None and not open_coordinates:
        raise UsageError(
            f"{registration.path}: {registration.format} has coordinates of its own: "
            f"{registration.conventions.coordinates}"
        )
    return _as_assumed(registration, assumed)


_DIRECTION = "which way it maps (registered to source, or source to registered)"
_COORDINATES = "in which coordinates (LPS or RAS)"


def _as_assumed(registration: Registration, assumed: Assumed) -> Registration:
    said, items = registration.conventions, registration.items
    if assumed.coordinates is not None:
        said = replace(said, coordinates=f"{assumed.coordinates.upper()}, as was said of it")
        if assumed.coordinates == "ras":
            vectors_alone = "coordinates of vectors" in registration.left_open
            items = tuple(replace(item, mapping=turned_to_lps(item.mapping, vectors_alone)) for item in items)
    turned = replace(registration, items=items, conventions=said, left_open=frozenset())
    if assumed.maps is not None:
        usual = "" if "direction" in registration.left_open else f" (the format's own: {said.direction})"
        if assumed.maps == "source-to-registered":
            turned = turned_around(turned)
        said = replace(said, direction=f"{assumed.maps.replace('-', ' ')}, as was said of it{usual}")
    return replace(turned, conventions=said)


def turned_around(registration: Registration) -> Registration:
    """Return a registration whose usable items map the other way, between exchanged frames.

    Raises FileError when a matrix has no inverse.
    """
    try:
        items = tuple(
            item
            if item.problem
            else replace(
                item,
                mapping=inverse_of(item.mapping),
                source_frame_uid=item.registered_frame_uid,
                registered_frame_uid=item.source_frame_uid,
                chain=(),
            )
            for item in registration.items
        )
    except MappingError as error:
        raise FileError(registration.path, str(error)) from error
    said = registration.conventions
    said = replace(said, direction=f"turned around; the file's own: {said.direction}")
    return replace(registration, items=items, conventions=said)


class InFolder(NamedTuple):
    """A file of a folder that a reader takes for its own."""

    reader: Reader
    is_told: bool
    """Whether the file says that it is a transform, or is called so; not vectors that may be anything."""


def recognised_in_folder(path: str | PathLike[str]) -> InFolder | None:
    """Return who recognises a file that nobody named; None when nobody does, and for what is no regular file.

    Content decides. Where it says that there are vectors and not what they are, the file's name does.

    Raises FileError when the file cannot be read.
    """
    place = Path(path)
    found = _first_of(READERS, place)
    if found is None:
        return None
    reader, head = found
    name = place.name
    says_so = _SAYS_SO.get(reader.FORMAT)
    called_so = _CALLED_A_FIELD.search(name) is not None and _CALLED_ANOTHER.search(name) is None
    return InFolder(reader, says_so is None or called_so or says_so(head))


def reader_of(path: str | PathLike[str]) -> Reader | None:
    """Return the reader of a file that somebody named: also one that takes it for its own without being certain.

    Raises FileError when the file cannot be read.
    """
    found = _first_of((*READERS, *ONLY_WHEN_NAMED), Path(path))
    return found and found[0]


def _first_of(readers: tuple[Reader, ...], path: Path) -> tuple[Reader, bytes] | None:
    # A named pipe would wait for a writer for ever.
    if os.path.exists(path) and not os.path.isfile(path):
        return None
    head = read_regular_file(path, HEAD_BYTES)
    return next(((reader, head) for reader in readers if reader.recognises(head, path)), None)
