"""Folders whose reports are looked at, and reports of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from dicom_objects import PATIENT, REGISTERED, SOURCE, data, new_object, save, write_linear, write_slice
from DicomRegInspectorLib.cli.libraries import picture_drawer
from DicomRegInspectorLib.report.html.write_report import ReportOptions, write_report
from DicomRegInspectorLib.tasks.inspect import inspect_paths
from page_reading import Node, read_page
from pydicom import Dataset
from pydicom.uid import generate_uid

IDENTIFIERS = ("Nemo", "Secret", "SECRET-77", "19561203")
POSITIONS = (0, 2, 4, 4, 8, 8.7, 10, 12, 14, 30)
"""A gap at both ends of a stack, an overlap, and two slices at one position."""


def write_irregular(folder: Path, series: str = "1.2.3.4", **values: Any) -> Path:
    """An axial stack of 2 mm with everything wrong that a strip shows."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, position in enumerate(POSITIONS):
        write_slice(folder / f"{number}.dcm", position, series, PatientBirthDate="19561203", **values)
    return folder


def write_folding(path: Path, **values: Any) -> Path:
    """A field of which a part folds and a node is undefined."""
    z, y, x = np.meshgrid(np.arange(8.0), np.arange(9.0), np.arange(10.0), indexing="ij")
    vectors = np.zeros((8, 9, 10, 3))
    vectors[..., 0] = 9 * np.sin(x) * np.exp(-((y - 4) ** 2 + (z - 4) ** 2) / 8)
    vectors[..., 2] = 0.4 * y
    vectors[2, 3, 4] = np.nan
    settings = {
        "vectors": vectors,
        "origin": np.array([-10.0, -20.0, 0.0]),
        "directions": np.eye(3),
        "spacing": np.array([3.0, 3.0, 3.0]),
    }
    return write_linear(path, **(settings | values))


def report(folder: Path | str, place: Path, **options: Any) -> Node:
    """The report of a folder, written and read back."""
    options_of_report = ReportOptions(paths=[str(folder)], **options)
    write_report(inspect_paths([folder]), place, options_of_report, drawer=picture_drawer())
    return read_page(place.read_text(encoding="utf-8"))


__all__ = [
    "IDENTIFIERS", "PATIENT", "POSITIONS", "REGISTERED", "SOURCE", "Dataset", "data", "generate_uid", "new_object",
    "report", "save", "write_folding", "write_irregular", "write_linear", "write_slice",
]  # fmt: skip
