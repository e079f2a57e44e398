"""What regularizing a series will give, told from headers alone: the geometry, and what is left out or filled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import UsageError
from ...findings import Finding
from ..geometry.series import Series
from ..geometry.stacks import Stack, corners_of
from ..pixels.choose_stack import first_at_each_position
from ..pixels.volume import SeriesVolume
from .acquisition_grid import plan_acquisition
from .one_per_place import Dropped, Placed, place, stack_to_regularize
from .options import Mode, RegularizeOptions
from .regular import PlannedVolume
from .regular_runs import plan_sections
from .resample import plan_resampling
from .restack import Restacked, require_restacked, restack

IRREGULAR_CODES = ("slice-gap", "slice-overlap", "spacing-change", "gantry-tilt", "in-plane-shift")
"""Findings that say that slices do not lie on an upright lattice of one spacing."""
DUPLICATE_CODES = ("duplicate-position", "acquisitions-mixed")
"""Findings that say that several slices lie at one place by accident; those by design are no more than ``info``."""
WORTH_SAYING_MM = 0.1
"""Smaller deviations are rounding: of positions, or of direction cosines over the width of an image."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What :func:`~.regularize.carry_out` makes of a stack: which slices, where they come to lie, what is left out."""

    options: RegularizeOptions
    stack: Stack
    """What it is made of."""
    series: Series | None
    """What the stack is of; None where it was planned with a volume that was read."""
    placed: Placed
    volumes: tuple[PlannedVolume, ...]
    """One; for ``split`` one for each section."""
    apart: tuple[Dropped, ...]
    """Slices of the series that do not belong to the stack."""
    dropped: tuple[Dropped, ...]
    """All slices that will be in no volume, those apart first, each with the reason."""
    restacked: Restacked | None = None
    """Of ``restack``: how sections were put one behind the other, and what was assumed."""

    @property
    def mode(self) -> Mode:
        """How the stack is made regular."""
        return self.options.mode

    @property
    def has_means(self) -> bool:
        """Whether some slices are the means of several."""
        return any(len(place) > 1 for place in self.placed.candidates)

    @property
    def new_voxels(self) -> int:
        """Voxels that need memory besides the stack's own."""
        return sum(volume.new_voxels for volume in self.volumes)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user has to know to use the result."""
        said = self.restacked.notes if self.restacked is not None else ()
        deviation = max(volume.deviation_mm for volume in self.volumes)
        if deviation <= min(WORTH_SAYING_MM, self.placed.spacing.nominal_mm / 2):
            return said
        off = f"{deviation:.2g}" if deviation > WORTH_SAYING_MM else f"{deviation:.3g}"
        return (*said, f"slices are not quite parallel or in line: corners lie up to {off} mm off the result")

    def fits(self, volume: SeriesVolume) -> bool:
        """Tell whether a volume that was read has just the slices that were planned with."""
        planned = self.placed.slices
        is_same = len(planned) == len(volume.slices) and all(map(lambda a, b: a is b, planned, volume.slices))
        return is_same and bool(volume.valid.all())


def plan(series: Series, options: RegularizeOptions, stack: int | str | None = None) -> Plan:
    """Plan how a series is made regular, by its headers; no pixel is read.

    Raises UsageError when there is no such stack, it has no usable positions or fewer than two, or the result needs
    more memory than there is.

    ``stack``: see :func:`~.one_per_place.stack_to_regularize`.
    """
    if options.mode == "restack":
        whole, apart = stack_to_regularize(series, stack, is_divided=False)
        restacked = restack(whole, options)
        return plan_volume(_without_values(restacked.stack), options, apart, series, restacked)
    chosen, apart = stack_to_regularize(series, stack)
    return plan_volume(_without_values(chosen), options, apart, series)


def plan_volume(
    volume: SeriesVolume,
    options: RegularizeOptions,
    apart: tuple[Dropped, ...] = (),
    series: Series | None = None,
    restacked: Restacked | None = None,
) -> Plan:
    """Plan how a volume that was read is made regular; parameters and errors as in :func:`plan`.

    Parameters
    ----------
    apart
        Slices left out before, to be listed with those dropped here.
    restacked
        How the volume's sections were put one behind the other, for ``restack``.
    """
    if options.mode == "restack":
        require_restacked(volume.slices)
    placed = place(volume, options)
    dropped = [*apart, *placed.dropped]
    volumes: list[PlannedVolume] = []
    if options.mode in ("acquisition", "restack"):
        volumes = [plan_acquisition(placed, options)]
    elif options.mode == "resample":
        volumes = [plan_resampling(placed, options)]
    else:
        sections, outside = plan_sections(placed, options)
        volumes += sections
        dropped += outside
    return Plan(options, placed.stack, series, placed, tuple(volumes), apart, tuple(dropped), restacked)


def irregularities(series: Series) -> tuple[Finding, ...]:
    """Return the findings that say why the stack worth regularizing is irregular; empty for a regular one or none."""
    try:
        chosen, _ = stack_to_regularize(series)
    except UsageError:
        return ()
    if chosen.is_localizer or len(chosen.distinct) < 2:
        return ()
    inside = {slice_.sop_instance_uid for slice_ in chosen.slices}
    codes = IRREGULAR_CODES + (DUPLICATE_CODES if len(chosen.distinct) < len(chosen.slices) else ())
    return tuple(
        finding
        for finding in series.findings
        if finding.code in codes and finding.severity != "info" and _is_about(finding, inside)
    )


def _is_about(finding: Finding, uids: set[str]) -> bool:
    named = finding.evidence.get("sop_instance_uids")
    return not named or not uids.isdisjoint(named)


def _without_values(stack: Stack) -> SeriesVolume:
    """The stack as a volume whose array takes no memory: one value, seen as many times as there are voxels."""
    kept, dropped = first_at_each_position(stack)
    corners = corners_of(kept)
    between_rows, between_columns = kept[0].pixel_spacing_mm or (1.0, 1.0)
    return SeriesVolume(
        array=np.broadcast_to(np.uint8(0), (len(kept), stack.rows, stack.columns)),
        affine_lps=np.diag([between_columns, between_rows, 1.0, 1.0]),
        slice_positions_mm=corners @ stack.normal,
        slice_corners_lps_mm=corners,
        valid=np.ones(len(kept), dtype=bool),
        stack=stack,
        slices=kept,
        dropped=dropped,
        findings=(),
        units="",
        photometric="",
    )
