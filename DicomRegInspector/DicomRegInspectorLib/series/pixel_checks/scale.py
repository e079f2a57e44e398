"""What a pixel means: its size in which plane and unit, and its value after rescaling."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

from ...dicom import tags
from ...dicom.tags import BITS_STORED, INTERCEPT, MODALITY_LUT, REPRESENTATION, RESCALE_TYPE, SLOPE, Tag
from ...findings import Finding, Severity
from ..geometry.header_numbers import invalid_numbers
from .bits import ValueScan
from .pixel_facts import (
    ASPECT_RATIO,
    CALIBRATION_TYPE,
    IMAGER_SPACING,
    MAGNIFICATION,
    NOMINAL_SPACING,
    PLANE_SPACING,
    PixelFacts,
    named,
)

_PROJECTIONS = tags.storage_classes("1 1.1 1.1.1 1.2 1.2.1 1.3 1.3.1 12.1 12.2")
_ULTRASOUND = tags.storage_classes("3 3.1 6 6.1")
_CT, _MR = tags.STORAGE + "2", tags.STORAGE + "4"
_CENTIMETRES = 3
_TISSUE = 1
"""Region Data Type of an ultrasound image of tissue, as opposed to a curve or a spectrum."""
SAME_SPACING = 1e-3
"""Relative difference below which two spacings are the same."""
NARROW, WIDE = 1.0, 1e7
"""A rescaled range of an MR below or above this is no signal that anybody displays as whole numbers."""
PLAUSIBLE_MAP = 1e-4
"""A range of a quantitative map in its units."""
HOUNSFIELD_SLOPE = (0.01, 100.0)
LOWEST_HU = -100_000.0


@dataclass(frozen=True)
class Spacing:
    """The distances between pixel centres that apply to a file."""

    element: str
    """The element it is from."""
    mm: tuple[float, float] | None
    """Between rows, then columns."""
    where: str
    """The plane or the object it holds for."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        return {"element": self.element, "mm": list(self.mm) if self.mm else None, "where": self.where}


def spacing_of(facts: PixelFacts) -> Spacing | None:
    """Return which spacing applies (C.7.6.2, C.8.5.5, 10.7); None where the file gives none."""
    plain = _pair(facts, Tag.PIXEL_SPACING)
    if _is(facts, _ULTRASOUND) and _tissue(facts):
        delta = _tissue(facts)[0]
        return Spacing("Sequence of Ultrasound Regions (0018,6011)", (delta[1], delta[0]), "the ultrasound region")
    if plain is not None:
        where = "the patient"
        if _is(facts, _PROJECTIONS):
            where = "the calibrated plane" if _is_calibrated(facts) else "the detector"
        return Spacing(named(Tag.PIXEL_SPACING), plain, where)
    if facts.spacings:
        values = next(iter(facts.spacings))
        mm = (values[0], values[1]) if len(values) == 2 else None
        return Spacing("Pixel Measures Sequence (0028,9110)", mm, "the patient")
    for tag, where in (
        (IMAGER_SPACING, "the detector"),
        (PLANE_SPACING, "the RT image plane"),
        (NOMINAL_SPACING, "the digitized film"),
    ):
        pair = _pair(facts, tag)
        if pair is not None:
            return Spacing(named(tag), pair, where)
    return None


def _is(facts: PixelFacts, classes: Container[str]) -> bool:
    sop_class = str(facts.get(Tag.SOP_CLASS_UID, ""))
    return sop_class in classes or sop_class.startswith((tags.STORAGE + "12.1.", tags.STORAGE + "12.2.")) & (
        classes is _PROJECTIONS
    )


def _pair(facts: PixelFacts, tag: int) -> tuple[float, float] | None:
    values = facts.values.get(tag, ())
    return (float(values[0]), float(values[1])) if len(values) == 2 else None


def _tissue(facts: PixelFacts) -> list[tuple[float, float]]:
    """X and Y distances, mm, of the regions that show tissue in centimetres."""
    return [
        (abs(region.deltas[0]) * 10, abs(region.deltas[1]) * 10)
        for region in facts.regions
        if region.units == (_CENTIMETRES, _CENTIMETRES) and region.data_type in (0, _TISSUE, 2)
    ]


def _is_calibrated(facts: PixelFacts) -> bool:
    plain, imager = _pair(facts, Tag.PIXEL_SPACING), _pair(facts, IMAGER_SPACING)
    return bool(facts.text(CALIBRATION_TYPE)) or (imager is not None and plain is not None and not _same(plain, imager))


