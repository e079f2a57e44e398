"""The images that exported ones lie beside: patient, study, frame of reference, and what their class requires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError, errors_of_file
from ...registration.file.write.dicom_object import NOT_COPIED, Reference, ReferencedImages, owner_of
from ...series import Series, Stack
from ...series.geometry.stacks import Slice
from ...series.pixels.choose_stack import the_series
from ...series.write.single_frames import CT, MR, PET, SINGLE_FRAME_CLASSES
from ...series.write.sources import Sources
from ...space import lattice_corners
from ...volumes import Volume
from ..boxes import box_of_stack

if TYPE_CHECKING:
    from pydicom import Dataset

OTHER_PATIENT = "Patient ID (0010,0020) or birth date differ between input and reference: is it one patient?"


@dataclass(eq=False)
class ReferenceImages:
    """An image series that new images lie beside; headers are read when they are asked for."""

    series: Series | None = None
    """None: there is none."""
    frame_uid: str = ""
    """Frame of Reference UID; empty where nothing tells."""
    are_the_volume: bool = False
    """Whether the values are theirs, so that what they say of values holds."""
    is_elsewhere: bool = False
    """Whether the new images lie in another frame: then no one of these lies near one of those, and the middle one
    stands for all."""
    _sources: Sources = field(default_factory=Sources)
    _read: dict[tuple[str, int | None], Dataset] = field(default_factory=dict)

    @property
    def paths(self) -> list[str]:
        """The files, each once."""
        return list(dict.fromkeys(slice_.path for slice_ in self.slices))

    @property
    def slices(self) -> tuple[Slice, ...]:
        """The images of the main stack, else all of them."""
        if self.series is None:
            return ()
        stack = self.stack
        return stack.slices if stack is not None else self.series.slices

    @property
    def stack(self) -> Stack | None:
        """The stack whose directions new images take."""
        return self.series.main_stack if self.series is not None else None

    @property
    def sop_class_uid(self) -> str:
        """The class that frames of these images have as images of one frame; empty without images."""
        if not self.slices:
            return ""
        own = self.slices[0].header.sop_class_uid
        return SINGLE_FRAME_CLASSES.get(own, own)

    @property
    def owner(self) -> ReferencedImages:
        """Whose patient and study an object takes over, which does not refer to them."""
        if not self.slices:
            return ReferencedImages()
        return ReferencedImages((), owner_of(self.slices[0].path))

    def is_of_another_patient(self, header: Dataset) -> bool:
        """Tell whether an object is of another patient than these images, where there are any."""
        return self.series is not None and self.patient != patient_of(header)

    @property
    def patient(self) -> tuple[str, str]:
        """Patient ID and birth date, to be compared and never shown."""
        header = self.owner.header
        return ("", "") if header is None else patient_of(header)

    @property
    def series_number(self) -> int:
        """A number for a new series beside these images'."""
        own = (self.slices[0].header.series_number or 0) if self.slices else 0
        return min(abs(own), 10**7) * 100 + 1

    @property
    def references(self) -> tuple[Reference, ...]:
        """The images, for an object that refers to them."""
        uid = self.series.series_instance_uid if self.series is not None else ""
        found = dict.fromkeys(
            Reference(slice_.header.sop_class_uid, slice_.sop_instance_uid, uid, slice_.header.study_uid)
            for slice_ in self.slices
        )
        return tuple(found)

    def header_near(self, corner_lps_mm: NDArray[np.float64], normal: NDArray[np.float64]) -> Dataset | None:
        """Return the header of the image nearest to a place along a normal, as an image of one frame.

        None where there is none, or no CT, MR or PET.

        Raises FileError when it cannot be read, or is a frame that cannot be an image of its own.
        """
        if self.sop_class_uid not in (CT, MR, PET):
            return None
        height = float(corner_lps_mm @ normal)
        slice_ = self.slices[len(self.slices) // 2]
        if not self.is_elsewhere:
            slice_ = min(
                self.slices,
                key=lambda slice_: abs(float(np.asarray(slice_.position_lps_mm or (0, 0, 0)) @ normal) - height),
            )
        key = (slice_.path, slice_.frame_number)
        if key not in self._read:
            with errors_of_file(slice_.path, NOT_COPIED):
                self._read[key] = self._sources.read(slice_, pixels=False)
        return self._read[key]

    def is_beside(self, planes: Volume) -> bool:
        """Tell whether no voxel of a volume lies among these images."""
        box = box_of_stack(self.stack) if self.stack is not None else None
        if box is None:
            return False
        corners = lattice_corners(planes.index_to_lps, planes.dimensions) @ box.axes.T
        return bool((corners.max(axis=0) < box.low).any() or (corners.min(axis=0) > box.high).any())


def patient_of(header: Dataset) -> tuple[str, str]:
    """Return Patient ID and birth date, to be compared and never shown."""
    return str(header.get("PatientID", "")), str(header.get("PatientBirthDate", ""))


def reference_images(paths: Sequence[str | PathLike[str]], *, are_the_volume: bool = False) -> ReferenceImages:
    """Return the one image series among files and folders; headers only.

    ``are_the_volume``: whether the volume to be written is made of them.

    Raises
    ------
    UsageError
        When there is no image, more than one series, or they are of several frames of reference.
    FileError
        When a file cannot be read.
    """
    if not paths:
        return ReferenceImages()
    try:
        series = the_series(paths, None)
    except UsageError as error:
        called = "" if are_the_volume else "reference "
        raise UsageError(f"{called}{', '.join(map(str, paths))}: {error}") from error
    frames = {slice_.header.frame_of_reference_uid for slice_ in series.slices}
    if not frames:
        called = "the volume" if are_the_volume else "the reference"
        raise UsageError(f"{', '.join(map(str, paths))}: {called} has no image that can be placed")
    if len(frames) > 1:
        raise UsageError(
            f"the reference's images are of {len(frames)} frames of reference (0020,0052); name files of one of them"
        )
    return ReferenceImages(series, frames.pop(), are_the_volume)
