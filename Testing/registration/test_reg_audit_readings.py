"""Every reading of the matrices, told on copies of both pairs; nothing is told of images without a relation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from auditpairs import UNRELATED, affine, audit_item, centres, series_image, unrelated, write_item
from DicomRegInspectorLib.findings.about import about_node
from DicomRegInspectorLib.registration import RegistrationItem, read_registration
from DicomRegInspectorLib.registration.audit import audit_mapping
from DicomRegInspectorLib.registration.audit.scalar_image import ScalarImage
from DicomRegInspectorLib.registration.mapping import Mapping
from DicomRegInspectorLib.registration.measures.bulk import bulk_motion
from DicomRegInspectorLib.samples import make_samples

POINTS = 5000
NONE = np.eye(4)
PRE, POST = rf.rigid((0.05, -0.08, 0.1), (6, -4, 9)), rf.rigid((-0.07, 0.06, 0.05), (-5, 7, -8))
BACK = {id(matrix): np.linalg.inv(matrix) for matrix in (PRE, POST)}

FAR = rf.rigid((0.1, 0.05, -0.1), (20, -35, 600))

COPIES = {
    "standard": ((PRE, POST), (PRE, POST)),
    "pre-inverted": ((PRE, NONE), (BACK[id(PRE)], NONE)),
    "post-inverted": ((NONE, POST), (NONE, BACK[id(POST)])),
    "post-inverted beside a right pre": ((PRE, POST), (PRE, BACK[id(POST)])),
    "matrices-inverted": ((PRE, POST), (BACK[id(PRE)], BACK[id(POST)])),
    "matrices-swapped": ((PRE, POST), (POST, PRE)),
    "matrices-ignored": ((PRE, POST), (NONE, NONE)),
    "600 mm away": ((NONE, FAR), (NONE, NONE)),
}
"""Verdict to the matrices that are written, pre and post, and those that the vectors beside them were made for."""


@dataclass(frozen=True)
class Pair:
    item: RegistrationItem
    fixed: ScalarImage
    moving: ScalarImage


@pytest.fixture(scope="module", params=["plastimatch", "sample"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The real pair with a registration that plastimatch wrote, and the pair of the sample data, which has a matrix."""
    if request.param == "sample":
        folder = make_samples(tmp_path_factory.mktemp("samples"), "pair")
    else:
        folder = request.getfixturevalue("deformable_pair")
    (item,) = read_registration(folder / "registration.dcm").items
    return Pair(item, series_image(folder / "fixed"), series_image(folder / "moving"))


@pytest.fixture(scope="module")
def copy_of(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., RegistrationItem]:
    """The pair's mapping on its grid again, right when its matrices are not those written but those meant."""
    grid = pair.item.grid
    nodes = centres(grid.index_to_lps, grid.dimensions)
    mapped = pair.item.map_points(nodes)
    orientation = tuple(grid.directions.T[:2].ravel())
    folder = tmp_path_factory.mktemp("copies")

    @cache
    def copied(name: str) -> RegistrationItem:
        written, meant = COPIES[name]
        vectors = affine(np.linalg.inv(meant[1]), mapped) - affine(meant[0], nodes)
        spec = rf.GridSpec(vectors.astype(np.float32), tuple(grid.spacing_mm), tuple(grid.origin_lps_mm), orientation)
        matrices = (None if matrix is NONE else matrix for matrix in written)
        return write_item(folder / f"{name}.dcm", rf.DeformableItem(spec, *matrices))

    return copied


@pytest.mark.parametrize("same_modality", [True, None])
@pytest.mark.parametrize("copy", list(COPIES)[:-1])
def test_each_reading_of_the_matrices_is_told(pair: Pair, copy_of, copy: str, same_modality) -> None:
    item = copy_of(copy)
    result = audit_item(item, pair.fixed, pair.moving, same_modality=same_modality, points=POINTS)
    assert result.verdict == copy.split()[0], result.sentence
    assert result.margin_ci95[0] > 0.03
    codes = [(finding.code, finding.severity) for finding in result.findings(item.subject)]
    assert codes == ([] if result.verdict == "standard" else [("reg-matrices-suspect", "error")])


@pytest.mark.parametrize("same_modality", [True, None])
def test_a_matrix_the_other_way_round_is_told(pair: Pair, same_modality) -> None:
    """The moving image in a frame 600 mm away, and a matrix that leads there, or was inverted."""
    moved = ScalarImage(pair.moving.array, FAR @ pair.moving.index_to_lps)
    right = FAR @ bulk_motion(pair.item.mapping, 4000).matrix
    for matrix, verdict in ((np.linalg.inv(right), "standard"), (right, "reversed")):
        result = audit_mapping(Mapping(matrix=matrix), pair.fixed, moved, same_modality=same_modality, points=POINTS)
        assert result.verdict == verdict, result.sentence


@pytest.mark.parametrize("where", ["standard", "600 mm away"])
def test_swapped_frames_are_told_wherever_they_lie(pair: Pair, copy_of, where: str) -> None:
    """The images exchanged: the grid lies over the one of the source frame, and maybe beside the other altogether."""
    item, there = (pair.item, NONE) if where == "standard" else (copy_of(where), FAR)
    moving = ScalarImage(pair.moving.array, there @ pair.moving.index_to_lps)
    result = audit_item(item, moving, pair.fixed, same_modality=True, points=POINTS)
    assert result.verdict == "reversed", result.sentence
    assert "the two frames swapped" in result.reason


@pytest.mark.parametrize("same_modality", [True, False])
@pytest.mark.parametrize("kind", UNRELATED)
def test_unrelated_images_decide_nothing_on_either_pair(
    pair: Pair, copy_of, tilted_irregular_ct: Path, kind: str, same_modality: bool
) -> None:
    image = unrelated(kind, (pair.fixed, pair.moving), tilted_irregular_ct)
    for item in (pair.item, copy_of("matrices-inverted")):
        result = audit_item(item, pair.fixed, image, same_modality=same_modality, points=POINTS)
        assert result.verdict == "undecided", result.sentence
        assert [finding.severity for finding in result.findings(about_node("item 1"))] == ["info"]


@pytest.mark.parametrize("written_mm", [-0.8, 0.0, 0.9])
def test_a_registration_right_to_a_voxel_is_not_held_against(pair: Pair, written_mm: float) -> None:
    """The moving image is 0.7 mm away; what was written is less than 2 mm off, and may lead to the other side."""
    moved = np.eye(4)
    moved[0, 3] = 0.7
    moving = ScalarImage(pair.fixed.array, moved @ pair.fixed.index_to_lps)
    back = np.eye(4)
    back[0, 3] = -written_mm
    result = audit_mapping(Mapping(matrix=back), pair.fixed, moving, same_modality=True, points=POINTS)
    assert result.verdict in ("standard", "undecided"), result.sentence
    assert not [one for one in result.findings(about_node("item 1")) if one.severity != "info"]
