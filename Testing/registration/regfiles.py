"""DICOM registration files made from scratch, byte by byte, for tests.

Nothing here uses the library under test or pydicom: the encoding follows PS3.5 (section 7) and the content PS3.3
(C.20.2, C.20.3) with :mod:`struct` alone, so that every choice a writer may make, and every mistake, can be made.

Three layers: what a registration says (:class:`RegistrationSpec`), its data elements (:class:`Element` trees, which a
test may edit), and how they are written (:class:`Encoding`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from regencoding import (  # noqa: F401  (tests reach all of the writer through this module)
    CONTENT_SEQUENCE,
    DEFORMABLE_CLASS,
    SYNTAXES,
    UNDEFINED,
    Element,
    Encoding,
    as_written,
    context_of,
    ds,
    encode,
    encode_elements,
    nested_sequences,
    wrap,
)

SPATIAL_CLASS = "1.2.840.10008.5.1.4.1.1.66.1"
FIDUCIALS_CLASS = "1.2.840.10008.5.1.4.1.1.66.2"
CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"

# Tags the tests name often.
PATIENT_NAME, PATIENT_ID = 0x00100010, 0x00100020
FRAME_UID = 0x00200052
POSITION, ORIENTATION = 0x00200032, 0x00200037
DEFORMABLE_SEQUENCE, SOURCE_FRAME, GRID_SEQUENCE = 0x00640002, 0x00640003, 0x00640005
GRID_DIMENSIONS, GRID_RESOLUTION, VECTOR_DATA = 0x00640007, 0x00640008, 0x00640009
PRE_SEQUENCE, POST_SEQUENCE = 0x0064000F, 0x00640010
REGISTRATION_SEQUENCE, MATRIX_REGISTRATION_SEQUENCE, MATRIX_SEQUENCE = 0x00700308, 0x00700309, 0x0070030A
MATRIX, MATRIX_TYPE = 0x300600C6, 0x0070030C

EXPLICIT = Encoding()
"""Explicit little endian, tidy."""


# ---- What a registration says ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GridSpec:
    """A deformation grid; ``vectors`` is (nz, ny, nx, 3) float32, LPS mm; ``orientation`` row then column cosines."""

    vectors: np.ndarray
    spacing: tuple[float, float, float] = (2.0, 3.0, 4.0)
    origin: tuple[float, float, float] = (-10.0, 20.0, -30.0)
    orientation: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    @property
    def dimensions(self) -> tuple[int, int, int]:
        nz, ny, nx, _ = self.vectors.shape
        return nx, ny, nz


@dataclass(frozen=True)
class DeformableItem:
    """One item of the Deformable Registration Sequence. ``pre``/``post``: 4x4 or None for no item."""

    grid: GridSpec | None
    pre: np.ndarray | None = None
    post: np.ndarray | None = None
    pre_type: str = "RIGID"
    post_type: str = "RIGID"
    source_frame: str = "1.2.3.200"


@dataclass(frozen=True)
class MatrixItem:
    """One item of the Registration Sequence: its matrices in the order of the file (the first is applied first)."""

    matrices: tuple[np.ndarray, ...]
    types: tuple[str, ...] = ()
    frame: str = "1.2.3.200"


@dataclass(frozen=True)
class RegistrationSpec:
    """A whole registration object."""

    items: tuple[DeformableItem | MatrixItem, ...]
    sop_class: str = ""
    frame_uid: str = "1.2.3.100"
    sop_instance_uid: str = "1.2.3.4.5.6"
    study_uid: str = "1.2.3.4.5"
    series_uid: str = "1.2.3.4.5.7"
    series_description: str = "Thorax deformed"
    patient_name: str = "SECRET^PATIENT"
    patient_id: str = "SECRET-ID-4711"
    charset: str = ""
    manufacturer: str = "Maker"

    @property
    def class_uid(self) -> str:
        if self.sop_class:
            return self.sop_class
        return SPATIAL_CLASS if self.items and isinstance(self.items[0], MatrixItem) else DEFORMABLE_CLASS


# ---- Data elements --------------------------------------------------------------------------------------------------


def matrix_elements(matrix: Any, kind: str = "RIGID") -> list[Element]:
    return [
        Element(MATRIX_TYPE, "CS", kind),
        Element(MATRIX, "DS", [ds(v) for v in np.asarray(matrix, dtype=float).ravel()]),
    ]


def grid_elements(grid: GridSpec, vector_vr: str = "OF") -> list[Element]:
    return [
        Element(POSITION, "DS", [ds(v) for v in grid.origin]),
        Element(ORIENTATION, "DS", [ds(v) for v in grid.orientation]),
        Element(GRID_DIMENSIONS, "UL", list(grid.dimensions)),
        Element(GRID_RESOLUTION, "FD", list(grid.spacing)),
        Element(VECTOR_DATA, vector_vr, np.asarray(grid.vectors, dtype=np.float32)),
    ]


def _type_code() -> Element:
    code = [
        Element(0x00080100, "SH", "125024"),
        Element(0x00080102, "SH", "DCM"),
        Element(0x00080104, "LO", "Image Content-based Alignment"),
    ]
    return Element(0x0070030D, "SQ", [code])


def item_elements(item: DeformableItem | MatrixItem, vector_vr: str = "OF") -> list[Element]:
    if isinstance(item, MatrixItem):
        types = item.types or ("RIGID",) * len(item.matrices)
        matrices = [matrix_elements(m, kind) for m, kind in zip(item.matrices, types, strict=True)]
        inner = [Element(MATRIX_SEQUENCE, "SQ", matrices), _type_code()]
        return [Element(FRAME_UID, "UI", item.frame), Element(MATRIX_REGISTRATION_SEQUENCE, "SQ", [inner])]
    elements = [Element(SOURCE_FRAME, "UI", item.source_frame)]
    if item.grid is not None:
        elements.append(Element(GRID_SEQUENCE, "SQ", [grid_elements(item.grid, vector_vr)]))
    if item.pre is not None:
        elements.append(Element(PRE_SEQUENCE, "SQ", [matrix_elements(item.pre, item.pre_type)]))
    if item.post is not None:
        elements.append(Element(POST_SEQUENCE, "SQ", [matrix_elements(item.post, item.post_type)]))
    return [*elements, _type_code()]


def elements_of(spec: RegistrationSpec, vector_vr: str = "OF") -> list[Element]:
    """The data set of a registration, in ascending order of tags."""
    charset = [Element(0x00080005, "CS", spec.charset)] if spec.charset else []
    series = Element(0x00081115, "SQ", [[Element(0x0020000E, "UI", "1.2.3.4.5.1")]])
    matrices = [item for item in spec.items if isinstance(item, MatrixItem)]
    deformables = [item for item in spec.items if isinstance(item, DeformableItem)]
    content: list[Element] = []
    if deformables:
        content.append(Element(DEFORMABLE_SEQUENCE, "SQ", [item_elements(i, vector_vr) for i in deformables]))
    content += [
        Element(0x00700080, "CS", "REGISTRATION"),
        Element(0x00700081, "LO", ""),
        Element(0x00700084, "PN", spec.patient_name),
    ]
    if matrices:
        content.append(Element(REGISTRATION_SEQUENCE, "SQ", [item_elements(i) for i in matrices]))
    return [
        *charset,
        Element(0x00080016, "UI", spec.class_uid),
        Element(0x00080018, "UI", spec.sop_instance_uid),
        Element(0x00080020, "DA", "20260102"),
        Element(0x00080060, "CS", "REG"),
        Element(0x00080070, "LO", spec.manufacturer),
        Element(0x0008103E, "LO", spec.series_description),
        series,
        Element(PATIENT_NAME, "PN", spec.patient_name),
        Element(PATIENT_ID, "LO", spec.patient_id),
        Element(0x0020000D, "UI", spec.study_uid),
        Element(0x0020000E, "UI", spec.series_uid),
        Element(0x00200013, "IS", "1"),
        Element(FRAME_UID, "UI", spec.frame_uid),
        *content,
    ]


def edited(
    elements: list[Element], path: Sequence[int], change: Callable[[list[Element], int], None], item: int = 0
) -> list[Element]:
    """A copy of the tree after ``change(siblings, index)`` of the element at ``path`` (first item of each sequence;
    ``item`` chooses among the items of the outermost one)."""
    tree = copy.deepcopy(elements)
    level = tree
    for depth, tag in enumerate(path[:-1]):
        level = next(e for e in level if e.tag == tag).value[item if depth == 0 else 0]
    index = next(i for i, e in enumerate(level) if e.tag == path[-1])
    change(level, index)
    return tree


def without(elements: list[Element], *path: int) -> list[Element]:
    """The tree without the element at ``path``."""
    return edited(elements, path, lambda siblings, index: siblings.pop(index))


def with_value(elements: list[Element], path: Sequence[int], value: Any, **changes: Any) -> list[Element]:
    """The tree with another value (and other fields of :class:`Element`) at ``path``."""

    def change(siblings: list[Element], index: int) -> None:
        siblings[index] = replace(siblings[index], value=value, **changes)

    return edited(elements, path, change)


def private_elements(size: int = 0, sequence: bool = True) -> list[Element]:
    """A private block at (0009,xx): some values of ``size`` bytes and a nested private sequence."""
    inner = [Element(0x00090010, "LO", "MAKER PRIVATE"), Element(0x00091002, "FD", [1.5, 2.5])]
    nested = [Element(0x00091003, "SQ", [inner, inner])] if sequence else []
    return [
        Element(0x00090010, "LO", "MAKER PRIVATE"),
        Element(0x00091001, "UN", bytes(range(256)) * (size // 256 + 1)),
        *nested,
    ]


def write(path: Path, what: RegistrationSpec | list[Element], encoding: Encoding = EXPLICIT) -> Path:
    """Write a registration (or an edited tree of its elements) and return the path."""
    elements = elements_of(what, encoding.vector_vr) if isinstance(what, RegistrationSpec) else what
    path.write_bytes(encode(elements, encoding))
    return path


# ---- Small registrations to start from ------------------------------------------------------------------------------


def rotation(rx: float, ry: float, rz: float) -> np.ndarray:
    """A 3x3 rotation about x, then y, then z, in radians."""
    cx, sx, cy, sy, cz, sz = np.cos(rx), np.sin(rx), np.cos(ry), np.sin(ry), np.cos(rz), np.sin(rz)
    x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return z @ y @ x


def rigid(angles: Sequence[float], shift: Sequence[float]) -> np.ndarray:
    """A 4x4 rigid matrix as a reader gets it back from decimal strings."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(*angles)
    matrix[:3, 3] = shift
    return as_written(matrix)


