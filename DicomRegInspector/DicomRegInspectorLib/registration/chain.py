"""Several matrices in one Matrix Sequence: how much it matters which of them acts first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..findings import Finding
from ..space import apply_matrix, lattice_corners
from ..words import millimetres
from .checks import NEAR_ZERO_MM
from .mapping import in_order

CUBE_MM = 200.0
"""Side of the cube that differences are told over where no image is known: about what a head fills."""
CUBE_CORNERS = lattice_corners(np.eye(4), (2, 2, 2)) * CUBE_MM - CUBE_MM / 2
"""(8, 3) around the origin of the coordinates."""
CUBE_WORDS = f"a cube of {CUBE_MM:g} mm around the origin"


def furthest_apart_mm(first: np.ndarray, second: np.ndarray, points: np.ndarray) -> float:
    """Return the largest distance between where two matrices (4, 4) send points (n, 3), mm.

    The difference of two affine maps is convex: over boxes, their corners show the largest.
    """
    return float(np.linalg.norm(apply_matrix(first, points) - apply_matrix(second, points), axis=1).max())


def chain_findings(
    chain: Sequence[np.ndarray], subject: str, points: np.ndarray = CUBE_CORNERS, where: str = CUBE_WORDS
) -> list[Finding]:
    """Return ``reg-matrix-order`` when the product of matrices depends on their order, as it is read in the field.

    Parameters
    ----------
    chain
        (4, 4) each, in the order of the file.
    points
        (n, 3) LPS mm of the source frame, where the difference is looked up.
    where
        What the points are of, in words.
    """
    if len(chain) < 2:
        return []
    first_first, last_first = in_order(chain), in_order(chain[::-1])
    apart = furthest_apart_mm(first_first, last_first, points)
    if not apart > NEAR_ZERO_MM:
        return []
    count = len(chain)
    message = (
        f"Matrix Sequence (0070,030A) has {count} matrices that do not commute. They were read so that the first acts "
        f"first (M{count}···M1); programs that read them the other way round (M1···M{count}) send points up to "
        f"{millimetres(apart, 2)} mm elsewhere over {where}."
    )
    evidence = {"matrices": count, "difference_mm": apart, "other_order_lps": last_first.tolist()}
    return [Finding("reg-matrix-order", "info", message, subject, evidence)]
