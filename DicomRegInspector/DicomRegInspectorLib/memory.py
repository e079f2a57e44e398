"""How much memory there is, asked before a volume is allocated."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from .address_space import address_space_left, address_space_limit, is_lack_of_memory
from .errors import UsageError

_LIBRARIES = "to load the libraries that this needs"
_OF_A_THREAD = 24 << 20
"""Bytes for a thread's stack, and for what a library keeps for it."""
_CONTROL_GROUP = Path("/sys/fs/cgroup")


def available_memory() -> int | None:
    """Return bytes that can still be allocated without swapping; None where the system does not tell."""
    known = [amount for amount in (_meminfo(), _control_group(), address_space_left()) if amount is not None]
    if known:
        return min(known)
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _meminfo() -> int | None:
    # On Linux what caches hold is available too, which SC_AVPHYS_PAGES does not count.
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _control_group() -> int | None:
    try:
        limit = (_CONTROL_GROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((_CONTROL_GROUP / "memory.current").read_text(encoding="ascii"))
        # Files in the page cache count as used there and are given up when memory is asked for.
        for line in (_CONTROL_GROUP / "memory.stat").read_text(encoding="ascii").splitlines():
            if line.startswith(("active_file ", "inactive_file ")):
                used -= int(line.split()[1])
        return None if limit == "max" else max(int(limit) - used, 0)
    except (OSError, ValueError, IndexError):
        return None


def require_memory(needed: int, what: str) -> None:
    """Refuse what does not fit.

    Raises UsageError with both sizes.
    """
    available = available_memory()
    if available is not None and needed > available:
        raise UsageError(
            f"{what} needs {size_text(needed)} of memory; {size_text(available)} are available. "
            "Close other data, choose a smaller stack, or use a machine with more memory."
        )


def require_room_for_libraries(error: ImportError) -> None:
    """Tell libraries that do not fit into memory from those that are missing.

    Raises UsageError.
    """
    if is_lack_of_memory(error):
        raise UsageError(no_room(_LIBRARIES)) from error


def require_room_to_import(package: str, more: int = 0) -> None:
    """Refuse what is left of a limit when a package's libraries and their threads do not fit into it.

    For want of it some end the process while they are loaded or start a thread.

    Parameters
    ----------
    more
        Bytes for what is done with them.

    Raises
    ------
    UsageError
        As :func:`require_address_space`.
    """
    if address_space_limit() is None or package in sys.modules:
        return
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    files = [file for folder in folders or () for file in Path(folder).glob("*.so*")]
    size = sum(file.stat().st_size for file in files)
    require_address_space(size + (2 + (os.cpu_count() or 1)) * _OF_A_THREAD + more)


def require_address_space(needed: int, what: str = _LIBRARIES) -> None:
    """Refuse what does not fit into what is left of the limit of this process.

    Raises UsageError with the limit, and what it has to be at least.
    """
    left, limit = address_space_left(), address_space_limit()
    if left is not None and limit is not None and left < needed:
        raise UsageError(no_room(what, limit - left + needed))


def no_room(what: str = "for this", needed: int | None = None) -> str:
    """Return the sentence for too little memory: the limit of this process where it has one, and what to do.

    Parameters
    ----------
    needed
        Bytes that the limit has to be at least.
    """
    limit = address_space_limit()
    if limit is None:
        return f"there is not enough memory {what}: close other programs, or use a machine with more memory"
    least = f" to {size_text(needed + needed // 50)} or more" if needed else ""
    return (
        f"there is not enough memory {what}: this process may take {size_text(limit)}, the limit of its shell or "
        f"scheduler (ulimit -v); raise it{least}"
    )


def size_text(count: int) -> str:
    """Return bytes as people write them: ``1.5 GB``."""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 1000 * size else f"{count / size:,.0f} {unit}"
    return f"{count} bytes"
