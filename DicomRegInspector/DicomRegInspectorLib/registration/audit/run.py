"""The interpretation audit: which reading of a registration makes its two images agree?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...progress import Progress, report_progress
from ..mapping import Mapping
from .hypotheses import HYPOTHESES, PointMap, point_maps
from .judge import Compared, judge
from .result import AuditResult, Reading
from .sampling import Sample, draw_sample
from .scalar_image import ScalarImage
from .similarity import Measure, block_weights, score

POINTS = 30_000
"""Points looked at: correlations are then known to a few thousandths, which blocks of space limit, not points."""
FEWEST_POINTS = 500
"""Points that must be comparable; below, a joint histogram says nothing."""
FEWEST_BLOCKS = 12
"""Blocks of space that must hold comparable points; a bootstrap of fewer has too few different replicates."""
SMALLEST_SHARE = 0.5
"""Overlap, against the largest of all readings, below which a reading is not ranked: all are compared at common points,
and a reading that leaves the image must not decide which those are."""
SAME_VOXELS = 0.1
"""Readings whose points are never further apart, in voxels of the source image, lead to the same points."""


def audit_mapping(
    mapping: Mapping,
    fixed: ScalarImage,
    moving: ScalarImage,
    *,
    frames: tuple[str, str] = ("", ""),
    same_modality: bool | None = None,
    points: int = POINTS,
    seed: int = 0,
    progress: Progress | None = None,
) -> AuditResult:
    """Find the reading of a registration under which the images agree best. Nothing is changed.

    The moving image is sampled where each reading (:func:`.hypotheses.point_maps`) maps a random sample of the fixed
    image's points (:func:`.sampling.draw_sample`); the readings are ranked by how alike the values are at the points
    that all of them map into the moving image. A verdict is given when every rival is behind with 95 % confidence in
    a paired bootstrap over blocks of space, and when the images are related at all (:mod:`.judge`).

    Parameters
    ----------
    mapping
        A deformable or a matrix mapping.
    fixed
        The image in the Registered RCS.
    moving
        The image in the source frame.
    frames
        Frame of Reference UIDs that the mapping names: registered, source; empty where it does not.
    same_modality
        True: normalized cross-correlation decides. False, and None (not known): mutual information, which needs no
        common scale of values.
    points
        How many points to draw.
    seed
        Of all random draws; equal seeds give equal results.

    Returns
    -------
    AuditResult
        ``undecided`` with the reason for anything that leaves no clear answer.

    Raises
    ------
    ValueError
        When fewer than :data:`FEWEST_POINTS` points are asked for.
    FileError
        When the file with the vectors is gone or has changed.
    Cancelled
        When ``progress`` returned False.
    """
    if points < FEWEST_POINTS:
        raise ValueError(f"points must be {FEWEST_POINTS} or more, got {points}")
    measure: Measure = "ncc" if same_modality else "mutual_information"
    notes = _frame_notes(frames, fixed, moving)
    with np.errstate(over="ignore", invalid="ignore"):
        result = _audit(mapping.in_lps(), fixed, moving, measure, points, np.random.default_rng(seed), progress)
    return replace(result, measure=measure, notes=notes)


def _frame_notes(frames: tuple[str, str], fixed: ScalarImage, moving: ScalarImage) -> tuple[str, ...]:
    notes = []
    for image, name, wanted in zip((fixed, moving), ("registered", "source"), frames, strict=True):
        if image.frame_uid and wanted and image.frame_uid != wanted:
            notes.append(f"The image taken for the {name} one is in another frame of reference than the item names.")
    return tuple(notes)


def _audit(
    mapping: Mapping,
    fixed: ScalarImage,
    moving: ScalarImage,
    measure: Measure,
    count: int,
    random: np.random.Generator,
    progress: Progress | None,
) -> AuditResult:
    try:
        maps = point_maps(mapping)
    except np.linalg.LinAlgError:
        return _undecided("The registration's matrix cannot be inverted.")
    total = len(maps) + 3
    _report(progress, 0, total, "Choosing points of the registered image")
    sample = draw_sample(fixed, mapping.grid, count, random)
    if len(sample.points) < FEWEST_POINTS and "reversed" in maps:
        # The grid may lie over the source image: of a mapping that leads the other way, or of frames that are swapped.
        whole = draw_sample(fixed, None, count, random)
        sample = whole if np.isfinite(maps["reversed"](whole.points)).all(axis=1).sum() >= FEWEST_POINTS else sample
    if len(sample.points) < FEWEST_POINTS:
        return _undecided(
            f"Only {len(sample.points)} voxels of the registered image have a value and lie where the registration "
            f"defines a vector; {FEWEST_POINTS} are needed."
        )
    mapped: dict[str, np.ndarray] = {}
    values: dict[str, np.ndarray] = {}
    for name in maps:
        _report(progress, 1 + len(mapped), total, "Sampling the source image")
        mapped[name] = maps[name](sample.points)
        values[name] = moving.sample(mapped[name])
    _report(progress, total - 2, total, "Comparing the images")
    readings = _describe(maps, mapped, values, moving)
    ranked = [name for name, reading in readings.items() if reading.same_as is None and not reading.note]
    compared = _compare(sample, values, ranked, measure, random)
    _report(progress, total - 1, total, "Judging")
    if isinstance(compared, str):
        return _undecided(compared, readings)
    return judge(readings, compared, sample, mapped, values, moving, random)


def _report(progress: Progress | None, done: int, total: int, text: str) -> None:
    report_progress(progress, done, total, text, "the audit was cancelled")


def _undecided(reason: str, readings: dict[str, Reading] | None = None) -> AuditResult:
    return AuditResult("undecided", reason, tuple((readings or {}).values()))


def _describe(
    maps: dict[str, PointMap], mapped: dict[str, np.ndarray], values: dict[str, np.ndarray], moving: ScalarImage
) -> dict[str, Reading]:
    """A reading for each hypothesis, with what keeps it from being ranked."""
    tolerance = SAME_VOXELS * float(moving.spacing_mm.min())
    overlap = {name: float(np.isfinite(sampled).mean()) for name, sampled in values.items()}
    most = max(overlap.values())
    readings: dict[str, Reading] = {}
    for name in (hypothesis for hypothesis in HYPOTHESES if hypothesis in maps):
        distance = np.linalg.norm(mapped[name] - mapped["standard"], axis=1)
        known = distance[np.isfinite(distance)]
        same_as = next(
            (
                other
                for other, reading in readings.items()
                if reading.same_as is None and _coincide(mapped[other], mapped[name], tolerance)
            ),
            None,
        )
        note = ""
        if same_as is None and overlap[name] < SMALLEST_SHARE * most:
            note = f"maps only {100 * overlap[name]:.0f} % of the points into the source image"
        readings[name] = Reading(
            name,
            overlap[name],
            mean_distance_mm=float(known.mean()) if len(known) else None,
            same_as=same_as,
            note=f"same as {same_as}" if same_as else note,
        )
    return readings


def _coincide(points: np.ndarray, others: np.ndarray, tolerance: float) -> bool:
    """Whether two readings lead to the same points wherever both lead to one."""
    distance = np.linalg.norm(points - others, axis=1)
    known = np.isfinite(distance)
    return bool(known.mean() > 0.5 and (distance[known] <= tolerance).all())


def _compare(
    sample: Sample,
    values: dict[str, np.ndarray],
    ranked: list[str],
    measure: Measure,
    random: np.random.Generator,
) -> Compared | str:
    """Both measures of the readings to be ranked, at their common points; a text says why there are none."""
    stacked = np.array([values[name] for name in ranked])
    common = np.isfinite(stacked).all(axis=0)
    numbers, weights = block_weights(sample.blocks[common], random)
    if common.sum() < FEWEST_POINTS or weights.shape[1] < FEWEST_BLOCKS:
        return (
            f"Only {common.sum()} of {len(common)} points, in {weights.shape[1]} blocks of space, are mapped to values "
            f"of the source image; {FEWEST_POINTS} in {FEWEST_BLOCKS} blocks are needed."
        )
    fixed, moving = sample.values[common], stacked[:, common]
    for name, constant in (("registered", np.ptp(fixed) == 0), ("source", (np.ptp(moving, axis=1) == 0).all())):
        if constant:
            return f"The {name} image has one and the same value at all points looked at."
    scores = {name: score(name, fixed, moving, numbers, weights) for name in ("ncc", "mutual_information")}
    return Compared(tuple(ranked), scores, measure, int(common.sum()), weights.shape[1])
