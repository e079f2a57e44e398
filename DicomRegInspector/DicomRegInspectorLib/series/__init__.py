"""Image series: headers of files, and the geometry of the slices they hold."""

from __future__ import annotations

from .header import Header
from .reading import read_header

__all__ = ["Header", "read_header"]
