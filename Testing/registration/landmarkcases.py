"""The registration that the landmark tests have in common."""

from __future__ import annotations

import numpy as np
import regfiles as rf

GRID = rf.GridSpec(
    rf.smooth_vectors((12, 11, 9), 4.0), (3.0, 4.0, 5.0), (-15.0, 7.0, 30.0), rf.orientation_of((0.4, 0.3, -0.7))
)
SPEC = rf.DeformableItem(GRID, rf.rigid((0.1, -0.1, 0.2), (3, -5, 8)), rf.rigid((-0.2, 0.1, 0.1), (-7, 4, 3)))


def statistics_of(errors: np.ndarray) -> dict[str, float]:
    """What a report tells of errors (n,) in mm."""
    ranked = dict(zip(("p50", "p95"), np.quantile(errors, (0.5, 0.95)), strict=True))
    return {"mean": errors.mean(), "max": errors.max(), **ranked, "rms": np.sqrt((errors**2).mean())}
