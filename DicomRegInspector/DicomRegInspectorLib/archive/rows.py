"""What was found in one study, as rows of all tables; without names and paths unless they are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..dicom.header import Header, decoded
from ..dicom.tags import Tag
from ..findings import SEVERITIES, Finding, by_severity, worst_severity
from ..registration.mapping import MappingError
from ..registration.measures.quality import measure
from ..registration.measures.rows import MeasureRow, rows_of
from ..tasks.item_images import series_uids
from .studies import JudgeOptions, StudyRef
from .subjects import Subjects
from .tables import TABLES, Row, Value, as_json, integer, real, text

if TYPE_CHECKING:
    from ..progress import Progress
    from ..registration import Registration, RegistrationItem
    from ..series import Series, Stack
    from ..tasks.inspection import Inspection

DONE, FAILED = "done", "failed"
_DATES = (Tag.STUDY_DATE, Tag.SERIES_DATE, Tag.ACQUISITION_DATE, Tag.CONTENT_DATE)


@dataclass(frozen=True)
class StudyRows:
    """All rows of a study, and what decides whether it is judged again."""

    source: str
    study_uid: str
    digest: str
    """As it was found; empty where it has to be read again in any case."""
    state: str
    """``done`` or ``failed``."""
    files: int
    tables: dict[str, list[Row]] = field(default_factory=dict)
    """By the table's name."""


def failed_rows(ref: StudyRef, reason: str, options: JudgeOptions, *, changed: bool = False) -> StudyRows:
    """Make the one row of a study that could not be judged, with the reason.

    Parameters
    ----------
    changed
        Whether it is to be read again the next time, whatever its digest is then.
    """
    values: dict[str, Value] = dict.fromkeys(TABLES[0].names)
    values |= {"source": text(ref.source), "study_instance_uid": text(ref.study_uid), "state": FAILED}
    values |= {"reason": text(reason), "files": ref.weight, "made_with": options.fingerprint}
    values |= dict.fromkeys(("series", "registrations", "errors", "warnings", "infos"), 0)
    values |= dict.fromkeys(
        ("modalities", "manufacturer", "model", "worst", "patient_id", "patient_name", "location"), ""
    )
    row = tuple(values[name] for name in TABLES[0].names)
    return StudyRows(ref.source, ref.study_uid, "" if changed else ref.digest, FAILED, ref.weight, {"studies": [row]})


def study_rows(
    ref: StudyRef,
    inspection: Inspection,
    more: Iterable[Finding],
    options: JudgeOptions,
    progress: Progress | None = None,
) -> StudyRows:
    """Make the rows of a study that was inspected.

    Parameters
    ----------
    more
        Findings besides the inspection's: of pixels.

    Raises
    ------
    FileError
        When a registration's file changed while it was measured.
    Cancelled
        When ``progress`` returned False.
    """
    findings = by_severity([*inspection.findings, *more])
    key = text(ref.source), text(ref.study_uid)
    subjects = Subjects(inspection, options.identifiers)
    tables: dict[str, list[Row]] = {table.name: [] for table in TABLES}
    of_series, of_registration = subjects.sorted_by_object(findings)
    for number, series in enumerate(inspection.series, 1):
        uid = text(series.series_instance_uid)
        about = of_series.get(series.series_instance_uid, ())
        tables["series"].append((*key, uid, number, *_series_row(series), *_counted(about)))
        for set_number, stack in enumerate(series.stacks, 1):
            tables["sets"].append((*key, uid, set_number, *_set_row(stack)))
    for registration in inspection.registrations:
        about = of_registration.get(str(registration.path), ())
        place = (*key, *subjects.key_of(registration))
        tables["registrations"].append((*place, *_registration_row(registration), *_counted(about)))
        for index, item in enumerate(registration.items):
            tables["items"].append((*place, item.number, *_item_row(item, inspection, registration, index)))
            for row in _measures(item, options.measures, progress):
                tables["measures"].append((*place, item.number, row.keys[0], real(row.value), row.unit))
    for number, finding in enumerate(findings, 1):
        tables["findings"].append((*key, number, *subjects.finding_row(finding)))
    tables["studies"].append((*key, DONE, "", *_study_row(ref, inspection, findings, options)))
    return StudyRows(ref.source, ref.study_uid, ref.digest, DONE, ref.weight, tables)


def _counted(findings: Sequence[Finding]) -> Row:
    """Errors, warnings, remarks, and the worst of them."""
    counts = Counter(finding.severity for finding in findings)
    return (*(counts[severity] for severity in reversed(SEVERITIES)), worst_severity(findings) or "")


