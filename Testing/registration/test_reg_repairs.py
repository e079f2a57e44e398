"""Repairs of an item against the equation evaluated with the changed numbers, point by point."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import reference
import regfiles as rf
from DicomRegInspectorLib.errors import Cancelled, RegistrationError, UsageError
from DicomRegInspectorLib.registration import RegistrationItem, read_registration
from DicomRegInspectorLib.registration.choose import choose_item
from DicomRegInspectorLib.registration.repairs import REPAIRS, repair_item

GRID = rf.GridSpec(
    rf.smooth_vectors((12, 11, 9), 1.5), (3.0, 4.0, 5.0), (-15.0, 7.0, 30.0), rf.orientation_of((0.4, 0.3, -0.7))
)
PRE, POST = rf.rigid((0.2, -0.1, 0.4), (12, -5, 30)), rf.rigid((-0.5, 0.3, 0.1), (-7, 40, 3))
SPEC = rf.DeformableItem(GRID, PRE, POST)
MM = 1e-4


def read(path: Path, item: rf.DeformableItem | rf.MatrixItem) -> RegistrationItem:
    return read_registration(rf.write(path, rf.RegistrationSpec((item,)))).items[0]


@pytest.fixture
def item(tmp_path: Path) -> RegistrationItem:
    return read(tmp_path / "reg.dcm", SPEC)


def with_vectors(vectors: np.ndarray) -> rf.DeformableItem:
    return replace(SPEC, grid=replace(GRID, vectors=vectors.astype(np.float32)))


def in_mm(vectors: np.ndarray) -> np.ndarray:
    """Numbers of voxels along rows, columns and normal as LPS mm, one vector at a time."""
    axes = reference.directions_of(GRID)
    flat = [sum(v[a] * GRID.spacing[a] * axes[:, a] for a in range(3)) for v in vectors.reshape(-1, 3).astype(float)]
    return np.reshape(flat, vectors.shape)


MEANT = {
    "voxel-units": with_vectors(in_mm(GRID.vectors)),
    "axis-signs": with_vectors(GRID.vectors * [-1, -1, 1]),
    "matrices-ignored": rf.DeformableItem(GRID),
    "matrices-swapped": rf.DeformableItem(GRID, POST, PRE),
}
"""What the file would have to hold for the standard's reading to be the repaired one."""


@pytest.mark.parametrize("repair", MEANT)
def test_a_repaired_item_maps_as_a_file_written_right(item: RegistrationItem, repair: str) -> None:
    points = reference.points_inside(GRID, 40, 1, 1e-3)
    repaired = repair_item(item, repair)
    mapped = repaired.item.map_points(points)
    np.testing.assert_allclose(mapped, reference.map_points(MEANT[repair], points), rtol=0, atol=MM)
    # The readings must be far apart, or the line above says nothing.
    assert np.linalg.norm(mapped - reference.map_points(SPEC, points), axis=1).max() > 1
    assert repaired.description == REPAIRS[repair]
    assert repaired.undefined == 0


def test_the_item_that_was_read_stays_as_it_is(item: RegistrationItem) -> None:
    points = reference.points_inside(GRID, 10, 2, 1e-3)
    for repair in REPAIRS:
        repair_item(item, repair)
    np.testing.assert_allclose(item.map_points(points), reference.map_points(SPEC, points), rtol=0, atol=MM)
    np.testing.assert_array_equal(item.grid.vectors, GRID.vectors)


@pytest.mark.parametrize("repair", REPAIRS)
def test_a_repaired_item_is_still_the_item_of_its_file(item: RegistrationItem, repair: str) -> None:
    repaired = repair_item(item, repair).item
    for name in ("path", "number", "kind", "source_frame_uid", "registered_frame_uid"):
        assert getattr(repaired, name) == getattr(item, name)
    assert repaired.grid.dimensions == GRID.dimensions
    np.testing.assert_allclose(repaired.grid.spacing_mm, GRID.spacing)


