"""A series as one array in patient space."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ...dicom.tags import Tag
from ...findings import Finding, by_severity
from ...progress import Progress
from ..geometry.frames import FrameSpacing, claimed_spacing
from ..geometry.series import Series
from ..geometry.stacks import Slice, Stack, corners_of, farthest_from_lattice_mm
from .choose_stack import Paths, the_series, the_stack
from .format import read_pixel_format
from .lay_out import LaidOut, lay_out, subject_of
from .load_pixels import Loaded, load_pixels
from .padding import Padding

REGULAR_MM = 1e-3
"""Slices closer than this to the lattice are where the lattice says; so does Slicer's reader judge."""


@dataclass(frozen=True, eq=False)
class SeriesVolume:
    """The slices of one stack as one array, placed by their positions. LPS mm.

    The array is C-contiguous and in this machine's byte order, so that NumPy and VTK can use it as it is.
    """

    array: NDArray[Any]
    """(nk, nj, ni), or (nk, nj, ni, channels) for colour: slices along the normal, rows, columns."""
    affine_lps: NDArray[np.float64]
    """(4, 4) from (i, j, k, 1) to LPS mm. The k axis runs along the line through the slices, tilt and shear included,
    at the nominal spacing: exact for a regular stack; where others lie, :attr:`slice_corners_lps_mm` says."""
    slice_positions_mm: NDArray[np.float64]
    """(nk,) along the normal (row × column direction), ascending."""
    slice_corners_lps_mm: NDArray[np.float64]
    """(nk, 3) Image Position (Patient) of each slice: the centre of its first pixel."""
    valid: NDArray[np.bool_]
    """(nk,) whether a slice holds the image's values; all of them, when read from files."""
    stack: Stack | None
    """What was loaded; None for images without a place."""
    slices: tuple[Slice, ...]
    """The slices in the array's order."""
    dropped: tuple[Slice, ...]
    """Further slices at positions that the array has a slice of already."""
    findings: tuple[Finding, ...]
    """About the series and about what loading it meant, most severe first."""
    units: str
    """Of the values, as the files name them (``HU``, ``BQML``, ``GY``); empty where unknown or values are as stored."""
    photometric: str
    """Photometric Interpretation (0028,0004) of the files; with MONOCHROME1, the lowest value is white."""
    is_stored: bool = False
    """Whether the array holds stored values, not rescaled ones."""
    padding: Padding | None = None
    """Which values of the array are no pixels of the image (Pixel Padding); None where the files name none."""

    @cached_property
    def padding_mask(self) -> NDArray[np.bool_]:
        """(nk, nj, ni) which voxels are padding. As large as the array's voxels are many; made when first asked for."""
        mask = np.zeros(self.array.shape[:3], dtype=bool)
        if self.padding is not None:
            for k, values in enumerate(self.array):
                found = self.padding.mask(values, k)
                if found is not None:
                    mask[k] = found
        return mask

    @property
    def padding_value(self) -> float | None:
        """The value of padding voxels, the same in all slices; None where there is no such value."""
        return self.padding.value if self.padding is not None else None

    @property
    def frame_uid(self) -> str:
        """Frame of Reference UID (0020,0052); empty where there is none."""
        return self.stack.frame_of_reference_uid if self.stack is not None else ""

    @property
    def series_uid(self) -> str:
        """Series Instance UID."""
        return self.slices[0].header.series_uid

    @property
    def study_uid(self) -> str:
        """Study Instance UID."""
        return self.slices[0].header.study_uid

    @property
    def modality(self) -> str:
        """Modality, for instance ``CT``."""
        return self.slices[0].header.modality

    @property
    def description(self) -> str:
        """Series Description."""
        return self.slices[0].header.series_description

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """(ni, nj, nk): columns, rows, slices."""
        nk, nj, ni = self.array.shape[:3]
        return ni, nj, nk

    @property
    def is_color(self) -> bool:
        """Whether the array has channels."""
        return self.array.ndim == 4

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """(3,) lengths of the steps along i, j and k; along a tilted k axis longer than between slice planes."""
        return np.linalg.norm(self.affine_lps[:3, :3], axis=0)

    @cached_property
    def deviation_mm(self) -> float:
        """The farthest that a slice lies from where :attr:`affine_lps` puts it."""
        return farthest_from_lattice_mm(self.slice_corners_lps_mm, self.affine_lps)

    @property
    def is_regular(self) -> bool:
        """Whether the affine matrix alone places every slice."""
        return self.deviation_mm <= REGULAR_MM

    @property
    def instance_uids(self) -> tuple[str, ...]:
        """SOP Instance UIDs of the files, each once, in the array's order."""
        return tuple(dict.fromkeys(slice_.sop_instance_uid for slice_ in self.slices))


