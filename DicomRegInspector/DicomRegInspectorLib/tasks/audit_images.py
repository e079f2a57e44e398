"""Image series as the images that a registration is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from ..findings import Finding
from ..registration.audit.scalar_image import ScalarImage
from ..series import SeriesVolume, Stack, load_series, load_stack
from ..series.pixels.choose_stack import Paths
from .judge import JudgingImage
from .relations import Slices, slices_of_stack


@dataclass(frozen=True, eq=False)
class AuditImage:
    """An image with what else a comparison has to know of it."""

    image: ScalarImage
    modality: str
    """Modality (0008,0060); empty when it is not known."""
    series_uid: str
    findings: tuple[Finding, ...]
    """About the series and about reading it, most severe first."""
    slices: Slices
    """Where its slices lie."""

    @property
    def judging(self) -> JudgingImage:
        """As the judge takes it."""
        return JudgingImage(self.slices, self.image, self.modality)


def read_scalar_image(paths: Paths, **options: Any) -> AuditImage:
    """Return the image series among files and folders. Options and errors as in :func:`~..series.load_series`."""
    return audit_image(load_series(paths, **options))


def read_stack_image(stack: Stack, **options: Any) -> AuditImage:
    """Return a stack of an inspected series. Options and errors as in :func:`~..series.load_stack`."""
    return audit_image(load_stack(stack, **options))


def audit_image(volume: SeriesVolume) -> AuditImage:
    """Return a series volume as a registration sees it: the same memory, the same places.

    Raises
    ------
    UsageError
        The volume is in colour, or has no place.
    """
    subject = f"Series {volume.series_uid or '(without a UID)'}"
    if volume.is_color:
        raise UsageError(f"{subject} is in colour; images are compared by one value for each voxel.")
    if volume.stack is None:
        raise UsageError(f"{subject} has no positions: it cannot be compared with what lies in patient space.")
    positions = None if volume.is_regular else volume.slice_positions_mm
    image = ScalarImage(volume.array, volume.affine_lps, volume.frame_uid, positions)
    return AuditImage(image, volume.modality, volume.series_uid, volume.findings, slices_of_stack(volume.stack))
