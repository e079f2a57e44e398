"""What a registration refers to: images by their UIDs, series of its own and of other studies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..words import plural

_MODALITIES = {
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.2.1": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.4.1": "MR",
    "1.2.840.10008.5.1.4.1.1.128": "PET",
    "1.2.840.10008.5.1.4.1.1.130": "PET",
    "1.2.840.10008.5.1.4.1.1.20": "NM",
    "1.2.840.10008.5.1.4.1.1.481.1": "RT",
    "1.2.840.10008.5.1.4.1.1.481.2": "dose",
    "1.2.840.10008.5.1.4.1.1.12.1": "angiography",
    "1.2.840.10008.5.1.4.1.1.12.2": "fluoroscopy",
    "1.2.840.10008.5.1.4.1.1.13.1.1": "3D X-ray",
    "1.2.840.10008.5.1.4.1.1.6.1": "ultrasound",
    "1.2.840.10008.5.1.4.1.1.6.2": "ultrasound",
}
"""What images of the usual SOP classes (PS3.4 table B.5-1) are called."""


@dataclass(frozen=True)
class ImageReferences:
    """The images that Referenced Image Sequence (0008,1140) of an item names; without any it is false."""

    instance_uids: tuple[str, ...] = field(default=(), repr=False)
    """SOP Instance UIDs, each once, in the order of the file."""
    class_uids: tuple[str, ...] = ()
    """Their SOP Class UIDs, each once, the most frequent first."""
    not_kept: int = 0
    """Items beyond those that are kept of a file."""
    series_uids: tuple[str, ...] = ()
    """Series that the object itself puts the images into, by its Referenced Series Sequence (0008,1115)."""

    def __bool__(self) -> bool:
        return bool(self.instance_uids)

    @property
    def words(self) -> str:
        """How many of what kind: ``120 CT images``."""
        kinds = {_MODALITIES.get(uid, "") for uid in self.class_uids}
        kind = kinds.pop() if len(kinds) == 1 else ""
        return plural(len(self.instance_uids) + self.not_kept, f"{kind} image".strip())

    @property
    def description(self) -> str:
        """The images in words that tell them from others: how many, of what kind, of which series."""
        if len(self.series_uids) == 1:
            return f"{self.words} of series {self.series_uids[0]}"
        return f"{self.words}, the first {self.instance_uids[0]}"


@dataclass(frozen=True)
class ReferencedSeries:
    """A series that an object refers to as a whole (PS3.3 C.12.2, Common Instance Reference)."""

    series_uid: str
    study_uid: str
    """The registration's own study unless Studies Containing Other Referenced Instances (0008,1200) names another."""
    images: ImageReferences


def series_of_images(instance_uids: Iterable[str], referenced: Iterable[ReferencedSeries]) -> tuple[str, ...]:
    """Return the referenced series that hold these images, the one with the most of them first."""
    wanted = set(instance_uids)
    found = {series.series_uid: len(wanted.intersection(series.images.instance_uids)) for series in referenced}
    return tuple(uid for uid, count in Counter(found).most_common() if count and uid)
