"""The page that is signed: what was registered, each measure beside its tolerance, what is left to eye and hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...tasks.inspect import Inspection
from ...tasks.quality import ItemQuality, QualityReport
from ...tasks.relations import ItemRelation
from ...tasks.signing.sign_off import SOURCE, Outcome, SignedCheck, overall, signed_checks
from .audit_tables import structure_tables
from .contents import Contents, ItemDetails
from .document import document
from .markup import Markup, facts, icon, items, join, tag, text, with_minus
from .names import Names
from .provenance import patients_box, provenance_section
from .registrations import KINDS, item_facts, picture_figure, registration_title
from .series import series_title

KIND = "Sign-off of a registration"
_ICONS: dict[Outcome, str] = {"pass": "good", "attention": "warning", "fail": "error", "not done": "open", "told": ""}
_EXPLAINED = {
    "fail": "A tolerance is exceeded, or what was found makes the registration wrong as it is. Each line says which.",
    "attention": "Something is between what always passes and what never does, or has to be looked at by somebody.",
    "not done": "What was checked passed. What was not is named below as not done: it has not passed.",
    "pass": "Every measure that TG-132 has a tolerance for was taken, and is within it. The rest is to be seen by eye.",
}
_VISUAL = (
    "edges run on across the checkerboard",
    "the difference shows no new edges",
    "outlines of structures lie upon each other",
    "arrows and grid deform as anatomy can",
    "a registration back agrees: 2 to 3 mm",
)
_LEVELS = (
    "0  whole image aligned within 1 mm",
    "1  aligned within 1 mm around the region of interest",
    "2  usable with care: anatomy may have been altered",
    "3  for orientation only: where something is, not its extent",
    "4  not acceptable",
)
"""AAPM TG-132's levels of confidence, in short."""


def sign_off_page(inspection: Inspection, contents: Contents, quality: QualityReport) -> str:
    """Return the page as one HTML document, as :func:`.document.html_report` returns a report.

    Parameters
    ----------
    inspection
        Of the registration and its images.
    contents
        Pictures, and where it all comes from.
    quality
        What was measured of the registration.
    """
    names = Names(inspection, contents)
    relations = {relation.item.number: relation for relation in inspection.relations_of(quality.registration)}
    details = {detail.number: detail for detail in contents.details}
    about_images = [finding for series_ in inspection.series for finding in names.about(series_)]
    checks = [signed_checks(measured, about_images if inspection.series else None) for measured in quality.items]
    parts = [
        _item(measured, own, relations.get(measured.item.number), details.get(measured.item.number), names)
        for measured, own in zip(quality.items, checks, strict=True)
    ]
    main = tag(
        "main",
        patients_box(contents.patients),
        _registered(inspection, quality, relations, names),
        *(checked for checked, _ in parts),
        _by_hand(),
        _signatures(),
        *(shown for _, shown in parts),
        provenance_section(contents.provenance, inspection, names),
    )
    outcome, words = overall([check for own in checks for check in own])
    title = names.clean(contents.title) if contents.title else ""
    return document(KIND, title, _verdict(outcome, words), main, "signed")


def _verdict(outcome: Outcome, words: str) -> Markup:
    severity = _ICONS[outcome]
    return tag(
        "div",
        icon(severity),
        tag("div", tag("p", words, class_="words"), tag("p", _EXPLAINED[outcome])),
        class_=f"verdict {severity}",
    )


def _registered(
    inspection: Inspection, quality: QualityReport, relations: Mapping[int, ItemRelation], names: Names
) -> Markup:
    registration = quality.registration
    made_by = names.shown(registration.manufacturer, 80) if registration.manufacturer else "nobody who is named"
    rows: list[tuple[object, object]] = [
        ("Registration", registration_title(registration, names)),
        ("Kind, and made by", join(KINDS[registration.kind], ", by ", made_by)),
        ("SOP Instance UID", names.shown(registration.sop_instance_uid or "none", 80)),
    ]
    for number, series_ in enumerate(inspection.series, 1):
        about = names.about(series_)
        worst = ", ".join(dict.fromkeys(finding.title for finding in about if finding.severity != "info"))
        quality_of = f"; findings: {worst}" if worst else "; nothing wrong with its slices was found"
        slices = f", {series_.slice_count} slices"
        rows.append((f"Image {number}", join(series_title(number, series_, names), slices, quality_of)))
    if not inspection.series:
        rows.append(("Images", "none were given: their quality and overlap were not looked at"))
    for number, relation in relations.items():
        of_item = f" of item {number}" if len(relations) > 1 else ""
        rows += [(f"{name}{of_item}", value) for name, value in item_facts(relation, names)[:3]]
    return tag("section", tag("h2", "What was registered, and by what"), facts(rows), aria_label="What was registered")


