"""Hypothesis strategies: registrations of every shape, and every way to write them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from regfiles import (
    DeformableItem,
    Encoding,
    GridSpec,
    MatrixItem,
    RegistrationSpec,
    as_written,
    orientation_of,
    rigid,
    smooth_vectors,
)


def _numbers(low: float, high: float, decimals: int = 3) -> st.SearchStrategy[float]:
    scale = 10**decimals
    return st.integers(int(low * scale), int(high * scale)).map(lambda n: n / scale)


angles = st.tuples(*[_numbers(-3.1, 3.1)] * 3)
shifts = st.tuples(*[_numbers(-300, 300)] * 3)
rigids = st.builds(rigid, angles, shifts)


@st.composite
def affines(draw: st.DrawFn) -> np.ndarray:
    """Invertible and well conditioned, with scale and shear."""
    matrix = draw(rigids).copy()
    stretch = np.diag(draw(st.tuples(*[_numbers(0.6, 1.6)] * 3)))
    stretch[0, 1], stretch[1, 2] = draw(_numbers(-0.2, 0.2)), draw(_numbers(-0.2, 0.2))
    matrix[:3, :3] = matrix[:3, :3] @ stretch
    return as_written(matrix)


@st.composite
def grids(draw: st.DrawFn, smallest: int = 2) -> GridSpec:
    """Rough or smooth vectors on an oblique lattice with unequal sides."""
    dimensions = draw(st.tuples(*[st.integers(smallest, 6)] * 3))
    seed = draw(st.integers(0, 10_000))
    if draw(st.booleans()):
        vectors = smooth_vectors(dimensions, 5.0, seed)
    else:
        vectors = np.random.default_rng(seed).normal(0, 8, (*dimensions[::-1], 3)).astype(np.float32)
    return GridSpec(
        vectors,
        spacing=draw(st.tuples(*[_numbers(0.3, 6)] * 3)),
        origin=draw(shifts),
        orientation=orientation_of(draw(angles)) if draw(st.booleans()) else (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    )


@st.composite
def deformable_items(
    draw: st.DrawFn, matrices: st.SearchStrategy[np.ndarray] = rigids, grid: bool = True
) -> DeformableItem:
    optional = st.none() | matrices
    lattice = draw(grids()) if grid or draw(st.booleans()) else None
    kind = draw(st.sampled_from(["RIGID", "RIGID_SCALE", "AFFINE"]))
    return DeformableItem(
        lattice, draw(optional), draw(optional), kind, kind, source_frame=f"1.2.3.{draw(st.integers(200, 299))}"
    )


@st.composite
def matrix_items(draw: st.DrawFn) -> MatrixItem:
    chain = draw(st.lists(rigids | affines(), min_size=1, max_size=3))
    return MatrixItem(tuple(chain), ("AFFINE",) * len(chain), frame=f"1.2.3.{draw(st.integers(200, 299))}")


deformables = st.lists(deformable_items(rigids | affines(), grid=False), min_size=1, max_size=3).map(
    lambda i: RegistrationSpec(tuple(i))
)
spatials = st.lists(matrix_items(), min_size=1, max_size=3).map(lambda i: RegistrationSpec(tuple(i)))


@st.composite
def encodings(draw: st.DrawFn) -> Encoding:
    """Every regular and every merely untidy way to write a data set (vectors always in the syntax's byte order)."""
    syntax = draw(st.sampled_from(["implicit-le", "explicit-le", "explicit-be", "deflated"]))
    sequence_vr = draw(st.sampled_from(["SQ", "SQ", "UN"])) if syntax in ("explicit-le", "deflated") else "SQ"
    vector_vr = draw(st.sampled_from(["OF", "OW", "UN", "OB"])) if syntax != "explicit-be" else "OF"
    return Encoding(
        syntax=syntax,
        undefined_sequences=draw(st.booleans()),
        undefined_items=draw(st.booleans()),
        vector_vr=vector_vr,
        sequence_vr=sequence_vr,
        order=draw(st.sampled_from(["ascending", "ascending", "reversed", "content-first"])),
        group_lengths=draw(st.booleans()),
        trailing=draw(st.sampled_from([b"", b"", b"\0" * 32])) if syntax != "explicit-be" else b"",
    )
