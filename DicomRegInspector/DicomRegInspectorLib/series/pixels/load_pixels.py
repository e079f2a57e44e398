"""The pixels of many slices, read on several threads straight into one array."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ...dicom.header import Header
from ...errors import FileError, UsageError
from ...findings import Finding
from ...findings.about import about_series
from ...memory import require_memory
from ...progress import Progress, report_progress
from ...words import plural
from ..geometry.stacks import Slice, Tile
from .decode import FrameJob, FrameKind, frame_kind, read_frames
from .decode_apart import DecodingProcesses
from .format import PixelFormat, read_pixel_format
from .padding import Padding, padding_range
from .rescale import Rescale, TooNarrowError, result_types

MAX_THREADS = 8
FRAMES_PER_TASK = 16
"""Frames of one file that a thread reads in one go; tasks must be many for threads to share the work."""
FRAMES_PER_PROCESS = 64
"""Fewer are decoded sooner by the processes there are than by one more."""
REPORT_EVERY = 16


@dataclass(frozen=True, eq=False)
class Loaded:
    """What came out of the files."""

    array: NDArray[Any]
    """(nk, nj, ni) or (nk, nj, ni, channels), C-contiguous."""
    units: str
    photometric: str
    findings: tuple[Finding, ...]
    padding: Padding | None
    """Which values are no pixels of the image; None where no file says so."""


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is read from where."""

    formats: dict[str, PixelFormat]
    kinds: dict[str, FrameKind]
    frames: tuple[tuple[PixelFormat, int, Rescale], ...]
    """For each slice of the array: its file, its frame (from 0), its rescale."""
    tiles: tuple[Tile | None, ...]
    """For each slice of the array: the part of its frame that it is."""

    @property
    def shape(self) -> tuple[int, ...]:
        first, tile = self.frames[0][0], self.tiles[0]
        channels = self.kinds[first.path].channels
        size = (first.rows, first.columns) if tile is None else (tile.rows, tile.columns)
        return (len(self.frames), *size) + ((channels,) if channels > 1 else ())


