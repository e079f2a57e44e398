"""The command line of dicom-reg-inspector; :data:`.ending.EXIT_CODES` has its exit codes."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence

from ..errors import ChoiceError, DicomRegInspectorError
from . import about, exporting, inspecting, kit, mapping, registrations, trying, volumes
from .arguments import make_parser
from .ending import INTERRUPTED, READER_LEFT, UNUSABLE, Stopped, die_of, end_failed, prepare_program
from .output import complain, drop_output

COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "inspect": inspecting.inspect_command,
    "show": inspecting.show_command,
    "map": mapping.map_command,
    "load": registrations.load_command,
    "export": exporting.export_command,
    "quality": registrations.quality_command,
    "pixels": inspecting.pixels_command,
    "compare": volumes.compare_command,
    "regularize": volumes.regularize_command,
    "sample-data": trying.sample_data_command,
    "demo": trying.demo_command,
    "kit": kit.kit_command,
    "kit-score": kit.kit_score_command,
    "explain": about.explain_command,
    "completion": about.completion_command,
}
"""What each command of :mod:`.arguments` runs."""

_OPTIONS = {
    "direction": "--maps",
    "coordinates": "--coordinates",
    "item": "--item",
    "fixed image": "--fixed",
    "moving image": "--moving",
    "grid": "--grid",
    "positions only": "--positions-only",
    "parametric map": "--parametric-map",
    "series": "--series",
    "stack": "--stack",
}
"""How the command line lets one choose what a ChoiceError names."""
NOT_EVERYWHERE = ("series", "stack")
"""What some commands have no option for that read series all the same: there, fewer files are given."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code.

    Without arguments it is the program: it takes those of the process, and ends by the signal that stops it.
    """
    if arguments is not None:
        return _exit_code(arguments)
    prepare_program()
    if "_ARGCOMPLETE" in os.environ:
        about.answer_shell(make_parser())
    try:
        code = _exit_code(sys.argv[1:])
    except Stopped as stopped:
        return die_of(stopped.number)
    if code == UNUSABLE:
        end_failed()
    return die_of(signal.SIGINT) if code == INTERRUPTED else code


def _exit_code(arguments: Sequence[str]) -> int:
    """Run a command. No traceback gets out unless ``--debug`` asks for it."""
    debug = "--debug" in arguments
    try:
        options = make_parser().parse_args(arguments)
        if not debug:
            # Libraries comment on odd files in their own words; the findings say it in ours.
            warnings.simplefilter("ignore")
            logging.disable(logging.CRITICAL)
        return COMMANDS[options.command](options)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else UNUSABLE
    except BrokenPipeError:
        return READER_LEFT
    except KeyboardInterrupt:
        complain("stopped")
        return INTERRUPTED
    except Stopped:
        complain("stopped")
        raise
    except ChoiceError as error:
        known = [choice for choice in error.choices if choice not in NOT_EVERYWHERE or hasattr(options, choice)]
        how = f" [{', '.join(_OPTIONS[choice] for choice in known)}]" if known else ""
        complain(f"{error}{how}")
    except DicomRegInspectorError as error:
        complain(str(error))
    except MemoryError:
        complain("there is not enough memory for this")
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except Exception as error:
        if debug:
            raise
        complain(f"unexpected {type(error).__name__}: {error}; run again with --debug for details and report it")
    finally:
        logging.disable(logging.NOTSET)
        _flush()
    return UNUSABLE


def _flush() -> None:
    """Write what help and errors left in the buffers; nobody is told when nobody reads."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            drop_output(stream)


if __name__ == "__main__":
    sys.exit(main())
