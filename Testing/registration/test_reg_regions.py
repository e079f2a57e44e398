"""Measures by label: which nodes belong to a label by SimpleITK, their values by formulas and NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib.errors import Cancelled, DicomRegInspectorError, FileError
from DicomRegInspectorLib.registration import Mapping, read_registration
from DicomRegInspectorLib.registration.grid import Grid, grid_of_array
from DicomRegInspectorLib.registration.measures.regions import LabelImage, RegionMeasures, measure_regions
from DicomRegInspectorLib.volumes.other_formats import read_label_image

sitk = pytest.importorskip("SimpleITK", reason="label volumes are read with SimpleITK")

SIZE, SPACING = (16, 14, 12), np.array([3.0, 2.5, 4.0])
IDENTITY = np.eye(4)
BEND, CENTRE = np.array([0.006, -0.004, 0.005]), np.array([20.0, 10.0, 15.0])


def lattice(angles: tuple[float, float, float], spacing: np.ndarray, origin: tuple[float, ...]) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = rf.rotation(*angles) * spacing
    matrix[:3, 3] = origin
    return matrix


def positions(matrix: np.ndarray, size: tuple[int, int, int]) -> np.ndarray:
    """(nz, ny, nx, 3) mm."""
    k, j, i = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
    return np.stack([i, j, k], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]


def image_of(array: np.ndarray, matrix: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((matrix[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(matrix[:3, 3].tolist())
    return image


def labels_at(image: sitk.Image, points: np.ndarray) -> np.ndarray:
    """The label under each point by SimpleITK, 0 outside."""
    array = sitk.GetArrayFromImage(image)
    found = np.zeros(len(points), int)
    for number, point in enumerate(points.tolist()):
        i, j, k = image.TransformPhysicalPointToIndex(point)
        if all(0 <= value < size for value, size in zip((i, j, k), image.GetSize(), strict=True)):
            found[number] = array[k, j, i]
    return found


AXIAL = lattice((0, 0, 0), SPACING, (-3.0, -5.0, -8.0))
"""The grid's own lattice."""


def bent(x: np.ndarray) -> np.ndarray:
    """A displacement whose differences are exact: quadratic in each coordinate, plus a shear that curls."""
    shear = np.stack([0.03 * x[..., 1], 0 * x[..., 0], -0.05 * x[..., 0]], axis=-1)
    return BEND * (x - CENTRE) ** 2 + shear


def determinant(x: np.ndarray) -> np.ndarray:
    """Of ``1 + dD/dx`` in closed form: only the diagonal varies, the two shears meet in no product."""
    diagonal = 1 + 2 * BEND * (x - CENTRE)
    return diagonal.prod(axis=-1)


CURL = np.linalg.norm([0.0, 0.05, -0.03])
"""|curl D| = |(dDz/dy - dDy/dz, dDx/dz - dDz/dx, dDy/dx - dDx/dy)|, the same everywhere."""


def blobs(matrix: np.ndarray, size: tuple[int, int, int]) -> np.ndarray:
    """Label 4: a ball well inside the grid; label 9: a slab in its middle."""
    x = positions(matrix, size)
    labels = np.zeros(size[::-1], np.uint8)
    labels[np.abs(x[..., 2] - 12) < 5] = 9
    labels[np.linalg.norm(x - [18, 8, 12], axis=-1) < 9] = 4
    inner = (x > AXIAL[:3, 3] + SPACING) & (x < AXIAL[:3, 3] + SPACING * (np.array(SIZE) - 2))
    return labels * inner.all(axis=-1)


@pytest.fixture(scope="module")
def measured() -> tuple[list[RegionMeasures], np.ndarray, sitk.Image]:
    matrix, size = lattice((0.3, -0.2, 0.5), np.array([1.6, 1.9, 2.3]), (-10.0, -18.0, -15.0)), (40, 34, 30)
    labels = blobs(matrix, size)
    x = positions(AXIAL, SIZE)
    grid = grid_of_array(bent(x).astype(np.float32), AXIAL)
    image = image_of(labels, matrix)
    regions = measure_regions(Mapping(grid=grid), [LabelImage(labels, matrix, {4: "ball"})])
    return regions, labels_at(image, x.reshape(-1, 3)), image


def test_each_label_has_the_nodes_that_simpleitk_puts_in_it(measured) -> None:
    regions, labels, _ = measured
    assert [(one.name, one.nodes) for one in regions] == [
        ("ball", np.count_nonzero(labels == 4)),
        ("label 9", np.count_nonzero(labels == 9)),
    ]
    assert min(one.nodes for one in regions) > 50


