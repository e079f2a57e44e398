"""Series volumes as nodes: their values are not copied, and every voxel is where DICOM says."""

from __future__ import annotations

import gc
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

slicer = pytest.importorskip("slicer", reason="the scene room needs slicer-core or Slicer")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "series"))

import DicomRegInspectorLib.scene.series.series_volume as series_volume  # noqa: E402
import pydicom  # noqa: E402
import volume_making as vm  # noqa: E402
import vtk  # noqa: E402
from DicomRegInspectorLib.scene import volumes  # noqa: E402
from DicomRegInspectorLib.scene.volumes import volumes_in_frame  # noqa: E402
from DicomRegInspectorLib.series import load_series  # noqa: E402
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy  # noqa: E402


def scalars_of(image: vtk.vtkImageData) -> np.ndarray:
    return vtk_to_numpy(image.GetPointData().GetScalars())


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4"])
def test_the_vtk_image_uses_the_memory_of_the_array(tmp_path: Path, kind: str) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(3, dtype=kind), vm.axial(3))
    volume = load_series(tmp_path)
    image = series_volume.vtk_image(volume)
    assert np.shares_memory(scalars_of(image), volume.array)
    assert image.GetDimensions() == (7, 5, 3)
    assert [image.GetScalarComponentAsDouble(i, j, k, 0) for i, j, k in ((6, 0, 0), (0, 4, 1), (3, 2, 2))] == [
        volume.array[0, 0, 6],
        volume.array[1, 4, 0],
        volume.array[2, 2, 3],
    ]


def test_the_image_keeps_the_memory_as_long_as_it_lives_and_no_longer(tmp_path: Path) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(4, (64, 64)), vm.axial(4))
    scene = slicer.vtkMRMLScene()
    node_id = series_volume.add_series_volume(scene, volume := load_series(tmp_path)).GetID()
    array = weakref.ref(volume.array)
    del volume
    gc.collect()
    other = [np.full(4 * 64 * 64, 7, np.int16) for _ in range(50)]
    image = scene.GetNodeByID(node_id).GetImageData()
    np.testing.assert_array_equal(scalars_of(image), vm.pixels_of(4, (64, 64)).ravel())
    assert len(other) == 50
    scene.Clear(1)
    del image
    gc.collect()
    assert array() is None


def test_every_corner_of_a_tilted_scan_lies_where_its_header_says(tmp_path: Path) -> None:
    positions = [(-10 + 0.1 * k, 20 + 0.8 * k, 100 + 2.5 * k) for k in range(6)]
    vm.write_stack(tmp_path, vm.pixels_of(6), positions)
    scene = slicer.vtkMRMLScene()
    volume = load_series(tmp_path)
    node = series_volume.add_series_volume(scene, volume)
    to_ras = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(to_ras)
    for k, (x, y, z) in enumerate(positions):
        # Columns are 0.5 mm apart, rows 0.75 mm.
        np.testing.assert_allclose(to_ras.MultiplyPoint((0, 0, k, 1))[:3], (-x, -y, z), atol=1e-9)
        np.testing.assert_allclose(to_ras.MultiplyPoint((6, 4, k, 1))[:3], (-x - 3, -y - 3, z), atol=1e-9)
        np.testing.assert_allclose(volume.slice_corners_lps_mm[k], (x, y, z), atol=1e-9)
    assert node.GetAttribute(series_volume.DEVIATION_ATTRIBUTE) is None


def test_a_node_names_its_instances_and_its_frame(tmp_path: Path) -> None:
    paths = vm.write_stack(tmp_path, vm.pixels_of(3), vm.axial(3), SeriesDescription="Head 3 mm", PatientName="Secret")
    scene = slicer.vtkMRMLScene()
    node = series_volume.add_series_volume(scene, load_series(tmp_path))
    assert node.GetAttribute("DICOM.instanceUIDs").split() == [pydicom.dcmread(path).SOPInstanceUID for path in paths]
    assert node.GetAttribute("DICOM.FrameOfReferenceUID") == vm.FRAME_OF_REFERENCE
    assert volumes_in_frame(scene, vm.FRAME_OF_REFERENCE) == [node]
    assert node.GetName() == "Head 3 mm"
    assert series_volume.add_series_volume(scene, load_series(tmp_path), "Mine").GetName() == "Mine"


