"""Displacement fields in NRRD, MetaImage and NIfTI: as SimpleITK maps by them, and what it does not look at."""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib import inspect_paths, read_registration
from DicomRegInspectorLib.errors import ChoiceError, FileError, TruncatedFileError, UsageError
from DicomRegInspectorLib.registration.conventions import Assumed
from itk_transforms import OBLIQUE, ORIGIN, SIZE, field, field_image, mapped_by, points_around, sitk

TOLERANCE_MM = 1e-4
RAS = np.array([-1.0, -1.0, 1.0])
NAMES = ("field.nrrd", "field.nhdr", "field.mha", "field.mhd", "field.nii", "field.nii.gz")


def written(path: Path, *, double: bool = False, compress: bool = False, image=None) -> Path:
    image = field_image() if image is None else image
    if not double:
        cast = sitk.Cast(image, sitk.sitkVectorFloat32)
        for key in image.GetMetaDataKeys():
            cast.SetMetaData(key, image.GetMetaData(key))
        image = cast
    sitk.WriteImage(image, str(path), compress)
    return path


def mapped(path: Path, points: np.ndarray, assumed: Assumed | None = None) -> np.ndarray:
    (item,) = read_registration(path, *([assumed] if assumed else [])).items
    return item.map_points(points)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_fields_of_simpleitk_map_as_it_does(tmp_path: Path, name: str, double: bool, compress: bool) -> None:
    path = written(tmp_path / name, double=double, compress=compress)
    points = points_around()
    expected = mapped_by(field(), points)
    moved = np.linalg.norm(expected - points, axis=1)
    assert (moved == 0).sum() > 500 and (moved > 0).sum() > 500
    # NIfTI holds its lattice in 32 bits: at half a voxel outside, points may lie on the other side.
    found = mapped(path, points)
    apart = np.linalg.norm(found - expected, axis=1)
    assert (apart > TOLERANCE_MM).sum() <= (1 if "nii" in name else 0)


def test_raw_vectors_stay_in_the_file(tmp_path: Path) -> None:
    (item,) = read_registration(written(tmp_path / "field.mha")).items
    _ = item.findings
    assert "vectors" not in vars(item.grid)
    assert item.grid.place.offset > 200


@pytest.mark.parametrize("said", ["resampling", "modeling", "other"])
def test_slicers_key_says_the_direction(tmp_path: Path, said: str) -> None:
    image = field_image(size=0.5)
    image.SetMetaData("displacement field type", said)
    path = written(tmp_path / "field.nrrd", image=image)
    points = points_around(count=400)
    there = mapped_by(field(size=0.5), points)
    if said == "other":
        with pytest.raises(ChoiceError, match="which way it maps") as raised:
            read_registration(path)
        assert raised.value.choices == ("direction",)
        np.testing.assert_allclose(mapped(path, points, Assumed("registered-to-source")), there, atol=TOLERANCE_MM)
    elif said == "resampling":
        np.testing.assert_allclose(mapped(path, points), there, rtol=0, atol=TOLERANCE_MM)
    else:
        back = mapped(path, there)
        known = np.isfinite(back).all(axis=1)
        assert known.mean() > 0.9
        np.testing.assert_allclose(mapped_by(field(size=0.5), back[known]), there[known], rtol=0, atol=2e-4)
        assert "modeling" in read_registration(path).conventions.direction


def in_ras(path: Path, *, frame: str | None, space: str = "right-anterior-superior") -> Path:
    """A NRRD file of SimpleITK with its lattice written in RAS, and its vectors in RAS too."""
    image = field_image()
    turned = sitk.GetImageFromArray(sitk.GetArrayFromImage(image) * RAS, isVector=True)
    turned.SetSpacing(image.GetSpacing())
    turned.SetOrigin((RAS * ORIGIN).tolist())
    turned.SetDirection((RAS[:, None] * np.reshape(OBLIQUE, (3, 3))).ravel().tolist())
    written(path, image=turned)
    head, _, rest = path.read_bytes().partition(b"\n\n")
    head = re.sub(rb"\nspace: [^\n]*", b"\nspace: " + space.encode() if space else b"\nspace dimension: 3", head)
    head = re.sub(rb"\nmeasurement frame: [^\n]*", b"", head)
    if frame:
        head += b"\nmeasurement frame: " + frame.encode()
    path.write_bytes(head + b"\n\n" + rest)
    return path


