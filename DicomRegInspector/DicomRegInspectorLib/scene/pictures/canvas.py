"""Drawing into an array: antialiased lines and triangles in NumPy, text by VTK's FreeType, PNG by VTK.

No OpenGL, so that pictures come out on machines without a display, a graphics driver or its libraries, and are the
same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import vtk
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy

Colour = Sequence[float]
"""(red, green, blue), each from 0 to 1."""
Clip = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are outside."""


class Canvas:
    """A picture in the making; (0, 0) is the centre of the top left pixel, x to the right, y down."""

    def __init__(self, width: int, height: int, background: Colour = (1.0, 1.0, 1.0)) -> None:
        self.pixels = np.empty((height, width, 3), np.float32)
        self.pixels[:] = background
        self._texts: list[tuple[float, float, str, int, Colour, str, bool, Colour | None]] = []

    @property
    def whole(self) -> Clip:
        """The clip that clips nothing."""
        return (0, 0, self.pixels.shape[1], self.pixels.shape[0])

    def paste(self, image: np.ndarray, left: int, top: int) -> None:
        """Put an image (h, w, 3), 0 to 1, with its first pixel at (left, top)."""
        self.pixels[top : top + image.shape[0], left : left + image.shape[1]] = image

    def lines(
        self,
        polylines: Iterable[np.ndarray],
        colour: Colour,
        width: float = 1.0,
        alpha: float = 1.0,
        clip: Clip | None = None,
    ) -> None:
        """Draw polylines (n, 2) as one layer: where they cross they do not become denser. NaN points interrupt."""
        box = clip or self.whole
        arrays = [np.asarray(line, float) for line in polylines]
        box = _part_of(box, arrays, width / 2 + 1)
        if box is None:
            return
        cover = np.zeros((box[3] - box[1], box[2] - box[0]), np.float32)
        for line in arrays:
            for start, end in pairwise(line - (box[0], box[1])):
                _cover_segment(cover, start, end, width / 2)
        self._blend(cover * alpha, colour, box)

    def triangle(self, corners: np.ndarray, colour: Colour, alpha: float = 1.0, clip: Clip | None = None) -> None:
        """Fill a triangle (3, 2)."""
        box = clip or self.whole
        points = np.asarray(corners, float) - (box[0], box[1])
        place = _window(points, 1.0, (box[3] - box[1], box[2] - box[0]))
        if place is None:
            return
        rows, columns = place
        y, x = np.mgrid[rows, columns]
        turn = np.sign(_cross(points[1] - points[0], points[2] - points[0])) or 1.0
        inside = np.full(x.shape, np.inf)
        for start, end in zip(points, np.roll(points, -1, axis=0), strict=True):
            edge = end - start
            length = max(float(np.hypot(*edge)), 1e-9)
            distance = turn * (edge[0] * (y - start[1]) - edge[1] * (x - start[0])) / length
            inside = np.minimum(inside, distance)
        part = (box[0] + columns.start, box[1] + rows.start, box[0] + columns.stop, box[1] + rows.stop)
        self._blend(np.clip(inside + 0.5, 0, 1) * alpha, colour, part)

    def text(
        self, x: float, y: float, text: str, size: int, colour: Colour = (0, 0, 0), *,
        align: str = "left", bold: bool = False, outline: Colour | None = None,
    ) -> None:  # fmt: skip
        """Note a line of text whose vertical middle is at y; ``align``: x is its left, center or right.

        ``outline`` keeps it readable on an image. :meth:`write_texts` puts it on the picture, above all else.
        """
        self._texts.append((x, y, text, size, colour, align, bold, outline))

    def write_texts(self) -> None:
        """Put the texts on the picture; in the application's thread only, because VTK has one writer for all of it."""
        for x, y, text, size, colour, align, bold, outline in self._texts:
            cover = _text_cover(text, size, bold)
            height, width = cover.shape
            left = round(x - {"left": 0.0, "center": width / 2, "right": float(width)}[align])
            top = round(y - height / 2)
            if outline is not None:
                for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, 1), (-1, 1), (1, -1)):
                    self._stamp(cover, left + dx, top + dy, outline)
            self._stamp(cover, left, top, colour)
        self._texts.clear()

    def png(self) -> bytes:
        """Return the picture as a PNG file, without texts that were not written yet; in any thread."""
        image = vtk.vtkImageData()
        height, width, _ = self.pixels.shape
        image.SetDimensions(width, height, 1)
        # VTK's first row is the lowest.
        flipped = np.ascontiguousarray((np.clip(self.pixels[::-1], 0, 1) * 255 + 0.5).astype(np.uint8))
        image.GetPointData().SetScalars(numpy_to_vtk(flipped.reshape(-1, 3), deep=1))
        writer = vtk.vtkPNGWriter()
        writer.SetInputData(image)
        writer.WriteToMemoryOn()
        writer.Write()
        return vtk_to_numpy(writer.GetResult()).tobytes()

    def _stamp(self, cover: np.ndarray, left: int, top: int, colour: Colour) -> None:
        height, width, _ = self.pixels.shape
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + cover.shape[1], width), min(top + cover.shape[0], height)
        if x1 > x0 and y1 > y0:
            self._blend(cover[y0 - top : y1 - top, x0 - left : x1 - left], colour, (x0, y0, x1, y1))

    def _blend(self, cover: np.ndarray, colour: Colour, box: Clip) -> None:
        part = self.pixels[box[1] : box[3], box[0] : box[2]]
        part += cover[..., None] * (np.asarray(colour, np.float32) - part)


