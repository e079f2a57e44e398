"""Structures through a registration: points as the closed form has them, volumes, what has no place, what folds."""

from __future__ import annotations

import csv
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from applycases import REGISTERED, SOURCE, apply_kind, ct_series, dciodvfy, matrix
from DicomRegInspectorLib.errors import DicomRegInspectorError
from DicomRegInspectorLib.structures import read_structures
from DicomRegInspectorLib.tasks.apply.applied import Applied
from DicomRegInspectorLib.tasks.apply.transform import read_transform
from regfiles import DeformableItem, GridSpec, RegistrationSpec, rigid, write
from structfiles import Drawn, Region, axes_matrix, ball, centres, circle, write_rtstruct

CENTRE = np.array((3.0, -5.0, 1.0))
SHELL_ML = 4 / 3 * np.pi * (40**3 - 15**3) / 1000
LINEAR = np.array([[1.06, 0.03, 0], [-0.02, 0.95, 0.04], [0.01, -0.03, 1.04]])
ORIGIN, SPACING, SIZE = (-60.0, -60.0, -60.0), (2.0, 2.0, 2.0), (61, 61, 61)


def mapped(places: np.ndarray) -> np.ndarray:
    """Where registered places come from, in closed form: an affine part, and waves of 120 mm."""
    x, y, z = np.moveaxis(places, -1, 0)
    k = 2 * np.pi / 120
    waves = (
        3 * np.sin(k * y + 0.3) * np.cos(k * z),
        2.5 * np.cos(k * x) * np.sin(k * z + 0.5),
        2 * np.sin(k * (x + y)),
    )
    return places @ LINEAR.T + np.stack(waves, axis=-1) + (4, -2, 3)


def registration(path: Path, function: Any = mapped, origin: tuple[float, ...] = ORIGIN) -> Path:
    """A field sampled on a grid of 2 mm."""
    nodes = centres(axes_matrix(np.eye(3), SPACING, origin), SIZE)
    vectors = (function(nodes) - nodes).astype(np.float32)
    return write(path, RegistrationSpec((DeformableItem(GridSpec(vectors, SPACING, origin)),)))


def shell(path: Path, frame: str = SOURCE, *more: Region, spacing: float = 2.5) -> Path:
    """The shell of radii 40 and 15 mm as contours."""
    heights = np.arange(-60.2, 60, spacing)
    contours = [*ball(40, heights, CENTRE), *ball(15, heights, CENTRE)]
    return write_rtstruct(path, [Region("Shell", contours, (9, 8, 7), "PTV"), *more], frame=frame)


@pytest.fixture
def fixed(tmp_path: Path) -> Path:
    """A series of the registered frame, 2.5 mm apart."""
    return ct_series(
        tmp_path / "fixed", np.zeros((50, 60, 60)), REGISTERED, origin=(-60, -60, -62), spacing_mm=2.5, pixel_mm=2.0
    )


apply = partial(apply_kind, "structures")


def codes(applied: Applied) -> list[str]:
    """Of its findings, but for holes drawn as contours of their own."""
    return [finding.code for finding in applied.findings if finding.code != "structure-contours-doubtful"]


def on_shell(distance: np.ndarray) -> np.ndarray:
    """How far places at a distance from the centre lie from the shell's surfaces."""
    return np.minimum(np.abs(distance - 40), np.abs(distance - 15))


def test_a_warped_shell_has_the_volume_and_the_surface_of_the_closed_form(tmp_path: Path, fixed: Path) -> None:
    applied = apply(registration(tmp_path / "reg.dcm"), tmp_path / "out.dcm", shell(tmp_path / "s.dcm"), fixed)
    places = centres(axes_matrix(np.eye(3), (1, 1, 1), (-59.5, -59.5, -59.5)), (120, 120, 120))
    distance = np.linalg.norm(mapped(places) - CENTRE, axis=-1)
    volume_ml = np.count_nonzero((distance < 40) & (distance > 15)) / 1000
    assert abs(volume_ml / SHELL_ML - 1) > 0.03
    (part,) = applied.parts
    assert part.volume_before_ml == pytest.approx(SHELL_ML, rel=0.002)
    assert part.volume_after_ml == pytest.approx(volume_ml, rel=0.005)
    assert part.undefined_percent == 0 and part.outside_percent == 0 and part.measured > 10_000
    assert codes(applied) == []
    (structure,) = read_structures(tmp_path / "out.dcm").structures
    assert structure.volume_mm3 / 1000 == pytest.approx(volume_ml, rel=0.005)
    off = np.concatenate(
        [on_shell(np.linalg.norm(mapped(contour.points) - CENTRE, axis=1)) for contour in structure.contours]
    )
    # What is left is the interpolation between planes 2.5 mm apart, largest near the poles.
    assert np.percentile(off, 50) < 0.05 and np.percentile(off, 95) < 0.2


