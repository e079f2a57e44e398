"""What the comparison's tests share."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def image():
    """An oblique 7 × 6 × 5 image that SimpleITK made, all voxels different."""
    sitk = pytest.importorskip("SimpleITK")
    random = np.random.default_rng(3)
    made = sitk.GetImageFromArray(random.permutation(7 * 6 * 5).reshape(5, 6, 7).astype(np.int16))
    made.SetSpacing((0.7, 1.1, 2.5))
    made.SetOrigin((-31.5, 12.25, 100.0))
    turn = sitk.VersorTransform((0.2, -0.5, 0.7), 0.6)
    made.SetDirection(turn.GetMatrix())
    return made
