"""End every writer at random moments: nothing half-written under a final name, nothing lost, nothing left afterwards.

    python Testing/fuzz/kills.py --moments 500 [--seed 1] [--only load]

Each moment starts one of the commands of `writers.py`, every other one over outputs that are there already, and ends it
by SIGKILL, SIGTERM or SIGINT somewhere between its start and its end. Then each output is the one that was there
before, or a whole new one, or neither was there; SIGTERM and SIGINT have left nothing beside it. What SIGKILL left is
gone, and what it had taken away is back, when the next run begins. Prints counts, those so far after each writer; exit
status 1 when anything else happened.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from DicomRegInspectorLib.output_file import remove_abandoned
from whole import contents, is_whole
from writers import WRITERS, Writer, environment, make_inputs

MOST_SECONDS = 300
"""For a signal to end a run, however busy the machine is: on a disk that others write to, removing thousands of
unfinished files takes over a minute. Beyond, where it stands is told."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


@dataclass
class Outcome:
    """What came of all moments."""

    ended: Counter[str] = field(default_factory=Counter)
    """By which signal; or that the process was through already."""
    found: Counter[str] = field(default_factory=Counter)
    """What was under the final names."""
    left: int = 0
    """Folders of unfinished work that SIGKILL left."""
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = [
            f"{sum(self.ended.values())} moments: {_counts(self.ended)}",
            f"outputs: {_counts(self.found)}",
            f"{self.left} folders left by SIGKILL, and removed by the next run",
            f"{len(self.wrong)} wrong",
        ]
        return "\n".join([*told, *self.wrong])


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counter.items()))


def run(moments: int, seed: int = 1, writers: Sequence[Writer] = WRITERS) -> Outcome:
    """End writers at so many moments altogether, each writer at as many."""
    choose, outcome = random.Random(seed), Outcome()
    with tempfile.TemporaryDirectory(prefix="kills-") as place:
        inputs = Path(place) / "inputs"
        inputs.mkdir()
        make_inputs(inputs)
        for number, writer in enumerate(writers):
            folder = Path(place) / str(number)
            folder.mkdir()
            for source in inputs.iterdir():
                (folder / source.name).symlink_to(source)
            share = moments * (number + 1) // len(writers) - moments * number // len(writers)
            Ending(writer, folder, choose, outcome).at_moments(share)
            shutil.rmtree(folder)
            print(f"{writer.name}, {number + 1} of {len(writers)} writers\n{outcome}", file=sys.stderr, flush=True)
    return outcome


class Ending:
    """Ends one writer in a folder of its own, again and again."""

    def __init__(self, writer: Writer, folder: Path, choose: random.Random, outcome: Outcome) -> None:
        self.writer, self.folder, self.choose, self.outcome = writer, folder, choose, outcome
        self.inputs = {path.name for path in folder.iterdir()}

    def at_moments(self, count: int) -> None:
        """End it at so many moments, then let it run undisturbed."""
        started = time.monotonic()
        subprocess.run(
            self.writer.command("--quiet"), cwd=self.folder, env=environment(), check=True, capture_output=True
        )
        seconds = time.monotonic() - started
        former = self.folder.with_name(f"{self.folder.name}-former")
        former.mkdir()
        for name in {output.partition("/")[0] for output in self.writer.outputs}:
            (self.folder / name).rename(former / name)
        for moment in range(count):
            self._at(moment, seconds, former)
        self._clear()
        done = subprocess.run(
            self.writer.command("--quiet"), cwd=self.folder, env=environment(), capture_output=True, text=True
        )
        if done.returncode or self._names() != {output.partition("/")[0] for output in self.writer.outputs}:
            self._note(f"the next run ended with {done.returncode} and left {self._names()} {done.stderr}")
        self._judge(former, False, "the next run")
        shutil.rmtree(former)

    def _at(self, moment: int, seconds: float, former: Path) -> None:
        is_over = bool(moment % 2)
        if is_over:
            for path in former.iterdir():
                copied = shutil.copytree if path.is_dir() else shutil.copy2
                copied(path, self.folder / path.name)
        unfinished = self._unfinished()
        number = SIGNALS[moment % len(SIGNALS)]
        # A third of a run goes into imports; what matters comes later.
        delay = seconds * self.choose.uniform(0.3, 1.1)
        was_running = self._ended(self.writer.over if is_over else (), delay, number)
        self.outcome.ended[number.name if was_running else "was through"] += 1
        new = self._unfinished() - unfinished
        if number == signal.SIGKILL:
            self.outcome.left += len(new)
            if self.choose.random() < 0.5:
                self._clear_unfinished(new)
        elif new:
            self._note(f"{number.name} left {sorted(path.name for path in new)}")
        if self.writer.goes_on:
            self._go_on()
        self._judge(former, is_over, number.name)
        self._clear()

    def _go_on(self) -> None:
        """Run once more, over what is there."""
        done = subprocess.run(
            self.writer.command("--quiet"), cwd=self.folder, env=environment(), capture_output=True, text=True
        )
        if done.returncode:
            self._note(f"going on ended with {done.returncode}: {done.stderr}")

    def _ended(self, more: Iterable[str], delay: float, number: signal.Signals) -> bool:
        """Start it and end it after so long; whether it was still there."""
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                self.writer.command("--quiet", *more), cwd=self.folder, stdout=subprocess.DEVNULL, stderr=said,
                env=environment() | {"PYTHONFAULTHANDLER": "1"},
            )  # fmt: skip
            with suppress(subprocess.TimeoutExpired):
                process.wait(delay)
                return False
            process.send_signal(number)
            try:
                process.wait(MOST_SECONDS)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGABRT)
                process.wait(MOST_SECONDS)
                said.seek(0)
                self._note(f"{number.name} after {delay:.1f} s did not end it: {said.read()[-4000:].decode()}")
            return True

    def _judge(self, former: Path, is_over: bool, what: str) -> None:
        for name in self.writer.outputs:
            output, reference = self.folder / name, former / name
            taken = [path / "former" / name for path in self._unfinished() if (path / "former" / name).exists()]
            if output.exists():
                found = "former" if is_over and contents(output) == contents(reference) else "new"
                if found == "new" and not is_whole(output, reference):
                    found = "half"
            else:
                found = "nothing" if not is_over else "taken away" if what == "SIGKILL" and taken else "lost"
            self.outcome.found[found] += 1
            if found in ("half", "lost"):
                self._note(f"{what}: {name} is {found}")

    def _clear_unfinished(self, left: Iterable[Path]) -> None:
        for place in {path.parent for path in left}:
            remove_abandoned(place)
        if self._unfinished() & set(left):
            self._note("what SIGKILL left is not removed")

    def _clear(self) -> None:
        """Remove outputs; what is unfinished stays for the next run, but for what it took away."""
        for name in self._names():
            path = self.folder / name
            if not name.startswith(".unfinished-"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in self._unfinished():
            shutil.rmtree(path / "former", ignore_errors=True)

    def _names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} - self.inputs

    def _unfinished(self) -> set[Path]:
        return {*self.folder.glob(".unfinished-*"), *self.folder.glob("*/.unfinished-*")}

    def _note(self, text: str) -> None:
        self.outcome.wrong.append(f"{self.writer.name}: {text}")


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--moments", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="writers whose name holds this")
    parser.add_argument("--start", default=WRITERS[0].name, help="the first writer, to go on where a run was ended")
    chosen = parser.parse_args()
    first = [writer.name for writer in WRITERS].index(chosen.start)
    outcome = run(chosen.moments, chosen.seed, [writer for writer in WRITERS[first:] if chosen.only in writer.name])
    print(outcome)
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
