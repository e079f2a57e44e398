"""Structures whose contours cannot be used, or can be read in more than one way."""

from __future__ import annotations

from pathlib import Path

from DicomRegInspectorLib.findings import Finding
from DicomRegInspectorLib.structures import read_structures
from DicomRegInspectorLib.structures.checks import check_structures
from shown import shows
from structfiles import Drawn, Region, circle, write_rtstruct


def found_in(*contours: Drawn) -> list[Finding]:
    """What is found of a structure with these contours."""
    path = write_rtstruct(Path("structures.dcm"), [Region("liver", list(contours))])
    return check_structures(read_structures(path))


@shows("structure-contours-left-out")
def left_out() -> list[Finding]:
    """A structure of six contours, one of which has a decimal comma in its data."""
    return found_in(*(Drawn(circle(20, height)) for height in range(5)), Drawn(b"12,5\\0\\6\\0\\10\\6\\-10\\-10\\6"))


@shows("structure-contours-doubtful")
def doubtful() -> list[Finding]:
    """Five slices of a ring, drawn as two CLOSED_PLANAR contours each, and one slice that was exported twice."""
    rings = [Drawn(circle(radius, height)) for height in range(5) for radius in (20, 8)]
    return found_in(*rings, rings[0])


@shows("structure-gap")
def gap() -> list[Finding]:
    """Contours 3 mm apart, with four slices missing in between."""
    return found_in(*(Drawn(circle(20, height)) for height in (*range(0, 15, 3), *range(27, 40, 3))))


@shows("structure-empty")
def empty() -> list[Finding]:
    """A structure that was named and never drawn."""
    return found_in()
