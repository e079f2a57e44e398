"""Segments and label volumes as the regions that a transform is measured in."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.registration.measures.regions import measure_regions
from DicomRegInspectorLib.scene.convert import vtk_matrix
from DicomRegInspectorLib.scene.quality.labels import labels_of_node
from DicomRegInspectorLib.scene.transforms.node_field import field_of_node
from transformnodes import OBLIQUE, add, affine, bumpy_vectors, grid_transform, linear_node, nodes_of
from vtkmodules.util.numpy_support import numpy_to_vtk


@pytest.fixture
def scene():
    return slicer.vtkMRMLScene()


@pytest.fixture
def segmentation(scene):
    """A segmentation node; the module's logic registers the conversions, as it does in the application."""
    logic = slicer.vtkSlicerSegmentationsModuleLogic()
    logic.SetMRMLScene(scene)
    return scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Organs")


def box_segment(segmentation, name, low, high):
    """A segment that is a box of voxels of 1 mm, given as world RAS mm through an oriented image."""
    image = slicer.vtkOrientedImageData()
    size = np.array(high) - low
    # An extent that starts elsewhere, as Slicer's cropped segments have it.
    image.SetExtent(5, 5 + size[0] - 1, 6, 6 + size[1] - 1, 7, 7 + size[2] - 1)
    matrix = np.eye(4)
    matrix[:3, 3] = np.array(low) - (5, 6, 7)
    image.SetImageToWorldMatrix(vtk_matrix(matrix))
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    image.GetPointData().GetScalars().Fill(1)
    return segmentation.AddSegmentFromBinaryLabelmapRepresentation(image, name)


def test_segments_are_measured_where_they_lie(scene, segmentation):
    box_segment(segmentation, "Liver", (-8, 6, 42), (-2, 16, 52))
    box_segment(segmentation, "Overlapping", (-6, 6, 42), (2, 16, 52))
    images = labels_of_node(segmentation)
    node = add(scene, grid_transform(bumpy_vectors(nodes_of(directions=np.eye(3))), np.eye(3)))
    field = field_of_node(node)
    rows = {row.name: row for row in measure_regions(field.mapping, images)}
    points = nodes_of(directions=np.eye(3))
    length = np.linalg.norm(bumpy_vectors(points), axis=-1)
    for name, low, high in (("Liver", (-8, 6, 42), (-2, 16, 52)), ("Overlapping", (-6, 6, 42), (2, 16, 52))):
        # Voxels reach half a millimetre beyond their centres.
        within = ((points >= np.array(low) - 0.5) & (points < np.array(high) - 0.5)).all(axis=-1)
        assert rows[name].nodes == within.sum() > 10
        assert rows[name].displacement_mm.max == pytest.approx(length[within].max(), abs=1e-5)
        assert rows[name].volume_cm3 == pytest.approx(np.prod(np.array(high) - low) / 1000)


def test_a_moved_segmentation_is_measured_where_it_was_moved_to(scene, segmentation):
    box_segment(segmentation, "Box", (0, 0, 0), (4, 4, 4))
    segmentation.SetAndObserveTransformNodeID(linear_node(scene, affine(np.eye(3), (-30, 0, 0))).GetID())
    (image,) = labels_of_node(segmentation)
    assert np.allclose(image.index_to_world[:3, 3], (30, 0, 0))
    segmentation.SetAndObserveTransformNodeID(add(scene, grid_transform(bumpy_vectors(nodes_of()))).GetID())
    with pytest.raises(UsageError, match="harden"):
        labels_of_node(segmentation)


def test_a_segment_of_surfaces_is_filled_without_touching_the_users_node(segmentation):
    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(10)
    sphere.SetThetaResolution(40)
    sphere.SetPhiResolution(40)
    sphere.Update()
    segmentation.GetSegmentation().SetSourceRepresentationName("Closed surface")
    segmentation.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "Ball", (1, 0, 0))
    (image,) = labels_of_node(segmentation)
    volume = np.count_nonzero(image.labels) * abs(np.linalg.det(image.index_to_world[:3, :3]))
    assert volume == pytest.approx(4 / 3 * np.pi * 1000, rel=0.03)
    assert not segmentation.GetSegmentation().ContainsRepresentation("Binary labelmap")


def test_empty_segments_are_regions_of_no_volume(scene, segmentation):
    with pytest.raises(UsageError, match="no segments"):
        labels_of_node(segmentation)
    segmentation.GetSegmentation().AddEmptySegment("a", "Nothing")
    field = field_of_node(add(scene, grid_transform(bumpy_vectors(nodes_of()))))
    (row,) = measure_regions(field.mapping, labels_of_node(segmentation))
    assert (row.name, row.nodes, row.volume_cm3) == ("Nothing", 0, 0)


def test_a_label_volume_brings_its_names(scene):
    volume = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Labels")
    image = vtk.vtkImageData()
    image.SetDimensions(3, 2, 1)
    image.GetPointData().SetScalars(numpy_to_vtk(np.array([0, 1, 2, 2, 0, 1], np.int16), deep=1))
    volume.SetAndObserveImageData(image)
    volume.SetIJKToRASMatrix(vtk_matrix(affine(OBLIQUE)))
    volume.CreateDefaultDisplayNodes()
    table = scene.AddNewNodeByClass("vtkMRMLColorTableNode")
    table.SetTypeToUser()
    table.SetNumberOfColors(3)
    for value, name in enumerate(("background", "Lung", "Heart")):
        table.SetColor(value, name, 0.5, 0.5, 0.5, 1.0)
    volume.GetDisplayNode().SetAndObserveColorNodeID(table.GetID())
    (labels,) = labels_of_node(volume)
    assert labels.labels.tolist() == [[[0, 1, 2], [2, 0, 1]]]
    assert labels.names == {1: "Lung", 2: "Heart"}
    assert np.allclose(labels.index_to_world, affine(OBLIQUE))


def test_a_volume_of_fractions_is_not_taken_for_labels(scene):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Dose")
    image = vtk.vtkImageData()
    image.SetDimensions(2, 1, 1)
    image.GetPointData().SetScalars(numpy_to_vtk(np.array([0.5, 1.0], np.float32), deep=1))
    volume.SetAndObserveImageData(image)
    with pytest.raises(UsageError, match="fractions"):
        labels_of_node(volume)
