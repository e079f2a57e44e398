"""One run of ``regularize``: from a folder of images to volumes, a scene or a new DICOM series."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ChoiceError, UsageError
from ..output_file import require_file_place, require_utf8_name
from ..progress import Progress, Run, in_background
from ..series import Series
from ..series.geometry.frames import FrameSpacing
from ..series.pixels.choose_stack import the_series
from ..series.regularize.one_per_place import Dropped, stack_to_regularize
from ..series.regularize.options import RegularizeOptions
from ..series.regularize.plan import Plan, plan
from ..series.regularize.regular import VOLUME_SUFFIXES, Regularized
from ..series.regularize.regularize import carry_out, load_planned
from ..series.write.correct_positions import write_corrected
from ..series.write.new_folder import require_new_folder
from ..series.write.parametric_map import write_parametric_map
from ..series.write.write_back import WrittenSeries, write_series
from ..volumes.other_formats import import_simpleitk, read_reference
from ..volumes.regularized_files import write_regularized

SCENE_SUFFIX = ".mrb"
MAP_SUFFIX = ".dcm"
SaveScene = Callable[[Regularized, Path], object]
Quietly = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    paths: tuple[str, ...]
    output: str
    options: RegularizeOptions | None
    """How; None: positions that were written with too few digits are corrected, pixels stay as they are."""
    parametric_map: bool = False
    spacing_mm: float | None = None
    """Between corrected positions; None: the nominal spacing."""
    stack: int | str | None = None
    series_uid: str | None = None
    frame_spacing: FrameSpacing = None
    """For frames that share one position; see :func:`~..series.pixels.volume.load_series`."""

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
        """Return the outcome as the JSON report holds it."""
        return {
            "schema": 1,
            "description": self.description,
            "written": [os.fspath(path) for path in self.written],
            "volumes": list(self.volumes),
            "notes": list(self.notes),
            "dropped": [left_out.to_dict() for left_out in self.dropped],
        }


def run_regularize(
    request: Request, save_scene: SaveScene, progress: Progress | None = None, quietly: Quietly = nullcontext
) -> Outcome:
    """Do what is asked for; ``save_scene`` writes scenes, ``quietly`` makes the context that ITK writes volumes in.

    Raises
    ------
    UsageError, FileError, Cancelled
        See :func:`~..series.regularize.regularize.regularize` and :func:`~..series.write.write_back.write_series`.
    """
    _check(request)
    series = the_series(request.paths, request.series_uid, request.frame_spacing)
    options = request.options
    if options is None:
        return _corrected(request, series, progress)
    if isinstance(options.reference, str):
        options = replace(options, reference=read_reference(options.reference))
    return _carried_out(request, plan(series, options, request.stack), save_scene, progress, quietly)


def _carried_out(
    request: Request, planned: Plan, save_scene: SaveScene, progress: Progress | None, quietly: Quietly = nullcontext
) -> Outcome:
    volume = load_planned(planned, progress)
    if request.parametric_map and volume.array.dtype.kind in "iu":
        # What is interpolated between whole values keeps its fractions there.
        narrow = volume.array.dtype.itemsize <= 2
        volume = replace(volume, array=volume.array.astype(np.float32 if narrow else np.float64))
    result = carry_out(planned, volume, progress)
    written, notes = _write(request, result, save_scene, progress, quietly)
    notes = [*planned.notes, *notes]
    return Outcome(result.description, result.dropped, tuple(written), tuple(notes), tuple(_geometry(result)))


def save_series(
    series: Series,
    place: str | os.PathLike[str],
    how: Plan | RegularizeOptions | None = None,
    *,
    spacing_mm: float | None = None,
    stack: int | None = None,
    progress: Progress | None = None,
    run: Run | None = None,
) -> Outcome:
    """Write an inspected series as new DICOM.

    Parameters
    ----------
    place
        A new or an empty folder; or a file that ends in ``.dcm``, for a Parametric Map.
    how
        What was planned with the series, or what is to be planned. None: positions that were written with too few
        digits are corrected, pixels stay as they are.
    spacing_mm
        Between corrected positions; None: the nominal spacing.
    stack
        Which of the series' stacks, from 1; None the one worth regularizing. A plan has chosen already.
    progress, run
        ``run`` may call the function it gets in a thread, with a progress callback of its own.

    Raises
    ------
    UsageError, FileError, Cancelled
        See :func:`run_regularize`.
    """
    is_map = how is not None and Path(place).name.lower().endswith(MAP_SUFFIX)
    # A folder even where its name looks as if it had an ending.
    output = os.fspath(place) if is_map else os.path.join(place, "")
    options = how.options if isinstance(how, Plan) else how
    request = Request(series.paths, output, options, is_map, spacing_mm, stack)

    def work(report: Progress | None) -> Outcome:
        _check(request)
        if how is None:
            return _corrected(request, series, report)
        planned = how if isinstance(how, Plan) else plan(series, how, stack)
        return _carried_out(request, planned, _no_scene, report)

    return in_background(work, progress, run)


def _no_scene(result: Regularized, output: Path) -> None:
    raise UsageError(f"{output}: is neither a folder nor a {MAP_SUFFIX} file")


def _check(request: Request) -> None:
    """Everything that can be refused before files are read."""
    output = Path(request.output)
    if request.is_folder:
        if request.parametric_map:
            raise ChoiceError(
                f"{output}: a parametric map is one file; name one that ends in {MAP_SUFFIX}", "parametric map"
            )
        given = [os.path.join(path, "file") if os.path.isdir(path) else path for path in request.paths]
        require_new_folder(output, given)
        return
    if request.options is None:
        raise ChoiceError(f"{output}: series with corrected positions are DICOM; name a new folder", "positions only")
    endings = (MAP_SUFFIX,) if request.parametric_map else (SCENE_SUFFIX, *VOLUME_SUFFIXES)
    if not output.name.lower().endswith(endings):
        raise UsageError(
            f"{output}: expected a name that ends in {', '.join(endings)}, or a new folder for DICOM (end it with /)"
        )
    if not output.absolute().parent.is_dir():
        raise UsageError(f"{output}: there is no folder {output.absolute().parent}")
    if output.name.lower().endswith(VOLUME_SUFFIXES):
        import_simpleitk()
    if not request.parametric_map:
        require_utf8_name(output, "ITK")
    require_file_place(output)
    if output.exists():
        raise UsageError(f"{output}: already exists and is not overwritten; name another output")


def _corrected(request: Request, series: Series, progress: Progress | None) -> Outcome:
    stack, apart = stack_to_regularize(series, request.stack)
    written, corrected = write_corrected(stack, request.output, request.spacing_mm, progress=progress)
    text = (
        f"positions of {len(stack.slices)} slices set {corrected.spacing_mm:.6g} mm apart; the farthest moved by "
        f"{corrected.largest_move_mm:.3g} mm (they were written to {corrected.precision_mm:g} mm); pixel data unchanged"
    )
    return Outcome(text, apart, (written.folder,), (), ())


def _write(
    request: Request, result: Regularized, save_scene: SaveScene, progress: Progress | None, quietly: Quietly
) -> tuple[list[Path], list[str]]:
    output = Path(request.output)
    notes: list[str] = []
    if request.parametric_map:
        return [write_parametric_map(result.volume, output)], notes
    if request.is_folder:
        series = write_series(result, output, progress=progress)
        notes += [
            _encoding_note(series_)
            for series_ in series
            if series_.encoding is not None and not series_.encoding.is_exact
        ]
        return [series_.folder for series_ in series], notes
    if output.name.lower().endswith(SCENE_SUFFIX):
        save_scene(result, output)
        return [output], notes
    with quietly():
        written = write_regularized(result, output)
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
            "label": volume.label,
            "dimensions": list(volume.dimensions),
            "spacing_mm": volume.spacing_mm.tolist(),
            "slice_distance_mm": volume.slice_distance_mm,
            "largest_deviation_mm": volume.deviation_mm,
            "affine_lps": volume.affine_lps.tolist(),
            "is_orthogonal": volume.is_orthogonal,
            "has_displacement_grid": volume.displacement is not None,
            "values_untouched": volume.is_untouched,
            "fill": volume.fill,
            "valid_fraction": volume.valid_fraction,
        }
        for volume in result.volumes
    ]
