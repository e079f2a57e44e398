"""The thumbnails of the sample data are what their script draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

vtk = pytest.importorskip("vtk", reason="drawing needs VTK")

import make_sample_thumbnails as thumbnails  # noqa: E402


def pixels(path: Path) -> np.ndarray:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    image = reader.GetOutput()
    width, height, _ = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)[::-1, :, :3].astype(int)


def test_they_show_the_sample_data_of_today(tmp_path: Path) -> None:
    thumbnails.main(tmp_path)
    drawn = sorted(path.name for path in tmp_path.iterdir())
    assert drawn == ["Sample-irregular.png", "Sample-pair.png"]
    for name in drawn:
        kept, new = pixels(thumbnails.ICONS / name), pixels(tmp_path / name)
        assert kept.shape == new.shape == (thumbnails.HEIGHT, thumbnails.WIDTH, 3)
        # Another build of VTK draws letters a little otherwise; the picture is the same.
        picture = slice(0, thumbnails.HEIGHT - thumbnails.STRIP)
        assert np.abs(kept[picture] - new[picture]).max() <= 2


def test_the_gap_is_marked_where_the_missing_slice_would_be() -> None:
    picture = pixels(thumbnails.ICONS / "Sample-irregular.png")
    orange = (np.abs(picture - np.array(thumbnails.ORANGE) * 255) < 12).all(axis=-1)
    rows = np.flatnonzero(orange.any(axis=1))
    assert orange.sum() > 300
    # A band of 5 mm that leans by 14 degrees over about 220 mm.
    assert 40 < np.ptp(rows) < 75
