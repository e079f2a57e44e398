"""Registrations written for other tools: a Slicer scene, an ITK transform, or a displacement field."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import slicer
import vtk

from ...errors import ChoiceError, UsageError
from ...registration import Registration
from ...registration.repairs import REPAIRS, Repair, repair_item
from ...words import plural
from .load_fiducials import ATTRIBUTE_PREFIX
from .load_registration import load_registration

SCENE_SUFFIX = ".mrb"
TRANSFORM_SUFFIXES = (".h5", ".tfm")
FIELD_SUFFIXES = (".nrrd", ".nii.gz", ".mha")


def save_registrations(
    registrations: Sequence[Registration],
    output: Path,
    *,
    items: Sequence[int] | None = None,
    bake: bool = False,
    repair: Repair | None = None,
) -> int:
    """Write registrations to one file, by the ending of its name.

    ``.mrb`` is a Slicer scene that holds every item as transform nodes, and fiducials as markups.
    ``.h5`` and ``.tfm`` are ITK transform files,
    ``.nrrd``, ``.nii.gz`` and ``.mha`` a displacement field (LPS mm, pre and post matrices included) on the
    registration's grid; these hold one item. All map points from the registered to the source frame, as ITK and
    Slicer resample. Outside the grid, where DICOM defines nothing, ITK's displacement is zero.
    Between the nodes Slicer interpolates cubically what it reads from any of these files, where the nodes that
    :func:`.load_registration.load_registration` makes are linear: equal at the nodes, and between them where the
    field is nearly linear (0.03 mm apart at most for bumps of 7 mm on a grid of 3 mm). In scenes the module makes them
    linear again; see :func:`..reopened.restore_interpolation`.

    Parameters
    ----------
    items
        Numbers of the items to write, counting from 1; all by default.
    bake
        Put pre and post matrices into the vectors instead of beside them.
    repair
        Read the items in another way than the standard's. A reversed deformation is exact in a scene; in the other
        formats its inverse is computed at the grid's nodes, zero where there is none.

    Returns
    -------
    int
        How many vectors that are undefined or infinite were written as zero: none of these formats, as Slicer writes
        them, can say that a vector is undefined (PS3.3 C.20.3.1.3).

    Raises
    ------
    FileError
        When a registration cannot be used.
    UsageError
        When the format cannot hold what was asked for, or the file cannot be written; then nothing is left behind,
        and a file that was there is untouched.
    """
    name = output.name.lower()
    if name.endswith(SCENE_SUFFIX):
        scene = new_scene()
        for registration in registrations:
            load_registration(registration, scene, bake, items=items, repair=repair)
        save_scene(scene, output)
        return _zeroed(scene)
    if any(registration.kind == "fiducials" for registration in registrations):
        raise UsageError(f"{output}: fiducials are points, no transform; name a {SCENE_SUFFIX}")
    number = _only_item(registrations, output, items)
    registration = _repaired(registrations[0], number, repair) if repair else registrations[0]
    return _save_item(registration, number, output, bake)


def _save_item(registration: Registration, number: int, output: Path, bake: bool) -> int:
    """Write one item as a transform or a field; returns as :func:`save_registrations`."""
    is_field = output.name.lower().endswith(FIELD_SUFFIXES)
    scene = new_scene()
    (node,) = load_registration(registration, scene, bake or is_field, items=[number])
    if is_field and not node.IsA("vtkMRMLGridTransformNode"):
        raise UsageError(
            f"{output}: item {number} of {registration.path.name} has no grid to write as a displacement field; "
            f"name an output that ends in {' or '.join(TRANSFORM_SUFFIXES)}"
        )
    if node.GetParentTransformNode() is not None:
        node = _as_one_node(node, scene)
    write_beside(output, lambda place: _write_transform(node, place))
    return _zeroed(scene)


def _zeroed(scene: slicer.vtkMRMLScene) -> int:
    """How many vectors of the scene's grids stand at zero because the file has no numbers for them."""
    kind = "vtkMRMLTransformNode"
    nodes = (scene.GetNthNodeByClass(number, kind) for number in range(scene.GetNumberOfNodesByClass(kind)))
    return sum(int(node.GetAttribute(f"{ATTRIBUTE_PREFIX}VectorsSetToZero") or 0) for node in nodes)


