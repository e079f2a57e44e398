"""Checks of compressed pixels: fragments, offset tables, and what cannot be decoded."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from DicomRegInspectorLib.series.pixel_checks.check_pixels import check_file
from pixel_files import ct, found, only, save
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import RLELossless


def compressed(tmp_path: Path, frames: int, name: str = "rle.dcm", *, table: bool = True) -> Dataset:
    """An RLE dataset of so many equal frames."""
    dataset = pydicom.dcmread(ct(tmp_path, name))
    dataset.compress(RLELossless, generate_instance_uid=False)
    (frame,) = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate([frame] * frames, has_bot=table)
    dataset.NumberOfFrames = frames
    dataset["PixelData"].is_undefined_length = True
    return dataset


@pytest.mark.parametrize("table", [True, False])
def test_compressed_frames_are_counted(tmp_path: Path, table: bool) -> None:
    dataset = compressed(tmp_path, 3, table=table)
    assert check_file(save(dataset, tmp_path)).findings == ()
    dataset.NumberOfFrames = 4
    findings = found(save(dataset, tmp_path), "pixel-frames-disagree")
    assert len(findings) == 1 + table
    assert findings[0].evidence["fragments"] == 3 and findings[0].evidence["frames"] == 4


def test_offset_tables_that_point_beside_the_frames(tmp_path: Path) -> None:
    dataset = compressed(tmp_path, 3)
    raw = bytearray(dataset.PixelData)
    raw[12:16] = (int.from_bytes(raw[12:16], "little") + 2).to_bytes(4, "little")
    dataset.PixelData = bytes(raw)
    finding = found(save(dataset, tmp_path), "pixel-frames-disagree")[0]
    assert finding.evidence["first_wrong_frame"] == 2
    frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=3))
    values, offsets, lengths = encapsulate_extended([frame, frame])
    dataset.PixelData, dataset.NumberOfFrames = values, 2
    dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = offsets, lengths
    assert found(save(dataset, tmp_path), "pixel-frames-disagree") == []
    dataset.ExtendedOffsetTableLengths = lengths[:8] + (len(frame) + 40).to_bytes(8, "little")
    finding = found(save(dataset, tmp_path), "pixel-frames-disagree")[0]
    assert finding.evidence["length_bytes"] == len(frame) + 40


def test_a_compressed_file_that_ends_too_early_or_is_not_closed(tmp_path: Path) -> None:
    path = Path(save(compressed(tmp_path, 2), tmp_path))
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    assert only(str(path)).code == "pixel-data-length"
    path.write_bytes(whole[:-108])
    assert only(str(path)).code == "file-truncated"


def test_a_compressed_frame_that_cannot_be_decoded(tmp_path: Path) -> None:
    dataset = compressed(tmp_path, 2)
    frames = [bytes(64), bytes(64)]
    dataset.PixelData = encapsulate(frames)
    assert only(save(dataset, tmp_path)).code == "pixel-not-decodable"


def test_fragments_of_uncompressed_frames_are_allowed_where_the_syntax_says_so(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(ct(tmp_path))
    dataset.PixelData = encapsulate([dataset.PixelData])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.98"  # Encapsulated Uncompressed
    dataset.save_as(tmp_path / "saved.dcm", implicit_vr=False, little_endian=True)
    assert check_file(tmp_path / "saved.dcm").findings == ()
