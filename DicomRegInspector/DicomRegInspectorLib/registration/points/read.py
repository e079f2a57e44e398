"""Which format a file of points has, by how it begins."""

from __future__ import annotations

from ...errors import UsageError
from . import csv_points, fcsv, markups_json
from .point_file import PointFile


def parse_points(text: str, name: str) -> PointFile:
    """Read points of a file: CSV, Slicer's ``.fcsv`` or ``.mrk.json``, recognised by content.

    Parameters
    ----------
    text
        All of the file; a byte order mark does not matter.
    name
        The file, for messages.

    Returns
    -------
    PointFile
        See the modules of the formats for what they say of coordinate systems.

    Raises
    ------
    UsageError
        Naming what is not as expected, and where.
    """
    text = text.removeprefix("\ufeff")
    beginning = text.lstrip()
    if not beginning:
        raise UsageError(f"{name}: is empty; expected the header x,y,z and a point to a line, in LPS mm")
    if beginning[0] == "{":
        return markups_json.parse(text, name)
    return fcsv.parse(text, name) if beginning[0] == "#" else csv_points.parse(text, name)
