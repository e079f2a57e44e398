"""Image pairs and registrations for audit tests: made of formulas and NumPy alone, or read with pydicom."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import regfiles as rf
from DicomRegInspectorLib.findings import Finding
from DicomRegInspectorLib.registration import Registration, RegistrationItem, read_registration
from DicomRegInspectorLib.registration.audit import AuditResult, audit_mapping, signs_in_vectors
from DicomRegInspectorLib.registration.audit.scalar_image import ScalarImage
from scipy.ndimage import map_coordinates

SIZE, SPACING = (46, 42, 30), (2.5, 2.5, 3.0)
SOURCE_FRAME, REGISTERED_FRAME = "1.2.3.200", "1.2.3.100"


@lru_cache(maxsize=4)
def series_image(folder: Path) -> ScalarImage:
    """The slices of a folder, sorted along their normal, in HU."""
    import pydicom
    from pydicom.misc import is_dicom

    files = [pydicom.dcmread(path) for path in sorted(folder.iterdir()) if is_dicom(path)]
    row, column = np.reshape(np.array(files[0].ImageOrientationPatient, float), (2, 3))
    normal = np.cross(row, column)
    files.sort(key=lambda file: normal @ np.array(file.ImagePositionPatient, float))
    places = np.array([file.ImagePositionPatient for file in files], float)
    array = np.stack([f.pixel_array * float(f.RescaleSlope) + float(f.RescaleIntercept) for f in files])
    matrix = np.eye(4)
    matrix[:3, 0] = row * float(files[0].PixelSpacing[1])
    matrix[:3, 1] = column * float(files[0].PixelSpacing[0])
    matrix[:3, 2] = places[1] - places[0]
    matrix[:3, 3] = places[0]
    return ScalarImage(array.astype(np.float32), matrix, str(files[0].FrameOfReferenceUID), places @ normal)


def waves(points: np.ndarray, seed: int = 0) -> np.ndarray:
    """A picture without any symmetry: plane waves 18 to 60 mm long in random directions; (..., 3) to (...,)."""
    random = np.random.default_rng(seed)
    directions = random.normal(size=(40, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    numbers = 2 * np.pi / random.uniform(18, 60, 40)
    phases = random.uniform(0, 2 * np.pi, 40)
    return np.cos(points @ (directions * numbers[:, None]).T + phases).sum(axis=-1) * 60


def bend(points: np.ndarray, amplitude: float = 7.0) -> np.ndarray:
    """A smooth displacement with three different components, LPS mm."""
    x, y, z = np.moveaxis(points, -1, 0)
    parts = (
        np.sin(x / 30 + 0.4) + np.cos(z / 35),
        np.cos(y / 28) + np.sin(z / 33 + 1),
        np.sin(y / 31 + 2) + np.cos(x / 29),
    )
    return amplitude / 2 * np.stack(parts, axis=-1)


def centres(matrix: np.ndarray, size: tuple[int, int, int]) -> np.ndarray:
    """(nk, nj, ni, 3) LPS mm of all voxel centres."""
    k, j, i = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
    return np.stack([i, j, k], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]


def image_matrix(size: tuple[int, int, int] = SIZE, spacing: tuple[float, float, float] = SPACING) -> np.ndarray:
    """An axial volume about the origin."""
    matrix = np.diag([*spacing, 1.0])
    matrix[:3, 3] = -np.array(spacing) * (np.array(size) - 1) / 2
    return matrix


def picture(
    formula, size: tuple[int, int, int] = SIZE, spacing: tuple[float, float, float] = SPACING, frame: str = ""
) -> ScalarImage:
    """An image of a formula over LPS mm."""
    matrix = image_matrix(size, spacing)
    return ScalarImage(formula(centres(matrix, size)).astype(np.float32), matrix, frame)


def source_image(change=None, seed: int = 0) -> ScalarImage:
    """The waves, larger than the registered image all around; ``change`` turns its scale into another modality's."""
    size = (70, 66, 52)
    return picture(lambda p: waves(p, seed) if change is None else change(waves(p, seed)), size, SPACING, SOURCE_FRAME)


