"""Images and random transforms to be exported, and what other readers make of the objects; nothing of the library's."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.samples.ct_files import SeriesNames, SliceGeometry, made_uid, write_ct_series

PATIENT = "Mustermann^Erika"
FRAMES = {"fixed": made_uid("export", "fixed", "frame"), "moving": made_uid("export", "moving", "frame")}


def write_images(folder: Path, which: str, *, study: str = "study", shift: float = 0.0, **extra: object) -> Path:
    """A CT series of 7 slices of 9 x 8 pixels on an oblique grid of 4 x 4 x 5 mm."""
    angle = np.radians(20)
    row, column = (np.cos(angle), np.sin(angle), 0.0), (-np.sin(angle), np.cos(angle), 0.0)
    positions = np.array([-20.0, -15.0, 10.0]) + shift + np.arange(7)[:, None] * np.array([0, 0, 5.0])
    geometry = SliceGeometry(positions, 8, 9, 4.0, row, column, (5.0,))
    names = SeriesNames(
        made_uid("export", which, "series"),
        made_uid("export", study),
        FRAMES[which],
        which,
        "A study",
        3,
        PATIENT,
        "4711-EM",
        extra={"PatientBirthDate": "19700102", "PatientAge": "056Y", **extra},
    )
    write_ct_series(folder, np.zeros((7, 8, 9)), geometry, names)
    return folder


def voxel_centres() -> np.ndarray:
    """(7, 8, 9, 3) LPS mm of those images, as the standard's Equation C.7.6.2.1-1 has them."""
    angle = np.radians(20)
    row, column = (np.cos(angle), np.sin(angle), 0.0), (-np.sin(angle), np.cos(angle), 0.0)
    k, j, i = np.mgrid[:7, :8, :9]
    in_plane = i[..., None] * 4.0 * np.array(row) + j[..., None] * 4.0 * np.array(column)
    return np.array([-20.0, -15.0, 10.0]) + in_plane + k[..., None] * np.array([0, 0, 5.0])


def rotation(random: np.random.Generator, largest_deg: float = 40.0) -> np.ndarray:
    """(3, 3) by Rodrigues' formula about a random axis."""
    axis = random.normal(size=3)
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(random.uniform(0, largest_deg))
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def random_matrix(random: np.random.Generator, kind: str, shift_mm: float = 3.0) -> np.ndarray:
    """(4, 4) of a kind, RIGID, RIGID_SCALE or AFFINE."""
    matrix = np.eye(4)
    matrix[:3, 3] = random.uniform(-shift_mm, shift_mm, 3)
    linear = rotation(random)
    if kind == "RIGID_SCALE":
        linear = linear @ np.diag(random.uniform(0.8, 1.2, 3) + [0.05, 0, -0.05])
    if kind == "AFFINE":
        linear = linear + random.uniform(-0.15, 0.15, (3, 3))
    matrix[:3, :3] = linear
    return matrix


