"""The picture of a registration: what is drawn, where, and in which colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_objects import COUNT, REGISTERED, SOURCE, rigid, write_linear, write_matrices
from DicomRegInspectorLib import read_registration
from DicomRegInspectorLib.errors import UsageError

pytest.importorskip("vtk", reason="pictures need VTK")
pytest.importorskip("slicer", reason="the scene room needs slicer-core or Slicer")

from DicomRegInspectorLib.scene.pictures import render
from DicomRegInspectorLib.scene.pictures.canvas import Canvas
from DicomRegInspectorLib.scene.pictures.images import Image
from DicomRegInspectorLib.scene.pictures.render import VIRIDIS, colour_of, render_registration


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch) -> None:
    """Half as wide and high, for speed."""
    monkeypatch.setattr(render, "WIDTH", 800)
    monkeypatch.setattr(render, "_NARROWEST", 600)
    monkeypatch.setattr(render, "_TALLEST", 550)


def read_png(path: Path) -> np.ndarray:
    image = pytest.importorskip("SimpleITK").ReadImage(str(path))
    return pytest.importorskip("SimpleITK").GetArrayFromImage(image).astype(int)


def near(picture: np.ndarray, colour: np.ndarray, tolerance: int = 12) -> np.ndarray:
    return (np.abs(picture - np.asarray(colour) * 255) <= tolerance).all(axis=-1)


def axial_view(picture: np.ndarray) -> np.ndarray:
    """The panel at the left: dark, and 30 mm wide and high, between white margins."""
    filled = (picture[300] < 250).any(axis=-1)
    left = int(np.argmax(filled))
    right = left + int(np.argmin(filled[left:]))
    return picture[138 : 138 + right - left, left:right]


def upright(path: Path, vector: tuple[float, float, float], **values: object) -> Path:
    """A constant field on an upright grid of 3 x 3 x 3 cm."""
    vectors = np.broadcast_to(np.array(vector), (11, 11, 11, 3)).copy()
    settings = {"vectors": vectors, "directions": np.eye(3), "origin": [0, 0, 0], "spacing": [3, 3, 3]}
    return write_linear(path, **(settings | values))


def test_a_line_covers_what_it_should() -> None:
    canvas = Canvas(40, 20, (0, 0, 0))
    canvas.lines([np.array([(5.0, 10.0), (34.0, 10.0)])], (1, 1, 1), width=2.0)
    assert canvas.pixels[..., 0].sum() == pytest.approx(2.0 * 29 + np.pi, rel=0.05)
    assert canvas.pixels[10, 20, 0] == 1
    assert canvas.pixels[15].max() == 0


def test_a_triangle_covers_its_area_either_way_round() -> None:
    corners = np.array([(3.0, 3.0), (33.0, 3.0), (3.0, 17.0)])
    for turned in (corners, corners[::-1]):
        canvas = Canvas(40, 20, (0, 0, 0))
        canvas.triangle(turned, (1, 1, 1))
        assert canvas.pixels[..., 0].sum() == pytest.approx(30 * 14 / 2, rel=0.03)


def test_what_lies_outside_or_is_undefined_is_not_drawn() -> None:
    canvas = Canvas(40, 20, (0, 0, 0))
    canvas.lines([np.array([(np.nan, 1.0), (5.0, 5.0)]), np.array([(90.0, 90.0), (99.0, 99.0)])], (1, 1, 1))
    canvas.triangle(np.array([(np.nan, 1.0), (5.0, 5.0), (9.0, 9.0)]), (1, 1, 1))
    canvas.lines([np.array([(0.0, 5.0), (39.0, 5.0)])], (1, 1, 1), clip=(10, 0, 20, 20))
    assert set(np.flatnonzero(canvas.pixels[5, :, 0])) == set(range(10, 20))
    assert canvas.pixels[9:].max() == 0


def test_text_is_black_on_white_and_as_high_as_asked() -> None:
    canvas = Canvas(200, 60)
    canvas.text(10, 30, "18.5° H", 30)
    assert canvas.pixels.min() == 1
    canvas.write_texts()
    rows = np.flatnonzero(canvas.pixels.min(axis=(1, 2)) < 0.5)
    assert 18 <= np.ptp(rows) <= 32
    assert abs(rows.mean() - 30) < 8


def test_colours_go_from_dark_to_light() -> None:
    lightness = [colour_of(share) @ (0.2126, 0.7152, 0.0722) for share in np.linspace(0, 1, 50)]
    assert (np.diff(lightness) > 0).all()
    np.testing.assert_array_equal(colour_of(1.0), VIRIDIS[-1])
    np.testing.assert_array_equal(colour_of(7.0), VIRIDIS[-1])


def test_an_arrow_is_as_long_as_the_displacement_and_points_there(tmp_path: Path) -> None:
    """A field of 6 mm to the left: yellow arrows run right in the axial view, 6 mm long by the picture's scale."""
    (item,) = read_registration(upright(tmp_path / "r.dcm", (6.0, 0.0, 0.0))).items
    render_registration(tmp_path / "p.png", item)
    picture = read_png(tmp_path / "p.png")
    axial = axial_view(picture)
    scale = axial.shape[1] / 30
    yellow = near(axial, VIRIDIS[-1])
    assert yellow.any()
    rows, columns = np.nonzero(yellow)
    row = np.bincount(rows).argmax()
    # Displacements above 0.6 arrow steps are not enlarged, so neighbours in a row join end to end.
    assert np.ptp(columns[rows == row]) > 6 * scale
    heights = [yellow[:, column].sum() for column in np.unique(columns)]
    assert max(heights) > 0


