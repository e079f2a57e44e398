"""Images through a transform, onto the voxels of an image in the frame that it leads to."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...dicom.values import name_of_uid
from ...errors import UsageError
from ...findings import Finding
from ...output_file import replace_file, require_utf8_name
from ...progress import Progress
from ...series.geometry.kinds import SEGMENTATIONS
from ...series.regularize.reference import ReferenceGrid
from ...series.regularize.regular import VOLUME_SUFFIXES
from ...volumes import Volume
from ...volumes.write_volume import write_volume_file
from ..image_export.derivation import Derivation
from ..image_export.export import ImageExport, ImageExportOptions, export_image
from ..image_export.kinds import UNITS_OF_MAPS
from .applied import Applied
from .dose_object import RT_DOSE
from .frames import check_frames, check_reference, said_of_frames
from .inputs import Input, read_input
from .meant import audit_images
from .request import ApplyRequest
from .resample import Sampled, resample
from .target import OwnGrid, dicom_reference, target_grid


def apply_image(request: ApplyRequest, progress: Progress | None = None) -> Applied:
    """Bring an image along and write it: a volume file, or DICOM images of the reference's study.

    Raises
    ------
    FileError
        When a file cannot be read.
    UsageError
        When frames disagree, the image or the reference is no lattice, values cannot be written, or the output cannot;
        then nothing is left behind.
    """
    _require_output(request)
    given = read_input(request, progress)
    _require_image(given, request.input)
    findings, target, notes = prepare(request, given)
    meant, not_checked = audit_images(request, given, progress)
    fill = given.fill(request.fill)
    values = given.values
    sampled = resample(
        values,
        given.volume.index_to_lps,
        request.transform,
        target,
        interpolation=request.interpolation,
        fill=fill,
        progress=progress,
    )
    array = sampled.array if values.dtype == given.volume.array.dtype else _in_type(sampled.array, given)
    volume = output_volume(request, array, target)
    format_, files, told = _write(request, volume, given, progress)
    if array.ndim == 4:
        notes.append(f"Its {array.shape[3]} channels were interpolated each for itself.")
    return Applied(
        "image",
        request.transform,
        request.output,
        files=files,
        format=format_,
        interpolation=request.interpolation,
        findings=(*findings, *meant),
        notes=(*notes, *told, *not_checked),
        **told_of(volume, sampled),
    )


def _require_output(request: ApplyRequest) -> None:
    if request.output.suffix.lower() == ".dcm":
        raise UsageError(f"{request.output}: images of a series are files of their own; name a new folder for them")


def _require_image(given: Input, name: str) -> None:
    """Refuse what is stored like an image and means something else."""
    class_uid = given.series.slices[0].header.sop_class_uid if given.series is not None else ""
    other = "dose" if class_uid == RT_DOSE else "labels" if class_uid in SEGMENTATIONS else ""
    if other:
        raise UsageError(f"{name}: is no image but {name_of_uid(class_uid)}; bring it along as {other}")


def prepare(
    request: ApplyRequest, given: Input, own_grid: OwnGrid | None = None
) -> tuple[list[Finding], ReferenceGrid, list[str]]:
    """Check the frames of an input and its reference, find the output's voxels, and tell of both.

    ``own_grid``: finds them where there is no reference and no rigid matrix; None: they are the registration's.

    Raises UsageError and FileError, see :func:`.frames.check_frames` and :func:`.target.target_grid`.
    """
    findings = check_frames(request, given.volume.frame_uid, request.input)
    target, words = target_grid(request, given.volume, own_grid)
    if request.reference:
        findings += check_reference(request, target.frame_uid, request.reference[0])
    notes = [f"Onto {words}.", *said_of_frames(request, given.volume.frame_uid)]
    return [*findings, *given.findings], target, notes


def output_volume(request: ApplyRequest, array: np.ndarray, target: ReferenceGrid) -> Volume:
    """Return what was sampled as a volume in the frame that the transform leads to."""
    frame = target.frame_uid or request.transform.output_frame_uid
    return Volume(array, target.affine_lps, "the result", frame_uid=frame)


def told_of(volume: Volume, sampled: Sampled) -> dict[str, Any]:
    """Return what an outcome tells of the voxels."""
    i, j, k = (float(value) for value in volume.spacing_mm)
    return {
        "dimensions": volume.dimensions,
        "spacing_mm": (i, j, k),
        "frame_uid": volume.frame_uid,
        "coverage": sampled.coverage,
        "residual": sampled.residual,
    }


def is_volume_file(output: Path) -> bool:
    """Tell whether an output is a volume file by its ending."""
    return output.name.lower().endswith(VOLUME_SUFFIXES)


def write_volume(request: ApplyRequest, volume: Volume) -> str:
    """Write a volume file in one step, read back before it takes its name; returns what it is.

    Raises UsageError when it cannot be written.
    """
    require_utf8_name(request.output, "SimpleITK")
    with request.quietly():
        replace_file(request.output, lambda place: write_volume_file(place, volume.array, volume.index_to_lps))
    return f"a volume of {volume.array.dtype} values, read back"


def _in_type(array: np.ndarray, given: Input) -> np.ndarray:
    """Values in the type that the input has; they were sampled in another for the sake of padding."""
    dtype = given.volume.array.dtype
    if dtype.kind in "iu":
        reach = np.iinfo(dtype)
        for plane in array:
            np.clip(np.rint(plane, out=plane), reach.min, reach.max, out=plane)
    return array.astype(dtype)


def _write(
    request: ApplyRequest, volume: Volume, given: Input, progress: Progress | None
) -> tuple[str, tuple[str, ...], list[str]]:
    if is_volume_file(request.output):
        return write_volume(request, volume), (), []
    export = export_dicom(request, volume, given, progress)
    return f"{export.sop_class}, read back", export.files, list(export.notes)


def _units(request: ApplyRequest, given: Input | None) -> str:
    """What the values are in, for a class of images that says it otherwise than the input's does."""
    known = given.series.units if given is not None and given.series is not None else ""
    return known if request.kind == "parametric-map" and known in UNITS_OF_MAPS else ""


def export_dicom(
    request: ApplyRequest, volume: Volume, given: Input | None, progress: Progress | None = None
) -> ImageExport:
    """Write a volume as DICOM images of the reference's patient and study, derived from the input's images.

    ``given``: the input, whose class the images keep; None: what they are is not the input's to say.

    Raises UsageError and FileError, see :func:`..image_export.export.export_image`.
    """
    of_input = (request.input,) if given is not None and given.series is not None else ()
    options = ImageExportOptions(
        reference=dicom_reference(request.reference),
        values_of=of_input,
        kind=request.kind,
        units=_units(request, given),
        description=request.description,
        derivation=Derivation(
            f"DicomRegInspector: brought {request.transform.direction}, {request.interpolation} interpolation; "
            f"{request.transform.description}",
            request.transform.references,
        ),
    )
    export = export_image(volume, os.fspath(request.output), options, progress, request.quietly)
    return replace(export, output=request.output)
