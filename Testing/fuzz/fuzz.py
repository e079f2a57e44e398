"""Throw damaged files at the library's public functions: only its own errors may come out, and soon.

    python Testing/fuzz/fuzz.py --inputs 1000000 [--seed 1] [--minutes 60] [--keep FOLDER]

Prints each foreign error once, with the file that made it kept in FOLDER, and closes with the counts. Exit status 1
when anything but the library's own errors came out, a call took over 5 s of this process, or memory grew by 50 MB more
than 20 times the files.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "DicomRegInspector"), str(Path(__file__).resolve().parent)]

from damage import Seed, damaged
from DicomRegInspectorLib import check_pixels, inspect_paths, load_series, load_sets, read_registration
from DicomRegInspectorLib.errors import DicomRegInspectorError
from DicomRegInspectorLib.series.regularize.options import RegularizeOptions
from DicomRegInspectorLib.tasks.regularize import save_series
from seeds import seed_folders

MOST_SECONDS = 5.0
"""Of this process, for one call."""
MOST_TIMES, MOST_MORE = 20, 50 << 20
"""Memory that a call may take: so many times its files, and so many bytes more."""


class TooLong(BaseException):
    """A call went on for more than :data:`MOST_SECONDS`."""


@dataclass
class Outcome:
    """What came out of all calls."""

    calls: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    """Calls that were not refused."""
    foreign: Counter[str] = field(default_factory=Counter)
    """Errors that are not the library's own, by where they were raised."""
    hangs: Counter[str] = field(default_factory=Counter)
    memory: Counter[str] = field(default_factory=Counter)

    @property
    def is_clean(self) -> bool:
        """Whether nothing happened that must not."""
        return not (self.foreign or self.hangs or self.memory)

    def __str__(self) -> str:
        lines = [
            f"{sum(self.calls.values()):,} inputs: "
            + ", ".join(f"{k} {n:,} ({self.done[k]:,} not refused)" for k, n in self.calls.items())
        ]
        for title, found in (("foreign", self.foreign), ("over 5 s", self.hangs), ("memory", self.memory)):
            lines.append(f"{sum(found.values()):,} {title}")
            lines += [f"  {number} × {what}" for what, number in found.most_common()]
        return "\n".join(lines)


def map_items(folder: Path, path: Path) -> None:
    """Read a registration and send a few points through every item."""
    registration = read_registration(path)
    _ = registration.findings
    registration.to_dict()
    for item in registration.items:
        if item.problem is None:
            item.map_points([[0.0, 0.0, 0.0], [1e6, 1.0, -3.0]])


def inspect_folder(folder: Path, path: Path) -> None:
    """Inspect a folder."""
    inspect_paths([folder]).to_dict()


def check_folder(folder: Path, path: Path) -> None:
    """Check pixels without the processes that decode."""
    check_pixels([folder], decode=False).to_dict()


def load_folder(folder: Path, path: Path) -> None:
    """Load a series as a volume."""
    load_series([folder])


def load_folder_sets(folder: Path, path: Path) -> None:
    """Load all sets of a series."""
    load_sets([folder])


WAYS = (("all", RegularizeOptions("acquisition")), (".dcm", RegularizeOptions("resample")), ("corrected", None))
"""Endings of what is written of a series, and how it is made."""


def write_folder(folder: Path, path: Path) -> None:
    """Write every series regular, as new DICOM, and what came of it."""
    written = folder.parent / "out"
    shutil.rmtree(written, ignore_errors=True)
    written.mkdir()
    for number, series in enumerate(inspect_paths([folder]).series):
        for name, how in WAYS:
            with contextlib.suppress(DicomRegInspectorError):
                save_series(series, written / f"{number}{name}", how)


CALLS: dict[str, Callable[[Path, Path], None]] = {
    "inspect_paths": inspect_folder,
    "check_pixels": check_folder,
    "load_series": load_folder,
    "load_sets": load_folder_sets,
    "save_series": write_folder,
    "read_registration": map_items,
}


