"""Regularized series as new DICOM series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import UsageError, errors_of_file
from ...progress import Progress, report_progress
from ..geometry.stacks import Slice
from ..regularize.regular import Regularized, RegularVolume
from .derived import SPATIAL_RESAMPLING, NewSeries, make_derived, new_series
from .new_folder import new_folder
from .sources import NOT_WRITTEN, Sources
from .stored_values import Encoding, choose_encoding, decimal_string, set_pixels

if TYPE_CHECKING:
    from pydicom import Dataset

_STALE = (
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
    "SmallestImagePixelValueInPlane",
    "LargestImagePixelValueInPlane",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "PixelAspectRatio",
    "ModalityLUTSequence",
    "RescaleSlope",
    "RescaleIntercept",
    "SliceLocation",
    "GantryDetectorTilt",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "PixelData",
    "FloatPixelData",
    "DoubleFloatPixelData",
    "PlanarConfiguration",
)
"""What says something of the former pixels or their places; readers unshear by Gantry/Detector Tilt."""
_WITH_RESCALE = ("CT", "PT")
"""Modalities whose images always name slope and intercept (PS3.3 C.8.2.1, C.8.9.4)."""


@dataclass(frozen=True)
class WrittenSeries:
    """One series that was written."""

    folder: Path
    paths: tuple[Path, ...]
    series_uid: str
    encoding: Encoding | None
    """How values are stored; None where the pixel data are those of the source."""


def write_series(
    result: Regularized, folder: str | PathLike[str], *, progress: Progress | None = None
) -> tuple[WrittenSeries, ...]:
    """Write each volume of a result as a new DICOM series into a new folder; several into folders within it.

    Frames of enhanced objects become images of one frame (CT, MR, PET, Secondary Capture), not compressed.

    Where values are untouched each instance is its source's with a new identity, pixel data to the bit, at the place
    its header had, or that it was restacked to, in a frame of reference of its own; slices of the fill value in gaps
    are not written. Otherwise slope and intercept are chosen so that every value comes back within half a step, and
    exactly where all are whole and fit into 16 bits.

    Raises UsageError when the folder is not empty, or lies in the source's; values cannot be stored with 16 bits.
    Raises FileError when a source cannot be read, or has frames that cannot be images of one frame; see
    :mod:`.single_frames`. Raises Cancelled when ``progress`` returned False; nothing is left behind then.
    """
    from pydicom.uid import generate_uid

    place = Path(folder)
    sources = [member.path for volume in result.volumes for members in volume.sources for member in members]
    plans = [(number + 1, volume, _encoding(volume)) for number, volume in enumerate(result.volumes)]
    total = sum(len(volume.array) for volume in result.volumes)
    done = 0
    written = []
    with new_folder(place, sources) as unfinished, Sources() as reading:
        for number, volume, encoding in plans:
            name = f"section-{number}" if len(plans) > 1 else ""
            (unfinished / name).mkdir(exist_ok=True)
            first = next(members[0] for members in volume.sources if members)
            code = None if volume.is_untouched else SPATIAL_RESAMPLING
            series = new_series(first, _what(result, volume), _derivation(volume), code, number)
            if volume.is_restacked:
                series = replace(series, frame_uid=str(generate_uid()))
            names = []
            for count, (path, instance) in enumerate(_instances(volume, series, encoding, reading), 1):
                names.append(f"{count:05d}.dcm")
                with errors_of_file(path, NOT_WRITTEN):
                    instance.save_as(unfinished / name / names[-1], enforce_file_format=True)
                done += 1
                report_progress(progress, done, total, "Writing DICOM", "Writing was stopped.")
            paths = tuple(place / name / file_name for file_name in names)
            written.append(WrittenSeries(place / name, paths, series.uid, encoding))
    return tuple(written)


def _encoding(volume: RegularVolume) -> Encoding | None:
    if volume.is_untouched:
        return None
    if volume.source.is_stored:
        raise UsageError("The volume holds stored values, not rescaled ones: load it with its values to write it back.")
    return choose_encoding(volume.array, zero_intercept=volume.source.modality == "PT")


def _what(result: Regularized, volume: RegularVolume) -> str:
    words = {
        "acquisition": "copy",
        "resample": f"resampled {volume.spacing_mm[2]:.4g} mm",
        "split": volume.label or "copy",
        "crop": "cropped",
        "restack": "restacked",
    }
    return words[result.mode]


def _derivation(volume: RegularVolume) -> str:
    label = f"{volume.label}: " if volume.label else ""
    return f"DicomRegInspector: {label}{volume.description}".replace("\\", "/")


def _instances(
    volume: RegularVolume, series: NewSeries, encoding: Encoding | None, reading: Sources
) -> Iterator[tuple[str, Dataset]]:
    """Each new instance, and the file that most of it comes from."""
    number = 0
    template: tuple[Slice, Dataset] | None = None
    everything = tuple(member for members in volume.sources for member in members)
    for k, members in enumerate(volume.sources):
        if encoding is None:
            if members:
                number += 1
                first = members[0]
                with errors_of_file(first.path, NOT_WRITTEN):
                    instance = reading.read(first)
                    make_derived(instance, series, number, members)
                    if first.is_restacked:
                        corner = volume.slice_corners_lps_mm[k]
                        instance.ImagePositionPatient = [decimal_string(value) for value in corner]
                        instance.pop("SliceLocation", None)
                yield first.path, instance
            continue
        nearest = _nearest(volume, k, members or everything)
        number += 1
        with errors_of_file(nearest.path, NOT_WRITTEN):
            if template is None or template[0] is not nearest:
                template = (nearest, reading.read(nearest, pixels=False))
            instance = _resampled(volume, k, template[1], series, number, encoding, members)
        yield nearest.path, instance


def _nearest(volume: RegularVolume, k: int, candidates: tuple[Slice, ...]) -> Slice:
    normal = volume.affine_lps[:3, 2] / volume.spacing_mm[2]
    height = volume.slice_corners_lps_mm[k] @ normal
    return min(candidates, key=lambda candidate: abs(np.asarray(candidate.position_lps_mm) @ normal - height))


def _resampled(
    volume: RegularVolume,
    k: int,
    template: Dataset,
    series: NewSeries,
    number: int,
    encoding: Encoding,
    sources: tuple[Slice, ...],
) -> Dataset:
    """One new image with the nearest source's description of patient and acquisition."""
    from copy import deepcopy

    instance = deepcopy(template)
    # Vendors keep geometry in private elements, too; overlays are drawn on the former pixels.
    instance.remove_private_tags()
    for element in [element.tag for element in instance if element.tag.group >> 8 in (0x50, 0x60)]:
        del instance[element]
    for keyword in _STALE:
        if keyword in instance:
            delattr(instance, keyword)
    make_derived(instance, series, number, sources)
    kind = list(instance.get("ImageType", ["", ""]) or ["", ""])
    instance.ImageType = ["DERIVED", "SECONDARY", *([kind] if isinstance(kind, str) else kind)[2:]]
    _set_geometry(instance, volume, k)
    _set_pixels(instance, volume, k, encoding)
    return instance


