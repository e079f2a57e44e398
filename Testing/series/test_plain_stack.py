"""Where a reader that knows one spacing puts slices: held against ITK's series reader, and against hand arithmetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.panel.selftests.files import write_ct_stack
from DicomRegInspectorLib.series.regularize.evenly_spaced import plain_stack
from DicomRegInspectorLib.tasks.inspect import inspect_paths

sitk = pytest.importorskip("SimpleITK", reason="the peer that this is held against")


def of_folder(folder: Path) -> tuple[np.ndarray, sitk.Image]:
    """Corners of the slices as this library reads them, and the volume that ITK's series reader makes."""
    stack = inspect_paths(folder).series[0].main_stack
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([one.path for one in stack.slices])
    return stack.corners_lps_mm, reader.Execute()


def test_spacing_is_that_of_itks_series_reader(tmp_path: Path) -> None:
    write_ct_stack(tmp_path, (0, 2, 4, 6, 8, 30, 32, 34, 36, 38))
    corners, image = of_folder(tmp_path)
    plain = plain_stack(corners)
    assert plain.spacing_mm == pytest.approx(image.GetSpacing()[2], abs=1e-9)
    assert plain.spacing_mm == pytest.approx(38 / 9)
    # Slice 5 lies at 8 mm, and is shown at 4 · 38/9 = 16.89 mm; slice 6 at 30 mm, shown at 21.11 mm.
    np.testing.assert_allclose(plain.distances_mm[[0, 4, 5, 9]], [0, 80 / 9, 80 / 9, 0], atol=1e-9)
    assert plain.farthest[0] in (5, 6)
    assert plain.first_beyond(3.0) == (3, pytest.approx(40 / 9))


def test_tilt_stays_and_both_ends_are_in_place(shared_data: Path) -> None:
    corners, image = of_folder(shared_data / "ct-ge-tilted-irregular")
    plain = plain_stack(corners)
    assert plain.spacing_mm == pytest.approx(image.GetSpacing()[2], abs=1e-6)
    np.testing.assert_allclose(plain.origin_lps_mm, image.GetOrigin(), atol=1e-6)
    np.testing.assert_allclose(plain.distances_mm[[0, -1]], 0, atol=1e-9)
    # Slice 14 lies 13 intervals of 4.002 mm along a normal that leans by 18.5° from the line.
    along = 13 * 4.002 / np.cos(np.radians(18.5))
    assert plain.farthest == (
        15,
        pytest.approx(14 * plain.spacing_mm - along - 1.081 / np.cos(np.radians(18.5)), abs=0.05),
    )


def test_regular_stack_is_where_it_is() -> None:
    corners = np.array([[1.0, 2.0, 3.0]]) + np.arange(6)[:, None] * [0.1, 0.0, 2.5]
    plain = plain_stack(corners)
    np.testing.assert_allclose(plain.distances_mm, 0, atol=1e-12)
    assert plain.first_beyond(1e-6) is None


@pytest.mark.parametrize("corners", [np.empty((0, 3)), np.zeros((1, 3)), np.zeros((3, 3))])
def test_without_a_line_it_is_refused(corners: np.ndarray) -> None:
    with pytest.raises(UsageError, match="no line"):
        plain_stack(corners)
