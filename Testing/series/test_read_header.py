"""Headers: the fast walk and pydicom agree, whatever the bytes; files that are no images are told apart."""

from __future__ import annotations

import io
import os
import time
import tracemalloc
import warnings
import zlib
from pathlib import Path

import pydicom
import pydicom.data
import pytest
from DicomRegInspectorLib.dicom.fast_header import fast_header
from DicomRegInspectorLib.dicom.pydicom_header import slow_header
from DicomRegInspectorLib.dicom.tags import Tag, element_name
from DicomRegInspectorLib.errors import FileError, NotDicomError, TruncatedFileError
from DicomRegInspectorLib.series import read_header
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nested_making import outcome
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from series_making import write

PYDICOM_DATA = Path(pydicom.data.__file__).parent
CT_SMALL = PYDICOM_DATA / "test_files/CT_small.dcm"
PLAIN_FILES = [
    CT_SMALL,
    PYDICOM_DATA / "test_files/dicomdirtests/77654033/CT2/17106",
    PYDICOM_DATA / "test_files/dicomdirtests/98892003/MR700/4467",
    PYDICOM_DATA / "test_files/examples_palette.dcm",
    PYDICOM_DATA / "test_files/SC_rgb_rle_2frame.dcm",
    PYDICOM_DATA / "charset_files/chrFrenMulti.dcm",
    PYDICOM_DATA / "test_files/MR_small_implicit.dcm",
    PYDICOM_DATA / "test_files/liver_1frame.dcm",
    PYDICOM_DATA / "test_files/rtdose_1frame.dcm",
]


def all_files() -> list[Path]:
    roots = [PYDICOM_DATA, Path(__file__).resolve().parents[2].parent / "shared" / "data"]
    return [path for root in roots if root.is_dir() for path in sorted(root.rglob("*")) if path.is_file()]


def has_preamble(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(132)[128:] == b"DICM"


def test_both_ways_of_reading_agree_on_every_file_at_hand() -> None:
    walked = 0
    for path in filter(has_preamble, all_files()):
        fast = outcome(fast_header, path)
        if fast is not None:
            walked += 1
            assert fast == outcome(slow_header, path), path
    assert walked > 120


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PLAIN_FILES), st.data())
def test_both_ways_of_reading_agree_on_mutated_files(tmp_path: Path, source: Path, data: st.DataObject) -> None:
    content = bytearray(source.read_bytes()[:20000])
    reach = min(len(content), 6000)
    for _ in range(data.draw(st.integers(1, 4), "mutations")):
        at = data.draw(st.integers(132, reach - 1), "offset")
        kind = data.draw(st.sampled_from(["byte", "cut", "remove", "insert", "repeat"]), "kind")
        length = data.draw(st.integers(1, 40), "length")
        if kind == "byte":
            content[at] = data.draw(st.integers(0, 255), "value")
        elif kind == "cut":
            del content[at:]
        elif kind == "remove":
            del content[at : at + length]
        elif kind == "insert":
            content[at:at] = data.draw(st.binary(min_size=1, max_size=40), "inserted")
        else:
            content[at:at] = content[at : at + length]
        reach = min(len(content), reach)
        if reach <= 133:
            break
    path = tmp_path / "mutated.dcm"
    path.write_bytes(content)
    fast = outcome(fast_header, path)
    if fast is not None:
        assert fast == outcome(slow_header, path)


def test_a_group_length_that_is_no_number_is_left_to_pydicom(tmp_path: Path) -> None:
    content = CT_SMALL.read_bytes()
    path = tmp_path / "garbled.dcm"
    path.write_bytes(content[:138] + content[164:])
    assert outcome(fast_header, path) is None


def test_remembered_runs_of_elements_do_not_leak_from_file_to_file(tmp_path: Path) -> None:
    original = CT_SMALL.read_bytes()
    expected = read_header(CT_SMALL)
    # The same run of elements with one more wanted element in it, and with one that is cut short.
    at = original.index(b"\x18\x00\x90\x11")  # Focal Spots (0018,1190)
    changed = original[:at] + b"\x18\x00\x88\x11DS\x02\x007 " + original[at:]
    path = tmp_path / "changed.dcm"
    path.write_bytes(changed)
    assert read_header(path).elements == outcome(slow_header, path).elements
    assert read_header(CT_SMALL) == expected


