"""Image series: headers of files, the geometry of the slices they hold, and their pixels as one volume."""

from __future__ import annotations

from .checks.check import PixelFile, PixelReport, check_pixels
from .geometry.series import Series, inspect_series
from .geometry.spacing import Section
from .geometry.stacks import Slice, Stack
from .headers.header import Header
from .headers.reading import read_header
from .pixels.volume import SeriesVolume, load_series, load_stack

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
