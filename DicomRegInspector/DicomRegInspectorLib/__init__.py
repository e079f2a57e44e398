"""Where a DICOM registration really sends each point, and whether an image series really is a regular volume.

The names below are imported at first use, so that importing the package costs nothing at application start-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import names_from
from .version import __version__

if TYPE_CHECKING:
    from .kit import KitScore, score_kit, write_kit
    from .registration import Registration, read_registration
    from .series import SeriesSets, SeriesVolume, check_pixels, load_series, load_sets
    from .tasks.apply.applied import Applied
    from .tasks.apply.request import ApplyRequest
    from .tasks.apply.run import apply_transform
    from .tasks.apply.transform import read_transform
    from .tasks.dicom_export.transforms import ExportOptions, export_transform
    from .tasks.image_export.export import ImageExportOptions, export_image
    from .tasks.inspect import Inspection, inspect_paths
    from .volumes import compare_volumes

__all__ = [
    "Applied",
    "ApplyRequest",
    "ExportOptions",
    "ImageExportOptions",
    "Inspection",
    "KitScore",
    "Registration",
    "SeriesSets",
    "SeriesVolume",
    "__version__",
    "apply_transform",
    "check_pixels",
    "compare_volumes",
    "export_image",
    "export_transform",
    "inspect_paths",
    "load_series",
    "load_sets",
    "read_registration",
    "read_transform",
    "score_kit",
    "write_kit",
]

__getattr__ = names_from(
    __name__,
    {
        "Applied": "tasks.apply.applied",
        "ApplyRequest": "tasks.apply.request",
        "ExportOptions": "tasks.dicom_export.transforms",
        "ImageExportOptions": "tasks.image_export.export",
        "Inspection": "tasks.inspect",
        "KitScore": "kit",
        "SeriesSets": "series",
        "SeriesVolume": "series",
        "apply_transform": "tasks.apply.run",
        "check_pixels": "series",
        "compare_volumes": "volumes",
        "export_image": "tasks.image_export.export",
        "export_transform": "tasks.dicom_export.transforms",
        "inspect_paths": "tasks.inspect",
        "load_series": "series",
        "load_sets": "series",
        "Registration": "registration",
        "read_registration": "registration",
        "read_transform": "tasks.apply.transform",
        "score_kit": "kit",
        "write_kit": "kit",
    },
)
