"""What a registration item is judged by: the audit with both images, labels, and landmarks."""

from __future__ import annotations

from collections.abc import Sequence

from ...registration.audit import AuditResult, Reading
from ...registration.audit.hypotheses import TITLES
from ...registration.measures.landmarks import TG_132, TargetRegistrationError
from ...registration.measures.regions import RegionMeasures
from ...registration.measures.rows import number
from ...tasks.carried.structure_agreement import StructureAgreements
from ...tasks.quality import ItemQuality
from ..text.quality import SHOWN_LANDMARKS, STRUCTURE_HEADS, VOLUME_HEADS, structure_cells, volume_cells
from .markup import Markup, foreign, icon, join, table, tag, text, with_minus
from .names import Names

SHOWN_LABELS = 60


def judged_tables(measured: ItemQuality, names: Names) -> list[Markup]:
    """Return the tables by label and by landmark, where either was given."""
    parts = []
    if measured.regions is not None:
        parts.append(_regions(measured.regions, names))
    if measured.landmarks is not None:
        parts.append(_landmarks(measured.landmarks, names))
    if measured.structures is not None:
        parts.append(structure_tables(measured.structures, names))
    return parts


def structure_tables(structures: StructureAgreements, names: Names) -> Markup:
    """Return how well the structures of both frames agree: overlap and surfaces, volumes and centres."""
    pairs = structures.pairs[:SHOWN_LABELS]
    remarks = [f"{pair.name}: {remark}." for pair in pairs for remark in pair.remarks]
    remarks += [f"{remark[:1].upper()}{remark[1:]}." for remark in structures.remarks]
    if structures.unpaired:
        remarks.append(f"Without a partner: {', '.join(structures.unpaired)}.")
    if len(pairs) < len(structures.pairs):
        remarks.append(f"… and {len(structures.pairs) - len(pairs)} more, in the JSON report.")
    tables = [
        table(caption, _capital(heads), [_named_row(cells(pair), names) for pair in pairs])
        for caption, heads, cells in (
            ("How well they agree when carried over", STRUCTURE_HEADS, structure_cells),
            ("Volumes, and how far apart the centres of mass lie", VOLUME_HEADS, volume_cells),
        )
    ]
    notes = [tag("p", names.shown(remark, 400), class_="note") for remark in remarks]
    return join(tag("h5", "Structures of both frames"), *tables, *notes)


def _capital(heads: Sequence[str]) -> list[str]:
    return [head[:1].upper() + head[1:] for head in heads]


def _named_row(cells: Sequence[str], names: Names) -> list[object]:
    first, *rest = cells
    return [names.shown(first, 80), *map(with_minus, rest)]


def audit_box(audit: AuditResult, names: Names) -> Markup:
    """Return the verdict in a sentence, how sure it is, and what every reading came to."""
    kind = {"standard": "good", "undecided": "info"}.get(audit.verdict, "warning")
    parts = [
        tag("h5", icon(kind), "Is it read the way it was meant?"),
        tag("p", tag("strong", _verdict(audit))),
        tag(
            "p",
            tag("strong", "Why: " if audit.verdict == "undecided" else "How sure: "),
            names.shown(audit.reason, 1000),
        ),
    ]
    if audit.ranking:
        heads = ("Reading", "Correlation", "95 % interval", "Mutual inf., nats", "Overlap", "Remark")
        rows = [_reading(reading) for reading in audit.ranking]
        parts.append(table("How alike the images are under each reading", heads, rows, kind="numbers remarks"))
    parts += [tag("p", names.shown(note, 600), class_="note") for note in audit.notes]
    return tag("div", *parts, class_=f"audit {kind}")


def _verdict(audit: AuditResult) -> str:
    if audit.verdict == "undecided":
        return "It cannot be decided from these images."
    if audit.verdict == "standard":
        return "Yes: the images agree best when it is read as the standard says."
    return f"The images agree best with another reading: {TITLES[audit.verdict]}."


