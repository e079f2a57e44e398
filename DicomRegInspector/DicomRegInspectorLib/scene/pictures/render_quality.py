"""A picture of a deformation's quality, drawn from the nodes that the scene shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer
from vtkmodules.util.numpy_support import vtk_to_numpy

from ...registration.measures.histograms import Histogram, jacobian_histogram
from ...space import LPS_TO_RAS, apply_matrix
from ...words import round_down
from .. import colours
from ..convert import voxel_matrix
from ..quality.histograms import displacement_histograms
from ..quality.show_quality import QualityNodes
from ..quality.warping import tile_mm
from ..volumes import value_unit
from .canvas import Canvas, Colour
from .images import Image
from .views import FAINT, INK, PLANES, View, draw_sides, place_of, save_picture

WIDTH = 1600
_MARGIN, _HEAD, _FOOT, _GAP = 40, 112, 70, 34
_LABEL = 54
"""Above a panel: its name, and a line about it."""
_BAR = 92
"""Right of a panel: a colour bar and its numbers."""
_TALLEST = 560
_CHART_HEIGHT = 250
_DARK = (0.09, 0.10, 0.13)
_PALE = (0.90, 0.90, 0.90)
_TILE = (0.35, 0.7, 0.9)

Painter = Callable[[np.ndarray], np.ndarray]
"""Points (..., 3) LPS mm to colours (..., 3)."""


@dataclass(frozen=True)
class _Bar:
    """A colour bar: colours of shares from 0 to 1, the values at its ends, and its unit."""

    steps: np.ndarray
    low: float
    high: float
    unit: str


@dataclass(frozen=True)
class _Panel:
    """What one panel shows."""

    name: str
    note: str
    paint: Painter
    bar: _Bar | None = None
    legend: tuple[tuple[str, Colour], ...] = ()


def render_quality(
    path: Path,
    nodes: QualityNodes,
    fixed: slicer.vtkMRMLScalarVolumeNode,
    *,
    centre_lps_mm: Sequence[float] | None = None,
    title: str = "",
    notes: Sequence[str] = (),
) -> None:
    """Draw the axial section of determinants, lengths, mask and comparison, and the histograms, as PNG.

    Raises UsageError when the file cannot be written.

    Parameters
    ----------
    nodes
        What :func:`..quality.show_quality.show_quality` made of the registration with this registered image.
    fixed
        The registered image; its display's window is used.
    centre_lps_mm
        Through which point the section goes; by default the middle of the image.
    title, notes
        The heading, and the lines below the picture.
    """
    image = image_of_node(fixed)
    corners = image.corners()
    low, high = corners.min(axis=0), corners.max(axis=0)
    flat = high - low < 1
    low, high = np.where(flat, low - 0.5, low), np.where(flat, high + 0.5, high)
    centre = (low + high) / 2 if centre_lps_mm is None else np.clip(centre_lps_mm, low, high)
    panels = _panels(nodes, fixed, image)
    views = _lay_out(len(panels), low, high, centre)
    charts_top = views[-1].clip[3] + _GAP + _LABEL
    height = charts_top + _CHART_HEIGHT + 56 + _FOOT
    canvas = Canvas(WIDTH, height)
    canvas.text(_MARGIN, 40, title or "Quality of a deformable registration", 28, INK, bold=True)
    nx, ny, nz = nodes.field.grid.dimensions
    spacing = " × ".join(f"{value:.3g}" for value in nodes.field.grid.spacing_mm)
    canvas.text(
        _MARGIN, 76, f"{place_of(views[0])}. Field: {nx} × {ny} × {nz} nodes, {spacing} mm apart; "
        "matrices before and after it included in the Jacobian determinant.", 17, FAINT,
    )  # fmt: skip
    for panel, view in zip(panels, views, strict=True):
        _draw_panel(canvas, panel, view)
    _draw_charts(canvas, nodes, charts_top)
    for number, note in enumerate(notes[:2]):
        canvas.text(_MARGIN, height - 48 + 24 * number, note, 16, FAINT)
    save_picture(canvas, Path(path))


def image_of_node(node: slicer.vtkMRMLVolumeNode) -> Image:
    """Return a volume node's voxels, not copied, in its own coordinates."""
    data = node.GetImageData()
    values = vtk_to_numpy(data.GetPointData().GetScalars()).reshape(data.GetDimensions()[::-1])
    return Image(values, LPS_TO_RAS @ voxel_matrix(node))


