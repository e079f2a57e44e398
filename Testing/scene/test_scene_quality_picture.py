"""The picture of a field's quality: what is on it comes from the volumes of the scene. And what a saved scene keeps."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import qualityfields as qf
import slicer
import vtk
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.scene import colours
from DicomRegInspectorLib.scene.drawn import show_legend_of
from DicomRegInspectorLib.scene.pictures.images import add_volume
from DicomRegInspectorLib.scene.pictures.render_quality import image_of_node, render_quality
from DicomRegInspectorLib.scene.pictures.synthetic import source_image_for
from DicomRegInspectorLib.scene.quality.show_quality import show_quality
from DicomRegInspectorLib.scene.transforms.node_field import field_of_node
from DicomRegInspectorLib.scene.transforms.save import new_scene, save_scene
from vtkmodules.util.numpy_support import vtk_to_numpy


def picture(path) -> np.ndarray:
    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    image = reader.GetOutput()
    width, height, _ = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)[::-1, :, :3].astype(int)


def of_colour(pixels: np.ndarray, colour, tolerance=6) -> np.ndarray:
    return (np.abs(pixels - np.array(colour) * 255) <= tolerance).all(axis=-1)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """(pixels, nodes, path, fixed, scene) of a field that folds, is undefined, and covers a part of the image."""
    scene = new_scene()
    axial = qf.lattice(np.eye(3))
    vectors = qf.folding_and_undefined()
    node = qf.node_of(scene, vectors, axial, np.eye(3))
    fixed_matrix = np.eye(4)
    fixed_matrix[:3, 3] = qf.ORIGIN + (-6, 0, 2)
    fixed = qf.volume(scene, qf.anatomy(qf.points(fixed_matrix, (34, 28, 20))).astype(np.float32), fixed_matrix, "CT")
    moving = qf.volume(scene, qf.anatomy(qf.points(fixed_matrix, (34, 28, 20)) + 1), fixed_matrix, "Moving")
    field = qf.world_field(vectors, axial)
    nodes = show_quality(node, fixed=fixed, moving=moving, field=field)
    path = tmp_path_factory.mktemp("picture") / "quality.png"
    # The slice of the undefined nodes, which lie at k = 2 of the grid.
    render_quality(path, nodes, fixed, centre_lps_mm=np.array([-0.0, -20.0, qf.ORIGIN[2] + 2 * qf.SPACING[2]]))
    return picture(path), nodes, path, fixed, scene


def test_folded_undefined_and_uncovered_places_are_seen_in_their_colours(drawn):
    pixels, nodes, *_ = drawn
    assert all(count > 0 for count in nodes.volumes.counts.values())
    upper = pixels[: pixels.shape[0] // 2]
    first, third = upper[:, :480], upper[:, 1080:]
    # The determinant's panel shows the fold at full colour; the mask lets a quarter of the image through.
    assert of_colour(first, colours.FOLDED_COLOUR).sum() > 1000
    for colour in (colours.FOLDED_COLOUR, colours.UNDEFINED_COLOUR, colours.UNCOVERED_COLOUR):
        low, high = 0.75 * np.array(colour) * 255 - 4, (0.75 * np.array(colour) + 0.25) * 255 + 4
        assert ((third >= low) & (third <= high)).all(axis=-1).sum() > 300


def test_the_uncovered_part_is_in_proportion(drawn):
    pixels, *_ = drawn
    third = pixels[:500, 1070:]
    # Green leads red by the same amount whatever grey lies below it.
    lead = 0.75 * 255 * (colours.UNCOVERED_COLOUR[1] - colours.UNCOVERED_COLOUR[0])
    uncovered = np.abs(third[..., 1] - third[..., 0] - lead) < 6
    panel = 392 * (392 * 27 / 33)
    # 33 by 27 mm are shown. Voxels of 1 mm at R -19 to -14 and at 14 lie outside the grid, which is from -13 to 13.
    assert uncovered.sum() / panel == pytest.approx(6 / 33, rel=0.05)


def test_what_cannot_be_written_is_said_in_words(drawn, tmp_path):
    _, nodes, _, fixed, _ = drawn
    with pytest.raises(UsageError, match="cannot be written"):
        render_quality(tmp_path / "no" / "folder" / "quality.png", nodes, fixed)


def test_a_picture_without_a_source_image_has_no_comparison(tmp_path):
    scene = new_scene()
    node = qf.node_of(scene, qf.smooth(qf.points(qf.lattice())), qf.lattice(), qf.OBLIQUE)
    fixed = qf.volume(scene, np.zeros((5, 6, 7), np.int16), qf.lattice(), "CT")
    render_quality(tmp_path / "small.png", show_quality(node, fixed=fixed), fixed)
    full = qf.volume(scene, np.zeros((5, 6, 7), np.int16), qf.lattice(), "CT 2")
    render_quality(tmp_path / "full.png", show_quality(node, fixed=fixed, moving=full), fixed)
    assert picture(tmp_path / "small.png").shape[0] < picture(tmp_path / "full.png").shape[0] - 100


def test_a_saved_scene_shows_the_same_when_it_is_read_again(tmp_path):
    scene = new_scene()
    node = qf.node_of(scene, qf.smooth(qf.points(qf.lattice())), qf.lattice(), qf.OBLIQUE)
    made = show_quality(node)
    save_scene(scene, tmp_path / "quality.mrb")
    with zipfile.ZipFile(tmp_path / "quality.mrb") as bundle:
        bundle.extractall(tmp_path)
    (mrml,) = tmp_path.rglob("*.mrml")
    again = slicer.vtkMRMLScene()
    again.SetURL(str(mrml))
    assert again.Import()
    volume = again.GetFirstNodeByName("Deformation: Jacobian determinant")
    assert np.allclose(qf.array(volume), qf.array(made.volumes.jacobian), equal_nan=True)
    assert np.array_equal(qf.shown(volume), qf.shown(made.volumes.jacobian))
    display = again.GetFirstNodeByName("Deformation").GetDisplayNode()
    assert display.GetGlyphSpacingMm() == made.display.GetGlyphSpacingMm()
    assert display.GetColorNode().GetColorTransferFunction().GetRange()[1] == pytest.approx(
        made.volumes.drawn_mm[-1], rel=1e-5
    )
    charts = again.GetNodesByClass("vtkMRMLPlotChartNode")
    (chart,) = [c for c in map(charts.GetItemAsObject, range(3)) if c.GetTitle() == "Displacement along R, A and S"]
    assert chart.GetNumberOfPlotSeriesNodes() == 4, "three components, and the line at 0"
    assert chart.GetNthPlotSeriesNode(0).GetTableNode().GetNumberOfRows() == 100


def legends(scene):
    nodes = scene.GetNodesByClass("vtkMRMLColorLegendDisplayNode")
    return [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]


def test_where_the_application_knows_legends_what_is_drawn_has_one():
    scene = slicer.vtkMRMLScene()
    node = qf.node_of(scene, qf.smooth(qf.points(qf.lattice())), qf.lattice(), qf.OBLIQUE)
    made = qf.add_quality_volumes(scene, field_of_node(node))
    show_legend_of(made.magnitude)  # without the module Colors there is none, and nothing is said
    scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
    assert legends(scene) == []
    for volume, title in ((made.magnitude, "Displacement\n(mm)"), (made.jacobian, "Jacobian\ndeterminant")):
        show_legend_of(volume)
        legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(volume)
        assert (legend.GetTitleText(), legend.GetVisibility()) == (title, 1)
    show_quality(node)
    (legend,) = legends(scene)
    assert legend.GetPrimaryDisplayNode() is node.GetDisplayNode()
    count = scene.GetNumberOfNodes()
    show_quality(node)
    assert scene.GetNumberOfNodes() == count


def test_a_source_image_made_for_a_registration_is_mapped_back_onto_the_fixed_slice():
    scene = new_scene()
    axial = qf.lattice(np.eye(3))
    node = qf.node_of(scene, qf.smooth(qf.points(axial)) / 2, axial, np.eye(3))
    to_ras = np.eye(4)
    to_ras[:3, 3] = qf.ORIGIN + (2, 2, 13)
    values = qf.anatomy(qf.points(to_ras, (22, 23, 1)))
    fixed = qf.volume(scene, values, to_ras, "Slice")
    made = source_image_for(image_of_node(fixed), node)
    source = add_volume(scene, made, "Made")
    _, warped = qf.resample(source, fixed, node)
    # Two linear interpolations of an image whose values reach 800 and whose period is 30 mm.
    assert np.abs(warped - values).max() < 15
    assert np.abs(qf.resample(source, fixed, None)[1] - values).max() > 60
