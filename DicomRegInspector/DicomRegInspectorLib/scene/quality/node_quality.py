"""The quality of a transform node with all that the scene has to judge it by: segments, images, landmarks.

Two steps, so that a window can stay alive: :func:`gather` takes everything out of the scene and has to run where the
scene lives, :func:`measure` computes on what was taken and may run anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import vtk_to_numpy

from ...errors import UsageError
from ...findings import Finding, by_severity
from ...progress import Progress, Run, in_background
from ...registration import RegistrationItem
from ...registration.audit import AuditResult, audit_item
from ...registration.audit.scalar_image import ScalarImage
from ...registration.grid import grid_of_array
from ...registration.measures.landmarks import Landmark, TargetRegistrationError, target_registration_error
from ...registration.measures.quality import Quality, measure_affine
from ...registration.measures.regions import LabelImage, RegionMeasures, measure_regions
from ...tasks.relations import same_motion_findings
from ..convert import LPS_TO_RAS, numpy_matrix, to_ras
from ..transforms.load_registration import ATTRIBUTE_PREFIX
from ..transforms.node_field import LinearField, Sampling, WorldField, take_field, volume_lattice
from ..volumes import frame_of_volume, modality_of
from .labels import labels_of_node
from .node_relations import Surroundings, coverage_findings, frame_findings, surroundings, worth_comparing


@dataclass(frozen=True)
class NodeInputs:
    """What is measured and what it is judged by, taken out of the scene; vectors and voxels are not copied."""

    field: WorldField | LinearField | Sampling
    """What has to be sampled is sampled by :func:`measure`."""
    name: str
    """Of the node."""
    key: str
    """Of the node, as on everything that is made of it."""
    repair: str
    """How the node was read in another way than the standard's, as it says itself; empty when it was not."""
    zeroed: int
    """Vectors that the file leaves undefined and that are zero in the node: a transform is defined everywhere."""
    frames: tuple[str, str]
    """Frame of Reference UIDs that the node names: registered, source; empty where it does not."""
    labels: tuple[LabelImage, ...] = ()
    images: tuple[ScalarImage, ScalarImage] | None = None
    """Registered and source image, LPS mm."""
    same_modality: bool | None = None
    landmarks: tuple[list[Landmark], list[Landmark]] | None = None
    """Of the registered and of the source frame, LPS mm."""
    around: Surroundings | None = None
    """What stands around it in the scene."""


@dataclass(frozen=True)
class NodeQuality:
    """A transform node with all that was measured of it."""

    field: WorldField | LinearField
    name: str
    key: str
    quality: Quality
    repair: str
    zeroed: int
    audit: AuditResult | None
    regions: tuple[RegionMeasures, ...]
    landmarks: TargetRegistrationError | None
    findings: tuple[Finding, ...]
    """The most severe first."""

    def to_dict(self) -> dict[str, Any]:
        """As a JSON report would hold it."""
        told = {"source": self.field.source, "repair": self.repair, "zeroed": self.zeroed, **self.quality.to_dict()}
        if self.audit is not None:
            told["audit"] = self.audit.to_dict()
        if self.regions:
            told["labels"] = [region.to_dict() for region in self.regions]
        if self.landmarks is not None:
            told["landmarks"] = self.landmarks.to_dict()
        told["findings"] = [finding.to_dict() for finding in self.findings]
        return told


def measure_transform(
    node: slicer.vtkMRMLTransformNode,
    segmentation: slicer.vtkMRMLNode | None = None,
    fixed: slicer.vtkMRMLScalarVolumeNode | None = None,
    moving: slicer.vtkMRMLScalarVolumeNode | None = None,
    *,
    fixed_landmarks: slicer.vtkMRMLMarkupsNode | None = None,
    moving_landmarks: slicer.vtkMRMLMarkupsNode | None = None,
    progress: Progress | None = None,
    run: Run | None = None,
) -> NodeQuality:
    """Both steps: :func:`gather`, then :func:`measure`, which ``run`` may do in a thread."""
    inputs = gather(
        node, segmentation, fixed, moving,
        fixed_landmarks=fixed_landmarks, moving_landmarks=moving_landmarks, progress=progress,
    )  # fmt: skip
    return in_background(lambda own: measure(inputs, own), progress, run)


