"""Check the pixels of files: whether they are there, as long as announced, and mean what the header says."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from os import PathLike, fspath
from typing import Any

from ...dicom import tags
from ...dicom.tags import Tag
from ...errors import FileError, NotDicomError, UsageError, file_error
from ...findings import Finding, by_severity
from ...findings.about import about_file, about_series
from ...progress import Progress, report_progress
from ...words import plural
from ..pixels.choose_stack import files_below
from ..pixels.decode_apart import DecodingProcesses
from .bits import bit_findings, needs_scan, scan_values, value_findings
from .colour_and_compression import head_of_frame, lossy_findings, photometric_findings, stream_findings
from .fragments import Fragments, frame_findings, read_fragments
from .lengths import expected_bytes, float_findings, length_findings, missing_findings, pixel_state
from .pixel_facts import PixelFacts, named, open_facts
from .scale import Spacing, rescale_findings, spacing_findings, spacing_of
from .stack import stack_pixel_findings
from .trial_decoding import trial_findings

_NATIVE = (
    "",
    tags.IMPLICIT_LITTLE_ENDIAN,
    tags.EXPLICIT_LITTLE_ENDIAN,
    tags.EXPLICIT_BIG_ENDIAN,
    tags.DEFLATED_LITTLE_ENDIAN,
)
"""Transfer syntaxes that have no fragments; all others that are not known here may."""
_EXPLAIN_FAILURE = ("pixel-not-decodable", "file-truncated", "pixel-data-length", "pixel-data-missing")
"""Errors after which decoding would only say the same in other words."""
MAX_LISTED = 50
"""Files named in a finding that holds for many."""


@dataclass(frozen=True)
class PixelFile:
    """What one file says of its pixels, and what is wrong with that."""

    path: str
    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    modality: str
    transfer_syntax_uid: str
    pixels: str
    """``present``, ``missing``, or why there are rightly none."""
    element: str
    """``PixelData``, ``FloatPixelData`` or ``DoubleFloatPixelData``; empty without."""
    description: dict[str, Any]
    """Rows, columns, samples, frames, bits, photometric interpretation, as the file has them."""
    length_bytes: int | None
    """Of the pixels in the file; compressed: of all fragments."""
    expected_bytes: int | None
    """Of the frames without compression."""
    spacing: Spacing | None
    """Which one applies, in mm, and where."""
    findings: tuple[Finding, ...]
    frames_decoded: bool | None = None
    """Whether every compressed frame was decoded; None where none is compressed."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON report holds it."""
        told = {key: value for key, value in vars(self).items() if key not in ("description", "spacing", "findings")}
        told["file"] = told.pop("path")
        return {
            **told,
            **self.description,
            "spacing": self.spacing.to_dict() if self.spacing else None,
            "findings": [finding.to_dict() for finding in self.findings],
        }


