"""The exceptions that this library raises on purpose; every one of them is a sentence a user can act on."""

from __future__ import annotations

from os import PathLike, fspath


class DicomRegInspectorError(Exception):
    """Base of all errors of this library. The text says what was found, what was expected and what to do."""


class UsageError(DicomRegInspectorError):
    """What the caller asked for cannot be done: a path that is not there, an option out of range."""


class ChoiceError(UsageError):
    """Something has to be chosen, or chosen otherwise. Each face adds how that is done there.

    Parameters
    ----------
    problem
        What is wrong, and what there is to choose from.
    choices
        What is chosen: ``item``, ``fixed image``, ``moving image``, ``positions only``, ``parametric map``, ``series``,
        ``stack``.
    """

    def __init__(self, problem: str, *choices: str) -> None:
        super().__init__(problem)
        self.choices = choices


class FileError(DicomRegInspectorError):
    """A file cannot be used.

    Parameters
    ----------
    path
        The file; kept as ``path`` and put in front of the message.
    problem
        What is wrong and, where there is something to do, what to do.
    code
        The finding code (see :mod:`.findings`) that describes the same problem in an inspection.
    """

    def __init__(self, path: str | PathLike[str], problem: str, *, code: str = "file-unreadable") -> None:
        super().__init__(f"{fspath(path)}: {problem}")
        self.path = fspath(path)
        self.problem = problem
        self.code = code

    @property
    def sentence(self) -> str:
        """The problem without the path, for where the file is named apart: ``The file is empty.``"""
        first = self.problem.split(" ", 1)[0]
        text = f"The file {self.problem}" if first in _VERBS else self.problem[:1].upper() + self.problem[1:]
        return text if text.endswith((".", "?")) else f"{text}."


_VERBS = frozenset(
    ("announces", "became", "begins", "cannot", "ends", "has", "holds", "inflates", "is", "names", "nests", "says")
)
"""First words of problems whose subject is the file."""


class NotDicomError(FileError):
    """The file is readable but is not DICOM."""


class TruncatedFileError(FileError):
    """The file ends before the data it announces."""

    def __init__(self, path: str | PathLike[str], problem: str) -> None:
        super().__init__(path, problem, code="file-truncated")


class RegistrationError(FileError):
    """The file is DICOM, but its registration (or the item asked for) cannot be used as it is."""


class Cancelled(DicomRegInspectorError):
    """The caller's progress callback asked to stop."""
