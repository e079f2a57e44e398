"""Named points of two frames and how far a registration leaves them apart: the target registration error."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ...dicom.source import open_regular_file
from ...errors import FileError, UsageError
from ...findings import Finding, Severity
from ...limits import LANDMARKS
from ..file.fiducials import Landmark
from ..mapping import Mapping

MOST_LANDMARKS = LANDMARKS.value
WORSE_MM = 0.5
"""How much the mean may grow by a registration before it makes things worse: landmarks are placed no better."""
MOST_NAMED = 20
"""Landmarks that a finding names."""


@dataclass(frozen=True)
class Tolerance:
    """How far a registration may leave landmarks apart.

    By default what AAPM TG-132 (Brock et al., Med Phys 44(7), 2017) asks of the landmarks of a deformable registration.

    Raises
    ------
    UsageError
        When they are not two positive numbers, the mean no larger than the largest.
    """

    mean_mm: float = 2.0
    largest_mm: float = 5.0

    def __post_init__(self) -> None:
        if not 0 < self.mean_mm <= self.largest_mm < math.inf:
            raise UsageError(
                f"a tolerance of {self.mean_mm:g} mm for the mean and {self.largest_mm:g} mm for the largest error: "
                "expected two positive numbers, the second no smaller than the first"
            )


TG_132 = Tolerance()


@dataclass(frozen=True)
class LandmarkError:
    """How one pair of landmarks fares. Errors are None where the mapping or its inverse says nothing."""

    name: str
    fixed_lps_mm: tuple[float, float, float]
    moving_lps_mm: tuple[float, float, float]
    before_mm: float
    """Distance of the two points as they are, without any registration."""
    after_mm: float | None
    """Distance in the source frame: mapped fixed point to moving point."""
    after_inverse_mm: float | None
    """Distance in the registered frame: moving point through the inverse to fixed point."""
    remark: str
    """Why an error is missing; empty when both are there."""
    tolerance: Tolerance = TG_132
    """What its mark goes by."""

    @property
    def mark(self) -> str:
        """``within 2 mm``, ``2 to 5 mm``, ``above 5 mm`` or ``undefined``."""
        if self.after_mm is None:
            return "undefined"
        low, high = self.tolerance.mean_mm, self.tolerance.largest_mm
        if self.after_mm <= low:
            return f"within {low:g} mm"
        return f"{low:g} to {high:g} mm" if self.after_mm <= high else f"above {high:g} mm"

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        return {
            "name": self.name,
            "fixed_lps_mm": list(self.fixed_lps_mm),
            "moving_lps_mm": list(self.moving_lps_mm),
            "before_mm": self.before_mm,
            "after_mm": self.after_mm,
            "after_inverse_mm": self.after_inverse_mm,
            "mark": self.mark,
            "remark": self.remark,
        }


@dataclass(frozen=True)
class TargetRegistrationError:
    """The errors of all pairs, and the names that have no partner."""

    landmarks: tuple[LandmarkError, ...]
    unpaired: tuple[str, ...]
    tolerance: Tolerance = TG_132
    observer_mm: float | None = None
    """How far apart repeated placements of one landmark lie, root mean square; None where it is not known."""

    @property
    def undefined(self) -> list[LandmarkError]:
        """Those where the mapping says nothing."""
        return [landmark for landmark in self.landmarks if landmark.after_mm is None]

    def findings(self, subject: str) -> tuple[Finding, ...]:
        """Return what they show to be wrong: errors beyond the tolerance, or larger than before, or not defined."""
        after = [landmark.after_mm for landmark in self.landmarks if landmark.after_mm is not None]
        evidence: dict[str, Any] = {
            "landmarks": len(self.landmarks),
            "undefined": len(self.undefined),
            "before_mean_mm": _statistics([landmark.before_mm for landmark in self.landmarks])["mean"],
            "mean_mm": _statistics(after)["mean"],
            "max_mm": _statistics(after)["max"],
        }
        return (*self._off(subject, evidence), *self._worse(subject, evidence), *self._nowhere(subject, evidence))

    def _off(self, subject: str, evidence: dict[str, Any]) -> Iterator[Finding]:
        mean, largest, tolerance = evidence["mean_mm"], evidence["max_mm"], self.tolerance
        if mean is None or (mean <= tolerance.mean_mm and largest <= tolerance.largest_mm):
            return
        beyond = [error for error in self.landmarks if (error.after_mm or 0) > tolerance.largest_mm]
        beyond.sort(key=lambda landmark: -(landmark.after_mm or 0))
        message = (
            f"The registration leaves landmarks {mean:.3g} mm apart on average, {largest:.3g} mm at most "
            f"({len(self.landmarks) - len(self.undefined)} pairs); {tolerance.mean_mm:g} and {tolerance.largest_mm:g} "
            "mm are tolerated"
        )
        named = [landmark.name for landmark in beyond[:MOST_NAMED]]
        if beyond:
            rest = f" and {len(beyond) - 3} more" if len(beyond) > 3 else ""
            message += f". Farther off than {tolerance.largest_mm:g} mm: {', '.join(named[:3])}{rest}"
        limits = {"tolerance_mean_mm": tolerance.mean_mm, "tolerance_max_mm": tolerance.largest_mm, "farthest": named}
        yield Finding("reg-landmarks-off", "error", f"{message}.", subject, {**evidence, **limits})

    def _worse(self, subject: str, evidence: dict[str, Any]) -> Iterator[Finding]:
        known = [landmark for landmark in self.landmarks if landmark.after_mm is not None]
        if not known:
            return
        before = math.fsum(landmark.before_mm for landmark in known) / len(known)
        if evidence["mean_mm"] > before + WORSE_MM:
            message = (
                f"The landmarks are {evidence['mean_mm']:.3g} mm apart with the registration, on average, and "
                f"{before:.3g} mm without it: it makes things worse."
            )
            yield Finding("reg-landmarks-worse", "error", message, subject, {**evidence, "before_mean_mm": before})

    def _nowhere(self, subject: str, evidence: dict[str, Any]) -> Iterator[Finding]:
        names = [landmark.name for landmark in self.undefined]
        if not names:
            return
        rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
        message = (
            f"The registration says nothing at {len(names)} of {len(self.landmarks)} landmarks: "
            f"{', '.join(names[:3])}{rest}."
        )
        severity: Severity = "error" if len(names) == len(self.landmarks) else "warning"
        evidence = {**evidence, "names": names[:MOST_NAMED]}
        yield Finding("reg-landmarks-undefined", severity, message, subject, evidence)

    @property
    def statistics(self) -> dict[str, dict[str, float | None]]:
        """Mean, largest, percentiles and root mean square ``before_mm``, ``after_mm`` and ``after_inverse_mm``.

        Each over the pairs where there is an error.
        """
        return {
            name: _statistics([getattr(landmark, name) for landmark in self.landmarks])
            for name in ("before_mm", "after_mm", "after_inverse_mm")
        }

    @property
    def without_observer_mm(self) -> float | None:
        """Root mean square of the errors without the observer's: they add up in squares. 0 where it explains all.

        None without errors, or where the observer's is not known.
        """
        rms = self.statistics["after_mm"]["rms"]
        if rms is None or self.observer_mm is None:
            return None
        return math.sqrt(max(rms**2 - self.observer_mm**2, 0.0))

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        return {
            **self.statistics,
            "observer_error_mm": self.observer_mm,
            "after_without_observer_rms_mm": self.without_observer_mm,
            "marks_mm": [self.tolerance.mean_mm, self.tolerance.largest_mm],
            "undefined": [landmark.name for landmark in self.undefined],
            "unpaired": list(self.unpaired),
            "landmarks": [landmark.to_dict() for landmark in self.landmarks],
        }


def _statistics(values: Sequence[float | None]) -> dict[str, float | None]:
    known = [value for value in values if value is not None]
    if not known:
        return dict.fromkeys(("mean", "max", "p50", "p95", "rms"))
    p50, p95 = np.percentile(known, (50, 95)).tolist()
    rms = math.sqrt(math.fsum(value * value for value in known) / len(known))
    return {"mean": math.fsum(known) / len(known), "max": max(known), "p50": p50, "p95": p95, "rms": rms}


def target_registration_error(
    mapping: Mapping,
    fixed: Sequence[Landmark],
    moving: Sequence[Landmark],
    tolerance: Tolerance = TG_132,
    observer_mm: float | None = None,
) -> TargetRegistrationError:
    """Return errors of landmarks of the registered frame against those of the same name in the source frame.

    Raises MappingError when a matrix cannot be inverted. Raises UsageError when a name occurs twice, or there is no
    pair, or the observer's error is no number of mm.

    Parameters
    ----------
    fixed, moving
        Landmarks in the registered and in the source frame, LPS mm. Pairs are made by name, and by order when no name
        occurs in both and the numbers agree.
    """
    if observer_mm is not None and not 0 <= observer_mm < math.inf:
        raise UsageError(f"an observer error of {observer_mm:g} mm: expected 0 mm or more")
    names, first, second, unpaired = _pairs(fixed, moving)
    mapped = mapping.map_points(first)
    back = mapping.map_points_inverse(second)
    rows = []
    for number, name in enumerate(names):
        after = _distance(mapped[number], second[number])
        inverse = _distance(back.points[number], first[number])
        remarks = []
        if after is None:
            remarks.append("the mapping is undefined here (outside the grid or beside undefined vectors)")
        if inverse is None:
            remarks.append("the inverse was not found for its partner")
        rows.append(
            LandmarkError(
                name,
                tuple(first[number].tolist()),
                tuple(second[number].tolist()),
                float(np.linalg.norm(first[number] - second[number])),
                after,
                inverse,
                "; ".join(remarks),
                tolerance,
            )
        )
    return TargetRegistrationError(tuple(rows), tuple(unpaired), tolerance, observer_mm)


def _distance(values: np.ndarray, other: np.ndarray) -> float | None:
    distance = float(np.linalg.norm(values - other))
    return distance if math.isfinite(distance) else None


def _pairs(
    fixed: Sequence[Landmark], moving: Sequence[Landmark]
) -> tuple[list[str], np.ndarray, np.ndarray, list[str]]:
    by_name = [{landmark.name: landmark for landmark in landmarks} for landmarks in (fixed, moving)]
    for landmarks, names, which in ((fixed, by_name[0], "fixed"), (moving, by_name[1], "moving")):
        if len(names) != len(landmarks):
            seen = [landmark.name for landmark in landmarks]
            twice = next(name for name in seen if seen.count(name) > 1)
            raise UsageError(f"the {which} landmarks hold {twice!r} more than once; names must be unique")
    common = [name for name in by_name[0] if name in by_name[1]]
    if common:
        pairs = [(name, by_name[0][name], by_name[1][name]) for name in common]
        unpaired = [name for names in by_name for name in names if name not in common]
    elif fixed and len(fixed) == len(moving):
        pairs = [(landmark.name, landmark, other) for landmark, other in zip(fixed, moving, strict=True)]
        unpaired = []
    else:
        raise UsageError(
            f"no landmark name occurs in both lists ({len(fixed)} fixed, {len(moving)} moving), "
            "and their numbers differ, so they cannot be paired by order either"
        )
    first = np.array([landmark.position_lps_mm for _, landmark, _ in pairs], dtype=np.float64)
    second = np.array([other.position_lps_mm for _, _, other in pairs], dtype=np.float64)
    return [name for name, _, _ in pairs], first, second, unpaired


def read_landmarks(path: str | PathLike[str]) -> list[Landmark]:
    """Return landmarks of a CSV file with the columns ``x``, ``y``, ``z`` (LPS mm) and, if there is one, ``name``.

    Raises FileError when the file cannot be read, lacks a column, or a row holds no three finite numbers; says which
    row.
    """
    place = Path(path)
    try:
        raw, _ = open_regular_file(place)
        with io.TextIOWrapper(io.BufferedReader(raw), "utf-8-sig", newline="") as file:
            rows = list(_rows(place, csv.DictReader(file, skipinitialspace=True)))
    except OSError as error:
        raise FileError(place, f"cannot be read ({error.strerror or error})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(place, f"is not CSV text ({error})") from error
    if not rows:
        raise FileError(place, "holds no landmarks")
    return rows


def _rows(path: Path, reader: csv.DictReader[str]) -> list[Landmark]:
    columns = {(name or "").strip().lower(): name for name in reader.fieldnames or []}
    missing = [name for name in "xyz" if name not in columns]
    if missing:
        raise FileError(path, f"has no column {missing[0]!r}; expected the header name,x,y,z (LPS mm)")
    label = next((columns[name] for name in ("name", "label", "id") if name in columns), None)
    landmarks: list[Landmark] = []
    for row in reader:
        if len(landmarks) >= MOST_LANDMARKS:
            raise FileError(path, LANDMARKS.sentence)
        if any(cell.strip() for cell in row.get(None) or ()):
            # Decimal commas, for instance: read on, the point would lie somewhere else.
            raise FileError(path, f"line {reader.line_num} has more cells than the header has columns")
        position = tuple(_coordinate(row[columns[name]]) for name in "xyz")
        if not all(math.isfinite(value) for value in position):
            raise FileError(path, f"line {reader.line_num} holds no three finite numbers in the columns x, y, z")
        name = (row[label] or "").strip() if label else ""
        landmarks.append(Landmark(name or str(len(landmarks) + 1), position))
    return landmarks


def _coordinate(cell: str | None) -> float:
    """The number in a cell; NaN where there is none. Python alone would also take ``1_0``."""
    try:
        return math.nan if cell is None or "_" in cell else float(cell)
    except ValueError:
        return math.nan
