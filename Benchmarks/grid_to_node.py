"""From a registration file to a transform node: time and memory, against other readers and against the floor.

Writes a Deformable Spatial Registration with a grid of 512 x 512 x 141 (443,547,648 bytes of vectors), then has each
contender load it in fresh processes. The time runs from the call to the finished node, imports done; the memory is
the peak during the call beyond what the process held before it. The file is in the page cache for all of them. The
floor reads the same bytes into a prepared array and turns the signs of two components, nothing else.

    python Benchmarks/grid_to_node.py [--dimensions NX NY NZ] [--repeat N] [--file FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness import LIBRARY, by_turns, in_fresh_process, machine, timed

SPACING, ORIGIN = (0.9766, 0.9766, 2.5), (-250.0, -250.0, -176.25)


def write_file(path: Path, dimensions: tuple[int, int, int]) -> None:
    """A valid object whose vectors are a smooth field."""
    import numpy as np
    from DicomRegInspectorLib.registration.file.write import write_deformable_registration

    nx, ny, nz = dimensions
    vectors = np.empty((nz, ny, nx, 3), np.float32)
    along = np.sin(np.linspace(0, 6, nx, dtype=np.float32))
    for k in range(nz):
        vectors[k] = 5 * np.stack([along, 2 * along, along + k / nz], axis=-1)
    write_deformable_registration(
        path,
        vectors=vectors,
        origin=ORIGIN,
        directions=np.eye(3),
        spacing=SPACING,
        registered_frame_uid="2.25.1",
        source_frame_uid="2.25.2",
    )


def make_node(scene, vectors_lps, spacing, origin):
    """The node a script would build from an array: RAS signs, VTK image, oriented grid transform."""
    import numpy as np
    import slicer
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    vectors = vectors_lps * np.array([-1, -1, 1], np.float32)
    image = vtk.vtkImageData()
    image.SetDimensions(vectors.shape[2], vectors.shape[1], vectors.shape[0])
    image.SetSpacing([float(value) for value in spacing])
    image.SetOrigin([-float(origin[0]), -float(origin[1]), float(origin[2])])
    image.GetPointData().SetScalars(numpy_to_vtk(vectors.reshape(-1, 3)))
    image.vectors = vectors
    transform = slicer.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(image)
    directions = vtk.vtkMatrix4x4()
    directions.SetElement(0, 0, -1)
    directions.SetElement(1, 1, -1)
    transform.SetGridDirectionMatrix(directions)
    node = scene.AddNewNodeByClass("vtkMRMLGridTransformNode")
    node.SetAndObserveTransformFromParent(transform)
    return node


def this_library(path: str) -> Callable[[], object]:
    """load_registration, file to node."""
    import pydicom.datadict  # noqa: F401  (imported at first use otherwise: imports are not what is measured)
    import slicer
    from DicomRegInspectorLib.scene import load_registration

    scene = slicer.vtkMRMLScene()
    return lambda: load_registration(path, scene)[0]


def pydicom_numpy(path: str) -> Callable[[], object]:
    """As a script would with pydicom: the whole file, an array of it, the node."""
    import numpy as np
    import pydicom
    import slicer
    import vtk  # noqa: F401

    scene = slicer.vtkMRMLScene()

    def run():
        grid = pydicom.dcmread(path).DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
        nx, ny, nz = grid.GridDimensions
        vectors = np.frombuffer(grid.VectorGridData, "<f4").reshape(nz, ny, nx, 3)
        return make_node(scene, vectors, grid.GridResolution, grid.ImagePositionPatient)

    return run


def pydicomrt(path: str) -> Callable[[], object]:
    """pydicomrt's reader, then the node."""
    import pydicom
    import slicer
    from pydicomrt.reg.parser import get_deformable_registrations

    scene = slicer.vtkMRMLScene()

    def run():
        grid = get_deformable_registrations(pydicom.dcmread(path))[0]["DeformableRegistrationGrid"]
        return make_node(scene, grid["VectorGridData"], grid["GridResolution"], grid["ImagePositionPatient"])

    return run


def floor(path: str) -> Callable[[], object]:
    """Nothing but the bytes into a prepared array and the signs of two components."""
    import numpy as np
    from DicomRegInspectorLib import read_registration

    place = read_registration(path).items[0].grid.place
    target = np.empty(3 * place.count, np.float32)

    def run():
        view = memoryview(target).cast("B")
        with open(path, "rb", buffering=0) as file:
            file.seek(place.offset)
            done = 0
            while done < len(view):
                done += file.readinto(view[done:])
        vectors = target.reshape(-1, 3)
        np.negative(vectors[:, :2], out=vectors[:, :2])
        return target

    return run


CONTENDERS = {
    "floor (read, turn signs)": floor,
    "DicomRegInspector": this_library,
    "pydicom + NumPy": pydicom_numpy,
    "pydicomrt": pydicomrt,
}


def measure(name: str, path: str) -> None:
    """Run one contender in this process and print what it took."""
    run = CONTENDERS[name](path)
    took, result = timed(run)
    print(json.dumps(took | {"made": type(result).__name__}))


def measure_all(path: Path, repeat: int, vector_bytes: int) -> None:
    """Contenders by turns, each time in a fresh process; the table of their best times and largest peaks."""
    rows = by_turns(CONTENDERS, repeat, lambda name: in_fresh_process("--measure", name, "--file", path))
    best = {name: min(row["seconds"] for row in measured) for name, measured in rows.items()}
    print(f"{'':26}{'seconds':>9}{'x floor':>9}{'peak MB':>10}{'x vectors':>11}")
    for name, measured in rows.items():
        peak = max(row["peak"] for row in measured)
        ratio = best[name] / best["floor (read, turn signs)"]
        print(f"{name:26}{best[name]:9.3f}{ratio:9.2f}{peak / 1e6:10.1f}{peak / vector_bytes:11.3f}")
    print("The floor's array was prepared, but its pages come into being as they are first written.")


def main() -> None:
    """Write the file, measure everybody, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dimensions", type=int, nargs=3, default=(512, 512, 141), metavar=("NX", "NY", "NZ"))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--file", type=Path, help="measure with this file instead of writing one")
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(LIBRARY))
    if options.measure:
        measure(options.measure, str(options.file))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or Path(folder) / "registration.dcm"
        if options.file is None:
            write_file(path, tuple(options.dimensions))
        from DicomRegInspectorLib import read_registration

        vector_bytes = 12 * math.prod(read_registration(path).items[0].grid.dimensions)
        print(f"{vector_bytes:,} bytes of vectors; {machine()}")
        print(f"best of {options.repeat} fresh processes each, warm page cache")
        measure_all(path, options.repeat, vector_bytes)


if __name__ == "__main__":
    main()