def _repaired(registration: Registration, number: int, repair: Repair) -> Registration:
    """The registration with one item read in another way; these formats hold one direction only, and no chain."""
    items = [repair_item(item, repair).item if item.number == number else item for item in registration.items]
    return replace(registration, items=tuple(items))


def describe(
    registrations: Sequence[Registration], output: Path, items: Sequence[int] | None, repair: Repair | None = None
) -> str:
    """Return what :func:`save_registrations` wrote, in a few words."""
    told = _describe(registrations, output, items)
    return f"{told}; NOT as the standard says: {REPAIRS[repair]}" if repair else told


def _describe(registrations: Sequence[Registration], output: Path, items: Sequence[int] | None) -> str:
    name = output.name.lower()
    if name.endswith(SCENE_SUFFIX):
        count = (
            sum(len(registration.items) for registration in registrations)
            if items is None
            else len(items) * len(registrations)
        )
        sets = sum(
            bool(fiducial_set.landmarks)
            for registration in registrations
            for fiducial_set in registration.fiducial_sets
        )
        held = [f"{plural(count, 'registration item')} as transform nodes"] if count or not sets else []
        held += [f"{plural(sets, 'set')} of fiducials as markups"] if sets else []
        return f"a Slicer scene with {' and '.join(held)}"
    item = registrations[0].items[(items or [1])[0] - 1]
    what = "a displacement field" if name.endswith(FIELD_SUFFIXES) else "an ITK transform"
    return f"{what}, from the registered frame {item.registered_frame_uid} to the source frame {item.source_frame_uid}"


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
    write_beside(output, lambda place: scene.WriteToMRB(str(place)))


def _only_item(registrations: Sequence[Registration], output: Path, items: Sequence[int] | None) -> int:
    if len(registrations) > 1:
        raise UsageError(f"{output}: this format holds one registration; name a .mrb for {len(registrations)} of them")
    numbers = list(items) if items is not None else [item.number for item in registrations[0].items]
    if len(numbers) > 1:
        raise ChoiceError(
            f"{output}: this format holds one item, {registrations[0].path.name} has {len(numbers)}; "
            "choose one, or name a .mrb",
            "item",
        )
    return numbers[0] if numbers else 1


def _as_one_node(node: slicer.vtkMRMLTransformNode, scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLTransformNode:
    """The whole chain from world to the node, as a single composite transform node."""
    chain = vtk.vtkGeneralTransform()
    node.GetTransformFromWorld(chain)
    composite = scene.AddNewNodeByClass("vtkMRMLTransformNode", node.GetName())
    composite.SetAndObserveTransformFromParent(chain)
    return composite


def _write_transform(node: slicer.vtkMRMLTransformNode, place: Path) -> bool:
    storage = slicer.vtkMRMLTransformStorageNode()
    storage.SetFileName(str(place))
    return bool(storage.WriteData(node))


def write_beside(output: Path, write: Callable[[Path], object]) -> None:
    """Write in a folder beside the output, under its name (writers go by the ending), then move it there.

    Parameters
    ----------
    write
        Called with the place to write to; returns whether that went well.

    Raises
    ------
    UsageError
        When it cannot be written; then nothing is left behind, and a file that was there is untouched.
    """
    final = Path(os.path.realpath(output))
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=final.parent))
        place = folder / output.name
        if not write(place) or not place.is_file():
            raise UsageError(f"{output}: Slicer's writer failed; is the disk full?")
        os.replace(place, final)
    except OSError as error:
        raise UsageError(f"{output}: cannot be written ({error.strerror or error})") from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
