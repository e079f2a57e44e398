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
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "DicomRegInspector"), str(Path(__file__).resolve().parent)]

from calls import CALLS, Call, is_worth_it
from damage import Seed, damaged
from DicomRegInspectorLib.errors import DicomRegInspectorError
from DicomRegInspectorLib.volumes.other_formats import import_simpleitk
from seeds import seed_folders

MOST_SECONDS = 5.0
"""Of this process, for one call."""
TELL_SECONDS = 180.0
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
    warned: Counter[str] = field(default_factory=Counter)
    """Warnings of other packages that would have come to the screen, by the line of this library they came through."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing happened that must not."""
        return not (self.foreign or self.hangs or self.memory or self.warned)

    def __str__(self) -> str:
        lines = [
            f"{sum(self.calls.values()):,} inputs: "
            + ", ".join(f"{k} {n:,} ({self.done[k]:,} not refused)" for k, n in self.calls.items())
        ]
        kinds = {"foreign": self.foreign, "over 5 s": self.hangs, "memory": self.memory, "warned": self.warned}
        for title, found in kinds.items():
            lines.append(f"{sum(found.values()):,} {title}")
            lines += [f"  {number} × {what}" for what, number in found.most_common()]
        return "\n".join(lines)


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
    told = time.monotonic()
    end = None if seconds is None else time.monotonic() + seconds
    memory_backed = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=memory_backed) as place:
        folder = Path(place) / "in"
        # What is imported at first use is no call's memory.
        import_simpleitk()
        _fill(folder, next(group for group in groups if group[0].name.startswith("ct1/")))
        for call in CALLS.values():
            with contextlib.suppress(Exception, TooLong), warnings.catch_warnings(record=True):
                call(folder, folder / "0.dcm")
        while sum(outcome.calls.values()) < inputs and (end is None or time.monotonic() < end):
            group = choose.choice(groups)
            chosen = choose.randrange(len(group))
            _fill(folder, group)
            (folder / f"{chosen}.dcm").write_bytes(damaged(choose, group[chosen]))
            for name, call in CALLS.items():
                if is_worth_it(name, group[chosen].name, choose.random()):
                    _try(name, call, folder, folder / f"{chosen}.dcm", outcome, keep)
            told = _tell_sometimes(outcome, told)
    return outcome


def _tell_sometimes(outcome: Outcome, told: float) -> float:
    """Say on stderr, every few minutes, how far it is; returns when that was last done."""
    if time.monotonic() - told < TELL_SECONDS:
        return told
    print(outcome, file=sys.stderr, flush=True)
    return time.monotonic()


def _fill(folder: Path, group: Sequence[Seed]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for index, origin in enumerate(group):
        (folder / f"{index}.dcm").write_bytes(origin.data)


def _try(name: str, call: Call, folder: Path, path: Path, outcome: Outcome, keep: Path | None) -> None:
    outcome.calls[name] += 1
    size = sum(file.stat().st_size for file in folder.iterdir())
    before = _reset_peak()
    trouble, warned = "", list[warnings.WarningMessage]()
    try:
        with limited_time(), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
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
    for told in {f"{each.category.__name__} in {Path(each.filename).name}:{each.lineno}" for each in warned}:
        trouble = f"{name}: {told}"
        outcome.warned[trouble] += 1
    peak = _status("VmHWM") - before
    if before and peak > MOST_TIMES * size + MOST_MORE:
        trouble = f"{name}: {peak >> 20} MB for {size >> 10} kB"
        outcome.memory[name] += 1
    counts = outcome.foreign[trouble] + outcome.hangs[trouble] + outcome.memory[name] + outcome.warned[trouble]
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
