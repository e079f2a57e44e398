"""``quality --structures`` from the command line: every kind of file, pairs, verdicts and bad input."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib.samples.quality_phantom import REGISTRATION, write_quality_phantom

Told = Callable[..., dict]


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom")
    write_quality_phantom(folder)
    return folder


def structures(phantom: Path) -> list[object]:
    return ["--structures", phantom / "structures-fixed.dcm", phantom / "structures-moving.dcm"]


def labels(path: Path, boxes: list[tuple[slice, slice, slice]], origin: tuple[float, float, float]) -> Path:
    """A label volume of 2 mm voxels; boxes along k, j and i, numbered from 1."""
    sitk = pytest.importorskip("SimpleITK")
    array = np.zeros((30, 30, 60), np.uint8)
    for number, box in enumerate(boxes, start=1):
        array[box] = number
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((2.0, 2.0, 2.0))
    image.SetOrigin(origin)
    sitk.WriteImage(image, str(path))
    return path


def test_the_report_tells_each_pair_and_what_was_checked(phantom: Path, told: Told, run_quality) -> None:
    found = told(phantom / REGISTRATION, *structures(phantom))
    (item,) = found["items"]
    assert [pair["name"] for pair in item["structures"]] == ["Liver", "Kidney", "Bladder", "Node"]
    assert [pair["partner"] for pair in item["structures"]] == ["LIVER", "KIDNEY", "BLADDER", "NODE"]
    assert (item["structures_unpaired"], item["structures_remarks"]) == ([], [])
    assert "structures" in {check["check"] for check in found["coverage"]["checks"]}
    _, out, _ = run_quality(phantom / REGISTRATION, *structures(phantom))
    assert "how well structures agree" in out
    (line,) = [line.split() for line in out.splitlines() if line.split()[:1] == ["Kidney"] and len(line.split()) > 7]
    assert line[1:7] == ["0.666", "0.9", "0.517", "2", "2", "2"]


def test_labels_of_any_format_are_compared_and_paired_by_what_is_said(
    phantom: Path, tmp_path: Path, told: Told
) -> None:
    """The phantom's liver as a label, which has another name than the contours of the source frame."""
    fixed = labels(tmp_path / "fixed.nrrd", [(slice(5, 25), slice(5, 25), slice(5, 25))], (-59, -29, -29))
    pair = ["--structures", fixed, phantom / "structures-moving.dcm", "--pairs", "label 1=Liver"]
    (compared,) = told(phantom / REGISTRATION, *pair)["items"][0]["structures"]
    assert (compared["name"], compared["partner"]) == ("label 1", "LIVER")
    assert compared["voxel_mm"] == [2, 2, 2]
    assert (compared["after"]["dice"], compared["after"]["hausdorff_mm"]) == (1, 0)
    assert compared["fixed_volume_cm3"] == pytest.approx(64)


def test_structures_that_are_left_apart_make_the_exit_code(phantom: Path, tmp_path: Path, run_quality) -> None:
    where = [(slice(5, 15), slice(5, 15), slice(5, 15))]
    fixed = labels(tmp_path / "fixed.nrrd", where, (-59, -29, -29))
    far = labels(tmp_path / "far.nrrd", where, (-41, -29, -29))
    arguments = [phantom / REGISTRATION, "--structures", fixed, far]
    assert run_quality(*arguments)[0] == 0
    code, out, _ = run_quality(*arguments, "--fail-on", "warning", "--quiet")
    assert code == 1
    assert "reg-structures-off" in out or "lie more than 3 mm off" in out


def test_what_cannot_be_compared_is_refused_in_a_line(phantom: Path, tmp_path: Path, run_quality) -> None:
    fixed, moving = phantom / "structures-fixed.dcm", phantom / "structures-moving.dcm"
    registration = phantom / REGISTRATION
    for pair, words in (
        ([moving, fixed], "name them the other way round"),
        ([fixed, phantom / "fixed"], "is a folder"),
        ([fixed, registration], "neither an RT Structure Set nor a Segmentation"),
        ([fixed, phantom / "landmarks-fixed.csv"], "is not a volume"),
        ([fixed, tmp_path / "nowhere.dcm"], "nowhere.dcm"),
    ):
        code, _, err = run_quality(registration, "--structures", *pair)
        assert code == 2
        assert words in err, err
    code, _, err = run_quality(registration, "--structures", fixed, moving, "--pairs", "Spleen=Liver")
    assert code == 2
    assert "has no structure 'Spleen'" in err


def test_a_matrix_compares_structures_too(phantom: Path, tmp_path: Path, told: Told) -> None:
    """The phantom's translation alone, as a matrix: no field to look at inside, and the boxes it does not stretch."""
    matrix = np.eye(4)
    matrix[:3, 3] = (6, -4, 8)
    path = tmp_path / "shift.txt"
    np.savetxt(path, matrix)
    found = told(path, "--maps", "registered-to-source", "--coordinates", "lps", *structures(phantom))
    liver = found["items"][0]["structures"][0]
    assert liver["jacobian"] is None
    # [-50, -10] and its image by the field, [-48, -8] without the shift, along x; y and z are as in the field.
    shared = (40 - 2) * (40 - 2) * (40 - 2)
    assert liver["after"]["dice"] == pytest.approx(shared / 40**3)


def test_json_holds_no_number_that_is_none(phantom: Path, tmp_path: Path, run_quality) -> None:
    place = tmp_path / "told.json"
    run_quality(phantom / REGISTRATION, *structures(phantom), "--json", place)
    assert "NaN" not in place.read_text()
    assert json.loads(place.read_text())["items"][0]["structures"][0]["after"]["from_fixed_mm"]["p95"] == 0


def test_the_table_has_a_row_for_each_structure(phantom: Path, run_quality) -> None:
    code, out, _ = run_quality(phantom / REGISTRATION, *structures(phantom), "--csv", "-")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["label"] for row in rows] == ["", "Liver", "Kidney", "Bladder", "Node"]
    kidney = rows[2]
    names = ("dice", "hausdorff_mm", "volume_cm3", "source_volume_cm3")
    assert [float(kidney[name]) for name in names] == pytest.approx([0.9, 2, 8, 7.128])
    assert float(kidney["jacobian_min"]) == pytest.approx(0.703, abs=1e-3)
    assert kidney["nodes"].isdigit()
    assert rows[0]["dice"] == ""
