"""Which files belong to which study, in a database of its own beside the rows: memory does not grow with the files.

It is kept between runs, so that a file that has not changed since is not opened again. It holds paths, and paths may
name patients: it lies in the output's private folder.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from .scan import FILES_A_TASK, NOT_DICOM, Known, Part, Scanned

_TABLES = """
CREATE TABLE IF NOT EXISTS folders (number INTEGER PRIMARY KEY, path BLOB UNIQUE, seen INTEGER, trouble TEXT);
CREATE TABLE IF NOT EXISTS files (
  folder INTEGER, name BLOB, size INTEGER, changed_ns INTEGER, study TEXT, seen INTEGER, PRIMARY KEY (folder, name)
) WITHOUT ROWID;
DROP INDEX IF EXISTS by_study;
"""
_CHUNK = 5000
"""Files that are noted in one go."""


class Index:
    """The files of all folders. Closed by :meth:`close`."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_TABLES)
        last = self._database.execute("SELECT max(seen) FROM folders").fetchone()[0]
        self._run = (last or 0) + 1

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def begin(self) -> None:
        """Begin a transaction: those who write much at a time are faster in one."""
        self._database.execute("BEGIN")

    def commit(self) -> None:
        """Keep what was noted since :meth:`begin`."""
        self._database.execute("COMMIT")

    def add_folder(self, path: bytes) -> int | None:
        """Note a folder; returns its number, None where this run has been there."""
        found = self._database.execute("SELECT number, seen FROM folders WHERE path = ?", (path,)).fetchone()
        if found is not None and found[1] == self._run:
            return None
        if found is not None:
            self._database.execute(
                "UPDATE folders SET seen = ?, trouble = NULL WHERE number = ?", (self._run, found[0])
            )
            return int(found[0])
        cursor = self._database.execute("INSERT INTO folders (path, seen) VALUES (?, ?)", (path, self._run))
        return int(cursor.lastrowid or 0)

    def number_of(self, path: bytes) -> int:
        """Return the number of a folder that files were found in by links; it need not be listed itself."""
        found = self._database.execute("SELECT number FROM folders WHERE path = ?", (path,)).fetchone()
        if found is not None:
            return int(found[0])
        # Not seen: whoever lists it lists it whole.
        cursor = self._database.execute("INSERT INTO folders (path, seen) VALUES (?, 0)", (path,))
        return int(cursor.lastrowid or 0)

    def add_files(self, folder: int, names: Iterable[bytes]) -> None:
        """Note files that are there."""
        self._database.executemany(
            "INSERT INTO files (folder, name, seen) VALUES (?, ?, ?) "
            "ON CONFLICT (folder, name) DO UPDATE SET seen = excluded.seen",
            ((folder, name, self._run) for name in names),
        )

    def note_trouble(self, folder: int, reason: str) -> None:
        """Note that a folder cannot be listed."""
        self._database.execute("UPDATE folders SET trouble = ? WHERE number = ?", (reason, folder))

    def forget_unseen(self) -> None:
        """Leave out the files that this run has not found."""
        self._database.execute("DELETE FROM files WHERE seen <> ?", (self._run,))

    def count(self) -> int:
        """Count the files."""
        return int(self._database.execute("SELECT count(*) FROM files").fetchone()[0])

    def parts(self) -> Iterator[Part]:
        """Give all files, some of a folder at a time; may be written to meanwhile."""
        folders = self._database.execute(
            "SELECT number, path FROM folders WHERE number IN (SELECT DISTINCT folder FROM files) ORDER BY path"
        )
        for number, path in folders:
            last = b""
            while True:
                rows = self._database.execute(
                    "SELECT name, size, changed_ns FROM files WHERE folder = ? AND name > ? ORDER BY name LIMIT ?",
                    (number, last, FILES_A_TASK),
                ).fetchall()
                if rows:
                    yield Part(number, path, tuple(Known(*row) for row in rows))
                if len(rows) < FILES_A_TASK:
                    break
                last = rows[-1][0]

    def update(self, folder: int, found: Iterable[Scanned]) -> None:
        """Note what was found in files."""
        self._database.executemany(
            "UPDATE files SET size = ?, changed_ns = ?, study = ? WHERE folder = ? AND name = ?",
            ((file.size, file.changed_ns, file.study, folder, file.name) for file in found),
        )

    def sort_by_study(self) -> None:
        """Make what :meth:`studies` needs, when all files are known."""
        self._database.execute("CREATE INDEX IF NOT EXISTS by_study ON files (study, folder, name, size, changed_ns)")

    def counts(self) -> tuple[int, int]:
        """Return how many studies there are, and how many files that are no DICOM."""
        studies, other = self._database.execute(
            "SELECT count(DISTINCT study), sum(study = ?) FROM files WHERE study IS NOT NULL", (NOT_DICOM,)
        ).fetchone()
        return studies - (1 if other else 0), other or 0

    def studies(self) -> Iterator[str]:
        """Give all Study Instance UIDs, sorted; empty for files that name none."""
        last = None
        while True:
            found = self._database.execute(
                "SELECT study FROM files WHERE study > ? ORDER BY study LIMIT 1"
                if last is not None
                else "SELECT study FROM files WHERE study IS NOT NULL ORDER BY study LIMIT 1",
                (last,) if last is not None else (),
            ).fetchone()
            if found is None:
                return
            last = found[0]
            if last != NOT_DICOM:
                yield last

    def files_of(self, study: str) -> list[tuple[bytes, bytes, int, int]]:
        """Return folder, name, size and time of a study's files, sorted by where they lie."""
        rows = self._database.execute(
            "SELECT path, name, size, changed_ns FROM files JOIN folders ON folders.number = files.folder "
            "WHERE study = ?", (study,),
        ).fetchall()  # fmt: skip
        return sorted(rows)

    def folders_without_study(self) -> Iterator[tuple[bytes, list[tuple[bytes, bytes, int, int]]]]:
        """Give the folders that hold files that name no study, with those files."""
        for number, path in self._database.execute(
            "SELECT number, path FROM folders WHERE number IN (SELECT DISTINCT folder FROM files WHERE study = '') "
            "ORDER BY path"
        ):
            rows = self._database.execute(
                "SELECT name, size, changed_ns FROM files WHERE study = '' AND folder = ? ORDER BY name", (number,)
            ).fetchall()
            yield path, [(path, *row) for row in rows]

    def troubles(self) -> Iterator[tuple[bytes, str]]:
        """Give the folders that could not be listed, with the reason."""
        yield from self._database.execute(
            "SELECT path, trouble FROM folders WHERE trouble IS NOT NULL AND seen = ? ORDER BY path", (self._run,)
        )
