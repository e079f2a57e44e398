"""The source image brought to the registered one: what a registration is judged by when it is looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

from ..errors import UsageError
from . import colours
from .node_field import WorldField
from .quality_views import add_array, remove_earlier, show_values
from .views import round_up

TILES_ACROSS = 8
"""Tiles of the checkerboard along the longest side of the image."""
_DIFFERENCE_PERCENTILE = 99.0


@dataclass(frozen=True)
class Comparison:
    """The volumes that compare a registered image with the source image, all on the registered image's lattice."""

    warped: slicer.vtkMRMLScalarVolumeNode
    checkerboard: slicer.vtkMRMLScalarVolumeNode
    difference: slicer.vtkMRMLScalarVolumeNode
    """Warped source minus registered image; NaN, and transparent, where one of them says nothing."""
    compared: int
    """Voxels where both have a value."""
    before: np.ndarray
    """(nk, nj, ni) float32, the same difference without the registration: the source image where it lies."""
    rms: float | None
    """Root mean square of the difference, in the images' unit, over the voxels that both ways reach."""
    rms_before: float | None
    """The same without the registration."""


def add_comparison(
    scene: slicer.vtkMRMLScene,
    node: slicer.vtkMRMLTransformNode,
    fixed: slicer.vtkMRMLScalarVolumeNode,
    moving: slicer.vtkMRMLScalarVolumeNode,
    field: WorldField,
    mask: np.ndarray | None = None,
) -> Comparison:
    """Warp the source image onto the registered one's lattice; make a checkerboard and a difference of the two.

    Parameters
    ----------
    node
        The registration; the source image is taken in its own coordinates, whether it is under the node or not.
    fixed, moving
        The registered and the source image, one component each.
    field
        What the node does, for names.
    mask
        (nk, nj, ni) on the registered image's lattice, not 0 where the registration defines nothing: VTK draws the
        grid's border vectors on outside, which DICOM does not.

    Raises
    ------
    UsageError
        When an image is empty or has several components.
    """
    reference = _array_of(fixed).astype(np.float32)
    # Drawn before anything is added: what cannot be compared leaves the scene as it was.
    warped_array, warped = resample(moving, fixed, node)
    before = resample(moving, fixed, None)[1] - reference
    if mask is not None:
        warped[mask >= colours.UNDEFINED] = np.nan
    difference_array = vtk.vtkFloatArray()
    difference_array.SetNumberOfTuples(reference.size)
    difference = vtk_to_numpy(difference_array).reshape(reference.shape)
    np.subtract(warped, reference, out=difference)
    board_array = vtk.vtkFloatArray()
    board_array.SetNumberOfTuples(reference.size)
    board = vtk_to_numpy(board_array).reshape(reference.shape)
    inside = ~np.isnan(warped)
    board[:] = np.where(checkerboard(reference.shape, _spacing(fixed)) & inside, warped, reference)
    compared = int(np.count_nonzero(inside))
    rms, rms_before = _both_ways(difference, before)
    spread = float(np.percentile(np.abs(difference[inside]), _DIFFERENCE_PERCENTILE)) if compared else 0.0
    spread = round_up(spread) if spread > 0 else 1.0
    remove_earlier(scene, field.key, "comparison")
    warped[~inside] = _lowest(moving)
    arrays = {"warped source": warped_array, "checkerboard": board_array, "difference": difference_array}
    first, second, third = (_add(scene, f"{field.name}: {name}", array, fixed, field) for name, array in arrays.items())
    for one in (first, second):
        _show_like(one, fixed)
    show_values(third, colours.diverging_table(scene), (-spread, spread), "Warped source\nminus registered")
    return Comparison(first, second, third, compared, before, rms, rms_before)


