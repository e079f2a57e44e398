"""A study of the size that hospitals have: a grid of 512 × 512 × 141 nodes, and a series of as many pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import slicer
from DicomRegInspectorLib.registration.file.write import write_deformable_registration
from DicomRegInspectorLib.samples.ct_files import SeriesNames, SliceGeometry, made_uid, write_ct_series

SIZE = (512, 512, 141)
SPACING_MM = (0.9, 0.9, 2.5)
ORIGIN_LPS_MM = tuple(-spacing * (count - 1) / 2 for spacing, count in zip(SPACING_MM, SIZE, strict=True))
FRAME, SOURCE_FRAME = made_uid("in_slicer", "registered"), made_uid("in_slicer", "source")
GAP_AFTER = 90
"""So many slices of the series follow each other; then two are missing."""


def write_big_study(folder: Path) -> Path:
    """Write the registration and the series where they are missing; returns the folder."""
    if not (folder / "registration.dcm").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write_series(folder / "ct")
        _write_registration(folder / "registration.dcm")
    return folder


def _axes() -> list[np.ndarray]:
    """LPS mm of the nodes along x, y and z, as columns, rows and slices."""
    axes = [
        np.float32(start) + np.float32(spacing) * np.arange(count, dtype=np.float32)
        for start, spacing, count in zip(ORIGIN_LPS_MM, SPACING_MM, SIZE, strict=True)
    ]
    return [axes[0][None, None, :], axes[1][None, :, None], axes[2][:, None, None]]


def _write_registration(path: Path) -> None:
    """A field of up to 13 mm that folds in one place, where a steep wave is added."""
    x, y, z = _axes()
    vectors = np.empty((*SIZE[::-1], 3), np.float32)
    vectors[..., 0] = 6 * np.sin(y / 60) * np.cos(z / 90)
    vectors[..., 1] = 5 * np.cos(x / 70) * np.sin(z / 80)
    vectors[..., 2] = 9 * np.cos(x / 120) * np.cos(y / 100)
    near = np.exp(-((x - 40) ** 2 + (y + 30) ** 2 + (z - 20) ** 2) / 300)
    vectors[..., 0] += 6 * near * np.sin(x / 2)
    write_deformable_registration(
        path,
        vectors=vectors,
        origin=ORIGIN_LPS_MM,
        directions=np.eye(3),
        spacing=SPACING_MM,
        registered_frame_uid=FRAME,
        source_frame_uid=SOURCE_FRAME,
        series_description="SYNTHETIC large field",
    )


def picture(shift_mm: float = 0.0) -> np.ndarray:
    """HU of a body with structure inside, (141, 512, 512) int16."""
    x, y, z = _axes()
    x = x + np.float32(shift_mm)
    inside = (x / 200) ** 2 + (y / 140) ** 2 < 1
    values = 60 * np.sin(x / 9) * np.cos(y / 11) * np.cos(z / 13) + 20
    return np.where(inside, values, -1000).astype(np.int16)


def _write_series(folder: Path) -> None:
    heights = ORIGIN_LPS_MM[2] + SPACING_MM[2] * np.arange(SIZE[2])
    heights[GAP_AFTER:] += 2 * SPACING_MM[2]
    positions = np.array([(*ORIGIN_LPS_MM[:2], height) for height in heights])
    names = SeriesNames(*(made_uid("in_slicer", name) for name in ("series", "study")), FRAME, "SYNTHETIC large series")
    geometry = SliceGeometry(positions, SIZE[1], SIZE[0], SPACING_MM[0])
    write_ct_series(folder, picture(), geometry, names)


def volume_node(name: str, shift_mm: float) -> Any:
    """Put the picture into the scene, on the nodes of the grid."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(node, picture(shift_mm))
    matrix = np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1.0])
    matrix[:3, 3] = np.array(ORIGIN_LPS_MM) * [-1, -1, 1]
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    node.CreateDefaultDisplayNodes()
    return node
