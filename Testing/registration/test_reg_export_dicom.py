"""Random transforms written as DICOM objects: valid, and read the same by this library, pydicomrt and the equation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib import read_registration
from DicomRegInspectorLib.registration.composite import in_a_row
from DicomRegInspectorLib.registration.grid import grid_of_array
from DicomRegInspectorLib.registration.mapping import Mapping
from DicomRegInspectorLib.registration.nodes import InverseMap, Nodes
from DicomRegInspectorLib.tasks.dicom_export.outgoing import DicomExport, Outgoing, outgoing_mapping
from DicomRegInspectorLib.tasks.dicom_export.side import Side, side_of_images
from DicomRegInspectorLib.tasks.dicom_export.write import write_outgoing
from exportcases import (
    by_equation,
    by_pydicomrt,
    dicom3tools,
    longest_decimal,
    random_field,
    random_matrix,
    rotation,
    voxel_centres,
    write_images,
)

COUNT = 200
NODE_MM = 1e-3


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders fixed and moving."""
    folder = tmp_path_factory.mktemp("images")
    for which in ("fixed", "moving"):
        write_images(folder / which, which)
    return folder


@pytest.fixture(scope="module")
def sides(images: Path) -> tuple[Side, Side]:
    return side_of_images([images / "fixed"], "fixed"), side_of_images([images / "moving"], "moving")


@pytest.fixture(scope="module")
def checked(images: Path):
    """Holds what is written against both checkers, all of a kind at once; the slices are its neighbours."""
    slices = [next((images / which).iterdir()) for which in ("fixed", "moving")]

    def check(paths: list[Path]) -> None:
        wrong = {path.name: said for path in paths if (said := dicom3tools("dciodvfy", path))}
        assert not wrong
        assert dicom3tools("dcentvfy", *paths, *slices) == ""
        assert max(map(longest_decimal, paths)) <= 16

    return check