def test_a_nrrd_file_in_ras_is_turned_where_it_says_so_and_asked_about_where_not(tmp_path: Path) -> None:
    points, expected = points_around(), mapped_by(field(), points_around())
    said = in_ras(tmp_path / "said.nrrd", frame="(1,0,0) (0,1,0) (0,0,1)")
    np.testing.assert_allclose(mapped(said, points), expected, rtol=0, atol=TOLERANCE_MM)
    for name, space in (("vectors.nrrd", "right-anterior-superior"), ("all.nrrd", "")):
        unsaid = in_ras(tmp_path / name, frame=None, space=space)
        with pytest.raises(ChoiceError, match="in which coordinates") as raised:
            read_registration(unsaid)
        assert raised.value.choices == ("coordinates",)
        np.testing.assert_allclose(mapped(unsaid, points, Assumed(coordinates="ras")), expected, atol=TOLERANCE_MM)
        other = mapped(unsaid, points, Assumed(coordinates="lps"))
        assert np.nanmax(np.abs(other - expected)) > 1


def with_intent(path: Path, intent: int, name: bytes = b"", first: float = 0.0) -> Path:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    data = bytearray(raw)
    struct.pack_into("<f", data, 56, first)
    struct.pack_into("<h", data, 68, intent)
    data[328:344] = name.ljust(16, b"\0")
    path.write_bytes(gzip.compress(bytes(data)) if path.suffix == ".gz" else bytes(data))
    return path


def image_of(vectors: np.ndarray):
    image = sitk.GetImageFromArray(vectors, isVector=True)
    image.CopyInformation(field_image())
    return image


@pytest.mark.parametrize("name", ["field.nii", "field.nii.gz"])
def test_nifti_is_read_by_its_intent(tmp_path: Path, name: str) -> None:
    points, expected = points_around(count=500), mapped_by(field(), points_around(count=500))
    vectors = sitk.GetArrayFromImage(field_image())
    lps = written(tmp_path / name, image=image_of(vectors))
    np.testing.assert_allclose(mapped(lps, points), expected, rtol=0, atol=TOLERANCE_MM)
    displacements = with_intent(written(tmp_path / f"ras-{name}", image=image_of(vectors * RAS)), 1006)
    np.testing.assert_allclose(mapped(displacements, points), expected, rtol=0, atol=TOLERANCE_MM)
    unsaid = with_intent(written(tmp_path / f"unsaid-{name}", image=image_of(vectors * RAS)), 0)
    with pytest.raises(ChoiceError) as raised:
        read_registration(unsaid)
    assert raised.value.choices == ("direction", "coordinates")
    said = Assumed("registered-to-source", "ras")
    np.testing.assert_allclose(mapped(unsaid, points, said), expected, rtol=0, atol=TOLERANCE_MM)
    with pytest.raises(UsageError, match="coordinates of its own"):
        read_registration(lps, Assumed(coordinates="ras"))


def test_displacements_of_intent_1006_are_those_of_itk(tmp_path: Path) -> None:
    vectors = sitk.GetArrayFromImage(field_image()) * RAS
    path = with_intent(written(tmp_path / "field.nii", image=image_of(vectors)), 1006)
    by_itk = sitk.DisplacementFieldTransform(sitk.ReadImage(str(path), sitk.sitkVectorFloat64))
    points = points_around(count=500)
    np.testing.assert_allclose(mapped(path, points), mapped_by(by_itk, points), rtol=0, atol=TOLERANCE_MM)


@pytest.mark.parametrize(("name", "first"), [(b"Mapping", 0.0), (b"NREG_TRANS", 0.0), (b"NREG_TRANS", 1.0)])
def test_positions_of_spm_and_niftyreg_are_not_taken_for_displacements(
    tmp_path: Path, name: bytes, first: float
) -> None:
    i, j, k = np.meshgrid(*map(np.arange, SIZE), indexing="ij")
    index = np.stack([i, j, k], axis=-1).transpose(2, 1, 0, 3)
    image = field_image()
    nodes = index * image.GetSpacing() @ np.reshape(OBLIQUE, (3, 3)).T + ORIGIN
    vectors = sitk.GetArrayFromImage(image)
    content = (vectors if first == 1 else nodes + vectors) * RAS
    path = with_intent(written(tmp_path / "field.nii.gz", image=image_of(content)), 1007, name, first)
    points = points_around(count=500)
    np.testing.assert_allclose(mapped(path, points), mapped_by(field(), points), rtol=0, atol=TOLERANCE_MM)
    if first == 0:
        unnamed = with_intent(written(tmp_path / "other.nii.gz", image=image_of(content)), 1007)
        with pytest.raises(FileError, match="positions in RAS"):
            mapped(unnamed, points)


