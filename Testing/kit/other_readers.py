"""Readers that are not this project's, each asked by what it offers a program; what is not installed is left out.

``python other_readers.py NAME KIT ANSWERS.csv`` lets one answer, in an environment that has it: NumPy, pydicom and the
reader are all that is needed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from readers import Asked, Reader, this_project, write_answers
from slicerrt_port import slicerrt


def moved(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (n, 3) through a (4, 4)."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def through_field(vectors: np.ndarray, origin, spacing, directions: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Vectors (nx, ny, nz, 3) that a reader gives, interpolated at points; NaN beyond them."""
    index = np.linalg.solve(directions * np.asarray(spacing, float), (points - np.asarray(origin, float)).T).T
    last = np.array(vectors.shape[:3]) - 1
    outside = ((index < -1e-4) | (index > last + 1e-4)).any(axis=1)
    index = np.clip(np.where(np.abs(index - np.rint(index)) < 1e-6, np.rint(index), index), 0, last)
    low = np.minimum(np.floor(index).astype(int), np.maximum(last - 1, 0))
    total = np.zeros_like(points)
    for corner in np.ndindex(2, 2, 2):
        weight = np.where(np.array(corner) == 1, index - low, 1 - index + low).prod(axis=1)
        i, j, k = np.minimum(low + corner, last).T
        total += np.where(weight[:, None] > 0, weight[:, None] * vectors[i, j, k], 0)
    total[outside] = np.nan
    return total


def columns(orientation) -> np.ndarray:
    """Direction cosines of rows and columns as a (3, 3) of columns."""
    row, column = np.reshape(np.array(orientation, float), (2, 3))
    return np.column_stack([row, column, np.cross(row, column)])


def pydicomrt(question: Asked) -> np.ndarray | None:
    """Its parsers; deformable ones composed as their documentation says, matrices inverted as it says."""
    import pydicom
    from pydicomrt.reg.parser import get_deformable_registrations, get_spatial_registrations

    dataset = pydicom.dcmread(question.path)
    if "RegistrationSequence" in dataset:
        matrix = get_spatial_registrations(dataset)[question.registered_frame_uid][question.source_frame_uid]
        return moved(np.linalg.inv(np.reshape(matrix, (4, 4))), question.points)
    found = get_deformable_registrations(dataset)
    named = [entry for entry in found if entry["SourceFrameOfReferenceUID"] == question.source_frame_uid]
    (entry,) = named if len(named) < 2 else [found[question.item - 1]]
    grid = entry["DeformableRegistrationGrid"]
    vectors = np.asarray(grid["VectorGridData"], float).transpose(2, 1, 0, 3)
    place = grid["ImagePositionPatient"], grid["GridResolution"], columns(grid["ImageOrientationPatient"])
    offset = through_field(vectors, *place, question.points)
    pre, post = (np.reshape(entry[f"{name}DeformationMatrixRegistration"], (4, 4)) for name in ("Pre", "Post"))
    return moved(post, moved(pre, question.points) + offset)


def simpleitk(question: Asked) -> np.ndarray | None:
    """Its reader of transforms, which is all it has for them."""
    import SimpleITK as sitk

    transform = sitk.ReadTransform(str(question.path))
    return np.array([transform.TransformPoint(point) for point in question.points.tolist()])


def rosamllib(question: Asked) -> np.ndarray | None:
    """Its REG class: matrices and the grid, indexed (x, y, z) as it documents it."""
    import pydicom
    from rosamllib.dicoms.reg import REG

    reg = REG.from_dataset(pydicom.dcmread(question.path))
    sides = (reg.fixed_image_info, reg.moving_image_info)
    info = next(side for side in sides if side.get("SourceFrameOfReferenceUID") == question.source_frame_uid)
    if reg.registration_type == "rigid":
        return moved(np.linalg.inv(np.asarray(info["transformation_matrix"], float)), question.points)
    pre, post = (
        np.asarray(info.get(f"{name}_deformation_matrix", {}).get("transformation_matrix", np.eye(4)), float)
        for name in ("pre", "post")
    )
    offset = np.zeros_like(question.points)
    if "grid_data" in info:
        place = info["image_position"], info["grid_resolution"], columns(info["image_orientation"])
        offset = through_field(np.asarray(info["grid_data"], float), *place, question.points)
    return moved(post, moved(pre, question.points) + offset)


