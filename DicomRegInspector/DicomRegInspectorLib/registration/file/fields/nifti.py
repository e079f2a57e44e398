"""Read displacement fields in NIfTI (``.nii``, ``.nii.gz``): what is in them is told by intent, name and parameters.

NIfTI is RAS; ITK and ANTs write LPS vectors as intent 1007, which only says that they are vectors.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ....dicom.source import read_regular_file
from ....errors import FileError
from ....space import RAS_SIGNS
from ...conventions import LEFT_OPEN, Conventions, Question
from ...mapping import Mapping
from ...model import Registration
from ..itk.numbers import checked_lattice
from ..one_mapping import one_mapping
from .nifti_header import NiftiHeader, read_nifti_header
from .volume_numbers import VolumeNumbers, volume_mapping

FORMAT = "displacement field, NIfTI"
ENDINGS = (".nii", ".nii.gz")
CONVENTIONS = Conventions(
    direction="registered to source, as ITK and ANTs resample; the format has no place to say it",
    coordinates="of the lattice RAS; of the vectors by the intent: RAS of 1006 (displacements), LPS of 1007 (vectors), "
    "as ITK and ANTs write them",
    unit="mm",
    outside="the border's vector for half a voxel, then points stay where they are (ITK, ANTs); 3D Slicer goes on with "
    "the border's vector",
)
DISPLACEMENTS, VECTORS = 1006, 1007
_FSL = (2006, 2007, 2008, 2009, 2016, 2017, 2018)
_NIFTYREG = "NREG_TRANS"
_NIFTYREG_KINDS = ("deformation field", "displacement field", "cubic spline grid", "deformation velocity field",
                   "displacement velocity field", "spline velocity grid", "linear spline grid")  # fmt: skip
_SPM = "Mapping"
_HEAD_BYTES = 4096


def recognises(head: bytes, path: Path) -> bool:
    """Tell whether a header is of NIfTI, with three floats for each node that are said to be vectors."""
    header = read_nifti_header(head)
    if header is None or not header.is_vectors or header.intent not in (DISPLACEMENTS, VECTORS):
        return False
    return header.intent_name != _NIFTYREG or header.intent_parameters[0] in (0, 1)


def says_displacements(head: bytes) -> bool:
    """Tell whether a header says more of its vectors than that they are some."""
    header = read_nifti_header(head)
    return header is not None and (header.intent == DISPLACEMENTS or header.intent_name in (_NIFTYREG, _SPM))


def read(path: Path) -> Registration:
    """Read a displacement field, or positions as NiftyReg and SPM write them.

    Raises FileError when it cannot be read or used.
    """
    header = header_of(path)
    if header.intent in _FSL:
        raise FileError(
            path,
            f"is a transform of FSL (intent {header.intent}), whose coordinates depend on two images that it does not "
            "name; convert it there (convertwarp, wb_command) to a field of displacements in mm",
        )
    if header.intent == DISPLACEMENTS:
        return _registration(path, header, CONVENTIONS.direction, "lattice and vectors RAS, by intent 1006", RAS_SIGNS)
    if header.intent_name == _NIFTYREG:
        kind = int(header.intent_parameters[0]) if header.intent_parameters[0] in range(7) else -1
        if kind not in (0, 1):
            named = _NIFTYREG_KINDS[kind] if kind > 0 else "unknown kind"
            raise FileError(path, f"is a transform of NiftyReg of a kind that is not read: {named}; convert it (-disp)")
        said = f"lattice and vectors RAS: NiftyReg's {_NIFTYREG_KINDS[kind]}"
        return _registration(path, header, "registered to source, as NiftyReg resamples", said, RAS_SIGNS, kind == 0)
    if header.intent_name == _SPM:
        said = "lattice and positions RAS: a deformation of SPM"
        return _registration(path, header, "registered to source, as SPM's y_ files resample", said, RAS_SIGNS, True)
    return _registration(
        path, header, CONVENTIONS.direction, "lattice RAS, vectors LPS, as ITK and ANTs write intent 1007", None
    )


def header_of(path: Path) -> NiftiHeader:
    """Return a file's header.

    Raises FileError when it has none, or not of three floating-point numbers for each node.
    """
    header = read_nifti_header(read_regular_file(path, _HEAD_BYTES))
    if header is None:
        raise FileError(path, "has no header of a NIfTI file in one piece")
    if not header.is_vectors and header.intent not in _FSL:
        raise FileError(
            path,
            f"holds {' × '.join(map(str, header.dimensions))} numbers; expected three floats for each node, as the "
            "fifth dimension. As the fourth FSL has them, in coordinates that depend on two images",
        )
    return header


def _registration(
    path: Path, header: NiftiHeader, direction: str, said: str, signs: np.ndarray | None, absolute: bool = False
) -> Registration:
    mapping = nifti_mapping(path, header, signs, absolute)
    return one_mapping(path, FORMAT, [mapping], replace(CONVENTIONS, direction=direction, coordinates=said))


def nifti_mapping(path: Path, header: NiftiHeader, signs: np.ndarray | None, absolute: bool = False) -> Mapping:
    """Return the mapping of a file's vectors, or positions.

    Raises FileError when the header places nothing, or the file is too short for it.
    """
    if not (header.slope in (0, 1) and header.intercept == 0):
        raise FileError(path, f"scales its vectors by {header.slope:g} and {header.intercept:g}, which is not read")
    nx, ny, nz = size = header.dimensions[:3]
    packed = header.packing != "raw"
    numbers = VolumeNumbers(
        path, 0 if packed else header.offset, header.dtype, (3, 1, nz, ny, nx), header.packing,
        header.offset if packed else 0,
    )  # fmt: skip
    numbers.check_size()
    matrix = header.index_to_lps(path)
    with np.errstate(over="ignore", invalid="ignore"):
        spacing = np.linalg.norm(matrix[:3, :3], axis=0)
        directions = matrix[:3, :3] / np.where(spacing > 0, spacing, 1)
    _, lattice = checked_lattice(path, size, matrix[:3, 3], spacing, directions, "a displacement field")
    return volume_mapping(
        numbers, lattice, lambda array: np.moveaxis(array[:, 0], 0, -1), signs=signs, absolute=absolute
    )


class _Unsaid:
    """NIfTI files with three numbers for each node, of which nothing says what they are; and those of FSL."""

    FORMAT = "displacement field, NIfTI without intent"
    ENDINGS = ENDINGS
    CONVENTIONS = replace(
        CONVENTIONS, direction=LEFT_OPEN, coordinates=f"of the lattice RAS; of the vectors: {LEFT_OPEN}"
    )

    @staticmethod
    def recognises(head: bytes, path: Path) -> bool:
        """Tell whether a header is of NIfTI, with three floating-point numbers for each node."""
        header = read_nifti_header(head)
        return header is not None and (header.is_vectors or header.intent in _FSL or header.dimensions[3:] == (3,))

    @staticmethod
    def read(path: Path) -> Registration:
        """Read them as displacements, in coordinates and of a direction that have to be said.

        Raises FileError when the file cannot be used.
        """
        header = header_of(path)
        if header.intent in (DISPLACEMENTS, VECTORS, *_FSL):
            return read(path)
        mapping = nifti_mapping(path, header, None)
        left_open: tuple[Question, ...] = ("direction", "coordinates of vectors")
        return one_mapping(path, _Unsaid.FORMAT, [mapping], _Unsaid.CONVENTIONS, left_open=left_open)


UNSAID = _Unsaid
