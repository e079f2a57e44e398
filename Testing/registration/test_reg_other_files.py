"""elastix', plastimatch's and plain matrices: as transformix, plastimatch and arithmetic have them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib import cli, read_registration
from DicomRegInspectorLib.errors import ChoiceError, FileError
from DicomRegInspectorLib.registration.conventions import Assumed
from export_peers import require
from itk_transforms import OBLIQUE, affine, field_image, mapped_by, points_around, sitk

TOLERANCE_MM = 1e-4
TURNED = np.reshape(OBLIQUE, (3, 3))
CENTRE = "(CenterOfRotationPoint 3 -4 25)\n"
GRID = (
    "(GridSize 6 7 8)\n(GridIndex 0 0 0)\n(GridSpacing 12 11 10)\n(GridOrigin -35 -10 -75)\n"
    f'(GridDirection {" ".join(map(str, TURNED.T.ravel().tolist()))})\n(UseCyclicTransform "false")\n'
)
IMAGE = """(FixedImageDimension 3)
(MovingImageDimension 3)
(FixedInternalImagePixelType "float")
(MovingInternalImagePixelType "float")
(Size 10 10 10)
(Index 0 0 0)
(Spacing 5 5 5)
(Origin -20 -20 -20)
(Direction 1 0 0 0 1 0 0 0 1)
(UseDirectionCosines "true")
(ResampleInterpolator "FinalBSplineInterpolator")
(FinalBSplineInterpolationOrder 1)
(Resampler "DefaultResampler")
(DefaultPixelValue 0)
(ResultImageFormat "mha")
(ResultImagePixelType "float")
(CompressResultImage "false")
"""
PARAMETERS = {
    "TranslationTransform": ([1, -2, 3], ""),
    "EulerTransform": ([0.1, 0.2, -0.3, 4, 5, 6], CENTRE + '(ComputeZYX "false")\n'),
    "AffineTransform": (list(affine(2).GetMatrix()) + [4, 5, 6], CENTRE),
}


def parameters(
    path: Path, kind: str, numbers: list[float], more: str = "", *, initial: str = "NoInitialTransform",
    how: str = "Compose", image: str = IMAGE,
) -> Path:  # fmt: skip
    own = f"(TransformParameters {' '.join(f'{number:.17g}' for number in numbers)})\n" if numbers else ""
    path.write_text(
        f'(Transform "{kind}")\n(NumberOfParameters {len(numbers)})\n{own}'
        f'(InitialTransformParametersFileName "{initial}")\n(HowToCombineTransforms "{how}")\n{image}{more}'
    )
    return path


def spline(path: Path, order: int, kind: str = "BSplineTransform", **options: str) -> Path:
    numbers = np.random.default_rng(order).normal(0, 2, 3 * 6 * 7 * 8).tolist()
    return parameters(path, kind, numbers, GRID + f"(BSplineTransformSplineOrder {order})\n", **options)


def by_transformix(path: Path, points: np.ndarray) -> np.ndarray:
    require("transformix")
    folder = path.parent
    rows = "\n".join(" ".join(f"{value:.12g}" for value in point) for point in points)
    (folder / "points.txt").write_text(f"point\n{len(points)}\n{rows}\n")
    command = ["transformix", "-def", folder / "points.txt", "-tp", path, "-out", folder]
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=300)
    text = (folder / "outputpoints.txt").read_text()
    return np.array([row.split() for row in re.findall(r"OutputPoint = \[ ([^\]]*)\]", text)], float)


def mapped(path: Path, points: np.ndarray) -> np.ndarray:
    (item,) = read_registration(path).items
    return item.map_points(points)


def assert_as_transformix(path: Path) -> None:
    points = points_around()
    expected = by_transformix(path, points)
    np.testing.assert_allclose(mapped(path, points), expected, rtol=0, atol=TOLERANCE_MM)


@pytest.mark.parametrize("kind", [*PARAMETERS, "EulerTransform ZYX"])
def test_matrices_of_elastix_are_those_of_transformix(tmp_path: Path, kind: str) -> None:
    name, zyx = kind.split()[0], kind.endswith("ZYX")
    numbers, more = PARAMETERS[name]
    assert_as_transformix(parameters(tmp_path / "t.txt", name, numbers, more.replace("false", "true") if zyx else more))


def test_a_similarity_of_elastix_is_that_of_itk(tmp_path: Path) -> None:
    numbers = [0.1, 0.2, -0.3, 4, 5, 6, 1.2]
    path = parameters(tmp_path / "t.txt", "SimilarityTransform", numbers, CENTRE)
    transform = sitk.Similarity3DTransform()
    transform.SetFixedParameters((3, -4, 25))
    transform.SetParameters(numbers)
    points = points_around(count=100)
    np.testing.assert_allclose(mapped(path, points), mapped_by(transform, points), rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", ["BSplineTransform", "RecursiveBSplineTransform"])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_b_splines_of_elastix_are_those_of_transformix(tmp_path: Path, order: int, kind: str) -> None:
    path = spline(tmp_path / "t.txt", order, kind)
    assert_as_transformix(path)
    points = points_around()
    moved = (mapped(path, points) != points).any(axis=1)
    assert 300 < moved.sum() < len(points) - 300


@pytest.mark.parametrize("how", ["Compose", "Add"])
def test_chains_of_elastix_are_those_of_transformix(tmp_path: Path, how: str) -> None:
    first = parameters(tmp_path / "0.txt", "AffineTransform", *PARAMETERS["AffineTransform"])
    second = spline(tmp_path / "1.txt", 3, initial=str(first), how=how)
    third = parameters(
        tmp_path / "2.txt", "EulerTransform", *PARAMETERS["EulerTransform"], initial=str(second), how="Compose"
    )
    assert_as_transformix(third)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for path in (first, second, third):
        shutil.move(path, moved / path.name)
    points = points_around(count=100)
    assert np.isfinite(mapped(moved / "2.txt", points)).all()


def test_a_field_of_elastix_is_that_of_transformix(tmp_path: Path) -> None:
    image = sitk.Cast(field_image(), sitk.sitkVectorFloat32)
    sitk.WriteImage(image, str(tmp_path / "field.mha"))
    more = f'(DeformationFieldFileName "{tmp_path / "field.mha"}")\n(DeformationFieldInterpolationOrder 1)\n'
    assert_as_transformix(parameters(tmp_path / "t.txt", "DeformationFieldTransform", [], more))


@pytest.mark.parametrize(
    ("kind", "numbers", "more", "told"),
    [
        ("AffineTransform", [1, 2, 3], CENTRE, "3 parameters; expected 12"),
        ("EulerTransform", [0, 0, 0, 0, 0, 0], "", "without CenterOfRotationPoint"),
        ("BSplineTransform", [1, 2, 3], GRID, "3 numbers; expected 1008"),
        ("BSplineTransform", [1, 2, 3], GRID.replace('"false"', '"true"'), "cyclic"),
        ("SplineKernelTransform", [1], "", "which is not read"),
        ("TranslationTransform", [1, 2, 3], '(UseBinaryFormatForTransformationParameters "true")\n', "binary"),
        ("TranslationTransform", [1, 2, float("nan")], "", "not finite"),
        ("DeformationFieldTransform", [], '(DeformationFieldFileName "gone.mha")\n', "another order"),
    ],
)
def test_what_elastix_is_not_read_of_is_told(
    tmp_path: Path, kind: str, numbers: list[float], more: str, told: str
) -> None:
    with pytest.raises(FileError, match=told):
        read_registration(parameters(tmp_path / "t.txt", kind, numbers, more))


def test_chains_without_end_and_images_without_directions_are_refused(tmp_path: Path) -> None:
    path = parameters(tmp_path / "t.txt", "TranslationTransform", [1, 2, 3], initial="t.txt")
    with pytest.raises(FileError, match="of itself"):
        read_registration(path)
    parameters(tmp_path / "t.txt", "TranslationTransform", [1, 2, 3], initial="other.txt")
    with pytest.raises(FileError, match="neither where it says nor beside it"):
        read_registration(path)
    straight = IMAGE.replace('UseDirectionCosines "true"', 'UseDirectionCosines "false"')
    parameters(tmp_path / "t.txt", "TranslationTransform", [1, 2, 3], image=straight)
    assert mapped(path, np.zeros(3)).tolist() == [1, 2, 3]
    turned = straight.replace("(Direction 1 0 0 0 1 0 0 0 1)", "(Direction 0 1 0 1 0 0 0 0 1)")
    parameters(tmp_path / "t.txt", "TranslationTransform", [1, 2, 3], image=turned)
    with pytest.raises(FileError, match="not those of the patient"):
        read_registration(path)


def test_what_elastix_is_told_to_do_is_no_transform(tmp_path: Path) -> None:
    path = tmp_path / "parameters.txt"
    path.write_text('(Transform "BSplineTransform")\n(FinalGridSpacingInPhysicalUnits 17)\n')
    with pytest.raises(FileError, match="not DICOM"):
        read_registration(path)


SIZE, VOXELS = (32, 28, 24), (9, 8, 8)


def coefficients(path: Path, directions: np.ndarray, **changes: str) -> Path:
    values = {
        "img_origin": "-20 10 5",
        "img_spacing": "2 2.5 3",
        "img_dim": "32 28 24",
        "roi_offset": "0 0 0",
        "roi_dim": "32 28 24",
        "vox_per_rgn": "9 8 8",
        "direction_cosines": " ".join(map(str, directions.ravel().tolist())),
        **changes,
    }
    count = 3 * np.prod(np.ceil(np.array(SIZE) / VOXELS).astype(int) + 3)
    numbers = np.random.default_rng(1).normal(0, 2, count)
    head = "\n".join(f"{key} = {value}" for key, value in values.items())
    path.write_text(
        f"MGH_GPUIT_BSP <experimental>\n{head}\n" + "\n".join(f"{number:.12f}" for number in numbers) + "\n"
    )
    return path


def image(directions: np.ndarray):
    made = sitk.Image(list(SIZE), sitk.sitkFloat32)
    made.SetSpacing((2, 2.5, 3))
    made.SetOrigin((-20, 10, 5))
    made.SetDirection(directions.ravel().tolist())
    return made


def nodes_of(made) -> np.ndarray:
    i, j, k = (axis.ravel() for axis in np.meshgrid(*map(np.arange, made.GetSize()), indexing="ij"))
    steps = np.reshape(made.GetDirection(), (3, 3)) * made.GetSpacing()
    return np.stack([i, j, k], axis=-1) @ steps.T + made.GetOrigin()


def test_plastimatchs_own_field_of_a_spline_is_the_same(tmp_path: Path) -> None:
    require("plastimatch")
    path, output = coefficients(tmp_path / "spline.txt", np.eye(3)), tmp_path / "field.mha"
    command = ["plastimatch", "xf-convert", "--input", path, "--output", output, "--output-type", "vf"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=300)
    made = sitk.ReadImage(str(output))
    # Its last slices are zero, though its spline is not.
    nodes = nodes_of(made).reshape(*made.GetSize(), 3)[:, :, :20].reshape(-1, 3)
    np.testing.assert_allclose(mapped(path, nodes), mapped(output, nodes), rtol=0, atol=1e-3)


def test_plastimatch_warps_an_oblique_image_by_a_spline_where_map_says(tmp_path: Path) -> None:
    require("plastimatch")
    path, made = coefficients(tmp_path / "spline.txt", TURNED), image(TURNED)
    sitk.WriteImage(made, str(tmp_path / "fixed.mha"))
    nodes = nodes_of(made)
    low, count = nodes.min(axis=0) - 40, np.ceil((np.ptp(nodes, axis=0) + 80) / 5).astype(int) + 1
    sampled = []
    for axis in range(3):
        ramp = np.indices(count[::-1])[2 - axis] * 5.0 + low[axis]
        moving = sitk.GetImageFromArray(ramp.astype(np.float32))
        moving.SetSpacing((5, 5, 5))
        moving.SetOrigin(low.tolist())
        sitk.WriteImage(moving, str(tmp_path / "ramp.mha"))
        command = ["plastimatch", "warp", "--input", "ramp.mha", "--xf", "spline.txt", "--fixed", "fixed.mha"]
        command += ["--output-img", "out.mha", "--output-type", "float"]
        subprocess.run(command, check=True, capture_output=True, timeout=300, cwd=tmp_path)
        warped = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out.mha")))
        sampled.append(warped.transpose(2, 1, 0).ravel())
    np.testing.assert_allclose(mapped(path, nodes), np.stack(sampled, axis=-1), rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"roi_offset": "1 0 0"}, "a part of its image"),
        ({"vox_per_rgn": "3 3 3"}, "numbers; expected"),
        ({"img_dim": "9999999 9999999 9999999", "roi_dim": "9999999 9999999 9999999"}, "numbers; expected"),
        ({"img_spacing": "0 1 1"}, "span no space"),
        ({"img_origin": "1 2"}, "2 numbers in img_origin"),
        ({"img_origin": "1 2 x"}, "not all numbers"),
    ],
)
def test_splines_of_plastimatch_that_make_no_sense_are_told(tmp_path: Path, changes: dict[str, str], told: str) -> None:
    with pytest.raises(FileError, match=told):
        read_registration(coefficients(tmp_path / "spline.txt", np.eye(3), **changes))


def test_sixteen_numbers_are_asked_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = TURNED, (1, 2, 3)
    path = tmp_path / "matrix.txt"
    path.write_text("\n".join(" ".join(map(str, row)) for row in matrix.tolist()))
    with pytest.raises(ChoiceError, match=r"which way it maps.*in which coordinates") as raised:
        read_registration(path)
    assert raised.value.choices == ("direction", "coordinates")
    point, ras = np.array([10.0, 20.0, 30.0]), np.array([-1, -1, 1])
    for maps, coordinates in np.ndindex(2, 2):
        said = Assumed(("registered-to-source", "source-to-registered")[maps], ("lps", "ras")[coordinates])
        own = point * ras if coordinates else point
        there = np.linalg.inv(matrix) if maps else matrix
        expected = there[:3, :3] @ own + there[:3, 3]
        (item,) = read_registration(path, said).items
        np.testing.assert_allclose(item.map_points(point), expected * ras if coordinates else expected, atol=1e-9)
    points = tmp_path / "points.csv"
    points.write_text("x,y,z\n10,20,30\n")
    assert cli.main(["map", str(path), "--points", str(points)]) == 2
    assert "[--maps, --coordinates]" in capsys.readouterr().err
    options = ["--maps", "registered-to-source", "--coordinates", "lps"]
    assert cli.main(["map", str(path), "--points", str(points), *options]) == 0
    found = np.array(capsys.readouterr().out.splitlines()[1].split(","), float)
    np.testing.assert_allclose(found, TURNED @ point + (1, 2, 3), atol=1e-6)
