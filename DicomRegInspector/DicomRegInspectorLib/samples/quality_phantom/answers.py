"""What the quality report of the phantom must say: each number by a formula, none by measuring."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .boxes import COMPARED_MM, STRUCTURES, PhantomStructure, agreement_of_boxes, landmark_nodes
from .files import landmark_points
from .waves import COUNT, LOW_MM, STEP_MM, Array, WaveField, nodes

_PERCENTS = {"p1": 1, "p5": 5, "p50": 50, "p95": 95, "p99": 99}
OBSERVER_MM = 1.0
"""What is told of the observers' error in placing the landmarks."""
INVERSE_SAMPLES = 5_000
"""Points at which a report looks for the inverse."""


@dataclass(frozen=True)
class Answer:
    """A number of the report, and where in its JSON it stands."""

    path: str
    """Keys and numbers of list entries, with dots between them, below ``items[0]``."""
    value: float


def answers_of(field: WaveField, *, with_judges: bool) -> list[Answer]:
    """Return every number that the report of a field must show.

    Parameters
    ----------
    with_judges
        Whether structures and landmarks are handed in, which belong to the field :data:`.waves.STRETCH`.
    """
    told: dict[str, Any] = {"number": 1, **_of_vectors(field), **_of_jacobian(field), "bulk": _of_bulk(field)}
    told |= {"bending_energy": field.bending_energy(), "bending_energy_sample": _bending_sample()}
    if told["jacobian"]["min"] > 0:
        told["inverse_residual_mm"] = {"max": 0, "p99": 0, "mean": 0, "samples": INVERSE_SAMPLES, "not_found": 0}
    if with_judges:
        # The fixed image is the moving one where the registration sends it.
        told["audit"] = {"ranking": [{"overlap": 1.0, "ncc": 1.0}]}
        told["structures"] = [_of_structure(field, structure) for structure in STRUCTURES]
        told["landmarks"] = _of_landmarks(field)
    return [Answer(path, value) for path, value in flattened(told)]