def _set_geometry(instance: Dataset, volume: RegularVolume, k: int) -> None:
    spacing = volume.spacing_mm
    cosines = (volume.affine_lps[:3, :2] / spacing[:2]).T.reshape(-1)
    instance.ImagePositionPatient = [decimal_string(corner) for corner in volume.slice_corners_lps_mm[k]]
    instance.ImageOrientationPatient = [decimal_string(cosine) for cosine in cosines]
    instance.PixelSpacing = [decimal_string(spacing[1]), decimal_string(spacing[0])]
    instance.SliceThickness = decimal_string(spacing[2])
    if "SpacingBetweenSlices" in instance:
        instance.SpacingBetweenSlices = decimal_string(spacing[2])


def _set_pixels(instance: Dataset, volume: RegularVolume, k: int, encoding: Encoding) -> None:
    stored = encoding.store(volume.array[k])
    set_pixels(instance, stored)
    if stored.ndim == 2 and (volume.source.modality in _WITH_RESCALE or (encoding.slope, encoding.intercept) != (1, 0)):
        instance.RescaleSlope, instance.RescaleIntercept = (
            decimal_string(encoding.slope),
            decimal_string(encoding.intercept),
        )
        if volume.source.modality != "PT" and not instance.get("RescaleType"):
            instance.RescaleType = "HU" if volume.source.modality == "CT" else "US"
    if not volume.is_all_valid and stored.ndim == 2:
        instance.add_new("PixelPaddingValue", "SS" if encoding.is_signed else "US", int(encoding.store(volume.fill)))
