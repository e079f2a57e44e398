"""A picture of a registration: slices of the fixed image with the deformation on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ...errors import UsageError
from ...registration import RegistrationItem
from ...space import lattice_corners
from ...words import round_down
from ..colours import VIRIDIS, ramp
from .canvas import Canvas, Clip
from .images import Image
from .views import FAINT, INK, PLANES, View, draw_label, save_picture

WIDTH = 1600
"""Pixels of the whole picture; less where the views are tall."""
_NARROWEST = 1100
"""Pixels that the heading needs."""
_MARGIN, _HEAD, _LABEL, _FOOT, _BAR = 40, 104, 34, 96, 120
_TALLEST = 1100
_GRID_STEP, _ARROW_STEP = 36, 36
"""Pixels between lines of the deformed grid, and between arrows."""
_UNDEFINED = (0.80, 0.47, 0.65)


def render_registration(
    path: Path,
    item: RegistrationItem,
    image: Image | None = None,
    *,
    centre_lps_mm: Sequence[float] | None = None,
    window: tuple[float, float] | None = None,
    title: str = "",
    notes: Sequence[str] = (),
) -> None:
    """Write what :func:`draw_registration` draws as PNG; the file is replaced in one step.

    Raises RegistrationError when the item cannot be used. Raises UsageError when there is neither grid nor image to
    show, or the file cannot be written.
    """
    canvas = draw_registration(item, image, centre_lps_mm=centre_lps_mm, window=window, title=title, notes=notes)
    save_picture(canvas, Path(path))


def draw_registration(
    item: RegistrationItem,
    image: Image | None = None,
    *,
    centre_lps_mm: Sequence[float] | None = None,
    window: tuple[float, float] | None = None,
    title: str = "",
    notes: Sequence[str] = (),
    widest: int | None = None,
) -> Canvas:
    """Draw axial, coronal and sagittal slices of the fixed image with arrows and the deformed grid on them.

    Arrows run from a point of the registered frame to the source point it is sampled from, pre and post matrices
    included; their colour is the whole length in mm, also of what points out of the plane. Any thread can draw; the
    canvas's texts are still to be written.

    Raises RegistrationError when the item cannot be used. Raises UsageError when there is neither grid nor image to
    show.

    Parameters
    ----------
    image
        Of the registered frame; without one the background stays dark.
    centre_lps_mm
        Where the slices cross, LPS mm; by default at the grid's longest vector, else in the middle.
    window
        Values shown as black and white; by default the 1st and 99.5th percentile of what is seen.
    title, notes
        The heading, and the lines below the picture.
    widest
        Pixels of the whole picture, by default :data:`WIDTH`; letters, arrows and grid are as large whatever it is.
    """
    low, high = _extent(item, image)
    centre = np.asarray(_centre(item, low, high) if centre_lps_mm is None else centre_lps_mm, float)
    views, width, height = _lay_out(low, high, np.clip(centre, low, high), widest or WIDTH)
    canvas = Canvas(width, height)
    longest, has_undefined = _survey(item, views)
    factor = _exaggeration(longest * views[0].pixels_per_mm)
    window = window or _window_of(image, views)
    for view in views:
        _draw_view(canvas, view, item.map_points, image, window, longest, factor)
    canvas.text(_MARGIN, 40, title or "Registration", 28, INK, bold=True)
    scale = "true to scale" if factor == 1 else f"drawn {factor} times as long as they are"
    canvas.text(
        _MARGIN, 76, "From each point of the fixed image to the point of the moving image that belongs there. "
        f"Arrows and grid {scale}.{' Hatched: undefined.' if has_undefined else ''}", 17, FAINT,
    )  # fmt: skip
    _draw_colour_bar(canvas, longest, width, height)
    _draw_scale(canvas, views[0], height)
    for number, note in enumerate(notes[:2]):
        canvas.text(width - _MARGIN, height - 62 + 26 * number, note, 16, FAINT, align="right")
    return canvas


def _extent(item: RegistrationItem, image: Image | None) -> tuple[np.ndarray, np.ndarray]:
    if item.grid is not None:
        corners = lattice_corners(item.grid.index_to_lps, item.grid.dimensions)
    elif image is not None:
        corners = image.corners()
    else:
        raise UsageError(f"{item.subject}: there is neither grid nor image to show")
    low, high = corners.min(axis=0), corners.max(axis=0)
    # A grid of one node along an axis has no extent there; a centimetre shows it.
    flat = high - low < 1
    return np.where(flat, low - 5, low), np.where(flat, high + 5, high)


def _centre(item: RegistrationItem, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    if item.grid is not None and item.grid.statistics.max_index is not None:
        return item.grid.node_position(item.grid.statistics.max_index)
    return (low + high) / 2


def _lay_out(low: np.ndarray, high: np.ndarray, centre: np.ndarray, widest: int) -> tuple[list[View], int, int]:
    """The axial view at the left, coronal over sagittal beside it, all to one scale; and the picture's size."""
    size = high - low
    wide = widest - 2 * _MARGIN - _BAR - 80
    scale = min(wide / (size[0] + max(size[0], size[1])), _TALLEST / size[1], (_TALLEST - _LABEL) / (2 * size[2]))
    second = _MARGIN + round(size[0] * scale) + 40
    top = _HEAD + _LABEL
    places = [(_MARGIN, top), (second, top), (second, top + round(size[2] * scale) + _LABEL)]
    views = []
    for plane, (left, upper) in zip(PLANES, places, strict=True):
        width, height = max(round(size[plane.across] * scale), 2), max(round(size[plane.down] * scale), 2)
        views.append(View(plane, left, upper, width, height, low, high, centre, scale))
    width = max(view.clip[2] for view in views) + 40 + _BAR + _MARGIN
    return views, max(width, _NARROWEST), max(view.clip[3] for view in views) + _FOOT


