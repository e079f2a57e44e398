"""Reads the stack of a series that is worth regularizing, as planning a repair chooses it, with its values."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike

from DicomRegInspectorLib.series.pixels.choose_stack import the_series
from DicomRegInspectorLib.series.pixels.volume import SeriesVolume, load_stack
from DicomRegInspectorLib.series.regularize.one_per_place import Dropped, stack_to_regularize


def load_to_regularize(
    paths: str | PathLike[str] | Iterable[str | PathLike[str]],
) -> tuple[SeriesVolume, tuple[Dropped, ...]]:
    series = the_series(paths, None, None)
    chosen, apart = stack_to_regularize(series, None)
    return load_stack(chosen, series.findings), apart
