"""The module puts transforms right after a scene was opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib.panel.selftests.files import KnownField, write_ct_stack, write_deformable
from panel_steps import inspect
from ui_files import bound_controls


def interpolation(node: Any) -> str:
    return node.GetTransformFromParentAs("vtkOrientedGridTransform", False, True).GetInterpolationModeAsString()


def test_opened_scene_has_linear_grids_again(application: Any, widget: Any, tmp_path: Path) -> None:
    write_deformable(tmp_path / "reg.dcm", KnownField())
    (node,) = widget.logic.loadRegistration(str(tmp_path / "reg.dcm"), bake=True)
    node.SetName("loaded")
    node.AddDefaultStorageNode()
    node.GetStorageNode().SetFileName(str(tmp_path / "loaded.h5"))
    assert node.GetStorageNode().WriteData(node)
    application.modules.DicomRegInspectorInstance.watchScenes()
    reopen(application, tmp_path)
    assert interpolation(application.mrmlScene.GetFirstNodeByName("loaded")) == "Linear"


def reopen(application: Any, folder: Path) -> None:
    """Save the scene, close it, and open what was saved."""
    scene = application.mrmlScene
    before = scene.GetURL()
    scene.SetURL(str(folder / "scene.mrml"))
    scene.Commit()
    scene.Clear()
    scene.SetURL(str(folder / "scene.mrml"))
    assert scene.Import()
    scene.SetURL(before or "")


@pytest.fixture
def offering(application: Any, widget: Any, tmp_path: Path) -> Any:
    """The panel with a series that has duplicates of several acquisitions and overlaps: everything can be chosen."""
    import pydicom

    write_ct_stack(tmp_path / "stack", (0.0, 2.0, 4.0, 4.0, 6.0, 6.5, 8.0, 10.0, 12.0, 14.0))
    for number, path in enumerate(sorted((tmp_path / "stack").iterdir())):
        dataset = pydicom.dcmread(path)
        dataset.AcquisitionNumber = 1 + (number == 3)
        dataset.save_as(path)
    inspect(widget.ui, tmp_path / "stack")
    return widget.ui


CHOICES = {
    "inputPathLineEdit": "/somewhere",
    "bakeCheckBox": True,
    "placeVolumesCheckBox": True,
    "applyBackCheckBox": True,
    "modeComboBox": "resample",
    "spacingSpinBox": 1.25,
    "pixelSpacingSpinBox": 0.75,
    "gapSpinBox": 3.0,
    "duplicatesComboBox": "2",
    "overlapsComboBox": "mean",
    "sectionOrderLineEdit": "2,1",
    "sectionGapSpinBox": 0.0125,
    "saveAsComboBox": "map",
}
"""What is chosen in each control that holds no node; none of it is the default."""


def told(control: Any) -> Any:
    """What a control says."""
    for name in ("currentData", "currentPath", "checked", "value", "placeholderText"):
        if hasattr(control, name):
            return control.text if name == "placeholderText" else getattr(control, name)
    node = control.currentNode()
    return node.GetName() if node is not None else None


def choose(application: Any, name: str, control: Any, folder: Path) -> None:
    """Make the choice as the user does, by the widget."""
    if hasattr(control, "currentNode"):
        offered = control.nodeTypes[0]
        class_name = "vtkMRMLLinearTransformNode" if offered == "vtkMRMLTransformNode" else offered
        node = application.mrmlScene.AddNewNodeByClass(class_name, f"chosen in {name}")
        if class_name == "vtkMRMLScalarVolumeNode":
            application.util.updateVolumeFromArray(node, np.zeros((4, 5, 6), np.int16))
            node.AddDefaultStorageNode()
            node.GetStorageNode().SetFileName(str(folder / f"{name}.nrrd"))
            assert node.GetStorageNode().WriteData(node)
        control.setCurrentNode(node)
    elif hasattr(control, "currentData"):
        control.currentIndex = control.findData(CHOICES[name])
    elif hasattr(control, "currentPath"):
        control.currentPath = CHOICES[name]
    elif hasattr(control, "checked"):
        control.checked = CHOICES[name]
    elif hasattr(control, "placeholderText"):
        control.text = CHOICES[name]
    else:
        control.value = CHOICES[name]


def test_reopened_scene_has_every_option_again(application: Any, widget: Any, offering: Any, tmp_path: Path) -> None:
    controls = {name: getattr(offering, name) for name in bound_controls()}
    defaults = {name: told(control) for name, control in controls.items()}
    for name, control in controls.items():
        choose(application, name, control, tmp_path)
    chosen = {name: told(control) for name, control in controls.items()}
    nodes = {name: f"chosen in {name}" for name, control in controls.items() if hasattr(control, "currentNode")}
    assert chosen == CHOICES | nodes
    assert all(chosen[name] != defaults[name] for name in controls)
    reopen(application, tmp_path)
    assert {name: told(control) for name, control in controls.items()} == chosen


def test_closed_scene_takes_its_options_along(application: Any, offering: Any, tmp_path: Path) -> None:
    controls = {name: getattr(offering, name) for name in bound_controls()}
    defaults = {name: told(control) for name, control in controls.items()}
    for name, control in controls.items():
        choose(application, name, control, tmp_path)
    application.mrmlScene.Clear()
    after = {name: told(control) for name, control in controls.items()}
    assert after == defaults | {"inputPathLineEdit": ""}


def test_choice_that_is_not_offered_yet_is_made_when_it_is(
    application: Any, widget: Any, offering: Any, tmp_path: Path
) -> None:
    """A scene is opened before its folder is inspected again."""
    choose(application, "modeComboBox", offering.modeComboBox, tmp_path)
    choose(application, "duplicatesComboBox", offering.duplicatesComboBox, tmp_path)
    choose(application, "saveAsComboBox", offering.saveAsComboBox, tmp_path)
    widget.panel.reset()
    reopen(application, tmp_path)
    assert offering.duplicatesComboBox.findData("2") < 0
    inspect(offering, tmp_path / "stack")
    assert (offering.duplicatesComboBox.currentData, offering.saveAsComboBox.currentData) == ("2", "map")
    assert "lies within acquisition 2" in offering.previewLabel.text