@dataclass(frozen=True)
class PixelReport:
    """What a check of pixels found."""

    files: tuple[PixelFile, ...]
    findings: tuple[Finding, ...]
    """All findings, the most severe first; one that holds word for word for several files of a series comes once."""
    not_dicom: int
    """Files that are no DICOM, in folders."""

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON holds it."""
        return {
            "schema": 1,
            "files": [file.to_dict() for file in self.files],
            "not_dicom": self.not_dicom,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def check_pixels(
    paths: str | PathLike[str] | Iterable[str | PathLike[str]],
    progress: Progress | None = None,
    *,
    decode: bool = True,
) -> PixelReport:
    """Check the pixels of files and of all files in folders.

    By headers where these suffice; values are read a megabyte at a time. Memory does not grow with the files.

    Parameters
    ----------
    progress
        Called as ``progress(done, total, text)``; returning False stops with :class:`~...errors.Cancelled`.
    decode
        Decode compressed frames, one at a time, for those that cannot be.

    Raises
    ------
    UsageError
        A path is not there, or there is none.
    """
    given = [paths] if isinstance(paths, (str, PathLike)) else list(paths)
    places = list(_files([fspath(path) for path in given]))
    files: list[PixelFile] = []
    broken: list[Finding] = []
    not_dicom = 0
    with DecodingProcesses() as processes:
        for done, (path, asked_for) in enumerate(places):
            report_progress(progress, done, len(places), "Checking pixels", "the check was cancelled")
            try:
                file = check_file(path, decode=decode, processes=processes)
            except NotDicomError as error:
                not_dicom += 1
                if asked_for:
                    broken.append(Finding(error.code, "error", error.sentence, about_file(path)))
            except Exception as error:
                problem = file_error(path, error)
                broken.append(Finding(problem.code, "error", problem.sentence, about_file(path)))
            else:
                files.append(file)
    found = [(file.series_uid, finding) for file in files for finding in file.findings]
    counts = Counter(file.series_uid for file in files if file.description)
    # One file is no stack, and need not be read again.
    images = [file.path for file in files if file.description and counts[file.series_uid] > 1]
    merged = [*broken, *_merged(found), *stack_pixel_findings(images)]
    return PixelReport(tuple(files), tuple(by_severity(merged)), not_dicom)


def _files(paths: list[str]) -> Iterator[tuple[str, bool]]:
    """Files, each once, with whether a path named it."""
    if not paths:
        raise UsageError("no pixels to check: name a file or a folder")
    seen = set()
    for path in paths:
        if not os.path.lexists(path):
            raise UsageError(f"{path}: there is no such file or folder")
        for file in files_below(path) if os.path.isdir(path) else [path]:
            real = os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                yield file, file == path


def check_file(
    path: str | PathLike[str], *, decode: bool = True, processes: DecodingProcesses | None = None
) -> PixelFile:
    """Check the pixels of one file.

    ``processes``: what decodes, for callers with many files; None: some for this file.

    Raises
    ------
    NotDicomError, TruncatedFileError, FileError
        The file's header cannot be read.
    """
    name = fspath(path)
    if not os.path.isfile(name):
        raise FileError(name, "is not a regular file.")
    with open_facts(name) as facts:
        found = _fragments(facts)
        findings = list(_check(facts, found))
        described = _describe(facts, found)
    is_explained = any(finding.code in _EXPLAIN_FAILURE for finding in findings if finding.severity == "error")
    is_compressed = found is not None and tags.is_encapsulated(described.transfer_syntax_uid)
    is_tried = decode and is_compressed and not is_explained
    if is_tried:
        with nullcontext(processes) if processes is not None else DecodingProcesses() as decoder:
            findings += trial_findings(name, decoder)
    decoded = is_tried if is_compressed else None
    return replace(described, findings=tuple(by_severity(findings)), frames_decoded=decoded)


def _fragments(facts: PixelFacts) -> Fragments | None:
    element = facts.bulk.get(tags.PIXEL_DATA)
    if element is None or element.length != tags.UNDEFINED or facts.syntax in _NATIVE:
        return None
    return read_fragments(facts)


def _check(facts: PixelFacts, found: Fragments | None) -> Iterator[Finding]:
    yield from missing_findings(facts)
    if not facts.bulk:
        return
    yield from length_findings(facts, found)
    yield from float_findings(facts)
    if not facts.is_image:
        yield _no_size_finding(facts)
        return
    yield from bit_findings(facts)
    stream = head_of_frame(facts, found)
    yield from photometric_findings(facts, stream)
    yield from stream_findings(facts, stream)
    yield from lossy_findings(facts, found, stream)
    scan = scan_values(facts) if needs_scan(facts) else None
    yield from value_findings(facts, scan)
    yield from _frame_count_findings(facts)
    if found is not None:
        yield from frame_findings(facts, found)
    yield from spacing_findings(facts)
    yield from rescale_findings(facts, scan)


def _no_size_finding(facts: PixelFacts) -> Finding:
    names = " and ".join(named(tag) for tag in (tags.ROWS, tags.COLUMNS) if not facts.get(tag))
    text = f"There is pixel data, but {names} missing or 0: it cannot be read"
    return Finding(
        "pixel-bits-inconsistent",
        "error",
        text,
        facts.path,
        {"rows": facts.get(tags.ROWS), "columns": facts.get(tags.COLUMNS)},
    )


def _frame_count_findings(facts: PixelFacts) -> Iterator[Finding]:
    number = facts.integer(tags.FRAMES)
    if tags.FRAMES in facts.values and (number is None or number < 1):
        text = "Number of Frames (0028,0008) is not a positive whole number; one frame is assumed"
        evidence = {"number_of_frames": facts.get(tags.FRAMES)}
        yield Finding("pixel-frames-disagree", "warning", text, facts.path, evidence)
    if facts.frame_items is not None and facts.frame_items != facts.frames:
        text = (
            f"Per-Frame Functional Groups Sequence (5200,9230) describes "
            f"{plural(facts.frame_items, 'frame')}, Number of Frames (0028,0008) is {facts.frames:,}"
        )
        evidence = {"frames": facts.frames, "functional_groups": facts.frame_items}
        yield Finding("pixel-frames-disagree", "error", text, facts.path, evidence)


def _describe(facts: PixelFacts, found: Fragments | None) -> PixelFile:
    state = pixel_state(facts)
    element = next(iter(facts.bulk.values()), None)
    length = None
    if element is not None:
        length = sum(found.lengths) if found is not None else element.length
    numbers = {
        "rows": tags.ROWS,
        "columns": tags.COLUMNS,
        "samples_per_pixel": tags.SAMPLES,
        "bits_allocated": tags.BITS_ALLOCATED,
        "bits_stored": tags.BITS_STORED,
        "high_bit": tags.HIGH_BIT,
        "pixel_representation": tags.REPRESENTATION,
    }
    is_image = facts.is_image or bool(facts.bulk)
    description = {key: facts.get(tag) for key, tag in numbers.items()} if is_image else {}
    if is_image:
        description |= {"frames": facts.frames, "photometric_interpretation": facts.text(tags.PHOTOMETRIC)}
    return PixelFile(
        path=facts.path,
        sop_class_uid=str(facts.get(Tag.SOP_CLASS_UID, "")),
        sop_instance_uid=str(facts.get(Tag.SOP_INSTANCE_UID, "")),
        series_uid=str(facts.get(Tag.SERIES_INSTANCE_UID, "")),
        modality=facts.text(Tag.MODALITY),
        transfer_syntax_uid=facts.syntax,
        pixels=state,
        element=next((tags.PIXEL_KEYWORDS[tag] for tag in facts.bulk), ""),
        description=description,
        length_bytes=length,
        expected_bytes=expected_bytes(facts) if is_image else None,
        spacing=spacing_of(facts) if is_image else None,
        findings=(),
    )


def _merged(found: Iterable[tuple[str, Finding]]) -> list[Finding]:
    """Findings that say the same of several files of a series as one."""
    groups: dict[tuple[str, str, str, str], list[Finding]] = {}
    for series, finding in found:
        key = (series or finding.subject, finding.code, finding.severity, finding.message)
        groups.setdefault(key, []).append(finding)
    merged = []
    for (series, _, _, message), group in groups.items():
        first = group[0]
        if len(group) > 1:
            files = [str(finding.subject) for finding in group[:MAX_LISTED]]
            evidence = {**first.evidence, "files": len(group), "paths": files}
            text = f"{message} (in {len(group):,} files)"
            first = replace(first, subject=about_series(series), message=text, evidence=evidence)
        merged.append(first)
    return merged
