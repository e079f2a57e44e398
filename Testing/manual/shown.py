"""What is an example of which finding code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from DicomRegInspectorLib.findings import Finding

Maker = Callable[[], "list[Finding]"]
"""Writes files into the working folder and returns what the library finds; its docstring says what the data are."""

MAKERS: list[tuple[str, Maker]] = []


def shows(*codes: str) -> Callable[[Maker], Maker]:
    """Note the codes that a maker is an example of."""

    def note(maker: Maker) -> Maker:
        MAKERS.extend((code, maker) for code in codes)
        return maker

    return note
