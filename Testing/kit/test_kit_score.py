"""``kit-score``: this project is right everywhere; each misreading is named where it shows, and never called right."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.kit import KitScore, score_kit
from DicomRegInspectorLib.kit.answers import kit_items
from DicomRegInspectorLib.kit.readings import MISREADINGS, answers_of
from DicomRegInspectorLib.kit.score import TOLERANCE_MM, VERDICTS
from readers import HEADER, asked, this_project, write_answers

ITEMS = {(made.file_name, number): (made, item) for made, number, item in kit_items()}


@cache
def misread(names: tuple[str, ...], key: tuple[str, int]) -> np.ndarray | None:
    """What a reader with these misreadings answers; None where they do not apply."""
    made, item = ITEMS[key]
    return answers_of(names, item.parts, [other.parts for other in made.items], item.points)


def scored(kit: Path, folder: Path, *names: str, objects: str = "") -> KitScore:
    """The score of a reader that misreads so what it can of objects whose names begin so; elsewhere it is right."""

    def reader(question):
        key = (question.path.name, question.item)
        answers = misread(names, key) if key[0].startswith(objects) else None
        return ITEMS[key][1].answers if answers is None else answers

    return score_kit(kit, write_answers(kit, reader, folder / "answers.csv"))


def off_mm(given: np.ndarray, right: np.ndarray) -> float:
    """Largest distance; infinite where one is defined and the other is not."""
    defined = np.isfinite(right).all(axis=1)
    if not np.array_equal(defined, np.isfinite(given).all(axis=1)):
        return np.inf
    return max(np.linalg.norm((given - right)[defined], axis=1), default=0.0)


def test_this_project_is_right_everywhere(kit: Path, tmp_path: Path) -> None:
    score = score_kit(kit, write_answers(kit, this_project, tmp_path / "answers.csv"))
    assert [item.title for item in score.items if item.verdict != "right"] == []
    assert score.total["right"] == len(list(asked(kit)))
    assert max(item.off_mm for item in score.items) < 1e-5


@pytest.mark.parametrize("name", [misreading.name for misreading in MISREADINGS])
def test_each_misreading_is_named_where_it_shows_and_never_called_right(kit: Path, tmp_path: Path, name: str) -> None:
    score = scored(kit, tmp_path, name)
    alone = 0
    for item in score.items:
        key = (item.object.file_name, item.number)
        answers = misread((name,), key)
        off = 0.0 if answers is None else off_mm(answers, ITEMS[key][1].answers)
        assert off < 1e-6 or off > 4 * TOLERANCE_MM, (key, off)  # nothing is nearly right
        if off < 1e-6:
            assert item.verdict == "right", key
        else:
            told = "misread" if np.isfinite(answers).any() else "unknown"
            assert item.verdict == told and (name,) in item.readings, (key, item.words)
            alone += item.readings == ((name,),)
    assert alone >= 2
    assert score.explanations[0][0] == (name,)


@pytest.mark.parametrize(
    ("objects", "names"),
    [
        ("grid-t", ("reversed", "orientation-rows")),
        ("pre-post-rigid", ("voxel-units", "matrices-ignored")),
        ("post-", ("axis-signs", "post-ignored")),
        ("pre-r", ("nearest", "pre-inverted")),
        ("chain-", ("matrices-by-column", "matrix-order")),
        ("items-", ("last-item-only", "reversed")),
        ("frames-", ("items-chained", "matrix-order")),
    ],
)
def test_two_misreadings_together_are_named(kit: Path, tmp_path: Path, objects: str, names: tuple[str, str]) -> None:
    score = scored(kit, tmp_path, *names, objects=objects)
    told = [item for item in score.items if any(set(names) == set(found) for found in item.readings)]
    assert len(told) >= 2
    for item in score.items:
        key = (item.object.file_name, item.number)
        answers = misread(names, key) if key[0].startswith(objects) else None
        assert item.verdict != "unknown" or answers is None
        if answers is not None and off_mm(answers, ITEMS[key][1].answers) > TOLERANCE_MM:
            assert item.verdict == "misread", key


def test_of_readings_with_the_same_points_all_are_told(kit: Path, tmp_path: Path) -> None:
    score = scored(kit, tmp_path, "voxel-units")
    (axial,) = (item for item in score.items if item.object.name == "grid-anisotropic")
    # On an axial grid the grid's axes are the patient's.
    assert set(axial.readings) == {("voxel-units",), ("voxel-units-unturned",)}
    assert axial.readings[0] == ("voxel-units",)  # which explains the oblique ones too
    assert "; or: " not in axial.words and " or: " in axial.words


def test_what_no_reading_explains_is_told_with_its_distance(kit: Path, tmp_path: Path) -> None:
    def reader(question):
        off = (0, 0, 2.5 * question.path.name.startswith(("grid-oblique", "chain-t")))
        return ITEMS[question.path.name, question.item][1].answers + off

    score = score_kit(kit, write_answers(kit, reader, tmp_path / "answers.csv"))
    unknown = [item for item in score.items if item.verdict != "right"]
    assert len(unknown) == 6 and {item.verdict for item in unknown} == {"unknown"}
    assert unknown[0].words == "none of the known readings: up to 2.5 mm off"
    assert {item.severity for item in unknown} == {"error"}


def test_a_small_deviation_is_right_within_its_size(kit: Path, tmp_path: Path) -> None:
    def reader(question):
        return ITEMS[question.path.name, question.item][1].answers + (0.02, 0, 0)

    path = write_answers(kit, reader, tmp_path / "answers.csv")
    assert {item.words for item in score_kit(kit, path).items} == {"right within 0.02 mm"}
    assert score_kit(kit, path, 0.021).total["right"] == len(ITEMS)


def test_no_answers_are_a_refusal_which_a_broken_object_allows(kit: Path, tmp_path: Path) -> None:
    path = write_answers(kit, lambda question: None, tmp_path / "answers.csv")
    score = score_kit(kit, path)
    assert score.total["refused"] == len(score.items)
    for item in score.items:
        assert item.severity == (None if item.object.broken else "warning")
        assert item.words.startswith("refused") and (item.object.broken in item.words)
    rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text(rows[0], encoding="utf-8")
    assert score_kit(kit, path).total == score.total
    numbers = score.to_dict()
    assert set(numbers["total"]) == set(VERDICTS) and len(numbers["items"]) == len(score.items)


# ---- Tables that are wrong ------------------------------------------------------------------------------------------


def rows_of(kit: Path) -> list[list[str]]:
    with open(kit / "answers.csv", encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def with_cell(column: int, value: str):
    def change(rows: list[list[str]]) -> list[list[str]]:
        return [rows[0], [*rows[1][:column], value, *rows[1][column + 1 :]], *rows[2:]]

    return change


WRONG = {
    "header": (lambda rows: [["x", "y", "z"], *rows[1:]], r"line 1: expected the header object,item,point,x,y,z,"),
    "empty": (lambda rows: [], "line 1: expected the header"),
    "unknown object": (with_cell(0, "other.dcm"), r"line 2: the kit has no object 'other.dcm'"),
    "unknown item": (with_cell(1, "7"), r"line 2: grid-axial.dcm has no item 7"),
    "item no number": (with_cell(1, "one"), r"line 2: item is 'one'; expected a whole number"),
    "unknown point": (with_cell(2, "99"), r"item 1 of grid-axial.dcm has no point 99; they are 1 to 12"),
    "another point": (with_cell(3, "1000"), r"line 2: point 1 of item 1 of grid-axial.dcm is \("),
    "no number": (with_cell(6, "left"), r"line 2: \(left, .* are not three numbers in mm"),
    "half an answer": (with_cell(6, ""), r"line 2: \(nothing, .* are not three numbers in mm"),
    "twice": (lambda rows: [*rows[:2], rows[1], *rows[2:]], r"line 3: point 1 of item 1 of grid-axial.dcm is there tw"),
    "missing rows": (lambda rows: [rows[0], *rows[3:]], r"has 10 answers and none for point 1, 2; answer all 12"),
    "columns": (lambda rows: [rows[0], rows[1][:5], *rows[2:]], r"line 2: expected 9 columns; found 5"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_table_is_told_in_one_sentence(kit: Path, tmp_path: Path, what: str) -> None:
    change, said = WRONG[what]
    path = tmp_path / "answers.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(change(rows_of(kit)))
    with pytest.raises(UsageError, match=said) as raised:
        score_kit(kit, path)
    assert "\n" not in str(raised.value) and str(raised.value).startswith(str(path))


def test_what_is_no_text_or_not_there_is_told(kit: Path, tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    with pytest.raises(UsageError, match="cannot be read"):
        score_kit(kit, path)
    path.write_bytes(b"\xff\xfe\x00,")
    with pytest.raises(UsageError, match=r"is not text"):
        score_kit(kit, path)


def test_spreadsheets_line_ends_and_marks_are_taken(kit: Path, tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    text = (kit / "answers.csv").read_text(encoding="utf-8")
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode("utf-8"))
    assert score_kit(kit, path).total == {"right": len(ITEMS)}
    assert text.splitlines()[0] == ",".join(HEADER)


def test_a_folder_without_this_versions_kit_is_refused(kit: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no conformance kit"):
        score_kit(tmp_path, kit / "answers.csv")
    text = (kit / "answers.csv").read_text(encoding="utf-8")
    (tmp_path / "answers.csv").write_text(text.replace("grid-axial", "grid-other"), encoding="utf-8")
    with pytest.raises(UsageError, match="is not the table of this version's kit"):
        score_kit(tmp_path, kit / "answers.csv")


@pytest.mark.parametrize("tolerance", [0.0, -1.0, 5.0, float("nan")])
def test_a_tolerance_that_tells_nothing_apart_is_refused(kit: Path, tolerance: float) -> None:
    with pytest.raises(UsageError, match="the tolerance is"):
        score_kit(kit, kit / "answers.csv", tolerance)
