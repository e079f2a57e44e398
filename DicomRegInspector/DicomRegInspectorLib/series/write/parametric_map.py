"""Values that 16 bits cannot hold, as a DICOM Parametric Map of floating-point numbers (PS3.3 A.75), exact."""

from __future__ import annotations

from io import BytesIO
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import FileError, UsageError, errors_of_file, without_warnings
from ...output_file import replace_file
from ..geometry.stacks import Slice
from ..regularize.regular import RegularVolume
from .new_folder import require_new_folder
from .single_frames import elements_in_words
from .sources import read_file

if TYPE_CHECKING:
    from pydicom import Dataset

_UNITS = {"HU": ("[hnsf'U]", "UCUM", "Hounsfield unit"), "BQML": ("Bq/ml", "UCUM", "Becquerels/milliliter")}
_NOT_COPIED = "describes its images in a way that a Parametric Map cannot take over"
_IDENTITY = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "FrameOfReferenceUID")
_PLANE, _FRAMES = ("ImagePositionPatient", "ImageOrientationPatient"), ("PerFrameFunctionalGroupsSequence",)
_NO_UNITS = ("1", "UCUM", "no units")


def write_parametric_map(volume: RegularVolume, path: str | PathLike[str]) -> Path:
    """Write a volume as one Parametric Map object; values are float32 or float64 and come back bit for bit.

    float64 is used where float32 does not hold a value.

    Raises
    ------
    UsageError
        highdicom is not installed; the file is there already or lies in the source's folder; colours, slices in gaps
        of an acquisition grid, or a tilted section, which this object cannot place.
    FileError
        A source cannot be read.
    """
    hd = import_highdicom("Parametric Maps")
    place = Path(path)
    if volume.array.ndim == 4:
        raise UsageError("A Parametric Map holds one number for each pixel, no colours.")
    if volume.displacement is not None:
        raise UsageError("A Parametric Map of an irregular volume cannot be written; resample, split or crop it.")
    if volume.is_restacked:
        raise UsageError(
            "A Parametric Map keeps the frame of reference of its images, which restacked sections have left: write "
            "them as images, into a new folder."
        )
    if place.exists():
        raise UsageError(f"{path}: already exists and is not overwritten; name another file")
    slices = list({member.path: member for members in volume.sources for member in members}.values())
    require_new_folder(place, [slice_.path for slice_ in slices])
    sources = [read_file(slice_.path, pixels=False) for slice_ in slices]
    if len(sources) > 1 and any(slice_.frame_number is not None for slice_ in slices):
        raise UsageError("A Parametric Map of several files with several frames each cannot be written.")
    for source, slice_ in zip(sources, slices, strict=True):
        with errors_of_file(slice_.path, _NOT_COPIED):
            _complete(source, slice_.path)
            if slice_.frame_number is not None:
                _type_planes(hd, source, slice_)
    # highdicom comments on patients' names, in full.
    with errors_of_file(slices[0].path, _NOT_COPIED):
        parametric_map = hd.pm.ParametricMap(
            source_images=sources,
            pixel_array=_as_floats(volume.array),
            series_instance_uid=hd.UID(),
            series_number=min(abs(int(sources[0].get("SeriesNumber") or 0)), 10**7) * 100 + 1,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            # Whether a face can be recognized is the source's to say; who does not know must not deny it.
            contains_recognizable_visual_features=sources[0].get("RecognizableVisualFeatures") != "NO",
            **_content(hd, volume),
            **_geometry(hd, volume),
        )
        _take_over(parametric_map, sources[0])
    parametric_map.ContentDescription = f"DicomRegInspector: {volume.description}"[:64]
    for keyword in {"FloatPixelData", "DoubleFloatPixelData"} & set(parametric_map.dir()):
        # In parts: writing all at once copies them in one call, in which an application stands still.
        parametric_map[keyword].value = BytesIO(parametric_map[keyword].value)
    with without_warnings():
        replace_file(place, parametric_map.save_as)
    return place


