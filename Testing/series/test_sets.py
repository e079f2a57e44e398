"""Images are divided into the sets that a scan meant: by one value, by several, by order, with images lost."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from DicomRegInspectorLib.series import inspect_series
from hypothesis import example, given, settings
from hypothesis import strategies as st
from series_making import axial, codes, header, only
from sets_making import DIRECTIONS, MR, VALUES, Sets, doubles, found, named_missing, worse

seeds = st.integers(0, 10**9)
names = st.sampled_from(sorted(VALUES))


def shuffled(sets: Sets, chance: random.Random) -> list[Any]:
    return chance.sample(sets.headers, len(sets.headers))


@settings(max_examples=150, deadline=None)
@given(names, st.integers(2, 24), st.integers(4, 20), st.integers(0, 4), st.booleans(), seeds)
# Two of six places lost in one set: of its own intervals most are 4 mm.
@example("ACQUISITION_DATE_TIME", 4, 6, 2, False, 4)
def test_any_one_value_tells_sets_apart_whatever_their_order_and_with_images_lost(
    name: str, count: int, places: int, lost: int, by_place: bool, seed: int
) -> None:
    chance, sets = random.Random(seed), Sets()
    for k in range(count):
        for p in range(places):
            number = p * count + k + 1 if by_place else k * places + p + 1
            sets.add(k, (-100, -120, 2.0 * p), INSTANCE_NUMBER=number, **{name: VALUES[name](k)})
    sets.lose(min(lost, count * places // 12), places, chance)
    (series,) = inspect_series(shuffled(sets, chance))
    assert found(series) == sets.truth
    assert named_missing(series) == len(sets.lost)
    assert len({stack.label for stack in series.stacks}) == count
    finding = only(series, "acquisitions-mixed")
    assert finding.severity == ("warning" if sets.lost else "info")
    assert finding.evidence["complete"] == (not sets.lost)
    # A slice that is lost within its set is a gap of that set; nothing else is said.
    assert set(worse(series)) <= ({"acquisitions-mixed", "slice-gap"} if sets.lost else set())


@settings(max_examples=100, deadline=None)
@given(st.lists(names, min_size=2, max_size=3, unique=True), st.integers(2, 4), st.integers(4, 12), seeds)
def test_two_or_three_values_together_tell_sets_apart(chosen: list[str], each: int, places: int, seed: int) -> None:
    chance, sets = random.Random(seed), Sets()
    for k in range(each ** len(chosen)):
        values = {name: VALUES[name](k // each**turn % each) for turn, name in enumerate(chosen)}
        for p in range(places):
            sets.add(k, (-100, -120, 3.0 * p), INSTANCE_NUMBER=1, **values)
    (series,) = inspect_series(shuffled(sets, chance))
    assert found(series) == sets.truth
    assert len(only(series, "acquisitions-mixed").evidence["distinguished_by"]) == len(chosen)
    assert worse(series) == []


@settings(max_examples=150, deadline=None)
@given(st.integers(2, 24), st.integers(4, 20), st.integers(0, 3), st.sampled_from("vpn"), st.booleans(), seeds)
def test_the_order_of_instance_number_alone_tells_sets_apart(
    count: int, places: int, lost: int, order: str, interleaved: bool, seed: int
) -> None:
    """Volume by volume, place by place, or phases at each place within dynamics."""
    chance, sets = random.Random(seed), Sets()
    turn = [*range(0, places, 2), *range(1, places, 2)] if interleaved else list(range(places))
    phases = 2 if order == "n" else 1
    count *= phases
    for k in range(count):
        for t, p in enumerate(turn):
            number = t * count + k if order == "p" else (k // phases * places + t) * phases + k % phases
            sets.add(k, (-100, -120, 5.0 * p), INSTANCE_NUMBER=number + 1)
    sets.lose(min(lost, count * places // 15), places, chance)
    (series,) = inspect_series(shuffled(sets, chance))
    assert found(series) == sets.truth
    assert named_missing(series) == len(sets.lost)
    assert only(series, "acquisitions-mixed").evidence["way"] == "order"
    assert "duplicate-position" not in codes(series)


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 24), st.integers(6, 20), seeds)
def test_numbers_given_anew_after_an_image_was_lost_still_tell_volumes_apart(
    count: int, places: int, seed: int
) -> None:
    chance, sets = random.Random(seed), Sets()
    for k in range(count):
        for p in range(places):
            sets.add(k, (-100, -120, 5.0 * p), INSTANCE_NUMBER=k * places + p + 1)
    sets.lose(1, places, chance)
    sets.renumber()
    (series,) = inspect_series(shuffled(sets, chance))
    assert found(series) == sets.truth
    assert named_missing(series) == 1


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 6), st.integers(3, 16), st.integers(3, 16), st.booleans(), seeds)
def test_repeated_b0_and_gradients_that_are_not_unique_are_volumes_by_order(
    zeros: int, weighted: int, places: int, by_place: bool, seed: int
) -> None:
    chance, sets = random.Random(seed), Sets()
    volumes = [(0.0, None)] * zeros + [(chance.choice([700.0, 1000.0]), chance.randrange(4)) for _ in range(weighted)]
    chance.shuffle(volumes)
    for k, (b_value, direction) in enumerate(volumes):
        gradient = doubles(*DIRECTIONS[direction]) if direction is not None else None
        for p in range(places):
            number = p * len(volumes) + k + 1 if by_place else k * places + p + 1
            values = {"DIFFUSION_B_VALUE": doubles(b_value), "DIFFUSION_GRADIENT": gradient, **MR}
            sets.add(k, (-100, -120, 2.5 * p), INSTANCE_NUMBER=number, **values)
    (series,) = inspect_series(shuffled(sets, chance))
    assert found(series) == sets.truth
    assert worse(series) == []
    assert any(stack.label.startswith("b=") for stack in series.stacks)


def test_a_lost_file_is_named_by_its_set_and_its_place() -> None:
    """Cine: 10 places of 25 trigger times that differ from place to place."""
    sets = Sets()
    for p in range(10):
        for k in range(25):
            if (p, k) != (3, 2):
                values = {"TRIGGER_TIME": f"{k * (32.1 + 0.07 * p):.2f}", "ACQUISITION_NUMBER": p + 1}
                sets.add(k, (-118.1, 0, 8.0 * p), INSTANCE_NUMBER=p * 25 + k + 1, **values)
    (series,) = inspect_series(sets.headers)
    assert found(series) == sets.truth
    finding = only(series, "acquisitions-mixed")
    assert "set 3 of 25 lacks the slice at 24 mm" in finding.message
    assert finding.evidence["missing"] == [{"set": 3, "label": "set 3", "slices": 1, "positions_mm": [24.0]}]


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 12), st.integers(4, 12), seeds)
def test_order_in_time_finds_the_lost_image_where_numbers_say_nothing(count: int, places: int, seed: int) -> None:
    chance, sets = random.Random(seed), Sets()
    for k in range(count):
        for p in range(places):
            sets.add(k, (0, 0, 8.0 * p), INSTANCE_NUMBER=1, TRIGGER_TIME=f"{k * 40.0 + 0.3 * p:.2f}")
    sets.lose(1, places, chance)
    (series,) = inspect_series(shuffled(sets, chance))
    assert found(series) == sets.truth
    assert only(series, "acquisitions-mixed").evidence["way"] == "time"


def test_sets_of_different_thickness_and_spacing_are_two() -> None:
    thin = axial([1.25 * p for p in range(41)], SLICE_THICKNESS="1.25")
    thick = axial([5.0 * p for p in range(11)], SLICE_THICKNESS="5")
    (series,) = inspect_series([*thin, *thick])
    assert sorted((len(stack.slices), stack.nominal_spacing_mm) for stack in series.stacks) == [(11, 5.0), (41, 1.25)]
    assert "duplicate-position" not in codes(series)


def test_what_was_tried_in_vain_is_said() -> None:
    """Times that differ from image to image by no rule tell one repeated slice from nothing."""
    times = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3]
    images = [header((0, 0, 2.0 * p), INSTANCE_NUMBER=1, CONTENT_TIME=f"10000{t}") for p, t in enumerate(times)]
    (series,) = inspect_series([*images, header((0, 0, 8.0), INSTANCE_NUMBER=1, CONTENT_TIME="100005")])
    finding = only(series, "duplicate-position")
    assert finding.severity == "error"
    assert finding.evidence["tried"] == ["content time", "order of Instance Number"]
    assert "tried: content time" in finding.message


@pytest.mark.parametrize("name", ["CONTENT_TIME", "ACQUISITION_TIME", "ACQUISITION_NUMBER"])
def test_a_slice_stored_twice_is_a_duplicate_though_each_image_has_its_own_time(name: str) -> None:
    places = [*range(12), 5]
    images = [header((0, 0, 2.0 * p), INSTANCE_NUMBER=k + 1, **{name: VALUES[name](k)}) for k, p in enumerate(places)]
    (series,) = inspect_series(images)
    assert only(series, "duplicate-position").evidence["position_mm"] == 10.0
    assert len(series.stacks) == 1


def test_a_slice_stored_twice_within_one_of_many_volumes_is_that_volumes_duplicate() -> None:
    sets = Sets()
    for k in range(10):
        for p in range(12):
            sets.add(k, (0, 0, 2.0 * p), INSTANCE_NUMBER=1, TEMPORAL_POSITION=k + 1)
    sets.add(4, (0, 0, 6.0), INSTANCE_NUMBER=1, TEMPORAL_POSITION=5)
    (series,) = inspect_series(sets.headers)
    assert found(series) == sets.truth
    assert only(series, "duplicate-position").evidence["position_mm"] == 6.0


def test_the_first_of_equal_sets_stands_for_the_series_and_each_is_found_by_its_label() -> None:
    images = [image for k in range(3) for image in axial([0.0, 2.0, 4.0, 6.0], CONVOLUTION_KERNEL=f"B{k}0f")]
    (series,) = inspect_series(images)
    assert series.is_volume and series.main_stack is series.stacks[0]
    assert [stack.label for stack in series.stacks] == ["kernel B00f", "kernel B10f", "kernel B20f"]


def test_free_text_tells_sets_apart_without_being_shown() -> None:
    images = [image for k in "ab" for image in axial([0.0, 2.0, 4.0, 6.0], SERIES_DESCRIPTION=f"Jane Doe {k}")]
    (series,) = inspect_series(images)
    assert [stack.label for stack in series.stacks] == ["set 1", "set 2"]
    assert all("Jane" not in finding.message for finding in series.findings)


def test_copies_are_counted_for_one_and_for_many() -> None:
    images = axial([0.0, 1.0, 2.0, 3.0])
    (one,), (two,) = inspect_series([*images, images[0]]), inspect_series([*images, *images[:2]])
    assert only(one, "duplicate-position").message.startswith("1 file repeats an instance")
    assert only(two, "duplicate-position").message.startswith("2 files repeat an instance")


def test_one_image_in_several_encodings_is_no_volume_of_one_position() -> None:
    syntaxes = [f"1.2.840.10008.1.2.4.{number}" for number in (50, 70, 90)]
    images = [replace(header((0, 0, 8.0), INSTANCE_NUMBER=1), transfer_syntax_uid=syntax) for syntax in syntaxes]
    (series,) = inspect_series(images)
    assert [stack.label for stack in series.stacks] == [f"encoded as {syntax}" for syntax in syntaxes]
    assert worse(series) == []
