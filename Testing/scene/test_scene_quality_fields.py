"""Transform nodes of every kind as fields to measure: against formulas and against VTK's own evaluation."""

from __future__ import annotations

import numpy as np
import pytest
import regfiles as rf
import scenetools as tools
import slicer
import vtk
from DicomRegInspectorLib.errors import Cancelled, UsageError
from DicomRegInspectorLib.registration.measures.local import jacobian
from DicomRegInspectorLib.registration.measures.quality import measure
from DicomRegInspectorLib.scene.convert import vtk_matrix
from DicomRegInspectorLib.scene.transforms import node_field
from DicomRegInspectorLib.scene.transforms.node_field import (
    LinearField,
    Sampling,
    field_of_node,
    take_field,
)
from scipy import ndimage
from transformnodes import (
    LINEAR,
    OBLIQUE,
    ORIGIN,
    SIZE,
    SPACING,
    add,
    affine,
    affine_vectors,
    bumpy_vectors,
    from_world,
    grid_transform,
    inside,
    linear_node,
    nodes_of,
)
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy


@pytest.fixture
def scene():
    return slicer.vtkMRMLScene()


def measured(node, **how):
    field = field_of_node(node, **how)
    return measure(field.mapping, field.subject)


def maps_like_its_node(field, node, points, tolerance):
    flip = np.array([-1.0, -1.0, 1.0])
    mapped = field.mapping.map_points(points * flip) * flip
    assert np.abs(mapped - from_world(node, points)).max() < tolerance


@pytest.mark.parametrize("kind", ["vtkMRMLTransformNode", "vtkMRMLGridTransformNode"])
def test_a_stored_float_grid_is_measured_where_it_lies(scene, kind):
    node = add(scene, grid_transform(bumpy_vectors(nodes_of()).astype(np.float32)), kind=kind)
    field = field_of_node(node)
    stored = vtk_to_numpy(node.GetTransformFromParent().GetDisplacementGrid().GetPointData().GetScalars())
    assert np.shares_memory(field.grid.vectors, stored)
    maps_like_its_node(field, node, inside(), 1e-4)


def test_a_grid_of_doubles_as_slicer_reads_it_from_files_gives_the_same_measures(scene):
    vectors = affine_vectors(nodes_of())
    node = add(scene, grid_transform(vectors))
    quality = measured(node)
    expected = np.linalg.det(LINEAR)
    assert quality.jacobian.min == pytest.approx(expected, abs=1e-4)
    assert quality.jacobian.max == pytest.approx(expected, abs=1e-4)
    assert quality.components_mm["A"]["max"] == pytest.approx(vectors[..., 1].max(), abs=1e-4)


def test_an_extent_that_does_not_start_at_zero_keeps_the_vectors_in_place(scene):
    node = add(scene, grid_transform(bumpy_vectors(nodes_of()), first=(4, -2, 7)))
    field = field_of_node(node)
    assert np.allclose(field.index_to_ras[:3, 3], ORIGIN)
    maps_like_its_node(field, node, inside(), 1e-4)


def test_scale_and_shift_of_the_grid_count(scene):
    transform = grid_transform(bumpy_vectors(nodes_of()))
    transform.SetDisplacementScale(0.5)
    transform.SetDisplacementShift(0.25)
    node = add(scene, transform)
    maps_like_its_node(field_of_node(node), node, inside(), 1e-4)


def test_matrices_around_the_grid_belong_to_the_whole_chain_only(scene):
    outer, inner = affine(OBLIQUE @ np.diag([1.1, 0.9, 1.3])), affine(LINEAR)
    parent = linear_node(scene, outer)
    # Vectors are looked up after the outer matrix, so they are linear in the points there.
    grid = add(scene, grid_transform(affine_vectors(nodes_of())), parent=parent)
    node = linear_node(scene, inner, parent=grid)
    whole, own = measured(node), measured(grid, to_world=False)
    assert own.jacobian.max == pytest.approx(np.linalg.det(LINEAR), abs=1e-4)
    expected = np.linalg.det(outer) * np.linalg.det(LINEAR) * np.linalg.det(inner)
    assert whole.jacobian.min == pytest.approx(expected, abs=2e-4)
    assert whole.jacobian.max == pytest.approx(expected, abs=2e-4)
    points = (inside() - outer[:3, 3]) @ np.linalg.inv(outer[:3, :3]).T
    maps_like_its_node(field_of_node(node), node, points, 1e-4)


