"""Registrations as transform nodes: a source-frame volume placed under the node lands where PS3.3 says.

A registration samples: it maps a registered point to the source point to look at (PS3.3 C.20.3). In Slicer that is a
transform's FromParent direction, world to node.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from os import PathLike

import numpy as np
import slicer
import vtk

from ...errors import RegistrationError, UsageError
from ...progress import Progress, Run, in_background
from ...registration import Mapping, Registration, RegistrationItem, read_registration
from ...registration.checks import ORTHONORMAL_TOLERANCE
from ...registration.choose import items_by_number
from ...registration.mapping import MappingError
from ...registration.matrices import is_rigid, is_singular
from ...registration.repairs import Repair, repair_mapping, require_reversible
from ...space import to_ras
from ...tasks.item_images import stays
from ...words import well_formed
from ..convert import vtk_matrix
from ..reopened import LINEAR
from ..volumes import place_under_study, volumes_in_frame, volumes_of_images
from .grid_transform import GridTransform, baked_grid_transform, moved_grid_transform
from .load_fiducials import ATTRIBUTE_PREFIX, load_fiducials

__all__ = ["ATTRIBUTE_PREFIX", "load_registration"]

_BAKED = "pre and post matrices included"


def load_registration(
    path_or_registration: str | PathLike[str] | Registration,
    scene: slicer.vtkMRMLScene,
    bake: bool = False,
    *,
    items: Iterable[int] | None = None,
    place_volumes: bool = False,
    repair: Repair | None = None,
    progress: Progress | None = None,
    run: Run | None = None,
) -> list[slicer.vtkMRMLTransformNode] | list[slicer.vtkMRMLMarkupsFiducialNode]:
    """Load each item of a registration as the transform node to put a source-frame volume under.

    Of Spatial Fiducials the points are loaded, see :func:`.load_fiducials.load_fiducials`.

    Parameters
    ----------
    path_or_registration
        A file, or what :func:`...registration.read_registration` made of it.
    scene
        Where the nodes go.
    bake
        Make a single grid node of each deformable item, on the file's own lattice, whose vectors contain the pre and
        post matrices exactly. Without it, matrices other than the identity become linear nodes around the grid: pre
        is the grid's parent, post its child (world to node is post ∘ grid ∘ pre). A pre matrix that is not rigid
        always goes into the vectors.
    items
        Numbers of the items to load, counting from 1; all by default.
    place_volumes
        Also put the scene's volumes of the source frame under the node, those that have no transform yet.
    repair
        Read the items in another way than the standard's (:data:`...registration.repairs.REPAIRS`); the nodes say so in
        their names and in the attribute ``DicomRegInspector.Repair``.
    progress
        Of the reading and of the repair, where they take long; called from more than one thread.
    run
        Called with the function that reads and computes, which may run in a thread: it uses neither scene nor Qt.

    Returns
    -------
    list of vtkMRMLTransformNode
        The innermost node of each item, in order. Their fixed and moving references are the scene's first volumes of
        the registered and of the source frame.

    Raises
    ------
    FileError
        When the file cannot be read, or an item of it cannot be used; nothing is added to the scene then.
    UsageError
        When there is no item with a number asked for, or the repair does not apply to one.
    Cancelled
        When ``progress`` returned False; nothing is added to the scene then.
    """

    registration, plans = in_background(
        lambda report: _read_plans(path_or_registration, items, bake, repair, report), progress, run
    )
    if registration.kind == "fiducials":
        return load_fiducials(registration, scene)
    return [_add_item(registration, item, chain, scene, place_volumes, done) for item, chain, done in plans]


_Plan = tuple[RegistrationItem, list["_Link"], str]


def _read_plans(
    given: str | PathLike[str] | Registration,
    items: Iterable[int] | None,
    bake: bool,
    repair: Repair | None,
    progress: Progress | None,
) -> tuple[Registration, list[_Plan]]:
    registration = given if isinstance(given, Registration) else read_registration(given)
    return registration, [_plan(item, bake, repair, progress) for item in _choose(registration, items)]


def _plan(item: RegistrationItem, bake: bool, repair: Repair | None, progress: Progress | None) -> _Plan:
    """The item, its nodes to be, and what was repaired."""
    with item.naming_item():
        if repair is None:
            return item, _chain(item.mapping, bake, progress), ""
        if repair == "reversed" and item.kind == "deformable":
            require_reversible(item.mapping)
            # Turned around as a whole the transform is exact: VTK inverts it where it is used, nothing is resampled.
            turned = [link.turned() for link in reversed(_chain(item.mapping, bake, progress))]
            return item, turned, "direction reversed (as ToParent)"
        repaired = repair_mapping(item.mapping, repair, item.subject, progress)
        chain = _chain(repaired.mapping, bake, progress)
        if repaired.mapping.grid is not item.grid:
            for link in chain:
                if link.role == "grid":
                    link.attributes["Vectors"] = "repaired, not those of the file"
        return item, chain, repaired.description


def _choose(registration: Registration, items: Iterable[int] | None) -> list[RegistrationItem]:
    if registration.kind == "fiducials":
        if items is not None:
            raise UsageError(f"{registration.path} holds fiducials, which are no items; they are loaded together")
        return []
    if not registration.items:
        raise RegistrationError(registration.path, "holds nothing to load as a transform")
    chosen = list(registration.items) if items is None else items_by_number(registration, items)
    for item in chosen:
        item.require_usable()
    return chosen


class _Link:
    """One node to be: a transform in its FromParent direction (a matrix of a matrix item: ToParent), and its role."""

    def __init__(
        self, role: str, class_name: str, transform: vtk.vtkAbstractTransform, to_parent: bool = False
    ) -> None:
        self.role, self.class_name, self.transform, self.to_parent = role, class_name, transform, to_parent
        self.attributes: dict[str, str] = {}

    def turned(self) -> _Link:
        """The same transform in the other direction."""
        other = _Link(self.role, self.class_name, self.transform, not self.to_parent)
        other.attributes = self.attributes
        return other

    def create(self, scene: slicer.vtkMRMLScene, name: str) -> slicer.vtkMRMLTransformNode:
        """Add the node to the scene."""
        node = getattr(slicer, self.class_name)()
        node.SetName(scene.GenerateUniqueName(well_formed(name)))
        if self.to_parent:
            node.SetAndObserveTransformToParent(self.transform)
        else:
            node.SetAndObserveTransformFromParent(self.transform)
        for key, value in self.attributes.items():
            node.SetAttribute(ATTRIBUTE_PREFIX + key, well_formed(value))
        return scene.AddNode(node)


def _linear(role: str, matrix_lps: np.ndarray, to_parent: bool = False) -> _Link:
    transform = vtk.vtkTransform()
    transform.SetMatrix(vtk_matrix(to_ras(matrix_lps)))
    return _Link(role, "vtkMRMLLinearTransformNode", transform, to_parent)


def _grid(grid: GridTransform, applied: str) -> _Link:
    link = _Link("grid", "vtkMRMLGridTransformNode", grid.transform)
    link.attributes["Vectors"] = applied
    link.attributes["VectorsSetToZero"] = str(grid.zeroed)
    link.attributes["Interpolation"] = LINEAR
    return link


def _chain(mapping: Mapping, bake: bool, progress: Progress | None) -> list[_Link]:
    """The nodes of a mapping in LPS from the outermost to the innermost; one at least."""
    pre, post = mapping.pre, mapping.post
    if mapping.matrix is not None:
        return [_linear("matrix", mapping.matrix, to_parent=True)]
    if mapping.grid is None:
        _require_invertible(mapping.affine, "its matrices")
        return [_linear("matrices", mapping.affine)]
    if bake:
        told = _BAKED if mapping.has_matrices else "as in the file"
        return [_grid(baked_grid_transform(mapping, progress), told)]
    links = []
    if mapping.exact is not None:
        return [_grid(moved_grid_transform(mapping, progress), _sampled_in_words(mapping))]
    if is_rigid(pre) or _is_orthogonal(pre @ mapping.index_to_lps):
        if not _is_exactly_identity(pre):
            links.append(_linear("pre-deformation", pre))
        links.append(_grid(moved_grid_transform(mapping, progress), "as in the file"))
    else:
        only_pre = replace(mapping, post=np.eye(4))
        links.append(_grid(baked_grid_transform(only_pre, progress), "pre matrix included, it is not rigid"))
    if not _is_exactly_identity(post):
        _require_invertible(post, "its post-deformation matrix")
        links.append(_linear("post-deformation", post))
    return links


def _sampled_in_words(mapping: Mapping) -> str:
    error = mapping.sampling_error
    off = "" if error is None or error.max_mm is None else f", up to {error.max_mm:.3g} mm off between the nodes"
    return f"sampled from {mapping.description}{off}"


def _is_orthogonal(index_to_lps: np.ndarray) -> bool:
    """Whether a lattice has right angles: a field that a matrix acts before lies on one, moved back by the matrix."""
    axes = index_to_lps[:3, :3] / np.linalg.norm(index_to_lps[:3, :3], axis=0)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() < ORTHONORMAL_TOLERANCE)


def _is_exactly_identity(matrix: np.ndarray) -> bool:
    """Whether a 4x4 is the identity to the last digit: a node less, and not a hair's breadth elsewhere."""
    return bool(np.array_equal(matrix, np.eye(4)))


