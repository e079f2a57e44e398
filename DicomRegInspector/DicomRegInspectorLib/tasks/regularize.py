"""One run of ``regularize``: from a folder of images to volumes, a scene or a new DICOM series."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UsageError
from ..progress import Progress, Run, in_background
from ..series import Series
from ..series.regularize.one_per_place import Dropped, Duplicates, Overlaps, load_to_regularize, stack_of_paths
from ..series.regularize.reference import ReferenceGrid
from ..series.regularize.regular import MODES, VOLUME_SUFFIXES, Mode, Regularized
from ..series.regularize.regularize import MAX_GAP, check_options, regularize
from ..series.write.correct_positions import write_corrected
from ..series.write.new_folder import require_new_folder
from ..series.write.parametric_map import write_parametric_map
from ..series.write.write_back import WrittenSeries, write_series
from ..volumes.other_formats import read_reference

SCENE_SUFFIX = ".mrb"
MAP_SUFFIX = ".dcm"
WORTH_SAYING_MM = 0.1
"""Smaller deviations are rounding: of positions, or of direction cosines over the width of an image."""
SaveFiles = Callable[[Regularized, Path], Sequence[Path]]


@dataclass(frozen=True)
class Request:
    """What is asked for; see :func:`~.series.regularize.regularize`."""

    paths: tuple[str, ...]
    output: str
    mode: Mode | None = None
    positions_only: bool = False
    parametric_map: bool = False
    spacing_mm: float | None = None
    in_plane_spacing_mm: float | None = None
    reference: str | ReferenceGrid | None = None
    """The grid to resample on, or the file or folder of a volume that has it."""
    max_gap: float = MAX_GAP
    duplicates: Duplicates = "first"
    overlaps: Overlaps = "keep"
    fill: float | None = None
    stack: int | str | None = None
    series_uid: str | None = None

    @property
    def is_folder(self) -> bool:
        """Whether the output is a folder of DICOM files, by the ending of its name."""
        return self.output.endswith(("/", os.sep)) or os.path.isdir(self.output) or not Path(self.output).suffix


@dataclass(frozen=True)
class Outcome:
    """What was done and written."""

    description: str
    dropped: tuple[Dropped, ...]
    written: tuple[Path, ...]
    """Files, or folders of DICOM series."""
    notes: tuple[str, ...]
    """What a user has to know to use the result."""
    volumes: tuple[dict[str, Any], ...]
    """Geometry of each volume, plain values."""

    def to_dict(self) -> dict[str, Any]:
        """The outcome as the JSON report holds it."""
        return {
            "schema": 1,
            "description": self.description,
            "written": [os.fspath(path) for path in self.written],
            "volumes": list(self.volumes),
            "notes": list(self.notes),
            "dropped": [one.to_dict() for one in self.dropped],
        }


def run_regularize(request: Request, save_files: SaveFiles, progress: Progress | None = None) -> Outcome:
    """Do what is asked for; ``save_files`` writes volume files and scenes.

    Raises
    ------
    UsageError, FileError, Cancelled
        See :func:`~.series.regularize.regularize` and :func:`~.series.write_back.write_series`.
    """
    _check(request)
    if request.positions_only:
        return _corrected(request, progress)
    assert request.mode is not None
    reference = read_reference(request.reference) if isinstance(request.reference, str) else request.reference
    volume, apart = load_to_regularize(
        request.paths, stack=request.stack, series_uid=request.series_uid, progress=progress
    )
    if request.parametric_map and volume.array.dtype.kind in "iu":
        # What is interpolated between whole values keeps its fractions there.
        narrow = volume.array.dtype.itemsize <= 2
        volume = replace(volume, array=volume.array.astype(np.float32 if narrow else np.float64))
    result = regularize(
        volume,
        request.mode,
        spacing_mm=request.spacing_mm,
        in_plane_spacing_mm=request.in_plane_spacing_mm,
        reference=reference,
        max_gap=request.max_gap,
        duplicates=request.duplicates,
        overlaps=request.overlaps,
        fill=request.fill,
        apart=apart,
        progress=progress,
    )
    written, notes = _write(request, result, save_files, progress)
    deviation = max(one.deviation_mm for one in result.volumes)
    if deviation > WORTH_SAYING_MM:
        notes.insert(
            0, f"slices are not quite parallel or in line: corners lie up to {deviation:.2g} mm off the result"
        )
    return Outcome(result.description, result.dropped, tuple(written), tuple(notes), tuple(_geometry(result)))


def save_series(
    series: Series,
    place: str | os.PathLike[str],
    mode: Mode | None = None,
    *,
    progress: Progress | None = None,
    run: Run | None = None,
    **options: Any,
) -> Outcome:
    """Write an inspected series as new DICOM.

    Parameters
    ----------
    place
        A new or an empty folder; or a file that ends in ``.dcm``, for a Parametric Map.
    mode
        None: positions that were written with too few digits are corrected, pixels stay as they are.
    progress, run
        ``run`` may call the function it gets in a thread, with a progress callback of its own.
    options
        Further fields of :class:`Request`.

    Raises
    ------
    UsageError, FileError, Cancelled
        See :func:`run_regularize`.
    """
    is_map = mode is not None and Path(place).name.lower().endswith(MAP_SUFFIX)
    request = Request(
        paths=series.paths,
        # A folder even where its name looks as if it had an ending.
        output=os.fspath(place) if is_map else os.path.join(place, ""),
        mode=mode,
        positions_only=mode is None,
        parametric_map=is_map,
        series_uid=series.series_instance_uid or None,
        **options,
    )

    def work(report: Progress | None) -> Outcome:
        return run_regularize(request, _no_files, report)

    return in_background(work, progress, run)


def _no_files(result: Regularized, output: Path) -> Sequence[Path]:
    raise UsageError(f"{output}: is neither a folder nor a {MAP_SUFFIX} file")


def _check(request: Request) -> None:
    """Everything that can be refused before files are read."""
    output = Path(request.output)
    if request.positions_only == (request.mode is not None):
        raise UsageError(f"choose one of --mode ({', '.join(MODES)}) and --positions-only")
    if request.positions_only and request.reference is not None:
        raise UsageError("--reference is for --mode resample; --positions-only leaves pixels where they are")
    if request.mode is not None:
        check_options(
            request.mode,
            request.spacing_mm,
            request.in_plane_spacing_mm,
            request.max_gap,
            request.overlaps,
            request.duplicates,
            request.reference is not None,
        )
    if request.is_folder:
        if request.parametric_map:
            raise UsageError(f"{output}: --parametric-map writes one file; name one that ends in {MAP_SUFFIX}")
        given = [os.path.join(path, "file") if os.path.isdir(path) else path for path in request.paths]
        require_new_folder(output, given)
        return
    if request.positions_only:
        raise UsageError(f"{output}: --positions-only writes DICOM; name a new folder")
    endings = (MAP_SUFFIX,) if request.parametric_map else (SCENE_SUFFIX, *VOLUME_SUFFIXES)
    if not output.name.lower().endswith(endings):
        raise UsageError(
            f"{output}: expected a name that ends in {', '.join(endings)}, or a new folder for DICOM (end it with /)"
        )
    if not output.absolute().parent.is_dir():
        raise UsageError(f"{output}: there is no folder {output.absolute().parent}")
    if output.exists():
        raise UsageError(f"{output}: is there; nothing is written over it, name another output")


def _corrected(request: Request, progress: Progress | None) -> Outcome:
    stack, apart = stack_of_paths(request.paths, stack=request.stack, series_uid=request.series_uid)
    written, corrected = write_corrected(stack, request.output, request.spacing_mm, progress=progress)
    text = (
        f"positions of {len(stack.slices)} slices set {corrected.spacing_mm:.6g} mm apart; the farthest moved by "
        f"{corrected.largest_move_mm:.3g} mm (they were written to {corrected.precision_mm:g} mm); pixel data unchanged"
    )
    return Outcome(text, apart, (written.folder,), (), ())


def _write(
    request: Request, result: Regularized, save_files: SaveFiles, progress: Progress | None
) -> tuple[list[Path], list[str]]:
    output = Path(request.output)
    notes = []
    if request.parametric_map:
        return [write_parametric_map(result.volume, output)], notes
    if request.is_folder:
        series = write_series(result, output, progress=progress)
        notes += [_encoding_note(one) for one in series if one.encoding is not None and not one.encoding.is_exact]
        return [one.folder for one in series], notes
    written = list(save_files(result, output))
    transforms = [path for path in written if path.name.endswith("-acquisition-transform.h5")]
    if transforms:
        notes.append(
            f"{transforms[0].name} puts the slices where their headers say; without it the volume file shows them "
            f"evenly spaced along their normal. {SCENE_SUFFIX} holds both, mode resample needs none"
        )
    return written, notes


def _encoding_note(series: WrittenSeries) -> str:
    assert series.encoding is not None
    return f"values are stored in steps of {series.encoding.slope:.6g}: off by half of that at most"


def _geometry(result: Regularized) -> list[dict[str, Any]]:
    return [
        {
            "label": one.label,
            "dimensions": list(one.dimensions),
            "spacing_mm": one.spacing_mm.tolist(),
            "slice_distance_mm": one.slice_distance_mm,
            "largest_deviation_mm": one.deviation_mm,
            "affine_lps": one.affine_lps.tolist(),
            "is_orthogonal": one.is_orthogonal,
            "has_displacement_grid": one.displacement is not None,
            "values_untouched": one.is_untouched,
            "fill": one.fill,
            "valid_fraction": one.valid_fraction,
        }
        for one in result.volumes
    ]
