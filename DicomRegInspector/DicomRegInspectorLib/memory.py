"""How much memory there is, asked before a volume is allocated."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from .errors import UsageError

_NO_ROOM = "there is not enough memory to load the libraries that this needs"
_OF_A_THREAD = 24 << 20
"""Bytes for a thread's stack, and for what a library keeps for it."""
_CONTROL_GROUP = Path("/sys/fs/cgroup")


def available_memory() -> int | None:
    """Return bytes that can still be allocated without swapping; None where the system does not tell."""
    known = [amount for amount in (_meminfo(), _control_group(), _address_space()) if amount is not None]
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


def _address_space() -> int | None:
    """What is left of the limit that a shell or a scheduler set for a process (``ulimit -v``)."""
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit == resource.RLIM_INFINITY:
            return None
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        return max(limit - used, 0)
    except (ImportError, OSError, ValueError, IndexError):
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
    if any(sign in str(error) for sign in ("failed to map segment", "annot allocate memory")):
        raise UsageError(_NO_ROOM) from error


def require_room_to_import(package: str) -> None:
    """Refuse what is left of a limit when a package's libraries and their threads do not fit into it.

    For want of it some end the process while they are loaded or start a thread.

    Raises UsageError.
    """
    left = _address_space()
    if left is None or package in sys.modules:
        return
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    files = [file for folder in folders or () for file in Path(folder).glob("*.so")]
    if left < sum(file.stat().st_size for file in files) + (2 + (os.cpu_count() or 1)) * _OF_A_THREAD:
        raise UsageError(_NO_ROOM)


def size_text(count: int) -> str:
    """Return bytes as people write them: ``1.5 GB``."""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 1000 * size else f"{count / size:,.0f} {unit}"
    return f"{count} bytes"