@pytest.mark.parametrize("repair", ["voxel-units", "axis-signs", "without-bulk", "reversed"])
def test_undefined_vectors_stay_undefined(tmp_path: Path, repair: str) -> None:
    vectors = GRID.vectors.copy()
    vectors[4, 5, 6] = np.nan
    if repair == "reversed":
        vectors[np.isfinite(vectors)] = 0.0  # The inverse of doing nothing is undefined where nothing is known.
        broken = read(tmp_path / "reg.dcm", rf.DeformableItem(replace(GRID, vectors=vectors)))
    else:
        broken = read(tmp_path / "reg.dcm", with_vectors(vectors))
    repaired = repair_item(broken, repair)
    undefined = ~np.isfinite(repaired.item.grid.vectors).all(axis=-1)
    assert [tuple(index) for index in np.argwhere(undefined)] == [(4, 5, 6)]
    assert repaired.undefined == 0


# ---- Direction reversed


def test_a_reversed_grid_leads_back_at_its_nodes(tmp_path: Path) -> None:
    plain = read(tmp_path / "reg.dcm", rf.DeformableItem(GRID))
    repaired = repair_item(plain, "reversed")
    vectors = repaired.item.grid.vectors
    indices = np.argwhere(np.isfinite(vectors).all(axis=-1))
    assert len(indices) > 0.5 * GRID.vectors[..., 0].size
    checked = indices[np.random.default_rng(0).permutation(len(indices))[:60]]
    for k, j, i in checked:
        node = reference.node_position(GRID, i, j, k)
        # The point that the file's field sends to this node, by the equation.
        back = reference.map_one(rf.DeformableItem(GRID), node + vectors[k, j, i])
        np.testing.assert_allclose(back, node, rtol=0, atol=1e-3)


