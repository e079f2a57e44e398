"""The module puts transforms right after a scene was opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from DicomRegInspectorLib.panel.selftests.files import KnownField, write_deformable


def interpolation(node: Any) -> str:
    return node.GetTransformFromParentAs("vtkOrientedGridTransform", False, True).GetInterpolationModeAsString()


def test_opened_scene_has_linear_grids_again(application: Any, widget: Any, tmp_path: Path) -> None:
    write_deformable(tmp_path / "reg.dcm", KnownField())
    (node,) = widget.logic.loadRegistration(str(tmp_path / "reg.dcm"), bake=True)
    node.SetName("loaded")
    node.AddDefaultStorageNode()
    node.GetStorageNode().SetFileName(str(tmp_path / "loaded.h5"))
    assert node.GetStorageNode().WriteData(node)
    scene = application.mrmlScene
    before = scene.GetURL()
    scene.SetURL(str(tmp_path / "scene.mrml"))
    scene.Commit()
    application.modules.DicomRegInspectorInstance.watchScenes()
    scene.Clear()
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Import()
    assert interpolation(scene.GetFirstNodeByName("loaded")) == "Linear"
    scene.SetURL(before or "")