def load_pixels(
    slices: Sequence[Slice],
    *,
    stored_values: bool = False,
    scale_dose: bool = False,
    dtype: DTypeLike | None = None,
    progress: Progress | None = None,
) -> Loaded:
    """Read slices of one size, in their order. Parameters and errors as in :func:`~.volume.load_series`."""
    wanted = _wanted_dtype(dtype, stored_values)
    # Warnings are switched off here for all threads: the switch is one for the process.
    threads = min(MAX_THREADS, os.cpu_count() or 1)
    # A process takes as long to start as it takes to decode some frames.
    most = min(threads, len(slices) // FRAMES_PER_PROCESS)
    with warnings.catch_warnings(), DecodingProcesses(most) as processes:
        warnings.simplefilter("ignore")
        plan = _plan(slices, processes, stored_values=stored_values, scale_dose=scale_dose, progress=progress)
        stored = [(plan.kinds[pixels.path].stored, rescale) for pixels, _, rescale in plan.frames]
        types = [wanted] if wanted is not None else result_types(stored)
        array = _read_as(plan, types, stored_values, processes, progress)
    first = plan.frames[0][0]
    findings = tuple(_findings(plan, stored_values))
    return Loaded(array, _units(plan, stored_values), first.photometric, findings, _padding(plan, array.dtype))


def _wanted_dtype(dtype: DTypeLike | None, stored_values: bool) -> np.dtype | None:
    if dtype is None:
        return None
    wanted = np.dtype(dtype)
    if stored_values or wanted not in (np.float32, np.float64):
        raise UsageError(f"Values are read as float32 or float64, and stored values only as they are; not as {wanted}.")
    return wanted


def _read_as(
    plan: _Plan, types: list[np.dtype], stored_values: bool, processes: DecodingProcesses, progress: Progress | None
) -> NDArray[Any]:
    """Read into an array of the first type that holds all values."""
    for number, dtype in enumerate(types):
        needed = int(np.prod(plan.shape, dtype=object)) * dtype.itemsize
        require_memory(needed, f"A volume of {' × '.join(map(str, plan.shape))} {dtype} values")
        try:
            array = np.empty(plan.shape, dtype)
        except (MemoryError, ValueError) as error:
            raise UsageError(f"There is not enough memory for {needed:,} bytes of pixels.") from error
        try:
            _read_all(plan, array, stored_values, processes, progress)
            return array
        except TooNarrowError:
            if number + 1 == len(types):
                first = plan.frames[0][0]
                problem = "its decoded values do not fit into the type that its header announces"
                raise FileError(first.path, f"{problem}.", code="pixel-bits-inconsistent") from None
            del array
    raise AssertionError("there is always a type")


def _plan(
    slices: Sequence[Slice],
    processes: DecodingProcesses,
    *,
    stored_values: bool,
    scale_dose: bool,
    progress: Progress | None,
) -> _Plan:
    formats: dict[str, PixelFormat] = {}
    kinds: dict[str, FrameKind] = {}
    alike: dict[tuple[Any, ...], FrameKind] = {}
    frames = []
    for done, slice_ in enumerate(slices):
        if done % REPORT_EVERY == 0:
            _report(progress, done, 2 * len(slices), "Reading how pixels are stored")
        pixels = formats.get(slice_.path)
        if pixels is None:
            pixels = formats[slice_.path] = _format(slice_.header, scale_dose)
            stored = (pixels.samples, pixels.bits_allocated, pixels.bits_stored, pixels.signed)
            key = (pixels.syntax, pixels.photometric, *stored, pixels.keyword, pixels.is_direct)
            if key not in alike:
                alike[key] = frame_kind(pixels, stored_values=stored_values, processes=processes)
            kinds[slice_.path] = alike[key]
            _require_same(pixels, kinds[slice_.path], formats[slices[0].path], kinds[slices[0].path])
        frame = (slice_.frame_number or 1) - 1
        if frame >= pixels.frames:
            problem = f"frame {frame + 1} has a position, but there are pixels of {plural(pixels.frames, 'frame')}."
            raise FileError(slice_.path, problem, code="pixel-frames-disagree")
        as_stored = stored_values or pixels.is_color
        frames.append((pixels, frame, Rescale() if as_stored else pixels.rescale(frame)))
    return _Plan(formats, kinds, tuple(frames), tuple(slice_.tile for slice_ in slices))


def _format(header: Header, scale_dose: bool) -> PixelFormat:
    pixels = read_pixel_format(header, scale_dose=scale_dose)
    if (pixels.rows, pixels.columns) != (header.rows, header.columns) or not pixels.rows * pixels.columns:
        raise FileError(
            header.path, "has changed since its header was read, or gives its size twice.", code="size-mixed"
        )
    return pixels


def _require_same(pixels: PixelFormat, kind: FrameKind, first: PixelFormat, first_kind: FrameKind) -> None:
    here, there = (pixels.rows, pixels.columns, kind.channels), (first.rows, first.columns, first_kind.channels)
    if here != there:
        problem = (
            f"its images have {here[0]} rows, {here[1]} columns and {plural(here[2], 'channel')}, those of "
            f"{first.path} {there[0]}, {there[1]} and {there[2]}: they cannot be in one volume."
        )
        raise FileError(pixels.path, problem, code="size-mixed")


def _report(progress: Progress | None, done: int, total: int, text: str) -> None:
    report_progress(progress, done, total, text, "Loading was stopped.")


def _tasks(plan: _Plan, array: NDArray[Any]) -> Iterator[tuple[PixelFormat, list[FrameJob]]]:
    by_file: dict[str, list[FrameJob]] = {}
    for k, (pixels, frame, rescale) in enumerate(plan.frames):
        by_file.setdefault(pixels.path, []).append(FrameJob(frame, array[k], rescale, plan.tiles[k]))
    for path, jobs in by_file.items():
        pixels = plan.formats[path]
        # A deflated file has to be inflated whole for every task, a tiled frame read whole.
        size = len(jobs) if pixels.offset is None or jobs[0].tile is not None else FRAMES_PER_TASK
        for start in range(0, len(jobs), size):
            yield pixels, jobs[start : start + size]


def _read_all(
    plan: _Plan, array: NDArray[Any], stored_values: bool, processes: DecodingProcesses, progress: Progress | None
) -> None:
    total, done, reported = len(plan.frames), 0, 0
    pool = ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1))
    try:
        futures: dict[Future[None], int] = {
            pool.submit(read_frames, pixels, jobs, stored_values=stored_values, processes=processes): len(jobs)
            for pixels, jobs in _tasks(plan, array)
        }
        for future in as_completed(futures):
            future.result()
            done += futures[future]
            if done - reported >= REPORT_EVERY:
                reported = done
                _report(progress, total + done, 2 * total, "Reading pixels")
    finally:
        # Threads write into the array: they have to be done before anything else happens to it.
        pool.shutdown(wait=True, cancel_futures=True)


