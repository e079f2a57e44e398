"""Points of any readable file as Spatial Fiducials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...dicom.source import read_regular_file
from ...errors import ChoiceError, FileError, without_warnings
from ...output_file import replace_file
from ...registration import read_registration
from ...registration.file.fiducials import Landmark
from ...registration.file.write.dicom_object import NewIdentity
from ...registration.file.write.fiducials import (
    IDENTIFIER,
    NewFiducialSet,
    identifiers_of,
    write_spatial_fiducials,
)
from ...registration.points import parse_points
from ...words import plural
from .side import Side, side_of_images

Place = str | PathLike[str]

_POINT_SUFFIXES = (".csv", ".fcsv", ".json")


@dataclass(frozen=True)
class FiducialsExport:
    """What was written of points."""

    output: Path
    sop_instance_uid: str
    counts: tuple[int, ...]
    """Points of each set."""
    without_place: int
    """Points that have no position, which are left out."""
    renamed: int
    """Points whose names are no Fiducial Identifiers."""

    @property
    def description(self) -> str:
        """It in words."""
        sets = plural(len(self.counts), "set")
        return f"Spatial Fiducials, {sets}: {' and '.join(plural(count, 'point') for count in self.counts)}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user has to know, in sentences."""
        notes = []
        if self.without_place:
            notes.append(f"{plural(self.without_place, 'point')} without a position: left out.")
        if self.renamed:
            notes.append(
                f"{plural(self.renamed, 'name')} longer than {IDENTIFIER} characters, empty or there twice: Fiducial "
                "Identifier (0070,0310) is made of it, Fiducial Description (0070,030F) has it whole."
            )
        return tuple(notes)

    def to_dict(self) -> dict[str, Any]:
        """Return the export as a JSON report holds it."""
        return {
            "schema": 1,
            "written": str(self.output),
            "kind": "fiducials",
            "sop_instance_uid": self.sop_instance_uid,
            "description": self.description,
            "points": list(self.counts),
            "points_without_position": self.without_place,
            "renamed": self.renamed,
            "notes": list(self.notes),
            "findings": [],
        }


def are_points(paths: Sequence[Place]) -> bool:
    """Tell whether files are points by their names: CSV, ``.fcsv``, ``.mrk.json``."""
    return all(fspath(path).lower().endswith(_POINT_SUFFIXES) for path in paths)


def export_points(
    paths: Sequence[Place],
    output: Place,
    *,
    fixed: Sequence[Place] = (),
    moving: Sequence[Place] = (),
    description: str = "",
) -> FiducialsExport:
    """Write points as a Spatial Fiducials object: of one file in the frame of an image, or of two in those of both.

    Parameters
    ----------
    paths
        CSV with ``name,x,y,z`` (LPS mm), Slicer's ``.fcsv`` or ``.mrk.json``: one, or the registered side's and the
        source side's.
    fixed, moving
        Image series of the registered and of the source frame; of one file of points one of the two.

    Raises
    ------
    UsageError
        When images do not fit the files of points, no point has a position, or the file cannot be written; nothing is
        left behind then.
    FileError
        When a file cannot be read.
    """
    roles: tuple[tuple[Sequence[Place], Literal["fixed", "moving"]], ...] = ((fixed, "fixed"), (moving, "moving"))
    given = [side_of_images(images, role) for images, role in roles if images]
    if len(given) != len(paths):
        raise ChoiceError(
            f"{plural(len(paths), 'file')} of points and images of {plural(len(given), 'frame')}: expected the images "
            "whose frame the points are in, one series for each file",
            "fixed image",
            "moving image",
        )
    points = [_landmarks(path) for path in paths]
    return write_points(points, given, Path(output), description=description)


def write_points(
    points: Sequence[tuple[Sequence[Landmark], int]], sides: Sequence[Side], output: Path, *, description: str = ""
) -> FiducialsExport:
    """Write sets of points, each with how many have no position, in the frames of sides.

    Errors as of :func:`export_points`.
    """
    sets = [
        NewFiducialSet(side.frame_uid, landmarks, side.images)
        for side, (landmarks, _) in zip(sides, points, strict=True)
    ]
    identity = NewIdentity(series_number=sides[0].series_number + 1)
    with without_warnings():
        replace_file(
            output,
            lambda unfinished: write_spatial_fiducials(
                unfinished, sets, series_description=description or "Fiducials", identity=identity
            ),
        )
    written = read_registration(output).fiducial_sets
    placed = [[landmark.position_lps_mm for landmark in fiducials.landmarks] for fiducials in written]
    expected = [[landmark.position_lps_mm for landmark in landmarks] for landmarks, _ in points]
    if not all(np.allclose(ours, theirs, rtol=0, atol=1e-6) for ours, theirs in zip(placed, expected, strict=True)):
        raise FileError(output, "reads otherwise than what was to be written: report this")
    names = [[landmark.name for landmark in landmarks] for landmarks, _ in points]
    pairs = zip(chain.from_iterable(names), chain.from_iterable(identifiers_of(names)), strict=True)
    return FiducialsExport(
        output,
        identity.sop_instance_uid,
        tuple(len(landmarks) for landmarks, _ in points),
        sum(lost for _, lost in points),
        sum(name != identifier for name, identifier in pairs),
    )


def _landmarks(path: Place) -> tuple[list[Landmark], int]:
    try:
        text = read_regular_file(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(path, "is not text in UTF-8") from error
    points = parse_points(text, fspath(path))
    placed = np.isfinite(points.positions_lps_mm).all(axis=1)
    landmarks = [
        Landmark(name, (float(x), float(y), float(z)))
        for name, (x, y, z), is_placed in zip(points.names, points.positions_lps_mm, placed, strict=True)
        if is_placed
    ]
    return landmarks, int((~placed).sum())
