"""Where a report comes from: when, with what, of which files; and, only when asked for, of which patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...tasks.inspect import Inspection
from ...words import plural
from .contents import Digest, Patient, Provenance
from .markup import Markup, facts, foreign, join, table, tag
from .names import Names

SERIES_DIGEST = "sha256sum FILES | cut -c 1-64 | LC_ALL=C sort | sha256sum"
"""How the digest of a series is made, as a shell says it: of its files' digests, so that names do not matter."""

SHOWN_PATIENTS = 20


def patients_box(patients: Sequence[Patient] | None) -> Markup | None:
    """Return who the files say the patients are, clearly marked; nothing when that was not asked for."""
    if patients is None:
        return None
    rows = [
        (foreign(patient.name or "–", 120), foreign(patient.patient_id or "–", 80),
         foreign(patient.birth_date or "–", 40), str(patient.objects))
        for patient in patients[:SHOWN_PATIENTS]
    ]  # fmt: skip
    heads = ("Patient's Name", "Patient ID", "Birth Date", "Objects")
    several = tag("p", tag("strong", f"The files name {len(patients)} patients.")) if len(patients) > 1 else None
    more = len(patients) - len(rows)
    return tag(
        "section",
        tag("h2", "Patient identifiers"),
        tag("p", "Confidential: this report identifies a patient, because that was asked for."),
        several,
        table("As the files say", heads, rows, kind=None) if rows else tag("p", "The files name no patient."),
        tag("p", f"… and {more} more.", class_="cut") if more else None,
        class_="patients",
        id="patients",
        aria_label="Patient identifiers",
    )


def provenance_section(provenance: Provenance | None, inspection: Inspection, names: Names) -> Markup | None:
    """Make the section of versions, options and digests."""
    if provenance is None:
        return None
    made = provenance.made
    rows: list[tuple[object, object]] = [
        (
            "Made",
            tag("time", f"{made:%Y-%m-%d %H:%M:%S} (UTC{_offset(made.strftime('%z'))})", datetime=made.isoformat()),
        ),
        *((name, names.shown(version, 80)) for name, version in provenance.versions),
        *((name, names.shown(value, 600)) for name, value in provenance.options),
    ]
    return tag(
        "section",
        tag("h2", "Provenance"),
        facts(rows),
        *_digests(provenance.digests, inspection, names),
        id="provenance",
        aria_label="Provenance",
    )


def _offset(written: str) -> str:
    return f"{written[:3]}:{written[3:5]}".replace("-", "−") if written else ""


def _digests(digests: Sequence[Digest], inspection: Inspection, names: Names) -> list[Markup]:
    if not digests:
        return []
    called: Mapping[str, str] = {
        series_.series_instance_uid: f"Series {number}" for number, series_ in enumerate(inspection.series, 1)
    }
    rows = []
    for entry in digests:
        name = called.get(entry.path) if entry.path in called else None
        what = tag("span", name) if name else names.shown(entry.path, 160)
        digest = tag("code", entry.sha256) if entry.sha256 else names.shown(entry.problem, 200)
        rows.append((what, plural(entry.files, "file"), f"{entry.size:,}", digest))
    told = join("The digest of a series is that of its files’ digests: ", tag("code", SERIES_DIGEST), ".")
    has_series = any(digest.path in called for digest in digests)
    return [
        table(
            "SHA-256 of the files that this report is about",
            ("Object", "Files", "Bytes", "SHA-256"),
            rows,
            kind=None,
        ),
        *([tag("p", told, class_="note")] if has_series else []),
    ]
