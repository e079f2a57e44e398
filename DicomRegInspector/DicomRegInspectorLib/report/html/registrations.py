"""Each registration and its items: grid, matrices, how far it moves things, how plausible that is, pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence

from ...registration import Registration, RegistrationItem
from ...registration.measures.quality import Quality
from ...registration.measures.rows import Measure, number
from ...tasks.inspect import Inspection
from ...tasks.relations import ItemRelation
from ...words import plural, point
from ..text.inspection_report import (
    count_by_severity,
    images_in_words,
    item_summary,
    matrix_summaries,
    meeting_in_words,
)
from ..text.page import product
from .audit_tables import audit_box, judged_tables
from .charts import histogram_figure
from .contents import Contents, ItemDetails, Picture
from .markup import Markup, facts, join, table, tag, with_minus
from .names import Names

KINDS = {"matrix": "spatial registration (matrices)", "deformable": "deformable spatial registration",
         "fiducials": "spatial fiducials"}  # fmt: skip
MOST_ITEMS = 50


def registration_sections(inspection: Inspection, contents: Contents, names: Names) -> list[Markup]:
    """Make the section of the registrations, one part each; None without any."""
    if not inspection.registrations:
        return []
    details = {(detail.path, detail.number): detail for detail in contents.details}
    parts = [
        _one(number, registration, details, inspection.relations_of(registration), names)
        for number, registration in enumerate(inspection.registrations, 1)
    ]
    return [tag("section", tag("h2", "Registrations"), *parts, id="registrations", aria_label="Registrations")]


def registration_title(registration: Registration, names: Names) -> Markup:
    """Return the file and the description."""
    description = registration.series_description
    return join(
        names.shown(names.file(registration), 160),
        join(" “", names.shown(description, 120), "”") if description else None,
    )


def _one(
    order: int,
    registration: Registration,
    details: Mapping[tuple[str, int], ItemDetails],
    relations: Sequence[ItemRelation],
    names: Names,
) -> Markup:
    rows: list[tuple[object, object]] = [
        ("Kind", KINDS[registration.kind]),
        ("Items", len(registration.items) if registration.items else None),
        ("Findings", count_by_severity(names.about(registration))),
        ("Manufacturer", names.shown(registration.manufacturer, 80) if registration.manufacturer else None),
        ("SOP Instance UID", names.shown(registration.sop_instance_uid or "missing", 80)),
        ("Frame of Reference UID", names.shown(registration.frame_uid or "missing", 80)),
    ]
    if registration.fiducial_sets:
        count = sum(len(fiducial_set.landmarks) for fiducial_set in registration.fiducial_sets)
        rows.append(("Fiducials", f"{plural(count, 'point')} in {plural(len(registration.fiducial_sets), 'set')}"))
    parts = [
        _item(order, relation, details.get((str(registration.path), relation.item.number)), names)
        for relation in relations[:MOST_ITEMS]
    ]
    if len(registration.items) > MOST_ITEMS:
        parts.append(tag("p", f"… and {len(registration.items) - MOST_ITEMS} more items.", class_="cut"))
    return tag("article", tag("h3", registration_title(registration, names)), facts(rows), *parts,
               id=f"registration-{order}")  # fmt: skip


def _item(order: int, relation: ItemRelation, details: ItemDetails | None, names: Names) -> Markup:
    item = relation.item
    parts: list[Markup | None] = [tag("h4", f"Item {item.number}")]
    if details is None or details.measured is None:
        summary = item_summary(item)
        parts.append(tag("p", names.shown(summary[:1].upper() + summary[1:], 1000)))
    parts.append(facts(item_facts(relation, names)))
    if details is not None:
        if details.measured is not None and details.measured.audit is not None:
            parts.append(audit_box(details.measured.audit, names))
        parts += [tag("p", names.shown(note, 600), class_="note") for note in details.notes]
        parts += [picture_figure(picture, names) for picture in details.pictures]
        if details.measured is not None:
            parts += [*_measured(details, item), *judged_tables(details.measured, names)]
    return tag("div", *parts, class_="item", id=f"item-{order}-{item.number}")


def item_facts(relation: ItemRelation, names: Names) -> list[tuple[object, object]]:
    """Return what an item's sides are, its grid and its matrices."""
    item, (registered, source) = relation.item, images_in_words(relation)
    meeting = meeting_in_words(relation)
    rows: list[tuple[object, object]] = [
        ("Registered frame", _frame(item.registered_frame_uid, registered, names)),
        ("Source frame", _frame(item.source_frame_uid, source, names)),
        ("Images", names.shown(meeting[:1].upper() + meeting[1:], 300) if meeting else None),
    ]
    grid = item.grid
    if grid is not None:
        rows += [
            ("Grid", f"{product(grid.dimensions)} nodes"),
            ("Spacing", f"{product(float(step) for step in grid.spacing_mm)} mm"),
            ("First node", f"{_point(grid.origin_lps_mm)} mm LPS"),
            (
                "Directions",
                "; ".join(f"{axis} {_point(column, 4)}" for axis, column in zip("ijk", grid.directions.T, strict=True)),
            ),
        ]
    if item.problem is None:
        for line in matrix_summaries(item):
            name, _, words = line.partition(": ")
            rows.append((name[:1].upper() + name[1:] if words else "Matrices", with_minus(words or line)))
    return rows


