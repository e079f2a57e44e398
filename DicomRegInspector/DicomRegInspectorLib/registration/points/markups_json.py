"""Slicer's markups, ``.mrk.json``: lists of control points, each list with its coordinate system."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np

from ...errors import UsageError
from .point_file import SIGNS, PointFile, in_file, is_defined

TYPES = ("Fiducial", "Line", "Angle", "Curve", "ClosedCurve")
"""Markups that their control points say all about; a plane or a box has sides of its own."""
_FARTHEST_MM = 1e100
"""JSON has whole numbers that no float holds, and Python reads NaN and Infinity, which it has not."""
_SYSTEM = "LPS"
"""What the schema of markups says of one without ``coordinateSystem``."""


def parse(text: str, name: str) -> PointFile:
    """Read the control points of all markups in a ``.mrk.json`` file.

    Written again, markups have no ``measurements``: those were of the points as they lay before, and Slicer takes them
    anew. A point without a position is undefined, as Slicer writes it.

    Raises
    ------
    UsageError
        Naming the markup and the point, when something is not as the schema of markups says.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: begins with a brace and is no JSON ({error})") from error
    markups = document.get("markups")
    if not isinstance(markups, list) or not all(isinstance(markup, dict) for markup in markups):
        raise UsageError(f"{name}: is JSON without a list of markups; expected markups of Slicer (.mrk.json)")
    points: list[list[float]] = []
    names: list[str] = []
    signs: list[tuple[float, ...]] = []
    for number, markup in enumerate(markups, 1):
        where = f"{name}, markup {number}"
        own = SIGNS[_system(markup, where)]
        for index, point in enumerate(_control_points(markup, where), 1):
            points.append(_position(point, f"{where}, point {index}"))
            names.append(str(point.get("label", "")))
            signs.append(own)

    factors = np.array(signs).reshape(-1, 3)

    def rewrite(positions: np.ndarray, residual_mm: np.ndarray | None) -> str:
        return _written(document, in_file(positions, factors))

    array = np.array(points, dtype=np.float64).reshape(-1, 3) * factors
    return PointFile(array, tuple(names), "mrk.json", rewrite)


def _system(markup: dict[str, Any], where: str) -> str:
    kind = markup.get("type")
    if kind not in TYPES:
        raise UsageError(f"{where}: is of type {kind}; its points alone can be mapped of {', '.join(TYPES)}")
    units = markup.get("coordinateUnits", "mm")
    if (units[:1] or [None])[0] != "mm" if isinstance(units, list) else units != "mm":
        raise UsageError(f"{where}: has coordinateUnits {units}; expected mm")
    system = markup.get("coordinateSystem", _SYSTEM)
    if system not in SIGNS:
        raise UsageError(f"{where}: has coordinateSystem {system}; expected LPS or RAS")
    return str(system)


def _control_points(markup: dict[str, Any], where: str) -> list[dict[str, Any]]:
    points = markup.get("controlPoints", [])
    if not isinstance(points, list) or not all(isinstance(point, dict) for point in points):
        raise UsageError(f"{where}: controlPoints are no list of points")
    return points


def _position(point: dict[str, Any], where: str) -> list[float]:
    position = point.get("position", "")
    if point.get("positionStatus", "defined") != "defined" or position == "":
        return [np.nan] * 3
    numbers = position if isinstance(position, list) else []
    if len(numbers) != 3 or not all(type(value) in (int, float) and abs(value) < _FARTHEST_MM for value in numbers):
        raise UsageError(f"{where}: has position {str(position)[:60]}; expected three finite numbers")
    return [float(value) for value in numbers]


def _written(document: dict[str, Any], positions: list[list[float]]) -> str:
    told = copy.deepcopy(document)
    following = iter(positions)
    for markup in told["markups"]:
        markup.pop("measurements", None)
        for point in markup.get("controlPoints", []):
            position = next(following)
            if is_defined(position):
                point["position"] = position
            elif point.get("positionStatus", "defined") == "defined":
                # As Slicer writes a point without a position.
                point["position"], point["positionStatus"] = "", "undefined"
    return json.dumps(told, indent=4, ensure_ascii=False) + "\n"
