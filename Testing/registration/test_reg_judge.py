"""What the one judge makes of signs, images and landmarks together; see also the scene's test of equal verdicts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from auditpairs import REGISTERED_FRAME, Deformation, picture, source_image, waves
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.findings.about import about_node
from DicomRegInspectorLib.registration import Mapping
from DicomRegInspectorLib.registration.audit.scalar_image import ScalarImage
from DicomRegInspectorLib.registration.file.fiducials import Landmark
from DicomRegInspectorLib.tasks.judge import Judges, JudgingImage, judge
from DicomRegInspectorLib.tasks.named_mapping import NamedMapping
from DicomRegInspectorLib.tasks.relations import slices_of_lattice

PLAIN = Deformation(np.eye(4), np.eye(4))


def judging(image: ScalarImage, name: str) -> JudgingImage:
    slices = slices_of_lattice(name, image.frame_uid, image.index_to_lps, image.dimensions)
    return JudgingImage(slices, image, "CT")


@pytest.fixture
def suspect(tmp_path: Path) -> NamedMapping:
    """A field in mm of a system that is known for voxels."""
    return NamedMapping(PLAIN.write(tmp_path / "reg.dcm").mapping, about_node("field"), origin=("ImSimQA",))


def units(suspect: NamedMapping, judges: Judges) -> list[str]:
    return [finding.severity for finding in judge(suspect, judges).findings if finding.code == "reg-units-suspect"]


def test_signs_of_voxels_stand_until_the_images_decide(suspect: NamedMapping) -> None:
    meant = PLAIN.meant("standard")
    fixed = judging(picture(lambda p: waves(meant(p)), frame=REGISTERED_FRAME), "fixed")
    noise = source_image()
    noise = ScalarImage(np.random.default_rng(1).normal(size=noise.array.shape), noise.index_to_lps, noise.frame_uid)
    assert units(suspect, Judges()) == ["info"]
    assert units(suspect, Judges(fixed, judging(noise, "noise"))) == ["info"], "noise decides nothing"
    assert units(suspect, Judges(fixed, judging(source_image(), "moving"))) == [], "the images say mm"


def test_one_image_is_enough_for_frames_and_coverage_but_not_for_an_audit(suspect: NamedMapping) -> None:
    beyond = np.diag([2.0, 2.0, 2.0, 1.0])
    beyond[:3, 3] = (0, 0, 400)
    subject = NamedMapping(suspect.mapping, about_node("field"), frames=("1.2.3", "1.2.4"))
    judgement = judge(subject, Judges(JudgingImage(slices_of_lattice("image", "1.2.9", beyond, (5, 5, 5)))))
    assert judgement.audit is None
    found = {finding.code: finding for finding in judgement.findings}
    assert found["reg-frame-unknown"].evidence["frame_of_reference_uid"] == "1.2.3"
    assert found["reg-grid-does-not-cover"].evidence["outside_percent"] == 100
    assert found["reg-grid-does-not-cover"].evidence["slices_outside"] == [1, 2, 3, 4, 5]


def test_landmarks_that_cannot_be_paired_are_refused_before_anything_is_measured(suspect: NamedMapping) -> None:
    steps: list[str] = []
    landmarks = ([Landmark("a", (0, 0, 0))], [])
    with pytest.raises(UsageError):
        judge(suspect, Judges(landmarks=landmarks), lambda done, total, text: steps.append(text) or True)
    assert steps == []


def test_a_mirroring_matrix_is_not_told_to_fold_nowhere() -> None:
    judgement = judge(NamedMapping(Mapping(matrix=np.diag([-1.0, 1, 1, 1])), about_node("mirror")), Judges())
    (folding,) = [measure for measure in judgement.quality.measures if measure.name.startswith("folded")]
    assert folding.told == "everywhere: it mirrors or flattens"
    assert folding.rows[0].shown == (100, "%")
