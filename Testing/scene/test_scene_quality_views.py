"""What the scene shows of a field's quality, read back voxel by voxel and node by node."""

from __future__ import annotations

import numpy as np
import pytest
import regfiles as rf
import SimpleITK as sitk
import slicer
import vtk
from DicomRegInspectorLib.errors import Cancelled, UsageError
from DicomRegInspectorLib.findings.about import about_node
from DicomRegInspectorLib.registration import Mapping
from DicomRegInspectorLib.scene import colours
from DicomRegInspectorLib.scene.drawn import label_decimals
from DicomRegInspectorLib.scene.quality.quality_arrays import float_array, jacobian_window, remember_range
from DicomRegInspectorLib.scene.quality.quality_views import QUALITY_ATTRIBUTE
from DicomRegInspectorLib.scene.quality.show_quality import show_quality
from DicomRegInspectorLib.scene.quality.transform_display import glyph_scale_percent, show_transform
from DicomRegInspectorLib.scene.transforms.node_field import WorldField, field_of_node
from qualityfields import (
    OBLIQUE,
    ORIGIN,
    SIZE,
    SPACING,
    add_histograms,
    add_quality_volumes,
    array,
    comparable,
    folding_and_undefined,
    ijk_to_ras,
    lattice,
    node_of,
    nodes_in,
    points,
    shown,
    smooth,
    volume,
    world_field,
)
from vtkmodules.util.numpy_support import vtk_to_numpy


@pytest.fixture
def scene():
    return slicer.vtkMRMLScene()


def test_the_volumes_hold_lengths_and_determinants_of_the_nodes_in_place(scene):
    vectors = smooth(points(lattice()))
    made = add_quality_volumes(scene, world_field(vectors, lattice()))
    assert np.allclose(array(made.magnitude), np.linalg.norm(vectors, axis=-1), atol=1e-5)
    assert np.allclose(ijk_to_ras(made.jacobian), lattice())
    # ITK's filter leaves the directions out: it is given the vectors along the lattice's own axes.
    image = sitk.GetImageFromArray(vectors @ OBLIQUE, isVector=True)
    image.SetSpacing(SPACING.tolist())
    theirs = sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(image))
    inner = (slice(1, -1),) * 3
    assert np.allclose(array(made.jacobian)[inner], theirs[inner], atol=1e-4)
    assert made.longest_mm == pytest.approx(np.linalg.norm(vectors, axis=-1).max(), abs=1e-5)


def test_lattices_of_a_file_are_shown_in_ras(scene):
    matrix = np.diag([-1, -1, 1, 1]) @ lattice()
    field = world_field(smooth(points(lattice())), matrix)
    lps = WorldField(Mapping(grid=field.grid), about_node("field"), "test", "Field", "field")
    assert np.allclose(ijk_to_ras(add_quality_volumes(scene, lps).magnitude), lattice())


def test_folded_voxels_and_only_those_get_the_folding_colour_and_undefined_ones_are_transparent(scene):
    made = add_quality_volumes(scene, world_field(folding_and_undefined(), lattice(np.eye(3))))
    values, colour = array(made.jacobian), shown(made.jacobian)
    folded = values <= 0
    assert 50 < folded.sum() < values.size / 2
    yellow = (colour[..., :3] == np.round(np.array(colours.FOLDED_COLOUR) * 255).astype(int)).all(axis=-1)
    assert np.array_equal(yellow & (colour[..., 3] > 0), folded)
    assert np.array_equal(colour[..., 3] == 0, np.isnan(values))


def test_one_is_white_less_is_blue_and_more_is_orange(scene):
    factors = np.linspace(0.4, 1.6, SIZE[0])
    for factor in factors:
        field = world_field(points(lattice(np.eye(3))) * (factor ** (1 / 3) - 1), lattice(np.eye(3)))
        red, _, blue, _ = shown(add_quality_volumes(scene, field).jacobian)[5, 5, 5].astype(int)
        if factor < 0.98:
            assert blue > red + 3
        elif factor > 1.02:
            assert red > blue + 3
    still = shown(add_quality_volumes(scene, world_field(np.zeros((*SIZE[::-1], 3)), lattice())).jacobian)
    assert still[..., :3].min() > 240


def test_the_window_follows_small_changes_of_volume():
    assert jacobian_window(np.array([0.95, 1.0, 1.04], np.float32)) == ((0.9, 1.1), False)
    assert jacobian_window(np.array([0.6, 1.0, 1.04], np.float32)) == ((0.5, 1.5), False)
    (low, high), folded = jacobian_window(np.array([0.6, -0.1], np.float32))
    assert folded and high == 2.0 and low < 0


