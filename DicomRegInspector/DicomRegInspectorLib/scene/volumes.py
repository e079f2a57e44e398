"""What the scene knows of its volumes: frame of reference, modality, unit; where a study stands in the hierarchy."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ..errors import UsageError
from ..words import well_formed
from .convert import nodes_of_class, numpy_matrix, voxel_matrix

if TYPE_CHECKING:
    from ..series import SeriesVolume

FRAME_OF_REFERENCE_TAG = "0020,0052"


def volumes_in_frame(scene: slicer.vtkMRMLScene, frame_uid: str) -> list[slicer.vtkMRMLVolumeNode]:
    """Find volume nodes whose images have this Frame of Reference UID (0020,0052), in the order of the scene.

    Slicer notes the UID on the subject hierarchy item of what it loads from DICOM; where it does not, the instances
    that a volume names are looked up in the application's DICOM database.
    """
    if not frame_uid:
        return []
    volumes = nodes_of_class(scene, "vtkMRMLVolumeNode")
    return [volume for volume in volumes if frame_of_volume(scene, volume) == frame_uid]


def volumes_of_images(scene: slicer.vtkMRMLScene, instance_uids: Collection[str]) -> list[slicer.vtkMRMLVolumeNode]:
    """Find volume nodes that were made of any of these images (SOP Instance UIDs), in the order of the scene.

    Slicer, and this module, note the UIDs on the node.
    """
    wanted = set(instance_uids)
    return [
        volume
        for volume in nodes_of_class(scene, "vtkMRMLVolumeNode")
        if not wanted.isdisjoint((volume.GetAttribute("DICOM.instanceUIDs") or "").split())
    ]


def frame_of_volume(scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLVolumeNode) -> str:
    """Return the Frame of Reference UID of a volume that came from DICOM; empty when nothing tells."""
    name = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMFrameOfReferenceUIDAttributeName()
    frame = _noted_in_hierarchy(scene, volume, name) or volume.GetAttribute(name)
    return frame or _frame_in_database((volume.GetAttribute("DICOM.instanceUIDs") or "").split())


def _noted_in_hierarchy(scene: slicer.vtkMRMLScene, node: slicer.vtkMRMLNode, name: str) -> str:
    """An attribute of the node's subject hierarchy item; empty without either."""
    hierarchy = scene.GetFirstNodeByClass("vtkMRMLSubjectHierarchyNode")
    item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else None
    if item is None or item == hierarchy.GetInvalidItemID():
        return ""
    return hierarchy.GetItemAttribute(item, name) or ""


def _frame_in_database(instance_uids: list[str]) -> str:
    # Only the application has a DICOM database; None until it was opened.
    database = getattr(slicer, "dicomDatabase", None)
    if not instance_uids or database is None or not database.isOpen:
        return ""
    return database.instanceValue(instance_uids[0], FRAME_OF_REFERENCE_TAG) or ""


def volume_lattice(volume: slicer.vtkMRMLVolumeNode) -> tuple[np.ndarray, tuple[int, int, int]]:
    """Return ((4, 4) voxel index to world RAS mm, (nx, ny, nz)) of a volume, under linear transforms too.

    Raises UsageError when the volume is empty, or under a transform that is not linear.
    """
    image = volume.GetImageData()
    if image is None or 0 in image.GetDimensions():
        raise UsageError(f"the volume {volume.GetName()} is empty")
    return parent_matrix(volume) @ voxel_matrix(volume), image.GetDimensions()


def voxels_of(volume: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """Return (nk, nj, ni) of a volume's voxels, not copied.

    Raises UsageError when the volume is empty, or a voxel has several components.
    """
    image = volume.GetImageData()
    scalars = image.GetPointData().GetScalars() if image is not None else None
    if scalars is None or not scalars.GetNumberOfTuples():
        raise UsageError(f"the volume {volume.GetName()} is empty")
    if scalars.GetNumberOfComponents() != 1:
        raise UsageError(f"{volume.GetName()} has {scalars.GetNumberOfComponents()} components; choose a scalar volume")
    return vtk_to_numpy(scalars).reshape(image.GetDimensions()[::-1])


def parent_matrix(node: slicer.vtkMRMLTransformableNode) -> np.ndarray:
    """Return (4, 4) from a node's own coordinates to world, RAS mm.

    Raises UsageError when it is under a transform that is not linear.
    """
    parent, matrix = node.GetParentTransformNode(), vtk.vtkMatrix4x4()
    if parent is not None and not parent.GetMatrixTransformToWorld(matrix):
        raise UsageError(
            f"{node.GetName()} is under the transform {parent.GetName()}, which is not linear, so it has no lattice in "
            "world; harden the transform first, or take the node out of it"
        )
    return numpy_matrix(matrix)


def new_volume_node(scene: slicer.vtkMRMLScene, name: str, image: vtk.vtkImageData) -> slicer.vtkMRMLVolumeNode:
    """Add a volume node of an image, which is not copied, with a display; colour comes as a vector volume."""
    node = scene.AddNewNodeByClass(volume_class(image), scene.GenerateUniqueName(well_formed(name)))
    fill_with_image(node, image)
    return node


def volume_class(image: vtk.vtkImageData) -> str:
    """Return the class of a volume node for an image."""
    return "vtkMRMLVectorVolumeNode" if image.GetNumberOfScalarComponents() > 1 else "vtkMRMLScalarVolumeNode"


def fill_with_image(node: slicer.vtkMRMLVolumeNode, image: vtk.vtkImageData) -> None:
    """Give a volume node an image, which is not copied, and a display where it has none yet.

    The window of a new display is Slicer's own; of a large image it is found in a part of the voxels: looking at all of
    them stops the application for a third of a second.
    """
    is_large = node.GetDisplayNode() is None and image.GetNumberOfPoints() > MOST_LOOKED_AT
    if is_large and not node.IsA("vtkMRMLVectorVolumeNode"):
        node.SetAndObserveImageData(_thinned(image))
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetAutoWindowLevel(False)
        display.SetAttribute(WINDOW_FOUND, _window_of(display))
    node.SetAndObserveImageData(image)
    if node.IsA("vtkMRMLVectorVolumeNode"):
        node.SetVoxelVectorType(node.VoxelVectorTypeColorRGB)
    node.CreateDefaultDisplayNodes()


MOST_LOOKED_AT = 1 << 21
"""Voxels in which Slicer looks for the window of a new volume."""
WINDOW_FOUND = "DicomRegInspector.WindowFound"
"""On a display: the window that was found in a part of the voxels."""


def has_automatic_window(display: slicer.vtkMRMLScalarVolumeDisplayNode) -> bool:
    """Tell whether nobody has chosen the window: Slicer finds it, or it is still the one that was found."""
    return bool(display.GetAutoWindowLevel()) or display.GetAttribute(WINDOW_FOUND) == _window_of(display)


def _window_of(display: slicer.vtkMRMLScalarVolumeDisplayNode) -> str:
    return f"{display.GetWindow():.9g} {display.GetLevel():.9g}"


def _thinned(image: vtk.vtkImageData) -> vtk.vtkImageData:
    """Every so many voxels along each axis, a copy."""
    step = math.ceil((image.GetNumberOfPoints() / MOST_LOOKED_AT) ** (1 / 3))
    part = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])[::step, ::step, ::step]
    thinned = vtk.vtkImageData()
    thinned.SetDimensions(*part.shape[::-1])
    thinned.GetPointData().SetScalars(numpy_to_vtk(part.reshape(-1), deep=1))
    return thinned


