"""The section Series with sections whose positions begin anew: the way to put them together and what it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.panel.selftests.files import write_ct_stack
from DicomRegInspectorLib.series.regularize.options import EVERY_MODE
from panel_steps import inspect
from vtk.util.numpy_support import vtk_to_numpy

SPACING = 0.0125
COUNTS = (4, 3)


@pytest.fixture
def shown(ui: Any, tmp_path: Path) -> Iterator[Any]:
    """The panel with two sections of a micro-CT scan inspected, and the mode that puts them together chosen."""
    folder = tmp_path / "ct"
    write_ct_stack(folder, tuple(range(sum(COUNTS))))
    for path in folder.iterdir():
        image = pydicom.dcmread(path)
        number = int(image.InstanceNumber)
        within = number - 1 if number <= COUNTS[0] else number - 1 - COUNTS[0]
        image.ImagePositionPatient = [0, 0, f"{within * SPACING:.4f}"]
        image.PixelSpacing = [SPACING, SPACING]
        image.PixelData = np.full((image.Rows, image.Columns), number, np.uint16).tobytes()
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
        image.RescaleIntercept, image.RescaleSlope = 0, 1
        image.save_as(path)
    inspect(ui, folder)
    ui.modeComboBox.currentIndex = EVERY_MODE.index("restack")
    yield ui
    ui.modeComboBox.currentIndex = 0
    ui.sectionOrderLineEdit.text = ""
    ui.sectionGapSpinBox.value = 0.0


def test_what_is_assumed_is_said_before_anything_is_loaded(shown: Any) -> None:
    text = shown.previewLabel.text
    assert text.startswith("Gives 10 × 8 × 7, 0.0125 × 0.0125 × 0.0125 mm.")
    assert "as they were recorded (assumed), 0.0125 mm from the last slice of one" in text
    assert "section 2 (3 slices) was moved by 0.05 mm" in text
    assert shown.loadSeriesButton.enabled


def test_order_and_gap_are_asked_in_this_mode_only(shown: Any) -> None:
    boxes = (shown.sectionOrderLineEdit, shown.sectionGapSpinBox)
    assert all(box.enabled and not box.isHidden() for box in boxes)
    assert shown.duplicatesComboBox.isHidden()
    shown.modeComboBox.currentIndex = EVERY_MODE.index("acquisition")
    assert all(box.isHidden() and not box.enabled for box in boxes)


def test_sections_are_loaded_in_the_order_asked(application: Any, shown: Any) -> None:
    shown.sectionOrderLineEdit.text = "2, 1"
    shown.sectionGapSpinBox.value = SPACING
    assert "in the order 2, 1 (as asked)" in shown.previewLabel.text
    shown.loadSeriesButton.click()
    (node,) = application.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    values = vtk_to_numpy(node.GetImageData().GetPointData().GetScalars()).reshape(7, -1)
    np.testing.assert_array_equal(values[:, 0], [5, 6, 7, 1, 2, 3, 4])
    assert "in the order 2, 1 (as asked)" in node.GetAttribute("DicomRegInspector.Regularized")
    assert node.GetAttribute("DICOM.instanceUIDs") is None


@pytest.mark.parametrize(
    ("order", "words"),
    [("2,x", "'2,x' is no list of section numbers"), ("1", "but there are 2"), ("1,1", "expected each number from 1")],
)
def test_an_order_that_is_none_is_told(shown: Any, order: str, words: str) -> None:
    shown.sectionOrderLineEdit.text = order
    assert shown.previewLabel.text.startswith("Cannot be made regular: ")
    assert words in shown.previewLabel.text
    assert not shown.loadSeriesButton.enabled


def test_order_and_gap_are_kept_with_the_scene(application: Any, shown: Any, widget: Any) -> None:
    shown.sectionOrderLineEdit.text = "2,1"
    shown.sectionGapSpinBox.value = 0.025
    node = widget._parameterNode
    assert (node.regularizeMode, node.regularizeSectionOrder, node.regularizeSectionGap) == ("restack", "2,1", 0.025)
