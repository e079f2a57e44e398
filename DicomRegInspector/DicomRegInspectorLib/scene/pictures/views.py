"""Sections of patient space at their places in a picture, and what pictures have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...output_file import replace_file
from .canvas import Canvas, Clip

INK, FAINT = (0.13, 0.13, 0.13), (0.42, 0.42, 0.42)


@dataclass(frozen=True)
class Plane:
    """A view: which LPS axis runs right, which down (with its sign), and what its sides are called."""

    name: str
    across: int
    down: int
    down_sign: int
    sides: tuple[str, str, str, str]
    """Left, right, top, bottom."""

    @property
    def through(self) -> int:
        """The axis that the plane is a section of."""
        return 3 - self.across - self.down


PLANES = (
    Plane("Axial", 0, 1, 1, ("R", "L", "A", "P")),
    Plane("Coronal", 0, 2, -1, ("R", "L", "S", "I")),
    Plane("Sagittal", 1, 2, -1, ("A", "P", "S", "I")),
)


@dataclass(frozen=True)
class View:
    """A plane at its place in the picture."""

    plane: Plane
    left: int
    top: int
    width: int
    height: int
    low: np.ndarray
    high: np.ndarray
    centre: np.ndarray
    pixels_per_mm: float

    @property
    def clip(self) -> Clip:
        """The panel's pixels."""
        return (self.left, self.top, self.left + self.width, self.top + self.height)

    def to_lps(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return pixels within the panel, as points (..., 3) of the plane."""
        plane = self.plane
        points = np.empty((*np.broadcast(x, y).shape, 3))
        points[..., plane.through] = self.centre[plane.through]
        points[..., plane.across] = self.low[plane.across] + np.asarray(x) / self.pixels_per_mm
        down = np.asarray(y) / self.pixels_per_mm
        points[..., plane.down] = self.low[plane.down] + down if plane.down_sign > 0 else self.high[plane.down] - down
        # A panel is whole pixels wide; its last one may reach beyond what is shown, where there is nothing.
        np.clip(points, np.minimum(self.low, self.centre), np.maximum(self.high, self.centre), out=points)
        return points

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """Project points (..., 3) onto the plane, as pixels (..., 2) of the whole picture."""
        plane = self.plane
        x = self.left + (points[..., plane.across] - self.low[plane.across]) * self.pixels_per_mm
        down = points[..., plane.down] - self.low[plane.down]
        if plane.down_sign < 0:
            down = self.high[plane.down] - points[..., plane.down]
        return np.stack([x, self.top + down * self.pixels_per_mm], axis=-1)


def draw_label(canvas: Canvas, view: View) -> None:
    """Write plane and place above a view, and the patient's sides within it."""
    canvas.text(view.left, view.top - 17, place_of(view), 19, INK, bold=True)
    draw_sides(canvas, view)


def place_of(view: View) -> str:
    """Return where a section lies, in words."""
    plane = view.plane
    value = float(view.centre[plane.through])
    side = (("left", "right"), ("posterior", "anterior"), ("superior", "inferior"))[plane.through][value < 0]
    return f"{plane.name}, {abs(value):.1f} mm {side}"


def draw_sides(canvas: Canvas, view: View) -> None:
    """Write the letters of the patient's sides."""
    left, top, right, bottom = view.clip
    middle = ((left + right) / 2, (top + bottom) / 2)
    places = [(left + 16, middle[1]), (right - 16, middle[1]), (middle[0], top + 15), (middle[0], bottom - 15)]
    for letter, (x, y) in zip(view.plane.sides, places, strict=True):
        canvas.text(x, y, letter, 19, (1, 1, 1), align="center", bold=True, outline=(0, 0, 0))


def save_picture(canvas: Canvas, path: Path) -> None:
    """Write a picture as PNG, in one step.

    Raises UsageError when the file cannot be written.
    """
    canvas.write_texts()
    replace_file(path, lambda unfinished: unfinished.write_bytes(canvas.png()))
