"""The sets of a series as a sequence node: index, names, values, places, and what is missing."""

from __future__ import annotations

import gc
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

slicer = pytest.importorskip("slicer", reason="the scene room needs slicer-core or Slicer")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "series"))

import volume_making as vm  # noqa: E402
import vtk  # noqa: E402
from DicomRegInspectorLib.errors import Cancelled, UsageError  # noqa: E402
from DicomRegInspectorLib.scene.series.sequence import MISSING_ATTRIBUTE, load_sequence_nodes  # noqa: E402
from vtkmodules.util.numpy_support import vtk_to_numpy  # noqa: E402

MR = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR", "SeriesDescription": "perfusion"}


def write_sets(folder: Path, count: int, **values: list[Any]) -> np.ndarray:
    pixels = vm.pixels_of(count * 4)
    each = {name: [value for value in of_sets for _ in range(4)] for name, of_sets in values.items()}
    vm.write_stack(folder, pixels, vm.axial(4) * count, **MR, **each)
    return pixels.reshape(count, 4, 5, 7)


def values_of(node: Any) -> np.ndarray:
    image = node.GetImageData()
    ni, nj, nk = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(nk, nj, ni)


def scene_with_sequences() -> tuple[Any, Any]:
    scene, logic = slicer.vtkMRMLScene(), slicer.vtkSlicerSequencesLogic()
    logic.SetMRMLScene(scene)
    return scene, logic


@pytest.mark.parametrize(
    ("keyword", "values", "name", "unit", "index"),
    [
        ("TemporalPositionIdentifier", [3, 5, 10], "temporal position", "", ["3", "5", "10"]),
        ("EchoTime", ["4.60", "9.2", "13.8"], "echo time", "ms", ["4.6", "9.2", "13.8"]),
        ("NominalCardiacTriggerDelayTime", [0.0, 33.25, 66.5], "cardiac trigger delay", "ms", ["0", "33.25", "66.5"]),
        ("DiffusionBValue", [0.0, 500.0, 1000.0], "b-value", "s/mm²", ["0", "500", "1000"]),
    ],
)
def test_the_index_is_what_tells_the_sets_apart(
    tmp_path: Path, keyword: str, values: list[Any], name: str, unit: str, index: list[str]
) -> None:
    pixels = write_sets(tmp_path, 3, **{keyword: values})
    sequence = load_sequence_nodes(slicer.vtkMRMLScene(), tmp_path).sequence
    assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == (name, unit)
    assert sequence.GetIndexType() == sequence.NumericIndex
    assert [sequence.GetNthIndexValue(t) for t in range(3)] == index
    for t, value in enumerate(index):
        np.testing.assert_array_equal(values_of(sequence.GetDataNodeAtValue(value)), pixels[t])


def test_several_values_are_an_index_of_labels(tmp_path: Path) -> None:
    directions = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    write_sets(tmp_path, 3, DiffusionBValue=[0.0, 1000.0, 1000.0], DiffusionGradientOrientation=directions)
    sequence = load_sequence_nodes(slicer.vtkMRMLScene(), tmp_path).sequence
    assert sequence.GetIndexType() == sequence.TextIndex and sequence.GetIndexName() == "b-value, gradient"
    index = [sequence.GetNthIndexValue(t) for t in range(3)]
    assert index == ["b=0", "b=1000, gradient 1", "b=1000, gradient 2"]
    assert [sequence.GetNthDataNode(t).GetName() for t in range(3)] == [f"perfusion {label}" for label in index]


def test_browsing_shows_each_set_where_it_lies(tmp_path: Path) -> None:
    pixels = write_sets(tmp_path, 3, TemporalPositionIdentifier=[1, 2, 3])
    scene, logic = scene_with_sequences()
    nodes = load_sequence_nodes(scene, tmp_path)
    assert nodes.browser.GetProxyNode(nodes.sequence) is nodes.proxy
    assert (nodes.proxy.GetName(), nodes.sequence.GetName()) == ("perfusion", "perfusion sequence")
    for t in (2, 0, 1):
        nodes.browser.SetSelectedItemNumber(t)
        logic.UpdateProxyNodesFromSequences(nodes.browser)
        np.testing.assert_array_equal(values_of(nodes.proxy), pixels[t])
        to_ras = vtk.vtkMatrix4x4()
        nodes.proxy.GetIJKToRASMatrix(to_ras)
        point = to_ras.MultiplyPoint((2, 3, 1, 1))
        # First pixel at (-10, 20, 100) LPS; columns 0.5, rows 0.75, slices 2.5 mm apart.
        assert point[:3] == pytest.approx([10 - 2 * 0.5, -20 - 3 * 0.75, 100 + 2.5])
    assert nodes.proxy.GetDisplayNode() is not None


