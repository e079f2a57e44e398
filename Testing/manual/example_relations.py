"""Registrations that contradict their images or each other; each maker's description stands in the manual."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import regfiles as rf
from DicomRegInspectorLib.findings import Finding
from example_registrations import images, inspected, spec
from example_series import SERIES
from shown import shows

REFERENCED_IMAGES = 0x00081140
MOTION = rf.rigid((0.0, 0.0, np.deg2rad(3.0)), (12.0, -16.0, 0.0))


def item(matrix: np.ndarray, frame: str) -> rf.MatrixItem:
    return rf.MatrixItem((rf.as_written(matrix),), frame=frame)


def referring(numbers: range, frame: str) -> list[rf.Element]:
    """A rigid registration whose item refers to slices of the CT by their numbers."""
    referred = [
        [rf.Element(0x00081150, "UI", rf.CT_CLASS), rf.Element(0x00081155, "UI", f"{SERIES}.{number}")]
        for number in numbers
    ]
    elements = rf.elements_of(spec(item(MOTION, frame)))
    sequence = next(element for element in elements if element.tag == rf.REGISTRATION_SEQUENCE)
    sequence.value[0].insert(0, rf.Element(REFERENCED_IMAGES, "SQ", referred))
    return elements


@shows("reg-reference-contradicts")
def images_of_the_other_side() -> list[Finding]:
    """A rigid registration whose item is for another frame and refers to the CT of the registered one."""
    images(frame="1.2.3.100")
    return inspected(referring(range(1, 21), "1.2.3.200"))


@shows("reg-reference-missing")
def lost_slices() -> list[Finding]:
    """A registration that refers to 24 slices of a CT of which 20 are here."""
    images(frame="1.2.3.200")
    return inspected(referring(range(1, 25), "1.2.3.200"))


@shows("reg-registered-frame-moved")
def swapped_matrices() -> list[Finding]:
    """A rigid registration with the matrix at the registered frame and the identity at the other."""
    images(frame="1.2.3.100")
    both = (item(MOTION, "1.2.3.100"), item(np.eye(4), "1.2.3.200"))
    return inspected(rf.RegistrationSpec(both))


@shows("reg-matrices-disagree")
def forth_and_back() -> list[Finding]:
    """Two rigid registrations between the same frames, forth and back, that are no inverses of each other."""
    images(frame="1.2.3.100")
    back = spec(item(MOTION, "1.2.3.100"), frame_uid="1.2.3.200", sop_instance_uid="1.2.3.4.5.9")
    rf.write(Path("back.dcm"), back)
    return inspected(spec(item(MOTION, "1.2.3.200")))


@shows("reg-matrix-order")
def two_rotations() -> list[Finding]:
    """A rigid registration of a rotation about x and another about z, as two matrices."""
    return inspected(spec(rf.MatrixItem((rf.rigid((0.2, 0, 0), (0, 0, 5)), rf.rigid((0, 0, 0.1), (8, 0, 0))))))


@shows("reg-images-apart")
def inverted_table_offset() -> list[Finding]:
    """A rigid registration between two CTs whose tables are 600 mm apart, written the wrong way round."""
    images(frame="1.2.3.100")
    images(frame="1.2.3.200", folder="moving", series=f"{SERIES}.9", start=600.0)
    return inspected(spec(item(rf.rigid((0, 0, 0), (0, 0, 600.0)), "1.2.3.200")))
