"""What a transform and the scene around it say about each other: frames of reference, coverage, motion applied twice.

For files the same is found by :mod:`..relations`; here it is told of the images that are chosen to judge a node by.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer
import vtk

from ...errors import UsageError
from ...findings import Finding
from ...registration import RegistrationItem
from ...tasks.relations import COVERAGE_SAMPLES, near_misses, outside_of_grid
from ..convert import LPS_TO_RAS, numpy_matrix, to_ras
from ..transforms.node_field import WorldField, volume_lattice
from ..volumes import frame_of_volume
from .quality_arrays import Lattice

PREFIX = "DicomRegInspector."


@dataclass(frozen=True)
class Surroundings:
    """What stands around a transform, taken out of the scene."""

    images: tuple[tuple[str, str, str], ...] = ()
    """(role, name, Frame of Reference UID) of the images that are chosen: ``registered`` and ``source``."""
    fixed: tuple[str, Lattice] | None = None
    """Name and lattice of the registered image."""
    matrices: tuple[RegistrationItem, ...] = ()
    """Registrations of the scene that are matrices between two frames, but for those the transform is made of."""


def surroundings(
    node: slicer.vtkMRMLTransformNode,
    fixed: slicer.vtkMRMLScalarVolumeNode | None,
    moving: slicer.vtkMRMLScalarVolumeNode | None,
) -> Surroundings:
    """Look around a node; where the scene lives."""
    scene = node.GetScene()
    images = tuple(
        (role, volume.GetName(), frame_of_volume(scene, volume))
        for role, volume in (("registered", fixed), ("source", moving))
        if volume is not None
    )
    return Surroundings(images, _lattice_of(fixed), tuple(_matrices_beside(node)))


def _lattice_of(fixed: slicer.vtkMRMLScalarVolumeNode | None) -> tuple[str, Lattice] | None:
    if fixed is None:
        return None
    try:
        return fixed.GetName(), volume_lattice(fixed)
    except UsageError:  # empty, or bent: whoever needs its voxels says so
        return None


def _matrices_beside(node: slicer.vtkMRMLTransformNode) -> list[RegistrationItem]:
    own, parent = set(), node
    while parent is not None:
        own.add(parent.GetID())
        parent = parent.GetParentTransformNode()
    nodes = node.GetScene().GetNodesByClass("vtkMRMLLinearTransformNode")
    every = [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]
    return [
        _as_item(one, number)
        for number, one in enumerate(every, 1)
        if one.GetID() not in own and one.GetAttribute(PREFIX + "Kind") == "matrix"
    ]


def _as_item(node: slicer.vtkMRMLLinearTransformNode, number: int) -> RegistrationItem:
    matrix, same = vtk.vtkMatrix4x4(), np.eye(4)
    node.GetMatrixTransformToParent(matrix)
    source, registered = (
        node.GetAttribute(PREFIX + what) or ""
        for what in ("SourceFrameOfReferenceUID", "RegisteredFrameOfReferenceUID")
    )
    item = node.GetAttribute(PREFIX + "Item") or ""
    return RegistrationItem(
        Path((node.GetName() or "transform").replace("/", "-")), int(item) if item.isdecimal() else number, "matrix",
        source, registered, same, same, to_ras(numpy_matrix(matrix)), None, None,
    )  # fmt: skip


def frame_findings(around: Surroundings, frames: tuple[str, str], subject: str) -> list[Finding]:
    """``reg-frame-unknown`` for each chosen image that is of another frame than the transform names for its role.

    Parameters
    ----------
    frames
        Frame of Reference UIDs that the transform names: registered, source; empty where it does not.
    """
    findings = []
    for role, name, frame in around.images:
        wanted = frames[0] if role == "registered" else frames[1]
        if not wanted or not frame or frame == wanted:
            continue
        word = "fixed" if role == "registered" else "moving"
        message = f"The {word} image {name} is in the frame {frame}; the {role} frame of this transform is {wanted}."
        near = near_misses(wanted, [frame])
        if near:
            message += " The two are nearly the same."
        evidence = {
            "role": role,
            "frame_of_reference_uid": wanted,
            "near_misses": near,
            "frames_of_series": [frame],
        }
        findings.append(Finding("reg-frame-unknown", "warning", message, subject, evidence))
    return findings


def coverage_findings(around: Surroundings, field: WorldField) -> list[Finding]:
    """``reg-grid-does-not-cover`` when the registered image reaches beyond the grid."""
    if around.fixed is None:
        return []
    name, (to_ras_mm, (ni, nj, nk)) = around.fixed
    to_lps = LPS_TO_RAS @ to_ras_mm
    j, i = (np.linspace(0, count - 1, min(count, COVERAGE_SAMPLES)) for count in (nj, ni))
    in_plane = (i[None, :, None] * to_lps[:3, 0] + j[:, None, None] * to_lps[:3, 1]).reshape(-1, 3)
    corners = to_lps[:3, 3] + np.arange(nk)[:, None] * to_lps[:3, 2]
    share, distance, slices = outside_of_grid(
        LPS_TO_RAS @ field.index_to_ras, field.grid.dimensions, corners, in_plane
    )  # fmt: skip
    if not share:
        return []
    message = (
        f"{100 * share:.3g} % of {name} ({nk} slices) lies outside the grid, by up to {distance:.4g} mm; the "
        f"registration says nothing there{f' ({len(slices)} slices have no point inside)' if slices else ''}."
    )
    evidence = {"outside_percent": 100 * share, "outside_max_mm": distance, "slices_outside": slices}
    return [Finding("reg-grid-does-not-cover", "warning", message, field.subject, evidence)]


def worth_comparing(around: Surroundings, frames: tuple[str, str]) -> bool:
    """Whether a matrix of the scene is between the frames that a transform names."""
    between = [{one.registered_frame_uid, one.source_frame_uid} for one in around.matrices]
    return all(frames) and set(frames) in between
