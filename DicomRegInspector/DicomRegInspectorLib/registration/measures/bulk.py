"""How much of a field is one rigid or affine motion, and what is left without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...space import apply_matrix
from ...words import point
from ..mapping import Mapping
from ..turns import closest_rotation, rotation_deg
from .rows import Measure, MeasureRow, number
from .sampled import sample_nodes


@dataclass(frozen=True)
class BulkPart:
    """The rigid or affine mapping that fits a registration best in the least-squares sense."""

    kind: str
    """``rigid`` or ``affine``."""
    matrix: np.ndarray
    """(4, 4) registered to source, LPS mm."""
    centre_lps_mm: np.ndarray
    """(3,) where :attr:`shift_mm` is told: the middle of the points fitted."""
    shift_mm: np.ndarray
    """(3,) displacement of the centre, LPS."""
    rotation_deg: float
    """Angle of the rotation (of the affine part: of its closest rotation)."""
    volume_ratio: float
    """Determinant of the linear part."""
    residual_rms_mm: float
    residual_max_mm: float
    displacement_rms_mm: float
    """Root mean square of the whole displacement, to compare the residual with."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fit as the JSON report holds it."""
        return {
            "matrix_lps": self.matrix.tolist(),
            "centre_lps_mm": self.centre_lps_mm.tolist(),
            "shift_mm": self.shift_mm.tolist(),
            "shift_length_mm": float(np.linalg.norm(self.shift_mm)),
            "rotation_deg": self.rotation_deg,
            "volume_ratio": self.volume_ratio,
            "residual_rms_mm": self.residual_rms_mm,
            "residual_max_mm": self.residual_max_mm,
            "displacement_rms_mm": self.displacement_rms_mm,
        }

    @property
    def measure(self) -> Measure:
        """As a row of the report."""
        bulk, left = f"Bulk motion, {self.kind}", f"Residual without the {self.kind} part"
        key = f"bulk_{self.kind}_{{}}"
        told = f"shift {point(self.shift_mm, 2)} mm LPS at the centre, rotation {number(self.rotation_deg, 3)}°"
        ratio = ()
        if self.kind == "affine":
            told += f", volume × {number(self.volume_ratio)}"
            ratio = (MeasureRow((key.format("volume_ratio"),), f"{bulk}: change of volume", self.volume_ratio, "1"),)
        told += (
            f"; without it {number(self.residual_rms_mm, 3)} of {number(self.displacement_rms_mm, 3)} mm RMS are left, "
            f"{number(self.residual_max_mm, 3)} mm at most"
        )
        shift = float(np.linalg.norm(self.shift_mm))
        return Measure(f"bulk motion, {self.kind}", told, (
            MeasureRow((key.format("shift_mm"),), f"{bulk}: shift at the centre", shift, "mm"),
            MeasureRow((key.format("rotation_deg"),), f"{bulk}: rotation", self.rotation_deg, "°"),
            *ratio,
            MeasureRow((key.format("residual_rms_mm"),), f"{left}, RMS", self.residual_rms_mm, "mm"),
            MeasureRow((key.format("residual_max_mm"),), f"{left}, largest", self.residual_max_mm, "mm"),
        ))  # fmt: skip


def fit_rigid(points: np.ndarray, mapped: np.ndarray) -> BulkPart:
    """Return the rotation and translation that take points closest to where they map (Kabsch, Acta Cryst A32, 1976).

    Parameters
    ----------
    points, mapped
        (n, 3) LPS mm, finite, three or more that are not on one line.
    """
    centre, target = points.mean(axis=0), mapped.mean(axis=0)
    rotation = closest_rotation((mapped - target).T @ (points - centre))
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = target - rotation @ centre
    return _judge("rigid", matrix, points, mapped)


def bulk_motion(mapping: Mapping, nodes: int) -> BulkPart | None:
    """Return the rigid motion closest to a mapping with a grid, fitted at so many of its nodes.

    None where vectors are defined at fewer than four of them.
    """
    points = apply_matrix(mapping.index_to_lps, sample_nodes(mapping.grid.dimensions, nodes))
    mapped = mapping.map_points(points)
    defined = np.isfinite(mapped).all(axis=1)
    return fit_rigid(points[defined], mapped[defined]) if np.count_nonzero(defined) >= 4 else None


def fit_affine(points: np.ndarray, mapped: np.ndarray) -> BulkPart:
    """Fit the affine mapping that takes points closest to where they map; the identity along axes without extent."""
    centre, target = points.mean(axis=0), mapped.mean(axis=0)
    spread = points - centre
    # The displacement is fitted, not the position: a flat set of points then leaves the missing axis as it is.
    change, *_ = np.linalg.lstsq(spread, mapped - target - spread, rcond=1e-9)
    matrix = np.eye(4)
    matrix[:3, :3] += change.T
    matrix[:3, 3] = target - matrix[:3, :3] @ centre
    return _judge("affine", matrix, points, mapped)


def _judge(kind: str, matrix: np.ndarray, points: np.ndarray, mapped: np.ndarray) -> BulkPart:
    residual = np.linalg.norm(apply_matrix(matrix, points) - mapped, axis=1)
    whole = np.linalg.norm(mapped - points, axis=1)
    centre = points.mean(axis=0)
    return BulkPart(
        kind,
        matrix,
        centre,
        apply_matrix(matrix, centre) - centre,
        rotation_deg(closest_rotation(matrix[:3, :3])),
        float(np.linalg.det(matrix[:3, :3])),
        float(np.sqrt(np.mean(residual**2))),
        float(residual.max()),
        float(np.sqrt(np.mean(whole**2))),
    )
