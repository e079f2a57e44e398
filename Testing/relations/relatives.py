"""Registrations and image series that say something about each other, made from scratch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import regfiles as rf
from DicomRegInspectorLib.registration import Registration, read_registration
from DicomRegInspectorLib.series import Series, inspect_series
from series_making import ds, header

REGISTERED, SOURCE = "1.2.3.100", "1.2.3.200"
"""The frames of the registrations that regfiles writes."""


@dataclass(frozen=True)
class Images:
    """A stack of slices; its pixels are at :meth:`pixels`."""

    frame: str = REGISTERED
    rows: int = 20
    columns: int = 24
    spacing: tuple[float, float] = (2.0, 3.0)
    """Between rows, then between columns, mm."""
    interval: float = 4.0
    slices: int = 6
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0)
    series: str = "1.2.3.0"
    study: str = "1.2.3"
    image_type: str = "ORIGINAL\\PRIMARY\\AXIAL"

    @property
    def axes(self) -> np.ndarray:
        """Columns: along a row, along a column, normal; as written."""
        row, column = np.reshape(rf.orientation_of(self.angles), (2, 3))
        return np.column_stack([row, column, np.cross(row, column)])

    def pixels(self) -> np.ndarray:
        """(slices, rows, columns, 3) LPS mm of every pixel's centre (PS3.3 C.7.6.2.1.1)."""
        k, r, c = np.meshgrid(np.arange(self.slices), np.arange(self.rows), np.arange(self.columns), indexing="ij")
        steps = np.stack([c * self.spacing[1], r * self.spacing[0], k * self.interval], axis=-1)
        return np.array(self.origin) + steps @ self.axes.T

    def headers(self) -> list:
        row_column = rf.orientation_of(self.angles)
        return [
            header(
                np.array(self.origin) + k * self.interval * self.axes[:, 2],
                row_column,
                orientation_decimals=12,
                FRAME_OF_REFERENCE_UID=self.frame,
                SERIES_INSTANCE_UID=self.series,
                STUDY_INSTANCE_UID=self.study,
                IMAGE_TYPE=self.image_type,
                ROWS=self.rows.to_bytes(2, "little"),
                COLUMNS=self.columns.to_bytes(2, "little"),
                PIXEL_SPACING=ds(*self.spacing),
                INSTANCE_NUMBER=k + 1,
            )
            for k in range(self.slices)
        ]


def series_of(*images: Images) -> list[Series]:
    """The series of these stacks, inspected."""
    return inspect_series([one for each in images for one in each.headers()])


def registration(path: Path, *items: rf.DeformableItem | rf.MatrixItem, **names: str) -> Registration:
    """A registration object, written and read."""
    return read_registration(rf.write(path, rf.RegistrationSpec(items, **names)))


def codes(findings: Sequence) -> list[str]:
    """The codes of findings."""
    return [finding.code for finding in findings]