def _item(
    measured: ItemQuality,
    checks: Sequence[SignedCheck],
    relation: ItemRelation | None,
    details: ItemDetails | None,
    names: Names,
) -> tuple[Markup, Markup | None]:
    """The table of an item, and the pictures and numbers behind it."""
    title = f"Checks of item {measured.item.number}"
    plain = [check for check in checks if not check.group.startswith("Structures:")]
    table = tag(
        "section",
        tag("h2", title),
        _table(plain, names),
        _structures([check for check in checks if check not in plain], names),
        aria_label=title,
    )
    shown: list[Markup | None] = [facts(item_facts(relation, names)[3:])] if relation is not None else []
    if details is not None:
        shown += [picture_figure(picture, names) for picture in details.pictures]
        shown += [tag("p", names.shown(note, 600), class_="note") for note in details.notes]
    if measured.structures is not None:
        shown.append(structure_tables(measured.structures, names))
    if not shown:
        return table, None
    heading = f"Pictures and numbers of item {measured.item.number}"
    return table, tag("section", tag("h2", heading), *shown, class_="behind", aria_label=heading)


def _table(checks: Sequence[SignedCheck], names: Names) -> Markup:
    rows = [
        tag(
            "tr",
            tag("th", check.measure, scope="row"),
            tag("td", names.shown(with_minus(check.found), 300) if check.found else "–"),
            tag("td", check.tolerance or "–"),
            tag("td", check.source or "–"),
            tag("td", _outcome(check.outcome), class_=f"outcome {_ICONS[check.outcome]}"),
        )
        for check in checks
    ]
    heads = ("Measure", "Found", "Tolerance", "Source", "Result")
    return _framed("Each measure, its tolerance, and where that comes from", heads, rows)


def _structures(checks: Sequence[SignedCheck], names: Names) -> Markup | None:
    """A line for each structure, its result the worst of its measures."""
    if not checks:
        return None
    measures = ("Overlap (Dice)", "Mean distance to agreement", "Jacobian determinant")
    rows = []
    for group in dict.fromkeys(check.group for check in checks):
        own = [check for check in checks if check.group == group]
        by_measure = {check.measure: check for check in own}
        found = [by_measure.get(measure) for measure in measures]
        outcome = overall(own)[0]
        remarks = "; ".join(check.found for check in own if check.measure not in measures)
        name = join(names.shown(group.partition(": ")[2], 80), f" ({remarks})" if remarks else None)
        cells = ["–" if check is None or not check.found else with_minus(check.found) for check in found]
        rows.append(
            tag(
                "tr",
                tag("th", name, scope="row"),
                *(tag("td", cell) for cell in cells),
                tag("td", _outcome(outcome), class_=f"outcome {_ICONS[outcome]}"),
            )
        )
    wanted = {check.measure: f"{check.measure} {check.tolerance}" for check in checks if check.measure in measures}
    caption = f"Structures carried over; tolerances of {SOURCE}: {'; '.join(wanted.values())}"
    return _framed(caption, ["Structure", *measures, "Result"], rows, "checks of-structures")


def _framed(caption: str, heads: Sequence[str], rows: Sequence[Markup], kind: str = "checks") -> Markup:
    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption),
            tag("thead", tag("tr", *(tag("th", head, scope="col") for head in heads))),
            tag("tbody", *rows),
            class_=kind,
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def _outcome(outcome: Outcome) -> Markup:
    if outcome == "told":
        return text("–")
    return join(icon(_ICONS[outcome]), " ", tag("strong", outcome))


def _by_hand() -> Markup:
    return tag(
        "section",
        tag("h2", "To be seen by eye: not done until who signs ticks it"),
        tag(
            "div",
            tag("div", tag("h3", "What is looked at"), _ticks(_VISUAL)),
            tag("div", tag("h3", "Confidence (AAPM TG-132)"), _ticks(_LEVELS)),
            class_="by-hand",
        ),
        aria_label="To be seen by eye",
    )


def _ticks(lines: Sequence[str]) -> Markup:
    box = tag("span", class_="box", role="img", aria_label="to be ticked")
    return items([join(box, " ", line) for line in lines], class_="ticks")


def _signatures() -> Markup:
    rows = [
        tag("tr", tag("th", who, scope="row"), tag("td"), tag("td"), tag("td"))
        for who in ("Registered by", "Checked by", "Approved by")
    ]
    return tag(
        "section",
        tag("h2", "Remarks and signatures"),
        tag("div", tag("span", "Intended use, remarks"), class_="remarks-box"),
        tag(
            "table",
            tag("thead", tag("tr", *(tag("th", head, scope="col") for head in ("", "Name", "Date", "Signature")))),
            tag("tbody", *rows),
            class_="signatures",
        ),
        aria_label="Remarks and signatures",
    )