def _survey(item: RegistrationItem, views: Sequence[View]) -> tuple[float, bool]:
    """The longest displacement that is seen, mm, and whether some of what is seen is undefined."""
    longest, has_undefined = 0.0, False
    for view in views:
        points = _lattice(view, 4)
        length = np.linalg.norm(item.map_points(points) - points, axis=-1)
        defined = np.isfinite(length)
        longest = max(longest, float(length[defined].max(initial=0.0)))
        has_undefined |= not defined.all()
    return longest, has_undefined


def _lattice(view: View, step: int) -> np.ndarray:
    """Points (rows, columns, 3) of the plane every ``step`` pixels, centred in the panel."""
    x = np.arange((view.width % step) / 2, view.width, step)
    y = np.arange((view.height % step) / 2, view.height, step)
    return view.to_lps(*np.meshgrid(x, y))


def _exaggeration(longest_pixels: float) -> int:
    """1 where the arrows can be seen as they are, else a round factor."""
    if longest_pixels >= 0.6 * _ARROW_STEP or longest_pixels <= 0:
        return 1
    return next((factor for factor in (2, 5, 10, 20, 50, 100) if longest_pixels * factor >= 0.6 * _ARROW_STEP), 200)


def _window_of(image: Image | None, views: Sequence[View]) -> tuple[float, float]:
    if image is None:
        return (0.0, 1.0)
    values = np.concatenate([image.sample(_lattice(view, 4)).ravel() for view in views])
    values = values[np.isfinite(values)]
    if not values.size:
        return (0.0, 1.0)
    black, white = np.percentile(values, (1, 99.5))
    return float(black), float(max(white, black + 1e-6))


def _draw_view(
    canvas: Canvas,
    view: View,
    map_points: Callable[[np.ndarray], np.ndarray],
    image: Image | None,
    window: tuple[float, float],
    longest: float,
    factor: int,
) -> None:
    x, y = np.meshgrid(np.arange(view.width) + 0.5, np.arange(view.height) + 0.5)
    grey = np.full((view.height, view.width), np.nan)
    if image is not None:
        grey = (image.sample(view.to_lps(x, y)) - window[0]) / (window[1] - window[0])
    background = np.where(np.isfinite(grey)[..., None], np.clip(grey, 0, 1)[..., None] * 0.8, (0.09, 0.10, 0.13))
    canvas.paste(_mark_undefined(background, view, map_points), view.left, view.top)
    canvas.lines(_deformed_grid(view, map_points, factor), (0.85, 0.93, 1.0), 1.0, 0.5, view.clip)
    _draw_arrows(canvas, view, map_points, longest, factor)
    draw_label(canvas, view)


