"""Image series: headers of files, and the geometry of the slices they hold."""

from __future__ import annotations

from .header import Header
from .reading import read_header
from .series import Series, inspect_series
from .spacing import Section
from .stacks import Slice, Stack

__all__ = ["Header", "Section", "Series", "Slice", "Stack", "inspect_series", "read_header"]
