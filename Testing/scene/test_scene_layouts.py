"""Layouts for comparison, slice positions and histograms, with Slicer's own layout, slice and link logics."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from DicomRegInspectorLib.scene import layouts
from vtkmodules.util.numpy_support import numpy_to_vtk


@dataclass
class Views:
    """A scene with the logics that an application has behind its views."""

    scene: Any
    application: Any
    layout: Any
    slices: dict[str, Any]

    @property
    def node(self) -> Any:
        return self.layout.GetLayoutNode()

    def shown(self) -> list[tuple[str, str]]:
        """Class and tag of the views of the layout."""
        nodes = self.layout.GetViewNodes()
        every = [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]
        return [(node.GetClassName().removeprefix("vtkMRML"), node.GetLayoutName()) for node in every]

    def draw(self) -> None:
        """Give each slice view the logic that its widget makes."""
        collection = self.application.GetSliceLogics() or vtk.vtkCollection()
        nodes = self.scene.GetNodesByClass("vtkMRMLSliceNode")
        for node in [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]:
            if node.GetLayoutName() not in self.slices:
                node.SetDimensions(400, 300, 1)
                logic = slicer.vtkMRMLSliceLogic()
                logic.SetMRMLApplicationLogic(self.application)
                logic.SetMRMLScene(self.scene)
                logic.SetSliceNode(node)
                collection.AddItem(logic)
                self.slices[node.GetLayoutName()] = logic
        self.application.SetSliceLogics(collection)


@pytest.fixture
def views() -> Iterator[Views]:
    scene = slicer.vtkMRMLScene()
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    layout = slicer.vtkMRMLLayoutLogic()
    layout.SetMRMLScene(scene)
    made = Views(scene, application, layout, {})
    yield made
    application.SetSliceLogics(None)
    made.slices.clear()
    layout.SetMRMLScene(None)


def volume(scene: Any, name: str, origin: tuple[float, float, float] = (0, 0, 0)) -> Any:
    """40 × 30 × 20 voxels of 2 × 3 × 4 mm."""
    image = vtk.vtkImageData()
    image.SetDimensions(40, 30, 20)
    image.GetPointData().SetScalars(numpy_to_vtk(np.arange(24000, dtype=np.int16), deep=1))
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetSpacing(2, 3, 4)
    node.SetOrigin(*origin)
    node.SetAndObserveImageData(image)
    node.CreateDefaultDisplayNodes()
    return node


@pytest.fixture
def volumes(views: Views) -> layouts.ComparisonVolumes:
    names = ("fixed", "moving", "registered", "difference", "checkerboard")
    return layouts.ComparisonVolumes(*(volume(views.scene, name) for name in names))


def test_numbers_are_not_those_of_slicer_s_layouts(views: Views) -> None:
    assert not set(layouts.OUR_LAYOUTS) & set(views.node.GetLayoutIndices())
    assert min(layouts.OUR_LAYOUTS) > views.node.SlicerLayoutUserView


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (layouts.COMPARISON, [("SliceNode", "RegFixed"), ("SliceNode", "RegMoving"), ("SliceNode", "RegRegistered"),
                              ("SliceNode", "RegDifference")]),
        (layouts.POSITIONS, [("SliceNode", "Red"), ("PlotViewNode", "RegSlicePositions"), ("SliceNode", "Green"),
                             ("SliceNode", "Yellow")]),
        (layouts.HISTOGRAMS, [("SliceNode", "Red"), ("SliceNode", "Green"), ("SliceNode", "Yellow"),
                              ("PlotViewNode", "RegComponents"), ("PlotViewNode", "RegLength"),
                              ("PlotViewNode", "RegJacobian")]),
    ],
)  # fmt: skip
def test_slicer_s_layout_logic_makes_the_views_of_a_layout(views: Views, number: int, expected: list) -> None:
    assert layouts.show_layout(views.scene, number)
    assert views.node.GetViewArrangement() == number
    assert views.shown() == expected


@pytest.mark.parametrize("number", layouts.OUR_LAYOUTS)
def test_no_more_than_two_views_stand_beside_each_other(views: Views, number: int) -> None:
    """A slice view's bar takes 340 pixels: with a third one the window is wider than a screen of 1366."""
    layouts.show_layout(views.scene, number)

    def across(layout: ElementTree.Element) -> int:
        parts = [across(part) if part.tag == "layout" else 1 for item in layout for part in item]
        return sum(parts) if layout.get("type") == "horizontal" else max(parts)

    assert across(ElementTree.fromstring(views.node.GetCurrentLayoutDescription())) <= 2 + (
        number == layouts.HISTOGRAMS
    )


