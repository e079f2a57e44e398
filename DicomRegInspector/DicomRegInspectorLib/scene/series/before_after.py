"""A stack as a plain volume, equally spaced, beside what it was made into: what regularizing is good for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import slicer
import vtk

from ...progress import Progress, Run, in_background
from ...series import Series, Stack, load_stack
from ...series.geometry.stacks import corners_of, lattice
from ...series.pixels.choose_stack import first_at_each_position
from ...series.pixels.volume import SeriesVolume
from ...series.regularize.evenly_spaced import PlainStack, plain_stack
from ...series.regularize.one_per_place import stack_to_regularize
from ...space import LPS_TO_RAS
from ..convert import vtk_matrix
from ..layouts import (
    BEFORE_AFTER_ROWS,
    PLAIN_VIEWS,
    REGULAR_VIEWS,
    align_view,
    centre_of,
    jump,
    linked_view,
    show_crosshair,
)
from ..own_nodes import own_node
from ..places import name_of_series
from ..transforms.load_registration import ATTRIBUTE_PREFIX
from ..volumes import fill_with_image, has_automatic_window, place_under_study, volume_class
from .series_volume import DEVIATION_ATTRIBUTE, vtk_image

PLAIN_ATTRIBUTE = ATTRIBUTE_PREFIX + "PlainVolumeOf"
"""On a plain volume: the Series Instance UID of what it shows."""


@dataclass(frozen=True)
class BeforeAfter:
    """A stack twice."""

    plain: slicer.vtkMRMLScalarVolumeNode
    after: tuple[slicer.vtkMRMLScalarVolumeNode, ...]
    """What it was made into; several for sections."""
    stack: Stack
    """What both show; of slices at one place one is counted."""
    placement: PlainStack
    """Where the plain volume puts slices, and how far off that is."""
    shares_pixels: bool
    """Whether the plain volume uses the other one's memory; otherwise pixels were read again."""


def add_plain_volume(
    scene: slicer.vtkMRMLScene,
    series: Series,
    after: Sequence[slicer.vtkMRMLScalarVolumeNode],
    *,
    stack: int | None = None,
    progress: Progress | None = None,
    run: Run | None = None,
) -> BeforeAfter:
    """Add a stack to a scene as a reader shows it that knows one spacing.

    See :mod:`~...series.regularize.evenly_spaced`.

    It has no transform, and says by name and attribute what it is. A volume node that holds the stack's slices
    untouched, one by one, lends it its pixels: values changed in one are changed in the other.

    Parameters
    ----------
    after
        Nodes that the stack was made into; the first one's window is used for both.
    stack
        Which of the series' stacks; None the one worth regularizing.
    progress, run
        See :func:`~.series_nodes.load_series_nodes`.

    Raises
    ------
    UsageError, FileError, Cancelled
        See :func:`~...series.load_stack` and :func:`~...series.regularize.evenly_spaced.plain_stack`.
    """
    chosen, _ = stack_to_regularize(series, stack)
    kept, _ = first_at_each_position(chosen)
    placement = plain_stack(corners_of(kept))
    lender = next(
        (node for node in after if _holds(node, chosen, [kept_slice.sop_instance_uid for kept_slice in kept])), None
    )
    if lender is not None:
        image = vtk.vtkImageData()
        image.ShallowCopy(lender.GetImageData())
    else:

        def read(report: Progress | None) -> SeriesVolume:
            return load_stack(chosen, series.findings, progress=report)

        image = vtk_image(in_background(read, progress, run))
    node = _node(scene, series, chosen, placement, image)
    if after:
        _same_window(node, after[0])
    place_under_study(scene, node, chosen.slices[0].header.study_uid)
    return BeforeAfter(node, tuple(after), chosen, placement, lender is not None)


def _holds(node: slicer.vtkMRMLScalarVolumeNode, stack: Stack, uids: list[str]) -> bool:
    """Whether a node has just the slices of these instances, untouched: only then they are named on it."""
    named = (node.GetAttribute("DICOM.instanceUIDs") or "").split()
    image = node.GetImageData()
    return (
        image is not None
        and image.GetDimensions() == (stack.columns, stack.rows, len(uids))
        and named == list(dict.fromkeys(uids))
    )


def _node(
    scene: slicer.vtkMRMLScene, series: Series, stack: Stack, placement: PlainStack, image: vtk.vtkImageData
) -> slicer.vtkMRMLScalarVolumeNode:
    name, made_of = f"{name_of_series(series)} as a plain volume", (PLAIN_ATTRIBUTE, series.series_instance_uid)
    role = "plain volume" + (f" of {stack.label}" if stack.label else "")
    node = own_node(scene, volume_class(image), name, made_of, role)
    fill_with_image(node, image)
    spacing = stack.pixel_spacing_mm or (1.0, 1.0)
    affine = lattice(stack.axes, spacing, placement.origin_lps_mm, placement.step_lps_mm)
    node.SetIJKToRASMatrix(vtk_matrix(LPS_TO_RAS @ affine))
    node.SetAttribute(DEVIATION_ATTRIBUTE, f"{placement.farthest[1]:.6g}")
    return node


def _same_window(node: slicer.vtkMRMLScalarVolumeNode, other: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Fill values must not make one of two pictures of the same tissue darker."""
    ours, theirs = node.GetScalarVolumeDisplayNode(), other.GetScalarVolumeDisplayNode()
    if ours is None or theirs is None:
        return
    ours.SetAndObserveColorNodeID(theirs.GetColorNodeID())
    # The plain volume holds no fill values: its automatic window is the better one, if nobody chose another.
    source, target = (ours, theirs) if has_automatic_window(theirs) else (theirs, ours)
    window, level = source.GetWindow(), source.GetLevel()
    for display in (source, target):
        display.SetAutoWindowLevel(False)
        display.SetWindowLevel(window, level)


def fill_before_after(scene: slicer.vtkMRMLScene, volumes: BeforeAfter) -> list[slicer.vtkMRMLSliceNode]:
    """Put both into linked slice views, coronal above sagittal, through one point: where gaps and tilt are seen.

    Of several sections the one with the most slices is shown, with the next one before it.

    Returns the slice nodes: plain and regularized, coronal; then plain and regularized, sagittal.
    """
    by_size = sorted(volumes.after, key=lambda node: -node.GetImageData().GetDimensions()[2])
    pairs = ((volumes.plain, None), (by_size[0], by_size[1] if len(by_size) > 1 else None))
    nodes = []
    for row, (orientation, group) in enumerate(BEFORE_AFTER_ROWS):
        for specs, (background, foreground) in zip((PLAIN_VIEWS, REGULAR_VIEWS), pairs, strict=True):
            node = linked_view(scene, specs[row], group, background, foreground)
            node.SetOrientation(orientation)
            nodes.append(node)
    show_crosshair(scene)
    jump_before_after(scene, volumes)
    return nodes


def jump_before_after(scene: slicer.vtkMRMLScene, volumes: BeforeAfter) -> None:
    """Have all four views cut through the middle of the plain volume."""
    middle = centre_of(volumes.plain)
    for _orientation, group in BEFORE_AFTER_ROWS:
        jump(scene, middle, group=group)


def align_before_after(scene: slicer.vtkMRMLScene) -> None:
    """Give the views of what came place and zoom of the plain ones beside them."""
    for plain, regular in zip(PLAIN_VIEWS, REGULAR_VIEWS, strict=True):
        first = scene.GetSingletonNode(plain.tag, "vtkMRMLSliceNode")
        node = scene.GetSingletonNode(regular.tag, "vtkMRMLSliceNode")
        if first is not None and node is not None:
            align_view(node, first)
