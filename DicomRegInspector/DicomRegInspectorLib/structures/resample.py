"""A closed surface cut by the slices of an image: planar contours, each point on the surface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..progress import Progress, report_progress
from ..space import apply_matrix, plane_indices
from .keyholes import with_keyholes
from .level_contours import encloses_area, outlines, without_straight_points
from .model import Contour, Voxels

Depth = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""How deep, mm, points (n, 3) LPS mm lie in a body: positive inside, NaN where that is undefined."""
COARSE = 4
"""Nodes from one to the next of those looked at first."""
MOST_STRETCH = 3.0
"""How much a depth may change over a millimetre for the nodes between to be passed over."""
_LEAST_AREA_MM2 = 1e-6
_MOST_NODES = 1 << 24
DECIMALS_MM = 6
"""Of coordinates of new contours: a nanometre, so that they are not longer in a file than they mean."""


@dataclass(frozen=True, eq=False)
class ImagePlane:
    """A slice that contours are drawn on."""

    index_to_lps: NDArray[np.float64]
    """(4, 4) from (column, row, 0, 1) to LPS mm."""
    image: tuple[str, str] | None = None
    """SOP Class UID and SOP Instance UID."""
    frame_number: int | None = None
    """In an image of several frames, from 1."""

    @property
    def normal(self) -> NDArray[np.float64]:
        """(3,) unit normal."""
        across = np.cross(self.index_to_lps[:3, 0], self.index_to_lps[:3, 1])
        unit: NDArray[np.float64] = across / np.linalg.norm(across)
        return unit

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """(2,) between columns and between rows."""
        return np.linalg.norm(self.index_to_lps[:3, :2], axis=0)


def contours_on_planes(
    depth: Depth,
    planes: Sequence[ImagePlane],
    box: NDArray[np.float64],
    pitch_mm: float,
    *,
    exclusive: bool = False,
    progress: Progress | None = None,
) -> list[Contour]:
    """Return the closed contours in which planes cut a body.

    Parameters
    ----------
    box
        (2, 3) lowest and highest LPS mm of what is to be looked at; nothing of the body lies outside.
    pitch_mm
        Between the places that are looked at; smaller parts may be missed, while points of contours are exact.
    exclusive
        Holes as CLOSEDPLANAR_XOR contours, else as keyholes of CLOSED_PLANAR ones.
    """
    corners = np.stack(np.meshgrid(*box.T, indexing="ij"), axis=-1).reshape(-1, 3)
    found: list[Contour] = []
    for number, plane in enumerate(planes):
        report_progress(progress, number, len(planes), "Drawing contours", "applying was cancelled")
        height = corners @ plane.normal - plane.index_to_lps[:3, 3] @ plane.normal
        if height.min() <= 0 <= height.max():
            found.extend(_contours_on(depth, plane, corners, pitch_mm, exclusive))
    return found


def _contours_on(
    depth: Depth, plane: ImagePlane, corners: NDArray[np.float64], pitch_mm: float, exclusive: bool
) -> list[Contour]:
    index = apply_matrix(np.linalg.inv(plane.index_to_lps), corners)[:, :2] * plane.spacing_mm
    low, high = index.min(axis=0) - pitch_mm, index.max(axis=0) + pitch_mm
    pitch = max(pitch_mm, float(np.sqrt((high - low).prod() / _MOST_NODES)))
    columns, rows = (COARSE * int(np.ceil(size / (COARSE * pitch))) + 1 for size in high - low)
    along = plane.index_to_lps[:3, :2] / plane.spacing_mm
    origin = plane.index_to_lps[:3, 3] + along @ low

    def function(places: NDArray[np.float64]) -> NDArray[np.float64]:
        return depth(places @ along.T * pitch + origin)

    values = _values(function, rows, columns, COARSE * pitch * MOST_STRETCH)
    polygons = [polygon for polygon in outlines(values, function) if encloses_area(polygon, _LEAST_AREA_MM2 / pitch**2)]
    kind = "CLOSEDPLANAR_XOR" if exclusive else "CLOSED_PLANAR"
    images = () if plane.image is None else (plane.image,)
    return [
        Contour(np.round(polygon @ along.T * pitch + origin, DECIMALS_MM), kind, images, plane.frame_number)
        for polygon in (polygons if exclusive else with_keyholes(polygons))
    ]


def _values(function: Depth, rows: int, columns: int, reach_mm: float) -> NDArray[np.float64]:
    """Values (rows, columns) of nodes; of those far from where they change their sign only the sign is right."""
    coarse = plane_indices((columns - 1) // COARSE + 1, (rows - 1) // COARSE + 1) * COARSE
    first = function(coarse.astype(float)).reshape((rows - 1) // COARSE + 1, -1)
    corners = np.stack([first[:-1, :-1], first[:-1, 1:], first[1:, :-1], first[1:, 1:]])
    # NaN is near, too: there it has to be seen where it begins. Where nothing at all is defined it is nowhere.
    is_far = (corners > reach_mm).all(axis=0) | (corners < -reach_mm).all(axis=0) | np.isnan(corners).all(axis=0)
    values, near = np.full((rows, columns), np.nan), np.zeros((rows, columns), bool)
    for down in range(COARSE + 1):
        for right in range(COARSE + 1):
            part = (slice(down, rows - COARSE + down, COARSE), slice(right, columns - COARSE + right, COARSE))
            np.copyto(values[part], corners[0], where=is_far)
            near[part] |= ~is_far
    row, column = np.nonzero(near)
    values[row, column] = function(np.column_stack([column, row]).astype(float))
    return values


def contours_of_voxels(voxels: Voxels) -> list[Contour]:
    """Return closed contours on the slices of voxels that enclose the centres of just those that are in the body.

    They run half way between centres inside and outside; holes are contours of their own, CLOSEDPLANAR_XOR.
    """
    found = []
    for k, plane in enumerate(voxels.array):
        for polygon in outlines(plane - 0.5):
            flat = without_straight_points(polygon)
            index = np.column_stack([flat, np.full(len(flat), k)])
            found.append(Contour(apply_matrix(voxels.index_to_lps, index), "CLOSEDPLANAR_XOR"))
    return found