def test_views_made_before_the_layout_are_the_ones_it_shows(views: Views, volumes: Any) -> None:
    made = layouts.fill_comparison(views.scene, volumes)
    layouts.show_layout(views.scene, layouts.COMPARISON)
    shown = views.layout.GetViewNodes()
    assert [shown.GetItemAsObject(index) for index in range(shown.GetNumberOfItems())] == made
    assert [node.GetLayoutLabel() for node in made] == [
        "Fixed", "Moving, as loaded", "Moving, registered", "Difference"]  # fmt: skip


def test_layout_before_comes_back_even_after_two_of_ours(views: Views) -> None:
    views.node.SetViewArrangement(views.node.SlicerLayoutConventionalView)
    layouts.show_layout(views.scene, layouts.HISTOGRAMS)
    layouts.show_layout(views.scene, layouts.COMPARISON)
    assert layouts.shown_layout(views.scene) == layouts.COMPARISON
    assert layouts.restore_layout(views.scene)
    assert views.node.GetViewArrangement() == views.node.SlicerLayoutConventionalView
    assert layouts.shown_layout(views.scene) is None
    assert not layouts.restore_layout(views.scene), "the user's own layout is not taken away"


def test_scene_without_layout_node_has_nothing_to_show_and_does_not_fail() -> None:
    scene = slicer.vtkMRMLScene()
    assert layouts.register_layouts(scene) is None
    assert not layouts.show_layout(scene, layouts.COMPARISON)
    assert not layouts.restore_layout(scene)
    assert layouts.shown_layout(scene) is None


def test_scene_saved_with_a_layout_of_ours_shows_it_again_once_they_are_registered(views: Views) -> None:
    views.node.SetViewArrangement(layouts.POSITIONS)
    assert views.node.GetLayoutRootElement() is None, "a number without description: no view at all"
    layouts.register_layouts(views.scene)
    assert ("PlotViewNode", "RegSlicePositions") in views.shown()


def test_each_view_shows_its_volume_and_follows_no_other_choice(views: Views, volumes: Any) -> None:
    layouts.fill_comparison(views.scene, volumes)
    views.draw()
    views.application.GetSelectionNode().SetActiveVolumeID(volumes.difference.GetID())
    views.application.PropagateVolumeSelection()
    background = [
        layouts.composite_of(views.scene, spec.tag).GetBackgroundVolumeID() for spec in layouts.COMPARISON_VIEWS
    ]
    shown = (volumes.fixed, volumes.moving, volumes.registered, volumes.checkerboard)
    assert background == [one.GetID() for one in shown]
    last = layouts.composite_of(views.scene, "RegDifference")
    assert (last.GetForegroundVolumeID(), last.GetForegroundOpacity()) == (volumes.difference.GetID(), 1.0)


def test_slice_logic_takes_the_composite_that_was_filled_before_it_was_drawn(views: Views, volumes: Any) -> None:
    layouts.fill_comparison(views.scene, volumes)
    composite = layouts.composite_of(views.scene, "RegMoving")
    views.draw()
    assert views.slices["RegMoving"].GetSliceCompositeNode() is composite
    assert views.slices["RegMoving"].GetBackgroundLayer().GetVolumeNode() is volumes.moving


def test_scrolling_in_one_view_moves_the_others_and_no_view_of_slicer_s(views: Views, volumes: Any) -> None:
    layouts.show_layout(views.scene, layouts.COMPARISON)
    nodes = layouts.fill_comparison(views.scene, volumes)
    views.draw()
    red = views.scene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    before = red.GetSliceOffset()
    logic = views.slices["RegFixed"]
    logic.StartSliceOffsetInteraction()
    logic.SetSliceOffset(17.5)
    logic.EndSliceOffsetInteraction()
    assert [node.GetSliceOffset() for node in nodes] == pytest.approx([17.5] * 4)
    assert red.GetSliceOffset() == before


def test_orientation_changed_in_one_view_is_that_of_all(views: Views, volumes: Any) -> None:
    nodes = layouts.fill_comparison(views.scene, volumes)
    views.draw()
    first = nodes[0]
    # What Slicer's bar over a slice view does (qMRMLSliceControllerWidget::setSliceOrientation).
    views.slices["RegFixed"].StartSliceNodeInteraction(slicer.vtkMRMLSliceNode.OrientationFlag)
    first.SetOrientation("Coronal")
    views.slices["RegFixed"].EndSliceNodeInteraction()
    for node in nodes:
        normal = [node.GetSliceToRAS().GetElement(row, 2) for row in range(3)]
        assert np.abs(normal) == pytest.approx([0, 1, 0])


