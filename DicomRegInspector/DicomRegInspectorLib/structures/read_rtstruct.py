"""RT Structure Sets (PS3.3 A.19): names, types and colours of structures, and their contours."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..dicom.dataset import open_dataset
from ..dicom.element_head import ElementHead
from ..dicom.element_walk import ElementWalk
from ..dicom.identity import identities_in
from ..dicom.tags import (
    FRAME_OF_REFERENCE_UID,
    REFERENCED_SOP_CLASS_UID,
    REFERENCED_SOP_INSTANCE_UID,
    SERIES_INSTANCE_UID,
    SOP_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
    STUDY_INSTANCE_UID,
)
from ..dicom.values import numbers, text
from ..dicom.wanted_elements import Element, Items, read_elements
from ..errors import FileError
from ..findings import Finding
from ..findings.about import Subject, about_file
from ..privacy import Identities
from ..registration.file.write.dicom_object import Reference
from ..words import plural
from .contour_data import CONTOUR_DATA, points_of
from .model import CLOSED_TYPES, GEOMETRIC_TYPES, LEAST_POINTS, Contour
from .planes import usual_interval
from .structure import Structure, StructureSet

RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
_LABEL, _FRAMES, _STUDIES, _SERIES, _IMAGES = 0x30060002, 0x30060010, 0x30060012, 0x30060014, 0x30060016
_ROIS, _NUMBER, _ROI_FRAME, _NAME, _DESCRIPTION = 0x30060020, 0x30060022, 0x30060024, 0x30060026, 0x30060028
_COLOUR, _ALGORITHM, _ROI_CONTOURS, _CONTOURS = 0x3006002A, 0x30060036, 0x30060039, 0x30060040
_TYPE, _COUNT, _OBSERVATIONS, _REFERENCED_ROI = 0x30060042, 0x30060046, 0x30060080, 0x30060084
_INTERPRETED = 0x300600A4
_BESIDE_CONTOURS = frozenset(
    [SPECIFIC_CHARACTER_SET, SOP_INSTANCE_UID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, FRAME_OF_REFERENCE_UID]
    + [_LABEL, _FRAMES, _STUDIES, _SERIES, _IMAGES, REFERENCED_SOP_INSTANCE_UID, _ROIS, _NUMBER, _ROI_FRAME, _NAME]
    + [_DESCRIPTION, _ALGORITHM, _OBSERVATIONS, _REFERENCED_ROI, _INTERPRETED]
)
_OF_IMAGE = (REFERENCED_SOP_CLASS_UID, REFERENCED_SOP_INSTANCE_UID)
_OF_CONTOUR = frozenset([_IMAGES, _TYPE, _COUNT, CONTOUR_DATA])
_OF_ROI = frozenset([_COLOUR, _CONTOURS, _REFERENCED_ROI])
_SHORT = 128
_MOST_SAID = 3


@dataclass
class _Drawn:
    """What ROI Contour Sequence (3006,0039) holds of one structure, and what could not be used of it."""

    colour: tuple[int, int, int] | None = None
    contours: list[Contour] = field(default_factory=list)
    count: int = 0
    wrong: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    first_wrong: int = 0
    said: list[str] = field(default_factory=list)
    count_disagrees: int = 0

    def leave_out(self, reason: str, sentence: str) -> None:
        """Note a contour that is not used."""
        self.wrong[reason] += 1
        self.first_wrong = self.first_wrong or self.count
        if len(self.said) < _MOST_SAID:
            self.said.append(f"contour {self.count}: {sentence}")


def read_rtstruct(path: str | PathLike[str]) -> StructureSet:
    """Read an RT Structure Set of any encoding; contours that cannot be used are findings, and left out.

    Raises
    ------
    FileError
        When the file cannot be read, or has no structures.
    """
    path = os.fspath(path)
    root = read_elements(Path(path), _BESIDE_CONTOURS, lists={_IMAGES: _OF_IMAGE}).root
    rois = root.sequence(_ROIS)
    if not rois:
        raise FileError(path, "has no Structure Set ROI Sequence (3006,0020): it holds no structures.")
    identities = identities_in(path)
    character_set = root.get(SPECIFIC_CHARACTER_SET)
    drawn = _read_contours(path)
    types = {_whole(item.get(_REFERENCED_ROI)): text(item.get(_INTERPRETED)) for item in root.sequence(_OBSERVATIONS)}
    structures = []
    findings: list[Finding] = []
    numbered = Counter(_whole(roi.get(_NUMBER)) for roi in rois)
    for number in [number for number, count in numbered.items() if count > 1 and number in drawn]:
        rest = drawn.pop(number)
        sentence = f"ROI Number (3006,0022) {number} is that of {numbered[number]} structures, and nothing else tells "
        sentence += "whose the contours of ROI Contour Sequence (3006,0039) are"
        findings.append(_left_out(path, "", number or 0, {"contours": rest.count, "of_contours": rest.count}, sentence))
    for roi in rois:
        number = _whole(roi.get(_NUMBER))
        if number is None:
            raise FileError(path, "holds an item of Structure Set ROI Sequence (3006,0020) without ROI Number.")
        own = drawn.pop(number, _Drawn())
        structure = _structure(roi, number, own, types.get(number, ""), character_set, identities)
        structures.append(structure)
        findings.extend(_findings(path, structure, own))
    for number, rest in drawn.items():
        sentence = f"ROI Contour Sequence (3006,0039) has contours of ROI Number {number}, which no structure has"
        findings.append(_left_out(path, "", number or 0, {"contours": rest.count, "of_contours": rest.count}, sentence))
    frames = {structure.frame_uid for structure in structures} - {""}
    own_frames = {text(frame.get(FRAME_OF_REFERENCE_UID)) for frame in root.sequence(_FRAMES)} - {""}
    frame = frames or own_frames or {text(root.get(FRAME_OF_REFERENCE_UID))}
    return StructureSet(
        path,
        _with_spacing(tuple(structures)),
        frame.pop() if len(frame) == 1 else "",
        identities.masked(text(root.get(_LABEL), character_set)),
        RT_STRUCTURE_SET,
        text(root.get(SOP_INSTANCE_UID)),
        text(root.get(STUDY_INSTANCE_UID)),
        _references(root),
        tuple(findings),
    )


def _structure(
    roi: Items, number: int, drawn: _Drawn, kind: str, character_set: Element | None, identities: Identities
) -> Structure:
    name = text(roi.get(_NAME), character_set)
    return Structure(
        number,
        identities.masked(name) or f"ROI {number}",
        tuple(drawn.contours),
        colour=drawn.colour,
        interpreted_type=kind,
        generation_algorithm=text(roi.get(_ALGORITHM)),
        description=text(roi.get(_DESCRIPTION), character_set),
        written_name=name,
        frame_uid=text(roi.get(_ROI_FRAME)),
    )


def _whole(element: Element | None) -> int | None:
    found = numbers(element) if element is not None else None
    return int(found[0]) if found and np.isfinite(found[0]) else None


def _references(root: Items) -> tuple[Reference, ...]:
    """The images of Referenced Frame of Reference Sequence (3006,0010)."""
    found: dict[Reference, None] = {}
    for frame in root.sequence(_FRAMES):
        for study in frame.sequence(_STUDIES):
            study_uid = text(study.get(REFERENCED_SOP_INSTANCE_UID))
            for series in study.sequence(_SERIES):
                images = series.get(_IMAGES)
                for class_uid, instance_uid in (images.listed or []) if images is not None else []:
                    uids = (_uid(class_uid), _uid(instance_uid))
                    found[Reference(*uids, text(series.get(SERIES_INSTANCE_UID)), study_uid)] = None
    return tuple(found)


def _uid(raw: bytes) -> str:
    return raw.decode("ascii", "replace").strip("\0 ")


def _read_contours(path: str) -> dict[int | None, _Drawn]:
    """ROI Contour Sequence (3006,0039) by Referenced ROI Number (3006,0084), which follows the contours."""
    found: dict[int | None, _Drawn] = {}
    with open_dataset(path) as dataset:
        walk = dataset.walk
        for sequence in walk.elements((_ROI_CONTOURS,), _ROI_CONTOURS):
            for _ in walk.items(sequence):
                number, drawn = _read_roi(walk)
                if number not in found:
                    found[number] = drawn
                else:
                    found[number].contours.extend(drawn.contours)
                    found[number].count += drawn.count
                    for reason, count in drawn.wrong.items():
                        found[number].wrong[reason] += count
    return found


def _read_roi(walk: ElementWalk) -> tuple[int | None, _Drawn]:
    drawn, number = _Drawn(), None
    for head in walk.elements(_OF_ROI):
        if head.tag == _CONTOURS:
            for _ in walk.items(head):
                drawn.count += 1
                _read_contour(walk, drawn)
        elif head.tag == _COLOUR:
            drawn.colour = _colour(_numbers(walk, head))
        else:
            found = _numbers(walk, head)
            number = int(found[0]) if found else None
    return number, drawn


def _numbers(walk: ElementWalk, head: ElementHead) -> list[float]:
    raw = walk.value(head, _SHORT)
    found = numbers(Element(head.tag, head.vr or "IS", head.offset, head.length, head.encoding.little, raw))
    return found if found and np.isfinite(found).all() else []


def _colour(values: list[float]) -> tuple[int, int, int] | None:
    if len(values) != 3 or not all(0 <= value <= 255 for value in values):
        return None
    red, green, blue = (int(value) for value in values)
    return red, green, blue


def _read_contour(walk: ElementWalk, drawn: _Drawn) -> None:
    """Take in the contour whose item the walk is in."""
    kind, announced, points, problem = "", None, None, "has no Contour Data (3006,0050)"
    images: tuple[tuple[str, str], ...] = ()
    for head in walk.elements(_OF_CONTOUR):
        if head.tag == _IMAGES:
            images = _images(walk, head)
        elif head.tag == _TYPE:
            kind = _uid(walk.value(head, _SHORT)).upper()
        elif head.tag == _COUNT:
            found = _numbers(walk, head)
            announced = int(found[0]) if found else None
        else:
            points, problem = points_of(walk.value(head, head.length))
    if points is None:
        drawn.leave_out("not_numbers", problem)
    elif kind not in GEOMETRIC_TYPES:
        drawn.leave_out("unknown_type", "Contour Geometric Type (3006,0042) is none of the standard's")
    elif len(points) < LEAST_POINTS.get(kind, 3):
        drawn.leave_out("few_points", f"{kind} with {plural(len(points), 'point')}")
    else:
        drawn.count_disagrees += announced != len(points)
        drawn.contours.append(Contour(_open_ended(points, kind), kind, images))


def _open_ended(points: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """A closed contour without its first point again at the end, which some writers add (PS3.3 C.8.8.6.1)."""
    repeats = kind in CLOSED_TYPES and len(points) > 3 and bool((points[0] == points[-1]).all())
    return points[:-1] if repeats else points


def _images(walk: ElementWalk, sequence: ElementHead) -> tuple[tuple[str, str], ...]:
    found = []
    for _ in walk.items(sequence):
        uids = {head.tag: _uid(walk.value(head, _SHORT)) for head in walk.elements(_OF_IMAGE)}
        found.append((uids.get(REFERENCED_SOP_CLASS_UID, ""), uids.get(REFERENCED_SOP_INSTANCE_UID, "")))
    return tuple(found)


def _with_spacing(structures: tuple[Structure, ...]) -> tuple[Structure, ...]:
    """The structures with the distance of slices that the closed contours of all of them show."""
    spacing = {
        frame: usual_interval(
            [
                [contour.points for contour in structure.contours if contour.is_closed]
                for structure in structures
                if structure.frame_uid == frame
            ]
        )
        for frame in {structure.frame_uid for structure in structures}
    }
    return tuple(replace(structure, spacing_mm=spacing[structure.frame_uid]) for structure in structures)


def _findings(path: str, structure: Structure, drawn: _Drawn) -> list[Finding]:
    findings = []
    left_out = sum(drawn.wrong.values())
    if left_out:
        counts = {"contours": left_out, "of_contours": drawn.count, "first_contour": drawn.first_wrong, **drawn.wrong}
        sentence = f"{plural(left_out, 'contour')} of {drawn.count:,} cannot be used ({'; '.join(drawn.said)})"
        findings.append(_left_out(path, structure.name, structure.number, counts, sentence))
    if drawn.count_disagrees:
        message = (
            f"{structure.name}: Number of Contour Points (3006,0046) is not that of Contour Data (3006,0050) in "
            f"{plural(drawn.count_disagrees, 'contour')}; the data count."
        )
        evidence = {"structure": structure.name, "number": structure.number, "count_disagrees": drawn.count_disagrees}
        findings.append(Finding("structure-contours-doubtful", "warning", message, _about(path), evidence))
    return findings


def _left_out(path: str, name: str, number: int, evidence: Mapping[str, int], sentence: str) -> Finding:
    message = f"{name}: {sentence}." if name else f"{sentence}."
    told: dict[str, str | int] = {"structure": name, "number": number, **evidence}
    return Finding("structure-contours-left-out", "error", message, _about(path), told)


def _about(path: str) -> Subject:
    return about_file(path, os.path.basename(path))
