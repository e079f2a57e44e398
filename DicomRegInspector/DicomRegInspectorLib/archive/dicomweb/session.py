"""A careful guest's HTTP: bounded, patient, and discreet about whom it is."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from ...words import plural
from .errors import AnswerError, BusyError, ServerError
from .json_model import parsed
from .settings import PASSWORD, TOKEN, USER, DicomwebSettings, authorization, is_on_this_machine
from .turns import Turns

CONNECT_S, SILENT_S = 10.0, 60.0
"""How long a connection may take, and how long a server may say nothing while it answers."""
MOST_REDIRECTS = 5
MOST_FAULTS = 3
"""How often a server may stumble over one thing (500, a connection that breaks) before that is left."""
PIECE = 1 << 18
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 20.0
_BUSY = frozenset((408, 425, 429, 500, 502, 503, 504))
_REDIRECTS = frozenset((301, 302, 303, 307, 308))

Wait = Callable[[float], None]


class _As:
    """Who asks, for requests; also nobody, so that no .netrc is looked into."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def __call__(self, request: Any) -> Any:
        if self._value is not None:
            request.headers["Authorization"] = self._value
        return request


class _Again(Exception):
    """An attempt that may go better the next time."""

    def __init__(
        self, problem: str, *, after_s: float | None = None, is_away: bool = False, is_fault: bool = False
    ) -> None:
        super().__init__(problem)
        self.problem, self.after_s, self.is_away, self.is_fault = problem, after_s, is_away, is_fault


