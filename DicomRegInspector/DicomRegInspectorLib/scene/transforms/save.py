"""Registrations as Slicer scenes in a bundle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

import slicer

from ...errors import UsageError
from ...memory import require_memory
from ...output_file import replace_file, require_utf8_name
from ...registration import Registration
from ...registration.repairs import Repair
from ...tasks.export import IN_SLICER, Export, said_of_repair
from ...words import plural
from .load_fiducials import ATTRIBUTE_PREFIX
from .load_registration import load_registration


def save_registrations(
    registrations: Sequence[Registration],
    output: Path,
    *,
    items: Sequence[int] | None = None,
    bake: bool = False,
    repair: Repair | None = None,
) -> Export:
    """Write registrations to a Slicer scene (``.mrb``): every item as transform nodes, and fiducials as markups.

    Other formats are written by :func:`...tasks.export.export_registration`. From a bundle, too, Slicer interpolates
    cubically between the nodes, where the nodes that :func:`.load_registration.load_registration` makes are linear:
    equal at the nodes, and between them where the field is nearly linear (0.03 mm apart at most for bumps of 7 mm on a
    grid of 3 mm). The module makes them linear again; see :func:`..reopened.restore_interpolation`.

    Parameters
    ----------
    items
        Numbers of the items to write, counting from 1; all by default.
    bake
        Put pre and post matrices into the vectors instead of beside them.
    repair
        Read the items in another way than the standard's; a reversed deformation is exact.

    Returns
    -------
    Export
        With the vectors that are undefined or infinite: in a node they are zero.

    Raises
    ------
    FileError
        When a registration cannot be used.
    UsageError
        When the file cannot be written; then nothing is left behind, and a file that was there is untouched.
    """
    _require_memory(registrations, items)
    scene = new_scene()
    for registration in registrations:
        load_registration(registration, scene, bake, items=items, repair=repair)
    save_scene(scene, output)
    grids = scene.GetNumberOfNodesByClass("vtkMRMLGridTransformNode")
    told = _description(registrations, items) + said_of_repair(repair)
    return Export(output, told, _zeroed(scene), "zero", IN_SLICER if grids else "")


_COPIES_WHILE_WRITTEN = 5
"""Of a grid: ITK makes doubles of its vectors, and HDF5 copies of these."""


def _require_memory(registrations: Sequence[Registration], items: Sequence[int] | None) -> None:
    """Refuse what does not fit: Slicer's writer ends the process then.

    Raises UsageError.
    """
    chosen = [item for registration in registrations for item in registration.items]
    sizes = [
        12 * math.prod(item.grid.dimensions)
        for item in chosen
        if item.grid is not None and (items is None or item.number in items)
    ]
    if sizes:
        require_memory(sum(sizes) + _COPIES_WHILE_WRITTEN * max(sizes), "a Slicer scene with these grids")


def _zeroed(scene: slicer.vtkMRMLScene) -> int:
    """How many vectors of the scene's grids stand at zero because the file has no numbers for them."""
    kind = "vtkMRMLTransformNode"
    nodes = (scene.GetNthNodeByClass(number, kind) for number in range(scene.GetNumberOfNodesByClass(kind)))
    return sum(int(node.GetAttribute(f"{ATTRIBUTE_PREFIX}VectorsSetToZero") or 0) for node in nodes)


def _description(registrations: Sequence[Registration], items: Sequence[int] | None) -> str:
    count = (
        sum(len(registration.items) for registration in registrations)
        if items is None
        else len(items) * len(registrations)
    )
    sets = sum(
        bool(fiducial_set.landmarks) for registration in registrations for fiducial_set in registration.fiducial_sets
    )
    held = [f"{plural(count, 'registration item')} as transform nodes"] if count or not sets else []
    held += [f"{plural(sets, 'set')} of fiducials as markups"] if sets else []
    return f"a Slicer scene with {' and '.join(held)}"


def new_scene() -> slicer.vtkMRMLScene:
    """Return an empty scene with a subject hierarchy, as the application has it."""
    scene = slicer.vtkMRMLScene()
    # Markups belong to a module; in the application its logic makes them known to the scene.
    for name in ("Fiducial", "FiducialDisplay", "JsonStorage"):
        scene.RegisterNodeClass(getattr(slicer, f"vtkMRMLMarkups{name}Node")())
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    return scene


def save_scene(scene: slicer.vtkMRMLScene, output: Path) -> None:
    """Write a scene with all its data as a Slicer bundle (``.mrb``).

    Raises
    ------
    UsageError
        When the file cannot be written.
    """
    require_utf8_name(output, "Slicer's writer of scenes")

    def write(place: Path) -> None:
        if not scene.WriteToMRB(str(place)) or not place.is_file():
            raise UsageError(f"{output}: Slicer's writer failed; is the disk full?")
        _require_readable(place, output)

    replace_file(output, write)


def _require_readable(bundle: Path, output: Path) -> None:
    """Refuse a bundle that Slicer could not open.

    Raises UsageError.
    """
    try:
        with ZipFile(bundle) as archive:
            broken = archive.testzip()
            if broken is not None:
                raise UsageError(f"{output}: Slicer's writer left {broken} broken; is the disk full?")
            for name in archive.namelist():
                if name.endswith(".mrml"):
                    with archive.open(name) as scene:
                        ElementTree.parse(scene)
    except (BadZipFile, ElementTree.ParseError) as error:
        raise UsageError(f"{output}: Slicer's writer made a scene that cannot be read again ({error})") from error
