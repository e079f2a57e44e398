"""Motion that a grid and a matrix both hold, and that nobody should apply twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import reference
import regfiles as rf
from DicomRegInspectorLib.findings import Finding
from DicomRegInspectorLib.tasks.inspect import inspect_paths
from DicomRegInspectorLib.tasks.relations import relation_findings
from relatives import REGISTERED, SOURCE, registration

BULK = rf.rigid((0.05, -0.08, 0.12), (12, -7, 20))
"""Registered to source."""
LATTICE = rf.GridSpec(
    np.zeros((9, 11, 12, 3), np.float32), (6.0, 7.0, 8.0), (-30.0, -40.0, -20.0), rf.orientation_of((0.2, 0.1, -0.3))
)


def moved(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def nodes() -> np.ndarray:
    nx, ny, nz = LATTICE.dimensions
    return np.array(
        [[[reference.node_position(LATTICE, i, j, k) for i in range(nx)] for j in range(ny)] for k in range(nz)]
    )


def deformable(matrix: np.ndarray = BULK, ripple: float = 0.3, undefined: int = 0, **matrices) -> rf.DeformableItem:
    """A grid whose mapping is the matrix and, from node to node, a ripple that is no rigid motion."""
    k, j, i = np.meshgrid(*(np.arange(n) for n in LATTICE.vectors.shape[:3]), indexing="ij")
    x = nodes()
    vectors = moved(matrix, x) - x + (ripple * (-1.0) ** (i + j + k))[..., None] * [1.0, -0.5, 0.5]
    vectors[:undefined] = np.nan
    return rf.DeformableItem(replace(LATTICE, vectors=vectors.astype(np.float32)), **matrices)


@pytest.fixture
def double(tmp_path: Path) -> Callable[..., list[Finding]]:
    def double(item: rf.DeformableItem, *others: rf.MatrixItem, frame_uid: str = REGISTERED) -> list[Finding]:
        one = registration(tmp_path / "grid.dcm", item)
        other = registration(tmp_path / "matrix.dcm", *others, frame_uid=frame_uid, sop_instance_uid="1.2.3.4.5.9")
        return [f for f in relation_findings([one, other], []) if f.code == "reg-double-application"]

    return double


def to_registered(matrix: np.ndarray = BULK, frame: str = SOURCE) -> rf.MatrixItem:
    """The object's matrix leads into the registered frame: the way back of what the grid does (PS3.3 C.20.2)."""
    return rf.MatrixItem((rf.as_written(np.linalg.inv(matrix)),), frame=frame)


def assert_told(findings: list[Finding], tmp_path: Path, item: int) -> None:
    (finding,) = findings
    assert finding.severity == "warning"
    assert finding.subject == "item 1 of grid.dcm"
    assert finding.evidence["other_file"] == str(tmp_path / "matrix.dcm")
    assert finding.evidence["other_item"] == item
    assert f"item {item} of matrix.dcm" in finding.message
    centre = nodes().reshape(-1, 3).mean(axis=0)
    shift = np.linalg.norm(moved(BULK, centre) - centre)
    angle = np.degrees(np.arccos((np.trace(BULK[:3, :3]) - 1) / 2))
    assert finding.evidence["shift_mm"] == pytest.approx(shift, abs=0.1)
    assert finding.evidence["rotation_deg"] == pytest.approx(angle, abs=0.1)
    assert finding.evidence["agreement_mm"] < 0.2


def test_a_matrix_into_the_registered_frame_that_says_the_same_is_told(double, tmp_path: Path) -> None:
    identity = rf.MatrixItem((np.eye(4),), frame=REGISTERED)
    assert_told(double(deformable(), identity, to_registered()), tmp_path, 2)


def test_a_matrix_the_other_way_around_is_told_too(double, tmp_path: Path) -> None:
    # Registered in the deformable object's source frame, its item is of the deformable object's registered frame.
    assert_told(double(deformable(), rf.MatrixItem((BULK,), frame=REGISTERED), frame_uid=SOURCE), tmp_path, 1)


def test_a_chain_of_matrices_counts_as_its_product(double, tmp_path: Path) -> None:
    first = rf.rigid((0.3, 0, 0), (5, 5, 5))
    rest = rf.as_written(np.linalg.inv(BULK) @ np.linalg.inv(first))
    assert_told(double(deformable(), rf.MatrixItem((first, rest))), tmp_path, 1)


def test_motion_in_the_objects_own_matrices_counts(double, tmp_path: Path) -> None:
    still = deformable(np.eye(4))
    assert_told(double(replace(still, post=BULK), to_registered()), tmp_path, 1)


def test_undefined_vectors_do_not_hide_it(double, tmp_path: Path) -> None:
    (finding,) = double(deformable(undefined=3), to_registered())
    assert finding.evidence["agreement_mm"] < 0.2


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(BULK, id="the inverse motion"),
        pytest.param(np.linalg.inv(rf.rigid((0.05, -0.08, 0.12), (12, -7, 25))), id="another shift"),
        pytest.param(np.linalg.inv(rf.rigid((0.05, -0.08, 0.20), (12, -7, 20))), id="another rotation"),
        pytest.param(np.eye(4), id="nothing"),
    ],
)
def test_different_motions_are_not_told(double, other: np.ndarray) -> None:
    assert double(deformable(), rf.MatrixItem((rf.as_written(other),))) == []


def test_the_other_way_around_is_not_mixed_up_with_the_inverse(double) -> None:
    wrong = rf.MatrixItem((rf.as_written(np.linalg.inv(BULK)),), frame=REGISTERED)
    assert double(deformable(), wrong, frame_uid=SOURCE) == []


@pytest.mark.parametrize(
    ("source", "registered"), [("1.2.3.999", REGISTERED), (SOURCE, "1.2.3.999"), (REGISTERED, REGISTERED)]
)
def test_the_same_motion_between_other_frames_is_no_double(double, source: str, registered: str) -> None:
    assert double(deformable(), to_registered(frame=source), frame_uid=registered) == []


def test_a_grid_and_a_matrix_that_hardly_move_anything_are_not_told(double) -> None:
    small = rf.rigid((0, 0, 0.002), (0.5, 0.5, 0.2))
    assert double(deformable(small), to_registered(small)) == []


def test_a_field_of_nan_is_not_compared(double) -> None:
    assert double(deformable(undefined=9), to_registered()) == []


def test_an_item_without_grid_is_not_compared(double) -> None:
    assert double(rf.DeformableItem(None, post=BULK), to_registered()) == []


def test_an_inspection_of_both_files_tells_it_once(tmp_path: Path) -> None:
    registration(tmp_path / "grid.dcm", deformable())
    registration(tmp_path / "matrix.dcm", to_registered(), sop_instance_uid="1.2.3.4.5.9")
    found = [one for one in inspect_paths([tmp_path]).findings if one.code == "reg-double-application"]
    assert_told(found, tmp_path, 1)