def test_the_volume_is_that_of_the_labels_own_voxels(measured) -> None:
    regions, _, image = measured
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(image)
    for region, label in zip(regions, (4, 9), strict=True):
        assert region.volume_cm3 == pytest.approx(shape.GetPhysicalSize(label) / 1000, rel=1e-6)


@pytest.mark.parametrize(("number", "label"), [(0, 4), (1, 9)])
def test_measures_of_a_label_are_those_of_its_nodes(measured, number: int, label: int) -> None:
    regions, labels, _ = measured
    told = regions[number].to_dict()
    x = positions(AXIAL, SIZE).reshape(-1, 3)[labels == label]
    lengths = np.linalg.norm(bent(x), axis=1)
    expected = {f"p{rank}": np.percentile(lengths, rank) for rank in (50, 95, 99)}
    expected |= {"max": lengths.max(), "mean": lengths.mean()}
    assert told["displacement_mm"] == pytest.approx(expected, abs=1e-4)
    for axis, values in zip("RAS", (bent(x) * [-1, -1, 1]).T, strict=True):
        expected = {"min": values.min(), "max": values.max(), "mean": values.mean()}
        expected |= {f"p{rank}": np.percentile(values, rank) for rank in (1, 5, 50, 95, 99)}
        assert told["components_ras"][axis] == pytest.approx(expected, abs=1e-4)
    values = determinant(x)
    assert told["jacobian"] == pytest.approx(
        {
            "min": values.min(), "max": values.max(), "mean": values.mean(), "p1": np.percentile(values, 1),
            "p99": np.percentile(values, 99), "nonpositive_fraction": 0.0,
        },
        abs=1e-4,
    )  # fmt: skip
    assert told["curl"] == pytest.approx(dict.fromkeys(("max", "mean", "p95", "p99"), CURL), abs=1e-4)


def test_an_oblique_grid_between_matrices_has_its_determinant_in_a_label() -> None:
    matrix = lattice((-0.4, 0.6, 0.2), SPACING, (5.0, -40.0, 12.0))
    linear = np.array([[1.1, 0.2, -0.05], [-0.1, 0.9, 0.15], [0.05, -0.2, 1.2]])
    grid = grid_of_array((positions(matrix, SIZE) @ (linear - np.eye(3)).T).astype(np.float32), matrix)
    pre, post = np.diag([1.2, 0.9, 1.0, 1.0]), np.diag([1.0, 0.7, 1.1, 1.0])
    labels = LabelImage(np.ones(SIZE[::-1], np.int16), matrix)
    (region,) = measure_regions(Mapping(pre, grid, post), [labels])
    expected = np.linalg.det(post[:3, :3] @ (pre[:3, :3] + linear - np.eye(3)))
    assert region.nodes == np.prod(SIZE)
    assert (region.jacobian.min, region.jacobian.max) == pytest.approx((expected, expected), abs=1e-4)


def test_the_share_that_folds_is_told_for_the_label_that_folds() -> None:
    x = positions(np.eye(4), (10, 6, 5))
    # Along x the displacement falls by 2 mm a node from node 3 to node 5: determinant -1 at 4, 0 at 3 and 5.
    vectors = np.zeros_like(x)
    vectors[..., 0] = -2 * np.clip(x[..., 0] - 3, 0, 2)
    labels = np.where(x[..., 0] < 5, 1, 2).astype(np.uint8)
    first, second = measure_regions(
        Mapping(grid=grid_of_array(vectors.astype(np.float32), np.eye(4))), [LabelImage(labels, np.eye(4))]
    )
    assert (first.nonpositive_fraction, second.nonpositive_fraction) == pytest.approx((2 / 5, 1 / 5))
    assert first.jacobian.min == pytest.approx(-1)


def test_a_node_belongs_to_the_voxel_it_lies_in_up_to_half_a_voxel_from_its_centre() -> None:
    grid = grid_of_array(np.ones((1, 1, 10, 3), np.float32), np.eye(4))
    # Voxels of 4 mm about x = 2.2 and x = 6.2: they hold the nodes 1 to 4 and 5 to 8 (0.2 to 4.2, 4.2 to 8.2).
    labels = LabelImage(np.array([[[1, 2]]], np.uint8), lattice((0, 0, 0), np.array([4.0, 2, 2]), (2.2, 0, 0)))
    first, second = measure_regions(Mapping(grid=grid), [labels])
    assert (first.nodes, second.nodes) == (4, 4)