@contextlib.contextmanager
def limited_time() -> Iterator[None]:
    """Stop a call that takes too long of this process, whatever else the machine does."""

    def stop(*_: object) -> None:
        raise TooLong

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) << 10
    return 0


def _where(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "DicomRegInspectorLib" in f.filename]
    last = frames[-1] if frames else traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno} {str(error).splitlines()[:1]}"[:200]


def run(
    inputs: int, seed: int = 1, seconds: float | None = None, keep: Path | None = None, folders: Any = None
) -> Outcome:
    """Run damaged files through the functions.

    Parameters
    ----------
    inputs, seconds
        Where to stop: after so many calls, or after so long.
    keep
        Where files that made trouble are kept.
    """
    choose, outcome = random.Random(seed), Outcome()
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    groups: Sequence[Sequence[Seed]] = folders or seed_folders()
    end = None if seconds is None else time.monotonic() + seconds
    memory_backed = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=memory_backed) as place:
        folder = Path(place) / "in"
        # What is imported at first use is no call's memory.
        _fill(folder, next(group for group in groups if group[0].name.startswith("ct1/")))
        for call in CALLS.values():
            with contextlib.suppress(Exception, TooLong):
                call(folder, folder / "0.dcm")
        while sum(outcome.calls.values()) < inputs and (end is None or time.monotonic() < end):
            group = choose.choice(groups)
            chosen = choose.randrange(len(group))
            _fill(folder, group)
            (folder / f"{chosen}.dcm").write_bytes(damaged(choose, group[chosen]))
            for name, call in CALLS.items():
                if name == "read_registration" and "reg" not in group[chosen].name and choose.random() > 0.1:
                    continue
                _try(name, call, folder, folder / f"{chosen}.dcm", outcome, keep)
    return outcome


def _fill(folder: Path, group: Sequence[Seed]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for index, origin in enumerate(group):
        (folder / f"{index}.dcm").write_bytes(origin.data)


def _try(
    name: str, call: Callable[[Path, Path], None], folder: Path, path: Path, outcome: Outcome, keep: Path | None
) -> None:
    outcome.calls[name] += 1
    size = sum(file.stat().st_size for file in folder.iterdir())
    before = _reset_peak()
    trouble = ""
    try:
        with limited_time():
            call(folder, path)
        outcome.done[name] += 1
    except DicomRegInspectorError:
        pass
    except TooLong as error:
        trouble = f"{name}: {_where(error)}"
        outcome.hangs[trouble] += 1
    except Exception as error:
        trouble = f"{name}: {_where(error)}"
        outcome.foreign[trouble] += 1
    peak = _status("VmHWM") - before
    if before and peak > MOST_TIMES * size + MOST_MORE:
        trouble = f"{name}: {peak >> 20} MB for {size >> 10} kB"
        outcome.memory[name] += 1
    counts = outcome.foreign[trouble] + outcome.hangs[trouble] + outcome.memory[name]
    if trouble and keep is not None and counts <= 3:
        target = keep / f"{name}-{sum(outcome.calls.values())}"
        shutil.copytree(folder, target)
        (target / "trouble.txt").write_text(trouble)
        print(target, trouble, flush=True)


def _reset_peak() -> int:
    """Let the system count this process's peak memory anew; return what it has now, 0 where that is not to be had."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return 0
    return _status("VmRSS")


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--keep", type=Path, help="folder for files that made trouble")
    chosen = parser.parse_args()
    if chosen.keep:
        chosen.keep.mkdir(parents=True, exist_ok=True)
    seconds = None if chosen.minutes is None else 60 * chosen.minutes
    outcome = run(chosen.inputs, chosen.seed, seconds, chosen.keep)
    print(outcome)
    return 0 if outcome.is_clean else 1


if __name__ == "__main__":
    raise SystemExit(main())