def _panels(nodes: QualityNodes, fixed: slicer.vtkMRMLScalarVolumeNode, image: Image) -> list[_Panel]:
    grey = _grey(image, *_window(fixed))
    panels = [_jacobian_panel(nodes), _length_panel(nodes), _mask_panel(nodes, grey)]
    comparison = nodes.comparison
    if comparison is None:
        return panels
    display = comparison.difference.GetDisplayNode()
    spread = display.GetWindowLevelMax()
    bar = _Bar(colours.DIVERGING, -spread, spread, value_unit(fixed))
    difference = image_of_node(comparison.difference)
    before = Image(comparison.before, image.ijk_to_lps)
    before_said, after_said = (
        "" if rms is None else f"{what}, RMS {rms:.1f} {value_unit(fixed)}".strip()
        for what, rms in (("source where it lies", comparison.rms_before), ("warped source", comparison.rms))
    )  # fmt: skip
    return [
        *panels,
        _Panel(
            "Checkerboard", "tiles of warped source and registered image",
            _with_tiles(_grey(image_of_node(comparison.checkerboard), *_window(fixed)), image),
        ),
        _Panel(
            "Difference before", before_said,
            _coloured(before, colours.DIVERGING, -spread, spread, nearest=True), bar,
        ),
        _Panel(
            "Difference after", after_said,
            _coloured(difference, colours.DIVERGING, -spread, spread, nearest=True), bar,
        ),
    ]  # fmt: skip


def _window(volume: slicer.vtkMRMLScalarVolumeNode) -> tuple[float, float]:
    display = volume.GetDisplayNode()
    return display.GetWindowLevelMin(), display.GetWindowLevelMax()


def _jacobian_panel(nodes: QualityNodes) -> _Panel:
    volume = nodes.volumes.jacobian
    display = volume.GetDisplayNode()
    low, high = max(0.0, display.GetWindowLevelMin()), display.GetWindowLevelMax()
    image = image_of_node(volume)
    colour = _coloured(image, colours.DIVERGING, low, high)

    def paint(points: np.ndarray) -> np.ndarray:
        values = image.sample(points)
        with np.errstate(invalid="ignore"):
            folded = values <= 0
        return np.where(folded[..., None], colours.FOLDED_COLOUR, colour(points))

    least, most = float(np.nanmin(image.values)), float(np.nanmax(image.values))
    note = f"whole grid: {least:.3f} to {most:.3f}; 1 keeps volume".replace("-", "−")
    legend = (("0 or less", colours.FOLDED_COLOUR),) if least <= 0 else ()
    return _Panel("Jacobian determinant", note, paint, _Bar(colours.DIVERGING, low, high, ""), legend)


def _length_panel(nodes: QualityNodes) -> _Panel:
    image, longest = image_of_node(nodes.volumes.magnitude), nodes.volumes.longest_mm
    mean = float(np.nanmean(image.values))
    note = f"whole grid: mean {mean:.2f} mm, longest {longest:.2f} mm"
    paint = _coloured(image, colours.VIRIDIS, 0.0, longest or 1.0)
    return _Panel("Length of the grid's vectors", note, paint, _Bar(colours.VIRIDIS, 0.0, longest or 1.0, "mm"))


def _mask_panel(nodes: QualityNodes, grey: Painter) -> _Panel:
    image, counts = image_of_node(nodes.volumes.mask), nodes.volumes.counts

    def paint(points: np.ndarray) -> np.ndarray:
        picture, labels = grey(points), _nearest(image, points)
        for label, (_, colour) in colours.PROBLEMS.items():
            here = labels == label
            picture[here] = 0.25 * picture[here] + 0.75 * np.array(colour)
        return picture

    found = sum(counts.values())
    note = f"{found} of {image.values.size} voxels" if found else f"none in {image.values.size} voxels"
    legend = tuple(
        (f"{name.split(' (')[0].removesuffix(' by the grid')}: {count}", colour)
        for (name, colour), count in zip(colours.PROBLEMS.values(), counts.values(), strict=True)
    )
    return _Panel("Folded, undefined, not covered", note, paint, None, legend)