@dataclass(frozen=True)
class Deformation:
    """A bend on an oblique grid between two matrices, as formulas and as what is stored of it."""

    pre: np.ndarray
    post: np.ndarray
    angles: tuple[float, float, float] = (0.2, -0.3, 0.4)
    spacing: tuple[float, float, float] = (4.0, 7.0, 10.0)

    def write(self, path: Path, change=None) -> RegistrationItem:
        """The object; ``change`` works on the stored vectors (nz, ny, nx, 3)."""
        orientation = rf.orientation_of(self.angles)
        row, column = np.reshape(orientation, (2, 3))
        axes = np.column_stack([row, column, np.cross(row, column)])
        size = tuple(int(np.ceil(170 / s)) for s in self.spacing)
        matrix = np.eye(4)
        matrix[:3, :3] = axes * self.spacing
        matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(size) - 1) / 2)
        matrix[:3, 3] = rf.as_written(matrix[:3, 3])
        vectors = bend(centres(matrix, size))
        if change is not None:
            vectors = change(vectors)
        grid = rf.GridSpec(vectors.astype(np.float32), self.spacing, tuple(matrix[:3, 3]), orientation)
        identity = np.eye(4)
        pre = None if np.array_equal(self.pre, identity) else self.pre
        post = None if np.array_equal(self.post, identity) else self.post
        return write_item(path, rf.DeformableItem(grid, pre, post))

    def meant(self, hypothesis: str):
        """Where a registered point lies in the source frame when the stored bend is meant so; formulas only."""
        row, column = np.reshape(rf.orientation_of(self.angles), (2, 3))
        axes = np.column_stack([row, column, np.cross(row, column)])
        identity = np.eye(4)

        def through(first, vectors, last):
            return lambda p: affine(last, affine(first, p) + vectors(p))

        return {
            "standard": through(self.pre, bend, self.post),
            "voxel-units": through(self.pre, lambda p: (bend(p) * self.spacing) @ axes.T, self.post),
            "reversed": lambda p: self._inverse(p),
            "axis-signs": through(self.pre, lambda p: bend(p) * [-1, -1, 1], self.post),
            "matrices-ignored": through(identity, bend, identity),
            "matrices-swapped": through(self.post, bend, self.pre),
            "pre-inverted": through(np.linalg.inv(self.pre), bend, self.post),
            "post-inverted": through(self.pre, bend, np.linalg.inv(self.post)),
            "matrices-inverted": through(np.linalg.inv(self.pre), bend, np.linalg.inv(self.post)),
            "identity": through(self.pre, np.zeros_like, self.post),
        }[hypothesis]

    def _inverse(self, points: np.ndarray) -> np.ndarray:
        target = affine(np.linalg.inv(self.post), points)
        found = affine(np.linalg.inv(self.pre), target)
        for _ in range(60):
            found = affine(np.linalg.inv(self.pre), target - bend(found))
        assert np.abs(affine(self.post, affine(self.pre, found) + bend(found)) - points).max() < 1e-3
        return found


def affine(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def write_item(path: Path, item: rf.DeformableItem | rf.MatrixItem, **names: str) -> RegistrationItem:
    """Write an object with one item and read it."""
    return read_registration(rf.write(path, rf.RegistrationSpec((item,), **names))).items[0]


def inverse_field(vectors: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """The vectors of the inverse mapping on the same axial lattice, by SciPy; border values outside."""
    k, j, i = np.meshgrid(*(np.arange(n) for n in vectors.shape[:3]), indexing="ij")
    found = np.zeros(vectors.shape)
    for _ in range(15):
        place = np.stack([k, j, i]) + np.moveaxis(found / spacing, -1, 0)[::-1]
        found = -np.stack(
            [map_coordinates(vectors[..., c].astype(float), place, order=1, mode="nearest") for c in range(3)], axis=-1
        )
    return found


def audit_item(item: RegistrationItem, fixed: ScalarImage, moving: ScalarImage, **options: Any) -> AuditResult:
    """The audit of an item between the frames that it names."""
    frames = (item.registered_frame_uid, item.source_frame_uid)
    return audit_mapping(item.mapping, fixed, moving, frames=frames, **options)


def signs_in_file(registration: Registration, item: RegistrationItem) -> tuple[Finding, ...]:
    """The signs in an item's vectors and in the names of its object."""
    names = (registration.manufacturer, registration.series_description, registration.content_label)
    return signs_in_vectors(item.mapping, item.subject, names)


def placed(image: ScalarImage, where: ScalarImage, angles, shift) -> ScalarImage:
    """An image turned about its centre and put onto another's, moved by ``shift`` mm."""
    turn = rf.rotation(*angles)
    middle = [i.points_of((np.array([i.dimensions]) - 1) / 2)[0] for i in (image, where)]
    move = np.eye(4)
    move[:3, :3] = turn
    move[:3, 3] = middle[1] - turn @ middle[0] + shift
    return ScalarImage(image.array, move @ image.index_to_lps, "", image.slice_positions_mm)


UNRELATED = (
    "noise",
    "constant",
    "no value",
    "smooth pattern",
    "elsewhere",
    "the same head lying otherwise",
    "another head",
    "another head, moved",
    "another head, turned",
)
"""Kinds of images that have nothing to do with a pair."""


def unrelated(kind: str, pair, ct: Path) -> ScalarImage:
    """An image of one of those kinds, in place of a pair's (fixed, moving) second one; ``ct`` holds another head."""
    fixed, moving = pair
    random = np.random.default_rng(3)
    if kind == "noise":
        return ScalarImage(random.normal(0, 300, moving.array.shape), moving.index_to_lps)
    if kind == "constant":
        return ScalarImage(np.full(moving.array.shape, 40, np.int16), moving.index_to_lps)
    if kind == "no value":
        return ScalarImage(np.full(moving.array.shape, np.nan), moving.index_to_lps)
    if kind == "smooth pattern":
        k, j, i = np.meshgrid(*(np.arange(n) for n in moving.array.shape), indexing="ij")
        points = np.stack([i, j, k], axis=-1) @ moving.index_to_lps[:3, :3].T + moving.index_to_lps[:3, 3]
        return ScalarImage(waves(points, 8), moving.index_to_lps)
    if kind == "elsewhere":
        return placed(moving, fixed, (0, 0, 0), (0, 0, 900))
    if kind == "the same head lying otherwise":
        return placed(moving, fixed, (1.2, 0.3, 2.0), (5, -10, 8))
    other = series_image(ct)
    shift = {"another head": (0, 0, 0), "another head, moved": (15, -12, 9), "another head, turned": (-5, 8, 0)}[kind]
    return placed(other, fixed, (0.4, 0.2, -0.3) if kind.endswith("turned") else (0, 0, 0), shift)
