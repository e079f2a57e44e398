"""The limit of a process that a shell or a scheduler set (``ulimit -v``), and errors that mean too little memory."""

from __future__ import annotations

import errno
import re
import sys

if sys.platform != "win32":  # at once: where memory lacks it could not be imported any more
    import resource

_SCARCE = 32 << 20
"""Bytes left of a limit with which another package's error is believed to come of it."""
_SIGNS = re.compile(
    r"failed to map segment(?!.*not permitted)|annot allocate memory(?! in static TLS)|can't start new thread"
)
"""What the loader of libraries and the starter of threads say, which raise errors of other kinds."""


def address_space_limit() -> int | None:
    """Return the bytes that this process may map; None where there is no limit."""
    if sys.platform == "win32":
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def address_space_left() -> int | None:
    """Return what is left of the limit; None where there is none, or the system does not tell."""
    limit = address_space_limit()
    if sys.platform == "win32" or limit is None:
        return None
    try:
        with open("/proc/self/statm", encoding="ascii") as told:
            return max(limit - int(told.read().split()[0]) * resource.getpagesize(), 0)
    except (OSError, ValueError, IndexError):
        return None


def is_lack_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that there is too little memory, whatever its kind.

    Of an allocation that fails Python and other packages also make a SystemError, an ImportError or an AssertionError.
    That is known by their causes and texts, or by a limit of which almost nothing is left.
    """
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, MemoryError) or getattr(link, "errno", None) == errno.ENOMEM or _SIGNS.search(str(link)):
            return True
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    left = address_space_left()
    return left is not None and left < _SCARCE
