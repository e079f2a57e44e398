"""The strips of slice positions: what they show before and after, drawn to scale, and drawn again when that changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib.panel.selftests.files import write_ct_stack
from panel_steps import inspect
from slicer_standin import pythonqt

IRREGULAR_MM = (0.0, 2.0, 4.0, 6.0, 8.0, 30.0, 32.0, 34.0, 34.5, 36.0, 38.0, 38.0, 40.0)
"""A gap of 22 mm, a slice between 34 and 36 mm, and two slices at 38 mm."""
WIDTH = 400
INK = (10, 20, 30)


def strips(folder: Path, positions: Any, mode: str = "acquisition", **options: Any) -> Any:
    from DicomRegInspectorLib.panel.series.strip_places import strips_of
    from DicomRegInspectorLib.series.regularize.options import RegularizeOptions
    from DicomRegInspectorLib.series.regularize.plan import plan
    from DicomRegInspectorLib.tasks.inspect import inspect_paths

    write_ct_stack(folder, positions)
    told = plan(inspect_paths(folder).series[0], RegularizeOptions(mode, **options))
    return strips_of(told.stack, told)


def places(lane: Any, kind: str = "slice") -> list[float]:
    return [place for place, one in lane.slices if one == kind]


def test_before_has_slices_where_headers_say_and_marks_what_is_wrong(application: Any, tmp_path: Path) -> None:
    from DicomRegInspectorLib.panel.series.strip_places import Mark

    before = strips(tmp_path, IRREGULAR_MM).before
    assert places(before) == [*IRREGULAR_MM[:11], 40.0]
    assert places(before, "dropped") == [38.0]
    gap, first, second = before.marks
    assert gap == Mark(8.0, 30.0, "gap")
    assert (first, second) == (Mark(34.0, 34.5, "overlap"), Mark(34.5, 36.0, "overlap"))


def test_after_resampling_has_planes_and_fill_values(application: Any, tmp_path: Path) -> None:
    after = strips(tmp_path, IRREGULAR_MM, "resample").after
    assert places(after, "filled") == [10.0 + 2 * number for number in range(10)]
    assert places(after) == [*range(0, 10, 2), *range(30, 42, 2)]
    assert after.marks == ()


def test_after_the_acquisition_transform_slices_stay_too_close(application: Any, tmp_path: Path) -> None:
    after = strips(tmp_path, IRREGULAR_MM).after
    assert [mark.kind for mark in after.marks] == ["overlap", "overlap"]
    assert strips(tmp_path / "bridged", IRREGULAR_MM, max_gap=20).after.marks[0].kind == "gap"


def test_after_splitting_volumes_stand_apart(application: Any, tmp_path: Path) -> None:
    after = strips(tmp_path, (0, 2, 4, 6, 30, 32, 34), "split").after
    assert after.volumes == ((pytest.approx(0.0), pytest.approx(6.0)), (pytest.approx(30.0), pytest.approx(34.0)))


def test_after_cropping_the_rest_is_marked_as_left_out(application: Any, tmp_path: Path) -> None:
    made = strips(tmp_path, (0, 2, 4, 6, 30, 32, 34), "crop")
    assert places(made.before, "dropped") == [30.0, 32.0, 34.0]
    np.testing.assert_allclose(places(made.after), [0, 2, 4, 6], atol=1e-9)
    assert made.after.volumes == ()


def test_words_and_legend_name_what_there_is_and_nothing_else(application: Any, tmp_path: Path) -> None:
    from DicomRegInspectorLib.panel.series.strip_places import legend_of, strips_in_words

    made = strips(tmp_path / "irregular", IRREGULAR_MM, "resample")
    assert strips_in_words(made) == (
        "Before: 13 slices over 40.0 mm; gaps: 1; slices too close: 2; left out: 1. After: 11 slices; slices of the "
        "fill value: 10. Both to the same scale."
    )
    signs = [one.replace("\N{NO-BREAK SPACE}", " ") for one in legend_of(made).split("   ")]
    assert signs == ["│ slice", "┊ fill value", "× left out", "├─┤ gap", "▼ too close"]
    regular = strips(tmp_path / "regular", (0, 2, 4, 6), "resample")
    assert legend_of(regular) == "│\N{NO-BREAK SPACE}slice"


@pytest.mark.parametrize(
    ("cosines", "ends"),
    [([1, 0, 0, 0, 1, 0], ("I", "S")), ([1, 0, 0, 0, 0, -1], ("A", "P")), ([0, 1, 0, 0, 0, -1], ("L", "R"))],
)
def test_ends_are_named_by_the_patients_sides(
    application: Any, tmp_path: Path, cosines: list[int], ends: tuple[str, str]
) -> None:
    """DICOM's x runs to the left, y to the back, z to the head."""
    import pydicom
    from DicomRegInspectorLib.panel.series.strip_places import strips_of
    from DicomRegInspectorLib.tasks.inspect import inspect_paths

    write_ct_stack(tmp_path, (0, 2, 4))
    normal = np.cross(cosines[:3], cosines[3:])
    for number, path in enumerate(sorted(tmp_path.glob("*"))):
        dataset = pydicom.dcmread(path)
        dataset.ImageOrientationPatient = cosines
        dataset.ImagePositionPatient = (2.0 * number * normal).tolist()
        dataset.save_as(path)
    assert strips_of(inspect_paths(tmp_path).series[0].main_stack, None).ends == ends


