"""A series from its files to volume nodes, as it is or regularized."""

from __future__ import annotations

from os import PathLike
from typing import Any

import slicer
import vtk

from ...errors import UsageError
from ...progress import Progress, Run, in_background
from ...series import Series, load_series, load_stack
from ...series.pixels.choose_stack import Paths
from ...series.pixels.volume import SeriesVolume
from ...series.regularize.one_per_place import Duplicates, Overlaps, load_to_regularize, stack_to_regularize
from ...series.regularize.reference import ReferenceGrid
from ...series.regularize.regular import Mode, Regularized
from ...series.regularize.regularize import MAX_GAP, check_options, regularize
from ...tasks.regularize import Outcome, save_series
from ..convert import LPS_TO_RAS, numpy_matrix
from .acquisition import add_regularized
from .series_volume import add_series_volume


def load_series_nodes(
    scene: slicer.vtkMRMLScene,
    source: Series | Paths,
    mode: Mode | None = None,
    *,
    spacing_mm: float | None = None,
    in_plane_spacing_mm: float | tuple[float, float] | None = None,
    reference: slicer.vtkMRMLVolumeNode | None = None,
    max_gap: float | None = None,
    duplicates: Duplicates = "first",
    overlaps: Overlaps = "keep",
    stack: int | None = None,
    progress: Progress | None = None,
    run: Run | None = None,
) -> list[slicer.vtkMRMLScalarVolumeNode]:
    """Load a series as volume nodes; regularized they may stand under a transform (see :func:`add_regularized`).

    Parameters
    ----------
    scene
        Where the nodes go, when all have been read; a failure or a stop leaves it as it was.
    source
        Files, folders, or an inspected series.
    mode
        See :func:`~..series.regularize.regularize`; None loads one volume as it is, at the nominal spacing.
    spacing_mm, in_plane_spacing_mm, max_gap, duplicates, overlaps
        See there; None takes the defaults.
    reference
        A volume node whose grid, where it is in the world, is resampled on instead.
    stack
        Which of the series' stacks, from 0; None the one worth loading.
    progress
        Called as ``progress(done, total, text)``; returning False stops.
    run
        Called with the function that reads and computes; may call it in a thread with a progress callback of its own,
        since it uses neither the scene nor Qt.

    Raises
    ------
    UsageError, FileError, Cancelled
        See :func:`~..series.load_series` and :func:`~..series.regularize.regularize`.
    """
    options: dict[str, Any] = {
        "spacing_mm": spacing_mm,
        "in_plane_spacing_mm": in_plane_spacing_mm,
        "max_gap": MAX_GAP if max_gap is None else max_gap,
        "duplicates": duplicates,
        "overlaps": overlaps,
    }
    _check(mode, options, reference)
    options["reference"] = reference_of_node(reference) if reference is not None else None

    def read(report: Progress | None) -> SeriesVolume | Regularized:
        return _read(source, mode, stack, options, report)

    result = in_background(read, progress, run)
    if isinstance(result, SeriesVolume):
        return [add_series_volume(scene, result)]
    return [add_regularized(scene, volume)[0] for volume in result.volumes]


def _check(mode: Mode | None, options: dict[str, Any], reference: object) -> None:
    """Refuse what cannot be done before any file is read."""
    if mode is None:
        if reference is not None:
            raise UsageError("A reference is for resampling; choose the mode resample.")
        return
    check_options(
        mode,
        options["spacing_mm"],
        options["in_plane_spacing_mm"],
        options["max_gap"],
        options["overlaps"],
        options["duplicates"],
        reference is not None,
    )


def _read(
    source: Series | Paths, mode: Mode | None, stack: int | None, options: dict[str, Any], report: Progress | None
) -> SeriesVolume | Regularized:
    if mode is None:
        paths = source.paths if isinstance(source, Series) else source
        uid = source.series_instance_uid if isinstance(source, Series) else None
        return load_series(paths, stack=stack, series_uid=uid or None, progress=report)
    if isinstance(source, Series):
        chosen, apart = stack_to_regularize(source, stack)
        volume = load_stack(chosen, source.findings, progress=report)
    else:
        volume, apart = load_to_regularize(source, stack=stack, progress=report)
    return regularize(volume, mode, **options, apart=apart, progress=report)


def reference_of_node(node: slicer.vtkMRMLVolumeNode) -> ReferenceGrid:
    """The grid of a volume node where it is in the world.

    Raises
    ------
    UsageError
        The node has no image, or is warped or sheared there.
    """
    image = node.GetImageData()
    if image is None:
        raise UsageError(f"The reference {node.GetName()!r} has no image.")
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    affine = numpy_matrix(matrix)
    parent = node.GetParentTransformNode()
    if parent is not None:
        to_world = vtk.vtkMatrix4x4()
        if not parent.IsTransformToWorldLinear() or not parent.GetMatrixTransformToWorld(to_world):
            raise UsageError(f"The reference {node.GetName()!r} is warped by a transform: it lies on no regular grid.")
        affine = numpy_matrix(to_world) @ affine
    return ReferenceGrid(LPS_TO_RAS @ affine, image.GetDimensions())


def load_section_node(
    scene: slicer.vtkMRMLScene, paths: list[str | PathLike[str]], number: int
) -> slicer.vtkMRMLScalarVolumeNode:
    """Load one section (from 1) of a split series; errors as in :func:`load_series_nodes`."""
    volume, apart = load_to_regularize(paths)
    result = regularize(volume, "split", apart=apart)
    return add_regularized(scene, result.volumes[number - 1])[0]


def save_series_on(
    reference: slicer.vtkMRMLVolumeNode | None,
    series: Series,
    place: str | PathLike[str],
    mode: Mode | None = None,
    *,
    max_gap: float | None = None,
    **options: Any,
) -> Outcome:
    """Write a series as new DICOM; parameters, result and errors as in :func:`~..regularize_run.save_series`.

    Parameters
    ----------
    reference
        The volume whose grid is resampled on, where it is in the world; None for the stack's own. It is asked at once,
        in the caller's thread.
    max_gap
        None takes the default.
    """
    grid = reference_of_node(reference) if reference is not None else None
    gap = MAX_GAP if max_gap is None else max_gap
    return save_series(series, place, mode, reference=grid, max_gap=gap, **options)
