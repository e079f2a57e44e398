"""References of a registration object: of its items (PS3.3 C.20.2, C.20.3) and of the whole (C.12.2)."""

from __future__ import annotations

from collections import Counter

from ...dicom import tags
from ...dicom.values import text
from ...dicom.wanted_elements import Element, Items
from ..references import ImageReferences, ReferencedSeries, series_of_images


def read_image_references(element: Element | None, referenced: tuple[ReferencedSeries, ...] = ()) -> ImageReferences:
    """Return the images of a list of references.

    Parameters
    ----------
    element
        Referenced Image Sequence (0008,1140) or Referenced Instance Sequence (0008,114A); None where it is absent.
    referenced
        The series that the object refers to, to say which of them the images are of.
    """
    if element is None or element.listed is None:
        return ImageReferences()
    instances: dict[str, None] = {}
    classes: Counter[str] = Counter()
    for instance, class_ in element.listed:
        uid = _uid(instance)
        if uid:
            instances[uid] = None
            classes[_uid(class_)] += 1
    return ImageReferences(
        tuple(instances),
        tuple(uid for uid, _ in classes.most_common() if uid),
        element.count - len(element.listed),
        series_of_images(instances, referenced) if referenced else (),
    )


def read_referenced_series(root: Items, study_uid: str) -> tuple[ReferencedSeries, ...]:
    """Return the series that the object refers to: of its own study, then of others."""
    studies = [(study_uid, root)]
    for study in root.sequence(tags.OTHER_REFERENCED_STUDIES):
        studies.append((text(study.get(tags.STUDY_INSTANCE_UID)), study))
    return tuple(
        ReferencedSeries(
            text(series.get(tags.SERIES_INSTANCE_UID)),
            study,
            read_image_references(series.get(tags.REFERENCED_INSTANCES)),
        )
        for study, items in studies
        for series in items.sequence(tags.REFERENCED_SERIES)
    )


def _uid(value: bytes) -> str:
    return value.decode("ascii", "replace").strip("\0 ")
