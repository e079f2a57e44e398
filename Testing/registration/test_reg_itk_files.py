"""ITK's transform files, in all three formats and of all kinds, as SimpleITK reads them; and what it cannot read."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib import read_registration
from DicomRegInspectorLib.errors import FileError
from itk_transforms import affine, bspline, field, mapped_by, points_around, sitk

TOLERANCE_MM = 1e-4
"""A tenth of what is asked for; fields are held in 32 bits."""
AXES = " 1 0 0 0 1 0 0 0 1"
LINEAR = {
    "AffineTransform": (12, 3),
    "MatrixOffsetTransformBase": (12, 3),
    "TranslationTransform": (3, 0),
    "IdentityTransform": (0, 0),
    "Euler3DTransform": (6, 4),
    "CenteredEuler3DTransform": (9, 4),
    "QuaternionRigidTransform": (7, 3),
    "VersorTransform": (3, 3),
    "VersorRigid3DTransform": (6, 3),
    "Similarity3DTransform": (7, 3),
    "ScaleVersor3DTransform": (9, 3),
    "ScaleSkewVersor3DTransform": (15, 3),
    "ComposeScaleSkewVersor3DTransform": (12, 3),
    "ScaleTransform": (3, 3),
    "ScaleLogarithmicTransform": (3, 3),
    "CenteredAffineTransform": (15, 3),
    "ScalableAffineTransform": (12, 3),
}


def text_of(name: str, parameters: np.ndarray, fixed: np.ndarray) -> str:
    words = (" ".join(f"{value:.17g}" for value in values) for values in (parameters, fixed))
    return "Transform: {}\nParameters: {}\nFixedParameters: {}\n".format(name, *words)


def stored(name: str, parameters: str, fixed: str) -> str:
    return f"Transform: {name}_double_3_3\nParameters: {parameters}\nFixedParameters: {fixed}\n"


def written(path: Path, *transforms: str) -> Path:
    path.write_text("#Insight Transform File V1.0\n" + "".join(f"#Transform\n{text}" for text in transforms))
    return path


def numbers_for(kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Parameters and fixed ones: turns of some tenths, scales near 1, shifts and centres of some cm."""
    count, fixed = LINEAR[kind]
    random = np.random.default_rng(seed)
    parameters = random.normal(0, 0.2, count)
    if count in (12, 15) and ("Affine" in kind or "Matrix" in kind):
        parameters[:9] += np.eye(3).ravel()
        parameters[9:] *= 100
    elif "Versor3D" in kind and kind.startswith(("Scale", "Compose")):
        parameters[6:9] += 1
    elif kind == "Similarity3DTransform":
        parameters[6] = 1.3
    elif kind == "ScaleTransform":
        parameters += 1
    if kind == "QuaternionRigidTransform":
        parameters[:4] /= np.linalg.norm(parameters[:4])
    return parameters, np.concatenate([random.normal(0, 30, min(fixed, 3)), np.full(max(fixed - 3, 0), seed % 2)])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", LINEAR)
def test_linear_transforms_of_every_kind_are_those_of_itk(tmp_path: Path, kind: str, seed: int) -> None:
    # SimpleITK has no class of its own for some of them; in a composite it takes them all.
    whole = "Transform: CompositeTransform_double_3_3\n"
    path = written(tmp_path / "linear.tfm", whole, text_of(f"{kind}_double_3_3", *numbers_for(kind, seed)))
    (item,) = read_registration(path).items
    points = points_around(count=50)
    assert item.grid is None
    np.testing.assert_allclose(item.map_points(points), mapped_by(sitk.ReadTransform(str(path)), points), atol=1e-9)


@pytest.mark.parametrize("suffix", ["h5", "tfm", "txt", "mat"])
@pytest.mark.parametrize("kinds", [("affine",), ("field",), ("bspline",), ("affine", "bspline", "field", "affine")])
def test_files_of_simpleitk_are_read_as_it_reads_them(tmp_path: Path, suffix: str, kinds: tuple[str, ...]) -> None:
    makers = {"affine": affine, "field": field, "bspline": bspline}
    transforms = [makers[kind](seed=number) for number, kind in enumerate(kinds)]
    transform = sitk.CompositeTransform(transforms) if len(kinds) > 1 else transforms[0]
    path = tmp_path / f"transform.{suffix}"
    sitk.WriteTransform(transform, str(path))
    if suffix == "mat" and len(kinds) > 1:
        with pytest.raises(FileError, match="without its members"):
            read_registration(path)
        return
    registration = read_registration(path)
    (item,) = registration.items
    points = points_around()
    expected = mapped_by(sitk.ReadTransform(str(path)), points)
    np.testing.assert_allclose(item.map_points(points), expected, rtol=0, atol=TOLERANCE_MM)
    assert registration.conventions.coordinates == "LPS"
    assert registration.conventions.direction.startswith("registered to source")


