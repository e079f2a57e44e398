"""Each recipe of the cookbook, run as it stands, on the sample data it names."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from documents import DOCS, with_outputs
from recipes import run_python, same_text

COOKBOOK = DOCS / "cookbook.md"
RECIPES = {
    block.heading: (block, output) for block, output in with_outputs(COOKBOOK, "python") if len(block.headings) == 3
}
IN_SLICER = "In Slicer's Python console"


def check_find_gaps(space: dict[str, Any], here: Path) -> None:
    assert [one.code for one in space["inspection"].findings if one.severity == "error"] == [
        "duplicate-position", "slice-gap", "spacing-change",
    ]  # fmt: skip


def check_csv(space: dict[str, Any], here: Path) -> None:
    with (here / "findings.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(space["inspection"].findings) == 7
    assert all(row["remedy"].endswith(".") for row in rows)


def check_map_back(space: dict[str, Any], here: Path) -> None:
    np.testing.assert_allclose(space["back"].points, [[60.0, 10.0, -20.0]], atol=1e-3)


def check_read_another_way(space: dict[str, Any], here: Path) -> None:
    point = space["point"]
    np.testing.assert_allclose(space["repaired"].item.map_points(point), space["right"].map_points(point), atol=1e-3)


def check_labels(space: dict[str, Any], here: Path) -> None:
    (region,) = space["item"].regions
    assert region.nodes > 100


def check_regular(space: dict[str, Any], here: Path) -> None:
    import SimpleITK

    image = SimpleITK.ReadImage(str(here / "head.nrrd"))
    assert image.GetSpacing()[2] == pytest.approx(3.0)
    assert image.GetSize() == space["result"].volume.dimensions


def check_written(space: dict[str, Any], here: Path) -> None:
    assert len(list((here / "head-regular").iterdir())) == len(space["written"].paths) > 40


def check_corrected(space: dict[str, Any], here: Path) -> None:
    assert space["corrected"].largest_move_mm < 0.001
    assert len(list((here / "corrected").iterdir())) == 46


def check_same_image(space: dict[str, Any], here: Path) -> None:
    assert space["comparison"].same_physical_image


def check_pixels(space: dict[str, Any], here: Path) -> None:
    assert len(space["report"].files) == 134 and space["report"].findings == ()


def check_saved(space: dict[str, Any], here: Path) -> None:
    import SimpleITK

    point = [60.0, 10.0, -20.0]
    mapped = space["registration"].items[0].map_points([point])[0]
    transform = SimpleITK.ReadTransform(str(here / "transform.h5"))
    np.testing.assert_allclose(transform.TransformPoint(point), mapped, atol=1e-3)
    field = SimpleITK.ReadImage(str(here / "field.nrrd"), SimpleITK.sitkVectorFloat64)
    by_field = SimpleITK.DisplacementFieldTransform(field)
    np.testing.assert_allclose(by_field.TransformPoint(point), mapped, atol=1e-3)
    assert (here / "scene.mrb").stat().st_size > 1000


def check_placed(space: dict[str, Any], here: Path) -> None:
    """A point of the moving image appears where the registration takes the fixed image's point from."""
    from DicomRegInspectorLib import read_registration

    item = read_registration("samples/registration-pair/registration.dcm").items[0]
    fixed = np.array([60.0, 10.0, -20.0])
    source = item.map_points([fixed])[0]
    flip = np.array([-1, -1, 1])
    shown = [0.0, 0.0, 0.0]
    space["moving"].TransformPointToWorld((source * flip).tolist(), shown)
    np.testing.assert_allclose(np.array(shown) * flip, fixed, atol=1e-2)
    assert space["moving"].GetParentTransformNode() is space["node"]


def check_table(space: dict[str, Any], here: Path) -> None:
    assert space["table"].GetNumberOfRows() == 7


def check_loaded_regular(space: dict[str, Any], here: Path) -> None:
    assert space["placed"].GetParentTransformNode().GetClassName() == "vtkMRMLGridTransformNode"
    assert space["resampled"].GetSpacing()[2] == pytest.approx(3.0)
    assert len(space["sections"]) == 3


def check_measured(space: dict[str, Any], here: Path) -> None:
    assert space["quality"].audit.verdict == "standard"
    assert space["tables"].measures.GetNumberOfRows() > 10


def check_shown(space: dict[str, Any], here: Path) -> None:
    assert space["shown"].volumes.magnitude.GetImageData().GetScalarRange()[1] == pytest.approx(13.97, abs=0.5)


def check_linear(space: dict[str, Any], here: Path) -> None:
    assert space["changed"] == [], "nothing was opened from a file; Testing/scene/test_scene_reopened.py opens scenes"


def check_report(space: dict[str, Any], here: Path) -> None:
    text = (here / "report.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>") and "slice-gap" in text and "Nobody" not in text


CHECKS = {
    "Write a report": check_report,
    "Find gaps, overlaps and other irregular places": check_find_gaps,
    "List findings as CSV": check_csv,
    "Map points back": check_map_back,
    "Read it in another way": check_read_another_way,
    "Measure it in each label": check_labels,
    "Make an irregular series regular, and save it": check_regular,
    "Write a regular series as DICOM": check_written,
    "Put rounded positions right": check_corrected,
    "Are two volumes the same image?": check_same_image,
    "Check pixels before anything is loaded": check_pixels,
    "Save a registration for ITK and others": check_saved,
    "Build a Slicer scene without Slicer": check_placed,
    "Inspect a folder into a table": check_table,
    "Load a registration and put the moving image under it": check_placed,
    "Load an irregular series regularized": check_loaded_regular,
    "Measure any transform of the scene": check_measured,
    "Show where a deformation is long, compresses or folds": check_shown,
    "Keep the standard's interpolation in a scene that was saved": check_linear,
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_runs_prints_what_the_page_shows_and_does_what_it_says(
    name: str, here: Path, request: pytest.FixtureRequest
) -> None:
    block, output = RECIPES[name]
    if IN_SLICER in block.headings:
        request.getfixturevalue("slicer_application")
    space, printed = run_python(block)
    if output is not None:
        assert same_text(output, printed), printed
    assert output is not None or name in CHECKS, "a recipe is checked by what it prints or by what it leaves"
    if name in CHECKS:
        CHECKS[name](space, here)


def test_no_check_is_left_of_a_recipe_that_is_gone() -> None:
    assert set(CHECKS) <= set(RECIPES) and len(RECIPES) >= 20
