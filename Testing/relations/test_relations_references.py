"""What items refer to: which images they move, and references that contradict, dangle or lead to nothing."""

from __future__ import annotations

import json
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib.registration import Registration, read_registration
from DicomRegInspectorLib.report.text.inspection_report import inspection_report
from DicomRegInspectorLib.report.text.terminal import Style
from DicomRegInspectorLib.series import Series, inspect_series
from DicomRegInspectorLib.tasks.inspect import Inspection
from DicomRegInspectorLib.tasks.item_images import ImagesAtHand, names_of
from DicomRegInspectorLib.tasks.relations import relate_items, relation_findings
from relatives import REGISTERED, SOURCE, Images, codes
from series_making import header

REFERENCED_SERIES, REFERENCED_IMAGES, REFERENCED_INSTANCES = 0x00081115, 0x00081140, 0x0008114A
OTHER_STUDIES = 0x00081200
MOVED = rf.rigid((0.0, 0.0, 0.05), (3.0, -4.0, 8.0))


def series_at_hand(*images: Images) -> list[Series]:
    """Series whose images have SOP Instance UIDs ``<series>.<number>``."""
    headers = []
    for each in images:
        for number, made in enumerate(each.headers(), 1):
            made.own[0x00080018] = f"{each.series}.{number}".encode()
            headers.append(made)
    return inspect_series(headers)


def uids(images: Images, count: int | None = None) -> list[str]:
    return [f"{images.series}.{number}" for number in range(1, (count or images.slices) + 1)]


def references(instance_uids: list[str], tag: int = REFERENCED_IMAGES) -> rf.Element:
    items = [[rf.Element(0x00081150, "UI", rf.CT_CLASS), rf.Element(0x00081155, "UI", uid)] for uid in instance_uids]
    return rf.Element(tag, "SQ", items)


def referring(
    path: Path, *items: tuple[str | None, np.ndarray, list[str] | None], top: list[rf.Element] | None = None,
    encoding: rf.Encoding = rf.EXPLICIT,
) -> Registration:  # fmt: skip
    """A Spatial Registration of items (frame, matrix, SOP Instance UIDs referred to)."""
    spec = rf.RegistrationSpec(tuple(rf.MatrixItem((matrix,), frame=frame or "") for frame, matrix, _ in items))
    elements = rf.elements_of(spec)
    if top is not None:
        elements = sorted([e for e in elements if e.tag != REFERENCED_SERIES] + top, key=lambda e: e.tag)
    written = next(element for element in elements if element.tag == rf.REGISTRATION_SEQUENCE)
    for inner, (frame, _, referred) in zip(written.value, items, strict=True):
        if frame is None:
            inner[:] = [element for element in inner if element.tag != rf.FRAME_UID]
        if referred is not None:
            inner.insert(0, references(referred))
    return read_registration(rf.write(path, elements, encoding))


def sources(registration: Registration, series: list[Series]) -> list[list[str]]:
    (relations,) = relate_items([registration], ImagesAtHand(series))
    return [names_of(relation.images.source) for relation in relations]


FIXED, MOVING = Images(series="1.2.3.1"), Images(SOURCE, series="1.2.3.2")
PHASES = [Images(series=f"1.2.3.{number}", slices=5 + number) for number in (1, 2, 3)]


def test_an_item_without_a_frame_is_complete_by_its_references(tmp_path: Path) -> None:
    registration = referring(tmp_path / "r.dcm", (REGISTERED, np.eye(4), None), (None, MOVED, uids(MOVING)))
    assert registration.findings == ()
    series = series_at_hand(FIXED, MOVING)
    assert sources(registration, series) == [["series 1"], ["series 2"]]
    assert relation_findings([registration], series) == []


def test_an_item_without_frame_and_references_is_incomplete(tmp_path: Path) -> None:
    for referred in (None, []):
        registration = referring(tmp_path / "r.dcm", (REGISTERED, np.eye(4), None), (None, MOVED, referred))
        assert codes(registration.findings) == ["reg-incomplete"]


