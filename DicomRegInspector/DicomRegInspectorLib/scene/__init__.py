"""The room that turns results into MRML nodes; the only one besides the panel that imports slicer and vtk."""

from .reopened import restore_interpolation
from .transforms.load_registration import load_registration

__all__ = ["load_registration", "restore_interpolation"]
