"""Landmarks of both frames that a registration does not bring together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import regfiles as rf
from DicomRegInspectorLib.findings import Finding
from DicomRegInspectorLib.registration import read_registration
from DicomRegInspectorLib.registration.file.fiducials import Landmark
from DicomRegInspectorLib.registration.measures.landmarks import target_registration_error
from shown import shows

NAMES = ("carina", "apex", "dome of the diaphragm", "hilum")
FIXED = np.array([(0.0, 0, 0), (20, 10, 30), (-30, 5, -30), (-10, -15, 5)])
SHIFT = (4.0, -3.0, 8.0)


def changed(points: np.ndarray, number: int, axis: int, by: float) -> np.ndarray:
    """The points, one coordinate of one of them changed."""
    other = points.copy()
    other[number, axis] += by
    return other


ABOVE = changed(FIXED, 1, 2, 30.0)
POINTS: dict[str, tuple[np.ndarray, np.ndarray]] = {
    "reg-landmarks-off": (FIXED, changed(FIXED + SHIFT, 2, 0, 7.0)),
    "reg-landmarks-worse": (FIXED, FIXED),
    "reg-landmarks-undefined": (ABOVE, ABOVE + SHIFT),
}
"""Of each code: where the landmarks lie in the registered and in the source image, LPS mm."""


def judged(code: str) -> list[Finding]:
    """What is found of a field of one shift and the points of a code."""
    nodes = np.broadcast_to(np.float32(SHIFT), (9, 9, 9, 3))
    item = rf.DeformableItem(rf.GridSpec(np.array(nodes), (10.0, 10.0, 10.0), (-40.0, -40.0, -40.0)))
    (read,) = read_registration(rf.write(Path("registration.dcm"), rf.RegistrationSpec((item,)))).items
    sides = (
        [Landmark(name, tuple(point)) for name, point in zip(NAMES, points.tolist(), strict=True)]
        for points in POINTS[code]
    )
    return list(target_registration_error(read.mapping, *sides).findings(read.subject))


@shows("reg-landmarks-off")
def off() -> list[Finding]:
    """A registration that leaves one of four landmarks 7 mm off."""
    return judged("reg-landmarks-off")


@shows("reg-landmarks-worse")
def worse() -> list[Finding]:
    """Landmarks that lie together already, and a registration that moves everything by 9.4 mm."""
    return judged("reg-landmarks-worse")


@shows("reg-landmarks-undefined")
def beside() -> list[Finding]:
    """One of four landmarks 60 mm above the middle of a grid that reaches 40 mm."""
    return judged("reg-landmarks-undefined")
