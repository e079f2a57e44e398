"""A dose through a transform: each point of the patient keeps what it was given, wherever it has moved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import ChoiceError, FileError, UsageError, errors_of_file
from ...output_file import replace_file
from ...progress import Progress
from ...registration.matrices import is_rigid
from ...series import load_series
from ...series.regularize.reference import ReferenceGrid
from ...space import apply_matrix
from ...volumes import Volume
from ..image_export.derivation import Derivation
from ..image_export.planes import planes_of
from ..image_export.reference import OTHER_PATIENT, ReferenceImages, reference_images
from .applied import Applied
from .dose_object import RT_DOSE, StoredDose, dose_object, stored_dose
from .images import is_volume_file, output_volume, prepare, told_of, write_volume
from .inputs import header_of, read_input
from .request import ApplyRequest
from .resample import resample
from .target import dicom_reference

if TYPE_CHECKING:
    from pydicom import Dataset

NOT_CONSERVED = (
    "Dose was interpolated at new places: energy (dose times mass) is not conserved where tissue is compressed or "
    "stretched, and doses of several registrations add up only as far as these are right."
)
_READ_BACK = 1e-6
"""Of the largest dose: how far a value that was read back may be off."""


def apply_dose(request: ApplyRequest, progress: Progress | None = None) -> Applied:
    """Bring an RT Dose along, into another RT Dose or a volume file in the units of its Dose Units (3004,0002).

    Without a reference a dose keeps its own grid: its voxels are those of its own file, moved so that their middle goes
    where the transform takes it, or carried along by a rigid matrix.

    Raises
    ------
    FileError
        When a file cannot be read, or the input is no RT Dose.
    UsageError
        When frames disagree, the dose or the reference is no lattice, or the output cannot be written; then nothing is
        left behind.
    """
    if not is_volume_file(request.output) and request.output.suffix.lower() != ".dcm":
        raise UsageError(f"{request.output}: a dose goes into a DICOM file (.dcm) or a volume file (.nrrd …)")
    given = read_input(request, progress, scale_dose=True)
    series = given.series
    if series is None or series.slices[0].header.sop_class_uid != RT_DOSE:
        raise FileError(request.input, "is no RT Dose (SOP Class UID (0008,0016)); other values are brought as images")
    findings, target, notes = prepare(request, given, own_grid=_own_grid)
    fill = 0.0 if request.fill is None else request.fill
    values = given.volume.array.astype(np.float64)
    sampled = resample(
        values,
        given.volume.index_to_lps,
        request.transform,
        target,
        interpolation=request.interpolation,
        fill=fill,
        progress=progress,
    )
    if request.interpolation == "cubic" and values.min() >= 0:
        np.maximum(sampled.array, 0, out=sampled.array)  # Splines swing below zero beside a steep fall.
    volume = output_volume(request, sampled.array, target)
    integral = _integral(values, given.volume), _integral(sampled.array, volume)
    header = header_of(series.slices[0].path)
    reference = reference_images(dicom_reference(request.reference))
    format_, more = _write(request, volume, header, reference)
    units = series.units or "units"
    notes += [NOT_CONSERVED, f"Where there is no dose {fill:g} is written; it does not mean no dose."]
    notes.append(f"Integral dose: {integral[0]:.6g} before, {integral[1]:.6g} {units} · mL after.")
    if reference.is_of_another_patient(header):
        notes.append(OTHER_PATIENT)
    return Applied(
        "dose",
        request.transform,
        request.output,
        format=format_,
        interpolation=request.interpolation,
        findings=tuple(findings),
        notes=tuple(notes),
        more={"units": series.units, "integral_dose_ml": list(integral), **more},
        **told_of(volume, sampled),
    )


def _integral(values: NDArray[np.floating], volume: Volume) -> float:
    return float(values.sum()) * abs(float(np.linalg.det(volume.index_to_lps[:3, :3]))) / 1000


def _own_grid(request: ApplyRequest, volume: Volume) -> tuple[ReferenceGrid, str]:
    """The dose's own voxels where they are brought to."""
    middle = apply_matrix(volume.index_to_lps, (np.array(volume.dimensions) - 1) / 2)[None]
    shift = (request.transform.push(middle).points - middle)[0]
    if not np.isfinite(shift).all():
        raise ChoiceError(
            f"{request.input}: its middle has no place in the {request.transform.sides[1]} frame; name an image there "
            "whose voxels the dose is brought to",
            "reference",
        )
    affine = volume.index_to_lps.copy()
    affine[:3, 3] += shift
    return ReferenceGrid(
        affine, volume.dimensions, request.transform.output_frame_uid
    ), "the dose's own grid, moved along"


def _write(
    request: ApplyRequest, volume: Volume, header: Dataset, reference: ReferenceImages
) -> tuple[str, dict[str, float]]:
    if is_volume_file(request.output):
        return write_volume(request, volume), {}
    planes = planes_of(volume, reference.stack)
    transform = request.transform
    derivation = Derivation(
        f"DicomRegInspector: {transform.description}, {request.interpolation} interpolation", transform.references
    )
    with errors_of_file(request.input, "holds elements that a dose made of it cannot keep"):
        dose = stored_dose(planes.array, 32 if int(header.get("BitsAllocated") or 32) > 16 else 16)
        instance = dose_object(
            planes,
            dose,
            header,
            reference,
            derivation,
            is_rigid=transform.mapping.grid is None and is_rigid(transform.mapping.affine),
            description=request.description,
        )

    def write(unfinished: Path) -> None:
        with errors_of_file(request.output, "cannot be written as DICOM"):
            instance.save_as(unfinished, enforce_file_format=True)
        _require_same(unfinished, planes, dose, request)

    replace_file(request.output, write)
    told = {"dose_grid_scaling": dose.scaling}
    return f"RT Dose in steps of {dose.scaling:.6g} (Dose Grid Scaling), read back", told


def _require_same(written: Path, planes: Volume, dose: StoredDose, request: ApplyRequest) -> None:
    """Load a dose again, and compare values and places.

    Raises UsageError when it reads otherwise.
    """
    read = load_series(written, scale_dose=True, dtype=np.float64)
    off = np.inf
    if read.array.shape == planes.array.shape and np.abs(read.affine_lps - planes.index_to_lps).max() < 0.01:
        off = float(np.abs(read.array - planes.array).max())
    if not off <= dose.scaling * 0.501 + _READ_BACK * float(np.abs(planes.array).max()):
        raise UsageError(
            f"{request.output}: what was written reads otherwise than it should; nothing was kept: report this"
        )
