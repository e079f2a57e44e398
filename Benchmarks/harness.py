"""What every benchmark needs: the library on the path, this process's memory, the machine in words."""

from __future__ import annotations

import os
import platform
from pathlib import Path

LIBRARY = Path(__file__).resolve().parent.parent / "DicomRegInspector"


def memory(field: str) -> int:
    """This process's VmRSS or VmHWM in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise SystemExit("this system does not tell a process's memory (no /proc/self/status)")


def machine() -> str:
    """Processor, cores and software of the machine at hand."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}"
    )