def gather(
    node: slicer.vtkMRMLTransformNode,
    segmentation: slicer.vtkMRMLNode | None = None,
    fixed: slicer.vtkMRMLScalarVolumeNode | None = None,
    moving: slicer.vtkMRMLScalarVolumeNode | None = None,
    *,
    fixed_landmarks: slicer.vtkMRMLMarkupsNode | None = None,
    moving_landmarks: slicer.vtkMRMLMarkupsNode | None = None,
    progress: Progress | None = None,
) -> NodeInputs:
    """Take a transform and what it is judged by out of the scene.

    Parameters
    ----------
    node
        Any transform node; the whole chain up to world is measured.
    segmentation
        A segmentation or label volume in the registered frame, where it stands in world.
    fixed
        The image of the registered frame, where it stands in world. A transform without a lattice of its own is
        sampled on it.
    moving
        The image of the source frame, in its own coordinates, whether it is under the transform or not.
    fixed_landmarks, moving_landmarks
        Points of both frames, as the images.
    progress
        Of looking through labels.

    Raises
    ------
    UsageError
        When only one of two landmark lists is given, or a node is empty or under a transform that is not linear.
    Cancelled
        When ``progress`` returned False.
    """
    if (fixed_landmarks is None) != (moving_landmarks is None):
        raise UsageError("landmark errors need landmarks of both frames: choose fixed and moving landmarks, or neither")
    # The progress may let a window close the scene: the nodes stay, but know no scene then.
    scene, landmarks, images, same = node.GetScene(), None, None, None
    around = surroundings(node, fixed, moving)
    labels = tuple(labels_of_node(segmentation, progress)) if segmentation is not None else ()
    if fixed_landmarks is not None:
        landmarks = (landmarks_of(fixed_landmarks, world=True), landmarks_of(moving_landmarks, world=False))
    if fixed is not None and moving is not None:
        images, same = _images(scene, fixed, moving)
    name, key, zeroed = node.GetName() or "transform", node.GetID(), _zeroed(node)
    repair, registered, source = (
        node.GetAttribute(ATTRIBUTE_PREFIX + what) or ""
        for what in ("Repair", "RegisteredFrameOfReferenceUID", "SourceFrameOfReferenceUID")
    )
    field = _field(node, fixed)
    return NodeInputs(field, name, key, repair, zeroed, (registered, source), labels, images, same, landmarks, around)


def _zeroed(node: slicer.vtkMRMLTransformNode) -> int:
    """Of the node and those above it, as the loading noted them."""
    count = 0
    while node is not None:
        noted = node.GetAttribute(ATTRIBUTE_PREFIX + "VectorsSetToZero") or ""
        count += int(noted) if noted.isdecimal() else 0
        node = node.GetParentTransformNode()
    return count


def _images(
    scene: slicer.vtkMRMLScene, fixed: slicer.vtkMRMLScalarVolumeNode, moving: slicer.vtkMRMLScalarVolumeNode
) -> tuple[tuple[ScalarImage, ScalarImage], bool | None]:
    """Both images, and whether they are of one modality (None: not known)."""
    to_ras, _ = volume_lattice(fixed)
    images = (image_of(scene, fixed, to_ras), image_of(scene, moving, _own_lattice(moving)))
    modalities = [modality_of(scene, volume) for volume in (fixed, moving)]
    return images, modalities[0] == modalities[1] if all(modalities) else None


def _field(
    node: slicer.vtkMRMLTransformNode, fixed: slicer.vtkMRMLScalarVolumeNode | None
) -> WorldField | LinearField | Sampling:
    try:
        return take_field(node)
    except UsageError:
        # A lattice of its own comes first, an image's may be a hundred times as fine.
        if fixed is None:
            raise
        return take_field(node, reference=fixed)


def measure(inputs: NodeInputs, progress: Progress | None = None) -> NodeQuality:
    """All measures; and with labels, images or landmarks what they say. Uses neither the scene nor Qt.

    Raises
    ------
    UsageError
        When landmarks cannot be paired, or a linear transform that has to be inverted cannot be.
    Cancelled
        When ``progress`` returned False.
    """
    if isinstance(inputs.field, Sampling):
        inputs = replace(inputs, field=inputs.field.field(progress))
    field, audit, error = inputs.field, None, None
    regions: tuple[RegionMeasures, ...] = ()
    item = _item(inputs) if inputs.images is not None or inputs.landmarks is not None else None
    # First what can fail: landmarks without a partner are told before anybody has waited.
    if inputs.landmarks is not None:
        error = target_registration_error(item, *inputs.landmarks)
    if isinstance(field, LinearField):
        quality = measure_affine(to_ras(field.matrix), field.subject)
    else:
        quality = field.measure(progress)
    if inputs.labels and isinstance(field, WorldField):
        regions = tuple(
            measure_regions(field.grid, field.pre, field.post, _labels(inputs), ras=field.ras, progress=progress)
        )
    if inputs.images is not None:
        audit = audit_item(item, *inputs.images, same_modality=inputs.same_modality, progress=progress)
    audited = audit.findings(field.subject) if audit is not None else ()
    findings = tuple(by_severity([*quality.findings, *audited, *_relations(inputs, item)]))
    return NodeQuality(
        field, inputs.name, inputs.key, quality, inputs.repair, inputs.zeroed, audit, regions, error, findings
    )


