"""From a transform node to a DICOM file: time and memory, against pydicomrt's writer and against the floor.

Makes a grid transform node of 512 x 512 x 141 (443,547,648 bytes of vectors), then has each contender write it as a
Deformable Spatial Registration in fresh processes. The time runs from the call to the closed file, imports done; the
memory is the peak during the call beyond what the process held before it, which is the node. The floor writes the same
bytes with the signs of two components turned, slab by slab, nothing else.

    python Benchmarks/node_to_file.py [--dimensions NX NY NZ] [--repeat N] [--folder DIR]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import LIBRARY, by_turns, in_fresh_process, machine, timed

SPACING, ORIGIN = (0.9766, 0.9766, 2.5), (-250.0, -250.0, -176.25)
SLAB = 1 << 16


def make_images(folder: Path) -> None:
    """Two CT series of two slices each: whose registration it is."""
    import numpy as np
    from DicomRegInspectorLib.samples.ct_files import SeriesNames, SliceGeometry, write_ct_series

    for number, which in enumerate(("fixed", "moving"), 1):
        names = SeriesNames(f"2.25.1{number}", "2.25.2", f"2.25.3{number}", which)
        positions = np.array(ORIGIN) + [[0, 0, 0], [0, 0, 352.5]]
        write_ct_series(folder / which, np.zeros((2, 4, 4)), SliceGeometry(positions, 4, 4, 100.0), names)


def make_node(dimensions: tuple[int, int, int]) -> Any:
    """A grid transform node of a smooth field, as registration modules make it; linear between its nodes."""
    import numpy as np
    import slicer
    import vtk
    from DicomRegInspectorLib.scene.convert import grid_of_vectors
    from vtk.util.numpy_support import vtk_to_numpy

    nx, ny, nz = dimensions
    array = vtk.vtkFloatArray()
    array.SetNumberOfComponents(3)
    array.SetNumberOfTuples(nx * ny * nz)
    vectors = vtk_to_numpy(array).reshape(nz, ny, nx, 3)
    along = np.sin(np.linspace(0, 6, nx, dtype=np.float32))
    for k in range(nz):
        vectors[k] = 5 * np.stack([along, 2 * along, along + k / nz], axis=-1)
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLGridTransformNode")
    grid = grid_of_vectors(array, dimensions, np.array(SPACING), np.array(ORIGIN), np.eye(3))
    node.SetAndObserveTransformFromParent(grid)
    return scene, node


def vectors_of(node: Any) -> Any:
    """(nz, ny, nx, 3) of a node, not copied, RAS."""
    from vtk.util.numpy_support import vtk_to_numpy

    image = node.GetTransformFromParent().GetDisplacementGrid()
    nx, ny, nz = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(nz, ny, nx, 3)


def this_library(scene: Any, node: Any, folder: Path, *, inspect: bool = False) -> Callable[[], object]:
    """The node as it is, read back at some nodes; with ``inspect`` also measured as the command line does."""
    import pydicom.filewriter  # noqa: F401  (imported at first use otherwise: imports are not what is measured)
    from DicomRegInspectorLib.scene.transforms.export_nodes import outgoing_of_node
    from DicomRegInspectorLib.tasks.dicom_export.side import side_of_images
    from DicomRegInspectorLib.tasks.dicom_export.write import write_outgoing

    sides = side_of_images([folder / "fixed"], "fixed"), side_of_images([folder / "moving"], "moving")
    return lambda: write_outgoing(outgoing_of_node(node), *sides, folder / "own.dcm", inspect=inspect)


def measured_too(scene: Any, node: Any, folder: Path) -> Callable[[], object]:
    """With folding and the rest measured of what was written."""
    return this_library(scene, node, folder, inspect=True)


def pydicomrt(scene: Any, node: Any, folder: Path) -> Callable[[], object]:
    """pydicomrt's builder and pydicom's writer, from the node's vectors."""
    import numpy as np
    import pydicom
    import SimpleITK
    from pydicomrt.reg.builder import DeformableSpatialRegistrationBuilder

    fixed, moving = (
        [pydicom.dcmread(path) for path in sorted((folder / which).iterdir())] for which in ("fixed", "moving")
    )

    def run() -> object:
        image = SimpleITK.GetImageFromArray(vectors_of(node) * np.array([-1.0, -1.0, 1.0]), isVector=True)
        image.SetOrigin(ORIGIN)
        image.SetSpacing(SPACING)
        transform = SimpleITK.DisplacementFieldTransform(image)
        dataset = DeformableSpatialRegistrationBuilder(fixed).add_registration(moving, transform).build()
        dataset.save_as(folder / "pydicomrt.dcm", enforce_file_format=True)
        return dataset

    return run