def drawn(made: Any, width: int = WIDTH, ratio: float = 1.0, points: int = 0) -> Any:
    import qt
    from DicomRegInspectorLib.panel.series.strip import draw_strips

    font = qt.QFont()
    if points:
        font.setPointSize(points)
    return draw_strips(made, width, qt.QColor(*INK), font, ("Before", "After"), ratio).toImage()


def columns(image: Any, row: int, colour: tuple[int, int, int], alpha: int = 255) -> list[int]:
    pixels = [image.pixelColor(column, row) for column in range(image.width())]
    return [n for n, one in enumerate(pixels) if (one.red(), one.green(), one.blue(), one.alpha()) == (*colour, alpha)]


def expected(place: float, span: float = 40.0) -> float:
    """Where a place is drawn: titles to the left, a margin to the right."""
    from DicomRegInspectorLib.panel.series.strip import MARGIN, TITLE_WIDTH

    return TITLE_WIDTH + place / span * (WIDTH - MARGIN - TITLE_WIDTH)


def test_lines_and_signs_are_drawn_to_scale(application: Any, tmp_path: Path) -> None:
    from DicomRegInspectorLib.panel.series.strip import GAP_COLOUR, LANE_HEIGHT, LINE_TOP, OVERLAP_COLOUR, SIGN_BOTTOM

    image = drawn(strips(tmp_path, IRREGULAR_MM, "resample"))
    lines = [column for column in columns(image, LINE_TOP + 1, INK) if column > 45]
    np.testing.assert_allclose(lines, [expected(place) for place in (*IRREGULAR_MM[:10], 38.0, 40.0)], atol=1)
    gap = columns(image, SIGN_BOTTOM - 2, GAP_COLOUR)
    assert (gap[0], gap[-1]) == (pytest.approx(expected(8), abs=2), pytest.approx(expected(30), abs=2))
    assert len(gap) == gap[-1] - gap[0] + 1
    assert columns(image, SIGN_BOTTOM - 2, OVERLAP_COLOUR)
    after = [column for column in columns(image, LANE_HEIGHT + LINE_TOP + 5, INK) if column > 45]
    np.testing.assert_allclose(after, [expected(place) for place in (*range(0, 10, 2), *range(30, 42, 2))], atol=1)


