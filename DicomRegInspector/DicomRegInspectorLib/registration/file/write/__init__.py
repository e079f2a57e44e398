"""Write registrations and points as DICOM objects (PS3.3 A.39, A.40)."""

from __future__ import annotations

from .dicom_object import NewIdentity
from .registrations import StreamedVectors, write_deformable_registration, write_spatial_registration

__all__ = ["NewIdentity", "StreamedVectors", "write_deformable_registration", "write_spatial_registration"]
