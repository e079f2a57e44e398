"""The images that an exported object is about: what it takes from them, and where their voxels lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...errors import ChoiceError, UsageError, errors_of_file
from ...registration import Registration, RegistrationItem
from ...registration.file.write.dicom_object import NOT_COPIED, Reference, ReferencedImages, owner_in, owner_of
from ...registration.nodes import Nodes
from ...series import Series, Stack
from ...space import lattice_corners
from ...words import millimetres
from ..boxes import box_of_stack
from ..item_images import StackAtHand

if TYPE_CHECKING:
    from pydicom import Dataset

Path = str | PathLike[str]

_SOP_CLASS, _SOP_INSTANCE = "ReferencedSOPClassUID", "ReferencedSOPInstanceUID"


@dataclass(frozen=True, eq=False)
class Side:
    """What is known of one side of a registration: its frame, and the images in it."""

    frame_uid: str = ""
    """Frame of Reference UID; empty where nothing tells."""
    images: ReferencedImages = field(default_factory=ReferencedImages)
    """What an object refers to, and one header for patient and study; false without images."""
    at_hand: tuple[StackAtHand, ...] = ()
    """Stacks whose places are known."""

    @property
    def stack(self) -> Stack | None:
        """The stack that stands for the image; None where none does."""
        if not self.at_hand:
            return None
        series = self.at_hand[0].series
        return series.main_stack or self.at_hand[0].stack

    @property
    def patient(self) -> tuple[str, str]:
        """Patient ID and birth date, to be compared and never shown."""
        header = self.images.header
        return (
            ("", "") if header is None else (str(header.get("PatientID", "")), str(header.get("PatientBirthDate", "")))
        )

    @property
    def series_number(self) -> int:
        """A number for a new series beside the images' own."""
        header = self.images.header
        try:
            own = abs(int(header.get("SeriesNumber") or 0)) if header is not None else 0
        except (TypeError, ValueError):
            own = 0
        return min(own, 10**7) * 100 + 66


def side_of_series(series: Series) -> Side:
    """Return a series of images as a side; one file of it is opened again.

    Raises
    ------
    UsageError
        When its images name no frame of reference, or several.
    FileError
        When the file cannot be read any more.
    """
    frames = {slice_.header.frame_of_reference_uid for slice_ in series.slices}
    if not frames:
        raise UsageError("no image of the series can be placed, so that nothing says where a registration would lie")
    if frames == {""}:
        raise UsageError(
            "the images name no Frame of Reference UID (0020,0052), between which a registration is; nothing is made up"
        )
    if len(frames) > 1:
        raise UsageError(
            f"the images are of {len(frames)} frames of reference (0020,0052); name the files of one of them"
        )
    references = dict.fromkeys(
        Reference(
            slice_.header.sop_class_uid, slice_.sop_instance_uid, series.series_instance_uid, slice_.header.study_uid
        )
        for slice_ in series.slices
    )
    stacks = tuple(StackAtHand(1, series, stack) for stack in series.stacks if not stack.is_localizer)
    images = ReferencedImages(tuple(references), owner_of(series.slices[0].path))
    return Side(frames.pop(), images, stacks)


def side_of_images(paths: Sequence[Path], role: Literal["fixed", "moving"]) -> Side:
    """Return the image series among files and folders as a side; headers only.

    Parameters
    ----------
    role
        Whether they are of the registered or of the source frame.

    Raises
    ------
    UsageError
        When there is no image, more than one series, or they are of no one frame of reference.
    FileError
        When a file cannot be read.
    """
    from ...series.pixels.choose_stack import the_series

    try:
        return side_of_series(the_series(paths, None))
    except UsageError as error:
        raise ChoiceError(f"{', '.join(map(str, paths))}: {error}", f"{role} image") from error


def sides_of_item(registration: Registration, item: RegistrationItem) -> tuple[Side, Side]:
    """Return what a registration says of its sides: frames, patient, study and the images that it refers to.

    Of a file that is no DICOM object only the frames that its format names.

    Raises FileError when it cannot be read any more.
    """
    registered, source = Side(item.registered_frame_uid), Side(item.source_frame_uid)
    if not registration.sop_instance_uid:
        return registered, source
    with errors_of_file(registration.path, NOT_COPIED):
        whole = _object_header(registration.path)
        known = {reference.instance_uid: reference for reference in _references(whole)}
        header = owner_in(whole)
    moved = tuple(known.pop(uid) for uid in item.images.instance_uids if uid in known)
    return (
        replace(registered, images=ReferencedImages(tuple(known.values()), header)),
        replace(source, images=ReferencedImages(moved, header)) if moved else source,
    )


def _object_header(path: Path) -> Dataset:
    """What comes before the registration itself: nothing of the size of a grid is read."""
    from pydicom.filereader import read_partial

    with open(path, "rb") as file:
        return read_partial(file, stop_when=lambda tag, vr, length: tag >= 0x00640000)


