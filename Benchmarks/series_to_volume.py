"""From the files of a CT series to one volume: this library against SimpleITK and pydicom with NumPy, in one run.

    python Benchmarks/series_to_volume.py [--slices 500] [--size 512] [--repeat 3]

The files are made from a real CT header that pydicom installs (signed 16 bits, intercept -1024, explicit VR little
endian, private groups included), in an order that is not that of their names. Each reader runs in a fresh process,
alone, and does the whole job: find the files' order, decode, rescale. All results are compared: same values, same
place. Imports do not count. The files have just been written, so they are in the page cache: this measures the
readers, not the disk. Time is the best of the repeats; memory is by how much the process grew at its peak, the largest
of the repeats, as a multiple of the volume at two bytes for each voxel.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from harness import LIBRARY, by_turns, in_fresh_process, machine

sys.path.insert(0, str(LIBRARY))

SPACING_MM = 0.625
SERIES_UID = "1.2.826.0.1.3680043.10.1.2"
MOST_MEMORY = 1.25


@dataclass(frozen=True)
class Result:
    """What a reader made."""

    array: np.ndarray
    """(nk, nj, ni)."""
    origin: tuple[float, ...]
    """LPS mm."""
    keep: Any = None
    """What owns the array."""


def write_files(folder: Path, count: int, size: int) -> None:
    """Write ``count`` slices of one CT series of ``size`` × ``size`` pixels."""
    import pydicom
    from pydicom.data import get_testdata_file

    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    # Padding behind the pixels is what the tool added that made the sample; scanners write none.
    del dataset[0xFFFC, 0xFFFC]
    dataset.Rows = dataset.Columns = size
    dataset.SeriesInstanceUID = SERIES_UID
    generator = np.random.default_rng(1)
    noise = generator.integers(-20, 20, (size, size), dtype=np.int16)
    names = generator.permutation(count)
    j, i = np.mgrid[:size, :size] / size - 0.5
    for index in range(count):
        body = np.where(i**2 + j**2 < 0.2, 1050, 30) + 200 * np.sin(6 * i + index / 20)
        dataset.PixelData = (body.astype(np.int16) + np.roll(noise, index)).tobytes()
        uid = f"{SERIES_UID}.{index + 1}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = uid
        dataset.InstanceNumber = index + 1
        dataset.ImagePositionPatient = [-158.135803, -179.035797, f"{index * SPACING_MM:.6f}"]
        dataset.SliceLocation = f"{index * SPACING_MM:.6f}"
        dataset.save_as(folder / f"{names[index]:05d}.dcm")


def read_ours(folder: Path) -> Result:
    """This library, to a NumPy array."""
    from DicomRegInspectorLib.series import load_series

    volume = load_series(folder)
    return Result(volume.array, tuple(volume.affine_lps[:3, 3]))


def read_ours_vtk(folder: Path) -> Result:
    """This library, to a VTK image."""
    from DicomRegInspectorLib.scene.series.series_volume import vtk_image
    from DicomRegInspectorLib.series import load_series
    from vtkmodules.util.numpy_support import vtk_to_numpy

    volume = load_series(folder)
    origin = tuple(volume.affine_lps[:3, 3])
    image = vtk_image(volume)
    del volume
    values = vtk_to_numpy(image.GetPointData().GetScalars())
    return Result(values.reshape(image.GetDimensions()[::-1]), origin, image)


def read_simpleitk(folder: Path) -> Result:
    """SimpleITK's ImageSeriesReader, the files in the order GDCM finds."""
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    return Result(sitk.GetArrayViewFromImage(image), image.GetOrigin(), image)


def read_pydicom(folder: Path) -> Result:
    """pydicom and NumPy: sort by position, fill one int16 array slice by slice."""
    import pydicom

    paths = sorted(folder.glob("*.dcm"))
    tags = ["ImagePositionPatient", "Rows", "Columns"]
    headers = [pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags) for path in paths]
    order = sorted(range(len(paths)), key=lambda k: headers[k].ImagePositionPatient[2])
    first = headers[order[0]]
    array = np.empty((len(paths), first.Rows, first.Columns), np.int16)
    for k, number in enumerate(order):
        dataset = pydicom.dcmread(paths[number])
        array[k] = dataset.pixel_array
        array[k] *= np.int16(dataset.RescaleSlope)
        array[k] += np.int16(dataset.RescaleIntercept)
    return Result(array, tuple(first.ImagePositionPatient))


