"""Scenes that were saved and opened again, by Slicer's own writer and reader of transforms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
import slicer
from DicomRegInspectorLib.scene import layouts, load_registration, restore_interpolation
from DicomRegInspectorLib.scene.reopened import scene_was_opened

GRID = rf.GridSpec(rf.smooth_vectors((9, 8, 7)), (5.0, 5.0, 5.0), (-20.0, -20.0, -20.0))


def saved_and_opened(scene, folder: Path):
    """As Slicer saves: each transform in a file of its own beside the scene's file."""
    nodes = scene.GetNodesByClass("vtkMRMLTransformNode")
    for index in range(nodes.GetNumberOfItems()):
        node = nodes.GetItemAsObject(index)
        node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        storage.SetFileName(str(folder / f"{node.GetName()}.h5"))
        assert storage.WriteData(node)
    scene.SetURL(str(folder / "scene.mrml"))
    assert scene.Commit()
    again = slicer.vtkMRMLScene()
    again.SetURL(str(folder / "scene.mrml"))
    opened = []
    again.AddObserver(again.EndImportEvent, lambda *_: opened.append(modes_of(again)))
    assert again.Connect()
    return again, opened


def modes_of(scene) -> dict[str, str]:
    """Interpolation of the grid that a node stores, by the node's name."""
    nodes = scene.GetNodesByClass("vtkMRMLTransformNode")
    told = {}
    for node in [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]:
        for stored in (node.GetTransformFromParentAs, node.GetTransformToParentAs):
            grid = stored("vtkOrientedGridTransform", False, True)
            if grid is not None:
                told[node.GetName()] = grid.GetInterpolationModeAsString()
    return told


@pytest.fixture
def loaded(tmp_path: Path):
    """A registration as it is and reversed, and a grid that somebody else made."""
    path = tmp_path / "reg.dcm"
    rf.write(path, rf.RegistrationSpec((rf.DeformableItem(GRID),)))
    scene = slicer.vtkMRMLScene()
    (node,) = load_registration(path, scene)
    node.SetName("standard")
    (reversed_node,) = load_registration(path, scene, repair="reversed")
    reversed_node.SetName("reversed")
    other = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "other")
    theirs = slicer.vtkOrientedGridTransform()
    theirs.DeepCopy(node.GetTransformFromParent())
    other.SetAndObserveTransformFromParent(theirs)
    assert set(modes_of(scene).values()) == {"Linear"}
    return scene


def test_slicer_s_reader_makes_grids_cubic_and_those_made_here_are_made_linear_again(loaded, tmp_path: Path) -> None:
    scene, opened = saved_and_opened(loaded, tmp_path)
    assert opened == [dict.fromkeys(("standard", "reversed", "other"), "Cubic")], "all there when the event comes"
    changed = restore_interpolation(scene)
    assert {node.GetName() for node in changed} == {"standard", "reversed"}
    assert modes_of(scene) == {"standard": "Linear", "reversed": "Linear", "other": "Cubic"}


@pytest.mark.parametrize("name", ["standard", "reversed"])
def test_points_between_the_nodes_go_where_they_went_before(loaded, tmp_path: Path, name: str) -> None:
    import vtk

    def moved(scene) -> np.ndarray:
        whole = vtk.vtkGeneralTransform()
        scene.GetFirstNodeByName(name).GetTransformFromWorld(whole)
        points = np.random.default_rng(4).uniform(-15, 5, (60, 3)) * [-1, -1, 1]
        return np.array([whole.TransformPoint(*point) for point in points])

    before = moved(loaded)
    scene, _ = saved_and_opened(loaded, tmp_path)
    assert np.abs(moved(scene) - before).max() > 1e-3
    restore_interpolation(scene)
    # An inverse is searched to a thousandth of a millimetre.
    assert np.abs(moved(scene) - before).max() < (1e-4 if name == "standard" else 2e-3)


def test_layout_of_a_scene_that_was_opened_is_made_known(loaded) -> None:
    logic = slicer.vtkMRMLLayoutLogic()
    logic.SetMRMLScene(loaded)
    logic.GetLayoutNode().SetViewArrangement(layouts.COMPARISON)
    assert logic.GetViewNodes().GetNumberOfItems() == 0
    scene_was_opened(loaded)
    assert logic.GetViewNodes().GetNumberOfItems() == 4
    logic.SetMRMLScene(None)


def test_scene_without_anything_of_ours_is_left_alone() -> None:
    scene = slicer.vtkMRMLScene()
    scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    scene_was_opened(scene)
    assert restore_interpolation(scene) == []
