"""How a DICOMweb server is asked: its address, whom it knows the run as, and how much is asked of it at a time."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ...errors import UsageError

TOKEN, USER, PASSWORD = "DICOMWEB_TOKEN", "DICOMWEB_USER", "DICOMWEB_PASSWORD"
"""The environment's names of what a server knows the run by."""
MOST_TOKEN_BYTES = 1 << 16
_CONNECTIONS, _PATIENCE_S = 4, 60.0


@dataclass(frozen=True)
class DicomwebSettings:
    """How a server is asked. Holds no secret: each process takes those from its environment or the file itself.

    Errors over numbers out of range are UsageErrors.
    """

    connections: int = _CONNECTIONS
    """Requests under way at a time, over all workers of the machine."""
    rate: float | None = None
    """Requests per second, over all workers of the machine; None: as fast as the server answers."""
    patience_s: float = _PATIENCE_S
    """How long a server that is busy or away is waited for."""
    token_file: str | None = None
    """A file with a bearer token."""
    ca_file: str | None = None
    """Certificates of the authorities that are trusted, PEM, in place of the system's."""

    def __post_init__(self) -> None:
        if not 1 <= self.connections <= 64:
            raise UsageError(f"{self.connections} connections to a server: expected 1 to 64")
        if self.rate is not None and not 0.01 <= self.rate <= 100_000:
            raise UsageError(f"{self.rate:g} requests per second: expected 0.01 to 100000")
        if not 0 <= self.patience_s <= 86_400:
            raise UsageError(f"{self.patience_s:g} seconds of patience with a server: expected 0 to 86400")
        for file, what in ((self.token_file, "a token"), (self.ca_file, "certificates")):
            if file is not None and not os.path.isfile(file):
                raise UsageError(f"{file}: there is no such file with {what}")


def checked_url(url: str) -> str:
    """Return a server's DICOMweb root without a slash at its end.

    Raises UsageError for what is no such address, and for one that holds a user, a password or a query: it would stand
    in process lists, tables and logs. The message does not repeat them.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError("the address of a DICOMweb server cannot be read: expected https://host:port/path") from error
    if "@" in parts.netloc:
        raise UsageError(
            f"the address of {host} holds a user or a password, which process lists and logs would show: leave them "
            f"out and set {USER} and {PASSWORD}, or {TOKEN}, in the environment"
        )
    if parts.query or parts.fragment:
        raise UsageError(
            f"the address of {host} goes on after its path (? or #): expected the root of its DICOMweb services alone, "
            "such as https://host/dicom-web; tokens belong into the environment or a file"
        )
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError("the address of a DICOMweb server begins with http:// or https:// and a host")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def is_on_this_machine(url: str) -> bool:
    """Tell whether an address is one of this machine's own: what crosses no wire need not be compressed."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def authorization(settings: DicomwebSettings) -> str | None:
    """Return the value of the Authorization header; None where the run is to say nothing of itself.

    Raises UsageError where the token's file cannot be used, or a user stands without a password. Nothing of a secret is
    in the message.
    """
    if settings.token_file is not None:
        return f"Bearer {_token_of(settings.token_file)}"
    token = os.environ.get(TOKEN, "").strip()
    if token:
        return f"Bearer {_checked(token, f'the variable {TOKEN}')}"
    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    if user is None and password is None:
        return None
    if not user or password is None:
        raise UsageError(f"{USER} and {PASSWORD} go together: set both, or neither")
    from base64 import b64encode

    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def _token_of(file: str) -> str:
    try:
        with Path(file).open("rb") as stream:
            raw = stream.read(MOST_TOKEN_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file}: the token cannot be read ({error.strerror or error})") from error
    if len(raw) > MOST_TOKEN_BYTES:
        raise UsageError(f"{file}: longer than a token is")
    return _checked(raw.decode("ascii", "replace").strip(), file)


def _checked(token: str, where: str) -> str:
    if not token or not all("!" <= character <= "~" for character in token):
        raise UsageError(f"{where}: expected one token, of printable characters without blanks")
    return token
