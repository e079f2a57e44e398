"""Points and markups through a transform, in the format that they came in."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...dicom.source import read_regular_file
from ...errors import FileError, UsageError
from ...output_file import replace_file
from ...progress import Progress
from ...registration.points import parse_points
from ...registration.points.point_file import PointFile
from ...words import plural
from .applied import Applied, residual_of
from .frames import said_of_frames
from .request import ApplyRequest

_READ_BACK_MM = 1e-9
_ENDINGS = {"CSV": (".csv", ".txt", ".tsv"), "fcsv": (".fcsv",), "mrk.json": (".json",)}


def apply_points(request: ApplyRequest, progress: Progress | None = None) -> Applied:
    """Move points and write the file that they came in with them where they go, all else as it was.

    Where there is no place for a point CSV has ``nan``, and markups a point without a position. Points of the source
    frame are searched for by the inverse: CSV gets a column ``residual_mm``.

    Raises
    ------
    FileError
        When the file cannot be read.
    UsageError
        When it holds no points as expected, the output is of another format, or cannot be written.
    """
    given = _read(request.input)
    _require_format(given, request)
    before = given.positions_lps_mm
    moved = request.transform.push(before)
    in_csv = given.format == "CSV" and moved.residual_mm is not None
    text = given.rewrite(moved.points, moved.residual_mm if in_csv else None)

    def write(unfinished: Path) -> None:
        unfinished.write_bytes(text.encode("utf-8"))
        read = _read(unfinished).positions_lps_mm
        if not np.allclose(read, moved.points, rtol=0, atol=_READ_BACK_MM, equal_nan=True):
            raise UsageError(f"{request.output}: what was written reads otherwise than it should; report this")

    replace_file(request.output, write)
    placed, found = (np.isfinite(points).all(axis=1) for points in (before, moved.points))
    lost = int(np.count_nonzero(placed & ~found))
    return Applied(
        "points",
        request.transform,
        request.output,
        format=f"{plural(len(before), 'point')}, {given.format}",
        frame_uid=request.transform.output_frame_uid,
        residual=residual_of(moved),
        notes=tuple(_notes(request, placed, lost)),
        more={"points": len(before), "without_position": int(np.count_nonzero(~placed)), "lost": lost},
    )


def _notes(request: ApplyRequest, placed: np.ndarray, lost: int) -> list[str]:
    notes = said_of_frames(request, "")
    if not placed.all():
        notes.append(f"{plural(int(np.count_nonzero(~placed)), 'point')} had no position in the file.")
    if lost:
        notes.append(
            f"{lost} of {plural(len(placed), 'point')} have no place in the {request.transform.sides[1]} frame: the "
            "registration is undefined there."
        )
    return notes


def _read(path: str | Path) -> PointFile:
    try:
        text = read_regular_file(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(path, "is not text in UTF-8; expected points: CSV, .fcsv or .mrk.json") from error
    return parse_points(text, str(path))


def _require_format(given: PointFile, request: ApplyRequest) -> None:
    ending = request.output.suffix.lower()
    if ending not in _ENDINGS[given.format]:
        raise UsageError(
            f"{request.output}: points keep their format, {given.format}; expected a name that ends in "
            f"{' or '.join(_ENDINGS[given.format])}"
        )
