"""Time and memory follow what is asked of a file, not what it claims or inflates to."""

from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import DicomRegInspectorLib
import pydicom
import pytest
import volume_making as vm
from DicomRegInspectorLib.dicom.tags import Tag
from DicomRegInspectorLib.errors import FileError, TruncatedFileError
from DicomRegInspectorLib.series import read_header

LIBRARY = str(Path(DicomRegInspectorLib.__file__).resolve().parent.parent)
EMPTY_ITEM = struct.pack("<HHIHHI", 0xFFFE, 0xE000, 0xFFFFFFFF, 0xFFFE, 0xE00D, 0)
END_OF_SEQUENCE = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
MEGABYTE = 1 << 20


def growth(code: str, path: Path) -> tuple[int, str]:
    """Bytes by which the peak memory of a process grows over some code, and what it prints."""
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of a process alone is told by Linux only")
    program = f"""
import sys
sys.path.insert(0, {LIBRARY!r})
import numpy
from DicomRegInspectorLib import inspect_paths, load_series
from DicomRegInspectorLib.dicom import pydicom_header
import pydicom.pixels, pydicom.filereader
path = sys.argv[1]
peak = lambda: int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])
before = peak()
{code}
print(peak() - before)
"""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=100, env=environment
    )
    assert done.returncode == 0, done.stderr
    *said, kilobytes = done.stdout.splitlines()
    return int(kilobytes) * 1024, "\n".join(said)


def test_a_million_items_for_four_frames_are_not_all_read(tmp_path: Path) -> None:
    path = vm.save(
        vm.enhanced(vm.pixels_of(4), vm.axial(4), [("1", "0")] * 4), tmp_path / "enhanced.dcm", "1.2.840.10008.1.2.1"
    )
    data = path.read_bytes()
    frames = data.index(struct.pack("<HH2s", 0x5200, 0x9230, b"SQ"))
    pixels = data.index(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))
    sequence = struct.pack("<HH2sHI", 0x5200, 0x9230, b"SQ", 0, 0xFFFFFFFF)
    items = EMPTY_ITEM * 1_000_000 + END_OF_SEQUENCE
    path.write_bytes(data[:frames] + sequence + items + data[pixels:])
    more, said = growth("for finding in inspect_paths([path]).findings: print(finding.code, finding.message)", path)
    assert more < 20 * path.stat().st_size
    assert "file-unreadable The file has a header of more than" in said


def deflated(path: Path, header: pydicom.Dataset, tag: int, size: int) -> Path:
    """A deflated file whose element with this tag, of zeros, comes last; it need not all be in memory to be made."""
    header.file_meta = pydicom.dataset.FileMetaDataset()
    vm.save(header, path, "1.2.840.10008.1.2.1.99")
    data = path.read_bytes()
    start = 144 + int.from_bytes(data[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(zlib.decompress(data[start:], -zlib.MAX_WBITS))
    packed += packer.compress(struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"OW", 0, size))
    for _ in range(size // MEGABYTE):
        packed += packer.compress(bytes(MEGABYTE))
    path.write_bytes(data[:start] + packed + packer.flush())
    return path


def test_frames_of_a_deflated_file_are_inflated_one_at_a_time(tmp_path: Path) -> None:
    image = vm.dataset(vm.pixels_of(1)[0], vm.axial(1)[0])
    image.Rows, image.Columns, image.NumberOfFrames = 1024, 1024, 100
    del image.PixelData
    path = deflated(tmp_path / "frames.dcm", image, 0x7FE00010, 200 * MEGABYTE)
    more, said = growth("print(load_series([path], frame_spacing=1.0).array.shape)", path)
    assert said == "(100, 1024, 1024)"
    assert 200 * MEGABYTE < more < 300 * MEGABYTE, f"{more:,}"


def test_a_header_that_inflates_without_end_is_not_called_cut_off(tmp_path: Path) -> None:
    image = vm.dataset(vm.pixels_of(1)[0], vm.axial(1)[0])
    for element in [element.tag for element in image if element.tag.group > 0x20]:
        del image[element]
    path = deflated(tmp_path / "header.dcm", image, 0x00210010, 100 * MEGABYTE)
    assert path.stat().st_size < MEGABYTE
    with pytest.raises(FileError, match="more than 64 MiB, inflated") as raised:
        read_header(path)
    assert not isinstance(raised.value, TruncatedFileError)


@pytest.mark.parametrize("size", [1_000, 70_000, 3_000_000])
def test_a_deflated_header_is_that_of_the_plain_file_however_far_it_reaches(tmp_path: Path, size: int) -> None:
    image = vm.dataset(vm.pixels_of(1)[0], vm.axial(1)[0])
    block = image.private_block(0x0009, "MAKER", create=True)
    block.add_new(0x01, "OB", bytes(size))
    image.Rows, image.Columns, image.PixelData = 256, 256, random.Random(1).randbytes(2 * 256 * 256)
    plain = vm.save(image, tmp_path / "plain.dcm", "1.2.840.10008.1.2.1")
    packed = vm.save(image, tmp_path / "packed.dcm", "1.2.840.10008.1.2.1.99")
    found, expected = ({**read_header(path).elements, Tag.TRANSFER_SYNTAX_UID: b""} for path in (packed, plain))
    assert found == expected
    data = packed.read_bytes()
    packed.write_bytes(data[: len(data) * 3 // 4])
    assert read_header(packed).pixel_data == "cut off"


def test_a_file_nested_deep_is_not_called_cut_off(tmp_path: Path) -> None:
    path = vm.save(vm.dataset(vm.pixels_of(1)[0], vm.axial(1)[0]), tmp_path / "a.dcm", "1.2.840.10008.1.2.1")
    data = path.read_bytes()
    sequence = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    item, end = EMPTY_ITEM[:8], EMPTY_ITEM[8:]
    at = data.index(struct.pack("<HH2s", 0x0020, 0x000D, b"UI"))
    nested = (sequence + item) * 900 + (end + END_OF_SEQUENCE) * 900
    path.write_bytes(data[:at] + nested + data[at:])
    with pytest.raises(FileError, match="nested too deeply") as raised:
        read_header(path)
    assert not isinstance(raised.value, TruncatedFileError)
