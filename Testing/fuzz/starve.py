"""Let every writer run where it cannot write: each refuses in one sentence, and leaves nothing or all of it.

    python Testing/fuzz/starve.py [--only load]

Each command of `writers.py` runs on a disk that is full, and on one that becomes full (where file systems can be
mounted), with a limit for files, with little memory, with closed streams, over a pipe, and with a name that is not in
UTF-8. Prints what came of each; exit status 1 when a traceback, another signal, a half-written file or anything left
behind came of it.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from whole import is_whole
from writers import WRITERS, Writer, environment, make_inputs

ODD = b"m\xfcller"
MANY_SECONDS = 300


@contextmanager
def small_disk(size: int) -> Iterator[Path]:
    """Mount a disk of so many bytes.

    Raises PermissionError where that is not allowed.
    """
    with tempfile.TemporaryDirectory(prefix="disk-") as place:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True, check=False
        )
        if mounted.returncode:
            raise PermissionError(f"a small disk cannot be mounted: {os.fsdecode(mounted.stderr).strip()}")
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def usual_disk() -> Iterator[Path]:
    """A folder of its own."""
    with tempfile.TemporaryDirectory(prefix="starve-") as place:
        yield Path(place)


@dataclass(frozen=True)
class Hardship:
    """What a writer has to bear."""

    name: str
    disk: Callable[[], object] = usual_disk
    limit: tuple[int, int] | None = None
    """A limit of the system, and its value."""
    closed: int | None = None
    """A stream that is closed: 1 or 2."""
    must_refuse: bool = False
    over: Callable[[Path, Writer], None] | None = None
    """Puts something where the output goes."""
    is_odd: bool = False
    """Whether the output's name is not in UTF-8."""


def put_pipe(folder: Path, writer: Writer) -> None:
    """Put a pipe where the first output goes."""
    os.mkfifo(folder / writer.outputs[0].partition("/")[0])


HARDSHIPS = (
    Hardship("full disk", lambda: small_disk(4096), must_refuse=True),
    Hardship("disk that becomes full", lambda: small_disk(24 << 10)),
    Hardship("files of 2000 bytes", limit=(resource.RLIMIT_FSIZE, 2000)),
    *(Hardship(f"{size} MB of memory", limit=(resource.RLIMIT_AS, size << 20)) for size in (230, 270, 500, 1000)),
    Hardship("closed stdout", closed=1),
    Hardship("closed stderr", closed=2),
    Hardship("pipe", must_refuse=True, over=put_pipe),
    Hardship("name not in UTF-8", is_odd=True),
)


@dataclass
class Outcome:
    """What came of all of them."""

    lines: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    runs: int = 0


def command_of(writer: Writer, hardship: Hardship) -> list[bytes]:
    """The process to start; its output named as the hardship has it."""
    words = [os.fsencode(word) for word in writer.command("--quiet")]
    if hardship.is_odd:
        top = os.fsencode(writer.outputs[0].partition("/")[0].replace("-section-1", ""))
        given = words[words.index(top)]
        words[words.index(given)] = ODD + os.fsencode(Path(os.fsdecode(given)).suffix)
    return words


