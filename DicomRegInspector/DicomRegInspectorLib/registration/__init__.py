"""DICOM registration objects: read them, map points through them, say what is wrong with them.

The names below are imported at first use: who has none to read waits for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import names_from

if TYPE_CHECKING:
    from .file.read import read_registration
    from .grid import Grid
    from .mapping import InverseResult, Mapping
    from .model import Registration, RegistrationItem

__all__ = ["Grid", "InverseResult", "Mapping", "Registration", "RegistrationItem", "read_registration"]

__getattr__ = names_from(
    __name__,
    {
        "Grid": "grid",
        "InverseResult": "mapping",
        "Mapping": "mapping",
        "Registration": "model",
        "RegistrationItem": "model",
        "read_registration": "file.read",
    },
)
