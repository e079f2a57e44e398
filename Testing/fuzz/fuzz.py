"""Throw damaged files at the library's public functions: only its own errors may come out, and soon.

    python Testing/fuzz/fuzz.py --inputs 1000000 [--seed 1] [--minutes 60] [--processes 2] [--keep FOLDER]

An input is one call of one function with a damaged file in a folder. Prints each foreign error once, with the file that
made it kept in FOLDER, and closes with the counts. A run over a FOLDER where another one was ended goes on with its
counts, and first tries again what made trouble: that is told as mended where it makes none now. Exit status 1 when
anything but the library's own errors came out, a call took over 5 s of its process, or memory grew by 50 MB more than
20 times the files.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import random
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "DicomRegInspector"), str(Path(__file__).resolve().parent)]

from call_time import TooLong, limited_time
from calls import CALLS, is_worth_it
from damage import Seed, damaged
from DicomRegInspectorLib.errors import DicomRegInspectorError
from DicomRegInspectorLib.series.pixels import load_pixels
from DicomRegInspectorLib.series.pixels.decode_apart import DecodingProcesses
from DicomRegInspectorLib.series.write import sources
from DicomRegInspectorLib.volumes.other_formats import import_simpleitk
from outcome import Kept, Outcome, kept_in, of_folder
from seeds import seed_folders

TELL_SECONDS = 180.0
SAVE_SECONDS = 10.0
MOST_TIMES, MOST_MORE = 20, 50 << 20
"""Memory that a call may take: so many times its files, and so many bytes more."""


class _KeptDecoders(DecodingProcesses):
    """Processes that decode, for all calls: starting one for each would be most of the time."""

    def __exit__(self, *exception: object) -> None:
        pass


def status(key: str) -> int:
    """Bytes that the system tells of this process; 0 where it does not."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) << 10
    return 0


def _where(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "DicomRegInspectorLib" in f.filename]
    last = frames[-1] if frames else traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno} {str(error).splitlines()[:1]}"[:200]