def test_reversing_takes_the_matrices_along(tmp_path: Path) -> None:
    pre, post = rf.rigid((0.02, -0.01, 0.03), (1, -2, 1)), rf.rigid((0.0, 0.02, -0.03), (-1, 1, 2))
    both = rf.DeformableItem(GRID, pre, post)
    repaired = repair_item(read(tmp_path / "reg.dcm", both), "reversed").item
    vectors = repaired.grid.vectors
    indices = np.argwhere(np.isfinite(vectors).all(axis=-1))
    for k, j, i in indices[:: len(indices) // 40]:
        node = reference.node_position(GRID, i, j, k)
        np.testing.assert_allclose(reference.map_one(both, node + vectors[k, j, i]), node, rtol=0, atol=1e-3)
    np.testing.assert_array_equal([repaired.pre, repaired.post], [np.eye(4)] * 2)


def test_reversing_a_shift_is_the_other_shift_and_names_what_it_loses(tmp_path: Path) -> None:
    # 3 mm a node along x; everything moves by two nodes: the two planes of nodes at the border have no inverse.
    grid = rf.GridSpec(np.broadcast_to(np.float32([6, 0, 0]), (4, 5, 8, 3)), (3.0, 3.0, 3.0), (0.0, 0.0, 0.0))
    repaired = repair_item(read(tmp_path / "reg.dcm", rf.DeformableItem(grid)), "reversed")
    vectors = repaired.item.grid.vectors
    np.testing.assert_allclose(vectors[:, :, 2:], np.broadcast_to([-6, 0, 0], (4, 5, 6, 3)), atol=1e-5)
    assert np.isnan(vectors[:, :, :2]).all()
    assert repaired.undefined == 2 * 5 * 4
    assert "40 nodes have no inverse" in repaired.description


def test_reversing_can_be_cancelled(item: RegistrationItem) -> None:
    calls = []
    with pytest.raises(Cancelled):
        repair_item(item, "reversed", lambda *call: calls.append(call) or len(calls) < 3)
    assert [call[:2] for call in calls] == [(0, 9), (1, 9), (2, 9)]


def test_a_singular_matrix_has_no_reverse(tmp_path: Path) -> None:
    flat = read(tmp_path / "reg.dcm", rf.DeformableItem(GRID, post=np.diag([1.0, 1.0, 0.0, 1.0]), post_type="AFFINE"))
    with pytest.raises(RegistrationError, match="cannot be reversed"):
        repair_item(flat, "reversed")


# ---- Without the bulk part


def test_taking_the_bulk_out_changes_no_point_and_leaves_the_rest_in_the_grid(tmp_path: Path) -> None:
    bulk = rf.rigid((0.05, -0.1, 0.15), (8, -5, 12))
    nodes = np.array(
        [[[reference.node_position(GRID, i, j, k) for i in range(12)] for j in range(11)] for k in range(9)]
    )
    moved = nodes @ bulk[:3, :3].T + bulk[:3, 3]
    # A ripple that is no rigid motion: its sum and its moments about the centre all but vanish.
    k, j, i = np.meshgrid(np.arange(9), np.arange(11), np.arange(12), indexing="ij")
    ripple = (0.4 * (-1.0) ** (i + j + k))[..., None] * [1.0, 0.5, -0.5]
    spec = rf.DeformableItem(replace(GRID, vectors=(moved + ripple - nodes).astype(np.float32)))
    item = read(tmp_path / "reg.dcm", spec)
    repaired = repair_item(item, "without-bulk").item
    points = reference.points_inside(GRID, 40, 3, 1e-3)
    np.testing.assert_allclose(repaired.map_points(points), reference.map_points(spec, points), rtol=0, atol=1e-3)
    np.testing.assert_allclose(repaired.post[:3, :3], bulk[:3, :3], atol=1e-3)
    np.testing.assert_allclose((moved - (nodes @ repaired.post[:3, :3].T + repaired.post[:3, 3])), 0, atol=0.05)
    np.testing.assert_array_equal(repaired.pre, np.eye(4))
    expected = ripple @ bulk[:3, :3]  # turned back: R' · ripple, as rows
    np.testing.assert_allclose(repaired.grid.vectors, expected, rtol=0, atol=0.05)


def test_a_rigid_field_leaves_nothing_but_its_matrix(tmp_path: Path) -> None:
    bulk = rf.rigid((0.3, 0.2, -0.1), (20, -30, 5))
    nodes = np.array(
        [[[reference.node_position(GRID, i, j, k) for i in range(12)] for j in range(11)] for k in range(9)]
    )
    field = nodes @ bulk[:3, :3].T + bulk[:3, 3] - nodes
    item = read(tmp_path / "reg.dcm", rf.DeformableItem(replace(GRID, vectors=field.astype(np.float32))))
    repaired = repair_item(item, "without-bulk")
    np.testing.assert_allclose(repaired.item.post, bulk, atol=1e-4)
    assert np.abs(repaired.item.grid.vectors).max() < 1e-3
    angle = np.degrees(np.arccos((np.trace(bulk[:3, :3]) - 1) / 2))
    assert f"{angle:.4g} degrees" in repaired.description


def test_a_field_of_nan_has_no_bulk_part(tmp_path: Path) -> None:
    item = read(tmp_path / "reg.dcm", with_vectors(np.full_like(GRID.vectors, np.nan)))
    with pytest.raises(UsageError, match="too few defined vectors"):
        repair_item(item, "without-bulk")


# ---- Matrix items, items without a grid, and what does not apply

TURN = rf.rigid((0.4, -0.2, 0.3), (5, 6, -7))


def test_a_reversed_matrix_maps_the_other_way(tmp_path: Path) -> None:
    spec = rf.MatrixItem((TURN,))
    points = np.random.default_rng(0).uniform(-100, 100, (10, 3))
    repaired = repair_item(read(tmp_path / "reg.dcm", spec), "reversed").item
    # As it is the item maps through the inverse of TURN; reversed through TURN itself.
    np.testing.assert_allclose(repaired.map_points(points), points @ TURN[:3, :3].T + TURN[:3, 3], atol=1e-9)


def test_a_matrix_with_slipped_signs_is_that_of_the_turned_axes(tmp_path: Path) -> None:
    flip = np.array([-1.0, -1.0, 1.0])
    points = np.random.default_rng(0).uniform(-100, 100, (10, 3))
    repaired = repair_item(read(tmp_path / "reg.dcm", rf.MatrixItem((TURN,))), "axis-signs").item
    expected = [np.linalg.solve(TURN[:3, :3], p * flip - TURN[:3, 3]) * flip for p in points]
    np.testing.assert_allclose(repaired.map_points(points), expected, atol=1e-9)


@pytest.mark.parametrize("repair", ["voxel-units", "without-bulk", "matrices-ignored", "matrices-swapped"])
def test_what_means_nothing_for_a_matrix_is_refused(tmp_path: Path, repair: str) -> None:
    with pytest.raises(UsageError, match=f"{repair} does not apply"):
        repair_item(read(tmp_path / "reg.dcm", rf.MatrixItem((TURN,))), repair)


@pytest.mark.parametrize("repair", ["voxel-units", "without-bulk"])
def test_what_needs_a_grid_is_refused_without_one(tmp_path: Path, repair: str) -> None:
    with pytest.raises(UsageError, match="has no grid"):
        repair_item(read(tmp_path / "reg.dcm", rf.DeformableItem(None, PRE, POST)), repair)


FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("repair", "expected"),
    [
        ("matrices-ignored", np.eye(4)),
        ("matrices-swapped", PRE @ POST),
        ("reversed", np.linalg.inv(POST @ PRE)),
        ("axis-signs", FLIP @ POST @ PRE @ FLIP),
    ],
)
def test_matrices_without_a_grid_are_read_in_another_way(tmp_path: Path, repair: str, expected: np.ndarray) -> None:
    item = repair_item(read(tmp_path / "reg.dcm", rf.DeformableItem(None, PRE, POST)), repair).item
    points = np.random.default_rng(0).uniform(-100, 100, (10, 3))
    np.testing.assert_allclose(item.map_points(points), points @ expected[:3, :3].T + expected[:3, 3], atol=1e-9)


