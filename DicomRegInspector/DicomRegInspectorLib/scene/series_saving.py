"""Writing an inspected series as DICOM on the grid of a node of the scene."""

from __future__ import annotations

from os import PathLike
from typing import Any

import slicer

from ..series import Series
from ..series.regularize.regular import Mode
from ..series.regularize.regularize import MAX_GAP
from ..tasks.regularize import Outcome, save_series
from .series.series_nodes import reference_of_node


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