def test_a_loaded_registration_is_measured_as_the_file_is(scene):
    item = rf.DeformableItem(tools.SMOOTH, tools.PRE, tools.POST)
    path = tools.written(rf.RegistrationSpec((item,)))
    from DicomRegInspectorLib.registration import read_registration
    from DicomRegInspectorLib.scene import load_registration

    (node,) = load_registration(path, scene)
    item = read_registration(path).items[0]
    by_node, by_file = measured(node).to_dict(), measure(item.mapping, item.subject).to_dict()
    for name in ("min", "max", "p1", "p99"):
        assert by_node["jacobian"][name] == pytest.approx(by_file["jacobian"][name], abs=1e-5)
    assert by_node["displacement_mm"]["components_ras"]["R"]["max"] == pytest.approx(
        by_file["displacement_mm"]["components_ras"]["R"]["max"], abs=1e-5
    )
    assert by_node["bulk"]["rigid"]["shift_mm"] == pytest.approx(by_file["bulk"]["rigid"]["shift_mm"], abs=1e-3)


def test_a_field_stored_towards_the_parent_is_inverted_at_each_node(scene):
    forward = grid_transform(affine_vectors(nodes_of()))
    node = add(scene, to_parent=forward)
    field = field_of_node(node)
    assert "inverse of a displacement grid" in field.source
    points = nodes_of()
    # (y - 20) = LINEAR (x - 20); VTK extends the border's vector outwards, so only what comes from inside follows this.
    expected = (points - 20) @ np.linalg.inv(LINEAR).T + 20
    index = (expected - ORIGIN) @ OBLIQUE / SPACING
    from_inside = ((index > 0) & (index < np.array(SIZE) - 1)).all(axis=-1)
    assert np.count_nonzero(from_inside) > 50
    assert np.abs(points + field.grid.vectors - expected)[from_inside].max() < 1e-3
    surrounded = ndimage.binary_erosion(from_inside)
    assert np.count_nonzero(surrounded) > 5
    assert jacobian(field.mapping.field)[surrounded] == pytest.approx(1 / np.linalg.det(LINEAR), abs=1e-4)


def test_where_no_inverse_exists_the_vector_is_undefined(scene):
    # Neighbours are thrown tens of millimetres apart: no search finds its way back everywhere.
    vectors = np.random.default_rng(4).uniform(-60, 60, (*SIZE[::-1], 3)).astype(np.float32)
    node = add(scene, to_parent=grid_transform(vectors))
    field = field_of_node(node)
    undefined = int(np.isnan(field.grid.vectors).any(axis=-1).sum())
    assert undefined > 0
    assert f"{undefined} nodes have no inverse" in field.source


def test_a_bspline_is_sampled_finely_enough_for_its_derivatives(scene):
    control = np.random.default_rng(8).uniform(-3, 3, (8, 8, 8, 3))
    image = vtk.vtkImageData()
    image.SetDimensions(8, 8, 8)
    image.SetSpacing(10, 12, 14)
    image.SetOrigin(-30, -20, -10)
    image.GetPointData().SetScalars(numpy_to_vtk(control.reshape(-1, 3), deep=1))
    transform = slicer.vtkOrientedBSplineTransform()
    transform.SetCoefficientData(image)
    transform.SetGridDirectionMatrix(vtk_matrix(OBLIQUE))
    bulk = affine(rf.rigid((0.1, 0.0, 0.2), (0, 0, 0))[:3, :3])
    transform.SetBulkTransformMatrix(vtk_matrix(bulk))
    node = add(scene, transform)
    field = field_of_node(node)
    assert field.grid.dimensions == (29, 29, 29)
    centre = field.grid.node_position((14, 14, 14))
    derivative = [[0.0] * 3 for _ in range(3)]
    transform.InternalTransformDerivative(list(centre), [0.0] * 3, derivative)
    assert jacobian(field.mapping.field)[14, 14, 14] == pytest.approx(np.linalg.det(derivative), abs=5e-3)
    maps_like_its_node(field, node, np.array([centre]), 1e-4)