def _mark_undefined(picture: np.ndarray, view: View, map_points: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Hatch the pixels (h, w, 3) where the registration says nothing."""
    step = 2
    rows, columns = -(-view.height // step), -(-view.width // step)
    points = view.to_lps(*np.meshgrid((np.arange(columns) + 0.5) * step, (np.arange(rows) + 0.5) * step))
    undefined = np.isnan(map_points(points)).any(axis=-1)
    if not undefined.any():
        return picture
    mask = undefined.repeat(step, axis=0).repeat(step, axis=1)[: view.height, : view.width]
    y, x = np.mgrid[: view.height, : view.width]
    hatched = mask & ((x + y) % 14 < 3)
    return np.where(hatched[..., None], 0.45 * picture + 0.55 * np.array(_UNDEFINED), picture)


def _deformed_grid(view: View, map_points: Callable[[np.ndarray], np.ndarray], factor: int) -> list[np.ndarray]:
    """Where the lines of a regular grid on the fixed slice go, as polylines of pixels."""
    fine = 12
    lines = []
    for along_x in (True, False):
        length, count = (view.width, view.height) if along_x else (view.height, view.width)
        places = np.arange((count % _GRID_STEP) / 2, count, _GRID_STEP)
        run = np.append(np.arange(0, length, fine), length)
        a, b = np.meshgrid(run, places)
        points = view.to_lps(a, b) if along_x else view.to_lps(b, a)
        lines += list(view.to_pixels(points + factor * (map_points(points) - points)))
    return lines


def _draw_arrows(
    canvas: Canvas, view: View, map_points: Callable[[np.ndarray], np.ndarray], longest: float, factor: int
) -> None:
    points = _lattice(view, _ARROW_STEP).reshape(-1, 3)
    displacement = map_points(points) - points
    length = np.linalg.norm(displacement, axis=1)
    tails, heads = view.to_pixels(points), view.to_pixels(points + factor * displacement)
    # Short ones first, so that the long ones lie on top.
    shown = [index for index in np.argsort(length) if np.isfinite(length[index])]
    for outline in (True, False):
        for index in shown:
            colour = (0.02, 0.02, 0.04) if outline else colour_of(length[index] / longest if longest else 0)
            _arrow(canvas, tails[index], heads[index], colour, outline, view.clip)


def _arrow(
    canvas: Canvas, tail: np.ndarray, head: np.ndarray, colour: Sequence[float], outline: bool, clip: Clip
) -> None:
    """An arrow in the plane; a dot where the displacement has no part in it. The outline is the same, wider."""
    grow = 1.3 if outline else 0.0
    along = head - tail
    length = float(np.hypot(*along))
    if length < 2.5:
        canvas.lines([np.stack([tail, tail])], colour, 3.4 + 2 * grow, 1.0, clip)
        return
    unit = along / length
    normal = np.array([-unit[1], unit[0]])
    tip = min(10.0, 0.6 * length)
    base = head - unit * tip
    canvas.lines([np.stack([tail, base + unit])], colour, 2.6 + 2 * grow, 1.0, clip)
    corners = [head + unit * 1.6 * grow]
    corners += [base - unit * grow + side * normal * (0.42 * tip + 1.5 * grow) for side in (1, -1)]
    canvas.triangle(np.array(corners), colour, 1.0, clip)


def colour_of(share: float) -> np.ndarray:
    """Return Viridis at a share from 0 to 1, as (3,) red, green, blue."""
    return ramp(VIRIDIS, share)


def _draw_colour_bar(canvas: Canvas, longest: float, width: int, height: int) -> None:
    left, top, bottom = width - _MARGIN - 78, _HEAD + _LABEL + 34, height - _FOOT
    shares = np.linspace(1, 0, bottom - top)
    canvas.paste(np.repeat(np.array([colour_of(share) for share in shares])[:, None], 22, axis=1), left, top)
    canvas.text(left, top - 45, "Length", 17, INK, bold=True)
    canvas.text(left, top - 22, "mm", 17, INK)
    step = round_down(longest / 5)
    for tick in np.arange(0, longest + step * 1e-6, step) if longest > 0 else [0.0]:
        y = bottom - 1 - (tick / longest if longest else 0) * (bottom - top - 1)
        canvas.lines([np.array([(left + 22, y), (left + 28, y)])], INK, 1.4)
        canvas.text(left + 34, y, f"{tick:g}" if step >= 1 else f"{tick:.{-math.floor(math.log10(step))}f}", 16, INK)


def _draw_scale(canvas: Canvas, view: View, height: int) -> None:
    """A bar of round length; all views have one scale."""
    length = round_down(0.3 * view.width / view.pixels_per_mm)
    y, right = height - 52, _MARGIN + length * view.pixels_per_mm
    canvas.lines([np.array([(_MARGIN, y), (right, y)])], INK, 4)
    canvas.text(_MARGIN, y + 24, f"{length:g} mm", 17, INK)
