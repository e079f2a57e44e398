"""The parts of what is tried, in their order."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from pathlib import Path

import slicer

from .control_walk import walk_controls
from .finding_walk import walk_findings
from .leaving import leave_in_mid_work
from .long_work import measure_long_work
from .numbers_in_scene import compare_numbers
from .record import Record


def run_self_tests(record: Record, folder: Path) -> None:
    """The module's self-tests."""
    from DicomRegInspector import DicomRegInspectorTest

    for name in unittest.TestLoader().getTestCaseNames(DicomRegInspectorTest):
        if record.is_wanted(name):
            with record.trying(name):
                result = unittest.TestResult()
                DicomRegInspectorTest(name).run(result)
                problems = [*result.errors, *result.failures]
                if problems:
                    raise AssertionError(problems[0][1])
    slicer.mrmlScene.Clear()


PARTS: dict[str, Callable[[Record, Path], None]] = {
    "self-tests": run_self_tests,
    "numbers": compare_numbers,
    "controls": walk_controls,
    "findings": walk_findings,
    "long-work": measure_long_work,
    "leaving": leave_in_mid_work,
}
"""Each is handed the record and a folder to make, of its own."""