def test_two_fields_after_another_are_sampled_on_the_first_grid(scene):
    first = add(scene, grid_transform(affine_vectors(nodes_of())))
    node = add(scene, grid_transform(affine_vectors(nodes_of())), parent=first)
    field = field_of_node(node)
    assert np.allclose(field.index_to_ras[:3, 3], ORIGIN)
    index = field.grid.dimensions[0] // 2, field.grid.dimensions[1] // 2, field.grid.dimensions[2] // 2
    maps_like_its_node(field, node, field.grid.node_position(index)[None], 1e-4)


def test_a_hardened_composite_in_one_node_is_measured_as_the_chain(scene):
    whole = vtk.vtkGeneralTransform()
    whole.PostMultiply()
    grid = grid_transform(bumpy_vectors(nodes_of()))
    matrix = vtk.vtkTransform()
    matrix.SetMatrix(vtk_matrix(affine(LINEAR)))
    whole.Concatenate(grid)
    whole.Concatenate(matrix)
    node = add(scene, whole)
    field = field_of_node(node)
    assert np.allclose(field.mapping.post, affine(LINEAR))
    maps_like_its_node(field, node, inside(), 1e-4)


@pytest.mark.parametrize("suffix", [".h5", ".tfm"])
@pytest.mark.parametrize("with_affine", [False, True])
def test_what_itk_programs_write_is_measured_as_itk_maps_it(scene, tmp_path, suffix, with_affine):
    import SimpleITK as sitk

    # LPS throughout, as elastix, ANTs and BRAINSFit write.
    vectors = bumpy_vectors(nodes_of())
    image = sitk.GetImageFromArray(vectors, isVector=True)
    image.SetSpacing(SPACING.tolist())
    image.SetOrigin(ORIGIN.tolist())
    image.SetDirection(OBLIQUE.ravel().tolist())
    displacement = sitk.DisplacementFieldTransform(sitk.Cast(image, sitk.sitkVectorFloat64))
    itk = displacement
    if with_affine:
        matrix = sitk.AffineTransform(3)
        matrix.SetMatrix(LINEAR.ravel().tolist())
        matrix.SetTranslation((3, -8, 5))
        # The transform added last is applied first.
        itk = sitk.CompositeTransform([matrix, displacement])
    sitk.WriteTransform(itk, str(tmp_path / f"itk{suffix}"))
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode", "From ITK")
    storage = slicer.vtkMRMLTransformStorageNode()
    storage.SetFileName(str(tmp_path / f"itk{suffix}"))
    assert storage.ReadData(node)
    field = field_of_node(node)
    assert field.source.startswith("displacement grid as stored")
    points = nodes_of()[2:4, 2:5, 3:6].reshape(-1, 3)
    mapped = field.mapping.map_points(points)
    expected = [itk.TransformPoint(point) for point in points.tolist()]
    assert np.abs(mapped - expected).max() < 1e-4
    theirs = sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(turned_to_axes(vectors)))
    factor = np.linalg.det(LINEAR) if with_affine else 1.0
    ours = jacobian(field.mapping.field)[1:-1, 1:-1, 1:-1]
    assert np.abs(ours - factor * theirs[1:-1, 1:-1, 1:-1]).max() < 1e-4


