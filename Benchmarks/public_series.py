"""Series as scanners wrote them: this library's reading of each against dcm2niix's and against plain counting.

    python Benchmarks/public_series.py FOLDER... [--only-differences] [--json FILE]

Each folder is read three times, and the series are matched by their Series Instance UID:

- this library's ``inspect_paths``, by its JSON: a stack is one volume;
- dcm2niix: the dimensions and pixdim[3] in the NIfTI headers it writes; the fourth dimension and the several files of
  one series count as volumes. What it writes besides counts as nothing: resampled images (names with ``_Eq`` or
  ``_Tilt``), overlays (``_ROI``), and diffusion images without their trace where ``_ADC`` has all of them;
- plain counting with pydicom alone: images of one size, orientation and pixel spacing, their distinct places along the
  normal, and how many images each place has. A series is complete when each place of a group has equally many, the
  places are evenly spaced, and no place is missing.

Folders that hold one series twice, say as classic and as enhanced files, are best named apart. A difference is
explained only by a rule that was checked on the files; the others are listed as unexplained.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from harness import LIBRARY
from plain_counting import PlainCount, plain_counts

if "DicomRegInspectorLib" not in sys.modules:
    sys.path.append(str(LIBRARY))  # behind PYTHONPATH, which may name another checkout

SAME_SPACING = 0.001
"""Relative difference of two spacings that still counts as none."""
ABSENT = (
    "dcm2niix is not installed, and without it there is nothing to compare with: install the package dcm2niix of the "
    "system (or of PyPI) so that it is found on PATH."
)
Dimensions = tuple[int, int, int]
"""Columns, rows and slices of one volume."""


@dataclass
class Volumes:
    """What one reader makes of one series."""

    count: Counter[Dimensions] = field(default_factory=Counter)
    spacings_mm: dict[Dimensions, list[float]] = field(default_factory=dict)
    """Distances between slices, for the volumes of more than one."""

    def add(self, dimensions: Dimensions, spacing_mm: float | None, times: int = 1) -> None:
        """Count ``times`` volumes of one kind."""
        self.count[dimensions] += times
        if spacing_mm is not None and dimensions[2] > 1:
            self.spacings_mm.setdefault(dimensions, []).append(abs(spacing_mm))

    @property
    def images(self) -> int:
        """Slices of all volumes."""
        return sum(dimensions[2] * times for dimensions, times in self.count.items())

    def __str__(self) -> str:
        parts = []
        for dimensions, times in sorted(self.count.items()):
            spacing = sorted({f"{value:.5g}" for value in self.spacings_mm.get(dimensions, [])})
            parts.append(
                f"{times}×({'×'.join(map(str, dimensions))})" + (f" {'/'.join(spacing[:3])} mm" * bool(spacing))
            )
        return ", ".join(parts[:4]) + (f", … {len(parts)} kinds" if len(parts) > 4 else "") or "none"


@dataclass
class Row:
    """One series as the three see it."""

    folder: str
    uid: str
    counted: PlainCount
    product: Volumes
    dcm2niix: Volumes | None
    findings: list[tuple[str, str]]
    """Severity and code of each finding of this library."""
    differences: dict[str, str] = field(default_factory=dict)
    """What differs from dcm2niix, and why; an empty reason where no rule explains it."""

    def to_dict(self) -> dict[str, Any]:
        """The row as JSON holds it; volumes and counts in words, as the table has them."""
        words = {name: str(getattr(self, name)) for name in ("counted", "product", "dcm2niix")}
        return {**vars(self), **words, "title": self.counted.title, "complete": self.counted.complete}


def dcm2niix_volumes(folder: Path, counts: dict[str, PlainCount]) -> dict[str, Volumes]:
    """Volumes that dcm2niix makes of each series under a folder, by Series Instance UID.

    Its output is named after the Media Storage SOP Instance UID of an image of the series, which ``counts`` knows: what
    it takes for the UID of the series is an element of a nested sequence in classic files of Siemens XA.

    Raises
    ------
    SystemExit
        When dcm2niix is not installed.
    """
    if shutil.which("dcm2niix") is None:
        raise SystemExit(ABSENT)
    series_of = {sop: uid for uid, counted in counts.items() for sop in counted.media_storage_uids}
    series: dict[str, Volumes] = {}
    with tempfile.TemporaryDirectory() as output:
        options = ["-d", "9", "-z", "n", "-b", "n", "-x", "i", "-f", "%o"]
        # It exits with an error also when one file of many cannot be converted: what it wrote counts.
        subprocess.run(["dcm2niix", *options, "-o", output, str(folder)], capture_output=True, check=False)
        for image in sorted(Path(output).glob("*.nii")):
            sop = re.split("[^0-9.]", image.stem)[0]
            whole = image.with_name(f"{image.stem}_ADC.nii")
            if sop in series_of and not whole.exists() and not re.search("_(Eq|Tilt|ROI)", image.stem):
                dimensions, spacing_mm, times = read_nifti(image)
                series.setdefault(series_of[sop], Volumes()).add(dimensions, spacing_mm, times)
    return series


def read_nifti(path: Path) -> tuple[Dimensions, float, int]:
    """Columns, rows and slices, pixdim[3] in mm and the number of volumes, from a NIfTI-1 header.

    Raises
    ------
    ValueError
        When the file is no NIfTI-1 file.
    """
    with path.open("rb") as stream:
        head = stream.read(348)
    order = next((order for order in "<>" if head[:4] == struct.pack(order + "i", 348)), None)
    if order is None or len(head) < 348:
        raise ValueError(f"{path}: no NIfTI-1 header (its first four bytes say {head[:4]!r}, not 348)")
    used, *dims = struct.unpack(order + "8h", head[40:56])
    pixdim = struct.unpack(order + "8f", head[76:108])
    columns, rows, slices = (dims[axis] if axis < used else 1 for axis in range(3))
    return (columns, rows, slices), pixdim[3], int(np.prod(dims[3:used], dtype=int))


def product_volumes(series: dict[str, Any]) -> Volumes:
    """Volumes in this library's report of one series: each stack is one."""
    volumes = Volumes()
    for stack in series["stacks"]:
        volumes.add((stack["columns"], stack["rows"], stack["slice_count"]), stack["nominal_spacing_mm"])
    return volumes


