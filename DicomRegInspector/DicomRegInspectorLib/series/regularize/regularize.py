"""Irregular series made regular, in the way the user chooses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...memory import require_memory
from ...progress import Progress
from ..pixels.volume import SeriesVolume, load_stack
from .one_per_place import Dropped
from .options import Mode, RegularizeOptions
from .plan import Plan, plan_volume
from .regular import Regularized, RegularVolume
from .values import values_at


def regularize(
    volume: SeriesVolume,
    mode: Mode,
    *,
    apart: tuple[Dropped, ...] = (),
    progress: Progress | None = None,
    **options: Any,
) -> Regularized:
    """Make a series regular.

    Parameters
    ----------
    volume
        From :func:`~..pixels.volume.load_series`.
    mode, options
        Fields of :class:`~.options.RegularizeOptions`.
    apart
        Slices left out before, to be listed with those dropped here.

    Raises
    ------
    UsageError
        The volume has no usable positions, fewer than two, or the result needs more memory than there is.
    FileError
        A further slice cannot be read.
    """
    return carry_out(plan_volume(volume, RegularizeOptions(mode, **options), apart), volume, progress)


def load_planned(plan: Plan, progress: Progress | None = None) -> SeriesVolume:
    """Read the stack of a plan; errors as in :func:`~..pixels.volume.load_series`."""
    return load_stack(plan.stack, plan.series.findings if plan.series is not None else (), progress=progress)


def carry_out(plan: Plan, volume: SeriesVolume, progress: Progress | None = None) -> Regularized:
    """Make what was planned, of the volume that was planned with or was read since by :func:`load_planned`.

    Where it has other slices than its headers announced, it is planned anew. Errors as in :func:`regularize`.
    """
    if not plan.fits(volume):
        plan = plan_volume(volume, plan.options, plan.apart, plan.series, plan.restacked)
    if plan.new_voxels:
        needed = plan.new_voxels * volume.array[0, 0, 0].nbytes
        require_memory(needed, f"A result of {plan.new_voxels:,} {volume.array.dtype} values")
    values = values_at(plan.placed, volume, plan.options.fill)
    volumes = tuple(planned.make(plan.placed, values, progress) for planned in plan.volumes)
    if plan.restacked is not None:
        said = plan.restacked.description
        volumes = tuple(replace(volume, description=f"{said}: {volume.description}") for volume in volumes)
    return Regularized(plan.mode, volumes, plan.dropped, _describe(volumes, plan.dropped))


def _describe(volumes: tuple[RegularVolume, ...], dropped: tuple[Dropped, ...]) -> str:
    text = "; ".join(
        f"{volume.label}: {volume.description}" if volume.label else volume.description for volume in volumes
    )
    return text + (f"; left out: {len(dropped)}" if dropped else "")