def turned_to_axes(vectors: np.ndarray):
    """An image of the vectors along the lattice's own axes: ITK's filter leaves directions out."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(vectors @ OBLIQUE, isVector=True)
    image.SetSpacing(SPACING.tolist())
    return image


def test_a_thin_plate_spline_needs_a_volume_to_be_measured_on(scene):
    spline = vtk.vtkThinPlateSplineTransform()
    points, moved = vtk.vtkPoints(), vtk.vtkPoints()
    for corner in np.ndindex(2, 2, 2):
        points.InsertNextPoint(*(np.array(corner) * 50.0))
        moved.InsertNextPoint(*(np.array(corner) * 55.0 + 3))
    spline.SetSourceLandmarks(points)
    spline.SetTargetLandmarks(moved)
    spline.SetBasisToR()
    node = add(scene, spline)
    with pytest.raises(UsageError, match="choose a volume"):
        field_of_node(node)
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    image = vtk.vtkImageData()
    image.SetDimensions(6, 5, 4)
    image.AllocateScalars(vtk.VTK_SHORT, 1)
    volume.SetAndObserveImageData(image)
    volume.SetSpacing(10, 10, 10)
    quality = measured(node, reference=volume)
    assert quality.dimensions == (6, 5, 4)
    assert quality.jacobian.max == pytest.approx(1.1**3, abs=1e-3)
    # What a registration module notes as its fixed image serves without being asked for.
    node.SetNodeReferenceID(node.GetFixedNodeReferenceRole(), volume.GetID())
    assert measured(node).dimensions == (6, 5, 4)


def test_linear_transforms_are_measured_in_closed_form(scene):
    matrix = affine(LINEAR)
    field = field_of_node(linear_node(scene, matrix, parent=linear_node(scene, matrix)))
    assert isinstance(field, LinearField)
    both = matrix @ matrix
    assert np.allclose(field.matrix, both)
    assert field.jacobian == pytest.approx(np.linalg.det(LINEAR) ** 2)
    points = nodes_of().reshape(-1, 3)
    flip = np.array([-1.0, -1.0, 1.0])
    assert np.allclose(field.mapping.map_points(points * flip) * flip, points @ both[:3, :3].T + both[:3, 3])
    quality = measure(field.mapping, field.subject)
    assert quality.jacobian.min == quality.jacobian.max == pytest.approx(field.jacobian)
    turn = both[:3, :3] - both[:3, :3].T
    assert quality.curl.max == pytest.approx(np.sqrt((turn**2).sum() / 2))


def test_sampling_can_be_cancelled(scene):
    node = add(scene, to_parent=grid_transform(bumpy_vectors(nodes_of())))
    with pytest.raises(Cancelled):
        field_of_node(node, progress=lambda done, total, text: done < 2)


def test_slow_sampling_is_done_in_short_calls_that_add_up_to_the_same(scene, monkeypatch):
    """A clock on which every look takes a tenth of a second stands for a slow inverse."""
    node = add(scene, to_parent=grid_transform(bumpy_vectors(nodes_of()).astype(np.float32)))
    whole = field_of_node(node).grid.vectors.copy()
    sizes, clock, work = [], iter(np.arange(0, 1e6, 0.1)), node_field.transform_points

    def count(transform, points):
        sizes.append(len(points))
        return work(transform, points)

    monkeypatch.setattr(node_field, "_FIRST_POINTS", 70)
    monkeypatch.setattr(node_field, "transform_points", count)
    monkeypatch.setattr(node_field.time, "perf_counter", lambda: float(next(clock)))
    told = []
    found = take_field(node)
    assert isinstance(found, Sampling)
    again = found.field(lambda done, total, text: told.append((done, total)) or True)
    assert np.array_equal(again.grid.vectors, whole, equal_nan=True)
    assert max(sizes) == 70 and set(sizes[4:]) == {64, 8}
    assert told == [(k, SIZE[2]) for k in range(SIZE[2]) for _ in range(2)]


def test_what_was_taken_is_sampled_without_its_scene(scene):
    node = add(scene, to_parent=grid_transform(bumpy_vectors(nodes_of()).astype(np.float32)))
    whole = field_of_node(node).grid.vectors.copy()
    found = take_field(node)
    scene.Clear(True)
    del node
    assert np.array_equal(found.field().grid.vectors, whole, equal_nan=True)
