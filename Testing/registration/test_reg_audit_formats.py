"""The audit decides, from both images, the directions and signs that other programs' files leave open."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import regfiles as rf
from auditpairs import REGISTERED_FRAME, Deformation, affine, audit_item, picture, source_image, waves
from DicomRegInspectorLib.findings.about import about_node
from DicomRegInspectorLib.registration import read_registration
from DicomRegInspectorLib.registration.audit.scalar_image import ScalarImage
from DicomRegInspectorLib.registration.conventions import NOTHING_ASSUMED, Assumed
from DicomRegInspectorLib.tasks.export import export_registration

POINTS = 4000
BENT = Deformation(rf.rigid((0.1, -0.15, 0.2), (8, -6, 4)), rf.rigid((-0.2, 0.1, 0.15), (-3, 9, -7)))
STRAIGHT = Deformation(np.eye(4), np.eye(4), angles=(0, 0, 0))
MATRIX = rf.rigid((0.12, -0.08, 0.2), (9, -6, 5))
WRONG_WAY = Assumed("source-to-registered")
ELASTIX = (
    '(Transform "DeformationFieldTransform")\n(NumberOfParameters 0)\n(DeformationFieldFileName "field.mha")\n'
    "(DeformationFieldInterpolationOrder 1)\n(FixedImageDimension 3)\n(MovingImageDimension 3)\n"
    '(InitialTransformParametersFileName "NoInitialTransform")\n(HowToCombineTransforms "Compose")\n'
)


@lru_cache(maxsize=1)
def source() -> ScalarImage:
    return source_image()


@lru_cache(maxsize=3)
def fixed(which: str) -> ScalarImage:
    maps = {
        "bent": BENT.meant("standard"),
        "straight": STRAIGHT.meant("standard"),
        "matrix": lambda p: affine(MATRIX, p),
    }
    return picture(lambda p: waves(maps[which](p)), frame=REGISTERED_FRAME)


def judged(path: Path, which: str, assumed: Assumed = NOTHING_ASSUMED) -> tuple[str, list[str]]:
    """The audit's verdict and the codes of its findings."""
    (item,) = read_registration(path, assumed).items
    result = audit_item(item, fixed(which), source(), same_modality=True, points=POINTS)
    return result.verdict, [finding.code for finding in result.findings(about_node("item 1"))]


def exported(tmp_path: Path, deformation: Deformation, name: str) -> Path:
    path = tmp_path / name
    deformation.write(tmp_path / "reg.dcm")
    export_registration(read_registration(tmp_path / "reg.dcm"), path)
    return path


@pytest.mark.parametrize("suffix", ["h5", "nrrd", "mha", "txt"])
def test_the_direction_of_a_file_is_decided_by_both_images(tmp_path: Path, suffix: str) -> None:
    path = exported(tmp_path, BENT, "field.mha" if suffix == "txt" else f"field.{suffix}")
    if suffix == "txt":
        path = tmp_path / "TransformParameters.0.txt"
        path.write_text(ELASTIX)
    assert judged(path, "bent") == ("standard", [])
    assert judged(path, "bent", WRONG_WAY) == ("reversed", ["reg-direction-suspect"])


def test_vectors_said_to_be_in_the_other_coordinates_are_named(tmp_path: Path) -> None:
    path = exported(tmp_path, STRAIGHT, "field.nrrd")
    head, _, body = path.read_bytes().partition(b"\n\n")
    lines = []
    for line in head.decode().splitlines():
        if line.startswith(("space directions", "space origin")):
            line = turned(line)
        lines.append(line.replace("left-posterior-superior", "right-anterior-superior"))
    kept = [line for line in lines if not line.startswith("measurement frame")]
    path.write_bytes("\n".join(kept).encode() + b"\n\n" + body)
    assert judged(path, "straight", Assumed(coordinates="lps")) == ("standard", [])
    assert judged(path, "straight", Assumed(coordinates="ras")) == ("axis-signs", ["reg-axis-signs-suspect"])


def turned(line: str) -> str:
    """A line of vectors, from LPS into RAS."""
    name, _, rest = line.partition(": ")
    groups = rest.split(" ")
    return f"{name}: " + " ".join(group if group == "none" else _turned(group) for group in groups)


def _turned(group: str) -> str:
    x, y, z = map(float, group.strip("()").split(","))
    return f"({-x!r},{-y!r},{z!r})"


@pytest.mark.parametrize("coordinates", ["lps", "ras"])
def test_answers_for_a_plain_matrix_are_judged_by_both_images(tmp_path: Path, coordinates: str) -> None:
    signs = np.diag([-1, -1, 1, 1]) if coordinates == "ras" else np.eye(4)
    path = tmp_path / "matrix.txt"
    np.savetxt(path, signs @ MATRIX @ signs)
    other = "lps" if coordinates == "ras" else "ras"
    assert judged(path, "matrix", Assumed("registered-to-source", coordinates)) == ("standard", [])
    assert judged(path, "matrix", Assumed("source-to-registered", coordinates)) == (
        "reversed",
        ["reg-direction-suspect"],
    )
    assert judged(path, "matrix", Assumed("registered-to-source", other)) == ("axis-signs", ["reg-axis-signs-suspect"])