def _references(header: Dataset) -> Iterable[Reference]:
    own = str(header.get("StudyInstanceUID", ""))
    others = header.get("StudiesContainingOtherReferencedInstancesSequence") or ()
    for study, holder in ((own, header), *((str(item.get("StudyInstanceUID", "")), item) for item in others)):
        for series in holder.get("ReferencedSeriesSequence") or ():
            for instance in series.get("ReferencedInstanceSequence") or ():
                if _SOP_CLASS in instance and _SOP_INSTANCE in instance:
                    yield Reference(
                        str(instance[_SOP_CLASS].value),
                        str(instance[_SOP_INSTANCE].value),
                        str(series.get("SeriesInstanceUID", "")),
                        study,
                    )


def lattice_of_side(side: Side) -> Nodes | None:
    """Return the voxels of a side's image as nodes, or a box of such nodes around it where they are on no grid."""
    from ...series.regularize.reference import reference_of_stack

    stack = side.stack
    if stack is None:
        return None
    try:
        grid = reference_of_stack(stack)
    except UsageError:
        return None if stack.pixel_spacing_mm is None else lattice_around(side, _voxel(stack))
    return Nodes(grid.affine_lps, grid.dimensions, "the registered image's voxels")


def _voxel(stack: Stack) -> tuple[float, float, float]:
    rows, columns = stack.pixel_spacing_mm or (1.0, 1.0)
    between = stack.nominal_spacing_mm or stack.slices[0].slice_thickness_mm or 0.0
    return columns, rows, float(between)


def lattice_around(side: Side, spacing_mm: Sequence[float]) -> Nodes | None:
    """Return nodes at most a spacing (3,) apart along the image's axes, over the middles of a side's voxels."""
    stack = side.stack
    box = box_of_stack(stack) if stack is not None else None
    if stack is None or box is None:
        return None
    half = np.array(_voxel(stack)) / 2
    return _covering(box.axes, box.low + half, box.high - half, spacing_mm, "the registered image")


def lattice_over(lattice: Nodes, spacing_mm: Sequence[float]) -> Nodes:
    """Return nodes at most a spacing (3,) apart over another lattice, along its axes, which are made perpendicular."""
    u, _, v = np.linalg.svd(lattice.right_handed().directions)
    axes = (u @ v).T
    corners = lattice_corners(lattice.index_to_lps, lattice.dimensions) @ axes.T
    return _covering(axes, corners.min(axis=0), corners.max(axis=0), spacing_mm, lattice.where)


def _covering(axes: np.ndarray, low: np.ndarray, high: np.ndarray, spacing_mm: Sequence[float], what: str) -> Nodes:
    """Nodes from corner to corner of a box, (3,) measured along axes (3, 3), the rows; no farther apart than asked.

    None lies outside, where a mapping may be undefined and take a whole cell with it.
    """
    # One slice without a thickness has no extent and no spacing.
    most = np.where(np.asarray(spacing_mm) > 0, spacing_mm, 1.0)
    cells = np.maximum(np.ceil((high - low) / most - 1e-6), 0).astype(int)
    spacing = np.where(cells > 0, (high - low) / np.maximum(cells, 1), most)
    matrix = np.eye(4)
    matrix[:3, :3] = axes.T * spacing
    matrix[:3, 3] = low @ axes
    i, j, k = (int(number) + 1 for number in cells)
    return Nodes(matrix, (i, j, k), f"nodes {' × '.join(map(millimetres, spacing))} mm apart over {what}")


def require_frames(known: tuple[str, str], given: tuple[str, str]) -> None:
    """Refuse images of other frames than a registration is between; say so where they are exchanged.

    Parameters
    ----------
    known, given
        Frame of Reference UIDs of the registered and of the source side, empty where not known: of the registration's
        file, and of the images.

    Raises UsageError.
    """
    wrong = [bool(own and theirs and own != theirs) for own, theirs in zip(known, given, strict=True)]
    if not any(wrong):
        return
    crossed = any(theirs and theirs == own for own, theirs in zip(known, reversed(given), strict=True))
    if known[0] != known[1] and crossed:
        raise ChoiceError(
            "the images are exchanged: those given as fixed are in the frame that the registration moves, or those "
            "given as moving in the one it registers to; give the one as the other",
            "fixed image",
            "moving image",
        )
    side = wrong.index(True)
    raise UsageError(
        f"the images of the {('registered', 'source')[side]} side are in the frame of reference {given[side]}, the "
        f"registration says {known[side]}; expected images of that frame"
    )


def require_sides(registered: Side, source: Side) -> None:
    """Refuse to write an object whose frames are not known.

    Raises UsageError that says which images are missing.
    """
    reason = "a DICOM registration is between two frames of reference (0020,0052), which the transform does not name"
    if not registered.frame_uid and not source.frame_uid:
        raise ChoiceError(f"{reason}; missing: images of both frames", "fixed image", "moving image")
    if not registered.frame_uid:
        raise ChoiceError(f"{reason}; missing: images of the registered frame", "fixed image")
    if not source.frame_uid:
        raise ChoiceError(f"{reason}; missing: images of the source frame", "moving image")
    if not registered.images and not source.images:
        raise ChoiceError(
            "nothing says whose registration it is (patient and study); missing: images of one of its frames",
            "fixed image",
            "moving image",
        )
