"""Points through several registrations, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..errors import UsageError
from ..registration import RegistrationItem


def require_chain(items: Sequence[RegistrationItem]) -> None:
    """Refuse items of which one does not go on where the one before it ends, as far as their formats name frames.

    Raises
    ------
    UsageError
        When the source frame of one is not the registered frame of the next.
    """
    for number, (item, following) in enumerate(pairwise(items), 1):
        if not (item.names_frames and following.names_frames):
            continue  # Nothing in such a file says where it leads; the user's order does.
        if item.source_frame_uid != following.registered_frame_uid or not item.source_frame_uid:
            raise UsageError(
                f"registration {number} leads to the frame {item.source_frame_uid or '(not named)'}, registration "
                f"{number + 1} begins in {following.registered_frame_uid or '(not named)'}: points cannot go on from "
                "one to the other; name registrations in the order in which points go through them"
            )


def through(items: Sequence[RegistrationItem], points: np.ndarray) -> np.ndarray:
    """Map points (n, 3) in LPS mm from the registered frame of the first item to the source frame of the last.

    Returns (n, 3), NaN where one of them is undefined.
    """
    for item in items:
        points = item.map_points(points)
    return points


def through_inverse(items: Sequence[RegistrationItem], points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Map points (n, 3) in LPS mm from the source frame of the last item to the registered frame of the first.

    Returns
    -------
    The points (n, 3), NaN where there is none, and how far from where they came from they are sent again, (n,) mm.
    """
    there, residual_mm = points, np.zeros(len(points))
    for item in reversed(items):
        result = item.map_points_inverse(there)
        there, residual_mm = result.points, result.residual_mm
    if len(items) > 1:
        residual_mm = np.linalg.norm(through(items, there) - points, axis=1)
    return there, residual_mm
