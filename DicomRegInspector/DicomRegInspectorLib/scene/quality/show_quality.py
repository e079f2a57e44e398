"""All there is to see of a transform's quality, in one call."""

from __future__ import annotations

from dataclasses import dataclass

import slicer

from ...errors import UsageError
from ...progress import Progress
from ...registration.measures.histograms import jacobian_histogram
from ..drawn import hide
from ..transforms.node_field import LinearField, WorldField, field_of_node
from ..volumes import volume_lattice
from .histograms import displacement_histograms, place_histograms
from .quality_arrays import quality_arrays
from .quality_views import QualityVolumes, place_quality_volumes
from .transform_display import Mode, show_transform
from .warping import Comparison, compare_images, gather_comparison, place_comparison


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

    Raises UsageError when the transform is linear (there is nothing to show), or a volume cannot be used.

    Parameters
    ----------
    node
        A transform node of a scene, the whole chain up to world.
    fixed, moving
        Images of the registered and of the source frame. The mask is on the registered image's lattice where given.
    field
        What :func:`..transforms.node_field.field_of_node` made of the node, where that was asked for before.
    """
    scene = node.GetScene()
    found = field if field is not None else field_of_node(node, reference=fixed, progress=progress)
    if isinstance(found, LinearField):
        raise UsageError(
            f"{found.subject} is linear: its Jacobian determinant is {found.jacobian:.6g} everywhere, nothing folds"
        )
    lattice = volume_lattice(fixed) if fixed is not None else None
    arrays = quality_arrays(found, lattice, progress)
    compared = None
    if fixed is not None and moving is not None:
        compared = compare_images(gather_comparison(node, fixed, moving), arrays.labels, progress)
    volumes = place_quality_volumes(scene, arrays)
    counted = displacement_histograms(found, progress) | {"jacobian": jacobian_histogram(arrays.determinants)}
    charts = place_histograms(scene, found, counted)
    hide(scene)
    display = show_transform(node, found, arrays.drawn_mm, mode=mode, region=volumes.magnitude)
    comparison = place_comparison(scene, compared, fixed, moving, found) if compared is not None else None
    return QualityNodes(found, volumes, charts, display, comparison)
