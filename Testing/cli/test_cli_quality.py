"""``quality``: the numbers it promises, against closed forms, NumPy and SimpleITK."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from dicom_objects import (
    LINEAR,
    REGISTERED,
    SHIFT,
    SOURCE,
    SPACING,
    TURN,
    expected,
    inner_points,
    node_points,
    rigid,
    write_linear,
    write_matrices,
)

pytest.importorskip("SimpleITK", reason="label volumes are read with SimpleITK")

from label_files import half_labels, write_labels

PRE, POST = rigid(7.0, (3.0, -4.0, 2.0)), rigid(-11.0, (-6.0, 1.0, 5.0))


@pytest.fixture
def registration(tmp_path: Path) -> Path:
    return write_linear(tmp_path / "reg.dcm", PRE, POST)


def statistics(values: np.ndarray, *names: str) -> dict[str, float]:
    named = {"max": values.max(), "min": values.min(), "mean": values.mean()}
    return {name: named[name] if name in named else np.percentile(values, int(name[1:])) for name in names}


DETERMINANT = np.linalg.det(POST[:3, :3] @ (PRE[:3, :3] + LINEAR))
CURL = np.linalg.norm([LINEAR[2, 1] - LINEAR[1, 2], LINEAR[0, 2] - LINEAR[2, 0], LINEAR[1, 0] - LINEAR[0, 1]])


# ---- What the report holds


def test_the_report_has_what_scripts_rely_on(told, registration: Path) -> None:
    whole = told(registration)
    assert whole["schema"] == 1
    (item,) = whole["items"]
    assert {"displacement_mm", "jacobian", "curl", "bending_energy", "inverse_residual_mm", "bulk"} <= item.keys()
    assert {"min", "max", "p1", "p99", "nonpositive_fraction"} <= item["jacobian"].keys()
    assert "audit" not in item
    assert (item["number"], item["kind"]) == (1, "deformable")
    assert (item["source_frame_of_reference_uid"], item["registered_frame_of_reference_uid"]) == (SOURCE, REGISTERED)


def test_a_linear_field_between_matrices_has_its_closed_forms(told, registration: Path) -> None:
    (item,) = told(registration)["items"]
    lengths = np.linalg.norm((node_points() @ LINEAR.T + SHIFT).reshape(-1, 3), axis=1)
    assert {name: item["displacement_mm"][name] for name in ("max", "mean", "p50", "p95", "p99")} == pytest.approx(
        statistics(lengths, "max", "mean", "p50", "p95", "p99"), abs=1e-4
    )
    longest = node_points().reshape(-1, 3)[lengths.argmax()]
    assert item["displacement_mm"]["max_place_lps_mm"] == pytest.approx(longest, abs=1e-3)
    assert {name: item["jacobian"][name] for name in ("min", "max", "p1", "p99")} == pytest.approx(
        dict.fromkeys(("min", "max", "p1", "p99"), DETERMINANT), abs=1e-4
    )
    assert item["jacobian"]["nonpositive_fraction"] == 0
    assert item["curl"]["max"] == pytest.approx(CURL, abs=1e-4)
    assert item["bending_energy"] == pytest.approx(0, abs=1e-8)
    assert item["inverse_residual_mm"]["max"] < 1e-4
    assert item["inverse_residual_mm"]["p99"] <= item["inverse_residual_mm"]["max"]
    affine = POST @ np.block([[PRE[:3, :3] + LINEAR, (PRE[:3, 3] + SHIFT)[:, None]], [np.array([[0.0, 0, 0, 1]])]])
    np.testing.assert_allclose(item["bulk"]["affine"]["matrix_lps"], affine, atol=1e-3)
    assert item["bulk"]["affine"]["residual_max_mm"] < 1e-3


def test_components_are_told_along_each_axis_in_mm_and_in_voxels(told, registration: Path) -> None:
    (item,) = told(registration)["items"]
    vectors = (node_points() @ LINEAR.T + SHIFT).reshape(-1, 3)
    for axis, values in zip("RAS", (vectors * [-1, -1, 1]).T, strict=True):
        found = item["displacement_mm"]["components_ras"][axis]
        assert found == pytest.approx(statistics(values, *found), abs=1e-4)
    for axis, values in zip("ijk", (vectors @ TURN / SPACING).T, strict=True):
        found = item["displacement_voxels"]["components_ijk"][axis]
        assert found == pytest.approx(statistics(values, *found), abs=1e-4)


def test_a_fold_is_told_where_it_is(told, run_quality, tmp_path: Path) -> None:
    vectors = np.zeros((4, 5, 20, 3))
    vectors[..., 0] = -4 * np.clip(np.arange(20) - 8, 0, 3)  # 2 mm nodes: the slope is -2 from node 8 to node 11
    path = tmp_path / "fold.dcm"
    write_linear(path, vectors=vectors, spacing=(2.0, 3.0, 4.0), directions=np.eye(3), origin=(0, 0, 0))
    whole = told(path)
    (item,) = whole["items"]
    # Central differences: 0 at nodes 8 and 11, -1 between; the determinant of the node is 1 + slope.
    assert item["jacobian"]["min"] == pytest.approx(-1)
    assert item["jacobian"]["nonpositive_fraction"] == pytest.approx(4 / 20)
    assert item["jacobian"]["nonpositive_volume_cm3"] == pytest.approx(4 * 5 * 4 * 24 / 1000)
    assert item["regions"]["folded"]["box_min_lps_mm"] == pytest.approx([16, 0, 0])
    assert item["regions"]["folded"]["box_max_lps_mm"] == pytest.approx([22, 12, 12])
    assert [one["code"] for one in whole["findings"]].count("reg-folding") == 1
    code, out, _ = run_quality(path)
    assert code == 0
    assert "80 nodes" in out


def test_the_text_says_the_same_numbers(run_quality, registration: Path) -> None:
    code, out, error = run_quality(registration)
    assert (code, error) == (0, "")
    flat = " ".join(out.split())
    lengths = np.linalg.norm((node_points() @ LINEAR.T + SHIFT).reshape(-1, 3), axis=1)
    assert "9 × 8 × 7 nodes" in flat
    assert f"largest {lengths.max():.4g} mm" in flat
    assert f"{DETERMINANT:.4g} to {DETERMINANT:.4g}" in flat
    assert "folded (determinant 0 or less) nowhere" in flat
    assert "Secret" not in out


# ---- Which items


def two_items(tmp_path: Path, broken: int = 0) -> Path:
    """Two deformable items, the second of half the vectors; the ``broken``-th cannot be used."""
    pydicom = pytest.importorskip("pydicom")
    dataset = pydicom.dcmread(write_linear(tmp_path / "one.dcm"))
    other = pydicom.dcmread(write_linear(tmp_path / "two.dcm", vectors=(node_points() @ LINEAR.T + SHIFT) / 2))
    dataset.DeformableRegistrationSequence.append(other.DeformableRegistrationSequence[0])
    if broken:
        grid = dataset.DeformableRegistrationSequence[broken - 1].DeformableRegistrationGridSequence[0]
        grid.GridResolution = [0.0, 1.0, 1.0]
    dataset.save_as(tmp_path / "both.dcm")
    return tmp_path / "both.dcm"


def test_all_items_are_measured_and_those_asked_for(told, tmp_path: Path) -> None:
    path = two_items(tmp_path)
    largest = np.linalg.norm(node_points() @ LINEAR.T + SHIFT, axis=-1).max()
    whole = {item["number"]: item["displacement_mm"]["max"] for item in told(path)["items"]}
    assert whole == pytest.approx({1: largest, 2: largest / 2}, abs=1e-4)
    assert [item["number"] for item in told(path, "--item", 2)["items"]] == [2]
    assert [item["number"] for item in told(path, "--item", 2, "--item", 1)["items"]] == [2, 1]


@pytest.mark.parametrize("number", ["3", "0", "-1"])
def test_an_item_that_is_not_there_is_refused(run_quality, tmp_path: Path, number: str) -> None:
    code, _, error = run_quality(two_items(tmp_path), f"--item={number}")
    assert code == 2
    assert f"no item {number}" in error


def test_a_broken_item_hides_neither_the_others_nor_itself(told, run_quality, tmp_path: Path) -> None:
    path = two_items(tmp_path, broken=1)
    whole = told(path)
    assert [item["number"] for item in whole["items"]] == [2]
    assert "reg-grid-invalid" in [one["code"] for one in whole["findings"]]
    _, out, _ = run_quality(path)
    assert "reg-grid-invalid" in out
    code, _, error = run_quality(path, "--item", 1)
    assert code == 2
    assert "item 1" in error


def test_a_matrix_is_measured_in_closed_form(told, run_quality, tmp_path: Path) -> None:
    # Into the registered frame: scaled by 1.1, 0.9 and 2; the way from registered to source is its inverse.
    matrix = rigid(30.0, (5.0, 6.0, -7.0)) @ np.diag([1.1, 0.9, 2.0, 1.0])
    path = write_matrices(tmp_path / "reg.dcm", {REGISTERED: np.eye(4), SOURCE: matrix})
    first, second = told(path)["items"]
    assert first["jacobian"]["min"] == pytest.approx(1)
    found = {name: second["jacobian"][name] for name in ("min", "max", "p1", "p99", "nonpositive_fraction")}
    one = 1 / (1.1 * 0.9 * 2)
    assert found == pytest.approx({"min": one, "max": one, "p1": one, "p99": one, "nonpositive_fraction": 0})
    assert second["displacement_mm"] is None
    assert second["bending_energy"] == 0
    np.testing.assert_allclose(second["bulk"]["affine"]["matrix_lps"], np.linalg.inv(matrix), atol=1e-6)
    code, out, _ = run_quality(path, "--csv", tmp_path / "table.csv")
    assert code == 0
    assert "Item 2: matrix" in out
    rows = list(csv.DictReader((tmp_path / "table.csv").open()))
    assert [row["item"] for row in rows] == ["1", "2"]
    assert float(rows[1]["jacobian_min"]) == pytest.approx(one)


def test_a_mirroring_matrix_folds_everywhere(told, tmp_path: Path) -> None:
    path = write_matrices(tmp_path / "reg.dcm", {SOURCE: np.diag([-1.0, 1.0, 1.0, 1.0])})
    (item,) = told(path)["items"]
    assert (item["jacobian"]["max"], item["jacobian"]["nonpositive_fraction"]) == (-1, 1)


def test_a_flat_matrix_without_grid_has_no_inverse(told, tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    dataset = pydicom.dcmread(write_linear(tmp_path / "a.dcm", post=np.diag([1.0, 1.0, 0.0, 1.0])))
    del dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence
    dataset.save_as(tmp_path / "flat.dcm")
    (item,) = told(tmp_path / "flat.dcm")["items"]
    assert item["jacobian"]["min"] == 0
    assert item["inverse_residual_mm"]["max"] is None
    assert item["inverse_residual_mm"]["not_found"] == item["inverse_residual_mm"]["samples"] > 0


# ---- Labels


@pytest.mark.parametrize("suffix", ["nrrd", "nii.gz", "mha"])
def test_each_label_is_measured_by_its_nodes(told, registration: Path, tmp_path: Path, suffix: str) -> None:
    labels = write_labels(tmp_path / f"labels.{suffix}", half_labels())
    (item,) = told(registration, "--labels", labels)["items"]
    vectors = node_points() @ LINEAR.T + SHIFT
    assert [one["name"] for one in item["labels"]] == ["label 1", "label 7"]
    for region, label in zip(item["labels"], (1, 7), strict=True):
        chosen = vectors[half_labels() == label]
        lengths = np.linalg.norm(chosen, axis=1)
        assert region["nodes"] == len(chosen)
        assert region["volume_cm3"] == pytest.approx(len(chosen) * SPACING.prod() / 1000, rel=1e-4)
        assert region["displacement_mm"] == pytest.approx(statistics(lengths, *region["displacement_mm"]), abs=1e-3)
        for axis, values in zip("RAS", (chosen * [-1, -1, 1]).T, strict=True):
            found = region["components_ras"][axis]
            assert found == pytest.approx(statistics(values, *found), abs=1e-3)
        assert region["jacobian"]["min"] == pytest.approx(DETERMINANT, abs=1e-4)
        assert region["jacobian"]["nonpositive_fraction"] == 0
        assert region["curl"]["max"] == pytest.approx(CURL, abs=1e-4)


def test_labels_of_another_lattice_need_no_resampling(told, registration: Path, tmp_path: Path) -> None:
    centre = node_points().reshape(-1, 3).mean(axis=0)
    labels = write_labels(tmp_path / "l.nrrd", np.full((30, 30, 30), 5, np.uint16), centre - 15, (1, 1, 1), np.eye(3))
    (region,) = told(registration, "--labels", labels)["items"][0]["labels"]
    inside = (np.abs(node_points() - (centre - 0.5)) < 15).all(axis=-1)
    assert (region["nodes"], region["volume_cm3"]) == (np.count_nonzero(inside), pytest.approx(27))


def test_labels_that_hold_nothing_or_lie_elsewhere_say_so(
    told, run_quality, registration: Path, tmp_path: Path
) -> None:
    empty = write_labels(tmp_path / "empty.nrrd", np.zeros((3, 4, 5), np.uint8))
    assert told(registration, "--labels", empty)["items"][0]["labels"] == []
    code, out, _ = run_quality(registration, "--labels", empty)
    assert code == 0
    assert "holds no label" in out
    far = write_labels(tmp_path / "far.nii.gz", np.ones((3, 4, 5), np.uint8), origin=(5000, 0, 0))
    (region,) = told(registration, "--labels", far)["items"][0]["labels"]
    assert (region["nodes"], region["volume_cm3"]) == (0, pytest.approx(60 * SPACING.prod() / 1000, rel=1e-4))
    assert set(region["jacobian"].values()) == {None}
    code, out, _ = run_quality(registration, "--labels", far, "--csv", tmp_path / "table.csv")
    assert code == 0
    (row,) = [row for row in csv.DictReader((tmp_path / "table.csv").open()) if row["label"]]
    assert (row["nodes"], row["displacement_max_mm"], row["jacobian_min"]) == ("0", "", "")


def test_labels_of_a_matrix_are_answered_with_a_sentence(told, run_quality, tmp_path: Path) -> None:
    path = write_matrices(tmp_path / "reg.dcm", {SOURCE: rigid(30.0, (5.0, 6.0, -7.0))})
    labels = write_labels(tmp_path / "labels.nrrd", half_labels())
    code, out, _ = run_quality(path, "--labels", labels)
    assert code == 0
    assert "what is told above holds in every label" in " ".join(out.split())
    assert "By label" not in run_quality(path)[1]


def test_without_labels_the_report_has_none(told, registration: Path) -> None:
    assert "labels" not in told(registration)["items"][0]


# ---- CSV and JSON


def test_the_table_has_a_row_for_each_item_and_label(run_quality, registration: Path, tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "labels.nrrd", half_labels())
    code, _, _ = run_quality(registration, "--labels", labels, "--csv", tmp_path / "table.csv")
    assert code == 0
    text = (tmp_path / "table.csv").read_text()
    assert text.startswith("item,label,nodes,volume_cm3,")
    whole, first, second = csv.DictReader(io.StringIO(text))
    vectors = node_points() @ LINEAR.T + SHIFT
    for row, chosen in ((whole, vectors.reshape(-1, 3)), (first, vectors[half_labels() == 1])):
        lengths = np.linalg.norm(chosen, axis=1)
        assert int(row["nodes"]) == len(chosen)
        assert float(row["displacement_max_mm"]) == pytest.approx(lengths.max(), abs=1e-3)
        assert float(row["R_mean_mm"]) == pytest.approx(-chosen[:, 0].mean(), abs=1e-3)
        assert float(row["jacobian_p99"]) == pytest.approx(DETERMINANT, abs=1e-4)
    assert [row["label"] for row in (whole, first, second)] == ["", "label 1", "label 7"]


def test_json_goes_to_a_file_beside_the_text(run_quality, told, registration: Path, tmp_path: Path) -> None:
    code, out, _ = run_quality(registration, "--json", tmp_path / "q.json")
    assert code == 0
    assert "Jacobian" in out
    assert json.loads((tmp_path / "q.json").read_text()) == told(registration)


def test_json_on_stdout_does_not_cost_the_table(told, registration: Path, tmp_path: Path) -> None:
    told(registration, "--csv", tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text().startswith("item,")


def test_the_table_can_go_to_stdout_alone(run_quality, registration: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = run_quality(registration, "--csv", "-")
    assert code == 0
    assert [row["item"] for row in csv.DictReader(io.StringIO(out))] == ["1"]
    assert not (tmp_path / "-").exists()
    assert run_quality(registration, "--csv", "-", "--json", "-")[0] == 2


@pytest.mark.parametrize("option", ["--json", "--csv"])
def test_what_is_no_report_is_not_overwritten(run_quality, registration: Path, tmp_path: Path, option: str) -> None:
    precious = tmp_path / "thesis.txt"
    precious.write_text("years of work")
    assert run_quality(registration, option, precious)[0] == 2
    assert precious.read_text() == "years of work"
    assert run_quality(registration, option, tmp_path)[0] == 2
    assert run_quality(registration, option, tmp_path / "none" / "x")[0] == 2
    assert run_quality(registration, option, tmp_path / "x")[0] == 0
    assert run_quality(registration, option, tmp_path / "x")[0] == 0


# ---- Landmarks


def landmark_file(path: Path, points: np.ndarray) -> Path:
    rows = "".join(f"P{n},{x!r},{y!r},{z!r}\n" for n, (x, y, z) in enumerate(points.tolist(), 1))
    path.write_text("name,x,y,z\n" + rows)
    return path


def test_landmarks_are_judged_before_and_after(told, run_quality, registration: Path, tmp_path: Path) -> None:
    fixed = np.vstack([inner_points(5), [[5000.0, 0, 0]]])
    moving = expected(fixed, PRE, POST) + [0, 3, 4]
    files = landmark_file(tmp_path / "f.csv", fixed), landmark_file(tmp_path / "m.csv", moving)
    found = told(registration, "--landmarks", *files)["items"][0]["landmarks"]
    assert found["before_mm"]["max"] == pytest.approx(np.linalg.norm(fixed - moving, axis=1).max())
    assert found["after_mm"] == pytest.approx(dict.fromkeys(("mean", "max", "p50", "p95", "rms"), 5), abs=1e-4)
    assert found["undefined"] == ["P6"]
    _, out, _ = run_quality(registration, "--landmarks", *files)
    assert "P6" in out
    assert "undefined" in out
