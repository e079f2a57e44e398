"""Sources whose studies hang, crash their process, or take too much; what engines make of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from DicomRegInspectorLib.archive.studies import JudgeOptions, StudyRead, StudyRef
from DicomRegInspectorLib.errors import FileError
from DicomRegInspectorLib.tasks.inspection import inspect_headers


@dataclass(frozen=True)
class OddReader:
    """Does what a study's place says."""

    @contextmanager
    def read(self, ref: StudyRef, options: JudgeOptions, progress: Any) -> Iterator[StudyRead]:
        """Read a study of nothing."""
        if ref.where == "crash":
            os._exit(7)
        if ref.where == "hang":
            time.sleep(3600)
        while ref.where == "slow" and progress(0, 0, "slow"):
            time.sleep(0.01)
        held = []
        while ref.where == "hog":
            held.append(b"\1" * 10_000_000)
            time.sleep(0.01)
        if ref.where == "broken":
            raise FileError("/secret/path", "is broken.")
        if ref.where == "odd":
            raise RuntimeError("something about Nemo^Secret")
        if ref.where == "memory":
            raise MemoryError
        yield StudyRead(inspect_headers([], progress=progress), digest="other" if ref.where == "changing" else "")


class OddSource:
    """Studies that do what they are called."""

    name = "odd"

    def __init__(self, kinds: Sequence[str]) -> None:
        self.kinds = kinds

    def find(self, state: Any, progress: Any) -> Iterator[StudyRef]:
        """Find a study for each kind."""
        for number, kind in enumerate(self.kinds):
            yield StudyRef(self.name, f"1.2.{number}", f"digest {number}", 1, kind)

    def reader(self) -> OddReader:
        """Make the reader."""
        return OddReader()