def rewritten(path: Path, syntax: str, *, undefined: bool = False) -> Path:
    original = pydicom.dcmread(CT_SMALL)
    # A dataset of its own: pydicom does not turn the byte order of one that it has read.
    dataset = pydicom.Dataset()
    dataset.update({item.tag: item for item in original})
    dataset.file_meta = original.file_meta
    if undefined:
        for item in dataset:
            item.is_undefined_length = item.VR == "SQ"
    dataset.file_meta.TransferSyntaxUID = syntax
    little = syntax != ExplicitVRBigEndian
    dataset.save_as(path, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=little, enforce_file_format=True)
    return path


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_every_transfer_syntax_gives_the_same_elements(tmp_path: Path, syntax: str, undefined: bool) -> None:
    expected = read_header(CT_SMALL)
    found = read_header(rewritten(tmp_path / "rewritten.dcm", syntax, undefined=undefined))
    assert found.transfer_syntax_uid == syntax
    for name in ("rows", "columns", "bits_allocated", "image_position_mm", "image_orientation", "pixel_spacing_mm",
                 "sop_class_uid", "sop_instance_uid", "series_uid", "study_uid", "frame_of_reference_uid", "modality",
                 "image_type", "instance_number", "acquisition_number", "slice_location_mm", "slice_thickness_mm",
                 "spacing_between_slices_mm", "gantry_tilt_deg", "series_description"):  # fmt: skip
        assert getattr(found, name) == getattr(expected, name), name
    assert not found.is_cut_off


def test_a_header_says_what_the_file_says() -> None:
    header = read_header(CT_SMALL)
    assert (header.rows, header.columns, header.modality, header.bits_allocated) == (128, 128, "CT", 16)
    assert header.image_position_mm == (-158.135803, -179.035797, -75.699997)
    assert header.image_type == ("ORIGINAL", "PRIMARY", "AXIAL")
    assert (header.instance_number, header.acquisition_number) == (1, 2)
    assert (header.slice_thickness_mm, header.spacing_between_slices_mm) == (5.0, 5.0)
    assert header.is_image and not header.is_registration and not header.is_dicomdir


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_dataset_without_preamble_is_read(tmp_path: Path, syntax: str) -> None:
    content = rewritten(tmp_path / "whole.dcm", syntax).read_bytes()
    meta_length = int.from_bytes(content[140:144], "little")
    bare = read_header(write(tmp_path / "bare.dcm", content[144 + meta_length :]))
    assert bare.sop_instance_uid == read_header(CT_SMALL).sop_instance_uid
    assert (bare.rows, bare.pixel_data) == (128, "complete")


