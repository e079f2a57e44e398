"""What a fresh process holds at its worst while it measures a large grid."""

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

DIMENSIONS = (256, 256, 136)
GRADIENT = np.array([[0.04, -0.02, 0.01], [0.03, -0.05, 0.02], [-0.01, 0.02, 0.06]])
"""Of the whole mapping less one, between the matrices."""
PRE, POST = rf.rigid((0.1, 0, 0), (1, 2, 3)), rf.rigid((0, 0.1, 0), (1, 2, 3))

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")


@pytest.fixture(scope="module", params=["axial", "oblique"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A file of a 107 MB grid with a linear field and the size of its vectors; ``small.dcm`` beside it."""
    angles = (0.3, -0.2, 0.5) if request.param == "oblique" else (0.0, 0.0, 0.0)
    spacing, origin = (1.5, 1.5, 2.0), (-190.0, -190.0, -140.0)
    orientation = rf.orientation_of(angles)
    row, column = np.reshape(orientation, (2, 3))
    steps = np.column_stack([row, column, np.cross(row, column)]) * spacing
    nx, ny, nz = DIMENSIONS
    vectors = np.empty((nz, ny, nx, 3), np.float32)
    per_node = (GRADIENT @ steps).astype(np.float32)
    plane = np.arange(nx)[None, :, None] * per_node[:, 0] + np.arange(ny)[:, None, None] * per_node[:, 1]
    for k in range(nz):
        vectors[k] = plane + k * per_node[:, 2]
    folder = tmp_path_factory.mktemp("large")
    rf.write(folder / "small.dcm", rf.Samples().full)
    grid = rf.GridSpec(vectors, spacing, origin, orientation)
    path = rf.write(folder / "large.dcm", rf.RegistrationSpec((rf.DeformableItem(grid, PRE, POST),)))
    return path, vectors.nbytes


def run(code: str, path: Path) -> dict:
    """Run code in a fresh process; what it puts into ``out`` comes back, with how far its peak grew (``grown``)."""
    import DicomRegInspectorLib

    start = """
        import json, sys
        def peak():
            for line in open("/proc/self/status"):
                if line.startswith("VmHWM"):
                    return int(line.split()[1]) * 1024
        out, path = {}, sys.argv[1]
        small = path.rsplit("/", 1)[0] + "/small.dcm"
    """
    end = """
        out["grown"] = peak() - before
        print(json.dumps(out))
    """
    done = subprocess.run(
        [sys.executable, "-c", "".join(textwrap.dedent(part) for part in (start, code, end)), str(path)],
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(DicomRegInspectorLib.__file__).resolve().parent.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_measuring_everything_holds_half_as_much_again_as_the_vectors_at_most(large: tuple[Path, int]) -> None:
    path, size = large
    out = run(
        """
        from DicomRegInspectorLib.registration import read_registration
        from DicomRegInspectorLib.registration.measures.quality import measure
        measure(read_registration(small).items[0].mapping, "x").to_dict()
        before = peak()
        out["told"] = measure(read_registration(path).items[0].mapping, "x").to_dict()
        """,
        path,
    )
    determinant = np.linalg.det(np.eye(3) + np.linalg.inv(PRE[:3, :3]) @ GRADIENT)
    told = out["told"]
    assert told["dimensions"] == list(DIMENSIONS)
    assert (told["jacobian"]["min"], told["jacobian"]["max"]) == pytest.approx([determinant] * 2, abs=1e-4)
    curl = [GRADIENT[2, 1] - GRADIENT[1, 2], GRADIENT[0, 2] - GRADIENT[2, 0], GRADIENT[1, 0] - GRADIENT[0, 1]]
    assert told["curl"]["max"] == pytest.approx(np.linalg.norm(curl), abs=1e-4)
    assert size > 100e6
    assert out["grown"] < 1.5 * size


def test_measuring_by_label_holds_half_as_much_again_at_most(large: tuple[Path, int]) -> None:
    path, size = large
    out = run(
        """
        import numpy as np
        from DicomRegInspectorLib.registration import read_registration
        from DicomRegInspectorLib.registration.measures.regions import LabelImage, measure_regions
        def measure(path):
            item = read_registration(path).items[0]
            labels = np.ones(item.grid.dimensions[::-1], np.uint8)
            labels[:, labels.shape[1] // 2 :] = 2
            images = [LabelImage(labels, item.grid.index_to_lps)]
            return [one.nodes for one in measure_regions(item.mapping, images)]
        measure(small)
        before = peak()
        out["nodes"] = measure(path)
        """,
        path,
    )
    assert out["nodes"] == [np.prod(DIMENSIONS) // 2] * 2
    # The vectors are streamed: one number for each node, its values, and which nodes a label has.
    assert out["grown"] < 1.5 * size
