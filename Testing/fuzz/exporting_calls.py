"""What damaged files are thrown at beside what reads them: exports, images beside a registration, the kit."""

from __future__ import annotations

import contextlib
import sys
from functools import cache
from os import PathLike
from pathlib import Path

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
from DicomRegInspectorLib.errors import DicomRegInspectorError
from DicomRegInspectorLib.kit.answers import ANSWERS, answers_text
from DicomRegInspectorLib.registration.conventions import Assumed
from DicomRegInspectorLib.registration.measures.landmarks import read_landmarks
from DicomRegInspectorLib.report.text.exports import export_report, image_export_report
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


def export_damaged(folder: Path, path: Path) -> None:
    """Write a transform as a DICOM registration, as it is and sampled."""
    written = empty(folder)
    for spacing in (None, (5.0, 5.0, 5.0)):
        with contextlib.suppress(DicomRegInspectorError):
            made = export_transform(path, written / "a.dcm", ExportOptions(assumed=BOTH_KNOWN, spacing_mm=spacing))
            export_report(made)
            made.to_dict()


def export_between(folder: Path, path: Path) -> None:
    """Write a transform between damaged images as a DICOM registration, and judge it by them."""
    written = empty(folder)
    (written / "shift.txt").write_text(SHIFT)
    options = ExportOptions(fixed=[folder], moving=[folder], assumed=BOTH_KNOWN, spacing_mm=(2.0, 2.0, 2.5))
    with contextlib.suppress(DicomRegInspectorError):
        export_transform(written / "shift.txt", written / "a.dcm", options).to_dict()
    run_quality(written / "shift.txt", JudgedBy(fixed=[folder], moving=[path]), read=_read).to_dict()


def export_images(folder: Path, path: Path) -> None:
    """Write a volume as images, by themselves and beside a reference."""
    written = empty(folder)
    for name, volume, reference in (("a", path, ()), ("b", path, (folder,)), ("c", folder, (path,))):
        with contextlib.suppress(DicomRegInspectorError):
            made = export_image(volume, written / name, ImageExportOptions(reference=reference, fill=0.0))
            image_export_report(made)
            made.to_dict()


def export_damaged_points(folder: Path, path: Path) -> None:
    """Write points as fiducials, and pair them with themselves."""
    written = empty(folder)
    images = folder.parent / "images"
    if not images.is_dir():
        vm.write_stack(images, vm.pixels_of(3), vm.axial(3))
    with contextlib.suppress(DicomRegInspectorError):
        export_points([path], written / "a.dcm", fixed=[images]).to_dict()
    with contextlib.suppress(DicomRegInspectorError):
        read_landmarks(path)
    (written / "shift.txt").write_text(SHIFT)
    run_quality(written / "shift.txt", JudgedBy(fixed_landmarks=path, moving_landmarks=path), read=_read).to_dict()


def apply_to_damaged(folder: Path, path: Path) -> None:
    """Bring along what a file or a folder holds, whatever it is taken for."""
    written = empty(folder)
    (written / "shift.txt").write_text(SHIFT)
    shift = read_transform(written / "shift.txt", assumed=BOTH_KNOWN)
    ways = (("image", folder, ".nrrd"), ("image", folder, ""), ("labels", path, ".nrrd"), ("dose", path, ".dcm"),
            ("structures", path, ".dcm"), ("structures", path, ".csv"), ("points", path, ".csv"))  # fmt: skip
    for number, (kind, given, ending) in enumerate(ways):
        with contextlib.suppress(DicomRegInspectorError):
            apply_transform(
                kind, ApplyRequest(transform=shift, input=str(given), output=written / f"{number}{ending}")
            ).to_dict()


def read_others(folder: Path, path: Path) -> None:
    """Read a volume of another format as labels and as a grid."""
    for read in (read_label_image, read_reference):
        with contextlib.suppress(DicomRegInspectorError):
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
        with contextlib.suppress(DicomRegInspectorError):
            load_registration(path, scene, bake)
