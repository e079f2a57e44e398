"""Label volumes as Segmentation objects (PS3.3 A.51), made with highdicom."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError, errors_of_file
from ...registration.file.write.dicom_object import NewIdentity, Reference, ReferencedImages, new_object, reference_item
from ...series.regularize.reference import REGULAR_MM
from ...series.write.parametric_map import import_highdicom
from ...series.write.single_frames import CT
from ...volumes import Volume
from .kinds import Kind, require_stated

if TYPE_CHECKING:
    from pydicom import Dataset

_TISSUE = ("85756007", "SCT", "Tissue")
_ALGORITHMS = ("AUTOMATIC", "SEMIAUTOMATIC", "MANUAL")
_LABEL = "Label "
_MOST_LABELS = 65535


def labels_of(volume: Volume) -> NDArray[np.int64]:
    """Return the labels of a volume but 0, ascending.

    Raises UsageError when it holds other numbers than whole ones from 0 on, or no label.
    """
    called = volume.name or "the volume"
    found: set[int] = set()
    for plane in volume.array:
        values = np.unique(plane)
        if not np.isfinite(values).all() or (values != np.rint(values)).any() or (values < 0).any():
            raise UsageError(f"{called}: is no label volume; labels are whole numbers, 0 and more")
        found.update(int(value) for value in values)
    labels = np.array(sorted(found - {0}), np.int64)
    if not len(labels):
        raise UsageError(f"{called}: holds no label, only 0; a Segmentation has at least one segment")
    if len(labels) > _MOST_LABELS:
        raise UsageError(f"{called}: holds {len(labels)} labels; a Segmentation has at most {_MOST_LABELS} segments")
    return labels


def segmentation(
    base: Dataset, planes: Volume, kind: Kind, references: tuple[Reference, ...], stated: Mapping[str, str]
) -> Dataset:
    """Return a label volume as a binary Segmentation: a segment for each label, frames where there is some of it.

    Parameters
    ----------
    base
        Patient, study, series and frame of reference.
    references
        Instances that the segments were drawn in; none are named without a reference series.
    stated
        Segment Algorithm Type (0062,0008), and the name of an algorithm that is not MANUAL.

    Raises UsageError when highdicom is missing, the volume holds no labels, or nobody says how they were made.
    """
    require_stated(kind, stated)
    hd = import_highdicom("Segmentations")
    labels = labels_of(planes)
    numbers = np.searchsorted(labels, planes.array) + 1
    numbers = np.where(planes.array == 0, 0, numbers).astype(np.uint16 if len(labels) > 255 else np.uint8)
    descriptions = [_description(hd, k + 1, label, stated) for k, label in enumerate(labels)]
    instance = segmentation_of(hd, base, planes, numbers, descriptions, references)
    for segment in instance.SegmentSequence:
        # Its family of algorithms is one of highdicom's, which nobody has stated.
        segment.pop("SegmentationAlgorithmIdentificationSequence", None)
    return instance


def segmentation_of(
    hd: ModuleType,
    base: Dataset,
    planes: Volume,
    numbers: NDArray[np.integer],
    descriptions: list[Any],
    references: tuple[Reference, ...],
) -> Dataset:
    """Return a binary Segmentation; frames where there is nothing are left out.

    Parameters
    ----------
    planes
        Where the voxels lie.
    numbers
        (nk, nj, ni) numbers of segments from 1, 0 for none; or (nk, nj, ni, segments) 0 and 1, where they overlap.
    descriptions
        Of each segment, as highdicom has it.

    Raises FileError when highdicom makes none of it.
    """
    with errors_of_file(planes.name or "the volume", "cannot be made a Segmentation"):
        instance = hd.seg.Segmentation(
            source_images=[_stand_in(base, planes)],
            pixel_array=numbers,
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=descriptions,
            series_instance_uid=base.SeriesInstanceUID,
            series_number=base.SeriesNumber,
            sop_instance_uid=base.SOPInstanceUID,
            instance_number=1,
            manufacturer=base.Manufacturer,
            manufacturer_model_name=base.ManufacturerModelName,
            software_versions=base.SoftwareVersions,
            device_serial_number=base.DeviceSerialNumber,
            series_description=base.SeriesDescription,
            omit_empty_frames=True,
            **_places(hd, planes),
        )
    instance.SpecificCharacterSet = base.SpecificCharacterSet
    # Where the volume was acquired is not known; highdicom takes it for where the stand-in was.
    instance.ContributingEquipmentSequence = instance.ContributingEquipmentSequence[1:]
    _name_references(instance, references)
    return instance


def _stand_in(base: Dataset, planes: Volume) -> Dataset:
    """What highdicom copies patient, study and frame from; the object does not name it."""
    from copy import deepcopy

    source = deepcopy(base)
    source.SOPClassUID = source.file_meta.MediaStorageSOPClassUID = CT
    source.Rows, source.Columns = planes.array.shape[1:]
    source.ImagePositionPatient = planes.index_to_lps[:3, 3].tolist()
    source.ImageOrientationPatient = planes.directions[:, :2].T.ravel().tolist()
    source.PixelSpacing = [float(planes.spacing_mm[1]), float(planes.spacing_mm[0])]
    source.SliceThickness = float(planes.spacing_mm[2])
    return source


def _description(hd: ModuleType, number: int, label: int, stated: Mapping[str, str]) -> Any:
    from pydicom.sr.coding import Code

    how = stated["SegmentAlgorithmType"]
    if how not in _ALGORITHMS:
        raise UsageError(f"Segment Algorithm Type (0062,0008): {how!r}; expected one of {', '.join(_ALGORITHMS)}")
    identification = None
    if how != "MANUAL":
        name = stated.get("SegmentAlgorithmName")
        if not name:
            raise UsageError(f"Segment Algorithm Name (0062,0009): needed of {how} segments; state it")
        identification = hd.AlgorithmIdentificationSequence(
            name=name, family=Code("123109", "DCM", "Manual Processing"), version="unknown"
        )
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=f"{_LABEL}{label}",
        segmented_property_category=Code(*_TISSUE),
        segmented_property_type=Code(*_TISSUE),
        algorithm_type=how,
        algorithm_identification=identification,
    )


def _places(hd: ModuleType, planes: Volume) -> dict[str, Any]:
    spacing = [float(value) for value in planes.spacing_mm]
    patient = hd.CoordinateSystemNames.PATIENT
    corners = planes.index_to_lps[:3, 3] + np.arange(len(planes.array))[:, None] * planes.index_to_lps[:3, 2]
    return {
        "pixel_measures": hd.PixelMeasuresSequence(
            pixel_spacing=(spacing[1], spacing[0]), slice_thickness=spacing[2], spacing_between_slices=spacing[2]
        ),
        "plane_orientation": hd.PlaneOrientationSequence(patient, planes.directions[:, :2].T.ravel().tolist()),
        "plane_positions": [hd.PlanePositionSequence(patient, corner.tolist()) for corner in corners],
    }


def _name_references(instance: Dataset, references: tuple[Reference, ...]) -> None:
    """Name the images that there are, in place of the one that stood in for them."""
    for keyword in ("SourceImageSequence", "ReferencedSeriesSequence"):
        instance.pop(keyword, None)
    for groups in (*instance.SharedFunctionalGroupsSequence, *instance.PerFrameFunctionalGroupsSequence):
        groups.pop("DerivationImageSequence", None)
    if references:
        named = new_object("", "", ReferencedImages(references, instance), ReferencedImages(), NewIdentity())
        for keyword in ("ReferencedSeriesSequence", "StudiesContainingOtherReferencedInstancesSequence"):
            if keyword in named:
                instance[keyword] = named[keyword]
        instance.ReferencedImageSequence = [reference_item(reference) for reference in references]


def labels_in_file(path: Path, planes: Volume) -> Volume:
    """Return the labels that a Segmentation of :func:`segmentation` holds, on the planes it was made of.

    Raises UsageError when a frame is at no place of them.
    """
    import pydicom
    from pydicom.pixels import iter_pixels

    header = pydicom.dcmread(path, stop_before_pixels=True)
    labels = [int(str(segment.SegmentLabel)[len(_LABEL) :]) for segment in header.SegmentSequence]
    array = np.zeros(planes.array.shape, np.int64)
    normal, step = planes.directions[:, 2], float(planes.spacing_mm[2])
    frames = zip(header.PerFrameFunctionalGroupsSequence, iter_pixels(path), strict=True)
    for groups, pixels in frames:
        corner = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        k = round(float((corner - planes.index_to_lps[:3, 3]) @ normal) / step)
        expected = planes.index_to_lps[:3, 3] + k * planes.index_to_lps[:3, 2]
        if not 0 <= k < len(array) or np.linalg.norm(corner - expected) > REGULAR_MM:
            raise UsageError(f"{path.name}: a frame reads at another place than it was written for; report this")
        number = int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        array[k][pixels.astype(bool)] = labels[number - 1]
    return Volume(array, planes.index_to_lps, path.name, frame_uid=str(header.FrameOfReferenceUID))
