"""What every derived instance says of itself: new identity, what was done, and which instances it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING

from ...dicom.fast_header import read_header
from ...privacy import HIDDEN
from ..geometry.stacks import Slice

if TYPE_CHECKING:
    from pydicom import Dataset

SPATIAL_RESAMPLING = ("113085", "DCM", "Spatial resampling")
SOURCE_OF_PROCESSING = ("121322", "DCM", "Source image for image processing operation")
MODIFYING_EQUIPMENT = ("109103", "DCM", "Modifying Equipment")
_MODEL = "DicomRegInspector"
_LONG_STRING = 64
_SHORT_TEXT = 1024


@dataclass(frozen=True)
class NewSeries:
    """The identity of a series to be written."""

    uid: str
    number: int
    description: str
    derivation: str
    """Derivation Description (0008,2111)."""
    code: tuple[str, str, str] | None
    """What kind of derivation, from CID 7203; None where pixels are unchanged."""
    created: datetime
    frame_uid: str = ""
    """Frame of Reference UID (0020,0052) of its own; empty for that of the source."""


def new_series(first: Slice, what: str, derivation: str, code: tuple[str, str, str] | None, part: int) -> NewSeries:
    """Begin a series derived from that of a slice; ``part`` tells series of one derivation apart.

    Its description is the source's as the file has it, for the patient's name is in the copies too.
    """
    from pydicom.uid import generate_uid

    header = read_header(first.path)
    number = min(abs(header.series_number or 0), 10**7) * 100 + part
    description = f"{header.series_description} {what}".strip()
    if len(description) > _LONG_STRING:
        description = f"{header.series_description[: _LONG_STRING - len(what) - 1]} {what}"[-_LONG_STRING:]
    # What is masked in a label is so here too, in letters that every character set has.
    derivation = derivation.replace(HIDDEN, "***")[:_SHORT_TEXT]
    return NewSeries(str(generate_uid()), number, description, derivation, code, datetime.now())


def make_derived(instance: Dataset, series: NewSeries, number: int, sources: Iterable[Slice]) -> None:
    """Give a dataset that was a source instance its own identity, and say where it comes from.

    Patient and study stay those of the source, and so does the frame of reference as long as it is the same patient in
    the same coordinates (PS3.3 C.7.4.1).
    """
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    instance.SOPInstanceUID = generate_uid()
    instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
    instance.file_meta.MediaStorageSOPClassUID = instance.SOPClassUID
    if "TransferSyntaxUID" not in instance.file_meta:
        instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword in ("ImplementationClassUID", "ImplementationVersionName", "SourceApplicationEntityTitle"):
        if keyword in instance.file_meta:
            delattr(instance.file_meta, keyword)
    instance.SeriesInstanceUID, instance.SeriesNumber = series.uid, series.number
    instance.SeriesDescription, instance.InstanceNumber = series.description, number
    instance.InstanceCreationDate = series.created.strftime("%Y%m%d")
    instance.InstanceCreationTime = series.created.strftime("%H%M%S")
    instance.DerivationDescription = series.derivation
    if series.frame_uid:
        instance.FrameOfReferenceUID = series.frame_uid
    # What was signed or computed over the former content does not hold for this one.
    for keyword in ("InstanceCreatorUID", "DigitalSignaturesSequence", "MACParametersSequence"):
        if keyword in instance:
            delattr(instance, keyword)
    if series.code is not None:
        instance.DerivationCodeSequence = [_code(series.code)]
    # A slice of the fill value has no source; the template's own would not be true.
    instance.SourceImageSequence = [_reference(source) for source in sources]
    if not instance.SourceImageSequence:
        del instance.SourceImageSequence
    equipment = [*instance.get("ContributingEquipmentSequence", []), _equipment(series)]
    instance.ContributingEquipmentSequence = equipment


def _reference(slice_: Slice) -> Dataset:
    from pydicom import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = slice_.header.sop_class_uid, slice_.sop_instance_uid
    if slice_.frame_number is not None:
        item.ReferencedFrameNumber = slice_.frame_number
    item.PurposeOfReferenceCodeSequence = [_code(SOURCE_OF_PROCESSING)]
    return item


def _code(code: Sequence[str]) -> Dataset:
    from pydicom import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code
    return item


def _equipment(series: NewSeries) -> Dataset:
    from pydicom import Dataset

    from ... import __version__

    item = Dataset()
    item.Manufacturer, item.ManufacturerModelName = "DicomRegInspector contributors", _MODEL
    item.SoftwareVersions = __version__
    item.ContributionDateTime = series.created.strftime("%Y%m%d%H%M%S")
    item.PurposeOfReferenceCodeSequence = [_code(MODIFYING_EQUIPMENT)]
    return item


def is_derived_here(path: str | PathLike[str]) -> bool:
    """Return whether a file is an instance whose last Contributing Equipment (0018,A001) is this program."""
    import pydicom

    try:
        equipment = pydicom.dcmread(path, specific_tags=["ContributingEquipmentSequence"], stop_before_pixels=True)
        return bool(equipment.ContributingEquipmentSequence[-1].ManufacturerModelName == _MODEL)
    except (OSError, ValueError, LookupError, AttributeError, pydicom.errors.InvalidDicomError):
        return False
