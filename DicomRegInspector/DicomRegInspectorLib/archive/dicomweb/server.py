"""What a DICOMweb server is asked: studies, series and instances by QIDO-RS, metadata and instances by WADO-RS."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import UsageError
from .errors import AnswerError
from .header_file import text_of, values_of
from .multipart import ACCEPT, IsEnough, ObjectSink, room_for
from .session import GuestSession, Wait
from .settings import DicomwebSettings
from .turns import Turns

PAGE = 200
"""Results asked for at a time."""
TOGETHER = 512
"""Instances of which the metadata is asked for in one request: a few ten megabytes."""
MOST_ROW_BYTES, LEAST_BYTES = 1 << 18, 1 << 25
"""What a result of a query may take, and what an answer may take however little it was asked for."""
MOST_METADATA_BYTES, MOST_LIST_BYTES = 1 << 20, 1 << 28
"""Of one instance: enhanced objects say as much of each frame; of a list that comes in one piece."""
STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"
SERIES_COUNT, STUDY_COUNT = "00201209", "00201208"
_UID = re.compile(r"[0-9A-Za-z][0-9A-Za-z.\-_]{0,63}")


def is_uid(text: str) -> bool:
    """Tell whether a text can be a UID: also such as some writers make, with letters; never a path or a query."""
    return _UID.fullmatch(text) is not None


class Server:
    """One thread's view of a server.

    Parameters
    ----------
    url
        The root of its DICOMweb services, as :func:`.settings.checked_url` returns it.
    wait
        Sleeps so many seconds, and raises when the work is to stop; also called between the pieces of an answer.

    Every method raises ServerError when the server is away or does not know the run, AnswerError for an answer that is
    of no use, and what ``wait`` raises.
    """

    def __init__(self, url: str, settings: DicomwebSettings, turns: Turns, wait: Wait) -> None:
        import logging

        from dicomweb_client import DICOMwebClient

        for chatty in ("dicomweb_client", "retrying"):  # what goes wrong is said by whoever asked
            logging.getLogger(chatty).setLevel(logging.CRITICAL)
        self.url = url
        self.session = GuestSession(settings, turns, wait)
        try:
            self._client = DICOMwebClient(url, session=self.session, permissive_uid=True)
        except ValueError as error:
            raise UsageError(f"{url}: this is no address that can be asked") from error
        self._client.set_http_retry_params(retry=False)

    def studies(self) -> Iterator[dict[str, Any]]:
        """Yield all studies, each once, in the server's order; pages of :data:`PAGE`."""
        fields = [STUDY_COUNT]
        return self._paged(
            f"{self.url}/studies",
            lambda limit, offset: self._client.search_for_studies(limit=limit, offset=offset, fields=fields),
            STUDY,
        )

    def series(self, study: str, expected: int | None = None) -> list[dict[str, Any]]:
        """Return the series of a study; ``expected`` where it is known how many there are."""
        url = f"{self.url}/studies/{study}/series"
        fields = [SERIES_COUNT]
        return list(
            self._paged(
                url,
                lambda limit, offset: self._client.search_for_series(study, limit=limit, offset=offset, fields=fields),
                SERIES,
                expected,
            )
        )

    def instances(self, study: str, series: str, expected: int | None = None) -> list[str]:
        """Return SOP Instance UIDs of a series; ``expected`` where it is known how many there are."""
        url = f"{self.url}/studies/{study}/series/{series}/instances"
        rows = self._paged(
            url,
            lambda limit, offset: self._client.search_for_instances(study, series, limit=limit, offset=offset),
            INSTANCE,
            expected,
        )
        return [self._uid(row, INSTANCE, url) for row in rows]

    def metadata(self, study: str, series: str, count: int) -> Iterator[dict[str, Any]]:
        """Yield what the server says of each instance of a series, some hundred at a time.

        ``count``: how many the series has; 0 where that is not known.
        """
        url = f"{self.url}/studies/{study}/series/{series}"
        if count <= TOGETHER:
            with self._expecting(LEAST_BYTES * 4 + MOST_METADATA_BYTES * (count or TOGETHER) // 4):
                yield from self._rows(f"{url}/metadata", lambda: self._client.retrieve_series_metadata(study, series))
            return
        for instance in self.instances(study, series, count):
            with self._expecting(LEAST_BYTES * 4):
                yield from self._rows(
                    f"{url}/instances/{instance}/metadata",
                    partial(self._instance_metadata, study, series, instance),
                )

    def _instance_metadata(self, study: str, series: str, instance: str) -> list[Any]:
        return [self._client.retrieve_instance_metadata(study, series, instance)]

    def retrieve(self, study: str, series: str, instance: str, path: Path, is_enough: IsEnough | None = None) -> None:
        """Write an instance to a file, as the server stores it.

        ``is_enough``: whether a file that has so many bytes by now is all that is wanted.
        """
        url = f"{self.url}/studies/{study}/series/{series}/instances/{instance}"
        sinks: list[ObjectSink] = []

        def sink() -> ObjectSink:
            sinks.append(ObjectSink(path, is_enough))
            return sinks[-1]

        try:
            self.session.fetch(url, {"Accept": ACCEPT}, room_for(path.parent), sink)
        finally:
            for each in sinks:
                each.abandon()

    def _uid(self, row: object, key: str, url: str) -> str:
        uid = text_of(row, key)
        if not is_uid(uid):
            raise AnswerError(url, f"was answered with a result that has no usable UID ({key[:4]},{key[4:]}).")
        return uid

    def _paged(
        self, url: str, ask: Callable[[int | None, int | None], Any], key: str, expected: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """All results, page by page, each once: also of servers that give more, fewer or the same again."""
        seen: set[str] = set()
        offset = 0
        while True:
            with self._expecting(LEAST_BYTES + PAGE * MOST_ROW_BYTES):
                page = self._rows(url, partial(ask, PAGE, offset))
            fresh = [row for row in page if _identity(row, key) not in seen]
            if page and not fresh and offset == len(seen) == len(page):
                # The first page again: it does not know offsets, and may have kept to the limit. So all at once.
                with self._expecting(MOST_LIST_BYTES):
                    page = self._rows(url, partial(ask, None, None))
            for row in page:
                identity = _identity(row, key)
                if identity not in seen:
                    seen.add(identity)
                    yield row
            offset += len(page)
            if not fresh or (expected and len(seen) >= expected):
                return

    def _rows(self, url: str, ask: Callable[[], Any]) -> list[dict[str, Any]]:
        """The data sets of an answer in the DICOM JSON model."""
        try:
            rows = ask()
        except (ValueError, IndexError, RecursionError) as error:
            raise AnswerError(
                url,
                "was answered with what is no JSON, such as a page for people; expected application/dicom+json.",
            ) from error
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise AnswerError(url, "was answered with JSON that is no list of data sets (PS3.18 annex F).")
        return rows

    @contextmanager
    def _expecting(self, most: int) -> Iterator[None]:
        self.session.limit = most
        try:
            yield
        finally:
            self.session.limit = 0


def _identity(row: object, key: str) -> str:
    return text_of(row, key) or f"{row!r:.2000}"


def count_of(row: object, key: str) -> int | None:
    """Return a number of related series or instances; None where the server does not say."""
    first: Any = next(iter(values_of(row, key)), None)
    try:
        number = int(first)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number >= 0 else None
