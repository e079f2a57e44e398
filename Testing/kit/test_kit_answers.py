"""The kit's answers against the equations of DICOM in plain NumPy, on what pydicom reads from the files."""

from __future__ import annotations

import csv
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pydicom
import pytest
from readers import HEADER, asked

EXACT_MM = 2e-9
Mapping = Callable[[np.ndarray], np.ndarray]
"""Of one point, LPS mm."""


def node_vectors(grid: pydicom.Dataset, big_endian: bool) -> np.ndarray:
    """(nx, ny, nz, 3) Vector Grid Data: x runs fastest."""
    order = ">f4" if big_endian else "<f4"
    return (
        np.frombuffer(grid.VectorGridData, order)
        .astype(float)
        .reshape([*list(grid.GridDimensions)[::-1], 3])
        .transpose(2, 1, 0, 3)
    )


def displacement_of(grid: pydicom.Dataset, big_endian: bool) -> Mapping:
    """D(x) of one point, trilinear between nodes at P + i rx row + j ry column + k rz (row x column)."""
    row, column = np.reshape(np.array(grid.ImageOrientationPatient, float), (2, 3))
    steps = np.column_stack([row, column, np.cross(row, column)]) * np.array(grid.GridResolution, float)
    origin, to_index = np.array(grid.ImagePositionPatient, float), np.linalg.inv(steps)
    vectors = node_vectors(grid, big_endian)
    last = np.array(vectors.shape[:3]) - 1

    def displacement(point: np.ndarray) -> np.ndarray:
        index = to_index @ (point - origin)
        if np.any(index < -1e-4) or np.any(index > last + 1e-4):
            return np.full(3, np.nan)
        index = np.clip(np.where(np.abs(index - np.rint(index)) < 1e-6, np.rint(index), index), 0, last)
        low = np.floor(index).astype(int)
        total = np.zeros(3)
        for corner in product((0, 1), repeat=3):
            share = index - low
            weight = np.prod([share[axis] if corner[axis] else 1 - share[axis] for axis in range(3)])
            if weight > 0:
                total += weight * vectors[tuple(low + corner)]
        return total

    return displacement


def matrix_of(sequence: pydicom.Sequence | None) -> np.ndarray:
    if not sequence:
        return np.eye(4)
    return np.array(sequence[0].FrameOfReferenceTransformationMatrix, float).reshape(4, 4)


def mapping_of(dataset: pydicom.Dataset, number: int) -> Mapping:
    """Equation C.20.3-1, the inverse of C.20.2's product, or the fiducial of the same name."""
    if "FiducialSetSequence" in dataset:
        first, second = dataset.FiducialSetSequence
        names = {tuple(map(float, f.ContourData)): f.FiducialIdentifier for f in first.FiducialSequence}
        places = {f.FiducialIdentifier: np.array(f.ContourData, float) for f in second.FiducialSequence}
        return lambda point: places[names[tuple(point.tolist())]]
    if "RegistrationSequence" in dataset:
        forward = np.eye(4)
        for matrix in dataset.RegistrationSequence[number - 1].MatrixRegistrationSequence[0].MatrixSequence:
            forward = np.array(matrix.FrameOfReferenceTransformationMatrix, float).reshape(4, 4) @ forward
        return lambda point: np.linalg.solve(forward, np.append(point, 1.0))[:3]
    item = dataset.DeformableRegistrationSequence[number - 1]
    pre = matrix_of(item.get("PreDeformationMatrixRegistrationSequence"))
    post = matrix_of(item.get("PostDeformationMatrixRegistrationSequence"))
    big = dataset.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRBigEndian
    offsets = [displacement_of(grid, big) for grid in item.get("DeformableRegistrationGridSequence", ())]

    def mapped(point: np.ndarray) -> np.ndarray:
        moved = pre @ np.append(point, 1.0)
        for offset in offsets:
            moved[:3] += offset(point)
        return (post @ moved)[:3]

    return mapped


