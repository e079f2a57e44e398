"""The audit on a real CT pair whose registration another program wrote, as it is and rewritten wrongly."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from auditpairs import UNRELATED, audit_item, inverse_field, series_image, unrelated
from DicomRegInspectorLib.findings.about import about_node
from DicomRegInspectorLib.registration import read_registration

POINTS = 5000


@pytest.fixture(scope="module")
def pair(deformable_pair: Path):
    return series_image(deformable_pair / "fixed"), series_image(deformable_pair / "moving")


@lru_cache(maxsize=1)
def stored_grid(place: Path) -> rf.GridSpec:
    """The grid of the plastimatch object, by pydicom."""
    import pydicom

    item = pydicom.dcmread(place / "registration.dcm").DeformableRegistrationSequence[0]
    grid = item.DeformableRegistrationGridSequence[0]
    nx, ny, nz = grid.GridDimensions
    return rf.GridSpec(
        np.frombuffer(grid.VectorGridData, "<f4").reshape(nz, ny, nx, 3),
        tuple(map(float, grid.GridResolution)),
        tuple(map(float, grid.ImagePositionPatient)),
        tuple(map(float, grid.ImageOrientationPatient)),
    )


def rewritten(path: Path, stored: rf.GridSpec, vectors: np.ndarray):
    grid = rf.GridSpec(vectors.astype(np.float32), stored.spacing, stored.origin, stored.orientation)
    return read_registration(rf.write(path, rf.RegistrationSpec((rf.DeformableItem(grid),)))).items[0]


@pytest.mark.parametrize("same_modality", [True, False, None])
def test_the_object_as_it_is_follows_the_standard_by_a_clear_margin(deformable_pair: Path, pair, same_modality) -> None:
    (item,) = read_registration(deformable_pair / "registration.dcm").items
    result = audit_item(item, *pair, same_modality=same_modality)
    assert result.verdict == "standard"
    assert result.margin_ci95[0] > (0.05 if same_modality else 0.3)
    assert result.best.ncc > 0.97
    assert result.findings(about_node("item 1")) == ()
    assert result.notes == ()
    same = {reading.hypothesis for reading in result.ranking if reading.same_as == "standard"}
    assert same == {"matrices-ignored", "matrices-swapped"}


@lru_cache(maxsize=1)
def stored_reversed(place: Path) -> np.ndarray:
    grid = stored_grid(place)
    return inverse_field(grid.vectors, np.array(grid.spacing))


MISTAKES = {
    "voxel-units": lambda place: stored_grid(place).vectors / np.array(stored_grid(place).spacing),
    "reversed": stored_reversed,
    "axis-signs": lambda place: stored_grid(place).vectors * [-1, -1, 1],
}
CODES = {
    "voxel-units": "reg-units-suspect",
    "reversed": "reg-direction-suspect",
    "axis-signs": "reg-axis-signs-suspect",
}


@pytest.mark.parametrize("same_modality", [True, None])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_way_of_writing_it_wrongly_is_told(
    tmp_path: Path, deformable_pair: Path, pair, mistake: str, same_modality
) -> None:
    stored = stored_grid(deformable_pair)
    item = rewritten(tmp_path / "reg.dcm", stored, MISTAKES[mistake](deformable_pair))
    result = audit_item(item, *pair, same_modality=same_modality, points=POINTS)
    assert result.verdict == mistake, result.sentence
    assert result.margin_ci95[0] > 0.03
    (finding,) = result.findings(item.subject)
    assert (finding.code, finding.severity, finding.subject) == (CODES[mistake], "error", "item 1 of reg.dcm")
    assert finding.evidence["ranking"][0]["hypothesis"] == mistake


@pytest.mark.parametrize("seed", range(4))
def test_the_verdict_does_not_hang_on_the_seed(deformable_pair: Path, pair, seed: int) -> None:
    (item,) = read_registration(deformable_pair / "registration.dcm").items
    result = audit_item(item, *pair, same_modality=True, points=2000, seed=seed)
    assert result.verdict == "standard"
    assert result.margin == pytest.approx(0.127, abs=0.03)


def test_images_that_agree_without_the_deformation_say_so(deformable_pair: Path, pair) -> None:
    (item,) = read_registration(deformable_pair / "registration.dcm").items
    result = audit_item(item, pair[0], pair[0], same_modality=True, points=POINTS)
    assert result.verdict == "identity"
    assert [finding.code for finding in result.findings(about_node("x"))] == ["reg-deformation-suspect"]


def test_exchanged_images_are_told_as_reversed_with_their_frames_named(deformable_pair: Path, pair) -> None:
    (item,) = read_registration(deformable_pair / "registration.dcm").items
    result = audit_item(item, pair[1], pair[0], same_modality=True, points=POINTS)
    assert result.verdict == "reversed"
    assert "exchanged" in result.reason
    assert len(result.notes) == 2


@pytest.mark.parametrize("same_modality", [True, False])
@pytest.mark.parametrize("kind", UNRELATED)
def test_unrelated_images_decide_nothing(
    deformable_pair: Path, tilted_irregular_ct: Path, pair, kind: str, same_modality: bool
) -> None:
    (item,) = read_registration(deformable_pair / "registration.dcm").items
    image = unrelated(kind, pair, tilted_irregular_ct)
    result = audit_item(item, pair[0], image, same_modality=same_modality, points=POINTS)
    assert result.verdict == "undecided", result.sentence
    (finding,) = result.findings(about_node("item 1"))
    assert (finding.code, finding.severity) == ("reg-audit-undecided", "info")
    assert finding.message.startswith("It cannot be decided")