def rows_of(folder: Path) -> list[Row]:
    """Every image series under a folder, as the three see it."""
    from DicomRegInspectorLib import inspect_paths

    counts = plain_counts(folder)
    converted = dcm2niix_volumes(folder, counts)
    rows = []
    for series in inspect_paths(folder).to_dict()["series"]:
        uid = series["series_instance_uid"]
        findings = [(finding["severity"], finding["code"]) for finding in series["findings"]]
        counted = counts.get(uid, PlainCount())
        row = Row(str(folder), uid, counted, product_volumes(series), converted.get(uid), findings)
        row.differences = differences(row)
        rows.append(row)
    for index, row in enumerate(rows):
        joined = _joined(row, rows[index + 1 :])
        row.differences = {what: why or joined for what, why in row.differences.items()}
    return rows


def _joined(row: Row, following: list[Row]) -> str:
    """Why dcm2niix has more volumes, where the series after this one make them up; empty otherwise.

    Siemens XA writes a series for each volume of a scan in its classic files, and dcm2niix joins these.
    """
    alike = itertools.takewhile(
        lambda other: (
            other.dcm2niix is None
            and other.counted.description == row.counted.description
            and other.product.count.keys() == row.product.count.keys()
        ),
        following,
    )
    together = sum((other.product.count for other in alike), row.product.count)
    same = row.dcm2niix is not None and together == row.dcm2niix.count
    return "joined: dcm2niix makes one of this series and those after it, of one volume each" if same else ""


def differences(row: Row) -> dict[str, str]:
    """What dcm2niix reads differently in one series: volumes, dims or spacing, each with the rule that explains it."""
    ours, theirs = row.product, row.dcm2niix
    if theirs is None:
        return {}
    found = {}
    if ours.count.total() != theirs.count.total():
        found["volumes"] = _reason(row)
    if ours.count != theirs.count:
        found["dims"] = _reason(row)
    for dimensions in ours.spacings_mm.keys() & theirs.spacings_mm.keys():
        pairs = zip(_ends(ours.spacings_mm[dimensions]), _ends(theirs.spacings_mm[dimensions]), strict=True)
        if any(abs(mine - other) > SAME_SPACING * other for mine, other in pairs):
            found["spacing"] = _reason_of_spacing(row.counted)
    return found


def _reason_of_spacing(counted: PlainCount) -> str:
    """Why one number need not be the spacing of both; empty where none of the rules holds."""
    if counted.modality == "SEG":
        return "segmentation: frames are where segments are, and the header's spacing is that of the whole grid"
    return "" if counted.evenly_spaced else "uneven intervals: one number does not say them"


def _ends(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)


