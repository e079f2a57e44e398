"""Files whose pixels are wrong in one way, and their findings."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from DicomRegInspectorLib.series.pixel_checks.check_pixels import check_file
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset


def ct(tmp_path: Path, name: str = "ct.dcm", **values: Any) -> str:
    """A 64 × 48 CT of 12 bits in 16, explicit little endian; ``values`` replace its elements, None removes one."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "DataSetTrailingPadding", "PixelPaddingValue"):
        if keyword in dataset:
            del dataset[keyword]
    dataset.Rows, dataset.Columns, dataset.BitsStored, dataset.HighBit = 48, 64, 12, 11
    dataset.PixelRepresentation = 0
    dataset.PixelData = (np.arange(48 * 64) % 4096).astype("<u2").tobytes()
    for keyword, value in values.items():
        if value is None:
            del dataset[keyword]
        elif keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
            dataset.add_new(keyword, "SS" if dataset.PixelRepresentation else "US", value)
        else:
            setattr(dataset, keyword, value)
    path = tmp_path / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(path)
    return str(path)


def found(path: str, code: str) -> list[Any]:
    """The findings of a code in one file."""
    return [finding for finding in check_file(path).findings if finding.code == code]


def only(path: str) -> Any:
    """The only finding of a file."""
    findings = check_file(path).findings
    assert len(findings) == 1, [finding.message for finding in findings]
    return findings[0]


def save(dataset: Dataset, tmp_path: Path) -> str:
    """The dataset as a file."""
    dataset.save_as(tmp_path / "saved.dcm")
    return str(tmp_path / "saved.dcm")
