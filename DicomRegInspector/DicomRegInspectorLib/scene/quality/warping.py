"""The source image brought to the registered one: what a registration is judged by when it is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

from ...progress import Progress, report_progress
from ...words import round_up
from .. import colours
from ..transforms.node_field import WorldField
from ..transforms.transform_chain import Chain
from ..volumes import modality_of, show_soft_tissue, value_unit, voxels_of
from .quality_arrays import as_image, float_array, remember_range
from .quality_views import Subject, put_array, put_image, show_values

TILES_ACROSS = 8
"""Tiles of the checkerboard along the longest side of the image."""
_DIFFERENCE_PERCENTILE = 99.0
_SLAB_VOXELS = 1 << 20
"""Warped at a time: a few hundredths of a second, after which can be cancelled."""


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
    as_loaded: slicer.vtkMRMLScalarVolumeNode
    """The source image where it lies in its own coordinates."""


@dataclass(frozen=True)
class ComparisonInputs:
    """What is compared, taken out of the scene: images that share their voxels with the nodes, and a way of its own."""

    fixed: vtk.vtkImageData
    moving: vtk.vtkImageData
    registered_way: vtk.vtkGeneralTransform
    """From the registered image's voxels to the source image's, through the registration."""
    plain_way: vtk.vtkGeneralTransform
    """The same without the registration."""
    spacing: np.ndarray
    """(3,) mm of the registered image."""


@dataclass(frozen=True)
class ComparisonArrays:
    """What the volumes of a comparison will hold, on the registered image's lattice."""

    warped: vtk.vtkFloatArray
    checkerboard: vtk.vtkFloatArray
    difference: vtk.vtkFloatArray
    dimensions: tuple[int, int, int]
    compared: int
    spread: float
    """Difference at both ends of its colours."""
    before: np.ndarray
    rms: float | None
    rms_before: float | None


def gather_comparison(
    node: slicer.vtkMRMLTransformNode | None,
    fixed: slicer.vtkMRMLScalarVolumeNode,
    moving: slicer.vtkMRMLScalarVolumeNode,
) -> ComparisonInputs:
    """Take images and registration out of the scene; nothing of their size is copied.

    Raises UsageError when an image is empty or has several components.

    Parameters
    ----------
    node
        The registration, None for the identity.
    fixed, moving
        The registered image, where it stands in world; the source image, in its own coordinates, whether it is under
        the node or not.
    """
    ways = (_way(moving, fixed, node), _way(moving, fixed, None))
    return ComparisonInputs(_own_image(fixed), _own_image(moving), *ways, np.array(fixed.GetSpacing()))


def _own_image(volume: slicer.vtkMRMLVolumeNode) -> vtk.vtkImageData:
    voxels_of(volume)  # refuses what cannot be compared
    image = vtk.vtkImageData()
    # The node's own image stays with the application's pipelines; this one is the thread's.
    image.ShallowCopy(volume.GetImageData())
    return image


