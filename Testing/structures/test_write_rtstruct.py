"""RT Structure Sets written: read by others as they were meant, nothing lost of what a structure is called."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.errors import UsageError
from DicomRegInspectorLib.registration.file.write.dicom_object import Reference, ReferencedImages
from DicomRegInspectorLib.registration.nodes import Nodes
from DicomRegInspectorLib.samples.ct_files import SeriesNames, SliceGeometry, write_ct_series
from DicomRegInspectorLib.structures import Contour, Structure, read_structures
from DicomRegInspectorLib.structures.contour_data import decimal_string, numbers_of
from DicomRegInspectorLib.structures.resample import ImagePlane, contours_on_planes
from DicomRegInspectorLib.structures.write_rtstruct import Said, write_rtstruct
from structfiles import FRAME, axes_matrix, centres, circle, dice, winding_inside

CT = "1.2.840.10008.5.1.4.1.1.2"
CENTRE = np.array((3.0, -5.0, 1.0))
SHELL_MM3 = 4 / 3 * np.pi * (40**3 - 15**3)
SIZE = (104, 108, 40)
GRID = axes_matrix(np.eye(3), (1, 1, 2.5), (-50, -60, -48))


@pytest.fixture
def images(tmp_path: Path) -> ReferencedImages:
    """A CT series, and references to it."""
    corners = GRID[:3, 3] + np.arange(SIZE[2])[:, None] * (0, 0, 2.5)
    geometry = SliceGeometry(corners, SIZE[1], SIZE[0], 1.0, thickness_mm=(2.5,))
    names = SeriesNames("1.2.5", "1.2.4", FRAME, "fixed", patient_id="P-1")
    written = write_ct_series(tmp_path / "ct", np.zeros((SIZE[2], SIZE[1], SIZE[0])), geometry, names)
    references = [Reference(CT, str(image.SOPInstanceUID), "1.2.5", "1.2.4") for image in written]
    return ReferencedImages(tuple(references), written[0])


def shell(images: ReferencedImages) -> Structure:
    """The shell of radii 40 and 15 mm on the slices of the series, with keyholes."""

    def depth(points: np.ndarray) -> np.ndarray:
        distance = np.linalg.norm(points - CENTRE, axis=1)
        return np.minimum(40 - distance, distance - 15)

    planes = []
    for k, reference in enumerate(images.references):
        matrix = GRID.copy()
        matrix[:3, 3] += k * GRID[:3, 2]
        planes.append(ImagePlane(matrix, (CT, reference.instance_uid)))
    contours = contours_on_planes(depth, planes, np.stack([CENTRE - 41, CENTRE + 41]), 1.0)
    return Structure(
        7, "Shell", tuple(contours), None, (1, 2, 255), "PTV", "AUTOMATIC", "made", written_name="Shell Größe"
    )


def analytic() -> np.ndarray:
    distance = np.linalg.norm(centres(GRID, SIZE) - CENTRE, axis=-1)
    return (distance < 40) & (distance > 15)


def errors_of(path: Path) -> list[str]:
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr
    return [line for line in told.splitlines() if line.startswith("Error")]


def test_names_numbers_colours_and_types_come_back(tmp_path: Path, images: ReferencedImages) -> None:
    point = Structure(9, "Mark", (Contour(np.array([[1.0, 2, 3]]), "POINT"),), interpreted_type="MARKER")
    uid = write_rtstruct(tmp_path / "out.dcm", [shell(images), point, Structure(12, "Bolus")], images, FRAME)
    found = read_structures(tmp_path / "out.dcm")
    assert found.sop_instance_uid == uid and found.frame_uid == FRAME and found.references == images.references
    first, mark, empty = found.structures
    assert (first.number, first.written_name, first.colour) == (7, "Shell Größe", (1, 2, 255))
    assert (first.interpreted_type, first.generation_algorithm, first.description) == ("PTV", "AUTOMATIC", "made")
    assert mark.contours[0].points.tolist() == [[1, 2, 3]] and empty.is_empty and empty.number == 12


def test_it_belongs_to_the_images_and_each_contour_to_its_slice(tmp_path: Path, images: ReferencedImages) -> None:
    source = Reference("1.2.840.10008.5.1.4.1.1.481.3", "1.9.9", "", "")
    said = Said("PLAN", "how it came about", "brought along", source)
    write_rtstruct(tmp_path / "out.dcm", [shell(images)], images, FRAME, said)
    made = pydicom.dcmread(tmp_path / "out.dcm")
    assert made.PatientID == images.header.PatientID and made.StudyInstanceUID == "1.2.4"
    assert made.SeriesDescription == "brought along" and made.StructureSetLabel == "PLAN"
    assert made.PredecessorStructureSetSequence[0].ReferencedSOPInstanceUID == "1.9.9"
    heights = {
        str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID): float(
            pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient[2]
        )
        for path in (tmp_path / "ct").iterdir()
    }
    contours = made.ROIContourSequence[0].ContourSequence
    assert len(contours) == 32
    for contour in contours:
        height = heights[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
        assert {float(value) for value in contour.ContourData[2::3]} == {height}
        assert contour.ContourGeometricType == "CLOSED_PLANAR"


def test_dciodvfy_finds_no_error(tmp_path: Path, images: ReferencedImages) -> None:
    write_rtstruct(tmp_path / "out.dcm", [shell(images), Structure(12, "Bolus")], images, FRAME, Said("PLAN", "how"))
    assert errors_of(tmp_path / "out.dcm") == []


def test_plastimatch_reads_the_shell_with_its_hole(tmp_path: Path, images: ReferencedImages) -> None:
    sitk = pytest.importorskip("SimpleITK")
    if shutil.which("plastimatch") is None:
        pytest.skip("plastimatch is not installed")
    write_rtstruct(tmp_path / "out.dcm", [shell(images)], images, FRAME)
    grid = sitk.Image(*SIZE, sitk.sitkInt16)
    grid.SetSpacing((1, 1, 2.5))
    grid.SetOrigin(GRID[:3, 3].tolist())
    sitk.WriteImage(grid, str(tmp_path / "grid.mha"))
    arguments = ["--fixed", tmp_path / "grid.mha", "--output-prefix", tmp_path / "read", "--prefix-format", "mha"]
    subprocess.run(
        ["plastimatch", "convert", "--input", tmp_path / "out.dcm", *arguments], check=True, capture_output=True
    )
    (mask_file,) = (tmp_path / "read").iterdir()
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(mask_file))) > 0
    assert dice(mask, analytic()) > 0.99
    assert mask.sum() * 2.5 == pytest.approx(SHELL_MM3, rel=0.005)


def test_a_naive_rasteriser_finds_the_shell_whichever_way_contours_are_combined(
    tmp_path: Path, images: ReferencedImages
) -> None:
    write_rtstruct(tmp_path / "out.dcm", [shell(images)], images, FRAME)
    made = pydicom.dcmread(tmp_path / "out.dcm")
    masks = {"or": np.zeros(SIZE[::-1], bool), "xor": np.zeros(SIZE[::-1], bool)}
    flat = centres(GRID, SIZE)[0, ::2, ::2, :2]
    for contour in made.ROIContourSequence[0].ContourSequence:
        points = np.array(contour.ContourData, float).reshape(-1, 3)
        k = round((points[0, 2] - GRID[2, 3]) / 2.5)
        inside = winding_inside([points[:, :2]], flat.reshape(-1, 2)).reshape(flat.shape[:2])
        masks["or"][k, ::2, ::2] |= inside
        masks["xor"][k, ::2, ::2] ^= inside
    expected = analytic()[:, ::2, ::2]
    for mask in masks.values():
        assert dice(mask[:, ::2, ::2], expected) > 0.99
        assert mask.sum() * 10 == pytest.approx(SHELL_MM3, rel=0.005)
    assert np.array_equal(
        read_structures(tmp_path / "out.dcm").structures[0].mask(Nodes(GRID, SIZE, ""))[:, ::2, ::2],
        masks["or"][:, ::2, ::2],
    )


def test_decimal_strings_are_as_exact_as_sixteen_bytes_hold() -> None:
    random = np.random.default_rng(0)
    values = np.concatenate(
        [
            random.normal(0, 1, 2000) * 10.0 ** random.integers(-12, 12, 2000),
            [0, -0.0, 1, -5, 12.5, 1e300, -1e-300, 99999999999999.99, -99999.99999999999, 0.1, -1 / 3],
        ]
    )
    raw = decimal_string(values)
    parts = raw.decode().strip().split("\\")
    assert max(map(len, parts)) <= 16 and len(raw) % 2 == 0
    assert np.array_equal(numbers_of(raw), [float(part) for part in parts])
    for value, part in zip(values, parts, strict=True):
        # No decimal string of 16 bytes comes nearer than the best that Python finds among its formats.
        best = min(
            (text for digits in range(17) for kind in "fge" if len(text := f"{value:.{digits}{kind}}") <= 16),
            key=lambda text: abs(float(text) - value),
        )
        assert abs(float(part) - value) <= abs(float(best) - value) * 1.0000001 + 1e-16 * abs(value)


def test_contours_longer_than_an_explicit_element_are_written_and_read(
    tmp_path: Path, images: ReferencedImages
) -> None:
    points = circle(40, 0, count=20_000)
    write_rtstruct(tmp_path / "out.dcm", [Structure(1, "fine", (Contour(points),))], images, FRAME)
    (structure,) = read_structures(tmp_path / "out.dcm").structures
    assert structure.point_count == 20_000
    assert np.abs(structure.contours[0].points - points).max() < 1e-12


def test_a_place_that_cannot_be_written_is_told_and_nothing_is_left(tmp_path: Path, images: ReferencedImages) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        write_rtstruct(tmp_path / "nowhere" / "out.dcm", [shell(images)], images, FRAME)
    assert sorted(place.name for place in tmp_path.iterdir()) == ["ct"]
