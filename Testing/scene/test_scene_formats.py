"""Transforms of other programs as nodes, and what Slicer itself writes, read back: both map where the other does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import slicer
from DicomRegInspectorLib import read_registration
from DicomRegInspectorLib.scene import load_registration
from itk_transforms import affine, bspline, field, mapped_by, points_around, sitk
from scenetools import node_to_world, world_to_node
from transformnodes import ORIGIN, SIZE, add, bumpy_vectors, grid_transform, nodes_of

TOLERANCE_MM = 1e-3
CHAINS = {
    "affine": [affine],
    "field": [field],
    "affine, field, affine": [affine, field, affine],
}


def inner_points() -> np.ndarray:
    """LPS mm, where a field on the lattice of these tests is defined also behind an affine transform."""
    points = points_around(count=400)
    return points[np.linalg.norm(points - points.mean(axis=0), axis=1) < 12]


@pytest.mark.parametrize("name", CHAINS)
def test_what_is_exact_is_loaded_exactly(tmp_path: Path, name: str) -> None:
    transforms = [make(seed=number) for number, make in enumerate(CHAINS[name])]
    whole = sitk.CompositeTransform(transforms[::-1])
    path = tmp_path / "transform.tfm"
    sitk.WriteTransform(whole, str(path))
    scene = slicer.vtkMRMLScene()
    (node,) = load_registration(path, scene)
    points = mapped_by(transforms[0].GetInverse(), inner_points()) if len(transforms) > 1 else inner_points()
    np.testing.assert_allclose(world_to_node(node, points), mapped_by(whole, points), rtol=0, atol=TOLERANCE_MM)


def test_a_spline_is_loaded_as_the_grid_whose_error_the_node_tells(tmp_path: Path) -> None:
    path = tmp_path / "spline.tfm"
    sitk.WriteTransform(bspline(size=1.0), str(path))
    registration = read_registration(path)
    scene = slicer.vtkMRMLScene()
    (node,) = load_registration(registration, scene)
    error = registration.items[0].mapping.sampling_error
    assert f"up to {error.max_mm:.3g} mm off" in node.GetAttribute("DicomRegInspector.Vectors")
    points = inner_points()
    apart = np.linalg.norm(world_to_node(node, points) - mapped_by(bspline(size=1.0), points), axis=1)
    assert apart.max() <= 1.5 * error.max_mm


@pytest.mark.parametrize("direction", ["resampling", "modeling"])
@pytest.mark.parametrize("suffix", ["h5", "tfm", "nrrd"])
def test_what_slicer_writes_of_a_grid_is_read_as_slicer_maps(tmp_path: Path, suffix: str, direction: str) -> None:
    scene = slicer.vtkMRMLScene()
    grid = grid_transform(bumpy_vectors(nodes_of()))
    to_parent = direction == "modeling"
    given = {"to_parent": grid} if to_parent else {"transform": grid}
    node = add(scene, kind="vtkMRMLGridTransformNode", **given)
    storage = slicer.vtkMRMLTransformStorageNode()
    scene.AddNode(storage)
    path = tmp_path / f"grid.{suffix}"
    storage.SetFileName(str(path))
    assert storage.WriteData(node) == 1
    (item,) = read_registration(path).items
    index = np.random.default_rng(1).uniform(2, np.array(SIZE) - 3, (60, 3))
    points = _places(index) * (-1, -1, 1)
    mapped = item.map_points(points)
    if to_parent:
        # VTK searches inverses to some hundredths of a mm: what was found is sent the way that it does not search.
        np.testing.assert_allclose(node_to_world(node, mapped), points, rtol=0, atol=TOLERANCE_MM)
    else:
        np.testing.assert_allclose(mapped, world_to_node(node, points), rtol=0, atol=TOLERANCE_MM)


def _places(index: np.ndarray) -> np.ndarray:
    steps = nodes_of()
    axes = np.stack([steps[0, 0, 1] - steps[0, 0, 0], steps[0, 1, 0] - steps[0, 0, 0], steps[1, 0, 0] - steps[0, 0, 0]])
    return ORIGIN + index @ axes
