"""What many tests of the panel do first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from DicomRegInspectorLib.panel.selftests.files import KnownField, write_deformable

GAP_MM = (0.0, 2.0, 4.0, 6.0, 8.0, 30.0, 32.0, 34.0, 36.0, 38.0)
"""Two sections of five slices 2 mm apart; ten slices are missing between them."""
MODES = ("acquisition", "resample", "split", "crop")
"""In the order of the panel's box."""


def inspect(ui: Any, folder: Path) -> None:
    """Choose a folder and have it inspected."""
    ui.inputPathLineEdit.currentPath = str(folder)
    ui.inspectFolderButton.click()


def write_folding(path: Path, series_description: str | None = None) -> None:
    """Write a registration that folds, and is undefined at one node."""
    write_deformable(path, KnownField())
    dataset = pydicom.dcmread(path)
    if series_description is not None:
        dataset.SeriesDescription = series_description
    grid = dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
    vectors = np.frombuffer(grid.VectorGridData, "<f4").reshape(7, 6, 5, 3).copy()
    vectors[3, 2, 2, 0] += 20
    vectors[6, 5, 4] = np.nan
    grid.VectorGridData = vectors.tobytes()
    dataset.save_as(path)
