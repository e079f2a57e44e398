"""What a loaded registration is made of in the scene, and what may not be loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

slicer = pytest.importorskip("slicer", reason="the scene room needs slicer-core or Slicer")

import reference  # noqa: E402
import regfiles as rf  # noqa: E402
import vtk  # noqa: E402
from DicomRegInspectorLib.errors import DicomRegInspectorError, FileError, UsageError  # noqa: E402
from DicomRegInspectorLib.registration import read_registration  # noqa: E402
from DicomRegInspectorLib.scene import load_registration  # noqa: E402
from scenetools import (  # noqa: E402
    FLIP,
    MM,
    POST,
    PRE,
    SMOOTH,
    attributes_of,
    chain_of,
    grid_image_of,
    grid_node_of,
    load,
    load_all,
    probes,
    world_to_node,
    written,
)
from vtk.util.numpy_support import vtk_to_numpy  # noqa: E402

# ---- Structure ------------------------------------------------------------------------------------------------------


def test_the_nodes_are_post_grid_pre_from_inside_out() -> None:
    scene, node = load(rf.DeformableItem(SMOOTH, PRE, POST))
    chain = chain_of(node)
    assert [n.GetClassName() for n in chain] == [
        "vtkMRMLLinearTransformNode",
        "vtkMRMLGridTransformNode",
        "vtkMRMLLinearTransformNode",
    ]
    assert scene.GetNumberOfNodesByClass("vtkMRMLTransformNode") == 3
    turn = np.diag([-1.0, -1.0, 1.0, 1.0])
    for linear, expected in ((chain[0], POST), (chain[2], PRE)):
        matrix = vtk.vtkMatrix4x4()
        linear.GetMatrixTransformFromParent(matrix)
        stored = np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])
        np.testing.assert_allclose(stored, turn @ expected @ turn, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("pre", "post", "bake", "count"),
    [
        (None, None, False, 1),
        (np.eye(4), np.eye(4), False, 1),
        (PRE, None, False, 2),
        (None, POST, False, 2),
        (PRE, POST, True, 1),
    ],
)
def test_identities_and_baked_matrices_make_no_nodes(pre, post, bake: bool, count: int) -> None:
    scene, node = load(rf.DeformableItem(SMOOTH, pre, post), bake=bake)
    assert scene.GetNumberOfNodesByClass("vtkMRMLTransformNode") == count
    assert len(chain_of(node)) == count


def test_the_grid_node_holds_the_files_vectors_on_the_lattice_moved_by_pre() -> None:
    _, node = load(rf.DeformableItem(SMOOTH, PRE, POST))
    image, directions = grid_image_of(node)
    assert image.GetDimensions() == SMOOTH.dimensions
    np.testing.assert_allclose(image.GetSpacing(), SMOOTH.spacing, rtol=0, atol=1e-12)
    origin = PRE[:3, :3] @ SMOOTH.origin + PRE[:3, 3]
    np.testing.assert_allclose(image.GetOrigin(), origin * FLIP, rtol=0, atol=1e-9)
    np.testing.assert_allclose(
        directions, np.diag(FLIP) @ PRE[:3, :3] @ reference.directions_of(SMOOTH), rtol=0, atol=1e-9
    )
    scalars = image.GetPointData().GetScalars()
    assert scalars.GetDataType() == vtk.VTK_FLOAT
    np.testing.assert_array_equal(
        vtk_to_numpy(scalars).reshape(SMOOTH.vectors.shape), SMOOTH.vectors * FLIP.astype(np.float32)
    )


def test_the_baked_grid_stands_on_the_files_own_lattice_and_contains_the_matrices() -> None:
    item = rf.DeformableItem(SMOOTH, PRE, POST)
    _, node = load(item, bake=True)
    image, directions = grid_image_of(node)
    np.testing.assert_allclose(image.GetOrigin(), np.array(SMOOTH.origin) * FLIP, rtol=0, atol=1e-9)
    np.testing.assert_allclose(directions, np.diag(FLIP) @ reference.directions_of(SMOOTH), rtol=0, atol=1e-9)
    scalars = image.GetPointData().GetScalars()
    assert scalars.GetDataType() == vtk.VTK_FLOAT
    vectors = vtk_to_numpy(scalars).reshape(SMOOTH.vectors.shape)
    for i, j, k in ((0, 0, 0), (8, 7, 6), (3, 5, 2), (8, 0, 6)):
        place = reference.node_position(SMOOTH, i, j, k)
        np.testing.assert_allclose(vectors[k, j, i] * FLIP, reference.map_one(item, place) - place, rtol=0, atol=1e-4)


def test_the_grid_is_set_on_the_from_parent_side_with_linear_interpolation() -> None:
    _, node = load(rf.DeformableItem(SMOOTH))
    transform = grid_node_of(node).GetTransformFromParent()
    assert transform.GetInterpolationMode() == 1  # VTK_GRID_LINEAR
    assert transform.GetDisplacementScale() == 1.0
    assert transform.GetDisplacementShift() == 0.0


@pytest.mark.parametrize(
    "stretch", [np.diag([1.2, 0.8, 1.1, 1.0]), np.array([[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])]
)
def test_a_pre_matrix_that_is_not_rigid_goes_into_the_vectors_and_is_reported(stretch: np.ndarray) -> None:
    item = rf.DeformableItem(SMOOTH, rf.as_written(PRE @ stretch), POST, pre_type="AFFINE")
    path = written(rf.RegistrationSpec((item,)))
    assert "reg-matrix-not-rigid" in {f.code for f in read_registration(path).findings}
    _scene, (node,) = load_all(path)
    assert [n.GetClassName() for n in chain_of(node)] == ["vtkMRMLLinearTransformNode", "vtkMRMLGridTransformNode"]
    points = probes(item)
    np.testing.assert_allclose(world_to_node(node, points), reference.map_points(item, points), rtol=0, atol=MM)


@pytest.mark.parametrize("bake", [False, True])
def test_a_post_matrix_that_is_not_rigid_is_placed_all_the_same(bake: bool) -> None:
    item = rf.DeformableItem(SMOOTH, PRE, rf.as_written(POST @ np.diag([1.3, 0.7, 1.1, 1.0])), post_type="AFFINE")
    _, node = load(item, bake=bake)
    points = probes(item)
    np.testing.assert_allclose(world_to_node(node, points), reference.map_points(item, points), rtol=0, atol=MM)


@pytest.mark.parametrize("bake", [False, True])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_undefined_vectors_are_zero_in_the_node_and_reported_with_count_and_place(bad: float, bake: bool) -> None:
    vectors = SMOOTH.vectors.copy()
    vectors[1:3, 2:4, 5] = bad
    vectors[6, 7, 8, 1] = bad
    grid = replace(SMOOTH, vectors=vectors)
    path = written(rf.RegistrationSpec((rf.DeformableItem(grid, PRE, POST),)))
    _scene, (node,) = load_all(path, bake=bake)
    image, _ = grid_image_of(node)
    held = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(vectors.shape)
    assert np.isfinite(held).all()
    clean = np.where(np.isfinite(vectors).all(axis=-1, keepdims=True), vectors, 0)
    if not bake:
        np.testing.assert_array_equal(held, clean * FLIP.astype(np.float32))
    zeroed = rf.DeformableItem(replace(SMOOTH, vectors=clean.astype(np.float32)), PRE, POST)
    points = probes(zeroed)
    np.testing.assert_allclose(world_to_node(node, points), reference.map_points(zeroed, points), rtol=0, atol=MM)
    code = "reg-vectors-undefined" if np.isnan(bad) else "reg-vectors-nonfinite"
    (finding,) = [f for f in read_registration(path).findings if f.code == code]
    numbers = list(_numbers(finding.evidence))
    assert 5 in numbers
    assert {1, 2, 5, 6, 7, 8} <= set(numbers)  # the bounding box, in grid indices


def _numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for entry in value:
            yield from _numbers(entry)
    else:
        yield value


# ---- Choosing, refusing ---------------------------------------------------------------------------------------------


def test_items_are_chosen_by_number() -> None:
    spec = rf.RegistrationSpec(tuple(rf.DeformableItem(SMOOTH, source_frame=f"1.2.3.{n}") for n in (201, 202, 203)))
    path, scene = written(spec), slicer.vtkMRMLScene()
    (node,) = load_registration(path, scene, items=[2])
    assert "1.2.3.202" in attributes_of(node).values()
    assert "1.2.3.203" in attributes_of(load_registration(path, scene, items=iter([3]))[0]).values()
    before = scene.GetNumberOfNodes()
    for wrong in ([0], [4], [1, 9]):
        with pytest.raises(UsageError):
            load_registration(path, scene, items=wrong)
    assert scene.GetNumberOfNodes() == before


def test_a_registration_that_was_read_loads_like_its_file() -> None:
    path, scene = written(rf.Samples().full), slicer.vtkMRMLScene()
    (node,) = load_registration(read_registration(path), scene)
    item = rf.Samples().full.items[0]
    points = probes(item)
    np.testing.assert_allclose(world_to_node(node, points), reference.map_points(item, points), rtol=0, atol=MM)


def test_loading_does_not_disturb_the_vectors_of_the_registration() -> None:
    registration = read_registration(written(rf.Samples().full))
    before = registration.items[0].grid.vectors.copy()
    load_registration(registration, slicer.vtkMRMLScene(), bake=True)
    load_registration(registration, slicer.vtkMRMLScene())
    np.testing.assert_array_equal(registration.items[0].grid.vectors, before)


def test_what_cannot_be_loaded_leaves_the_scene_as_it_was(tmp_path: Path) -> None:
    grid = (rf.DEFORMABLE_SEQUENCE, rf.GRID_SEQUENCE)
    elements = rf.elements_of(rf.Samples().full)
    singular = [rf.ds(v) for v in np.diag([1.0, 1.0, 0.0, 1.0]).ravel()]
    broken = {
        "size": rf.with_value(elements, [*grid, rf.GRID_DIMENSIONS], [7, 6, 50]),
        "zero": rf.with_value(elements, [*grid, rf.GRID_DIMENSIONS], [0, 6, 5]),
        "resolution": rf.with_value(elements, [*grid, rf.GRID_RESOLUTION], [1.0, 0.0, 1.0]),
        "post": rf.with_value(elements, [rf.DEFORMABLE_SEQUENCE, rf.POST_SEQUENCE, rf.MATRIX], singular),
        "fiducials": rf.with_value(rf.without(elements, rf.DEFORMABLE_SEQUENCE), [0x00080016], rf.FIDUCIALS_CLASS),
    }
    for name, tree in broken.items():
        scene = slicer.vtkMRMLScene()
        with pytest.raises(DicomRegInspectorError) as caught:
            load_registration(rf.write(tmp_path / f"{name}.dcm", tree), scene)
        assert "\n" not in str(caught.value)
        assert scene.GetNumberOfNodes() == 0, name


def test_a_file_that_vanishes_before_loading_is_refused_and_leaves_no_node() -> None:
    path, scene = written(rf.Samples().full), slicer.vtkMRMLScene()
    registration = read_registration(path)
    path.unlink()
    with pytest.raises(FileError):
        load_registration(registration, scene)
    assert scene.GetNumberOfNodes() == 0


def test_a_singular_pre_matrix_maps_points_in_the_node_or_is_refused() -> None:
    item = rf.DeformableItem(SMOOTH, np.diag([1.0, 1.0, 0.0, 1.0]))
    scene = slicer.vtkMRMLScene()
    try:
        (node,) = load_registration(written(rf.RegistrationSpec((item,))), scene)
    except FileError:
        assert scene.GetNumberOfNodes() == 0
        return
    points = probes(item)
    np.testing.assert_allclose(world_to_node(node, points), reference.map_points(item, points), rtol=0, atol=MM)