def _require_invertible(matrix: np.ndarray, what: str) -> None:
    if is_singular(matrix):
        raise MappingError(f"cannot be loaded as a chain of nodes: {what} cannot be inverted; ask for a new export")


def _add_item(
    registration: Registration,
    item: RegistrationItem,
    chain: list[_Link],
    scene: slicer.vtkMRMLScene,
    place_volumes: bool,
    repair: str,
) -> slicer.vtkMRMLTransformNode:
    name = registration.series_description or "Registration"
    fixed, moving = _volumes_of(registration, item, scene)
    if len(registration.items) > 1:
        name += f" item {item.number}"
    if item.images:
        # Items that share a frame are told apart by what they move.
        name += f" ({moving[0].GetName() if len(moving) == 1 else item.images.words})"
    if repair:
        name += " (repaired)"
    parent = None
    for link in chain:
        innermost = link is chain[-1]
        node = link.create(scene, name if innermost else f"{name} ({link.role})")
        if parent is not None:
            node.SetAndObserveTransformNodeID(parent.GetID())
        _note_provenance(node, registration, item, [other.role for other in chain])
        if repair:
            node.SetAttribute(ATTRIBUTE_PREFIX + "Repair", repair)
        place_under_study(scene, node, registration.study_uid)
        parent = node
    _refer_to_volumes(parent, item, fixed, moving, place_volumes)
    return parent


