"""Large grids: what a fresh process holds at its worst while it reads one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import regfiles as rf

MEGABYTE = 2**20


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], int, np.ndarray]:
    """Files of one 50 MB grid by how they are written, its size in bytes, and its first row of vectors."""
    dimensions = (256, 256, 64)
    vectors = np.zeros((*dimensions[::-1], 3), np.float32)
    vectors[...] = rf.smooth_vectors((256, 1, 1))[0, 0]
    grid = rf.GridSpec(vectors, (1.0, 1.0, 2.0), (0.0, 0.0, 0.0))
    spec = rf.RegistrationSpec(
        (rf.DeformableItem(grid, rf.rigid((0.1, 0, 0), (1, 2, 3)), rf.rigid((0, 0.1, 0), (1, 2, 3))),)
    )
    folder = tmp_path_factory.mktemp("large")
    encodings = {
        "explicit": rf.Encoding(),
        "big endian": rf.Encoding("explicit-be", True, True),
        "deflated": rf.Encoding("deflated"),
    }
    rf.write(folder / "small.dcm", rf.Samples().full)  # read first, so that imports are not counted
    files = {name: rf.write(folder / f"{name}.dcm", spec, encoding) for name, encoding in encodings.items()}
    return files, vectors.nbytes, vectors[0, 0]


def run(code: str, path: Path) -> dict:
    """Run code in a fresh process; what it puts into ``out`` comes back."""
    import DicomRegInspectorLib

    home = str(Path(DicomRegInspectorLib.__file__).resolve().parent.parent)
    start = """
        import json, sys
        out = {}
        def peak():
            for line in open("/proc/self/status"):
                if line.startswith("VmHWM"):
                    return int(line.split()[1]) * 1024
        path = sys.argv[1]
        small = path.rsplit("/", 1)[0] + "/small.dcm"
    """
    whole = textwrap.dedent(start) + textwrap.dedent(code) + "\nprint(json.dumps(out))"
    done = subprocess.run(
        [sys.executable, "-c", whole, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": home},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
ENCODINGS = ["explicit", "big endian", "deflated"]


@needs_proc
@pytest.mark.parametrize(("encoding", "bake"), [("explicit", False), ("big endian", True), ("deflated", False)])
def test_loading_a_grid_holds_its_vectors_once(large, encoding: str, bake: bool) -> None:
    pytest.importorskip("slicer", reason="the scene room needs slicer-core or Slicer")
    files, size, row = large
    out = run(
        f"""
        import slicer, vtk
        from vtk.util.numpy_support import vtk_to_numpy
        import DicomRegInspectorLib.registration
        from DicomRegInspectorLib.scene import load_registration
        scene = slicer.vtkMRMLScene()
        load_registration(small, slicer.vtkMRMLScene(), bake={bake})
        before = peak()
        (node,) = load_registration(path, scene, bake={bake})
        out["grown"] = peak() - before
        while not node.IsA("vtkMRMLGridTransformNode"):
            node = node.GetParentTransformNode()
        image = node.GetTransformFromParent().GetDisplacementGrid()
        out["row"] = vtk_to_numpy(image.GetPointData().GetScalars())[:256].tolist()
        """,
        files[encoding],
    )
    if not bake:
        np.testing.assert_array_equal(np.array(out["row"], np.float32), row * np.float32([-1, -1, 1]))
    assert size * 0.9 < out["grown"] < size * 1.3


@needs_proc
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_measuring_a_registration_holds_no_more_than_its_vectors(large, encoding: str) -> None:
    files, size, row = large
    out = run(
        """
        from DicomRegInspectorLib.registration import read_registration
        read_registration(small).to_dict()
        before = peak()
        registration = read_registration(path)
        registration.to_dict()
        out["codes"] = [finding.code for finding in registration.findings]
        out["largest"] = registration.items[0].displacement_mm["max"]
        out["grown"] = peak() - before
        """,
        files[encoding],
    )
    assert out["largest"] == pytest.approx(np.linalg.norm(row.astype(float), axis=1).max(), abs=1e-3)
    assert out["grown"] < size * 1.3


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_python_object_as_large_as_the_vectors_is_made_beside_them(large, encoding: str) -> None:
    files, size, row = large
    out = run(
        """
        import tracemalloc
        from DicomRegInspectorLib.registration import read_registration
        read_registration(small).items[0].grid.vectors
        tracemalloc.start()
        vectors = read_registration(path).items[0].grid.vectors
        out["peak"] = tracemalloc.get_traced_memory()[1]
        out["row"] = vectors[0, 0].tolist()
        """,
        files[encoding],
    )
    np.testing.assert_array_equal(np.array(out["row"], np.float32), row)
    assert out["peak"] < size * 1.15


@pytest.mark.parametrize("encoding", ["explicit", "big endian"])
def test_the_vectors_on_their_way_to_vtk_pass_through_small_pieces_only(large, encoding: str) -> None:
    pytest.importorskip("slicer", reason="the scene room needs slicer-core or Slicer")
    files, size, _ = large
    out = run(
        """
        import tracemalloc
        import slicer
        from DicomRegInspectorLib.scene import load_registration
        scene = slicer.vtkMRMLScene()
        load_registration(small, slicer.vtkMRMLScene())
        tracemalloc.start()
        load_registration(path, scene)
        out["peak"] = tracemalloc.get_traced_memory()[1]
        """,
        files[encoding],
    )
    assert out["peak"] < size * 0.25


@needs_proc
@pytest.mark.parametrize(
    ("encoding", "suffix"), [("explicit", "h5"), ("big endian", "nrrd"), ("explicit", "nii.gz"), ("deflated", "mha")]
)
def test_exporting_a_grid_holds_little_of_it(large, tmp_path: Path, encoding: str, suffix: str) -> None:
    files, size, _ = large
    out = run(
        f"""
        from pathlib import Path
        from DicomRegInspectorLib.registration import read_registration
        from DicomRegInspectorLib.tasks.export import export_registration
        for name in ("first", "second"):
            place = Path({str(tmp_path)!r}) / f"{{name}}.{suffix}"
            before = peak()
            export_registration(read_registration(small if name == "first" else path), place)
        out["grown"] = peak() - before
        """,
        files[encoding],
    )
    assert out["grown"] < size * 0.25
