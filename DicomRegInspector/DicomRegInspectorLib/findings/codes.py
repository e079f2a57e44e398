"""Every code that can be reported, put together."""

from __future__ import annotations

from .audit_codes import AUDIT_CODES
from .code_info import CodeInfo
from .geometry_codes import GEOMETRY_CODES
from .landmark_codes import LANDMARK_CODES
from .mixture_codes import MIXTURE_CODES
from .object_codes import OBJECT_CODES
from .pixel_codes import FILE_CODES, PIXEL_CODES
from .registration_codes import REGISTRATION_CODES
from .relation_codes import RELATION_CODES
from .structure_codes import STRUCTURE_CODES

CODES: dict[str, CodeInfo] = {
    **GEOMETRY_CODES,
    **MIXTURE_CODES,
    **OBJECT_CODES,
    **REGISTRATION_CODES,
    **RELATION_CODES,
    **AUDIT_CODES,
    **LANDMARK_CODES,
    **STRUCTURE_CODES,
    **PIXEL_CODES,
    **FILE_CODES,
}
"""Every code that can be reported: what it means, how it is measured, and what to do."""
