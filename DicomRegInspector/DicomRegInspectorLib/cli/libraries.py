"""Slicer's libraries from the command line: where they are wanted, and quietly."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from ..errors import UsageError
from ..memory import require_address_space, require_room_for_libraries
from .ending import held_signals

_MAPPED = 512 << 20
"""Bytes that Slicer's libraries map at least; where they lack, VTK ends the process or sends it an interrupt."""


def scene_room(module: str) -> ModuleType:
    """Import a module of the scene room; it needs the MRML libraries, which a plain installation lacks."""
    try:
        return _imported(module)
    except ImportError as error:
        _require_slicers_absence(error)
        raise UsageError(
            f"this needs Slicer's MRML libraries ({error}); install them: pip install 'dicom-reg-inspector[headless]'"
        ) from error


@contextmanager
def quiet_libraries(debug: bool) -> Iterator[None]:
    """Keep what ITK and VTK write straight to the stderr descriptor off the screen, unless ``--debug`` wants it."""
    if debug:
        yield
        return
    _flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        _flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _flush() -> None:
    if sys.stderr is not None:  # None where it was closed before the program began
        sys.stderr.flush()


def picture_drawer() -> ModuleType | None:
    """Return what draws the pictures of a report; None where Slicer's libraries are not installed."""
    try:
        return _imported("pictures.report_pictures")
    except ImportError as error:
        _require_slicers_absence(error)
        return None


def _imported(module: str) -> ModuleType:
    """Import a module of the scene room.

    Raises ImportError where Slicer's libraries are not installed, UsageError where there is no room for them.
    """
    if "slicer" not in sys.modules and find_spec("slicer") is not None:
        require_address_space(_MAPPED)
    with held_signals():
        return import_module(f"..scene.{module}", __package__)


def _require_slicers_absence(error: ImportError) -> None:
    """Raise an error of import again unless it says that Slicer's libraries are not installed."""
    require_room_for_libraries(error)
    if (error.name or "").partition(".")[0] not in ("slicer", "vtk", "vtkmodules", "slicer_core"):
        raise error