def note_images(
    node: slicer.vtkMRMLNode, frame_uid: str, instance_uids: Iterable[str], more: Mapping[str, str] | None = None
) -> None:
    """Note on a node what it was made of, and more attributes; what is empty is not noted.

    Parameters
    ----------
    frame_uid
        Frame of Reference UID, as registrations go by it.
    instance_uids
        SOP Instance UIDs, as Slicer notes them.
    """
    frame = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMFrameOfReferenceUIDAttributeName()
    attributes = {frame: frame_uid, "DICOM.instanceUIDs": " ".join(instance_uids), **(more or {})}
    for key, value in attributes.items():
        if value:
            node.SetAttribute(key, well_formed(value))


def place_under_study(scene: slicer.vtkMRMLScene, node: slicer.vtkMRMLNode, study_uid: str) -> bool:
    """Put a node under its study in the subject hierarchy, when the scene has that study. Returns whether it has."""
    hierarchy = scene.GetFirstNodeByClass("vtkMRMLSubjectHierarchyNode")
    if hierarchy is None or not study_uid:
        return False
    study = hierarchy.GetItemByUID(slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName(), study_uid)
    if study == hierarchy.GetInvalidItemID():
        return False
    item = hierarchy.GetItemByDataNode(node)
    if item == hierarchy.GetInvalidItemID():
        hierarchy.CreateItem(study, node)
    else:
        hierarchy.SetItemParent(item, study)
    return True


MODALITY_ATTRIBUTE = "DicomRegInspector.Modality"
"""On volumes that are loaded here; on its own Slicer's note is on the item of their series."""


def note_modality(node: slicer.vtkMRMLVolumeNode, source: SeriesVolume) -> None:
    """Note what a volume is, as Slicer's reader of DICOM does; for CT in Hounsfield units that too, and its window."""
    if source.modality:
        node.SetAttribute(MODALITY_ATTRIBUTE, well_formed(source.modality))
    if source.modality == "CT" and not source.is_stored and source.units in ("", "HU"):
        unit = slicer.vtkCodedEntry()
        unit.SetValueSchemeMeaning("[hnsf'U]", "UCUM", "Hounsfield unit")
        node.SetVoxelValueUnits(unit)
        show_soft_tissue(node.GetScene(), node)


def modality_of(scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLVolumeNode) -> str:
    """Return the DICOM modality of a volume; empty for volumes that came from elsewhere."""
    name = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMSeriesModalityAttributeName()
    return volume.GetAttribute(MODALITY_ATTRIBUTE) or _noted_in_hierarchy(scene, volume, name)


def value_unit(volume: slicer.vtkMRMLVolumeNode) -> str:
    """Return what the volume says its values are, shortly; DICOM's code for Hounsfield units is [hnsf'U] (UCUM)."""
    entry = volume.GetVoxelValueUnits()
    code = entry.GetCodeValue() if entry is not None else ""
    return {"[hnsf'U]": "HU"}.get(code or "", code or "")


SOFT_TISSUE_HU = (400.0, 40.0)
"""Window and level in which CT is usually looked at."""


def show_soft_tissue(scene: slicer.vtkMRMLScene, *volumes: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Give CT images a soft tissue window where nobody has chosen one; other images and choices stay."""
    for volume in volumes:
        display = volume.GetDisplayNode()
        if display is None or not has_automatic_window(display):
            continue
        if value_unit(volume) == "HU" or (modality_of(scene, volume) == "CT" and not value_unit(volume)):
            display.SetAutoWindowLevel(False)
            display.SetWindowLevel(*SOFT_TISSUE_HU)
