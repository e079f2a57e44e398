"""Regularized series as volume nodes, with the transform that puts slices where their headers say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from ...series.regularize.regular import AcquisitionGrid, Regularized, RegularVolume
from ...space import LPS_TO_RAS, RAS_SIGNS, to_ras
from ...volumes.regularized_files import require_new
from ...words import well_formed
from ..convert import grid_of_vectors, vtk_matrix
from ..reopened import INTERPOLATION_ATTRIBUTE, LINEAR
from ..transforms.load_registration import ATTRIBUTE_PREFIX
from ..transforms.save import new_scene, save_scene
from ..volumes import new_volume_node, note_images, note_modality, place_under_study
from .series_volume import name_of_volume, vtk_image

SOURCE_SERIES_ATTRIBUTE = ATTRIBUTE_PREFIX + "SourceSeriesInstanceUID"
"""On nodes made from a series: its Series Instance UID."""


def add_regularized(
    scene: slicer.vtkMRMLScene, volume: RegularVolume, name: str = ""
) -> tuple[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLTransformNode | None]:
    """Add a regularized volume to a scene, without copying its values.

    The node's own matrix always has axes at right angles, as Slicer's tools expect. Where slices lie elsewhere (an
    acquisition grid, or a tilted section) the node is under a transform, set as ToParent, that puts them there.

    Returns the volume node, and the transform node or None.

    ``name``: of the series; by default what Slicer calls it.
    """
    name = well_formed(f"{name or name_of_volume(volume.source)} {volume.label}".strip())
    node = new_volume_node(scene, name, vtk_image(volume))
    affine = volume.affine_lps if volume.is_orthogonal else volume.upright_affine_lps
    node.SetIJKToRASMatrix(vtk_matrix(LPS_TO_RAS @ affine))
    note_modality(node, volume.source)
    _note_provenance(node, volume)
    place_under_study(scene, node, volume.source.study_uid)
    transform = _transform_node(scene, volume, affine, f"{name} acquisition transform")
    if transform is not None:
        _note_provenance(transform, volume)
        place_under_study(scene, transform, volume.source.study_uid)
        node.SetAndObserveTransformNodeID(transform.GetID())
    return node, transform


def grid_transform(grid: AcquisitionGrid) -> vtk.vtkTransform:
    """Return a vtkOrientedGridTransform from points of the regular lattice to where they are in the patient, RAS mm."""
    steps = grid.affine_lps[:3, :3]
    spacing = np.linalg.norm(steps, axis=0)
    # Doubles: single precision would cost 1e-5 mm, and the grid is small.
    vectors = np.ascontiguousarray(grid.displacements_mm * RAS_SIGNS, dtype=np.float64)
    scalars = numpy_to_vtk(vectors.reshape(-1, 3), deep=1)
    return grid_of_vectors(scalars, (2, 2, len(vectors)), spacing, grid.affine_lps[:3, 3], steps / spacing)


def save_regularized(result: Regularized, output: Path) -> None:
    """Write volumes to a Slicer scene (``.mrb``), under the transforms that put slices in their places.

    Volume files are written by :func:`...volumes.regularized_files.write_regularized`.

    Raises UsageError when the file is there already, or cannot be written.
    """
    require_new([output])
    scene = new_scene()
    for volume in result.volumes:
        add_regularized(scene, volume)
    save_scene(scene, output)


def _transform_node(
    scene: slicer.vtkMRMLScene, volume: RegularVolume, affine: np.ndarray, name: str
) -> slicer.vtkMRMLTransformNode | None:
    if volume.displacement is not None:
        node = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", scene.GenerateUniqueName(name))
        node.SetAndObserveTransformToParent(grid_transform(volume.displacement))
        node.SetAttribute(INTERPOLATION_ATTRIBUTE, LINEAR)
        return node
    if volume.is_orthogonal:
        return None
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", scene.GenerateUniqueName(name))
    node.SetMatrixTransformToParent(vtk_matrix(to_ras(volume.affine_lps @ np.linalg.inv(affine))))
    return node


def _note_provenance(node: slicer.vtkMRMLNode, volume: RegularVolume) -> None:
    # Only untouched values where their headers say are those of these instances.
    is_original = volume.is_untouched and not volume.is_restacked
    uids = dict.fromkeys(member.sop_instance_uid for members in volume.sources for member in members)
    more = {ATTRIBUTE_PREFIX + "Regularized": volume.description, SOURCE_SERIES_ATTRIBUTE: volume.source.series_uid}
    frame_uid = "" if volume.is_restacked else volume.source.frame_uid
    note_images(node, frame_uid, uids if is_original else (), more)
