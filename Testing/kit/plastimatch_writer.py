"""What plastimatch writes: a field of its own format as a Deformable Spatial Registration, judged point by point."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from test_kit_answers import mapping_of

ORIGIN, SPACING, SIZE = np.array([-80.0, -70.0, -40.0]), np.array([8.0, 9.0, 7.0]), (20, 17, 13)


@dataclass(frozen=True)
class Written:
    """How an object of plastimatch's did."""

    version: str
    points: int
    off_mm: float
    """Largest distance from where the field sends a point, by the equation on what pydicom reads."""
    errors: int
    """Lines of dciodvfy that begin with Error."""


def is_installed() -> bool:
    """Whether plastimatch, dciodvfy and SimpleITK are there."""
    try:
        import SimpleITK  # noqa: F401
    except ImportError:
        return False
    return all(map(shutil.which, ("plastimatch", "dciodvfy")))


def field_at(index: np.ndarray) -> np.ndarray:
    """Vectors (n, 3) mm, linear within each cell as the field's nodes define it."""
    x, y, z = index.T
    return np.column_stack([0.4 * x + 2, 6 - 0.5 * y + 0.1 * x * z / 10, 0.3 * z - 0.2 * y])


def judge_plastimatch(kit: Path, folder: Path) -> Written:
    """Let plastimatch write a field between two series of the kit, and judge the object."""
    import SimpleITK as sitk

    k, j, i = np.mgrid[: SIZE[2], : SIZE[1], : SIZE[0]]
    nodes = np.stack([i, j, k], axis=-1).reshape(-1, 3).astype(float)
    image = sitk.GetImageFromArray(field_at(nodes).reshape(*SIZE[::-1], 3).astype(np.float32), isVector=True)
    image.SetOrigin(ORIGIN.tolist())
    image.SetSpacing(SPACING.tolist())
    sitk.WriteImage(image, str(folder / "field.mha"))
    command = ("xf-convert", "--input", folder / "field.mha", "--output-dicom", folder / "written")
    series = ("--fixed-rcs", kit / "images/registered", "--moving-rcs", kit / "images/source-1")
    _run("plastimatch", *command, *series, "--filenames-without-uids")
    (path,) = (folder / "written").glob("*.dcm")
    mapping = mapping_of(pydicom.dcmread(path), 1)
    between = np.random.default_rng(1).uniform(0.01, np.array(SIZE) - 1.01, (300, 3))
    chosen = np.vstack([nodes[::17], between])
    points = ORIGIN + chosen * SPACING
    found = np.array([mapping(point) for point in points])
    off = np.linalg.norm(found - points - field_at(chosen), axis=1)
    errors = [line for line in _run("dciodvfy", path, check=False).splitlines() if line.startswith("Error")]
    version = re.search(r"[\d.]+\d", _run("plastimatch", "--version"))
    return Written(version[0] if version else "", len(points), float(off.max()), len(errors))


def _run(*command: object, check: bool = True) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=check)
    return done.stdout + done.stderr
