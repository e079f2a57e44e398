"""A stack as a plain volume beside what it was made into: where slices are shown, whose memory that is, and views."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

slicer = pytest.importorskip("slicer", reason="scenes need slicer-core or Slicer")
vtk = pytest.importorskip("vtk")
from vtkmodules.util.numpy_support import vtk_to_numpy  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "series"))

from DicomRegInspectorLib.errors import Cancelled, FileError  # noqa: E402
from DicomRegInspectorLib.scene import layouts  # noqa: E402
from DicomRegInspectorLib.scene.series.before_after import add_plain_volume, align_before_after, fill_before_after  # noqa: E402
from DicomRegInspectorLib.scene.series.series_nodes import load_series_nodes  # noqa: E402
from DicomRegInspectorLib.scene.transforms.save import new_scene  # noqa: E402
from DicomRegInspectorLib.tasks.inspect import inspect_paths  # noqa: E402
from stack_making import along_table, tilted, write_stack  # noqa: E402

HEIGHTS = np.array([0.0, 2, 4, 6, 8, 10, 11, 14, 17, 20, 23])
"""2 mm apart, then one interval of 1 mm, then 3 mm apart."""
FLIP = np.array([-1.0, -1.0, 1.0])


def slices_of(node: Any) -> np.ndarray:
    """(n, 3) LPS mm of the first voxel of each slice; the node has no transform."""
    assert node.GetParentTransformNode() is None
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    count = node.GetImageData().GetDimensions()[2]
    return np.array([matrix.MultiplyPoint((0, 0, k, 1))[:3] for k in range(count)]) * FLIP


def values_of(node: Any) -> np.ndarray:
    scalars = node.GetImageData().GetPointData().GetScalars()
    return vtk_to_numpy(scalars).reshape(node.GetImageData().GetDimensions()[::-1])


def both(folder: Path, mode: str, tilt: float = 0.0, **options: Any) -> tuple[Any, Any, np.ndarray]:
    """The scene, the stack before and after, and where the headers put slices (LPS mm)."""
    corners = along_table(HEIGHTS)
    write_stack(folder, corners, tilted(tilt))
    series = inspect_paths(folder).series[0]
    scene = new_scene()
    after = load_series_nodes(scene, series, mode)
    made = add_plain_volume(scene, series, after, **options)
    return scene, made, series.main_stack.corners_lps_mm


@pytest.mark.parametrize("tilt", [0.0, 18.5])
@pytest.mark.parametrize("mode", ["acquisition", "resample", "split"])
def test_slices_stand_equally_spaced_from_the_first_to_the_last(tmp_path: Path, mode: str, tilt: float) -> None:
    _scene, made, corners = both(tmp_path, mode, tilt)
    shown = slices_of(made.plain)
    np.testing.assert_allclose(shown[[0, -1]], corners[[0, -1]], atol=1e-4)
    np.testing.assert_allclose(np.diff(shown, axis=0), np.tile((corners[-1] - corners[0]) / 10, (10, 1)), atol=1e-4)
    np.testing.assert_allclose(made.placement.distances_mm, np.linalg.norm(shown - corners, axis=1), atol=1e-4)
    # Slice 7 lies at 11 mm and is shown at 6 · 2.3 = 13.8 mm.
    assert made.placement.farthest[0] == 7
    assert float(made.plain.GetAttribute("DicomRegInspector.SliceDeviationMm")) == pytest.approx(
        made.placement.farthest[1], rel=1e-5
    )
    assert made.plain.GetName().endswith("as a plain volume")


@pytest.mark.parametrize(("mode", "shares"), [("acquisition", True), ("resample", False), ("split", False)])
def test_pixels_are_those_of_the_files_and_shared_where_they_can_be(tmp_path: Path, mode: str, shares: bool) -> None:
    _scene, made, _corners = both(tmp_path, mode)
    (untouched,) = load_series_nodes(new_scene(), tmp_path)
    np.testing.assert_array_equal(values_of(made.plain), values_of(untouched))
    assert made.shares_pixels == shares
    assert any(np.shares_memory(values_of(made.plain), values_of(node)) for node in made.after) == shares


def test_shared_pixels_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    series = inspect_paths(write_and_return(tmp_path)).series[0]
    scene = new_scene()
    after = load_series_nodes(scene, series, "acquisition")
    for path in tmp_path.glob("*"):
        path.unlink()
    assert add_plain_volume(scene, series, after).shares_pixels
    with pytest.raises(FileError):
        add_plain_volume(scene, series, load_nothing())


def write_and_return(folder: Path) -> Path:
    write_stack(folder, along_table(HEIGHTS), tilted(0.0))
    return folder


def load_nothing() -> list[Any]:
    return []


def test_stopping_leaves_the_scene_alone(tmp_path: Path) -> None:
    series = inspect_paths(write_and_return(tmp_path)).series[0]
    scene = new_scene()
    after = load_series_nodes(scene, series, "resample")
    count = scene.GetNumberOfNodes()
    with pytest.raises(Cancelled):
        add_plain_volume(scene, series, after, progress=lambda *_: False)
    assert scene.GetNumberOfNodes() == count


def test_both_have_one_window(tmp_path: Path) -> None:
    _scene, made, _corners = both(tmp_path, "resample")
    plain, after = made.plain.GetDisplayNode(), made.after[0].GetDisplayNode()
    assert (plain.GetWindow(), plain.GetLevel()) == (after.GetWindow(), after.GetLevel())
    assert not plain.GetAutoWindowLevel() and not after.GetAutoWindowLevel()


def test_a_window_that_was_chosen_is_kept(tmp_path: Path) -> None:
    series = inspect_paths(write_and_return(tmp_path)).series[0]
    scene = new_scene()
    after = load_series_nodes(scene, series, "resample")
    display = after[0].GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(123, 45)
    plain = add_plain_volume(scene, series, after).plain.GetDisplayNode()
    assert (plain.GetWindow(), plain.GetLevel()) == (123, 45)


def test_four_linked_views_show_before_and_after(tmp_path: Path) -> None:
    scene, made, _corners = both(tmp_path, "split")
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
    nodes = fill_before_after(scene, made)
    assert [node.GetOrientation() for node in nodes] == ["Coronal", "Coronal", "Sagittal", "Sagittal"]
    assert nodes[0].GetViewGroup() == nodes[1].GetViewGroup() != nodes[2].GetViewGroup()
    composites = [layouts.composite_of(scene, node.GetLayoutName()) for node in nodes]
    first, second = made.after
    assert [one.GetBackgroundVolumeID() for one in composites[::2]] == [made.plain.GetID()] * 2
    assert [one.GetBackgroundVolumeID() for one in composites[1::2]] == [first.GetID()] * 2
    assert [one.GetForegroundVolumeID() for one in composites[1::2]] == [second.GetID()] * 2
    assert all(one.GetHotLinkedControl() for one in composites)
    # A coronal view cuts through the middle of the stack, front to back.
    bounds = [0.0] * 6
    made.plain.GetRASBounds(bounds)
    assert nodes[0].GetSliceOffset() == pytest.approx((bounds[2] + bounds[3]) / 2)
    nodes[0].SetFieldOfView(90, 60, 1)
    align_before_after(scene)
    assert nodes[1].GetFieldOfView()[0] == 90


def test_layout_has_the_four_views(tmp_path: Path) -> None:
    scene, made, _corners = both(tmp_path, "resample")
    logic = slicer.vtkMRMLLayoutLogic()
    logic.SetMRMLScene(scene)
    fill_before_after(scene, made)
    assert layouts.show_layout(scene, layouts.BEFORE_AFTER)
    views = logic.GetViewNodes()
    tags = [views.GetItemAsObject(index).GetLayoutName() for index in range(views.GetNumberOfItems())]
    assert tags == ["RegPlainCoronal", "RegRegularCoronal", "RegPlainSagittal", "RegRegularSagittal"]
    assert {one.GetLayoutName() for one in layouts.main_composites(scene)}.isdisjoint(tags)
    logic.SetMRMLScene(None)


def test_real_tilted_series(shared_data: Path) -> None:
    """Slicer's reader puts slice 15 of the head 21 mm from where it is; both ends are in place."""
    series = inspect_paths(shared_data / "ct-ge-tilted-irregular").series[0]
    scene = new_scene()
    made = add_plain_volume(scene, series, load_series_nodes(scene, series, "acquisition"))
    assert made.shares_pixels
    number, distance = made.placement.farthest
    assert number == 15
    assert distance == pytest.approx(22.8, abs=0.1)
    np.testing.assert_allclose(made.placement.distances_mm[[0, -1]], 0, atol=1e-9)