def _study_row(
    ref: StudyRef, inspection: Inspection, findings: Sequence[Finding], options: JudgeOptions
) -> Sequence[Value]:
    headers = [series.slices[0].header for series in inspection.series if series.slices]
    modalities = sorted({series.modality for series in inspection.series} | {"REG"} & {_kind(inspection)})
    counts = inspection.file_counts
    scanner = next((scanner for scanner in map(_scanner, headers) if any(scanner)), ("", ""))
    named: Sequence[str] = ("", "", "")
    if options.identifiers:
        first = headers[0] if headers else None
        named = (*(_typed(first, tag) for tag in (Tag.PATIENT_ID, Tag.PATIENT_NAME)), Subjects.place_of(inspection))
    return (
        text("\\".join(filter(None, modalities))), *scanner, next(filter(None, map(_year, headers)), None),
        counts.files, counts.dicom, counts.unreadable, counts.other_dicom, len(inspection.series),
        len(inspection.registrations), *_counted(findings), options.fingerprint, *named,
    )  # fmt: skip


def _kind(inspection: Inspection) -> str:
    return "REG" if inspection.registrations else ""


def _typed(header: Header | None, tag: Tag) -> str:
    """A text of a header that a person typed."""
    if header is None:
        return ""
    return text(decoded(header.raw(tag), header.raw(Tag.SPECIFIC_CHARACTER_SET)))


def _scanner(header: Header) -> tuple[str, str]:
    """Manufacturer and model."""
    return _typed(header, Tag.MANUFACTURER), _typed(header, Tag.MODEL_NAME)


def _year(header: Header) -> int | None:
    """Of the study, else of the series, the acquisition or the image."""
    for tag in _DATES:
        digits = header.raw(tag)[:4]
        if len(digits) == 4 and digits.isdigit() and 1895 <= int(digits) <= 2200:
            return int(digits)
    return None


def _series_row(series: Series) -> Sequence[Value]:
    header = series.slices[0].header if series.slices else None
    main = series.main_stack
    spacing, tilt = (None, None) if main is None else (main.nominal_spacing_mm, main.tilt_deg)
    scanner, year = (("", ""), None) if header is None else (_scanner(header), _year(header))
    return (
        text(series.modality), text(series.description), integer(header.series_number) if header else None,
        *scanner, year, series.number_of_files, series.slice_count, len(series.stacks), int(series.is_volume),
        real(spacing), real(tilt),
    )  # fmt: skip


def _set_row(stack: Stack) -> Sequence[Value]:
    spacing = stack.pixel_spacing_mm or (None, None)
    positions = stack.positions_mm
    extent = float(positions[-1] - positions[0]) if len(positions) else None
    return (
        text(stack.label), len(stack.slices), len(stack.distinct), int(stack.is_localizer),
        text(stack.frame_of_reference_uid), stack.rows, stack.columns, real(spacing[0]), real(spacing[1]),
        real(stack.nominal_spacing_mm), real(extent), real(stack.tilt_deg), len(stack.sections),
    )  # fmt: skip


def _registration_row(registration: Registration) -> Sequence[Value]:
    return (
        text(registration.series_uid), text(registration.sop_class_uid), registration.kind,
        text(registration.frame_uid), len(registration.items), text(registration.manufacturer),
        text(registration.series_description), text(registration.content_label),
    )  # fmt: skip


def _item_row(
    item: RegistrationItem, inspection: Inspection, registration: Registration, index: int
) -> Sequence[Value]:
    relation = inspection.relations_of(registration)[index]
    audit = inspection.audits_of(registration)[index]
    grid, lengths = item.grid, item.displacement_mm or {}
    best = relation.meetings.best
    is_matrix = item.matrix is not None
    return (
        item.kind, text(item.source_frame_uid), text(item.registered_frame_uid),
        *((None, None, None) if grid is None else map(int, grid.dimensions)),
        "" if grid is None else as_json(grid.spacing_mm.tolist()),
        "" if grid is None else as_json(grid.origin_lps_mm.tolist()),
        as_json(item.matrix.tolist()) if item.matrix is not None else "",
        "" if is_matrix else as_json(item.pre.tolist()), "" if is_matrix else as_json(item.post.tolist()),
        *(real(lengths.get(rank)) for rank in ("max", "mean", "p95")),
        len(item.images.instance_uids) + item.images.not_kept,
        as_json(series_uids(relation.images.source)), as_json(series_uids(relation.images.registered)),
        None if best is None else real(100 * best.share),
        "" if audit.result is None else audit.result.verdict,
        text(relation.meetings.unchecked or audit.open_reason), text(item.problem or ""),
    )  # fmt: skip


def _measures(item: RegistrationItem, complete: bool, progress: Progress | None) -> list[MeasureRow]:
    """All measures of a matrix, which cost nothing; of a grid the lengths of its vectors, or all that there are."""
    if item.problem is not None:
        return []
    if complete or item.grid is None:
        # An inverse that does not exist is a finding already, and leaves nothing to measure.
        try:
            return rows_of(measure(item.mapping, item.subject, progress).measures)
        except (MappingError, ArithmeticError, ValueError):
            return []
    lengths = item.displacement_mm or {}
    return [MeasureRow((f"displacement_{rank}_mm",), rank, value, "mm") for rank, value in lengths.items()]
