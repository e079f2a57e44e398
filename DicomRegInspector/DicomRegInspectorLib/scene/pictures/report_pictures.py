"""Pictures of registrations for a report, as PNG in memory."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk

from ...errors import UsageError
from ...registration import RegistrationItem
from ...registration.audit.scalar_image import ScalarImage
from ...tasks.audit_images import AuditImage
from .canvas import Canvas
from .images import Image
from .render import draw_registration
from .render_checks import Looked
from .render_checks import draw_checks as _canvas_of_checks

SOFT_TISSUE_HU = (-160.0, 240.0)
"""Shown from black to white where the image is a CT."""
WIDTH = 1280
"""Pixels: letters can still be read where a page is 900 wide."""


@dataclass(frozen=True)
class StackImage(Image):
    """An image whose slices may lie irregularly, as a picture samples it."""

    scalar: ScalarImage

    def sample(self, points: np.ndarray) -> np.ndarray:
        """Return trilinear values at points (..., 3), LPS mm; NaN outside the slices."""
        return self.scalar.sample(points)

    def corners(self) -> np.ndarray:
        """Return (8, 3) centres of the corner voxels, LPS mm."""
        last = np.array(self.scalar.dimensions) - 1
        return self.scalar.points_of(np.array(list(np.ndindex(2, 2, 2))) * last)


@dataclass(frozen=True)
class Drawing:
    """A picture whose texts are still to be written, and what is to be said of it."""

    canvas: Canvas
    alt: str
    caption: str


def draw_deformation(item: RegistrationItem, fixed: AuditImage | None, name: str = "") -> Drawing:
    """Give axial, coronal and sagittal slices with the deformation on them, through the longest vector; in any thread.

    Raises UsageError when there is neither grid nor image to show.

    Parameters
    ----------
    fixed
        An image of the registered frame; without one the background stays dark.
    name
        What the image is called.
    """
    image, centre, where = None, _longest(item), "Slices through the longest vector"
    if fixed is not None:
        scalar = fixed.image
        image = StackImage(scalar.array, scalar.index_to_lps, scalar)
        centre, where = _within(centre, image, where)
    window = SOFT_TISSUE_HU if fixed is not None and fixed.modality == "CT" else None
    title = f"Deformation of item {item.number}"
    canvas = draw_registration(item, image, centre_lps_mm=centre, window=window, title=title, widest=WIDTH)
    caption = f"{where}." if item.grid is not None else "Slices through the middle."
    caption += f" Image: {name}." if name else " No image of the registered frame was among the files."
    alt = "Axial, coronal and sagittal slice with arrows and a deformed grid; colours tell the displacement in mm."
    return Drawing(canvas, alt, caption)


def draw_checks(
    item: RegistrationItem, fixed: AuditImage | None, moving: AuditImage | None, outlines: Sequence[tuple[Any, Any]]
) -> Drawing:
    """Give what is looked at by eye, see :func:`.render_checks.draw_checks`; in any thread.

    Raises UsageError when an image is missing.

    Parameters
    ----------
    fixed, moving
        Images of the registered and of the source frame.
    outlines
        Structures of both frames as voxels, in pairs.
    """
    if fixed is None or moving is None:
        raise UsageError("the images of both frames are needed to compare them by eye")
    first, second = (StackImage(side.image.array, side.image.index_to_lps, side.image) for side in (fixed, moving))
    same = fixed.modality == moving.modality
    window, other = (SOFT_TISSUE_HU if side.modality == "CT" else _window(side) for side in (fixed, moving))
    looked = Looked(first, second, window, window if same else other, same, outlines)
    canvas = _canvas_of_checks(item.mapping, looked, f"Images of item {item.number}, to be compared by eye", WIDTH)
    alt = "Both images, a checkerboard of them and their difference, in axial, coronal and sagittal sections."
    return Drawing(canvas, alt, "Sections through the middle of the registered image.")


def _window(side: AuditImage) -> tuple[float, float]:
    values = np.asarray(side.image.array[::2, ::3, ::3], float)
    values = values[np.isfinite(values)]
    black, white = np.percentile(values, (1, 99.5)) if values.size else (0.0, 1.0)
    return float(black), float(max(white, black + 1e-6))


def _longest(item: RegistrationItem) -> np.ndarray | None:
    """Where the longest vector starts, LPS mm; None without one."""
    at = item.grid.statistics.max_index if item.grid is not None else None
    return None if at is None else item.grid.node_position(at)


def _within(centre: np.ndarray | None, image: Image, where: str) -> tuple[np.ndarray | None, str]:
    """The nearest point in the box around an image: beside a thin one there would be nothing to see."""
    if centre is None:
        return None, where
    corners = image.corners()
    inside = np.clip(centre, corners.min(axis=0), corners.max(axis=0))
    return (centre, where) if np.allclose(inside, centre) else (inside, f"{where}, as near as the image reaches")


def library_versions() -> list[tuple[str, str]]:
    """Return what draws: VTK, and Slicer's libraries."""
    found = [("VTK", vtk.vtkVersion.GetVTKVersion())]
    application = getattr(slicer, "app", None)
    if application is not None:
        found.append(("3D Slicer", str(application.applicationVersion)))
    else:
        # Slicer's own Python without the application has the libraries, but no package of that name.
        with suppress(importlib.metadata.PackageNotFoundError):
            found.append(("slicer-core", importlib.metadata.version("slicer-core")))
    return found
