"""Slices and stacks: which images belong together, and where they lie along their normal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...dicom.header import Header, decimals_of
from ...dicom.tags import Tag
from ...space import cross
from ..sets.attributes import Told, value_of
from .spacing import RELATIVE_TOLERANCE, Section, Spacing, judge_spacing, same_position_mm

ORIENTATION_TOLERANCE = 2e-3
"""Direction cosines that differ by less (0.1 degree) are one orientation: many writers give three decimals."""
PIXEL_SPACING_TOLERANCE = 1e-3
"""Relative; over 1,000 pixels it amounts to one pixel."""


ULTRASOUND_VOLUME, SLIDE, UNPLACED = "ultrasound volume", "slide", "unplaced"
"""Coordinates of slices that do not lie in the patient; ``unplaced``: which the file does not say, told of it."""


LOCALIZERS = frozenset(["LOCALIZER", "SCOUT", "SCANOGRAM", "TOPOGRAM", "SURVIEW"])
"""What makers call an overview in Image Type; the first is that of PS3.3 C.8.2.1.1.1."""


@dataclass(frozen=True, slots=True)
class Tile:
    """The part of an image that one slice takes, where an image holds several side by side. Pixels, from 0."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Slice:
    """One image plane: a file, or one frame of a file with several. LPS mm."""

    header: Header
    position_lps_mm: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    """Row cosines, then column cosines."""
    pixel_spacing_mm: tuple[float, ...] | None
    precision_mm: float
    """The last digit the position was written with; 0 where unknown."""
    orientation_precision: float = 0.0
    frame_number: int | None = None
    """From 1 in a file with several frames, else None."""
    frame_values: Mapping[str, float | str] = field(default_factory=dict)
    """What a frame says for itself where a single image has it in its header."""
    tile: Tile | None = None
    """Which part of the image this slice is; None for the whole of it."""
    coordinates: str = ""
    """What the position is relative to, where that is not the patient; see :data:`UNPLACED`."""
    unread: tuple[tuple[int, bytes], ...] = ()
    """Elements of a frame that hold no such numbers as they should, as they are."""
    is_restacked: bool = False
    """Whether the position is where its section was put by :mod:`~...series.regularize.restack`, not the header's."""

    @property
    def rows(self) -> int:
        """Rows of the slice."""
        return self.header.rows if self.tile is None else self.tile.rows

    @property
    def columns(self) -> int:
        """Columns of the slice."""
        return self.header.columns if self.tile is None else self.tile.columns

    @property
    def path(self) -> str:
        """The file."""
        return self.header.path

    @property
    def sop_instance_uid(self) -> str:
        """SOP Instance UID of the file."""
        return self.header.sop_instance_uid

    @property
    def instance_number(self) -> int | None:
        """Instance Number, or the frame's number in a file with several."""
        return self.frame_number if self.frame_number is not None else self.header.instance_number

    @property
    def slice_thickness_mm(self) -> float | None:
        """Slice Thickness."""
        return _as_float(self.frame_values.get("slice thickness"), self.header.slice_thickness_mm)

    @property
    def spacing_between_slices_mm(self) -> float | None:
        """Spacing Between Slices as the header claims it."""
        return _as_float(self.frame_values.get("spacing between slices"), self.header.spacing_between_slices_mm)

    @property
    def is_localizer(self) -> bool:
        """Whether Image Type names a localizer, from value 3 on."""
        kind = self.frame_values.get("image type")
        values = str(kind).split("\\") if kind is not None else self.header.image_type
        return any(value in LOCALIZERS for value in values[2:])

    def value(self, name: str) -> float | str | None:
        """Return an attribute by its name in :data:`~..sets.attributes.ATTRIBUTES`; None where it is not known."""
        if name in self.frame_values:
            return self.frame_values[name]
        return value_of(self.header, name)


def _as_float(own: float | str | None, other: float | None) -> float | None:
    return own if isinstance(own, float) else other


def slice_of(header: Header) -> Slice:
    """Return the slice of a file with one image."""
    raw_position = header.raw(Tag.IMAGE_POSITION)
    return Slice(
        header,
        header.image_position_mm,
        header.image_orientation,
        header.pixel_spacing_mm,
        precision_of(raw_position),
        precision_of(header.raw(Tag.IMAGE_ORIENTATION)),
    )


def precision_of(raw: bytes) -> float:
    """Return the last digit of DS values as a number: 0.01 for ``1.25\\\\3.5``; 0 where nothing is a number."""
    decimals = decimals_of(raw)
    return 10.0**-decimals if decimals is not None and abs(decimals) < 300 else 0.0


