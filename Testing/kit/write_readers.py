"""The table of readers in the manual's page on the kit, made by letting each answer a kit that was just written.

``python Testing/kit/write_readers.py --write`` writes it. ``--with NAME=PYTHON`` lets a reader answer in another
environment, as those with dependencies of their own need; what is neither installed nor named is said not to have run.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "conformance-kit.md"
BEGIN, END = "<!-- readers: written by Testing/kit/write_readers.py -->\n", "<!-- end of readers -->"
if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "DicomRegInspector")]

from DicomRegInspectorLib.kit import KitScore, score_kit, write_kit  # noqa: E402
from DicomRegInspectorLib.version import __version__  # noqa: E402
from other_readers import OTHERS, Other  # noqa: E402
from plastimatch_writer import is_installed, judge_plastimatch  # noqa: E402
from readers import write_answers  # noqa: E402

SHOWN = 5
NOT_RUN = (
    "CERR (MATLAB) and espadon (R) have no interpreter here and were not run. SimpleITK was asked with ITK's readers "
    "of transforms, which take none of the objects."
)


def row(other: Other, score: KitScore, version: str) -> str:
    """A reader's line of the table."""
    total = score.total
    name = f"{other.name} {version}".strip()
    numbers = " | ".join(str(total[verdict] or "–") for verdict in ("right", "misread", "unknown", "refused"))
    return f"| {name} | {other.how} | {numbers} | {what_is_done(score)} |"


def what_is_done(score: KitScore) -> str:
    """The misreadings that explain most, each with how many items it takes part in."""
    parts = Counter(name for item in score.items if item.verdict == "misread" for name in item.readings[0])
    return ", ".join(f"`{name}` {count}" for name, count in parts.most_common(SHOWN)) or "–"


def answered(other: Other, kit: Path, folder: Path, interpreters: dict[str, str]) -> tuple[Path, str] | None:
    """A reader's answers and its version; None where it is not installed."""
    path = folder / f"{other.name}.csv"
    if other.name in interpreters:
        script = Path(__file__).with_name("other_readers.py")
        environment = {**os.environ, "PYTHONPATH": str(script.parent)}
        command = [interpreters[other.name], str(script), other.name, str(kit), str(path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return path, done.stdout.split()[-1]
    if other.package and not other.version:
        return None
    version = other.version or (__version__ if other.name == "DicomRegInspector" else "")
    return write_answers(kit, other.reader, path), version


def table(interpreters: dict[str, str], only: tuple[str, ...] = ()) -> str:
    """The table and what is said beneath it; of some readers alone where they are named."""
    lines = [
        "| reader | asked by | right | misread | unknown | refused | misreadings, and items they take part in |",
        "|---|---|---|---|---|---|---|",
    ]
    absent = []
    with TemporaryDirectory() as place:
        folder = Path(place)
        kit = write_kit(folder / "kit")
        for other in OTHERS:
            if only and other.name not in only:
                continue
            found = answered(other, kit, folder, interpreters)
            if found is None:
                absent.append(other.name)
            else:
                lines.append(row(other, score_kit(kit, found[0]), found[1]))
        lines += ["", *_plastimatch(kit, folder)] if not only else []
    if only:
        return "\n".join(lines)
    lines += ["", NOT_RUN + (f" {', '.join(absent)} could not be installed and did not run." if absent else "")]
    return "\n".join(lines) + "\n"


def _plastimatch(kit: Path, folder: Path) -> list[str]:
    if not is_installed():
        return ["plastimatch was not installed: what it writes was not judged."]
    written = judge_plastimatch(kit, folder)
    told = (
        f"plastimatch {written.version} writes Deformable Spatial Registration objects and reads none. Of a field "
        f"between two series of the kit, {written.points} points by the equation on what it wrote lie within "
        f"{max(written.off_mm, 1e-6):.1g} mm of where the field sends them; dciodvfy finds {written.errors} errors."
    )
    return [told]


def main(arguments: list[str]) -> int:
    """Print the table, or write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--with", dest="interpreters", action="append", default=[], metavar="NAME=PYTHON")
    options = parser.parse_args(arguments)
    made = table(dict(named.split("=", 1) for named in options.interpreters))
    made += f"\nRun with Python {platform.python_version()} on {platform.system()}.\n"
    if not options.write:
        print(made)
        return 0
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{made}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
