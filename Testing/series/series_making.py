"""Headers and files of series whose geometry is known because it is made here."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from DicomRegInspectorLib.dicom.tags import Tag
from DicomRegInspectorLib.series import Header

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
_counter = itertools.count(1)


def ds(*values: float, decimals: int = 6) -> bytes:
    """Numbers as a DS element holds them, rounded to so many decimals."""
    return "\\".join(f"{value:.{decimals}f}" for value in values).encode()


def header(
    position: Sequence[float] | None,
    orientation: Sequence[float] | None = (1, 0, 0, 0, 1, 0),
    *,
    decimals: int = 6,
    orientation_decimals: int = 9,
    **values: Any,
) -> Header:
    """The header of one CT slice; ``values`` are elements by their name in Tag, bytes or text, None to leave out."""
    number = next(_counter)
    elements: dict[int, Any] = {
        Tag.SOP_CLASS_UID: CT_IMAGE,
        Tag.SOP_INSTANCE_UID: f"1.2.3.{number}",
        Tag.STUDY_INSTANCE_UID: "1.2.3",
        Tag.SERIES_INSTANCE_UID: "1.2.3.0",
        Tag.FRAME_OF_REFERENCE_UID: "1.2.4",
        Tag.MODALITY: "CT",
        Tag.IMAGE_TYPE: "ORIGINAL\\PRIMARY\\AXIAL",
        Tag.PIXEL_SPACING: "0.5\\0.5",
        Tag.ROWS: (512).to_bytes(2, "little"),
        Tag.COLUMNS: (512).to_bytes(2, "little"),
    }
    if position is not None:
        elements[Tag.IMAGE_POSITION] = ds(*position, decimals=decimals)
    if orientation is not None:
        elements[Tag.IMAGE_ORIENTATION] = ds(*orientation, decimals=orientation_decimals)
    elements.update({Tag[name]: value for name, value in values.items()})
    raw = {
        int(tag): value if isinstance(value, bytes) else str(value).encode()
        for tag, value in elements.items()
        if value is not None
    }
    return Header(f"{number}.dcm", "1.2.840.10008.1.2.1", raw, 1000, "complete", 0)


def axial(positions: Sequence[float], *, decimals: int = 6, **values: Any) -> list[Header]:
    """A straight axial stack, one header for each z, numbered in the order given."""
    return [
        header((-100.0, -120.0, z), decimals=decimals, INSTANCE_NUMBER=k + 1, **values) for k, z in enumerate(positions)
    ]


def rotation(first: float, second: float, third: float) -> np.ndarray:
    """(3, 3) rotation by three Euler angles (radians), z-x-z."""
    result = np.eye(3)
    for axis, angle in ((2, first), (0, second), (2, third)):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        result = result @ turn
    return result


def codes(series: Any) -> list[str]:
    """The codes of a series' findings."""
    return [finding.code for finding in series.findings]


def only(series: Any, code: str) -> Any:
    """The one finding of a code."""
    found = [finding for finding in series.findings if finding.code == code]
    assert len(found) == 1, codes(series)
    return found[0]


def write(path: Path, data: bytes) -> str:
    """A file with these bytes; its name."""
    path.write_bytes(data)
    return str(path)
