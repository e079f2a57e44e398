"""Image series: headers of files, the geometry of the slices they hold, and their pixels as one volume.

The names below are imported at first use: who asks for geometry waits for nothing that reads pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import names_from

if TYPE_CHECKING:
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

__getattr__ = names_from(
    __name__,
    {
        "Header": ".dicom.header",
        "PixelFile": "pixel_checks.check_pixels",
        "PixelReport": "pixel_checks.check_pixels",
        "Section": "geometry.spacing",
        "Series": "geometry.series",
        "SeriesSets": "pixels.load_sets",
        "SeriesVolume": "pixels.volume",
        "Slice": "geometry.stacks",
        "Stack": "geometry.stacks",
        "check_pixels": "pixel_checks.check_pixels",
        "inspect_series": "geometry.series",
        "load_series": "pixels.volume",
        "load_sets": "pixels.load_sets",
        "load_stack": "pixels.volume",
        "read_header": ".dicom.fast_header",
    },
)
