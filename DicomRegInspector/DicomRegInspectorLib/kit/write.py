"""The kit as a folder: image series, objects, tables, and the page to follow by hand."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..output_file import replace_file
from ..progress import Progress, report_progress
from ..samples.ct_files import SeriesNames, SliceGeometry, write_ct_series
from ..series.write.new_folder import new_folder
from .answers import ANSWERS, OBJECTS, TEMPLATE, answers_text, objects_text, template_text
from .catalogue import kit_objects
from .encode import BODY_PART, PATIENT_ID, PATIENT_NAME, STUDY_UID, Images, frame_uid, series_uid, write_object
from .equation import Array
from .objects import KitObject
from .page import kit_page
from .visible import (
    CAPABILITY,
    COLUMNS,
    ORIGIN,
    PIXEL_MM,
    ROWS,
    SECOND_SOURCE,
    SLICE_MM,
    SLICES,
    phantom,
    registered_image,
    second_source_image,
    voxel_centres,
)

if TYPE_CHECKING:
    from pydicom import Dataset

IMAGES, PAGE = "images", "kit.html"
PLAIN_SERIES = ("registered", "source-1", "source-2", "source-3")
"""Series that show the phantom as it is; objects that cannot be seen on images refer to them."""


def write_kit(folder: str | PathLike[str], progress: Progress | None = None) -> Path:
    """Write the conformance kit into a new folder, which is there with everything in it or not at all.

    The same version writes the same bytes each time.

    Raises
    ------
    UsageError
        When the folder holds something already, or cannot be written.
    Cancelled
        When ``progress`` asks to stop.
    """
    place = Path(folder)
    with new_folder(place, ()) as unfinished:
        objects = kit_objects()
        volumes = dict(_volumes(objects))
        images: Images = {}
        total = len(volumes) + len(objects)
        for done, (key, values) in enumerate(volumes.items()):
            report_progress(progress, done, total, "Writing images", "writing the kit was cancelled")
            images[key] = _write_series(unfinished / IMAGES / key, key, done, values)
        for number, made in enumerate(objects):
            report_progress(progress, len(volumes) + number, total, "Writing objects", "writing the kit was cancelled")
            write_object(made, number, images, unfinished / made.file_name)
        texts = {ANSWERS: answers_text(), TEMPLATE: template_text(), OBJECTS: objects_text(), PAGE: kit_page(volumes)}
        for name, text in texts.items():
            _write_text(unfinished / name, text)
    return place


def _write_text(path: Path, text: str) -> None:
    replace_file(path, lambda unfinished: unfinished.write_bytes(text.encode("utf-8")))


def is_kits(name: str) -> bool:
    """Tell whether a file of this name, relative to the kit's folder with / between, is one that the kit writes."""
    return name in _names()


def _names() -> Iterator[str]:
    yield from (ANSWERS, TEMPLATE, OBJECTS, PAGE)
    yield from (made.file_name for made in kit_objects())
    for key in series_keys():
        yield from (f"{IMAGES}/{key}/slice{number:03d}.dcm" for number in range(1, SLICES + 1))


def series_keys() -> tuple[str, ...]:
    """Return the names of all image series of the kit."""
    seen = [made.registered for made in kit_objects() if made.capability == CAPABILITY]
    return (*PLAIN_SERIES, *seen, SECOND_SOURCE)


def _volumes(objects: tuple[KitObject, ...]) -> Iterator[tuple[str, Array]]:
    """The Hounsfield units (slices, rows, columns) of each series."""
    plain = phantom(voxel_centres()).reshape(SLICES, ROWS, COLUMNS)
    yield from ((key, plain) for key in PLAIN_SERIES)
    for made in objects:
        if made.capability != CAPABILITY:
            continue
        moving = [item for item in made.items if item.source != made.registered]
        yield made.registered, registered_image(moving[0])
        for item in moving[1:]:
            yield item.source, second_source_image(moving[0], item)


def _write_series(folder: Path, key: str, number: int, values: Array) -> list[Dataset]:
    positions = np.tile(np.asarray(ORIGIN), (SLICES, 1))
    positions[:, 2] += np.arange(SLICES) * SLICE_MM
    geometry = SliceGeometry(positions, ROWS, COLUMNS, PIXEL_MM, thickness_mm=(SLICE_MM,))
    names = SeriesNames(
        series_uid(key),
        STUDY_UID,
        frame_uid(key),
        f"KIT CT {key}",
        "SYNTHETIC conformance kit",
        number + 1,
        PATIENT_NAME,
        PATIENT_ID,
        extra={"BodyPartExamined": BODY_PART},
    )
    return write_ct_series(folder, values, geometry, names)
