"""Structures: RT Structure Sets, Segmentations and label volumes read, rasterised and written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import names_from

if TYPE_CHECKING:
    from .model import Contour, Voxels
    from .read import read_structures
    from .structure import Structure, StructureSet

__all__ = ["Contour", "Structure", "StructureSet", "Voxels", "read_structures"]

__getattr__ = names_from(
    __name__,
    {
        "Contour": "model",
        "Structure": "structure",
        "StructureSet": "structure",
        "Voxels": "model",
        "read_structures": "read",
    },
)