def _relations(inputs: NodeInputs, item: RegistrationItem | None) -> list[Finding]:
    """What it says together with the images and the other registrations of the scene."""
    around, field = inputs.around, inputs.field
    if around is None:
        return []
    findings = frame_findings(around, inputs.frames, field.subject)
    if isinstance(field, WorldField):
        findings += coverage_findings(around, field)
        # Only then: turning a field into what it would be in DICOM copies its vectors.
        if worth_comparing(around, inputs.frames):
            findings += same_motion_findings(item or _item(inputs), around.matrices)
    return findings


def _labels(inputs: NodeInputs) -> list[LabelImage]:
    """In the coordinates of the field."""
    if inputs.field.ras:
        return list(inputs.labels)
    return [LabelImage(one.labels, LPS_TO_RAS @ one.index_to_world, one.names) for one in inputs.labels]


def _item(inputs: NodeInputs) -> RegistrationItem:
    """The field as the registration it would be in DICOM: LPS, which readings like vectors in voxels depend on."""
    field, identity = inputs.field, np.eye(4)
    path, (registered, source) = Path(field.subject.replace("/", "-") or "transform"), inputs.frames
    if isinstance(field, LinearField):
        try:
            matrix = np.linalg.inv(to_ras(field.matrix))
        except np.linalg.LinAlgError as error:
            raise UsageError(f"{field.subject} is linear and cannot be inverted: it is no registration") from error
        return RegistrationItem(path, 1, "matrix", source, registered, identity, identity, matrix, None, None)
    grid, pre, post = field.grid, field.pre, field.post
    if field.ras:
        vectors = grid.vectors * np.array([-1, -1, 1], np.float32)
        grid = grid_of_array(vectors, LPS_TO_RAS @ grid.index_to_lps)
        pre, post = to_ras(pre), to_ras(post)
    return RegistrationItem(path, 1, "deformable", source, registered, pre, post, None, grid, None)


def image_of(
    scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode, index_to_ras: np.ndarray
) -> ScalarImage:
    """A volume's voxels, not copied, at a lattice in RAS mm.

    Raises
    ------
    UsageError
        When a voxel has several components.
    """
    image = volume.GetImageData()
    scalars = image.GetPointData().GetScalars()
    if scalars is None or scalars.GetNumberOfComponents() != 1:
        raise UsageError(f"{volume.GetName()} has several components for each voxel; choose a scalar volume")
    ni, nj, nk = image.GetDimensions()
    array = vtk_to_numpy(scalars).reshape(nk, nj, ni)
    return ScalarImage(array, LPS_TO_RAS @ index_to_ras, frame_of_volume(scene, volume))


def _own_lattice(volume: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """(4, 4) from voxel index to the volume's own RAS mm, whatever transform it is under."""
    image = volume.GetImageData()
    if image is None or 0 in image.GetDimensions():
        raise UsageError(f"the volume {volume.GetName()} is empty")
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return numpy_matrix(matrix)


def landmarks_of(markups: slicer.vtkMRMLMarkupsNode, world: bool) -> list[Landmark]:
    """The placed control points of a markups node, LPS mm, by their labels.

    Parameters
    ----------
    world
        Where the points stand in world; else their own coordinates, whatever transform the node is under.

    Raises
    ------
    UsageError
        When no point is placed.
    """
    found = []
    for index in range(markups.GetNumberOfControlPoints()):
        if markups.GetNthControlPointPositionStatus(index) != markups.PositionDefined:
            continue
        ras = [0.0, 0.0, 0.0]
        (markups.GetNthControlPointPositionWorld if world else markups.GetNthControlPointPosition)(index, ras)
        label = markups.GetNthControlPointLabel(index) or str(index + 1)
        found.append(Landmark(label, (-ras[0], -ras[1], ras[2])))
    if not found:
        raise UsageError(f"{markups.GetName()} has no placed points")
    return found
