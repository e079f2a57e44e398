"""Structures whose contours cannot be used, or can be read in more than one way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import regfiles as rf
from DicomRegInspectorLib.findings import Finding
from DicomRegInspectorLib.findings.about import about_item
from DicomRegInspectorLib.registration.mapping import affine_mapping
from DicomRegInspectorLib.samples.ct_files import SeriesNames, SliceGeometry, write_ct_series
from DicomRegInspectorLib.structures import read_structures
from DicomRegInspectorLib.structures.checks import check_structures
from DicomRegInspectorLib.tasks.apply.request import ApplyRequest
from DicomRegInspectorLib.tasks.apply.run import apply_transform
from DicomRegInspectorLib.tasks.apply.transform import read_transform
from DicomRegInspectorLib.tasks.carried.structure_agreement import JudgingStructures, compare_structures
from shown import shows
from structfiles import Drawn, Region, axes_matrix, ball, centres, circle, write_rtstruct


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


def brought_along(origin: float, squeezed: float) -> list[Finding]:
    """What is told of a ball of 20 mm under a field that squeezes its middle along x, on a grid that begins somewhere.

    ``origin``: the first node's x; ``squeezed``: how much of the distance from the middle is taken away there.
    """
    nodes = centres(axes_matrix(np.eye(3), (4, 4, 4), (origin, -32, -32)), (17, 17, 17))
    vectors = np.zeros(nodes.shape, np.float32)
    vectors[..., 0] = -squeezed * nodes[..., 0] * np.exp(-((nodes / 8) ** 2).sum(axis=-1))
    grid = rf.GridSpec(vectors, (4.0, 4.0, 4.0), (origin, -32.0, -32.0))
    registration = rf.write(Path("registration.dcm"), rf.RegistrationSpec((rf.DeformableItem(grid),)))
    structures = write_rtstruct(
        Path("structures.dcm"), [Region("liver", ball(20, range(-20, 21, 2)))], frame="1.2.3.200"
    )
    corners = np.array([(-32.0, -32.0, height) for height in range(-32, 33, 4)])
    geometry = SliceGeometry(corners, 16, 16, 4.0, thickness_mm=(4.0,))
    write_ct_series(
        Path("fixed"), np.zeros((17, 16, 16)), geometry, SeriesNames("1.2.5", "1.2.4", "1.2.3.100", "fixed")
    )
    request = ApplyRequest(
        transform=read_transform(registration), input=str(structures), output=Path("out.dcm"), reference=["fixed"]
    )
    return list(apply_transform("structures", request).findings)


@shows("structure-not-carried")
def not_carried() -> list[Finding]:
    """A ball of 20 mm, and a grid that begins 5 mm beside its middle."""
    return brought_along(-5.0, 0.0)


@shows("structure-folded")
def folded() -> list[Finding]:
    """A ball of 20 mm, and a field that turns its middle inside out."""
    return brought_along(-32.0, 2.5)


@shows("reg-structures-off")
def off() -> list[Finding]:
    """A kidney that lies 25 mm farther in the source image, and a registration that shifts by 4 mm."""
    sets = []
    for name, x in (("fixed", 0), ("moving", 25)):
        contours = [Drawn(circle(20, height, (x, 0))) for height in range(-12, 13, 3)]
        sets.append(read_structures(write_rtstruct(Path(f"{name}.dcm"), [Region("kidney", contours)])))
    shift = np.eye(4)
    shift[0, 3] = 4
    compared = compare_structures(affine_mapping(shift), JudgingStructures(*sets))
    return list(compared.findings(about_item("registration.dcm", 1)))