def compare_images(
    inputs: ComparisonInputs, mask: np.ndarray | None = None, progress: Progress | None = None
) -> ComparisonArrays:
    """Warp the source image, with and without the registration, and compare. Uses neither the scene nor Qt.

    ``mask``: (nk, nj, ni) on the registered image's lattice, not 0 where the registration defines nothing: VTK draws
    the grid's border vectors on outside, which DICOM does not.
    """
    slices = inputs.fixed.GetDimensions()[2]
    total = 3 * slices

    def told(done: int, text: str) -> None:
        report_progress(progress, done, total, text, "the comparison was cancelled")

    reference = as_image(inputs.fixed.GetPointData().GetScalars(), inputs.fixed.GetDimensions()).astype(np.float32)
    warped_array, warped = resample(inputs, inputs.registered_way, lambda k: told(k, "Warping the moving image"))
    _, before = resample(inputs, inputs.plain_way, lambda k: told(slices + k, "Moving image as loaded"))
    before -= reference
    told(2 * slices, "Comparing the images")
    if mask is not None:
        warped[mask >= colours.UNDEFINED] = np.nan
    difference_array, board_array = float_array(reference.size), float_array(reference.size)
    difference, board = (vtk_to_numpy(made).reshape(reference.shape) for made in (difference_array, board_array))
    np.subtract(warped, reference, out=difference)
    inside = ~np.isnan(warped)
    board[:] = np.where(checkerboard(reference.shape, inputs.spacing) & inside, warped, reference)
    told(2 * slices + slices // 2, "Comparing the images")
    compared = int(np.count_nonzero(inside))
    rms, rms_before = _both_ways(difference, before)
    spread = float(np.percentile(np.abs(difference[inside]), _DIFFERENCE_PERCENTILE)) if compared else 0.0
    # Air, where there is any: other modules cannot compute with NaN.
    warped[~inside] = np.fmin.reduce(vtk_to_numpy(inputs.moving.GetPointData().GetScalars()))
    for array in (warped_array, board_array, difference_array):
        remember_range(array)
    return ComparisonArrays(
        warped_array, board_array, difference_array, inputs.fixed.GetDimensions(), compared,
        round_up(spread) if spread > 0 else 1.0, before, rms, rms_before,
    )  # fmt: skip


def place_comparison(
    scene: slicer.vtkMRMLScene,
    arrays: ComparisonArrays,
    fixed: slicer.vtkMRMLScalarVolumeNode,
    moving: slicer.vtkMRMLScalarVolumeNode,
    subject: WorldField | Subject,
) -> Comparison:
    """Put what was computed into a scene; nothing is copied, and nodes made before for the same are filled anew."""
    named = {"warped source": arrays.warped, "checkerboard": arrays.checkerboard, "difference": arrays.difference}
    first, second, third = (
        _put(scene, name, array, fixed, subject) for name, array in named.items()
    )  # fmt: skip
    show_soft_tissue(scene, fixed, moving)
    # Images of two modalities have no window in common.
    kinds = [modality_of(scene, volume) for volume in (fixed, moving)]
    _show_like(first, moving if all(kinds) and kinds[0] != kinds[1] else fixed)
    _show_like(second, fixed)
    unit = value_unit(fixed) if value_unit(fixed) == value_unit(moving) else ""
    title = "Difference" + (f"\n({unit})" if unit else "")
    show_values(third, colours.diverging_table(scene), (-arrays.spread, arrays.spread), title)
    return Comparison(
        first, second, third, arrays.compared, arrays.before, arrays.rms, arrays.rms_before,
        _as_loaded(scene, moving, subject),
    )  # fmt: skip


def _way(
    moving: slicer.vtkMRMLScalarVolumeNode,
    fixed: slicer.vtkMRMLScalarVolumeNode,
    node: slicer.vtkMRMLTransformNode | None,
) -> vtk.vtkGeneralTransform:
    """From the registered image's voxels to the source image's; transforms of its own, as a thread needs them."""
    way = vtk.vtkGeneralTransform()
    way.PostMultiply()
    way.Concatenate(_matrix(fixed, "GetIJKToRASMatrix"))
    parent = fixed.GetParentTransformNode()
    if parent is not None:
        to_world = Chain(parent, True).copy(refined=False)
        to_world.Inverse()
        way.Concatenate(to_world)
    if node is not None:
        way.Concatenate(Chain(node, True).copy(refined=False))
    way.Concatenate(_matrix(moving, "GetRASToIJKMatrix"))
    return way


def resample(
    inputs: ComparisonInputs, way: vtk.vtkGeneralTransform, told: Callable[[int], None] = lambda _slice: None
) -> tuple[vtk.vtkFloatArray, np.ndarray]:
    """Take the source image where a way leads from the registered image's voxels, trilinear; NaN outside its voxels.

    ``told``: called with the number of the slice that comes next; some are done at a time.

    Returns VTK's array, and (nk, nj, ni) float32 in the same memory.
    """
    reslice = vtk.vtkImageReslice()
    reslice.SetInputData(inputs.moving)
    reslice.SetResliceTransform(way)
    reslice.SetInterpolationModeToLinear()
    reslice.SetOutputScalarType(vtk.VTK_FLOAT)
    reslice.SetBackgroundLevel(float("nan"))
    # Volume nodes keep their geometry beside the image, which counts voxels from 0.
    reslice.SetOutputOrigin(0, 0, 0)
    reslice.SetOutputSpacing(1, 1, 1)
    ni, nj, nk = inputs.fixed.GetDimensions()
    *in_plane, first, _last = inputs.fixed.GetExtent()
    array = float_array(ni * nj * nk)
    values = as_image(array, (ni, nj, nk))
    slab = max(1, _SLAB_VOXELS // (ni * nj))
    for k in range(0, nk, slab):
        told(k)
        end = min(k + slab, nk)
        reslice.SetOutputExtent(*in_plane, first + k, first + end - 1)
        reslice.Update()
        values[k:end] = as_image(reslice.GetOutput().GetPointData().GetScalars(), (ni, nj, end - k))
    return array, values


def checkerboard(shape: tuple[int, ...], spacing: np.ndarray) -> np.ndarray:
    """Return (nk, nj, ni) whether a voxel is in a tile of the second image; tiles are cubes in mm.

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
    """Return edge of a checkerboard's tiles, mm."""
    return float((np.array(shape[::-1]) * spacing).max()) / TILES_ACROSS


def _both_ways(after: np.ndarray, before: np.ndarray) -> tuple[float | None, float | None]:
    """Root mean squares over the voxels where both are known: of the same voxels, so that they can be compared."""
    known = ~(np.isnan(after) | np.isnan(before))
    if not known.any():
        return None, None
    return tuple(float(np.sqrt(np.mean(np.square(way[known], dtype=np.float64)))) for way in (after, before))


def _matrix(volume: slicer.vtkMRMLVolumeNode, method: str) -> vtk.vtkMatrix4x4:
    matrix = vtk.vtkMatrix4x4()
    getattr(volume, method)(matrix)
    return matrix


def _put(
    scene: slicer.vtkMRMLScene,
    role: str,
    array: vtk.vtkFloatArray,
    fixed: slicer.vtkMRMLScalarVolumeNode,
    subject: WorldField | Subject,
) -> slicer.vtkMRMLScalarVolumeNode:
    node = put_array(scene, role, array, fixed.GetImageData().GetDimensions(), np.eye(4), subject)
    node.SetIJKToRASMatrix(_matrix(fixed, "GetIJKToRASMatrix"))
    parent = fixed.GetParentTransformNode()
    if parent is not None:
        node.SetAndObserveTransformNodeID(parent.GetID())
    return node


def _as_loaded(
    scene: slicer.vtkMRMLScene, moving: slicer.vtkMRMLScalarVolumeNode, subject: WorldField | Subject
) -> slicer.vtkMRMLScalarVolumeNode:
    """The source image where its own header puts it: itself, or when it is under a transform a twin without one.

    The twin shares its voxels.
    """
    if moving.GetParentTransformNode() is None:
        return moving
    image = vtk.vtkImageData()
    image.ShallowCopy(moving.GetImageData())
    node = put_image(scene, f"{moving.GetName()} as loaded", "as loaded", image, np.eye(4), subject)
    node.SetIJKToRASMatrix(_matrix(moving, "GetIJKToRASMatrix"))
    _show_like(node, moving)
    return node


def _show_like(node: slicer.vtkMRMLScalarVolumeNode, given: slicer.vtkMRMLScalarVolumeNode) -> None:
    theirs, display = given.GetDisplayNode(), node.GetDisplayNode()
    if theirs is None:
        return
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(theirs.GetWindow(), theirs.GetLevel())
    if theirs.GetColorNodeID() is not None:
        display.SetAndObserveColorNodeID(theirs.GetColorNodeID())