def resample(
    moving: slicer.vtkMRMLScalarVolumeNode,
    fixed: slicer.vtkMRMLScalarVolumeNode,
    node: slicer.vtkMRMLTransformNode | None,
) -> tuple[vtk.vtkFloatArray, np.ndarray]:
    """The source image at the points that the registered image's voxels map to, trilinear; NaN outside its voxels.

    Returns
    -------
    tuple
        VTK's array, and (nk, nj, ni) float32 in the same memory.

    Raises
    ------
    UsageError
        When an image is empty or has several components.
    """
    for volume in (fixed, moving):
        _array_of(volume)
    way = vtk.vtkGeneralTransform()
    way.PostMultiply()
    way.Concatenate(_matrix(fixed, "GetIJKToRASMatrix"))
    parent = fixed.GetParentTransformNode()
    if parent is not None:
        to_world = vtk.vtkGeneralTransform()
        parent.GetTransformToWorld(to_world)
        way.Concatenate(to_world)
    if node is not None:
        from_world = vtk.vtkGeneralTransform()
        node.GetTransformFromWorld(from_world)
        way.Concatenate(from_world)
    way.Concatenate(_matrix(moving, "GetRASToIJKMatrix"))
    reslice = vtk.vtkImageReslice()
    reslice.SetInputData(moving.GetImageData())
    reslice.SetResliceTransform(way)
    reslice.SetInterpolationModeToLinear()
    reslice.SetOutputScalarType(vtk.VTK_FLOAT)
    reslice.SetBackgroundLevel(float("nan"))
    # Volume nodes keep their geometry beside the image, which counts voxels from 0.
    reslice.SetOutputOrigin(0, 0, 0)
    reslice.SetOutputSpacing(1, 1, 1)
    reslice.SetOutputExtent(*fixed.GetImageData().GetExtent())
    reslice.Update()
    array = reslice.GetOutput().GetPointData().GetScalars()
    ni, nj, nk = fixed.GetImageData().GetDimensions()
    return array, vtk_to_numpy(array).reshape(nk, nj, ni)


def checkerboard(shape: tuple[int, ...], spacing: np.ndarray) -> np.ndarray:
    """(nk, nj, ni) whether a voxel is in a tile of the second image; tiles are cubes in mm.

    Parameters
    ----------
    shape
        (nk, nj, ni).
    spacing
        (3,) mm along i, j, k.
    """
    tile = tile_mm(shape, spacing)
    i, j, k = ((np.arange(count) * step // tile).astype(int) for count, step in zip(shape[::-1], spacing, strict=True))
    return (i[None, None, :] + j[None, :, None] + k[:, None, None]) % 2 == 1


def tile_mm(shape: tuple[int, ...], spacing: np.ndarray) -> float:
    """Edge of a checkerboard's tiles, mm."""
    return float((np.array(shape[::-1]) * spacing).max()) / TILES_ACROSS


def _both_ways(after: np.ndarray, before: np.ndarray) -> tuple[float | None, float | None]:
    """Root mean squares over the voxels where both are known: of the same voxels, so that they can be compared."""
    known = ~(np.isnan(after) | np.isnan(before))
    if not known.any():
        return None, None
    return tuple(float(np.sqrt(np.mean(np.square(one[known], dtype=np.float64)))) for one in (after, before))


def _array_of(volume: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    image = volume.GetImageData()
    scalars = image.GetPointData().GetScalars() if image is not None else None
    if scalars is None or not scalars.GetNumberOfTuples():
        raise UsageError(f"the volume {volume.GetName()} is empty")
    if scalars.GetNumberOfComponents() != 1:
        raise UsageError(f"{volume.GetName()} has {scalars.GetNumberOfComponents()} components; choose a scalar volume")
    ni, nj, nk = image.GetDimensions()
    return vtk_to_numpy(scalars).reshape(nk, nj, ni)


def _matrix(volume: slicer.vtkMRMLVolumeNode, method: str) -> vtk.vtkMatrix4x4:
    matrix = vtk.vtkMatrix4x4()
    getattr(volume, method)(matrix)
    return matrix


def _spacing(volume: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    return np.array(volume.GetSpacing())


def _lowest(volume: slicer.vtkMRMLScalarVolumeNode) -> float:
    """Air, where there is any: other modules cannot compute with NaN."""
    return float(volume.GetImageData().GetScalarRange()[0])


def _add(
    scene: slicer.vtkMRMLScene,
    name: str,
    array: vtk.vtkFloatArray,
    fixed: slicer.vtkMRMLScalarVolumeNode,
    field: WorldField,
) -> slicer.vtkMRMLScalarVolumeNode:
    node = add_array(
        scene, name, array, fixed.GetImageData().GetDimensions(), np.eye(4), field, group="comparison"
    )  # fmt: skip
    node.SetIJKToRASMatrix(_matrix(fixed, "GetIJKToRASMatrix"))
    parent = fixed.GetParentTransformNode()
    if parent is not None:
        node.SetAndObserveTransformNodeID(parent.GetID())
    return node


def _show_like(node: slicer.vtkMRMLScalarVolumeNode, fixed: slicer.vtkMRMLScalarVolumeNode) -> None:
    given, display = fixed.GetDisplayNode(), node.GetDisplayNode()
    if given is None:
        return
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(given.GetWindow(), given.GetLevel())