def _take_over(parametric_map: Dataset, source: Dataset) -> None:
    """Say what highdicom leaves out."""
    if "SpecificCharacterSet" in source:
        # What is copied is in it, in sequences byte for byte.
        parametric_map.SpecificCharacterSet = source.SpecificCharacterSet
    if "Laterality" not in parametric_map:
        parametric_map.Laterality = source.get("Laterality", "")
    described = str(source.get("SeriesDescription") or "")
    parametric_map.SeriesDescription = f"{described[:48]} regularized".strip()


def import_highdicom(written: str) -> ModuleType:
    """Return the library that writes some kinds of objects; ``written`` is what messages call them.

    Raises UsageError when it is not installed.
    """
    try:
        import highdicom
    except ImportError as error:
        raise UsageError(
            f"{written} are written with highdicom, which is missing (Slicer has it): pip install highdicom"
        ) from error
    return highdicom


def _complete(source: Dataset, path: str) -> None:
    """What highdicom copies from the source without asking: type 2 may be empty, the rest may not."""
    planes = _FRAMES if "NumberOfFrames" in source else _PLANE
    missing = [keyword for keyword in (*_IDENTITY, *planes) if not source.get(keyword)]
    if missing:
        problem = f"lacks {elements_in_words(missing)}, which a Parametric Map takes over from its images."
        raise FileError(path, f"{problem} Write a volume file (.nrrd, .nii.gz) instead.")
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber"):
        if keyword not in source:
            setattr(source, keyword, "")
    for keyword in ("StudyDate", "StudyTime", "ReferringPhysicianName"):
        if keyword not in source:
            setattr(source, keyword, None)


def _type_planes(hd: ModuleType, source: Dataset, first: Slice) -> None:
    """highdicom compares a source's planes with new ones, and wants them as objects of its own for that."""
    patient = hd.CoordinateSystemNames.PATIENT
    for frame in source.get("PerFrameFunctionalGroupsSequence", []):
        for plane in list(frame.get("PlanePositionSequence", [])):
            frame.PlanePositionSequence = hd.PlanePositionSequence(
                patient, [float(v) for v in plane.ImagePositionPatient]
            )
    if not source.get("SharedFunctionalGroupsSequence"):
        from pydicom import Dataset

        source.SharedFunctionalGroupsSequence = [Dataset()]
    orientation = hd.PlaneOrientationSequence(patient, list(first.orientation or ()))
    source.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence = orientation


def _as_floats(array: np.ndarray) -> np.ndarray:
    if array.dtype in (np.float32, np.float64):
        return array
    if array.dtype.itemsize <= 2:
        return array.astype(np.float32)
    return array.astype(np.float64)


def _content(hd: ModuleType, volume: RegularVolume) -> dict[str, Any]:
    from pydicom.sr.coding import Code

    from ... import __version__

    units = Code(*_UNITS.get(volume.source.units, _NO_UNITS))
    low, high = float(volume.array.min()), float(volume.array.max())
    mapping = hd.pm.RealWorldValueMapping(
        lut_label="values", lut_explanation="values", unit=units, value_range=(low, high), slope=1.0, intercept=0.0
    )
    return {
        "manufacturer": "DicomRegInspector contributors",
        "manufacturer_model_name": "DicomRegInspector",
        "software_versions": __version__,
        "device_serial_number": "1",
        "real_world_value_mappings": [mapping],
        "window_center": (low + high) / 2,
        "window_width": max(high - low, 1.0),
    }


def _geometry(hd: ModuleType, volume: RegularVolume) -> dict[str, Any]:
    spacing = volume.spacing_mm
    cosines = (volume.affine_lps[:3, :2] / spacing[:2]).T.reshape(-1)
    patient = hd.CoordinateSystemNames.PATIENT
    normal = np.cross(cosines[:3], cosines[3:])
    between = abs(float(normal @ volume.affine_lps[:3, 2]))
    return {
        "pixel_measures": hd.PixelMeasuresSequence(
            pixel_spacing=(float(spacing[1]), float(spacing[0])),
            slice_thickness=between,
            spacing_between_slices=between,
        ),
        "plane_orientation": hd.PlaneOrientationSequence(patient, cosines.tolist()),
        "plane_positions": [
            hd.PlanePositionSequence(patient, corner.tolist()) for corner in volume.slice_corners_lps_mm
        ],
    }
