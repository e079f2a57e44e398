"""What is wrong with the geometry of one stack, said with slice numbers, UIDs and millimetres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ...findings import Finding
from ...words import exact_mm, plural
from .finding_maker import FindingMaker
from .spacing import JITTER_MM, Drift, Irregular, Section
from .stacks import Stack

MIN_TILT_DEG = 0.05
SHIFT_PIXELS = 0.1
"""Share of a pixel by which a stack must be sheared, or a slice shifted, before it matters."""
HEADER_TOLERANCE = 0.05


def stack_findings(stack: Stack, subject: str) -> list[Finding]:
    """Return every finding that the geometry of one stack (with one slice at each position) decides."""
    if len(stack.slices) < 2 or stack.spacing is None:
        return []
    maker = _Maker(stack, subject)
    findings = [
        *maker.limited([maker.irregular(interval) for interval in stack.spacing.irregular]),
        *maker.limited(maker.spacing_changes()),
        *(maker.drift(drift) for drift in stack.spacing.drifts),
        *maker.limited(maker.thickness_changes()),
        *maker.tilt(),
        *maker.limited(maker.shifts()),
        *maker.header_spacing(),
        *maker.order(),
        *maker.jitter(),
    ]
    return findings


class _Maker(FindingMaker):
    """Makes the findings of one stack."""

    def irregular(self, interval: Irregular) -> Finding:
        mm = self.mm
        before, after = self.stack.slice_number(interval.before), self.stack.slice_number(interval.before + 1)
        lengths = {"interval_mm": interval.interval_mm, "expected_mm": interval.expected_mm, **self.judged()}
        text = f"{mm(interval.interval_mm)} mm between slices {before} and {after} "
        text += f"instead of {mm(interval.expected_mm)} mm"
        if interval.kind == "overlap":
            text += f": they are {mm(interval.expected_mm - interval.interval_mm)} mm too close"
            return self.finding("slice-overlap", "error", text, (before, after), **lengths)
        ratio = interval.interval_mm / interval.expected_mm
        if interval.missing is not None:
            text += f": {plural(interval.missing, 'slice')} {'is' if interval.missing == 1 else 'are'} missing"
        else:
            text += f": {ratio:.2f} times the spacing, not a whole number of slices"
        return self.finding(
            "slice-gap",
            "error",
            text,
            (before, after),
            gap_mm=interval.interval_mm,
            **lengths,
            missing_slices=interval.missing,
            whole_multiple=interval.missing is not None,
        )

    def spacing_changes(self) -> list[Finding]:
        mm = self.mm
        assert self.stack.spacing is not None
        tolerance = self.stack.spacing.tolerance_mm
        found = []
        for before, after in pairwise(self.stack.sections):
            if abs(before.spacing_mm - after.spacing_mm) <= tolerance:
                continue
            border = [before.last] if before.last == after.first else [before.last, after.first]
            text = (
                f"The spacing changes at slice{'s' if len(border) > 1 else ''} {' / '.join(map(str, border))}: "
                f"{mm(before.spacing_mm)} mm in slices {before.first}-{before.last}, "
                f"{mm(after.spacing_mm)} mm in slices {after.first}-{after.last}"
            )
            thick = self._thickness(before.last)
            thick_after = self._thickness(after.first if len(border) > 1 else after.first + 1)
            evidence: dict[str, Any] = {
                "spacing_before_mm": before.spacing_mm,
                "spacing_after_mm": after.spacing_mm,
                "sections": [section_dict(before), section_dict(after)],
                **self.judged(),
            }
            if thick is not None and thick_after is not None:
                evidence |= {"thickness_before_mm": thick, "thickness_after_mm": thick_after}
                if thick != thick_after:
                    text += f"; Slice Thickness changes there from {mm(thick)} to {mm(thick_after)} mm"
            found.append(self.finding("spacing-change", "error", text, border, **evidence))
        return found

    def _thickness(self, number: int) -> float | None:
        return self.stack.slices[number - 1].slice_thickness_mm

    def drift(self, drift: Drift) -> Finding:
        mm = self.mm
        stack = self.stack
        first, last, at = (stack.slice_number(k) for k in (drift.section.first, drift.section.last, drift.at_slice))
        text = (
            f"The spacing drifts from {mm(drift.first_interval_mm)} to {mm(drift.last_interval_mm)} mm between slices "
            f"{first} and {last}: small steps that add up to {mm(drift.deviation_mm)} mm off a regular stack, most "
            f"around slice {at}"
        )
        return self.finding(
            "spacing-change",
            "warning",
            text,
            (at,),
            spacing_before_mm=drift.first_interval_mm,
            spacing_after_mm=drift.last_interval_mm,
            deviation_mm=drift.deviation_mm,
            first_slice=first,
            last_slice=last,
            **self.judged(),
        )

    def thickness_changes(self) -> list[Finding]:
        mm = self.mm
        found = []
        values = [slice_.slice_thickness_mm for slice_ in self.stack.slices]
        for number, (before, after) in enumerate(pairwise(values), start=1):
            if before is None or after is None or math.isclose(before, after, rel_tol=0.01, abs_tol=1e-6):
                continue
            text = (
                f"Slice Thickness changes from {mm(before)} to {mm(after)} mm between slices {number} and {number + 1}"
            )
            found.append(
                self.finding(
                    "thickness-change",
                    "warning",
                    text,
                    (number, number + 1),
                    thickness_before_mm=before,
                    thickness_after_mm=after,
                )
            )
        return found

    def _shift_threshold_mm(self) -> float:
        spacing = min(self.stack.pixel_spacing_mm or (1.0,))
        return max(SHIFT_PIXELS * abs(spacing), 2 * _digit(self.stack), 0.01)

    def tilt(self) -> list[Finding]:
        mm = self.mm
        stack = self.stack
        slope, _ = stack.line
        tilt = stack.tilt_deg or 0.0
        length = float(np.ptp(stack.positions_mm))
        shift = float(np.hypot(*slope)) * length
        # Cosines cut to few digits turn the plane by about one digit (radians).
        rounding = math.degrees(2 * max(slice_.orientation_precision for slice_ in stack.slices))
        if shift <= self._shift_threshold_mm() or tilt <= max(MIN_TILT_DEG, rounding):
            return []
        claimed = stack.slices[0].header.gantry_tilt_deg
        tag = "" if claimed is None else f"; the header says {claimed:g}°"
        axis = "row" if abs(slope[1]) >= abs(slope[0]) else "column"
        text = (
            f"The stack leans by {tilt:.2f}° about the image's {axis} direction: its slices move {mm(shift)} mm in "
            f"plane over {mm(length)} mm{tag}"
        )
        spacing, travel = stack.nominal_spacing_mm or 0.0, abs(stack.slices[0].spacing_between_slices_mm or 0.0)
        along_table = {}
        if abs(travel - spacing) > max(HEADER_TOLERANCE * spacing, 2 * stack.precision_mm) and self._is_along_table(
            travel, spacing
        ):
            along_table["header_spacing_mm"] = travel
            text += (
                f". Spacing Between Slices, {mm(travel)} mm, is measured along the table: "
                f"{mm(travel)} · cos {tilt:.2f}° = {mm(travel * math.cos(math.radians(tilt)))} mm along the normal"
            )
        return [
            self.finding(
                "gantry-tilt",
                "warning",
                text,
                (1, len(stack.slices)),
                **along_table,
                tilt_deg=round(tilt, 4),
                header_tilt_deg=claimed,
                shift_mm=shift,
                along_row=float(slope[0]),
                along_column=float(slope[1]),
            )
        ]

    def shifts(self) -> list[Finding]:
        if len(self.stack.slices) < 3:
            return []
        _, residuals = self.stack.line
        distance = np.hypot(residuals[:, 0], residuals[:, 1])
        threshold = self._shift_threshold_mm()
        beside = np.flatnonzero(distance > threshold)
        if not beside.size:
            return []
        jumps = np.hypot(*np.diff(residuals, axis=0).T)[beside[1:] - 1] > threshold
        runs = np.split(beside, np.flatnonzero((np.diff(beside) > 1) | jumps) + 1)
        return [self._shift(run + 1, residuals[run], distance[run]) for run in runs]

    def _shift(self, run: Any, residuals: Any, distance: Any) -> Finding:
        """Slices ``run`` (from 1) that lie beside the line of the others, as one step."""
        mm = self.mm
        first, last, count = int(run[0]), int(run[-1]), len(self.stack.slices)
        k = int(distance.argmax())
        moved = (
            f"{mm(float(distance[k]))} mm beside the line of the others "
            f"({mm(float(residuals[k, 0]))} mm along its rows, {mm(float(residuals[k, 1]))} mm along its columns)"
        )
        at = last + 1 if first == 1 and last > 1 else first
        text = f"Slice {first} lies {moved}" if first == last else f"Slices {first} to {last} lie {moved}"
        if first < last and (first == 1 or last == count):
            text = f"A step in plane at slice {at}: s{text[1:]}"
        return self.finding(
            "in-plane-shift",
            "warning",
            text,
            (at,),
            shift_mm=float(distance[k]),
            along_row_mm=float(residuals[k, 0]),
            along_column_mm=float(residuals[k, 1]),
            **({} if first == last else {"first_slice": first, "last_slice": last}),
        )

    def header_spacing(self) -> list[Finding]:
        """Spacing Between Slices against the measured spacing, section by section."""
        mm = self.mm
        wrong: dict[tuple[float, str], list[Section]] = {}
        for section in self.stack.sections:
            claimed = self.stack.slices[section.first - 1].spacing_between_slices_mm
            if claimed is None or claimed == 0:
                continue
            # Negative values are allowed for reconstructed nuclear medicine: they say which way the frames run.
            allowed = max(HEADER_TOLERANCE * section.spacing_mm, 2 * self.stack.precision_mm)
            apart = abs(abs(claimed) - section.spacing_mm)
            if apart > allowed and not self._is_along_table(abs(claimed), section.spacing_mm):
                wrong.setdefault((claimed, mm(section.spacing_mm)), []).append(section)
        found = []
        for (claimed, spacing), sections in wrong.items():
            ranges = ", ".join(f"{section.first}-{section.last}" for section in sections[:5])
            ranges += f" and {len(sections) - 5} more" if len(sections) > 5 else ""
            text = (
                f"Spacing Between Slices says {mm(claimed)} mm, but the slices lie {spacing} mm apart (slices {ranges})"
            )
            found.append(
                self.finding(
                    "header-spacing-disagrees",
                    "warning",
                    text,
                    (sections[0].first, sections[0].last),
                    header_spacing_mm=claimed,
                    measured_spacing_mm=sections[0].spacing_mm,
                )
            )
        return found + self._unscanned_tissue()

    def _is_along_table(self, claimed: float, spacing: float) -> bool:
        """Whether a spacing is that of the table under a tilted gantry: along the line of the slices' corners."""
        tilt = math.radians(self.stack.tilt_deg or 0.0)
        return abs(claimed * math.cos(tilt) - spacing) <= max(0.01 * spacing, 2 * self.stack.precision_mm)

    def _unscanned_tissue(self) -> list[Finding]:
        """CT slices thinner than their distance: thickness is no spacing, and some readers take it for one."""
        mm = self.mm
        spacing = self.stack.nominal_spacing_mm or 0.0
        thickness = self.stack.slices[0].slice_thickness_mm
        if self.stack.slices[0].header.modality != "CT" or not thickness or len(self.stack.sections) != 1:
            return []
        if spacing <= thickness * (1 + HEADER_TOLERANCE) + 2 * self.stack.precision_mm:
            return []
        text = (
            f"The slices are {mm(thickness)} mm thick and {mm(spacing)} mm apart: {mm(spacing - thickness)} mm between "
            "them was not imaged, and readers that take thickness for spacing shrink the volume"
        )
        return [
            self.finding(
                "header-spacing-disagrees",
                "info",
                text,
                (1, len(self.stack.slices)),
                thickness_mm=thickness,
                measured_spacing_mm=spacing,
            )
        ]

    def order(self) -> list[Finding]:
        """Whether instance numbers and Slice Location run one way along the stack."""
        single = self.stack.slices[0].frame_number is None
        if not single and len({slice_.path for slice_ in self.stack.slices}) > 1:
            return []  # Frame numbers begin anew in each part of a concatenation, and say nothing of its order.
        numbers = "Instance Number" if single else "frame number"
        orders: dict[str, Sequence[float | None]] = {numbers: [slice_.instance_number for slice_ in self.stack.slices]}
        if single:
            orders["Slice Location"] = [slice_.header.slice_location_mm for slice_ in self.stack.slices]
        found = []
        for name, values in orders.items():
            if any(value is None for value in values) or len(set(values)) < 2:
                continue
            steps = np.diff(np.array(values, dtype=np.float64))
            up = int((steps > 0).sum())
            main = 1 if up * 2 >= steps.size else -1
            against = np.flatnonzero(steps * main < 0)
            if not against.size:
                continue
            k = int(against[0]) + 1
            text = (
                f"{name} does not follow the slices: it turns back at {plural(int(against.size), 'place')}, first "
                f"between slices {k} and {k + 1} ({values[k - 1]:g}, {values[k]:g})"
            )
            found.append(
                self.finding("order-disagrees", "warning", text, (k, k + 1), ordered_by=name, places=int(against.size))
            )
        return found

    def jitter(self) -> list[Finding]:
        mm = self.mm
        spacing = self.stack.spacing
        if spacing is None or spacing.jitter_mm <= JITTER_MM or len(self.stack.distinct) < 3 or spacing.drifts:
            return []
        digit = _digit(self.stack)
        reason = f"; positions are written to {mm(digit)} mm" if digit >= JITTER_MM else ""
        judged = self.judged()
        verdict = "nothing to correct"
        if judged:
            verdict = f"within the {judged['interval_tolerance_percent']:g} % that were allowed"
        text = (
            f"Equal intervals differ by up to {mm(spacing.jitter_mm)} mm around {mm(spacing.nominal_mm)} mm"
            f"{reason}: {verdict}"
        )
        return [
            self.finding(
                "spacing-jitter",
                "info",
                text,
                (1, len(self.stack.slices)),
                jitter_mm=spacing.jitter_mm,
                precision_mm=digit,
                nominal_spacing_mm=spacing.nominal_mm,
                **judged,
            )
        ]


def _digit(stack: Stack) -> float:
    return min((slice_.precision_mm for slice_ in stack.slices if slice_.precision_mm > 0), default=0.0)


def section_dict(section: Section) -> dict[str, Any]:
    """Return a section as the JSON report holds it."""
    return {
        "first_slice": section.first,
        "last_slice": section.last,
        "spacing_mm": exact_mm(section.spacing_mm),
    }
