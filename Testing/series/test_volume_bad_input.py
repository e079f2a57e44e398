"""What cannot become a volume says why; what a file claims is not believed; memory stays within bounds."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

import numpy as np
import pydicom
import pytest
import volume_making as vm
from DicomRegInspectorLib import memory
from DicomRegInspectorLib.errors import Cancelled, DicomRegInspectorError, FileError, TruncatedFileError, UsageError
from DicomRegInspectorLib.series import Stack, load_series, load_stack
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)


def encapsulated(syntax: str, path: Path, frames: list[bytes], **elements: object) -> Path:
    """A file of compressed frames, whatever they hold."""
    one = vm.dataset(vm.pixels_of(1)[0], PixelData=encapsulate(frames), **elements)
    one["PixelData"].VR = "OB"
    one["PixelData"].is_undefined_length = True
    return vm.save(one, path, syntax)


def patched(path: Path, before: bytes, after: bytes) -> Path:
    """A file with some bytes exchanged, which stand in it once."""
    raw = path.read_bytes()
    assert raw.count(before) == 1
    path.write_bytes(raw.replace(before, after))
    return path


def test_a_syntax_without_decoder_is_named_with_what_to_install(tmp_path: Path, monkeypatch) -> None:
    from pydicom.pixels import get_decoder

    path = encapsulated(HTJ2KLossless, tmp_path / "htj2k.dcm", [b"\xff\x4f\xff\x51" + bytes(100)])
    monkeypatch.setattr(get_decoder(HTJ2KLossless), "_available", {})
    with pytest.raises(FileError) as caught:
        load_series(path)
    assert caught.value.code == "pixel-not-decodable"
    assert re.search(
        r"High-Throughput JPEG 2000.*\(1\.2\.840\.10008\.1\.2\.4\.201\).*Install.*pylibjpeg", str(caught.value)
    )


def test_a_syntax_that_nobody_decodes_is_named(tmp_path: Path) -> None:
    mpeg2 = "1.2.840.10008.1.2.4.100"
    with pytest.raises(FileError, match=r"MPEG2.*\(1\.2\.840\.10008\.1\.2\.4\.100\)") as caught:
        load_series(encapsulated(mpeg2, tmp_path / "video.dcm", [bytes(100)]))
    assert caught.value.code == "pixel-not-decodable"


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_broken_compressed_data_is_an_error_not_zeros(tmp_path: Path, syntax: str) -> None:
    with pytest.raises(FileError) as caught:
        load_series(encapsulated(syntax, tmp_path / "broken.dcm", [bytes(range(128))]))
    assert caught.value.code == "pixel-not-decodable"


def test_a_broken_frame_within_a_stack_is_an_error_not_zeros(tmp_path: Path) -> None:
    stored = vm.pixels_of(4)
    for k, position in enumerate(vm.axial(4)):
        one = vm.dataset(stored[k], position)
        one.compress(RLELossless, generate_instance_uid=False)
        if k == 2:
            one.PixelData = encapsulate([b"\x02\0\0\0\x40\0\0\0\x41\0\0\0" + bytes(53)])
        vm.save(one, tmp_path / f"{k}.dcm", RLELossless)
    with pytest.raises(FileError, match=r"2\.dcm.*RLE Lossless") as caught:
        load_series(tmp_path)
    assert caught.value.code == "pixel-not-decodable"


def test_missing_pixel_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no pixel data") as caught:
        load_series(vm.save(vm.dataset(vm.pixels_of(1)[0], PixelData=None), tmp_path / "empty.dcm"))
    assert caught.value.code == "pixel-data-missing"


def test_a_file_that_ends_within_its_pixels_is_truncated(tmp_path: Path) -> None:
    paths = vm.write_stack(tmp_path, vm.pixels_of(3), vm.axial(3))
    paths[1].write_bytes(paths[1].read_bytes()[:-11])
    with pytest.raises(TruncatedFileError, match=r"001\.dcm.*announces 70 bytes.*59 left"):
        load_series(tmp_path)


def test_pixel_data_shorter_than_its_header_says_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"holds 60 bytes.*5 × 7 pixels.*need 70") as caught:
        load_series(vm.save(vm.dataset(vm.pixels_of(1)[0], PixelData=bytes(60)), tmp_path / "short.dcm"))
    assert caught.value.code == "pixel-data-length"


@pytest.mark.parametrize("elements", [{"Rows": 65535, "Columns": 65535}, {"NumberOfFrames": 2_000_000_000}])
@pytest.mark.parametrize("position", [None, (0, 0, 0)])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_claims_beyond_the_file_are_refused_before_anything_is_allocated(
    tmp_path: Path, elements: dict, position: tuple | None, syntax: str
) -> None:
    path = vm.save(vm.dataset(vm.pixels_of(1)[0], position, **elements), tmp_path / "claim.dcm", syntax)
    tracemalloc.start()
    with pytest.raises((FileError, UsageError)):
        load_series(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6


def test_compressed_frames_that_are_claimed_only_are_refused(tmp_path: Path) -> None:
    one = vm.dataset(vm.pixels_of(1)[0], None)
    one.compress(RLELossless, generate_instance_uid=False)
    one.NumberOfFrames = 1_000_000
    with pytest.raises(FileError, match="1,000,000 compressed frames") as caught:
        load_series(vm.save(one, tmp_path / "claim.dcm", RLELossless))
    assert caught.value.code == "pixel-data-length"


def test_a_stack_larger_than_memory_is_refused_with_the_sizes(tmp_path: Path, monkeypatch) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(10, (100, 100)), vm.axial(10))
    monkeypatch.setattr(memory, "available_memory", lambda: 150_000)
    with pytest.raises(UsageError, match=r"10 × 100 × 100 int16.*200 kB.*150 kB"):
        load_series(tmp_path)
    monkeypatch.setattr(memory, "available_memory", lambda: 250_000)
    assert load_series(tmp_path).dimensions == (100, 100, 10)


def test_available_memory_is_what_the_system_has() -> None:
    available = memory.available_memory()
    assert available is None or 2**20 < available < 2**50


@pytest.mark.parametrize("value", ["nan\\0\\0", "0\\0", "0\\0\\inf"])
def test_positions_that_are_no_numbers_are_refused(tmp_path: Path, value: str) -> None:
    path = vm.save(vm.dataset(vm.pixels_of(1)[0], ("1000", "2000", "30")), tmp_path / "one.dcm")
    length = len(value) + len(value) % 2
    before = b"\x20\x00\x32\x00DS\x0c\x001000\\2000\\30"
    patched(path, before, b"\x20\x00\x32\x00DS" + length.to_bytes(2, "little") + value.ljust(length).encode())
    with pytest.raises(UsageError, match=r"cannot be placed.*Image Position \(Patient\)"):
        load_series(path)


def test_frames_whose_description_is_broken_say_so(tmp_path: Path) -> None:
    one = vm.enhanced(vm.pixels_of(3), vm.axial(3), [("1", "0")] * 3)
    path = vm.save(one, tmp_path / "enhanced.dcm")
    # The per-frame groups announce more than the file holds.
    raw = bytearray(path.read_bytes())
    start = raw.index(b"\x00\x52\x30\x92SQ") + 12
    raw[start - 4 : start] = (19_000_000).to_bytes(4, "little")
    path.write_bytes(bytes(raw))
    with pytest.raises(UsageError, match=r"cannot be placed.*enhanced\.dcm.*19,000,000 bytes"):
        load_series(path)


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A file of each kind that is read in a way of its own."""
    folder = tmp_path_factory.mktemp("whole")
    stored = vm.pixels_of(3)
    compressed = vm.dataset(stored[0])
    compressed.compress(RLELossless, generate_instance_uid=False)
    plain = vm.dataset(stored[0], RescaleSlope="1", RescaleIntercept="-3")
    paths = [
        vm.save(plain, folder / "explicit"),
        vm.save(vm.dataset(stored[1]), folder / "implicit", ImplicitVRLittleEndian),
        vm.save(compressed, folder / "rle", RLELossless),
        vm.save(vm.dataset(stored[2]), folder / "deflated", DeflatedExplicitVRLittleEndian),
        vm.save(vm.enhanced(stored, vm.axial(3), [("2", "1"), ("1", "0"), ("1", "5")]), folder / "enhanced"),
        vm.save(vm.nuclear(stored, 2), folder / "nuclear"),
    ]
    return [path.read_bytes() for path in paths]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    number=st.integers(0, 5),
    place=st.floats(0, 1, exclude_max=True),
    change=st.binary(min_size=1, max_size=4),
    kind=st.sampled_from(["replace", "remove", "cut"]),
)
def test_damage_ends_in_a_volume_or_in_a_sentence(
    tmp_path: Path, whole_files: list[bytes], number: int, place: float, change: bytes, kind: str
) -> None:
    data = bytearray(whole_files[number])
    at = 132 + int(place * (len(data) - 132))
    if kind == "cut":
        del data[at:]
    else:
        data[at : at + len(change)] = change if kind == "replace" else b""
    path = tmp_path / "damaged.dcm"
    path.write_bytes(bytes(data))
    try:
        volume = load_series(path)
    except DicomRegInspectorError as error:
        assert len(str(error)) > 20
    else:
        assert volume.array.size and len(volume.slices) == len(volume.array)


