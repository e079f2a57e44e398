"""A transform or points of any readable file as a DICOM object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from ...errors import ChoiceError, UsageError
from ...progress import Progress
from ...registration import Registration, RegistrationItem, read_registration
from ...registration.choose import choose_item
from ...registration.composite import in_a_row
from ...registration.conventions import NOTHING_ASSUMED, Assumed
from ...registration.nodes import Nodes
from ...registration.repairs import REPAIRS, Repair, repair_item
from ..chain import require_chain
from .outgoing import DicomExport, Outgoing, outgoing_mapping
from .side import (
    Side,
    lattice_around,
    lattice_over,
    require_frames,
    side_of_images,
    sides_of_item,
)
from .write import write_outgoing

Place = str | PathLike[str]


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How a transform becomes a DICOM object."""

    fixed: Sequence[Place] = ()
    """Files or folders of the image series in the registered frame."""
    moving: Sequence[Place] = ()
    """Files or folders of the image series in the source frame."""
    item: int | None = None
    """Of a registration with several, counting from 1."""
    assumed: Assumed = NOTHING_ASSUMED
    """What a transform's file leaves open; see :func:`...registration.read_registration`."""
    spacing_mm: tuple[float, float, float] | None = None
    """Sample at nodes so far apart, along the axes of the registered image, else of the transform's own grid."""
    grid: Place | None = None
    """Sample on the voxels of this volume or series."""
    reading: Repair | None = None
    """Read the file in another way than the standard's."""
    description: str = ""
    """Series Description (0008,103E)."""


def export_transform(
    paths: Place | Sequence[Place],
    output: Place,
    options: ExportOptions | None = None,
    progress: Progress | None = None,
) -> DicomExport:
    """Write a transform as a DICOM registration object: a matrix as Spatial Registration, all else as deformable.

    Patient, study, frames of reference and references to images come from the images given, and from the file where it
    is a DICOM registration. :func:`.write.write_outgoing` tells what is written as it is and what is sampled.

    Parameters
    ----------
    paths
        A transform in any format that is read, or several that points go through in this order.
    output
        The DICOM file; what is there already is replaced in one step.

    Raises
    ------
    FileError
        When a file cannot be used.
    UsageError
        When the images are not those of the registration's frames, something that the object needs is not known, or
        the file cannot be written; then nothing is left behind, and a file that was there is untouched.
    """
    options = options or ExportOptions()
    chosen = [_choose(place, options) for place in ([paths] if isinstance(paths, (str, PathLike)) else paths)]
    items = [item for _, item, _ in chosen]
    if len(items) > 1 and all(item.source_frame_uid and item.registered_frame_uid for item in items):
        require_chain(items)
    known = _sides(chosen)
    given = (
        side_of_images(options.fixed, "fixed") if options.fixed else Side(),
        side_of_images(options.moving, "moving") if options.moving else Side(),
    )
    require_frames(*((first.frame_uid, second.frame_uid) for first, second in (known, given)))
    registered, source = (theirs if theirs.images else own for own, theirs in zip(known, given, strict=True))
    outgoing = _outgoing(chosen, options)
    grid = _grid(options, registered, outgoing)
    with items[0].naming_item():
        return write_outgoing(
            outgoing, registered, source, Path(output), grid=grid, description=options.description, progress=progress
        )


def _choose(place: Place, options: ExportOptions) -> tuple[Registration, RegistrationItem, str]:
    """A registration, its item as it is to be read, and how that was chosen."""
    registration = read_registration(place, options.assumed)
    if registration.kind == "fiducials":
        raise UsageError(f"{place}: holds fiducials, no transform, and is a DICOM object already")
    choice = choose_item(registration, options.item)
    choice.item.require_usable()
    item = repair_item(choice.item, options.reading).item if options.reading else choice.item
    return registration, item, choice.note


def _sides(chosen: Sequence[tuple[Registration, RegistrationItem, str]]) -> tuple[Side, Side]:
    """What the files say: the registered frame of the first, the source frame of the last."""
    first, last = (sides_of_item(registration, item) for registration, item, _ in (chosen[0], chosen[-1]))
    return first[0], last[1]


def _outgoing(chosen: Sequence[tuple[Registration, RegistrationItem, str]], options: ExportOptions) -> Outgoing:
    items = [item for _, item, _ in chosen]
    notes = tuple(note for _, _, note in chosen if note)
    if options.reading:
        notes += (f"NOT as the standard says: {REPAIRS[options.reading]}.",)
    what = items[0].description if len(items) == 1 else f"{len(items)} transforms in a row"
    with items[0].naming_item():
        outgoing = outgoing_mapping(in_a_row([item.mapping for item in items]), what)
    return replace(outgoing, notes=(*notes, *outgoing.notes))


def _grid(options: ExportOptions, registered: Side, outgoing: Outgoing) -> Nodes | None:
    """The nodes that were asked for."""
    if options.spacing_mm is not None and options.grid is not None:
        raise UsageError("a grid is a spacing or a volume's, not both")
    if options.spacing_mm is not None:
        own = outgoing.lattice
        around = lattice_around(registered, options.spacing_mm)
        if around is None and own is None:
            raise ChoiceError(
                "there is nothing to lay a grid over: missing is an image of the registered frame", "fixed image"
            )
        return around if around is not None or own is None else lattice_over(own, options.spacing_mm)
    return None if options.grid is None else _grid_of_volume(options.grid, registered)


def _grid_of_volume(place: Place, registered: Side) -> Nodes:
    from ...volumes.other_formats import read_reference

    grid = read_reference(place)
    grid.require_frame(registered.frame_uid)
    return Nodes(grid.affine_lps, grid.dimensions, "the voxels of the volume asked for")
