"""Files of studies that are done, emptied to be filled again.

A file system may leave the entries of files that it has just deleted alone for some seconds (ext4: five), and look
through all of them for each new file: where each header is a file for as long as its study is judged, that takes longer
than everything else that is done with it.
"""

from __future__ import annotations

import os
import shutil
import weakref
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

_MOST_FILES = 1024


class SpareFiles:
    """One thread's spare files, in a private folder that is deleted with this object, at the latest when Python ends.

    Parameters
    ----------
    place
        An existing folder on the file system where files are wanted.
    """

    def __init__(self, place: Path) -> None:
        self._folder = mkdtemp(prefix="spare-", dir=place)
        self._count = 0
        self._lent: list[Path] = []
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def write(self, path: Path, content: bytes) -> None:
        """Make a file where there is none. Raises OSError where that cannot be."""
        is_there = self._moved_to(path)
        with path.open("r+b" if is_there else "xb") as file:
            file.write(content)
        self._lent.append(path)

    def take_back(self) -> None:
        """Take files back, emptied, and keep them where no study looks, as many as are worth it."""
        for path in self._lent[: _MOST_FILES - self._count]:
            with suppress(OSError):  # gone, with its folder or with that of the spare files
                os.rename(path, self._spare(self._count))
                # A byte is left, always zero (PS3.10 section 7.1): ext4 writes what was emptied to the disk at once.
                os.truncate(self._spare(self._count), 1)
                self._count += 1
        self._lent.clear()

    def _moved_to(self, path: Path) -> bool:
        """Whether there was a spare file; it has the path now."""
        if not self._count:
            return False
        self._count -= 1
        try:
            os.rename(self._spare(self._count), path)
        except FileNotFoundError:  # taken away with the folder
            self._count = 0
            return False
        return True

    def _spare(self, number: int) -> str:
        return f"{self._folder}/{number}"