def test_a_node_that_cannot_place_every_slice_says_by_how_much(tmp_path: Path) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(5), [(0, 0, z) for z in (0, 2, 4, 6, 20)])
    node = series_volume.add_series_volume(slicer.vtkMRMLScene(), load_series(tmp_path))
    assert float(node.GetAttribute(series_volume.DEVIATION_ATTRIBUTE)) == 12


def test_colour_is_a_vector_volume(tmp_path: Path) -> None:
    stored = vm.pixels_of(2, (5, 7, 3), "u1")
    vm.write_stack(tmp_path, stored, vm.axial(2))
    scene = slicer.vtkMRMLScene()
    node = series_volume.add_series_volume(scene, load_series(tmp_path))
    assert node.IsA("vtkMRMLVectorVolumeNode")
    np.testing.assert_array_equal(scalars_of(node.GetImageData()), stored.reshape(-1, 3))


def test_the_node_holds_the_values_of_a_real_series(deformable_pair: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(deformable_pair / "fixed")))
    expected = sitk.GetArrayFromImage(reader.Execute())
    node = series_volume.add_series_volume(slicer.vtkMRMLScene(), load_series(deformable_pair / "fixed"))
    np.testing.assert_array_equal(scalars_of(node.GetImageData()).reshape(expected.shape), expected)


def test_the_lowest_value_of_monochrome1_is_white(tmp_path: Path) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(2, dtype="u2"), vm.axial(2), PhotometricInterpretation="MONOCHROME1")
    scene = slicer.vtkMRMLScene()
    logic = slicer.vtkMRMLColorLogic()
    logic.SetMRMLScene(scene)
    node = series_volume.add_series_volume(scene, load_series(tmp_path))
    lookup = node.GetDisplayNode().GetColorNode()
    colour = [0.0, 0.0, 0.0, 0.0]
    lookup.GetColor(0, colour)
    assert colour[:3] == [1, 1, 1]


def test_ct_is_shown_in_a_soft_tissue_window_and_says_that_it_is_in_hounsfield_units(tilted_irregular_ct: Path) -> None:
    from DicomRegInspectorLib.scene.series.series_nodes import load_series_nodes
    from DicomRegInspectorLib.scene.volumes import modality_of, value_unit

    scene = slicer.vtkMRMLScene()
    for node in (
        load_series_nodes(scene, tilted_irregular_ct)[0],
        load_series_nodes(scene, tilted_irregular_ct, "crop")[0],
    ):
        assert (modality_of(scene, node), value_unit(node)) == ("CT", "HU")
        assert (node.GetDisplayNode().GetWindow(), node.GetDisplayNode().GetLevel()) == (400, 40)


def test_the_window_of_a_large_volume_is_found_in_a_part_of_its_voxels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearly what Slicer finds in all of them; it does not look at these when the image is put there."""
    values = np.random.default_rng(5).gamma(3.0, 100.0, (40, 50, 60)).astype(np.int16)
    windows, scene = [], slicer.vtkMRMLScene()
    for most in (values.size, 20_000):
        monkeypatch.setattr(volumes, "MOST_LOOKED_AT", most)
        image = vtk.vtkImageData()
        image.SetDimensions(60, 50, 40)
        image.GetPointData().SetScalars(numpy_to_vtk(values.reshape(-1)))
        display = volumes.new_volume_node(scene, "volume", image).GetDisplayNode()
        windows.append((display.GetWindow(), display.GetLevel()))
        assert bool(display.GetAutoWindowLevel()) is (most == values.size)
        assert display.GetInputImageData().GetDimensions() == (60, 50, 40)
    assert windows[1] == pytest.approx(windows[0], rel=0.1)
