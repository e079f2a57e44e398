"""The tables as Parquet: a folder for each, with files of bounded size, as query engines read them."""

from __future__ import annotations

import os
from collections import deque
from functools import partial
from itertools import islice
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import system_error
from ..memory import require_room_to_import
from ..output_file import FORMER, unfinished_folder
from .engine import not_installed
from .store import Store
from .tables import TABLES, Row, Table

if TYPE_CHECKING:
    import pyarrow

ROWS_A_GROUP, GROUPS_A_FILE = 2_000, 10
"""As many rows are held at a time: 100,000 take 150 MB."""
_MEMORY = 96 << 20
"""Bytes for reading, judging and these rows beside the libraries; where they lack, PyArrow ends the process."""


def require_parquet() -> None:
    """Refuse, before the work, to go on without what writes Parquet.

    Raises UsageError, which says what to install.
    """
    require_room_to_import("pyarrow", _MEMORY)
    # Arrow's usual allocator takes memory in pieces of megabytes for each size of block, and keeps them.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
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
    ((count,),) = store.query(f"SELECT count(*) FROM {table.name}")
    # Nothing here keeps a group while the next one is made.
    groups = map(partial(_columns, schema), store.chunks(table, ROWS_A_GROUP))
    # Who reads an empty table finds its columns all the same.
    for number in range(max(ceil(count / (ROWS_A_GROUP * GROUPS_A_FILE)), 1)):
        place = folder / f"part-{number + 1:05}.parquet"
        with pyarrow.parquet.ParquetWriter(place, schema, compression="zstd") as writer:
            deque(map(writer.write_table, islice(groups, GROUPS_A_FILE)), maxlen=0)


def _schema(table: Table) -> pyarrow.Schema:
    import pyarrow

    kinds: dict[str, Any] = {
        "text": pyarrow.string(), "integer": pyarrow.int64(), "real": pyarrow.float64(), "flag": pyarrow.bool_(),
    }  # fmt: skip
    return pyarrow.schema([pyarrow.field(name, kinds[kind]) for name, kind in table.columns])


def _columns(schema: pyarrow.Schema, rows: list[Row]) -> pyarrow.Table:
    import pyarrow

    arrays = [
        pyarrow.array([None if value is None else bool(value) for value in values], field.type)
        if pyarrow.types.is_boolean(field.type)
        else pyarrow.array(values, field.type)
        for values, field in zip(zip(*rows, strict=True), schema, strict=True)
    ]
    return pyarrow.Table.from_arrays(arrays, schema=schema)
