"""Read a registration in any format that is known: the registry of readers, and who is asked to read a file.

A format is one module in this folder, with what :class:`Reader` says, and one line in :data:`READERS`.
"""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path
from typing import Protocol

from ...errors import FileError
from ..model import Registration
from . import read_dicom

HEAD_BYTES = 4096
"""What a reader gets to see of a file before it says whether the format is its own."""


class Reader(Protocol):
    """What the module of a format offers."""

    FORMAT: str
    """What the format is called."""

    @staticmethod
    def recognises(head: bytes) -> bool:
        """Tell whether a file that begins with these bytes, at most :data:`HEAD_BYTES`, is of this format.

        Content alone decides, never a file's name; a format is recognised by what no other one begins with.
        """

    @staticmethod
    def read(path: Path) -> Registration:
        """Read a file of this format.

        Raises FileError when the file cannot be read or used; a format's own errors do not come through.

        Returns
        -------
        Registration
            An item for each mapping that the file holds, each with a :class:`..mapping.Mapping` in LPS mm from the
            registered to the source frame. Frames that the format does not name are empty, never invented.
        """


READERS: tuple[Reader, ...] = (read_dicom,)
"""All formats. DICOM comes last: it also gets what nobody recognises, and says best what a file is not."""


def read_registration(path: str | PathLike[str]) -> Registration:
    """Read a registration. Vectors stay in the file until something asks for them.

    Of DICOM: Deformable Spatial Registration (PS3.3 A.39.2) and Spatial Registration (A.39.1) objects in any transfer
    syntax, recognised by their sequences whatever their SOP class says; Spatial Fiducials are recognised and named.
    Of other formats those in :data:`READERS`, recognised by content.

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
    """
    place = Path(path)
    reader = recognised_reader(place)
    return (reader or READERS[-1]).read(place)


def recognised_reader(path: str | PathLike[str]) -> Reader | None:
    """Return the reader that recognises a file by its content; None when nobody does, and for what is no regular file.

    Raises FileError when the file cannot be read.
    """
    # A named pipe would wait for a writer for ever.
    if os.path.exists(path) and not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror or error})") from error
    return next((reader for reader in READERS if reader.recognises(head)), None)
