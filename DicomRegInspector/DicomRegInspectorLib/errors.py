"""The exceptions that this library raises on purpose; every one of them is a sentence a user can act on."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath

from .address_space import is_lack_of_memory


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
        What is chosen: ``item``, ``fixed image``, ``moving image``, ``grid``, ``direction``, ``positions only``,
        ``parametric map``, ``series``, ``stack``, ``reference``, ``stated elements``, ``kind``, ``fill``, ``inverse``,
        ``any frame``.
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


@contextmanager
def without_warnings() -> Iterator[None]:
    """Keep warnings of other packages off the screen: pydicom warns of each value that is copied as it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def errors_of_file(path: str | PathLike[str], problem: str, *, code: str = "file-unreadable") -> Iterator[None]:
    """Make a FileError of whatever is raised over what a file holds; warnings of other packages stay off the screen.

    Packages that parse files raise many kinds on broken ones, none of them documented.

    Parameters
    ----------
    problem
        What is wrong with the file then, without a full stop: ``has functional groups that cannot be parsed``.

    Raises
    ------
    DicomRegInspectorError
        As it comes, or a FileError with the ``code``.
    OSError
        With a number, as it comes: who reads or writes says of which file.
    """
    with without_warnings():
        try:
            yield
        except DicomRegInspectorError:
            raise
        except Exception as error:
            raise system_error(error) or file_error(path, error, problem, code) from error


def system_error(error: BaseException | None) -> OSError | None:
    """Return the error of the system, a full disk for one, that another package made an error of its own of."""
    while error is not None and not (isinstance(error, OSError) and error.errno is not None):
        error = error.__cause__ or error.__context__
    return error


def file_error(
    path: str | PathLike[str],
    error: Exception,
    problem: str = "holds what cannot be understood",
    code: str = "file-unreadable",
) -> FileError:
    """Make a FileError of any error that was raised over one file, so that a loop over files goes on."""
    if isinstance(error, FileError):
        return error
    if isinstance(error, RecursionError):
        return FileError(path, "has sequences nested too deeply to be read.")
    if is_lack_of_memory(error):
        return FileError(path, "needs more memory than there is.", code=code)
    system = system_error(error)
    if system is not None:
        return FileError(path, f"cannot be read ({system.strerror}).")
    return FileError(path, f"{problem} ({_reason(error)}).", code=code)


_TAG = re.compile(r"\([0-9A-Fa-f]{4},\s?[0-9A-Fa-f]{4}\)")


def _reason(error: BaseException) -> str:
    """The kind of another package's error and the element it names; its text may quote a person's name."""
    tag = _TAG.search(str(error))
    return f"{type(error).__name__} at {tag.group()}" if tag else type(error).__name__
