"""The quality of a registration in words, and its tables as CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from .page import Page, point, product
from .terminal import Style

if TYPE_CHECKING:
    from ...registration.audit import AuditResult
    from ...registration.measures.landmarks import TargetRegistrationError
    from ...registration.measures.quality import Quality
    from ...registration.measures.regions import RegionMeasures
    from ...tasks.quality import ItemQuality, QualityReport

SHOWN_LANDMARKS = 40
"""Rows of landmarks that are printed; the JSON holds them all."""


def quality_report(report: QualityReport, style: Style) -> str:
    """What was measured of each item, then what was found."""
    page = Page(style)
    page.title(f"{report.registration.path.name}: quality of the registration")
    for item in report.items:
        _item(page, item)
    for skipped in report.skipped:
        page.section(f"Item {skipped.number}: cannot be used")
        page.findings(skipped.findings)
    return str(page)


def _item(page: Page, item: ItemQuality) -> None:
    quality = item.quality
    page.section(f"Item {item.item.number}: {item.item.description}")
    if any(quality.dimensions):
        _vectors(page, quality)
    _derivatives(page, quality)
    _bulk(page, quality)
    if item.audit is not None:
        _audit(page, item.audit)
    if item.regions is not None:
        _regions(page, item.regions)
    elif item.labels_given:
        page.section("By label")
        page.text("Without a grid the mapping is the same everywhere: what is told above holds in every label.")
    if item.landmarks is not None:
        _landmarks(page, item.landmarks)
    page.findings(item.findings)


def number(value: float | None, digits: int = 4) -> str:
    """A number with so many significant digits; ``-`` for none."""
    return "-" if value is None else f"{value:.{digits}g}"


def _vectors(page: Page, quality: Quality) -> None:
    vectors = quality.vectors
    page.row("grid", f"{product(quality.dimensions)} nodes" + ("" if quality.axes == 3 else
             f"; measured along the {quality.axes} axes that have more than one node"))  # fmt: skip
    if vectors.max_mm is None:
        page.row("displacement", "no vector is defined")
        return
    percentiles = vectors.percentiles_mm or {}
    page.row(
        "displacement",
        f"mean {number(vectors.mean_mm)}, median {number(percentiles.get('p50'))}, 95 % below "
        f"{number(percentiles.get('p95'))}, 99 % below {number(percentiles.get('p99'))}, largest "
        f"{number(vectors.max_mm)} mm at {point(quality.max_place_lps_mm, 1)} mm LPS",
    )
    heads = ("along", "min", "1 %", "median", "99 %", "max", "mean")
    keys = ("min", "p1", "p50", "p99", "max", "mean")
    rows = [
        [f"{axis}, mm", *(number(values[key], 3) for key in keys)] for axis, values in quality.components_mm.items()
    ]
    rows += [
        [f"{axis}, voxels", *(number(values[key], 3) for key in keys)]
        for axis, values in quality.components_voxels.items()
    ]
    page.table(heads, rows)


def _derivatives(page: Page, quality: Quality) -> None:
    jacobian, curl = quality.jacobian, quality.curl
    percentiles = jacobian.percentiles or {}
    page.row(
        "Jacobian determinant",
        f"{number(jacobian.min)} to {number(jacobian.max)} (98 % within {number(percentiles.get('p1'))} to "
        f"{number(percentiles.get('p99'))}); 1 keeps volume",
    )
    folded = quality.folded.count if quality.folded else 0
    page.row(
        "folded (determinant 0 or less)",
        f"{folded} nodes, {number(quality.folded_volume_cm3)} cm³" if folded else "nowhere",
    )
    page.row("curl of the vectors", f"mean {number(curl.mean)}, largest {number(curl.max)} mm/mm")
    bending = quality.bending
    told = number(bending.mean)
    if bending.standard_error:
        told += f" ± {number(bending.standard_error, 2)} (from {bending.samples} of {bending.of} nodes)"
    page.row("bending energy", "not defined" if bending.mean is None else f"{told} 1/mm²")
    inverse = quality.inverse
    told = f"largest residual {number(inverse.max_mm, 2)} mm, 99 % below {number(inverse.p99_mm, 2)} mm"
    told += f", at {inverse.samples - inverse.not_found} points"
    if inverse.not_found:
        told += f"; {inverse.not_found} of {inverse.samples} points have no inverse in the grid"
    page.row("inverse", told if inverse.max_mm is not None else "found nowhere")


def _bulk(page: Page, quality: Quality) -> None:
    for part in (quality.rigid, quality.affine):
        if part is None:
            continue
        told = f"shift {point(part.shift_mm, 2)} mm LPS at the centre, rotation {number(part.rotation_deg, 3)}°"
        if part.kind == "affine":
            told += f", volume × {number(part.volume_ratio)}"
        told += (
            f"; without it {number(part.residual_rms_mm, 3)} of {number(part.displacement_rms_mm, 3)} mm RMS are left, "
            f"{number(part.residual_max_mm, 3)} mm at most"
        )
        page.row(f"bulk motion, {part.kind}", told)


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


def _landmarks(page: Page, error: TargetRegistrationError) -> None:
    told = error.to_dict()
    page.section("Target registration error")
    for name, key in (("before", "before_mm"), ("after", "after_mm"), ("after, by the inverse", "after_inverse_mm")):
        page.row(name, f"mean {number(told[key]['mean'], 3)}, largest {number(told[key]['max'], 3)} mm")
    rows = [
        (
            one.name,
            number(one.before_mm, 3),
            number(one.after_mm, 3),
            number(one.after_inverse_mm, 3),
            one.mark,
            one.remark,
        )
        for one in error.landmarks[:SHOWN_LANDMARKS]
    ]
    page.table(("landmark", "before mm", "after mm", "inverse mm", "TG-132 mark", "remark"), rows)
    if len(error.landmarks) > SHOWN_LANDMARKS:
        page.text(f"… and {len(error.landmarks) - SHOWN_LANDMARKS} more (all in the JSON report)")
    if error.unpaired:
        page.text(f"Without a partner: {', '.join(error.unpaired)}")


def quality_csv(report: QualityReport) -> str:
    """A row for each item as a whole and for each label in it; lengths in mm, volumes in cm³, empty where undefined."""
    rows: list[dict[str, Any]] = []
    for item in report.items:
        whole = item.quality.to_dict()
        components = (whole["displacement_mm"] or {}).get("components_ras", {})
        whole_row = _row(whole["displacement_mm"] or {}, components, whole["jacobian"], whole["curl"])
        rows.append({"item": item.item.number, "label": "", "nodes": item.quality.jacobian.count, **whole_row})
        for region in item.regions or ():
            told = region.to_dict()
            rows.append({
                "item": item.item.number, "label": region.name, "nodes": region.nodes,
                "volume_cm3": region.volume_cm3,
                **_row(told["displacement_mm"], told["components_ras"], told["jacobian"], told["curl"]),
            })  # fmt: skip
    names = list(dict.fromkeys(["item", "label", "nodes", "volume_cm3", *(name for row in rows for name in row)]))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows({key: "" if value is None else value for key, value in row.items()} for row in rows)
    return out.getvalue()


def _row(
    displacement: dict[str, Any], components: dict[str, dict[str, Any]], jacobian: dict[str, Any], curl: dict[str, Any]
) -> dict[str, Any]:
    row = {f"displacement_{key}_mm": displacement.get(key) for key in ("max", "mean", "p50", "p95", "p99")}
    for axis in "RAS":
        for key in ("min", "max", "mean", "p50"):
            row[f"{axis}_{key}_mm"] = components.get(axis, {}).get(key)
    row |= {f"jacobian_{key}": jacobian.get(key) for key in ("min", "max", "mean", "p1", "p99", "nonpositive_fraction")}
    row |= {f"curl_{key}": curl.get(key) for key in ("max", "mean", "p95", "p99")}
    return row
