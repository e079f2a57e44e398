"""3D Slicer's segmentations (.seg.nrrd): layers of labels, and what each segment is called, in the header."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from ..errors import FileError
from ..volumes.other_formats import import_simpleitk, index_to_lps
from .model import cropped
from .structure import Structure, StructureSet

if TYPE_CHECKING:
    import SimpleITK

_SEGMENT = re.compile(r"Segment(\d+)_ID")


def is_slicer_segmentation(image: SimpleITK.Image) -> bool:
    """Tell whether a volume's header names segments, as Slicer writes them."""
    return any(_SEGMENT.fullmatch(key) for key in image.GetMetaDataKeys())


def read_slicer_segmentation(image: SimpleITK.Image, path: str) -> StructureSet:
    """Return the segments of a volume whose header names them; segments of different layers may overlap.

    Raises FileError when it has no three axes, or a segment names no layer that is there or no label.
    """
    if image.GetDimension() != 3:
        raise FileError(path, f"names segments, but has {image.GetDimension()} axes; expected 3")
    # (nk, nj, ni), or with a component for each layer.
    array = import_simpleitk().GetArrayViewFromImage(image)
    layers = array.reshape(*array.shape[:3], -1)
    numbers = sorted(int(found[1]) for key in image.GetMetaDataKeys() if (found := _SEGMENT.fullmatch(key)))
    structures = []
    for number in numbers:
        layer, label = (_whole_number(image, f"Segment{number}_{name}", path) for name in ("Layer", "LabelValue"))
        if not 0 <= layer < layers.shape[3]:
            raise FileError(path, f"Segment{number}_Layer is {layer}; the file has layers 0 to {layers.shape[3] - 1}")
        structures.append(
            Structure(
                number + 1,
                _text(image, f"Segment{number}_Name") or f"segment {number + 1}",
                voxels=cropped(layers[..., layer] == label, index_to_lps(image)),
                colour=_colour(_text(image, f"Segment{number}_Color")),
            )
        )
    return StructureSet(path, tuple(structures), "")


def _text(image: SimpleITK.Image, key: str) -> str:
    return str(image.GetMetaData(key)).strip() if image.HasMetaDataKey(key) else ""


def _whole_number(image: SimpleITK.Image, key: str, path: str) -> int:
    text = _text(image, key)
    try:
        return int(text)
    except ValueError as error:
        raise FileError(path, f"{key} is “{text}”; expected a whole number") from error


def _colour(text: str) -> tuple[int, int, int] | None:
    """Red, green and blue from 0 to 1, as Slicer writes them; None for anything else."""
    try:
        red, green, blue = (float(part) for part in text.split())
    except ValueError:
        return None
    if not all(math.isfinite(part) and 0 <= part <= 1 for part in (red, green, blue)):
        return None
    red, green, blue = (round(255 * part) for part in (red, green, blue))
    return int(red), int(green), int(blue)
