"""Registrations, images and what SimpleITK and closed forms make of them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.samples.ct_files import SeriesNames, SliceGeometry, made_uid, write_ct_series
from DicomRegInspectorLib.tasks.apply.applied import Applied
from DicomRegInspectorLib.tasks.apply.request import ApplyRequest
from DicomRegInspectorLib.tasks.apply.run import apply_transform
from DicomRegInspectorLib.tasks.apply.transform import read_transform
from regfiles import DeformableItem, GridSpec, MatrixItem, RegistrationSpec, write

REGISTERED, SOURCE = "1.2.3.100", "1.2.3.200"
"""Frames of reference."""
GRID_ORIGIN, GRID_SPACING, GRID_SIZE = (-40.0, -35.0, -30.0), (5.0, 4.0, 6.0), (17, 18, 11)


def field(seed: int = 0, size: float = 3.0) -> np.ndarray:
    """(nz, ny, nx, 3) float32 vectors, mm, that nothing is smooth about."""
    nx, ny, nz = GRID_SIZE
    return np.random.default_rng(seed).normal(0, size, (nz, ny, nx, 3)).astype(np.float32)


def deformable(path: Path, vectors: np.ndarray, pre: np.ndarray | None = None, post: np.ndarray | None = None) -> Path:
    """A Deformable Spatial Registration object from the source to the registered frame."""
    grid = GridSpec(vectors, GRID_SPACING, GRID_ORIGIN)
    return write(path, RegistrationSpec((DeformableItem(grid, pre, post),)))


def matrix(path: Path, source_to_registered: np.ndarray, kind: str = "RIGID") -> Path:
    """A Spatial Registration object."""
    return write(path, RegistrationSpec((MatrixItem((source_to_registered,), (kind,)),)))


def affine(spacing: Sequence[float], origin: Sequence[float], directions: np.ndarray | None = None) -> np.ndarray:
    """(4, 4) from (i, j, k, 1) to LPS mm."""
    made = np.eye(4)
    made[:3, :3] = (np.eye(3) if directions is None else directions) * np.asarray(spacing, float)
    made[:3, 3] = origin
    return made


def itk_image(array: np.ndarray, index_to_lps: np.ndarray, is_vector: bool = False):
    """A SimpleITK image of (nk, nj, ni[, n]) values."""
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.GetImageFromArray(array, isVector=is_vector)
    spacing = np.linalg.norm(index_to_lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(index_to_lps[:3, 3].tolist())
    image.SetDirection((index_to_lps[:3, :3] / spacing).ravel().tolist())
    return image


def itk_field(vectors: np.ndarray):
    """The field as SimpleITK takes it."""
    sitk = pytest.importorskip("SimpleITK")
    image = itk_image(vectors.astype(np.float64), affine(GRID_SPACING, GRID_ORIGIN), is_vector=True)
    return sitk.DisplacementFieldTransform(image)


def write_volume(path: Path, array: np.ndarray, index_to_lps: np.ndarray) -> Path:
    """A volume file."""
    sitk = pytest.importorskip("SimpleITK")
    sitk.WriteImage(itk_image(array, index_to_lps, array.ndim == 4), str(path))
    return path


def read_values(path: Path) -> np.ndarray:
    """(nk, nj, ni) values of a volume file, as SimpleITK reads it."""
    sitk = pytest.importorskip("SimpleITK")
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def ct_series(
    folder: Path,
    hounsfield: np.ndarray,
    frame: str,
    *,
    origin: Sequence[float] = (-30.0, -25.0, -20.0),
    spacing_mm: float = 3.0,
    pixel_mm: float = 2.0,
    study: str = "study",
    patient_id: str = "PHANTOM-1",
) -> Path:
    """An axial CT series; what identifies it follows from the folder's name."""
    count, rows, columns = hounsfield.shape
    positions = np.asarray(origin) + np.arange(count)[:, None] * np.array([0, 0, spacing_mm])
    geometry = SliceGeometry(positions, rows, columns, pixel_mm, thickness_mm=(spacing_mm,))
    names = SeriesNames(
        made_uid("apply", folder.name), made_uid("apply", study), frame, folder.name, patient_id=patient_id
    )
    write_ct_series(folder, hounsfield, geometry, names)
    return folder


def dciodvfy(path: Path) -> set[str]:
    """Its errors."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr
    return {line for line in told.splitlines() if line.startswith("Error")}


def headers(folder: Path) -> list[pydicom.Dataset]:
    """The images of a folder, along z."""
    read = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    return sorted(read, key=lambda data: float(data.ImagePositionPatient[2]))


def apply_kind(
    what: str, transform: Path, output: Path, given: Path, reference: Path | None = None, **options: Any
) -> Applied:
    """Apply a registration to an ``image``, a ``dose`` and so on."""
    request = ApplyRequest(
        transform=read_transform(transform, inverse=options.pop("inverse", False)),
        input=str(given),
        output=output,
        reference=[] if reference is None else [str(reference)],
        **options,
    )
    return apply_transform(what, request)