def test_a_large_font_s_titles_end_before_the_lines_begin(application: Any, tmp_path: Path) -> None:
    from DicomRegInspectorLib.panel.series.strip import LINE_TOP
    from PySide6 import QtGui

    image = drawn(strips(tmp_path, IRREGULAR_MM), width=2 * WIDTH, points=24)
    font = QtGui.QFont()
    font.setPointSize(24)
    title = QtGui.QFontMetrics(font).boundingRect("Before").width()
    assert title > 52
    lines = [column for column in columns(image, LINE_TOP + 1, INK) if column >= title]
    assert len(lines) == len(set(IRREGULAR_MM))


def test_a_regular_stack_too_dense_for_lines_shows_no_false_gaps(application: Any, tmp_path: Path) -> None:
    from DicomRegInspectorLib.panel.series.strip import LINE_TOP

    image = drawn(strips(tmp_path, [0.5 * number for number in range(260)]))
    lines = [column for column in columns(image, LINE_TOP + 1, INK) if column > 45]
    assert lines == list(range(lines[0], lines[-1] + 1))


def test_a_dense_stack_still_shows_its_gap(application: Any, tmp_path: Path) -> None:
    from DicomRegInspectorLib.panel.series.strip import LINE_TOP

    positions = [0.5 * number for number in range(260) if not 100 <= number < 112]
    image = drawn(strips(tmp_path, positions))
    lines = np.array([column for column in columns(image, LINE_TOP + 1, INK) if column > 45])
    (jump,) = np.flatnonzero(np.diff(lines) > 1)
    assert lines[jump] == pytest.approx(expected(49.5, 129.5), abs=1.5)
    assert lines[jump + 1] == pytest.approx(expected(56.0, 129.5), abs=1.5)


def test_picture_has_the_pixels_of_the_screen(application: Any, tmp_path: Path) -> None:
    made = strips(tmp_path, IRREGULAR_MM)
    one, two = drawn(made), drawn(made, ratio=2.0)
    assert (two.width(), two.height()) == (2 * one.width(), 2 * one.height())
    assert two.devicePixelRatio() == 2.0


def picture(ui: Any) -> Any:
    return pythonqt.unwrap(ui.stripLabel).pixmap().toImage()


@pytest.fixture
def shown(application: Any, ui: Any, tmp_path: Path) -> Any:
    """The panel on the screen with an irregular stack."""
    write_ct_stack(tmp_path, IRREGULAR_MM)
    window = pythonqt.unwrap(application.modules.dicomreginspector.widgetRepresentation())
    size = window.size()
    window.resize(420, 1400)
    window.show()
    inspect(ui, tmp_path)
    application.app.processEvents()
    yield ui, window
    window.hide()
    window.resize(size)


def test_strips_follow_the_width_of_the_panel(application: Any, shown: Any) -> None:
    ui, window = shown
    label = pythonqt.unwrap(ui.stripLabel)
    assert picture(ui).width() == label.width()
    window.resize(700, 1400)
    application.app.processEvents()
    assert label.width() > 500
    assert picture(ui).width() == label.width()


def test_strips_follow_the_colours_of_the_theme(application: Any, shown: Any) -> None:
    from PySide6 import QtGui, QtWidgets

    ui, _window = shown
    palette = QtGui.QPalette()
    palette.setColor(QtGui.QPalette.ColorRole.WindowText, QtGui.QColor(230, 231, 232))
    try:
        QtWidgets.QApplication.setPalette(palette)
        application.app.processEvents()
        assert columns(picture(ui), 3, (230, 231, 232))
    finally:
        QtWidgets.QApplication.setPalette(QtGui.QPalette())
        application.app.processEvents()
    assert not columns(picture(ui), 3, (230, 231, 232))


def test_strip_says_in_words_what_it_shows(shown: Any) -> None:
    ui, _window = shown
    assert ui.stripLabel.toolTip.startswith("Before: 13 slices over 40.0 mm; gaps: 1; slices too close: 2")
    assert ui.stripLabel.accessibleDescription == ui.stripLabel.toolTip
    assert "fill\N{NO-BREAK SPACE}value" in ui.legendLabel.text