def table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert tuple(reader.fieldnames or ()) == HEADER
        return list(reader)


def test_each_answer_is_what_the_equations_make_of_the_file(kit: Path) -> None:
    rows = table(kit / "answers.csv")
    keys = {(row["object"], int(row["item"])) for row in rows}
    mappings = {(name, number): mapping_of(pydicom.dcmread(kit / name), number) for name, number in keys}
    assert len(rows) > 900
    undefined = 0
    for row in rows:
        point = np.array([float(row[axis]) for axis in "xyz"])
        told = np.array([float(row[f"source_{axis}"]) for axis in "xyz"])
        right = mappings[row["object"], int(row["item"])](point)
        np.testing.assert_allclose(told, right, rtol=0, atol=EXACT_MM, err_msg=str(row))
        undefined += bool(np.isnan(told).all())
    assert undefined > 10


def test_answers_have_nine_digits_and_the_template_asks_for_the_same_points(kit: Path) -> None:
    answers, template = table(kit / "answers.csv"), table(kit / "template.csv")
    assert [list(row.values())[:6] for row in answers] == [list(row.values())[:6] for row in template]
    assert all(list(row.values())[6:] == ["", "", ""] for row in template)
    for row in answers:
        for value in list(row.values())[6:]:
            assert value == "nan" or len(value.partition(".")[2]) >= 9


def test_items_are_told_apart_by_frames_or_by_the_images_they_refer_to(kit: Path) -> None:
    series = {}
    for folder in (kit / "images").iterdir():
        for path in folder.iterdir():
            image = pydicom.dcmread(path, stop_before_pixels=True)
            series[image.SOPInstanceUID] = (image.FrameOfReferenceUID, folder.name)
    with open(kit / "objects.csv", encoding="utf-8", newline="") as file:
        told = {(row["object"], row["item"]): row for row in csv.DictReader(file)}
    for question in asked(kit):
        dataset = pydicom.dcmread(question.path)
        if "FiducialSetSequence" in dataset:
            item = dataset.FiducialSetSequence[1]
        else:
            items = dataset.get("DeformableRegistrationSequence") or dataset.RegistrationSequence
            item = items[question.item - 1]
        images = {series[image.ReferencedSOPInstanceUID] for image in item.ReferencedImageSequence}
        row = told[question.path.name, str(question.item)]
        assert images == {(question.source_frame_uid, row["source_series"])}
        named = item.get("SourceFrameOfReferenceUID") or item.get("FrameOfReferenceUID")
        assert named in (None, question.source_frame_uid)


@pytest.mark.parametrize(
    "kind", ["visible-matrix", "visible-chain", "visible-grid", "visible-pre-post", "visible-pre-affine"]
)
def test_the_source_at_the_right_places_is_what_the_registered_series_shows(kit: Path, kind: str) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")

    def volume(name: str) -> np.ndarray:
        slices = [pydicom.dcmread(path) for path in sorted((kit / "images" / name).iterdir())]
        return np.stack([image.pixel_array * 1.0 - 1024 for image in slices])

    registered, source = volume(kind), volume("source-1")
    dataset = pydicom.dcmread(kit / f"{kind}.dcm")
    mapping = mapping_of(dataset, 2 if "RegistrationSequence" in dataset else 1)
    corner, steps = np.array([-110.25, -110.25, -81.0]), np.array([3.5, 3.5, 6.0])
    marked = np.argwhere(registered > 350)[::4]
    assert len(marked) > 20
    shown = registered[tuple(marked.T)]
    places = np.array([mapping(corner + index[::-1] * steps) for index in marked])
    sampled = ndimage.map_coordinates(source, ((places - corner) / steps).T[::-1], order=1, cval=-1000)
    # A ball's edge is as wide as a voxel: interpolation takes some of it.
    assert np.abs(sampled - shown).mean() < 0.25 * np.abs(source[tuple(marked.T)] - shown).mean()
