"""Broken registrations: one clear error or finding each, bounded time and memory, and never a wrong number."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib.errors import FileError, NotDicomError, RegistrationError
from DicomRegInspectorLib.findings import worst_severity
from DicomRegInspectorLib.registration import read_registration
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GRID = (rf.DEFORMABLE_SEQUENCE, rf.GRID_SEQUENCE)
SMALL = rf.GridSpec(rf.smooth_vectors((3, 4, 2)))
BILLIONS = 4_000_000_000


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fail (rather than hang) when the body takes longer."""

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


# ---- Not registrations ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", NotDicomError),
        (b"x", NotDicomError),
        (b"This is no DICOM file, it is a letter.\n" * 50, NotDicomError),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, NotDicomError),
        (b"\0" * 5000, NotDicomError),
        (b"\xff" * 5000, NotDicomError),
        (b"x,y,z\n1,2,3\n", NotDicomError),
        (b"\0" * 128 + b"DICM", FileError),
        (b"\0" * 128 + b"DIC", NotDicomError),
        (b"\0" * 128 + b"DICM" + b"\0" * 100, FileError),
        (b"\0" * 128 + b"DICM" + b"\xff" * 100, FileError),
    ],
)
def test_a_file_that_is_no_dicom_object_is_refused_in_one_line(tmp_path: Path, content: bytes, kind: type) -> None:
    path = tmp_path / "some.dcm"
    path.write_bytes(content)
    result = outcome(path)
    assert isinstance(result, kind)
    assert_one_clear_line(result, path)


def test_random_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise"
    random = np.random.default_rng(0)
    for size in (1, 7, 8, 131, 132, 133, 500, 20_000):
        for _ in range(5):
            path.write_bytes(random.bytes(size))
            assert isinstance(outcome(path), FileError)


def test_a_missing_file_and_a_folder_are_refused_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "folder.dcm"
    folder.mkdir()
    for path in (folder, tmp_path / "nowhere.dcm"):
        result = outcome(path)
        assert isinstance(result, FileError)
        assert_one_clear_line(result, path)


def test_an_image_is_named_as_what_it_is(tmp_path: Path) -> None:
    elements = [e for e in deformable() if e.tag >> 16 not in (0x0064, 0x0070)]
    elements = rf.with_value(rf.with_value(elements, [0x00080016], rf.CT_CLASS), [0x00080060], "CT")
    path = rf.write(tmp_path / "ct.dcm", elements)
    result = outcome(path)
    assert isinstance(result, RegistrationError)
    assert_one_clear_line(result, path)


def test_fiducials_are_recognised_and_named(tmp_path: Path) -> None:
    elements = [e for e in deformable() if e.tag != rf.DEFORMABLE_SEQUENCE]
    elements = rf.with_value(elements, [0x00080016], rf.FIDUCIALS_CLASS)
    elements.append(rf.Element(0x0070031C, "SQ", [[rf.Element(rf.FRAME_UID, "UI", "1.2.3.200")]]))
    registration = read_registration(rf.write(tmp_path / "fiducials.dcm", elements))
    assert (registration.kind, registration.items) == ("fiducials", ())
    assert "reg-not-read" in {finding.code for finding in registration.findings}


# ---- Untidy, but readable -------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("name", UNTIDY)
def test_untidy_files_are_read_all_the_same(tmp_path: Path, name: str) -> None:
    path = tmp_path / "reg.dcm"
    path.write_bytes(UNTIDY[name]())
    registration = outcome(path)
    assert not isinstance(registration, FileError), registration
    np.testing.assert_array_equal(registration.items[0].grid.vectors, SMALL.vectors)
    assert worst_severity(registration.findings) != "error"


def test_text_in_another_character_set_is_decoded(tmp_path: Path) -> None:
    spec = rf.RegistrationSpec((rf.DeformableItem(SMALL),), charset="ISO_IR 192", series_description="Über früh α")
    assert read_registration(rf.write(tmp_path / "reg.dcm", spec)).series_description == "Über früh α"


@pytest.mark.parametrize("order", ["reversed", "content-first"])
def test_elements_out_of_order_are_reported_and_read(tmp_path: Path, order: str) -> None:
    registration = read_registration(rf.write(tmp_path / "reg.dcm", deformable(), rf.Encoding(order=order)))
    assert "reg-tag-order" in {finding.code for finding in registration.findings}
    np.testing.assert_array_equal(registration.items[0].grid.vectors, SMALL.vectors)
    tidy = read_registration(rf.write(tmp_path / "tidy.dcm", deformable()))
    assert "reg-tag-order" not in {finding.code for finding in tidy.findings}