def _reading(reading: Reading) -> tuple[object, ...]:
    interval = "–" if reading.ci95 is None else f"{number(reading.ci95[0], 3)} to {number(reading.ci95[1], 3)}"
    remark = f"same as “{TITLES[reading.same_as]}”" if reading.same_as else reading.note
    return (
        TITLES[reading.hypothesis],
        number(reading.ncc, 3),
        interval,
        number(reading.mutual_information, 3),
        f"{100 * reading.overlap:.0f} %",
        remark,
    )


def _regions(regions: tuple[RegionMeasures, ...], names: Names) -> Markup:
    if not regions:
        return join(tag("h5", "By label"), tag("p", "The label volume holds no label."))
    rows = []
    for region in regions[:SHOWN_LABELS]:
        moved, jacobian = region.displacement_mm, region.jacobian
        share = region.nonpositive_fraction
        rows.append(
            (
                names.shown(region.name, 80), f"{region.nodes:,}", number(region.volume_cm3), number(moved.mean, 3),
                number((moved.percentiles or {}).get("p95"), 3), number(moved.max, 3), number(jacobian.min, 3),
                number(jacobian.max, 3), "–" if share is None else f"{100 * share:.3g} %",
            )
        )  # fmt: skip
    heads = (
        "Label",
        "Nodes",
        "Volume, cm³",
        "Mean, mm",
        "95 % below, mm",
        "Largest, mm",
        "Jacobian min",
        "max",
        "Folded",
    )
    more = len(regions) - len(rows)
    told = tag("p", f"… and {more} more labels, in the JSON report.", class_="cut") if more else None
    return join(
        tag("h5", "By label"), table("Displacement and Jacobian determinant inside each label", heads, rows), told
    )


def _landmarks(error: TargetRegistrationError, names: Names) -> Markup:
    told = error.to_dict()
    rows = [
        (words, *(number(told[key][rank], 3) for rank in ("mean", "p50", "p95", "max", "rms")))
        for words, key in (
            ("Before", "before_mm"),
            ("After", "after_mm"),
            ("After, by the inverse", "after_inverse_mm"),
        )
    ]
    source = " (AAPM TG-132)" if error.tolerance == TG_132 else ""
    mean, largest = error.tolerance.mean_mm, error.tolerance.largest_mm
    rows.append((f"Tolerated{source}", number(mean, 3), "", "", number(largest, 3), ""))
    if error.observer_mm is not None:
        rows.append(("After, without the observer’s", "", "", "", "", number(error.without_observer_mm, 3)))
        rows.append(("Observer’s", "", "", "", "", number(error.observer_mm, 3)))
    each = [
        (names.shown(landmark.name, 80), number(landmark.before_mm, 3), number(landmark.after_mm, 3),
         number(landmark.after_inverse_mm, 3),
         text(landmark.mark), text(landmark.remark))
        for landmark in error.landmarks[:SHOWN_LANDMARKS]
    ]  # fmt: skip
    heads = ("Landmark", "Before, mm", "After, mm", "By the inverse, mm", "Mark", "Remark")
    parts = [
        tag("h5", "Target registration error"),
        table("Distances of landmarks", ("", "Mean, mm", "Median, mm", "95 %, mm", "Largest, mm", "RMS, mm"), rows),
        table("Each landmark", heads, each, kind="numbers remarks"),
    ]
    rest = len(error.landmarks) - len(each)
    if rest > 0:
        parts.append(tag("p", f"… and {rest} more, in the JSON report.", class_="cut"))
    if error.unpaired:
        lost = [foreign(names.clean(name), 80) for name in error.unpaired[:SHOWN_LANDMARKS]]
        more = f" and {len(error.unpaired) - len(lost)} more" if len(error.unpaired) > len(lost) else None
        parts.append(tag("p", "Without a partner: ", join(*lost, by=", "), more))
    return join(*parts)
