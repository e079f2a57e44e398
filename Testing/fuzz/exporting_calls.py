"""What damaged files are thrown at beside what reads them: exports, images beside a registration, the kit."""

from __future__ import annotations

import sys
from functools import cache
from itertools import product
from os import PathLike
from pathlib import Path

from applied_making import write_disc
from call_time import one_of_several
from DicomRegInspectorLib import (
    ApplyRequest,
    ExportOptions,
    ImageExportOptions,
    Registration,
    apply_transform,
    export_image,
    export_transform,
    read_registration,
    read_transform,
    score_kit,
)
from DicomRegInspectorLib.archive import EngineOptions, JudgeOptions, RunOptions, inspect_archive
from DicomRegInspectorLib.archive.engine import SerialEngine
from DicomRegInspectorLib.archive.folders.source import FolderSource
from DicomRegInspectorLib.archive.judge import Batch, judge_study
from DicomRegInspectorLib.archive.studies import State
from DicomRegInspectorLib.kit.answers import ANSWERS, answers_text
from DicomRegInspectorLib.registration.conventions import NOTHING_ASSUMED, Assumed
from DicomRegInspectorLib.registration.measures.landmarks import read_landmarks
from DicomRegInspectorLib.report.text.applied import applied_report
from DicomRegInspectorLib.report.text.exports import export_report, image_export_report
from DicomRegInspectorLib.structures import read_structures
from DicomRegInspectorLib.structures.checks import check_structures
from DicomRegInspectorLib.tasks.apply.transform import Transform
from DicomRegInspectorLib.tasks.dicom_export.points import export_points
from DicomRegInspectorLib.tasks.quality import JudgedBy, run_quality
from DicomRegInspectorLib.volumes.other_formats import read_label_image, read_reference

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "series"))

import volume_making as vm

try:
    import slicer
    from DicomRegInspectorLib.scene import load_registration
except ImportError:  # without slicer-core there is no scene
    slicer = None

SHIFT = "1 0 0 5\n0 1 0 0\n0 0 1 0\n0 0 0 1\n"
BOTH_KNOWN = Assumed("registered-to-source", "lps")


def _read(path: str | PathLike[str]) -> Registration:
    return read_registration(path, BOTH_KNOWN)


