"""Frames of reference of registrations against those of the series beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib.registration import Registration
from DicomRegInspectorLib.tasks.inspect import inspect_paths
from DicomRegInspectorLib.tasks.relations import near_misses, relation_findings
from relatives import REGISTERED, SOURCE, Images, codes, registration, series_of

SMALL = rf.DeformableItem(rf.GridSpec(rf.smooth_vectors((30, 30, 20)), (4.0, 4.0, 4.0), (-20.0, -20.0, -20.0)))


@pytest.fixture
def deformable(tmp_path: Path) -> Registration:
    return registration(tmp_path / "reg.dcm", SMALL)


def unknown(found) -> dict[str, dict]:
    return {one.evidence["role"]: one.evidence for one in found if one.code == "reg-frame-unknown"}


def test_two_series_in_the_two_frames_leave_nothing_to_say(deformable: Registration) -> None:
    series = series_of(Images(REGISTERED), Images(SOURCE, series="1.2.3.1"))
    assert codes(relation_findings([deformable], series)) == []


@pytest.mark.parametrize(
    ("there", "missing", "frame"), [(SOURCE, "registered", REGISTERED), (REGISTERED, "source", SOURCE)]
)
def test_the_frame_that_no_series_has_is_named_with_its_role(
    deformable: Registration, there: str, missing: str, frame: str
) -> None:
    found = relation_findings([deformable], series_of(Images(there)))
    (finding,) = [one for one in found if one.code == "reg-frame-unknown"]
    assert finding.severity == "warning"
    assert finding.evidence["role"] == missing
    assert finding.evidence["frame_of_reference_uid"] == frame
    assert finding.evidence["frames_of_series"] == [there]
    assert frame in finding.message
    assert missing in finding.message
    assert finding.subject == "item 1 of reg.dcm"


def test_without_series_nothing_is_judged(deformable: Registration) -> None:
    assert relation_findings([deformable], []) == []


def test_series_that_lie_nowhere_are_nothing_to_judge_by(deformable: Registration) -> None:
    from DicomRegInspectorLib.series import inspect_series
    from series_making import header

    series = inspect_series([header(None, None, FRAME_OF_REFERENCE_UID="1.9.9")])
    assert relation_findings([deformable], series) == []


def test_localizers_alone_are_nothing_to_judge_by(deformable: Registration) -> None:
    series = series_of(Images("1.9.9", image_type="ORIGINAL\\PRIMARY\\LOCALIZER"))
    assert relation_findings([deformable], series) == []


@pytest.mark.parametrize("items", [(rf.MatrixItem((rf.rigid((0, 0, 0.1), (1, 2, 3)),)),)])
def test_matrix_items_have_frames_too(tmp_path: Path, items) -> None:
    found = relation_findings([registration(tmp_path / "reg.dcm", *items)], series_of(Images("1.7.7")))
    assert set(unknown(found)) == {"registered", "source"}


def test_every_item_is_looked_at(tmp_path: Path) -> None:
    items = [rf.MatrixItem((np.eye(4),), frame=frame) for frame in (REGISTERED, "1.8.1", "1.8.2")]
    found = relation_findings([registration(tmp_path / "reg.dcm", *items)], series_of(Images(REGISTERED)))
    assert [(one.subject, one.evidence["frame_of_reference_uid"]) for one in found] == [
        ("item 2 of reg.dcm", "1.8.1"),
        ("item 3 of reg.dcm", "1.8.2"),
    ]


# ---- Near misses

LONG = "1.2.840.113619.2.55.3.604688119.868.1420448876.345"


@pytest.mark.parametrize(
    "near",
    [
        LONG[:-1] + "6",  # the last digit
        LONG + ".1",  # one component more
        "1.2.840.113619.2.55.3.604688119.868.1420448876.9",  # the last component
        LONG[:-2],  # cut off
    ],
)
def test_uids_that_nearly_match_are_named(tmp_path: Path, near: str) -> None:
    deformable = registration(tmp_path / "reg.dcm", SMALL, frame_uid=LONG)
    series = series_of(Images(near), Images("1.2.276.0.7230010.3.1.4.1", series="1.2.3.1"))
    found = relation_findings([deformable], series)
    assert unknown(found)["registered"]["near_misses"] == [near]
    (finding,) = [one for one in found if one.evidence.get("role") == "registered"]
    assert near in finding.message


@pytest.mark.parametrize(
    ("uid", "other"),
    [
        ("1.2.3.4.5.6", "1.3.6.1.4.1.14519.5.2.1"),
        (LONG, "1.2.840.113619.2.55.3.1.1.1"),
        # UIDs made of random numbers share their root with all others of their maker: that says nothing.
        ("2.25.329800735698586629295641978511506172918", "2.25.113059749145936325402354257176981405696"),
        (
            "1.2.826.0.1.3680043.8.498.42033113178384910251341519414107529241",
            "1.2.826.0.1.3680043.8.498.90313442174412871253019442134431130582",
        ),
        ("12345", "54321"),
    ],
)
def test_uids_that_have_nothing_to_do_with_each_other_are_no_near_misses(uid: str, other: str) -> None:
    assert near_misses(uid, [other]) == []


def test_a_random_uid_with_a_slip_at_its_end_is_a_near_miss() -> None:
    uid = "2.25.329800735698586629295641978511506172918"
    assert near_misses(uid, [uid[:-1] + "9", uid[:-1]]) == [uid[:-1], uid[:-1] + "9"]


# ---- UIDs taken for others


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (Images("1.7.7", series=REGISTERED), "Series Instance UID (0020,000E)"),
        (Images("1.7.7", study=REGISTERED), "Study Instance UID (0020,000D)"),
    ],
)
def test_a_uid_of_another_kind_is_told(deformable: Registration, images: Images, says: str) -> None:
    found = relation_findings([deformable], series_of(images))
    (finding,) = [one for one in found if one.evidence.get("role") == "registered"]
    assert says in finding.message
    (other,) = [one for one in found if one.evidence.get("role") == "source"]
    assert says not in other.message


# ---- In an inspection


def test_an_inspection_tells_frames_coverage_and_all(deformable_pair: Path, tmp_path: Path) -> None:
    folder = deformable_pair
    whole = inspect_paths([folder])
    assert not {"reg-frame-unknown", "reg-grid-does-not-cover", "reg-double-application"} & set(codes(whole.findings))
    part = inspect_paths([folder / "registration.dcm", folder / "fixed"])
    (finding,) = [one for one in part.findings if one.code == "reg-frame-unknown"]
    pydicom = pytest.importorskip("pydicom")
    header = pydicom.dcmread(next((folder / "moving").iterdir()), stop_before_pixels=True)
    assert finding.evidence["frame_of_reference_uid"] == header.FrameOfReferenceUID


def test_frame_that_only_a_localizer_has_is_said_to_be_ignored(deformable: Registration) -> None:
    localizer = series_of(Images(REGISTERED, image_type="ORIGINAL\\PRIMARY\\LOCALIZER", series="1.2.3.7"))
    others = series_of(Images("1.9.9", series="1.2.3.8"))
    (found, source) = [
        one for one in relation_findings([deformable], [*localizer, *others]) if one.code == "reg-frame-unknown"
    ]
    assert found.evidence["role"] == "registered"
    assert "Only localizers have it; they are ignored" in found.message
    assert "localizer" not in source.message
