"""What the tables of an output hold."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

TABLES = ("studies", "series", "sets", "registrations", "items", "findings", "measures")


def rows_of(output: Path, table: str) -> list[tuple[Any, ...]]:
    """All rows of a table, as a database lists them without being asked for an order."""
    database = sqlite3.connect(f"file:{output / 'archive.sqlite'}?mode=ro", uri=True)
    try:
        return database.execute(f"SELECT * FROM {table}").fetchall()
    finally:
        database.close()


def all_rows(output: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of all tables that are equal however they came about."""
    return {table: rows_of(output, table) for table in TABLES}


def dicts_of(output: Path, table: str) -> list[dict[str, Any]]:
    """Rows by the names of their columns."""
    database = sqlite3.connect(f"file:{output / 'archive.sqlite'}?mode=ro", uri=True)
    try:
        cursor = database.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]
    finally:
        database.close()