def _frame(uid: str, series: str, names: Names) -> Markup:
    return join(names.shown(uid or "missing", 80), " (", names.shown(series, 300), ")")


def _measured(details: ItemDetails, item: RegistrationItem) -> list[Markup | None]:
    quality = details.measured.quality
    parts: list[Markup | None] = []
    charts = []
    if details.lengths is not None:
        told = f"{details.lengths.defined:,} nodes, counted on a logarithmic scale"
        # The drawn arrows contain the matrices, as points do; what the standard calls the grid's vectors does not.
        told += "; the grid’s vectors alone, without the matrices" if "matrix" in item.description else ""
        charts.append(histogram_figure(details.lengths, told))
    if details.determinants is not None:
        folded = quality.folded.count if quality.folded else 0
        told = f"{folded:,} folded (hatched)" if folded else "nothing folds"
        told = f"{details.determinants.defined:,} nodes, {told}; counted on a logarithmic scale"
        lines = ((0.0, "0: folds below"), (1.0, "1: keeps volume"))
        charts.append(histogram_figure(details.determinants, told, lines, folded=True))
    if any(charts):
        parts.append(tag("div", *charts, class_="charts"))
    if any(quality.dimensions):
        parts.append(_statistics(quality))
    told_of = [measure for measure in quality.measures if measure.told]
    parts.append(facts([(line.name[:1].upper() + line.name[1:], with_minus(line.told)) for line in told_of]))
    return parts


def _statistics(quality: Quality) -> Markup:
    """What is distributed over the nodes, each with its percentiles."""
    ranks = {"min": "Min", "p1": "1 %", "p50": "Median", "p95": "95 %", "p99": "99 %", "max": "Max", "mean": "Mean"}
    rows = [
        (_titled(measure), *(_minus(number(measure.ranks.get(rank), 3 if not measure.told else 4)) for rank in ranks))
        for measure in quality.measures
        if measure.ranks
    ]
    return table("Statistics over the grid's defined nodes", ("", *ranks.values()), rows)


def _titled(measure: Measure) -> str:
    name, unit = measure.rows[0].measure.rpartition(",")[0], measure.rows[0].unit
    name = "Length" if name == "Displacement" else name
    return name if unit == "1" else f"{name}, {unit}"


def _point(values: Iterable[float], digits: int = 3) -> str:
    return with_minus(point(values, digits))


def _minus(text: str) -> str:
    return "–" if text == "-" else with_minus(text)


def picture_figure(picture: Picture, names: Names) -> Markup:
    """Return a picture with its caption, in the page itself."""
    source = "data:image/png;base64," + base64.b64encode(picture.png).decode("ascii")
    caption = tag("figcaption", names.shown(picture.caption, 600)) if picture.caption else None
    image = tag("img", src=source, alt=names.clean(picture.alt))
    return tag("figure", tag("div", image, class_="scroll", tabindex="0", role="region", aria_label="Picture"), caption,
               class_="picture")  # fmt: skip
