"""``archive.sqlite``: the rows, and the journal of what is done; each batch of studies is there whole or not at all.

The file is a database in WAL mode while a run goes on: others may read it meanwhile, and a run that is killed leaves
what was committed. At the end it is one file that reads anywhere. Rows lie in the order of their keys (tables WITHOUT
ROWID), so that a table that several runs made is the one that a single run makes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..version import __version__
from .rows import StudyRows
from .studies import JudgeOptions, StudyRef
from .tables import TABLES, Row, Table, text

FILE = "archive.sqlite"
SCHEMA = 1
_SQL_KINDS = {"text": "TEXT", "integer": "INTEGER", "real": "REAL", "flag": "INTEGER"}
_PACKAGES = ("numpy", "pydicom", "dask", "distributed", "pyarrow", "dicomweb-client", "SimpleITK")
_JOURNAL = """
CREATE TABLE IF NOT EXISTS journal (
  source TEXT, study_instance_uid TEXT, digest TEXT, made_with TEXT, state TEXT, seen INTEGER,
  PRIMARY KEY (source, study_instance_uid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
  run INTEGER PRIMARY KEY, made_with TEXT, version TEXT, options TEXT, engine TEXT, packages TEXT, started TEXT,
  ended TEXT, outcome TEXT, judged INTEGER);
"""


class Store:
    """The database of one output. A context manager."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        with self._errors():
            # Transactions are begun and committed here, never by the driver.
            self._database = sqlite3.connect(self._path, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._database.close()
                raise
        self.run = 0

    def _prepare(self) -> None:
        database = self._database
        found = database.execute("PRAGMA user_version").fetchone()[0]
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if found not in (0, SCHEMA) or (names and not found):
            raise UsageError(f"{self._path}: is no archive of this version; name another output")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.executescript(_JOURNAL)
        for table in TABLES:
            columns = ", ".join(f"{name} {_SQL_KINDS[kind]}" for name, kind in table.columns)
            key = ", ".join(table.key)
            database.execute(f"CREATE TABLE IF NOT EXISTS {table.name} ({columns}, PRIMARY KEY ({key})) WITHOUT ROWID")
        database.execute("CREATE INDEX IF NOT EXISTS set_frames ON sets (frame_of_reference_uid)")
        database.execute(f"PRAGMA user_version = {SCHEMA}")

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exception: object) -> None:
        self._database.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise UsageError(
                f"{self._path}: cannot be written or read ({error}); what was finished before is in it, and the next "
                "run goes on from there"
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the database for changes that are made all or not at all.

        Raises UsageError when they cannot be written: a full disk, another program's lock.
        """
        with self._errors():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def begin_run(self, options: JudgeOptions, engine: dict[str, Any], started: str) -> None:
        """Note a run: with which versions and options rows were made."""
        packages = {}
        for name in _PACKAGES:
            try:
                packages[name] = version(name)
            except PackageNotFoundError:
                continue
        told = json.dumps(asdict(options), sort_keys=True)
        with self.transaction() as database:
            values = (options.fingerprint, __version__, told, json.dumps(engine), json.dumps(packages), started)
            cursor = database.execute(
                "INSERT INTO runs (made_with, version, options, engine, packages, started, outcome, judged) "
                "VALUES (?, ?, ?, ?, ?, ?, 'under way', 0)", values,
            )  # fmt: skip
            self.run = int(cursor.lastrowid or 0)

    def end_run(self, ended: str, outcome: str) -> None:
        """Note how a run ended, and make the database one file."""
        with self.transaction() as database:
            database.execute("UPDATE runs SET ended = ?, outcome = ? WHERE run = ?", (ended, outcome, self.run))
        with self._errors():
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            # Where somebody reads at the moment it stays as it is.
            with suppress(sqlite3.OperationalError):
                self._database.execute("PRAGMA journal_mode = DELETE")

    def try_to_end_run(self, ended: str, outcome: str) -> None:
        """Note how a run ended that something else ended: a full disk keeps this from being written, too."""
        with suppress(UsageError):
            self.end_run(ended, outcome)

    def state_of(self, ref: StudyRef, options: JudgeOptions) -> str:
        """Return the state of a study whose rows are there, made of the same files in the same way; empty else."""
        with self._errors():
            found = self._database.execute(
                "SELECT digest, made_with, state FROM journal WHERE source = ? AND study_instance_uid = ?",
                (text(ref.source), text(ref.study_uid)),
            ).fetchone()
        if found is None or not ref.digest:
            return ""
        digest, made_with, state = found
        return str(state) if (digest, made_with) == (ref.digest, options.fingerprint) else ""

    def see(self, refs: Iterable[StudyRef]) -> None:
        """Note that studies are still there."""
        with self.transaction() as database:
            database.executemany(
                "UPDATE journal SET seen = ? WHERE source = ? AND study_instance_uid = ?",
                ((self.run, text(ref.source), text(ref.study_uid)) for ref in refs),
            )

    def commit(self, found: Iterable[StudyRows], options: JudgeOptions) -> None:
        """Put the rows of studies in place of what was there of them, all in one transaction."""
        studies = list(found)
        with self.transaction() as database:
            for study in studies:
                key = (text(study.source), text(study.study_uid))
                self._remove(database, key)
                for table in TABLES:
                    rows = study.tables.get(table.name)
                    if rows:
                        marks = ", ".join("?" * len(table.columns))
                        database.executemany(f"INSERT INTO {table.name} VALUES ({marks})", rows)
                database.execute(
                    "INSERT OR REPLACE INTO journal VALUES (?, ?, ?, ?, ?, ?)",
                    (*key, study.digest, options.fingerprint, study.state, self.run),
                )
            database.execute("UPDATE runs SET judged = judged + ? WHERE run = ?", (len(studies), self.run))

    @staticmethod
    def _remove(database: sqlite3.Connection, key: tuple[str, str]) -> None:
        for table in TABLES:
            database.execute(f"DELETE FROM {table.name} WHERE source = ? AND study_instance_uid = ?", key)

    def forget_unseen(self) -> list[tuple[str, str]]:
        """Remove the rows of studies that this run has not found; returns their sources and UIDs."""
        with self.transaction() as database:
            gone = database.execute(
                "SELECT source, study_instance_uid FROM journal WHERE seen <> ?", (self.run,)
            ).fetchall()
            for key in gone:
                self._remove(database, key)
                database.execute("DELETE FROM journal WHERE source = ? AND study_instance_uid = ?", key)
        return [(str(source), str(uid)) for source, uid in gone]

    def query(self, sql: str, values: tuple[object, ...] = ()) -> list[Any]:
        """Ask for rows."""
        with self._errors():
            return self._database.execute(sql, values).fetchall()

    def chunks(self, table: Table, rows: int) -> Iterator[list[Row]]:
        """Give all rows of a table in the order of its key, so many at a time."""
        with self._errors():
            cursor = self._database.execute(f"SELECT * FROM {table.name} ORDER BY {', '.join(table.key)}")
            # No name here keeps rows while the next ones are fetched.
            yield from iter(lambda: cursor.fetchmany(rows), [])
