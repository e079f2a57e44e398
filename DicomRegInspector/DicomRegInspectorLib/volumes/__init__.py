"""Whether two volumes are the same physical image, in whatever order their voxels are stored."""

from __future__ import annotations

from .comparison import Comparison, compare_volumes
from .geometry import IndexMapping
from .values import ValueDifference
from .volume import Volume

__all__ = ["Comparison", "IndexMapping", "ValueDifference", "Volume", "compare_volumes"]
