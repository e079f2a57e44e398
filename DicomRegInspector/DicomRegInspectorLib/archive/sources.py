"""Which sources the places are that somebody names."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike, fspath

from ..errors import UsageError
from ..progress import Progress
from .dicomweb.settings import DicomwebSettings
from .engine import not_installed
from .folders.source import FolderSource
from .run import RunOptions, run_archive
from .studies import JudgeOptions, Source
from .tally import Tally

ADDRESSES = ("http://", "https://")


def inspect_archive(
    places: str | PathLike[str] | Iterable[str | PathLike[str]],
    output: str | PathLike[str],
    options: JudgeOptions | None = None,
    how: RunOptions | None = None,
    progress: Progress | None = None,
    *,
    asking: DicomwebSettings | None = None,
) -> Tally:
    """Judge all studies of files, folders and DICOMweb servers, and write tables of what was found.

    Parameters
    ----------
    places
        Paths, and addresses of DICOMweb servers.
    output
        A new folder, or one of an earlier run, which is gone on with; see :func:`.run.run_archive`.
    asking
        How servers are asked.

    Raises
    ------
    UsageError
        As :func:`.run.run_archive` does.
    Cancelled
        When ``progress`` returned False.
    """
    named = [fspath(place) for place in ([places] if isinstance(places, str | PathLike) else places)]
    return run_archive(sources_of(named, asking), named, fspath(output), options, how, progress)


def sources_of(places: Iterable[str], asking: DicomwebSettings | None = None) -> list[Source]:
    """Return the sources that paths and addresses are.

    Raises UsageError when a path is not there, an address is none, or nothing is named.
    """
    named = list(dict.fromkeys(places))
    if not named:
        raise UsageError("no archive to inspect: name a folder or the address of a DICOMweb server")
    addresses = [place for place in named if place.lower().startswith(ADDRESSES)]
    paths = [place for place in named if place not in addresses]
    return [*([FolderSource(paths)] if paths else []), *_servers(addresses, asking or DicomwebSettings())]


def _servers(addresses: list[str], asking: DicomwebSettings) -> list[Source]:
    if not addresses:
        return []
    try:
        from .dicomweb.source import DicomwebSource
    except ImportError as error:
        raise not_installed(error) from error
    found = {source.name: source for source in (DicomwebSource(address, asking) for address in addresses)}
    return list(found.values())