def test_the_mask_names_each_node(scene):
    vectors = folding_and_undefined()
    made = add_quality_volumes(scene, world_field(vectors, lattice(np.eye(3))))
    mask, undefined = array(made.mask), np.isnan(vectors).any(axis=-1)
    assert np.array_equal(mask == colours.UNDEFINED, undefined)
    assert np.array_equal(mask == colours.FOLDED, (array(made.jacobian) <= 0) & ~undefined)
    assert made.counts == {"folded": int((mask == 1).sum()), "undefined": 4, "uncovered": 0}
    table = made.mask.GetDisplayNode().GetColorNode()
    assert [table.GetColorName(label) for label in (1, 2, 3)] == [name for name, _ in colours.PROBLEMS.values()]
    assert shown(made.mask)[..., 3].astype(bool).sum() == (mask > 0).sum()


def test_the_mask_of_an_image_agrees_with_where_points_map(scene):
    field = world_field(folding_and_undefined(), lattice(np.eye(3)))
    # Finer than the grid, turned, shifted, and reaching beyond it on some sides.
    image_matrix = np.eye(4)
    image_matrix[:3, :3] = rf.rigid((0.1, 0.05, -0.2), (0, 0, 0))[:3, :3] * 1.3
    image_matrix[:3, 3] = ORIGIN + (-2, 3, 1)
    reference = volume(scene, np.zeros((20, 22, 24), np.int16), image_matrix, "Fixed")
    made = add_quality_volumes(scene, field, reference=reference)
    where = points(image_matrix, (24, 22, 20)).reshape(-1, 3)
    vectors = field.grid.displacement(where)
    index = (where - ORIGIN) / SPACING
    outside = ((index < -1e-3 / SPACING) | (index > np.array(SIZE) - 1 + 1e-3 / SPACING)).any(axis=1)
    mask = array(made.mask).reshape(-1)
    assert np.array_equal(mask == colours.UNCOVERED, outside)
    assert np.array_equal(mask == colours.UNDEFINED, np.isnan(vectors).any(axis=1) & ~outside)
    assert {1, 2, 3} <= set(mask)
    nearest = np.round(np.clip(index, 0, np.array(SIZE) - 1)).astype(int)
    folded = array(made.jacobian)[nearest[:, 2], nearest[:, 1], nearest[:, 0]] <= 0
    assert np.array_equal(mask == colours.FOLDED, folded & ~outside & ~np.isnan(vectors).any(axis=1))
    assert np.allclose(ijk_to_ras(made.mask), image_matrix)


def test_voxels_on_the_grids_planes_are_undefined_only_where_an_undefined_vector_weighs(scene):
    vectors = folding_and_undefined()
    matrix = lattice(np.eye(3))
    half = matrix.copy()
    half[:3, :3] /= 2
    reference = volume(scene, np.zeros((2 * SIZE[2] - 1, 2 * SIZE[1] - 1, 2 * SIZE[0] - 1), np.int16), half, "Fixed")
    field = world_field(vectors, matrix)
    made = add_quality_volumes(scene, field, reference=reference)
    where = points(half, tuple(2 * n - 1 for n in SIZE)).reshape(-1, 3)
    undefined = np.isnan(field.grid.displacement(where)).any(axis=1)
    assert np.array_equal(array(made.mask).reshape(-1) == colours.UNDEFINED, undefined)
    assert made.counts["undefined"] == undefined.sum() == 3 * 5 * 5


def test_showing_again_replaces_and_cancelling_leaves_nothing(scene):
    node = node_of(scene, smooth(points(lattice())), lattice(), OBLIQUE)
    show_quality(node)
    before = len(nodes_in(scene))
    show_quality(node)
    assert len(nodes_in(scene)) == before
    empty = slicer.vtkMRMLScene()
    with pytest.raises(Cancelled):
        add_quality_volumes(empty, world_field(smooth(points(lattice())), lattice()), progress=lambda *_: False)
    assert not nodes_in(empty, "vtkMRMLVolumeNode")