def random_grid(random: np.random.Generator, left_handed: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors (nz, ny, nx, 3) float32, (4, 4) of an oblique lattice over the images, and its nodes' places."""
    counts = random.integers(4, 8, 3)
    matrix = np.eye(4)
    directions = rotation(random, 180) @ np.diag([1, 1, -1.0 if left_handed else 1.0])
    spacing = random.uniform(8, 14, 3)
    matrix[:3, :3] = directions * spacing
    matrix[:3, 3] = [-6.0, 2.0, 25.0] - matrix[:3, :3] @ (counts - 1) / 2
    k, j, i = np.mgrid[: counts[2], : counts[1], : counts[0]]
    nodes = np.stack([i, j, k], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]
    vectors = random.uniform(-3, 3, (*counts[::-1], 3)).astype(np.float32)
    return vectors, matrix, nodes


def inner(random: np.random.Generator, matrix: np.ndarray, dimensions, count: int = 40) -> np.ndarray:
    index = random.uniform(0.01, np.array(dimensions) - 1.01, (count, 3))
    return index @ matrix[:3, :3].T + matrix[:3, 3]


def write(outgoing: Outgoing, sides: tuple[Side, Side], path: Path, **options) -> DicomExport:
    return write_outgoing(outgoing, *sides, path, inspect=False, **options)


def all_readings(path: Path, points: np.ndarray) -> list[np.ndarray]:
    """Where this library, the equation in NumPy and pydicomrt send points."""
    own = read_registration(path).items[-1].map_points(points)
    return [own, by_equation(path, points), by_pydicomrt(path, points)]


def require(readings: list[np.ndarray], expected: np.ndarray, tolerance_mm: float) -> None:
    for reading in readings:
        assert np.array_equal(np.isnan(reading), np.isnan(expected))
        off = np.linalg.norm(reading - expected, axis=1)
        assert off[np.isfinite(off)].max(initial=0) <= tolerance_mm


@pytest.mark.parametrize("kind", ["RIGID", "RIGID_SCALE", "AFFINE"])
def test_matrices(tmp_path: Path, sides, checked, kind: str) -> None:
    random, paths = np.random.default_rng(hash(kind) % 97), []
    for number in range(COUNT):
        matrix = random_matrix(random, kind)
        path = tmp_path / f"{number}.dcm"
        mapping = Mapping(matrix=matrix)
        written = write(Outgoing(mapping.map_points, "a matrix", mapping), sides, path)
        assert (written.kind, written.matrix_types) == ("matrix", (kind,))
        assert written.rounding_mm < 1e-6
        points = random.uniform(-200, 200, (30, 3))
        back = np.linalg.inv(matrix)
        require(all_readings(path, points), points @ back[:3, :3].T + back[:3, 3], 1e-6)
        paths.append(path)
    checked(paths)


@pytest.mark.parametrize("ras", [False, True])
@pytest.mark.parametrize("left_handed", [False, True])
def test_grids_between_matrices_as_they_are(tmp_path: Path, sides, checked, ras: bool, left_handed: bool) -> None:
    """200 in all; what is in RAS comes from a scene."""
    random, paths = np.random.default_rng(7 + ras + 2 * left_handed), []
    signs = np.array([-1.0, -1.0, 1.0]) if ras else np.ones(3)
    flip = np.diag([*signs, 1.0])
    for number in range(COUNT // 4):
        vectors, matrix, nodes = random_grid(random, left_handed)
        # Every third without matrices, every fifth with an undefined corner.
        kinds = random.choice(["RIGID", "RIGID_SCALE", "AFFINE"], 2)
        pre, post = (np.eye(4) if number % 3 == 0 else random_matrix(random, kind, 2.0) for kind in kinds)
        if number % 5 == 0:
            vectors[0, 0, 0] = np.nan
        grid = grid_of_array(np.ascontiguousarray(vectors * signs.astype(np.float32)), flip @ matrix)
        mapping = Mapping(flip @ pre @ flip, grid, flip @ post @ flip, ras=ras)
        path = tmp_path / f"{number}.dcm"
        written = write(Outgoing(mapping.map_points, "a grid", mapping), (sides[0], _elsewhere(sides[1])), path)
        assert written.sampled_on == "" and written.between_nodes is None
        assert written.rounding_mm < 1e-6
        assert written.undefined_count == (number % 5 == 0)
        assert len(written.matrix_types) == (0 if number % 3 == 0 else 2)
        flat = nodes.reshape(-1, 3)
        moved = flat @ pre[:3, :3].T + pre[:3, 3] + vectors.reshape(-1, 3)
        expected = moved @ post[:3, :3].T + post[:3, 3]
        require(all_readings(path, flat)[:1], expected, NODE_MM)
        points = inner(random, matrix, vectors.shape[2::-1])
        require(all_readings(path, points), mapping.map_points(points), NODE_MM)
        paths.append(path)
    checked(paths)


def _elsewhere(side: Side) -> Side:
    """A side whose images' places nobody asks about: random matrices send them anywhere."""
    return Side(side.frame_uid, side.images)


def test_anything_sampled_on_the_registered_images_voxels(tmp_path: Path, sides, checked) -> None:
    """Between the nodes all readers are within what the object itself says."""
    random, paths = np.random.default_rng(23), []
    nodes = voxel_centres()
    for number in range(COUNT):
        move = random_field(random)
        path = tmp_path / f"{number}.dcm"
        written = write(Outgoing(move, "a formula"), sides, path)
        assert written.dimensions == (9, 8, 7)
        assert written.sampled_on == "the registered image's voxels"
        require(all_readings(path, nodes.reshape(-1, 3))[:2], move(nodes.reshape(-1, 3)), NODE_MM)
        corner = nodes[0, 0, 0]
        axes = np.stack([nodes[0, 0, 1] - corner, nodes[0, 1, 0] - corner, nodes[1, 0, 0] - corner])
        points = corner + random.uniform(0.001, np.array([8, 7, 6]) - 0.001, (200, 3)) @ axes
        stated = written.between_nodes.max_mm
        assert 0.001 < stated < 0.3
        for reading in all_readings(path, points):
            off = np.linalg.norm(reading - move(points), axis=1)
            assert off.max() <= stated + NODE_MM
            assert off.max() > 0.3 * stated
        paths.append(path)
    checked(paths)


def test_inverses_are_searched_and_their_residual_is_told(tmp_path: Path, sides, checked) -> None:
    """Of a grid that maps the other way round: sending what is found forward again gives the node."""
    random, paths = np.random.default_rng(29), []
    nodes = voxel_centres().reshape(-1, 3)
    for number in range(COUNT):
        vectors, matrix, _ = random_grid(random)
        # Smooth enough to have an inverse: a tenth of what neighbours are apart.
        mapping = Mapping(grid=grid_of_array(vectors / 3, matrix))
        inverse = InverseMap(mapping)
        path = tmp_path / f"{number}.dcm"
        written = write(Outgoing(inverse, "the inverse of a grid"), (sides[0], _elsewhere(sides[1])), path)
        assert 0 <= inverse.largest_residual_mm <= 1e-4
        found = by_equation(path, nodes)
        defined = np.isfinite(found).all(axis=1)
        assert written.undefined_count == np.count_nonzero(~defined)
        assert np.linalg.norm(mapping.map_points(found[defined]) - nodes[defined], axis=1).max(initial=0) < NODE_MM
        paths.append(path)
    checked(paths)


def test_transforms_in_a_row(tmp_path: Path, sides, checked) -> None:
    """One grid among rigid matrices stays a grid; two grids are sampled."""
    random, paths = np.random.default_rng(31), []
    for number in range(COUNT):
        vectors, matrix, _ = random_grid(random)
        before, after = (Mapping(matrix=random_matrix(random, kind, 2.0)) for kind in ("RIGID", "AFFINE"))
        curved = Mapping(random_matrix(random, "AFFINE"), grid_of_array(vectors, matrix))
        row = [before, curved, after]

        def through(points: np.ndarray, row: list[Mapping] = row) -> np.ndarray:
            for mapping in row:
                points = mapping.map_points(points)
            return points

        whole = outgoing_mapping(in_a_row(row), "a row")
        assert outgoing_mapping(in_a_row([*row, curved]), "two grids").mapping is None
        path = tmp_path / f"{number}.dcm"
        written = write(whole, (sides[0], _elsewhere(sides[1])), path)
        assert written.sampled_on == ""
        there = inner(random, matrix, vectors.shape[2::-1])
        points = before.map_points_inverse(there).points
        require(all_readings(path, points), through(points), NODE_MM)
        paths.append(path)
    checked(paths)


def test_a_sheared_lattice_is_sampled_anew(tmp_path: Path, sides) -> None:
    """A DICOM grid has right angles."""
    random = np.random.default_rng(41)
    vectors, matrix, _ = random_grid(random)
    matrix[:3, 1] += 0.4 * matrix[:3, 0]
    mapping = Mapping(grid=grid_of_array(np.full_like(vectors, 1.5), matrix))
    written = write(outgoing_mapping(mapping, "a sheared grid"), sides, tmp_path / "a.dcm")
    assert written.sampled_on == "the registered image's voxels"
    bare = (Side(sides[0].frame_uid, sides[0].images), sides[1])
    written = write(outgoing_mapping(mapping, "a sheared grid"), bare, tmp_path / "b.dcm")
    assert written.sampled_on.endswith("over the transform's own grid")
    found = by_equation(tmp_path / "b.dcm", inner(random, matrix, vectors.shape[2::-1]))
    assert np.isfinite(found).any()


def test_a_chosen_grid_is_sampled_on(tmp_path: Path, sides) -> None:
    move = random_field(np.random.default_rng(43))
    grid = Nodes(np.diag([10.0, 9.0, -8.0, 1.0]), (4, 3, 5), "chosen nodes")
    written = write(Outgoing(move, "a formula"), sides, tmp_path / "a.dcm", grid=grid)
    assert (written.dimensions, written.sampled_on) == ((4, 3, 5), "chosen nodes")
    nodes = np.stack(np.mgrid[:4, :3, :5], axis=-1).reshape(-1, 3) * [10.0, 9.0, -8.0]
    require([by_equation(tmp_path / "a.dcm", nodes)], move(nodes), NODE_MM)
