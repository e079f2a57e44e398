"""Series whose headers are built as the scanners of four makers write them, for the benchmark of header reading.

Taken from public files of each maker: which sequences stand before the pixels and whether they say how long they are,
which private groups, how many elements of which representations and what long ones they hold, and how many elements
differ from slice to slice. All values are made up.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

PUBLIC = {
    "SpecificCharacterSet": "ISO_IR 100",
    "ImageType": ["ORIGINAL", "PRIMARY", "OTHER"],
    "StudyDate": "20240101",
    "SeriesDate": "20240101",
    "AcquisitionDate": "20240101",
    "ContentDate": "20240101",
    "StudyTime": "101500",
    "SeriesTime": "101730.250000",
    "AcquisitionTime": "101731.250000",
    "AccessionNumber": "",
    "Modality": "MR",
    "InstitutionName": "BENCHMARK",
    "ReferringPhysicianName": "",
    "StationName": "STATION1",
    "StudyDescription": "MADE FOR A BENCHMARK",
    "SeriesDescription": "AXIAL EPI",
    "OperatorsName": "",
    "PatientName": "",
    "PatientID": "",
    "PatientBirthDate": "",
    "PatientSex": "",
    "PatientAge": "040Y",
    "PatientWeight": "70",
    "BodyPartExamined": "HEAD",
    "ScanningSequence": "EP",
    "SequenceVariant": "NONE",
    "ScanOptions": ["EPI_GEMS", "PFF"],
    "MRAcquisitionType": "2D",
    "SequenceName": "*ep_b0",
    "SliceThickness": "0.625",
    "RepetitionTime": "2000",
    "EchoTime": "30",
    "NumberOfAverages": "1",
    "ImagingFrequency": "127.758520",
    "ImagedNucleus": "1H",
    "EchoNumbers": "1",
    "MagneticFieldStrength": "3",
    "SpacingBetweenSlices": "0.625",
    "NumberOfPhaseEncodingSteps": "63",
    "EchoTrainLength": "63",
    "PercentSampling": "100",
    "PercentPhaseFieldOfView": "100",
    "PixelBandwidth": "2500",
    "DeviceSerialNumber": "0000",
    "SoftwareVersions": ["1.0", "1.0.0"],
    "ProtocolName": "EPI",
    "ReceiveCoilName": "Head 32",
    "AcquisitionMatrix": [64, 0, 0, 64],
    "InPlanePhaseEncodingDirection": "COL",
    "FlipAngle": "77",
    "SAR": "0.05",
    "PatientPosition": "HFS",
    "StudyID": "1",
    "SeriesNumber": "2",
    "AcquisitionNumber": "1",
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "PositionReferenceIndicator": "",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "Rows": 32,
    "Columns": 32,
    "PixelSpacing": [3.4375, 3.4375],
    "BitsAllocated": 16,
    "BitsStored": 16,
    "HighBit": 15,
    "PixelRepresentation": 0,
    "WindowCenter": "500",
    "WindowWidth": "1000",
}
VALUES = {"DS": "1.062122", "IS": "12", "SS": 16, "SL": 395808, "UL": 7, "US": 3, "FL": 0.5, "FD": 929.75, "LO": "epi",
          "SH": "A->P", "CS": "ELSEWHERE", "UI": "1.2.3.4", "ST": "text", "LT": "text"}  # fmt: skip


@dataclass(frozen=True)
class Group:
    """A private group: its creator, how many elements of which representations, and the lengths of its long ones."""

    creator: str
    elements: int
    representations: str
    long: tuple[int, ...] = ()
    sequences: tuple[tuple[int, int], ...] = ()
    """Items, and elements in each."""
    varying: int = 0
    """Elements that differ from slice to slice."""


@dataclass(frozen=True)
class Maker:
    """How a maker's headers are built."""

    name: str
    undefined: bool
    """Whether sequences and their items end with delimiters instead of saying how long they are."""
    sequences: dict[int, int]
    """Tag of a sequence to the number of its items."""
    groups: dict[int, Group] = field(default_factory=dict)


