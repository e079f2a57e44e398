"""The sample data sets: an irregular CT series, and a pair of CTs with deformable registrations, right and wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..progress import Progress, report_progress
from .ct_files import WRITTEN, SeriesNames, SliceGeometry, made_uid, write_ct_series
from .known_field import BREATHING
from .phantom import chest, head

IRREGULAR, FIXED, MOVING = "irregular-ct", "registration-pair/fixed", "registration-pair/moving"
REGISTRATION = "registration-pair/registration.dcm"
WRONG_UNITS = "registration-pair/registration-in-voxels.dcm"

TILT_DEG = 14.0
THIN_MM, THICK_MM = 3.0, 5.0
THIN_SLICES, THICK_SLICES = 19, 21
MISSING, TWICE = 31, 8
"""Of the regular sequence, from 1: the slice left out, and the one that is there twice."""

SPACING_MM = (3.5, 3.5, 5.0)
CHEST_SIZE = (104, 80, 46)
"""Columns, rows, slices of both images of the pair."""
NOISE_HU = 9.0


@dataclass(frozen=True)
class Sample:
    """One data set that can be made."""

    key: str
    title: str
    what: str
    folder: str
    write: Callable[[Path, Callable[[], None]], None]
    """Writes it under a folder: ``folder`` of it appears there; the function is called after each file."""
    files: tuple[str, ...]
    """What is there then, with / between folders."""


def irregular_geometry() -> SliceGeometry:
    """Place tilted axial slices, thin below and thick above, one missing and one twice."""
    intervals = [THIN_MM] * THIN_SLICES + [THICK_MM] * (THICK_SLICES - 1)
    along = np.concatenate([[0.0], np.cumsum(intervals)])
    thickness = np.array([THIN_MM] * THIN_SLICES + [THICK_MM] * THICK_SLICES)
    order = [number - 1 for number in range(1, along.size + 1) if number != MISSING]
    order.append(TWICE - 1)
    angle = np.radians(TILT_DEG)
    column = (0.0, float(np.cos(angle)), float(np.sin(angle)))
    # The table moves along z while the gantry leans; intervals are meant along the normal, as slices are planned.
    positions = np.zeros((along.size, 3))
    positions[:, 2] = -82.0 + along / np.cos(angle)
    rows = columns = 96
    pixel = 2.4
    corner = np.array([-(columns - 1) / 2 * pixel, 0.0, 0.0]) - np.asarray(column) * (rows - 1) / 2 * pixel
    return SliceGeometry(
        (positions + corner)[order], rows, columns, pixel, column=column, thickness_mm=tuple(thickness[order].tolist())
    )


def _write_irregular(folder: Path, written: Callable[[], None]) -> None:
    geometry = irregular_geometry()
    names = SeriesNames(
        made_uid("irregular", "series"),
        made_uid("irregular", "study"),
        made_uid("irregular", "frame"),
        "SYNTHETIC irregular head CT",
        "SYNTHETIC sample data",
        2,
        extra={"BodyPartExamined": "HEAD", "GantryDetectorTilt": TILT_DEG},
    )
    write_ct_series(folder / IRREGULAR, _imaged(head, geometry, 1), geometry, names, written)


def chest_geometry() -> SliceGeometry:
    """Place the slices of both images of the pair."""
    columns, rows, count = CHEST_SIZE
    corner = -(np.array(CHEST_SIZE) - 1) / 2 * np.array(SPACING_MM)
    positions = np.tile(corner, (count, 1))
    positions[:, 2] += np.arange(count) * SPACING_MM[2]
    return SliceGeometry(positions, rows, columns, SPACING_MM[0], thickness_mm=(SPACING_MM[2],))


def _write_pair(folder: Path, written: Callable[[], None]) -> None:
    """The anatomy is the moving image's; the fixed one shows at x what the moving one shows where x is sent to."""
    from ..registration.file.write import NewIdentity, write_deformable_registration

    geometry = chest_geometry()
    study = made_uid("pair", "study")

    def names(what: str, number: int) -> SeriesNames:
        uids = made_uid("pair", what, "series"), study, made_uid("pair", what, "frame")
        description = f"SYNTHETIC chest CT, {what}"
        return SeriesNames(*uids, description, "SYNTHETIC sample data", number, extra={"BodyPartExamined": "CHEST"})

    fixed_names, moving_names = names("fixed", 1), names("moving", 2)
    moving = write_ct_series(folder / MOVING, _imaged(chest, geometry, 2), geometry, moving_names, written)
    hounsfield = _imaged(lambda points: chest(BREATHING.source_of(points)), geometry, 3)
    fixed = write_ct_series(folder / FIXED, hounsfield, geometry, fixed_names, written)
    # A node beyond the outermost voxels on every side, so that the grid covers the image.
    spacing = np.array(SPACING_MM) * (2, 2, 1)
    origin = geometry.positions[0] - spacing
    count = [int(number) + 3 for number in np.ceil((np.array(CHEST_SIZE) - 1) * SPACING_MM / spacing)]
    vectors = BREATHING.vectors(origin.tolist(), spacing.tolist(), count)
    for number, (path, stored, unit) in enumerate(
        ((REGISTRATION, vectors, "mm"), (WRONG_UNITS, vectors / spacing, "voxels by mistake")), start=3
    ):
        write_deformable_registration(
            folder / path,
            vectors=stored,
            origin=origin.tolist(),
            directions=np.eye(3),
            spacing=spacing.tolist(),
            registered_frame_uid=fixed_names.frame_uid,
            source_frame_uid=moving_names.frame_uid,
            pre=BREATHING.pre,
            series_description=f"SYNTHETIC registration, vectors in {unit}",
            content_label="SYNTHETIC",
            content_description="Sample data: computed, the field is known",
            registered_images=fixed,
            source_images=moving,
            identity=NewIdentity(made_uid("pair", path), made_uid("pair", path, "series"), number, WRITTEN),
        )
        written()