@pytest.mark.parametrize(
    ("syntax", "vr", "order", "regular"),
    [
        ("explicit-be", "OF", ">", True),
        ("explicit-be", "OW", ">", False),
        ("explicit-be", "OW", "<", False),
        ("explicit-be", "OW", "words", False),
        ("explicit-be", "UN", ">", False),
        ("explicit-be", "UN", "<", False),
        ("explicit-be", "OB", ">", False),
        ("explicit-be", "OB", "<", False),
        ("explicit-le", "OF", "<", True),
        ("explicit-le", "OW", "<", True),
        ("explicit-le", "UN", "<", True),
        ("explicit-le", "OB", "<", True),
        ("explicit-le", "UN", ">", False),
        ("explicit-le", "OB", ">", False),
    ],
)
def test_vectors_come_out_right_in_any_byte_order_the_vr_leaves_open(
    tmp_path: Path, syntax: str, vr: str, order: str, regular: bool
) -> None:
    """Only OF says how its bytes are turned; the others depend on what the writer took them for (PS3.5 7.3)."""
    elements = rf.elements_of(rf.RegistrationSpec((rf.DeformableItem(SMALL),)), vr)
    encoding = rf.Encoding(syntax, float_order="" if order == "words" else order)
    if order == "words":
        turned = SMALL.vectors.astype("<f4").view("<u2").astype(">u2").tobytes()
        elements = rf.with_value(elements, [*GRID, rf.VECTOR_DATA], turned)
    registration = read_registration(rf.write(tmp_path / "reg.dcm", elements, encoding))
    np.testing.assert_array_equal(registration.items[0].grid.vectors, SMALL.vectors)
    codes = {finding.code for finding in registration.findings}
    assert "reg-vectors-byte-order" not in codes or not regular


def test_a_clean_file_has_no_warnings(tmp_path: Path) -> None:
    for name in ("plain", "full", "matrices"):
        registration = read_registration(rf.write(tmp_path / "reg.dcm", getattr(rf.Samples(), name)))
        assert worst_severity(registration.findings) in (None, "info"), registration.findings


# ---- Wrong content --------------------------------------------------------------------------------------------------


def _grid(tag: int, value: object, **changes: object) -> list[rf.Element]:
    return rf.with_value(deformable(), [*GRID, tag], value, **changes)


def _matrix(values: list[str]) -> list[rf.Element]:
    return rf.with_value(deformable(pre=np.eye(4)), [rf.DEFORMABLE_SEQUENCE, rf.PRE_SEQUENCE, rf.MATRIX], values)


EYE = ["1", "0", "0", "0", "0", "1", "0", "0", "0", "0", "1", "0", "0", "0", "0", "1"]
INVALID, SIZE, INCOMPLETE, BAD_MATRIX = (
    "reg-grid-invalid",
    "reg-grid-size-mismatch",
    "reg-incomplete",
    "reg-matrix-invalid",
)

