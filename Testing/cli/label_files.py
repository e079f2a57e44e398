"""Label volumes for the tests of ``quality``, on the lattice of the objects beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from dicom_objects import COUNT, ORIGIN, SPACING, TURN


def write_labels(path: Path, array: np.ndarray, origin=ORIGIN, spacing=SPACING, directions=TURN) -> Path:
    image = sitk.GetImageFromArray(array)
    image.SetOrigin([float(value) for value in origin])
    image.SetSpacing([float(value) for value in spacing])
    image.SetDirection(np.asarray(directions, float).ravel().tolist())
    sitk.WriteImage(image, str(path))
    return path


def half_labels() -> np.ndarray:
    """On the grid's own lattice: label 1 for i below 4, label 7 above 5."""
    i = np.broadcast_to(np.arange(COUNT[0]), COUNT[::-1])
    return np.where(i < 4, 1, np.where(i > 5, 7, 0)).astype(np.uint8)
