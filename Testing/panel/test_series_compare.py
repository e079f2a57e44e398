"""Comparing two volumes of the scene from the panel: the verdict in words, and what happens on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib.errors import Cancelled


def add(application: Any, name: str, values: np.ndarray, matrix: np.ndarray) -> Any:
    """A volume node; the matrix goes from (i, j, k) to RAS mm."""
    import vtk
    from vtkmodules.util.numpy_support import numpy_to_vtk

    image = vtk.vtkImageData()
    image.SetDimensions(values.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(values).reshape(-1), deep=1))
    node = application.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetAndObserveImageData(image)
    to_ras = vtk.vtkMatrix4x4()
    for row in range(4):
        for column in range(4):
            to_ras.SetElement(row, column, float(matrix[row, column]))
    node.SetIJKToRASMatrix(to_ras)
    return node


VALUES = np.random.default_rng(3).integers(-500, 1500, (6, 7, 8)).astype(np.int16)
MATRIX = np.array([[-1.5, 0, 0, 30], [0, -2, 0, 40], [0, 0, 3, -50], [0, 0, 0, 1.0]])


@pytest.fixture
def pair(application: Any, ui: Any) -> Any:
    """One image twice, the second with its slices the other way round."""
    turned = MATRIX.copy()
    turned[:, 2], turned[:, 3] = -MATRIX[:, 2], MATRIX @ [0, 0, 5, 1]
    first, second = add(application, "First", VALUES, MATRIX), add(application, "Turned", VALUES[::-1], turned)
    ui.compareASelector.setCurrentNode(first)
    ui.compareBSelector.setCurrentNode(second)
    return ui, first, second


def test_the_same_image_in_another_order_is_recognised(pair: Any) -> None:
    ui, _first, _second = pair
    assert ui.compareButton.enabled
    ui.compareButton.click()
    lines = ui.compareVerdictLabel.text.splitlines()
    assert lines[0].startswith("The same physical image: i of A is i of B; j of A is j of B; k of A is k of B reversed")
    assert lines[1] == (
        "A is First (8 × 7 × 6 voxels of 1.5 × 2 × 3 mm), B is Turned (8 × 7 × 6 voxels of 1.5 × 2 × 3 mm)."
    )
    assert "along +i, +j, -k of B" in lines[2]
    assert ui.seriesStatusLabel.text == ""


def test_differences_are_told_with_their_place(application: Any, pair: Any) -> None:
    ui, _first, second = pair
    application.util.arrayFromVolume(second)[5, 4, 3] += 77  # voxel (3, 4, 0) of the first
    ui.compareButton.click()
    text = ui.compareVerdictLabel.text
    assert text.startswith("Not the same image")
    assert "1 of 336 differ, by 77 at most, at voxel (3, 4, 0) of A" in text


def test_another_place_is_told_in_millimetres(application: Any, pair: Any) -> None:
    ui, _first, second = pair
    second.SetOrigin(*(np.array(second.GetOrigin()) + [3, 4, 0]))
    ui.compareButton.click()
    assert "Corners lie up to 5 mm apart" in ui.compareVerdictLabel.text


def test_another_choice_forgets_the_verdict(pair: Any) -> None:
    ui, first, _second = pair
    ui.compareButton.click()
    assert ui.compareVerdictLabel.text
    ui.compareBSelector.setCurrentNode(first)
    assert ui.compareVerdictLabel.text == "Choose two different volumes."
    assert not ui.compareButton.enabled
    ui.compareBSelector.setCurrentNode(None)
    assert ui.compareVerdictLabel.text == ""
    assert ui.compareVerdictLabel.isHidden()


def test_volume_under_a_warp_is_refused_in_words(application: Any, pair: Any) -> None:
    ui, first, _second = pair
    warp = application.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode", "Warp")
    first.SetAndObserveTransformNodeID(warp.GetID())
    ui.compareButton.click()
    assert ui.compareVerdictLabel.text.startswith(
        "Not compared: First is under the transform Warp, which is not linear"
    )


def test_comparison_can_be_cancelled(pair: Any, widget: Any) -> None:
    ui, _first, _second = pair
    compare = widget.logic.compareVolumes

    def disturbed(*arguments: Any, run: Any) -> Any:
        assert not ui.compareButton.enabled
        ui.seriesCancelButton.click()
        return compare(*arguments, run=run)

    widget.logic.compareVolumes = disturbed
    try:
        ui.compareButton.click()
    finally:
        del widget.logic.compareVolumes
    assert ui.compareVerdictLabel.text == "Cancelled; the volumes were not compared to the end."
    assert ui.compareButton.enabled


def test_comparing_stops_between_slices(application: Any, widget: Any, pair: Any) -> None:
    _ui, first, second = pair
    seen: list[tuple[int, int, str]] = []

    def stop(done: int, total: int, text: str) -> bool:
        seen.append((done, total, text))
        return done < 2

    with pytest.raises(Cancelled):
        widget.logic.compareVolumes(first, second, progress=stop)
    assert seen == [(1, 6, "Comparing values"), (2, 6, "Comparing values")]
