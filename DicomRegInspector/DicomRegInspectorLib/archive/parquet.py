"""The tables as Parquet: a folder for each, with files of bounded size, as query engines read them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import system_error
from ..output_file import FORMER, unfinished_folder
from .engine import not_installed
from .store import Store
from .tables import TABLES, Row, Table

if TYPE_CHECKING:
    import pyarrow

ROWS_A_FILE = 20_000
"""As many as are held at a time: 100,000 take 150 MB."""


def require_parquet() -> None:
    """Refuse, before the work, to go on without what writes Parquet.

    Raises UsageError, which says what to install.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise not_installed(error) from error


def write_parquet(store: Store, folder: Path) -> None:
    """Write all tables in place of those of an earlier run; each is there whole or as it was.

    Rows are those of the database, in the order of their keys.

    Raises UsageError when they cannot be written.
    """
    for table in TABLES:
        with unfinished_folder(folder, folder / table.name) as new:
            try:
                _write_table(store, table, new / table.name)
            except Exception as error:
                raise system_error(error) or error from error
            former = new.parent / FORMER
            former.mkdir()
            place = folder / table.name
            if place.exists():
                os.rename(place, former / table.name)
            os.rename(new / table.name, place)


def _write_table(store: Store, table: Table, folder: Path) -> None:
    import pyarrow.parquet

    folder.mkdir()
    schema = _schema(table)
    number = 0
    for number, rows in enumerate(store.chunks(table, ROWS_A_FILE), 1):
        pyarrow.parquet.write_table(_columns(rows, schema), folder / f"part-{number:05}.parquet", compression="zstd")
    if not number:
        # Who reads an empty table finds its columns all the same.
        pyarrow.parquet.write_table(schema.empty_table(), folder / "part-00001.parquet")


def _schema(table: Table) -> pyarrow.Schema:
    import pyarrow

    kinds: dict[str, Any] = {
        "text": pyarrow.string(), "integer": pyarrow.int64(), "real": pyarrow.float64(), "flag": pyarrow.bool_(),
    }  # fmt: skip
    return pyarrow.schema([pyarrow.field(name, kinds[kind]) for name, kind in table.columns])


def _columns(rows: list[Row], schema: pyarrow.Schema) -> pyarrow.Table:
    import pyarrow

    arrays = [
        pyarrow.array([None if value is None else bool(value) for value in values], field.type)
        if pyarrow.types.is_boolean(field.type)
        else pyarrow.array(values, field.type)
        for values, field in zip(zip(*rows, strict=True), schema, strict=True)
    ]
    return pyarrow.Table.from_arrays(arrays, schema=schema)
