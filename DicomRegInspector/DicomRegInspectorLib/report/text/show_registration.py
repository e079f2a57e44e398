"""What a registration object says: frames, matrices, grid, and a preview of its vectors with their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...registration import Registration, RegistrationItem
from ...registration.matrices import is_rigid
from ...words import DECIMALS, decimals, millimetres, point
from .matrices import describe_direction, describe_matrix
from .page import Page, product
from .show_turns import MEANING, show_shift, show_turn, turns_worth_telling

if TYPE_CHECKING:
    from ...registration import Grid
    from ...registration.turns import Shift

SHOWN_SERIES = 4
"""Series that the object refers to, and that images of an item are of: the rest is counted."""
_AXES = ("x", "y", "z")
_NO_FRAME = "missing"
MOST_FIDUCIALS = 200
"""Points of a set that are listed; all are loaded."""


_KINDS = {
    "deformable": "Deformable Spatial Registration",
    "matrix": "Spatial Registration",
    "fiducials": "Spatial Fiducials",
}


def show_registration(registration: Registration, page: Page, shifts: Sequence[Shift | None]) -> None:
    """Put everything a registration says on the page.

    Parameters
    ----------
    shifts
        Of each item, at a point; None where there is no point to tell it at.

    Raises
    ------
    FileError
        When the file is gone or has changed.
    """
    many = f", {len(registration.items)} items" if len(registration.items) > 1 else ""
    page.has_tags = registration.format == "DICOM"
    kind = _KINDS[registration.kind] if page.has_tags else registration.format
    page.title(f"{registration.path.name}: {kind}{many}")
    if page.has_tags:
        _show_object(registration, page)
    else:
        said = registration.conventions
        for name, value in (
            ("maps", said.direction), ("coordinates", said.coordinates), ("unit", said.unit), ("outside", said.outside)
        ):  # fmt: skip
            page.row(name, value)
    for item, shift in zip(registration.items, shifts, strict=True):
        _show_item(item, page)
        if item.problem is None:
            show_shift(shift, page)
    if any(map(turns_worth_telling, registration.items)):
        page.lines.append("")
        page.text(MEANING)
    if registration.kind == "fiducials":
        _show_fiducials(registration, page)
    page.findings(registration.findings)


def _show_object(registration: Registration, page: Page) -> None:
    from .page import uid_name

    page.row("SOP Class UID (0008,0016)", uid_name(registration.sop_class_uid))
    page.row("SOP Instance UID (0008,0018)", registration.sop_instance_uid)
    page.row("Transfer Syntax UID (0002,0010)", uid_name(registration.transfer_syntax_uid))
    page.row("Manufacturer (0008,0070)", registration.manufacturer)
    page.row("Series Description (0008,103E)", registration.series_description)
    page.row("Content Label (0070,0080)", registration.content_label)
    page.row("Study Instance UID (0020,000D)", registration.study_uid)
    page.row("Series Instance UID (0020,000E)", registration.series_uid)
    meaning = ", the registered frame" if registration.items and registration.frame_uid else ""
    page.row("Frame of Reference UID (0020,0052)", f"{registration.frame_uid}{meaning}")
    for series in registration.referenced_series[:SHOWN_SERIES]:
        images = f", {series.images.words}" if series.images else ""
        other = "" if series.study_uid == registration.study_uid else f", of study {series.study_uid}"
        page.row("refers to series (0008,1115)", f"{series.series_uid}{images}{other}")
    if len(registration.referenced_series) > SHOWN_SERIES:
        page.text(f"… and {len(registration.referenced_series) - SHOWN_SERIES} more series")


def _show_references(item: RegistrationItem, page: Page) -> None:
    images = item.images
    if not images:
        return
    page.row("Referenced Image Sequence (0008,1140)", f"{images.words}: what the item moves")
    for uid in images.series_uids[:SHOWN_SERIES]:
        page.row("of Series Instance UID (0020,000E)", uid, 4)
    last = f", the last {images.instance_uids[-1]}" if len(images.instance_uids) > 1 else ""
    page.row("SOP Instance UIDs", f"the first {images.instance_uids[0]}{last}", 4)


def _show_item(item: RegistrationItem, page: Page) -> None:
    if item.kind == "matrix":
        page.section(f"Item {item.number}{' of Registration Sequence (0070,0308)' if page.has_tags else ''}")
        same = item.source_frame_uid == item.registered_frame_uid and item.source_frame_uid
        if item.names_frames:
            page.row(
                "Frame of Reference UID (0020,0052)",
                (item.source_frame_uid or _NO_FRAME) + (", the registered frame itself" if same else ""),
            )
        _show_references(item, page)
        if item.problem is None:
            show_matrix(
                "Matrix Registration Sequence (0070,0309)", item.matrix, page, "matrix" in item.rounded, both_ways=True
            )
            of = "this item's" if item.names_frames else "the source"
            page.text(f"The matrix carries points of {of} frame into the registered frame (LPS mm).")
    else:
        of = " of Deformable Registration Sequence (0064,0002)"
        page.section(f"Item {item.number}{of if page.has_tags else ''}")
        if item.names_frames:
            page.row("Source Frame of Reference UID (0064,0003)", item.source_frame_uid or _NO_FRAME)
        _show_references(item, page)
        if item.problem is None and item.mapping.exact is not None:
            page.row("transform", f"{item.description}; on a grid it has:")
        elif item.problem is None:
            for name, tag, matrix in (("Pre", "(0064,000F)", item.pre), ("Post", "(0064,0010)", item.post)):
                rounded = f"{name.lower()}-deformation matrix" in item.rounded
                show_matrix(f"{name} Deformation Matrix {tag}", matrix, page, rounded)
    if item.problem is not None:
        page.text(f"This item cannot be used: {item.problem}")
    elif item.grid is not None:
        _show_grid(item, item.grid, page)
    elif item.kind == "deformable":
        page.row("Deformable Registration Grid (0064,0005)", "none: nothing is deformed")


def show_matrix(name: str, matrix: np.ndarray, page: Page, rounded: bool = False, *, both_ways: bool = False) -> None:
    """Put a matrix (4, 4) in LPS mm on the page: in words, and as numbers and angles unless it is the identity."""
    words = describe_matrix(matrix, rounded)
    page.row(name, words)
    if words != "identity":
        cells = [[f"{value:.6f}" for value in row] for row in matrix]
        width = max(len(cell) for row in cells for cell in row)
        for row in cells:
            page.text("[ " + "  ".join(cell.rjust(width) for cell in row).replace(" ", "\xa0") + " ]", 6)
        show_turn(matrix, page, is_rigid=rounded or is_rigid(matrix), both_ways=both_ways)


def _show_grid(item: RegistrationItem, grid: Grid, page: Page) -> None:
    nodes = int(np.prod(grid.dimensions, dtype=np.int64))
    digits = decimals(float(np.min(grid.spacing_mm)))
    page.row("Grid Dimensions (0064,0007)", f"{product(grid.dimensions)} nodes ({nodes:,} vectors)")
    page.row("Grid Resolution (0064,0008)", f"{product(grid.spacing_mm.tolist())} mm")
    page.row("Image Position (Patient) (0020,0032)", f"{point(grid.origin_lps_mm, digits)} mm LPS, first node")
    names = ("first index (row)", "second index (column)", "third index (row × column)")
    page.row("Image Orientation (Patient) (0020,0037)", "the grid's indices run towards")
    for name, direction in zip(names, grid.directions.T, strict=True):
        page.row(name, describe_direction(direction), 4)
    page.row("covers, LPS", _extent(grid), 4)
    page.row("Vector Grid Data (0064,0009)", f"{12 * nodes:,} bytes, mm along LPS at each node")
    statistics = grid.statistics
    if statistics.undefined is not None:
        page.row("undefined (NaN)", f"{statistics.undefined.count:,} vectors", 4)
    for fill in statistics.fills:
        page.row(f"hold {fill.value:.9g}, no displacement", f"{fill.region.count:,} vectors", 4)
    displacement = item.displacement_mm
    if displacement["max"] is None:
        page.row("length", "no vector is defined", 4)
        return
    ranks = (("mean", "mean"), ("p50", "median"), ("p95", "95 % below"), ("p99", "99 % below"), ("max", "largest"))
    page.row("length", ", ".join(f"{word} {millimetres(displacement[key], digits)}" for key, word in ranks) + " mm", 4)
    page.lines.append("")
    rows = []
    for preview in preview_vectors(grid):
        index = f"({', '.join(map(str, preview.index))})"
        place = point(grid.node_position(preview.index), digits if digits > DECIMALS else 1)
        rows.append((preview.name, index, place, point(preview.vector, digits), millimetres(preview.length_mm, digits)))
    page.table(("vector", "index (i, j, k)", "place, LPS mm", "displacement, LPS mm", "length, mm"), rows)


def _extent(grid: Grid) -> str:
    last = np.array(grid.dimensions) - 1
    corners = np.array([grid.node_position(tuple(last * corner)) for corner in np.ndindex(2, 2, 2)])
    sides = zip("xyz", corners.min(axis=0), corners.max(axis=0), strict=True)
    return ", ".join(f"{axis} {millimetres(low, 1)} to {millimetres(high, 1)}" for axis, low, high in sides) + " mm"


def _show_fiducials(registration: Registration, page: Page) -> None:
    """Sets and points of PS3.3 C.21, with their places."""
    for number, fiducials in enumerate(registration.fiducial_sets, 1):
        page.section(f"Item {number} of Fiducial Set Sequence (0070,031C)")
        page.row("Frame of Reference UID (0020,0052)", fiducials.frame_uid)
        placed, without = fiducials.landmarks, fiducials.without_place
        page.row("Fiducial Sequence (0070,031E)", f"{len(placed) + len(without)} fiducials")
        rows = [(landmark.name, landmark.shape, f"{point(landmark.position_lps_mm)} mm LPS") for landmark in placed]
        nowhere = "no place in the frame: marked on images only, or not readable"
        rows += [(name, shape, nowhere) for name, shape in zip(without, fiducials.shapes_without_place, strict=True)]
        for identifier, shape, place in rows[:MOST_FIDUCIALS]:
            shape = shape.lower() or "shape not given"
            page.row("Fiducial Identifier (0070,0310)", f"{identifier} ({shape}): {place}", 4)
        if len(rows) > MOST_FIDUCIALS:
            page.text(f"… and {len(rows) - MOST_FIDUCIALS} more", 4)


@dataclass(frozen=True)
class PreviewVector:
    """One vector and why it is shown."""

    name: str
    index: tuple[int, int, int]
    vector: tuple[float, float, float]
    """mm along LPS."""
    length_mm: float


def preview_vectors(grid: Grid) -> list[PreviewVector]:
    """List first and last node, the longest vector on the grid's faces, the median, the shortest and longest, and the
    extremes along each axis. Reads slab by slab, so the memory needed does not grow with the grid.

    Raises
    ------
    FileError
        When the file is gone or has changed.
    """
    best = _Best(grid.statistics.percentiles_mm["p50"])
    count = grid.place.count
    for first, slab in grid.place.slabs():
        best.look(slab, first, _on_faces(first, len(slab), grid.dimensions), count)
    nx, ny, _ = grid.dimensions
    rows = []
    for name, (_, at, vector) in best.found.items():
        length = float(np.linalg.norm(vector.astype(float)))
        rows.append(PreviewVector(name, (at % nx, at // nx % ny, at // (nx * ny)), tuple(map(float, vector)), length))
    return rows


class _Best:
    """What has been found so far, by name: (score, number of the vector, vector); the smallest score stays."""

    def __init__(self, median_mm: float) -> None:
        self.median_mm = median_mm
        names = ["first node", "last node", "longest on a face", "median length", "shortest", "longest"]
        names += [f"{side} {axis}" for axis in _AXES for side in ("least", "most")]
        self._order = names
        self._found: dict[str, tuple[float, int, np.ndarray]] = {}

    @property
    def found(self) -> dict[str, tuple[float, int, np.ndarray]]:
        """In the order they are shown."""
        return {name: self._found[name] for name in self._order if name in self._found}

    def look(self, slab: np.ndarray, first: int, on_faces: np.ndarray, count: int) -> None:
        """Compare a slab (n, 3), of which ``first`` is the number of its first vector of ``count``."""
        if first == 0:
            self._found["first node"] = (0.0, 0, slab[0].copy())
        if first + len(slab) == count:
            self._found["last node"] = (0.0, count - 1, slab[-1].copy())
        with np.errstate(over="ignore", invalid="ignore"):
            size = np.sqrt(np.einsum("ij,ij->i", slab, slab))
            size[~np.isfinite(size)] = np.nan
            self._take("longest on a face", np.where(on_faces, -size, np.nan), slab, first)
            self._take("median length", np.abs(size - self.median_mm), slab, first)
            self._take("shortest", size, slab, first)
            self._take("longest", -size, slab, first)
            for axis, name in enumerate(_AXES):
                component = np.where(np.isnan(size), np.nan, slab[:, axis])
                self._take(f"least {name}", component, slab, first)
                self._take(f"most {name}", -component, slab, first)

    def _take(self, name: str, score: np.ndarray, slab: np.ndarray, first: int) -> None:
        if np.isnan(score).all():
            return
        at = int(np.nanargmin(score))
        if name not in self._found or score[at] < self._found[name][0]:
            self._found[name] = (float(score[at]), first + at, slab[at].copy())


def _on_faces(first: int, count: int, dimensions: tuple[int, int, int]) -> np.ndarray:
    """Which of the vectors ``first`` to ``first + count`` lie on one of the grid's six faces."""
    nx, ny, nz = dimensions
    flat = np.arange(first, first + count, dtype=np.int64)
    i, rest = flat % nx, flat // nx
    j, k = rest % ny, rest // ny
    return (i == 0) | (i == nx - 1) | (j == 0) | (j == ny - 1) | (k == 0) | (k == nz - 1)
