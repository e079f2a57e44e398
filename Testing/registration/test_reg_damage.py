"""Lengths that lie, endless depth, cut and flipped bytes: bounded time and memory, and never a wrong number."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from DicomRegInspectorLib.errors import FileError
from DicomRegInspectorLib.findings import worst_severity
from DicomRegInspectorLib.registration import read_registration
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from regcases import (
    BASE,
    BILLIONS,
    GRID,
    INCOMPLETE,
    SIZE,
    SMALL,
    assert_one_clear_line,
    assert_reported,
    deformable,
    outcome,
    run_limited,
    with_grid,
)

# ---- Lengths that lie -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("claimed", [0xFFFFFFFE, 0x7FFFFFFF, 100_000, 290])
@pytest.mark.parametrize("syntax", ["implicit-le", "explicit-le", "explicit-be"])
@pytest.mark.parametrize("undefined", [False, True])
def test_a_vector_length_beyond_the_file_is_refused(tmp_path: Path, claimed: int, syntax: str, undefined: bool) -> None:
    elements = with_grid(rf.VECTOR_DATA, SMALL.vectors, claimed_length=claimed)
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
    elements = with_grid(rf.VECTOR_DATA, SMALL.vectors, claimed_length=rf.UNDEFINED)
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


@pytest.mark.parametrize("dimensions", [[BILLIONS] * 3, [BILLIONS, BILLIONS, 1], [40_000, 30_000, 1], [2**31, 1, 1]])
@pytest.mark.parametrize("claimed", [None, 0xFFFFFFF8])
def test_nothing_a_header_claims_is_allocated(tmp_path: Path, dimensions: list[int], claimed: int | None) -> None:
    elements = with_grid(rf.GRID_DIMENSIONS, dimensions)
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


def test_a_deflated_field_of_zeros_is_no_bomb(tmp_path: Path) -> None:
    """20 MB that pack a thousand to one, as a registration that moves nothing does."""
    grid = rf.GridSpec(np.zeros((120, 120, 120, 3), np.float32))
    spec = rf.RegistrationSpec((rf.DeformableItem(grid),))
    path = rf.write(tmp_path / "zeros.dcm", spec, rf.Encoding("deflated"))
    assert path.stat().st_size < 30_000
    (item,) = read_registration(path).items
    assert item.displacement_mm["max"] == 0.0
    assert item.grid.vectors.shape == (120, 120, 120, 3)


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