def test_views_begin_at_one_place_turned_to_the_axes_of_an_oblique_image(views: Views, volumes: Any) -> None:
    turn = np.deg2rad(10)
    matrix = vtk.vtkMatrix4x4()
    directions = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
    for row in range(3):
        for column in range(3):
            matrix.SetElement(row, column, directions[row, column])
    volumes.fixed.SetIJKToRASDirectionMatrix(matrix)
    nodes = layouts.fill_comparison(views.scene, volumes, position_ras=(5.0, 6.0, 7.0))
    for node in nodes:
        to_ras = node.GetSliceToRAS()
        normal = np.array([to_ras.GetElement(row, 2) for row in range(3)])
        assert np.abs(normal @ directions) == pytest.approx([0, 0, 1], abs=1e-9)
        origin = np.array([to_ras.GetElement(row, 3) for row in range(3)])
        assert normal @ (origin - [5, 6, 7]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("orientation", "axis"), [("Axial", 2), ("Coronal", 1), ("Sagittal", 0)])
def test_comparison_can_begin_in_any_orientation(views: Views, volumes: Any, orientation: str, axis: int) -> None:
    for node in layouts.fill_comparison(views.scene, volumes, orientation=orientation):
        assert abs(node.GetSliceToRAS().GetElement(axis, 2)) == pytest.approx(1)


def test_unknown_orientation_is_refused(views: Views, volumes: Any) -> None:
    with pytest.raises(ValueError, match="Axial, Coronal, Sagittal"):
        layouts.fill_comparison(views.scene, volumes, orientation="Oblique")


def test_zoom_and_place_of_the_first_view_become_those_of_the_others(views: Views, volumes: Any) -> None:
    nodes = layouts.fill_comparison(views.scene, volumes)
    views.draw()
    nodes[2].SetDimensions(400, 200, 1)
    views.slices["RegFixed"].FitSliceToBackground()
    layouts.align_comparison(views.scene)
    width, height, _ = nodes[0].GetFieldOfView()
    assert [node.GetFieldOfView()[0] for node in nodes] == pytest.approx([width] * 4)
    assert nodes[2].GetFieldOfView()[1] == pytest.approx(width / 2), "square pixels in a lower view"
    assert nodes[1].GetFieldOfView()[1] == pytest.approx(height)


def test_crosshair_is_seen_while_comparing_and_gone_afterwards(views: Views, volumes: Any) -> None:
    crosshair = views.scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    crosshair.SetCrosshairBehavior(crosshair.NoAction)
    layouts.fill_comparison(views.scene, volumes, position_ras=(1, 2, 3))
    layouts.show_layout(views.scene, layouts.COMPARISON)
    assert crosshair.GetCrosshairMode() == crosshair.ShowBasic
    assert crosshair.GetCrosshairBehavior() == crosshair.OffsetJumpSlice
    assert crosshair.GetCrosshairRAS() == (1, 2, 3)
    layouts.restore_layout(views.scene)
    assert crosshair.GetCrosshairMode() == crosshair.NoCrosshair
    assert crosshair.GetCrosshairBehavior() == crosshair.NoAction


def test_crosshair_that_the_user_chose_stays_as_it_is(views: Views, volumes: Any) -> None:
    crosshair = views.scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    crosshair.SetCrosshairMode(crosshair.ShowHashmarks)
    crosshair.SetCrosshairBehavior(crosshair.CenteredJumpSlice)
    layouts.fill_comparison(views.scene, volumes)
    layouts.show_layout(views.scene, layouts.COMPARISON)
    layouts.restore_layout(views.scene)
    assert crosshair.GetCrosshairMode() == crosshair.ShowHashmarks
    assert crosshair.GetCrosshairBehavior() == crosshair.CenteredJumpSlice


def test_charts_stay_in_their_views_when_another_chart_is_chosen(views: Views) -> None:
    charts = {name: views.scene.AddNewNodeByClass("vtkMRMLPlotChartNode", name) for name in layouts.PLOTS}
    other = views.scene.AddNewNodeByClass("vtkMRMLPlotChartNode", "other")
    layouts.fill_plots(views.scene, charts)
    layouts.fill_positions(views.scene, charts["magnitude"])
    layouts.show_layout(views.scene, layouts.HISTOGRAMS)
    views.application.GetSelectionNode().SetActivePlotChartID(other.GetID())
    views.application.PropagatePlotChartSelection()
    for name, spec in layouts.PLOTS.items():
        node = views.scene.GetSingletonNode(spec.tag, "vtkMRMLPlotViewNode")
        assert node.GetPlotChartNodeID() == charts[name].GetID()
    positions = views.scene.GetSingletonNode("RegSlicePositions", "vtkMRMLPlotViewNode")
    assert positions.GetPlotChartNodeID() == charts["magnitude"].GetID()