@dataclass(frozen=True)
class Stack:
    """Slices of one orientation, size, pixel spacing and frame of reference, sorted along their normal."""

    slices: tuple[Slice, ...]
    label: str = ""
    """What sets this stack apart within its series, for instance ``temporal position 3``; empty when nothing does."""
    is_localizer: bool = False
    interval_tolerance: float = RELATIVE_TOLERANCE
    """Share of the spacing that an interval may be off before it is irregular."""
    told: tuple[Told, ...] = ()
    """What tells this stack from the other sets of its series; what the label says."""
    shared_spacing_mm: float | None = None
    """Between the places that this set has in common with others: of its own, most may be lost."""

    @property
    def frame_of_reference_uid(self) -> str:
        """Frame of Reference UID of the slices."""
        return self.slices[0].header.frame_of_reference_uid

    @property
    def rows(self) -> int:
        """Rows of each slice."""
        return self.slices[0].rows

    @property
    def columns(self) -> int:
        """Columns of each slice."""
        return self.slices[0].columns

    @property
    def pixel_spacing_mm(self) -> tuple[float, ...] | None:
        """Between rows, then between columns."""
        return self.slices[0].pixel_spacing_mm

    @cached_property
    def axes(self) -> NDArray[np.float64]:
        """(3, 3): unit row direction, column direction and normal as rows, LPS."""
        return axes_of(self.slices[0].orientation or ())

    @property
    def normal(self) -> NDArray[np.float64]:
        """(3,) unit normal, row direction × column direction."""
        return self.axes[2]

    @cached_property
    def corners_lps_mm(self) -> NDArray[np.float64]:
        """(n, 3) Image Position (Patient) of each slice."""
        return corners_of(self.slices)

    @cached_property
    def positions_mm(self) -> NDArray[np.float64]:
        """(n,) positions along the normal, ascending."""
        return self.corners_lps_mm @ self.normal

    @property
    def intervals_mm(self) -> NDArray[np.float64]:
        """(n-1,) distances between neighbouring slices along the normal."""
        return np.diff(self.positions_mm)

    @cached_property
    def precision_mm(self) -> float:
        """What rounding to the digits written can move a slice along the normal, twice over: one digit's worth.

        Only the components that vary from slice to slice count; a component that is the same in all moves none.
        """
        digit = min((slice_.precision_mm for slice_ in self.slices if slice_.precision_mm > 0), default=0.0)
        varies = np.ptp(self.corners_lps_mm, axis=0) > 0
        return digit * float(np.abs(self.normal)[varies].sum())

    @cached_property
    def distinct(self) -> NDArray[np.intp]:
        """Indices of the first slice at each position."""
        positions = self.positions_mm
        apart = np.diff(positions) > same_position_mm(positions)
        return np.concatenate([[0], np.flatnonzero(apart) + 1])

    @cached_property
    def spacing(self) -> Spacing | None:
        """The intervals between distinct positions, judged; None for a single position.

        Its slice numbers count distinct positions; :attr:`sections` has them as slice numbers.
        """
        positions = self.positions_mm[self.distinct]
        return judge_spacing(positions, self.precision_mm, self.interval_tolerance, self.shared_spacing_mm)

    def slice_number(self, place: int) -> int:
        """Return the slice number (from 1) of the ``place``-th distinct position (from 1)."""
        return int(self.distinct[place - 1]) + 1

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Sections of constant spacing, by slice numbers."""
        if self.spacing is None:
            return ()
        return tuple(
            Section(self.slice_number(section.first), self.slice_number(section.last), section.spacing_mm)
            for section in self.spacing.sections
        )

    @property
    def nominal_spacing_mm(self) -> float | None:
        """The usual distance between neighbouring positions; None for a single one."""
        return self.spacing.nominal_mm if self.spacing else None

    @cached_property
    def line(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The line through the slice positions.

        Returns
        -------
        slope : (2,) mm in plane, along row and column direction, for each mm along the normal
        residuals : (n, 2) how far each slice lies beside that line, mm
        """
        return line_through(self.positions_mm, self.corners_lps_mm @ self.axes[:2].T, self.precision_mm)

    @cached_property
    def tilt_deg(self) -> float | None:
        """Angle between the normal and the line through the slice positions; None for a single position."""
        return math.degrees(math.atan(float(np.hypot(*self.line[0])))) if len(self.distinct) > 1 else None


def corners_of(slices: Sequence[Slice]) -> NDArray[np.float64]:
    """Return (n, 3) Image Position (Patient) of each slice, LPS mm."""
    return np.array([slice_.position_lps_mm for slice_ in slices], dtype=np.float64).reshape(-1, 3)


