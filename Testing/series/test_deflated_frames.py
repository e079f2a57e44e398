"""Deflated Image Frame Compression (PS3.5 A.4.12) is decoded; what cannot be decoded here is named."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import volume_making as vm
from DicomRegInspectorLib import check_pixels, load_series
from DicomRegInspectorLib.errors import FileError
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def save(one: Dataset, frames: list[bytes], path: Path, syntax: str = DEFLATED_FRAMES) -> Path:
    """Written under a syntax that pydicom knows; its UID is exchanged in the file for one that it does not."""
    one.PixelData = encapsulate(frames)
    one["PixelData"].VR, one["PixelData"].is_undefined_length = "OB", True
    if syntax != DEFLATED_FRAMES:
        return vm.save(one, path, syntax)
    vm.save(one, path, JPEG2000Lossless)
    uid = syntax.encode().ljust(len(JPEG2000Lossless), b"\0")
    path.write_bytes(path.read_bytes().replace(JPEG2000Lossless.encode(), uid, 1))
    return path


def frames_of(values: np.ndarray, **elements: object) -> Dataset:
    """(n, rows, columns) as a file of that many frames without places."""
    one = vm.dataset(values[0], None, **elements)
    one.NumberOfFrames = len(values)
    return one


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "u4"])
@pytest.mark.parametrize("count", [1, 4])
def test_frames_come_back_as_they_were(tmp_path: Path, dtype: str, count: int) -> None:
    values = vm.pixels_of(count, (5, 6), dtype)
    packed = [deflated(frame.astype(frame.dtype.newbyteorder("<")).tobytes()) for frame in values]
    path = save(frames_of(values), packed, tmp_path / "one.dcm")
    np.testing.assert_array_equal(load_series(path).array, values)
    assert [finding.code for finding in check_pixels(path).findings if finding.severity == "error"] == []


def test_bits_of_a_segmentation_come_back(tmp_path: Path) -> None:
    bits = np.random.default_rng(2).integers(0, 2, (3, 8, 8), dtype=np.uint8)
    one = frames_of(bits, BitsAllocated=1, BitsStored=1, HighBit=0)
    packed = [deflated(np.packbits(frame, axis=None, bitorder="little").tobytes()) for frame in bits]
    np.testing.assert_array_equal(load_series(save(one, packed, tmp_path / "one.dcm")).array, bits)


@pytest.mark.parametrize("planar", [0, 1])
def test_colours_come_back(tmp_path: Path, planar: int) -> None:
    values = vm.pixels_of(2, (4, 5, 3), "u1")
    one = frames_of(values, PlanarConfiguration=planar)
    stored = values.transpose(0, 3, 1, 2) if planar else values
    path = save(one, [deflated(frame.tobytes()) for frame in stored], tmp_path / "one.dcm")
    np.testing.assert_array_equal(load_series(path).array, values)


def _damage(change: Callable[[list[bytes]], list[bytes]], folder: Path) -> Path:
    values = vm.pixels_of(3, (5, 6), "u2")
    return save(frames_of(values), change([deflated(frame.tobytes()) for frame in values]), folder / "one.dcm")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda packed: [packed[0], packed[1][:7], packed[2]], "frame 2"),
        (lambda packed: [packed[0], b"\xff" * 20, packed[2]], "frame 2"),
        (lambda packed: [packed[0], packed[1], deflated(bytes(10_000_000))], "more than 60 bytes"),
        (lambda packed: packed[:2], "fragments"),
    ],
)
def test_damaged_frames_are_told_and_nothing_is_blown_up(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], said: str
) -> None:
    path = _damage(change, tmp_path)
    with pytest.raises(FileError, match=said):
        load_series(path)
    assert any(finding.severity == "error" for finding in check_pixels(path).findings)


@pytest.mark.parametrize("number", [201, 202, 203])
def test_high_throughput_jpeg_2000_is_named_where_it_is_not_decoded(tmp_path: Path, number: int) -> None:
    from pydicom.pixels import get_decoder

    syntax = f"1.2.840.10008.1.2.4.{number}"
    if get_decoder(syntax).is_available:
        pytest.skip("a decoder for High-Throughput JPEG 2000 is installed")
    # SOC and SIZ of an image of 7 × 5 signed values of 16 bits (ISO/IEC 15444-1 A.5.1), and nothing after them.
    size = struct.pack(">HHIIIIIIIIHBBB", 41, 0x4000, 7, 5, 0, 0, 7, 5, 0, 0, 1, 0x8F, 1, 1)
    codestream = b"\xff\x4f\xff\x51" + size + b"\0" * 6
    path = save(vm.dataset(vm.pixels_of(1)[0]), [codestream], tmp_path / "one.dcm", syntax)
    with pytest.raises(FileError) as refused:
        load_series(path)
    (told,) = [finding for finding in check_pixels(path).findings if finding.code == "pixel-not-decodable"]
    for text in (str(refused.value), told.message):
        assert "High-Throughput JPEG 2000" in text and "Install" in text and "Get " not in text
