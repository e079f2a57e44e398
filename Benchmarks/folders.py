"""Folders of very many files: how fast they are inspected, what memory grows by, and when there is a first answer.

Writes folders of CT series of 200 slices, from a header that pydicom installs, and inspects each in a fresh process:
reading headers, judging every series, putting it all together. The peer reads the same elements out of the same files
and judges nothing: GDCM's Scanner, on the smallest folder. Growth is what the process holds afterwards, with all that
was found, beyond what it held before. The last row is the command itself, from its start to its end, on 1,000 files in
10 series. The files have just been written, so they are in the page cache. Judge by the processor's time where others
use the machine.

    python Benchmarks/folders.py [--files 10000 30000 100000] [--repeat 2]
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from harness import LIBRARY, by_turns, in_fresh_process, machine, memory, timed
from headers import SERIES_UID, read_gdcm, write_ct_series

SLICES = 200


def write_folder(folder: Path, series: int, slices: int) -> None:
    """Write so many series, each in a folder of its own."""
    with tempfile.TemporaryDirectory() as temporary:
        write_ct_series(Path(temporary), slices)
        files = [(path.name, path.read_bytes()) for path in sorted(Path(temporary).iterdir())]
    old = SERIES_UID.encode()
    for number in range(series):
        place = folder / f"{number:04}"
        place.mkdir()
        new = old[:-4] + b"%04d" % (number + 1000)
        for name, content in files:
            (place / name).write_bytes(content.replace(old, new))


def inspect(folder: Path) -> dict[str, float]:
    """Inspect a folder in this process, after a small one for what is imported late."""
    sys.path.insert(0, str(LIBRARY))
    from DicomRegInspectorLib import inspect_paths

    inspect_paths(folder / "0000")
    gc.collect()
    before = memory("VmRSS")
    took, inspection = timed(lambda: inspect_paths(folder))
    gc.collect()
    held = memory("VmRSS") - before
    return {**took, "held": held, "files": sum(series.number_of_files for series in inspection.series)}


def scan(folder: Path) -> dict[str, float]:
    """Read the same elements with GDCM, in this process."""
    sys.path.insert(0, str(LIBRARY))
    read_gdcm([str(path) for path in (folder / "0000").iterdir()])
    paths = sorted(str(path) for path in folder.rglob("*.dcm"))
    took, _ = timed(lambda: read_gdcm(paths))
    return {**took, "files": len(paths)}


CONTENDERS = {"inspect": inspect, "GDCM's Scanner": scan}


def command(folder: Path) -> dict[str, float]:
    """Run the command from its start to its end: seconds, and those of the processor."""
    called = [sys.executable, "-m", "DicomRegInspectorLib", "inspect", str(folder)]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY)}
    subprocess.run(called, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"seconds": seconds, "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def main() -> None:
    """Write the folders, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, nargs="+", default=[10_000, 30_000, 100_000])
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(CONTENDERS[options.measure](options.folder)))
        return
    print(f"{machine()}\nwarm page cache, best of {options.repeat} fresh processes each")
    print(f"{'':20}{'files':>9}{'seconds':>9}{'files/s':>9}{'per s of processor':>20}{'kB a file':>11}")
    for number, files in enumerate(sorted(options.files)):
        compare(files, CONTENDERS if number == 0 else ["inspect"], options.repeat)
    with tempfile.TemporaryDirectory() as temporary:
        write_folder(Path(temporary), 10, 100)
        took = [command(Path(temporary)) for _ in range(max(options.repeat, 5))]
    seconds, cpu = (min(row[key] for row in took) for key in ("seconds", "cpu"))
    print(f"command inspect, 1,000 files in 10 series: {seconds:.2f} s, {cpu:.2f} s of processor")


def compare(files: int, names: Iterable[str], repeat: int) -> None:
    """Write a folder of so many files, measure on it, print a row for each."""
    with tempfile.TemporaryDirectory() as temporary:
        write_folder(Path(temporary), files // SLICES, SLICES)
        rows = by_turns(names, repeat, lambda name: in_fresh_process("--measure", name, "--folder", temporary))
    for name, found in rows.items():
        show(name, found)


def show(name: str, found: list[dict[str, float]]) -> None:
    """Print a row: the best run, and the largest growth."""
    files, seconds = found[0]["files"], min(row["seconds"] for row in found)
    cpu, held = min(row["cpu"] for row in found), max(row.get("held", 0) for row in found)
    growth = f"{held / files / 1000:11.2f}" if held else ""
    print(f"{name:20}{files:9,}{seconds:9.2f}{files / seconds:9,.0f}{files / cpu:20,.0f}{growth}")


if __name__ == "__main__":
    main()