def test_a_warped_cylinder_along_the_normal_is_exact_between_planes_too(tmp_path: Path, fixed: Path) -> None:
    cylinder = [Drawn(circle(20, height, CENTRE, 2880)) for height in np.arange(-30, 31, 3.0)]
    given = write_rtstruct(tmp_path / "s.dcm", [Region("tube", cylinder)], frame=SOURCE)
    apply(registration(tmp_path / "reg.dcm"), tmp_path / "out.dcm", given, fixed)
    (structure,) = read_structures(tmp_path / "out.dcm").structures
    source = mapped(np.concatenate([contour.points for contour in structure.contours]))
    inner = np.abs(source[:, 2]) < 31
    assert np.abs(np.linalg.norm((source - CENTRE)[inner, :2], axis=1) - 20).max() < 0.01


def test_points_of_contours_lie_where_the_closed_form_has_them(tmp_path: Path) -> None:
    given = shell(tmp_path / "s.dcm")
    applied = apply(registration(tmp_path / "reg.dcm"), tmp_path / "out.csv", given)
    with open(tmp_path / "out.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = np.array([[float(row[axis]) for axis in "xyz"] for row in rows])
    contours = read_structures(given).structures[0].contours
    assert np.abs(mapped(found) - np.concatenate([contour.points for contour in contours])).max() < 0.01
    assert {row["structure"] for row in rows} == {"Shell"} and rows[-1]["contour"] == str(len(contours))
    assert applied.residual is not None and applied.residual.points == len(rows) and applied.residual.lost == 0
    assert applied.residual.max_mm is not None and applied.residual.max_mm < 1e-6
    assert max(float(row["residual_mm"]) for row in rows) == pytest.approx(applied.residual.max_mm, rel=0.01, abs=1e-15)


def test_back_to_the_source_frame_points_are_mapped_without_a_search(tmp_path: Path) -> None:
    given = shell(tmp_path / "s.dcm", REGISTERED)
    applied = apply(registration(tmp_path / "reg.dcm"), tmp_path / "out.csv", given, inverse=True)
    with open(tmp_path / "out.csv", encoding="utf-8") as file:
        found = np.array([[float(row[axis]) for axis in "xyz"] for row in csv.DictReader(file)])
    points = np.concatenate([contour.points for contour in read_structures(given).structures[0].contours])
    assert np.abs(found - mapped(points)).max() < 0.01 and applied.residual is None


def test_back_in_the_source_frame_a_shell_has_the_volume_of_the_closed_form(tmp_path: Path) -> None:
    moving = ct_series(
        tmp_path / "moving", np.zeros((60, 70, 70)), SOURCE, origin=(-70, -70, -70), spacing_mm=2.5, pixel_mm=2.0
    )
    given = shell(tmp_path / "s.dcm", REGISTERED)
    applied = apply(registration(tmp_path / "reg.dcm"), tmp_path / "out.dcm", given, moving, inverse=True)
    places = centres(axes_matrix(np.eye(3), (1.5, 1.5, 1.5), (-59, -59, -59)), (80, 80, 80))
    distance = np.linalg.norm(places - CENTRE, axis=-1)
    step = 1e-4
    columns = [(mapped(places + shift) - mapped(places - shift)) / (2 * step) for shift in np.eye(3) * step]
    jacobian = np.linalg.det(np.stack(columns, axis=-1))
    share = (jacobian[(distance < 40) & (distance > 15)]).mean()
    assert applied.parts[0].volume_after_ml == pytest.approx(SHELL_ML * share, rel=0.005)


def test_what_was_written_belongs_to_the_target_and_keeps_names_colours_and_types(tmp_path: Path, fixed: Path) -> None:
    mark = Region("Isocentre", [Drawn(CENTRE[None], "POINT")], None, "ISOCENTER")
    given = shell(tmp_path / "s.dcm", SOURCE, mark, Region("Bolus", [], (1, 1, 1), "BOLUS"))
    before = dciodvfy(given)
    apply(registration(tmp_path / "reg.dcm"), tmp_path / "out.dcm", given, fixed, description="brought")
    assert dciodvfy(tmp_path / "out.dcm") - before == set()
    made, image = pydicom.dcmread(tmp_path / "out.dcm"), pydicom.dcmread(next(fixed.iterdir()))
    assert made.StudyInstanceUID == image.StudyInstanceUID and made.FrameOfReferenceUID == REGISTERED
    assert made.PatientID == image.PatientID and made.SeriesDescription == "brought"
    assert made.PredecessorStructureSetSequence[0].ReferencedSOPInstanceUID == pydicom.dcmread(given).SOPInstanceUID
    assert "1.2.3.4.5.6" in made.StructureSetDescription
    first, point, empty = read_structures(tmp_path / "out.dcm").structures
    assert (first.name, first.colour, first.interpreted_type) == ("Shell", (9, 8, 7), "PTV")
    assert (point.interpreted_type, point.contours[0].geometric_type) == ("ISOCENTER", "POINT")
    assert np.abs(mapped(point.contours[0].points) - CENTRE).max() < 0.01
    assert empty.is_empty and empty.interpreted_type == "BOLUS"
    uids = {str(pydicom.dcmread(path).SOPInstanceUID) for path in fixed.iterdir()}
    assert {contour.images[0][1] for contour in first.contours} <= uids


def test_a_shift_by_whole_slices_keeps_each_point_of_each_contour(tmp_path: Path, fixed: Path) -> None:
    heights = np.arange(-42, 43, 2.5)
    given = write_rtstruct(tmp_path / "s.dcm", [Region("ball", ball(40, heights))], frame=SOURCE)
    transform = matrix(tmp_path / "reg.dcm", rigid((0, 0, 0), (1.25, -3.5, 5)))
    applied = apply(transform, tmp_path / "out.dcm", given, fixed)
    before, after = (read_structures(path).structures[0].contours for path in (given, tmp_path / "out.dcm"))
    assert len(before) == len(after)
    for first, second in zip(before, after, strict=True):
        assert np.abs(second.points - first.points - (1.25, -3.5, 5)).max() < 1e-6
    assert not any("drawn anew" in note for note in applied.notes)


def test_what_has_no_place_is_told_with_share_and_volume(tmp_path: Path, fixed: Path) -> None:
    # The grid begins at the middle of the shell: half of it has no place in the registered frame.
    transform = registration(tmp_path / "reg.dcm", lambda places: places, (3.0, -60.0, -60.0))
    mark = Region("Outside", [Drawn(np.array([[-20.0, 0, 0]]), "POINT")])
    applied = apply(transform, tmp_path / "out.dcm", shell(tmp_path / "s.dcm", SOURCE, mark), fixed)
    first, second = (finding for finding in applied.findings if finding.code == "structure-not-carried")
    assert first.severity == "error" and first.evidence["structure"] == "Shell"
    assert first.evidence["undefined_percent"] == pytest.approx(50, abs=1)
    assert first.evidence["undefined_ml"] == pytest.approx(SHELL_ML / 2, rel=0.02)
    assert applied.parts[0].volume_after_ml == pytest.approx(SHELL_ML / 2, rel=0.005)
    assert second.evidence["structure"] == "Outside" and second.evidence["lost_points"] == 1
    assert applied.residual is not None and applied.residual.lost > 1000


def test_what_lies_beyond_the_slices_is_told(tmp_path: Path) -> None:
    short = ct_series(
        tmp_path / "short",
        np.zeros((20, 60, 60)),
        REGISTERED,
        origin=(-60, -60, 1 + 1.25),
        spacing_mm=2.5,
        pixel_mm=2.0,
    )
    transform = registration(tmp_path / "reg.dcm", lambda places: places)
    applied = apply(transform, tmp_path / "out.dcm", shell(tmp_path / "s.dcm"), short)
    (finding,) = (finding for finding in applied.findings if finding.code == "structure-not-carried")
    assert finding.evidence["outside_percent"] == pytest.approx(50, abs=1)
    assert applied.parts[0].volume_after_ml == pytest.approx(SHELL_ML / 2, rel=0.01)


def test_a_structure_wholly_outside_is_written_empty_and_told(tmp_path: Path, fixed: Path) -> None:
    given = write_rtstruct(tmp_path / "s.dcm", [Region("far", ball(10, range(-10, 11), (500, 0, 0)))], frame=SOURCE)
    applied = apply(registration(tmp_path / "reg.dcm"), tmp_path / "out.dcm", given, fixed)
    (finding,) = (finding for finding in applied.findings if finding.code == "structure-not-carried")
    assert finding.severity == "error" and finding.evidence["undefined_percent"] == 100
    assert read_structures(tmp_path / "out.dcm").structures[0].is_empty


def test_folding_is_told_of_the_structure_that_it_lies_in(tmp_path: Path, fixed: Path) -> None:
    def folding(places: np.ndarray) -> np.ndarray:
        moved = places.copy()
        near = np.exp(-(((places - (30, 0, 0)) / 8) ** 2).sum(axis=-1))
        moved[..., 0] -= 2.5 * (places[..., 0] - 30) * near
        return moved

    regions = [
        Region(name, ball(12, range(-13, 14), place)) for name, place in (("bad", (30, 0, 0)), ("good", (-30, 0, 0)))
    ]
    given = write_rtstruct(tmp_path / "s.dcm", regions, frame=SOURCE)
    applied = apply(registration(tmp_path / "reg.dcm", folding), tmp_path / "out.dcm", given, fixed)
    (finding,) = (finding for finding in applied.findings if finding.code == "structure-folded")
    assert finding.severity == "error" and finding.evidence["structure"] == "bad"
    assert finding.evidence["folded_percent"] > 1


def test_an_open_contour_out_of_its_plane_is_open_nonplanar_and_told(tmp_path: Path, fixed: Path) -> None:
    line = circle(20, 1, CENTRE, 50)[:30]
    given = write_rtstruct(tmp_path / "s.dcm", [Region("line", [Drawn(line, "OPEN_PLANAR")])], frame=SOURCE)
    applied = apply(registration(tmp_path / "reg.dcm"), tmp_path / "out.dcm", given, fixed)
    (contour,) = read_structures(tmp_path / "out.dcm").structures[0].contours
    assert contour.geometric_type == "OPEN_NONPLANAR" and np.abs(mapped(contour.points) - line).max() < 0.01
    assert any("OPEN_NONPLANAR" in note for note in applied.notes)


def test_contours_to_be_xored_stay_so(tmp_path: Path, fixed: Path) -> None:
    contours = [
        Drawn(circle(radius, height), "CLOSEDPLANAR_XOR") for height in range(-20, 21, 2) for radius in (30, 10)
    ]
    given = write_rtstruct(tmp_path / "s.dcm", [Region("ring", contours)], frame=SOURCE)
    applied = apply(registration(tmp_path / "reg.dcm"), tmp_path / "out.dcm", given, fixed)
    (structure,) = read_structures(tmp_path / "out.dcm").structures
    assert {contour.geometric_type for contour in structure.contours} == {"CLOSEDPLANAR_XOR"}
    assert structure.volume_mm3 / 1000 == pytest.approx(applied.parts[0].volume_after_ml)


def test_other_frames_missing_images_and_other_endings_are_refused(tmp_path: Path, fixed: Path) -> None:
    transform = registration(tmp_path / "reg.dcm")
    with pytest.raises(DicomRegInspectorError, match="other way round"):
        apply(transform, tmp_path / "out.dcm", shell(tmp_path / "s.dcm", REGISTERED), fixed)
    given = shell(tmp_path / "t.dcm", "1.2.3.999")
    with pytest.raises(DicomRegInspectorError, match=r"frame of reference 1\.2\.3\.999"):
        apply(transform, tmp_path / "out.dcm", given, fixed)
    assert "reg-frame-unknown" in codes(apply(transform, tmp_path / "any.dcm", given, fixed, any_frame=True))
    with pytest.raises(DicomRegInspectorError, match="belongs to the images that it is drawn on"):
        apply(transform, tmp_path / "out.dcm", shell(tmp_path / "u.dcm"))
    with pytest.raises(DicomRegInspectorError, match=r"\.dcm \(RT Structure Set\) or \.csv"):
        apply(transform, tmp_path / "out.nrrd", shell(tmp_path / "v.dcm"), fixed)
    assert not (tmp_path / "out.dcm").exists() and not (tmp_path / "out.nrrd").exists()


def test_a_million_points_are_searched_for_within_ten_seconds(tmp_path: Path) -> None:
    flat = b"\\".join(b"%.6f\\%.6f\\Z" % (x, y) for x, y, _ in circle(40, 0, count=5000))
    contours = [Drawn(flat.replace(b"Z", b"%.2f" % height)) for height in np.arange(-40, 40, 0.4)]
    given = write_rtstruct(tmp_path / "s.dcm", [Region("big", contours)], frame=SOURCE)
    (structure,) = read_structures(given).structures
    transform = read_transform(registration(tmp_path / "reg.dcm"))
    points = np.concatenate([contour.points for contour in structure.contours])
    assert len(points) == 1_000_000
    start = time.process_time()
    moved = transform.push(points)
    taken = time.process_time() - start
    assert moved.residual_mm is not None and moved.residual_mm.max() < 1e-4
    assert np.abs(mapped(moved.points[::50]) - points[::50]).max() < 0.01
    assert taken < 10