def reset_peak() -> int:
    """Let the system count this process's peak memory anew; return what it has now, 0 where that is not to be had."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return 0
    return status("VmRSS")


class Fuzzing:
    """Calls functions with damaged files, and counts what comes out."""

    def __init__(self, folder: Path, outcome: Outcome, keep: Path | None = None) -> None:
        self.folder, self.outcome, self.keep = folder, outcome, keep

    def fill(self, group: Sequence[Seed]) -> list[Path]:
        """Write whole seeds; returns their files."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        paths = [self.folder / f"{index}{seed.suffix}" for index, seed in enumerate(group)]
        for path, seed in zip(paths, group, strict=True):
            path.write_bytes(seed.data)
        return paths

    def import_all(self, groups: Sequence[Sequence[Seed]]) -> None:
        """Let every function be called once: what is imported at first use is no call's memory."""
        import_simpleitk()
        for call in CALLS.values():
            kind = call.kinds[0] if call.kinds else "ct1/"
            path = self.fill(next((group for group in groups if kind in group[0].name), groups[0]))[0]
            with contextlib.suppress(Exception, TooLong), warnings.catch_warnings(record=True):
                call.function(self.folder, path)

    def once(self, choose: random.Random, groups: Sequence[Sequence[Seed]]) -> None:
        """Damage a file and throw it at what is worth it."""
        group = choose.choice(groups)
        index = choose.randrange(len(group))
        path = self.fill(group)[index]
        path.write_bytes(damaged(choose, group[index]))
        for name, call in CALLS.items():
            if is_worth_it(call, group[index].name, choose.random()):
                self.outcome.calls[name] += 1
                self.call(name, path)

    def again(self, kept: Kept) -> bool:
        """Try an input that made trouble; whether it still does."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(kept.place / "in", self.folder)
        return self.call(kept.call, self.folder / kept.damaged)

    def call(self, name: str, path: Path) -> bool:
        """Call a function; whether it made trouble."""
        size = sum(file.stat().st_size for file in self.folder.iterdir())
        before = reset_peak()
        found, warned = set[tuple[str, str]](), list[warnings.WarningMessage]()
        try:
            with limited_time(), warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                CALLS[name].function(self.folder, path)
            self.outcome.done[name] += 1
        except DicomRegInspectorError:
            pass
        except TooLong as error:
            found.add(("hangs", f"{name}: {_where(error)}"))
        except Exception as error:
            found.add(("foreign", f"{name}: {_where(error)}"))
        for each in warned:
            found.add(("warned", f"{name}: {each.category.__name__} in {Path(each.filename).name}:{each.lineno}"))
        peak = status("VmHWM") - before
        if before and peak > MOST_TIMES * size + MOST_MORE:
            found.add(("memory", name))
        for kind, trouble in found:
            if self.outcome.note(kind, trouble) and self.keep is not None:
                place = self.keep / f"{kind}-{name.replace(' ', '-')}-{sum(self.outcome.calls.values())}"
                Kept(place, name, path.name, kind, trouble).write(self.folder)
                print(place, trouble, f"{peak >> 20} MB for {size >> 10} kB", flush=True)
        return bool(found)


def run(
    inputs: int, seed: int = 1, seconds: float | None = None, keep: Path | None = None, folders: Any = None
) -> Outcome:
    """Run damaged files through the functions.

    Parameters
    ----------
    inputs, seconds
        Where to stop: after so many calls, those of earlier runs included, or after so long.
    keep
        Where counts are kept, and files that made trouble.
    """
    outcome = Outcome() if keep is None else of_folder(keep)
    outcome.starts[str(seed)] += 1
    choose = random.Random(f"{seed} {outcome.starts[str(seed)]}")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    groups: Sequence[Sequence[Seed]] = folders or seed_folders()
    end = None if seconds is None else time.monotonic() + seconds
    memory_backed = "/dev/shm" if Path("/dev/shm").is_dir() else None
    decoders = _KeptDecoders()
    with (
        tempfile.TemporaryDirectory(prefix="fuzz-", dir=memory_backed) as place,
        patch.object(load_pixels, "DecodingProcesses", lambda *_, **__: decoders),
        patch.object(sources, "DecodingProcesses", lambda *_, **__: decoders),
    ):
        fuzzing = Fuzzing(Path(place) / "in", outcome, keep)
        fuzzing.import_all(groups)
        if keep is not None:
            _try_again(fuzzing, keep)
        saved = told = time.monotonic()
        while sum(outcome.calls.values()) < inputs and (end is None or time.monotonic() < end):
            fuzzing.once(choose, groups)
            now = time.monotonic()
            if keep is not None and now - saved > SAVE_SECONDS:
                outcome.save(keep)
                saved = now
            if now - told > TELL_SECONDS:
                print(outcome, file=sys.stderr, flush=True)
                told = now
        DecodingProcesses.__exit__(decoders)
    if keep is not None:
        outcome.save(keep)
    return outcome


def _try_again(fuzzing: Fuzzing, keep: Path) -> None:
    """Try what made trouble in earlier runs, and count as mended what makes none now."""
    now = Fuzzing(fuzzing.folder, Outcome())
    kept = kept_in(keep)
    troubled = {(each.kind, each.trouble) for each in kept if now.again(each)}
    for each in kept:
        if (each.kind, each.trouble) in troubled:
            continue
        found: Counter[str] = getattr(fuzzing.outcome, each.kind)
        fuzzing.outcome.mended[each.trouble] += found.pop(each.trouble, 0)
        shutil.rmtree(each.place)


def run_all(inputs: int, seed: int, seconds: float | None, keep: Path, processes: int) -> Outcome:
    """Run several processes, each with a seed and a folder of its own; returns what came out of all."""
    folders = [keep / str(seed + number) for number in range(processes)]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    whole = Outcome()
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        each = -(-inputs // processes)
        running = [pool.submit(run, each, seed + n, seconds, folder) for n, folder in enumerate(folders)]
        for one in running:
            whole.add(one.result())
    return whole


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for counts and for files that made trouble")
    chosen = parser.parse_args()
    seconds = None if chosen.minutes is None else 60 * chosen.minutes
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        keep = chosen.keep or Path(temporary)
        outcome = run_all(chosen.inputs, chosen.seed, seconds, keep, chosen.processes)
    print(outcome)
    return 0 if outcome.is_clean else 1


if __name__ == "__main__":
    raise SystemExit(main())