def test_a_description_is_decoded_by_its_character_set(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(CT_SMALL)
    for character_set, text in (
        ("ISO_IR 144", "Люкceмбypг"),
        ("ISO_IR 192", "头部 CT"),
        (["", "ISO 2022 IR 87"], "やまだ"),
    ):
        dataset.SpecificCharacterSet, dataset.SeriesDescription = character_set, text
        dataset.save_as(tmp_path / "text.dcm")
        assert read_header(tmp_path / "text.dcm").series_description == text


def test_a_media_directory_is_known_as_such() -> None:
    for name in ("DICOMDIR", "DICOMDIR-bigEnd", "DICOMDIR-implicit", "DICOMDIR-empty.dcm"):
        header = read_header(PYDICOM_DATA / "test_files/dicomdirtests" / name)
        assert header.is_dicomdir and not header.is_image, name


@pytest.mark.parametrize(
    "content",
    [b"", b"D", b"no image at all\n" * 50, bytes(200), b"\x08\x00\x05\x00CS", os.urandom(99)],
    ids=["nothing", "one byte", "text", "zeros", "an element cut off", "random bytes"],
)
def test_what_is_no_dicom_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(NotDicomError):
        read_header(write(tmp_path / "some file", content))


def test_what_is_no_regular_file_neither_hangs_nor_reads(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "absent", Path("/dev/zero")):
        with pytest.raises(FileError) as caught:
            read_header(path)
        assert not isinstance(caught.value, NotDicomError)
        assert caught.value.code == "file-unreadable"
        assert str(path) in str(caught.value)


def test_a_name_with_a_null_byte_is_an_error_of_ours() -> None:
    with pytest.raises(FileError):
        read_header("a\0b")


@pytest.mark.parametrize("source", [CT_SMALL, PYDICOM_DATA / "test_files/MR_small_implicit.dcm"])
def test_a_file_cut_anywhere_is_found_out(tmp_path: Path, source: Path) -> None:
    content = source.read_bytes()
    end_of_pixels = content.rindex(b"\xe0\x7f\x10\x00") + pydicom.dcmread(source).Rows ** 2 * 2
    path = tmp_path / "cut.dcm"
    for length in [*range(0, 200, 7), *range(200, end_of_pixels, 211)]:
        path.write_bytes(content[:length])
        try:
            header = read_header(path)
        except NotDicomError:
            assert length < 132
        except TruncatedFileError as error:
            assert error.code == "file-truncated"
        except FileError:
            # Cut between two elements before anything says what this is.
            assert length < 800
        else:
            assert header.is_cut_off or header.pixel_data == "absent" or not header.is_image, length


def test_missing_pixel_bytes_are_counted(tmp_path: Path) -> None:
    content = (PYDICOM_DATA / "test_files/dicomdirtests/77654033/CT2/17106").read_bytes()
    assert read_header(write(tmp_path / "whole.dcm", content)).pixel_data == "complete"
    header = read_header(write(tmp_path / "cut.dcm", content[:-100]))
    assert (header.pixel_data, header.missing_bytes) == ("cut off", 100)


def test_padding_behind_the_pixels_is_no_damage(tmp_path: Path) -> None:
    content = (PYDICOM_DATA / "test_files/dicomdirtests/77654033/CT2/17106").read_bytes()
    assert read_header(write(tmp_path / "padded.dcm", content + bytes(300))).pixel_data == "complete"


def test_compressed_pixels_that_end_early_are_cut_off(tmp_path: Path) -> None:
    content = (PYDICOM_DATA / "test_files/MR_small_RLE.dcm").read_bytes()
    assert read_header(write(tmp_path / "whole.dcm", content)).pixel_data == "complete"
    assert read_header(write(tmp_path / "cut.dcm", content[:-1000])).pixel_data == "cut off"


def element(tag: int, vr: bytes, value: bytes, *, length: int | None = None) -> bytes:
    """An explicit little endian element; ``length`` lies about the value's."""
    size = len(value) if length is None else length
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr
    return (
        head
        + (bytes(2) + size.to_bytes(4, "little") if vr in (b"SQ", b"OB", b"UN") else size.to_bytes(2, "little"))
        + value
    )


def beginning(*, deflated: bool = False) -> bytes:
    syntax = b"1.2.840.10008.1.2.1.99" if deflated else b"1.2.840.10008.1.2.1\0"
    meta = element(Tag.TRANSFER_SYNTAX_UID, b"UI", syntax)
    return bytes(128) + b"DICM" + element(0x00020000, b"UL", len(meta).to_bytes(4, "little")) + meta


def identity(sop_class: bytes = b"1.2.840.10008.5.1.4.1.1.2") -> bytes:
    return element(Tag.SOP_CLASS_UID, b"UI", sop_class) + element(Tag.SOP_INSTANCE_UID, b"UI", b"1.2.34")


def test_ten_thousand_nested_sequences_are_an_error(tmp_path: Path) -> None:
    level = element(0x00081140, b"SQ", b"", length=0xFFFFFFFF) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    with pytest.raises(FileError, match=r"nested|cut off"):
        read_header(write(tmp_path / "deep.dcm", beginning() + identity() + level * 10_000))


@pytest.mark.parametrize("vr", [b"OB", b"UN", b"SQ"])
def test_a_length_beyond_the_file_allocates_nothing(tmp_path: Path, vr: bytes) -> None:
    claim = element(0x00081140, vr, b"\xfe\xff\x00\xe0\xf0\xff\xff\xff", length=0xFFFFFFF0)
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + element(0x00081155, b"UN", b"", length=0xFFFFFFF0)
    inner = element(0x00081140, b"SQ", item, length=0xFFFFFFFF)
    tracemalloc.start()
    for content in (claim, inner):
        with pytest.raises(FileError):
            read_header(write(tmp_path / "claims.dcm", beginning() + identity() + content))
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_a_deflated_bomb_is_bounded(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = io.BytesIO()
    packed.write(packer.compress(identity() + element(0x00091001, b"OB", b"", length=1 << 30)))
    for _ in range(1024):
        packed.write(packer.compress(bytes(1 << 20)))
    packed.write(packer.flush())
    path = write(tmp_path / "bomb.dcm", beginning(deflated=True) + packed.getvalue())
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(FileError):
        read_header(path)
    assert tracemalloc.get_traced_memory()[1] < 250_000_000
    assert time.perf_counter() - start < 10
    tracemalloc.stop()


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize(
    ("sop_class", "modality"),
    [
        ("1.2.840.10008.5.1.4.1.1.66.3", "REG"),
        ("1.2.840.10008.5.1.4.1.1.66.1", "OT"),
        ("1.2.840.10008.5.1.4.1.1.2", "OT"),
    ],
)
def test_a_registration_is_recognised_without_its_vectors(
    tmp_path: Path, sop_class: str, modality: str, implicit: bool
) -> None:
    dataset = pydicom.Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = sop_class, "1.2.34", modality
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = "1.2", "1.3", "1.4"
    grid = pydicom.Dataset()
    grid.GridDimensions = [100, 100, 100]
    grid.VectorGridData = bytes(12_000_000)
    registration = pydicom.Dataset()
    registration.DeformableRegistrationGridSequence = pydicom.Sequence([grid])
    dataset.DeformableRegistrationSequence = pydicom.Sequence([registration])
    for sequence in (dataset["DeformableRegistrationSequence"], registration["DeformableRegistrationGridSequence"]):
        sequence.is_undefined_length = True
        sequence.value[0].is_undefined_length_sequence_item = True
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    dataset.save_as(tmp_path / "reg.dcm", enforce_file_format=True)
    tracemalloc.start()
    header = read_header(tmp_path / "reg.dcm")
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
    assert header.is_registration and not header.is_image
    assert header.frame_of_reference_uid == "1.4"


def test_pydicoms_warnings_stay_out_of_sight(capfd: pytest.CaptureFixture, tmp_path: Path) -> None:
    content = beginning() + element(0x00080005, b"CS", b"NO SUCH SET ") + identity() + element(0x00080060, b"CS", b"CT")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_header(write(tmp_path / "odd.dcm", content + element(0x00080070, b"ZZ", b"ab")))
        for name in ("badVR.dcm", "UN_sequence.dcm", "rtplan_truncated.dcm", "ExplVR_BigEndNoMeta.dcm"):
            read_header(PYDICOM_DATA / "test_files" / name)
    assert capfd.readouterr() == ("", "")


def test_a_plain_file_is_read_without_pydicom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("pydicom was asked")

    monkeypatch.setattr("DicomRegInspectorLib.dicom.pydicom_header.slow_header", refuse)
    monkeypatch.setattr("DicomRegInspectorLib.dicom.pydicom_header.pixel_data_by_pydicom", refuse)
    assert read_header(CT_SMALL).instance_number == 1


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        ("is empty", "The file is empty."),
        ("cannot be read (Permission denied).", "The file cannot be read (Permission denied)."),
        ("the deflated data set ends early", "The deflated data set ends early."),
        ("Pixel Data (7FE0,0010) is missing.", "Pixel Data (7FE0,0010) is missing."),
    ],
)
def test_a_problem_reads_as_a_sentence_of_its_own(problem: str, sentence: str) -> None:
    assert FileError("a.dcm", problem).sentence == sentence
    assert str(FileError("a.dcm", problem)) == f"a.dcm: {problem}"


def test_tags_are_written_with_capital_letters() -> None:
    assert element_name(0x7FE00010) == "Pixel Data (7FE0,0010)"
