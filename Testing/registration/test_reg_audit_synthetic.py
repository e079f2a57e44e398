"""The audit where the truth is a formula: every reading, matrices, other modalities, and input that decides nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from auditpairs import (
    REGISTERED_FRAME,
    Deformation,
    affine,
    audit_item,
    image_matrix,
    picture,
    source_image,
    waves,
    write_item,
)
from DicomRegInspectorLib.errors import Cancelled
from DicomRegInspectorLib.findings.about import about_node
from DicomRegInspectorLib.registration import read_registration
from DicomRegInspectorLib.registration.audit import HYPOTHESES
from DicomRegInspectorLib.registration.audit.hypotheses import point_maps
from DicomRegInspectorLib.registration.audit.scalar_image import ScalarImage

POINTS = 4000
PRE, POST = rf.rigid((0.1, -0.15, 0.2), (8, -6, 4)), rf.rigid((-0.2, 0.1, 0.15), (-3, 9, -7))
PLAIN = Deformation(np.eye(4), np.eye(4))
FULL = Deformation(PRE, POST)


def another_modality(values: np.ndarray) -> np.ndarray:
    """Bright becomes dark, unevenly."""
    return 2000 * np.exp(-values / 250)


def folded_scale(values: np.ndarray) -> np.ndarray:
    """No monotonic scale: the darkest and the brightest get the same value."""
    return np.abs(values + 60)


@pytest.fixture(scope="module")
def source() -> ScalarImage:
    return source_image()


@pytest.mark.parametrize("truth", HYPOTHESES)
def test_every_reading_maps_as_its_formula(tmp_path: Path, truth: str) -> None:
    # A fine grid, so that what lies between nodes is the formula's.
    fine = Deformation(PRE, POST, spacing=(2.0, 2.5, 3.0))
    item = fine.write(tmp_path / "reg.dcm")
    points = np.random.default_rng(0).uniform(-35, 35, (300, 3))
    np.testing.assert_allclose(point_maps(item.mapping)[truth](points), fine.meant(truth)(points), rtol=0, atol=0.06)


@pytest.mark.parametrize("truth", HYPOTHESES)
def test_the_reading_under_which_the_pair_was_made_is_found(tmp_path: Path, source: ScalarImage, truth: str) -> None:
    meant = FULL.meant(truth)
    fixed = picture(lambda p: waves(meant(p)), frame=REGISTERED_FRAME)
    result = audit_item(FULL.write(tmp_path / "reg.dcm"), fixed, source, same_modality=True, points=POINTS)
    assert result.verdict == truth, result.sentence
    assert result.best.hypothesis == truth
    assert result.best.ncc > 0.9
    assert result.margin_ci95[0] > 0.05
    codes = [finding.code for finding in result.findings(about_node("item 1"))]
    assert codes == {
        "standard": [],
        "voxel-units": ["reg-units-suspect"],
        "reversed": ["reg-direction-suspect"],
        "axis-signs": ["reg-axis-signs-suspect"],
        "identity": ["reg-deformation-suspect"],
    }.get(truth, ["reg-matrices-suspect"])


@pytest.mark.parametrize("change", [another_modality, folded_scale])
@pytest.mark.parametrize("truth", ["standard", "axis-signs", "matrices-ignored"])
def test_another_modality_is_decided_by_mutual_information(tmp_path: Path, truth: str, change) -> None:
    meant = FULL.meant(truth)
    fixed = picture(lambda p: waves(meant(p)))
    item, moving = FULL.write(tmp_path / "reg.dcm"), source_image(change)
    for same_modality in (False, None):
        result = audit_item(item, fixed, moving, same_modality=same_modality, points=POINTS)
        assert (result.verdict, result.measure) == (truth, "mutual_information"), result.sentence
    by_correlation = audit_item(item, fixed, moving, same_modality=True, points=POINTS)
    assert by_correlation.verdict == "undecided"
    assert "different modalities" in by_correlation.reason


MATRIX = rf.rigid((0.15, -0.1, 0.25), (9, -7, 12))
FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("truth", "matrix"),
    [
        ("standard", np.linalg.inv(MATRIX)),
        ("reversed", MATRIX),
        ("axis-signs", FLIP @ np.linalg.inv(MATRIX) @ FLIP),
        ("identity", np.eye(4)),
    ],
)
def test_a_matrix_item_is_audited_too(tmp_path: Path, source: ScalarImage, truth: str, matrix: np.ndarray) -> None:
    item = write_item(tmp_path / "reg.dcm", rf.MatrixItem((MATRIX,)))
    fixed = picture(lambda p: waves(affine(matrix, p)))
    result = audit_item(item, fixed, source, same_modality=True, points=POINTS)
    assert result.verdict == truth, result.sentence
    assert {reading.hypothesis for reading in result.ranking} == {"standard", "reversed", "axis-signs", "identity"}


@pytest.mark.parametrize(
    ("truth", "matrix"),
    [
        ("standard", POST @ PRE),
        ("reversed", np.linalg.inv(POST @ PRE)),
        ("axis-signs", FLIP @ POST @ PRE @ FLIP),
        ("matrices-swapped", PRE @ POST),
        ("identity", np.eye(4)),
    ],
)
def test_matrices_without_a_grid_are_audited_too(tmp_path: Path, source: ScalarImage, truth: str, matrix) -> None:
    item = write_item(tmp_path / "reg.dcm", rf.DeformableItem(None, PRE, POST))
    fixed = picture(lambda p: waves(affine(matrix, p)))
    result = audit_item(item, fixed, source, same_modality=True, points=POINTS)
    assert result.verdict == truth, result.sentence


def same_as(result) -> dict[str, str]:
    return {reading.hypothesis: reading.same_as for reading in result.ranking if reading.same_as is not None}


def test_readings_that_lead_to_the_same_points_are_no_rivals(tmp_path: Path, source: ScalarImage) -> None:
    in_millimetres = Deformation(np.eye(4), np.eye(4), angles=(0.0, 0.0, 0.0), spacing=(4.0, 4.0, 4.0))
    fixed = picture(lambda p: waves(in_millimetres.meant("standard")(p)))
    result = audit_item(in_millimetres.write(tmp_path / "a.dcm"), fixed, source, same_modality=True, points=POINTS)
    assert result.verdict == "standard"
    assert same_as(result) == {"matrices-ignored": "standard", "matrices-swapped": "standard"}
    bend = np.full((40, 40, 40, 3), [5.0, -4.0, 6.0], np.float32)
    unit = rf.GridSpec(bend, (1.0, 1.0, 1.0), (-20.0, -20.0, -20.0))
    fixed = picture(lambda p: waves(p + [5, -4, 6]), spacing=(1.5, 1.5, 1.5))
    result = audit_item(write_item(tmp_path / "b.dcm", rf.DeformableItem(unit)), fixed, source, points=POINTS)
    assert result.verdict == "standard", result.sentence
    assert same_as(result)["voxel-units"] == "standard"


def constant_field(vector) -> rf.DeformableItem:
    vectors = np.full((18, 18, 18, 3), vector, np.float32)
    return rf.DeformableItem(rf.GridSpec(vectors, (8.0, 8.0, 8.0), (-68.0, -68.0, -68.0)))


def test_two_wrong_readings_that_coincide_are_named_but_not_chosen_between(tmp_path: Path, source: ScalarImage) -> None:
    item = write_item(tmp_path / "reg.dcm", constant_field((9, -6, 0)))
    fixed = picture(lambda p: waves(p - [9, -6, 0]))
    result = audit_item(item, fixed, source, same_modality=True, points=POINTS)
    assert result.verdict == "undecided"
    assert result.best.hypothesis == "reversed"
    assert same_as(result)["axis-signs"] == "reversed"
    assert "direction reversed, signs of x and y slipped" in result.reason


def test_a_field_that_moves_nothing_leaves_nothing_to_decide(tmp_path: Path, source: ScalarImage) -> None:
    item = write_item(tmp_path / "reg.dcm", constant_field((0.01, -0.02, 0.01)))
    result = audit_item(item, picture(waves), source, same_modality=True, points=POINTS)
    assert result.verdict == "undecided"
    assert "same points" in result.reason


def test_a_reading_that_leaves_the_image_is_not_ranked(tmp_path: Path, source: ScalarImage) -> None:
    far = np.eye(4)
    far[:3, 3] = (0, 0, 700)
    # The bulk motion is written as a matrix, and is contained in the vectors already.
    item = Deformation(far, np.eye(4)).write(tmp_path / "reg.dcm")
    fixed = picture(lambda p: waves(PLAIN.meant("standard")(p)))
    result = audit_item(item, fixed, source, same_modality=True, points=POINTS)
    assert result.verdict == "matrices-ignored", result.sentence
    standard = next(reading for reading in result.ranking if reading.hypothesis == "standard")
    assert (standard.overlap, standard.ncc) == (0, None)
    assert "0 %" in standard.note


def test_an_image_fits_no_registration_that_is_off_by_more_than_detail(tmp_path: Path, source: ScalarImage) -> None:
    fixed = picture(lambda p: waves(PLAIN.meant("standard")(p) + [6.0, 0.0, 0.0]))
    result = audit_item(PLAIN.write(tmp_path / "reg.dcm"), fixed, source, same_modality=True, points=POINTS)
    assert result.verdict == "undecided"
    assert "still better when they are moved" in result.reason


# ---- Input that leaves nothing to decide ---------------------------------------------------------------------------


def matching() -> ScalarImage:
    return picture(lambda p: waves(PLAIN.meant("standard")(p)))


def with_array(image: ScalarImage, array: np.ndarray) -> ScalarImage:
    return ScalarImage(array, image.index_to_lps)


@pytest.mark.parametrize("which", ["fixed", "moving"])
@pytest.mark.parametrize("value", [0.0, 1e30, np.nan, np.inf])
def test_constant_and_empty_images_are_undecided(tmp_path: Path, source: ScalarImage, which: str, value: float) -> None:
    images = {"fixed": matching(), "moving": source}
    images[which] = with_array(images[which], np.full(images[which].array.shape, value))
    result = audit_item(PLAIN.write(tmp_path / "reg.dcm"), **images, same_modality=True, points=POINTS)
    assert result.verdict == "undecided"
    assert result.reason.endswith(".")
    json.dumps(result.to_dict(), allow_nan=False)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_fields_without_a_usable_vector_are_undecided(tmp_path: Path, source: ScalarImage, value: float) -> None:
    item = PLAIN.write(tmp_path / "reg.dcm", lambda vectors: np.full_like(vectors, value))
    result = audit_item(item, matching(), source, points=POINTS)
    assert result.verdict == "undecided"
    json.dumps(result.to_dict(), allow_nan=False)


def test_images_beside_the_grid_are_undecided(tmp_path: Path, source: ScalarImage) -> None:
    item = PLAIN.write(tmp_path / "reg.dcm")
    matrix = image_matrix()
    matrix[:3, 3] += [0, 400, 0]
    beside = ScalarImage(matching().array, matrix)
    result = audit_item(item, beside, source, points=POINTS)
    assert (result.verdict, result.samples) == ("undecided", 0)
    assert "where the registration defines a vector" in result.reason
    assert audit_item(item, matching(), beside, points=POINTS).verdict == "undecided"


def test_a_grid_of_one_slice_is_audited_in_its_plane(tmp_path: Path) -> None:
    def in_plane(points: np.ndarray) -> np.ndarray:
        x, y, _ = np.moveaxis(points, -1, 0)
        return np.stack([6 * np.sin(y / 40) + 4, 5 * np.cos(x / 35), 0 * x], axis=-1)

    size, spacing = (90, 80, 1), (2.5, 2.5, 6.0)
    nodes = np.stack(np.meshgrid(np.arange(40.0), np.arange(40.0), [0.0], indexing="ij"), axis=-1)
    nodes = nodes.transpose(2, 1, 0, 3) * [7.0, 6.0, 5.0] - [136.5, 117.0, 0.0]
    grid = rf.GridSpec(in_plane(nodes).astype(np.float32), (7.0, 6.0, 5.0), (-136.5, -117.0, 0.0))
    item = write_item(tmp_path / "reg.dcm", rf.DeformableItem(grid))
    moving = picture(waves, (110, 100, 1), spacing)
    fixed = picture(lambda p: waves(p + in_plane(p)), size, spacing)
    result = audit_item(item, fixed, moving, same_modality=True, points=POINTS)
    assert result.verdict == "standard", result.sentence


def test_voxels_without_values_are_left_out_and_the_rest_decides(tmp_path: Path, source: ScalarImage) -> None:
    random = np.random.default_rng(5)

    def holed(image: ScalarImage) -> ScalarImage:
        array = np.where(random.uniform(size=image.array.shape) < 0.02, np.nan, image.array)
        array[:, :, : array.shape[2] // 4] = np.nan
        return with_array(image, array)

    item = PLAIN.write(tmp_path / "reg.dcm")
    result = audit_item(item, holed(matching()), holed(source), same_modality=True, points=POINTS)
    assert result.verdict == "standard", result.sentence


def test_vectors_undefined_in_half_the_grid_leave_the_other_half(tmp_path: Path, source: ScalarImage) -> None:
    def half(vectors: np.ndarray) -> np.ndarray:
        vectors[: len(vectors) // 2] = np.nan
        return vectors

    result = audit_item(PLAIN.write(tmp_path / "reg.dcm", half), matching(), source, same_modality=True, points=POINTS)
    assert result.verdict == "standard", result.sentence


def test_small_images_are_undecided_for_want_of_points(tmp_path: Path, source: ScalarImage) -> None:
    result = audit_item(PLAIN.write(tmp_path / "reg.dcm"), picture(waves, (7, 7, 7)), source, points=POINTS)
    assert result.verdict == "undecided"
    assert "343 voxels" in result.reason


@pytest.mark.parametrize("matrix", [np.zeros((4, 4)), np.diag([1.0, 1.0, 0.0, 1.0])])
def test_an_unusable_item_is_undecided_with_its_problem(tmp_path: Path, source: ScalarImage, matrix) -> None:
    registration = read_registration(rf.write(tmp_path / "r.dcm", rf.RegistrationSpec((rf.MatrixItem((matrix,)),))))
    result = audit_item(registration.items[0], matching(), source, points=POINTS)
    assert result.verdict == "undecided"
    assert "matri" in result.reason


# ---- The result ----------------------------------------------------------------------------------------------------


def test_equal_seeds_give_equal_results_and_nothing_is_changed(tmp_path: Path, source: ScalarImage) -> None:
    item, fixed = PLAIN.write(tmp_path / "reg.dcm"), matching()
    before = [part.tobytes() for part in (item.grid.vectors, fixed.array, source.array)]
    first, second = (audit_item(item, fixed, source, points=POINTS, seed=4) for _ in range(2))
    assert first == second
    assert audit_item(item, fixed, source, points=POINTS, seed=5) != first
    assert [part.tobytes() for part in (item.grid.vectors, fixed.array, source.array)] == before


def test_the_report_holds_what_is_promised_and_no_nan(tmp_path: Path, source: ScalarImage) -> None:
    result = audit_item(
        FULL.write(tmp_path / "reg.dcm"), picture(lambda p: waves(FULL.meant("standard")(p))), source, points=POINTS
    )
    report = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert report["verdict"] == "standard"
    assert {reading["hypothesis"] for reading in report["ranking"]} == set(HYPOTHESES)
    for reading in report["ranking"]:
        low, high = reading["ci95"]
        assert low < reading["ncc"] < high
        assert reading["mutual_information"] > 0
    informations = [reading["mutual_information"] for reading in report["ranking"]]
    assert informations == sorted(informations, reverse=True)
    assert report["margin"] == pytest.approx(informations[0] - informations[1])
    assert 0 < report["margin_ci95"][0] < report["margin"] < report["margin_ci95"][1]
    assert report["samples"] <= POINTS


def test_frames_that_do_not_match_are_noted(tmp_path: Path, source: ScalarImage) -> None:
    fixed = picture(lambda p: waves(PLAIN.meant("standard")(p)), frame="1.2.3.777")
    result = audit_item(PLAIN.write(tmp_path / "reg.dcm"), fixed, source, points=POINTS)
    assert result.verdict == "standard"
    assert [note.split(" one ")[0] for note in result.notes] == ["The image taken for the registered"]


def test_it_can_be_watched_and_stopped(tmp_path: Path, source: ScalarImage) -> None:
    item, fixed = PLAIN.write(tmp_path / "reg.dcm"), matching()
    seen = []
    audit_item(item, fixed, source, points=POINTS, progress=lambda done, total, text: seen.append((done, total, text)))
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert all(done < total for done, total, _ in seen)
    assert len({text for _, _, text in seen}) >= 3
    with pytest.raises(Cancelled):
        audit_item(item, fixed, source, points=POINTS, progress=lambda done, total, text: done < 3)


def test_too_few_points_are_a_wrong_argument(tmp_path: Path, source: ScalarImage) -> None:
    with pytest.raises(ValueError, match="500"):
        audit_item(PLAIN.write(tmp_path / "reg.dcm"), matching(), source, points=10)
