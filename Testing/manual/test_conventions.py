"""The worked example of the page on conventions: as it stands there, and by the library, the command line, a scene."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib import cli, read_registration
from documents import DOCS, with_outputs

((EXAMPLE, OUTPUT),) = with_outputs(DOCS / "conventions.md", "python")
POINT, SOURCE = np.array([5.0, 5.0, 5.0]), np.array([-7.0, 106.0, 8.0])


@pytest.fixture
def values() -> dict[str, Any]:
    """What the page's own lines compute."""
    space: dict[str, Any] = {}
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(EXAMPLE.text, "conventions", "exec"), space)
    assert printed.getvalue() == OUTPUT
    return space


@pytest.fixture
def path(values: dict[str, Any], tmp_path: Path) -> Path:
    """The example as a file."""
    vectors = np.broadcast_to(values["vector"].astype(np.float32), (2, 2, 2, 3)).copy()
    grid = rf.GridSpec(vectors, (values["spacing"],) * 3, tuple(values["origin"]))
    item = rf.DeformableItem(grid, values["pre"], values["post"])
    return rf.write(tmp_path / "registration.dcm", rf.RegistrationSpec((item,)))


def test_the_page_computes_what_it_shows(values: dict[str, Any]) -> None:
    np.testing.assert_array_equal(values["source"], SOURCE)


def test_the_library_maps_the_point_there_and_the_moved_one_nowhere(path: Path) -> None:
    item = read_registration(path).items[0]
    np.testing.assert_allclose(item.map_points(POINT), SOURCE, atol=1e-6)
    assert np.isnan(item.map_points([105.0, 5.0, 5.0])).all()


def test_the_command_line_maps_it_there(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = tmp_path / "points.csv"
    points.write_text("x,y,z\n5,5,5\n", encoding="ascii")
    assert cli.main(["map", str(path), "--points", str(points)]) == 0
    mapped = [float(value) for value in capsys.readouterr().out.splitlines()[1].split(",")]
    np.testing.assert_allclose(mapped, SOURCE, atol=1e-6)


@pytest.mark.parametrize("bake", [False, True])
def test_a_volume_under_the_node_shows_its_source_point_at_the_registered_one(path: Path, bake: bool) -> None:
    slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")
    from DicomRegInspectorLib.scene import load_registration

    scene = slicer.vtkMRMLScene()
    (node,) = load_registration(path, scene, bake)
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    volume.SetAndObserveTransformNodeID(node.GetID())
    own, flip = [0.0, 0.0, 0.0], np.array([-1, -1, 1])
    volume.TransformPointFromWorld((POINT * flip).tolist(), own)
    np.testing.assert_allclose(np.array(own) * flip, SOURCE, atol=1e-3)