def opentps(question: Asked) -> np.ndarray | None:
    """Its loaders; fields sampled as its ``warp`` does, transforms as its resampling applies them."""
    import pydicom
    from opentps.core.io.dicomIO import readDicomRigidTransform, readDicomVectorField

    if "RegistrationSequence" in pydicom.dcmread(question.path):
        return moved(np.asarray(readDicomRigidTransform(str(question.path)).tformMatrix, float), question.points)
    field = readDicomVectorField(str(question.path))
    vectors = np.asarray(field.imageArray, float)
    return question.points + through_field(vectors, field.origin, field.spacing, np.eye(3), question.points)


def pycerr(question: Asked) -> np.ndarray | None:
    """Its import into a plan container: a matrix inverted as its warping does, a field by its own interpolation.

    It keeps the matrices beside a grid and has nothing that applies them.
    """
    from cerr import plan_container
    from cerr.utils.interp import finterp3

    container = plan_container.PlanC(header=plan_container.headr.Header())
    deform = plan_container.loadDcmReg(str(question.path), container).deform[-1]
    if question.source_frame_uid == question.registered_frame_uid:
        return question.points
    if deform.deformParams["movFrameOfReferenceUID"] not in ("", question.source_frame_uid):
        return None  # it has one registration of an object, and says of which frame
    if deform.deformOutFileType == "rigid":
        return moved(np.linalg.inv(np.asarray(deform.deformParams["rigidMatrix"], float)), question.points)
    x, y, z = moved(np.linalg.inv(deform.cerrToDcmTransM), question.points).T
    x_values, y_values, z_values = (np.asarray(values, float) for values in deform.getDVFXYZVals())
    edges = (
        np.array([x_values[0] - 1e-8, x_values[1] - x_values[0], x_values[-1] + 1e-8]),
        np.array([y_values[0] + 1e-8, y_values[1] - y_values[0], y_values[-1] - 1e-8]),
        np.array([z_values[0] - 1e-3, *z_values[1:-1], z_values[-1] + 1e-3]),
    )
    parts = [finterp3(x, y, z, deform.dvfMatrix[..., component].astype(float), *edges) for component in range(3)]
    return question.points + np.column_stack(parts)


@dataclass(frozen=True)
class Other:
    """A reader for the table of the manual."""

    name: str
    package: str
    """On PyPI; empty for what is none."""
    reader: Reader
    how: str

    @property
    def version(self) -> str:
        """The version that is installed; empty without."""
        try:
            return version(self.package) if self.package else ""
        except PackageNotFoundError:
            return ""


OTHERS: tuple[Other, ...] = (
    Other("DicomRegInspector", "", this_project, "`map_points` of `read_registration`"),
    Other("pydicomrt", "pydicomrt", pydicomrt, "its parsers, composed as their documentation says"),
    Other("rosamllib", "rosamllib", rosamllib, "`REG.from_dataset`, its grid indexed as it documents it"),
    Other(
        "pyCERR",
        "pycerr",
        pycerr,
        "`loadDcmReg`, applied as its warping does, which leaves the matrices beside a grid out",
    ),
    Other(
        "OpenTPS", "opentps-core", opentps, "`readDicomVectorField`, `readDicomRigidTransform`, applied as it resamples"
    ),
    Other("SlicerRT", "", slicerrt, "a port of its reader's arithmetic, not the program"),
    Other("SimpleITK", "SimpleITK", simpleitk, "`ReadTransform`"),
)
"""In the order of the manual's table."""
BY_NAME = {other.name: other for other in OTHERS}

if __name__ == "__main__":
    name, kit, answers = sys.argv[1:]
    chosen = BY_NAME[name]
    write_answers(Path(kit), chosen.reader, Path(answers))
    print(f"\n{chosen.version}")
