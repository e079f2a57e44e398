"""Image series: headers of files, the geometry of the slices they hold, and their pixels as one volume."""

from __future__ import annotations

from ..dicom.fast_header import read_header
from ..dicom.header import Header
from .geometry.series import Series, inspect_series
from .geometry.spacing import Section
from .geometry.stacks import Slice, Stack
from .pixel_checks.check_pixels import PixelFile, PixelReport, check_pixels
from .pixels.load_sets import SeriesSets, load_sets
from .pixels.volume import SeriesVolume, load_series, load_stack

__all__ = [
    "Header",
    "PixelFile",
    "PixelReport",
    "Section",
    "Series",
    "SeriesSets",
    "SeriesVolume",
    "Slice",
    "Stack",
    "check_pixels",
    "inspect_series",
    "load_series",
    "load_sets",
    "load_stack",
    "read_header",
]
