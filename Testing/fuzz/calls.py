"""What damaged files are thrown at: the library's public functions, and what makes pages and files of their results."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

from DicomRegInspectorLib import check_pixels, compare_volumes, inspect_paths, load_series, load_sets, read_registration
from DicomRegInspectorLib.errors import DicomRegInspectorError
from DicomRegInspectorLib.registration.file.write_transform import FORMATS
from DicomRegInspectorLib.registration.points import parse_points
from DicomRegInspectorLib.registration.repairs import REPAIRS
from DicomRegInspectorLib.report.html.write_report import ReportOptions, write_report
from DicomRegInspectorLib.report.text.inspection_report import inspection_report
from DicomRegInspectorLib.report.text.quality import quality_csv, quality_report
from DicomRegInspectorLib.report.text.show import show_file
from DicomRegInspectorLib.report.text.terminal import Style
from DicomRegInspectorLib.series.regularize.options import RegularizeOptions
from DicomRegInspectorLib.tasks.export import export_registration
from DicomRegInspectorLib.tasks.quality import run_quality
from DicomRegInspectorLib.tasks.regularize import save_series
from DicomRegInspectorLib.volumes.read_volume import read_volume


def map_items(folder: Path, path: Path) -> None:
    """Read a registration and send a few points through every item."""
    registration = read_registration(path)
    _ = registration.findings
    registration.to_dict()
    for item in registration.items:
        if item.problem is None:
            item.map_points([[0.0, 0.0, 0.0], [1e6, 1.0, -3.0]])


def inspect_folder(folder: Path, path: Path) -> None:
    """Inspect a folder."""
    inspect_paths([folder]).to_dict()


def report_folder(folder: Path, path: Path) -> None:
    """Tell what an inspection found, in words and as a page."""
    inspection = inspect_paths([folder])
    inspection_report(inspection, Style(), complete=True)
    write_report(inspection, _empty(folder) / "page.html", ReportOptions(paths=[str(folder)], pictures=False))


def check_folder(folder: Path, path: Path) -> None:
    """Check pixels without the processes that decode."""
    check_pixels([folder], decode=False).to_dict()


def load_folder(folder: Path, path: Path) -> None:
    """Load a series as a volume."""
    load_series([folder])


def load_folder_sets(folder: Path, path: Path) -> None:
    """Load all sets of a series."""
    load_sets([folder])


def compare_folder(folder: Path, path: Path) -> None:
    """Compare a folder with the damaged file alone."""
    compare_volumes(read_volume(folder), read_volume(path))


WAYS = (("all", RegularizeOptions("acquisition")), (".dcm", RegularizeOptions("resample")), ("corrected", None))
"""Endings of what is written of a series, and how it is made."""


def write_folder(folder: Path, path: Path) -> None:
    """Write every series regular, as new DICOM, and what came of it."""
    written = _empty(folder)
    for number, series in enumerate(inspect_paths([folder]).series):
        for name, how in WAYS:
            with contextlib.suppress(DicomRegInspectorError):
                save_series(series, written / f"{number}{name}", how)


def show_damaged(folder: Path, path: Path) -> None:
    """Say what a file holds."""
    show_file(path, Style(), at=(1.0, 2.0, 3.0))


def export_items(folder: Path, path: Path) -> None:
    """Write a registration in the formats of other programs, as it stands and repaired."""
    registration = read_registration(path)
    written = _empty(folder)
    for number in range(1, len(registration.items) + 1):
        for repair in (None, *REPAIRS):
            for form in FORMATS:
                with contextlib.suppress(DicomRegInspectorError):
                    export_registration(
                        registration, written / f"{number}{form.suffixes[0]}", number=number, repair=repair
                    )


def measure_quality(folder: Path, path: Path) -> None:
    """Measure how good a registration is, in words and as a table."""
    report = run_quality(path)
    quality_report(report, Style())
    quality_csv([report], with_file=False)
    report.to_dict()


def move_points(folder: Path, path: Path) -> None:
    """Read points of any format and write them again."""
    points = parse_points(path.read_bytes().decode("latin-1"), "points")
    points.rewrite(points.positions_lps_mm, None)


def _empty(folder: Path) -> Path:
    written = folder.parent / "out"
    shutil.rmtree(written, ignore_errors=True)
    written.mkdir()
    return written


Call = Callable[[Path, Path], None]
CALLS: dict[str, Call] = {
    "inspect_paths": inspect_folder,
    "write_report": report_folder,
    "show_file": show_damaged,
    "check_pixels": check_folder,
    "load_series": load_folder,
    "load_sets": load_folder_sets,
    "compare_volumes": compare_folder,
    "save_series": write_folder,
    "read_registration": map_items,
    "export_registration": export_items,
    "run_quality": measure_quality,
    "parse_points": move_points,
}
_KINDS = {"read_registration": "reg", "export_registration": "reg", "run_quality": "reg", "parse_points": "points"}


def is_worth_it(name: str, seed: str, chance: float) -> bool:
    """Tell whether a function gets a seed of this name: what it was not made for only now and then."""
    kind = _KINDS.get(name)
    return kind is None or kind in seed or chance < 0.05