def random_field(random: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """A smooth map of points (n, 3), mm: waves of some 60 mm and up to 3 mm."""
    waves = random.normal(size=(6, 3)) * 2 * np.pi / 120
    phases, sizes = random.uniform(0, 2 * np.pi, 6), random.uniform(-0.6, 0.6, (6, 3))
    return lambda points: points + np.sin(points @ waves.T + phases) @ sizes


def by_equation(path: Path, points: np.ndarray) -> np.ndarray:
    """Equation C.20.3-1 or C.20.2-2 in plain NumPy, from what pydicom reads; NaN outside the grid."""
    data = pydicom.dcmread(path)
    if "RegistrationSequence" in data:
        (matrix,) = data.RegistrationSequence[1].MatrixRegistrationSequence[0].MatrixSequence
        back = np.linalg.inv(_matrix(matrix))
        return points @ back[:3, :3].T + back[:3, 3]
    (item,) = data.DeformableRegistrationSequence
    (grid,) = item.DeformableRegistrationGridSequence
    nx, ny, nz = grid.GridDimensions
    pre, post = (
        _matrix(sequence[0]) if sequence else np.eye(4)
        for sequence in (
            item.get("PreDeformationMatrixRegistrationSequence"),
            item.get("PostDeformationMatrixRegistrationSequence"),
        )
    )
    vectors = np.frombuffer(grid.VectorGridData, "<f4").reshape(nz, ny, nx, 3).astype(float)
    return equation(
        points,
        pre,
        vectors,
        post,
        np.array(grid.ImagePositionPatient, float),
        np.array(grid.ImageOrientationPatient, float),
        np.array(grid.GridResolution, float),
    )


def by_pydicomrt(path: Path, points: np.ndarray) -> np.ndarray:
    """The same from what pydicomrt reads."""
    parser = pytest.importorskip("pydicomrt.reg.parser", reason="pydicomrt is not installed")
    data = pydicom.dcmread(path)
    if "RegistrationSequence" in data:
        matrix = parser.get_spatial_registrations(data)[FRAMES["fixed"]][FRAMES["moving"]]
        back = np.linalg.inv(np.reshape(np.array(matrix, float), (4, 4)))
        return points @ back[:3, :3].T + back[:3, 3]
    (read,) = parser.get_deformable_registrations(data)
    grid = read["DeformableRegistrationGrid"]
    pre, post = (
        np.reshape(np.array(read[f"{name}DeformationMatrixRegistration"], float), (4, 4)) for name in ("Pre", "Post")
    )
    place = (
        np.array(grid[name], float) for name in ("ImagePositionPatient", "ImageOrientationPatient", "GridResolution")
    )
    return equation(points, pre, np.asarray(grid["VectorGridData"], float), post, *place)


def equation(
    points: np.ndarray,
    pre: np.ndarray,
    vectors: np.ndarray,
    post: np.ndarray,
    origin: np.ndarray,
    cosines: np.ndarray,
    spacing: np.ndarray,
) -> np.ndarray:
    """``post (pre x + D(x))``, D trilinear."""
    axes = np.stack([cosines[:3], cosines[3:], np.cross(cosines[:3], cosines[3:])], axis=1)
    index = (points - origin) @ axes / spacing
    # Cosines have six decimals in the images.
    index = np.where(np.abs(index - np.rint(index)) < 2e-5, np.rint(index), index)
    last = np.array(vectors.shape[2::-1]) - 1
    inside = ((index >= 0) & (index <= last)).all(axis=1)
    base = np.clip(np.floor(index).astype(int), 0, np.maximum(last - 1, 0))
    part = index - base
    displacement = np.zeros_like(points)
    for corner in np.ndindex(2, 2, 2):
        weight = np.where(np.array(corner) == 1, part, 1 - part).prod(axis=1)
        i, j, k = np.minimum(base + corner, last).T
        used = weight != 0
        displacement[used] += (weight[:, None] * vectors[k, j, i])[used]
    displacement[~inside] = np.nan
    moved = points @ pre[:3, :3].T + pre[:3, 3] + displacement
    return moved @ post[:3, :3].T + post[:3, 3]


def _matrix(item: pydicom.Dataset) -> np.ndarray:
    return np.reshape(np.array(item.FrameOfReferenceTransformationMatrix, float), (4, 4))


def dicom3tools(program: str, *paths: Path) -> str:
    """What dciodvfy or dcentvfy say of files, but for warnings; skips where they are not installed."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} (dicom3tools) is not installed")
    done = subprocess.run([program, *paths], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return "\n".join(line for line in done.stdout.splitlines() if line.startswith(("Error", "Abort")))


def longest_decimal(path: Path) -> int:
    """Bytes of the longest value of a DS element of a registration."""
    lengths = [0]

    def look(_dataset: pydicom.Dataset, element: pydicom.DataElement) -> None:
        if element.VR == "DS" and element.value not in (None, ""):
            values: Sequence[object] = element.value if element.VM > 1 else [element.value]
            lengths.extend(len(str(value)) for value in values)

    pydicom.dcmread(path).walk(look)
    return max(lengths)
