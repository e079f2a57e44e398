"""Measures of a field against SimpleITK's Jacobian filter: time, memory, and how both grow with the grid.

Writes Deformable Spatial Registrations of four sizes up to 512 x 512 x 141 and measures each in fresh processes:
SimpleITK's DisplacementFieldJacobianDeterminant alone (its image is in memory before the clock starts), this library's
magnitude, Jacobian and curl of every voxel with their statistics (from the file, reading is on its clock; and from
memory, as SimpleITK has its image), and all of its measures. Memory is the peak beyond what the process held after its
imports; for SimpleITK that includes the image, from memory the vectors. New memory costs whatever the system takes for
it: on a virtual machine whose host takes free pages back, as much as all arithmetic.

    python Benchmarks/measures.py [--repeat N]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness import LIBRARY, by_turns, in_fresh_process, machine, memory, timed

SIZES = ((192, 192, 56), (320, 320, 90), (416, 416, 115), (512, 512, 141))
SPACING = (0.9766, 0.9766, 2.5)


def write_file(path: Path, dimensions: tuple[int, int, int]) -> None:
    """A smooth field of some 10 mm that does not fold."""
    import numpy as np
    from DicomRegInspectorLib.registration.file.write import write_deformable_registration

    nx, ny, nz = dimensions
    x, y, z = (np.linspace(0, 4, size, dtype=np.float32) for size in dimensions)
    vectors = np.empty((nz, ny, nx, 3), np.float32)
    for k in range(nz):
        wave = np.sin(x)[None, :] * np.cos(y)[:, None] * np.float32(np.cos(z[k]))
        vectors[k] = np.stack([8 * wave, -6 * wave, 4 * wave], axis=-1)
    write_deformable_registration(
        path,
        vectors=vectors,
        origin=(-250.0, -250.0, -176.0),
        directions=np.eye(3),
        spacing=SPACING,
        registered_frame_uid="2.25.1",
        source_frame_uid="2.25.2",
    )


def simpleitk(path: str) -> tuple[Callable[[], object], int]:
    """SimpleITK's filter on its own image of the vectors."""
    import numpy as np
    import SimpleITK
    from DicomRegInspectorLib import read_registration

    before = memory("VmRSS")
    grid = read_registration(path).items[0].grid
    image = SimpleITK.Image(list(grid.dimensions), SimpleITK.sitkVectorFloat32, 3)
    image.SetSpacing(grid.spacing_mm.tolist())
    view = SimpleITK.GetArrayViewFromImage(image)
    # SimpleITK's views are read-only; writing through the address spares a copy that is not its filter's fault.
    target = np.lib.stride_tricks.as_strided(view, writeable=False)
    import ctypes

    flat = np.ctypeslib.as_array((ctypes.c_float * target.size).from_address(target.ctypes.data))
    grid.place.read_into(flat)
    return lambda: SimpleITK.DisplacementFieldJacobianDeterminant(image), before


def three_measures(path: str) -> tuple[Callable[[], object], int]:
    """Magnitude, Jacobian and curl, read from the file on the clock."""
    from DicomRegInspectorLib import read_registration

    item = read_registration(path).items[0]
    return three_of(item.mapping.field), memory("VmRSS")


def three_from_memory(path: str) -> tuple[Callable[[], object], int]:
    """The same of vectors that are in memory before the clock starts, as SimpleITK's image is."""
    from DicomRegInspectorLib import read_registration

    before = memory("VmRSS")
    item = read_registration(path).items[0]
    _ = item.grid.vectors
    return three_of(item.mapping.field), before


def three_of(field: object) -> Callable[[], object]:
    """Magnitude, Jacobian and curl of every voxel, each with its extremes, mean and percentiles."""
    from DicomRegInspectorLib.registration.measures import local
    from DicomRegInspectorLib.registration.measures.distributions import distributions

    return lambda: distributions(field, [local.MAGNITUDE, local.JACOBIAN, local.CURL])


def everything(path: str) -> tuple[Callable[[], object], int]:
    """All measures of one item."""
    from DicomRegInspectorLib import read_registration
    from DicomRegInspectorLib.registration.measures.quality import measure

    item = read_registration(path).items[0]
    return lambda: measure(item.mapping, item.subject), memory("VmRSS")


CONTENDERS = {
    "SimpleITK Jacobian": simpleitk,
    "magnitude + Jacobian + curl": three_measures,
    "the same from memory": three_from_memory,
    "all measures": everything,
}


def measure(name: str, path: str) -> None:
    """Run one contender in this process and print what it took."""
    run, before = CONTENDERS[name](path)
    took, _ = timed(run, before)
    print(json.dumps(took))


def main() -> None:
    """Write the files, measure everybody on each, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(LIBRARY))
    if options.measure:
        measure(options.measure, options.file)
        return
    print(machine())
    print(f"best time and largest peak of {options.repeat} fresh processes each, warm page cache")
    print("cpu is of all cores together: where others use the machine, the ratio of these counts")
    print(
        f"{'grid':>16} {'':28}{'seconds':>9}{'x SimpleITK':>13}{'cpu':>7}{'x SimpleITK':>13}"
        f"{'ns/voxel':>10}{'peak MB':>10}{'x SimpleITK':>13}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for dimensions in SIZES:
            path = Path(folder) / "registration.dcm"
            path.unlink(missing_ok=True)
            write_file(path, dimensions)
            measure_all(path, dimensions, options.repeat)


def measure_all(path: Path, dimensions: tuple[int, int, int], repeat: int) -> None:
    """Contenders by turns on one file; a row for each."""
    rows = by_turns(CONTENDERS, repeat, lambda name: in_fresh_process("--measure", name, "--file", path))
    best = {name: min(row["seconds"] for row in measured) for name, measured in rows.items()}
    cpu = {name: min(row["cpu"] for row in measured) for name, measured in rows.items()}
    peaks = {name: max(row["peak"] for row in measured) for name, measured in rows.items()}
    voxels = dimensions[0] * dimensions[1] * dimensions[2]
    for name in CONTENDERS:
        slower, busier, larger = (of[name] / of["SimpleITK Jacobian"] for of in (best, cpu, peaks))
        print(
            f"{' x '.join(map(str, dimensions)):>16} {name:28}"
            f"{best[name]:9.2f}{slower:13.2f}{cpu[name]:7.2f}{busier:13.2f}"
            f"{best[name] / voxels * 1e9:10.1f}{peaks[name] / 1e6:10.0f}{larger:13.2f}"
        )


if __name__ == "__main__":
    main()