def test_histograms_count_every_defined_node_once_per_axis(scene):
    vectors = folding_and_undefined()
    field = world_field(vectors, lattice(np.eye(3)))
    charts = add_histograms(scene, field, array(add_quality_volumes(scene, field).jacobian))
    chart = charts["components"]
    assert chart.GetXAxisTitle() == "Displacement (mm)"
    assert chart.GetYAxisTitle() == "Share of the grid's nodes (%)"
    assert chart.GetNumberOfPlotSeriesNodes() == 4
    assert chart.GetNthPlotSeriesNode(3).GetName() == "0 mm"
    defined = vectors[np.isfinite(vectors).all(axis=-1)]
    for number, axis in enumerate("RAS"):
        series = chart.GetNthPlotSeriesNode(number)
        table = series.GetTableNode().GetTable()
        centres = vtk_to_numpy(table.GetColumnByName(series.GetXColumnName()))
        shares = vtk_to_numpy(table.GetColumnByName(series.GetYColumnName()))
        assert axis in series.GetName()
        assert shares.sum() == pytest.approx(100)
        width = centres[1] - centres[0]
        assert (shares * centres).sum() / 100 == pytest.approx(defined[:, number].mean(), abs=width / 2)
        below = 100 * np.mean(defined[:, number] < centres[40] + width / 2)
        assert shares[:41].sum() == pytest.approx(below, abs=0.2)
    folded = charts["jacobian"].GetNthPlotSeriesNode(0)
    table = folded.GetTableNode().GetTable()
    centres = vtk_to_numpy(table.GetColumnByName("Jacobian determinant"))
    shares = vtk_to_numpy(table.GetColumnByName(folded.GetYColumnName()))
    determinants = array(add_quality_volumes(scene, field).jacobian)
    expected = 100 * np.count_nonzero(determinants <= 0) / np.count_nonzero(~np.isnan(determinants))
    assert shares[centres < 0].sum() == pytest.approx(expected, abs=1e-6)


def test_the_r_component_of_a_file_is_the_opposite_of_its_x(scene):
    vectors = np.zeros((*SIZE[::-1], 3), np.float32)
    vectors[..., 0] = 7.0
    field = world_field(vectors, lattice())
    lps = WorldField(Mapping(grid=field.grid), about_node("field"), "test", "Field", "field")
    series = add_histograms(scene, lps)["components"].GetNthPlotSeriesNode(0)
    table = series.GetTableNode().GetTable()
    centres = vtk_to_numpy(table.GetColumnByName(series.GetXColumnName()))
    shares = vtk_to_numpy(table.GetColumnByName(series.GetYColumnName()))
    assert centres[np.argmax(shares)] == pytest.approx(-7, abs=0.1)


@pytest.mark.parametrize("scale", [0.01, 1.0, 80.0])
def test_slicers_own_display_shows_small_and_large_fields(scene, scale):
    node = node_of(scene, scale * smooth(points(lattice())), lattice(), OBLIQUE)
    field = field_of_node(node)
    made = add_quality_volumes(scene, field)
    display = show_transform(node, field, made.drawn_mm, region=made.magnitude)
    in_3d = node.GetNthDisplayNode(1)
    assert display is node.GetDisplayNode()
    assert display.GetVisibility() and display.GetVisibility2D() and not display.GetVisibility3D()
    assert in_3d.GetVisibility() and in_3d.GetVisibility3D() and not in_3d.GetVisibility2D()
    assert display.GetVisualizationMode() == display.VIS_MODE_GLYPH
    # Nothing is filtered away, and the longest glyph neither vanishes nor covers its neighbours.
    assert display.GetGlyphDisplayRangeMinMm() < made.longest_mm / 50 < display.GetGlyphDisplayRangeMaxMm()
    assert display.GetGlyphDisplayRangeMaxMm() >= made.drawn_mm[-1]
    drawn = made.drawn_mm[-1] * display.GetGlyphScalePercent() / 100 / display.GetGlyphSpacingMm()
    assert 0.3 < drawn <= 2.0
    assert in_3d.GetRegionNode() is made.magnitude
    low, high = display.GetColorNode().GetColorTransferFunction().GetRange()
    assert (low, high) == (0.0, pytest.approx(made.drawn_mm[-1]))
    levels = [float(level) for level in display.GetContourLevelsMmAsString().split()]
    assert 3 <= len(levels) <= 9 and max(levels) <= made.drawn_mm[-1] * 1.001


def test_slicer_draws_glyphs_of_the_chosen_length(scene):
    node = node_of(scene, smooth(points(lattice())), lattice(), OBLIQUE)
    field = field_of_node(node)
    made = add_quality_volumes(scene, field)
    display = show_transform(node, field, made.drawn_mm, region=made.magnitude)
    drawn = vtk.vtkPolyData()
    assert slicer.vtkSlicerTransformLogic.GetVisualization3d(drawn, display, made.magnitude, None)
    lengths = vtk_to_numpy(drawn.GetPointData().GetArray("DisplacementMagnitude"))
    assert drawn.GetNumberOfPoints() > 1000
    # Drawn is the inverse, whose vectors are not longer than those of the field itself.
    assert 0.5 * made.longest_mm < lengths.max() <= 1.001 * made.longest_mm


