"""Time and memory of commands over small files that claim, hold or inflate to very much.

    python Benchmarks/hostile.py [--folder DIR] [--only items]

Makes each file, starts the command line over it, and prints how long that took, its peak memory beyond that of the same
command over a plain image, and what it said. Exit status 1 when one took over 5 s beyond the plain image's time, or
over 50 MB beyond 20 times its file.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
from harness import LIBRARY, machine
from pydicom.dataset import Dataset, FileMetaDataset

MOST_SECONDS, MOST_TIMES, MOST_MORE = 5.0, 20, 50 << 20
CT, ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1"
SPATIAL, DEFORMABLE = "1.2.840.10008.5.1.4.1.1.66.1", "1.2.840.10008.5.1.4.1.1.66.3"
EXPLICIT, DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"
ITEM, END_OF_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF), struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
END_OF_SEQUENCE = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
MEGABYTE = 1 << 20


def image(frames: int = 1, rows: int = 64) -> Dataset:
    """A CT image without its pixels."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = CT, "1.2.3.1", "CT"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = "1.2.3.2", "1.2.3.3", "1.2.3.4"
    dataset.InstanceNumber, dataset.SliceThickness = 1, "2.5"
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = ["0"] * 3, ["1", "0", "0", "0", "1", "0"]
    dataset.PixelSpacing, dataset.Rows, dataset.Columns = ["1", "1"], rows, rows
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    if frames > 1:
        dataset.NumberOfFrames = frames
    return dataset


def registration(sop_class: str) -> Dataset:
    """A registration without its items."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = sop_class, "1.2.3.9", "REG"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = "1.2.3.2", "1.2.3.8", "1.2.3.4"
    return dataset


def encoded(dataset: Dataset) -> list[tuple[int, bytes]]:
    """The elements of a data set, explicit little endian, each with its tag."""
    found = []
    for element in dataset:
        alone = Dataset()
        alone.add(element)
        buffer = pydicom.filebase.DicomBytesIO()
        buffer.is_little_endian, buffer.is_implicit_VR = True, False
        pydicom.filewriter.write_dataset(buffer, alone)
        found.append((int(element.tag), buffer.getvalue()))
    return found


def sequence(tag: int, content: bytes) -> tuple[int, bytes]:
    """A sequence of undefined length."""
    return tag, struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"SQ", 0, 0xFFFFFFFF) + content + END_OF_SEQUENCE


def long_element(tag: int, size: int) -> bytes:
    """The head of an element of other words."""
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"OW", 0, size)


def write(path: Path, dataset: Dataset, *more: tuple[int, bytes], syntax: str = EXPLICIT, tail: bytes = b"") -> Path:
    """Write a data set with elements of one's own among it; the tail comes last, as it is."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    body = b"".join(data for _, data in sorted([*encoded(dataset), *more]))
    with path.open("wb") as file:
        file.write(bytes(128) + b"DICM")
        pydicom.filewriter.write_file_meta_info(file, meta, enforce_standard=True)
        file.write(body + tail)
    return path


