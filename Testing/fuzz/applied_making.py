"""Files of what a transform is applied to besides images: labels, a dose, a structure."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

_TESTING = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_TESTING / "series"), str(_TESTING / "structures")]

import structfiles as sf
import volume_making as vm

_HEADER = (
    "NRRD0004\ntype: uchar\ndimension: 3\nspace: left-posterior-superior\nsizes: 16 12 4\nencoding: raw\n"
    "space directions: (2,0,0) (0,2,0) (0,0,2.5)\nspace origin: (0,0,0)\n\n"
)


def write_labels(path: Path) -> Path:
    """Write two labels as an NRRD file."""
    path.write_bytes(_HEADER.encode() + (np.arange(4 * 12 * 16) // 40 % 3).astype("u1").tobytes())
    return path


def write_dose(path: Path) -> Path:
    """Write an RT Dose of four planes."""
    dose = vm.dataset(vm.pixels_of(1, dtype="u2")[0], SOPClassUID="1.2.840.10008.5.1.4.1.1.481.2", Modality="RTDOSE")
    dose.PixelData, dose.NumberOfFrames, dose.DoseGridScaling = vm.pixels_of(4, dtype="u2").tobytes(), 4, "0.001"
    dose.GridFrameOffsetVector, dose.DoseUnits, dose.DoseType = ["0", "2.5", "5", "7.5"], "GY", "PHYSICAL"
    dose.DoseSummationType = "PLAN"
    return vm.save(dose, path)


def write_disc(path: Path, frame: str) -> Path:
    """Write an RT Structure Set of one structure."""
    return sf.write_rtstruct(path, [sf.Region("disc", sf.ball(9.0, (0.0, 2.0), count=12))], frame=frame)
