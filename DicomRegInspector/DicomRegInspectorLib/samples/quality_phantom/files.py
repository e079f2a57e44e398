"""The files of the phantom: two CT series, two RT Structure Sets, landmarks, and two registrations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...output_file import replace_file
from ..ct_files import WRITTEN, SeriesNames, SliceGeometry, made_uid, write_ct_series
from .boxes import STRUCTURES, VOXEL_MM, landmark_nodes
from .structure_sets import write_structures
from .waves import FOLD, LOW_MM, STEP_MM, STRETCH, Array, WaveField, nodes

if TYPE_CHECKING:
    from pydicom import Dataset

FIXED, MOVING = "fixed", "moving"
REGISTRATION, FOLDING = "registration.dcm", "folding-registration.dcm"
STRUCTURE_FILES = ("structures-fixed.dcm", "structures-moving.dcm")
LANDMARK_FILES = ("landmarks-fixed.csv", "landmarks-moving.csv")

_FIXED_SIZE, _MOVING_SIZE = (60, 30, 30), (72, 44, 44)
"""Voxels along x, y and z: the moving image holds all that the fixed one is sent to."""
_MOVING_SHIFT = (6.0, -4.0, 8.0)
_SIDES = ((FIXED, _FIXED_SIZE, (0.0, 0.0, 0.0)), (MOVING, _MOVING_SIZE, _MOVING_SHIFT))
NAMES = frozenset(
    (
        REGISTRATION,
        FOLDING,
        *STRUCTURE_FILES,
        *LANDMARK_FILES,
        *(f"{side}/slice{number + 1:03d}.dcm" for side, size, _ in _SIDES for number in range(size[2])),
    )
)
"""Every file, below the phantom's folder."""


def write_quality_phantom(folder: Path, written: Callable[[], None] = lambda: None) -> None:
    """Write the phantom into a folder; the same files on every machine.

    ``written``: called after each file.
    """
    images = {side: _write_series(folder, side, size, shift, written) for side, size, shift in _SIDES}
    for number, (side, place) in enumerate(zip((FIXED, MOVING), STRUCTURE_FILES, strict=True), start=3):
        boxes = [(structure.name, getattr(structure, side)) for structure in STRUCTURES]
        # In another case: names are matched whatever theirs is.
        named = [(name.upper() if side == MOVING else name, box) for name, box in boxes]
        write_structures(folder / place, named, images[side], f"SYNTHETIC structures, {side}", number)
        written()
    for place, points in zip(LANDMARK_FILES, landmark_points(), strict=True):
        rows = "".join(f"L{number},{x!r},{y!r},{z!r}\n" for number, (x, y, z) in enumerate(points.tolist(), start=1))
        replace_file(folder / place, _text_writer(f"name,x,y,z\n{rows}"))
        written()
    for number, (name, field, what) in enumerate(
        ((REGISTRATION, STRETCH, "stretched and shifted"), (FOLDING, FOLD, "turned, sheared and folded")), start=5
    ):
        _write_registration(folder / name, field, what, images, number)
        written()


def landmark_points() -> tuple[Array, Array]:
    """Return (n, 3) landmarks of the registered and of the source frame, LPS mm."""
    first, second = (LOW_MM + index * STEP_MM for index in landmark_nodes())
    return first, STRETCH.source_of(second)


def _text_writer(content: str) -> Callable[[Path], object]:
    return lambda unfinished: unfinished.write_text(content, "utf-8")


def _geometry(size: Sequence[int], shift: Sequence[float]) -> SliceGeometry:
    columns, rows, count = size
    corner = np.array(shift) - (np.array(size) - 1) / 2 * VOXEL_MM
    positions = np.tile(corner, (count, 1))
    positions[:, 2] += np.arange(count) * VOXEL_MM
    return SliceGeometry(positions, rows, columns, VOXEL_MM, thickness_mm=(VOXEL_MM,))


def _hounsfield(points: Array) -> Array:
    """Waves that repeat nowhere in the images: smooth, so that interpolating between voxels costs nothing."""
    waves = ((0.9, 0.3, -0.1, 31.0), (-0.2, 0.8, 0.5, 37.0), (0.4, -0.5, 0.7, 43.0))
    return np.sum([180 * np.sin(2 * np.pi / length * (points @ (x, y, z))) for x, y, z, length in waves], axis=0) + 40


def _write_series(
    folder: Path, side: str, size: Sequence[int], shift: Sequence[float], written: Callable[[], None]
) -> list[Dataset]:
    geometry = _geometry(size, shift)
    points = geometry.points()
    values = _hounsfield(points if side == MOVING else STRETCH.source_of(points))
    names = SeriesNames(
        made_uid("quality", side, "series"),
        made_uid("quality", "study"),
        _frame(side),
        f"SYNTHETIC phantom, {side}",
        "SYNTHETIC quality phantom",
        1 if side == FIXED else 2,
    )
    return write_ct_series(folder / side, values, geometry, names, written)


def _frame(side: str) -> str:
    return made_uid("quality", side, "frame")


def _write_registration(path: Path, field: WaveField, what: str, images: dict[str, list[Dataset]], number: int) -> None:
    from ...registration.file.write import NewIdentity, write_deformable_registration

    write_deformable_registration(
        path,
        vectors=field.displacement(nodes()),
        origin=LOW_MM.tolist(),
        directions=np.eye(3),
        spacing=STEP_MM.tolist(),
        registered_frame_uid=_frame(FIXED),
        source_frame_uid=_frame(MOVING),
        pre=field.pre,
        series_description=f"SYNTHETIC registration, {what}",
        content_label="SYNTHETIC",
        content_description="Quality phantom: computed, every number is known",
        registered_images=images[FIXED],
        source_images=images[MOVING],
        identity=NewIdentity(made_uid("quality", path.name), made_uid("quality", path.name, "series"), number, WRITTEN),
    )
