"""Sections whose positions begin anew: found as a possibility, and put one behind the other as asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib import load_series
from DicomRegInspectorLib.dicom.fast_header import read_header
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.series import Series
from DicomRegInspectorLib.series.geometry.series import inspect_series
from DicomRegInspectorLib.series.regularize.options import RegularizeOptions
from DicomRegInspectorLib.series.regularize.plan import Plan, plan
from DicomRegInspectorLib.series.regularize.regular import Regularized
from DicomRegInspectorLib.series.regularize.regularize import carry_out, load_planned, regularize
from DicomRegInspectorLib.series.write.write_back import write_series
from section_making import SPACING, write_sections
from series_making import axial, codes, only
from volume_making import dataset, pixels_of, save


def inspected(folder: Path) -> Series:
    (series,) = inspect_series([read_header(str(path)) for path in sorted(folder.iterdir())])
    return series


def planned(folder: Path, **options: Any) -> Plan:
    return plan(inspected(folder), RegularizeOptions("restack", **options))


def made(folder: Path, **options: Any) -> Regularized:
    chosen = planned(folder, **options)
    return carry_out(chosen, load_planned(chosen))


@pytest.mark.parametrize("order", [(1, 2, 3), (2, 1, 3), (3, 2, 1)])
def test_values_are_those_of_the_sections_in_the_order_asked(tmp_path: Path, order: tuple[int, ...]) -> None:
    sections = write_sections(tmp_path / "ct")
    volume = made(tmp_path / "ct", section_order=order, section_gap_mm=SPACING).volume
    expected = np.concatenate([sections[number - 1] for number in order])
    np.testing.assert_array_equal(volume.array, expected)
    np.testing.assert_allclose(
        volume.affine_lps,
        [[SPACING, 0, 0, -3], [0, SPACING, 0, 4], [0, 0, SPACING, 0], [0, 0, 0, 1]],
        atol=1e-9,
    )
    assert volume.displacement is None and volume.is_untouched and volume.is_all_valid


def test_sections_that_run_downwards_follow_below(tmp_path: Path) -> None:
    sections = write_sections(tmp_path / "ct", (4, 3), way=-1, start=(0.0, 0.0, 2.0))
    volume = made(tmp_path / "ct").volume
    np.testing.assert_array_equal(volume.array, np.concatenate(sections)[::-1])
    np.testing.assert_allclose(volume.slice_corners_lps_mm[:, 2], 2.0 - SPACING * np.arange(6, -1, -1), atol=1e-9)


def test_a_gap_of_whole_slices_holds_the_fill_value(tmp_path: Path) -> None:
    first, second = write_sections(tmp_path / "ct", (4, 3))
    volume = made(tmp_path / "ct", section_gap_mm=4 * SPACING, fill=-7).volume
    blank = np.full((3, *first.shape[1:]), -7, first.dtype)
    np.testing.assert_array_equal(volume.array, np.concatenate([first, blank, second]))
    np.testing.assert_array_equal(volume.valid.all(axis=(1, 2)), [True] * 4 + [False] * 3 + [True] * 3)
    assert volume.displacement is None
    np.testing.assert_allclose(volume.spacing_mm[2], SPACING, atol=1e-9)


def test_a_gap_between_whole_slices_is_kept_by_a_displacement_grid(tmp_path: Path) -> None:
    write_sections(tmp_path / "ct", (4, 3))
    volume = made(tmp_path / "ct", section_gap_mm=0.03, max_gap=5).volume
    assert volume.displacement is not None
    expected = [*(SPACING * np.arange(4)), *(3 * SPACING + 0.03 + SPACING * np.arange(3))]
    np.testing.assert_allclose(volume.slice_corners_lps_mm[:, 2], expected, atol=1e-9)


def test_where_sections_lie_in_plane_is_kept(tmp_path: Path) -> None:
    for number, (section, k) in enumerate([(s, k) for s in (0, 1) for k in range(4)], 1):
        position = (0.25 * section, 0.0, f"{k * SPACING:.6f}")
        one = dataset(pixels_of(1)[0], position, InstanceNumber=number, PixelSpacing=[SPACING, SPACING])
        save(one, tmp_path / f"{number}.dcm")
    corners = made(tmp_path, section_gap_mm=SPACING).volume.slice_corners_lps_mm
    np.testing.assert_allclose(corners[:, 0], [0.0] * 4 + [0.25] * 4, atol=1e-9)
    np.testing.assert_allclose(corners[:, 2], SPACING * np.arange(8), atol=1e-9)


def test_what_was_assumed_and_what_was_asked_is_said(tmp_path: Path) -> None:
    write_sections(tmp_path / "ct")
    assumed, asked = planned(tmp_path / "ct"), planned(tmp_path / "ct", section_order=(2, 1, 3), section_gap_mm=0.025)
    text = made(tmp_path / "ct").volume.description
    assert "as they were recorded (assumed), 0.0125 mm from the last slice" in text
    assert "(assumed: the slice spacing)" in text
    assert asked.restacked is not None and "in the order 2, 1, 3 (as asked), 0.025 mm" in asked.restacked.description
    assert "section 2 (5 slices) stays where its headers say, section 1 (7 slices) was moved by 0.075 mm" in str(
        asked.notes
    )
    assert "section 2 (5 slices) was moved by 0.0875 mm, section 3 (6 slices) was moved by 0.15 mm" in str(
        assumed.notes
    )


def test_numbers_that_begin_anew_are_told_apart_by_acquisition(tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    sections = [pixels_of(4, seed=1), pixels_of(3, seed=2)]
    for acquisition, pixels in enumerate(sections, 1):
        for k, image in enumerate(pixels):
            one = dataset(image, (0, 0, f"{k * SPACING:.6f}"), InstanceNumber=k + 1, AcquisitionNumber=acquisition)
            one.PixelSpacing = [SPACING, SPACING]
            save(one, tmp_path / "ct" / f"{acquisition}{k}.dcm")
    np.testing.assert_array_equal(made(tmp_path / "ct").volume.array, np.concatenate(sections))


def test_written_dicom_lies_where_it_was_put_and_says_so(tmp_path: Path) -> None:
    sections = write_sections(tmp_path / "ct")
    result = made(tmp_path / "ct", section_order=(3, 1, 2))
    (written,) = write_series(result, tmp_path / "new")
    files = [pydicom.dcmread(path) for path in written.paths]
    np.testing.assert_allclose(
        [one.ImagePositionPatient for one in files], [[-3, 4, SPACING * k] for k in range(18)], atol=1e-9
    )
    source = pydicom.dcmread(next((tmp_path / "ct").iterdir()))
    frames = {one.FrameOfReferenceUID for one in files}
    assert len(frames) == 1 and source.FrameOfReferenceUID not in frames
    assert all("in the order 3, 1, 2 (as asked)" in one.DerivationDescription for one in files)
    assert all("assumed: the slice spacing" in one.DerivationDescription for one in files)
    expected = np.concatenate([sections[2], sections[0], sections[1]])
    np.testing.assert_array_equal(load_series(tmp_path / "new").array, expected)
    assert codes(inspected(tmp_path / "new")) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"section_order": (1, 1, 2)}, "order of sections is 1, 1, 2; expected each number"),
        ({"section_order": ()}, "order of sections is empty"),
        ({"section_order": (0, 1, 2)}, "expected each number from 1"),
        ({"section_gap_mm": 0.0}, "gap between sections is 0 mm; expected more than 0"),
        ({"section_gap_mm": -1.0}, "expected more than 0"),
        ({"section_gap_mm": float("nan")}, "expected more than 0"),
        ({"duplicates": "last"}, "keeps every slice"),
        ({"spacing_mm": 1.0}, "restack leaves slices"),
    ],
)
def test_options_that_no_series_has_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        RegularizeOptions("restack", **options)


@pytest.mark.parametrize("options", [{"section_order": (1, 2)}, {"section_gap_mm": 1.0}])
def test_other_modes_have_no_sections_to_order(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="can be chosen for mode restack; split leaves slices"):
        RegularizeOptions("split", **options)


def test_an_order_of_other_sections_than_there_are_is_refused(tmp_path: Path) -> None:
    write_sections(tmp_path / "ct")
    with pytest.raises(UsageError, match="is 2, 1, but there are 3: section 1 of 7 slices, section 2 of 5 slices"):
        planned(tmp_path / "ct", section_order=(2, 1))


def test_a_series_without_restarts_is_refused(tmp_path: Path) -> None:
    write_sections(tmp_path / "ct", (6,))
    with pytest.raises(UsageError, match="positions of these 6 images never start again"):
        planned(tmp_path / "ct")


def test_a_volume_that_was_read_already_is_refused(tmp_path: Path) -> None:
    write_sections(tmp_path / "ct")
    with pytest.raises(UsageError, match="one image at each position"):
        regularize(load_series(tmp_path / "ct", stack=1), "restack")


def small(counts: Sequence[int], spacing: float = SPACING, **values: Any) -> list[Any]:
    """Headers of sections that each begin at 0."""
    pixels = f"{spacing:g}\\{spacing:g}"
    heights = [k * spacing for count in counts for k in range(count)]
    return axial(heights, decimals=6, **{"PIXEL_SPACING": pixels, **values})


def test_restarting_sections_are_found_as_a_possibility() -> None:
    (series,) = inspect_series(small((100, 100, 60)))
    found = only(series, "positions-restart")
    assert found.severity == "info"
    assert found.evidence["number_of_sections"] == 3
    assert found.evidence["sections"] == [
        {"slices": 100, "first_instance_number": 1, "last_instance_number": 100, "length_mm": 1.2375},
        {"slices": 100, "first_instance_number": 101, "last_instance_number": 200, "length_mm": 1.2375},
        {"slices": 60, "first_instance_number": 201, "last_instance_number": 260, "length_mm": 0.7375},
    ]
    assert "section 2 of 100, images 101 to 200" in found.message and "at 0 mm" in found.message


@pytest.mark.parametrize(
    "headers",
    [
        small((40, 40), 0.5),  # patients' scanners: points in time
        small((40, 40), 0.25),
        small((40, 40), MODALITY="MR"),
        small((2, 2, 2)),
        small((80,)),
    ],
    ids=["half a millimetre", "a quarter", "MR", "two slices each", "one section"],
)
def test_other_series_are_never_told_to_be_sections(headers: list[Any]) -> None:
    (series,) = inspect_series(headers)
    assert "positions-restart" not in codes(series)


@pytest.mark.parametrize("name", ["TEMPORAL_POSITION", "TRIGGER_TIME", "ECHO_TIME", "IMAGE_TYPE"])
def test_what_a_scan_sets_on_purpose_makes_no_sections(name: str) -> None:
    values = ("ORIGINAL\\PRIMARY\\A", "ORIGINAL\\PRIMARY\\B") if name == "IMAGE_TYPE" else ("1", "2")
    headers = [*small((40,), **{name: values[0]}), *small((40,), **{name: values[1]})]
    for number, one in enumerate(headers, 1):
        one.own[0x00200013] = str(number).encode()
    (series,) = inspect_series(headers)
    assert "positions-restart" not in codes(series)


def test_images_sorted_place_by_place_are_no_sections() -> None:
    heights = [k * SPACING for k in range(30) for _ in range(2)]
    (series,) = inspect_series(axial(heights, PIXEL_SPACING="0.0125\\0.0125"))
    assert "positions-restart" not in codes(series)


def test_a_choice_against_points_in_time_is_said(tmp_path: Path) -> None:
    write_sections(
        tmp_path / "ct", (4, 4), per_section=[{"TemporalPositionIdentifier": 1}, {"TemporalPositionIdentifier": 2}]
    )
    assert any(
        "differ by temporal position: they may be points in time" in note for note in planned(tmp_path / "ct").notes
    )
