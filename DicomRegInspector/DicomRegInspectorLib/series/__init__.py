"""Image series: headers of files, the geometry of the slices they hold, and their pixels as one volume."""

from __future__ import annotations

from .header import Header
from .pixel_checks import PixelFile, PixelReport, check_pixels
from .reading import read_header
from .series import Series, inspect_series
from .spacing import Section
from .stacks import Slice, Stack
from .volume import SeriesVolume, load_series, load_stack

__all__ = [
    "Header",
    "PixelFile",
    "PixelReport",
    "Section",
    "Series",
    "SeriesVolume",
    "Slice",
    "Stack",
    "check_pixels",
    "inspect_series",
    "load_series",
    "load_stack",
    "read_header",
]
