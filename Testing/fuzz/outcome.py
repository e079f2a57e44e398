"""What came out of the calls of `fuzz.py`, kept in a folder so that a run can go on where another one ended."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

KINDS = {"foreign": "foreign", "hangs": "over 5 s", "memory": "memory", "warned": "warned"}
COUNTS, TROUBLE = "counts.json", "trouble.json"
MOST_KEPT = 3
"""Of each trouble, so many inputs are kept."""


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
    mended: Counter[str] = field(default_factory=Counter)
    """Troubles of earlier runs whose inputs make none now."""
    starts: Counter[str] = field(default_factory=Counter)
    """How often a run has begun, by its seed."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing happened that must not."""
        return not any(getattr(self, kind) for kind in KINDS)

    def __str__(self) -> str:
        lines = [
            f"{sum(self.calls.values()):,} inputs: "
            + ", ".join(f"{k} {n:,} ({self.done[k]:,} not refused)" for k, n in self.calls.items())
        ]
        for kind, title in {**KINDS, "mended": "of earlier runs, mended"}.items():
            found = getattr(self, kind)
            if found or kind != "mended":
                lines.append(f"{sum(found.values()):,} {title}")
                lines += [f"  {number} × {what}" for what, number in found.most_common()]
        return "\n".join(lines)

    def add(self, other: Outcome) -> None:
        """Count what another process did as well."""
        for name, counted in vars(other).items():
            getattr(self, name).update(counted)

    def note(self, kind: str, trouble: str) -> bool:
        """Count a trouble; whether its input is worth keeping."""
        found = getattr(self, kind)
        found[trouble] += 1
        return found[trouble] <= MOST_KEPT

    def save(self, folder: Path) -> None:
        """Write the counts where the next run finds them."""
        unfinished = folder / f"{COUNTS}.new"
        unfinished.write_text(json.dumps({name: dict(counted) for name, counted in vars(self).items()}, indent=1))
        unfinished.replace(folder / COUNTS)


def of_folder(folder: Path) -> Outcome:
    """Return what an earlier run counted there; nothing where there was none."""
    try:
        counted = json.loads((folder / COUNTS).read_text())
    except FileNotFoundError:
        return Outcome()
    return Outcome(**{name: Counter(numbers) for name, numbers in counted.items()})


@dataclass(frozen=True)
class Kept:
    """An input that made trouble."""

    place: Path
    call: str
    damaged: str
    """The name of the damaged file in the folder."""
    kind: str
    trouble: str

    def write(self, folder: Path) -> None:
        """Keep a copy of a folder."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(folder, self.place / "in")
        told = {name: value for name, value in vars(self).items() if name != "place"}
        (self.place / TROUBLE).write_text(json.dumps(told, indent=1))


def kept_in(folder: Path) -> list[Kept]:
    """Return the inputs that earlier runs kept."""
    return [Kept(path.parent, **json.loads(path.read_text())) for path in sorted(folder.glob(f"*/{TROUBLE}"))]
