"""RT Structure Sets written with pydicom alone, bodies in closed form, and a naive rasteriser to hold ours against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.charset import default_encoding
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
FRAME = "1.2.826.0.1.3680043.8.498.77"


@dataclass
class Drawn:
    """A contour on its way into a file; what is odd about it on purpose."""

    points: np.ndarray | bytes
    kind: str = "CLOSED_PLANAR"
    count: int | None = None
    """Number of Contour Points; None: as many as there are."""


@dataclass
class Region:
    """A structure on its way into a file."""

    name: str
    contours: list[Drawn] = field(default_factory=list)
    colour: tuple[int, int, int] | None = (255, 64, 0)
    kind: str = "ORGAN"


def contour_item(drawn: Drawn, explicit: bool) -> Dataset:
    item = Dataset()
    # pydicom makes numbers of what is not in the encoding that it writes.
    item.set_original_encoding(not explicit, True, default_encoding)
    item.ContourGeometricType = drawn.kind
    raw = drawn.points if isinstance(drawn.points, bytes) else text_of(drawn.points)
    item.NumberOfContourPoints = drawn.count if drawn.count is not None else (raw.count(b"\\") + 1) // 3
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    raw += b" " * (len(raw) % 2)
    item[0x30060050] = RawDataElement(Tag(0x30060050), "DS", len(raw), raw, 0, True, True)
    return item


def text_of(points: np.ndarray) -> bytes:
    return "\\".join(f"{value:.10g}" for value in np.ravel(points)).encode()


def write_rtstruct(path: Path, regions: Sequence[Region], *, explicit: bool = False, frame: str = FRAME) -> Path:
    """Write a structure set; regions are numbered from 1."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = RT_STRUCTURE_SET
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.PatientName, dataset.PatientID = "Quixote^Alonso", "DQ-16051"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.Modality, dataset.StructureSetLabel = "RTSTRUCT", "PLAN"
    dataset.StructureSetROISequence, dataset.ROIContourSequence, dataset.RTROIObservationsSequence = [], [], []
    for number, region in enumerate(regions, start=1):
        roi, contours, observation = Dataset(), Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = number, region.name, frame
        roi.ROIGenerationAlgorithm = "MANUAL"
        contours.ReferencedROINumber = observation.ReferencedROINumber = number
        if region.colour is not None:
            contours.ROIDisplayColor = list(region.colour)
        if region.contours:
            contours.ContourSequence = [contour_item(drawn, explicit) for drawn in region.contours]
        observation.ObservationNumber, observation.RTROIInterpretedType = number, region.kind
        observation.ROIInterpreter = ""
        dataset.StructureSetROISequence.append(roi)
        dataset.ROIContourSequence.append(contours)
        dataset.RTROIObservationsSequence.append(observation)
    dataset.save_as(path, enforce_file_format=True)
    return path


def circle(radius: float, height: float, centre: Sequence[float] = (0, 0), count: int = 720) -> np.ndarray:
    """Points (n, 3) of a circle in an axial plane."""
    angle = 2 * np.pi * np.arange(count) / count
    return np.column_stack(
        [centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle), np.full(count, float(height))]
    )


def ball(radius: float, heights: Iterable[float], centre: Sequence[float] = (0, 0, 0), count: int = 720) -> list[Drawn]:
    """Contours of a ball in axial planes."""
    found = []
    for height in heights:
        if abs(height - centre[2]) < radius:
            own = np.sqrt(radius**2 - (height - centre[2]) ** 2)
            found.append(Drawn(circle(own, height, centre, count)))
    return found


def axes_matrix(axes: np.ndarray, spacing: Sequence[float], origin: Sequence[float]) -> np.ndarray:
    """(4, 4) from (i, j, k, 1) to LPS mm; the columns of (3, 3) are the directions of i, j and k."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.asarray(axes) * spacing
    matrix[:3, 3] = origin
    return matrix


def turned(*angles: float) -> np.ndarray:
    """(3, 3) rotation about x, then y, then z, radians."""
    matrix = np.eye(3)
    for axis, angle in enumerate(angles):
        turn = np.eye(3)
        first, second = [other for other in range(3) if other != axis]
        turn[[first, second], [first, second]] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix


def centres(matrix: np.ndarray, dimensions: Sequence[int]) -> np.ndarray:
    """(nk, nj, ni, 3) LPS mm of voxel centres."""
    k, j, i = np.meshgrid(*(np.arange(size) for size in reversed(dimensions)), indexing="ij")
    return np.stack([i, j, k], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]


def winding_inside(polygons: Sequence[np.ndarray], points: np.ndarray) -> np.ndarray:
    """(n,) whether points (n, 2) are inside an odd number of polygons, by the angle each turns around them."""
    odd = np.zeros(len(points), int)
    for polygon in polygons:
        from_point = polygon[None] - points[:, None]
        angle = np.arctan2(from_point[..., 1], from_point[..., 0])
        step = np.diff(np.concatenate([angle, angle[:, :1]], axis=1), axis=1)
        step = (step + np.pi) % (2 * np.pi) - np.pi
        odd += np.rint(step.sum(axis=1) / (2 * np.pi)).astype(int)
    return odd % 2 == 1


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))
