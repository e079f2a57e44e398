"""Archives: files a second with one worker and with two, what an unchanged archive costs, and what memory grows by.

Writes studies as the tests have them (two CT series and a registration between them, faults planted in half of them)
and inspects all of them in fresh processes: on one worker of Dask's, on two, and again where nothing has changed. A
quarter of the archive shows what memory grows by: the peak of the process that leads, and of the largest worker.
Starting Dask and its workers counts. Judge by the ratio of one worker and two, and by the processor's time where others
use the machine. The files have just been written, so they are in the page cache.

    python Benchmarks/archive.py [--studies 10000] [--slices 60] [--repeat 2] [--folder FOLDER]

10,000 studies of 121 files are 1.2 million files: 5 GB of disk. --studies 2000 shows the same rates.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import LIBRARY, by_turns, in_fresh_process, machine, memory, timed

sys.path[:0] = [str(LIBRARY), str(LIBRARY.parent / "Testing" / "archive")]


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """The most memory that a child of this process held meanwhile; the processor time of all of them."""
    import psutil

    this, most, ended = psutil.Process(), {"worker": 0.0, "cpu": 0.0}, threading.Event()
    times: dict[int, float] = {}

    def watch() -> None:
        while not ended.wait(0.5):
            for child in this.children(recursive=True):
                try:
                    most["worker"] = max(most["worker"], child.memory_info().rss)
                    times[child.pid] = sum(child.cpu_times()[:2])
                except psutil.Error:
                    continue
        most["cpu"] = sum(times.values())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


def inspect(archive: Path, output: Path, workers: int) -> dict[str, Any]:
    """Inspect an archive, led by this process."""
    from DicomRegInspectorLib.archive import EngineOptions, RunOptions, inspect_archive

    with watched() as most:
        took, tally = timed(lambda: inspect_archive(archive, output, how=RunOptions(EngineOptions(workers))))
    assert tally.summary is not None
    cpu = took["cpu"] + most.pop("cpu")
    files = tally.summary.counts["files"]
    return {**took, **most, "cpu": cpu, "leader": memory("VmHWM"), "files": files, "judged": tally.judged}


def show(name: str, found: list[dict[str, Any]]) -> None:
    """Print a row: the best run, and the most memory."""
    files, seconds = found[0]["files"], min(row["seconds"] for row in found)
    cpu = min(row["cpu"] for row in found)
    leader, worker = (max(row[key] for row in found) / 1e6 for key in ("leader", "worker"))
    print(
        f"{name:34}{files:10,}{seconds:9.1f}{files / seconds:10,.0f}{files / cpu:20,.0f}{leader:11,.0f}{worker:11,.0f}",
        flush=True,
    )


def measure(archive: Path, small: Path, work: Path, repeat: int) -> None:
    """Take all measurements, print the table and what it says."""
    counter = iter(range(1000))

    def run(name: str) -> dict[str, Any]:
        folder, workers = RUNS[name](archive, small)
        output = work / ("again" if name == AGAIN else f"output{next(counter)}")
        return in_fresh_process("--measure", workers, "--folder", folder, "--output", output)

    print(
        f"{'':34}{'files':>10}{'seconds':>9}{'files/s':>10}{'per s of processor':>20}{'leader MB':>11}{'worker MB':>11}"
    )
    rows = by_turns(list(RUNS)[:3], repeat, run)
    run(AGAIN)
    rows[AGAIN] = [run(AGAIN) for _ in range(repeat)]
    for name, found in rows.items():
        show(name, found)
    fastest = {name: min(row["seconds"] for row in found) for name, found in rows.items()}
    print(f"two workers: {fastest[ONE] / fastest[TWO]:.2f} times one")
    for key in ("leader", "worker"):
        big, little = (max(row[key] for row in rows[name]) for name in (TWO, QUARTER))
        print(f"memory of the {key}: {(big - little) / 1e6:+,.0f} MB for four times the studies")


ONE, TWO, QUARTER, AGAIN = "one worker", "two workers", "two workers, a quarter of it", "two workers, nothing changed"
RUNS = {
    ONE: lambda archive, small: (archive, 1),
    TWO: lambda archive, small: (archive, 2),
    QUARTER: lambda archive, small: (small, 2),
    AGAIN: lambda archive, small: (archive, 2),
}


def main() -> None:
    """Write the archive, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=10_000)
    parser.add_argument("--slices", type=int, default=60)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where to write the archive (default: a temporary folder)")
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure is not None:
        print(json.dumps(inspect(options.folder, options.output, options.measure)))
        return
    from archive_making import write_archive

    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        work, start = Path(temporary), time.perf_counter()
        archive = work / "archive"
        files = write_archive(archive, options.studies, slices=options.slices)
        small = work / "small"
        small.mkdir()
        for folder in sorted(archive.iterdir())[: options.studies // 4]:
            (small / folder.name).symlink_to(folder)
        took = time.perf_counter() - start
        print(f"{machine()}\n{options.studies:,} studies, {files:,} files, written in {took:.0f} s")
        print(f"best of {options.repeat} fresh processes each")
        measure(archive, small, work, options.repeat)


if __name__ == "__main__":
    main()