def _same(pair: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(abs(a - b) <= SAME_SPACING * max(abs(a), abs(b)) for a, b in zip(pair, other, strict=True))


def spacing_findings(facts: PixelFacts) -> Iterator[Finding]:
    """Yield ``pixel-spacing-kind`` where the spacing that applies is not plainly that in the patient."""
    plain, imager = _pair(facts, Tag.PIXEL_SPACING), _pair(facts, IMAGER_SPACING)
    evidence: dict[str, Any] = {"pixel_spacing_mm": plain, "imager_pixel_spacing_mm": imager}

    def finding(severity: Severity, text: str) -> Finding:
        return Finding("pixel-spacing-kind", severity, text, facts.path, evidence)

    for number in invalid_numbers(facts.number_texts, lambda: facts.identities):
        evidence_of_number = {"values": [number.text], "images": 1}
        yield Finding("number-invalid", number.severity, number.message, facts.path, evidence_of_number)
    if facts.get(IMAGER_SPACING) is not None and (imager is None or not all(0 < v < math.inf for v in imager)):
        said = "\\".join(f"{value:g}" for value in facts.values[IMAGER_SPACING])
        yield finding("warning", f"{named(IMAGER_SPACING)} is {said}: two positive numbers in mm are expected")
    if _is(facts, _PROJECTIONS) and (plain or imager):
        yield from _projection_findings(facts, plain, imager, finding)
    elif _is(facts, _ULTRASOUND):
        yield from _ultrasound_findings(facts, plain, evidence, finding)
    ratio = facts.values.get(ASPECT_RATIO, ())
    if (
        len(ratio) == 2
        and ratio[0] > 0
        and ratio[1] > 0
        and plain
        and not _same((plain[0], plain[1]), (plain[1] * ratio[0] / ratio[1], plain[1]))
    ):
        evidence["aspect_ratio"] = list(ratio)
        text = f"{named(ASPECT_RATIO)} is {ratio[0]:g}:{ratio[1]:g}, Pixel Spacing {plain[0]:g} × {plain[1]:g} mm"
        yield finding("warning", text)


def _projection_findings(facts: PixelFacts, plain: Any, imager: Any, finding: Any) -> Iterator[Finding]:
    factor = facts.get(MAGNIFICATION)
    known = f"; the estimated magnification is {factor:g}" if factor else ""
    if plain is None:
        text = f"Only {named(IMAGER_SPACING)} is given, {imager[0]:g} × {imager[1]:g} mm: it holds at the detector"
        yield finding("info", f"{text}, and distances in the patient are smaller{known}")
    elif imager is not None and not _same(plain, imager) and not facts.text(CALIBRATION_TYPE):
        text = (
            f"{named(Tag.PIXEL_SPACING)} ({plain[0]:g} mm) is not {named(IMAGER_SPACING)} "
            f"({imager[0]:g} mm): it was calibrated, but {named(CALIBRATION_TYPE)} does not say how{known}"
        )
        yield finding("info", text)
    elif not facts.text(CALIBRATION_TYPE):
        text = f"{named(Tag.PIXEL_SPACING)} of this projection is not said to be calibrated"
        yield finding("info", f"{text}: it holds at the detector, distances in the patient are smaller{known}")


def _ultrasound_findings(facts: PixelFacts, plain: Any, evidence: Any, finding: Any) -> Iterator[Finding]:
    deltas = _tissue(facts)
    evidence["regions_mm"] = [list(delta) for delta in deltas[:8]]
    evidence["regions"] = len(facts.regions)
    if any(not all(0 < v < math.inf for v in delta) for delta in deltas):
        yield finding(
            "warning", "A calibrated ultrasound region has a Physical Delta of 0: nothing can be measured there"
        )
    elif plain and deltas and not any(_same((delta[1], delta[0]), plain) for delta in deltas):
        delta = deltas[0]
        text = f"{named(Tag.PIXEL_SPACING)} is {plain[0]:g} × {plain[1]:g} mm, the ultrasound region has "
        yield finding("warning", f"{text}{delta[1]:g} × {delta[0]:g} mm; the region's calibration applies in it")
    elif len({(round(a, 6), round(b, 6)) for a, b in deltas}) > 1:
        sizes = ", ".join(f"{delta[1]:g} × {delta[0]:g}" for delta in deltas[:4])
        yield finding("info", f"The ultrasound image has regions of different calibration ({sizes} mm)")
    elif not deltas and not plain:
        yield finding("info", "The ultrasound image has no calibrated region and no Pixel Spacing: pixels have no size")


def rescale_findings(facts: PixelFacts, scan: ValueScan | None) -> Iterator[Finding]:
    """Yield ``rescale-absurd`` for what cannot be meant, ``rescale-varies`` within a file."""
    slope, intercept = facts.get(SLOPE), facts.get(INTERCEPT)
    pairs = [(slope, intercept, facts.text(RESCALE_TYPE))] if SLOPE in facts.values or INTERCEPT in facts.values else []
    pairs += list(facts.rescales)
    for one_slope, one_intercept, kind in pairs[:1] + [pair for pair in pairs[1:] if pair[0] in (0, None)][:1]:
        yield from _one_rescale(facts, one_slope, one_intercept, kind, scan)
    if _is(facts, (_CT,)) and not pairs and MODALITY_LUT not in facts.present:
        text = f"{named(SLOPE)} and {named(INTERCEPT)} are missing: CT values have no scale"
        yield Finding("rescale-absurd", "warning", text, facts.path, {"slope": None, "intercept": None})
    frames = [pair for pair, count in facts.rescales.items() if count]
    if len(frames) > 1:
        slopes, intercepts = [frame[0] for frame in frames], [frame[1] for frame in frames]
        text = (
            f"{len(frames)} different rescales in one file: slope {min(slopes):g} to {max(slopes):g}, intercept "
            f"{min(intercepts):g} to {max(intercepts):g}"
        )
        evidence = {"rescales": len(frames), "slope_min": min(slopes), "slope_max": max(slopes)}
        evidence |= {"intercept_min": min(intercepts), "intercept_max": max(intercepts)}
        by_design = facts.text(Tag.MODALITY) in ("PT", "NM")
        yield Finding("rescale-varies", "info" if by_design else "warning", text, facts.path, evidence)


def _one_rescale(
    facts: PixelFacts, slope: float | None, intercept: float | None, kind: str, scan: ValueScan | None
) -> Iterator[Finding]:
    evidence: dict[str, Any] = {"slope": slope, "intercept": intercept, "rescale_type": kind}

    def finding(severity: Severity, text: str) -> Finding:
        return Finding("rescale-absurd", severity, text, facts.path, evidence)

    known = [value for value in (slope, intercept) if isinstance(value, float) and math.isfinite(value)]
    if len(known) < 2 or slope is None or intercept is None:
        names = " and ".join(named(tag) for tag, v in ((SLOPE, slope), (INTERCEPT, intercept)) if v not in known)
        yield finding("warning", f"{names or named(SLOPE)} is missing or no number: readers assume different things")
        return
    if slope == 0:
        yield finding("error", f"{named(SLOPE)} is 0: every pixel gets the value {intercept:g}")
        return
    low, high = _limits(facts, scan)
    ends = sorted((low * slope + intercept, high * slope + intercept))
    evidence |= {"lowest_value": ends[0], "highest_value": ends[1]}
    name = f"slope {slope:g}, intercept {intercept:g}"
    if _is(facts, (_CT,)):
        yield from _ct_findings(facts, slope, intercept, ends, name, finding)
    elif _is(facts, (_MR,)):
        if slope < 0 or kind == "HU":
            what = "a negative slope" if slope < 0 else "Hounsfield units"
            yield finding("warning", f"An MR with {what} ({name}): a rescale of another kind of image?")
        elif not NARROW <= ends[1] - ends[0] <= WIDE:
            text = f"The rescale of this MR ({name}) gives {ends[0]:g} to {ends[1]:g}: whole numbers cannot hold"
            # Diffusion maps in mm²/s are that small and meant.
            is_map = PLAUSIBLE_MAP <= ends[1] - ends[0] < NARROW
            yield finding("info" if is_map else "warning", f"{text} them")


def _limits(facts: PixelFacts, scan: ValueScan | None) -> tuple[float, float]:
    if scan is not None and scan.count and scan.largest > scan.smallest:
        return scan.smallest, scan.largest
    bits = facts.get(BITS_STORED) or 16
    return (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if facts.signed else (0.0, 2.0**bits - 1)


def _ct_findings(
    facts: PixelFacts, slope: float, intercept: float, ends: list[float], name: str, finding: Any
) -> Iterator[Finding]:
    kind = facts.text(RESCALE_TYPE)
    types = [str(value).upper() for value in facts.values.get(Tag.IMAGE_TYPE, ())]
    in_hounsfield = kind == "HU" or (not kind and types[:2] == ["ORIGINAL", "PRIMARY"] and "LOCALIZER" not in types)
    if not in_hounsfield:
        return
    if slope < 0 or not HOUNSFIELD_SLOPE[0] <= slope <= HOUNSFIELD_SLOPE[1] or intercept < LOWEST_HU:
        yield finding("warning", f"The rescale of this CT ({name}) gives {ends[0]:g} to {ends[1]:g} HU")
    elif facts.get(REPRESENTATION) == 0 and intercept >= 0 and "LOCALIZER" not in types:
        text = f"This CT ({name}, unsigned values) cannot hold anything below {intercept:g} HU, and air is -1000"
        yield finding("warning", f"{text}: the intercept or the sign was lost")
