"""Folders of very many files: how fast they are inspected, what memory grows by, and when there is a first answer.

Writes folders of CT series of 200 slices, from a header that pydicom installs, and inspects each in a fresh process:
reading headers, judging every series, putting it all together. The peer reads the same elements out of the same files
and judges nothing: GDCM's Scanner, on the smallest folder. Growth is what the process holds afterwards, with all that
was found, beyond what it held before. The last rows are the command itself, from its start to its end and
to the first words on a terminal, on 1,000 files in 10 series and on one. The files have just been written, so they are
in the page cache. Judge by the processor's time where others use the machine.

    python Benchmarks/folders.py [--files 10000 30000 100000] [--repeat 2]
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import pty
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from harness import LIBRARY, as_installed, by_turns, command, in_fresh_process, machine, memory, timed
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


def first_words(folder: Path, bytecode: Path) -> float:
    """Seconds from the start of the command until something is seen on a terminal."""
    ours, theirs = pty.openpty()
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "DicomRegInspectorLib", "inspect", str(folder)],
        stdout=theirs, stderr=theirs, env=as_installed(bytecode),
    ) as running:  # fmt: skip
        os.read(ours, 1)
        seconds = time.perf_counter() - start
        os.close(theirs)
        with suppress(OSError):  # the terminal's other end is closed
            while os.read(ours, 1 << 16):
                pass
        running.wait()
    os.close(ours)
    return seconds


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
        folder, bytecode = Path(temporary) / "ct", Path(temporary) / "bytecode"
        folder.mkdir()
        write_folder(folder, 10, 100)
        for what, inspected in (
            ("1,000 files in 10 series", folder),
            ("1 file", next((folder / "0000").iterdir())),
        ):
            took = [command(["inspect", inspected], bytecode) for _ in range(max(options.repeat, 5) + 1)]
            seconds, cpu = (min(row[key] for row in took) for key in ("seconds", "cpu"))
            first = min(first_words(inspected, bytecode) for _ in took)
            print(
                f"command inspect, {what}: {seconds:.2f} s, {cpu:.2f} s of processor; first words after {first:.2f} s"
            )


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
