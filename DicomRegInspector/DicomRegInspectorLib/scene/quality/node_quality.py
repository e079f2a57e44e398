"""The quality of a transform node with all that the scene has to judge it by: segments, images, landmarks.

Two steps, so that a window can stay alive: :func:`gather` takes everything out of the scene and has to run where the
scene lives, :func:`measure` computes on what was taken and may run anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import slicer

from ...errors import UsageError
from ...findings import Finding
from ...progress import Progress, Run, in_background
from ...registration.audit.scalar_image import ScalarImage
from ...registration.file.fiducials import Landmark
from ...registration.mapping import MappingError
from ...space import LPS_TO_RAS
from ...tasks.judge import Judgement, Judges, JudgingImage, judge
from ...tasks.named_mapping import NamedMapping
from ..convert import voxel_matrix
from ..transforms.load_registration import ATTRIBUTE_PREFIX
from ..transforms.node_field import LinearField, Sampling, WorldField, take_field
from ..volumes import frame_of_volume, modality_of, volume_lattice, voxels_of
from .labels import labels_of_node
from .node_relations import frames_of_node, matrices_beside, slices_of_volume


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
    judges: Judges
    """The labels, images, landmarks and other registrations that it is judged by."""


@dataclass(frozen=True, kw_only=True)
class NodeQuality(Judgement):
    """A transform node with all that was measured of it."""

    field: WorldField | LinearField
    name: str
    key: str
    repair: str
    zeroed: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON report would hold it."""
        return {"source": self.field.source, "repair": self.repair, "zeroed": self.zeroed, **super().to_dict()}


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
    """Take both steps: :func:`gather`, then :func:`measure`, which ``run`` may do in a thread."""
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

    Raises UsageError when only one of two landmark lists is given, or a node is empty or under a transform that is not
    linear.

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
    """
    if (fixed_landmarks is None) != (moving_landmarks is None):
        raise UsageError("landmark errors need landmarks of both frames: choose fixed and moving landmarks, or neither")
    # The progress may let a window close the scene: the nodes stay, but know no scene then.
    scene, landmarks = node.GetScene(), None
    others = matrices_beside(node)
    places = [None if volume is None else slices_of_volume(scene, volume) for volume in (fixed, moving)]
    labels = labels_of_node(segmentation, progress) if segmentation is not None else None
    if fixed_landmarks is not None:
        landmarks = (landmarks_of(fixed_landmarks, world=True), landmarks_of(moving_landmarks, world=False))
    judging_fixed, judging_moving = (None if place is None else JudgingImage(place) for place in places)
    if fixed is not None and moving is not None:
        lattices = (volume_lattice(fixed)[0], voxel_matrix(moving))
        judging_fixed, judging_moving = (
            JudgingImage(place, image_of(scene, volume, lattice), modality_of(scene, volume))
            for place, volume, lattice in zip(places, (fixed, moving), lattices, strict=True)
        )
    repair = node.GetAttribute(ATTRIBUTE_PREFIX + "Repair") or ""
    judges = Judges(judging_fixed, judging_moving, labels, landmarks, others)
    return NodeInputs(
        _field(node, fixed), node.GetName() or "transform", node.GetID(), repair, _zeroed(node), frames_of_node(node),
        judges,
    )  # fmt: skip


def _zeroed(node: slicer.vtkMRMLTransformNode) -> int:
    """Of the node and those above it, as the loading noted them."""
    count = 0
    while node is not None:
        noted = node.GetAttribute(ATTRIBUTE_PREFIX + "VectorsSetToZero") or ""
        count += int(noted) if noted.isdecimal() else 0
        node = node.GetParentTransformNode()
    return count


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
    """Return all measures; and with labels, images or landmarks what they say. Uses neither the scene nor Qt.

    Raises UsageError when landmarks cannot be paired, or a linear transform that has to be inverted cannot be.
    """
    if isinstance(inputs.field, Sampling):
        inputs = replace(inputs, field=inputs.field.field(progress))
    field = inputs.field
    subject = NamedMapping(field.mapping, field.subject, inputs.frames, _zeroed_finding(inputs))
    try:
        judgement = judge(subject, inputs.judges, progress)
    except MappingError as error:
        raise UsageError(f"{field.subject} {error}") from error
    return NodeQuality(
        field=field, name=inputs.name, key=inputs.key, repair=inputs.repair, zeroed=inputs.zeroed, **vars(judgement)
    )


def _zeroed_finding(inputs: NodeInputs) -> tuple[Finding, ...]:
    """What was undefined in the file is so whatever the node holds: a verdict on the node alone would be too good."""
    if not inputs.zeroed or not isinstance(inputs.field, WorldField):
        return ()
    total = inputs.field.grid.place.count
    message = (
        f"{inputs.zeroed} of {total} vectors ({100 * inputs.zeroed / total:.3g} %) are undefined in the file this "
        "transform was loaded from; here they are zero, and measured as zero."
    )
    evidence = {"count": inputs.zeroed, "percent": 100 * inputs.zeroed / total}
    return (Finding("reg-vectors-undefined", "warning", message, inputs.field.subject, evidence),)


def image_of(
    scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode, index_to_ras: np.ndarray
) -> ScalarImage:
    """Return a volume's voxels, not copied, at a lattice in RAS mm; UsageError as of :func:`~..volumes.voxels_of`."""
    return ScalarImage(voxels_of(volume), LPS_TO_RAS @ index_to_ras, frame_of_volume(scene, volume))


def landmarks_of(markups: slicer.vtkMRMLMarkupsNode, world: bool) -> list[Landmark]:
    """Return the placed control points of a markups node, LPS mm, by their labels.

    ``world``: where the points stand in world; else their own coordinates, whatever transform the node is under.
    Raises UsageError when no point is placed.
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