def _cover_segment(cover: np.ndarray, start: np.ndarray, end: np.ndarray, radius: float) -> None:
    """Raise ``cover`` to what a line with round ends covers of each pixel."""
    points = np.stack([start, end])
    place = _window(points, radius + 1, cover.shape)
    if place is None:
        return
    rows, columns = place
    y, x = np.mgrid[rows, columns]
    along = end - start
    length = float(along @ along)
    share = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / length, 0, 1) if length else 0.0
    distance = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])
    part = cover[rows, columns]
    # A line thinner than a pixel is fainter, not thinner.
    np.maximum(part, np.clip(radius + 0.5 - distance, 0, min(1.0, 2 * radius)), out=part)


def _window(points: np.ndarray, margin: float, shape: tuple[int, int]) -> tuple[slice, slice] | None:
    """Rows and columns of an array that the points touch; None when they lie outside or are undefined."""
    if not np.isfinite(points).all():
        return None
    low = np.maximum(np.floor(points.min(axis=0) - margin), 0).astype(int)
    high = np.minimum(np.ceil(points.max(axis=0) + margin) + 1, (shape[1], shape[0])).astype(int)
    return None if (high <= low).any() else (slice(low[1], high[1]), slice(low[0], high[0]))


def _part_of(box: Clip, lines: Sequence[np.ndarray], margin: float) -> Clip | None:
    """The part of a clip that the lines touch; None when they do not."""
    points = np.concatenate(lines) if lines else np.empty((0, 2))
    points = points[np.isfinite(points).all(axis=1)] - (box[0], box[1])
    place = _window(points, margin, (box[3] - box[1], box[2] - box[0])) if len(points) else None
    if place is None:
        return None
    rows, columns = place
    return (box[0] + columns.start, box[1] + rows.start, box[0] + columns.stop, box[1] + rows.stop)


def _cross(first: np.ndarray, second: np.ndarray) -> float:
    return float(first[0] * second[1] - first[1] * second[0])


def _text_cover(text: str, size: int, bold: bool) -> np.ndarray:
    """How much of each pixel (h, w) the text covers; the same height for all texts of a size."""
    import vtkmodules.vtkRenderingFreeType  # noqa: F401 (registers the text renderer)

    style = vtk.vtkTextProperty()
    style.SetFontFamilyToArial()
    style.SetFontSize(size)
    style.SetBold(bold)
    style.SetColor(1.0, 1.0, 1.0)
    style.SetJustificationToLeft()
    image, extent = vtk.vtkImageData(), [0, 0]
    renderer = vtk.vtkTextRenderer.GetInstance()
    if not text or renderer is None or not renderer.RenderString(style, text, image, extent, 72):
        return np.zeros((size, 1), np.float32)
    columns, rows, _ = image.GetDimensions()
    pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, -1)
    return np.ascontiguousarray(pixels[: extent[1], : extent[0], 3][::-1]).astype(np.float32) / 255
