"""The warped moving image beside the fixed one: difference, checkerboard, and where all of them lie."""

from __future__ import annotations

import numpy as np
import pytest
import regfiles as rf
import SimpleITK as sitk
import slicer
from DicomRegInspectorLib.errors import Cancelled
from DicomRegInspectorLib.scene import colours
from DicomRegInspectorLib.scene.convert import vtk_matrix
from DicomRegInspectorLib.scene.quality.warping import checkerboard
from DicomRegInspectorLib.scene.transforms.node_field import field_of_node
from qualityfields import (
    SPACING,
    add_comparison,
    anatomy,
    array,
    comparable,
    ijk_to_ras,
    nodes_in,
    points,
    resample,
    shown,
    volume,
)


@pytest.fixture
def scene():
    return slicer.vtkMRMLScene()


def test_the_source_image_is_taken_from_where_the_registration_points(scene):
    node, fixed, moving, fixed_matrix = comparable(scene)
    _, warped = resample(moving, fixed, node)
    where = points(fixed_matrix, (27, 23, 19)).reshape(-1, 3)
    mapped = where + field_of_node(node).grid.displacement(where)
    expected = anatomy(mapped).reshape(warped.shape)
    assert not np.isnan(warped).any()
    # Linear interpolation of this image errs by h² f'' / 8, some units of 800.
    assert np.abs(warped - expected).max() < 12
    # SimpleITK's resampling of the same image through the same points is the same number.
    image = sitk.GetImageFromArray(array(moving))
    image.SetSpacing((0.7, 0.8, 0.9))
    image.SetOrigin(ijk_to_ras(moving)[:3, 3].tolist())
    few = np.random.default_rng(2).choice(len(where), 50, replace=False)
    theirs = [image.EvaluateAtPhysicalPoint(mapped[n].tolist(), sitk.sitkLinear) for n in few]
    assert warped.reshape(-1)[few] == pytest.approx(theirs, abs=0.05)


def test_parents_of_registration_and_fixed_image_count(scene):
    node, fixed, moving, _ = comparable(scene)
    plain = resample(moving, fixed, node)[1].copy()
    # World moved as a whole: registration and fixed image under the same rigid transform.
    parent = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    parent.SetMatrixTransformToParent(vtk_matrix(rf.rigid((0.4, 0.2, -0.3), (20, -30, 10))))
    node.SetAndObserveTransformNodeID(parent.GetID())
    fixed.SetAndObserveTransformNodeID(parent.GetID())
    assert np.abs(resample(moving, fixed, node)[1] - plain).max() < 0.05


def test_difference_and_checkerboard_come_from_the_two_images(scene):
    node, fixed, moving, fixed_matrix = comparable(scene)
    field = field_of_node(node)
    truth = resample(moving, fixed, node)[1].copy()
    fixed = volume(scene, (truth + 3).astype(np.float32), fixed_matrix, "Registered")
    fixed.GetDisplayNode().SetAutoWindowLevel(False)
    fixed.GetDisplayNode().SetWindowLevel(400, 40)
    mask = np.zeros(truth.shape, np.uint8)
    mask[:, :, :5] = colours.UNCOVERED
    mask[3, 3, 10:14] = colours.FOLDED
    made = add_comparison(scene, node, fixed, moving, field, mask)
    difference = array(made.difference)
    assert np.isnan(difference[:, :, :5]).all()
    assert np.allclose(difference[:, :, 5:], -3, atol=1e-3)
    assert made.rms == pytest.approx(3, abs=1e-3)
    assert made.rms_before > 10 * made.rms
    assert made.compared == truth.size - mask[:, :, :5].size
    tiles = checkerboard(truth.shape, SPACING / 2)
    tiles[:, :, :5] = False
    assert np.allclose(array(made.checkerboard), np.where(tiles, truth, truth + 3), atol=1e-3)
    assert not np.isnan(array(made.warped)).any()
    assert (made.warped.GetDisplayNode().GetWindow(), made.warped.GetDisplayNode().GetLevel()) == (400, 40)
    assert shown(made.difference)[0, 0, 0, 3] == 0
    assert np.allclose(ijk_to_ras(made.difference), fixed_matrix)


def test_tiles_are_cubes_in_millimetres():
    tiles = checkerboard((4, 40, 80), np.array([1.0, 1.0, 10.0]))
    assert [bool(tiles[0, 0, i]) for i in (0, 9, 10, 19, 20)] == [False, False, True, True, False]
    assert [bool(tiles[0, j, 0]) for j in (9, 10)] == [False, True]
    assert [bool(tiles[k, 0, 0]) for k in (0, 1, 2)] == [False, True, False]


def test_source_image_under_the_registration_gets_a_twin_where_it_was(scene):
    node, fixed, moving, _ = comparable(scene)
    made = add_comparison(scene, node, fixed, moving, field_of_node(node))
    assert made.as_loaded is moving
    before, name = ijk_to_ras(moving), moving.GetImageData().GetPointData().GetScalars().GetName()
    moving.SetAndObserveTransformNodeID(node.GetID())
    made = add_comparison(scene, node, fixed, moving, field_of_node(node))
    assert made.as_loaded is not moving
    assert made.as_loaded.GetParentTransformNode() is None
    assert np.array_equal(ijk_to_ras(made.as_loaded), before)
    assert np.shares_memory(array(made.as_loaded), array(moving))
    assert moving.GetImageData().GetPointData().GetScalars().GetName() == name
    count = len(nodes_in(scene))
    add_comparison(scene, node, fixed, moving, field_of_node(node))
    assert len(nodes_in(scene)) == count


def test_ct_gets_a_soft_tissue_window_where_nobody_chose_one(scene):
    node, fixed, moving, _ = comparable(scene)
    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning("[hnsf'U]", "UCUM", "Hounsfield unit")
    for one in (fixed, moving):
        one.SetVoxelValueUnits(entry)
    moving.GetDisplayNode().SetAutoWindowLevel(False)
    moving.GetDisplayNode().SetWindowLevel(1500, -500)
    made = add_comparison(scene, node, fixed, moving, field_of_node(node))
    windows = [(one.GetDisplayNode().GetWindow(), one.GetDisplayNode().GetLevel()) for one in (fixed, moving)]
    assert windows == [(400, 40), (1500, -500)]
    assert (made.warped.GetDisplayNode().GetWindow(), made.warped.GetDisplayNode().GetLevel()) == (400, 40)


def test_warping_in_slabs_is_warping_at_once_and_can_be_stopped(scene, monkeypatch):
    from DicomRegInspectorLib.scene.quality import warping

    node, fixed, moving, _ = comparable(scene)
    whole = resample(moving, fixed, node)[1].copy()
    monkeypatch.setattr(warping, "_SLAB_VOXELS", 5 * fixed.GetImageData().GetDimensions()[0] * 23)
    assert np.array_equal(resample(moving, fixed, node)[1], whole, equal_nan=True)
    count, steps = len(nodes_in(scene)), []

    def stop_later(done: int, total: int, text: str) -> bool:
        steps.append((done, total, text))
        return len(steps) < 3

    with pytest.raises(Cancelled):
        add_comparison(scene, node, fixed, moving, field_of_node(node), progress=stop_later)
    assert [done for done, _, _ in steps] == [0, 5, 10]
    assert len(nodes_in(scene)) == count
