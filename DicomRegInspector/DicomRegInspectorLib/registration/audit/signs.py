"""What vectors and the names beside them show about their units without any image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...findings import Finding
from ..grid import Grid
from ..mapping import Mapping
from ..vectors import BYTES_PER_VECTOR, VectorPlace, to_native

KNOWN_FOR_VOXELS = ("imsimqa", "oncology systems")
"""Parts of a manufacturer's or object's name (ImSimQA, Oncology Systems Limited) whose exports held voxels."""
WHOLE_TOLERANCE = 1e-3
"""How near to a whole number a component counts as whole."""
WHOLE_SHARE = 0.98
"""Share of whole components at which the field looks counted: one of continuous numbers has 0.2 %."""
LEAST_ANISOTROPY = 1.5
"""Largest against smallest grid spacing below which sizes along the axes tell nothing."""
EQUAL_SIZES = 0.1
"""Largest deviation of sizes along the axes, in voxels times spacing, that counts as equal."""

_SPANS, _SPAN = 16, 4096
"""Vectors looked at: spans spread over the file."""


def signs_in_vectors(mapping: Mapping, subject: str, names: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Return signs that a mapping's vectors are numbers of voxels; severity info, since none of them is proof.

    Three signs: the name of a manufacturer known for it; components that are whole numbers, and are no multiples of
    the grid's spacing; sizes along the grid's axes that differ, and are equal once multiplied by the spacing.

    Parameters
    ----------
    subject
        How the finding names it.
    names
        Manufacturer, descriptions and labels that stand beside it.

    Returns
    -------
    tuple of Finding
        One ``reg-units-suspect`` that lists the signs, or nothing.

    Raises
    ------
    FileError
        When the file is gone or has changed.
    """
    if mapping.grid is None:
        return ()
    signs, evidence = [], {}
    maker = next((part for part in KNOWN_FOR_VOXELS if any(part in name.casefold() for name in names)), None)
    spacing = mapping.grid.spacing_mm
    one_millimetre = np.allclose(spacing, 1.0, rtol=0, atol=1e-3)
    along = _some_vectors(mapping.grid).astype(np.float64) @ mapping.grid.directions
    if maker is not None and not one_millimetre:
        signs.append("it names a system that is known to write vectors in voxels")
        evidence["known_system"] = maker
    share = _whole_share(along)
    # A field that a search in whole voxels made, written in mm, consists of multiples of the spacing.
    if share >= WHOLE_SHARE and _whole_share(along / spacing) < WHOLE_SHARE:
        signs.append(f"{100 * share:.0f} % of the components along the grid's axes are whole numbers")
        evidence["whole_numbers_percent"] = 100 * share
    sizes = np.sqrt((along**2).mean(axis=0)) if len(along) else np.zeros(3)
    if _equal_in_voxels(sizes, spacing):
        signs.append("the vectors' sizes along the grid's axes are equal once they are multiplied by its spacing")
        evidence["rms_along_axes"] = sizes.tolist()
    if not signs:
        return ()
    evidence["spacing_mm"] = spacing.tolist()
    message = f"The vectors may be numbers of voxels, not mm: {'; '.join(signs)}. Only the images can decide."
    return (Finding("reg-units-suspect", "info", message, subject, evidence),)


def _some_vectors(grid: Grid) -> np.ndarray:
    """(n, 3) float32 finite, nonzero vectors from spans of the file, without loading it all."""
    count = grid.place.count
    starts = np.unique(np.linspace(0, max(count - _SPAN, 0), _SPANS).astype(np.int64))
    counts = [min(_SPAN, count - int(first)) for first in starts]
    if grid.in_memory:
        flat = grid.vectors.reshape(-1, 3)
        spans = [flat[first : first + length] for first, length in zip(starts, counts, strict=True)]
    else:
        assert isinstance(grid.place, VectorPlace)
        spans = _spans_of_file(grid.place, starts.tolist(), counts)
    vectors = np.concatenate(spans)
    return vectors[np.isfinite(vectors).all(axis=1) & (vectors != 0).any(axis=1)]


def _spans_of_file(place: VectorPlace, starts: list[int], counts: list[int]) -> list[np.ndarray]:
    """Spans of a file in one pass over it: what is deflated can only be read from its start."""
    spans = []
    source, position = place.open(), 0
    try:
        for first, count in zip(starts, counts, strict=True):
            if first < position:
                source.close()
                source, position = place.open(first), first
            source.skip((first - position) * BYTES_PER_VECTOR)
            raw = np.empty(3 * count, np.float32)
            got = source.readinto(memoryview(raw).cast("B"))
            position = first + count
            raw = raw[: got // BYTES_PER_VECTOR * 3]
            to_native(raw, place.byte_order)
            spans.append(raw.reshape(-1, 3))
    finally:
        source.close()
    return spans


def _whole_share(components: np.ndarray) -> float:
    """Share of whole numbers among the components that are not about zero; 0 when these take fewer than 3 values."""
    nonzero = components[np.abs(components) > 0.5]
    rounded = np.round(nonzero)
    if len(np.unique(rounded)) < 3:
        return 0.0
    return float((np.abs(nonzero - rounded) <= WHOLE_TOLERANCE).mean())


def _equal_in_voxels(sizes: np.ndarray, spacing: np.ndarray) -> bool:
    scaled = sizes * spacing
    if spacing.max() < LEAST_ANISOTROPY * spacing.min() or not scaled.min() > 0:
        return False
    return bool(scaled.max() - scaled.min() <= EQUAL_SIZES * scaled.mean())
