"""A volume of any readable file, or of a node, as DICOM images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...dicom.values import name_of_uid
from ...errors import UsageError, errors_of_file, without_warnings
from ...progress import Progress, report_progress
from ...registration.file.write.dicom_object import (
    NewIdentity,
    ReferencedImages,
    new_object,
    new_uid,
    place_in_frame,
)
from ...series.write.new_folder import new_folder, require_new_folder
from ...series.write.stored_values import Encoding
from ...volumes import Comparison, Volume, compare_volumes
from ...volumes.read_volume import is_dicom, read_volume
from .derivation import Derivation, describe_derivation
from .kinds import KINDS, SINGLE_FRAMES, Kind, check_stated, check_units, kind_of
from .multi import parametric_map, secondary_capture
from .planes import planes_of
from .reference import OTHER_PATIENT, ReferenceImages, reference_images
from .segments import labels_in_file, segmentation
from .single import single_frames
from .stored import encodings_of, with_finite_values

if TYPE_CHECKING:
    from pydicom import Dataset

Place = str | PathLike[str]
_GENERAL_IMAGES = (*SINGLE_FRAMES, "secondary-capture")
"""Kinds that have the General Image and General Reference modules."""


@dataclass(frozen=True, kw_only=True)
class ImageExportOptions:
    """How a volume becomes DICOM images."""

    reference: Sequence[Place] = ()
    """Files or folders of one image series: its patient, study and frame of reference are the new images', too."""
    kind: str | None = None
    """A name in :data:`.kinds.KINDS`; None: what the reference's images are, else multi-frame Secondary Capture."""
    per_slice: bool = False
    """A rescale slope for each slice; of PET images."""
    units: str = ""
    """What the values are in: Units (0054,1001) of PET images (BQML, GML), Rescale Type (0028,1054) of others."""
    fill: float | None = None
    """What takes the place of values that are NaN or infinite; None: they are refused, but in Parametric Maps."""
    stated: Mapping[str, str] = field(default_factory=dict)
    """Elements by keyword that the class requires and neither volume nor reference says."""
    description: str = ""
    """Series Description (0008,103E)."""
    values_of: Sequence[Place] = ()
    """Files or folders of the image series that the volume was resampled of: its class, and what that requires, are the
    new images', too; places, patient and study are the reference's."""
    derivation: Derivation | None = None
    """What was done to those; None: the volume is written as it was."""


@dataclass(frozen=True, eq=False)
class ImageExport:
    """What was written, read back and compared."""

    output: Path
    files: tuple[str, ...]
    """Their names in the folder."""
    sop_class: str
    series_uid: str
    frame_uid: str
    step: float
    """The largest step that values are stored in; 0 where they are stored as they are."""
    comparison: Comparison
    """The volume (A), and what was read back of the images (B)."""
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        return {
            "schema": 1,
            "written": os.fspath(self.output),
            "files": list(self.files),
            "sop_class": self.sop_class,
            "series_instance_uid": self.series_uid,
            "frame_of_reference_uid": self.frame_uid,
            "step": self.step,
            "notes": list(self.notes),
            "comparison": self.comparison.to_dict(),
        }


