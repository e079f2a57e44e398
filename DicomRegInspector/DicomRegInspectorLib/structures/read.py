"""Structures of any kind of file: RT Structure Sets, Segmentations, label volumes."""

from __future__ import annotations

import os
from os import PathLike

import numpy as np

from ..dicom.fast_header import read_header
from ..errors import FileError, NotDicomError
from ..registration.measures.regions import LabelImage
from .model import cropped
from .read_rtstruct import RT_STRUCTURE_SET, read_rtstruct
from .structure import Structure, StructureSet

SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""Segmentation and Label Map Segmentation Storage (PS3.4 table B.5-1)."""


def read_structures(path: str | PathLike[str]) -> StructureSet:
    """Read the structures of an RT Structure Set, a Segmentation, Slicer's or DICOM's, or a label volume of any format.

    Raises
    ------
    FileError
        When the file cannot be read, or holds no structures.
    UsageError
        When a library that this needs is not installed, or memory does not suffice.
    """
    path = os.fspath(path)
    if os.path.isdir(path):
        raise FileError(path, "is a folder; expected the file of a structure set, a Segmentation or a label volume.")
    try:
        class_uid = read_header(path).sop_class_uid
    except NotDicomError:
        from ..volumes.other_formats import label_image_of, read_image
        from .slicer_segmentation import is_slicer_segmentation, read_slicer_segmentation

        image = read_image(path)
        if is_slicer_segmentation(image):
            return read_slicer_segmentation(image, path)
        return structures_of_labels(label_image_of(image, path), path)
    if class_uid == RT_STRUCTURE_SET:
        return read_rtstruct(path)
    if class_uid in SEGMENTATIONS:
        from .segmentation import read_segmentation

        return read_segmentation(path)
    raise FileError(
        path, "is DICOM, but neither an RT Structure Set nor a Segmentation (SOP Class UID (0008,0016)); name such one."
    )


def structures_of_labels(image: LabelImage, path: str = "", frame_uid: str = "") -> StructureSet:
    """Return each label of a label volume but 0 as a structure.

    Raises FileError when there is none, or there are negative numbers.
    """
    labels = np.unique(image.labels)
    if labels.min(initial=0) < 0:
        raise FileError(path, "is no label volume: it holds negative numbers")
    found = tuple(
        Structure(
            int(label),
            image.names.get(int(label), f"label {label}"),
            voxels=cropped(image.labels == label, image.index_to_lps),
            frame_uid=frame_uid,
        )
        for label in [*labels[labels != 0], *sorted(set(image.names) - set(labels.tolist()) - {0})]
    )
    if not found:
        raise FileError(path, "holds no label, only 0.")
    return StructureSet(path, found, frame_uid)