def _units(plan: _Plan, stored_values: bool) -> str:
    units = {pixels.units for pixels in plan.formats.values()}
    if stored_values or len(units) != 1 or plan.frames[0][0].is_color:
        return ""
    return units.pop()


def _padding(plan: _Plan, dtype: np.dtype) -> Padding | None:
    if all(pixels.padding_elements[0] is None for pixels in plan.formats.values()):
        return None
    ranges = np.array(
        [
            padding_range(pixels.padding, rescale, plan.kinds[pixels.path].stored.dtype, dtype)
            for pixels, _, rescale in plan.frames
        ]
    )
    return None if np.isnan(ranges).all() else Padding(ranges)


def _findings(plan: _Plan, stored_values: bool) -> Iterator[Finding]:
    first = plan.frames[0][0]
    subject = about_series(first.header.series_uid)
    rescales = [rescale for _, _, rescale in plan.frames]
    pairs = {
        (rescale.slope, rescale.intercept, id(rescale.table) if rescale.table is not None else 0)
        for rescale in rescales
    }
    if len(pairs) > 1 and not stored_values:
        slopes, intercepts = [rescale.slope for rescale in rescales], [rescale.intercept for rescale in rescales]
        text = (
            f"Slices are scaled in {len(pairs)} different ways (slope {min(slopes):g} to {max(slopes):g}, intercept "
            f"{min(intercepts):g} to {max(intercepts):g}); each by its own here"
        )
        evidence: dict[str, Any] = {
            "slope_min": min(slopes),
            "slope_max": max(slopes),
            "intercept_min": min(intercepts),
            "intercept_max": max(intercepts),
        }
        yield Finding("rescale-varies", "info", text, subject, evidence)
    units = {pixels.units for pixels in plan.formats.values()}
    if len(units) > 1 and not stored_values:
        names = sorted(unit or "(none)" for unit in units)
        text = f"Slices name different units of their values: {', '.join(names)}"
        yield Finding("rescale-varies", "error", text, subject, {"units": names})
    odd = [pixels for pixels in plan.formats.values() if pixels.high_bit not in (None, pixels.bits_stored - 1)]
    if odd:
        text = (
            f"High Bit (0028,0102) is {odd[0].high_bit} in {plural(len(odd), 'file')}, with {odd[0].bits_stored} bits "
            f"stored; {odd[0].bits_stored - 1} is the only one allowed, and is what values are read by"
        )
        evidence = {"high_bit": odd[0].high_bit, "bits_stored": odd[0].bits_stored, "files": len(odd)}
        yield Finding("pixel-bits-inconsistent", "warning", text, subject, evidence)
