"""Files of points: CSV, and Slicer's markups; read, and written again with the points elsewhere."""

from .point_file import PointFile
from .read import parse_points

__all__ = ["PointFile", "parse_points"]
