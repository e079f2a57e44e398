"""The table of finding codes: complete, readable, and true to the elements and thresholds it names."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from DicomRegInspectorLib.findings import CODES, SEVERITIES
from DicomRegInspectorLib.registration import checks, matrices
from DicomRegInspectorLib.registration.audit import judge, run, signs
from DicomRegInspectorLib.registration.measures import fill_values, landmarks
from DicomRegInspectorLib.series.geometry import grouping, spacing, stack_findings, stacks
from DicomRegInspectorLib.series.pixel_checks import colour_and_compression, scale, trial_decoding
from DicomRegInspectorLib.series.sets import apart
from DicomRegInspectorLib.tasks import relations
from pydicom.datadict import dictionary_description, get_entry

NAMED_TAG = re.compile(r"((?:[\w/-]+ )*(?:\(Patient\) )?)\(([0-9A-F]{4}),([0-9A-F]{4})\)")
UNITS = ("mm", "deg", "percent", "lps_mm", "bytes", "ijk")


def emitted_codes(project_root: Path) -> set[str]:
    """Every string of the library outside the table that is a code."""
    library = project_root / "DicomRegInspector" / "DicomRegInspectorLib"
    found = set()
    for path in library.rglob("*.py"):
        if path.parent.name == "findings" or path.parent.parent.name == "findings" or path.parent.name == "panel":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value in CODES}
    return found


def test_every_code_is_emitted_somewhere(project_root: Path) -> None:
    assert set(CODES) - emitted_codes(project_root) == set()


def test_every_code_that_is_emitted_is_in_the_table(project_root: Path) -> None:
    prefixes = {code.partition("-")[0] for code in CODES}
    library = project_root / "DicomRegInspector" / "DicomRegInspectorLib"
    emitted = set()
    for path in library.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            emitted |= codes_of_call(node)
    assert len(emitted) > 40
    assert emitted <= set(CODES), f"not in the table: {emitted - set(CODES)}; codes begin with {prefixes}"


def codes_of_call(node: ast.AST) -> set[str]:
    """The code that a call names: ``Finding(code, …)``, ``self.finding(code, …)``, ``report.error(code, …)``."""
    if not isinstance(node, ast.Call):
        return set()
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    named = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
    if name == "Finding" or (name in ("finding", "error", "_warn", "_note") and node.args):
        named += node.args[:1]
    texts = {one.value for one in named if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return {text for text in texts if re.fullmatch(r"[a-z]+(-[a-z]+)+", text)}


@pytest.mark.parametrize("code", CODES)
def test_each_entry_reads_as_sentences(code: str) -> None:
    info = CODES[code]
    assert info.title and not info.title.endswith(".")
    for text in (info.remedy, info.meaning, info.measured):
        assert (text.endswith(".") and text[0].isupper()) or text.startswith("x and y"), text
        assert "  " not in text and text == text.strip()
    # A sentence ends with a full stop and a capital letter after it; tags and sections have none.
    assert 1 <= len(re.findall(r"[.:] (?=[A-Z])", info.meaning)) + 1 <= 4, "one to three sentences, and a remark"
    assert len(info.measured) > len(info.title) * 2


def test_no_two_codes_share_a_text() -> None:
    for field in ("title", "meaning", "measured"):
        counts = Counter(getattr(info, field) for info in CODES.values())
        assert [text for text, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("code", CODES)
def test_severities_commands_and_relatives_are_known(code: str) -> None:
    info = CODES[code]
    assert info.severities and list(info.severities) == [one for one in SEVERITIES if one in info.severities]
    assert info.found_by and set(info.found_by) <= {"inspect", "quality", "pixels", "apply", "loading"}
    assert set(info.related) <= set(CODES) - {code} and len(set(info.related)) == len(info.related)


@pytest.mark.parametrize("code", CODES)
def test_evidence_keys_say_their_unit(code: str) -> None:
    for key, text in CODES[code].evidence.items():
        assert re.fullmatch(r"[a-zA-Z_0-9]+", key) and text and not text.endswith("."), key
        # A text that names a unit stands at a key that ends in it.
        if re.search(r"\bmm\b", text) and "mm" not in key:
            assert "(mm)" in text or "for each mm" in text, f"{key}: the unit goes into the key"


@pytest.mark.parametrize("code", CODES)
def test_elements_are_named_as_dicom_names_them(code: str) -> None:
    for text in (CODES[code].meaning, CODES[code].measured, CODES[code].remedy):
        for name, group, element in NAMED_TAG.findall(text):
            official = dictionary_description(get_entry_tag(group, element))
            assert name.strip().endswith(official), f"({group},{element}) is {official}, the text says {name.strip()}"


def get_entry_tag(group: str, element: str) -> int:
    tag = int(group + element, 16)
    get_entry(tag)  # raises where DICOM has no such element
    return tag


THRESHOLDS = [
    ("slice-gap", "5 %", spacing.RELATIVE_TOLERANCE, 0.05),
    ("acquisitions-mixed", "1.5 times their distance", apart.TOO_THICK, 1.5),
    ("acquisitions-mixed", "half their width", apart.SIDE_BY_SIDE, 0.5),
    ("slice-overlap", "0.01 mm", spacing.SAME_POSITION_MM, 0.01),
    ("spacing-change", "Three or more", spacing.SECTION_INTERVALS, 3),
    ("spacing-jitter", "0.001 mm", spacing.JITTER_MM, 0.001),
    ("orientation-mixed", "0.002", stacks.ORIENTATION_TOLERANCE, 0.002),
    ("orientation-invalid", "more than 0.01 as an error", grouping.INVALID_ORIENTATION, 0.01),
    ("gantry-tilt", "tenth of a pixel", stack_findings.SHIFT_PIXELS, 0.1),
    ("gantry-tilt", "0.05°", stack_findings.MIN_TILT_DEG, 0.05),
    ("pixel-spacing-mixed", "0.1 %", stacks.PIXEL_SPACING_TOLERANCE, 0.001),
    ("header-spacing-disagrees", "5 %", stack_findings.HEADER_TOLERANCE, 0.05),
    ("reg-grid-invalid", "within 0.001", checks.ORTHONORMAL_TOLERANCE, 0.001),
    ("reg-matrix-not-rigid", "0.0001", matrices.RIGID_TOLERANCE, 0.0001),
    ("reg-matrix-singular", "a billionth", matrices.SINGULAR_RATIO, 1e-9),
    ("reg-near-zero", "0.1 mm", checks.NEAR_ZERO_MM, 0.1),
    ("reg-near-zero", "500 mm", checks.STILL_WITHIN_MM, 500),
    ("reg-vectors-fill-value", "5 times", fill_values.TIMES_THE_REST, 5),
    ("reg-vectors-fill-value", "from 100 mm", fill_values.LEAST_FILL_MM, 100),
    ("reg-vectors-fill-value", "2000 mm", fill_values.LEAST_ALONE_MM, 2000),
    ("reg-folding", "0.1 %", checks.FOLDING_ERROR_SHARE, 0.001),
    ("reg-bulk-motion", "3 mm", checks.BULK_SHIFT_MM, 3),
    ("reg-bulk-motion", "1°", checks.BULK_ROTATION_DEG, 1),
    ("reg-bulk-motion", "half", checks.BULK_RESIDUAL_SHARE, 0.5),
    ("reg-double-application", "within 1 mm", relations.SAME_MOTION_MM, 1),
    ("reg-grid-does-not-cover", "33 × 33", relations.COVERAGE_SAMPLES, 33),
    ("reg-grid-does-not-cover", "0.5 mm", relations.COVERAGE_TOLERANCE_MM, 0.5),
    ("reg-audit-undecided", "30,000", run.POINTS, 30_000),
    ("reg-audit-undecided", "500 points", run.FEWEST_POINTS, 500),
    ("reg-audit-undecided", "12 blocks", run.FEWEST_BLOCKS, 12),
    ("reg-audit-undecided", "above 0.3", judge.LEAST_NCC, 0.3),
    ("reg-audit-undecided", "0.1 nats", judge.LEAST_INFORMATION, 0.1),
    ("reg-audit-undecided", "5 mm", judge.SHIFT_MM, 5),
    ("reg-audit-undecided", "within 2 mm", judge.LEAST_APART_MM, 2),
    ("reg-landmarks-off", "2 mm", landmarks.TG_132.mean_mm, 2),
    ("reg-landmarks-off", "largest 5 mm", landmarks.TG_132.largest_mm, 5),
    ("reg-landmarks-worse", "more than 0.5 mm", landmarks.WORSE_MM, 0.5),
    ("reg-units-suspect", "98 %", signs.WHOLE_SHARE, 0.98),
    ("rescale-absurd", "0.01 to 100", scale.HOUNSFIELD_SLOPE, (0.01, 100)),
    ("rescale-absurd", "-100,000", scale.LOWEST_HU, -100_000),
    ("rescale-absurd", "1 to 10,000,000", (scale.NARROW, scale.WIDE), (1, 1e7)),
    ("pixel-lossy", "factor of 2", colour_and_compression.RATIO_FACTOR, 2),
    ("pixel-spacing-kind", "0.1 %", scale.SAME_SPACING, 0.001),
    ("pixel-not-decodable", "32 frames", trial_decoding.MAX_DECODED, 32),
]


@pytest.mark.parametrize(("code", "said", "used", "expected"), THRESHOLDS)
def test_thresholds_said_are_those_used(code: str, said: str, used: object, expected: object) -> None:
    assert said in CODES[code].measured
    assert used == expected, f"{code} says {said}: change the text with the threshold"
