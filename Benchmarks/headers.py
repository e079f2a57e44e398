"""How fast the headers of big series are read: this library against pydicom, GDCM and SimpleITK, in one run.

    python Benchmarks/headers.py [--files 4000] [--repeat 3] [--series CT GE Philips Siemens UIH]

The CT files are made from a real header that pydicom installs (a GE scanner's, private groups included), the MR files
as the scanners of four makers write them: sequences of undefined length, long private groups (see vendor_headers.py).
What differs from slice to slice at a scanner differs here too: UIDs, times, numbers, positions, tube current, private
values. Pixels are few, since no peer reads them. Each reader runs in a fresh process, alone, over the same files and
takes the same elements out of them; imports do not count. The files have just been written, so they are in the page
cache: this measures the readers, not the disk. Best of the repeats.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from harness import LIBRARY, by_turns, in_fresh_process, machine
from vendor_headers import MAKERS, write_vendor_series

sys.path.insert(0, str(LIBRARY))

SPACING_MM = 0.625
SERIES_UID = "1.2.826.0.1.3680043.10.1.1"


def write_ct_series(folder: Path, count: int) -> None:
    """Write ``count`` slices of one CT series from a header that pydicom installs."""
    import pydicom
    from pydicom.data import get_testdata_file

    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    # Padding behind the pixels is what the tool added that made the sample; scanners write none.
    del dataset[0xFFFC, 0xFFFC]
    dataset.Rows = dataset.Columns = 32
    dataset.PixelData = bytes(2 * 32 * 32)
    dataset.SeriesInstanceUID = SERIES_UID
    for index in range(count):
        uid = f"{SERIES_UID}.{index + 1}"
        seconds = index // 8
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = uid
        dataset.InstanceCreationTime = dataset.ContentTime = (
            f"{10 + seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"
        )
        dataset.AcquisitionTime = dataset.ContentTime
        dataset.InstanceNumber = index + 1
        position = index * SPACING_MM
        dataset.ImagePositionPatient = [-158.135803, -179.035797, f"{position:.6f}"]
        dataset.SliceLocation = f"{position:.6f}"
        dataset.XRayTubeCurrent = 170 + index % 41
        dataset.Exposure = 170 + index % 37
        dataset[0x0019, 0x1024].value = f"{17.784578 + index * 0.1:.6f}"
        dataset[0x0019, 0x1059 if (0x0019, 0x1059) in dataset else 0x1060].value = 1969 + index % 100
        dataset.save_as(folder / f"{index:05d}.dcm")


def read_ours(paths: list[str]) -> int:
    """This library: headers only."""
    from DicomRegInspectorLib.series import read_header

    return len({header.sop_instance_uid for header in map(read_header, paths)})


def inspect_ours(paths: list[str]) -> int:
    """This library: headers, and the whole judgement of their geometry."""
    from DicomRegInspectorLib.series import inspect_series, read_header

    (series,) = inspect_series(map(read_header, paths))
    assert abs(series.main_stack.nominal_spacing_mm - SPACING_MM) < 1e-6
    return series.slice_count


def read_pydicom(paths: list[str]) -> int:
    """pydicom with stop_before_pixels; the geometry elements are taken out."""
    import pydicom

    seen = set()
    for path in paths:
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        seen.add(
            (dataset.SOPInstanceUID, *(dataset.get(name) is None for name in ("ImagePositionPatient", "PixelSpacing")))
        )
    return len(seen)


def read_pydicom_tags(paths: list[str]) -> int:
    """pydicom with stop_before_pixels and the wanted elements named."""
    import pydicom
    from DicomRegInspectorLib.dicom.tags import WANTED

    tags = list(WANTED)
    return len({pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags).SOPInstanceUID for path in paths})


def read_gdcm(paths: list[str]) -> int:
    """GDCM's Scanner with the same elements."""
    import gdcm
    from DicomRegInspectorLib.dicom.tags import WANTED

    scanner = gdcm.Scanner()
    for tag in WANTED:
        scanner.AddTag(gdcm.Tag(tag >> 16, tag & 0xFFFF))
    assert scanner.Scan(paths)
    uid = gdcm.Tag(0x0008, 0x0018)
    return len({scanner.GetValue(path, uid) for path in paths})


