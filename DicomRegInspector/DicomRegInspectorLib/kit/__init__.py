"""The conformance kit: registration objects with known answers, and what a reader's answers say of the reader.

It shares no arithmetic and no reading of DICOM with the rest of the library, which is judged by it like any reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import names_from

if TYPE_CHECKING:
    from .score import KitScore, score_kit
    from .write import write_kit

__all__ = ["KitScore", "score_kit", "write_kit"]

__getattr__ = names_from(__name__, {"KitScore": "score", "score_kit": "score", "write_kit": "write"})