@without_warnings()
def export_image(
    volume: Volume | Place,
    output: Place,
    options: ImageExportOptions | None = None,
    progress: Progress | None = None,
    quietly: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> ImageExport:
    """Write a volume as DICOM images that keep its places and its values, and read them back before they are kept.

    Axes are exchanged and turned around where images need it; no voxel moves. Integers are written as they are,
    floating-point values with a slope and an intercept, or as they are in a Parametric Map. Patient, study and frame
    of reference are those of the reference, else those of the volume where it is DICOM, else new and without a name.

    Parameters
    ----------
    output
        A new or an empty folder.
    quietly
        Makes the context that a file is read in, for libraries that write to stderr.

    Raises
    ------
    FileError
        When a file cannot be used.
    UsageError
        When the volume has no place among images, the class requires what is not known, values do not fit, the folder
        holds something, or cannot be written; nothing is left behind then.
    """
    options = options or ImageExportOptions()
    place = Path(output)
    own = [] if isinstance(volume, Volume) or not is_dicom(os.fspath(volume)) else [volume]
    reference = reference_images(options.reference or own, are_the_volume=not options.reference)
    values = _values_of(options, reference)
    require_new_folder(place, [*reference.paths, *values.paths])
    kind = kind_of(options.kind, values.sop_class_uid)
    _check(options, kind)
    read = volume if isinstance(volume, Volume) else _read(volume, quietly)
    _require_frame(read, reference)
    finite, told = with_finite_values(read, options.fill, are_kept=kind.name == "parametric-map")
    planes = planes_of(finite, reference.stack)
    notes = [*filter(None, [told]), *_notes(read, planes, reference, values, kind, options)]
    encodings: tuple[Encoding, ...] = ()
    if kind.name not in ("parametric-map", "segmentation"):
        encodings = encodings_of(planes, kind, per_slice=options.per_slice)
    base = _base(kind, (reference, values), planes, options)
    instances = _instances(base, planes, kind, encodings, (reference, values), options)
    count = len(planes.array) if kind.name in SINGLE_FRAMES else 1
    with new_folder(place, reference.paths) as unfinished:
        names = _save(instances, count, unfinished, place, progress)
        comparison = _read_back(finite, planes, kind, unfinished, place, progress)
    return ImageExport(
        place,
        names,
        name_of_uid(kind.sop_class_uid),
        str(base.SeriesInstanceUID),
        str(base.FrameOfReferenceUID),
        _step(planes, encodings),
        comparison,
        tuple(notes),
    )


def _read(volume: Place, quietly: Callable[[], AbstractContextManager[object]]) -> Volume:
    with quietly():
        return read_volume(volume, flat=False)


def _values_of(options: ImageExportOptions, reference: ReferenceImages) -> ReferenceImages:
    """The images whose class and kind of values the new ones have."""
    if not options.values_of:
        return reference
    values = reference_images(options.values_of, are_the_volume=True)
    values.is_elsewhere = True
    return values


def _save(
    instances: Iterator[Dataset], count: int, folder: Path, place: Path, progress: Progress | None
) -> tuple[str, ...]:
    """Write each instance, so that no two are in memory; returns the names of the files."""
    names: list[str] = []
    for number, instance in enumerate(instances, 1):
        names.append(f"{number:05d}.dcm")
        with errors_of_file(place / names[-1], "cannot be written as DICOM"):
            instance.save_as(folder / names[-1], enforce_file_format=True)
        report_progress(progress, number, count, "Writing DICOM", "Writing was stopped.")
    return tuple(names)


def _check(options: ImageExportOptions, kind: Kind) -> None:
    check_stated(kind, options.stated)
    check_units(kind, options.units or options.stated.get("Units", ""))
    if options.per_slice and kind.name != "pet":
        raise UsageError(f"a slope for each slice is for PET images; these are {kind.name} images")
    if options.units and "Units" in options.stated:
        raise UsageError("Units (0054,1001) are given twice; state them once")


def _require_frame(volume: Volume, reference: ReferenceImages) -> None:
    if volume.frame_uid and reference.frame_uid and volume.frame_uid != reference.frame_uid:
        raise UsageError(
            f"{volume.name or 'the volume'}: lies in the frame of reference {volume.frame_uid}, the reference in "
            f"{reference.frame_uid}: their coordinates have nothing in common before a registration"
        )


def _notes(
    volume: Volume,
    planes: Volume,
    reference: ReferenceImages,
    values: ReferenceImages,
    kind: Kind,
    options: ImageExportOptions,
) -> Iterator[str]:
    if reference.series is None:
        new = "The study is new" if planes.frame_uid else "Study and frame of reference are new"
        yield f"{new}, the patient has no name: there is no reference to take them from."
    elif not reference.frame_uid:
        yield "The reference names no Frame of Reference UID (0020,0052); the new images have one of their own."
    if reference.is_beside(planes):
        yield "All of the volume lies beside the reference's images: is it in the same coordinates?"
    if planes.orientation != volume.orientation:
        yield (
            f"Voxels are counted in another order: axes ran to {volume.orientation}, they run to {planes.orientation}; "
            "none has moved."
        )
    if kind.name == "segmentation":
        yield "What the labels are no file says: each is a tissue with its number for a name."
    if reference.series is not None and values is not reference and values.patient != reference.patient:
        yield OTHER_PATIENT
    of_these = values.series is not None and values.are_the_volume
    if kind.name == "ct" and not options.units and not of_these:
        yield "Values are taken for Hounsfield units, as CT images have them."
    if kind.name == "pet" and "GML" in (options.units, options.stated.get("Units")) and "SUVType" not in options.stated:
        yield "Without SUV Type (0054,1006), units of GML mean SUV by body weight (PS3.3 C.8.9.1)."


def _base(
    kind: Kind, images: tuple[ReferenceImages, ReferenceImages], planes: Volume, options: ImageExportOptions
) -> Dataset:
    """What all instances have in common."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    reference, values = images
    owner = reference.owner
    base = new_object(
        kind.sop_class_uid, kind.modality, owner, ReferencedImages(), NewIdentity(series_number=reference.series_number)
    )
    place_in_frame(base, reference.frame_uid or planes.frame_uid or new_uid(), owner)
    del base.ContentCreatorName  # Of images only maps and segmentations have one.
    base.SeriesDescription = options.description or "volume"
    base.DerivationDescription = "DicomRegInspector: written from a volume; voxels in their places"
    if options.derivation is not None:
        sources = values.references if options.values_of else ()
        describe_derivation(base, options.derivation, sources, is_image=kind.name in _GENERAL_IMAGES)
    base.file_meta = FileMetaDataset()
    base.file_meta.MediaStorageSOPClassUID = kind.sop_class_uid
    base.file_meta.MediaStorageSOPInstanceUID = base.SOPInstanceUID
    base.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return base


def _instances(
    base: Dataset,
    planes: Volume,
    kind: Kind,
    encodings: tuple[Encoding, ...],
    images: tuple[ReferenceImages, ReferenceImages],
    options: ImageExportOptions,
) -> Iterator[Dataset]:
    reference, values = images
    if kind.name == "parametric-map":
        yield parametric_map(base, planes, options.units)
    elif kind.name == "segmentation":
        yield segmentation(base, planes, kind, reference.references, options.stated)
    elif kind.name == "secondary-capture":
        yield secondary_capture(base, planes, encodings[0], options.units)
    else:
        stated = dict(options.stated)
        if options.units and kind.name == "pet":
            stated["Units"] = options.units
        for instance in single_frames(base, planes, kind, encodings, values, stated):
            if options.units and "RescaleType" in instance:
                instance.RescaleType = options.units
            yield instance


def _read_back(
    volume: Volume, planes: Volume, kind: Kind, folder: Path, place: Path, progress: Progress | None
) -> Comparison:
    """Compare what was written with the volume.

    Raises UsageError when it reads otherwise.
    """
    if kind.name == "segmentation":
        written = labels_in_file(next(folder.iterdir()), planes)
    else:
        written = read_volume(folder, progress=progress)
    written = replace(written, name=os.fspath(place))
    comparison = compare_volumes(volume, written, progress=progress)
    if not comparison.same_physical_image:
        raise UsageError(
            f"{place}: what was written reads otherwise than the volume ({comparison.reason}); nothing was kept: "
            "report this"
        )
    return comparison


def _step(planes: Volume, encodings: Sequence[Encoding]) -> float:
    if planes.array.dtype.kind in "biu" or not encodings:
        return 0.0
    return max(encoding.slope for encoding in encodings)


def is_exported_image(path: Path) -> bool:
    """Return whether a file is an image that was made here, of one of the classes in :data:`.kinds.KINDS`."""
    import pydicom

    try:
        header = pydicom.dcmread(path, specific_tags=["SOPClassUID", "ManufacturerModelName"], stop_before_pixels=True)
        classes = {kind.sop_class_uid for kind in KINDS.values()}
        return header.ManufacturerModelName == "DicomRegInspector" and str(header.SOPClassUID) in classes
    except (OSError, ValueError, LookupError, AttributeError, pydicom.errors.InvalidDicomError):
        return False
