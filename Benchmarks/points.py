"""Points through a deformation: this library against SimpleITK's loop and VTK's grid transform, in one run.

Writes a Deformable Spatial Registration of 512 x 512 x 141, and maps points at random places in it in fresh processes:
this library's map_points and map_points_inverse, SimpleITK's DisplacementFieldTransform a point at a time (its own
way: it takes no array), and VTK's vtkGridTransform, which has one thread, float32 vectors and no notion of undefined
ones. Then the command map on a CSV of a million points, and the memory that many points need. Vectors are in memory
before the clock starts, but for the command. Judge by the processor's time where others use the machine.

    python Benchmarks/points.py [--points 1000000] [--repeat 3]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness import LIBRARY, by_turns, command, in_fresh_process, machine, timed
from measures import write_file

DIMENSIONS = (512, 512, 141)
MANY = 10_000_000
Run = tuple[Callable[[], object], int]
"""What is timed, and how many points it maps."""


def grid_and_points(path: str, count: int):
    """The item, and points at random places between its outermost nodes."""
    import numpy as np
    from DicomRegInspectorLib import read_registration

    item = read_registration(path).items[0]
    grid = item.grid
    index = np.random.default_rng(7).random((count, 3)) * (np.array(grid.dimensions) - 1)
    _ = grid.vectors
    return item, index @ grid.index_to_lps[:3, :3].T + grid.origin_lps_mm


def forward(path: str, count: int) -> Run:
    """This library, to where the points go."""
    item, points = grid_and_points(path, count)
    return lambda: item.map_points(points), count


def inverse(path: str, count: int) -> Run:
    """This library, back: all are found, and to less than a nanometre."""
    count //= 5
    item, points = grid_and_points(path, count)
    mapped = item.map_points(points)

    def run() -> None:
        result = item.mapping.map_points_inverse(mapped)
        assert result.converged.all() and result.residual_mm.max() < 1e-6, result.residual_mm.max()

    return run, count


def simpleitk(path: str, count: int) -> Run:
    """SimpleITK, a point at a time."""
    import SimpleITK

    count //= 50
    item, points = grid_and_points(path, count)
    grid = item.grid
    image = SimpleITK.GetImageFromArray(grid.vectors.astype("float64"), isVector=True)
    image.SetSpacing(grid.spacing_mm.tolist())
    image.SetOrigin(grid.origin_lps_mm.tolist())
    transform = SimpleITK.DisplacementFieldTransform(image)
    rows = points.tolist()
    return lambda: [transform.TransformPoint(row) for row in rows], count


def vtk_grid(path: str, count: int) -> Run:
    """VTK's grid transform, all points in one call."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    item, points = grid_and_points(path, count)
    grid = item.grid
    image = vtk.vtkImageData()
    image.SetDimensions(grid.dimensions)
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_lps_mm)
    image.GetPointData().SetScalars(numpy_to_vtk(grid.vectors.reshape(-1, 3)))
    transform = vtk.vtkGridTransform()
    transform.SetDisplacementGridData(image)
    transform.Update()
    given, mapped = vtk.vtkPoints(), vtk.vtkPoints()
    for place in (given, mapped):
        place.SetDataTypeToDouble()
    given.SetData(numpy_to_vtk(points))

    def run() -> None:
        mapped.Reset()
        transform.TransformPoints(given, mapped)

    return run, count


CONTENDERS: dict[str, Callable[[str, int], Run]] = {
    "SimpleITK, a point at a time": simpleitk,
    "VTK's grid transform": vtk_grid,
    "map_points": forward,
    "map_points_inverse": inverse,
}


def measure(name: str, path: str, points: int) -> None:
    """Run one contender in this process and print what it took."""
    run, count = CONTENDERS[name](path, points)
    took, _ = timed(run)
    print(json.dumps({**took, "points": count}))


def map_command(path: Path, folder: Path, count: int) -> dict[str, float]:
    """Seconds, and those of the processor, of the command map from CSV to CSV."""
    table = folder / "points.csv"
    if not table.exists():
        _, points = grid_and_points(str(path), count)
        table.write_text("x,y,z\n" + "".join(f"{x:.6f},{y:.6f},{z:.6f}\n" for x, y, z in points.tolist()))
    with (folder / "mapped.csv").open("wb") as output:
        return command(["map", path, "--points", table], folder / "bytecode", output)


def main() -> None:
    """Write the file, measure everybody, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(LIBRARY))
    if options.measure:
        measure(options.measure, options.file, options.points)
        return
    print(machine())
    print(f"best of {options.repeat} fresh processes each; {DIMENSIONS} nodes")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = folder / "registration.dcm"
        write_file(path, DIMENSIONS)

        def run(name: str, points: int = options.points) -> dict[str, float]:
            return in_fresh_process("--measure", name, "--file", path, "--points", points)

        rows = by_turns(CONTENDERS, options.repeat, run)
        print(f"{'':30}{'points/s':>12}{'per s of processor':>20}{'x SimpleITK':>13}")
        slowest = None
        for name, found in rows.items():
            rate = max(row["points"] / row["seconds"] for row in found)
            of_processor = max(row["points"] / row["cpu"] for row in found)
            slowest = slowest or rate
            print(f"{name:30}{rate:12,.0f}{of_processor:20,.0f}{rate / slowest:13.1f}")
        many = run("map_points", MANY)
        print(f"{MANY:,} points: {many['peak'] / (24 * MANY):.2f} times their memory beside them")
        took = [map_command(path, folder, options.points) for _ in range(options.repeat + 1)]
        seconds, cpu = (min(row[key] for row in took) for key in ("seconds", "cpu"))
        print(f"command map of {options.points:,} points, CSV to CSV: {seconds:.2f} s, {cpu:.2f} s of processor")


if __name__ == "__main__":
    main()
