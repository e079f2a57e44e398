"""Mosaics as Siemens' and UIH's scanners write them, of slices whose places and pixels are known."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import volume_making as vm
from pydicom.dataset import Dataset

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
MOSAIC = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]


def csa_header(values: Mapping[str, Sequence[str]], *, second: bool = True) -> bytes:
    """A CSA header with these tags; ``second``: the kind that begins with SV10."""
    found = b"SV10\4\3\2\1" if second else b""
    found += struct.pack("<LL", len(values), 77)
    first = len(next(iter(values.values())))
    for name, items in values.items():
        found += struct.pack("<64sl4slll", name.encode(), len(items), b"FD\0\0", 3, len(items), 77)
        for item in items:
            data = item.encode() + b"\0"
            length = len(data) if second else len(data) + first
            found += struct.pack("<llll", length if not second else 0, length, 77, 0)
            found += data + b"\0" * (-len(data) % 4)
    return found


def tiled(slices: np.ndarray, columns: int, rows: int) -> np.ndarray:
    """(n, h, w) slices side by side in rows of so many, the rest black."""
    count, height, width = slices.shape
    whole = np.zeros((rows * height, columns * width), slices.dtype)
    for k in range(count):
        down, across = divmod(k, columns)
        whole[down * height : (down + 1) * height, across * width : (across + 1) * width] = slices[k]
    return whole


def slices_of(count: int, height: int = 6, width: int = 8, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4000, (count, height, width), dtype=np.uint16)


def mosaic(
    slices: np.ndarray,
    first: Sequence[float],
    orientation: Sequence[float],
    *,
    normal: Sequence[float] | None,
    spacing: float = 3.6,
    pixel: Sequence[float] = (2.5, 2.0),
    in_private: bool = True,
    **elements: Any,
) -> Dataset:
    """A Siemens mosaic whose first slice has its corner at ``first``; pixel spacing between rows, between columns."""
    side = int(np.ceil(np.sqrt(len(slices))))
    whole = tiled(slices, side, side)
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    # What the scanner writes: the corner of an image as large as the mosaic, with the slice in its middle.
    half = (side - 1) / 2
    corner = np.array(first) - half * slices.shape[2] * pixel[1] * row - half * slices.shape[1] * pixel[0] * column
    more = {"SOPClassUID": MR_IMAGE, "Modality": "MR", "ImageType": MOSAIC, "SpacingBetweenSlices": spacing}
    more |= {"PixelSpacing": list(pixel), "ImageOrientationPatient": [f"{value:.12g}" for value in orientation]}
    settings = {key: value for key, value in {**more, **elements}.items() if value is not None}
    one = vm.dataset(whole, corner, **settings)
    if in_private:
        one.private_block(0x19, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", len(slices))
    if normal is not None:
        values = {"NumberOfImagesInMosaic": [str(len(slices))], "SliceNormalVector": [f"{v:.8f}" for v in normal]}
        one.private_block(0x29, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", csa_header(values))
    return one


def uih_grid(slices: np.ndarray, corners: np.ndarray, orientation: Sequence[float], **elements: Any) -> Dataset:
    """A UIH grid with the position of each slice in its frame sequence."""
    across = int(np.ceil(np.sqrt(len(slices))))
    whole = tiled(slices, across, -(-len(slices) // across))
    more = {"SOPClassUID": MR_IMAGE, "Modality": "MR", "ImageType": ["ORIGINAL", "PRIMARY", "M", "VFRAME"]}
    one = vm.dataset(whole, None, **more, **elements)
    one.ImageOrientationPatient = list(orientation)
    block = one.private_block(0x65, "Image Private Header", create=True)
    block.add_new(0x50, "DS", str(len(slices)))
    items = []
    for corner in corners:
        item = Dataset()
        item.ImagePositionPatient = [f"{value:.6f}" for value in corner]
        items.append(item)
    block.add_new(0x51, "SQ", items)
    return one


def save_all(images: Sequence[Dataset], folder: Path) -> Path:
    for number, one in enumerate(images):
        vm.save(one, folder / f"{number:03d}.dcm")
    return folder
