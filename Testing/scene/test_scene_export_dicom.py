"""Transform nodes of every kind, in either direction, as DICOM objects between the volumes of a scene."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

slicer = pytest.importorskip("slicer", reason="the scene room needs slicer-core or Slicer")

import pydicom  # noqa: E402
import vtk  # noqa: E402
from DicomRegInspectorLib.errors import UsageError  # noqa: E402
from DicomRegInspectorLib.scene.convert import vtk_matrix  # noqa: E402
from DicomRegInspectorLib.scene.series.series_volume import add_series_volume  # noqa: E402
from DicomRegInspectorLib.scene.transforms.export_nodes import (  # noqa: E402
    export_node,
    export_points_node,
    volumes_of_node,
)
from DicomRegInspectorLib.scene.transforms.load_registration import load_registration  # noqa: E402
from DicomRegInspectorLib.series import load_series  # noqa: E402
from exportcases import (  # noqa: E402
    FRAMES,
    by_equation,
    dicom3tools,
    random_matrix,
    voxel_centres,
    write_images,
)
from transformnodes import from_world, linear_node  # noqa: E402
from vtkmodules.util.numpy_support import numpy_to_vtk  # noqa: E402

SIGNS = np.array([-1.0, -1.0, 1.0])
NODE_MM = 1e-3
COUNT = 200


class Images:
    """Both series, their volumes in a scene, and where their files are."""

    def __init__(self, folder: Path) -> None:
        self.scene = slicer.vtkMRMLScene()
        self.files: dict[str, str] = {}
        self.volumes = {}
        for which in ("fixed", "moving"):
            write_images(folder / which, which)
            self.volumes[which] = add_series_volume(self.scene, load_series(folder / which))
            for path in (folder / which).iterdir():
                self.files[str(pydicom.dcmread(path).SOPInstanceUID)] = str(path)

    def export(self, node, output: Path, **options):
        options = {"file_of": lambda uid: self.files.get(uid, ""), "inspect": False} | options
        return export_node(node, self.volumes["fixed"], self.volumes["moving"], output, **options)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    return Images(tmp_path_factory.mktemp("images"))


def grid_image(random: np.random.Generator, size: int = 6, spacing: float = 14.0) -> vtk.vtkImageData:
    """Smooth displacements around the images, RAS mm."""
    image = vtk.vtkImageData()
    image.SetDimensions(size, size, size)
    image.SetSpacing(spacing, spacing, spacing)
    image.SetOrigin(-45.0, -45.0, -10.0)
    vectors = random.uniform(-1.5, 1.5, (size**3, 3)).astype(np.float32)
    image.GetPointData().SetScalars(numpy_to_vtk(vectors, deep=1))
    return image


def grid(random: np.random.Generator):
    transform = slicer.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(grid_image(random))
    if random.integers(2):
        transform.SetInterpolationModeToCubic()
    else:
        transform.SetInterpolationModeToLinear()
    return transform


def spline(random: np.random.Generator):
    transform = slicer.vtkOrientedBSplineTransform()
    transform.SetCoefficientData(grid_image(random, 7, 18.0))
    return transform


def thin_plates(random: np.random.Generator):
    places = np.stack(np.meshgrid([-30.0, 30.0], [-30.0, 30.0], [0.0, 50.0]), axis=-1).reshape(-1, 3)
    transform = vtk.vtkThinPlateSplineTransform()
    transform.SetBasisToR()
    for setter, points in (
        (transform.SetSourceLandmarks, places),
        (transform.SetTargetLandmarks, places + random.uniform(-2, 2, places.shape)),
    ):
        landmarks = vtk.vtkPoints()
        for point in points:
            landmarks.InsertNextPoint(*point)
        setter(landmarks)
    return transform


CURVED: dict[str, Callable] = {"grid": grid, "spline": spline, "thin plates": thin_plates}


def apart(node, points: np.ndarray, found: np.ndarray, is_inverse: bool) -> float:
    """How far found points are from where the node sends points; of an inverse, how far it brings them back from."""
    whole = vtk.vtkGeneralTransform()
    (node.GetTransformToWorld if is_inverse else node.GetTransformFromWorld)(whole)
    given, expected = (found, points) if is_inverse else (points, found)
    defined = np.isfinite(found).all(axis=1)
    assert defined.mean() > 0.5
    sent = np.array([whole.TransformPoint(*point) for point in given[defined] * SIGNS]) * SIGNS
    return float(np.linalg.norm(sent - expected[defined], axis=1).max())


def check(node, output: Path, written, is_inverse: bool) -> None:
    """At nodes as VTK has it, between them within what is stated."""
    random = np.random.default_rng(5)
    centres = voxel_centres().reshape(-1, 3)
    points = centres[random.integers(len(centres), size=40)]
    if written.sampled_on:
        assert apart(node, points, by_equation(output, points), is_inverse) < NODE_MM
    corner = centres.reshape(7, 8, 9, 3)
    axes = np.stack([corner[0, 0, -1], corner[0, -1, 0], corner[-1, 0, 0]]) - corner[0, 0, 0]
    points = corner[0, 0, 0] + random.uniform(0.01, 0.99, (40, 3)) @ axes
    stated = 0.0 if written.between_nodes is None else written.between_nodes.max_mm
    # Of an inverse the error is seen in the other frame, stretched by no more than a quarter by these fields.
    stretch = 1.25 if is_inverse else 1.0
    assert apart(node, points, by_equation(output, points), is_inverse) <= stretch * stated + NODE_MM


@pytest.mark.parametrize("kind", ["linear", *CURVED, "row"])
def test_nodes_of_every_kind(tmp_path: Path, images: Images, kind: str) -> None:
    random, paths = np.random.default_rng(len(kind)), []
    for number in range(COUNT // 4):
        scene = slicer.vtkMRMLScene()
        parent = linear_node(scene, random_matrix(random, "RIGID", 1.0)) if number % 2 else None
        if kind == "linear":
            node = linear_node(scene, random_matrix(random, "AFFINE", 1.0), parent)
        else:
            names = [kind] if kind != "row" else random.choice(list(CURVED), 2)
            for name in names:
                node = scene.AddNewNodeByClass("vtkMRMLTransformNode")
                (node.SetAndObserveTransformToParent if number % 3 == 2 else node.SetAndObserveTransformFromParent)(
                    CURVED[name](random)
                )
                if parent is not None:
                    node.SetAndObserveTransformNodeID(parent.GetID())
                parent = node
        path = tmp_path / f"{number}.dcm"
        written = images.export(node, path)
        assert written.kind == ("matrix" if kind == "linear" else "deformable")
        check(node, path, written, is_inverse=kind != "linear" and number % 3 == 2)
        paths.append(path)
    wrong = {path.name: said for path in paths if (said := dicom3tools("dciodvfy", path))}
    assert not wrong
    slices = [next(iter(images.files.values())), list(images.files.values())[-1]]
    assert dicom3tools("dcentvfy", *paths, *slices) == ""


def test_a_grid_in_its_own_direction_is_not_sampled(tmp_path: Path, images: Images) -> None:
    random = np.random.default_rng(2)
    node = slicer.vtkMRMLScene().AddNewNodeByClass("vtkMRMLGridTransformNode")
    transform = slicer.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(grid_image(random))
    transform.SetInterpolationModeToLinear()
    node.SetAndObserveTransformFromParent(transform)
    written = images.export(node, tmp_path / "a.dcm")
    assert (written.sampled_on, written.between_nodes, written.dimensions) == ("", None, (6, 6, 6))
    # Slicer's own transforms interpolate cubically; DICOM's readers do not, and that is told.
    transform.SetInterpolationModeToCubic()
    written = images.export(node, tmp_path / "b.dcm")
    assert written.sampled_on == "" and written.between_nodes.max_mm > 0.01


def test_what_is_exported_loads_where_it_was(tmp_path: Path, images: Images) -> None:
    random = np.random.default_rng(4)
    node = slicer.vtkMRMLScene().AddNewNodeByClass("vtkMRMLTransformNode")
    node.SetAndObserveTransformToParent(spline(random))
    written = images.export(node, tmp_path / "a.dcm")
    (loaded,) = load_registration(tmp_path / "a.dcm", slicer.vtkMRMLScene())
    points = voxel_centres().reshape(-1, 3)[60:200:7] * SIGNS
    assert apart(node, points * SIGNS, from_world(loaded, points) * SIGNS, is_inverse=True) < NODE_MM
    assert written.notes[0].startswith("Inverse searched at each node: largest residual")


def test_volumes_are_found_by_the_node_or_by_their_places(images: Images) -> None:
    node = linear_node(images.scene, np.eye(4))
    fixed, moving = images.volumes["fixed"], images.volumes["moving"]
    assert volumes_of_node(node) == (None, None)
    moving.SetAndObserveTransformNodeID(node.GetID())
    assert volumes_of_node(node) == (fixed, moving)
    moving.SetAndObserveTransformNodeID(None)
    node.SetNodeReferenceID(node.GetFixedNodeReferenceRole(), moving.GetID())
    node.SetNodeReferenceID(node.GetMovingNodeReferenceRole(), fixed.GetID())
    assert volumes_of_node(node) == (moving, fixed)
    images.scene.RemoveNode(node)


def test_volumes_that_cannot_speak_for_images_are_refused(tmp_path: Path, images: Images) -> None:
    node = linear_node(images.scene, np.eye(4))
    bare = images.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "bare")
    fixed, moving = images.volumes["fixed"], images.volumes["moving"]
    with pytest.raises(UsageError, match="bare was not loaded from DICOM"):
        export_node(node, bare, moving, tmp_path / "a.dcm", file_of=images.files.get)
    with pytest.raises(UsageError, match=r"7 of the 7 images of .* are not in the DICOM database"):
        export_node(node, fixed, moving, tmp_path / "a.dcm", file_of=lambda uid: "")
    fixed.SetAndObserveTransformNodeID(node.GetID())
    with pytest.raises(UsageError, match="take the volume out of it"):
        images.export(node, tmp_path / "a.dcm")
    fixed.SetAndObserveTransformNodeID(None)
    place = fixed.GetOrigin()
    fixed.SetOrigin(place[0] + 5, *place[1:])
    with pytest.raises(UsageError, match="lies 5 mm from where its images are"):
        images.export(node, tmp_path / "a.dcm")
    fixed.SetOrigin(*place)
    assert list(tmp_path.iterdir()) == []


def test_points_are_written_where_they_are_in_world(tmp_path: Path, images: Images) -> None:
    markups = images.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    shift = np.eye(4)
    shift[:3, 3] = [1.0, 2.0, 3.0]
    parent = images.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    parent.SetMatrixTransformToParent(vtk_matrix(shift))
    markups.SetAndObserveTransformNodeID(parent.GetID())
    markups.AddControlPoint(10.0, 20.0, 30.0, "tip")
    output = tmp_path / "p.dcm"
    written = export_points_node(markups, images.volumes["moving"], output, file_of=lambda uid: images.files[uid])
    assert written.counts == (1,)
    (points,) = pydicom.dcmread(output).FiducialSetSequence
    assert points.FrameOfReferenceUID == FRAMES["moving"]
    assert list(map(float, points.FiducialSequence[0].ContourData)) == [-11.0, -22.0, 33.0]
    assert dicom3tools("dciodvfy", output) == ""
