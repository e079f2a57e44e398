"""The module's parameter node: what it keeps with the scene."""

import typing

from slicer import (
    vtkMRMLLabelMapVolumeNode,
    vtkMRMLMarkupsFiducialNode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLTransformNode,
)
from slicer.parameterNodeWrapper import parameterNodeWrapper


@parameterNodeWrapper
class DicomRegInspectorParameterNode:
    """
    What is saved with the scene.

    inputFolder - Folder to inspect; empty when none was chosen.
    bakeToSingleGrid - Load a deformable registration as one grid that contains its matrices.
    placeVolumes - Put volumes of the source frame under the loaded transform.
    measuredTransform - Transform of the section Quality.
    measuredSegments - Segmentation or label volume in whose regions it is measured too.
    fixedImage, movingImage - Images that it is judged by.
    fixedLandmarks, movingLandmarks - Points that it is judged by.
    """

    inputFolder: str = ""
    bakeToSingleGrid: bool = False
    placeVolumes: bool = False
    measuredTransform: vtkMRMLTransformNode
    # Slicer's node boxes know unions by this spelling only.
    measuredSegments: typing.Union[vtkMRMLSegmentationNode, vtkMRMLLabelMapVolumeNode, None]  # noqa: UP007
    fixedImage: vtkMRMLScalarVolumeNode
    movingImage: vtkMRMLScalarVolumeNode
    fixedLandmarks: vtkMRMLMarkupsFiducialNode
    movingLandmarks: vtkMRMLMarkupsFiducialNode
