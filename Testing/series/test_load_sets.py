"""Sets of a series: chosen by number, label or value; all of them as volumes and as one array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import volume_making as vm
from DicomRegInspectorLib import load_series, load_sets
from DicomRegInspectorLib.errors import ChoiceError, UsageError
from DicomRegInspectorLib.series import inspect_series, read_header
from DicomRegInspectorLib.series.pixels.set_grid import groups_of_sets
from DicomRegInspectorLib.series.pixels.stack_choices import describe_stacks
from DicomRegInspectorLib.series.regularize.options import RegularizeOptions
from DicomRegInspectorLib.series.regularize.plan import plan

MR = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR"}


def write_sets(folder: Path, count: int, slices: int = 4, **values: list[Any]) -> np.ndarray:
    """Slices of several sets, set by set, with one value for each set; returns the pixels (t, k, j, i)."""
    pixels = vm.pixels_of(count * slices)
    each = {name: [value for value in of_sets for _ in range(slices)] for name, of_sets in values.items()}
    vm.write_stack(folder, pixels, vm.axial(slices) * count, **MR, **each)
    return pixels.reshape(count, slices, *pixels.shape[1:])


def write_diffusion(folder: Path) -> np.ndarray:
    """b = 0, three directions at b = 1000, two at b = 3000."""
    values = [0.0, 1000.0, 1000.0, 1000.0, 3000.0, 3000.0]
    directions = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    return write_sets(folder, 6, DiffusionBValue=values, DiffusionGradientOrientation=directions)


@pytest.mark.parametrize(
    ("choice", "which"),
    [
        (1, 0), ("1", 0), (np.int64(6), 5),
        ("b=0", 0), ("b = 0", 0), ("B 0", 0), ("b-value: 0", 0), ("b-value = 0.0 s/mm²", 0),
        ("b=1000, gradient 2", 2), ("gradient 2, b = 1000", 2), ("b=3000,gradient 1", 4),
    ],
)  # fmt: skip
def test_a_set_is_chosen_by_number_label_or_value(tmp_path: Path, choice: Any, which: int) -> None:
    pixels = write_diffusion(tmp_path)
    np.testing.assert_array_equal(load_series(tmp_path, stack=choice).array, pixels[which])


@pytest.mark.parametrize(
    ("keyword", "values", "choices"),
    [
        (
            "EchoTime",
            ["4.60", "9.2"],
            ["echo time 9.2 ms", "echo time = 9.20", "Echo Time: 9.2ms".replace("ms", " ms")],
        ),
        ("FlipAngle", ["5", "15"], ["flip angle 15°", "flip angle 15", "flip angle = 15 °"]),
        ("NominalCardiacTriggerDelayTime", [0.0, 41.5], ["trigger delay 41.5 ms", "cardiac trigger delay 41.5"]),
        ("TemporalPositionIdentifier", [7, 9], ["temporal position 9", "temporal position = 9"]),
        ("ComplexImageComponent", ["MAGNITUDE", "PHASE"], ["PHASE", "phase", "complex image component = PHASE"]),
        ("ConvolutionKernel", ["B30f", "B70f"], ["kernel B70f", "convolution kernel = b70f", "B70f"]),
    ],
)
def test_values_are_written_as_in_the_label_or_by_name_with_or_without_unit(
    tmp_path: Path, keyword: str, values: list[Any], choices: list[str]
) -> None:
    pixels = write_sets(tmp_path, 2, **{keyword: values})
    for choice in choices:
        np.testing.assert_array_equal(load_series(tmp_path, stack=choice).array, pixels[1], err_msg=choice)


@pytest.mark.parametrize("choice", [0, 7, -1, "0", "7", "b = 700", "b", "", ",", "echo 1", "gradient 4", "1000"])
def test_what_is_no_set_is_refused_with_what_there_is(tmp_path: Path, choice: Any) -> None:
    write_diffusion(tmp_path)
    with pytest.raises(ChoiceError, match="has no stack") as caught:
        load_series(tmp_path, stack=choice)
    assert caught.value.choices == ("stack",)
    assert "6 stacks of 4 slices, 7 × 5 pixels, told apart by b-value (0, 1000, 3000 s/mm²) and gradient" in str(
        caught.value
    )
    assert "; 3: b=1000, gradient 2; " in str(caught.value)


def test_a_value_of_several_sets_lists_these_alone(tmp_path: Path) -> None:
    pixels = write_diffusion(tmp_path)
    with pytest.raises(
        ChoiceError, match=r"several stacks 'b = 3000'; .*5: b=3000, gradient 1; 6: b=3000, gradient 2"
    ) as caught:
        load_series(tmp_path, stack="b = 3000")
    assert "b=1000" not in str(caught.value)
    sets = load_sets(tmp_path, "b = 3000")
    assert sets.numbers == (5, 6)
    np.testing.assert_array_equal(sets.array(), pixels[4:])


def test_all_sets_come_as_one_array_that_their_volumes_are_parts_of(tmp_path: Path) -> None:
    pixels = write_diffusion(tmp_path)
    sets = load_sets(tmp_path)
    array = sets.array()
    np.testing.assert_array_equal(array, pixels)
    assert all(np.shares_memory(array[t], volume.array) for t, volume in enumerate(sets.volumes))
    assert sets.values["b-value"] == (0.0, 1000.0, 1000.0, 1000.0, 3000.0, 3000.0)
    assert sets.values["gradient"][2] == "0.0000\\1.0000\\0.0000"
    expected = np.array([[0.5, 0, 0, -10], [0, 0.75, 0, 20], [0, 0, 2.5, 100], [0, 0, 0, 1]])
    np.testing.assert_allclose(sets.grid.affine_lps, expected)
    for volume, own in zip(sets.volumes, pixels, strict=True):
        alone = load_series(tmp_path, stack=volume.stack.label)
        np.testing.assert_array_equal(alone.array, own)
        np.testing.assert_array_equal(alone.affine_lps, volume.affine_lps)


def test_sets_are_chosen_together_and_keep_their_order(tmp_path: Path) -> None:
    pixels = write_diffusion(tmp_path)
    np.testing.assert_array_equal(load_sets(tmp_path, ["b=3000", 1, "b=0"]).array(), pixels[[0, 4, 5]])


def test_values_are_rescaled_set_by_set(tmp_path: Path) -> None:
    pixels = write_sets(
        tmp_path,
        3,
        TemporalPositionIdentifier=[1, 2, 3],
        RescaleSlope=["1", "2", "0.5"],
        RescaleIntercept=["0", "-7", "3"],
    )
    sets = load_sets(tmp_path)
    slopes, intercepts = np.array([1, 2, 0.5]), np.array([0, -7, 3])
    expected = pixels * slopes[:, None, None, None] + intercepts[:, None, None, None]
    np.testing.assert_array_equal(sets.array(), expected)
    assert [finding.code for finding in sets.findings].count("rescale-varies") == 1
    np.testing.assert_array_equal(load_sets(tmp_path, stored_values=True).array(), pixels)


def test_a_missing_slice_is_a_gap_in_its_set_alone(tmp_path: Path) -> None:
    pixels = write_sets(tmp_path, 5, TemporalPositionIdentifier=[1, 2, 3, 4, 5])
    (tmp_path / "006.dcm").unlink()  # set 2, slice 3
    sets = load_sets(tmp_path)
    with pytest.raises(UsageError, match=r"Not all sets are complete: set 2 lacks the slice at 105 mm\."):
        sets.array()
    filled = sets.array(np.nan)
    assert filled.dtype == np.float32
    expected = pixels.astype(np.float32)
    expected[1, 2] = np.nan
    np.testing.assert_array_equal(filled, expected)
    assert sets.array(-5).dtype == np.int16
    assert (sets.array(-5)[1, 2] == -5).all()
    assert [len(volume.slices) for volume in sets.volumes] == [4, 3, 4, 4, 4]
    assert sets.grid.missing == ((), (105.0,), (), (), ())


def test_a_slice_that_the_first_set_lacks_is_on_the_grid(tmp_path: Path) -> None:
    pixels = write_sets(tmp_path, 4, TemporalPositionIdentifier=[1, 2, 3, 4])
    for lost in (0, 7):  # of set 1 the first slice, of set 2 the last
        (tmp_path / f"{lost:03d}.dcm").unlink()
    expected = pixels.astype(np.float32)
    expected[0, 0] = expected[1, 3] = np.nan
    np.testing.assert_array_equal(load_sets(tmp_path).array(np.nan), expected)


def test_incomplete_sets_are_not_regularized_from_one_another(tmp_path: Path) -> None:
    pixels = write_diffusion(tmp_path)
    (tmp_path / "001.dcm").unlink()
    headers = [read_header(path) for path in sorted(tmp_path.iterdir())]
    (series,) = inspect_series(headers)
    with pytest.raises(ChoiceError, match="choose one of 6 stacks"):
        plan(series, RegularizeOptions("crop"))
    chosen = plan(series, RegularizeOptions("crop"), "b=1000, gradient 1")
    assert [slice_.path for slice_ in chosen.placed.slices] == [str(tmp_path / f"{k:03d}.dcm") for k in range(4, 8)]
    np.testing.assert_array_equal(load_series(tmp_path, stack="b=1000, gradient 1").array, pixels[1])


def shifted(folder: Path, shift: float) -> None:
    positions = vm.axial(10, 5.0)
    beside = [(x, y, z + shift) for x, y, z in positions]
    numbers = {"AcquisitionNumber": [1] * 10 + [2] * 10, "SliceThickness": "5"}
    vm.write_stack(folder, vm.pixels_of(20), positions + beside, **numbers)


def test_sets_between_each_others_slices_share_no_grid(tmp_path: Path) -> None:
    shifted(tmp_path, 2.5)
    sets = load_sets(tmp_path)
    assert sets.grid is None and [volume.array.shape[0] for volume in sets.volumes] == [10, 10]
    for fill in (None, np.nan):
        with pytest.raises(UsageError, match=r"share no grid.*20 slices at 20 positions.*volumes one by one"):
            sets.array(fill)
    (series,) = inspect_series([read_header(path) for path in tmp_path.iterdir()])
    assert groups_of_sets(series) == ()


def test_sets_of_another_orientation_share_no_grid_and_come_as_volumes(tmp_path: Path) -> None:
    pixels = write_sets(tmp_path / "a", 2, TemporalPositionIdentifier=[1, 2])
    coronal = vm.pixels_of(3, seed=9)
    vm.write_stack(tmp_path / "b", coronal, [(0, 10 * k, 0) for k in range(3)],
                   ImageOrientationPatient=[["1", "0", "0", "0", "0", "-1"]] * 3, **MR)  # fmt: skip
    sets = load_sets(tmp_path)
    found = {volume.array.tobytes() for volume in sets.volumes}
    assert found == {part.tobytes() for part in (*pixels, coronal)}
    with pytest.raises(UsageError, match="another orientation or spacing of pixels than set 1"):
        sets.array()
    np.testing.assert_array_equal(load_sets(tmp_path, ["temporal position 1", "temporal position 2"]).array(), pixels)
    (series,) = inspect_series([read_header(path) for path in tmp_path.rglob("*.dcm")])
    (group,) = groups_of_sets(series)
    assert [series.stacks[number - 1].label for number in group.numbers] == [
        "temporal position 1",
        "temporal position 2",
    ]


def write_many(folder: Path, sets: int, slices: int) -> None:
    """Single-frame MR files of one pixel row each, made by exchanging what differs in one file's bytes.

    Pixel values are the number of the set (from 1) and of the slice (from 0).
    """
    pixels = np.array([[11111, 22222]], "<i2")
    one = vm.dataset(
        pixels, ("-10", "20", "3333.5"), **MR, TemporalPositionIdentifier="444444", InstanceNumber="555555"
    )
    one.SOPInstanceUID = "1.2.3.777777"
    data = vm.save(one, folder / "one.dcm").read_bytes()
    (folder / "one.dcm").unlink()
    number = 0
    for t in range(1, sets + 1):
        for k in range(slices):
            number += 1
            changed = data.replace(b"3333.5", f"{1000 + 2.5 * k:06.1f}".encode()).replace(b"444444", b"%06d" % t)
            changed = changed.replace(b"555555", b"%06d" % number).replace(b"777777", b"%06d" % (100000 + number))
            changed = changed.replace(pixels.tobytes(), np.array([[t, k]], "<i2").tobytes())
            (folder / f"{number:05d}.dcm").write_bytes(changed)


def test_three_hundred_sets_of_sixty_slices(tmp_path: Path) -> None:
    write_many(tmp_path, 300, 60)
    (series,) = inspect_series([read_header(path) for path in sorted(tmp_path.iterdir())])
    text = describe_stacks(series.stacks)
    assert text.startswith("300 stacks of 60 slices, 2 × 1 pixels, told apart by temporal position (1 to 300): 1: ")
    assert text.endswith("10: temporal position 10; and 290 more") and len(text) < 500
    with pytest.raises(ChoiceError, match="and 290 more"):
        load_sets(series, "temporal position 301")
    sets = load_sets(series)
    t, k = np.meshgrid(np.arange(1, 301), np.arange(60), indexing="ij")
    np.testing.assert_array_equal(sets.array()[:, :, 0], np.stack([t, k], axis=-1))
    assert sets.values == {"temporal position": tuple(map(float, range(1, 301)))}
    (group,) = groups_of_sets(series)
    assert group.numbers == tuple(range(1, 301)) and group.grid.is_complete
    for path in sorted(tmp_path.iterdir())[:: 60 * 10 + 1]:  # 30 sets lose one slice each
        path.unlink()
    (series,) = inspect_series([read_header(path) for path in sorted(tmp_path.iterdir())])
    (group,) = groups_of_sets(series)
    words = group.grid.missing_in_words(group.numbers)
    assert words.startswith("set 1 lacks the slice at 1,000 mm; set 11 lacks the slice at 1,002.5 mm; ")
    assert words.endswith("; 25 further sets lack 25 slices") and len(words) < 400
