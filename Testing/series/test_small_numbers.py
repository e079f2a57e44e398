"""Numbers as small as micro-CT's are shown with the digits that tell them apart, in words and in evidence."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib.report.html.write_report import write_report
from DicomRegInspectorLib.report.text.inspection_report import inspection_report
from DicomRegInspectorLib.report.text.terminal import Style
from DicomRegInspectorLib.series.geometry.series import inspect_series
from DicomRegInspectorLib.tasks.inspect import inspect_paths
from DicomRegInspectorLib.words import decimals, exact_mm, millimetres, mm, tenths
from section_making import write_sections
from series_making import axial, header, only

SPACINGS = (0.0125, 0.00875, 0.01375, 0.034, 0.07, 0.1125, 0.15, 0.3125)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_a_spacing_is_shown_as_it_is(spacing: float) -> None:
    assert float(mm(spacing)) == spacing
    assert float(millimetres(spacing)) == spacing
    assert [float(mm(k * spacing, spacing)) for k in range(900)] == pytest.approx([k * spacing for k in range(900)])


def test_larger_numbers_have_three_decimals_as_ever() -> None:
    assert [mm(value) for value in (1, 2.5, 1.08109, 6.9994, 1234.5678, -3.25)] == [
        "1",
        "2.5",
        "1.081",
        "6.999",
        "1,234.568",
        "-3.25",
    ]
    assert mm(0.0004, 2.0) == "0" and mm(0.0) == "0" and mm(-1e-12) == "0"
    assert decimals(float("nan")) == decimals(float("inf")) == decimals(0.0) == 3


def test_lengths_below_a_tenth_are_not_shown_as_nothing() -> None:
    assert [tenths(value) for value in (0.0, 0.0125, 0.25, 12.345)] == ["0.0", "0.0125", "0.2", "12.3"]


def test_evidence_holds_what_was_written() -> None:
    assert [exact_mm(k * 0.0125) for k in (3, 7)] == [0.0375, 0.0875]
    assert exact_mm(np.float64(0.1) + np.float64(0.2)) == 0.3


@pytest.mark.parametrize("spacing", [0.0125, 0.01375, 0.0072])
def test_findings_name_intervals_and_positions_of_micro_ct(spacing: float) -> None:
    heights = np.delete(np.arange(20) * spacing, [8])
    (series,) = inspect_series(axial(heights, decimals=9, PIXEL_SPACING=f"{spacing}\\{spacing}"))
    found = only(series, "slice-gap")
    shown = [float(number) for number in re.findall(r"(\d+\.\d+) mm", found.message)]
    assert shown == pytest.approx([2 * spacing, spacing], abs=1e-9)
    assert found.evidence["gap_mm"] == pytest.approx(2 * spacing, abs=1e-9)
    assert found.evidence["positions_mm"] == pytest.approx([7 * spacing, 9 * spacing], abs=1e-9)
    told = series.to_dict()
    assert told["nominal_spacing_mm"] == pytest.approx(spacing, abs=1e-9)
    assert np.diff(told["positions_mm"]).min() == pytest.approx(spacing, abs=1e-9)


def test_a_claimed_spacing_of_micro_ct_is_told_by_its_digits() -> None:
    headers = axial(np.arange(12) * 0.0125, PIXEL_SPACING="0.0125\\0.0125", SPACING_BETWEEN_SLICES="0.0135")
    (series,) = inspect_series(headers)
    found = only(series, "header-spacing-disagrees")
    assert "says 0.0135 mm, but the slices lie 0.0125 mm apart" in found.message
    assert found.evidence["measured_spacing_mm"] == 0.0125


def test_two_pixel_spacings_are_named_with_their_values() -> None:
    pixels = ["0.0125\\0.0125"] * 8 + ["0.0127\\0.0127"] * 4
    headers = [header((0, 0, 0.0125 * k), PIXEL_SPACING=one, INSTANCE_NUMBER=k + 1) for k, one in enumerate(pixels)]
    (series,) = inspect_series(headers)
    found = only(series, "pixel-spacing-mixed")
    assert "0.0125 × 0.0125 mm (8 slices); 0.0127 × 0.0127 mm (4 slices)" in found.message
    assert found.evidence["values"] == ["0.0125 × 0.0125 mm", "0.0127 × 0.0127 mm"]


def test_reports_never_round_a_spacing_of_micro_ct(tmp_path: Path) -> None:
    write_sections(tmp_path / "ct", (9,))
    inspection = inspect_paths(tmp_path / "ct")
    write_report(inspection, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for text in (inspection_report(inspection, Style()), page):
        assert "0.0125 mm" in text
        assert not re.search(r"\b0\.01[23]\b", text)
    assert "0 to 0.1 mm along the normal" in page
    assert all(before != after for before, after in pairwise(sorted({mm(k * 0.0125, 0.0125) for k in range(9)})))
