"""DICOM registration objects: read them, map points through them, say what is wrong with them."""

from .file.read import read_registration
from .grid import Grid
from .mapping import InverseResult, Mapping
from .model import Registration, RegistrationItem

__all__ = ["Grid", "InverseResult", "Mapping", "Registration", "RegistrationItem", "read_registration"]