class GuestSession(requests.Session):
    """One thread's way to a server, for dicomweb-client.

    Answers are read whole before they are handed on, so that what breaks off is asked for again.
    """

    def __init__(self, settings: DicomwebSettings, turns: Turns, wait: Wait) -> None:
        super().__init__()
        self.settings, self.turns, self.wait = settings, turns, wait
        self.limit = 0
        """Bytes that the next answer may have."""
        self._authorization = authorization(settings)
        self._environment: dict[tuple[object, ...], Any] = {}

    def merge_environment_settings(self, url: str, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Return proxies and authorities as the environment names them, which is asked once for each server."""
        key = (*_server_of(url), stream, verify, cert)
        if key not in self._environment:
            self._environment[key] = super().merge_environment_settings(url, proxies, stream, verify, cert)
        return dict(self._environment[key])

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override] # always GET
        """Ask, again where that may help, and return the whole answer.

        Raises ServerError when the server is away or does not know the run, AnswerError for what it does not give.
        """
        headers = dict(options.get("headers") or {})
        response = self.fetch(url, headers, self.limit, BytesIO)
        content = response.raw.getvalue()
        response._content = content  # which requests would put together from pieces of 10 kB
        # What dicomweb-client asks for; not of the response, which would hold itself and megabytes then.
        response.json = lambda **_: parsed(str(content, "utf-8", "replace"))  # type: ignore[method-assign] # one answer
        return response

    def fetch(
        self,
        url: str,
        headers: dict[str, str],
        limit: int,
        sink: Callable[[], Any],
    ) -> requests.Response:
        """Ask for one resource; its body goes into a fresh ``sink`` at every attempt, which is then ``raw``.

        A sink has ``write``, which may return True for enough, ``begin(response)`` where it wants to see the answer's
        headers first, and ``finish()`` where it has to check what came.

        Raises
        ------
        ServerError, AnswerError, BusyError
        """
        shown, started, attempts, faults = url.partition("?")[0], time.monotonic(), 0, 0
        while True:
            try:
                return self._attempt(url, headers, limit, sink())
            except _Again as failed:
                pause = random.uniform(0.5, 1.0) * min(_FIRST_PAUSE_S * 2**attempts, _LONGEST_PAUSE_S)
                pause = max(pause, failed.after_s or 0.0)
                attempts, faults, waited = attempts + 1, faults + failed.is_fault, time.monotonic() - started
                if waited + pause > self.settings.patience_s or faults >= MOST_FAULTS:
                    problem = f"{failed.problem} ({plural(attempts, 'attempt')} within {waited:.0f} s)"
                    if failed.is_away:
                        raise ServerError(f"{shown}: {problem}") from failed
                    raise BusyError(shown, f"{problem}.") from failed
            self.wait(pause)

    def _attempt(self, url: str, headers: dict[str, str], limit: int, sink: Any) -> requests.Response:
        with self.turns.turn(self.wait):
            try:
                response = self._response(url, headers)
                raw = response.raw
                try:
                    self._check_status(response)
                    self._read(response, limit, sink)
                    return response
                finally:
                    raw.close()  # nothing to do where it was read to its end: the connection is kept
                    raw.release_conn()
            except requests.exceptions.SSLError as error:
                raise ServerError(
                    f"{url.partition('?')[0]}: the server's certificate is not trusted: name the authority that "
                    "signed it (a PEM file), or have the address looked at"
                ) from error
            except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
                problem, away = _broken(error)
                raise _Again(problem, is_away=away, is_fault=not away) from error
            except (urllib3.exceptions.HTTPError, OSError) as error:
                if isinstance(error, OSError) and not isinstance(error, ConnectionError | TimeoutError):
                    raise
                raise _Again("the answer broke off", is_fault=True) from error

    def _response(self, url: str, headers: dict[str, str]) -> requests.Response:
        """The beginning of an answer, redirections followed; to another server without saying who asks."""
        home = asked = url
        renewed = False
        for _ in range(MOST_REDIRECTS + 1):
            same = _server_of(asked) == _server_of(home)
            sent = {key: value for key, value in headers.items() if key.lower() not in ("host", "authorization")}
            if is_on_this_machine(asked):
                sent["Accept-Encoding"] = "identity"
            response = super().request(
                "GET",
                asked,
                headers=sent,
                auth=_As(self._authorization if same else None),
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_S, SILENT_S),
                verify=self.settings.ca_file or None,
            )
            if response.status_code == 401 and same and not renewed and self._renew():
                renewed = True
                response.close()
                continue
            if response.status_code not in _REDIRECTS:
                return response
            response.close()
            asked = self._redirected(asked, response.headers.get("Location"))
        raise AnswerError(url, f"leads on and on: more than {MOST_REDIRECTS} redirections.")

    def _renew(self) -> bool:
        """Read a token's file again: tokens of long runs are renewed there."""
        before, self._authorization = self._authorization, authorization(self.settings)
        return self._authorization != before

    def _redirected(self, url: str, location: str | None) -> str:
        target = urljoin(url, location or "")
        scheme = urlsplit(target).scheme
        if not location or scheme not in ("http", "https") or "@" in urlsplit(target).netloc:
            raise AnswerError(url, "was answered with a redirection to no address that can be asked.")
        if urlsplit(url).scheme == "https" and scheme == "http":
            raise AnswerError(url, "was answered with a redirection from https to http, which is not followed.")
        return target

    def _check_status(self, response: requests.Response) -> None:
        status, url = response.status_code, shown_url(response)
        if status == 401:
            raise ServerError(
                f"{url}: the server does not know who asks (401): set {TOKEN}, or {USER} and {PASSWORD}, in the "
                "environment, or name a file with a token"
            )
        if status == 403:
            raise AnswerError(url, "is not allowed for whom the server takes this run for (403).")
        if status == 404:
            raise AnswerError(url, "is not there (404): it was taken away, or the address is not that of DICOMweb.")
        if status in _BUSY:
            raise _Again(f"the server answered {status}", after_s=_retry_after(response), is_fault=status == 500)
        if status not in (200, 204, 206):
            raise AnswerError(url, f"was answered with status {status}; expected 200.")

    def _read(self, response: requests.Response, limit: int, sink: Any) -> None:
        """The body, as it was before it was compressed, into the sink."""
        begin = getattr(sink, "begin", None)
        if begin is not None:
            begin(response)
        held, deadline = 0, time.monotonic() + 600 + limit / 50_000
        for piece in response.raw.stream(PIECE, decode_content=True):
            held += len(piece)
            if held > limit:
                raise AnswerError(shown_url(response), f"has no end: more than {limit >> 20:,} MiB were sent.")
            if time.monotonic() > deadline:
                raise AnswerError(shown_url(response), "takes too long: it is sent a few bytes at a time.")
            if sink.write(piece) is True:
                break
            self.wait(0)
        finish = getattr(sink, "finish", None)
        if finish is not None:
            finish()
        if isinstance(sink, BytesIO):
            sink.seek(0)
        response.raw = sink


def shown_url(response: requests.Response) -> str:
    """Return what was asked for without its query."""
    return str(response.url).partition("?")[0]


def _server_of(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _broken(error: Exception) -> tuple[str, bool]:
    """What happened, and whether no server is there at all; without the words of other packages, which quote much."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no server answers there in time", True
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, urllib3.exceptions.NameResolutionError):
            return "the server's name is not known", True
        if isinstance(seen, ConnectionRefusedError):
            return "no server answers there (connection refused)", True
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, requests.exceptions.Timeout):
        return "the server did not answer in time", False
    return "the connection broke", False


def _retry_after(response: requests.Response) -> float | None:
    """Seconds that the server asks to be left alone (RFC 9110 section 10.2.3: a number or a date)."""
    said = response.headers.get("Retry-After", "").strip()
    if said.isdigit():
        return float(said[:9])
    try:
        return max(parsedate_to_datetime(said).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None