def _grey(image: Image, black: float, white: float) -> Painter:
    def paint(points: np.ndarray) -> np.ndarray:
        share = (image.sample(points) - black) / ((white - black) or 1.0)
        grey = np.repeat(np.clip(np.nan_to_num(share), 0, 1)[..., None], 3, axis=-1)
        return np.where(np.isnan(share)[..., None], _DARK, grey)

    return paint


def _with_tiles(paint: Painter, image: Image) -> Painter:
    """Pale lines along the tiles: where the images agree, nothing else tells that it is a checkerboard."""
    inverse = np.linalg.inv(image.ijk_to_lps)
    spacing = np.linalg.norm(image.ijk_to_lps[:3, :3], axis=0)
    edge = tile_mm(image.values.shape, spacing)

    def paint_with_lines(points: np.ndarray) -> np.ndarray:
        picture = paint(points)
        tile = np.floor((apply_matrix(inverse, points) + 0.5) * spacing / edge)
        border = np.zeros(tile.shape[:-1], bool)
        border[1:] |= (tile[1:] != tile[:-1]).any(axis=-1)
        border[:, 1:] |= (tile[:, 1:] != tile[:, :-1]).any(axis=-1)
        picture[border] = 0.65 * picture[border] + 0.35 * np.array(_TILE)
        return picture

    return paint_with_lines


def _coloured(image: Image, steps: np.ndarray, low: float, high: float, *, nearest: bool = False) -> Painter:
    def paint(points: np.ndarray) -> np.ndarray:
        values = _nearest(image, points) if nearest else image.sample(points)
        picture = colours.ramp(steps, np.nan_to_num((values - low) / (high - low)))
        return np.where(np.isnan(values)[..., None], _DARK, picture)

    return paint


def _nearest(image: Image, points: np.ndarray) -> np.ndarray:
    """The values of the nearest voxels; 0 or NaN outside."""
    inverse = np.linalg.inv(image.ijk_to_lps)
    index = np.floor(apply_matrix(inverse, points) + 0.5).astype(int)
    inside = ((index >= 0) & (index < np.array(image.values.shape[::-1]))).all(axis=-1)
    result = np.full(index.shape[:-1], np.nan if image.values.dtype.kind == "f" else 0, image.values.dtype)
    i, j, k = index[inside].T
    result[inside] = image.values[k, j, i]
    return result


def _lay_out(count: int, low: np.ndarray, high: np.ndarray, centre: np.ndarray) -> list[View]:
    """Axial views, three in a row, all to one scale."""
    plane, size = PLANES[0], high - low
    column = (WIDTH - 2 * _MARGIN - 2 * _GAP) / 3
    scale = min((column - _BAR) / size[plane.across], _TALLEST / size[plane.down])
    width, height = max(round(size[plane.across] * scale), 2), max(round(size[plane.down] * scale), 2)
    views = []
    for number in range(count):
        row, place = divmod(number, 3)
        left = round(_MARGIN + place * (column + _GAP))
        top = _HEAD + _LABEL + row * (height + _LABEL + _GAP)
        views.append(View(plane, left, top, width, height, low, high, centre, scale))
    return views


def _draw_panel(canvas: Canvas, panel: _Panel, view: View) -> None:
    x, y = np.meshgrid(np.arange(view.width) + 0.5, np.arange(view.height) + 0.5)
    canvas.paste(panel.paint(view.to_lps(x, y)), view.left, view.top)
    canvas.text(view.left, view.top - 38, panel.name, 19, INK, bold=True)
    canvas.text(view.left, view.top - 14, panel.note, 15, FAINT)
    draw_sides(canvas, view)
    right = view.clip[2] + 12
    top = view.top + 4
    for text, colour in panel.legend if panel.bar is None else ():
        # Beside the panel there is no room for words: they stand in it, on its own dark ground.
        canvas.paste(np.broadcast_to(colour, (14, 14, 3)), view.left + 12, view.clip[3] - 88 + (top - view.top))
        canvas.text(
            view.left + 34, view.clip[3] - 81 + (top - view.top), text, 16, (1, 1, 1), outline=(0, 0, 0)
        )  # fmt: skip
        top += 24
    if panel.bar is not None:
        _draw_bar(canvas, panel.bar, right, view.top + 26, view.clip[3], panel.legend)


