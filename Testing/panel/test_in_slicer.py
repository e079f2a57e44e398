"""What ``Testing/in_slicer`` tries in the application: nothing can be forgotten, and its judgements can fail."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from DicomRegInspectorLib.findings import CODES
from panel_states import KINDS

TESTING = Path(__file__).resolve().parents[1]


@pytest.fixture
def trying(application: Any, widget: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package, importable as its run.py makes it, and a record without pictures."""
    rooms = ("manual", "registration", "series", "relations", "structures")
    monkeypatch.setattr(sys, "path", [str(TESTING), *sys.path, *(str(TESTING / room) for room in rooms)])
    from in_slicer.record import Record

    return Record(None, set())


def test_every_code_of_the_registry_is_visited(trying: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from in_slicer import finding_walk

    visited: list[str] = []
    monkeypatch.setattr(finding_walk, "_study", lambda widget, place, code, maker: code)
    monkeypatch.setattr(finding_walk, "_visit", lambda record, study, told: visited.append(study))
    finding_walk.walk_findings(trying, tmp_path)
    assert list(dict.fromkeys(visited)) == list(CODES)
    assert all(row.passed for row in trying.rows)


def test_a_code_without_an_example_does_not_pass(trying: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from in_slicer import finding_walk

    monkeypatch.setattr(finding_walk, "CODES", {"new-code": None})
    finding_walk.walk_findings(trying, tmp_path)
    assert [(row.name, row.passed) for row in trying.rows] == [("new-code", False)]
    assert trying.tell() == 1


def test_every_control_of_the_files_is_operated(trying: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from in_slicer import control_walk

    operated: list[str] = []
    for name in ("_operate", "_stop"):
        monkeypatch.setattr(control_walk, name, lambda record, walker, control: operated.append(control))
    monkeypatch.setattr(control_walk.ApplicationWalker, "alone", lambda self: tempfile.TemporaryDirectory())
    control_walk.walk_controls(trying, tmp_path)
    assert operated == list(KINDS)


@pytest.mark.parametrize(
    ("code", "face", "shown", "repaired"),
    [
        ("slice-gap", "inspected", "shown: ", "repaired: Loaded"),
        ("reg-tag-order", "inspected", "not shown: This finding is about a file", "no repair: There is no repair"),
        ("rescale-varies", "pixels checked", "shown: ", "no repair: "),
        ("reg-landmarks-off", "measured", "shown: ", "no repair: "),
        ("reg-direction-suspect", "put among the findings", "shown: ", "repaired: Loaded"),
    ],
)
def test_a_code_is_found_shown_and_repaired(
    trying: Any, tmp_path: Path, code: str, face: str, shown: str, repaired: str
) -> None:
    from in_slicer import finding_walk

    trying._names.add(code)
    finding_walk.walk_findings(trying, tmp_path)
    told = trying.rows[-1].told.split("; ", 1)
    assert trying.rows[-1].passed
    assert told[0] == face
    assert told[1].startswith(shown)
    assert repaired in told[1]


def test_numbers_of_nodes_are_compared_and_a_wrong_one_is_seen(
    trying: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from in_slicer import numbers_in_scene

    trying._names.add("known field")
    monkeypatch.setattr(numbers_in_scene, "make_samples", lambda folder: folder)
    numbers_in_scene.compare_numbers(trying, tmp_path / "right")
    assert [row.passed for row in trying.rows] == [True, True]
    through = numbers_in_scene._through
    monkeypatch.setattr(numbers_in_scene, "_through", lambda node, points: through(node, points) + [0, 0, 1e-3])
    numbers_in_scene.compare_numbers(trying, tmp_path / "wrong")
    assert [row.passed for row in trying.rows[2:]] == [False, False]


def test_what_a_slot_raises_does_not_pass(trying: Any) -> None:
    with trying.watching(), trying.trying("slot"):
        sys.excepthook(ValueError, ValueError("in a slot"), None)
    with trying.watching(), trying.trying("box"):
        sys.modules["slicer"].util.errorDisplay("in a box")
    assert [(row.passed, row.told) for row in trying.rows] == [(False, "ValueError: in a slot"), (False, "in a box")]


def sleep_here(seconds: float) -> None:
    time.sleep(seconds)


def test_a_pause_is_told_apart_by_the_function_that_it_passes_in(trying: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """0.2 s in what counts as the views', and 0.1 s outside of it."""
    from in_slicer import event_loop_watch

    monkeypatch.setattr(event_loop_watch, "VIEWS", {(Path(__file__).name, "sleep_here")})
    with event_loop_watch.EventLoopWatch() as watch:
        sleep_here(0.2)
        time.sleep(0.1)
    (pause,) = watch.pauses
    assert pause.seconds - pause.own_seconds == pytest.approx(0.2, abs=0.1)
    assert pause.own_seconds == pytest.approx(0.1, abs=0.05)
    assert "test_a_pause_is_told_apart_by_the_function_that_it_passes_in" in pause.where