def orientation_of(angles: Sequence[float]) -> tuple[float, ...]:
    """Row and column cosines of a rotated grid, as written."""
    r = rotation(*angles)
    return tuple(as_written(np.concatenate([r[:, 0], r[:, 1]])))


def smooth_vectors(dimensions: tuple[int, int, int], amplitude: float = 3.0, seed: int = 0) -> np.ndarray:
    """A smooth (nz, ny, nx, 3) field of at most about ``amplitude`` mm per component, not symmetric in any axis."""
    nx, ny, nz = dimensions
    z, y, x = np.meshgrid(np.linspace(0, 1, nz), np.linspace(0, 1, ny), np.linspace(0, 1, nx), indexing="ij")
    phase = np.random.default_rng(seed).uniform(0, 6, (3, 3))
    field_ = [np.sin(2 * x + p[0]) + np.cos(1.5 * y + p[1]) + np.sin(1.7 * z + p[2]) for p in phase]
    return (np.stack(field_, axis=-1) * amplitude / 3).astype(np.float32)


@dataclass(frozen=True)
class Samples:
    """Ready-made registrations."""

    grid: GridSpec = field(
        default_factory=lambda: GridSpec(smooth_vectors((7, 6, 5)), orientation=orientation_of((0.3, -0.2, 0.5)))
    )

    @property
    def plain(self) -> RegistrationSpec:
        """One oblique grid, nothing else."""
        return RegistrationSpec((DeformableItem(self.grid),))

    @property
    def full(self) -> RegistrationSpec:
        """An oblique grid between two rigid matrices."""
        pre, post = rigid((0.1, 0.2, -0.3), (5, -6, 7)), rigid((-0.2, 0.1, 0.15), (-3, 4, 2))
        return RegistrationSpec((DeformableItem(self.grid, pre, post),))

    @property
    def matrices(self) -> RegistrationSpec:
        """Two frames; the second with three matrices."""
        first = MatrixItem((np.eye(4),), frame="1.2.3.100")
        chain = (rigid((0.1, 0, 0.4), (1, 2, 3)), rigid((0, 0.7, 0), (-4, 5, 60)), rigid((0.5, 0.2, 0.1), (7, -8, 9)))
        return RegistrationSpec((first, MatrixItem(chain, frame="1.2.3.200")))