def test_glyphs_are_true_to_scale_where_that_can_be_seen():
    assert glyph_scale_percent(12.0, 10.0) == 100
    assert glyph_scale_percent(0.1, 10.0) == 10000
    assert glyph_scale_percent(300.0, 10.0) == 2


def test_everything_at_once_and_what_it_refuses(scene):
    node, fixed, moving, _ = comparable(scene)
    made = show_quality(node, fixed=fixed, moving=moving, mode="grid")
    assert set(made.charts) == {"components", "magnitude", "jacobian"}
    assert made.display.GetVisualizationMode() == made.display.VIS_MODE_GRID
    assert made.comparison.compared == array(fixed).size
    marked = [n for n in nodes_in(scene, "vtkMRMLVolumeNode") if n.GetAttribute(QUALITY_ATTRIBUTE)]
    assert len(marked) == 6
    assert all(n.GetName().startswith("Deformation: ") for n in marked)
    linear = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Shift")
    with pytest.raises(UsageError, match="Shift is linear: its Jacobian determinant is 1 everywhere"):
        show_quality(linear)
    with pytest.raises(UsageError, match="empty"):
        show_quality(node, fixed=scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Nothing"))


@pytest.mark.parametrize("shape", [(1, 12, 14), (1, 1, 1)])
def test_flat_and_undefined_fields_can_be_shown(scene, shape):
    flat = np.full((*shape, 3), np.nan, np.float32)
    made = add_quality_volumes(scene, world_field(flat, lattice()))
    assert made.counts["undefined"] == flat.size // 3
    field = world_field(flat, lattice())
    charts = add_histograms(scene, field, array(made.jacobian))
    assert charts["components"].GetNumberOfPlotSeriesNodes() == 3
    node = node_of(scene, np.ones((*shape, 3)), lattice(), OBLIQUE)
    assert show_quality(node).volumes.longest_mm == pytest.approx(3**0.5)


@pytest.mark.parametrize(
    ("window", "decimals"),
    [((0.0, 12.05), 0), ((0.5, 1.5), 2), ((0.9, 1.1), 2), (colours.folding_window(2.0), 1), ((0.0, 0.004), 3),
     ((-200, 200), 0), ((0.0, 0.0), 0)],
)  # fmt: skip
def test_labels_of_a_legend_can_be_told_apart(window, decimals):
    assert label_decimals(*window) == decimals
    labels = {f"{value:.{decimals}f}" for value in np.linspace(*window, 5)}
    assert len(labels) == (5 if window[1] > window[0] else 1)


def test_lines_stand_where_volume_is_kept_and_where_folding_begins(scene):
    field = world_field(folding_and_undefined(), lattice(np.eye(3)))
    charts = add_histograms(scene, field, array(add_quality_volumes(scene, field).jacobian))
    chart = charts["jacobian"]
    lines = {
        chart.GetNthPlotSeriesNode(number).GetName(): chart.GetNthPlotSeriesNode(number).GetTableNode().GetTable()
        for number in range(1, chart.GetNumberOfPlotSeriesNodes())
    }
    places = {name: set(vtk_to_numpy(table.GetColumnByName("x"))) for name, table in lines.items()}
    assert places == {"1: volume is kept": {1.0}, "0: folded from here down": {0.0}}
    assert charts["magnitude"].GetNumberOfPlotSeriesNodes() == 1
    count = len(nodes_in(scene))
    add_histograms(scene, field, array(add_quality_volumes(scene, field).jacobian))
    assert len(nodes_in(scene)) == count


def test_line_of_no_displacement_is_left_out_where_everything_moves_far(scene):
    field = world_field(smooth(points(lattice())) + 50, lattice())
    chart = add_histograms(scene, field)["components"]
    assert chart.GetNumberOfPlotSeriesNodes() == 3


def test_range_that_is_remembered_is_the_one_vtk_would_find():
    array = float_array(1000)
    values = vtk_to_numpy(array)
    values[:] = np.linspace(-3, 8, 1000)
    values[7] = np.nan
    assert remember_range(array) == (-3, 8) == array.GetRange(0)
    array.Modified()
    assert array.GetRange(0) == (-3, 8), "what VTK finds itself"
    values[500] = 80
    array.Modified()
    assert array.GetRange(0) == (-3, 80), "a change counts"
    values[:] = np.nan
    assert remember_range(array) == (0, 0)