@pytest.mark.parametrize("order", [1, 2, 3])
def test_b_splines_of_other_orders_name_them_in_the_class(tmp_path: Path, order: int) -> None:
    path = tmp_path / "spline.tfm"
    sitk.WriteTransform(bspline(order), str(path))
    (item,) = read_registration(path).items
    points = points_around()
    np.testing.assert_allclose(item.map_points(points), mapped_by(bspline(order), points), rtol=0, atol=1e-9)
    assert f"order {order}" in item.description


def test_transforms_of_32_bits_are_read(tmp_path: Path) -> None:
    parameters, fixed = numbers_for("AffineTransform", 1)
    path = written(tmp_path / "float.tfm", text_of("AffineTransform_float_3_3", parameters, fixed))
    (item,) = read_registration(path).items
    double = written(tmp_path / "double.tfm", text_of("AffineTransform_double_3_3", parameters, fixed))
    np.testing.assert_array_equal(item.matrix, read_registration(double).items[0].matrix)


@pytest.mark.parametrize("kind", ["field", "bspline"])
def test_slicers_inverse_transforms_lead_back(tmp_path: Path, kind: str) -> None:
    transform = field(size=0.5) if kind == "field" else bspline(size=1.0)
    name = {"field": "DisplacementFieldTransform", "bspline": "BSplineTransform"}[kind]
    numbers = np.array(transform.GetParameters()), np.array(transform.GetFixedParameters())
    path = written(tmp_path / "inverse.tfm", text_of(f"Inverse{name}_double_3_3", *numbers))
    with pytest.raises(RuntimeError):
        sitk.ReadTransform(str(path))
    (item,) = read_registration(path).items
    points = points_around()
    there = mapped_by(transform, points)
    back = item.map_points(there)
    known = np.isfinite(back).all(axis=1)
    assert known.mean() > 0.9
    np.testing.assert_allclose(mapped_by(transform, back[known]), there[known], rtol=0, atol=2e-4)
    assert "the inverse of" in item.description


def test_the_matrix_beside_a_b_spline_of_itk_3_is_added(tmp_path: Path) -> None:
    spline, matrix = bspline(), affine(1)
    numbers = [(np.array(t.GetParameters()), np.array(t.GetFixedParameters())) for t in (spline, matrix)]
    names = ("BSplineDeformableTransform_double_3_3", "AffineTransform_double_3_3")
    path = written(tmp_path / "old.tfm", *(text_of(name, *both) for name, both in zip(names, numbers, strict=True)))
    points = points_around()
    expected = mapped_by(spline, points) + mapped_by(matrix, points) - points
    np.testing.assert_allclose(read_registration(path).items[0].map_points(points), expected, rtol=0, atol=1e-8)


def test_a_big_endian_mat_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "little.mat"
    sitk.WriteTransform(affine(3), str(path))
    data, big, place = path.read_bytes(), b"", 0
    while place < len(data):
        kind, rows, columns, imaginary, name = struct.unpack_from("<5i", data, place)
        big += struct.pack(">5i", kind + 1000, rows, columns, imaginary, name)
        start = place + 20 + name
        big += data[place + 20 : start]
        big += np.frombuffer(data, "<f8", rows * columns, start).astype(">f8").tobytes()
        place = start + 8 * rows * columns
    turned = tmp_path / "big.mat"
    turned.write_bytes(big)
    np.testing.assert_array_equal(read_registration(turned).items[0].matrix, read_registration(path).items[0].matrix)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Transform: AffineTransform_double_2_2\nParameters: 1 0 0 1 0 0\nFixedParameters: 0 0\n", "2 to 2 dimensions"),
        (stored("AffineTransform", "1 0 0", "0 0 0"), "3 parameters"),
        (stored("AffineTransform", "1 x 0", "0 0 0"), "not all numbers"),
        (stored("KernelTransform", "1", "0"), "is not read"),
        ("Parameters: 1\n", "belong to no transform"),
        ("nonsense\n", "none of an ITK transform file"),
        ("", "no transform"),
        ("Transform: CompositeTransform_double_3_3\n", "of nothing"),
        (2 * stored("TranslationTransform", "1 2 3", ""), "no CompositeTransform"),
        (stored("DisplacementFieldTransform", "1 2 3", "9999 9999 9999 0 0 0 1 1 1" + AXES), "3 numbers; expected"),
        (stored("BSplineTransform", "1 2 3", "5 5 5 0 0 0 0 1 1" + AXES), "span no space"),
        (stored("AffineTransform", "nan 0 0 0 1 0 0 0 1 0 0 0", "0 0 0"), "not finite"),
    ],
)
def test_what_makes_no_transform_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(FileError, match=told):
        read_registration(written(tmp_path / "bad.tfm", text))


@pytest.mark.parametrize("suffix", ["h5", "mat"])
def test_cut_files_are_told(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"whole.{suffix}"
    sitk.WriteTransform(bspline(), str(path))
    data = path.read_bytes()
    for share in np.linspace(0.02, 0.98, 25):
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(FileError):
            _ = read_registration(path).items[0].map_points(np.zeros(3))