@pytest.mark.parametrize("identity_refers", [True, False])
def test_phases_in_one_frame_are_told_apart(tmp_path: Path, identity_refers: bool) -> None:
    first, second, third = PHASES
    registration = referring(
        tmp_path / "r.dcm",
        (REGISTERED, np.eye(4), uids(first) if identity_refers else None),
        (REGISTERED, MOVED, uids(third)),
        (REGISTERED, rf.rigid((0, 0, 0), (0, 0, 8)), uids(second)),
    )
    series = series_at_hand(*PHASES)
    assert sources(registration, series) == [["series 1"], ["series 3"], ["series 2"]]
    (relations,) = relate_items([registration], ImagesAtHand(series))
    assert [names_of(relation.images.registered) for relation in relations] == [["series 1"]] * 3
    assert relation_findings([registration], series) == []
    text = inspection_report(Inspection((registration,), tuple(series), ()), Style(width=200))
    told = [line for line in text.splitlines() if "source images" in line]
    assert [re.findall(r"series \d", line) for line in told][-2:] == [
        ["series 1", "series 3"],
        ["series 1", "series 2"],
    ]
    assert len({item.moves for item in registration.items}) == 3


@pytest.mark.parametrize(
    "encoding",
    [rf.EXPLICIT, rf.Encoding("implicit-le"), rf.Encoding("explicit-be"), rf.Encoding(undefined_sequences=True)],
)
def test_references_are_read_in_every_encoding(tmp_path: Path, encoding: rf.Encoding) -> None:
    registration = referring(tmp_path / "r.dcm", (SOURCE, MOVED, uids(MOVING)), encoding=encoding)
    assert list(registration.items[0].images.instance_uids) == uids(MOVING)
    assert registration.items[0].images.words == "6 CT images"


def test_the_object_says_of_which_series_its_images_are(tmp_path: Path) -> None:
    def entry(images: Images) -> list[rf.Element]:
        return [
            references(uids(images), REFERENCED_INSTANCES),
            rf.Element(0x0020000E, "UI", images.series),
        ]

    top = [
        rf.Element(REFERENCED_SERIES, "SQ", [entry(FIXED)]),
        rf.Element(OTHER_STUDIES, "SQ", [
            [rf.Element(REFERENCED_SERIES, "SQ", [entry(MOVING)]), rf.Element(0x0020000D, "UI", "9.8.7")]
        ]),
    ]  # fmt: skip
    registration = referring(tmp_path / "r.dcm", (SOURCE, MOVED, uids(MOVING)), top=top)
    assert [(one.series_uid, one.study_uid) for one in registration.referenced_series] == [
        (FIXED.series, registration.study_uid), (MOVING.series, "9.8.7"),
    ]  # fmt: skip
    assert registration.items[0].images.series_uids == (MOVING.series,)
    assert f"of series {MOVING.series}" in registration.items[0].moves


def test_references_to_images_of_another_frame_are_told(tmp_path: Path) -> None:
    registration = referring(tmp_path / "r.dcm", (REGISTERED, np.eye(4), None), (SOURCE, MOVED, uids(FIXED)))
    (found,) = relation_findings([registration], series_at_hand(FIXED, MOVING))
    assert (found.code, found.severity, found.subject) == ("reg-reference-contradicts", "warning", "item 2 of r.dcm")
    assert found.evidence["frames_of_images"] == [REGISTERED]
    assert "series 1" in found.message


def test_references_without_a_frame_to_images_of_two_are_told(tmp_path: Path) -> None:
    registration = referring(tmp_path / "r.dcm", (None, MOVED, uids(FIXED) + uids(MOVING)))
    found = relation_findings([registration], series_at_hand(FIXED, MOVING))
    assert codes(found) == ["reg-reference-contradicts"]


