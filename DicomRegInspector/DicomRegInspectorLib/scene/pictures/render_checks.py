"""A picture of what is looked at by eye: both images, checkerboard, differences and outlines, in three planes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...registration.mapping import Mapping
from ...space import apply_matrix
from .. import colours
from .canvas import Canvas
from .images import Image
from .views import FAINT, INK, PLANES, View, draw_sides, place_of

_MARGIN, _HEAD, _LABEL, _GAP, _FOOT = 24, 64, 30, 12, 56
_DARK = (0.09, 0.10, 0.13)
_TALLEST = 330
"""Pixels of a panel."""
_TILES = 7
"""Of a checkerboard along the longer side of a panel."""
OUTLINES = ((0.98, 0.85, 0.25), (0.25, 0.85, 0.95))
"""Of structures of the registered frame, and of those carried over."""

Sampler = Callable[[np.ndarray], np.ndarray]
"""Points (..., 3) LPS mm to values (...); NaN where there is nothing."""


class Mask(Protocol):
    """Voxels that are in a structure."""

    array: np.ndarray
    index_to_lps: np.ndarray


@dataclass(frozen=True, eq=False)
class Looked:
    """What is looked at: the registered image, the source image, and structures of both, each pair in a tuple."""

    fixed: Image
    moving: Image
    window: tuple[float, float]
    moving_window: tuple[float, float]
    same_kind: bool
    """Whether values of both images mean the same, so that they have a difference."""
    outlines: Sequence[tuple[Mask, Mask]] = ()


def draw_checks(mapping: Mapping, looked: Looked, title: str, widest: int) -> Canvas:
    """Draw the columns of what is looked at, a row for each plane; the canvas's texts are still to be written."""
    corners = looked.fixed.corners()
    low, high = corners.min(axis=0), corners.max(axis=0)
    flat = high - low < 1
    low, high = np.where(flat, low - 0.5, low), np.where(flat, high + 0.5, high)
    columns = _columns(looked)
    views = _rows(low, high, len(columns), widest)
    height = views[-1].clip[3] + _FOOT
    canvas = Canvas(widest, height)
    canvas.text(_MARGIN, 24, title, 22, INK, bold=True)
    for row, view in enumerate(views):
        _draw_row(canvas, mapping, looked, view, columns, names=row == 0)
    notes = "Outlines: yellow as drawn in the registered frame, blue carried over." if looked.outlines else ""
    spread = f" Differences: blue to red is ±{_spread(looked):.4g}, white is none." if looked.same_kind else ""
    canvas.text(_MARGIN, height - 28, f"{notes}{spread}".strip(), 15, FAINT)
    return canvas


def _columns(looked: Looked) -> list[str]:
    columns = ["Registered", "Source, carried over", "Checkerboard"]
    if looked.same_kind:
        columns += ["Difference before", "Difference after"]
    return columns


def _rows(low: np.ndarray, high: np.ndarray, columns: int, widest: int) -> list[View]:
    """The first panel of each row, all to one scale."""
    size, width = high - low, (widest - 2 * _MARGIN - (columns - 1) * _GAP) / columns
    scale = min(
        min(width / size[plane.across] for plane in PLANES), min(_TALLEST / size[plane.down] for plane in PLANES)
    )
    views, top = [], _HEAD + _LABEL
    for plane in PLANES:
        across, down = max(round(size[plane.across] * scale), 2), max(round(size[plane.down] * scale), 2)
        views.append(View(plane, _MARGIN, top, across, down, low, high, (low + high) / 2, scale))
        top += down + _LABEL + _GAP
    return views


def _draw_row(
    canvas: Canvas, mapping: Mapping, looked: Looked, view: View, columns: Sequence[str], names: bool
) -> None:
    x, y = np.meshgrid(np.arange(view.width) + 0.5, np.arange(view.height) + 0.5)
    points = view.to_lps(x, y)
    mapped = mapping.map_points(points.reshape(-1, 3)).reshape(points.shape)
    fixed, before, after = looked.fixed.sample(points), looked.moving.sample(points), looked.moving.sample(mapped)
    grey, carried = _grey(fixed, looked.window), _grey(after, looked.moving_window)
    tile = max(view.width, view.height) / _TILES
    board = ((x // tile + y // tile) % 2 < 1)[..., None]
    pictures = [grey, carried, np.where(board, grey, carried)]
    if looked.same_kind:
        spread = _spread(looked)
        pictures += [_difference(before - fixed, spread), _difference(after - fixed, spread)]
    pictures[0] = _outlined(pictures[0], looked.outlines, points, mapped)
    step = (canvas.pixels.shape[1] - 2 * _MARGIN + _GAP) / len(columns)
    canvas.text(view.left, view.top - 14, place_of(view), 15, FAINT)
    for number, (name, picture) in enumerate(zip(columns, pictures, strict=True)):
        left = round(_MARGIN + number * step)
        canvas.paste(picture, left, view.top)
        if names:
            canvas.text(left, _HEAD - 8, name, 17, INK, bold=True)
    draw_sides(canvas, view)


def _spread(looked: Looked) -> float:
    return (looked.window[1] - looked.window[0]) / 2 or 1.0


def _grey(values: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    share = (values - window[0]) / ((window[1] - window[0]) or 1.0)
    grey = np.repeat(np.clip(np.nan_to_num(share), 0, 1)[..., None], 3, axis=-1)
    return np.where(np.isnan(share)[..., None], _DARK, grey)


def _difference(values: np.ndarray, spread: float) -> np.ndarray:
    picture = colours.ramp(colours.DIVERGING, np.nan_to_num((values + spread) / (2 * spread)))
    return np.where(np.isnan(values)[..., None], _DARK, picture)


def _outlined(
    picture: np.ndarray, outlines: Sequence[tuple[Mask, Mask]], points: np.ndarray, mapped: np.ndarray
) -> np.ndarray:
    drawn = picture.copy()
    for pair in outlines:
        for mask, places, colour in zip(pair, (points, mapped), OUTLINES, strict=True):
            drawn[_edge(_inside(mask, places))] = colour
    return drawn


def _inside(mask: Mask, points: np.ndarray) -> np.ndarray:
    """Which points (..., 3) lie in a voxel of a mask."""
    known = np.nan_to_num(points, nan=np.inf)
    with np.errstate(invalid="ignore"):
        index = np.floor(apply_matrix(np.linalg.inv(mask.index_to_lps), known) + 0.5)
        there = ((index >= 0) & (index < np.array(mask.array.shape[::-1]))).all(axis=-1)
    inside = np.zeros(points.shape[:-1], bool)
    i, j, k = index[there].astype(np.int64).T
    inside[there] = mask.array[k, j, i]
    return inside


def _edge(inside: np.ndarray) -> np.ndarray:
    """Pixels inside that have a neighbour outside."""
    padded = np.pad(inside, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~inner
