"""The command line of dicom-reg-inspector; :data:`.ending.EXIT_CODES` has its exit codes."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module

from ..address_space import is_lack_of_memory
from ..errors import ChoiceError, DicomRegInspectorError
from .arguments import make_parser
from .ending import INTERRUPTED, READER_LEFT, UNUSABLE, Stopped, die_of, end_failed, prepare_program
from .output import complain, complain_of_memory, drop_output


def _from(module: str, name: str) -> Callable[[argparse.Namespace], int]:
    """Return a command of a module of this package, imported when it is run: help and others do without."""

    def command(options: argparse.Namespace) -> int:
        code: int = getattr(import_module(f".{module}", __name__), name)(options)
        return code

    return command


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "inspect": _from("inspecting", "inspect_command"),
    "show": _from("inspecting", "show_command"),
    "map": _from("mapping", "map_command"),
    "load": _from("registrations", "load_command"),
    "export": _from("exporting", "export_command"),
    "export-image": _from("exporting", "export_image_command"),
    "apply": _from("applying", "apply_command"),
    "quality": _from("registrations", "quality_command"),
    "verify": _from("quality.verifying", "verify_command"),
    "pixels": _from("inspecting", "pixels_command"),
    "archive": _from("archive", "archive_command"),
    "compare": _from("volumes", "compare_command"),
    "regularize": _from("volumes", "regularize_command"),
    "sample-data": _from("trying", "sample_data_command"),
    "demo": _from("trying", "demo_command"),
    "kit": _from("kit", "kit_command"),
    "kit-score": _from("kit", "kit_score_command"),
    "explain": _from("about", "explain_command"),
    "completion": _from("about", "completion_command"),
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
    "reference": "--reference",
    "stated elements": "--set",
    "kind": "--kind",
    "fill": "--fill",
    "inverse": "--inverse",
    "any frame": "--any-frame",
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
        from .about import answer_shell

        answer_shell(make_parser())
    by_signal = None
    try:
        code = _exit_code(sys.argv[1:])
    except Stopped as stopped:
        by_signal = stopped.number
    # Only now everything is let go of that the exception held, and has removed what is unfinished.
    if by_signal is not None:
        return die_of(by_signal)
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
            _silence_logs(True)
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
    except Exception as error:
        if is_lack_of_memory(error):
            # What its frames hold is needed to say so.
            error.__traceback__ = error.__cause__ = error.__context__ = None
            complain_of_memory()
        elif isinstance(error, OSError):
            complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        elif debug:
            raise
        else:
            complain(f"unexpected {type(error).__name__}: {error}; run again with --debug for details and report it")
    finally:
        if "logging" in sys.modules:
            _silence_logs(False)
        _flush()
    return UNUSABLE


def _silence_logs(silent: bool) -> None:
    import logging

    logging.disable(logging.CRITICAL if silent else logging.NOTSET)


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