def test_references_to_nothing_at_hand_are_told_with_what_lies_in_the_frame(tmp_path: Path) -> None:
    registration = referring(tmp_path / "r.dcm", (REGISTERED, np.eye(4), None), (SOURCE, MOVED, ["9.9.1", "9.9.2"]))
    (found,) = relation_findings([registration], series_at_hand(FIXED, MOVING))
    assert (found.code, found.severity) == ("reg-reference-missing", "warning")
    assert (found.evidence["referenced"], found.evidence["missing"]) == (2, 2)
    assert "series 2 lies in its frame" in found.message


def test_references_that_dangle_are_counted(tmp_path: Path) -> None:
    registration = referring(tmp_path / "r.dcm", (REGISTERED, np.eye(4), None), (SOURCE, MOVED, uids(MOVING, 9)))
    (found,) = relation_findings([registration], series_at_hand(FIXED, MOVING))
    assert (found.code, found.severity) == ("reg-reference-missing", "warning")
    assert found.evidence["sop_instance_uids"] == [f"{MOVING.series}.{number}" for number in (7, 8, 9)]


def test_an_unknown_frame_is_told_once(tmp_path: Path) -> None:
    registration = referring(tmp_path / "r.dcm", (REGISTERED, np.eye(4), None), ("9.9", MOVED, ["9.9.1"]))
    assert codes(relation_findings([registration], series_at_hand(FIXED))) == ["reg-frame-unknown"]


def test_without_image_series_nothing_is_said_of_references(tmp_path: Path) -> None:
    registration = referring(tmp_path / "r.dcm", (None, MOVED, ["9.9.1"]))
    assert relation_findings([registration], []) == []


def test_series_that_the_object_names_and_that_are_not_here_are_a_note(tmp_path: Path) -> None:
    entry = [references(["9.9.1", "9.9.2"], REFERENCED_INSTANCES), rf.Element(0x0020000E, "UI", "9.9")]
    top = [rf.Element(REFERENCED_SERIES, "SQ", [entry])]
    registration = referring(tmp_path / "r.dcm", (SOURCE, MOVED, None), (REGISTERED, np.eye(4), None), top=top)
    (found,) = relation_findings([registration], series_at_hand(FIXED, MOVING))
    assert (found.code, found.severity, found.evidence["missing"]) == ("reg-reference-missing", "info", 2)


def test_one_phase_of_a_series_with_several_is_what_moves(tmp_path: Path) -> None:
    headers = [
        header((0, 0, 4.0 * k), SOP_INSTANCE_UID=f"1.2.3.9.{phase}.{k}", FRAME_OF_REFERENCE_UID=REGISTERED,
               SERIES_INSTANCE_UID="1.2.3.9", TEMPORAL_POSITION=phase, INSTANCE_NUMBER=10 * phase + k)
        for phase in (1, 2, 3) for k in range(6)
    ]  # fmt: skip
    series = inspect_series(headers)
    assert len(series[0].stacks) == 3
    referred = [[f"1.2.3.9.{phase}.{k}" for k in range(6)] for phase in (1, 2)]
    registration = referring(tmp_path / "r.dcm", (REGISTERED, np.eye(4), referred[0]), (REGISTERED, MOVED, referred[1]))
    (relations,) = relate_items([registration], ImagesAtHand(series))
    for relation, phase in zip(relations, (1, 2), strict=True):
        (at_hand,) = relation.images.source
        assert {slice_.sop_instance_uid for slice_ in at_hand.stack.slices} == set(referred[phase - 1])
    assert names_of(relations[0].images.source) != names_of(relations[1].images.source)


def test_a_hundred_thousand_references_cost_little(tmp_path: Path) -> None:
    many = [f"1.2.826.0.1.3680043.8.498.{number:030d}" for number in range(100_000)]
    referring(tmp_path / "r.dcm", (None, MOVED, many))
    tracemalloc.start()
    registration = read_registration(tmp_path / "r.dcm")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(registration.items[0].images.instance_uids) == 100_000
    assert peak < 60e6, "as elements of a tree they took more than 90 MB"
    assert len(json.dumps(registration.to_dict())) < 10_000
