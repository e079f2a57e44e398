"""The quality of a registration in words, and its tables as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...registration.measures.landmarks import TG_132
from ...registration.measures.rows import WHOLE_NUMBERS, Measure, MeasureRow, number, rows_of
from ...words import table_cell
from .inspection_report import coverage_lines
from .page import Page
from .terminal import Style

if TYPE_CHECKING:
    from ...registration.audit import AuditResult
    from ...registration.measures.landmarks import TargetRegistrationError
    from ...registration.measures.regions import RegionMeasures
    from ...tasks.carried.structure_agreement import StructureAgreement, StructureAgreements
    from ...tasks.quality import ItemQuality, QualityReport

SHOWN_LANDMARKS = 40
"""Rows of landmarks that are printed; the JSON holds them all."""


def quality_report(report: QualityReport, style: Style) -> str:
    """Return what was measured of each item, then what was found."""
    page = Page(style)
    page.title(f"{report.registration.path.name}: quality of the registration")
    page.lines += coverage_lines(report.coverage, style)
    for item in report.items:
        _item(page, item)
    for skipped in report.skipped:
        page.section(f"Item {skipped.number}: cannot be used")
        page.findings(skipped.findings)
    return str(page)


def _item(page: Page, item: ItemQuality) -> None:
    page.section(f"Item {item.item.number}: {item.item.description}")
    _measures(page, item.quality.measures)
    if item.audit is not None:
        _audit(page, item.audit)
    if item.regions is not None:
        _regions(page, item.regions)
    elif item.labels_given:
        page.section("By label")
        page.text("Without a grid the mapping is the same everywhere: what is told above holds in every label.")
    if item.landmarks is not None:
        _landmarks(page, item.landmarks)
    if item.structures is not None:
        _structures(page, item.structures)
    page.findings(item.findings)


def _measures(page: Page, measures: Sequence[Measure]) -> None:
    """A line for each measure, and a table of those that only tables tell where the first of them stands."""
    tabled = [measure for measure in measures if not measure.told]
    for measure in measures:
        if measure.told:
            page.row(measure.name, measure.told)
        elif measure is tabled[0]:
            heads = ("along", "min", "1 %", "median", "99 %", "max", "mean")
            page.table(heads, [_distribution(measure) for measure in tabled])


def _distribution(measure: Measure) -> list[str]:
    ranks = ("min", "p1", "p50", "p99", "max", "mean")
    first = measure.rows[0]
    return [f"{first.column.split()[0]}, {first.unit}", *(number(measure.ranks.get(rank), 3) for rank in ranks)]


def _audit(page: Page, audit: AuditResult) -> None:
    page.section("Is it read the way it was meant?")
    page.text(audit.sentence)
    rows = []
    for reading in audit.ranking:
        interval = "-" if reading.ci95 is None else f"{number(reading.ci95[0], 3)} to {number(reading.ci95[1], 3)}"
        remark = f"same as {reading.same_as}" if reading.same_as else reading.note
        ncc, shared = number(reading.ncc, 3), number(reading.mutual_information, 3)
        rows.append((reading.hypothesis, ncc, interval, shared, f"{100 * reading.overlap:.0f} %", remark))
    if rows:
        page.table(("reading", "correlation", "95 % interval", "mutual inf., nats", "overlap", "remark"), rows)
    for note in audit.notes:
        page.text(note)


def _regions(page: Page, regions: tuple[RegionMeasures, ...]) -> None:
    page.section("By label")
    if not regions:
        page.text("The label volume holds no label.")
        return
    rows = []
    for region in regions:
        moved, jacobian = region.displacement_mm, region.jacobian
        percentiles = moved.percentiles or {}
        rows.append(
            (
                region.name, str(region.nodes), number(region.volume_cm3), number(moved.mean),
                number(percentiles.get("p95")), number(moved.max), number(jacobian.min), number(jacobian.max),
                "-" if region.nonpositive_fraction is None else f"{100 * region.nonpositive_fraction:.3g} %",
            )
        )  # fmt: skip
    heads = ("label", "nodes", "cm³", "mean mm", "95 % mm", "max mm", "Jacobian min", "max", "folded")
    page.table(heads, rows)


def _structures(page: Page, structures: StructureAgreements) -> None:
    page.section("Structures of both frames")
    rows = [structure_cells(pair) for pair in structures.pairs]
    page.table(STRUCTURE_HEADS, rows)
    page.table(VOLUME_HEADS, [volume_cells(pair) for pair in structures.pairs])
    for pair in structures.pairs:
        for remark in pair.remarks:
            page.text(f"{pair.name}: {remark}.")
    for remark in structures.remarks:
        page.text(f"{remark[:1].upper()}{remark[1:]}.")
    if structures.unpaired:
        page.text(f"Without a partner: {', '.join(structures.unpaired)}")


STRUCTURE_HEADS = (
    "structure", "Dice before", "after", "mean distance mm", "HD95 pooled mm", "HD95 larger mm", "Hausdorff mm",
    "Jacobian min", "max", "folded",
)  # fmt: skip
VOLUME_HEADS = ("structure", "registered cm³", "source cm³", "carried over cm³", "centres before mm", "after mm")
"""Of tables of structures, whoever tells them."""


def structure_cells(pair: StructureAgreement) -> list[str]:
    """Return a row of the table of overlap and surfaces."""
    after, inside = pair.after, pair.inside
    jacobian = ["-", "-", "-"]
    if inside is not None:
        share = inside.nonpositive_fraction
        jacobian = [number(inside.jacobian.min, 3), number(inside.jacobian.max, 3)]
        jacobian.append("-" if share is None else f"{100 * share:.3g} %")
    distances = (after.mean_distance_mm, after.hd95_pooled_mm, after.hd95_larger_mm, after.hausdorff_mm)
    overlaps = (None if pair.before is None else pair.before.dice, after.dice)
    return [pair.name, *(number(value, 3) for value in (*overlaps, *distances)), *jacobian]


def volume_cells(pair: StructureAgreement) -> list[str]:
    """Return a row of the table of volumes and centres of mass."""
    apart = [None if agreement is None else agreement.centres_apart_mm for agreement in (pair.before, pair.after)]
    return [pair.name, *(number(value) for value in (pair.fixed_cm3, pair.moving_cm3, pair.after.second_cm3)),
            *(number(value, 3) for value in apart)]  # fmt: skip


def _landmarks(page: Page, error: TargetRegistrationError) -> None:
    told = error.to_dict()
    page.section("Target registration error")
    for name, key in (("before", "before_mm"), ("after", "after_mm"), ("after, by the inverse", "after_inverse_mm")):
        values = told[key]
        page.row(
            name,
            f"mean {number(values['mean'], 3)}, median {number(values['p50'], 3)}, 95 % below "
            f"{number(values['p95'], 3)}, largest {number(values['max'], 3)} mm; RMS {number(values['rms'], 3)} mm",
        )
    mean, largest = told["marks_mm"]
    page.row(
        "tolerated", f"mean {mean:g}, largest {largest:g} mm{' (AAPM TG-132)' if error.tolerance == TG_132 else ''}"
    )
    if error.observer_mm is not None:
        left = f"RMS {number(error.without_observer_mm, 3)} mm"
        page.row("after, without the observer's", f"{left}; observers place a landmark {error.observer_mm:g} mm apart")
    rows = [
        (
            landmark.name,
            number(landmark.before_mm, 3),
            number(landmark.after_mm, 3),
            number(landmark.after_inverse_mm, 3),
            landmark.mark,
            landmark.remark,
        )
        for landmark in error.landmarks[:SHOWN_LANDMARKS]
    ]
    page.table(("landmark", "before mm", "after mm", "inverse mm", "mark", "remark"), rows)
    if len(error.landmarks) > SHOWN_LANDMARKS:
        page.text(f"… and {len(error.landmarks) - SHOWN_LANDMARKS} more (all in the JSON report)")
    if error.unpaired:
        page.text(f"Without a partner: {', '.join(error.unpaired)}")


def quality_csv(reports: Sequence[QualityReport], *, with_file: bool = False) -> str:
    """Write a row for each item, each label and structure in it; lengths in mm, volumes in cm³, empty where undefined.

    ``with_file`` puts the registration's path in front.
    """
    rows: list[dict[str, Any]] = []
    for report in reports:
        of_file = {"file": str(report.registration.path)} if with_file else {}
        for item in report.items:
            of_item, whole = {**of_file, "item": item.item.number}, rows_of(item.quality.measures)
            rows.append({**of_item, "label": "", "nodes": item.quality.jacobian.count, **_cells(whole)})
            rows += [{**of_item, "label": region.name, **_cells(region.rows)} for region in item.regions or ()]
            pairs = item.structures.pairs if item.structures is not None else ()
            rows += [{**of_item, "label": pair.name, **_structure_cells(pair)} for pair in pairs]
    first = ["file"] if with_file else []
    names = list(
        dict.fromkeys([*first, "item", "label", "nodes", "volume_cm3", *(name for row in rows for name in row)])
    )
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return out.getvalue()


def _structure_cells(pair: StructureAgreement) -> dict[str, Any]:
    """Of the field inside, and of how well it agrees."""
    told = pair.after.to_dict()
    names = ("dice", "mean_distance_mm", "hausdorff_mm", "hd95_pooled_mm", "hd95_larger_mm", "centres_apart_mm")
    inside = {} if pair.inside is None else _cells(pair.inside.rows)
    volumes = {"volume_cm3": pair.fixed_cm3, "source_volume_cm3": pair.moving_cm3}
    before = {"dice_before": pair.before and pair.before.dice}
    return {
        **inside,
        **volumes,
        "carried_over_volume_cm3": pair.after.second_cm3,
        **before,
        **{name: told[name] for name in names},
    }


def _cell(value: Any) -> Any:
    return "" if value is None else table_cell(value) if isinstance(value, str) else value


def _cells(rows: Sequence[MeasureRow]) -> dict[str, Any]:
    """Counts are whole numbers."""
    cells = {key: row.value for row in rows for key in row.keys}
    counted = [row for row in rows if row.unit in WHOLE_NUMBERS]
    counts = {key: int(row.value) for row in counted if row.value is not None for key in row.keys}
    return cells | counts
