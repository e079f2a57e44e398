"""Findings and slice positions as nodes: what the tables say, and what the plot marks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib import inspect_paths
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.panel.selftests.files import PIXEL_MM, KnownField, write_ct_stack, write_deformable
from DicomRegInspectorLib.scene.charts import irregular_intervals, plot_slice_positions, regular_limits
from DicomRegInspectorLib.scene.places import Places, series_labels, slice_centre
from DicomRegInspectorLib.scene.tables import FINDING_COLUMNS, findings_table


@pytest.fixture
def scene() -> Any:
    import slicer

    return slicer.vtkMRMLScene()


def column(node: Any, name: str) -> list[Any]:
    array = node.GetTable().GetColumnByName(name)
    return [array.GetValue(row) for row in range(array.GetNumberOfValues())]


def test_overlap_of_a_real_series_is_the_one_irregular_interval(tilted_irregular_ct: Path, scene: Any) -> None:
    (series,) = inspect_paths(tilted_irregular_ct).series
    plot = plot_slice_positions(series, scene)
    intervals = column(plot.table, "Interval to next slice (mm)")
    expected = [4.002] * 13 + [1.081] + [6.999] * 13
    np.testing.assert_allclose(intervals, expected, atol=2e-3)
    assert column(plot.irregular_table, "Slice") == [14]


def test_positions_in_the_table_are_those_written(tmp_path: Path, scene: Any) -> None:
    write_ct_stack(tmp_path, [3.0, 1.0, 2.0])
    plot = plot_slice_positions(inspect_paths(tmp_path).series[0], scene)
    assert column(plot.table, "Position (mm)") == pytest.approx([1.0, 2.0])
    assert column(plot.table, "Next position (mm)") == pytest.approx([2.0, 3.0])
    assert plot.irregular_table is None
    names = [plot.chart.GetNthPlotSeriesNode(index).GetName() for index in range(2)]
    assert names == ["Interval", "Limits of a regular interval"], "nothing is marked"


def test_axes_name_their_units(tmp_path: Path, scene: Any) -> None:
    write_ct_stack(tmp_path, [0.0, 1.0, 2.0])
    chart = plot_slice_positions(inspect_paths(tmp_path).series[0], scene).chart
    assert (chart.GetXAxisTitle(), chart.GetYAxisTitle()) == ("Slice number", "Distance to next slice (mm)")
    low, high = chart.GetYAxisRange()
    assert low == 0
    assert high >= 1 + 0.17 * chart.GetNumberOfPlotSeriesNodes(), "room for each line of the legend, above the curve"


def test_duplicate_and_gap_are_marked_at_their_slices(tmp_path: Path) -> None:
    write_ct_stack(tmp_path, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 9.0, 10.0, 11.0, 11.0])
    stack = inspect_paths(tmp_path).series[0].stacks[0]
    assert len(stack.slices) == 11
    assert irregular_intervals(stack) == [5, 9]


def test_plotting_again_replaces_the_nodes(tmp_path: Path, scene: Any) -> None:
    write_ct_stack(tmp_path, [0.0, 1.5, 4.5, 6.0, 7.5])
    series = inspect_paths(tmp_path).series[0]
    plot_slice_positions(series, scene)
    counts = [scene.GetNumberOfNodesByClass(f"vtkMRML{name}Node") for name in ("PlotChart", "PlotSeries", "Table")]
    plot_slice_positions(series, scene)
    again = [scene.GetNumberOfNodesByClass(f"vtkMRML{name}Node") for name in ("PlotChart", "PlotSeries", "Table")]
    assert counts == again == [1, 3, 4], "a table of intervals, one of the irregular one and one to draw it, limits"


def test_limits_stand_five_percent_from_the_spacing_of_each_section(tilted_irregular_ct: Path, scene: Any) -> None:
    (series,) = inspect_paths(tilted_irregular_ct).series
    (first, second) = regular_limits(series.main_stack)
    assert first == (1, 13, pytest.approx(0.95 * 4.002, abs=1e-3), pytest.approx(1.05 * 4.002, abs=1e-3))
    assert second == (15, 27, pytest.approx(0.95 * 6.999, abs=1e-3), pytest.approx(1.05 * 6.999, abs=1e-3))
    chart = plot_slice_positions(series, scene).chart
    line = chart.GetNthPlotSeriesNode(2)
    x, y = column(line.GetTableNode(), "x"), column(line.GetTableNode(), "y")
    assert (x[0], x[1], y[0]) == (0.5, 13.5, y[1])
    assert np.isnan(y[2]) and len(y) == 12
    assert line.GetTableNode().GetHideFromEditors()


def test_limits_of_coarse_digits_are_those_of_rounding(tmp_path: Path) -> None:
    """Positions with one decimal, 0.6 mm apart: 5 % of it would be 0.03 mm, rounding both ends allows 0.1 mm."""
    write_ct_stack(tmp_path, [0.0, 0.6, 1.2, 1.8, 2.4, 3.0])
    stack = inspect_paths(tmp_path).series[0].main_stack
    ((first, last, low, high),) = regular_limits(stack)
    assert (first, last) == (1, 5)
    assert (high - low) / 2 == pytest.approx(stack.spacing.tolerance_mm)
    assert stack.spacing.tolerance_mm == pytest.approx(0.1, abs=1e-3)


def test_single_slice_cannot_be_plotted(tmp_path: Path, scene: Any) -> None:
    write_ct_stack(tmp_path, [0.0])
    with pytest.raises(UsageError, match="nothing to plot"):
        plot_slice_positions(inspect_paths(tmp_path).series[0], scene)


def test_table_has_a_row_for_each_finding(tmp_path: Path, scene: Any) -> None:
    write_ct_stack(tmp_path / "ct", [0.0, 1.0, 2.0, 4.0, 5.0])
    (tmp_path / "broken.dcm").write_bytes(b"no DICOM")
    inspection = inspect_paths(tmp_path)
    node = findings_table(inspection, scene)
    assert [node.GetTable().GetColumnName(index) for index in range(len(FINDING_COLUMNS))] == list(FINDING_COLUMNS)
    assert column(node, "Code") == [finding.code for finding in inspection.findings]
    assert column(node, "Series or registration")[column(node, "Code").index("file-unreadable")] == "broken.dcm"


def test_empty_table_keeps_its_columns(tmp_path: Path, scene: Any) -> None:
    node = findings_table(inspect_paths(tmp_path), scene)
    assert (node.GetTable().GetNumberOfColumns(), node.GetTable().GetNumberOfRows()) == (len(FINDING_COLUMNS), 0)


def test_gap_leads_to_the_middle_of_its_slice(tmp_path: Path) -> None:
    write_ct_stack(tmp_path, [0.0, 1.5, 3.0, 6.0, 7.5])
    inspection = inspect_paths(tmp_path)
    gap = next(finding for finding in inspection.findings if finding.code == "slice-gap")
    # 8 rows and 10 columns of 2 mm from a corner at x = y = 0: the middle is 4.5 columns and 3.5 rows away.
    assert Places(inspection).of(gap).position_lps_mm == pytest.approx((4.5 * PIXEL_MM, 3.5 * PIXEL_MM, 3.0))
    assert slice_centre(inspection.series[0].stacks[0].slices[0]) == pytest.approx((9.0, 7.0, 0.0))


def test_undefined_vectors_lead_into_the_grid(tmp_path: Path) -> None:
    import pydicom

    path = tmp_path / "reg.dcm"
    write_deformable(path, KnownField(pre=np.eye(4), post=np.eye(4)))
    dataset = pydicom.dcmread(path)
    grid = dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
    vectors = np.frombuffer(grid.VectorGridData, "<f4").reshape(7, 6, 5, 3).copy()
    vectors[2, 3, 1] = np.nan
    grid.VectorGridData = vectors.tobytes()
    dataset.save_as(path)
    inspection = inspect_paths(path)
    finding = next(finding for finding in inspection.findings if finding.code == "reg-vectors-undefined")
    place = Places(inspection).of(finding)
    assert place.position_lps_mm == pytest.approx((-8 + 1 * 4.0, 5 + 3 * 3.0, 11 + 2 * 2.5))
    assert (place.where, place.registration) == ("item 1", inspection.registrations[0])


def test_series_that_read_alike_are_counted(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_ct_stack(tmp_path / name, [0.0, 1.0])
    write_ct_stack(tmp_path / "c", [0.0, 1.0, 2.0])
    assert sorted(series_labels(inspect_paths(tmp_path).series)) == [
        "CT, Self-test stack (2 slices) no. 1",
        "CT, Self-test stack (2 slices) no. 2",
        "CT, Self-test stack (3 slices)",
    ]
