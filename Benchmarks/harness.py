"""What every benchmark needs: the library on the path, runs in fresh processes, memory, the machine in words."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

LIBRARY = Path(__file__).resolve().parent.parent / "DicomRegInspector"


def memory(field: str) -> int:
    """This process's VmRSS or VmHWM in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise SystemExit("this system does not tell a process's memory (no /proc/self/status)")


def timed(run: Callable[[], Any], before: int | None = None) -> tuple[dict[str, float], Any]:
    """What a call took, and what it returned: ``seconds``, those of all cores (``cpu``), bytes of ``peak`` memory.

    The peak is that during the call beyond what the process holds at its beginning; or, with ``before``, the peak of
    the process's whole life beyond so many bytes.
    """
    if before is None:
        Path("/proc/self/clear_refs").write_text("5")  # makes VmHWM start from here
        before = memory("VmRSS")
    start, cpu = time.perf_counter(), time.process_time()
    result = run()
    took = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    return {**took, "peak": memory("VmHWM") - before}, result


def in_fresh_process(*arguments: object) -> dict[str, Any]:
    """What the benchmark that runs, called with these arguments, prints as JSON on its last line."""
    command = [sys.executable, sys.argv[0], *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def as_installed(bytecode: Path) -> dict[str, str]:
    """Variables to call the library with so that its bytecode is kept in a folder; the first run writes it."""
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY), "PYTHONPYCACHEPREFIX": str(bytecode)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def command(
    arguments: Iterable[object], bytecode: Path, output: int | BinaryIO = subprocess.DEVNULL
) -> dict[str, float]:
    """Seconds, and those of the processor, that our command takes from its start to its end."""
    called = [sys.executable, "-m", "DicomRegInspectorLib", *map(str, arguments)]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(called, check=True, stdout=output, stderr=subprocess.DEVNULL, env=as_installed(bytecode))
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"seconds": seconds, "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def by_turns(
    names: Iterable[str], repeat: int, run: Callable[[str], dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """All runs of everybody. They take turns, so that a slow moment of the machine does not hit one of them alone."""
    rows: dict[str, list[dict]] = {name: [] for name in names}
    for _ in range(repeat):
        for name, found in rows.items():
            found.append(run(name))
    return rows


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
