"""All there is to see of a transform's quality, in one call."""

from __future__ import annotations

from dataclasses import dataclass

import slicer
from vtkmodules.util.numpy_support import vtk_to_numpy

from ...errors import UsageError
from ...progress import Progress
from ..transforms.node_field import LinearField, WorldField, field_of_node
from .histograms import add_histograms
from .quality_views import QualityVolumes, add_quality_volumes
from .transform_display import Mode, show_transform
from .warping import Comparison, add_comparison


@dataclass(frozen=True)
class QualityNodes:
    """The nodes that were made."""

    field: WorldField
    volumes: QualityVolumes
    charts: dict[str, slicer.vtkMRMLPlotChartNode]
    """``components``, ``magnitude``, ``jacobian``."""
    display: slicer.vtkMRMLTransformDisplayNode
    comparison: Comparison | None


def show_quality(
    node: slicer.vtkMRMLTransformNode,
    *,
    fixed: slicer.vtkMRMLScalarVolumeNode | None = None,
    moving: slicer.vtkMRMLScalarVolumeNode | None = None,
    mode: Mode = "glyph",
    field: WorldField | None = None,
    progress: Progress | None = None,
) -> QualityNodes:
    """Return volumes, mask, charts and glyphs of a transform node, and with both images their comparison.

    Parameters
    ----------
    node
        A transform node of a scene, the whole chain up to world.
    fixed, moving
        Images of the registered and of the source frame. The mask is on the registered image's lattice where given.
    field
        What :func:`..transforms.node_field.field_of_node` made of the node, where that was asked for before.

    Raises
    ------
    UsageError
        When the transform is linear (there is nothing to show), or a volume cannot be used.
    Cancelled
        When ``progress`` returned False.
    """
    scene = node.GetScene()
    found = field if field is not None else field_of_node(node, reference=fixed, progress=progress)
    if isinstance(found, LinearField):
        raise UsageError(
            f"{found.subject} is linear: its Jacobian determinant is {found.jacobian:.6g} everywhere, nothing folds"
        )
    volumes = add_quality_volumes(scene, found, reference=fixed, progress=progress)
    nx, ny, nz = found.grid.dimensions
    determinants = vtk_to_numpy(volumes.jacobian.GetImageData().GetPointData().GetScalars()).reshape(nz, ny, nx)
    charts = add_histograms(scene, found, determinants)
    display = show_transform(node, found, volumes.longest_mm, mode=mode, region=volumes.magnitude)
    comparison = None
    if fixed is not None and moving is not None:
        labels = volumes.mask.GetImageData()
        ni, nj, nk = labels.GetDimensions()
        mask = vtk_to_numpy(labels.GetPointData().GetScalars()).reshape(nk, nj, ni)
        comparison = add_comparison(scene, node, fixed, moving, found, mask)
    return QualityNodes(found, volumes, charts, display, comparison)
