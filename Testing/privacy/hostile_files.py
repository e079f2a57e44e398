"""A folder whose files have the patient's name, ID and birth date in every text element there is."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import pydicom
from dicom_objects import REGISTERED, SOURCE, data, new_object, rigid, save, write_fiducials, write_linear

from dicom_objects import write_matrices, write_slice  # isort: skip
from pydicom import Dataset
from pydicom.datadict import DicomDictionary
from pydicom.tag import Tag

_KEPT = {
    "SpecificCharacterSet", "Modality", "PhotometricInterpretation", "ImageType", "PatientName", "PatientID",
    "PatientBirthDate", "FrameOfReferenceTransformationMatrixType", "ShapeType",
}  # fmt: skip
"""What says who it is, and how to read the rest."""
_TEXT = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10_240, "UT": 2_000, "UC": 2_000, "PN": 64, "AE": 16, "CS": 16}
"""Text representations, with the most characters they may have (PS3.5 section 6.2)."""


@dataclass(frozen=True)
class Person:
    """A patient, how the files write the name, and what nobody may find."""

    name: str
    """As Patient's Name has it."""
    character_sets: tuple[str, ...]
    spellings: tuple[str, ...]
    """Ways to write the name inside other text."""
    tokens: tuple[str, ...]
    """What must not be found."""
    number: str = "QX-4711-83"
    birth_date: str = "19561203"

    @property
    def numbers(self) -> tuple[str, ...]:
        """Ways to write ID and birth date."""
        return (
            self.number,
            "QX471183",
            f"id {self.number.lower()}",
            "19561203",
            "03.12.1956",
            "1956-12-03",
            "3 Dec 1956",
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that must not be found."""
        return (*self.tokens, "4711-83", "471183", "19561203", "03.12.1956", "1956-12-03")


PEOPLE = {
    "plain": Person(
        "Wintersteen^Ludmilla^K", ("",),
        ("WINTERSTEEN_LUDMILLA_THORAX", "ludmilla wintersteen", "Wintersteen^Ludmilla", "WintersteenLudmilla",
         "Head-Wintersteen", "lwintersteen", "ROI wintersteen 2"),
        ("wintersteen", "ludmilla"),
    ),
    "latin": Person(
        "Müßiggäng-Łobos^Jürgen", ("ISO_IR 192",),
        ("MÜSSIGGÄNG thorax", "Muessiggaeng", "Jürgen_Müßiggäng", "lobos 1", "juergen", "JURGEN"),
        ("müßiggäng", "müssiggäng", "muessiggaeng", "mussiggang", "jürgen", "jurgen", "juergen", "łobos", "lobos"),
    ),
    "western": Person(
        "Bäckström^Göran", ("ISO_IR 100",), ("BÄCKSTRÖM GÖRAN", "göran_bäckström", "Backstrom"),
        ("bäckström", "backstrom", "göran", "goran"),
    ),
    "japanese": Person(
        "Yamakawa^Hanako=山河^花子=やまかわ^はなこ", ("", "ISO 2022 IR 87"),
        ("山河花子", "胸部 山河 CT", "yamakawa_hanako", "HANAKO"),
        ("yamakawa", "hanako", "山河", "花子", "やまかわ", "はなこ"),
    ),
    "korean": Person(
        "Hwangbo^Gildong=皇甫^吉洞=황보^길동", ("", "ISO 2022 IR 149"),
        ("황보길동", "길동 흉부", "hwangbo gildong"), ("hwangbo", "gildong", "황보", "길동"),
    ),
    "chinese": Person(
        "Zhuge^Xiaodong=诸葛^小东", ("GB18030",), ("诸葛小东胸部", "小东", "ZHUGE xiaodong"),
        ("zhuge", "xiaodong", "诸葛", "小东"),
    ),
}  # fmt: skip

LANDMARKS = [(0.0, 10.0, 20.0), (5.0, -10.0, 25.0), (-5.0, 0.0, 30.0), (8.0, 8.0, 22.0)]
SERIES = ("1.2.826.0.1.3680043.8.498.31", "1.2.826.0.1.3680043.8.498.32")


def write_folder(folder: Path, person: Person) -> Path:
    """Two irregular series, registrations of all three classes, a structure set and a report; poisoned all over."""
    folder.mkdir()
    for number, (series, frame) in enumerate(zip(SERIES, (REGISTERED, SOURCE), strict=True)):
        (folder / f"images-{number}").mkdir()
        for k, position in enumerate((0, 2, 4, 4, 8, 14)):
            pixels = np.random.default_rng(k).integers(0, 900, 256, dtype=np.uint16).tobytes()
            write_slice(
                folder / f"images-{number}" / f"{k}.dcm", position, series, FrameOfReferenceUID=frame, Rows=16,
                Columns=16, PixelData=pixels, InstanceNumber=k + 1, RescaleSlope="1", RescaleIntercept="-100",
            )  # fmt: skip
    write_linear(folder / "field.dcm", rigid(2, (1, 2, 3)))
    write_matrices(folder / "matrix.dcm", {SOURCE: rigid(5, (1, 2, 3)), REGISTERED: np.eye(4)})
    write_fiducials(folder / "points.dcm", ["A", "B", "C", "D"], LANDMARKS)
    structures = new_object("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT", FrameOfReferenceUID=REGISTERED)
    matrix = [f"{value:g}" for value in np.eye(4).ravel()]
    related = data(RelatedFrameOfReferenceUID=SOURCE, FrameOfReferenceTransformationMatrix=matrix)
    structures.ReferencedFrameOfReferenceSequence = [
        data(FrameOfReferenceUID=REGISTERED, FrameOfReferenceRelationshipSequence=[related])
    ]
    structures.StructureSetROISequence = [data(ROINumber=1, ReferencedFrameOfReferenceUID=REGISTERED)]
    save(structures, folder / "structures.dcm")
    save(new_object("1.2.840.10008.5.1.4.1.1.88.11", "SR"), folder / "report.dcm")
    for number, path in enumerate(sorted(folder.rglob("*.dcm"))):
        poison(path, person, number)
    # What is no number is quoted, and so is what is no type of a matrix.
    quote(folder / "images-1" / "3.dcm", person, SliceThickness=f"{person.tokens[0]} 2".encode())
    quote(folder / "images-1" / "2.dcm", person, ImagePositionPatient=f"{person.number}".encode())
    matrices = pydicom.dcmread(folder / "matrix.dcm")
    sequence = matrices.RegistrationSequence[0].MatrixRegistrationSequence[0].MatrixSequence
    sequence[0].FrameOfReferenceTransformationMatrixType = next(
        token.upper() for token in person.tokens if token.isascii()
    )
    matrices.save_as(folder / "matrix.dcm")
    return folder


def poison(path: Path, person: Person, number: int) -> None:
    """Write name, ID and birth date into every text element of the top level and of every item."""
    dataset = pydicom.dcmread(path)
    dataset.SpecificCharacterSet = (
        list(person.character_sets) if len(person.character_sets) > 1 else person.character_sets[0]
    )
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = person.name, person.number, person.birth_date
    words = cycle([*person.spellings, *person.numbers])
    for _ in range(number):
        next(words)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _fill(dataset, words)
        for item in _items(dataset):
            _fill_item(item, words)
        dataset.save_as(path)


def _fill(dataset: Dataset, words: cycle[str]) -> None:
    for tag, (vr, multiplicity, _, retired, keyword) in DicomDictionary.items():
        group, element = tag >> 16, tag & 0xFFFF
        if vr not in _TEXT or retired or keyword in _KEPT or group in (0, 2, 4) or group >= 0x5000 or not element:
            continue
        text = next(words)
        while vr in ("AE", "CS") and not text.isascii():
            text = next(words)
        longest = _TEXT[vr]
        if len(text) > longest:
            text = text[:longest]
        dataset.add_new(Tag(tag), vr, text if multiplicity[0] == "1" else [text] * int(multiplicity[0]))
    private = dataset.private_block(0x0011, next(words)[:16], create=True)
    private.add_new(1, "LO", next(words))
    private.add_new(2, "UT", next(words))
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", dataset.BodyPartExamined]


def _fill_item(item: Dataset, words: cycle[str]) -> None:
    for keyword in ("FiducialDescription", "FiducialSetDescription", "ROIName", "ROIDescription", "CodeMeaning"):
        setattr(item, keyword, next(words))
    if "FiducialIdentifier" in item:
        item.FiducialIdentifier = f"{item.FiducialIdentifier} {next(words)}"[:16]
    if "FrameOfReferenceTransformationMatrix" in item:
        item.FrameOfReferenceTransformationMatrixType = "RIGID"
        item.FrameOfReferenceTransformationComment = next(words)


def _items(dataset: Dataset) -> Iterator[Dataset]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield item
                yield from _items(item)


def quote(path: Path, person: Person, **values: bytes) -> None:
    """Write bytes that are no numbers where numbers belong."""
    dataset = pydicom.dcmread(path)
    for keyword, value in values.items():
        tag = pydicom.datadict.tag_for_keyword(keyword)
        element = pydicom.dataelem.RawDataElement(Tag(tag), "DS", len(value), value, 0, False, True)
        dataset[Tag(tag)] = element
    dataset.save_as(path)


def found_in(content: bytes, person: Person) -> list[str]:
    """Which secrets stand in bytes, in any encoding that text is written in, whatever the case."""
    lowered = content.lower()
    texts = {
        encoding: content.decode(encoding, "replace").casefold()
        for encoding in ("utf-8", "latin-1", "utf-16-le", "gb18030", "iso2022_jp", "euc_kr", "shift_jis")
    }
    found = []
    for secret in person.secrets:
        plain = secret.casefold()
        escaped = json.dumps(plain)[1:-1].encode("ascii")
        entities = "".join(f"&#{ord(letter)};" if ord(letter) > 127 else letter for letter in plain).encode("ascii")
        if any(plain in text for text in texts.values()) or escaped in lowered or entities in lowered:
            found.append(secret)
    return found
