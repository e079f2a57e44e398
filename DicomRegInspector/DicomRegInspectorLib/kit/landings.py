"""Where the marks of the phantom are seen in the registered frame: of an object read right, and misread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .equation import Array, Parts, evaluate
from .objects import KitItem, KitObject
from .readings import MISREADINGS, Item, Misreading, misread
from .visible import COLUMNS, MARKS, ROWS, SECOND_SOURCE, SLICES, Mark, voxel_centres, voxel_of

SEEN_MM = 6.0
"""Marks that are farther from where they belong than this are seen to be wrong: about two pixels, one slice."""
_FOUND_MM = 0.05
_SAME_MM = 0.5
"""Places nearer than this to one another are one, to the eye."""
_STEPS = 30
_DIFFERENCE_MM = 1e-3
_LONGEST_STEP_MM = 20.0
_CANDIDATES = 6
_BESIDE = ("coordinates",)
"""Groups of misreadings that pictures do not show."""


@dataclass(frozen=True)
class Landing:
    """Where a mark is seen under one misreading."""

    misreading: Misreading
    place: Array | None
    """(3,) LPS mm in the registered frame; None where it is nowhere on the images."""
    off_mm: float
    """From where it belongs."""


@dataclass(frozen=True)
class Probe:
    """The mark of an object that tells most misreadings apart, and where it is seen under each."""

    mark: Mark
    right: Array
    landings: tuple[Landing, ...]


def source_places(made: KitObject, item: KitItem) -> Array:
    """Return where the marks are in an item's source series, (n, 3) LPS mm; of the second source as that was made."""
    places = np.array([mark.centre for mark in MARKS])
    if item.source != SECOND_SOURCE:
        return places
    first = next(other for other in made.items if other.source != SECOND_SOURCE)
    return evaluate(item.parts, _landings(first.parts, places))


def right_places(made: KitObject, item: KitItem) -> dict[str, Array]:
    """Return where each mark is seen in the registered frame, (3,) LPS mm, when the item is read right."""
    places = zip(MARKS, _landings(item.parts, source_places(made, item)), strict=True)
    return {mark.name: place for mark, place in places if np.isfinite(place).all()}


def probe(made: KitObject, item: KitItem) -> Probe:
    """Return the mark with the most misreadings that are seen, each apart from the others."""
    items = [other.parts for other in made.items]
    found: list[list[Landing]] = [[] for _ in MARKS]
    goals = source_places(made, item)
    right = _landings(item.parts, goals)
    for misreading in MISREADINGS:
        parts = None if misreading.group in _BESIDE else misread((misreading.name,), item.parts, items)
        if not isinstance(parts, Parts):
            continue
        for landings, place, belongs in zip(found, _landings(parts, goals), right, strict=True):
            seen = bool(np.isfinite(place).all())
            off = float(np.linalg.norm(place - belongs)) if seen else np.inf
            if off > SEEN_MM:
                landings.append(Landing(misreading, place if seen else None, off))
    probes = [Probe(mark, place, tuple(of)) for mark, place, of in zip(MARKS, right, found, strict=True)]
    return max((each for each in probes if np.isfinite(each.right).all()), key=_told_apart)


def together(landings: Iterable[Landing]) -> list[tuple[Array, list[Landing]]]:
    """Return the places on the images, each with the misreadings under which a mark is seen there."""
    places: list[tuple[Array, list[Landing]]] = []
    for landing in landings:
        if landing.place is None:
            continue
        same = next((found for place, found in places if np.linalg.norm(place - landing.place) < _SAME_MM), None)
        if same is None:
            places.append((landing.place, [landing]))
        else:
            same.append(landing)
    return places


def _told_apart(found: Probe) -> int:
    """How many places of its landings are on the images and a mark's breadth from all others."""
    places = [place for place, _ in together(found.landings)]
    return sum(
        all(other is place or np.linalg.norm(other - place) > found.mark.radius_mm for other in places)
        for place in places
    )


def on_images(places: Array) -> Any:
    """Tell of points (..., 3) whether they lie on the images."""
    voxel = voxel_of(places)
    return ((voxel > -0.5) & (voxel < np.array([COLUMNS, ROWS, SLICES]) - 0.5)).all(axis=-1)


def _landings(parts: Item, goals: Array) -> Array:
    """The (n, 3) x on the images that go to places of the source, of several the one nearest to those; else NaN."""
    assert isinstance(parts, Parts)
    with np.errstate(all="ignore"):
        forward = replace(parts, reversed=False)
        found = evaluate(forward, goals)[:, None] if parts.reversed else _search(parts, goals)
        away = np.linalg.norm(found - goals[:, None], axis=2)
    away[~on_images(found)] = np.inf
    best = np.take_along_axis(found, away.argmin(axis=1)[:, None, None], axis=1)[:, 0]
    best[np.isinf(away.min(axis=1))] = np.nan
    return best


def _search(parts: Parts, goals: Array) -> Array:
    """The (n, m, 3) points that are sent to each of the goals, by Newton steps from the voxels that come nearest."""
    voxels = voxel_centres().reshape(SLICES, ROWS, COLUMNS, 3)[::2, ::4, ::4].reshape(-1, 3)
    off = np.linalg.norm(evaluate(parts, voxels) - goals[:, None], axis=2)
    starts = np.argsort(np.nan_to_num(off, nan=np.inf), axis=1)[:, :_CANDIDATES]
    found, goal = voxels[starts].reshape(-1, 3), goals.repeat(_CANDIDATES, axis=0)
    for _ in range(_STEPS):
        steps = np.vstack([np.zeros(3), np.eye(3) * _DIFFERENCE_MM])
        away = evaluate(parts, (found + steps[:, None]).reshape(-1, 3)).reshape(4, -1, 3) - goal
        jacobian = np.stack(list((away[1:] - away[0]) / _DIFFERENCE_MM), axis=-1)
        usable = np.isfinite(jacobian).all(axis=(1, 2)) & (np.abs(np.linalg.det(jacobian)) > 1e-6)
        step = np.full_like(found, np.nan)
        step[usable] = np.linalg.solve(jacobian[usable], away[0][usable][:, :, None])[:, :, 0]
        length = np.linalg.norm(step, axis=1, keepdims=True)
        found = found - step * np.minimum(1, _LONGEST_STEP_MM / length)
        if not (length > _FOUND_MM / 10).any():
            break
    found[~(np.linalg.norm(evaluate(parts, found) - goal, axis=1) < _FOUND_MM)] = np.nan
    return found.reshape(len(goals), _CANDIDATES, 3)
