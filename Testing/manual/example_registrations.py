"""Registrations with one thing wrong, written as files; each maker's description stands in the manual."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import regfiles as rf
from DicomRegInspectorLib import inspect_paths, read_registration
from DicomRegInspectorLib.findings import Finding
from DicomRegInspectorLib.findings.about import about_item
from DicomRegInspectorLib.registration.bspline import BSpline, itk_region
from DicomRegInspectorLib.registration.checks import mapping_findings
from DicomRegInspectorLib.registration.composite import in_a_row
from DicomRegInspectorLib.registration.measures.quality import measure
from example_series import FRAME, SERIES
from shown import shows
from stack_making import along_table, write_stack

IN_GRID = (rf.DEFORMABLE_SEQUENCE, rf.GRID_SEQUENCE)
GRID = rf.GridSpec(rf.smooth_vectors((12, 10, 8)), (4.0, 4.0, 5.0), (-20.0, -18.0, -10.0))


def grid(**changes: object) -> rf.GridSpec:
    return rf.GridSpec(**{**vars(GRID), **changes})


def spec(item: rf.DeformableItem | rf.MatrixItem | None = None, **names: str) -> rf.RegistrationSpec:
    return rf.RegistrationSpec((item or rf.DeformableItem(GRID),), **names)


def inspected(what: rf.RegistrationSpec | list[rf.Element], encoding: rf.Encoding = rf.EXPLICIT) -> list[Finding]:
    """The findings of a registration in a file."""
    rf.write(Path("registration.dcm"), what, encoding)
    return list(inspect_paths(".").findings)


@shows("reg-sop-class-mismatch")
def rigid_class() -> list[Finding]:
    """A deformable registration with the SOP class of rigid ones, as one quality-assurance system writes them."""
    return inspected(spec(sop_class=rf.SPATIAL_CLASS))


@shows("reg-tag-order")
def content_first() -> list[Finding]:
    """A deformable registration whose elements stand in another order than that of their tags."""
    return inspected(spec(), rf.Encoding(order="content-first"))


@shows("reg-vectors-undefined")
def a_hole() -> list[Finding]:
    """A field with NaN vectors in a corner, where nothing could be registered."""
    vectors = GRID.vectors.copy()
    vectors[:3, :4, :5] = np.nan
    return inspected(spec(rf.DeformableItem(grid(vectors=vectors))))


@shows("reg-vectors-nonfinite")
def infinite() -> list[Finding]:
    """A field with two infinite vectors."""
    vectors = GRID.vectors.copy()
    vectors[2, 3, 4:6] = np.inf
    return inspected(spec(rf.DeformableItem(grid(vectors=vectors))))


@shows("reg-vectors-fill-value")
def filled() -> list[Finding]:
    """A field whose first slice holds -9999 where nothing could be registered."""
    vectors = GRID.vectors.copy()
    vectors[0] = -9999
    return inspected(spec(rf.DeformableItem(grid(vectors=vectors))))


@shows("reg-vectors-byte-order")
def turned_bytes() -> list[Finding]:
    """A big-endian file whose vectors are written as OW, in little-endian order."""
    return inspected(spec(), rf.Encoding("explicit-be", vector_vr="OW", float_order="<"))


@shows("reg-grid-size-mismatch")
def double_numbers() -> list[Finding]:
    """Vectors written as 64-bit numbers, twice as long as the grid needs."""
    elements = rf.elements_of(spec())
    doubles = GRID.vectors.astype("<f8").tobytes()
    return inspected(rf.with_value(elements, (*IN_GRID, rf.VECTOR_DATA), doubles))


@shows("reg-grid-invalid")
def no_resolution() -> list[Finding]:
    """A grid whose resolution along z is 0."""
    return inspected(rf.with_value(rf.elements_of(spec()), (*IN_GRID, rf.GRID_RESOLUTION), [4.0, 4.0, 0.0]))


@shows("reg-matrix-invalid")
def transposed() -> list[Finding]:
    """A matrix written column by column, so that its translation stands in the last row."""
    matrix = np.eye(4)
    matrix[3, :3] = 5, -6, 7
    return inspected(spec(rf.MatrixItem((matrix,))))


@shows("reg-matrix-not-rigid")
def scaled() -> list[Finding]:
    """A matrix declared RIGID that enlarges by 2 % along one axis."""
    return inspected(spec(rf.MatrixItem((np.diag([1.0, 1.02, 1.0, 1.0]),))))


@shows("reg-matrix-singular")
def collapsed() -> list[Finding]:
    """A matrix that flattens everything onto a plane."""
    return inspected(spec(rf.MatrixItem((np.diag([1.0, 1.0, 0.0, 1.0]),), ("AFFINE",))))


@shows("reg-near-zero")
def nothing_moves() -> list[Finding]:
    """A field of vectors of a few hundredths of a millimetre."""
    return inspected(spec(rf.DeformableItem(grid(vectors=GRID.vectors * np.float32(0.01)))))


@shows("reg-sampled")
def a_spline() -> list[Finding]:
    """A B-spline whose control points, 20 mm apart, move by about 2 mm."""
    size, place = np.array([8, 7, 6]), np.diag([20.0, 20.0, 20.0, 1.0])
    controls = np.random.default_rng(5).normal(0, 2, (*size[::-1], 3))
    spline = in_a_row([BSpline(3, controls, place, itk_region(3, size))])
    return list(mapping_findings(spline, about_item(Path("spline.tfm"), 1)))


@shows("reg-left-open")
def sixteen_numbers() -> list[Finding]:
    """A text file with a 4 × 4 matrix and nothing else, named to be inspected."""
    Path("matrix.txt").write_text("1 0 0 5\n0 1 0 -6\n0 0 1 7\n0 0 0 1\n", encoding="ascii")
    return list(inspect_paths("matrix.txt").findings)


@shows("reg-folding")
def folded() -> list[Finding]:
    """A field that takes some nodes past those two nodes further along x."""
    vectors = GRID.vectors.copy()
    vectors[2:6, 2:7, 4, 0] += 7
    vectors[2:6, 2:7, 6, 0] -= 7
    return inspected(spec(rf.DeformableItem(grid(vectors=vectors))))


@shows("reg-frame-unknown")
def other_images() -> list[Finding]:
    """A registration beside a CT whose Frame of Reference UID differs from the registered one in its last part."""
    images(frame="1.2.3.101")
    return inspected(spec())


@shows("reg-grid-does-not-cover")
def small_grid() -> list[Finding]:
    """A registration whose grid ends in the middle of the CT it was made for."""
    images(frame="1.2.3.100")
    return inspected(spec())


def images(frame: str, folder: str = "ct", series: str = SERIES, start: float = 0.0) -> None:
    """A CT of the registered side, 47.5 × 70.5 × 38 mm large."""
    uids = [{"SOPInstanceUID": f"{series}.{k + 1}", "FrameOfReferenceUID": frame} for k in range(20)]
    write_stack(Path(folder), along_table(start + 2.0 * np.arange(20)), series_uid=series, per_slice=uids)


@shows("reg-bulk-motion")
def mostly_rigid() -> list[Finding]:
    """A field that moves everything by 20 mm and turns it by 3°, with 0.3 mm to and fro on top."""
    (item,) = read_registration(rf.write(Path("registration.dcm"), spec(rf.DeformableItem(bulk_grid())))).items
    return list(measure(item.mapping, item.subject).findings)


@shows("reg-double-application")
def rigid_beside() -> list[Finding]:
    """A field that moves everything by 20 mm, and beside it the rigid registration whose motion it contains."""
    matrix = rf.as_written(np.linalg.inv(bulk_matrix()))
    matrix[:3, 3] += 0.1, -0.2, 0.1
    rf.write(Path("rigid.dcm"), spec(rf.MatrixItem((matrix,)), sop_instance_uid="1.2.3.4.5.9"))
    return inspected(spec(rf.DeformableItem(bulk_grid())))


def bulk_matrix() -> np.ndarray:
    return rf.rigid((0.0, 0.0, np.deg2rad(3.0)), (12.0, -16.0, 0.0))


def bulk_grid() -> rf.GridSpec:
    """The bulk motion and the deformation in one field."""
    k, j, i = np.meshgrid(*(np.arange(n) for n in GRID.vectors.shape[:3]), indexing="ij")
    nodes = np.array(GRID.origin) + np.stack([i, j, k], axis=-1) * GRID.spacing
    moved = nodes @ bulk_matrix()[:3, :3].T + bulk_matrix()[:3, 3]
    ripple = 0.3 * (-1.0) ** (i + j + k)
    return grid(vectors=(moved - nodes + ripple[..., None] * [1.0, -0.5, 0.5]).astype(np.float32))


@shows("reg-incomplete")
def no_source_frame() -> list[Finding]:
    """A registration that does not say which frame of reference it takes its points to."""
    return inspected(rf.without(rf.elements_of(spec()), rf.DEFORMABLE_SEQUENCE, rf.SOURCE_FRAME))


@shows("reg-not-used")
def matrix_beside_the_grid() -> list[Finding]:
    """A Matrix Registration Sequence in an item of a deformable registration, beside its grid."""
    turned = rf.MatrixItem((rf.rigid((0.0, 0.0, 0.2), (30.0, -20.0, 5.0)),))
    (matrix,) = [e for e in rf.item_elements(turned) if e.tag == rf.MATRIX_REGISTRATION_SEQUENCE]
    return inspected(rf.edited(rf.elements_of(spec()), (rf.DEFORMABLE_SEQUENCE, rf.GRID_SEQUENCE),
                               lambda siblings, _: siblings.append(matrix)))  # fmt: skip


@shows("reg-not-read")
def fiducials() -> list[Finding]:
    """A Spatial Fiducials object with three points in one frame of reference."""
    points = [[rf.Element(0x00700306, "CS", "POINT"), rf.Element(0x00700310, "SH", f"P{n}")] for n in (1, 2, 3)]
    one_set = [rf.Element(rf.FRAME_UID, "UI", FRAME), rf.Element(0x0070031E, "SQ", points)]
    elements = rf.elements_of(rf.RegistrationSpec((), sop_class=rf.FIDUCIALS_CLASS))
    return inspected([*elements, rf.Element(0x0070031C, "SQ", [one_set])])