def _imaged(
    anatomy: Callable[[NDArray[np.floating]], NDArray[np.float32]], geometry: SliceGeometry, seed: int
) -> NDArray[np.float32]:
    """(n, rows, columns) Hounsfield units with the grain of a scanner, the same each time."""
    points = geometry.points()
    values = anatomy(points.reshape(-1, 3)).reshape(points.shape[:3])
    return values + np.random.default_rng(seed).normal(0, NOISE_HU, values.shape).astype(np.float32)


def _slices(folder: str, count: int) -> tuple[str, ...]:
    return tuple(f"{folder}/slice{number:03d}.dcm" for number in range(1, count + 1))


SAMPLES: tuple[Sample, ...] = (
    Sample(
        "irregular",
        "Irregular CT series",
        "a tilted head CT with a missing slice, a slice that is there twice and a change of spacing",
        IRREGULAR,
        _write_irregular,
        _slices(IRREGULAR, THIN_SLICES + THICK_SLICES),
    ),
    Sample(
        "pair",
        "Deformable registration pair",
        "two chest CTs with the deformable registration between them, once as it should be and once with its "
        "vectors in voxels",
        "registration-pair",
        _write_pair,
        (*_slices(FIXED, CHEST_SIZE[2]), *_slices(MOVING, CHEST_SIZE[2]), REGISTRATION, WRONG_UNITS),
    ),
)


def write_samples(folder: Path) -> None:
    """Write all sample data into a new folder, which is there with everything in it or not at all.

    Raises UsageError when the folder holds something already, or cannot be written.
    """
    from ..series.write.new_folder import new_folder

    with new_folder(folder, ()) as place:
        _write(SAMPLES, place, None)


def make_samples(folder: Path, key: str | None = None, progress: Progress | None = None) -> Path:
    """Keep the sample data in a folder of the application's own, made when something of it is missing.

    Raises UsageError when it cannot be written.

    Returns the folder that holds what was asked for.

    Parameters
    ----------
    key
        Of one of :data:`SAMPLES`; None for all.
    progress
        Called as the work goes on; what is written when it stops the work stays, and is mended the next time.
    """
    from ..errors import UsageError

    wanted = [sample for sample in SAMPLES if key in (None, sample.key)]
    if not wanted:
        raise UsageError(f"there is no sample data {key!r}; there are {', '.join(sample.key for sample in SAMPLES)}")
    try:
        _write(
            [sample for sample in wanted if not all((folder / name).is_file() for name in sample.files)],
            folder,
            progress,
        )
    except OSError as error:
        raise UsageError(f"{folder}: the sample data cannot be written ({error.strerror or error})") from error
    return folder / wanted[0].folder if key is not None else folder


def _write(samples: Sequence[Sample], folder: Path, progress: Progress | None) -> None:
    total, done = sum(len(sample.files) for sample in samples), 0

    def report() -> None:
        report_progress(progress, done, total, "Making sample data", "making the sample data was cancelled")

    def written() -> None:
        nonlocal done
        done += 1
        report()

    for sample in samples:
        report()
        sample.write(folder, written)


def describe_samples(folder: Path, wrap: Callable[[str, int, int], str]) -> str:
    """Describe what :func:`write_samples` left in a folder, and what to do with it.

    ``wrap`` breaks a text into lines, the first and the further ones indented by so many blanks.
    """
    heading = wrap(f"SYNTHETIC data, computed from formulas; no person's. In {folder}:", 0, 0)
    rows = [wrap(f"{sample.folder}: {sample.what}", 2, 6) for sample in SAMPLES]
    commands = (
        f"inspect {folder}",
        f"regularize {folder / IRREGULAR} --mode resample --output head.nrrd",
        f"show {folder / REGISTRATION}",
        f"quality {folder / WRONG_UNITS} --fixed {folder / FIXED} --moving {folder / MOVING}",
    )
    return "\n".join([heading, *rows, "", "Go on with:", *(f"  dicom-reg-inspector {command}" for command in commands)])
