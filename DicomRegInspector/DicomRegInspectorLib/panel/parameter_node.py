"""The module's parameter node: what it keeps with the scene."""

import typing

from slicer import (
    vtkMRMLLabelMapVolumeNode,
    vtkMRMLMarkupsFiducialNode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLTransformNode,
)
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper


@parameterNodeWrapper
class DicomRegInspectorParameterNode:
    """
    What is saved with the scene: every control of the panel that is an option, by its SlicerParameterName.

    inputFolder - Folder to inspect; empty when none was chosen.
    bakeToSingleGrid - Load a deformable registration as one grid that contains its matrices.
    placeVolumes - Put volumes of the source frame under the loaded transform.
    appliedTransform, appliedGrid, appliedBack - Transform of Apply, the volume on whose voxels copies are made, and
        whether it goes from the registered to the source frame.
    measuredTransform - Transform of the section Quality.
    measuredSegments - Segmentation or label volume in whose regions it is measured too.
    fixedImage, movingImage - Images that it is judged by.
    fixedLandmarks, movingLandmarks - Points that it is judged by.
    regularize... - Fields of RegularizeOptions; a spacing or gap of 0 is that of the files, an acquisition a number as
        text, an order of sections numbers with commas between them.
    saveSeriesAs - What is written as DICOM: series, map or positions.
    compareFirst, compareSecond - Volumes to compare.
    """

    inputFolder: str = ""
    bakeToSingleGrid: bool = False
    placeVolumes: bool = False
    appliedTransform: vtkMRMLTransformNode
    appliedGrid: vtkMRMLScalarVolumeNode
    appliedBack: bool = False
    measuredTransform: vtkMRMLTransformNode
    # Slicer's node boxes know unions by this spelling only.
    measuredSegments: typing.Union[vtkMRMLSegmentationNode, vtkMRMLLabelMapVolumeNode, None]  # noqa: UP007
    fixedImage: vtkMRMLScalarVolumeNode
    movingImage: vtkMRMLScalarVolumeNode
    fixedLandmarks: vtkMRMLMarkupsFiducialNode
    movingLandmarks: vtkMRMLMarkupsFiducialNode
    regularizeMode: str = "acquisition"
    regularizeGrid: vtkMRMLScalarVolumeNode
    # Slicer sets the limits of a bound box; without any it takes every number.
    regularizeSpacing: typing.Annotated[float, WithinRange(0.0, 1000.0)] = 0.0
    regularizePixelSpacing: typing.Annotated[float, WithinRange(0.0, 1000.0)] = 0.0
    regularizeMaxGap: typing.Annotated[float, WithinRange(0.0, 1000.0)] = 1.0
    regularizeDuplicates: str = "first"
    regularizeOverlaps: str = "keep"
    regularizeSectionOrder: str = ""
    regularizeSectionGap: typing.Annotated[float, WithinRange(0.0, 1000.0)] = 0.0
    saveSeriesAs: str = "series"
    compareFirst: vtkMRMLScalarVolumeNode
    compareSecond: vtkMRMLScalarVolumeNode
