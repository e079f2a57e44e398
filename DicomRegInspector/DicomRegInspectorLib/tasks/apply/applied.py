"""What came of applying a transform: what was written, and how much of it could not be told."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...findings import Finding
from .transform import Moved, Transform


@dataclass(frozen=True)
class Coverage:
    """How many voxels of an output have values, and why others have none."""

    voxels: int
    undefined: int
    """Where the transform leads nowhere: outside its grid, undefined vectors, no inverse."""
    outside: int
    """Where it leads beyond the input, or to where the input has no value (padding)."""
    fill: float
    """What stands there."""
    voxel_ml: float

    @property
    def filled(self) -> int:
        """Voxels with the fill value for want of any other."""
        return self.undefined + self.outside

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        counts = {name: getattr(self, name) for name in ("undefined", "outside", "filled")}
        return {
            "voxels": self.voxels,
            **{f"{name}_voxels": count for name, count in counts.items()},
            **{f"{name}_ml": count * self.voxel_ml for name, count in counts.items()},
            "fill": self.fill,
        }


@dataclass(frozen=True)
class Part:
    """A label, segment or structure before and after; None where it was not measured."""

    name: str
    number: int | None = None
    volume_before_ml: float | None = None
    volume_after_ml: float | None = None
    undefined_percent: float | None = None
    """Share of what was there before that has no place in the output's frame."""
    outside_percent: float | None = None
    """Share that lies beyond the output's voxels."""
    measured: int = 0
    """Points of it that these shares were measured at."""
    folded_percent: float | None = None
    """Share of it, in the registered frame, where the registration folds."""

    @property
    def undefined_ml(self) -> float | None:
        """What has no place in the output's frame."""
        return self._share(self.undefined_percent)

    @property
    def outside_ml(self) -> float | None:
        """What lies beyond the output's voxels."""
        return self._share(self.outside_percent)

    def _share(self, percent: float | None) -> float | None:
        return None if percent is None or self.volume_before_ml is None else self.volume_before_ml * percent / 100

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        return {**vars(self), "undefined_ml": self.undefined_ml, "outside_ml": self.outside_ml}


@dataclass(frozen=True)
class Residual:
    """How far points that were searched for map from where they should."""

    points: int
    lost: int
    """For which there is none."""
    max_mm: float | None
    """Of those found."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        return dict(vars(self))


def residual_of(*moved: Moved) -> Residual | None:
    """Return what searching for points left over; None where none were searched for."""
    searched = [points for points in moved if points.residual_mm is not None]
    if not searched:
        return None
    count, lost, largest = 0, 0, 0.0
    for points in searched:
        found = np.isfinite(points.points).all(axis=-1)
        count += found.size
        lost += int(found.size - np.count_nonzero(found))
        assert points.residual_mm is not None
        largest = max(largest, float(points.residual_mm[found].max(initial=0.0)))
    return Residual(count, lost, None if lost == count else largest)


@dataclass(frozen=True, eq=False)
class Applied:
    """What was written, by what, and what has to be known of it."""

    kind: str
    """``image``, ``labels``, ``structures``, ``dose`` or ``points``."""
    transform: Transform
    output: Path
    files: tuple[str, ...] = ()
    """Their names, where the output is a folder."""
    format: str = ""
    """What was written, in a few words."""
    interpolation: str = ""
    """Empty where nothing was interpolated."""
    dimensions: tuple[int, int, int] | None = None
    spacing_mm: tuple[float, float, float] | None = None
    """Of the output's voxels."""
    frame_uid: str = ""
    """Frame of Reference UID of the output; empty where nothing tells."""
    coverage: Coverage | None = None
    parts: tuple[Part, ...] = ()
    residual: Residual | None = None
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)
    """What else a kind tells, for the JSON report."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        own = self.transform
        return {
            "schema": 1,
            "written": os.fspath(self.output),
            "kind": self.kind,
            "files": list(self.files),
            "format": self.format,
            "transform": {
                "file": str(own.registration.path),
                "then": list(own.then),
                "format": own.registration.format,
                "sop_instance_uid": own.registration.sop_instance_uid,
                "item": own.item.number,
                "inverse": own.inverse,
                "description": own.description,
            },
            "input_frame_of_reference_uid": own.input_frame_uid,
            "frame_of_reference_uid": self.frame_uid,
            "interpolation": self.interpolation or None,
            "dimensions": None if self.dimensions is None else list(self.dimensions),
            "spacing_mm": None if self.spacing_mm is None else list(self.spacing_mm),
            "coverage": None if self.coverage is None else self.coverage.to_dict(),
            "parts": [part.to_dict() for part in self.parts],
            "residual": None if self.residual is None else self.residual.to_dict(),
            **self.more,
            "notes": list(self.notes),
            "findings": [finding.to_dict() for finding in self.findings],
        }