def test_overlapping_segments_are_measured_each_on_its_own() -> None:
    x = positions(np.eye(4), (8, 8, 8))
    grid = grid_of_array(x.astype(np.float32), np.eye(4))
    whole, half = np.ones((8, 8, 8), np.uint8), (x[..., 0] < 4).astype(np.uint8)
    one, other = measure_regions(
        Mapping(grid=grid), [LabelImage(whole, np.eye(4), {1: "all"}), LabelImage(half, np.eye(4), {1: "half"})]
    )
    assert (one.name, one.nodes, other.name, other.nodes) == ("all", 512, "half", 256)
    assert (one.components_mm["R"].min, other.components_mm["R"].min) == pytest.approx((-7, -3))


def test_ras_coordinates_measure_the_same() -> None:
    x = positions(AXIAL, SIZE)
    labels = blobs(AXIAL, SIZE)
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    lps = grid_of_array(bent(x).astype(np.float32), AXIAL)
    ras = grid_of_array((bent(x) * [-1, -1, 1]).astype(np.float32), flip @ AXIAL)
    one = measure_regions(Mapping(grid=lps), [LabelImage(labels, AXIAL)])
    other = measure_regions(Mapping(grid=ras, ras=True), [LabelImage(labels, flip @ AXIAL, ras=True)])
    for first, second in zip(one, other, strict=True):
        assert first.nodes == second.nodes
        assert first.components_mm["A"].mean == pytest.approx(second.components_mm["A"].mean, abs=1e-4)
        assert first.jacobian.min == pytest.approx(second.jacobian.min, abs=1e-5)


# ---- Labels and grids with nothing to measure


def small_grid(vectors: np.ndarray | None = None) -> Grid:
    if vectors is None:
        vectors = np.ones((4, 5, 6, 3))
    return grid_of_array(vectors.astype(np.float32), np.eye(4))


def assert_says_nothing(region: RegionMeasures) -> None:
    told = region.to_dict()
    for name in ("displacement_mm", "jacobian", "curl"):
        assert set(told[name].values()) == {None}, name


def test_a_label_image_without_labels_has_no_regions() -> None:
    labels = LabelImage(np.zeros((4, 5, 6), np.uint8), np.eye(4))
    assert measure_regions(Mapping(grid=small_grid()), [labels]) == []
    assert measure_regions(Mapping(grid=small_grid()), []) == []


def test_a_segment_of_size_zero_keeps_its_row() -> None:
    labels = LabelImage(np.ones((4, 5, 6), np.uint8), np.eye(4), {1: "body", 2: "empty"})
    body, empty = measure_regions(Mapping(grid=small_grid()), [labels])
    assert (body.nodes, empty.name, empty.nodes, empty.volume_cm3) == (120, "empty", 0, 0.0)
    assert_says_nothing(empty)


def test_a_label_outside_the_grid_has_its_volume_and_no_node() -> None:
    labels = LabelImage(np.ones((4, 5, 6), np.uint8), lattice((0, 0, 0), np.full(3, 2.0), (500, 0, 0)))
    (region,) = measure_regions(Mapping(grid=small_grid()), [labels])
    assert (region.nodes, region.volume_cm3) == (0, pytest.approx(120 * 8 / 1000))
    assert_says_nothing(region)


def test_a_label_between_the_nodes_has_no_node() -> None:
    labels = LabelImage(np.ones((1, 1, 1), np.uint8), lattice((0, 0, 0), np.full(3, 0.2), (1.5, 1.5, 1.5)))
    (region,) = measure_regions(Mapping(grid=small_grid()), [labels])
    assert region.nodes == 0


def test_a_field_of_nan_has_nodes_but_no_measure() -> None:
    labels = LabelImage(np.ones((4, 5, 6), np.uint8), np.eye(4))
    (region,) = measure_regions(Mapping(grid=small_grid(np.full((4, 5, 6, 3), np.nan))), [labels])
    assert region.nodes == 120
    assert_says_nothing(region)


def test_undefined_nodes_of_a_label_are_left_out_of_its_measures() -> None:
    vectors = np.zeros((4, 5, 6, 3))
    vectors[..., 2] = 3
    vectors[2, :, :] = np.nan
    labels = LabelImage(np.ones((4, 5, 6), np.uint8), np.eye(4))
    (region,) = measure_regions(Mapping(grid=small_grid(vectors)), [labels])
    assert (region.displacement_mm.count, region.displacement_mm.mean) == (90, pytest.approx(3))
    assert region.components_mm["S"].max == pytest.approx(3)


