"""Micro-CT series of several sections whose positions each begin anew, written as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from volume_making import dataset, pixels_of, save

SPACING = 0.0125
COUNTS = (7, 5, 6)


def write_sections(
    folder: Path,
    counts: Sequence[int] = COUNTS,
    *,
    spacing: float = SPACING,
    start: Sequence[float] = (-3.0, 4.0, 0.0),
    way: int = 1,
    per_section: Sequence[dict[str, Any]] = (),
) -> list[np.ndarray]:
    """A micro-CT series of sections that each begin at ``start``, numbered one after the other; gives their pixels."""
    folder.mkdir(exist_ok=True)
    sections = [pixels_of(count, seed=number) for number, count in enumerate(counts, 7)]
    number = 0
    for index, pixels in enumerate(sections):
        for k, image in enumerate(pixels):
            number += 1
            position = (start[0], start[1], f"{start[2] + way * k * spacing:.6f}")
            own = {"InstanceNumber": number, **(per_section[index] if index < len(per_section) else {})}
            elements = {"SliceThickness": spacing, "PixelSpacing": [spacing, spacing], **own}
            # File order is not slice order.
            save(dataset(image, position, **elements), folder / f"{number * 37 % 101:03d}.dcm")
    return sections