def load_series(
    paths: Paths,
    *,
    stack: int | str | Stack | None = None,
    series_uid: str | None = None,
    stored_values: bool = False,
    scale_dose: bool = False,
    dtype: DTypeLike | None = None,
    frame_spacing: FrameSpacing = None,
    progress: Progress | None = None,
) -> SeriesVolume:
    """Read an image series into one array.

    Frames are placed by their positions, whatever the files are called and however they are numbered. Of several at
    one position the first (by acquisition, then instance number) is kept; the others are listed.

    Parameters
    ----------
    paths
        Files or folders (with all below them).
    stack
        By number from 1, label or value (``"b = 1000"``), see :func:`~.stack_choices.stacks_that_match`. None: the one
        with more than half of the images, or the first of equal sets; :func:`~.load_sets.load_sets` gives all.
    series_uid
        Which series, where the files are of several.
    stored_values
        Leave values as they are stored: no rescaling, no conversion of colours.
    scale_dose
        Give an RT Dose in the units of Dose Units (3004,0002), by its Dose Grid Scaling.
    dtype
        ``float32`` or ``float64`` to have values in. None: integers as long as all values are whole numbers, as
        narrow as holds them, else float64, which equals pydicom's ``apply_modality_lut`` bit for bit.
    frame_spacing
        How far apart to place frames that share one position, along their normal, in their order: so many mm, or
        ``"claimed"`` for what Spacing Between Slices or else Slice Thickness says. None: such frames are refused.
    progress
        Called as ``progress(done, total, text)``; returning False stops with :class:`~...errors.Cancelled`.

    Returns
    -------
    SeriesVolume
        A single file whose images have no position at all comes as an image without a place: at the origin, frames in
        file order, with a finding ``position-missing`` at severity error.

    Raises
    ------
    FileError
        A file cannot be read or decoded; ``code`` is that of the finding (``pixel-not-decodable``, ``pixel-data-
        missing``, ``file-truncated``, …).
    UsageError
        There is no image, no stack or more than one to choose from (they are named), or not enough memory.
    """
    series = the_series(paths, series_uid, frame_spacing)
    options: dict[str, Any] = {"stored_values": stored_values, "scale_dose": scale_dose, "dtype": dtype}
    if stack is None and not series.stacks and _is_unplaced(series):
        return _load_unplaced(series, frame_spacing, progress=progress, **options)
    return load_stack(the_stack(series, stack), series.findings, progress=progress, **options)


def load_stack(
    stack: Stack,
    findings: Iterable[Finding] = (),
    *,
    stored_values: bool = False,
    scale_dose: bool = False,
    dtype: DTypeLike | None = None,
    progress: Progress | None = None,
) -> SeriesVolume:
    """Read one stack of an inspected series. Parameters and errors as in :func:`load_series`."""
    places = lay_out(stack)
    loaded = load_pixels(
        places.kept, stored_values=stored_values, scale_dose=scale_dose, dtype=dtype, progress=progress
    )
    return volume_of(places, loaded, findings, is_stored=stored_values)


def volume_of(places: LaidOut, loaded: Loaded, findings: Iterable[Finding], *, is_stored: bool) -> SeriesVolume:
    """Put what was read of a stack's slices where they lie."""
    corners = corners_of(places.kept)
    return _volume(
        loaded,
        [*findings, *places.findings],
        is_stored,
        affine_lps=places.affine_lps,
        slice_positions_mm=corners @ places.stack.normal,
        slice_corners_lps_mm=corners,
        stack=places.stack,
        slices=places.kept,
        dropped=places.dropped,
    )


def _volume(loaded: Loaded, findings: list[Finding], is_stored: bool, **placed: Any) -> SeriesVolume:
    return SeriesVolume(
        array=loaded.array,
        valid=np.ones(len(loaded.array), dtype=bool),
        findings=tuple(by_severity([*findings, *loaded.findings])),
        units=loaded.units,
        photometric=loaded.photometric,
        is_stored=is_stored,
        padding=loaded.padding,
        **placed,
    )


def _is_unplaced(series: Series) -> bool:
    """Whether this is one file whose images were never given a position."""
    return (
        bool(series.slices)
        and len(series.paths) == 1
        and all(
            not slice_.header.raw(Tag.IMAGE_POSITION).strip(b" \0") and slice_.position_lps_mm is None
            for slice_ in series.slices
        )
    )


def _load_unplaced(series: Series, frame_spacing: FrameSpacing, **options: Any) -> SeriesVolume:
    header = series.slices[0].header
    # What the file claims is held against its size before anything is made of it.
    count = read_pixel_format(header).frames
    in_plane = series.slices[0].pixel_spacing_mm
    slices = tuple(
        Slice(header, None, None, in_plane, 0.0, frame_number=number if count > 1 else None)
        for number in range(1, count + 1)
    )
    step, source = claimed_spacing(header)
    if isinstance(frame_spacing, (int, float)):
        step, source = float(frame_spacing), "as was asked for"
    step = abs(step) if step else 1.0
    text = "The image has no position: it is put at the origin, frames in file order"
    if count > 1:
        text += f" and {step:g} mm apart ({source or 'for want of a spacing'})"
    text += ". It cannot be compared with others"
    evidence = {"frames": count, "assumed_spacing_mm": step}
    findings = [Finding("position-missing", "error", text, subject_of(slices[0]), evidence)]
    spacing = in_plane or (1.0, 1.0)
    positions = np.arange(count, dtype=np.float64) * step
    loaded = load_pixels(slices, **options)
    return _volume(
        loaded,
        findings + list(series.findings),
        bool(options["stored_values"]),
        affine_lps=np.diag([spacing[1], spacing[0], step, 1.0]),
        slice_positions_mm=positions,
        slice_corners_lps_mm=np.stack([np.zeros(count), np.zeros(count), positions], axis=1),
        stack=None,
        slices=slices,
        dropped=(),
    )