MAKERS = {
    "GE": Maker(
        "GE MEDICAL SYSTEMS",
        True,
        {0x00081111: 1, 0x00081140: 2, 0x00082218: 1},
        {
            0x0009: Group("GEMS_IDEN_01", 7, "LO SH SH SL UI"),
            0x0019: Group("GEMS_ACQU_01", 89, "DS SS DS SS LO SL", varying=4),
            0x0021: Group("GEMS_RELA_01", 22, "DS SS DS SL"),
            0x0023: Group("GEMS_STDY_01", 3, "FD SL SS", sequences=((1, 1),)),
            0x0025: Group("GEMS_SERS_01", 9, "SL SS SH", long=(986,)),
            0x0027: Group("GEMS_IMAG_01", 12, "SS FL SH UL", varying=1),
            0x0029: Group("GEMS_IMPS_01", 7, "SL SS"),
            0x0043: Group("GEMS_PARM_01", 63, "DS SS LO IS UL", long=(80, 2068, 7480)),
        },
    ),
    "Philips": Maker(
        "Philips Medical Systems",
        True,
        {0x00081032: 1, 0x00081111: 1, 0x00081140: 3, 0x00400260: 1, 0x00400275: 1},
        {
            0x2001: Group("Philips Imaging DD 001", 58, "CS FL IS DS SL LO SS SH", sequences=((1, 28),), varying=4),
            0x2005: Group(
                "Philips MR Imaging DD 001",
                170,
                "CS FL CS SS IS LO",
                sequences=((0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (1, 95)),
                varying=6,
            ),
        },
    ),
    "Siemens": Maker(
        "SIEMENS",
        False,
        {0x00081140: 3, 0x00082112: 5, 0x00400275: 1},
        {
            0x0019: Group("SIEMENS MR HEADER", 14, "CS IS DS LO FD US", varying=2),
            0x0029: Group("SIEMENS CSA HEADER", 4, "CS LO", long=(11548, 107336)),
            0x0051: Group("SIEMENS MR HEADER", 14, "CS LO SH", varying=1),
        },
    ),
    "UIH": Maker(
        "UIH",
        True,
        {0x00081140: 3},
        {
            0x0061: Group("Image Private Header", 2, "LO US"),
            0x0065: Group(
                "Image Private Header", 30, "LO SH FD DS", long=(15512, 2084), sequences=((20, 9),), varying=2
            ),
        },
    ),
}


def write_vendor_series(folder: Path, count: int, maker: Maker, series_uid: str, spacing_mm: float) -> None:
    """Write ``count`` slices of one MR series as a maker's scanner would."""
    dataset = _image(maker, series_uid)
    varying = [
        (group << 16 | 0x1000 | 3 + 2 * number)
        for group, content in maker.groups.items()
        for number in range(content.varying)
    ]
    for index in range(count):
        uid = f"{series_uid}.{index + 1}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = uid
        dataset.ContentTime = f"10{20 + index // 600 % 40:02d}{index // 10 % 60:02d}.{index % 10}00000"
        dataset.InstanceNumber = index + 1
        position = f"{index * spacing_mm:.6f}"
        dataset.ImagePositionPatient = ["-110.5", "-98.25", position]
        dataset.SliceLocation = position
        for tag in varying:
            element = dataset[tag]
            element.value = {"LO": f"{index}", "SH": f"{index}", "CS": f"{index}", "DS": f"{index}.5"}.get(
                element.VR, index % 30000
            )
        dataset.save_as(folder / f"{index:05d}.dcm", enforce_file_format=True)


def _image(maker: Maker, series_uid: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, MRImageStorage
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    for keyword, value in PUBLIC.items():
        setattr(dataset, keyword, value)
    dataset.Manufacturer, dataset.SOPClassUID, dataset.SeriesInstanceUID = maker.name, MRImageStorage, series_uid
    dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = f"{series_uid}.0.1", f"{series_uid}.0.2"
    dataset.PixelData = bytes(2 * dataset.Rows * dataset.Columns)
    dataset["PixelData"].VR = "OW"
    for tag, items in maker.sequences.items():
        _add_sequence(dataset, tag, [_reference(number) for number in range(items)], maker.undefined)
    for group, content in maker.groups.items():
        _add_group(dataset, group, content, maker.undefined)
    return dataset


def _add_group(dataset: Dataset, group: int, content: Group, undefined: bool) -> None:
    dataset.add_new((group, 0x0010), "LO", content.creator)
    number = 0x1001
    representations = itertools.cycle(content.representations.split())
    for _ in range(content.elements):
        representation = next(representations)
        dataset.add_new((group, number), representation, VALUES[representation])
        number += 1
    for length in content.long:
        dataset.add_new((group, number), "OB", bytes(index * 7 % 256 for index in range(length)))
        number += 1
    for items, elements in content.sequences:
        inside = []
        for _ in range(items):
            item = Dataset()
            _add_group(item, group, Group(content.creator, elements, content.representations), undefined)
            inside.append(item)
        _add_sequence(dataset, group << 16 | number, inside, undefined)
        number += 1


def _reference(number: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = MRImageStorage, f"1.2.840.999.{number + 1}"
    return item


def _add_sequence(dataset: Dataset, tag: int, items: list[Dataset], undefined: bool) -> None:
    for item in items:
        item.is_undefined_length_sequence_item = undefined
    dataset.add_new(tag, "SQ", Sequence(items))
    dataset[tag].is_undefined_length = undefined