def _draw_bar(
    canvas: Canvas, bar: _Bar, left: int, top: int, bottom: int, legend: Sequence[tuple[str, Colour]]
) -> None:
    canvas.text(left, top - 18, bar.unit, 16, INK)
    if legend:
        bottom -= 40
        canvas.paste(np.broadcast_to(legend[0][1], (18, 18, 3)), left, bottom + 14)
        canvas.text(left + 24, bottom + 23, legend[0][0], 15, INK)
    strip = colours.ramp(bar.steps, np.linspace(1, 0, bottom - top))
    canvas.paste(np.repeat(strip[:, None], 18, axis=1), left, top)
    step = round_down((bar.high - bar.low) / 4)
    first = math.ceil(bar.low / step - 1e-6)
    for number in range(first, math.floor(bar.high / step + 1e-6) + 1):
        value = number * step
        y = bottom - 1 - (value - bar.low) / (bar.high - bar.low) * (bottom - top - 1)
        canvas.lines([np.array([(left + 18, y), (left + 24, y)])], INK, 1.4)
        canvas.text(left + 29, y, _number(value, step), 15, INK)


def _number(value: float, step: float) -> str:
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    text = f"{value:.{places}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def _draw_charts(canvas: Canvas, nodes: QualityNodes, top: int) -> None:
    found = displacement_histograms(nodes.field)
    determinants = jacobian_histogram(image_of_node(nodes.volumes.jacobian).values)
    column = (WIDTH - 2 * _MARGIN - 2 * _GAP) / 3
    charts = (
        ("Vectors along R, A and S", "mm", [(found[axis], colours.COMPONENT_COLOURS[axis], axis) for axis in "RAS"]),
        ("Length of the vectors", "mm", [(found["magnitude"], colours.VIRIDIS[4], "")]),
        ("Jacobian determinant", "", [(determinants, colours.DIVERGING[1], "")]),
    )
    for number, (name, unit, curves) in enumerate(charts):
        left = round(_MARGIN + number * (column + _GAP))
        _draw_chart(canvas, name, unit, curves, (left + 46, top, round(left + column - 12), top + _CHART_HEIGHT))


def _draw_chart(
    canvas: Canvas,
    name: str,
    unit: str,
    curves: Sequence[tuple[Histogram, Colour, str]],
    box: tuple[int, int, int, int],
) -> None:
    """Outlines of histograms over one axis; the share of nodes is for bins of the width that the axis title says."""
    left, top, right, bottom = box
    edges = curves[0][0].edges
    most = max(float(curve.share_percent.max()) for curve, _, _ in curves) or 1.0
    canvas.text(left - 46, top - 38, name, 19, INK, bold=True)
    width = f"{edges[1] - edges[0]:.2g}{' ' + unit if unit else ''}"
    canvas.text(left - 46, top - 14, f"% of the grid's nodes in each bin of {width}", 15, FAINT)

    def place(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        across = left + (x - edges[0]) / (edges[-1] - edges[0]) * (right - left)
        return np.stack([across, bottom - y / most * (bottom - top)], axis=-1)

    step = round_down(most / 3)
    for number in range(math.floor(most / step + 1e-6) + 1):
        y = float(place(edges[0], np.float64(number * step))[1])
        canvas.lines([np.array([(left, y), (right, y)])], _PALE, 1.0)
        canvas.text(left - 8, y, _number(number * step, step), 15, INK, align="right")
    step = round_down((edges[-1] - edges[0]) / 5)
    for number in range(math.ceil(edges[0] / step - 1e-6), math.floor(edges[-1] / step + 1e-6) + 1):
        x = float(place(np.float64(number * step), np.float64(0))[0])
        canvas.lines([np.array([(x, bottom), (x, bottom + 6)])], INK, 1.4)
        canvas.text(x, bottom + 18, _number(number * step, step), 15, INK, align="center")
    if unit:
        canvas.text(right, bottom + 40, unit, 15, INK, align="right")
    for order, (curve, colour, label) in enumerate(curves):
        outline = place(np.repeat(curve.edges, 2), np.concatenate([[0], np.repeat(curve.share_percent, 2), [0]]))
        canvas.lines([outline], colour, 2.0, 1.0)
        if label:
            y = top + 14 + 24 * order
            canvas.lines([np.array([(right - 60, y), (right - 30, y)])], colour, 3.0)
            canvas.text(right - 22, y, label, 17, INK, bold=True)
    canvas.lines([np.array([(left, bottom), (right, bottom)])], INK, 1.4)
