"""A series from its files to volume nodes, as it is or regularized."""

from __future__ import annotations

from os import PathLike
from typing import Any

import slicer

from ...errors import UsageError
from ...progress import Progress, Run, in_background
from ...series import Series, load_series
from ...series.pixels.choose_stack import Paths, the_series
from ...series.pixels.volume import SeriesVolume
from ...series.regularize.options import Mode, RegularizeOptions
from ...series.regularize.plan import Plan, plan
from ...series.regularize.reference import ReferenceGrid
from ...series.regularize.regular import Regularized
from ...series.regularize.regularize import carry_out, load_planned
from ...space import LPS_TO_RAS
from ...tasks.regularize import Outcome, save_series
from ..volumes import volume_lattice
from .acquisition import add_regularized
from .series_volume import add_series_volume


def load_series_nodes(
    scene: slicer.vtkMRMLScene,
    source: Series | Paths | Plan,
    mode: Mode | None = None,
    *,
    reference: slicer.vtkMRMLVolumeNode | None = None,
    stack: int | None = None,
    progress: Progress | None = None,
    run: Run | None = None,
    name: str = "",
    **options: Any,
) -> list[slicer.vtkMRMLScalarVolumeNode]:
    """Load a series as volume nodes; regularized they may stand under a transform (see :func:`add_regularized`).

    Parameters
    ----------
    scene
        Where the nodes go, when all have been read; a failure or a stop leaves it as it was.
    source
        Files, folders, or an inspected series; or a plan, which says all the rest.
    mode, options
        Fields of :class:`~...series.regularize.options.RegularizeOptions`, None for their defaults; no mode loads one
        volume as it is, at the nominal spacing.
    reference
        A volume node whose grid, where it is in the world, is resampled on. It is asked at once, in this thread.
    stack
        Which of the series' stacks, from 1; None the one worth loading.
    progress
        Called as ``progress(done, total, text)``; returning False stops.
    run
        Called with the function that reads and computes; may call it in a thread with a progress callback of its own,
        since it uses neither the scene nor Qt.
    name
        What the series is called; by default as Slicer calls it.

    Raises
    ------
    UsageError, FileError, Cancelled
        See :func:`~...series.load_series` and :func:`~...series.regularize.regularize.regularize`.
    """
    if mode is None and reference is not None:
        raise UsageError("A reference is for resampling; choose the mode resample.")
    how = options_of(mode, reference, **options) if mode is not None else None

    def read(report: Progress | None) -> SeriesVolume | Regularized:
        if isinstance(source, Plan):
            return carry_out(source, load_planned(source, report), report)
        if how is not None:
            series = source if isinstance(source, Series) else the_series(source, None)
            planned = plan(series, how, stack)
            return carry_out(planned, load_planned(planned, report), report)
        uid, paths = (source.series_instance_uid, source.paths) if isinstance(source, Series) else (None, source)
        return load_series(paths, stack=stack, series_uid=uid or None, progress=report)

    result = in_background(read, progress, run)
    if isinstance(result, SeriesVolume):
        return [add_series_volume(scene, result, name)]
    return [add_regularized(scene, volume, name)[0] for volume in result.volumes]


def options_of(mode: Mode, reference: slicer.vtkMRMLVolumeNode | None = None, **options: Any) -> RegularizeOptions:
    """Return the options of a mode: a volume node for the reference, None for what is not given.

    Raises UsageError, see :class:`~...series.regularize.options.RegularizeOptions` and :func:`reference_of_node`.
    """
    given = {name: value for name, value in options.items() if value is not None}
    grid = reference_of_node(reference) if reference is not None else None
    return RegularizeOptions(mode, reference=grid, **given)


def save_series_or_plan(
    source: Series | Plan,
    place: str | PathLike[str],
    mode: Mode | None = None,
    *,
    reference: slicer.vtkMRMLVolumeNode | None = None,
    stack: int | None = None,
    progress: Progress | None = None,
    run: Run | None = None,
    **options: Any,
) -> Outcome:
    """Write a series as new DICOM; parameters as in :func:`load_series_nodes`, the rest as in
    :func:`~...tasks.regularize.save_series`."""
    if isinstance(source, Plan):
        assert source.series is not None, "only plans of a series are handed out"
        return save_series(source.series, place, source, progress=progress, run=run)
    if mode is None and reference is not None:
        raise UsageError("A reference is for resampling; choose the mode resample.")
    how = options_of(mode, reference, **options) if mode is not None else None
    spacing = options.get("spacing_mm") if mode is None else None
    return save_series(source, place, how, spacing_mm=spacing, stack=stack, progress=progress, run=run)


def reference_of_node(node: slicer.vtkMRMLVolumeNode) -> ReferenceGrid:
    """Return the grid of a volume node where it is in the world.

    Raises UsageError when the node has no image, or is warped or sheared there.
    """
    index_to_ras, dimensions = volume_lattice(node)
    return ReferenceGrid(LPS_TO_RAS @ index_to_ras, dimensions)


def load_section_node(
    scene: slicer.vtkMRMLScene, paths: list[str | PathLike[str]], number: int
) -> slicer.vtkMRMLScalarVolumeNode:
    """Load one section (from 1) of a split series; errors as in :func:`load_series_nodes`."""
    planned = plan(the_series(paths, None), RegularizeOptions("split"))
    result = carry_out(planned, load_planned(planned))
    return add_regularized(scene, result.volumes[number - 1])[0]
