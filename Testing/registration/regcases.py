"""Broken and untidy registrations, and what has to come of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib.errors import FileError, RegistrationError
from DicomRegInspectorLib.findings import worst_severity
from DicomRegInspectorLib.registration import read_registration

GRID = (rf.DEFORMABLE_SEQUENCE, rf.GRID_SEQUENCE)
SMALL = rf.GridSpec(rf.smooth_vectors((3, 4, 2)))
BILLIONS = 4_000_000_000


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fail (rather than hang) when the body takes longer, where the system has timers."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def late(*_: object) -> None:
        pytest.fail(f"took more than {seconds} s")

    previous = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def outcome(path: Path):
    """The registration, evaluated as far as it goes, or the FileError that refused it. Anything else is a failure."""
    with at_most(10):
        try:
            registration = read_registration(path)
        except FileError as error:
            return error
        registration.to_dict()
        for item in registration.items:
            if item.problem is not None:
                continue
            mapped = item.map_points([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
            assert mapped.shape == (2, 3)
            _ = item.displacement_mm
            with suppress(RegistrationError):  # a matrix without inverse
                assert item.map_points_inverse(mapped).points.shape == (2, 3)
        return registration


def assert_one_clear_line(error: FileError, path: Path) -> None:
    text = str(error)
    assert path.name in text
    assert "\n" not in text
    assert len(text) > len(str(path)) + 8
    assert "Traceback" not in text
    assert "SECRET" not in text


def assert_reported(path: Path, *codes: str, usable: bool = False) -> None:
    """The file is refused in one line, or read with an error-level finding of one of the codes and nothing to map."""
    result = outcome(path)
    if isinstance(result, FileError):
        assert_one_clear_line(result, path)
        return
    found = {finding.code for finding in result.findings}
    assert found & set(codes), f"findings {found}, expected one of {codes}"
    assert usable or worst_severity(result.findings) == "error"
    for finding in result.findings:
        assert "SECRET" not in finding.message + finding.subject + repr(finding.evidence)
    if not usable:
        for item in result.items:
            if item.problem is not None:
                assert "\n" not in item.problem
                with pytest.raises((FileError, ValueError)):
                    item.map_points([0.0, 0.0, 0.0])


def deformable(**kwargs) -> list[rf.Element]:
    return rf.elements_of(rf.RegistrationSpec((rf.DeformableItem(kwargs.pop("grid", SMALL), **kwargs),)))


def run_limited(code: str, *arguments: str, megabytes: int = 700) -> subprocess.CompletedProcess[str]:
    """Run Python in a process that cannot allocate more than ``megabytes``."""
    import DicomRegInspectorLib

    resource = pytest.importorskip("resource", reason="address space limits are a POSIX feature")
    limit = megabytes * 2**20
    home = str(Path(DicomRegInspectorLib.__file__).resolve().parent.parent)
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": home, "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )  # fmt: skip


# ---- Untidy, but readable

UNTIDY: dict[str, Callable[[], bytes]] = {
    "no preamble": lambda: rf.encode(deformable(), rf.Encoding(preamble=False)),
    "no preamble, no meta, implicit": lambda: rf.encode(
        deformable(), rf.Encoding("implicit-le", preamble=False, meta=False)
    ),
    "no preamble, no meta, explicit": lambda: rf.encode(
        deformable(), rf.Encoding("explicit-le", preamble=False, meta=False)
    ),
    "private elements first": lambda: rf.encode([*rf.private_elements(70_000), *deformable()]),
    "private elements, implicit, undefined": lambda: rf.encode(
        [*rf.private_elements(3000), *deformable()], rf.Encoding("implicit-le", True, True)
    ),
    "large unknown element after": lambda: rf.encode([*deformable(), rf.Element(0x7FE11010, "OB", b"\1" * 3_000_000)]),
    "large unknown element before": lambda: rf.encode([rf.Element(0x00091010, "OB", b"\1" * 3_000_000), *deformable()]),
    "data set trailing padding": lambda: rf.encode([*deformable(), rf.Element(0xFFFCFFFC, "OB", b"\0" * 2000)]),
    "zeros up to a block": lambda: rf.encode(deformable(), rf.Encoding(trailing=b"\0" * 512)),
    "one odd zero": lambda: rf.encode(deformable(), rf.Encoding(trailing=b"\0")),
    "group lengths": lambda: rf.encode(deformable(), rf.Encoding(group_lengths=True)),
    "group lengths, big endian, undefined": lambda: rf.encode(
        deformable(), rf.Encoding("explicit-be", True, True, group_lengths=True)
    ),
    "utf-8 text": lambda: rf.encode(
        rf.elements_of(
            rf.RegistrationSpec((rf.DeformableItem(SMALL),), charset="ISO_IR 192", series_description="Über früh α")
        )
    ),
    "unknown character set": lambda: rf.encode(
        rf.elements_of(rf.RegistrationSpec((rf.DeformableItem(SMALL),), charset="ISO 9999"))
    ),
    "wrong character set": lambda: rf.encode(
        rf.elements_of(rf.RegistrationSpec((rf.DeformableItem(SMALL),), charset="ISO_IR 6", series_description="Über"))
    ),
    "explicit UN sequences in undefined items": lambda: rf.encode(
        deformable(), rf.Encoding(sequence_vr="UN", undefined_items=True, undefined_sequences=True)
    ),
}


# ---- Broken


def with_grid(tag: int, value: object, **changes: object) -> list[rf.Element]:
    return rf.with_value(deformable(), [*GRID, tag], value, **changes)


def with_matrix(values: list[str]) -> list[rf.Element]:
    return rf.with_value(deformable(pre=np.eye(4)), [rf.DEFORMABLE_SEQUENCE, rf.PRE_SEQUENCE, rf.MATRIX], values)


EYE = ["1", "0", "0", "0", "0", "1", "0", "0", "0", "0", "1", "0", "0", "0", "0", "1"]
INVALID, SIZE, INCOMPLETE, BAD_MATRIX = (
    "reg-grid-invalid",
    "reg-grid-size-mismatch",
    "reg-incomplete",
    "reg-matrix-invalid",
)

BROKEN: dict[str, tuple[Callable[[], list[rf.Element]], tuple[str, ...]]] = {
    "no nodes": (lambda: with_grid(rf.GRID_DIMENSIONS, [0, 4, 2]), (INVALID, SIZE)),
    "no nodes at all": (lambda: with_grid(rf.GRID_DIMENSIONS, [0, 0, 0]), (INVALID, SIZE)),
    "one node": (lambda: with_grid(rf.GRID_DIMENSIONS, [1, 1, 1]), (INVALID, SIZE)),
    "billions of nodes": (lambda: with_grid(rf.GRID_DIMENSIONS, [BILLIONS] * 3), (INVALID, SIZE)),
    "billions of nodes in a row": (lambda: with_grid(rf.GRID_DIMENSIONS, [BILLIONS, 1, 1]), (INVALID, SIZE)),
    "a product that wraps to the right size in 32 bits": (
        lambda: with_grid(rf.GRID_DIMENSIONS, [3 + 2**31, 4, 2]),
        (INVALID, SIZE),
    ),
    "two dimensions": (lambda: with_grid(rf.GRID_DIMENSIONS, [3, 4]), (INVALID, SIZE, INCOMPLETE)),
    "four dimensions": (lambda: with_grid(rf.GRID_DIMENSIONS, [3, 4, 2, 1]), (INVALID, SIZE, INCOMPLETE)),
    "dimensions of three bytes": (lambda: with_grid(rf.GRID_DIMENSIONS, b"\1\0\0"), (INVALID, SIZE, INCOMPLETE)),
    "empty dimensions": (lambda: with_grid(rf.GRID_DIMENSIONS, b""), (INVALID, SIZE, INCOMPLETE)),
    "vectors too short": (lambda: with_grid(rf.VECTOR_DATA, SMALL.vectors[:, :-1]), (SIZE,)),
    "vectors too long": (lambda: with_grid(rf.VECTOR_DATA, np.concatenate([SMALL.vectors] * 2)), (SIZE,)),
    "vectors one byte short": (lambda: with_grid(rf.VECTOR_DATA, SMALL.vectors.tobytes()[:-1]), (SIZE,)),
    "vectors two bytes short": (lambda: with_grid(rf.VECTOR_DATA, SMALL.vectors.tobytes()[:-2]), (SIZE,)),
    "empty vectors": (lambda: with_grid(rf.VECTOR_DATA, b""), (SIZE, INCOMPLETE)),
    "vectors as doubles": (lambda: with_grid(rf.VECTOR_DATA, SMALL.vectors.astype("<f8").tobytes()), (SIZE,)),
    "zero resolution": (lambda: with_grid(rf.GRID_RESOLUTION, [0.0, 3.0, 4.0]), (INVALID,)),
    "negative resolution": (lambda: with_grid(rf.GRID_RESOLUTION, [2.0, -3.0, 4.0]), (INVALID,)),
    "resolution not a number": (lambda: with_grid(rf.GRID_RESOLUTION, [2.0, 3.0, float("nan")]), (INVALID,)),
    "infinite resolution": (lambda: with_grid(rf.GRID_RESOLUTION, [2.0, 3.0, float("inf")]), (INVALID,)),
    "two resolutions": (lambda: with_grid(rf.GRID_RESOLUTION, [2.0, 3.0]), (INVALID, INCOMPLETE)),
    "parallel orientation": (lambda: with_grid(rf.ORIENTATION, ["1", "0", "0", "1", "0", "0"]), (INVALID,)),
    "skewed orientation": (lambda: with_grid(rf.ORIENTATION, ["1", "0", "0", "0.5", "0.8660254", "0"]), (INVALID,)),
    "orientation of zeros": (lambda: with_grid(rf.ORIENTATION, ["0"] * 6), (INVALID,)),
    "orientation too long": (lambda: with_grid(rf.ORIENTATION, ["2", "0", "0", "0", "2", "0"]), (INVALID,)),
    "orientation of five numbers": (
        lambda: with_grid(rf.ORIENTATION, ["1", "0", "0", "0", "1"]),
        (INVALID, INCOMPLETE),
    ),
    "orientation not numbers": (
        lambda: with_grid(rf.ORIENTATION, [*["1", "0", "0", "0", "one"], "0"]),
        (INVALID, INCOMPLETE),
    ),
    "orientation nan": (lambda: with_grid(rf.ORIENTATION, ["1", "0", "0", "0", "nan", "0"]), (INVALID, INCOMPLETE)),
    "position of two numbers": (lambda: with_grid(rf.POSITION, ["1", "2"]), (INVALID, INCOMPLETE)),
    "empty position": (lambda: with_grid(rf.POSITION, b""), (INVALID, INCOMPLETE)),
    "position infinite": (lambda: with_grid(rf.POSITION, ["1", "2", "inf"]), (INVALID, INCOMPLETE)),
    "position beyond double": (lambda: with_grid(rf.POSITION, ["1", "2", "1e999"]), (INVALID, INCOMPLETE)),
    "no dimensions": (lambda: rf.without(deformable(), *GRID, rf.GRID_DIMENSIONS), (INVALID, INCOMPLETE)),
    "no resolution": (lambda: rf.without(deformable(), *GRID, rf.GRID_RESOLUTION), (INVALID, INCOMPLETE)),
    "no vectors": (lambda: rf.without(deformable(), *GRID, rf.VECTOR_DATA), (INVALID, INCOMPLETE, SIZE)),
    "no position": (lambda: rf.without(deformable(), *GRID, rf.POSITION), (INVALID, INCOMPLETE)),
    "no orientation": (lambda: rf.without(deformable(), *GRID, rf.ORIENTATION), (INVALID, INCOMPLETE)),
    "singular matrix": (lambda: with_matrix([*EYE[:10], "0", *EYE[11:]]), ("reg-matrix-singular",)),
    "matrix of zeros": (lambda: with_matrix(["0"] * 16), ("reg-matrix-singular", BAD_MATRIX)),
    "projective matrix": (lambda: with_matrix([*EYE[:12], "0", "0", "0.01", "1"]), (BAD_MATRIX,)),
    "last row of zeros": (lambda: with_matrix([*EYE[:12], *["0"] * 4]), (BAD_MATRIX,)),
    "matrix of 15 numbers": (lambda: with_matrix(EYE[:15]), (BAD_MATRIX,)),
    "matrix of 17 numbers": (lambda: with_matrix([*EYE, "0"]), (BAD_MATRIX,)),
    "matrix with a word": (lambda: with_matrix([*EYE[:5], "one", *EYE[6:]]), (BAD_MATRIX,)),
    "matrix with nan": (lambda: with_matrix([*EYE[:3], "nan", *EYE[4:]]), (BAD_MATRIX,)),
    "empty matrix": (lambda: with_matrix([""]), (BAD_MATRIX, INCOMPLETE)),
    "matrix item without matrix": (
        lambda: rf.without(deformable(pre=np.eye(4)), rf.DEFORMABLE_SEQUENCE, rf.PRE_SEQUENCE, rf.MATRIX),
        (BAD_MATRIX, INCOMPLETE),
    ),
    "no items": (lambda: rf.with_value(deformable(), [rf.DEFORMABLE_SEQUENCE], []), (INCOMPLETE,)),
    "no sequence": (lambda: rf.without(deformable(), rf.DEFORMABLE_SEQUENCE), (INCOMPLETE,)),
}


# ---- Small files to damage

BASE = {
    name: rf.encode(deformable(pre=rf.rigid((0.1, 0, 0), (1, 2, 3))), encoding)
    for name, encoding in {
        "explicit": rf.Encoding(),
        "implicit": rf.Encoding("implicit-le", True, True),
        "big endian": rf.Encoding("explicit-be", False, True),
        "deflated": rf.Encoding("deflated"),
        "unknown": rf.Encoding("explicit-le", True, True, sequence_vr="UN"),
    }.items()
}
BASE["matrices"] = rf.encode(rf.elements_of(rf.Samples().matrices))