def test_an_unknown_repair_is_refused_with_those_there_are(item: RegistrationItem) -> None:
    with pytest.raises(UsageError, match="voxel-units, reversed, axis-signs"):
        repair_item(item, "make-it-good")


def test_an_item_that_cannot_be_used_cannot_be_repaired(tmp_path: Path) -> None:
    broken = rf.with_value(
        rf.elements_of(rf.RegistrationSpec((SPEC,))),
        [rf.DEFORMABLE_SEQUENCE, rf.GRID_SEQUENCE, rf.GRID_RESOLUTION],
        [0.0, 1.0, 1.0],
    )
    item = read_registration(rf.write(tmp_path / "reg.dcm", broken)).items[0]
    with pytest.raises(RegistrationError):
        repair_item(item, "voxel-units")


def test_a_grid_of_one_slice_can_be_repaired(tmp_path: Path) -> None:
    flat = replace(GRID, vectors=GRID.vectors[:1])
    item = read(tmp_path / "reg.dcm", rf.DeformableItem(flat))
    for repair in ("voxel-units", "axis-signs", "without-bulk"):
        repaired = repair_item(item, repair).item
        assert repaired.grid.dimensions == (12, 11, 1)
        assert np.isfinite(repaired.grid.vectors).all()
    points = reference.points_inside(flat, 20, 1)
    expected = reference.map_points(rf.DeformableItem(flat), points)
    np.testing.assert_allclose(repaired.map_points(points), expected, rtol=0, atol=1e-3)


# ---- Which item is meant


def test_the_only_item_that_moves_is_meant(tmp_path: Path) -> None:
    registration = read_registration(rf.write(tmp_path / "reg.dcm", rf.Samples().matrices))
    choice = choose_item(registration, None)
    assert choice.item.number == 2
    assert "item 2 of 2" in choice.note
    assert choose_item(registration, 1).item.number == 1
    with pytest.raises(UsageError, match="no item 3; it has items 1 to 2"):
        choose_item(registration, 3)


def test_two_items_that_move_have_to_be_chosen_from(tmp_path: Path) -> None:
    items = (rf.MatrixItem((TURN,), frame="1.2.3.201"), rf.MatrixItem((PRE,), frame="1.2.3.202"))
    registration = read_registration(rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec(items)))
    with pytest.raises(UsageError, match=r"2 items.*1\.2\.3\.201.*1\.2\.3\.202"):
        choose_item(registration, None)


@pytest.mark.parametrize(
    ("spec", "still"),
    [
        (rf.MatrixItem((np.eye(4),)), True),
        (rf.MatrixItem((TURN,)), False),
        (rf.DeformableItem(None), True),
        (rf.DeformableItem(None, PRE), False),
        (rf.DeformableItem(replace(GRID, vectors=np.zeros_like(GRID.vectors))), False),
    ],
)
def test_only_matrices_that_move_nothing_are_the_identity(tmp_path: Path, spec, still: bool) -> None:
    assert read(tmp_path / "reg.dcm", spec).mapping.is_identity is still
