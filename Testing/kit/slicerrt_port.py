"""The arithmetic of SlicerRT's reader of registrations, written anew from what it is seen to do; not SlicerRT itself.

SlicerRT's ``vtkSlicerDicomSroReader`` (2022, unchanged in its later releases as far as seen):

- 66.1: the matrices of all items and sequences are multiplied, each on the right of those before; ToParent.
- 66.3: a 4x4 with the direction cosines as its first two rows, (0, 0, 1) as its third and the grid's position in its
  last column is multiplied by the pre matrix from the left, and its x and y rows change sign; its last column places
  the grid, the rest is its direction matrix. Vectors in RAS, ToParent. The post matrix becomes a node that nothing lies
  under. Of several items the last one stays.
- Objects are told by their SOP class alone; named points are not read.

What a user has then is a node, registered and source frame being parent and child: a point of the registered frame goes
back through it.
"""

from __future__ import annotations

import numpy as np
import pydicom
from readers import Asked

RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
SPATIAL, DEFORMABLE = "1.2.840.10008.5.1.4.1.1.66.1", "1.2.840.10008.5.1.4.1.1.66.3"


def slicerrt(question: Asked) -> np.ndarray | None:
    """Where a point of the parent frame lies under the node that SlicerRT makes, LPS mm."""
    dataset = pydicom.dcmread(question.path)
    points = question.points * (-1, -1, 1)
    if dataset.SOPClassUID == SPATIAL and "RegistrationSequence" in dataset:
        to_parent = RAS @ _all_matrices(dataset) @ RAS
        moved = np.linalg.solve(to_parent, np.column_stack([points, np.ones(len(points))]).T).T[:, :3]
    elif dataset.SOPClassUID == DEFORMABLE and "DeformableRegistrationSequence" in dataset:
        moved = _through_grid(dataset, points)
    else:
        return None
    return None if moved is None else moved * (-1, -1, 1)


def _all_matrices(dataset: pydicom.Dataset) -> np.ndarray:
    product = np.eye(4)
    for item in dataset.RegistrationSequence:
        for sequence in item.MatrixRegistrationSequence:
            for matrix in sequence.MatrixSequence:
                product = product @ np.array(matrix.FrameOfReferenceTransformationMatrix, float).reshape(4, 4)
    return product


def _through_grid(dataset: pydicom.Dataset, points: np.ndarray) -> np.ndarray | None:
    grids = [
        (item.get("PreDeformationMatrixRegistrationSequence"), grid)
        for item in dataset.DeformableRegistrationSequence
        for grid in item.get("DeformableRegistrationGridSequence", ())
    ]
    if not grids:
        return None  # an empty grid, which cannot be applied
    pre_sequence, grid = grids[-1]
    pre = np.eye(4)
    if pre_sequence:
        pre = np.array(pre_sequence[0].FrameOfReferenceTransformationMatrix, float).reshape(4, 4)
    placed = np.eye(4)
    placed[:2, :3] = np.reshape(np.array(grid.ImageOrientationPatient, float), (2, 3))
    placed[2, :3] = (0, 0, 1)
    placed[:3, 3] = np.array(grid.ImagePositionPatient, float)
    placed = RAS @ pre @ placed
    order = ">f4" if dataset.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRBigEndian else "<f4"
    vectors = np.frombuffer(grid.VectorGridData, order).astype(float).reshape([*list(grid.GridDimensions)[::-1], 3])
    return _inverse(points, placed, np.array(grid.GridResolution, float), vectors * (-1, -1, 1))


def _inverse(points: np.ndarray, placed: np.ndarray, spacing: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """The y with y + D(y) = x, beyond the grid with the vectors of its border, as VTK's grid transform inverts."""
    to_index = np.linalg.inv(placed[:3, :3] * spacing)
    last = np.array(vectors.shape[2::-1]) - 1

    def displacement(places: np.ndarray) -> np.ndarray:
        index = np.clip(np.nan_to_num((places - placed[:3, 3]) @ to_index.T), 0, last)
        low = np.minimum(np.floor(index).astype(int), np.maximum(last - 1, 0))
        total = np.zeros_like(places)
        for corner in np.ndindex(2, 2, 2):
            share = index - low
            weight = np.where(np.array(corner) == 1, share, 1 - share).prod(axis=1)
            i, j, k = np.minimum(low + corner, last).T
            total += np.where(weight[:, None] > 0, weight[:, None] * vectors[k, j, i], 0)
        return total

    found = points - displacement(points)
    for _ in range(200):
        found = points - displacement(found)
    off = np.linalg.norm(found + displacement(found) - points, axis=1)
    found[~(off < 1e-3)] = np.nan
    return found
