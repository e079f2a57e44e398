"""Fields and volumes that the tests of the quality views share, and what they read back. Points are RAS mm."""

from __future__ import annotations

import numpy as np
import regfiles as rf
import slicer
import vtk
from DicomRegInspectorLib.findings.about import about_node
from DicomRegInspectorLib.registration import Mapping
from DicomRegInspectorLib.registration.grid import grid_of_array
from DicomRegInspectorLib.registration.measures.histograms import jacobian_histogram
from DicomRegInspectorLib.scene.convert import vtk_matrix
from DicomRegInspectorLib.scene.quality import warping
from DicomRegInspectorLib.scene.quality.histograms import displacement_histograms, place_histograms
from DicomRegInspectorLib.scene.quality.quality_arrays import quality_arrays
from DicomRegInspectorLib.scene.quality.quality_views import place_quality_volumes
from DicomRegInspectorLib.scene.transforms.node_field import WorldField
from DicomRegInspectorLib.scene.volumes import volume_lattice
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy

SIZE = (14, 12, 10)
SPACING, ORIGIN = np.array([2.0, 2.5, 3.0]), np.array([-13.0, 8.0, 30.0])
OBLIQUE = rf.rigid((0.3, -0.2, 0.5), (0, 0, 0))[:3, :3]


def lattice(directions=OBLIQUE) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = directions * SPACING, ORIGIN
    return matrix


def points(matrix: np.ndarray, size=SIZE) -> np.ndarray:
    k, j, i = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
    return np.stack([i, j, k], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]


def smooth(where: np.ndarray) -> np.ndarray:
    return 2 * np.stack([np.sin(where[..., 1] / 7), np.cos(where[..., 2] / 9), np.sin(where[..., 0] / 8)], axis=-1)


def world_field(vectors: np.ndarray, matrix: np.ndarray) -> WorldField:
    grid = grid_of_array(np.ascontiguousarray(vectors, np.float32), matrix)
    return WorldField(Mapping(grid=grid, ras=True), about_node("field"), "test", "Field", "field")


def folding_and_undefined() -> np.ndarray:
    """Smooth vectors on an axial lattice with a fold around i = 6 and four undefined nodes."""
    vectors = smooth(points(lattice(np.eye(3)))).astype(np.float32)
    vectors[:, :, 6, 0] += 5
    vectors[2, 3:5, 9:11] = np.nan
    return vectors


def node_of(scene, vectors: np.ndarray, matrix: np.ndarray, directions: np.ndarray):
    image = vtk.vtkImageData()
    image.SetDimensions(*vectors.shape[2::-1])
    image.SetSpacing(*np.linalg.norm(matrix[:3, :3], axis=0))
    image.SetOrigin(*matrix[:3, 3])
    image.GetPointData().SetScalars(numpy_to_vtk(vectors.reshape(-1, 3).astype(np.float32), deep=1))
    transform = slicer.vtkOrientedGridTransform()
    transform.SetInterpolationModeToLinear()
    transform.SetDisplacementGridData(image)
    transform.SetGridDirectionMatrix(vtk_matrix(directions))
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode", "Deformation")
    node.SetAndObserveTransformFromParent(transform)
    return node


def volume(scene, values: np.ndarray, matrix: np.ndarray, name: str):
    image = vtk.vtkImageData()
    image.SetDimensions(*values.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(values).reshape(-1), deep=1))
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetAndObserveImageData(image)
    node.SetIJKToRASMatrix(vtk_matrix(matrix))
    node.CreateDefaultDisplayNodes()
    return node


def array(node) -> np.ndarray:
    image = node.GetImageData()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])


def shown(node) -> np.ndarray:
    """(nk, nj, ni, 4) what Slicer's display pipeline makes of each voxel, 0 to 255."""
    connection = node.GetDisplayNode().GetOutputImageDataConnection()
    connection.GetProducer().Update()
    image = connection.GetProducer().GetOutputDataObject(connection.GetIndex())
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(*image.GetDimensions()[::-1], -1)


def add_quality_volumes(scene, field, *, reference=None, progress=None):
    """Computed and added in one step."""
    return place_quality_volumes(
        scene, quality_arrays(field, volume_lattice(reference) if reference else None, progress)
    )


def add_histograms(scene, field, determinants=None):
    found = displacement_histograms(field)
    if determinants is not None:
        found["jacobian"] = jacobian_histogram(determinants)
    return place_histograms(scene, field, found)


def add_comparison(scene, node, fixed, moving, subject, mask=None, progress=None):
    arrays = warping.compare_images(warping.gather_comparison(node, fixed, moving), mask, progress)
    return warping.place_comparison(scene, arrays, fixed, moving, subject)


def resample(moving, fixed, node):
    """The source image at the registered image's voxels, as a comparison takes it: VTK's array and NumPy's."""
    inputs = warping.gather_comparison(node, fixed, moving)
    return warping.resample(inputs, inputs.registered_way)


def ijk_to_ras(node) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])


def anatomy(where: np.ndarray) -> np.ndarray:
    return 500 * np.sin(where[..., 0] / 6) * np.cos(where[..., 1] / 5) + 300 * np.cos(where[..., 2] / 7)


def comparable(scene):
    """The node, a fixed volume and a moving one that is a formula; the images are anisotropic, one is oblique."""
    node = node_of(scene, smooth(points(lattice())), lattice(), OBLIQUE)
    fixed_matrix = lattice()
    fixed_matrix[:3, :3] = fixed_matrix[:3, :3] / 2
    fixed = volume(scene, np.zeros((19, 23, 27), np.int16), fixed_matrix, "Fixed")
    moving_matrix = np.eye(4)
    moving_matrix[:3, :3] = np.diag([0.7, 0.8, 0.9])
    moving_matrix[:3, 3] = points(lattice()).reshape(-1, 3).min(axis=0) - 4
    size = np.ceil(np.ptp(points(lattice()).reshape(-1, 3), axis=0) / (0.7, 0.8, 0.9)).astype(int) + 12
    moving = volume(scene, anatomy(points(moving_matrix, size)).astype(np.float32), moving_matrix, "Moving")
    return node, fixed, moving, fixed_matrix


def nodes_in(scene, kind="vtkMRMLNode") -> list:
    collection = scene.GetNodesByClass(kind)
    return [collection.GetItemAsObject(i) for i in range(collection.GetNumberOfItems())]
