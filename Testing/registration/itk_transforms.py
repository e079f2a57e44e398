"""Transforms made with SimpleITK, and the same as this library holds them."""

from __future__ import annotations

import numpy as np
import pytest
from DicomRegInspectorLib.registration.bspline import BSpline, itk_region
from DicomRegInspectorLib.registration.grid import grid_of_array
from DicomRegInspectorLib.registration.mapping import Mapping, affine_mapping

sitk = pytest.importorskip("SimpleITK", reason="the oracle of these transforms is SimpleITK")

OBLIQUE = sitk.Euler3DTransform((0, 0, 0), 0.2, -0.3, 0.4).GetMatrix()
"""Directions of a lattice, row by row."""
ORIGIN, SPACING, SIZE = (-20.0, 13.0, -60.0), (4.0, 5.0, 6.5), (9, 8, 7)


def affine(seed: int = 0):
    """An affine transform that turns, stretches, shears and shifts, about a centre."""
    random = np.random.default_rng(seed)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix((np.eye(3) + random.normal(0, 0.1, (3, 3))).ravel().tolist())
    transform.SetTranslation(random.normal(0, 8, 3).tolist())
    transform.SetCenter(random.normal(0, 20, 3).tolist())
    return transform


def bspline(order: int = 3, seed: int = 0, size: float = 3.0):
    """A B-spline over an oblique box whose controls are noise of some mm."""
    transform = sitk.BSplineTransform(3, order)
    transform.SetTransformDomainOrigin(ORIGIN)
    transform.SetTransformDomainDirection(OBLIQUE)
    transform.SetTransformDomainPhysicalDimensions([40.0, 45.0, 50.0])
    transform.SetTransformDomainMeshSize([4, 3, 5])
    count = len(transform.GetParameters())
    transform.SetParameters(np.random.default_rng(seed).normal(0, size, count).tolist())
    return transform


def field_image(seed: int = 0, size: float = 2.0):
    """An image of displacements on an oblique, anisotropic lattice, noise of some mm."""
    vectors = np.random.default_rng(seed).normal(0, size, (*SIZE[::-1], 3))
    image = sitk.GetImageFromArray(vectors, isVector=True)
    image.SetOrigin(ORIGIN)
    image.SetSpacing(SPACING)
    image.SetDirection(OBLIQUE)
    return image


def field(seed: int = 0, size: float = 2.0):
    """The transform of :func:`field_image`."""
    return sitk.DisplacementFieldTransform(field_image(seed, size))


def as_part(transform) -> Mapping | BSpline:
    """What this library has for an affine transform, a B-spline or a displacement field of SimpleITK."""
    fixed = np.array(transform.GetFixedParameters())
    parameters = np.array(transform.GetParameters())
    if len(fixed) == 3:
        matrix = np.eye(4)
        matrix[:3, :3], centre = parameters[:9].reshape(3, 3), fixed
        matrix[:3, 3] = parameters[9:] + centre - matrix[:3, :3] @ centre
        return affine_mapping(matrix)
    size, lattice = fixed[:3].astype(int), np.eye(4)
    lattice[:3, :3], lattice[:3, 3] = fixed[9:].reshape(3, 3) * fixed[6:9], fixed[3:6]
    if "BSpline" in transform.GetName():
        order = sitk.BSplineTransform(transform).GetOrder()
        controls = np.ascontiguousarray(np.moveaxis(parameters.reshape(3, *size[::-1]), 0, -1))
        return BSpline(order, controls, lattice, itk_region(order, size))
    vectors = parameters.reshape(*size[::-1], 3).astype(np.float32)
    return Mapping(grid=grid_of_array(vectors, lattice, outside="stays"))


def points_around(seed: int = 0, count: int = 3000) -> np.ndarray:
    """(n, 3) LPS mm in the lattice of these transforms, at its border and outside."""
    random = np.random.default_rng(seed)
    index = random.uniform(-3, np.array(SIZE) + 2, (count, 3))
    return index * SPACING @ np.array(OBLIQUE).reshape(3, 3).T + ORIGIN


def mapped_by(transform, points: np.ndarray) -> np.ndarray:
    """(n, 3) where SimpleITK sends points."""
    return np.array([transform.TransformPoint(point) for point in points.tolist()])
