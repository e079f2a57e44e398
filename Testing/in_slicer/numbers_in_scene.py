"""Where loaded transform nodes lead, against what the library says of the files without a scene."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import finding_examples  # noqa: F401  (importing notes the examples)
import numpy as np
import slicer
import vtk
from DicomRegInspectorLib import read_registration
from DicomRegInspectorLib.errors import DicomRegInspectorError
from DicomRegInspectorLib.panel.selftests.files import KnownField, write_deformable
from DicomRegInspectorLib.registration import Registration, RegistrationItem
from DicomRegInspectorLib.samples import make_samples
from DicomRegInspectorLib.scene import load_registration
from shown import MAKERS

from .record import Record

TOLERANCE_MM = 1e-5
"""Vectors are 32-bit numbers, 1e-7 of their length; matrices are kept in 64 bits."""
FRACTION = 2.0**-16
"""Of a voxel: what VTK rounds a place between nodes to (vtkInterpolationMath::Floor)."""
POINTS = 2000


def compare_numbers(record: Record, folder: Path) -> None:
    """Load every registration of the samples and the examples in both ways, and map points through the nodes."""
    written = {"known field": _written(folder / "known"), "samples": make_samples(folder / "samples")}
    here = Path.cwd()
    for code, maker in MAKERS:
        if code.startswith("reg-") and record.is_wanted(code):
            written[code] = place = folder / code
            place.mkdir(parents=True, exist_ok=True)
            os.chdir(place)
            maker()
            os.chdir(here)
    for name, place in written.items():
        if record.is_wanted(name):
            _compare(record, name, place)


def _written(folder: Path) -> Path:
    folder.mkdir(parents=True)
    write_deformable(folder / "registration.dcm", KnownField())
    return folder


def _compare(record: Record, name: str, folder: Path) -> None:
    for path in sorted(folder.rglob("*.dcm")):
        try:
            registration = read_registration(path)
        except DicomRegInspectorError:
            continue  # an image, or damaged on purpose
        if not registration.items or any(item.problem for item in registration.items):
            continue
        for bake in (False, True):
            with record.trying(f"{name}, {path.name}{', baked' if bake else ''}") as told:
                told.append(_largest_difference(registration, bake))
            slicer.mrmlScene.Clear()


def _largest_difference(registration: Registration, bake: bool) -> str:
    nodes = load_registration(registration, slicer.mrmlScene, bake=bake)
    assert len(nodes) == len(registration.items)
    largest, count = 0.0, 0
    for item, node in zip(registration.items, nodes, strict=True):
        points = _points(item)
        expected = item.map_points(points)
        there = np.isfinite(expected).all(axis=1)
        found = _through(node, points[there])
        far = np.linalg.norm(found - expected[there], axis=1)
        assert there.any() and np.isfinite(far).all()
        limit = TOLERANCE_MM + FRACTION * _steepest_mm(item, bake)
        assert far.max() < limit, f"{far.max():.3g} mm apart, more than {limit:.3g} mm"
        largest, count = max(largest, float(far.max())), count + int(there.sum())
    return f"{count} points, {largest:.1e} mm apart at most"


def _steepest_mm(item: RegistrationItem, bake: bool) -> float:
    """How much the vectors of a node's neighbours differ at most, summed over the grid's axes; 0 without a grid.

    Baked vectors contain the matrices.
    """
    if item.grid is None:
        return 0.0
    vectors = np.asarray(item.grid.vectors, float)
    if bake:
        k, j, i = np.meshgrid(*(np.arange(count) for count in vectors.shape[:3]), indexing="ij")
        nodes = np.stack([i, j, k], axis=-1) @ item.grid.index_to_lps[:3, :3].T + item.grid.index_to_lps[:3, 3]
        vectors = item.map_points(nodes.reshape(-1, 3)).reshape(nodes.shape) - nodes
    steps = [np.linalg.norm(np.diff(vectors, axis=axis), axis=-1) for axis in range(3)]
    return sum(float(np.nanmax(step, initial=0.0)) for step in steps)


def _points(item: RegistrationItem) -> np.ndarray:
    """(n, 3) LPS mm, within the grid where there is one."""
    random = np.random.default_rng(7)
    if item.grid is None:
        return random.uniform(-200, 200, (POINTS, 3))
    last = np.array(item.grid.dimensions) - 1
    corners = np.array([item.grid.node_position(tuple(index)) for index in np.eye(3, dtype=int) * last])
    start = np.array(item.grid.node_position((0, 0, 0)))
    return start + random.uniform(0, 1, (POINTS, 3)) @ (corners - start)


def _through(node: Any, points_lps_mm: np.ndarray) -> np.ndarray:
    """Where Slicer says that a point of world, which is the registered image's, comes from: LPS mm, (n, 3)."""
    transform = vtk.vtkGeneralTransform()
    node.GetTransformFromWorld(transform)
    ras = points_lps_mm * [-1, -1, 1]
    return np.array([transform.TransformPoint(point) for point in ras]) * [-1, -1, 1]