def test_no_displacement_draws_dots_only(tmp_path: Path) -> None:
    (item,) = read_registration(upright(tmp_path / "r.dcm", (0.0, 0.0, 0.0))).items
    render_registration(tmp_path / "p.png", item)
    inside = axial_view(read_png(tmp_path / "p.png"))
    assert not near(inside, VIRIDIS[-1]).any()
    assert near(inside, VIRIDIS[0]).any()


def test_undefined_parts_are_hatched(tmp_path: Path) -> None:
    vectors = np.zeros((11, 11, 11, 3))
    vectors[:, :, 6:] = np.nan
    (item,) = read_registration(upright(tmp_path / "r.dcm", (0, 0, 0), vectors=vectors)).items
    render_registration(tmp_path / "p.png", item)
    axial = axial_view(read_png(tmp_path / "p.png"))
    reddish = (axial[..., 0] > axial[..., 1] + 40) & (axial[..., 2] > axial[..., 1] + 20)
    # Left of 15 mm all is defined; right of it every point has an undefined neighbour.
    middle = axial.shape[1] // 2
    left = reddish[:, : middle - 2] & ~near(axial[:, : middle - 2], VIRIDIS[0], 60)
    assert left.sum() == 0
    assert reddish[:, middle + 2 :].mean() > 0.1


def test_the_image_lies_where_it_lies_in_the_patient(tmp_path: Path) -> None:
    """A bright left posterior quarter of the image shows at the right below."""
    (item,) = read_registration(upright(tmp_path / "r.dcm", (0.0, 0.0, 0.0))).items
    values = np.zeros((31, 31, 31), np.float32)
    values[:, 16:, 16:] = 100
    render_registration(tmp_path / "p.png", item, Image(values, np.eye(4)), window=(0, 100))
    axial = axial_view(read_png(tmp_path / "p.png"))[:256, :256].mean(axis=-1)
    means = [np.median(part) for half in np.split(axial, 2) for part in np.split(half, 2, axis=1)]
    assert means[3] > 150
    assert max(means[:3]) < 40


def test_an_image_is_sampled_where_its_voxels_are() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(4, 5, 6))
    matrix = rigid(25.0, (10.0, -3.0, 8.0)) @ np.diag([2.0, 3.0, 4.0, 1.0])
    image = Image(values, matrix)
    for k, j, i in ((0, 0, 0), (3, 4, 5), (2, 1, 4)):
        point = (matrix @ [i, j, k, 1])[:3]
        assert image.sample(point[None])[0] == pytest.approx(values[k, j, i])
        middle = (matrix @ [max(i - 0.5, 0), j, k, 1])[:3]
        expected = values[k, j, i] if i == 0 else (values[k, j, i] + values[k, j, i - 1]) / 2
        assert image.sample(middle[None])[0] == pytest.approx(expected)
    assert np.isnan(image.sample((matrix @ [-0.6, 0, 0, 1])[None, :3])[0])


def test_an_oblique_grid_and_matrices_can_be_drawn(tmp_path: Path) -> None:
    (item,) = read_registration(write_linear(tmp_path / "r.dcm", rigid(5.0, (1, 2, 3)))).items
    render_registration(tmp_path / "p.png", item, title="Überschrift", notes=("eins", "zwei"))
    assert 600 <= read_png(tmp_path / "p.png").shape[1] <= 802
    assert COUNT.tolist() == list(item.grid.dimensions)


def test_a_matrix_is_drawn_on_its_image(tmp_path: Path) -> None:
    (item,) = read_registration(write_matrices(tmp_path / "m.dcm", {SOURCE: rigid(5.0, (1, 2, 3))})).items
    with pytest.raises(UsageError, match="neither grid nor image"):
        render_registration(tmp_path / "p.png", item)
    assert not (tmp_path / "p.png").exists()
    render_registration(tmp_path / "p.png", item, Image(np.zeros((9, 9, 9)), np.eye(4)))
    assert (tmp_path / "p.png").stat().st_size > 10000
    assert item.registered_frame_uid == REGISTERED


def test_a_picture_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (item,) = read_registration(upright(tmp_path / "r.dcm", (1.0, 0.0, 0.0))).items
    with pytest.raises(UsageError, match="written"):
        render_registration(tmp_path / "none" / "p.png", item)
    assert [path.name for path in tmp_path.iterdir()] == ["r.dcm"]
