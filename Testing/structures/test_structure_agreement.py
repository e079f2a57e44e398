"""Structures of two frames through a mapping: pairs, what is carried over, and input that is odd."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import structfiles as sf
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.findings.about import about_node
from DicomRegInspectorLib.registration import Mapping
from DicomRegInspectorLib.registration.grid import grid_of_array
from DicomRegInspectorLib.registration.mapping import affine_mapping
from DicomRegInspectorLib.structures import Structure, StructureSet, Voxels, read_structures
from DicomRegInspectorLib.tasks.carried.structure_agreement import (
    JudgingStructures,
    compare_structures,
    pair_structures,
)

SPACING = np.array([1.5, 2.0, 2.5])
LATTICE = np.diag([*SPACING, 1.0])
SHAPE = (24, 28, 32)


def shift(x: float, y: float, z: float) -> Mapping:
    matrix = np.eye(4)
    matrix[:3, 3] = (x, y, z)
    return affine_mapping(matrix)


def blob(centre: tuple[float, float, float], radius: float) -> np.ndarray:
    k, j, i = np.indices(SHAPE)
    return np.square(np.stack([i, j, k], axis=-1) * SPACING - centre).sum(axis=-1) < radius**2


def segment(name: str, mask: np.ndarray, number: int = 1, lattice: np.ndarray = LATTICE) -> Structure:
    return Structure(number, name, voxels=Voxels(mask, lattice))


def set_of(*structures: Structure, frame: str = "", path: str = "set") -> StructureSet:
    return StructureSet(path, structures, frame)


def judged(fixed: Structure, moving: Structure, mapping: Mapping):
    """The only pair."""
    (pair,) = compare_structures(mapping, JudgingStructures(set_of(fixed), set_of(moving))).pairs
    return pair


FIRST, SECOND = blob((24, 26, 28), 12), blob((26, 27, 30), 11)


def test_names_pair_whatever_their_case_and_those_without_partner_are_named() -> None:
    fixed = set_of(segment("Liver", FIRST), segment("Left  lung", FIRST, 2), segment("Cord", FIRST, 3))
    moving = set_of(segment("LIVER", SECOND), segment("left lung ", SECOND, 2), segment("Rückenmark", SECOND, 3))
    pairs, unpaired, remarks = pair_structures(JudgingStructures(fixed, moving))
    assert [(first.name, second.name) for first, second in pairs] == [("Liver", "LIVER"), ("Left  lung", "left lung ")]
    assert (unpaired, remarks) == (("Cord", "Rückenmark"), ())
    pairs, unpaired, _ = pair_structures(JudgingStructures(fixed, moving, [("cord", "RÜCKENMARK")]))
    assert pairs[0][1].name == "Rückenmark"
    assert unpaired == ()


def test_structures_that_cannot_be_paired_are_refused() -> None:
    fixed, moving = set_of(segment("A", FIRST)), set_of(segment("B", SECOND))
    with pytest.raises(UsageError, match="no structure has the same name"):
        pair_structures(JudgingStructures(fixed, moving))
    with pytest.raises(UsageError, match="no structure 'C'"):
        pair_structures(JudgingStructures(fixed, moving, [("A", "C")]))
    twice, once = set_of(segment("A", FIRST), segment("a", FIRST, 2)), set_of(segment("A", FIRST))
    with pytest.raises(UsageError, match="2 structures of the registered frame are called 'A'"):
        pair_structures(JudgingStructures(twice, once))
    with pytest.raises(UsageError, match="has 2 structures called 'A'"):
        pair_structures(JudgingStructures(once, twice, [("A", "a")]))


def test_which_of_several_of_one_name_is_meant_is_never_guessed_and_the_others_are_compared() -> None:
    fixed = set_of(segment("Liver", FIRST), segment("Nodes", FIRST, 2), segment("NODES", SECOND, 3))
    moving = set_of(segment("Liver", SECOND), segment("Nodes", SECOND, 2))
    found = compare_structures(affine_mapping(np.eye(4)), JudgingStructures(fixed, moving))
    assert [pair.name for pair in found.pairs] == ["Liver"]
    assert found.unpaired == ("Nodes", "Nodes")
    assert found.remarks == ("2 structures of the registered frame are called 'Nodes': none of them was compared",)


def test_a_label_is_carried_over_as_simpleitk_resamples_it() -> None:
    sitk = pytest.importorskip("SimpleITK")
    generator = np.random.default_rng(5)
    coarse = generator.normal(0, 1.5, (6, 7, 8, 3)).astype(np.float32)
    lattice = np.diag([7.0, 9.0, 12.0, 1.0])
    lattice[:3, 3] = (-2, -3, -4)
    mapping = Mapping(np.eye(4), grid_of_array(coarse, lattice), np.eye(4))
    pair = judged(segment("a", FIRST), segment("a", SECOND), mapping)
    field = sitk.GetImageFromArray(coarse.astype(float), isVector=True)
    field.SetSpacing((7.0, 9.0, 12.0))
    field.SetOrigin((-2.0, -3.0, -4.0))
    image = sitk.GetImageFromArray(SECOND.astype(np.uint8))
    image.SetSpacing(SPACING.tolist())
    moved = sitk.Resample(image, image, sitk.DisplacementFieldTransform(field), sitk.sitkNearestNeighbor)
    theirs = sitk.GetArrayFromImage(moved).astype(bool)
    assert theirs[[0, -1]].sum() + theirs[:, [0, -1]].sum() + theirs[:, :, [0, -1]].sum() == 0
    assert pair.after.dice == pytest.approx(sf.dice(FIRST, theirs), abs=1e-12)
    assert pair.after.second_cm3 == pytest.approx(theirs.sum() * np.prod(SPACING) / 1000)
    assert pair.before.dice == pytest.approx(sf.dice(FIRST, SECOND))


def test_a_structure_brought_back_agrees_wherever_it_was() -> None:
    """Shifted by whole voxels, beyond the lattice it is compared on: nothing is cut off."""
    far = (40 * 1.5, -30 * 2.0, 50 * 2.5)
    lattice = LATTICE.copy()
    lattice[:3, 3] = far
    pair = judged(segment("a", FIRST), segment("a", FIRST, lattice=lattice), shift(*far))
    assert (pair.after.dice, pair.after.hausdorff_mm) == (1, 0)
    assert pair.before.dice == 0
    assert pair.before.centres_apart_mm == pytest.approx(np.linalg.norm(far))
    # And the other way: what is carried over lies beside, whole.
    pair = judged(segment("a", FIRST), segment("a", FIRST), shift(*far))
    assert (pair.after.dice, pair.after.second_cm3) == (0, pytest.approx(pair.fixed_cm3))
    assert pair.after.centres_apart_mm == pytest.approx(np.linalg.norm(far))
    assert pair.after.hausdorff_mm is not None


def test_an_empty_structure_is_told_and_not_dropped() -> None:
    pair = judged(segment("a", FIRST), segment("a", np.zeros(SHAPE, bool)), shift(0, 0, 0))
    assert (pair.after.dice, pair.after.mean_distance_mm) == (0, None)
    assert pair.remarks == ("empty in the source frame",)
    pair = judged(segment("a", np.zeros(SHAPE, bool)), segment("a", FIRST), shift(0, 0, 0))
    assert (pair.after.dice, pair.undefined_fraction) == (0, None)
    assert pair.remarks == ("empty in the registered frame",)


def test_a_field_that_ends_inside_a_structure_says_where_it_says_nothing() -> None:
    """The grid covers the half of the structure below its middle along x."""
    lattice = np.diag([4.0, 4.0, 4.0, 1.0])
    vectors = np.zeros((20, 20, 7, 3), np.float32)
    pair = judged(
        segment("a", FIRST), segment("a", FIRST), Mapping(np.eye(4), grid_of_array(vectors, lattice), np.eye(4))
    )
    inside = FIRST[:, :, :17]  # centres up to 24 mm, where the last node lies
    assert pair.undefined_fraction == pytest.approx(1 - inside.sum() / FIRST.sum())
    assert pair.after.second_cm3 == pytest.approx(inside.sum() * np.prod(SPACING) / 1000)
    assert "says nothing in" in pair.remarks[0]


def test_folding_is_told_for_each_structure() -> None:
    """A field that folds where x is above 30 mm: one structure lies there, one does not."""
    lattice = np.diag([2.0, 4.0, 4.0, 1.0])
    vectors = np.zeros((16, 16, 32, 3), np.float32)
    x = np.arange(32) * 2.0
    vectors[..., 0] = np.where(x > 30, -1.5 * (x - 30), 0)
    mapping = Mapping(np.eye(4), grid_of_array(vectors, lattice), np.eye(4))
    near, far = blob((14, 26, 28), 10), blob((42, 26, 28), 4)
    sets = [set_of(segment("near", near), segment("far", far, 2)) for _ in range(2)]
    pairs = {pair.name: pair for pair in compare_structures(mapping, JudgingStructures(*sets)).pairs}
    assert pairs["near"].inside.nonpositive_fraction == 0
    assert pairs["far"].inside.nonpositive_fraction == 1
    assert pairs["far"].inside.jacobian.max == pytest.approx(-0.5)


def test_contours_are_compared_with_a_label_volume_of_the_same_ball(tmp_path: Path) -> None:
    # Planes lie now here, now there in the voxels of the other: the nearest ones are off to both sides alike.
    heights = np.arange(-29.9, 31, 2.3)
    path = sf.write_rtstruct(tmp_path / "rs.dcm", [sf.Region("Ball", sf.ball(25, heights))])
    fixed = read_structures(path)
    k, j, i = np.indices((60, 60, 60)) - 29.5
    lattice = np.eye(4)
    lattice[:3, 3] = -29.5 + np.array([5, -3, 10])
    moving = set_of(segment("ball", i * i + j * j + k * k < 25**2, lattice=lattice))
    (pair,) = compare_structures(shift(5, -3, 10), JudgingStructures(fixed, moving)).pairs
    assert pair.after.dice > 0.98
    assert pair.after.mean_distance_mm < 0.6
    assert pair.after.centres_apart_mm < 0.25  # a quarter of its voxels
    assert pair.fixed_cm3 == pytest.approx(4 / 3 * np.pi * 25**3 / 1000, rel=0.01)
    assert max(pair.voxel_mm[:2]) <= 1


def test_sets_named_the_wrong_way_round_are_refused_and_other_frames_told() -> None:
    fixed, moving = set_of(segment("a", FIRST), frame="1.1"), set_of(segment("a", FIRST), frame="1.2")
    same = shift(0, 0, 0)
    assert compare_structures(same, JudgingStructures(fixed, moving), ("1.1", "1.2")).remarks == ()
    with pytest.raises(UsageError, match="other way round"):
        compare_structures(same, JudgingStructures(moving, fixed), ("1.1", "1.2"))
    (remark,) = compare_structures(same, JudgingStructures(fixed, moving), ("1.1", "1.3")).remarks
    assert "source frame are in another frame of reference (1.2)" in remark


def test_a_structure_in_a_frame_of_its_own_is_told() -> None:
    first, second = segment("Liver", FIRST), segment("Node", FIRST, 2)
    moving = set_of(replace(first, frame_uid="1.2.4"), replace(second, frame_uid="1.2.9"))
    judging = JudgingStructures(set_of(first, second, frame="1.2.3"), moving)
    (remark,) = compare_structures(shift(0, 0, 0), judging, ("1.2.3", "1.2.4")).remarks
    assert remark.startswith("Node of the source frame") and "1.2.9" in remark


def test_it_stops_when_asked_to() -> None:
    from DicomRegInspectorLib.errors import Cancelled

    sets = JudgingStructures(set_of(segment("a", FIRST)), set_of(segment("a", FIRST)))
    with pytest.raises(Cancelled):
        compare_structures(shift(0, 0, 0), sets, progress=lambda *_: False)


def test_structures_that_are_left_apart_are_a_finding_and_others_are_none() -> None:
    sets = JudgingStructures(*[set_of(segment("near", FIRST), segment("far", SECOND, 2)) for _ in range(2)])
    assert compare_structures(shift(1.5, 0, 0), sets).findings(about_node("r")) == ()
    (finding,) = compare_structures(shift(12, 0, 0), sets).findings(about_node("r"))
    assert (finding.code, finding.severity) == ("reg-structures-off", "warning")
    assert set(finding.evidence["farthest"]) == {"near", "far"}
    assert finding.evidence["mean_distance_mm"] > 3
    # What is empty says nothing of the registration.
    empty = JudgingStructures(set_of(segment("a", FIRST)), set_of(segment("a", np.zeros(SHAPE, bool))))
    assert [finding.code for finding in compare_structures(shift(0, 0, 0), empty).findings(about_node("r"))] == [
        "structure-empty"
    ]


def test_a_structure_of_which_nothing_comes_here_is_off() -> None:
    """The grid sends everything elsewhere: no distance can be told, and that is no pass."""
    lattice = np.diag([10.0, 10.0, 10.0, 1.0])
    vectors = np.zeros((8, 8, 8, 3), np.float32)
    vectors[..., 0] = 500
    mapping = Mapping(np.eye(4), grid_of_array(vectors, lattice), np.eye(4))
    sets = JudgingStructures(set_of(segment("a", FIRST)), set_of(segment("a", FIRST)))
    compared = compare_structures(mapping, sets)
    (finding,) = compared.findings(about_node("r"))
    assert (finding.evidence["mean_distance_mm"], finding.evidence["dice"]) == (None, 0)
    assert "nothing of it is brought here" in compared.pairs[0].remarks[0]


def test_what_is_odd_about_contours_is_told_with_the_quality(tmp_path: Path) -> None:
    rings = [sf.Drawn(sf.circle(radius, height)) for height in range(5) for radius in (20, 8)]
    found = read_structures(sf.write_rtstruct(tmp_path / "rs.dcm", [sf.Region("ring", rings)]))
    findings = compare_structures(shift(0, 0, 0), JudgingStructures(found, found)).findings(about_node("r"))
    assert {finding.code for finding in findings} == {"structure-contours-doubtful"}
