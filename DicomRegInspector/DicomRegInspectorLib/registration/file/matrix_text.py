"""Read a 4 × 4 matrix as plain text: sixteen numbers that say neither where they lead nor in which coordinates."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ...dicom.source import read_regular_file
from ...errors import FileError
from ..conventions import LEFT_OPEN, Conventions, Question
from ..model import Registration
from .itk.numbers import matrix_part
from .itk.text import numbers_in
from .one_mapping import one_mapping

FORMAT = "4 × 4 matrix as text"
ENDINGS = (".txt", ".mat", ".xfm")
CONVENTIONS = Conventions(LEFT_OPEN, LEFT_OPEN, "mm", "a matrix acts everywhere")
_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_SIXTEEN = re.compile(rb"\s*(?:" + _NUMBER + rb"[\s,;]+){15}" + _NUMBER + rb"[\s,;]*")

_FLIRT = re.compile(rb"(?:(?:" + _NUMBER + rb"  ){4}\r?\n){4}\s*")
"""Two blanks after each number, also at the ends of lines."""


def recognises(head: bytes, path: Path) -> bool:
    """Tell whether a file is sixteen numbers and nothing else."""
    return len(head) < 2000 and _SIXTEEN.fullmatch(head) is not None


def read(path: Path) -> Registration:
    """Read the matrix, row by row.

    Raises FileError when it is no affine matrix, or stands there as FLIRT writes its own: these are of scaled voxels,
    which they do not say; their last column would be wrong by the images' corners.
    """
    data = read_regular_file(path)
    if _FLIRT.fullmatch(data):
        raise FileError(
            path,
            "is written as FSL's FLIRT writes its matrices, which are between scaled voxels of two images and not mm; "
            "convert it there (c3d_affine_tool -fsl2ras) to one in mm",
        )
    text = re.sub(rb"[,;]", b" ", data)
    matrix = numbers_in(path, text, "a matrix").reshape(4, 4)
    if not np.array_equal(matrix[3], (0, 0, 0, 1)):
        raise FileError(path, "holds sixteen numbers whose last row is not 0 0 0 1: no affine matrix, row by row")
    left_open: tuple[Question, ...] = ("direction", "coordinates")
    return one_mapping(path, FORMAT, [matrix_part(path, matrix)], CONVENTIONS, left_open=left_open)
