"""Elements of a registration item turned into matrices and grids, each checked before it is believed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from ...dicom import tags
from ...dicom.tags import element_name
from ...dicom.values import half_units, numbers, shown_numbers, text
from ...dicom.wanted_elements import Element, ElementTree, Items
from ...findings import Finding
from ...privacy import NOBODY, Identities
from ..checks import ORTHONORMAL_TOLERANCE
from ..grid import Grid
from ..mapping import in_order
from ..matrices import is_rigid, is_singular, matrix_findings
from ..vectors import BYTES_PER_VECTOR, VectorPlace, plausible_byte_order

RESOLUTION_MM = (1e-6, 1e6)
"""Distances of grid nodes that are believed: outside, arithmetic breaks down before a patient fits."""


@dataclass
class ItemReport:
    """What was found while one item was read."""

    subject: str
    findings: list[Finding] = field(default_factory=list)
    problem: str | None = None
    """The first thing that keeps the item from being used."""
    identities: Identities = NOBODY
    """Whom no text that is quoted may name."""
    rounded: set[str] = field(default_factory=set)
    """Matrices that are rigid only as far as the digits tell that they were written with."""

    def error(self, code: str, message: str, **evidence: object) -> None:
        """Note something that keeps the item from being used."""
        self.findings.append(Finding(code, "error", message, self.subject, evidence))
        self.problem = self.problem or message


def read_numbers(
    items: Items, tag: int, count: int, report: ItemReport, code: str, owner: str = ""
) -> list[float] | None:
    """Return the finite numbers of an element of ``owner`` that must have ``count``; a finding and None otherwise."""
    element = items.get(tag)
    name = element_name(tag) + (f" of the {owner}" if owner else "")
    if element is None:
        report.error(code, f"{name} is missing; expected {count} numbers.")
        return None
    values = numbers(element)
    if values is None:
        report.error(code, f"{name} (VR {element.vr}, {element.length} bytes) {_unreadable(element, count)}")
        return None
    if len(values) != count:
        report.error(code, f"{name} holds {len(values)} numbers; expected {count}.", found=len(values), expected=count)
        return None
    if not all(math.isfinite(value) for value in values):
        report.error(code, f"{name} holds {_show(values)}; expected {count} finite numbers.")
        return None
    return values


def _unreadable(element: Element, count: int) -> str:
    told = f"holds no numbers that can be read; expected {count}."
    shown = shown_numbers(element)
    if not shown:
        return told
    comma = " A comma is no decimal point (PS3.5 6.2)." if "," in shown else ""
    return f"holds “{shown}”, which are no numbers as DICOM writes them; expected {count}.{comma}"


def read_matrix(items: Items, name: str, report: ItemReport, baked: bool = False) -> np.ndarray | None:
    """Read a Frame of Reference Transformation Matrix (3006,00C6), row-major 4x4; None, and a finding, if not valid."""
    values = read_numbers(items, tags.TRANSFORMATION_MATRIX, 16, report, "reg-matrix-invalid", name)
    if values is None:
        return None
    matrix = np.array(values).reshape(4, 4)
    if not np.allclose(matrix[3], (0, 0, 0, 1), rtol=0, atol=1e-6):
        report.error(
            "reg-matrix-invalid",
            f"{element_name(tags.TRANSFORMATION_MATRIX)} of the {name} has {_show(matrix[3])} as its last row; "
            "expected 0, 0, 0, 1.",
        )
        return None
    matrix[3] = (0, 0, 0, 1)
    declared = report.identities.masked(text(items.get(tags.MATRIX_TYPE)).strip())
    halves = _half_units(items.get(tags.TRANSFORMATION_MATRIX))
    found = matrix_findings(matrix, declared, name, report.subject, baked, halves)
    report.findings += found
    if not found and not is_rigid(matrix):
        report.rounded.add(name)
    return matrix


def _half_units(element: Element) -> np.ndarray | None:
    """Of the upper left 3x3 alone: a translation is written in other digits than a rotation."""
    rotation = [number for number in range(11) if number % 4 < 3]
    text_of = (element.value or b"").split(b"\\")
    if len(text_of) != 16:
        return None
    halves = half_units(replace(element, value=b"\\".join(text_of[number] for number in rotation)))
    return None if halves is None else np.array(halves).reshape(3, 3)


def read_single_matrix(items: Items, tag: int, name: str, report: ItemReport, baked: bool = False) -> np.ndarray:
    """Return the matrix of a sequence that has no or one item; the identity without one."""
    sequence = items.sequence(tag)
    if len(sequence) > 1:
        report.error("reg-matrix-invalid", f"{element_name(tag)} has {len(sequence)} items; expected one at most.")
    if not sequence:
        return np.eye(4)
    matrix = read_matrix(sequence[0], name, report, baked)
    return np.eye(4) if matrix is None else matrix


def read_matrix_chain(items: Items, report: ItemReport) -> tuple[np.ndarray, ...]:
    """Return the matrices of Matrix Sequence (0070,030A), of which the first is applied first (PS3.3 C.20.2.1.1)."""
    outer = items.sequence(tags.MATRIX_REGISTRATION_SEQUENCE)
    if len(outer) != 1:
        report.error(
            "reg-incomplete", f"{element_name(tags.MATRIX_REGISTRATION_SEQUENCE)} has {len(outer)} items; expected one."
        )
    inner = outer[0].sequence(tags.MATRIX_SEQUENCE) if outer else []
    if outer and not inner:
        report.error(
            "reg-incomplete", f"{element_name(tags.MATRIX_SEQUENCE)} is missing or empty; expected one matrix or more."
        )
    chain = []
    for number, item in enumerate(inner, 1):
        matrix = read_matrix(item, f"matrix {number} of {len(inner)}" if len(inner) > 1 else "matrix", report)
        if matrix is not None:
            chain.append(matrix)
    product = in_order(chain)
    if not is_rigid(product) and not any(found.code == "reg-matrix-not-rigid" for found in report.findings):
        report.rounded.add("matrix")
    if report.problem is None and is_singular(product):
        report.problem = (
            "its matrix cannot be inverted, so points of the registered frame have no place in the source frame"
        )
    return tuple(chain)


def read_grid(items: Items, tree: ElementTree, report: ItemReport) -> Grid | None:
    """Return the grid of a deformable item; None without one, and None with a finding when it cannot be used."""
    sequence = items.sequence(tags.DEFORMABLE_GRID_SEQUENCE)
    if not sequence:
        return None
    if len(sequence) > 1:
        report.error(
            "reg-grid-invalid",
            f"{element_name(tags.DEFORMABLE_GRID_SEQUENCE)} has {len(sequence)} items; expected one at most.",
        )
    item = sequence[0]
    position = read_numbers(item, tags.IMAGE_POSITION, 3, report, "reg-grid-invalid", "grid")
    orientation = read_numbers(item, tags.IMAGE_ORIENTATION, 6, report, "reg-grid-invalid", "grid")
    size = read_numbers(item, tags.GRID_DIMENSIONS, 3, report, "reg-grid-invalid", "grid")
    resolution = read_numbers(item, tags.GRID_RESOLUTION, 3, report, "reg-grid-invalid", "grid")
    directions = _directions(orientation, report)
    if resolution is not None and not (RESOLUTION_MM[0] <= min(resolution) <= max(resolution) <= RESOLUTION_MM[1]):
        report.error(
            "reg-grid-invalid",
            f"{element_name(tags.GRID_RESOLUTION)} is {_show(resolution)} mm; expected three numbers above 0 "
            f"({RESOLUTION_MM[0]:g} to {RESOLUTION_MM[1]:g}).",
            resolution_mm=resolution,
        )
    dimensions = None
    if size is not None:
        if min(size) < 1 or any(value != int(value) for value in size):
            report.error(
                "reg-grid-invalid",
                f"{element_name(tags.GRID_DIMENSIONS)} is {_show(size)}; expected three whole numbers of 1 or more.",
                dimensions=size,
            )
        else:
            dimensions = tuple(int(value) for value in size)
    place = _vector_place(item, tree, dimensions, report)
    if report.problem is not None or place is None:
        return None
    return Grid(dimensions, np.array(resolution), np.array(position), directions, place)


def _directions(orientation: list[float] | None, report: ItemReport) -> np.ndarray | None:
    if orientation is None:
        return None
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    dot = float(row @ column)
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(dot)) > ORTHONORMAL_TOLERANCE:
        report.error(
            "reg-grid-invalid",
            f"{element_name(tags.IMAGE_ORIENTATION)} of the grid is {_show(orientation)}: lengths {lengths[0]:.6g} and "
            f"{lengths[1]:.6g}, dot product {dot:.6g}; expected perpendicular unit vectors.",
            row_length=float(lengths[0]),
            column_length=float(lengths[1]),
            dot_product=dot,
        )
        return None
    return np.column_stack([row, column, np.cross(row, column)])


def _vector_place(
    item: Items, tree: ElementTree, dimensions: tuple[int, int, int] | None, report: ItemReport
) -> VectorPlace | None:
    element = item.get(tags.VECTOR_GRID_DATA)
    if element is None:
        report.error("reg-incomplete", f"{element_name(tags.VECTOR_GRID_DATA)} is missing from the grid.")
        return None
    if dimensions is None:
        return None
    nodes = math.prod(dimensions)
    expected = nodes * BYTES_PER_VECTOR
    if element.length != expected:
        hint = ""
        if element.length == 2 * expected:
            hint = " That is as if they were written as 64-bit numbers."
        report.error(
            "reg-grid-size-mismatch",
            f"{element_name(tags.VECTOR_GRID_DATA)} has {element.length} bytes ({_vectors(element.length)}); a grid of "
            f"{' × '.join(map(str, dimensions))} nodes needs {expected} bytes ({nodes} vectors of three "
            f"32-bit numbers).{hint}",
            found_bytes=element.length,
            expected_bytes=expected,
            dimensions=list(dimensions),
        )
        return None
    place = VectorPlace(
        tree.path,
        element.offset,
        nodes,
        "<" if element.little else ">",
        tree.dataset_start if tree.deflated else None,
        unpacked=tree.unpacked,
    )
    return _settle_byte_order(place, element, report)


def _settle_byte_order(place: VectorPlace, element: Element, report: ItemReport) -> VectorPlace:
    if element.vr == "OF" or (place.byte_order == "<" and element.vr == "OW"):
        return place
    order = plausible_byte_order(place)
    if order == place.byte_order:
        return place
    names = {"<": "little endian", ">": "big endian", "w": "16-bit words in big endian order"}
    report.findings.append(
        Finding(
            "reg-vectors-byte-order",
            "warning",
            f"{element_name(tags.VECTOR_GRID_DATA)} has VR {element.vr} in a {names[place.byte_order]} data set; "
            f"its numbers make sense only as {names[order]} and were read so.",
            report.subject,
            {"vr": element.vr, "declared": names[place.byte_order], "read_as": names[order]},
        )
    )
    return replace(place, byte_order=order)


def _vectors(length: int) -> str:
    whole, rest = divmod(length, BYTES_PER_VECTOR)
    return f"{whole} vectors" + (f" and {rest} bytes" if rest else "")


def _show(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.6g}" for value in values)
