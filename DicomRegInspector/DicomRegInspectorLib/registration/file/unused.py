"""What stands in a registration object and moves nothing: in the wrong place, a second time, or in private elements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ...dicom import tags
from ...dicom.tags import element_name, tag_text
from ...dicom.values import numbers
from ...dicom.wanted_elements import Element, Items
from ...findings import Finding
from ...findings.about import about_registration
from ..matrices import is_identity, is_singular
from ..model import RegistrationItem

_PLACES: dict[int, frozenset[int]] = {
    0: frozenset((tags.DEFORMABLE_REGISTRATION_SEQUENCE, tags.REGISTRATION_SEQUENCE)),
    tags.DEFORMABLE_REGISTRATION_SEQUENCE: frozenset(
        (tags.PRE_MATRIX_SEQUENCE, tags.POST_MATRIX_SEQUENCE, tags.DEFORMABLE_GRID_SEQUENCE)
    ),
    tags.REGISTRATION_SEQUENCE: frozenset((tags.MATRIX_REGISTRATION_SEQUENCE,)),
    tags.MATRIX_REGISTRATION_SEQUENCE: frozenset((tags.MATRIX_SEQUENCE,)),
    tags.MATRIX_SEQUENCE: frozenset((tags.TRANSFORMATION_MATRIX,)),
    tags.PRE_MATRIX_SEQUENCE: frozenset((tags.TRANSFORMATION_MATRIX,)),
    tags.POST_MATRIX_SEQUENCE: frozenset((tags.TRANSFORMATION_MATRIX,)),
    tags.DEFORMABLE_GRID_SEQUENCE: frozenset((tags.VECTOR_GRID_DATA,)),
}
"""What moves points, by the sequence whose items hold it; 0: the object itself (PS3.3 C.20.2, C.20.3)."""
_MOVING = frozenset().union(*_PLACES.values())
_DECIDING = _MOVING | {
    tags.FRAME_OF_REFERENCE_UID,
    tags.SOURCE_FRAME_OF_REFERENCE_UID,
    tags.IMAGE_POSITION,
    tags.IMAGE_ORIENTATION,
    tags.GRID_DIMENSIONS,
    tags.GRID_RESOLUTION,
}
"""Elements of which a second one could say something else."""
_BINARY = {128: "f8", 64: "f4"}


def repeats_any(level: Items) -> bool:
    """Tell whether anything that was read for stands more than once in a data set, at whatever level."""
    inner = (item for element in level.elements.values() for item in element.items or ())
    return bool(level.repeated) or any(repeats_any(item) for item in inner)


def unused_findings(root: Items, items: Iterable[RegistrationItem]) -> list[Finding]:
    """Return a warning for each element that could move points and is not used.

    Private matrices that are the identity, or that are used as well, also inverted, lose nothing and are not told.
    """
    items = list(items)
    if not items:
        return []
    subject = about_registration(items[0].path)
    used = [matrix for item in items for matrix in (item.matrix, item.pre, item.post) if matrix is not None]
    found = []
    for tag, where, message in _unused(root, 0, "the object", used):
        text = f"{message[0].upper()}{message[1:]}"
        found.append(Finding("reg-not-used", "warning", text, subject, {"element": tag_text(tag), "within": where}))
    return found


def _unused(level: Items, sequence: int, where: str, used: list[np.ndarray]) -> Iterator[tuple[int, str, str]]:
    """(tag, where it stands, what is told of it), from the outermost to the innermost."""
    for tag in sorted(set(level.repeated) & _DECIDING):
        times = level.repeated.count(tag) + 1
        yield tag, where, f"{element_name(tag)} stands {times} times in {where}: the first was used, no other was read."
    for tag, element in level.elements.items():
        if tag in _MOVING and tag not in _PLACES[sequence]:
            yield tag, where, f"{element_name(tag)} stands in {where}, where it has no meaning, and was not applied."
            continue
        for number, item in enumerate(element.items or (), 1):
            if tag in _PLACES:
                yield from _unused(item, tag, f"item {number} of {element_name(tag)}", used)
    for element in level.private:
        if (told := _private_matrix(element, used)) is not None:
            yield (
                element.tag,
                where,
                f"private element {tag_text(element.tag)} in {where} {told}; it was not applied.",
            )


def _private_matrix(element: Element, used: list[np.ndarray]) -> str | None:
    """What a private element holds that may move points; None when it does not, or nothing else than what is used."""
    if element.items is not None:
        return f"is a sequence with a {element_name(tags.TRANSFORMATION_MATRIX)}"
    values = numbers(element)
    if not values and element.length in _BINARY:
        order = "<" if element.little else ">"
        values = np.frombuffer(element.value, order + _BINARY[element.length]).astype(float).tolist()
    if not values or len(values) != 16 or not np.isfinite(values).all():
        return None
    rows = np.array(values).reshape(4, 4)
    ways = [m for m in (rows, rows.T) if np.allclose(m[3], (0, 0, 0, 1), rtol=0, atol=1e-6) and not is_singular(m)]
    if not ways:
        return None
    for matrix in ways:
        same = [is_identity(matrix), *(_close(matrix, other) or _close(np.linalg.inv(matrix), other) for other in used)]
        if any(same):
            return None
    return "holds a 4 × 4 matrix that is none of those used"


def _close(matrix: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.allclose(matrix[:3, :3], other[:3, :3], atol=1e-4) and np.allclose(matrix, other, atol=1e-2))