def test_a_grid_of_one_slice_is_measured_in_its_plane() -> None:
    x = positions(np.eye(4), (6, 5, 1))
    vectors = x * [0.5, -0.2, 0]
    labels = LabelImage(np.ones((3, 5, 6), np.uint8), lattice((0, 0, 0), np.ones(3), (0, 0, -1)))
    (region,) = measure_regions(Mapping(grid=small_grid(vectors)), [labels])
    assert region.nodes == 30
    assert (region.jacobian.min, region.jacobian.max) == pytest.approx((1.5 * 0.8, 1.5 * 0.8), abs=1e-5)


def test_vectors_come_from_the_file_as_from_memory(tmp_path: Path) -> None:
    spec = rf.Samples().full
    path = rf.write(tmp_path / "reg.dcm", spec)
    item, again = read_registration(path).items[0], read_registration(path).items[0]
    assert again.grid.vectors.size
    vectors = spec.items[0].grid.vectors
    labels = LabelImage(np.ones(vectors.shape[:3], np.uint8), item.grid.index_to_lps)
    lengths = np.linalg.norm(vectors.astype(float), axis=-1)
    for one in (item, again):
        (region,) = measure_regions(one.mapping, [labels])
        assert region.displacement_mm.max == pytest.approx(lengths.max(), abs=1e-5)


def test_measuring_by_label_can_be_cancelled() -> None:
    labels = LabelImage(np.ones((4, 5, 6), np.uint8), np.eye(4))
    calls = []
    with pytest.raises(Cancelled):
        measure_regions(
            Mapping(grid=small_grid()), [labels], progress=lambda *call: calls.append(call) or len(calls) < 2
        )
    assert len(calls) == 2


# ---- Label volumes from files


@pytest.mark.parametrize("suffix", ["nrrd", "nii.gz", "nii", "mha"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_label_files_are_placed_as_they_were_written(tmp_path: Path, suffix: str, dtype: type) -> None:
    matrix = lattice((0.3, -0.2, 0.5), np.array([1.6, 1.9, 2.3]), (-10.0, -18.0, -15.0))
    array = np.random.default_rng(0).integers(0, 5, (4, 5, 6)).astype(dtype)
    sitk.WriteImage(image_of(array, matrix), str(tmp_path / f"labels.{suffix}"))
    labels = read_label_image(tmp_path / f"labels.{suffix}")
    np.testing.assert_array_equal(labels.labels, array)
    np.testing.assert_allclose(labels.index_to_world, matrix, atol=1e-4)


def bad_label_files(folder: Path) -> dict[str, Path]:
    def put(name: str, image: sitk.Image) -> Path:
        sitk.WriteImage(image, str(folder / name))
        return folder / name

    def raw(name: str, content: bytes) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    header = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: {0} {0} {0}\nencoding: raw\nendian: little\n\n"
    return {
        "missing": folder / "missing.nrrd",
        "a folder": folder,
        "text": raw("text.nrrd", b"this is no volume\n"),
        "empty": raw("empty.nii.gz", b""),
        "too short": raw("short.nrrd", header.format(50).encode() + b"abc"),
        "claims gigabytes": raw("large.nrrd", header.format(2500).encode() + b"abc"),
        "claims terabytes": raw("huge.nrrd", header.format(30000).encode() + b"abc"),
        "fractions": put("fractions.nrrd", image_of(np.full((2, 3, 4), 0.5, np.float32), np.eye(4))),
        "nan": put("nan.nrrd", image_of(np.full((2, 3, 4), np.nan, np.float32), np.eye(4))),
        "beyond whole numbers": put("beyond.nrrd", image_of(np.full((2, 3, 4), 1e30, np.float32), np.eye(4))),
        "two axes": put("flat.nrrd", sitk.Image(4, 5, sitk.sitkUInt8)),
        "four axes": put("long.nrrd", sitk.Image([2, 3, 4, 5], sitk.sitkUInt8)),
        "vectors": put("vectors.nrrd", sitk.Image([2, 3, 4], sitk.sitkVectorUInt8, 3)),
    }


@pytest.mark.parametrize(
    "name",
    ["missing", "a folder", "text", "empty", "too short", "claims gigabytes", "claims terabytes", "fractions", "nan",
     "beyond whole numbers", "two axes", "four axes", "vectors"],
)  # fmt: skip
def test_a_file_that_is_no_label_volume_is_refused_in_one_line(tmp_path: Path, capfd, name: str) -> None:
    path = bad_label_files(tmp_path)[name]
    with pytest.raises(DicomRegInspectorError) as refused:
        read_label_image(path)
    assert isinstance(refused.value, FileError)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")