def judge(writer: Writer, hardship: Hardship, folder: Path, known: set[str], reference: Path) -> tuple[str, list[str]]:
    """Run a writer; what came of it in words, and what is wrong with that."""
    if hardship.over is not None:
        hardship.over(folder, writer)
    pipes = {path.name for path in folder.iterdir() if path.is_fifo()}

    def prepare() -> None:
        if hardship.limit is not None:
            resource.setrlimit(hardship.limit[0], (hardship.limit[1],) * 2)
        if hardship.closed is not None:
            os.close(hardship.closed)

    done = subprocess.run(
        command_of(writer, hardship), cwd=folder, env=environment(), preexec_fn=prepare,
        capture_output=True, timeout=MANY_SECONDS, check=False,
    )  # fmt: skip
    said = done.stderr.decode("utf-8", "replace")
    new = {path.name for path in folder.iterdir()} - known - pipes
    wrong = []
    if "Traceback" in said or done.returncode not in (0, 2):
        wrong.append(f"ended with {done.returncode}: {said[-300:]}")
    if done.returncode and hardship.closed is not None:
        wrong.append("a closed stream that nothing is meant for made it fail")
    if done.returncode == 2:
        if hardship.closed != 2 and (said.count("\n") != 1 or not said.startswith("dicom-reg-inspector: ")):
            wrong.append(f"said {said[:300]!r}")
        left = [name for name in new if not is_finished(writer, name, folder, reference)]
        wrong += [f"left {left}"] if left and not writer.goes_on else []
        if writer.goes_on and hardship.limit is not None:
            wrong += _gone_on(writer, folder, reference)
    if done.returncode == 0:
        wrong += ["was not refused"] if hardship.must_refuse else []
        if not hardship.is_odd and not hardship.must_refuse:
            halves = [name for name in writer.outputs if not (folder / name).exists()
                      or not is_whole(folder / name, reference / name)]  # fmt: skip
            wrong += [f"half-written {halves}"] if halves else []
    return f"{done.returncode} {said.strip()[:300]}", wrong


def _gone_on(writer: Writer, folder: Path, reference: Path) -> list[str]:
    """Run a writer that goes on with what is there, without a hardship; what is wrong then."""
    done = subprocess.run(
        writer.command("--quiet"), cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    is_done = not done.returncode and all(is_whole(folder / name, reference / name) for name in writer.outputs)
    return [] if is_done else [f"did not go on: {done.returncode} {done.stderr[:300]}"]


def is_finished(writer: Writer, name: str, folder: Path, reference: Path) -> bool:
    """Tell whether what a refusing command left is one of its outputs as a whole: reports are written one by one."""
    named = [output for output in writer.outputs if output.partition("/")[0] == name]
    if (folder / name).is_dir():
        files = [path for path in (folder / name).rglob("*") if path.is_file()]
        return writer.name == "demo" and all(is_whole(path, reference / path.relative_to(folder)) for path in files)
    return bool(named) and is_whole(folder / name, reference / name)


def run(writers: Sequence[Writer], hardships: Sequence[Hardship] = HARDSHIPS) -> Outcome:
    """Let writers run under hardships."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="inputs-") as place:
        inputs, known = Path(place), set[str]()
        make_inputs(inputs, nodes=12, slices=6)
        known = {path.name for path in inputs.iterdir()}
        for writer in writers:
            with usual_disk() as reference:
                _link(inputs, reference)
                subprocess.run(
                    writer.command("--quiet"), cwd=reference, env=environment(), check=True, capture_output=True
                )
                for hardship in hardships:
                    _bear(writer, hardship, inputs, known, reference, outcome)
    return outcome


def _bear(writer: Writer, hardship: Hardship, inputs: Path, known: set[str], reference: Path, outcome: Outcome) -> None:
    try:
        with hardship.disk() as folder:  # type: ignore[attr-defined] # a context manager
            _link(inputs, folder)
            came, wrong = judge(writer, hardship, folder, known, reference)
    except PermissionError as error:
        outcome.lines.append(f"{writer.name}, {hardship.name}: left out, {error}")
        return
    outcome.runs += 1
    outcome.lines.append(f"{writer.name}, {hardship.name}: {came}")
    outcome.wrong += [f"{writer.name}, {hardship.name}: {what}" for what in wrong]
    print(outcome.lines[-1], *(f"  WRONG {what}" for what in wrong), sep="\n", file=sys.stderr, flush=True)


def _link(inputs: Path, folder: Path) -> None:
    for source in inputs.iterdir():
        (folder / source.name).symlink_to(source)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="writers whose name holds this")
    parser.add_argument("--hardship", default="", help="hardships whose name holds this")
    chosen = parser.parse_args()
    outcome = run(
        [writer for writer in WRITERS if chosen.only in writer.name],
        [hardship for hardship in HARDSHIPS if chosen.hardship in hardship.name],
    )
    print(f"{outcome.runs} runs, {len(outcome.wrong)} wrong", *outcome.wrong, sep="\n")
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
