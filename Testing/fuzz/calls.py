"""What damaged files are thrown at: the library's public functions, and what makes pages and files of their results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import exporting_calls as exporting
from call_time import one_of_several
from DicomRegInspectorLib import check_pixels, compare_volumes, inspect_paths, load_series, load_sets, read_registration
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
from exporting_calls import empty


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
    write_report(inspection, empty(folder) / "page.html", ReportOptions(paths=[str(folder)], pictures=False))


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
    written = empty(folder)
    for number, series in enumerate(inspect_paths([folder]).series):
        for name, how in WAYS:
            with one_of_several():
                save_series(series, written / f"{number}{name}", how)


def show_damaged(folder: Path, path: Path) -> None:
    """Say what a file holds."""
    show_file(path, Style(), at=(1.0, 2.0, 3.0))


def export_items(folder: Path, path: Path) -> None:
    """Write a registration in the formats of other programs, as it stands and repaired."""
    registration = read_registration(path)
    written = empty(folder)
    for number in range(1, len(registration.items) + 1):
        for repair in (None, *REPAIRS):
            for form in FORMATS:
                with one_of_several():
                    export_registration(
                        registration, written / f"{number}{form.suffixes[0]}", number=number, repair=repair
                    )


def measure_quality(folder: Path, path: Path) -> None:
    """Measure how good a registration is, in words, as a table and as the page that is signed."""
    report = run_quality(path)
    quality_report(report, Style())
    quality_csv([report], with_file=False)
    report.to_dict()
    inspection = inspect_paths([path], audit=False).with_findings(report.findings, report.audits)
    signed = ReportOptions(paths=[str(path)], pictures=False, sign_off=True)
    write_report(inspection, empty(folder) / "signed.html", signed, quality=report)


def move_points(folder: Path, path: Path) -> None:
    """Read points of any format and write them again."""
    points = parse_points(path.read_bytes().decode("latin-1"), "points")
    points.rewrite(points.positions_lps_mm, None)


Function = Callable[[Path, Path], None]


@dataclass(frozen=True)
class Call:
    """What is called with a folder of files and the damaged one in it."""

    function: Function
    kinds: tuple[str, ...] = ()
    """What the names of seeds hold that it is made for; none: all."""
    share: float = 1.0
    """Of these seeds, how many it gets; of others it gets a twentieth of that."""


_REG, _IMAGES = ("reg",), ("ct", "enhanced", "nuclear", "mosaic", "uih", "related")
CALLS: dict[str, Call] = {
    "inspect_paths": Call(inspect_folder),
    "write_report": Call(report_folder),
    "show_file": Call(show_damaged),
    "check_pixels": Call(check_folder),
    "load_series": Call(load_folder),
    "load_sets": Call(load_folder_sets),
    "compare_volumes": Call(compare_folder),
    "save_series": Call(write_folder, share=0.5),
    "read_registration": Call(map_items, _REG),
    "export_registration": Call(export_items, _REG, 0.2),
    "run_quality": Call(measure_quality, _REG),
    "scene.load_registration": Call(exporting.load_nodes, _REG, 0.5),
    "export_transform": Call(exporting.export_damaged, _REG, 0.3),
    "export_transform and run_quality with images": Call(exporting.export_between, _IMAGES, 0.3),
    "export_image": Call(exporting.export_images, (*_IMAGES, "volume"), 0.5),
    "apply_transform": Call(exporting.apply_to_damaged, (*_IMAGES, "volume", "points", "applied"), 0.1),
    "apply_transform of what is damaged": Call(exporting.apply_damaged, _REG, 0.15),
    "read_structures": Call(exporting.judge_structures, ("applied", "volume")),
    "archive's judge_study": Call(exporting.judge_studies, share=0.3),
    "inspect_archive": Call(exporting.inspect_as_archive, share=0.05),
    "volumes of other formats": Call(exporting.read_others, ("volume", "reg-nrrd", "reg-nii", "reg-mha")),
    "parse_points": Call(move_points, ("points",)),
    "export_points": Call(exporting.export_damaged_points, ("points", "reg-fiducials")),
    "score_kit": Call(exporting.score_answers, ("answers",)),
}

if exporting.slicer is None:
    del CALLS["scene.load_registration"]


def is_worth_it(call: Call, seed: str, chance: float) -> bool:
    """Tell whether a function gets a seed of this name: what it was not made for only now and then."""
    is_meant = not call.kinds or any(kind in seed for kind in call.kinds)
    return chance < call.share * (1.0 if is_meant else 0.05)
