"""Read plastimatch's B-spline coefficients (text that begins with ``MGH_GPUIT_BSP``).

The lattice of controls is aligned with the image that it was made on: ``vox_per_rgn`` voxels apart, and one control
before the first voxel along each axis. Plastimatch's vector fields are MetaImages.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...dicom.source import read_regular_file
from ...errors import FileError
from ..conventions import Conventions
from ..model import Registration
from .itk.numbers import checked_lattice, spline_of
from .itk.text import numbers_in
from .one_mapping import one_mapping

FORMAT = "plastimatch B-spline"
ENDINGS = (".txt",)
CONVENTIONS = Conventions(
    direction="registered (fixed) to source (moving), as plastimatch warps",
    coordinates="LPS",
    unit="mm",
    outside="outside of the control points' region points stay where they are; plastimatch does so too, or lets the "
    "deformation fade, by the lattice it is asked for",
)
_BEGINNING = b"MGH_GPUIT_BSP"
_COUNTS = {"img_origin": 3, "img_spacing": 3, "img_dim": 3, "roi_offset": 3, "roi_dim": 3, "vox_per_rgn": 3,
           "direction_cosines": 9}  # fmt: skip
_ORDER = 3


def recognises(head: bytes, path: Path) -> bool:
    """Tell whether a text begins as plastimatch's B-splines do."""
    return head.startswith(_BEGINNING)


def read(path: Path) -> Registration:
    """Read the coefficients: all along x, then y, then z.

    Raises FileError when the file cannot be read or used.
    """
    lines = read_regular_file(path).splitlines()
    values: dict[str, np.ndarray] = {}
    number = 1
    while number < len(lines) and b"=" in lines[number]:
        name, _, text = lines[number].partition(b"=")
        key = name.strip().decode("ascii", "replace")
        values[key] = numbers_in(path, text, key[:40])
        number += 1
    values.setdefault("direction_cosines", np.eye(3).ravel())
    for key, count in _COUNTS.items():
        found = values.get(key, np.zeros(0))
        if len(found) != count or not np.isfinite(found).all():
            raise FileError(path, f"has {len(found)} numbers in {key}; expected {count}")
    coefficients = numbers_in(path, b" ".join(lines[number:]), "coefficients")
    apart = values["vox_per_rgn"]
    if values["roi_offset"].any() or not np.array_equal(values["roi_dim"], values["img_dim"]) or not (apart >= 1).all():
        raise FileError(path, "covers a part of its image only (roi_offset, roi_dim), which is not read")
    with np.errstate(over="ignore", invalid="ignore"):
        size = np.ceil(values["roi_dim"] / apart) + _ORDER
        spacing, directions = values["img_spacing"] * apart, values["direction_cosines"].reshape(3, 3)
        origin = values["img_origin"] - directions @ spacing
    dimensions, lattice = checked_lattice(path, size, origin, spacing, directions, "control points")
    spline = spline_of(path, _ORDER, dimensions, lattice, len(coefficients), lambda: coefficients)
    return one_mapping(path, FORMAT, [spline], CONVENTIONS)
