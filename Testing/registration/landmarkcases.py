"""The registration that the landmark tests have in common."""

from __future__ import annotations

import regfiles as rf

GRID = rf.GridSpec(
    rf.smooth_vectors((12, 11, 9), 4.0), (3.0, 4.0, 5.0), (-15.0, 7.0, 30.0), rf.orientation_of((0.4, 0.3, -0.7))
)
SPEC = rf.DeformableItem(GRID, rf.rigid((0.1, -0.1, 0.2), (3, -5, 8)), rf.rigid((-0.2, 0.1, 0.1), (-7, 4, 3)))
