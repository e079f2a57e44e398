"""All sets of a series: volume by volume, and as one array with an axis for the sets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ...errors import UsageError
from ...findings import Finding, by_severity
from ...memory import require_memory
from ...progress import Progress
from ..geometry.frames import FrameSpacing
from ..geometry.series import Series
from ..sets.attributes import Value
from .choose_stack import Choices, Paths, the_series, the_stacks
from .lay_out import LaidOut, lay_out
from .load_pixels import Loaded, load_pixels
from .padding import Padding
from .set_grid import SetGrid, shared_grid
from .stack_choices import names_that_differ, value_in
from .volume import SeriesVolume, load_stack, volume_of


@dataclass(frozen=True, eq=False)
class SeriesSets:
    """The sets of a series as volumes, and what tells them apart."""

    volumes: tuple[SeriesVolume, ...]
    """Each where its own slices lie; an incomplete set has fewer of them. Of sets that share a grid they are parts of
    one array."""
    numbers: tuple[int, ...]
    """Of the stacks of the series that they are, from 1."""
    grid: SetGrid | None
    """What they share; None where they share none."""
    grid_problem: str
    """Why they share no grid; empty where they do."""
    together: NDArray[Any] | None
    """(slices of all sets, nj, ni[, channels]), the array that the volumes are parts of; None where they share none."""
    findings: tuple[Finding, ...]
    """About the series, and about what loading its sets meant."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What each set is called."""
        return tuple(volume.stack.label for volume in self.volumes if volume.stack is not None)

    @cached_property
    def values(self) -> dict[str, tuple[Value | None, ...]]:
        """For each respect in which the sets are told apart, the value of each set.

        Numbers as in the files (a b-value in s/mm², times in ms); a gradient direction as text, ``x\\\\y\\\\z``.
        """
        stacks = [volume.stack for volume in self.volumes if volume.stack is not None]
        return {name: tuple(value_in(stack, name) for stack in stacks) for name in names_that_differ(stacks)}

    def array(self, fill: float | None = None) -> NDArray[Any]:
        """Return all sets as one array (t, nk, nj, ni), or (t, nk, nj, ni, channels) for colour, on :attr:`grid`.

        ``fill``: stands where a set lacks a slice. NaN, or what the values' type does not hold, makes them floating
        point. None: a missing slice is refused.
        Raises UsageError when the sets share no grid; or one lacks a slice, and no value was given to stand there; or
        there is not enough memory.
        """
        if self.grid is None or self.together is None:
            raise UsageError(f"{self.grid_problem} Take the volumes one by one, or choose sets that share a grid.")
        count = len(self.grid.slice_positions_mm)
        if self.grid.is_complete:
            return self.together.reshape(len(self.volumes), count, *self.together.shape[1:])
        if fill is None:
            raise UsageError(
                f"Not all sets are complete: {self.grid.missing_in_words(self.numbers)}. Give a value to fill in for "
                "missing slices (NaN, for instance), or choose complete sets."
            )
        dtype = _type_with(self.together.dtype, fill)
        shape = (len(self.volumes), count, *self.together.shape[1:])
        needed = int(np.prod(shape, dtype=object)) * dtype.itemsize
        require_memory(needed, f"An array of {' × '.join(map(str, shape))} {dtype} values")
        array = np.full(shape, fill, dtype)
        for part, volume, places in zip(array, self.volumes, self.grid.places, strict=True):
            part[places] = volume.array
        return array


def _type_with(dtype: np.dtype, fill: float) -> np.dtype:
    """The type, or floating point where it does not hold the fill value; single precision where that is exact."""
    if dtype.kind == "f":
        return dtype
    reach = np.iinfo(dtype)
    if float(fill).is_integer() and reach.min <= fill <= reach.max:
        return dtype
    return np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)


def load_sets(
    paths: Paths | Series,
    stacks: Choices = None,
    *,
    series_uid: str | None = None,
    stored_values: bool = False,
    scale_dose: bool = False,
    dtype: DTypeLike | None = None,
    frame_spacing: FrameSpacing = None,
    progress: Progress | None = None,
) -> SeriesSets:
    """Read the sets of an image series: time points, echoes, b-values, phases, stations.

    Parameters
    ----------
    paths
        Files or folders, or an inspected series.
    stacks
        Which sets, by number from 1, label or value, or several of these: ``"b = 1000"`` takes all sets of that value.
        None: all stacks of the series, localizers included.
    series_uid, stored_values, scale_dose, dtype, frame_spacing, progress
        See :func:`~.volume.load_series`.

    Returns
    -------
    SeriesSets
        In the order of the stacks. Sets that share a grid are read into one array, and have one type of values.

    Raises
    ------
    UsageError, FileError, Cancelled
        See :func:`~.volume.load_series`.
    """
    series = paths if isinstance(paths, Series) else the_series(paths, series_uid, frame_spacing)
    numbers = the_stacks(series, stacks)
    sets = [lay_out(series.stacks[number - 1]) for number in numbers]
    options: dict[str, Any] = {"stored_values": stored_values, "scale_dose": scale_dose, "dtype": dtype}
    try:
        grid = shared_grid(sets, numbers)
    except UsageError as error:
        # Findings of the series stand once, at the sets: here each has those of its own.
        each = tuple(load_stack(laid.stack, progress=progress, **options) for laid in sets)
        own = [finding for volume in each for finding in volume.findings]
        volumes = tuple(replace(volume, findings=(*series.findings, *volume.findings)) for volume in each)
        return SeriesSets(volumes, numbers, None, str(error), None, tuple(by_severity([*series.findings, *own])))
    loaded = load_pixels([slice_ for laid in sets for slice_ in laid.kept], progress=progress, **options)
    parts = _parts(sets, loaded)
    volumes = tuple(
        volume_of(laid, part, series.findings, is_stored=stored_values) for laid, part in zip(sets, parts, strict=True)
    )
    own = [*(finding for laid in sets for finding in laid.findings), *loaded.findings]
    return SeriesSets(volumes, numbers, grid, "", loaded.array, tuple(by_severity([*series.findings, *own])))


def _parts(sets: list[LaidOut], loaded: Loaded) -> list[Loaded]:
    """What was read of each set; arrays are views."""
    ends = np.cumsum([len(laid.kept) for laid in sets]).tolist()
    result = []
    for end, laid in zip(ends, sets, strict=True):
        part = slice(end - len(laid.kept), end)
        padding = Padding(loaded.padding.ranges[part]) if loaded.padding is not None else None
        result.append(replace(loaded, array=loaded.array[part], padding=padding))
    return result