def empty(folder: Path, name: str = "out") -> Path:
    """Return an empty folder beside the one of the files."""
    written = folder.parent / name
    for path in sorted(written.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    written.mkdir(exist_ok=True)
    return written


def whole_images(folder: Path) -> Path:
    """Return a folder of images beside the one of the files that nothing is wrong with."""
    images = folder.parent / "images"
    if not images.is_dir():
        vm.write_stack(images, vm.pixels_of(3), vm.axial(3))
    return images


def export_damaged(folder: Path, path: Path) -> None:
    """Write a transform as a DICOM registration, as it is and sampled."""
    written = empty(folder)
    images = [] if path.suffix == ".dcm" else [whole_images(folder)]  # DICOM names frames itself
    for assumed, spacing in product((NOTHING_ASSUMED, BOTH_KNOWN), (None, (5.0, 5.0, 5.0))):
        options = ExportOptions(fixed=images, moving=images, assumed=assumed, spacing_mm=spacing, item=1)
        with one_of_several():
            made = export_transform(path, written / "a.dcm", options)
            export_report(made)
            made.to_dict()


def export_between(folder: Path, path: Path) -> None:
    """Write a transform between damaged images as a DICOM registration, and judge it by them."""
    written = empty(folder)
    (written / "shift.txt").write_text(SHIFT)
    options = ExportOptions(fixed=[folder], moving=[folder], assumed=BOTH_KNOWN, spacing_mm=(2.0, 2.0, 2.5))
    with one_of_several():
        export_transform(written / "shift.txt", written / "a.dcm", options).to_dict()
    run_quality(written / "shift.txt", JudgedBy(fixed=[folder], moving=[path]), read=_read).to_dict()


def export_images(folder: Path, path: Path) -> None:
    """Write a volume as images, by themselves and beside a reference."""
    written = empty(folder)
    for name, volume, reference in (("a", path, ()), ("b", path, (folder,)), ("c", folder, (path,))):
        with one_of_several():
            made = export_image(volume, written / name, ImageExportOptions(reference=reference, fill=0.0))
            image_export_report(made)
            made.to_dict()


def export_damaged_points(folder: Path, path: Path) -> None:
    """Write points as fiducials, and pair them with themselves."""
    written = empty(folder)
    images = whole_images(folder)
    with one_of_several():
        export_points([path], written / "a.dcm", fixed=[images]).to_dict()
    with one_of_several():
        read_landmarks(path)
    (written / "shift.txt").write_text(SHIFT)
    run_quality(written / "shift.txt", JudgedBy(fixed_landmarks=path, moving_landmarks=path), read=_read).to_dict()


def apply_to_damaged(folder: Path, path: Path) -> None:
    """Bring along what a file or a folder holds, whatever it is taken for, and what is drawn onto damaged images."""
    written = empty(folder)
    (written / "shift.txt").write_text(SHIFT)
    shift = read_transform(written / "shift.txt", assumed=BOTH_KNOWN)
    images = whole_images(folder)
    disc = write_disc(written / "disc.dcm", "1.2.3.4")
    ways = (
        ("image", path, "0.nrrd", ()), ("image", folder, "1", ()), ("image", images, "2.nrrd", (folder,)),
        ("labels", path, "3.nrrd", ()), ("labels", path, "4.dcm", (images,)), ("dose", path, "5.dcm", ()),
        ("dose", path, "6.dcm", (images,)), ("structures", path, "7.dcm", (images,)), ("structures", path, "8.csv", ()),
        ("structures", disc, "9.dcm", (folder,)), ("points", path, f"10{path.suffix}", ()),
    )  # fmt: skip
    for kind, given, name, reference in ways:
        with one_of_several():
            _apply(kind, shift, given, written / name, reference)


def _apply(kind: str, transform: Transform, given: Path, output: Path, reference: tuple[Path, ...] = ()) -> None:
    applied = apply_transform(
        kind,
        ApplyRequest(transform=transform, input=str(given), output=output, reference=reference, any_frame=True),
    )
    applied_report(applied)
    applied.to_dict()


def apply_damaged(folder: Path, path: Path) -> None:
    """Bring images and points along through a damaged transform, either way."""
    written, images = empty(folder), whole_images(folder)
    (written / "points.csv").write_text("name,x,y,z\na,1,2,3\nb,1e6,0,0\n")
    ways = (("image", images, "0.nrrd", (images,)), ("points", written / "points.csv", "1.csv", ()))
    for inverse, assumed in product((False, True), (NOTHING_ASSUMED, BOTH_KNOWN)):
        with one_of_several():
            transform = read_transform(path, assumed=assumed, inverse=inverse, item=1)
            for kind, given, name, reference in ways:
                with one_of_several():
                    _apply(kind, transform, given, written / f"{inverse}{name}", reference)


def judge_structures(folder: Path, path: Path) -> None:
    """Read structures, check them, and compare them with themselves through a registration."""
    check_structures(read_structures(path))
    written = empty(folder)
    (written / "shift.txt").write_text(SHIFT)
    run_quality(written / "shift.txt", JudgedBy(fixed_structures=path, moving_structures=path), read=_read).to_dict()


def judge_studies(folder: Path, path: Path) -> None:
    """Judge the studies of a folder as an archive's worker does."""
    options, source = (
        JudgeOptions(measures=True, pixels=True, audit=True, identifiers=True),
        FolderSource([str(folder)]),
    )
    reports = str(empty(folder, "reports"))
    for ref in source.find(State(empty(folder), SerialEngine()), None):
        with one_of_several():
            judge_study(ref, Batch((ref,), source.reader(), options, 60, reports), lambda *_: True)


def inspect_as_archive(folder: Path, path: Path) -> None:
    """Inspect a folder as an archive, with tables and pages."""
    how = RunOptions(EngineOptions(workers=0), reports=True)
    inspect_archive(folder, empty(folder) / "archive", how=how).to_dict()


def read_others(folder: Path, path: Path) -> None:
    """Read a volume of another format as labels and as a grid."""
    for read in (read_label_image, read_reference):
        with one_of_several():
            read(path)


@cache
def _answers() -> str:
    return answers_text()


def score_answers(folder: Path, path: Path) -> None:
    """Score the answers of a reader of the kit."""
    kit = empty(folder, "kit")
    (kit / ANSWERS).write_text(_answers())
    score_kit(kit, path).to_dict()


def load_nodes(folder: Path, path: Path) -> None:
    """Load a registration into a scene, as it is and baked."""
    for bake in (False, True):
        scene = slicer.vtkMRMLScene()
        with one_of_several():
            load_registration(path, scene, bake)
