"""Series volumes as VTK images and volume nodes that use the same memory."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import numpy_to_vtk

from ...series import SeriesVolume
from ...space import LPS_TO_RAS
from ..convert import vtk_matrix
from ..places import series_name
from ..volumes import new_volume_node, note_images, note_modality

DEVIATION_ATTRIBUTE = "DicomRegInspector.SliceDeviationMm"
"""How far the node's matrix puts a slice from where its header says, where that is more than rounding."""


def name_of_volume(volume: SeriesVolume) -> str:
    """Return what a series is called, see :func:`..places.series_name`."""
    return series_name(volume.description, volume.slices[0].header.series_number)


class _Keeper:
    """A callback that does nothing but hold an array."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def __call__(self, *_: object) -> None:
        pass


def vtk_image(volume: SeriesVolume) -> vtk.vtkImageData:
    """Return a volume as vtkImageData with spacing 1 at the origin; where it lies is left to a node's matrix.

    The image uses the array's memory and keeps it alive: what is written into one is in the other.
    """
    values = volume.array
    channels = values.shape[3:]
    image = vtk.vtkImageData()
    image.SetDimensions(volume.dimensions)
    scalars = numpy_to_vtk(values.reshape(-1, *channels), deep=0)
    scalars.SetName("ImageScalars")
    # An attribute of the Python object would keep the array alive some time after the image is gone; an observer's
    # callback goes with it.
    del scalars._numpy_reference
    scalars.AddObserver(vtk.vtkCommand.DeleteEvent, _Keeper(values))
    image.GetPointData().SetScalars(scalars)
    return image


def ijk_to_ras(volume: SeriesVolume) -> vtk.vtkMatrix4x4:
    """Return index to RAS mm: exact for regular stacks, tilt included; others lie along it at nominal spacing."""
    return vtk_matrix(LPS_TO_RAS @ volume.affine_lps)


def add_series_volume(
    scene: slicer.vtkMRMLScene, volume: SeriesVolume, name: str = ""
) -> slicer.vtkMRMLScalarVolumeNode:
    """Add a series to a scene as a volume node, without copying its values; colour comes as a vector volume.

    A node has one matrix. Where that cannot place every slice, the node says so in its attribute
    :data:`DEVIATION_ATTRIBUTE` (see :attr:`~...series.pixels.volume.SeriesVolume.is_regular`).

    ``name``: of the node; by default what Slicer calls the series.
    """
    node = new_volume_node(scene, name or name_of_volume(volume), vtk_image(volume))
    fill_volume_node(node, volume)
    display = node.GetDisplayNode()
    inverted = "vtkMRMLColorTableNodeInvertedGrey"
    if volume.photometric == "MONOCHROME1" and display is not None and scene.GetNodeByID(inverted) is not None:
        display.SetAndObserveColorNodeID(inverted)
    return node


def fill_volume_node(node: slicer.vtkMRMLScalarVolumeNode, volume: SeriesVolume) -> None:
    """Say on a node where a volume lies and what it is; everything but its image."""
    node.SetIJKToRASMatrix(ijk_to_ras(volume))
    if volume.is_color:
        node.SetVoxelVectorType(node.VoxelVectorTypeColorRGB)
    note_modality(node, volume)
    deviation = "" if volume.is_regular else f"{volume.deviation_mm:.6g}"
    note_images(node, volume.frame_uid, volume.instance_uids, {DEVIATION_ATTRIBUTE: deviation})
