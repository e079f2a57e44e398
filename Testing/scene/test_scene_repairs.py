"""Repairs as transform nodes: points through the nodes against the equation with the changed numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

slicer = pytest.importorskip("slicer", reason="the scene room needs slicer-core or Slicer")

import reference  # noqa: E402
import regfiles as rf  # noqa: E402
from DicomRegInspectorLib.errors import Cancelled, RegistrationError, UsageError  # noqa: E402
from DicomRegInspectorLib.registration.repairs import REPAIRS  # noqa: E402
from DicomRegInspectorLib.scene import load_registration  # noqa: E402
from scenetools import (  # noqa: E402
    FLIP,
    MM,
    POST,
    PRE,
    SMOOTH,
    attributes_of,
    chain_of,
    grid_node_of,
    load,
    node_to_world,
    probes,
    transforms_of,
    world_to_node,
    written,
)

ITEM = rf.DeformableItem(SMOOTH, PRE, POST)
NOTE = "DicomRegInspector.Repair"
both_ways = pytest.mark.parametrize("bake", [False, True], ids=["chain", "baked"])


def in_mm(vectors: np.ndarray) -> np.ndarray:
    """Numbers of voxels along rows, columns and normal as LPS mm, one vector at a time."""
    axes = reference.directions_of(SMOOTH)
    flat = [sum(v[a] * SMOOTH.spacing[a] * axes[:, a] for a in range(3)) for v in vectors.reshape(-1, 3).astype(float)]
    return np.reshape(flat, vectors.shape).astype(np.float32)


MEANT = {
    "voxel-units": replace(ITEM, grid=replace(SMOOTH, vectors=in_mm(SMOOTH.vectors))),
    "axis-signs": replace(ITEM, grid=replace(SMOOTH, vectors=SMOOTH.vectors * np.float32([-1, -1, 1]))),
    "matrices-ignored": rf.DeformableItem(SMOOTH),
    "matrices-swapped": rf.DeformableItem(SMOOTH, POST, PRE),
    "without-bulk": ITEM,
}
"""What the file would have to hold; taking the bulk out moves no point."""


@both_ways
@pytest.mark.parametrize("repair", MEANT)
def test_repaired_nodes_place_points_where_the_equation_does(repair: str, bake: bool) -> None:
    _, node = load(ITEM, bake=bake, repair=repair)
    points = probes(ITEM)
    expected = reference.map_points(MEANT[repair], points)
    np.testing.assert_allclose(world_to_node(node, points), expected, rtol=0, atol=MM)
    if repair != "without-bulk":
        assert np.linalg.norm(expected - reference.map_points(ITEM, points), axis=1).max() > 1


@both_ways
def test_reversed_nodes_lead_exactly_the_other_way(bake: bool) -> None:
    """World to node undoes the equation; node to world, which VTK does not search for then, is the equation."""
    _, node = load(ITEM, bake=bake, repair="reversed")
    points = probes(ITEM)
    mapped = reference.map_points(ITEM, points)
    np.testing.assert_allclose(node_to_world(node, points), mapped, rtol=0, atol=MM)
    inner = reference.points_inside(SMOOTH, 20, 2, 1.5)
    np.testing.assert_allclose(
        world_to_node(node, reference.map_points(ITEM, inner)), inner, rtol=0, atol=0.01
    )  # VTK's own search ends at 0.001 of a voxel


@both_ways
def test_a_reversed_grid_is_the_files_grid_set_to_parent(bake: bool) -> None:
    _, node = load(ITEM, bake=bake, repair="reversed")
    grid = grid_node_of(node)
    forward, backward = grid.GetTransformToParentAs("vtkOrientedGridTransform", False, False), grid
    assert forward is not None
    assert not forward.GetInverseFlag()
    assert backward.GetTransformFromParent().GetInverse() is not None
    if not bake:
        from vtk.util.numpy_support import vtk_to_numpy

        stored = vtk_to_numpy(forward.GetDisplacementGrid().GetPointData().GetScalars())
        np.testing.assert_array_equal(stored.reshape(SMOOTH.vectors.shape), SMOOTH.vectors * FLIP.astype(np.float32))


def test_a_reversed_matrix_item_leads_the_other_way() -> None:
    matrix = rf.rigid((0.4, -0.2, 0.3), (5, 6, -7))
    _, node = load(rf.MatrixItem((matrix,)), repair="reversed")
    points = probes(rf.MatrixItem((matrix,)))
    expected = points @ matrix[:3, :3].T + matrix[:3, 3]
    np.testing.assert_allclose(world_to_node(node, points), expected, rtol=0, atol=MM)


def test_a_reversed_pair_of_matrices_without_grid_leads_the_other_way() -> None:
    item = rf.DeformableItem(None, PRE, POST)
    _, node = load(item, repair="reversed")
    points = probes(item)
    np.testing.assert_allclose(world_to_node(node, reference.map_points(item, points)), points, rtol=0, atol=MM)


def test_a_pre_matrix_that_is_not_rigid_is_reversed_with_the_grid() -> None:
    stretched = PRE @ np.diag([1.1, 0.9, 1.05, 1.0])
    item = replace(ITEM, pre=rf.as_written(stretched), pre_type="AFFINE")
    _, node = load(item, repair="reversed")
    points = probes(item)
    np.testing.assert_allclose(node_to_world(node, points), reference.map_points(item, points), rtol=0, atol=MM)


# ---- The bulk part as a node of its own


def bulky() -> tuple[rf.DeformableItem, np.ndarray]:
    """A grid of a rigid motion and a ripple, and the motion (registered to source)."""
    bulk = rf.rigid((0.1, -0.15, 0.2), (15, -20, 8))
    nx, ny, nz = SMOOTH.dimensions
    nodes = np.array(
        [[[reference.node_position(SMOOTH, i, j, k) for i in range(nx)] for j in range(ny)] for k in range(nz)]
    )
    k, j, i = np.meshgrid(np.arange(nz), np.arange(ny), np.arange(nx), indexing="ij")
    ripple = (0.5 * (-1.0) ** (i + j + k))[..., None] * [1.0, -0.5, 0.25]
    vectors = nodes @ bulk[:3, :3].T + bulk[:3, 3] + ripple - nodes
    return rf.DeformableItem(replace(SMOOTH, vectors=vectors.astype(np.float32))), bulk


def test_the_bulk_is_the_linear_child_and_without_it_the_residual_is_left() -> None:
    item, bulk = bulky()
    scene, node = load(item, repair="without-bulk")
    linear, grid = chain_of(node)
    assert linear.IsA("vtkMRMLLinearTransformNode")
    assert grid.IsA("vtkMRMLGridTransformNode")
    points = probes(item)
    whole = reference.map_points(item, points)
    np.testing.assert_allclose(world_to_node(node, points), whole, rtol=0, atol=MM)
    # A volume moved from the linear child to its parent sees only what the rigid motion leaves: R⁻¹ of the whole.
    rest = np.array([np.linalg.solve(bulk[:3, :3], p - bulk[:3, 3]) for p in whole])
    np.testing.assert_allclose(world_to_node(grid, points), rest, rtol=0, atol=0.05)
    assert np.linalg.norm(rest - points, axis=1).max() < 0.7
    scene.RemoveNode(linear)
    assert [one.GetID() for one in transforms_of(scene)] == [grid.GetID()]
    np.testing.assert_allclose(world_to_node(grid, points), rest, rtol=0, atol=0.05)


def test_the_bulk_can_be_taken_out_where_vectors_are_undefined() -> None:
    item, _ = bulky()
    vectors = item.grid.vectors.copy()
    vectors[3:, 3:, 3:] = np.nan
    item = replace(item, grid=replace(item.grid, vectors=vectors))
    _, node = load(item, repair="without-bulk")
    points = probes(item)
    defined = np.isfinite(reference.map_points(item, points)).all(axis=1)
    assert 10 < defined.sum() < len(points)
    np.testing.assert_allclose(
        world_to_node(node, points[defined]), reference.map_points(item, points[defined]), rtol=0, atol=MM
    )
    assert grid_node_of(node).GetAttribute("DicomRegInspector.VectorsSetToZero") == str(4 * 5 * 6)


# ---- What the nodes say


@both_ways
@pytest.mark.parametrize("repair", REPAIRS)
def test_nodes_say_what_was_done(repair: str, bake: bool) -> None:
    _, node = load(ITEM, bake=bake, repair=repair)
    words = {
        "voxel-units": "voxels",
        "reversed": "direction reversed",
        "axis-signs": "signs",
        "without-bulk": "bulk rigid motion",
        "matrices-ignored": "ignored",
        "matrices-swapped": "exchanged",
    }[repair]
    for one in chain_of(node):
        assert words in one.GetAttribute(NOTE)
        assert "(repaired)" in one.GetName()
        assert one.GetAttribute("DicomRegInspector.SOPInstanceUID") == "1.2.3.4.5.6"
        assert one.GetAttribute("DicomRegInspector.Item") == "1"
        assert "SECRET" not in one.GetName() + "".join(attributes_of(one).values())


@both_ways
@pytest.mark.parametrize("repair", [None, *REPAIRS])
def test_the_grid_says_whether_its_vectors_are_those_of_the_file(repair: str | None, bake: bool) -> None:
    _, node = load(ITEM, bake=bake, repair=repair)
    told = grid_node_of(node).GetAttribute("DicomRegInspector.Vectors")
    if repair in ("voxel-units", "axis-signs", "without-bulk"):
        assert "not those of the file" in told
    elif bake and repair != "matrices-ignored":
        assert told == "pre and post matrices included"
    else:
        assert told == "as in the file"


def test_without_a_repair_nothing_says_there_was_one() -> None:
    _, node = load(ITEM)
    for one in chain_of(node):
        assert one.GetAttribute(NOTE) is None
        assert "repaired" not in one.GetName()


def test_a_repaired_chain_can_be_told_from_the_one_that_was_read(tmp_path: Path) -> None:
    path = written(rf.RegistrationSpec((ITEM,)))
    scene = slicer.vtkMRMLScene()
    (plain,), (other,) = load_registration(path, scene), load_registration(path, scene, repair="axis-signs")
    names = [one.GetName() for one in transforms_of(scene)]
    assert len(set(names)) == len(names)
    points = probes(ITEM)
    np.testing.assert_allclose(world_to_node(plain, points), reference.map_points(ITEM, points), rtol=0, atol=MM)
    expected = reference.map_points(MEANT["axis-signs"], points)
    np.testing.assert_allclose(world_to_node(other, points), expected, rtol=0, atol=MM)


# ---- What does not work leaves the scene alone


@pytest.mark.parametrize("repair", ["voxel-units", "without-bulk", "matrices-ignored", "matrices-swapped"])
def test_a_repair_that_does_not_apply_adds_nothing(repair: str) -> None:
    scene = slicer.vtkMRMLScene()
    path = written(rf.RegistrationSpec((rf.MatrixItem((PRE,)),)))
    with pytest.raises(UsageError):
        load_registration(path, scene, repair=repair)
    assert transforms_of(scene) == []


def test_an_unknown_repair_adds_nothing() -> None:
    scene = slicer.vtkMRMLScene()
    with pytest.raises(UsageError, match="there is no repair"):
        load_registration(written(rf.RegistrationSpec((ITEM,))), scene, repair="upside-down")
    assert transforms_of(scene) == []


def test_when_one_of_several_items_cannot_be_repaired_none_is_loaded() -> None:
    scene = slicer.vtkMRMLScene()
    path = written(rf.RegistrationSpec((ITEM, rf.DeformableItem(None, PRE))))
    with pytest.raises(UsageError):
        load_registration(path, scene, repair="voxel-units")
    assert transforms_of(scene) == []
    (node,) = load_registration(path, scene, repair="voxel-units", items=[1])
    assert "item 1" in node.GetName()


@both_ways
@pytest.mark.parametrize("repair", ["reversed", "matrices-swapped"])
def test_what_cannot_be_turned_around_is_refused_in_words(repair: str, bake: bool) -> None:
    flat = replace(ITEM, post=np.diag([1.0, 1.0, 0.0, 1.0]), post_type="AFFINE")
    scene = slicer.vtkMRMLScene()
    path = written(rf.RegistrationSpec((flat,)))
    if repair == "matrices-swapped":
        # Swapped, the flat matrix goes into the vectors: the nodes can be made and do what the equation says.
        (node,) = load_registration(path, scene, repair=repair, bake=bake)
        points = probes(ITEM)
        expected = reference.map_points(replace(flat, pre=flat.post, post=flat.pre), points)
        np.testing.assert_allclose(world_to_node(node, points), expected, rtol=0, atol=MM)
        return
    with pytest.raises(RegistrationError, match="cannot be"):
        load_registration(path, scene, repair=repair, bake=bake)
    assert transforms_of(scene) == []


def test_a_long_repair_can_be_cancelled() -> None:
    scene = slicer.vtkMRMLScene()
    path = written(rf.RegistrationSpec((ITEM,)))
    with pytest.raises(Cancelled):
        load_registration(path, scene, repair="without-bulk", progress=lambda *_: False)
    assert transforms_of(scene) == []


def test_repaired_nodes_take_the_volumes_of_the_source_frame() -> None:
    scene = slicer.vtkMRMLScene()
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "moving")
    name = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMFrameOfReferenceUIDAttributeName()
    volume.SetAttribute(name, "1.2.3.200")
    _, node = load(ITEM, scene, repair="without-bulk", place_volumes=True)
    assert volume.GetParentTransformNode().GetID() == node.GetID()
    assert node.IsA("vtkMRMLLinearTransformNode")
