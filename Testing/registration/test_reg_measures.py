"""Measures of fields against closed forms, SimpleITK and plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from DicomRegInspectorLib.errors import Cancelled
from DicomRegInspectorLib.findings.about import about_node
from DicomRegInspectorLib.registration import Mapping, read_registration
from DicomRegInspectorLib.registration.file.write import write_deformable_registration
from DicomRegInspectorLib.registration.grid import Grid, grid_of_array
from DicomRegInspectorLib.registration.mapping import affine_mapping
from DicomRegInspectorLib.registration.measures import local
from DicomRegInspectorLib.registration.measures.quality import Quality, measure
from DicomRegInspectorLib.registration.measures.summary import summarize
from scipy.spatial.transform import Rotation

IDENTITY = np.eye(4)
SIZE = (17, 14, 12)
SPACING = np.array([1.5, 2.0, 3.25])
TURN = Rotation.from_euler("zyx", [25, -40, 65], degrees=True).as_matrix()
INNER = (slice(1, -1),) * 3


def lattice(oblique: bool) -> np.ndarray:
    """(4, 4) index to LPS of an anisotropic grid."""
    matrix = np.eye(4)
    matrix[:3, :3] = (TURN if oblique else np.eye(3)) * SPACING
    matrix[:3, 3] = (-12, 30, -7)
    return matrix


def nodes(matrix: np.ndarray) -> np.ndarray:
    """(nz, ny, nx, 3) LPS mm."""
    k, j, i = np.meshgrid(*(np.arange(size) for size in SIZE[::-1]), indexing="ij")
    return np.stack([i, j, k], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]


def grid_of(displacement, oblique: bool) -> Grid:
    """A grid of ``displacement(x)`` at its nodes."""
    matrix = lattice(oblique)
    return grid_of_array(displacement(nodes(matrix)).astype(np.float32), matrix)


def quality(displacement, oblique: bool = False, pre: np.ndarray = IDENTITY, post: np.ndarray = IDENTITY) -> Quality:
    """All measures of ``post (pre x + displacement(x))``."""
    return measure(Mapping(pre, grid_of(displacement, oblique), post), about_node("test"))


def affine(linear: np.ndarray):
    """The displacement of x to ``linear x``."""
    return lambda x: x @ (linear - np.eye(3)).T


both_lattices = pytest.mark.parametrize("oblique", [False, True], ids=["axial", "oblique"])

LINEAR = np.array([[1.1, 0.2, -0.05], [-0.1, 0.9, 0.15], [0.05, -0.2, 1.2]])


@both_lattices
def test_an_affine_field_has_its_determinant_everywhere(oblique):
    determinants = local.jacobian(grid_of(affine(LINEAR), oblique).field())
    assert np.abs(determinants - np.linalg.det(LINEAR)).max() < 1e-4


@both_lattices
def test_an_affine_field_has_the_curl_of_its_antisymmetric_part(oblique):
    gradient = LINEAR - np.eye(3)
    expected = np.linalg.norm(
        [gradient[2, 1] - gradient[1, 2], gradient[0, 2] - gradient[2, 0], gradient[1, 0] - gradient[0, 1]]
    )
    assert np.abs(local.curl(grid_of(affine(LINEAR), oblique).field()) - expected).max() < 1e-4


@both_lattices
def test_matrices_take_part_in_the_determinant(oblique):
    pre, post = np.eye(4), np.eye(4)
    pre[:3, :3] = TURN @ np.diag([1.2, 1.0, 0.7])
    post[:3, :3] = np.diag([0.5, 1.5, 1.1]) @ TURN.T
    gradient = LINEAR - np.eye(3)
    expected = np.linalg.det(post[:3, :3] @ (pre[:3, :3] + gradient))
    field = grid_of(affine(LINEAR), oblique).field(pre, post)
    assert np.abs(local.jacobian(field) - expected).max() < 1e-4


@both_lattices
def test_radial_expansion_of_second_order_has_its_closed_determinant_inside(oblique):
    # D = a |x - c|^2 (x - c)/|..| is not smooth; D_i = a (x_i - c_i)^2 is, and central differences of it are exact.
    centre, a = np.array([5.0, 40.0, 10.0]), np.array([0.004, -0.003, 0.002])
    grid = grid_of(lambda x: a * (x - centre) ** 2, False)
    if oblique:
        # The same field in turned coordinates: x' = T x, D' = T D.
        turn = np.eye(4)
        turn[:3, :3] = TURN
        grid = grid_of_array((grid.vectors @ TURN.T).astype(np.float32), turn @ grid.index_to_lps)
    expected = np.prod(1 + 2 * a * (nodes(lattice(False)) - centre), axis=-1)
    determinants = local.jacobian(grid.field())
    assert np.abs(determinants - expected)[INNER].max() < 1e-4


@both_lattices
def test_bending_energy_of_a_quadratic_field_is_its_closed_form(oblique):
    # D_x = a x y + b z^2: d2/dxdy = a (twice), d2/dz2 = 2 b; energy = 2 a^2 + 4 b^2 in any turned lattice.
    a, b = 0.01, 0.004
    result = quality(
        lambda x: np.stack([a * x[..., 0] * x[..., 1] + b * x[..., 2] ** 2] + [0 * x[..., 0]] * 2, -1), oblique
    )
    assert result.bending.mean == pytest.approx(2 * a**2 + 4 * b**2, rel=1e-3)
    assert result.bending.standard_error == 0


@both_lattices
def test_a_known_fold_is_found_where_it_is(oblique):
    matrix = lattice(oblique)
    row = matrix[:3, 0] / np.linalg.norm(matrix[:3, 0])

    def fold(x: np.ndarray) -> np.ndarray:
        index = (x - matrix[:3, 3]) @ np.linalg.inv(matrix[:3, :3]).T
        # Along i the displacement falls by twice the spacing for each node from i = 5 to i = 9: determinant -1 within.
        return -2 * SPACING[0] * np.clip(np.round(index[..., :1]) - 5, 0, 4) * row

    result = quality(fold, oblique)
    assert result.jacobian.min == pytest.approx(-1, abs=1e-4)
    assert result.folded.first == (5, 0, 0)
    assert result.folded.last == (9, SIZE[1] - 1, SIZE[2] - 1)
    # At i = 5 and i = 9 the central difference sees half the slope: exactly 0, which folds too.
    assert result.folded.count == 5 * SIZE[1] * SIZE[2]
    assert result.folded_volume_cm3 == pytest.approx(result.folded.count * SPACING.prod() / 1000, rel=1e-6)
    (finding,) = [one for one in result.findings if one.code == "reg-folding"]
    assert finding.severity == "error"
    assert finding.evidence["nonpositive_fraction"] == pytest.approx(5 / SIZE[0])


def smooth(x: np.ndarray) -> np.ndarray:
    return np.stack(
        [3 * np.sin(x[..., 1] / 9), 2 * np.cos(x[..., 0] / 7) * np.sin(x[..., 2] / 11), np.sin(x.sum(axis=-1) / 13)], -1
    )


def test_determinants_equal_those_of_simpleitk_inside():
    sitk = pytest.importorskip("SimpleITK")
    grid = grid_of(smooth, False)
    image = sitk.GetImageFromArray(grid.vectors.astype(np.float64), isVector=True)
    image.SetSpacing(SPACING.tolist())
    expected = sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(image))
    determinants = local.jacobian(grid.field())
    assert np.abs(determinants - expected)[INNER].max() < 1e-4


def test_an_oblique_lattice_gives_what_the_axial_one_gives():
    # The same physical field, rotated as a whole, has the same determinants and curl at the same nodes.
    axial = grid_of(smooth, False)
    turned = np.eye(4)
    turned[:3, :3] = TURN
    oblique = grid_of_array((axial.vectors @ TURN.T).astype(np.float32), turned @ axial.index_to_lps)
    one, other = (grid.field() for grid in (axial, oblique))
    assert np.abs(local.jacobian(one) - local.jacobian(other)).max() < 1e-4
    assert np.abs(local.curl(one) - local.curl(other)).max() < 1e-4


def test_components_are_told_apart_and_in_their_units():
    result = quality(lambda x: np.broadcast_to([3.0, -4.0, 12.0], x.shape))
    components = {axis: values["mean"] for axis, values in result.components_mm.items()}
    assert components == pytest.approx({"R": -3, "A": 4, "S": 12}, abs=1e-5)
    voxels = {axis: values["max"] for axis, values in result.components_voxels.items()}
    assert voxels == pytest.approx({"i": 3 / 1.5, "j": -4 / 2.0, "k": 12 / 3.25}, abs=1e-5)
    assert result.vectors.max_mm == pytest.approx(13)


def test_components_in_voxels_of_an_oblique_grid_are_along_its_axes():
    result = quality(lambda x: np.broadcast_to(TURN[:, 1] * 6, x.shape), oblique=True)
    assert result.components_voxels["j"]["p50"] == pytest.approx(3, abs=1e-5)
    assert result.components_voxels["i"]["max"] == pytest.approx(0, abs=1e-5)


def test_components_have_the_percentiles_of_both_ends():
    """Along R and A the axes run against those of the grid, which turns an end into the other."""
    result = quality(smooth)
    vectors = grid_of(smooth, False).vectors.astype(np.float64)
    for axis, (name, sign) in enumerate(zip("RAS", (-1, -1, 1), strict=True)):
        for key, percent in (("p5", 5), ("p95", 95)):
            expected = np.percentile(sign * vectors[..., axis], percent)
            assert result.components_mm[name][key] == pytest.approx(expected, abs=1e-4)
            along = np.percentile(vectors[..., axis], percent) / (1.5, 2.0, 3.25)[axis]
            assert result.components_voxels["ijk"[axis]][key] == pytest.approx(along, abs=1e-4)


def test_percentiles_are_those_of_numpy():
    grid = grid_of(smooth, False)
    summary = summarize(local.magnitude(grid.field()))
    lengths = np.linalg.norm(grid.vectors.astype(np.float64), axis=-1)
    expected = np.percentile(lengths, [1, 5, 50, 95, 99])
    assert list(summary.percentiles.values()) == pytest.approx(expected, rel=1e-5)
    assert (summary.min, summary.max, summary.mean) == pytest.approx(
        (lengths.min(), lengths.max(), lengths.mean()), rel=1e-5
    )


def test_the_longest_vector_is_placed():
    def one_long(x: np.ndarray) -> np.ndarray:
        field = np.zeros_like(x)
        field[7, 3, 11] = (0, 9, 0)
        return field

    result = quality(one_long, oblique=True)
    assert result.vectors.max_index == (11, 3, 7)
    expected = lattice(True)[:3, :3] @ [11, 3, 7] + lattice(True)[:3, 3]
    assert result.max_place_lps_mm == pytest.approx(expected)


def test_the_bulk_motion_and_what_is_left_of_a_rigid_field_are_found():
    rotation = Rotation.from_euler("x", 4, degrees=True).as_matrix()
    shift = np.array([7.0, -2.0, 5.0])
    result = quality(lambda x: x @ rotation.T + shift - x)
    assert result.rigid.rotation_deg == pytest.approx(4, abs=1e-3)
    assert result.rigid.residual_max_mm < 1e-3
    centre = nodes(lattice(False)).reshape(-1, 3).mean(axis=0)
    assert result.rigid.shift_mm == pytest.approx(rotation @ centre + shift - centre, abs=1e-3)
    assert [finding.code for finding in result.findings] == ["reg-bulk-motion"]


def test_the_affine_part_holds_what_the_rigid_one_cannot():
    result = quality(affine(LINEAR))
    assert result.affine.matrix[:3, :3] == pytest.approx(LINEAR, abs=1e-5)
    assert result.affine.volume_ratio == pytest.approx(np.linalg.det(LINEAR), abs=1e-5)
    assert result.affine.residual_max_mm < 1e-3 < result.rigid.residual_max_mm


def test_the_inverse_of_a_smooth_field_comes_back():
    result = quality(lambda x: smooth(x) / 3)
    assert result.inverse.max_mm < 1e-4
    assert result.inverse.samples > 1000


def test_undefined_nodes_and_their_neighbours_are_left_out():
    def with_hole(x: np.ndarray) -> np.ndarray:
        field = affine(LINEAR)(x)
        field[5, 6, 7] = np.nan
        return field

    result = quality(with_hole)
    nodes_in_all = int(np.prod(SIZE))
    # The node itself and its six neighbours lose their derivative.
    assert result.jacobian.count == nodes_in_all - 7
    assert result.jacobian.max == pytest.approx(np.linalg.det(LINEAR), abs=1e-4)
    assert result.regions["undefined"]["first_index_ijk"] == [7, 6, 5]


def test_a_field_without_any_vector_says_so_in_every_measure():
    result = quality(lambda x: np.full_like(x, np.nan))
    told = result.to_dict()
    assert told["displacement_mm"]["max"] is None
    assert told["jacobian"]["min"] is None
    assert told["jacobian"]["nonpositive_fraction"] is None
    assert told["bending_energy"] is None
    assert told["bulk"] == {"rigid": None, "affine": None}
    assert told["inverse_residual_mm"]["max"] is None


def test_a_grid_of_one_slice_is_measured_in_its_plane():
    matrix = lattice(False)
    x = nodes(matrix)[:1]
    grid = grid_of_array(affine(np.diag([1.5, 0.8, 1.0]))(x).astype(np.float32), matrix)
    result = measure(Mapping(grid=grid), about_node("test"))
    assert result.axes == 2
    assert result.jacobian.min == pytest.approx(1.2, abs=1e-4)
    assert result.jacobian.max == pytest.approx(1.2, abs=1e-4)


def test_ras_vectors_measure_as_the_same_field_in_lps():
    lps = grid_of(smooth, True)
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    ras = grid_of_array((lps.vectors * [-1, -1, 1]).astype(np.float32), flip @ lps.index_to_lps)
    one = measure(Mapping(grid=lps), "x").to_dict()
    other = measure(Mapping(grid=ras, ras=True), "x").to_dict()
    for key in ("displacement_mm", "jacobian", "curl", "displacement_voxels"):
        assert_same(one[key], other[key])
    assert one["bulk"]["rigid"]["shift_mm"] == pytest.approx(other["bulk"]["rigid"]["shift_mm"], abs=1e-4)


def assert_same(one, other) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    else:
        assert one == pytest.approx(other, abs=1e-4)


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_file_measures_as_its_array(tmp_path, in_memory):
    grid = grid_of(smooth, True)
    path = tmp_path / "reg.dcm"
    write_deformable_registration(
        path, vectors=grid.vectors, origin=grid.origin_lps_mm, directions=grid.directions, spacing=grid.spacing_mm,
        registered_frame_uid="2.25.1", source_frame_uid="2.25.2",
    )  # fmt: skip
    item = read_registration(path).items[0]
    if in_memory:
        assert item.grid.vectors.shape == (12, 14, 17, 3)
    expected = measure(Mapping(grid=grid), "x").to_dict()
    found = measure(item.mapping, item.subject).to_dict()
    for key in ("displacement_mm", "jacobian", "curl", "bending_energy"):
        assert_same(expected[key], found[key])


def test_measuring_can_be_cancelled():
    grid = grid_of(smooth, False)
    calls = []

    def progress(done: int, total: int, text: str) -> bool:
        calls.append((done, total, text))
        return len(calls) < 3

    with pytest.raises(Cancelled):
        measure(Mapping(grid=grid), "x", progress)
    assert len(calls) == 3


def test_an_affine_mapping_is_measured_in_closed_form():
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("z", 10, degrees=True).as_matrix()
    result = measure(affine_mapping(matrix), about_node("x"))
    # The displacement of a rotation by a turns by 2 sin a.
    assert result.curl.max == pytest.approx(2 * np.sin(np.radians(10)))
    assert result.jacobian.min == pytest.approx(1)
    assert result.rigid.rotation_deg == pytest.approx(10)
