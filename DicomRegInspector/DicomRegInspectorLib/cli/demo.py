"""The whole job on a machine with no data of one's own: real files that pydicom installs, and a field made here."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UsageError
from ..output_file import require_utf8_name
from ..registration import Registration, read_registration
from ..registration.file.write import write_deformable_registration
from ..report.files import write_json
from ..report.html.write_report import ReportOptions, write_report
from ..report.text.inspection_report import inspection_report
from ..report.text.terminal import Style
from ..samples.known_field import Bump, SmoothField, turn_about_z
from ..tasks.inspect import Inspection, inspect_paths
from .libraries import picture_drawer

if TYPE_CHECKING:
    from pydicom import Dataset

    from ..scene.pictures.images import Image

REPORT, PAGE, SCENE, PICTURE = "report.json", "report.html", "scene.mrb", "registration.png"
REGISTRATION = "synthetic-registration.dcm"
QUALITY = "quality.png"
OWN = frozenset((REPORT, PAGE, SCENE, PICTURE, QUALITY, REGISTRATION))
"""What a demonstration leaves in its folder."""
_SERIES = ("77654033/CT2", "98892001/CT5N", "98892003/MR700")
_FIXED = "CT_small.dcm"
_DESCRIPTION = "SYNTHETIC demonstration field, not clinical"
_WINDOW = (-160.0, 240.0)
"""Hounsfield units shown from black to white: soft tissue."""


def run_demo(
    folder: Path, style: Style, say: Callable[[str], object], quietly: Callable[[], AbstractContextManager[object]]
) -> Inspection:
    """Inspect, load and draw; leave a report, a scene and pictures in a folder.

    Parameters
    ----------
    folder
        Made when it is not there; files of an earlier demonstration are replaced.
    style
        How wide and coloured the report is.
    say
        Called with each paragraph for the user.
    quietly
        Gives a context in which libraries may not write to the screen.

    Raises
    ------
    UsageError
        When the folder cannot be used, or pydicom was installed without its files.
    """
    started = time.monotonic()
    files = _installed_files()
    require_utf8_name(folder, "Slicer's writer of scenes")
    _prepare(folder)
    fixed = _read_image(files[-1])
    registration_file = folder / REGISTRATION
    write_synthetic_registration(registration_file, fixed)
    say(
        style.wrap(
            "Input: a CT with missing slices, a regular CT, an MR with seven orientations and a single CT slice, all "
            "real and installed with pydicom; and a small deformable registration of that slice, SYNTHETIC, just "
            f"written to {registration_file}."
        )
    )
    inspection = inspect_paths([*files, registration_file])
    say(f"\n{inspection_report(inspection, style)}\n\n")
    write_json(folder / REPORT, inspection.to_dict())
    registration = read_registration(registration_file)
    with quietly():
        _save_scene(folder, registration, fixed)
        _draw(folder / PICTURE, registration, fixed)
        write_report(
            inspection,
            folder / PAGE,
            ReportOptions("Demonstration: real images, SYNTHETIC registration", [*map(str, files[:-1]), str(folder)]),
            drawer=picture_drawer(),
        )
    say(_closing(folder, time.monotonic() - started))
    return inspection


def write_synthetic_registration(path: Path, fixed: Dataset) -> None:
    """Write a deformable registration whose Registered RCS is that of an axial image; its source frame is invented.

    A rigid pre matrix (2 degrees and 1.8 mm) and two smooth bumps of some millimetres on a grid of 3 mm.
    """
    from pydicom.uid import generate_uid

    ijk_to_lps = image_to_lps(fixed)
    centre = (ijk_to_lps @ [(fixed.Columns - 1) / 2, (fixed.Rows - 1) / 2, 0, 1])[:3]
    count, spacing = np.array([31, 31, 17]), np.array([3.0, 3.0, 3.0])
    origin = centre - spacing * (count - 1) / 2
    bumps = (
        Bump(tuple(centre + (-14, 4, 2)), (15, 15, 15), (5.0, -4.5, 3.5)),
        Bump(tuple(centre + (20, -14, -4)), (12, 12, 12), (-3.5, 3.0, 2.0)),
    )
    field = SmoothField(bumps, turn_about_z(2.0, (1.5, -1.0, 0.0), centre))
    write_deformable_registration(
        path,
        vectors=field.vectors(origin.tolist(), spacing.tolist(), count.tolist()),
        origin=origin,
        directions=np.eye(3),
        spacing=spacing.tolist(),
        registered_frame_uid=fixed.FrameOfReferenceUID,
        source_frame_uid=generate_uid(prefix=None),
        pre=field.pre,
        series_description=_DESCRIPTION,
        content_label="SYNTHETIC",
        content_description="Demonstration: computed, no images were registered",
        registered_images=[fixed],
    )


def image_to_lps(image: Dataset) -> np.ndarray:
    """Return (4, 4) from (column, row, slice, 1) to LPS mm of a single image (PS3.3 C.7.6.2.1.1)."""
    row, column = np.asarray(image.ImageOrientationPatient, float).reshape(2, 3)
    matrix = np.eye(4)
    matrix[:3, 0] = row * float(image.PixelSpacing[1])
    matrix[:3, 1] = column * float(image.PixelSpacing[0])
    matrix[:3, 2] = np.cross(row, column) * float(image.SliceThickness)
    matrix[:3, 3] = np.asarray(image.ImagePositionPatient, float)
    return matrix


def _installed_files() -> list[Path]:
    """Folders of series and, last, the fixed image; from pydicom's installation, never from the network."""
    from pydicom.data import get_testdata_file

    directory = get_testdata_file("DICOMDIR", download=False)
    fixed = get_testdata_file(_FIXED, download=False)
    places = [Path(str(directory)).parent / name for name in _SERIES] if directory else []
    if not fixed or not places or not all(place.is_dir() for place in places):
        raise UsageError(
            "the demonstration's files are not here: pydicom was installed without its test files; "
            "install pydicom from PyPI, or inspect files of your own"
        )
    return [*places, Path(str(fixed))]


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be used as the demonstration's folder ({error.strerror or error})"
        ) from error


