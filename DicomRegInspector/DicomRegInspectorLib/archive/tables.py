"""The tables of an archive: their columns, and what is a value in them.

Parquet files and ``archive.sqlite`` have the same rows. The key of each table begins with the source and the Study
Instance UID; rows are kept in the order of their keys, so that the order in which studies end shows nowhere.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Literal

from ..report.text.terminal import printable
from ..words import table_cell

Kind = Literal["text", "integer", "real", "flag"]
Value = str | int | float | None
Row = tuple[Value, ...]
LONGEST = 4000
"""Characters of a text in a column; a broken file can have megabytes."""
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Table:
    """A table and its columns."""

    name: str
    keys: int
    """How many of the first columns tell a row from all others."""
    columns: tuple[tuple[str, Kind], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(name for name, _ in self.columns)

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the columns of the key."""
        return self.names[: self.keys]


def _table(name: str, keys: int, columns: str) -> Table:
    """Columns as words; ``:i``, ``:r`` and ``:f`` are integers, reals and flags, all others text."""
    kinds: dict[str, Kind] = {"": "text", "i": "integer", "r": "real", "f": "flag"}
    pairs = [word.partition(":") for word in f"source study_instance_uid {columns}".split()]
    return Table(name, keys, tuple((column, kinds[kind]) for column, _, kind in pairs))


STUDIES = _table(
    "studies", 2,
    "state reason modalities manufacturer model year:i files:i dicom_files:i unreadable_files:i other_dicom_files:i "
    "series:i registrations:i errors:i warnings:i infos:i worst made_with patient_id patient_name location",
)  # fmt: skip
SERIES = _table(
    "series", 3,
    "series_instance_uid number:i modality description series_number:i manufacturer model year:i files:i slices:i "
    "sets:i is_volume:f nominal_spacing_mm:r tilt_deg:r errors:i warnings:i infos:i worst",
)  # fmt: skip
SETS = _table(
    "sets", 4,
    "series_instance_uid number:i label slices:i positions:i is_localizer:f frame_of_reference_uid rows:i columns:i "
    "row_spacing_mm:r column_spacing_mm:r nominal_spacing_mm:r extent_mm:r tilt_deg:r sections:i",
)  # fmt: skip
REGISTRATIONS = _table(
    "registrations", 4,
    "sop_instance_uid copy:i series_instance_uid sop_class_uid kind frame_of_reference_uid items:i manufacturer "
    "description content_label errors:i warnings:i infos:i worst",
)  # fmt: skip
ITEMS = _table(
    "items", 5,
    "sop_instance_uid copy:i item:i kind source_frame_of_reference_uid registered_frame_of_reference_uid grid_i:i "
    "grid_j:i grid_k:i grid_spacing_mm grid_origin_lps_mm matrix_lps pre_matrix_lps post_matrix_lps "
    "displacement_max_mm:r displacement_mean_mm:r displacement_p95_mm:r referenced_images:i source_series "
    "registered_series inside_percent:r audit not_checked problem",
)  # fmt: skip
FINDINGS = _table(
    "findings", 3,
    "number:i severity code message subject series_instance_uid sop_instance_uid copy:i item:i slices evidence "
    "frame_in_study file",
)  # fmt: skip
MEASURES = _table("measures", 6, "sop_instance_uid copy:i item:i measure value:r unit")

TABLES = (STUDIES, SERIES, SETS, REGISTRATIONS, ITEMS, FINDINGS, MEASURES)


def text(value: object) -> str:
    """Give a text as a table holds it: readable characters, escapes for all others, not too long, and no formula."""
    written = table_cell(printable(str(value).encode("utf-8", "replace").decode("utf-8")))
    return written if len(written) <= LONGEST else f"{written[: LONGEST - 1]}…"


def integer(value: int | None) -> int | None:
    """Give a whole number, or nothing where it is beyond what databases hold."""
    return None if value is None or abs(value) > _LARGEST else int(value)


def real(value: float | None) -> float | None:
    """Give a finite number, or nothing."""
    return None if value is None or not math.isfinite(value) else float(value)


def as_json(value: Any) -> str:
    """Give lists and evidence as JSON in one line; infinite numbers as words."""
    written = json.dumps(_plain(value), ensure_ascii=False, default=str, separators=(",", ":"))
    return written.encode("utf-8", "replace").decode("utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