def test_a_slice_without_position_among_others_is_left_out_and_told(tmp_path: Path) -> None:
    stored = vm.pixels_of(4)
    vm.write_stack(tmp_path, stored, [*vm.axial(3), None])
    volume = load_series(tmp_path)
    np.testing.assert_array_equal(volume.array, stored[:3])
    assert "position-missing" in [finding.code for finding in volume.findings]


def test_other_sizes_do_not_get_into_a_stack(tmp_path: Path) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(4), vm.axial(4))
    other = vm.dataset(vm.pixels_of(1, (6, 7))[0], (-10, 20, 110))
    vm.save(other, tmp_path / "other.dcm")
    volume = load_series(tmp_path)
    assert volume.dimensions == (7, 5, 4)
    assert "size-mixed" in [finding.code for finding in volume.findings]


def test_a_stack_of_several_sizes_is_refused(tmp_path: Path) -> None:
    vm.write_stack(tmp_path / "a", vm.pixels_of(2), vm.axial(2))
    vm.write_stack(tmp_path / "b", vm.pixels_of(2, (6, 7)), [(-10, 20, 150), (-10, 20, 152.5)])
    one, other = load_series(tmp_path / "a"), load_series(tmp_path / "b")
    with pytest.raises(FileError, match=r"6 rows, 7 columns.*5, 7") as caught:
        load_stack(Stack(one.slices + other.slices))
    assert caught.value.code == "size-mixed"


