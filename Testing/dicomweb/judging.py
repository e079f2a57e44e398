"""Studies judged from a server and from files, in a form in which the two can be compared."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pydicom
from DicomRegInspectorLib.archive.dicomweb.settings import DicomwebSettings
from DicomRegInspectorLib.archive.dicomweb.source import DicomwebReader, DicomwebSource
from DicomRegInspectorLib.archive.studies import JudgeOptions, State, StudyRef
from DicomRegInspectorLib.tasks.inspect import inspect_paths

HASTY = DicomwebSettings(patience_s=0.3)
"""Settings with which what does not help is soon given up."""


def found(url: str, folder: Path, settings: DicomwebSettings = HASTY) -> tuple[list[StudyRef], DicomwebReader]:
    """The studies of a server, and what reads them."""
    source = DicomwebSource(url, settings)
    folder.mkdir(exist_ok=True)
    return list(source.find(State(folder, None), None)), source.reader()  # type: ignore[arg-type]


def read(reader: DicomwebReader, ref: StudyRef, **options: Any) -> dict[str, Any]:
    """What is said of a study from a server."""
    with reader.read(ref, JudgeOptions(**options), lambda *told: True) as study:
        return without_folders(study.inspection.to_dict())


def from_server(url: str, folder: Path, **options: Any) -> dict[str, dict[str, Any]]:
    """What is said of each study of a server."""
    refs, reader = found(url, folder)
    return {ref.study_uid: read(reader, ref, **options) for ref in refs}


def from_files(paths: Iterable[Path], folder: Path, audit: bool = False) -> dict[str, dict[str, Any]]:
    """What is said of each study of files, each in a folder, its series as a server gives them."""
    studies: dict[str, dict[str, list[Path]]] = {}
    for path in paths:
        ids = pydicom.dcmread(path, specific_tags=["StudyInstanceUID", "SeriesInstanceUID"])
        studies.setdefault(ids.StudyInstanceUID, {}).setdefault(ids.SeriesInstanceUID, []).append(path)
    said = {}
    for number, (study, series) in enumerate(studies.items()):
        for place, uid in enumerate(sorted(series)):
            into = folder / f"{number}" / f"{place:04d}"
            into.mkdir(parents=True)
            for path in series[uid]:
                shutil.copy(path, into / f"{pydicom.dcmread(path).SOPInstanceUID}.dcm")
        said[study] = without_folders(inspect_paths(folder / f"{number}", audit=audit).to_dict())
    return said


def without_folders(told: dict[str, Any]) -> dict[str, Any]:
    """Files by their names alone."""
    return json.loads(re.sub(r'[^" ]*/\d{4}/(?=[\w.\-]+\.dcm)', "", json.dumps(told, sort_keys=True)))