def _note_provenance(
    node: slicer.vtkMRMLTransformNode, registration: Registration, item: RegistrationItem, roles: list[str]
) -> None:
    from ... import __version__

    node.SetAttribute("DICOM.instanceUIDs", well_formed(registration.sop_instance_uid))
    attributes = {
        "SOPInstanceUID": registration.sop_instance_uid,
        "SOPClassUID": registration.sop_class_uid,
        "Item": str(item.number),
        "Kind": item.kind,
        "RegisteredFrameOfReferenceUID": item.registered_frame_uid,
        "SourceFrameOfReferenceUID": item.source_frame_uid,
        "FileName": registration.shown_name,
        "Applied": ", ".join(roles),
        "Version": __version__,
    }
    for key, value in attributes.items():
        node.SetAttribute(ATTRIBUTE_PREFIX + key, well_formed(value))


def _volumes_of(
    registration: Registration, item: RegistrationItem, scene: slicer.vtkMRMLScene
) -> tuple[list[slicer.vtkMRMLVolumeNode], list[slicer.vtkMRMLVolumeNode]]:
    """The scene's volumes of both sides: by what items refer to, else by frame of reference."""
    still = [other for other in registration.items if other.images and stays(other, registration.frame_uid)]
    fixed = [volume for other in still for volume in volumes_of_images(scene, other.images.instance_uids)]
    if item.images:
        moving = volumes_of_images(scene, item.images.instance_uids)
    else:
        moving = volumes_in_frame(scene, item.source_frame_uid)
    in_frame = volumes_in_frame(scene, item.registered_frame_uid)
    return fixed or [volume for volume in in_frame if volume not in moving] or in_frame, moving


def _refer_to_volumes(
    node: slicer.vtkMRMLTransformNode,
    item: RegistrationItem,
    fixed: list[slicer.vtkMRMLVolumeNode],
    moving: list[slicer.vtkMRMLVolumeNode],
    place_volumes: bool,
) -> None:
    for role, volumes in (
        (slicer.vtkMRMLTransformNode.GetFixedNodeReferenceRole(), fixed),
        (slicer.vtkMRMLTransformNode.GetMovingNodeReferenceRole(), moving),
    ):
        if volumes:
            node.SetNodeReferenceID(role, volumes[0].GetID())
    same_frame = item.source_frame_uid == item.registered_frame_uid
    if not place_volumes or (same_frame and (not item.images or item.mapping.is_identity)):
        return
    for volume in moving:
        if volume.GetParentTransformNode() is None:
            volume.SetAndObserveTransformNodeID(node.GetID())
        else:
            logging.info("%s stays under the transform it has", volume.GetName())
