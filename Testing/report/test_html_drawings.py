"""What is drawn in the HTML report is to scale: slices, marks, bars."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.registration.measures.histograms import edges_between, histogram, jacobian_histogram
from DicomRegInspectorLib.report.html.charts import bar_height, histogram_figure
from DicomRegInspectorLib.report.html.strip import MARGIN
from DicomRegInspectorLib.tasks.inspect import inspect_paths
from page_reading import Node
from report_objects import POSITIONS, report, write_folding, write_irregular


def percent(node: Node, name: str) -> float:
    value = node.attributes[name]
    assert value.endswith("%")
    return float(value[:-1])


def millimetres_of(page: Node, positions: np.ndarray, places: list[float]) -> np.ndarray:
    """Places in percent, as millimetres by the drawing's two ends."""
    return positions[0] + (np.array(places) - MARGIN) / (100 - 2 * MARGIN) * np.ptp(positions)


def test_slices_of_a_real_ct_are_drawn_where_their_headers_say(tilted_irregular_ct: Path, tmp_path: Path) -> None:
    page = report(tilted_irregular_ct, tmp_path / "report.html")
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in tilted_irregular_ct.glob("*.dcm")]
    row, column = np.array(headers[0].ImageOrientationPatient, float).reshape(2, 3)
    positions = np.sort([np.cross(row, column) @ np.array(one.ImagePositionPatient, float) for one in headers])
    drawn = [percent(line, "x1") for line in page.one("svg", "strip").all("line", "slice")]
    assert len(drawn) == 28
    assert millimetres_of(page, positions, drawn) == pytest.approx(positions, abs=np.ptp(positions) * 1e-6)
    # The overlap of 1.08 mm between slices 14 and 15 is marked in its middle.
    (sign,) = page.one("svg", "strip").all("svg", "overlap")
    assert millimetres_of(page, positions, [percent(sign, "x")])[0] == pytest.approx(positions[13:15].mean(), abs=1e-3)


def test_gaps_overlaps_and_duplicates_have_colour_and_shape_and_a_legend(tmp_path: Path) -> None:
    page = report(write_irregular(tmp_path / "data"), tmp_path / "report.html")
    drawing, positions = page.one("svg", "strip"), np.array(POSITIONS)
    gaps = [
        tuple(millimetres_of(page, positions, [percent(one, "x"), percent(one, "x") + percent(one, "width")]))
        for one in drawing.all("rect", "gap-area")
    ]
    assert gaps == [pytest.approx((4, 8), abs=1e-3), pytest.approx((14, 30), abs=1e-3)]
    assert all(one.attributes["fill"] == "url(#hatch-gap)" for one in drawing.all("rect", "gap-area"))
    (duplicate,) = drawing.all("svg", "duplicate")
    assert millimetres_of(page, positions, [percent(duplicate, "x")])[0] == pytest.approx(4, abs=1e-3)
    assert len(drawing.all("svg", "overlap")) == 2
    shapes = {one.one("path").attributes["d"] for one in drawing.all("svg", "sign")}
    assert len(shapes) == 2
    assert len(page.one("ul", "legend").all("li")) == 3
    assert "2 gaps, 2 overlaps, 1 position with several slices" in page.one("figure", "strip").text


def test_the_axis_is_in_millimetres(tmp_path: Path) -> None:
    page = report(write_irregular(tmp_path / "data"), tmp_path / "report.html")
    ticks = page.one("svg", "strip").all("text", "tick")
    places = millimetres_of(page, np.array(POSITIONS), [percent(one, "x") for one in ticks])
    written = [float(one.text.removesuffix(" mm")) for one in ticks]
    assert len(ticks) >= 3
    assert places == pytest.approx(written, abs=1e-3)
    assert ticks[-1].text.endswith(" mm")


def test_bars_are_numpys_counts_and_folding_is_hatched(tmp_path: Path) -> None:
    place = write_folding(tmp_path / "data.dcm")
    page = report(place, tmp_path / "report.html")
    item = inspect_paths([place]).registrations[0].items[0]
    vectors = item.grid.vectors.astype(float)
    lengths = np.linalg.norm(vectors, axis=-1)
    lengths = lengths[np.isfinite(lengths)]
    first, second = page.all("svg", "plot")
    expected, _ = np.histogram(lengths, 60, (0, lengths.max()))
    bars = {round(percent(bar, "x") / 100 * 60): bar for bar in first.all("rect")}
    counted = np.zeros(60, int)
    for number, bar in bars.items():
        counted[number] = int(bar.one("title").text.split(": ")[1].removesuffix(" nodes").replace(",", ""))
    # float32 lengths at an edge may fall to either side
    assert np.abs(np.cumsum(counted) - np.cumsum(expected)).max() <= 1
    assert counted.sum() == lengths.size == 10 * 9 * 8 - 1
    for number, bar in bars.items():
        assert float(bar.attributes["height"]) == pytest.approx(bar_height(counted[number], counted.max()), abs=0.01)
    folded = second.all("rect", "bar-folded")
    assert folded and all(bar.attributes["fill"] == "url(#hatch-folded)" for bar in folded)
    assert all(float(bar.one("title").text.split(" to ")[1].split(":")[0].replace("−", "-")) <= 0 for bar in folded)
    told = sum(int(bar.one("title").text.split(": ")[1].removesuffix(" nodes").replace(",", "")) for bar in folded)
    evidence = next(one for one in item.findings if one.code == "reg-folding").evidence
    assert told == evidence["count"]
    assert [line.text for line in second.all("text", "label")] == ["0: folds below", "1: keeps volume"]


def test_a_single_node_has_a_bar_and_ten_times_as_many_a_decade_more() -> None:
    one, ten, hundred = (bar_height(count, 1000) for count in (1, 10, 100))
    assert one > 5
    assert hundred - ten == pytest.approx(ten - one)
    assert bar_height(0, 1000) == 0
    assert bar_height(1, 1) > 5


def test_determinants_are_counted_up_to_the_greatest_and_no_bin_holds_zero_inside() -> None:
    values = np.random.default_rng(3).normal(0.3, 1.0, 5000).astype(np.float32)
    found = jacobian_histogram(values, 50)
    assert found.edges[0] <= values.min() and found.edges[-1] >= values.max()
    assert 0.0 in found.edges
    assert np.array_equal(found.counts, np.histogram(values, found.edges)[0])
    assert found.defined == 5000
    assert int(found.counts[found.edges[1:] <= 0].sum()) == int((values < 0).sum())


def test_counts_leave_out_what_is_undefined_and_keep_what_lies_beyond() -> None:
    values = np.array([np.nan, -5.0, 0.5, 1.5, 99.0])
    found = histogram(values, edges_between(0, 2, 2), "x", "mm")
    assert found.counts.tolist() == [2, 2]
    assert math.isclose(found.share_percent.sum(), 100)


@pytest.mark.parametrize("value", [0.0, 3.5, -3.093716125794652e31, 1e300])
def test_a_histogram_of_one_value_is_drawn_however_great_it_is(value: float) -> None:
    found = jacobian_histogram(np.full(5, value), 50)
    assert found.edges[0] < value < found.edges[-1]
    assert found.counts.sum() == 5
    assert "<rect" in histogram_figure(found, "", ())
