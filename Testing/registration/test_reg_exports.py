"""Every exported format as other programs read it: they send points where ``map`` sends them, to 0.001 mm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib import read_registration
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.tasks.export import export_registration
from export_peers import READERS, Lattice, as_transform, map_by_warping, map_with_transformix, require

TOLERANCE_MM = 1e-3
IMAGES, TRANSFORMS = ("nrrd", "mha", "nii.gz", "nii"), ("h5", "tfm")
TILTED = rf.rigid((0.2, -0.3, 0.4), (0, 0, 0))[:3, :3]
STRETCH = np.diag([1.1, 0.9, 1.05, 1.0])
COUNT = np.array([9, 8, 7])
SPACING, ORIGIN = np.array([4.0, 5.0, 6.0]), np.array([-20.5, 13.25, -607.0])


def item_of(folder: Path, *, kind: str, holes: bool = False):
    """A registration whose vectors jump between nodes, on an oblique grid, between tables 600 mm apart."""
    vectors = np.random.default_rng(3).normal(0, 5, (*COUNT[::-1], 3)).astype(np.float32)
    if holes:
        vectors[:, :, 6:, 1] = np.nan
        vectors[0, 0, 0, 2] = np.inf
    grid = rf.GridSpec(vectors, tuple(SPACING), tuple(ORIGIN), tuple(TILTED[:, :2].T.ravel()))
    pre = {"field": None, "matrices": rf.rigid((0.05, 0.1, -0.2), (5, -6, 7)), "stretched": STRETCH}[kind]
    post = None if kind == "field" else rf.rigid((-0.1, 0.2, 0.15), (-6, 1, 600))
    path = rf.write(folder / "reg.dcm", rf.RegistrationSpec((rf.DeformableItem(grid, pre, post),)))
    (item,) = read_registration(path).items
    return item


def between_nodes(holes: bool = False) -> Lattice:
    """Points of the grid, none on a node; with holes also some in and around these."""
    inside = 0.2 * SPACING
    size = (COUNT - 1) * (1 if holes else 0.75)
    return Lattice((7, 6, 5), (ORIGIN + TILTED @ inside).tolist(), (SPACING * size / 8).tolist(), TILTED.ravel())


def exported(item, folder: Path, suffix: str, **options: object) -> Path:
    output = folder / f"export.{suffix}"
    export_registration(read_registration(item.path), output, **options)
    return output


@pytest.mark.parametrize("suffix", [*IMAGES, *TRANSFORMS])
@pytest.mark.parametrize("kind", ["field", "matrices", "stretched"])
def test_simpleitk_sends_points_where_map_does(tmp_path: Path, suffix: str, kind: str) -> None:
    item = item_of(tmp_path, kind=kind)
    points = between_nodes().points
    for bake in (False, True):
        transform = as_transform(exported(item, tmp_path, suffix, bake=bake))
        mapped = np.array([transform.TransformPoint(point) for point in points.tolist()])
        np.testing.assert_allclose(mapped, item.map_points(points), rtol=0, atol=TOLERANCE_MM)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("suffix", IMAGES)
@pytest.mark.parametrize("kind", ["field", "matrices"])
def test_programs_sample_a_field_where_map_says(tmp_path: Path, reader: str, suffix: str, kind: str) -> None:
    require(reader)
    item, lattice = item_of(tmp_path, kind=kind), between_nodes()
    output, expected = exported(item, tmp_path, suffix), item.map_points(lattice.points)
    assert np.isfinite(expected).all()
    sampled = map_by_warping(READERS[reader], output, lattice, expected, tmp_path)
    np.testing.assert_allclose(sampled, expected, rtol=0, atol=TOLERANCE_MM)
    if reader == "transformix":
        mapped = map_with_transformix(output, lattice.points, tmp_path)
        np.testing.assert_allclose(mapped, expected, rtol=0, atol=TOLERANCE_MM)


@pytest.mark.parametrize("reader", ["SimpleITK", "plastimatch"])
def test_programs_sample_by_a_matrix_where_map_says(tmp_path: Path, reader: str) -> None:
    require(reader)
    spec = rf.Samples().matrices
    item = read_registration(rf.write(tmp_path / "reg.dcm", spec)).items[1]
    lattice = Lattice((5, 4, 3), (-40.0, 10.0, 5.0), (9.0, 8.0, 7.0))
    output, expected = exported(item, tmp_path, "tfm", number=2), item.map_points(lattice.points)
    sampled = map_by_warping(READERS[reader], output, lattice, expected, tmp_path)
    np.testing.assert_allclose(sampled, expected, rtol=0, atol=TOLERANCE_MM)


@pytest.mark.parametrize(
    ("reader", "suffix"),
    [*((reader, suffix) for reader in READERS for suffix in ("nrrd", "mha")), ("SimpleITK", "h5")],
)
@pytest.mark.parametrize("kind", ["field", "matrices"])
def test_undefined_stays_undefined_and_nothing_else_does(tmp_path: Path, reader: str, suffix: str, kind: str) -> None:
    require(reader)
    item, lattice = item_of(tmp_path, kind=kind, holes=True), between_nodes(holes=True)
    output, expected = exported(item, tmp_path, suffix), item.map_points(lattice.points)
    undefined = np.isnan(expected).any(axis=1)
    assert 20 < undefined.sum() < len(undefined) - 20
    sampled = map_by_warping(READERS[reader], output, lattice, expected, tmp_path)
    np.testing.assert_array_equal(np.isnan(sampled).any(axis=1), undefined)
    np.testing.assert_allclose(sampled[~undefined], expected[~undefined], rtol=0, atol=TOLERANCE_MM)


@pytest.mark.parametrize("suffix", ["nii.gz", "tfm"])
def test_formats_that_lose_undefined_vectors_say_how_many(tmp_path: Path, suffix: str) -> None:
    item = item_of(tmp_path, kind="field", holes=True)
    done = export_registration(read_registration(item.path), tmp_path / f"export.{suffix}")
    count = int(np.isnan(item.grid.vectors).any(axis=-1).sum()) + 1
    assert done.undefined_count == count and str(count) in done.loss
    assert done.to_dict()["undefined_vectors"] == count
    node = item.grid.node_position((7, 3, 3))
    np.testing.assert_allclose(as_transform(done.output).TransformPoint(node.tolist()), node, atol=1e-4)


@pytest.mark.parametrize("reader", READERS)
def test_outside_the_grid_programs_do_what_export_says(tmp_path: Path, reader: str) -> None:
    require(reader)
    item = item_of(tmp_path, kind="field")
    done = export_registration(read_registration(item.path), tmp_path / "export.mha")
    assert reader in done.outside and "leaves points where they are, from half a voxel on" in done.outside
    past = Lattice((3, 3, 3), (ORIGIN - TILTED @ (2 * SPACING)).tolist(), (0.6 * SPACING).tolist(), TILTED.ravel())
    assert np.isnan(item.map_points(past.points)).all()
    sampled = map_by_warping(READERS[reader], done.output, past, past.points, tmp_path)
    np.testing.assert_allclose(sampled, past.points, rtol=0, atol=TOLERANCE_MM)


def test_a_file_s_name_may_be_any_text(tmp_path: Path) -> None:
    item = item_of(tmp_path, kind="field")
    folder = tmp_path / "Übertragung → ČT"
    folder.mkdir()
    points = between_nodes().points
    for suffix in (*IMAGES, *TRANSFORMS):
        transform = as_transform(exported(item, folder, suffix))
        mapped = np.array([transform.TransformPoint(point) for point in points.tolist()])
        np.testing.assert_allclose(mapped, item.map_points(points), rtol=0, atol=TOLERANCE_MM)


@pytest.mark.parametrize("count", [(6, 5, 1), (1, 5, 4), (1, 1, 1)])
def test_grids_that_are_flat_are_exported_or_refused(tmp_path: Path, count: tuple[int, int, int]) -> None:
    vectors = np.random.default_rng(0).normal(size=(*count[::-1], 3)).astype(np.float32)
    path = rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec((rf.DeformableItem(rf.GridSpec(vectors), None, None),)))
    (item,) = read_registration(path).items
    points = np.array([item.grid.node_position(index) for index in np.ndindex(*count)])
    for suffix in (*IMAGES, *TRANSFORMS):
        if suffix.startswith("nii") and count[2] == 1:
            with pytest.raises(UsageError, match=r"2 or more slices.* name an output that ends in \.nrrd"):
                exported(item, tmp_path, suffix)
            assert not list(tmp_path.glob("*.nii*"))
            continue
        transform = as_transform(exported(item, tmp_path, suffix))
        mapped = np.array([transform.TransformPoint(point) for point in points.tolist()])
        np.testing.assert_allclose(mapped, item.map_points(points), rtol=0, atol=TOLERANCE_MM)