def read_simpleitk(paths: list[str]) -> int:
    """SimpleITK's series reader sorting a folder's files by position (GDCMSeriesFileNames)."""
    import SimpleITK

    return len(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(Path(paths[0]).parent), SERIES_UID))


READERS: dict[str, tuple[str, Callable[[list[str]], int], str]] = {
    "ours": ("DicomRegInspector, headers", read_ours, ""),
    "inspect": ("DicomRegInspector, headers and geometry", inspect_ours, ""),
    "pydicom": ("pydicom, stop_before_pixels", read_pydicom, "pydicom"),
    "pydicom-tags": ("pydicom, stop_before_pixels, same tags", read_pydicom_tags, "pydicom"),
    "gdcm": ("GDCM Scanner, same tags", read_gdcm, "python-gdcm"),
    "simpleitk": ("SimpleITK series file names", read_simpleitk, "SimpleITK"),
}


def run_reader(name: str, folder: Path) -> None:
    """In a process of its own: one small run to import everything, one timed."""
    read = READERS[name][1]
    paths = sorted(str(path) for path in folder.glob("*.dcm"))
    warm_up = [str(path) for path in sorted((folder / "warm-up").glob("*.dcm"))]
    read(warm_up)
    start = time.perf_counter()
    found = read(paths)
    seconds = time.perf_counter() - start
    assert found == len(paths), f"{name} found {found} of {len(paths)} instances"
    print(json.dumps({"seconds": seconds}))


def main() -> None:
    """Make the files of each series, run every reader on them, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=4000, help="number of files in a series (default 4000)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each reader, the best counts (default 3)")
    parser.add_argument("--series", nargs="+", choices=["CT", *MAKERS], default=["CT", *MAKERS], help="default: all")
    parser.add_argument("--reader", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reader:
        run_reader(options.reader, options.folder)
        return
    print(f"{machine()}\nwarm page cache, best of {options.repeat}")
    times = {name: compare_readers(name, options.files, options.repeat) for name in options.series}
    print(f"\n{'times as long as ours':<24}" + "".join(f"{name:>14}" for name in READERS))
    for name, best in times.items():
        print(f"{name:<24}" + "".join(f"{best[reader] / best['ours']:14.1f}" for reader in READERS))


def compare_readers(series: str, files: int, repeat: int) -> dict[str, float]:
    """Make one series, print the table of its readers, return the seconds of each."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "warm-up").mkdir()
        for place, count in ((folder, files), (folder / "warm-up", 5)):
            if series == "CT":
                write_ct_series(place, count)
            else:
                write_vendor_series(place, count, MAKERS[series], SERIES_UID, SPACING_MM)
        size = sum(path.stat().st_size for path in folder.glob("*.dcm")) / files
        runs = by_turns(READERS, repeat, lambda name: in_fresh_process("--reader", name, "--folder", folder))
    best = {name: min(run["seconds"] for run in found) for name, found in runs.items()}
    print(f"\n{files} files {'of CT' if series == 'CT' else 'as ' + series + ' writes MR'}, {size:,.0f} bytes each")
    print(f"{'reader':<42} {'version':>9} {'seconds':>8} {'files/s':>9} {'times ours':>11}")
    for name, seconds in best.items():
        title, _, package = READERS[name]
        version = importlib.metadata.version(package) if package else ""
        print(f"{title:<42} {version:>9} {seconds:8.3f} {files / seconds:9,.0f} {seconds / best['ours']:10.1f}x")
    return best


if __name__ == "__main__":
    main()