def test_positions_in_raw_files_are_told_at_once(tmp_path: Path) -> None:
    image = field_image()
    lattice = np.stack(np.meshgrid(*map(np.arange, SIZE[::-1]), indexing="ij"), axis=-1)[..., ::-1]
    nodes = lattice * image.GetSpacing() @ np.reshape(OBLIQUE, (3, 3)).T + ORIGIN
    path = written(tmp_path / "positions.mha", image=image_of(nodes))
    with pytest.raises(FileError, match="positions in LPS"):
        read_registration(path)


@pytest.mark.parametrize("intent", [2006, 2007])
def test_fields_of_fsl_are_refused_with_what_to_do(tmp_path: Path, intent: int) -> None:
    path = with_intent(written(tmp_path / "warp.nii.gz"), intent)
    with pytest.raises(FileError, match=r"FSL.*convert it"):
        read_registration(path)


def test_a_nifti_file_in_two_places_or_none_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "field.nii")
    data = bytearray(path.read_bytes())
    struct.pack_into("<f", data, 280 + 12, 77.0)
    path.write_bytes(bytes(data))
    with pytest.raises(FileError, match="two places"):
        read_registration(path)
    struct.pack_into("<2h", data, 252, 0, 0)
    path.write_bytes(bytes(data))
    with pytest.raises(FileError, match="neither qform nor sform"):
        read_registration(path)


@pytest.mark.parametrize("name", NAMES)
def test_cut_and_boasting_files_are_told(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, compress=name.endswith(("nrrd", "mha")))
    data = path.read_bytes()
    sizes = " ".join(map(str, SIZE)).encode()
    boasting = data.replace(sizes, b"99999 99999 99999")
    if "nii" in name:
        raw = bytearray(gzip.decompress(data) if name.endswith("gz") else data)
        struct.pack_into("<3h", raw, 42, 32000, 32000, 32000)
        boasting = gzip.compress(bytes(raw)) if name.endswith("gz") else bytes(raw)
    assert boasting != data
    path.write_bytes(boasting)
    with pytest.raises(TruncatedFileError, match="announces"):
        read_registration(path)
    if not name.endswith(("hdr", "mhd")):
        path.write_bytes(data[: len(data) // 2])
        with pytest.raises(FileError):
            mapped(path, np.zeros((1, 3)))
    else:
        path.write_bytes(data)
        next(other for other in tmp_path.iterdir() if other != path).unlink()
        with pytest.raises(FileError, match="neither where it says nor beside it"):
            read_registration(path)


def test_a_folder_of_images_and_other_files_raises_no_alarm(tmp_path: Path) -> None:
    scalar = sitk.GetImageFromArray(np.zeros((4, 5, 6), np.float32))
    for name in ("ct.nii", "ct.nii.gz", "ct.nrrd", "ct.mha"):
        sitk.WriteImage(scalar, str(tmp_path / name))
    colours = sitk.GetImageFromArray(np.zeros((4, 5, 6, 3), np.uint8), isVector=True)
    sitk.WriteImage(colours, str(tmp_path / "colours.nrrd"))
    with_intent(written(tmp_path / "gradients.nii.gz"), 0)
    with_intent(written(tmp_path / "fsl.nii.gz"), 2006)
    (tmp_path / "notes.txt").write_text("1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    (tmp_path / "flirt.mat").write_text("1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    (tmp_path / "data.mat").write_bytes(b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(200))
    (tmp_path / "table.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    inspection = inspect_paths(tmp_path)
    assert inspection.findings == () and inspection.registrations == ()
    assert inspection.left_open == ()
    assert inspection.file_counts.not_dicom == 11