def flattened(told: object, path: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers of a JSON value with their paths."""
    if isinstance(told, Mapping):
        entries: Sequence[tuple[object, object]] = list(told.items())
    elif isinstance(told, list | tuple):
        entries = list(enumerate(told))
    else:
        if isinstance(told, int | float | np.number) and not isinstance(told, bool):
            yield path, float(told)
        return
    for key, value in entries:
        yield from flattened(value, f"{path}.{key}" if path else str(key))


def _statistics(values: Array, *names: str) -> dict[str, float]:
    flat = values.reshape(-1)
    plain = {"min": float(flat.min()), "max": float(flat.max()), "mean": float(flat.mean())}
    return {name: plain[name] if name in plain else float(np.percentile(flat, _PERCENTS[name])) for name in names}


def _of_vectors(field: WaveField) -> dict[str, Any]:
    vectors = field.displacement(nodes())
    lengths = np.linalg.norm(vectors, axis=-1)
    k, j, i = np.unravel_index(int(lengths.argmax()), lengths.shape)
    longest = np.array([i, j, k], float)
    names = ("min", "max", "mean", "p1", "p5", "p50", "p95", "p99")
    ras = vectors * (-1, -1, 1)
    components = {axis: _statistics(ras[..., number], *names) for number, axis in enumerate("RAS")}
    voxels = {axis: _statistics(vectors[..., number] / STEP_MM[number], *names) for number, axis in enumerate("ijk")}
    moved = _statistics(lengths, "max", "mean", "p50", "p95", "p99")
    places = {"max_place_lps_mm": (LOW_MM + longest * STEP_MM).tolist()}
    return {
        "dimensions": COUNT.tolist(),
        "measured_axes": 3,
        "displacement_mm": {**moved, **places, "components_ras": components},
        "displacement_voxels": {"components_ijk": voxels},
    }


def _determinants(field: WaveField, points: Array) -> Array:
    determinants: Array = np.linalg.det(field.pre[:3, :3] + field.gradient(points))
    return determinants


def _curl(field: WaveField, points: Array) -> Array:
    gradient = field.gradient(points)
    turning = gradient - np.swapaxes(gradient, -1, -2)
    length: Array = np.sqrt(turning[..., 2, 1] ** 2 + turning[..., 0, 2] ** 2 + turning[..., 1, 0] ** 2)
    return length


def _of_jacobian(field: WaveField) -> dict[str, Any]:
    points = nodes()
    determinants = _determinants(field, points)
    folded = np.argwhere(determinants <= 0)[:, ::-1]
    jacobian = _statistics(determinants, "min", "max", "mean", "p1", "p50", "p99")
    jacobian["nonpositive_fraction"] = len(folded) / determinants.size
    jacobian["nonpositive_volume_cm3"] = len(folded) * float(np.prod(STEP_MM)) / 1000
    inner = np.log(np.clip(determinants[2:-2, 2:-2, 2:-2] + 3, 1e-9, 1e9))
    jacobian["sd_log"] = float(inner.std())
    told: dict[str, Any] = {
        "jacobian": jacobian,
        "curl": _statistics(_curl(field, points), "max", "mean", "p50", "p95", "p99"),
    }
    if len(folded):
        first, last = folded.min(axis=0), folded.max(axis=0)
        lowest = np.array(np.unravel_index(int(determinants.argmin()), determinants.shape)[::-1])
        told["regions"] = {
            "folded": {
                "count": len(folded),
                "percent": 100 * len(folded) / determinants.size,
                "first_index_ijk": first.tolist(),
                "last_index_ijk": last.tolist(),
                "box_min_lps_mm": (LOW_MM + first * STEP_MM).tolist(),
                "box_max_lps_mm": (LOW_MM + last * STEP_MM).tolist(),
                "lowest_at_lps_mm": (LOW_MM + lowest * STEP_MM).tolist(),
            }
        }
    return told


def _bending_sample() -> dict[str, float]:
    inner = int(np.prod(COUNT - 2))
    return {"standard_error": 0.0, "samples": inner, "of": inner}


def _of_bulk(field: WaveField) -> dict[str, Any]:
    """The closest rigid and affine mappings: all turns are about z, so the angle has a closed form.

    ``Σ mapped · pointᵀ`` turns the least-squares problem into ``tan θ = (H₁₀ - H₀₁) / (H₀₀ + H₁₁)``.
    """
    points = nodes().reshape(-1, 3)
    mapped = field.source_of(points)
    centre, target = points.mean(axis=0), mapped.mean(axis=0)
    spread = points - centre
    shared = (mapped - target).T @ spread
    affine = shared @ np.linalg.inv(spread.T @ spread)
    moved = float(np.sqrt(np.mean(np.sum((mapped - points) ** 2, axis=1))))
    told = {}
    for kind, linear in (("rigid", _turn(_angle(shared))), ("affine", affine)):
        left = np.linalg.norm(mapped - target - spread @ linear.T, axis=1)
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = linear, target - linear @ centre
        told[kind] = {
            "matrix_lps": matrix.tolist(),
            "centre_lps_mm": centre.tolist(),
            "shift_mm": (target - centre).tolist(),
            "shift_length_mm": float(np.linalg.norm(target - centre)),
            "rotation_deg": abs(math.degrees(_angle(linear))),
            "volume_ratio": float(np.linalg.det(linear)),
            "residual_rms_mm": float(np.sqrt(np.mean(left**2))),
            "residual_max_mm": float(left.max()),
            "displacement_rms_mm": moved,
        }
    return told


def _angle(matrix: Array) -> float:
    return math.atan2(matrix[1, 0] - matrix[0, 1], matrix[0, 0] + matrix[1, 1])


def _turn(angle: float) -> Array:
    turn = np.eye(3)
    turn[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    return turn


def _of_structure(field: WaveField, structure: PhantomStructure) -> dict[str, Any]:
    points = nodes()
    inside = points[structure.fixed.holds(points)]
    determinants = _determinants(field, inside)
    return {
        "voxel_mm": COMPARED_MM.tolist(),
        "fixed_volume_cm3": structure.fixed.cm3,
        "fixed_centre_lps_mm": structure.fixed.centre.tolist(),
        "moving_volume_cm3": structure.moving.cm3,
        "moving_centre_lps_mm": structure.moving.centre.tolist(),
        "undefined_fraction": 0.0,
        "before": agreement_of_boxes(structure.fixed, structure.moving),
        "after": agreement_of_boxes(structure.fixed, structure.true),
        "jacobian": {
            **_statistics(determinants, "min", "max", "mean", "p1", "p99"),
            "nonpositive_fraction": 0.0,
            "nodes": len(inside),
        },
    }


def _of_landmarks(field: WaveField) -> dict[str, Any]:
    """Partners are images of nodes: what the inverse makes of them is known."""
    fixed, moving = landmark_points()
    right = LOW_MM + landmark_nodes()[1] * STEP_MM
    errors = {
        "before_mm": np.linalg.norm(fixed - moving, axis=1),
        "after_mm": np.linalg.norm(field.source_of(fixed) - moving, axis=1),
        "after_inverse_mm": np.linalg.norm(right - fixed, axis=1),
    }
    told: dict[str, Any] = {name: _statistics(values, "mean", "max", "p50", "p95") for name, values in errors.items()}
    for name, values in errors.items():
        told[name]["rms"] = float(np.sqrt(np.mean(values**2)))
    told |= {"marks_mm": [2.0, 5.0], "observer_error_mm": OBSERVER_MM}
    told["after_without_observer_rms_mm"] = math.sqrt(told["after_mm"]["rms"] ** 2 - OBSERVER_MM**2)
    told["landmarks"] = [
        {
            "fixed_lps_mm": fixed[number].tolist(),
            "moving_lps_mm": moving[number].tolist(),
            **{name: float(values[number]) for name, values in errors.items()},
        }
        for number in range(len(fixed))
    ]
    return told