def floor(scene: Any, node: Any, folder: Path) -> Callable[[], object]:
    """Nothing but the bytes of the vectors with the signs of two components turned, slab by slab."""
    import numpy as np

    flat = vectors_of(node).reshape(-1)
    signs = np.tile(np.array([1 << 31, 1 << 31, 0], np.uint32), SLAB)
    turned = np.empty(3 * SLAB, np.uint32)

    def run() -> object:
        with open(folder / "floor.raw", "wb", buffering=0) as file:
            for first in range(0, flat.size, 3 * SLAB):
                piece = flat[first : first + 3 * SLAB].view(np.uint32)
                np.bitwise_xor(piece, signs[: piece.size], out=turned[: piece.size])
                file.write(turned[: piece.size])
        return folder

    return run


CONTENDERS = {
    "floor (turn signs, write)": floor,
    "DicomRegInspector": this_library,
    "the same, inspected": measured_too,
    "pydicomrt": pydicomrt,
}


def measure(name: str, folder: Path, dimensions: tuple[int, int, int]) -> None:
    """Run one contender in this process and print what it took."""
    scene, node = make_node(dimensions)
    run = CONTENDERS[name](scene, node, folder)
    cpu = time.process_time()
    took, result = timed(run)
    print(json.dumps(took | {"cpu": time.process_time() - cpu, "made": type(result).__name__}))


def measure_all(folder: Path, dimensions: tuple[int, int, int], repeat: int) -> None:
    """Contenders by turns, each time in a fresh process; the table of their best times and largest peaks."""
    vector_bytes = 12 * math.prod(dimensions)

    def run(name: str) -> dict[str, Any]:
        found = in_fresh_process("--measure", name, "--folder", folder, "--dimensions", *dimensions)
        for path in folder.glob("*.*"):
            path.unlink()
        return found

    rows = by_turns(CONTENDERS, repeat, run)
    best = {name: min(row["cpu"] for row in measured) for name, measured in rows.items()}
    print(f"{'':27}{'CPU s':>8}{'x floor':>9}{'seconds':>9}{'peak MB':>9}{'node + peak':>13}")
    for name, measured in rows.items():
        peak = max(row["peak"] for row in measured)
        ratio = best[name] / best["floor (turn signs, write)"]
        wall = min(row["seconds"] for row in measured)
        held = 1 + peak / vector_bytes
        print(f"{name:27}{best[name]:8.2f}{ratio:9.2f}{wall:9.2f}{peak / 1e6:9.1f}{held:11.3f} x")
    print("Node + peak: what the node's vectors and the writing take, against the vectors alone.")


def main() -> None:
    """Measure everybody, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dimensions", type=int, nargs=3, default=(512, 512, 141), metavar=("NX", "NY", "NZ"))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(LIBRARY))
    if options.measure:
        measure(options.measure, options.folder, tuple(options.dimensions))
        return
    with tempfile.TemporaryDirectory() as folder:
        make_images(Path(folder))
        print(f"{12 * math.prod(options.dimensions):,} bytes of vectors; {machine()}")
        print(f"best CPU time of {options.repeat} fresh processes each, largest peak")
        measure_all(Path(folder), tuple(options.dimensions), options.repeat)


if __name__ == "__main__":
    main()