def lattice(
    axes: NDArray[np.float64], pixel_spacing_mm: Sequence[float], origin: ArrayLike, step: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (4, 4) from (i, j, k, 1) to LPS mm.

    Its columns and rows run along axes as :func:`axes_of` has them, its slices from the origin by a step (3,).
    """
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = axes[0] * pixel_spacing_mm[1], axes[1] * pixel_spacing_mm[0]
    affine[:3, 2], affine[:3, 3] = step, origin
    return affine


def farthest_from_lattice_mm(corners: NDArray[np.float64], affine: NDArray[np.float64]) -> float:
    """Return the farthest that the first pixel of a slice, (n, 3), lies from the lattice's of the same number."""
    places = affine[:3, 3] + np.arange(len(corners))[:, None] * affine[:3, 2]
    return float(np.linalg.norm(corners - places, axis=1).max(initial=0.0))


def even_line(corners: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the first of evenly spaced places (3,) nearest to corners (n, 3), two or more, and their step (3,).

    By least squares, so that the rounding of single positions does not add up.
    """
    index = np.arange(len(corners)) - (len(corners) - 1) / 2
    step = index @ corners / (index @ index)
    return corners.mean(axis=0) - step * (len(corners) - 1) / 2, step


def axes_of(orientation: Sequence[float]) -> NDArray[np.float64]:
    """Return (3, 3): unit row direction, column direction and normal as rows.

    The row direction is kept, the column direction made perpendicular to it.
    """
    cosines = np.asarray(orientation, dtype=np.float64)
    row = cosines[:3] / np.linalg.norm(cosines[:3])
    normal = cross(row, cosines[3:])
    normal /= np.linalg.norm(normal)
    return np.stack([row, cross(normal, row), normal])


def line_through(
    positions: NDArray[np.float64], in_plane: NDArray[np.float64], precision: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit in-plane offsets (n, 2) as a linear function of positions (n,), so that steps and outliers do not tilt it.

    Least squares where everything lies on the line; else one slope for the stretches between steps in plane, and the
    line through the longest of them; where there are no such stretches, median slopes over half the stack (Theil-Sen),
    then least squares over the slices near that line.
    """
    span = np.ptp(positions)
    if positions.size < 2 or span <= 0:
        return np.zeros(2), np.zeros_like(in_plane)
    slope, residuals = _least_squares(positions, in_plane, np.ones(positions.size, dtype=bool))
    reach = max(PRECISION_REACH * precision, 1e-3)
    if positions.size < 4 or np.abs(residuals).max() <= reach:
        return slope, residuals
    stepped = _line_of_steps(positions, in_plane, max(reach, LEAST_STEP_MM))
    if stepped is not None:
        return stepped
    half = positions.size // 2
    along = positions[half:] - positions[:-half]
    usable = along > span * 1e-6
    slopes = (in_plane[half:] - in_plane[:-half])[usable] / along[usable, None]
    robust = np.median(slopes, axis=0)
    beside = in_plane - positions[:, None] * robust
    beside -= np.median(beside, axis=0)
    inliers = np.abs(beside).max(axis=1) <= max(reach, 3 * float(np.median(np.abs(beside).max(axis=1))))
    if inliers.sum() < 2 or np.ptp(positions[inliers]) <= 0:
        inliers[:] = True
    return _least_squares(positions, in_plane, inliers)


PRECISION_REACH = 2.0
"""Digits by which rounding may move a slice beside its line."""
LEAST_STEP_MM = 0.01
"""Smaller steps in plane from slice to slice are no steps."""
MOST_STEPS = 1 / 3
"""Steps as a share of the slices, beyond which they are scatter."""


def _line_of_steps(
    positions: NDArray[np.float64], in_plane: NDArray[np.float64], reach: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Slope and residuals of stretches of one slope that steps in plane divide; None where that is no description."""
    along = np.diff(positions)
    usable = along > 1e-6 * np.ptp(positions)
    slopes = np.diff(in_plane, axis=0)[usable] / along[usable, None]
    slope = np.median(slopes, axis=0)
    beside = in_plane - positions[:, None] * slope
    steps = np.abs(np.diff(beside, axis=0)).max(axis=1) > reach
    if not 0 < steps.sum() <= max(2, MOST_STEPS * positions.size):
        return None
    stretch = np.concatenate([[0], np.cumsum(steps)])
    sizes = np.bincount(stretch)
    means = np.stack([np.bincount(stretch, column) for column in (positions, *in_plane.T)], axis=1) / sizes[:, None]
    centred = positions - means[stretch, 0]
    if not centred @ centred > 0:
        return None
    slope = centred @ (in_plane - means[stretch, 1:]) / (centred @ centred)
    offsets = means[:, 1:] - means[:, :1] * slope
    # The line is that of the most slices, stretches that lie on one line counted together.
    _, kinds = np.unique(np.rint(offsets / (2 * reach)), axis=0, return_inverse=True)
    main = int((np.bincount(kinds.reshape(-1), sizes)[kinds.reshape(-1)]).argmax())
    return slope, in_plane - positions[:, None] * slope - offsets[main]


def _least_squares(
    positions: NDArray[np.float64], in_plane: NDArray[np.float64], use: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    centre, middle = positions[use].mean(), in_plane[use].mean(axis=0)
    along = positions[use] - centre
    slope = along @ (in_plane[use] - middle) / (along @ along)
    return slope, in_plane - middle - (positions - centre)[:, None] * slope
