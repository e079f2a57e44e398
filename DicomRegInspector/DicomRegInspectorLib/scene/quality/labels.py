"""Segmentations and label volumes of a scene as regions to measure in."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

from ...errors import UsageError
from ...progress import Progress, report_progress
from ...registration.measures.regions import LabelImage
from ..convert import numpy_matrix
from ..volumes import parent_matrix, volume_lattice


def labels_of_node(node: slicer.vtkMRMLNode, progress: Progress | None = None) -> list[LabelImage]:
    """Return the regions of a segmentation or of a label volume, in world RAS mm.

    ``progress``: of looking through a label volume, slice by slice.
    Raises UsageError when the node is something else, is empty, or its lattice in world is not a regular one.
    """
    if node.IsA("vtkMRMLSegmentationNode"):
        return labels_of_segmentation(node)
    if node.IsA("vtkMRMLScalarVolumeNode"):
        return [labels_of_volume(node, progress)]
    raise UsageError(f"{node.GetName()} is neither a segmentation nor a label volume")


def labels_of_segmentation(node: slicer.vtkMRMLSegmentationNode) -> list[LabelImage]:
    """Give one image for each layer of a segmentation, which holds the segments that do not overlap; nothing is copied.

    Where there is no binary labelmap it is made in a copy: the user's node stays as it is.

    Raises UsageError when there are no segments, or no binary labelmap can be made of them.
    """
    segmentation, name = node.GetSegmentation(), slicer.vtkSegmentationConverter.GetBinaryLabelmapRepresentationName()
    if segmentation is None or not segmentation.GetNumberOfSegments():
        raise UsageError(f"{node.GetName()} has no segments")
    if not segmentation.ContainsRepresentation(name):
        copy = slicer.vtkSegmentation()
        copy.DeepCopy(segmentation)
        if not copy.CreateRepresentation(name):
            raise UsageError(
                f"{node.GetName()} has no binary labelmap and none can be made of it here; create it in the module "
                "Segmentations"
            )
        segmentation = copy
    to_world = parent_matrix(node)
    layers: list[tuple[slicer.vtkOrientedImageData | None, dict[int, str]]] = []
    for index in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(index)
        image, value = segment.GetRepresentation(name), int(segment.GetLabelValue())
        names = next((names for layer, names in layers if layer is image and value not in names), None)
        if names is None:
            names = {}
            layers.append((image, names))
        names[value] = segment.GetName() or f"segment {index + 1}"
    return [_layer(image, names, to_world) for image, names in layers]


def _layer(image: slicer.vtkOrientedImageData | None, names: dict[int, str], to_world: np.ndarray) -> LabelImage:
    scalars = image.GetPointData().GetScalars() if image is not None else None
    if scalars is None or not scalars.GetNumberOfTuples():
        # A segment without a voxel is a region of no volume, not an error.
        return LabelImage(np.zeros((1, 1, 1), np.uint8), to_world, names, ras=True)
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    index_to_world = to_world @ numpy_matrix(matrix)
    # The matrix counts from voxel 0, the array from the first voxel of the extent.
    first = np.array(image.GetExtent()[::2], float)
    index_to_world[:3, 3] += index_to_world[:3, :3] @ first
    return LabelImage(_whole_numbers(vtk_to_numpy(scalars), image, "the segmentation"), index_to_world, names, ras=True)


def labels_of_volume(volume: slicer.vtkMRMLScalarVolumeNode, progress: Progress | None = None) -> LabelImage:
    """Return a label volume, with the names that its colour table has for the labels.

    Raises UsageError when the volume is empty, holds fractions, or is under a transform that is not linear.
    """
    index_to_world, _ = volume_lattice(volume)
    image = volume.GetImageData()
    labels = _whole_numbers(vtk_to_numpy(image.GetPointData().GetScalars()), image, volume.GetName())
    display = volume.GetDisplayNode() if volume.IsA("vtkMRMLLabelMapVolumeNode") else None
    colours = display.GetColorNode() if display is not None else None
    names = {}
    present: set[int] = set()
    for done, plane in enumerate(labels):
        report_progress(progress, done, len(labels), "Looking through the labels", "reading the labels was cancelled")
        present.update(np.unique(plane).tolist())
    for value in sorted(present):
        if value > 0 and colours is not None and value < colours.GetNumberOfColors():
            name = colours.GetColorName(value)
            if name:
                names[value] = name
    return LabelImage(labels, index_to_world, names, ras=True)


def _whole_numbers(values: np.ndarray, image: vtk.vtkImageData, name: str) -> np.ndarray:
    nx, ny, nz = image.GetDimensions()
    if values.ndim > 1:
        raise UsageError(f"{name} has {values.shape[1]} components; labels have one")
    if values.dtype.kind == "f":
        whole = values.astype(np.int32)
        if not np.array_equal(whole, values):
            raise UsageError(f"{name} does not hold labels: some of its values are fractions")
        values = whole
    return values.reshape(nz, ny, nx)