def test_the_volumes_use_the_memory_of_one_array_and_free_it(tmp_path: Path) -> None:
    write_sets(tmp_path, 3, TemporalPositionIdentifier=[1, 2, 3])
    scene = slicer.vtkMRMLScene()
    nodes = load_sequence_nodes(scene, tmp_path)
    arrays = [values_of(nodes.sequence.GetNthDataNode(t)) for t in range(3)]
    starts = [array.__array_interface__["data"][0] for array in arrays]
    assert np.diff(starts).tolist() == [4 * 5 * 7 * 2] * 2
    image = weakref.ref(nodes.sequence.GetNthDataNode(0).GetImageData())
    del arrays, nodes
    scene.Clear()
    gc.collect()
    assert image() is None


def test_a_missing_slice_is_filled_in_its_set_alone_and_told(tmp_path: Path) -> None:
    pixels = write_sets(tmp_path, 3, TemporalPositionIdentifier=[1, 2, 3])
    (tmp_path / "006.dcm").unlink()  # set 2, slice 3
    there = np.delete(pixels.reshape(12, 5, 7), 6, axis=0)
    nodes = load_sequence_nodes(slicer.vtkMRMLScene(), tmp_path)
    assert nodes.filled_slices == 1
    expected = pixels.copy()
    expected[1, 2] = there.min()  # what is shown black
    for t in range(3):
        node = nodes.sequence.GetNthDataNode(t)
        np.testing.assert_array_equal(values_of(node), expected[t])
        told = f"3; value {there.min()}" if t == 1 else None
        assert node.GetAttribute(MISSING_ATTRIBUTE) == told
    uids = nodes.sequence.GetNthDataNode(1).GetAttribute("DICOM.instanceUIDs").split()
    assert len(uids) == 3


def test_what_is_no_sequence_leaves_the_scene_as_it_was(tmp_path: Path) -> None:
    write_sets(tmp_path / "sets", 2, TemporalPositionIdentifier=[1, 2])
    positions = vm.axial(10, 5.0) + [(x, y, z + 2.5) for x, y, z in vm.axial(10, 5.0)]
    vm.write_stack(tmp_path / "shifted", vm.pixels_of(20), positions, AcquisitionNumber=[1] * 10 + [2] * 10,
                   SliceThickness="5")  # fmt: skip
    scene = slicer.vtkMRMLScene()
    for folder, stacks, error, text in (
        ("sets", 1, UsageError, "one set"),
        ("sets", "temporal position 3", UsageError, "has no stack"),
        ("shifted", None, UsageError, "share no grid"),
    ):
        with pytest.raises(error, match=text):
            load_sequence_nodes(scene, tmp_path / folder, stacks)
    with pytest.raises(Cancelled):
        load_sequence_nodes(scene, tmp_path / "sets", progress=lambda *_: False)
    assert scene.GetNumberOfNodes() == 0


def test_a_sequence_survives_saving_and_reading(tmp_path: Path) -> None:
    pixels = write_sets(tmp_path / "sets", 3, EchoTime=["4.6", "9.2", "13.8"])
    scene, _logic = scene_with_sequences()
    nodes = load_sequence_nodes(scene, tmp_path / "sets")
    storage = slicer.vtkMRMLVolumeSequenceStorageNode()
    storage.SetFileName(str(tmp_path / "echoes.seq.nrrd"))
    assert storage.WriteData(nodes.sequence)
    again = slicer.vtkMRMLSequenceNode()
    other, _other_logic = scene_with_sequences()
    other.AddNode(again)
    assert storage.ReadData(again)
    assert (again.GetIndexName(), again.GetIndexUnit(), again.GetNumberOfDataNodes()) == ("echo time", "ms", 3)
    for t, value in enumerate(("4.6", "9.2", "13.8")):
        assert again.GetNthIndexValue(t) == value
        np.testing.assert_array_equal(values_of(again.GetNthDataNode(t)), pixels[t])
