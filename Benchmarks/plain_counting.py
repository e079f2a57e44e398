"""Images counted with pydicom alone: how many lie at each place, and whether they are whole volumes.

Nothing of this library takes part, so that what it says of a series can be held against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset

SAME_PLACE_MM = 0.01
EVEN = 0.05
"""Share of the median interval by which an interval of evenly spaced places may differ from it."""
PLACE_KEYWORDS = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
}

READ_KEYWORDS = [
    *PLACE_KEYWORDS,
    *("SeriesInstanceUID", "SOPInstanceUID", "Rows", "Columns", "BitsAllocated", "NumberOfFrames"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *("Manufacturer", "Modality", "SeriesNumber", "SeriesDescription"),
]


@dataclass
class PlainCount:
    """What counting alone says of one series."""

    files: int = 0
    images: int = 0
    repeated: int = 0
    """Files whose SOP Instance UID was met before in the series; they are left out of the other numbers."""
    title: str = ""
    modality: str = ""
    description: str = ""
    sop_instance_uids: set[str] = field(default_factory=set)
    media_storage_uids: set[str] = field(default_factory=set)
    """The same as the file meta information has it, which is not always the same."""
    sizes: set[tuple[int, int]] = field(default_factory=set)
    """Columns and rows of the images."""
    without_place: int = 0
    groups: dict[tuple[Any, ...], list[np.ndarray]] = field(default_factory=dict)
    """Positions in LPS mm by (columns, rows, pixel spacing, orientation)."""

    def places(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Depths of the places of each group in mm, and how many images each has."""
        for key, positions in self.groups.items():
            along = np.sort(np.array(positions) @ np.cross(key[3][:3], key[3][3:]))
            first = np.concatenate([[True], np.diff(along) > SAME_PLACE_MM])
            yield along[first], np.diff(np.append(np.flatnonzero(first), len(along)))

    @property
    def evenly_spaced(self) -> bool:
        """Whether no group has an interval that is more than 5 % off its median interval."""
        intervals = [np.diff(depths) for depths, _ in self.places()]
        return all(np.allclose(steps, np.median(steps), rtol=EVEN, atol=0) for steps in intervals if len(steps))

    @property
    def equally_often(self) -> bool:
        """Whether each place of a group has equally many images."""
        return all(len(set(per_place.tolist())) == 1 for _, per_place in self.places())

    @property
    def complete(self) -> bool:
        """Whether the images are whole volumes, as far as counting can tell."""
        return bool(self.groups) and not self.without_place and self.equally_often and self.evenly_spaced

    def __str__(self) -> str:
        parts = []
        for depths, per_place in self.places():
            least, most = per_place.min(), per_place.max()
            parts.append(f"{len(depths)}×{least}" if least == most else f"{len(depths)}×{least}-{most}")
        if self.without_place:
            parts.append(f"{self.without_place} without a place")
        return ", ".join(parts[:4]) + (f", … {len(parts)} groups" if len(parts) > 4 else "")


def plain_counts(folder: Path) -> dict[str, PlainCount]:
    """Count the images of each series under a folder, by Series Instance UID, with pydicom alone."""
    counts: dict[str, PlainCount] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=READ_KEYWORDS)
            series, sop = str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID)
            if "Rows" not in dataset or "BitsAllocated" not in dataset:
                continue  # raw data has Rows too; Bits Allocated (0028,0100) is in every Image Pixel module
        except Exception:  # whatever pydicom says of a file that is none: it is no image to count
            continue
        counted = counts.setdefault(series, PlainCount())
        counted.files += 1
        counted.media_storage_uids.add(str(dataset.file_meta.get("MediaStorageSOPInstanceUID", sop)))
        if sop in counted.sop_instance_uids:
            counted.repeated += 1
            continue
        counted.sop_instance_uids.add(sop)
        counted.title = counted.title or _title(dataset)
        counted.modality = str(dataset.get("Modality") or "")
        counted.description = str(dataset.get("SeriesDescription") or "")
        for geometry in _geometry_of_frames(dataset):
            _count_image(counted, dataset, geometry)
    return counts


def _title(dataset: Dataset) -> str:
    maker = str(dataset.get("Manufacturer") or "?").split(" ")[0]
    return " ".join(
        [maker, *(str(dataset.get(name) or "") for name in ("Modality", "SeriesNumber", "SeriesDescription"))]
    )


def _geometry_of_frames(dataset: Dataset) -> Iterator[dict[str, list[float]]]:
    """Position, orientation and pixel spacing of each frame; per-frame groups count before shared ones and the top."""
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or [])[:1]
    frames: list[Dataset | None] = list(dataset.get("PerFrameFunctionalGroupsSequence") or [])
    for frame in frames or [None] * int(dataset.get("NumberOfFrames") or 1):
        geometry = {}
        for keyword, macro in PLACE_KEYWORDS.items():
            holders = [item for group in [frame, *shared] if group for item in list(group.get(macro) or [])[:1]]
            value = next((item.get(keyword) for item in [*holders, dataset] if item.get(keyword)), None)
            geometry[keyword] = _numbers(value)
        yield geometry


def _numbers(value: Any) -> list[float]:
    try:
        return [float(number) for number in value or ()]
    except (TypeError, ValueError):
        return []


def _count_image(counted: PlainCount, dataset: Dataset, geometry: dict[str, list[float]]) -> None:
    counted.images += 1
    counted.sizes.add((int(dataset.Columns), int(dataset.Rows)))
    position, orientation = geometry["ImagePositionPatient"], geometry["ImageOrientationPatient"]
    if len(position) != 3 or len(orientation) != 6:
        counted.without_place += 1
        return
    spacing = tuple(round(value, 4) for value in geometry["PixelSpacing"])
    key = (int(dataset.Columns), int(dataset.Rows), spacing)
    alike = (known for known in counted.groups if known[:3] == key and np.allclose(known[3], orientation, atol=0.01))
    counted.groups.setdefault(next(alike, (*key, tuple(orientation))), []).append(np.array(position))
