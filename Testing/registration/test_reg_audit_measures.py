"""What the audit stands on: similarity measures and their intervals, the sample, signs in the file, odd input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from auditpairs import audit_item, centres, image_matrix, signs_in_file, write_item
from DicomRegInspectorLib.registration import read_registration
from DicomRegInspectorLib.registration.audit.sampling import draw_sample
from DicomRegInspectorLib.registration.audit.scalar_image import ScalarImage
from DicomRegInspectorLib.registration.audit.similarity import block_weights, score
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def correlated(rho: float, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(2, count))
    return a, rho * a + np.sqrt(1 - rho**2) * b


def scores(measure: str, fixed: np.ndarray, *moving: np.ndarray, blocks: np.ndarray | None = None):
    blocks = np.arange(len(fixed)) // 20 if blocks is None else blocks
    numbers, weights = block_weights(blocks, np.random.default_rng(1))
    return score(measure, fixed, np.array(moving), numbers, weights)


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-3, 5.0), (1e6, -3e4), (-2.0, 1e4)])
def test_correlation_is_that_of_numpy_at_any_scale(scale: float, offset: float) -> None:
    a, b = correlated(0.7, 5000)
    result = scores("ncc", a, scale * b + offset)
    assert result.values[0] == pytest.approx(np.corrcoef(a, scale * b + offset)[0, 1], abs=1e-9)


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.9])
def test_mutual_information_is_that_of_two_normal_variables(rho: float) -> None:
    a, b = correlated(rho, 200_000)
    # Half a logarithm by theory; bins lose a part of it.
    assert scores("mutual_information", a, b, blocks=np.arange(len(a)) // 1000).values[0] == pytest.approx(
        -0.5 * np.log(1 - rho**2), rel=0.06
    )


def test_mutual_information_does_not_mind_a_change_of_scale() -> None:
    a, b = correlated(0.8, 20_000)
    values = [scores("mutual_information", a, change(b)).values[0] for change in (np.array, np.negative, np.exp)]
    assert values == pytest.approx([values[0]] * 3, rel=1e-3)


def test_the_interval_is_that_of_independent_points() -> None:
    a, b = correlated(0.6, 400, seed=3)
    low, high = scores("ncc", a, b, blocks=np.arange(400)).interval(0)
    # Fisher's transform gives the interval of a correlation of normal variables.
    z = np.arctanh(np.corrcoef(a, b)[0, 1])
    expected = np.tanh([z - 1.96 / np.sqrt(397), z + 1.96 / np.sqrt(397)])
    assert [low, high] == pytest.approx(expected, abs=0.025)


def test_points_that_only_repeat_their_neighbours_add_no_certainty() -> None:
    a, b = correlated(0.6, 200, seed=4)
    single = scores("ncc", a, b, blocks=np.arange(200)).interval(0)
    repeated = scores("ncc", np.repeat(a, 50), np.repeat(b, 50), blocks=np.repeat(np.arange(200), 50)).interval(0)
    naive = scores("ncc", np.repeat(a, 50), np.repeat(b, 50), blocks=np.arange(10_000)).interval(0)
    assert np.ptp(repeated) == pytest.approx(np.ptp(single), rel=0.05)
    assert np.ptp(naive) < 0.3 * np.ptp(single)


def test_a_paired_difference_is_more_certain_than_two_intervals() -> None:
    random = np.random.default_rng(6)
    a, b = correlated(0.6, 400, seed=6)
    worse = b + 0.15 * random.normal(size=400)
    result = scores("ncc", a, b, worse, blocks=np.arange(400))
    difference, (low, high) = result.difference(0, 1)
    assert difference == pytest.approx(np.corrcoef(a, b)[0, 1] - np.corrcoef(a, worse)[0, 1], abs=1e-9)
    assert high - low < 0.6 * np.ptp(result.interval(0))
    assert low < difference < high


@pytest.mark.parametrize("offset", [0.0, 1e30])
def test_constant_values_have_no_correlation(offset: float) -> None:
    a, _ = correlated(0.5, 500)
    result = scores("ncc", a, np.full(500, offset))
    assert np.isnan(result.values[0])
    assert result.interval(0) is None


# ---- The sample ----------------------------------------------------------------------------------------------------


def test_the_sample_looks_at_edges_and_structures_and_a_little_at_the_rest() -> None:
    size = (60, 50, 40)
    points = centres(image_matrix(size, (2.0, 2.0, 2.0)), size)
    radius = np.linalg.norm(points, axis=-1)
    array = np.where(radius < 20, 1000, 0).astype(np.int16)
    sample = draw_sample(ScalarImage(array, image_matrix(size, (2.0, 2.0, 2.0))), None, 3000, np.random.default_rng(0))
    assert len(sample.points) == 3000
    distance = np.linalg.norm(sample.points, axis=1)
    volume = array.size * 8.0
    shares = {
        "edge": (np.abs(distance - 20) < 2).mean() / (4 * np.pi * 20**2 * 4 / volume),
        "inside": (distance < 17).mean() / (4 / 3 * np.pi * 17**3 / volume),
        "outside": (distance > 23).mean() / (1 - 4 / 3 * np.pi * 23**3 / volume),
    }
    assert shares["edge"] > 3 * shares["outside"]
    assert shares["inside"] > 3 * shares["outside"]
    assert 0.1 < shares["outside"] < 1


def test_the_sample_stays_inside_a_turned_grid_and_its_blocks_are_small(tmp_path: Path) -> None:
    orientation = rf.orientation_of((0.3, 0.4, 0.5))
    grid = rf.GridSpec(np.zeros((8, 9, 10, 3), np.float32), (5.0, 5.0, 5.0), (-15.0, -25.0, -20.0), orientation)
    item = write_item(tmp_path / "reg.dcm", rf.DeformableItem(grid))
    random = np.random.default_rng(0)
    image = ScalarImage(random.normal(size=(60, 60, 60)), image_matrix((60, 60, 60), (2.0, 2.0, 2.0)))
    sample = draw_sample(image, item.grid, 2000, random)
    row, column = np.reshape(orientation, (2, 3))
    index = (sample.points - grid.origin) @ np.column_stack([row, column, np.cross(row, column)]) / 5
    assert (index > -1e-3).all()
    assert (index < np.array([9, 8, 7]) + 1e-3).all()
    assert len(sample.points) == 2000
    for block in np.unique(sample.blocks):
        assert np.ptp(sample.points[sample.blocks == block], axis=0).max() < 30


# ---- Signs in the file ---------------------------------------------------------------------------------------------


def signs(path: Path, vectors: np.ndarray, spacing=(1.0, 2.0, 4.0), **names: str) -> list:
    grid = rf.GridSpec(vectors.astype(np.float32), spacing)
    registration = read_registration(rf.write(path, rf.RegistrationSpec((rf.DeformableItem(grid),), **names)))
    return list(signs_in_file(registration, registration.items[0]))


def field_of(kind: str) -> np.ndarray:
    random = np.random.default_rng(2)
    if kind == "counted":
        return random.integers(-6, 7, (9, 10, 11, 3)) * np.array([1, 1, 0.0]) + [0, 0, 3]
    if kind == "counted, in mm":
        return random.integers(-3, 4, (9, 10, 11, 3)) * np.array([1.0, 2.0, 4.0])
    if kind == "equal in voxels":
        return random.normal(0, 6, (9, 10, 11, 3)) / np.array([1.0, 2.0, 4.0])
    return random.normal(0, 6, (9, 10, 11, 3))


@pytest.mark.parametrize(
    ("kind", "names", "key"),
    [
        ("usual", {"manufacturer": "ImSimQA v3"}, "known_system"),
        ("usual", {"manufacturer": "ONCOLOGY SYSTEMS LIMITED"}, "known_system"),
        ("counted", {}, "whole_numbers_percent"),
        ("equal in voxels", {}, "rms_along_axes"),
    ],
)
def test_a_sign_in_the_file_is_told_as_a_hint(tmp_path: Path, kind: str, names: dict, key: str) -> None:
    (finding,) = signs(tmp_path / "reg.dcm", field_of(kind), **names)
    assert (finding.code, finding.severity) == ("reg-units-suspect", "info")
    assert key in finding.evidence
    assert "Only the images can decide" in finding.message


@pytest.mark.parametrize("kind", ["usual", "counted, in mm"])
def test_usual_fields_show_no_sign(tmp_path: Path, kind: str) -> None:
    assert signs(tmp_path / "reg.dcm", field_of(kind)) == []


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, 3.0, 3e38])
def test_fields_of_one_value_show_no_sign(tmp_path: Path, value: float) -> None:
    assert signs(tmp_path / "reg.dcm", np.full((3, 3, 3, 3), value)) == []


def test_voxels_of_one_millimetre_need_no_hint(tmp_path: Path) -> None:
    assert signs(tmp_path / "reg.dcm", field_of("counted"), (1.0, 1.0, 1.0), manufacturer="ImSimQA") == []


def test_the_real_object_shows_no_sign(deformable_pair: Path) -> None:
    registration = read_registration(deformable_pair / "registration.dcm")
    assert signs_in_file(registration, registration.items[0]) == ()


def test_a_matrix_item_has_no_vectors_to_judge(tmp_path: Path) -> None:
    registration = read_registration(rf.write(tmp_path / "reg.dcm", rf.Samples().matrices))
    assert [signs_in_file(registration, item) for item in registration.items] == [(), ()]


# ---- Odd input -----------------------------------------------------------------------------------------------------

ODD = st.sampled_from([0.0, 1.0, -3.5, 1e-30, 1e20, 1e38, np.nan, np.inf, -np.inf])


@st.composite
def odd_array(draw, seeds: int, components: tuple[int, ...] = ()) -> np.ndarray:
    size = draw(st.tuples(*[st.integers(1, 14)] * 3)) + components
    random = np.random.default_rng(seeds + draw(st.integers(0, 99)))
    array = random.normal(0, draw(st.sampled_from([0.0, 1e-20, 3.0, 1e15])), size)
    share = draw(st.sampled_from([0.0, 0.01, 0.5, 1.0]))
    array[random.uniform(size=size) < share] = draw(ODD)
    return array.astype(np.float32)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(odd_array(0, (3,)), odd_array(100), odd_array(200), st.sampled_from([True, False, None]), st.booleans())
def test_odd_images_and_fields_are_undecided_and_never_break_it(
    tmp_path: Path, vectors, fixed, moving, same_modality, matrices
) -> None:
    scale = np.diag([2.0, 0.5, 1e-12, 1.0])
    grid = rf.GridSpec(vectors, (4.0, 3.0, 5.0), (-20.0, -20.0, -20.0))
    item = write_item(tmp_path / "reg.dcm", rf.DeformableItem(grid, scale if matrices else None))
    images = [ScalarImage(array, image_matrix(array.shape[::-1])) for array in (fixed, moving)]
    result = audit_item(item, *images, same_modality=same_modality, points=500)
    assert result.verdict == "undecided"
    assert len(result.reason) > 20
