"""Copies of images and segmentations, resampled onto the voxels of another volume where a transform brings them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ...errors import UsageError
from ...progress import Progress
from ...series.regularize.reference import ReferenceGrid
from ...space import LPS_TO_RAS
from ...tasks.apply.resample import Sampled, resample
from ..convert import voxel_matrix, vtk_matrix
from ..quality.labels import labels_of_segmentation
from ..transforms.load_registration import ATTRIBUTE_PREFIX
from ..volumes import fill_with_image, modality_of, parent_matrix, value_unit, volume_lattice
from .copies import HardenedCopy, copy_name
from .way import NodeWay, own_to_lps

AIR_HU = -1000.0
"""What stands where nothing is known of an image in Hounsfield units, as in series that are made regular."""


@dataclass(frozen=True, eq=False)
class TargetGrid:
    """The voxels that copies are made on."""

    grid: ReferenceGrid
    name: str
    """Of the volume they are those of."""

    @classmethod
    def of(cls, volume: slicer.vtkMRMLVolumeNode | None) -> TargetGrid | None:
        """Return the voxels of a volume; None without one.

        Raises UsageError when it is empty, or under a transform that is not linear.
        """
        if volume is None:
            return None
        index_to_ras, dimensions = volume_lattice(volume)
        return cls(ReferenceGrid(LPS_TO_RAS @ index_to_ras, dimensions), volume.GetName())

    @property
    def ijk_to_ras(self) -> vtk.vtkMatrix4x4:
        """Index to RAS mm."""
        return vtk_matrix(LPS_TO_RAS @ self.grid.affine_lps)


class ImageCopy:
    """Copies an image, interpolated linearly, or a label volume, by nearest voxels."""

    def __init__(
        self,
        node: slicer.vtkMRMLScalarVolumeNode,
        transform: slicer.vtkMRMLTransformNode,
        way: NodeWay,
        target: TargetGrid,
    ) -> None:
        self._node, self._way, self._target = node, way, target
        self._is_labels = node.IsA("vtkMRMLLabelMapVolumeNode")
        if node.IsA("vtkMRMLTensorVolumeNode"):
            raise UsageError(f"{node.GetName()} holds tensors, which would have to be turned; they are not moved here")
        image = node.GetImageData()
        scalars = image.GetPointData().GetScalars() if image is not None else None
        if scalars is None or not scalars.GetNumberOfTuples():
            raise UsageError(f"the volume {node.GetName()} is empty")
        values = vtk_to_numpy(scalars)
        self._values = values.reshape(*image.GetDimensions()[::-1], *values.shape[1:])
        self._index_to_lps = own_to_lps(node, transform, way.inverse) @ voxel_matrix(node)
        self._is_in_hu = modality_of(node.GetScene(), node) == "CT" or value_unit(node) == "HU"
        self._fill = 0.0
        self._sampled: Sampled | None = None

    def compute(self, progress: Progress | None) -> None:
        """Interpolate the image, or look labels up, at each voxel of the target."""
        if not self._is_labels:
            self._fill = _fill_value(self._values, self._is_in_hu)
        self._sampled = resample(
            self._values,
            self._index_to_lps,
            self._way,
            self._target.grid,
            interpolation="nearest" if self._is_labels else "linear",
            fill=self._fill,
            progress=progress,
        )

    def place(self) -> HardenedCopy:
        """Add the copy, displayed as the image is."""
        node, sampled = self._node, self._sampled
        assert sampled is not None
        copied = node.GetScene().AddNewNodeByClass(node.GetClassName(), copy_name(node, self._way))
        copied.SetIJKToRASMatrix(self._target.ijk_to_ras)
        if node.GetDisplayNode() is not None:
            copied.CreateDefaultDisplayNodes()
            display = copied.GetDisplayNode()
            display.CopyContent(node.GetDisplayNode())
            if display.IsA("vtkMRMLScalarVolumeDisplayNode"):
                # The image's window stays. Finding another one, Slicer looks at all voxels and stops meanwhile.
                display.SetAutoWindowLevel(False)
        fill_with_image(copied, _image_of(sampled.array))
        if node.GetVoxelValueUnits() is not None:
            copied.SetVoxelValueUnits(node.GetVoxelValueUnits())
        modality = modality_of(node.GetScene(), node)
        if modality:
            copied.SetAttribute(ATTRIBUTE_PREFIX + "Modality", modality)
        return _told(copied, node, [sampled], None if self._is_labels else self._fill)


class SegmentationCopy:
    """Copies a segmentation: the nearest voxels of each layer, with names, colours and terminology as they were."""

    def __init__(
        self,
        node: slicer.vtkMRMLSegmentationNode,
        transform: slicer.vtkMRMLTransformNode,
        way: NodeWay,
        target: TargetGrid,
    ) -> None:
        self._node, self._way, self._target = node, way, target
        # Layers come in the coordinates of the segmentation's own parent, as if it were in world.
        to_own = np.linalg.inv(parent_matrix(node))
        to_lps = own_to_lps(node, transform, way.inverse)
        self._layers = [
            (layer.labels, to_lps @ to_own @ layer.index_to_world, tuple(layer.names.items()))
            for layer in labels_of_segmentation(node)
        ]
        self._sampled: list[Sampled] = []

    def compute(self, progress: Progress | None) -> None:
        """Look the labels of each layer up at each voxel of the target."""
        for labels, index_to_lps, _values in self._layers:
            self._sampled.append(
                resample(
                    labels, index_to_lps, self._way, self._target.grid, interpolation="nearest", fill=0,
                    progress=progress,
                )
            )  # fmt: skip

    def place(self) -> HardenedCopy:
        """Add the copy."""
        node, target = self._node, self._target
        copied = node.GetScene().AddNewNodeByClass(node.GetClassName(), copy_name(node, self._way))
        copied.CreateDefaultDisplayNodes()
        segmentation = node.GetSegmentation()
        binary = slicer.vtkSegmentationConverter.GetBinaryLabelmapRepresentationName()
        copied.GetSegmentation().SetSourceRepresentationName(binary)
        images = [_oriented(sampled.array, target) for sampled in self._sampled]
        for number, (layer, value) in enumerate(self._places_of_segments()):
            segment = slicer.vtkSegment()
            segment.DeepCopyMetadata(segmentation.GetNthSegment(number))
            segment.SetLabelValue(value)
            segment.AddRepresentation(binary, images[layer])
            copied.GetSegmentation().AddSegment(segment, segmentation.GetNthSegmentID(number))
        if node.GetDisplayNode() is not None:
            copied.GetDisplayNode().CopyContent(node.GetDisplayNode())
        return _told(copied, node, self._sampled, None)

    def _places_of_segments(self) -> list[tuple[int, int]]:
        """Of each segment its layer and its value there."""
        segmentation = self._node.GetSegmentation()
        left = [(layer, *entry) for layer, (_, _, names) in enumerate(self._layers) for entry in names]
        places = []
        for number in range(segmentation.GetNumberOfSegments()):
            segment = segmentation.GetNthSegment(number)
            called = segment.GetName() or f"segment {number + 1}"
            place = next(entry for entry in left if entry[1] == int(segment.GetLabelValue()) and entry[2] == called)
            left.remove(place)
            places.append(place[:2])
        return places


def _fill_value(values: np.ndarray, is_in_hu: bool) -> float:
    """Air in HU; else what is shown black: the smallest value."""
    if is_in_hu and values.dtype.kind != "u" and values.dtype.itemsize > 1:
        return AIR_HU
    finite = values if values.dtype.kind != "f" else values[np.isfinite(values)]
    return float(finite.min()) if finite.size else 0.0


def _image_of(values: np.ndarray) -> vtk.vtkImageData:
    """An image of (nk, nj, ni) values, or with channels, spacing 1 at the origin; it shares their memory."""
    image = vtk.vtkImageData()
    image.SetDimensions(*values.shape[2::-1])
    scalars = numpy_to_vtk(values.reshape(-1, *values.shape[3:]))
    scalars.SetName("ImageScalars")
    image.GetPointData().SetScalars(scalars)
    return image


def _oriented(labels: np.ndarray, target: TargetGrid) -> slicer.vtkOrientedImageData:
    image = slicer.vtkOrientedImageData()
    image.ShallowCopy(_image_of(labels))
    image.SetGeometryFromImageToWorldMatrix(target.ijk_to_ras)
    return image


def _told(
    copied: slicer.vtkMRMLNode, node: slicer.vtkMRMLNode, sampled: list[Sampled], fill: float | None
) -> HardenedCopy:
    """What of a copy is known; the layers of a segmentation lie on the same voxels."""
    coverage = sampled[0].coverage
    residuals = [layer.residual.max_mm for layer in sampled if layer.residual is not None]
    largest = max((value for value in residuals if value is not None), default=0.0)
    filled = min(layer.coverage.filled for layer in sampled)
    return HardenedCopy(
        copied, node.GetName(), "voxels", coverage.voxels, coverage.undefined, largest, filled=filled, fill=fill
    )