def test_grey_and_colour_do_not_share_a_volume(tmp_path: Path) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(2, dtype="u1"), vm.axial(2))
    vm.save(vm.dataset(vm.pixels_of(1, (5, 7, 3), "u1")[0], (-10, 20, 105)), tmp_path / "colour.dcm")
    with pytest.raises(FileError, match=r"colour\.dcm.*3 channel") as caught:
        load_series(tmp_path)
    assert caught.value.code == "size-mixed"


def test_nothing_to_load_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no image"):
        load_series(tmp_path)
    with pytest.raises(UsageError, match="no image"):
        load_series([])
    with pytest.raises(UsageError, match="no slices"):
        load_stack(Stack(()))
    with pytest.raises(FileError, match="cannot be opened"):
        load_series(tmp_path / "absent.dcm")


@pytest.mark.parametrize(
    "elements",
    [{"BitsStored": 17}, {"BitsAllocated": 12, "BitsStored": 12}, {"BitsStored": None}, {"PixelRepresentation": None}],
)
def test_bits_that_cannot_be_are_refused(tmp_path: Path, elements: dict) -> None:
    with pytest.raises(FileError) as caught:
        load_series(vm.save(vm.dataset(vm.pixels_of(1)[0], **elements), tmp_path / "bits.dcm"))
    assert caught.value.code == "pixel-bits-inconsistent"


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    paths = vm.write_stack(tmp_path, vm.pixels_of(3), vm.axial(3))

    def shrink(done: int, total: int, text: str) -> bool:
        if text.startswith("Reading how"):
            paths[2].write_bytes(paths[2].read_bytes()[:300])
        return True

    with pytest.raises(FileError, match=r"002\.dcm"):
        load_series(tmp_path, progress=shrink)


def test_loading_can_be_stopped_and_tells_its_progress(tmp_path: Path) -> None:
    vm.write_stack(tmp_path, vm.pixels_of(40, (4, 4)), vm.axial(40))
    told: list[tuple[int, int]] = []
    load_series(tmp_path, progress=lambda done, total, text: told.append((done, total)))
    assert told == sorted(told) and told[0][0] == 0 and all(done <= total for done, total in told)
    with pytest.raises(Cancelled):
        load_series(tmp_path, progress=lambda done, total, text: done < 50)


@pytest.mark.parametrize("frames", [1, 40])
def test_native_files_need_little_more_memory_than_the_volume(tmp_path: Path, frames: int) -> None:
    stored = vm.pixels_of(40, (200, 250), "u2") // 16
    if frames == 1:
        vm.write_stack(tmp_path, stored, vm.axial(40), BitsStored=12, RescaleSlope="1", RescaleIntercept="-1024")
    else:
        vm.save(vm.enhanced(stored, vm.axial(40), [("1", "-1024")] * 40), tmp_path / "enhanced.dcm")
    load_series(tmp_path)
    tracemalloc.start()
    volume = load_series(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert volume.array.dtype == (np.int16 if frames == 1 else volume.array.dtype)
    assert peak <= 1.25 * volume.array.nbytes


def test_no_name_of_a_patient_gets_into_messages(tmp_path: Path) -> None:
    one = vm.dataset(vm.pixels_of(1)[0], PixelData=None, PatientName="Secret^Person", PatientID="SECRET-7")
    with pytest.raises(FileError) as caught:
        load_series(vm.save(one, tmp_path / "one.dcm"))
    assert "ecret" not in str(caught.value).lower()
    assert pydicom.dcmread(tmp_path / "one.dcm").PatientID == "SECRET-7"
