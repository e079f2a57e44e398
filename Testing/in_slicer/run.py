"""Try the module in the application that runs this, and say what passed.

``Slicer --python-script Testing/in_slicer/run.py [--shots FOLDER] [--parts PART,PART]``, with or without
``--no-main-window``; where the module is not installed, with ``--additional-module-paths`` and the folder
``DicomRegInspector``. Prints a table and ends the application with 0, or with 1 when something did not pass.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from pathlib import Path

import qt
import slicer

TESTING = Path(__file__).resolve().parents[1]
ROOMS = ("panel", "manual", "registration", "series", "relations", "structures")
"""Folders of tests whose states and files are used here."""


def options(arguments: list[str]) -> argparse.Namespace:
    from in_slicer.parts import PARTS

    parser = argparse.ArgumentParser(prog="run.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shots", type=Path, help="put a picture of each state into this folder")
    parser.add_argument(
        "--parts", default=",".join(PARTS), help="which, with commas between them: %(default)s", metavar="PART,PART"
    )
    parser.add_argument("--names", default="", help="only these tests, controls or codes", metavar="NAME,NAME")
    parser.add_argument("--leave-during", default="", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    chosen.parts = [part for part in chosen.parts.split(",") if part]
    chosen.names = {name for name in chosen.names.split(",") if name}
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return chosen


def main() -> None:
    sys.path[:0] = [str(TESTING), *(str(TESTING / room) for room in ROOMS)]
    code = 1
    try:
        chosen = options(sys.argv[1:])
        if chosen.leave_during:
            from in_slicer.leaving import leave

            leave(chosen.leave_during, chosen.data)
            return
        from in_slicer.parts import PARTS
        from in_slicer.record import Record

        record = Record(chosen.shots, chosen.names)
        with tempfile.TemporaryDirectory(prefix="DicomRegInspector-in-slicer-") as folder, record.watching():
            for part in chosen.parts:
                record.part = part
                PARTS[part](record, Path(folder) / part)
        code = record.tell()
    except SystemExit as ending:  # of the arguments
        code = int(ending.code or 0)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    slicer.util.exit(code)


# From the event loop, as a user would be: here the application is still being made.
qt.QTimer.singleShot(0, main)