def _read_image(path: Path) -> Dataset:
    import pydicom

    return pydicom.dcmread(path)


def _image(fixed: Dataset) -> Image:
    from ..scene.pictures.images import Image

    values = fixed.pixel_array.astype(np.float32) * float(fixed.RescaleSlope) + float(fixed.RescaleIntercept)
    return Image(values[None], image_to_lps(fixed))


def _save_scene(folder: Path, registration: Registration, fixed: Dataset) -> None:
    """The scene with everything there is to see of the registration, and the picture of its quality."""
    from ..scene import load_registration
    from ..scene.pictures.images import add_volume
    from ..scene.pictures.render_quality import render_quality
    from ..scene.pictures.synthetic import source_image_for
    from ..scene.quality.show_quality import show_quality
    from ..scene.transforms.save import new_scene, save_scene

    scene, image = new_scene(), _image(fixed)
    fixed_node = add_volume(
        scene,
        image,
        "Fixed CT slice",
        frame_uid=str(fixed.FrameOfReferenceUID),
        instance_uids=str(fixed.SOPInstanceUID),
        window=_WINDOW,
    )
    (node,) = load_registration(registration, scene)
    source = add_volume(
        scene,
        source_image_for(image, node),
        "SYNTHETIC source: the CT slice warped",
        frame_uid=registration.items[0].source_frame_uid,
        window=_WINDOW,
    )
    nodes = show_quality(node, fixed=fixed_node, moving=source)
    save_scene(scene, folder / SCENE)
    render_quality(
        folder / QUALITY,
        nodes,
        fixed_node,
        title="Quality of the SYNTHETIC demonstration field",
        notes=(
            f"Registered image: {_FIXED} of pydicom, one real slice.",
            "Source image: SYNTHETIC, that slice warped with this field; the difference left, in HU, is interpolation.",
        ),
    )


def _draw(path: Path, registration: Registration, fixed: Dataset) -> None:
    from ..scene.pictures.render import render_registration

    image = _image(fixed)
    thick = f"{float(fixed.SliceThickness):g}"
    centre = (image.ijk_to_lps @ [(fixed.Columns - 1) / 2, (fixed.Rows - 1) / 2, 0, 1])[:3]
    render_registration(
        path,
        registration.items[0],
        image,
        centre_lps_mm=centre,
        window=_WINDOW,
        title="Deformable registration: SYNTHETIC demonstration field on a real CT slice",
        notes=(
            f"Fixed image: {_FIXED} of pydicom, one slice of {thick} mm (the band in the views at the right)",
            "Field: computed for this demonstration; rigid pre matrix included",
        ),
    )


def _closing(folder: Path, seconds: float) -> str:
    entries = (
        (REPORT, "the report above, complete, as JSON"),
        (PAGE, "the same to look at, print and keep: one HTML file with measures and pictures"),
        (SCENE, "the registration as transform nodes with images and quality volumes; drag it into 3D Slicer"),
        (PICTURE, "slices of the fixed image with the deformation on them"),
        (QUALITY, "how plausible the deformation is: Jacobian, lengths, mask, histograms, warped source"),
        (REGISTRATION, "the synthetic registration"),
    )
    rows = [f"  {folder / name}: {what}" for name, what in entries]
    command = f"dicom-reg-inspector show {folder / REGISTRATION}"
    return "\n".join([f"Done in {seconds:.1f} s. Left for you:", *rows, "", f"Go on with: {command}"])