BROKEN: dict[str, tuple[Callable[[], list[rf.Element]], tuple[str, ...]]] = {
    "no nodes": (lambda: _grid(rf.GRID_DIMENSIONS, [0, 4, 2]), (INVALID, SIZE)),
    "no nodes at all": (lambda: _grid(rf.GRID_DIMENSIONS, [0, 0, 0]), (INVALID, SIZE)),
    "one node": (lambda: _grid(rf.GRID_DIMENSIONS, [1, 1, 1]), (INVALID, SIZE)),
    "billions of nodes": (lambda: _grid(rf.GRID_DIMENSIONS, [BILLIONS] * 3), (INVALID, SIZE)),
    "billions of nodes in a row": (lambda: _grid(rf.GRID_DIMENSIONS, [BILLIONS, 1, 1]), (INVALID, SIZE)),
    "a product that wraps to the right size in 32 bits": (
        lambda: _grid(rf.GRID_DIMENSIONS, [3 + 2**31, 4, 2]),
        (INVALID, SIZE),
    ),
    "two dimensions": (lambda: _grid(rf.GRID_DIMENSIONS, [3, 4]), (INVALID, SIZE, INCOMPLETE)),
    "four dimensions": (lambda: _grid(rf.GRID_DIMENSIONS, [3, 4, 2, 1]), (INVALID, SIZE, INCOMPLETE)),
    "dimensions of three bytes": (lambda: _grid(rf.GRID_DIMENSIONS, b"\1\0\0"), (INVALID, SIZE, INCOMPLETE)),
    "empty dimensions": (lambda: _grid(rf.GRID_DIMENSIONS, b""), (INVALID, SIZE, INCOMPLETE)),
    "vectors too short": (lambda: _grid(rf.VECTOR_DATA, SMALL.vectors[:, :-1]), (SIZE,)),
    "vectors too long": (lambda: _grid(rf.VECTOR_DATA, np.concatenate([SMALL.vectors] * 2)), (SIZE,)),
    "vectors one byte short": (lambda: _grid(rf.VECTOR_DATA, SMALL.vectors.tobytes()[:-1]), (SIZE,)),
    "vectors two bytes short": (lambda: _grid(rf.VECTOR_DATA, SMALL.vectors.tobytes()[:-2]), (SIZE,)),
    "empty vectors": (lambda: _grid(rf.VECTOR_DATA, b""), (SIZE, INCOMPLETE)),
    "vectors as doubles": (lambda: _grid(rf.VECTOR_DATA, SMALL.vectors.astype("<f8").tobytes()), (SIZE,)),
    "zero resolution": (lambda: _grid(rf.GRID_RESOLUTION, [0.0, 3.0, 4.0]), (INVALID,)),
    "negative resolution": (lambda: _grid(rf.GRID_RESOLUTION, [2.0, -3.0, 4.0]), (INVALID,)),
    "resolution not a number": (lambda: _grid(rf.GRID_RESOLUTION, [2.0, 3.0, float("nan")]), (INVALID,)),
    "infinite resolution": (lambda: _grid(rf.GRID_RESOLUTION, [2.0, 3.0, float("inf")]), (INVALID,)),
    "two resolutions": (lambda: _grid(rf.GRID_RESOLUTION, [2.0, 3.0]), (INVALID, INCOMPLETE)),
    "parallel orientation": (lambda: _grid(rf.ORIENTATION, ["1", "0", "0", "1", "0", "0"]), (INVALID,)),
    "skewed orientation": (lambda: _grid(rf.ORIENTATION, ["1", "0", "0", "0.5", "0.8660254", "0"]), (INVALID,)),
    "orientation of zeros": (lambda: _grid(rf.ORIENTATION, ["0"] * 6), (INVALID,)),
    "orientation too long": (lambda: _grid(rf.ORIENTATION, ["2", "0", "0", "0", "2", "0"]), (INVALID,)),
    "orientation of five numbers": (lambda: _grid(rf.ORIENTATION, ["1", "0", "0", "0", "1"]), (INVALID, INCOMPLETE)),
    "orientation not numbers": (lambda: _grid(rf.ORIENTATION, ["1", "0", "0", "0", "one", "0"]), (INVALID, INCOMPLETE)),
    "orientation nan": (lambda: _grid(rf.ORIENTATION, ["1", "0", "0", "0", "nan", "0"]), (INVALID, INCOMPLETE)),
    "position of two numbers": (lambda: _grid(rf.POSITION, ["1", "2"]), (INVALID, INCOMPLETE)),
    "empty position": (lambda: _grid(rf.POSITION, b""), (INVALID, INCOMPLETE)),
    "position infinite": (lambda: _grid(rf.POSITION, ["1", "2", "inf"]), (INVALID, INCOMPLETE)),
    "position beyond double": (lambda: _grid(rf.POSITION, ["1", "2", "1e999"]), (INVALID, INCOMPLETE)),
    "no dimensions": (lambda: rf.without(deformable(), *GRID, rf.GRID_DIMENSIONS), (INVALID, INCOMPLETE)),
    "no resolution": (lambda: rf.without(deformable(), *GRID, rf.GRID_RESOLUTION), (INVALID, INCOMPLETE)),
    "no vectors": (lambda: rf.without(deformable(), *GRID, rf.VECTOR_DATA), (INVALID, INCOMPLETE, SIZE)),
    "no position": (lambda: rf.without(deformable(), *GRID, rf.POSITION), (INVALID, INCOMPLETE)),
    "no orientation": (lambda: rf.without(deformable(), *GRID, rf.ORIENTATION), (INVALID, INCOMPLETE)),
    "singular matrix": (lambda: _matrix([*EYE[:10], "0", *EYE[11:]]), ("reg-matrix-singular",)),
    "matrix of zeros": (lambda: _matrix(["0"] * 16), ("reg-matrix-singular", BAD_MATRIX)),
    "projective matrix": (lambda: _matrix([*EYE[:12], "0", "0", "0.01", "1"]), (BAD_MATRIX,)),
    "last row of zeros": (lambda: _matrix([*EYE[:12], *["0"] * 4]), (BAD_MATRIX,)),
    "matrix of 15 numbers": (lambda: _matrix(EYE[:15]), (BAD_MATRIX,)),
    "matrix of 17 numbers": (lambda: _matrix([*EYE, "0"]), (BAD_MATRIX,)),
    "matrix with a word": (lambda: _matrix([*EYE[:5], "one", *EYE[6:]]), (BAD_MATRIX,)),
    "matrix with nan": (lambda: _matrix([*EYE[:3], "nan", *EYE[4:]]), (BAD_MATRIX,)),
    "empty matrix": (lambda: _matrix([""]), (BAD_MATRIX, INCOMPLETE)),
    "matrix item without matrix": (
        lambda: rf.without(deformable(pre=np.eye(4)), rf.DEFORMABLE_SEQUENCE, rf.PRE_SEQUENCE, rf.MATRIX),
        (BAD_MATRIX, INCOMPLETE),
    ),
    "no items": (lambda: rf.with_value(deformable(), [rf.DEFORMABLE_SEQUENCE], []), (INCOMPLETE,)),
    "no sequence": (lambda: rf.without(deformable(), rf.DEFORMABLE_SEQUENCE), (INCOMPLETE,)),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("syntax", ["explicit-le", "implicit-le"])
def test_broken_content_is_refused_or_reported(tmp_path: Path, name: str, syntax: str) -> None:
    make, codes = BROKEN[name]
    assert_reported(rf.write(tmp_path / "reg.dcm", make(), rf.Encoding(syntax)), *codes)


def test_an_empty_item_is_refused_or_reported(tmp_path: Path) -> None:
    assert_reported(
        rf.write(tmp_path / "reg.dcm", rf.with_value(deformable(), [rf.DEFORMABLE_SEQUENCE], [[]])),
        INCOMPLETE,
        usable=True,
    )


def test_missing_frames_are_reported(tmp_path: Path) -> None:
    for elements in (
        rf.without(deformable(), rf.FRAME_UID),
        rf.without(deformable(), rf.DEFORMABLE_SEQUENCE, rf.SOURCE_FRAME),
    ):
        assert_reported(rf.write(tmp_path / "reg.dcm", elements), INCOMPLETE, "reg-frame-unknown", usable=True)


@pytest.mark.parametrize("sequence", [rf.REGISTRATION_SEQUENCE, rf.MATRIX_REGISTRATION_SEQUENCE, rf.MATRIX_SEQUENCE])
@pytest.mark.parametrize("empty", [False, True])
def test_missing_sequences_of_spatial_registrations_are_reported(tmp_path: Path, sequence: int, empty: bool) -> None:
    chain = (rf.REGISTRATION_SEQUENCE, rf.MATRIX_REGISTRATION_SEQUENCE, rf.MATRIX_SEQUENCE)
    path = chain[: chain.index(sequence) + 1]
    spec = rf.RegistrationSpec((rf.MatrixItem((np.eye(4),)),))
    tree = rf.with_value(rf.elements_of(spec), path, []) if empty else rf.without(rf.elements_of(spec), *path)
    assert_reported(rf.write(tmp_path / "reg.dcm", tree), INCOMPLETE, BAD_MATRIX)


def test_a_broken_item_leaves_the_others_usable(tmp_path: Path) -> None:
    broken = rf.DeformableItem(SMALL, np.diag([1.0, 1.0, 0.0, 1.0]))
    spec = rf.RegistrationSpec((broken, rf.DeformableItem(SMALL, source_frame="1.2.3.201")))
    registration = read_registration(rf.write(tmp_path / "reg.dcm", spec))
    assert [item.problem is None for item in registration.items] in ([False, True], [True, True])
    second = registration.items[1]
    node = np.array(SMALL.origin)
    np.testing.assert_allclose(second.map_points(node), node + SMALL.vectors[0, 0, 0], atol=1e-5)


@pytest.mark.parametrize("stated", ["RIGID", "RIGID_SCALE", "AFFINE"])
def test_a_matrix_that_is_less_rigid_than_it_says_is_reported(tmp_path: Path, stated: str) -> None:
    item = rf.DeformableItem(SMALL, np.diag([1.1, 0.9, 1.0, 1.0]), pre_type=stated)
    registration = read_registration(rf.write(tmp_path / "reg.dcm", rf.RegistrationSpec((item,))))
    assert ("reg-matrix-not-rigid" in {f.code for f in registration.findings}) or stated != "RIGID"


# ---- Lengths that lie -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("claimed", [0xFFFFFFFE, 0x7FFFFFFF, 100_000, 290])
@pytest.mark.parametrize("syntax", ["implicit-le", "explicit-le", "explicit-be"])
@pytest.mark.parametrize("undefined", [False, True])
def test_a_vector_length_beyond_the_file_is_refused(tmp_path: Path, claimed: int, syntax: str, undefined: bool) -> None:
    elements = _grid(rf.VECTOR_DATA, SMALL.vectors, claimed_length=claimed)
    path = rf.write(tmp_path / "reg.dcm", elements, rf.Encoding(syntax, undefined, undefined))
    assert_reported(path, "file-truncated", SIZE, INCOMPLETE)


@pytest.mark.parametrize("tag", [0x0008103E, 0x00081115, rf.PATIENT_NAME, rf.DEFORMABLE_SEQUENCE])
@pytest.mark.parametrize("claimed", [0xFFF0, 0xFFFFFFFE])
def test_any_length_beyond_the_file_is_refused(tmp_path: Path, tag: int, claimed: int) -> None:
    value = next(e.value for e in deformable() if e.tag == tag)
    path = rf.write(
        tmp_path / "reg.dcm",
        rf.with_value(deformable(), [tag], value, claimed_length=claimed),
        rf.Encoding("implicit-le"),
    )
    assert isinstance(outcome(path), FileError)


def test_vectors_of_undefined_length_are_refused_or_reported(tmp_path: Path) -> None:
    elements = _grid(rf.VECTOR_DATA, SMALL.vectors, claimed_length=rf.UNDEFINED)
    assert_reported(rf.write(tmp_path / "reg.dcm", elements), "file-truncated", SIZE, INCOMPLETE)


@pytest.mark.parametrize("declared", ["1.2.840.10008.1.2.4.50", "1.2.3.4", "", "1.2.840.10008.1.2"])
def test_a_transfer_syntax_that_is_not_the_true_one_is_refused_or_read(tmp_path: Path, declared: str) -> None:
    result = outcome(rf.write(tmp_path / "reg.dcm", deformable(), rf.Encoding("explicit-le", declared_syntax=declared)))
    if isinstance(result, FileError):
        assert_one_clear_line(result, tmp_path / "reg.dcm")
    else:
        np.testing.assert_array_equal(result.items[0].grid.vectors, SMALL.vectors)


# ---- Depth ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("explicit", [False, True])
@pytest.mark.parametrize("where", ["before", "instead", "unclosed"])
def test_ten_thousand_nested_sequences_are_survived(
    tmp_path: Path, undefined: bool, explicit: bool, where: str
) -> None:
    encoding = rf.Encoding("explicit-le" if explicit else "implicit-le")
    elements = deformable()
    tag = rf.DEFORMABLE_SEQUENCE if where == "instead" else rf.CONTENT_SEQUENCE
    nest = rf.nested_sequences(10_000, undefined=undefined, explicit=explicit, tag=tag, closed=where != "unclosed")
    context = rf.context_of(encoding)
    front = rf.encode_elements([e for e in elements if e.tag < rf.CONTENT_SEQUENCE], context)
    rest = rf.encode_elements([e for e in elements if e.tag > rf.CONTENT_SEQUENCE], context)
    body = front + nest + (rest if where == "before" else b"")
    path = tmp_path / "deep.dcm"
    path.write_bytes(rf.wrap(body, encoding))
    result = outcome(path)
    if isinstance(result, FileError):
        assert_one_clear_line(result, path)
    else:
        assert result.findings if where != "before" else result.items


# ---- Memory ---------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("dimensions", [[BILLIONS] * 3, [BILLIONS, BILLIONS, 1], [40_000, 30_000, 1], [2**31, 1, 1]])
@pytest.mark.parametrize("claimed", [None, 0xFFFFFFF8])
def test_nothing_a_header_claims_is_allocated(tmp_path: Path, dimensions: list[int], claimed: int | None) -> None:
    elements = _grid(rf.GRID_DIMENSIONS, dimensions)
    elements = rf.with_value(elements, [*GRID, rf.VECTOR_DATA], SMALL.vectors, claimed_length=claimed)
    path = rf.write(tmp_path / "reg.dcm", elements, rf.Encoding(undefined_sequences=True, undefined_items=True))
    done = run_limited(
        """
        import sys
        from DicomRegInspectorLib.registration import read_registration
        from DicomRegInspectorLib.errors import FileError
        try:
            registration = read_registration(sys.argv[1])
            print("findings", [f.code for f in registration.findings], [i.problem for i in registration.items])
        except FileError as error:
            print("refused", error)
        """,
        str(path),
    )
    assert done.returncode == 0, done.stderr
    assert "refused" in done.stdout or "reg-grid" in done.stdout, done.stdout


def test_a_deflated_bomb_is_refused_or_bounded(tmp_path: Path) -> None:
    """600 MB of zeros pack into 600 kB; the process may have 700 MB in all."""
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = rf.encode_elements([e for e in deformable() if e.tag < rf.DEFORMABLE_SEQUENCE], rf.context_of(rf.Encoding()))
    bomb = packer.compress(head + b"\x09\0\x10\x10OB\0\0" + struct.pack("<I", 600 * 2**20))
    bomb += b"".join(packer.compress(b"\0" * 2**20) for _ in range(600)) + packer.flush()
    meta = rf.wrap(b"", rf.Encoding(declared_syntax=rf.SYNTAXES["deflated"]))
    path = tmp_path / "bomb.dcm"
    path.write_bytes(meta + bomb)
    done = run_limited(
        """
        import sys
        from DicomRegInspectorLib.registration import read_registration
        from DicomRegInspectorLib.errors import FileError
        try:
            print("findings", [f.code for f in read_registration(sys.argv[1]).findings])
        except FileError as error:
            print("refused", error)
        """,
        str(path),
        megabytes=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]


# ---- Cut and flipped ------------------------------------------------------------------------------------------------


def _same(result, whole) -> bool:
    """Whether every item that can be used says the same as in the whole file, and none is missing."""
    if len(result.items) != len(whole.items):
        return False
    for cut, full in zip(result.items, whole.items, strict=True):
        if cut.problem is not None or cut.grid is None:
            return False
        if not (np.array_equal(cut.pre, full.pre) and np.array_equal(cut.post, full.post)):
            return False
        if not np.array_equal(cut.grid.vectors, full.grid.vectors):
            return False
    return True


@pytest.mark.parametrize(
    "encoding",
    [
        rf.Encoding("explicit-le"),
        rf.Encoding("implicit-le", True, True),
        rf.Encoding("explicit-be", True, False),
        rf.Encoding("explicit-le", False, True, order="content-first"),
    ],
    ids=["explicit", "implicit undefined", "big endian", "content first"],
)
def test_a_file_cut_anywhere_is_refused_reported_or_not_missed(tmp_path: Path, encoding: rf.Encoding) -> None:
    grid = rf.GridSpec(rf.smooth_vectors((6, 6, 6)))
    spec = rf.RegistrationSpec(
        (rf.DeformableItem(grid, rf.rigid((0.1, 0, 0), (1, 2, 3)), rf.rigid((0, 0.1, 0), (3, 2, 1))),)
    )
    data = rf.encode(rf.elements_of(spec), encoding)
    path = tmp_path / "cut.dcm"
    path.write_bytes(data)
    whole = read_registration(path)
    _ = whole.items[0].grid.vectors
    random = np.random.default_rng(0)
    offsets = sorted(
        {
            *range(min(2048, len(data))),
            *random.integers(2048, len(data), 150).tolist(),
            *range(len(data) - 40, len(data)),
        }
    )
    silent = []
    started = time.monotonic()
    for offset in offsets:
        path.write_bytes(data[:offset])
        try:
            result = read_registration(path)
            same = _same(result, whole)
        except FileError as error:
            assert "\n" not in str(error)
            continue
        if worst_severity(result.findings) in (None, "info") or (
            worst_severity(result.findings) == "warning" and not same
        ):
            silent.append((offset, same))
    assert time.monotonic() - started < 60
    # Whatever is read without a word lacks nothing that decides where points go.
    wrong = [offset for offset, same in silent if not same]
    assert not wrong, f"read silently although cut at {wrong} of {len(data)}"


def test_a_deflated_file_cut_anywhere_is_refused_or_reported(tmp_path: Path) -> None:
    data = rf.encode(deformable(), rf.Encoding("deflated"))
    path = tmp_path / "cut.dcm"
    for offset in range(0, len(data) - 2, 3):
        path.write_bytes(data[:offset])
        assert_reported(path, "file-truncated", SIZE, INCOMPLETE)


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


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(sorted(BASE)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_flipped_bytes_never_end_in_anything_but_a_file_error(
    tmp_path: Path, name: str, flips: list[tuple[float, int]]
) -> None:
    data = bytearray(BASE[name])
    for place, value in flips:
        data[132 + int(place * (len(data) - 132))] = value
    path = tmp_path / "flipped.dcm"
    path.write_bytes(bytes(data))
    outcome(path)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(sorted(set(BASE) - {"deflated"})), st.integers(0, 5000), st.integers(1, 40), st.binary(max_size=40)
)
def test_spliced_bytes_never_end_in_anything_but_a_file_error(
    tmp_path: Path, name: str, start: int, removed: int, inserted: bytes
) -> None:
    data = BASE[name]
    start = 132 + start % (len(data) - 132)
    path = tmp_path / "spliced.dcm"
    path.write_bytes(data[:start] + inserted + data[start + removed :])
    outcome(path)


# ---- Files that change or are odd -----------------------------------------------------------------------------------


def test_a_file_that_vanishes_before_its_vectors_are_read_is_refused(tmp_path: Path) -> None:
    path = rf.write(tmp_path / "reg.dcm", deformable())
    registration = read_registration(path)
    path.unlink()
    try:
        vectors = registration.items[0].grid.vectors
    except FileError as error:
        assert_one_clear_line(error, path)
    else:
        np.testing.assert_array_equal(vectors, SMALL.vectors)


def test_a_file_that_shrinks_before_its_vectors_are_read_is_refused(tmp_path: Path) -> None:
    path = rf.write(tmp_path / "reg.dcm", deformable())
    whole = path.read_bytes()
    registration = read_registration(path)
    path.write_bytes(whole[: whole.index(SMALL.vectors.tobytes()) + 50])
    try:
        vectors = registration.items[0].grid.vectors
    except FileError as error:
        assert_one_clear_line(error, path)
    else:
        np.testing.assert_array_equal(vectors, SMALL.vectors)


def test_a_file_that_cannot_be_opened_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins
    import io

    path = rf.write(tmp_path / "reg.dcm", deformable())
    real_open, real_os_open = builtins.open, os.open

    def refuse(file, *args, **kwargs):
        if not isinstance(file, int) and os.fspath(file) == str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(file, *args, **kwargs)

    def refuse_os(file, *args, **kwargs):
        if os.fspath(file) == str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return real_os_open(file, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", refuse)
    monkeypatch.setattr(io, "open", refuse)
    monkeypatch.setattr(os, "open", refuse_os)
    result = outcome(path)
    assert isinstance(result, FileError)
    assert_one_clear_line(result, path)


def test_a_disk_error_while_reading_is_refused_in_one_line(tmp_path: Path) -> None:
    device = Path("/proc/self/mem")
    if not device.exists():
        pytest.skip("needs a file whose reading fails (/proc/self/mem)")
    link = tmp_path / "broken.dcm"
    link.symlink_to(device)
    result = outcome(link)
    assert isinstance(result, FileError)
    assert "\n" not in str(result)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a POSIX feature")
def test_a_named_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.dcm"
    os.mkfifo(pipe)
    result = outcome(pipe)
    assert isinstance(result, FileError)
    assert_one_clear_line(result, pipe)


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop.dcm"
    loop.symlink_to(loop)
    result = outcome(loop)
    assert isinstance(result, FileError)
    assert_one_clear_line(result, loop)


@pytest.mark.parametrize("name", ["with space.dcm", "ümläut ☃.dcm", "100% {x} <b>.dcm", "-starts-with-dash"])
def test_odd_file_names_are_no_hindrance(tmp_path: Path, name: str) -> None:
    path = rf.write(tmp_path / name, deformable())
    registration = read_registration(str(path))
    np.testing.assert_array_equal(registration.items[0].grid.vectors, SMALL.vectors)