def _reason(row: Row) -> str:
    """Why the volumes of one series need not be the same; empty where none of the rules holds."""
    counted, theirs = row.counted, row.dcm2niix or Volumes()
    written, ours, converted = theirs.count.total(), row.product.images, theirs.images
    if counted.repeated and written > counted.images:
        return f"{counted.repeated} files repeat an SOP Instance UID: dcm2niix takes them as images of their own"
    if written <= counted.images and _are_tiles(counted.sizes, theirs.count):
        fewer = f", and it writes {written} of {counted.images}" if written < counted.images else ""
        return f"tiles: each image is a mosaic or grid that dcm2niix takes apart{fewer}"
    if written == counted.images == row.product.count.total() and _are_tiles(counted.sizes, row.product.count):
        return "tiles: each image is a mosaic that does not say how many slices it holds; dcm2niix leaves it whole"
    if counted.without_place:
        return f"{counted.without_place} images without a place: dcm2niix makes a place up"
    if counted.modality == "SEG":
        return "segmentation: dcm2niix puts the frames of all segments one after the other"
    if not counted.equally_often:
        return f"incomplete: some places have fewer images; dcm2niix writes {converted} of {counted.images}"
    if ours == counted.images > converted:
        return f"dcm2niix writes {converted} of {counted.images} images"
    if ours == converted and not counted.evenly_spaced:
        return "uneven intervals: dcm2niix takes the volume apart elsewhere"
    return ""


def _are_tiles(images: set[tuple[int, int]], volumes: Iterable[Dimensions]) -> bool:
    """Whether images of one size in pixels are whole numbers of tiles, enough of them for the slices of each volume."""
    return len(images) == 1 and all(
        slices > 1 and width % columns == 0 == height % rows and slices <= (width // columns) * (height // rows)
        for width, height in images
        for columns, rows, slices in volumes
    )


def print_table(rows: Iterable[Row], only_differences: bool) -> None:
    """One line for each series."""
    lines = [("series", "files", "places × images", "complete", "this library", "dcm2niix", "findings", "differs")]
    for row in rows:
        counted = row.counted
        if only_differences and not row.differences and not (counted.complete and _worst(row) == "error"):
            continue
        told = Counter(f"{severity} {code}" for severity, code in row.findings if severity != "info")
        lines.append(
            (
                f"{'/'.join(Path(row.folder).parts[-2:])}: {counted.title} …{row.uid[-12:]}",
                f"{counted.files}" + (f" ({counted.repeated} repeated)" if counted.repeated else ""),
                str(counted),
                "yes" if counted.complete else "no",
                str(row.product),
                "not read" if row.dcm2niix is None else str(row.dcm2niix),
                ", ".join(f"{code} ×{times}" if times > 1 else code for code, times in told.items()) or "-",
                "; ".join(f"{what} ({why or 'UNEXPLAINED'})" for what, why in row.differences.items()) or "-",
            )
        )
    for line in lines:
        print(" | ".join(line))


def _worst(row: Row) -> str:
    severities = {severity for severity, _ in row.findings}
    return next((severity for severity in ("error", "warning", "info") if severity in severities), "none")


def print_summary(rows: list[Row]) -> None:
    """The figures over all series."""
    complete = [row for row in rows if row.counted.complete]
    clean = [row for row in rows if _worst(row) in ("none", "info")]
    both = [row for row in rows if row.dcm2niix is not None]
    print(f"\nseries {len(rows)}, complete by plain counting {len(complete)}")
    print(f"complete with an error: {sum(_worst(row) == 'error' for row in complete)}")
    print(f"complete with a warning at worst: {sum(_worst(row) == 'warning' for row in complete)}")
    print(f"without any finding of warning or worse: {len(clean)} ({100 * len(clean) / max(len(rows), 1):.1f} %)")
    print(f"read by dcm2niix too: {len(both)}")
    alike = [row for row in both if row.dcm2niix and row.product.spacings_mm.keys() & row.dcm2niix.spacings_mm.keys()]
    for what, compared in (("volumes", both), ("dims", both), ("spacing", alike)):
        reasons = [row.differences[what] for row in compared if what in row.differences]
        print(
            f"{what} equal: {len(compared) - len(reasons)} of {len(compared)}; "
            f"different and explained {sum(map(bool, reasons))}, unexplained {sum(not why for why in reasons)}"
        )
    for why, times in Counter(why for row in both for why in set(row.differences.values()) if why).most_common():
        print(f"  {times} × {why}")


def main() -> None:
    """Compare the series of the folders that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--only-differences", action="store_true", help="leave out the series that need no look")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
    arguments = parser.parse_args()
    rows = []
    for folder in arguments.folders:
        rows += rows_of(folder)
        print(f"{folder}: {len(rows)} series so far", file=sys.stderr)
    print_table(rows, arguments.only_differences)
    print_summary(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps([row.to_dict() for row in rows], indent=1))


if __name__ == "__main__":
    main()
