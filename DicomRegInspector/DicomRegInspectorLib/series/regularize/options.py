"""What regularizing is asked to do: made and checked once, where it is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ...errors import UsageError
from .reference import ReferenceGrid

Mode = Literal["acquisition", "resample", "split", "crop", "restack"]
MODES: tuple[Mode, ...] = ("acquisition", "resample", "split", "crop")
"""Of any stack."""
EVERY_MODE: tuple[Mode, ...] = (*MODES, "restack")
"""The last is for sections whose positions begin anew, and for nothing else."""
Duplicates = Literal["first", "last", "mean"] | int
"""Of several images at one place: the first or last by acquisition and instance number, their mean, or (a number)
that of this acquisition, which then also wins over others anywhere between its first and last slice."""
Overlaps = Literal["keep", "first", "last", "mean"]
"""Of two slices closer than the spacing around them: keep both where they lie, or make one of them."""
OVERLAPS: tuple[Overlaps, ...] = ("keep", "first", "last", "mean")
MAX_GAP = 1.0
"""Missing slices that are interpolated across by default: one that was lost; more may hold what is looked for."""


@dataclass(frozen=True)
class RegularizeOptions:
    """How a series is made regular. What no series can be regularized by raises UsageError, as it is made."""

    mode: Mode
    """``acquisition``: values untouched, and a displacement grid that puts every slice where its header says.
    ``resample``: on an orthogonal grid, linear between true positions, so that tilt is gone. Integers are rounded.
    ``split``: one volume for each section of constant spacing, values untouched. ``crop``: the section with the most
    slices. ``restack``: sections whose positions begin anew one behind the other, values untouched; see
    :mod:`.restack`."""
    spacing_mm: float | None = None
    """Of ``resample``, between slices; None: the nominal spacing, the one most intervals have."""
    in_plane_spacing_mm: float | tuple[float, float] | None = None
    """Of ``resample``, between rows and columns, one number or both; None: as in the files."""
    reference: ReferenceGrid | str | None = None
    """Of ``resample``: the grid itself, whatever its directions, or the file or folder of a volume that has it, which
    is read before anything is planned. None: the slices' own directions, large enough in plane for all."""
    max_gap: float = MAX_GAP
    """So many missing slices are interpolated across, more are not: there the fill value stands, and
    :attr:`~.regular.RegularVolume.valid` is false. ``split`` and ``crop`` break there in any case."""
    duplicates: Duplicates = "first"
    overlaps: Overlaps = "keep"
    fill: float | None = None
    """Stands where there is nothing; None: see :func:`~.values.fill_value`."""
    section_order: tuple[int, ...] | None = None
    """Of ``restack``: the numbers of all sections, from 1 as they were recorded, in the order in which they lie. None:
    as they were recorded, which the result then says is assumed."""
    section_gap_mm: float | None = None
    """Of ``restack``: from the last slice of a section to the first of the next, along the normal. None: the spacing
    of the slices, which the result then says is assumed."""

    def __post_init__(self) -> None:
        if self.mode not in EVERY_MODE:
            raise UsageError(f"There is no mode {self.mode!r}; expected one of {', '.join(EVERY_MODE)}.")
        self._check_sections()
        in_plane = self.in_plane_spacing_mm
        spacings = (self.spacing_mm, *(in_plane if isinstance(in_plane, tuple) else (in_plane,)))
        is_spaced = any(spacing is not None for spacing in spacings)
        if self.mode != "resample" and is_spaced:
            raise UsageError(f"A spacing can be chosen for mode resample; {self.mode} leaves slices where they are.")
        if self.mode != "resample" and self.reference is not None:
            raise UsageError(f"A reference can be chosen for mode resample; {self.mode} leaves slices where they are.")
        if self.reference is not None and is_spaced:
            raise UsageError("A reference has a spacing of its own; choose either it or spacings.")
        for spacing in spacings:
            if spacing is not None and not (math.isfinite(spacing) and spacing > 0):
                raise UsageError(f"The spacing asked for is {spacing:g} mm; expected more than 0.")
        if not self.max_gap >= 0:
            raise UsageError(f"max_gap is {self.max_gap:g}; expected a number of slices, 0 or more.")
        if self.overlaps not in OVERLAPS:
            raise UsageError(f"There is no choice of overlaps {self.overlaps!r}; expected keep, first, last or mean.")
        if not isinstance(self.duplicates, int) and self.duplicates not in ("first", "last", "mean"):
            raise UsageError(
                f"There is no choice of duplicates {self.duplicates!r}; expected first, last, mean or an acquisition "
                "number."
            )

    def _check_sections(self) -> None:
        order, gap = self.section_order, self.section_gap_mm
        if self.mode != "restack" and (order is not None or gap is not None):
            what = "An order of sections" if order is not None else "A gap between sections"
            raise UsageError(f"{what} can be chosen for mode restack; {self.mode} leaves slices where they are.")
        if self.mode == "restack" and (self.duplicates != "first" or self.overlaps != "keep"):
            raise UsageError("Mode restack keeps every slice: duplicates and overlaps cannot be chosen for it.")
        if order is not None and (not order or sorted(order) != list(range(1, len(order) + 1))):
            raise UsageError(
                f"The order of sections is {', '.join(map(str, order)) or 'empty'}; expected each number from 1 to the "
                "number of sections once."
            )
        if gap is not None and not (math.isfinite(gap) and gap > 0):
            raise UsageError(f"The gap between sections is {gap:g} mm; expected more than 0, from slice to slice.")

    @property
    def grid(self) -> ReferenceGrid | None:
        """The reference's grid.

        Raises UsageError when the reference is the name of a file that nobody has read.
        """
        if isinstance(self.reference, str):
            raise UsageError(f"{self.reference}: the reference has to be read before the series is planned.")
        return self.reference
