"""Resampling of a stack to another spacing against SimpleITK's Resample, with the same result.

A volume of 512 x 512 x 500 int16 in memory, resampled linearly onto the same grid by both, in fresh processes by turns:
another slice spacing, the same from a tilted stack (for SimpleITK: a matrix with the tilt in it), another spacing along
all axes, and a stack whose slices lie irregularly (which SimpleITK cannot place: it resamples an evenly spaced one onto
the same grid). Time is that of the resampling alone; memory is the peak beyond the source volume, the result included.

    python Benchmarks/regularize.py [--repeat N] [--slices N]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from types import SimpleNamespace

from harness import LIBRARY, by_turns, in_fresh_process, machine, timed

SIZE = 512
PIXEL_MM = 0.7
STEP_MM = 0.6
CASES = {
    "slice spacing 0.6 to 0.7 mm": {"spacing_mm": 0.7},
    "the same, tilted by 12 degrees": {"spacing_mm": 0.7, "tilt_deg": 12.0},
    "0.7 x 0.7 x 0.6 to 0.85 mm": {"spacing_mm": 0.85, "in_plane_spacing_mm": 0.85},
    "irregular slices to 0.7 mm": {"spacing_mm": 0.7, "jitter_mm": 0.1},
}


def source(slices: int, tilt_deg: float = 0.0, jitter_mm: float = 0.0):
    """A volume of waves and noise, int16, as the library has it from files."""
    import numpy as np
    from DicomRegInspectorLib.dicom.header import Header
    from DicomRegInspectorLib.dicom.tags import Tag
    from DicomRegInspectorLib.series.geometry.stacks import Stack, slice_of
    from DicomRegInspectorLib.series.pixels.volume import SeriesVolume

    rng = np.random.default_rng(7)
    angle = np.deg2rad(tilt_deg)
    heights = STEP_MM * np.arange(slices) + rng.uniform(-jitter_mm, jitter_mm, slices)
    fixed = {
        Tag.ROWS: SIZE.to_bytes(2, "little"),
        Tag.COLUMNS: SIZE.to_bytes(2, "little"),
        Tag.PIXEL_SPACING: f"{PIXEL_MM}\\{PIXEL_MM}".encode(),
        Tag.IMAGE_ORIENTATION: f"1\\0\\0\\0\\{np.cos(angle):.12f}\\{-np.sin(angle):.12f}".encode(),
        Tag.MODALITY: b"CT",
    }
    headers = [{**fixed, Tag.IMAGE_POSITION: f"-150\\-150\\{z:.6f}".encode()} for z in heights]
    stack = Stack(tuple(slice_of(Header("", "", {int(tag): raw for tag, raw in one.items()}, 0)) for one in headers))
    array = np.empty((slices, SIZE, SIZE), np.int16)
    noise = rng.integers(-60, 60, (SIZE, SIZE))
    wave = 800 * np.sin(np.arange(SIZE) / 40)[:, None] * np.cos(np.arange(SIZE) / 31)[None, :]
    for k in range(slices):
        array[k] = wave * np.cos(k / 60) + np.roll(noise, 37 * k, axis=1)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([stack.axes[0] * PIXEL_MM, stack.axes[1] * PIXEL_MM, [0, 0, STEP_MM]], axis=1)
    affine[:3, 3] = stack.corners_lps_mm[0]
    valid = np.ones(slices, bool)
    return SeriesVolume(
        array, affine, stack.positions_mm, stack.corners_lps_mm, valid, stack, stack.slices, (), (), "HU", "MONOCHROME2"
    )


def library(volume, options: dict[str, float]) -> Callable[[], object]:
    """This library."""
    from DicomRegInspectorLib.series.regularize.regularize import regularize

    return lambda: regularize(volume, "resample", **options).volume.array


def simpleitk(volume, options: dict[str, float]) -> Callable[[], object]:
    """SimpleITK's filter onto the grid that the library gives."""
    import numpy as np
    import SimpleITK
    from DicomRegInspectorLib.series.regularize.regularize import regularize

    target = grid_of(regularize(volume, "resample", **options).volume)
    image = SimpleITK.GetImageFromArray(volume.array)
    spacing = np.linalg.norm(volume.affine_lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((volume.affine_lps[:3, :3] / spacing).reshape(-1).tolist())
    image.SetOrigin(volume.affine_lps[:3, 3].tolist())
    return lambda: SimpleITK.Resample(
        image,
        target.size,
        SimpleITK.Transform(),
        SimpleITK.sitkLinear,
        target.origin,
        target.spacing,
        target.direction,
        -1000.0,
    )


def grid_of(volume) -> SimpleNamespace:
    """A volume's lattice in SimpleITK's words."""
    return SimpleNamespace(
        size=volume.dimensions,
        spacing=volume.spacing_mm.tolist(),
        origin=volume.affine_lps[:3, 3].tolist(),
        direction=(volume.affine_lps[:3, :3] / volume.spacing_mm).reshape(-1).tolist(),
    )


CONTENDERS = {"SimpleITK": simpleitk, "this library": library}


def measure(contender: str, case: str, slices: int) -> None:
    """Run one contender in this process and print what it took."""
    options = dict(CASES[case])
    volume = source(slices, options.pop("tilt_deg", 0.0), options.pop("jitter_mm", 0.0))
    run = CONTENDERS[contender](volume, options)
    took, _ = timed(run)
    print(json.dumps(took))


def main() -> None:
    """Measure both on each case, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--slices", type=int, default=500)
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(LIBRARY))
    if options.measure:
        measure(options.measure, options.case, options.slices)
        return
    print(machine())
    print(f"512 x 512 x {options.slices} int16; best time and largest peak of {options.repeat} fresh processes each")
    print(f"{'':34}{'':14}{'seconds':>9}{'x SimpleITK':>13}{'peak MB':>10}")
    for case in CASES:
        rest = ("--case", case, "--slices", options.slices)
        rows = by_turns(CONTENDERS, options.repeat, lambda name, rest=rest: in_fresh_process("--measure", name, *rest))
        best = {name: min(row["seconds"] for row in measured) for name, measured in rows.items()}
        for name, measured in rows.items():
            peak = max(row["peak"] for row in measured) / 1e6
            print(f"{case:34}{name:14}{best[name]:9.2f}{best[name] / best['SimpleITK']:13.2f}{peak:10.0f}")


if __name__ == "__main__":
    main()
