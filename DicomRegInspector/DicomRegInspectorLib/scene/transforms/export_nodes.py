"""Transform nodes and points as DICOM objects, with what the volumes beside them are known by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import slicer

from ...errors import ChoiceError, UsageError
from ...progress import Progress, Run, in_background
from ...registration import Mapping
from ...registration.file.fiducials import Landmark
from ...registration.nodes import InverseMap, Nodes
from ...space import LPS_TO_RAS, RAS_SIGNS, lattice_corners
from ...tasks.dicom_export.outgoing import DicomExport, Outgoing, outgoing_mapping
from ...tasks.dicom_export.points import FiducialsExport, write_points
from ...tasks.dicom_export.side import Side, lattice_of_side, side_of_images
from ...tasks.dicom_export.write import write_outgoing
from ..convert import nodes_of_class, voxel_matrix
from .node_field import LinearField, Sampling, WorldField, take_field, transform_in_turns
from .node_mapping import LINEAR_INTERPOLATION, SearchedWay
from .transform_chain import Chain

INSTANCE_UIDS = "DICOM.instanceUIDs"
"""Attribute by which Slicer notes what images a volume was made of."""
MOVED_MM = 1.0
"""How far the middle of a volume may be from that of its images: less than any voxel that matters moves by."""

FileOf = Callable[[str], str]
"""Gives the file of a SOP Instance UID, empty where there is none: ``slicer.dicomDatabase.fileForInstance``."""


def export_node(
    node: slicer.vtkMRMLTransformNode,
    fixed: slicer.vtkMRMLVolumeNode,
    moving: slicer.vtkMRMLVolumeNode,
    output: Path,
    *,
    file_of: FileOf,
    grid: Nodes | None = None,
    description: str = "",
    inspect: bool = True,
    progress: Progress | None = None,
    run: Run | None = None,
) -> DicomExport:
    """Write what a transform node does on the way from world to the node as a DICOM registration of two volumes.

    Linear transforms, grids, B-splines, thin plate splines and all of them in a row, in whatever direction they are
    stored; see :func:`...tasks.dicom_export.write.write_outgoing`.

    Parameters
    ----------
    fixed, moving
        Volumes that were loaded from DICOM: of the registered frame, not under a transform itself, and the one that is
        placed under the node.
    file_of
        Finds the volumes' images.
    grid, description, inspect, progress
        As of :func:`...tasks.dicom_export.write.write_outgoing`.
    run
        May do all that is done outside the scene in a thread.

    Raises
    ------
    UsageError
        When a volume was not loaded from DICOM, its images are not there, it has been moved since, or what
        :func:`...tasks.dicom_export.write.write_outgoing` raises.
    """
    registered, source = images_of_volume(fixed, "fixed", file_of), images_of_volume(moving, "moving", file_of)
    outgoing = outgoing_of_node(node, fixed)

    def write(report: Progress | None) -> DicomExport:
        return write_outgoing(
            outgoing,
            registered.side(),
            source.side(),
            output,
            grid=grid,
            description=description,
            inspect=inspect,
            progress=report,
        )

    written: DicomExport = in_background(write, progress, run)
    return written


def outgoing_of_node(node: slicer.vtkMRMLTransformNode, reference: slicer.vtkMRMLVolumeNode | None = None) -> Outgoing:
    """Return what a node does on the way from world to it, ready to be written.

    Parameters
    ----------
    reference
        Where what has no nodes of its own is sampled.

    Raises
    ------
    UsageError
        As of :func:`.node_field.take_field`.
    """
    found = take_field(node, reference=reference)
    if isinstance(found, LinearField):
        return outgoing_mapping(found.mapping, "a linear transform")
    if isinstance(found, WorldField):
        return _of_grid(Chain(node, to_world=True), found.mapping)
    return _of_sampling(found, Chain(node, to_world=True).describe())


def _of_grid(chain: Chain, mapping: Mapping) -> Outgoing:
    outgoing = outgoing_mapping(mapping, "a displacement grid")
    stored = chain.stored_grid()
    if stored is None or stored[0].GetInterpolationMode() == LINEAR_INTERPOLATION:
        return outgoing
    transform = chain.copy()

    def by_vtk(points: np.ndarray) -> np.ndarray:
        return transform_in_turns(transform, points * RAS_SIGNS) * RAS_SIGNS

    return replace(outgoing, map_points=by_vtk, is_linear_between=False)


def _of_sampling(sampling: Sampling, what: str) -> Outgoing:
    lattice = Nodes(LPS_TO_RAS @ sampling.index_to_ras, sampling.dimensions, "the transform's own nodes")
    if sampling.backward is not None:
        return Outgoing(InverseMap(SearchedWay(sampling.forward, sampling.backward)), what, lattice=lattice)

    def by_vtk(points: np.ndarray) -> np.ndarray:
        return transform_in_turns(sampling.forward, points * RAS_SIGNS) * RAS_SIGNS

    return Outgoing(by_vtk, what, lattice=lattice)


@dataclass(frozen=True, eq=False)
class VolumeImages:
    """The images that a volume was loaded from, and where it stands: taken out of the scene, to be read anywhere."""

    name: str
    role: Literal["fixed", "moving"]
    files: tuple[str, ...]
    middle_lps_mm: np.ndarray
    """(3,) of the volume, in its own coordinates."""

    def side(self) -> Side:
        """Read the images' headers.

        Raises UsageError when they are of no one series and frame, or the volume is not where they are.
        """
        side = side_of_images(self.files, self.role)
        lattice = lattice_of_side(side)
        if lattice is None:
            return side
        middle = lattice_corners(lattice.index_to_lps, lattice.dimensions).mean(axis=0)
        off = float(np.linalg.norm(self.middle_lps_mm - middle))
        if off > MOVED_MM:
            raise UsageError(
                f"{self.name} lies {off:.3g} mm from where its images are: it was moved, cropped or hardened, and the "
                "transform is no longer between the frames of the images"
            )
        return side


def images_of_volume(
    volume: slicer.vtkMRMLVolumeNode, role: Literal["fixed", "moving"], file_of: FileOf
) -> VolumeImages:
    """Return the images that a volume was loaded from; none is read yet.

    Raises UsageError when it was not loaded from DICOM, its images are not there, or it is empty or, as the fixed one,
    under a transform.
    """
    name = volume.GetName()
    uids = (volume.GetAttribute(INSTANCE_UIDS) or "").split()
    if not uids:
        raise ChoiceError(
            f"{name} was not loaded from DICOM: it has no patient, study and frame of reference", f"{role} image"
        )
    files = tuple(file_of(uid) for uid in uids)
    missing = sum(not file for file in files)
    if missing:
        raise UsageError(
            f"{missing} of the {len(files)} images of {name} are not in the DICOM database; import them first"
        )
    if volume.GetParentTransformNode() is not None and role == "fixed":
        raise UsageError(
            f"{name} is under the transform {volume.GetParentTransformNode().GetName()}; the registered frame is that "
            "of images where they were acquired: take the volume out of it"
        )
    image = volume.GetImageData()
    if image is None:
        raise UsageError(f"the volume {name} is empty")
    middle = lattice_corners(LPS_TO_RAS @ voxel_matrix(volume), image.GetDimensions()).mean(axis=0)
    return VolumeImages(name, role, files, middle)


def volumes_of_node(
    node: slicer.vtkMRMLTransformNode,
) -> tuple[slicer.vtkMRMLVolumeNode | None, slicer.vtkMRMLVolumeNode | None]:
    """Return the volumes that a node is between, fixed and moving, as far as the scene tells.

    Registration modules note them on the node; else the moving one is the only volume of DICOM images under it, and the
    fixed one the only one of those that are under no transform.
    """
    scene = node.GetScene()
    known = [volume for volume in nodes_of_class(scene, "vtkMRMLVolumeNode") if volume.GetAttribute(INSTANCE_UIDS)]
    fixed, moving = (
        node.GetNodeReference(role) for role in (node.GetFixedNodeReferenceRole(), node.GetMovingNodeReferenceRole())
    )
    if moving is None:
        moving = _only([volume for volume in known if volume.GetTransformNodeID() == node.GetID()])
    if fixed is None:
        still = [volume for volume in known if volume.GetTransformNodeID() is None and volume is not moving]
        fixed = _only(still)
    return fixed, moving


def _only(volumes: list[slicer.vtkMRMLVolumeNode]) -> slicer.vtkMRMLVolumeNode | None:
    return volumes[0] if len(volumes) == 1 else None


def export_points_node(
    node: slicer.vtkMRMLMarkupsNode,
    volume: slicer.vtkMRMLVolumeNode,
    output: Path,
    *,
    file_of: FileOf,
    description: str = "",
) -> FiducialsExport:
    """Write the points of a markups node, where they are in world, as Spatial Fiducials in the frame of a volume.

    Raises UsageError as :func:`images_of_volume`, :meth:`VolumeImages.side` and
    :func:`...tasks.dicom_export.points.write_points`.
    """
    side = images_of_volume(volume, "fixed", file_of).side()
    landmarks, lost = [], 0
    for number in range(node.GetNumberOfControlPoints()):
        if node.GetNthControlPointPositionStatus(number) != node.PositionDefined:
            lost += 1
            continue
        place = [0.0, 0.0, 0.0]
        node.GetNthControlPointPositionWorld(number, place)
        x, y, z = (RAS_SIGNS * place).tolist()
        landmarks.append(Landmark(node.GetNthControlPointLabel(number), (x, y, z)))
    return write_points([(landmarks, lost)], [side], output, description=description)
