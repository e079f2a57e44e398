"""What is drawn of a transform is true, legible, one thing at a time, and called the same each time."""

from __future__ import annotations

import numpy as np
import pytest
import qualityfields as qf
import slicer
import vtk
from DicomRegInspectorLib.scene.quality.show_quality import show_quality
from vtkmodules.util.numpy_support import vtk_to_numpy


@pytest.fixture
def scene():
    made = slicer.vtkMRMLScene()
    made.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
    return made


def under_a_matrix(scene):
    """A grid below a rotation by 8 degrees and a shift of 6 mm, as a registration's matrices are loaded."""
    node = qf.node_of(scene, qf.smooth(qf.points(qf.lattice())), qf.lattice(), qf.OBLIQUE)
    turn = vtk.vtkTransform()
    turn.Translate(6, 0, 0)
    turn.RotateZ(8)
    parent = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "pre")
    parent.SetMatrixTransformToParent(turn.GetMatrix())
    node.SetAndObserveTransformNodeID(parent.GetID())
    return node


def to_world_at_nodes(node):
    """Lengths of x - T(x) for all nodes x of the grid, T through VTK: what Slicer draws at T(x)."""
    way = vtk.vtkGeneralTransform()
    node.GetTransformFromWorld(way)
    # The nodes lie in the grid's own space: where they are in world is the inverse of the matrix above the grid.
    matrix = vtk.vtkMatrix4x4()
    node.GetParentTransformNode().GetMatrixTransformToParent(matrix)
    own = qf.points(qf.lattice()).reshape(-1, 3)
    rows = np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(4)])
    nodes = own @ rows[:3, :3].T + rows[:3, 3]
    return np.array([np.linalg.norm(np.array(way.TransformPoint(*point)) - point) for point in nodes])


def displays(node, flag):
    every = [node.GetNthDisplayNode(number) for number in range(node.GetNumberOfDisplayNodes())]
    return [
        display
        for display in every
        if display.IsA("vtkMRMLTransformDisplayNode") and display.GetVisibility() and getattr(display, flag)()
    ]


def lengths_in_3d(node, region):
    """Length of each arrow that Slicer draws in 3-D: an arrow's points all have it."""
    found = []
    for display in displays(node, "GetVisibility3D"):
        drawn = vtk.vtkPolyData()
        assert slicer.vtkSlicerTransformLogic.GetVisualization3d(drawn, display, region, None)
        found += np.unique(vtk_to_numpy(drawn.GetPointData().GetArray("DisplacementMagnitude"))).tolist()
    return np.array(found)


def test_range_scale_and_colours_are_those_of_the_transform_to_world_matrices_included(scene):
    node = under_a_matrix(scene)
    made = show_quality(node)
    lengths = to_world_at_nodes(node)
    (display,) = displays(node, "GetVisibility2D")
    assert lengths.max() > 2 * made.volumes.longest_mm, "the matrix moves more than the vectors"
    assert display.GetScalarRange() == (0.0, pytest.approx(lengths.max(), rel=1e-4))
    assert display.GetColorNode().GetColorTransferFunction().GetRange()[1] == pytest.approx(lengths.max(), rel=1e-4)
    assert display.GetGlyphDisplayRangeMinMm() < lengths.min()
    assert display.GetGlyphDisplayRangeMaxMm() >= lengths.max(), "no arrow is hidden for its length"
    levels = [float(level) for level in display.GetContourLevelsMmAsString().split()]
    assert 0.7 * lengths.max() < max(levels) <= lengths.max()


def test_in_3d_there_are_a_few_hundred_arrows_and_they_are_the_long_ones(scene):
    node = qf.node_of(scene, qf.smooth(qf.points(qf.lattice())), qf.lattice(), qf.OBLIQUE)
    made = show_quality(node)
    found = lengths_in_3d(node, made.volumes.magnitude)
    assert 30 < len(found) < 600
    vectors = np.sort(np.linalg.norm(qf.smooth(qf.points(qf.lattice())), axis=-1).reshape(-1))
    assert found.min() > np.quantile(vectors, 0.5)
    assert found.max() > 0.9 * vectors[-1]
    (flat,) = displays(node, "GetVisibility2D")
    assert flat.GetGlyphDisplayRangeMinMm() < vectors[0], "slices show all of them"
    (solid,) = displays(node, "GetVisibility3D")
    assert flat.GetGlyphScalePercent() == solid.GetGlyphScalePercent(), "one scale in all views"


def test_the_legend_is_one_small_says_its_unit_and_stands_in_the_corner(scene):
    node = qf.node_of(scene, qf.smooth(qf.points(qf.lattice())), qf.lattice(), qf.OBLIQUE)
    for _ in range(2):
        show_quality(node)
        (legend,) = qf.nodes_in(scene, "vtkMRMLColorLegendDisplayNode")
    assert legend.GetDisplayableNode() is node
    assert "mm" in legend.GetTitleText()
    width, height = legend.GetSize()
    assert width <= 0.12 and height <= 0.35
    across, up = legend.GetPosition()
    assert across > 0.9
    # vtkMRMLColorLegendDisplayableManager::UpdateActor puts the frame at position * (1 - size), and
    # vtkSlicerScalarBarActor the title above it, as large as the numbers: their lines share the frame's height.
    top = up * (1 - height) + height
    assert 0.8 < top < 1 - 2 * 0.8 * height / legend.GetNumberOfLabels(), "two lines of title lie within the view"


def test_showing_again_keeps_nodes_and_names(scene):
    node, fixed, moving, _ = qf.comparable(scene)
    kinds = ("vtkMRMLPlotChartNode", "vtkMRMLTableNode", "vtkMRMLVolumeNode", "vtkMRMLColorNode")

    def told():
        return {(kind, one.GetID(), one.GetName()) for kind in kinds for one in qf.nodes_in(scene, kind)}

    show_quality(node, fixed=fixed, moving=moving)
    before = told()
    show_quality(node, fixed=fixed, moving=moving)
    assert told() == before
    assert [name for _, _, name in before if name.endswith(("_1", "_2", "_3"))] == []


def test_a_renamed_chart_keeps_its_name_and_a_second_transform_of_that_name_gets_its_own(scene):
    nodes = [qf.node_of(scene, qf.smooth(qf.points(qf.lattice())), qf.lattice(), qf.OBLIQUE) for _ in range(2)]
    show_quality(nodes[0]).charts["jacobian"].SetName("mine")
    assert show_quality(nodes[0]).charts["jacobian"].GetName() == "mine"
    charts = {chart.GetID() for chart in qf.nodes_in(scene, "vtkMRMLPlotChartNode")}
    assert charts.isdisjoint(chart.GetID() for chart in show_quality(nodes[1]).charts.values())


def test_other_transforms_stay_as_the_user_shows_them(scene):
    theirs = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "mine")
    theirs.CreateDefaultDisplayNodes()
    theirs.GetDisplayNode().SetVisibility(True)
    node = qf.node_of(scene, qf.smooth(qf.points(qf.lattice())), qf.lattice(), qf.OBLIQUE)
    other = qf.node_of(scene, qf.smooth(qf.points(qf.lattice())), qf.lattice(), qf.OBLIQUE)
    show_quality(node)
    show_quality(other)
    assert theirs.GetDisplayNode().GetVisibility()
    assert displays(other, "GetVisibility2D") and displays(other, "GetVisibility3D")
    assert displays(node, "GetVisibility2D") == displays(node, "GetVisibility3D") == []
