"""Exported transforms as other programs read them: SimpleITK, and the Debian packages plastimatch and elastix.

Each resamples an image as it would for a user. A point's way is found with three images whose values are x, y and z:
between their voxels linear interpolation is exact, so that what is sampled at a point is where it was sent.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

sitk = pytest.importorskip("SimpleITK", reason="exports are read back with SimpleITK")

OUTSIDE = -9999.0
"""What plastimatch and transformix put where the moving image has nothing."""
RAMP_SPACING = 10.0


@dataclass(frozen=True)
class Lattice:
    """The voxels of an image, LPS mm."""

    size: tuple[int, int, int]
    origin: Sequence[float]
    spacing: Sequence[float]
    directions: Sequence[float] = (1, 0, 0, 0, 1, 0, 0, 0, 1)

    @property
    def points(self) -> np.ndarray:
        """(n, 3), x fastest."""
        nx, ny, nz = self.size
        k, j, i = np.mgrid[:nz, :ny, :nx]
        steps = np.array(self.directions, float).reshape(3, 3) * self.spacing
        return np.stack([i, j, k], axis=-1).reshape(-1, 3) @ steps.T + self.origin

    def image(self, values: np.ndarray | None = None):
        """A float32 SimpleITK image with these values, in the order of the points."""
        nx, ny, nz = self.size
        array = np.zeros((nz, ny, nx), np.float32) if values is None else values.reshape(nz, ny, nx)
        image = sitk.GetImageFromArray(array.astype(np.float32))
        image.SetOrigin(tuple(map(float, self.origin)))
        image.SetSpacing(tuple(map(float, self.spacing)))
        image.SetDirection(tuple(map(float, self.directions)))
        return image


def as_transform(path: Path):
    """What SimpleITK makes of an exported file."""
    if path.suffix in (".h5", ".tfm"):
        return sitk.ReadTransform(str(path))
    return sitk.DisplacementFieldTransform(sitk.ReadImage(str(path), sitk.sitkVectorFloat64))


def warp_with_simpleitk(path: Path, moving: Path, fixed: Lattice, folder: Path) -> np.ndarray:
    """(n,) the moving image resampled on the lattice, :data:`OUTSIDE` where it has nothing."""
    image = sitk.ReadImage(str(moving), sitk.sitkFloat32)
    warped = sitk.Resample(image, fixed.image(), as_transform(path), sitk.sitkLinear, OUTSIDE)
    return sitk.GetArrayFromImage(warped).ravel()


def warp_with_plastimatch(path: Path, moving: Path, fixed: Lattice, folder: Path) -> np.ndarray:
    """As :func:`warp_with_simpleitk`."""
    place, output = folder / "fixed.mha", folder / "plastimatch.mha"
    sitk.WriteImage(fixed.image(), str(place))
    _run(
        *("plastimatch", "warp", "--input", moving, "--xf", path, "--fixed", place),
        *("--output-img", output, "--default-value", OUTSIDE, "--output-type", "float"),
    )
    return sitk.GetArrayFromImage(sitk.ReadImage(str(output))).ravel()


def warp_with_transformix(path: Path, moving: Path, fixed: Lattice, folder: Path) -> np.ndarray:
    """As :func:`warp_with_simpleitk`."""
    _run("transformix", "-in", moving, "-tp", _parameters(path, fixed, folder), "-out", folder)
    return sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "result.mha"))).ravel()


def map_with_transformix(path: Path, points: np.ndarray, folder: Path) -> np.ndarray:
    """(n, 3) where transformix sends points."""
    place = folder / "points.txt"
    rows = "\n".join(" ".join(f"{value:.9g}" for value in point) for point in points)
    place.write_text(f"point\n{len(points)}\n{rows}\n", encoding="ascii")
    lattice = Lattice((2, 2, 2), (0, 0, 0), (1, 1, 1))
    _run("transformix", "-def", place, "-tp", _parameters(path, lattice, folder), "-out", folder)
    text = (folder / "outputpoints.txt").read_text(encoding="ascii")
    return np.array([row.split() for row in re.findall(r"OutputPoint = \[ ([^\]]*)\]", text)], float)


def map_by_warping(warp: Callable[..., np.ndarray], path: Path, fixed: Lattice, around: np.ndarray, folder: Path):
    """(n, 3) where a program samples for each point of a lattice; ``around`` (m, 3) is where that may be."""
    low = np.floor(np.nanmin(around, axis=0)) - 3 * RAMP_SPACING
    size = np.ceil((np.nanmax(around, axis=0) - low) / RAMP_SPACING).astype(int) + 4
    ramps = Lattice(tuple(size.tolist()), low.tolist(), (RAMP_SPACING,) * 3)
    sampled = []
    for axis in range(3):
        moving = folder / f"ramp-{axis}.mha"
        sitk.WriteImage(ramps.image(ramps.points[:, axis]), str(moving))
        sampled.append(warp(path, moving, fixed, folder))
    return np.where(np.stack(sampled, axis=-1) == OUTSIDE, np.nan, np.stack(sampled, axis=-1))


READERS = {
    "SimpleITK": warp_with_simpleitk,
    "plastimatch": warp_with_plastimatch,
    "transformix": warp_with_transformix,
}


def require(reader: str) -> None:
    """Skip where a program is not installed."""
    if reader != "SimpleITK" and shutil.which(reader) is None:
        package = "elastix" if reader == "transformix" else reader
        pytest.skip(f"{reader} is not installed (Debian package {package})")


def _parameters(field: Path, fixed: Lattice, folder: Path) -> Path:
    """elastix's file of parameters for a transform that is a displacement field, interpolated linearly."""
    values = {
        "Transform": "DeformationFieldTransform",
        "DeformationFieldFileName": str(field),
        "DeformationFieldInterpolationOrder": 1,
        "NumberOfParameters": 0,
        "InitialTransformParametersFileName": "NoInitialTransform",
        "HowToCombineTransforms": "Compose",
        "FixedImageDimension": 3,
        "MovingImageDimension": 3,
        "FixedInternalImagePixelType": "float",
        "MovingInternalImagePixelType": "float",
        "Size": fixed.size,
        "Index": (0, 0, 0),
        "Spacing": fixed.spacing,
        "Origin": fixed.origin,
        # Column by column, unlike ITK.
        "Direction": np.reshape(fixed.directions, (3, 3)).T.ravel(),
        "UseDirectionCosines": "true",
        "ResampleInterpolator": "FinalBSplineInterpolator",
        "FinalBSplineInterpolationOrder": 1,
        "Resampler": "DefaultResampler",
        "DefaultPixelValue": OUTSIDE,
        "ResultImageFormat": "mha",
        "ResultImagePixelType": "float",
        "CompressResultImage": "false",
    }
    place = folder / "transform.txt"
    lines = [f"({name} {_words(value)})" for name, value in values.items()]
    place.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


def _words(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return " ".join(f"{number:.17g}" for number in np.atleast_1d(value))


def _run(*command: object) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
