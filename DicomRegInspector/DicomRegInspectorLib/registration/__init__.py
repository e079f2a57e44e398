"""DICOM registration objects: read them, map points through them, say what is wrong with them."""

from .grid import Grid
from .mapping import InverseResult
from .model import Registration, RegistrationItem
from .read import read_registration

__all__ = ["Grid", "InverseResult", "Registration", "RegistrationItem", "read_registration"]