def deflated(path: Path, dataset: Dataset, tag: int, megabytes: int) -> Path:
    """Write a deflated data set that ends in an element of zeros: one compressed megabyte, again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    size = min(megabytes * MEGABYTE, 0xFFFFFFFE)
    body = b"".join(data for at, data in encoded(dataset) if at < tag)
    first = packer.compress(body + long_element(tag, size)) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    empty = Dataset()
    empty.SOPClassUID, empty.SOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    write(path, empty, syntax=DEFLATED)
    whole = path.read_bytes()
    path.write_bytes(whole[: 144 + int.from_bytes(whole[140:144], "little")])
    with path.open("ab") as file:
        file.write(first)
        for _ in range(megabytes):
            file.write(piece)
        file.write(packer.flush())
    return path


def files(folder: Path) -> Iterator[tuple[str, Callable[[], Path]]]:
    """Yield what each file is, and what makes it."""
    items = ITEM + END_OF_ITEM
    pixels = (0x7FE00010, long_element(0x7FE00010, 8192) + bytes(8192))
    million = items * 1_000_000
    enhanced = image(4)
    enhanced.SOPClassUID = ENHANCED_CT
    yield "plain image", lambda: write(folder / "plain.dcm", image(), pixels)
    for name, dataset, tag in (
        ("functional groups of an image", enhanced, 0x52009230),
        ("images an image refers to", image(), 0x00081140),
        ("a private sequence of an image", image(), 0x00091010),
        ("series a registration refers to", registration(SPATIAL), 0x00081115),
        ("items of a rigid registration", registration(SPATIAL), 0x00700308),
        ("items of a deformable registration", registration(DEFORMABLE), 0x00640002),
    ):
        more = [sequence(tag, million)] + ([pixels] if "Rows" in dataset else [])
        yield (
            f"a million empty items: {name}",
            lambda dataset=dataset, more=more: write(folder / "items.dcm", dataset, *more),
        )
    header = image()
    yield "8 MB that inflate to 8 GB: header", lambda: deflated(folder / "h.dcm", header, 0x00091010, 8192)
    grid = registration(DEFORMABLE)
    yield "8 MB that inflate to 8 GB: vectors", lambda: deflated(folder / "v.dcm", grid, 0x00640009, 8192)
    yield "4 MB that inflate to 4 GB: one frame", lambda: deflated(folder / "p.dcm", image(), 0x7FE00010, 4096)
    frames = image(2048, 1024)
    yield "4 MB that inflate to 4 GB: 2048 frames", lambda: deflated(folder / "f.dcm", frames, 0x7FE00010, 4096)
    deep = 900
    for name, tag in (("private", 0x00091010), ("referenced images", 0x00081140)):
        inner = struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"SQ", 0, 0xFFFFFFFF)
        nested = ITEM + (inner + ITEM) * deep + (END_OF_ITEM + END_OF_SEQUENCE) * deep + END_OF_ITEM
        yield (
            f"nested {deep} deep: {name}",
            lambda tag=tag, nested=nested: write(folder / "deep.dcm", image(), sequence(tag, nested), pixels),
        )


_LAUNCHER = """
import json, os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
said = process.stdout.read().decode(errors="replace")
_, _, usage = os.wait4(process.pid, 0)
print(json.dumps([usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10, said]))
"""
"""Starts a command: to its peak, Linux counts what the process that starts it holds, and this one holds the files."""


def measured(*command: str) -> tuple[float, int, str]:
    """Seconds of processors, bytes of peak memory, and the line that tells most of what was said."""
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY), "OPENBLAS_NUM_THREADS": "1"}
    told = subprocess.run(
        [sys.executable, "-c", _LAUNCHER, sys.executable, "-m", "DicomRegInspectorLib", *command],
        stdout=subprocess.PIPE, env=environment, check=True,
    ).stdout  # fmt: skip
    cpu, peak, said = json.loads(told)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("more than", "nest", "inflat", "cut off"))]
    return cpu, peak, (telling or lines or [""])[0]


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="where files are made and left; a temporary one without it")
    parser.add_argument("--only", default="", help="files whose description holds this")
    chosen = parser.parse_args()
    print(machine())
    wrong = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        plain: dict[str, tuple[float, int]] = {}
        for name, make in files(folder):
            if plain and chosen.only not in name:
                continue
            path = make()
            size = path.stat().st_size
            print(f"{name} ({size / 1e6:.1f} MB)")
            for command in ("inspect", "show", "pixels"):
                seconds, peak, said = measured(command, str(path), "--fail-on", "never")
                own_seconds, own_peak = plain.setdefault(command, (seconds, peak))
                more = max(peak - own_peak, 0)
                is_wrong = seconds - own_seconds > MOST_SECONDS or more > MOST_TIMES * size + MOST_MORE
                wrong += is_wrong
                mark = "  TOO MUCH" if is_wrong else ""
                print(f"  {command:8} {seconds:6.1f} s  {more / 1e6:6.0f} MB more{mark}  {said[:110]}")
            path.unlink()
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
