"""A source image made for a registration, where there is none: to show what the registration does, declared as made."""

from __future__ import annotations

import numpy as np
import slicer
import vtk

from ...space import RAS_SIGNS, apply_matrix
from ..transforms.transform_chain import transform_points
from .images import Image

MARGIN, LAYERS, THICKNESS_MM = 12, 7, 2.0
"""Pixels beyond the fixed slice, and slices: as far as displacements of some millimetres reach."""


def source_image_for(fixed: Image, node: slicer.vtkMRMLTransformNode) -> Image:
    """Give an image that the registration maps onto the fixed slice: the slice, drawn out along its normal and warped.

    It has the value of the fixed slice at each point's preimage, and reaches a little beyond the slice on all sides.

    ``fixed``: an image of one slice. What is returned has :data:`LAYERS` of them.
    """
    matrix = fixed.ijk_to_lps.copy()
    normal = matrix[:3, 2] / np.linalg.norm(matrix[:3, 2])
    matrix[:3, 2] = normal * THICKNESS_MM
    matrix[:3, 3] += matrix[:3, :3] @ (-MARGIN, -MARGIN, -(LAYERS // 2))
    _, rows, columns = fixed.values.shape
    size = (LAYERS, rows + 2 * MARGIN, columns + 2 * MARGIN)
    k, j, i = np.meshgrid(*(np.arange(count) for count in size), indexing="ij")
    points = apply_matrix(matrix, np.stack([i, j, k], axis=-1).reshape(-1, 3))
    to_world = vtk.vtkGeneralTransform()
    node.GetTransformToWorld(to_world)
    preimages = transform_points(to_world, points * RAS_SIGNS) * RAS_SIGNS
    # Beyond its border, and above and below, the slice goes on as it ends.
    index = np.clip(apply_matrix(np.linalg.inv(fixed.ijk_to_lps), preimages), 0, (columns - 1, rows - 1, 0))
    values = fixed.sample(apply_matrix(fixed.ijk_to_lps, index))
    return Image(values.reshape(size).astype(np.float32), matrix)