READERS: dict[str, tuple[str, Callable[[Path], Result], str]] = {
    "ours": ("DicomRegInspector, NumPy array", read_ours, ""),
    "ours-vtk": ("DicomRegInspector, VTK image", read_ours_vtk, ""),
    "simpleitk": ("SimpleITK ImageSeriesReader", read_simpleitk, "SimpleITK"),
    "pydicom": ("pydicom and NumPy", read_pydicom, "pydicom"),
}


def start_measuring() -> int:
    """Forget the peak so far, where the system can; what this process takes now, bytes."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak_bytes()


def peak_bytes() -> int:
    """The largest size of this process since measuring started."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def run_reader(name: str, folder: Path) -> None:
    """In a process of its own: one small run to import everything, one measured."""
    read = READERS[name][1]
    read(folder / "warm-up")
    before = start_measuring()
    start = time.perf_counter()
    result = read(folder / "series")
    seconds = time.perf_counter() - start
    grown = peak_bytes() - before
    check = 0
    for one in result.array:
        check = zlib.crc32(np.ascontiguousarray(one, dtype="<i4"), check)
    told = {"seconds": seconds, "grown": grown, "check": check, "type": str(result.array.dtype)}
    print(json.dumps({**told, "shape": result.array.shape, "origin": [float(value) for value in result.origin]}))


def main() -> None:
    """Make the files, run every reader, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=500, help="number of CT files (default 500)")
    parser.add_argument("--size", type=int, default=512, help="rows and columns (default 512)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each reader (default 3)")
    parser.add_argument("--reader", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reader:
        run_reader(options.reader, options.folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        for name, count, size in (("series", options.slices, options.size), ("warm-up", 3, 32)):
            (Path(temporary) / name).mkdir()
            write_files(Path(temporary) / name, count, size)
        runs = by_turns(READERS, options.repeat, lambda name: in_fresh_process("--reader", name, "--folder", temporary))
    bytes_of_volume = 2 * options.slices * options.size**2
    print(
        f"{options.slices} CT files of {options.size} × {options.size} int16 ({bytes_of_volume / 1e6:.0f} MB), "
        f"warm page cache, best of {options.repeat}\n{machine()}\n"
    )
    report(runs, bytes_of_volume)


def report(runs: dict[str, list[dict[str, Any]]], bytes_of_volume: int) -> None:
    """Print seconds and memory; fail when results differ or this library is not ahead within its memory."""
    seconds = {name: min(one["seconds"] for one in found) for name, found in runs.items()}
    memory = {name: max(one["grown"] for one in found) / bytes_of_volume for name, found in runs.items()}
    print(f"{'reader':<34} {'version':>9} {'type':>6} {'seconds':>8} {'times ours':>11} {'peak memory':>12}")
    for name, (title, _, package) in READERS.items():
        version = importlib.metadata.version(package) if package else ""
        kind, times = runs[name][0]["type"], seconds[name] / seconds["ours"]
        print(f"{title:<34} {version:>9} {kind:>6} {seconds[name]:8.3f} {times:10.2f}x {memory[name]:11.2f}x")
    found = {(one["check"], tuple(one["shape"])) for several in runs.values() for one in several}
    origins = np.array([one["origin"] for several in runs.values() for one in several])
    ours = max(seconds["ours"], seconds["ours-vtk"])
    problems = []
    if len(found) > 1 or np.ptp(origins, axis=0).max() > 1e-6:
        problems.append("The readers do not agree on values or place.")
    if ours >= min(seconds["simpleitk"], seconds["pydicom"]):
        problems.append("This library is not ahead of both.")
    if max(memory["ours"], memory["ours-vtk"]) > MOST_MEMORY:
        problems.append(f"This library needs more than {MOST_MEMORY} times the volume.")
    sys.exit("\n".join(["", *problems]) if problems else 0)


if __name__ == "__main__":
    main()
