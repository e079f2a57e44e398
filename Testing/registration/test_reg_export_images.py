"""The moving image warped by other programs with each export: as much like the fixed one as the product finds it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from DicomRegInspectorLib import load_series, read_registration
from DicomRegInspectorLib.samples import write_samples
from DicomRegInspectorLib.space import apply_matrix, trilinear
from DicomRegInspectorLib.tasks.export import export_registration
from export_peers import OUTSIDE, READERS, Lattice, require, sitk

WITHIN = 0.002
IMAGES, TRANSFORMS = ("nrrd", "mha", "nii.gz", "nii"), ("h5", "tfm")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples") / "samples"
    write_samples(folder)
    return folder / "registration-pair"


@pytest.fixture(scope="module", params=["plastimatch", "samples"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A registration, the fixed image and its lattice, the moving image as a file, and what the product makes of it."""
    folder = request.getfixturevalue("deformable_pair" if request.param == "plastimatch" else "samples")
    registration = read_registration(folder / "registration.dcm")
    fixed, moving = load_series(folder / "fixed"), load_series(folder / "moving")
    lattice, place = lattice_of(fixed), tmp_path_factory.mktemp("moving") / "moving.mha"
    sitk.WriteImage(lattice_of(moving).image(moving.array), str(place))
    index = apply_matrix(np.linalg.inv(moving.affine_lps), registration.items[0].map_points(lattice.points))
    with np.errstate(invalid="ignore"):
        inside = ((index >= 0) & (index <= np.array(moving.dimensions) - 1)).all(axis=1)
    values = trilinear(lambda i, j, k: moving.array[k, j, i].astype(float), index[inside], moving.dimensions)
    return registration, fixed.array.ravel().astype(float), lattice, place, inside, values


def lattice_of(volume) -> Lattice:
    spacing = np.linalg.norm(volume.affine_lps[:3, :3], axis=0)
    directions = volume.affine_lps[:3, :3] / spacing
    return Lattice(volume.dimensions, volume.affine_lps[:3, 3].tolist(), spacing.tolist(), directions.ravel().tolist())


@pytest.mark.parametrize(
    ("reader", "suffix"),
    [*((reader, suffix) for reader in READERS for suffix in IMAGES), *(("SimpleITK", suffix) for suffix in TRANSFORMS)],
)
def test_the_warped_image_is_as_much_like_the_fixed_one(pair, tmp_path: Path, reader: str, suffix: str) -> None:
    require(reader)
    registration, fixed, lattice, moving, inside, values = pair
    own = np.corrcoef(fixed[inside], values)[0, 1]
    assert own > 0.9 and inside.mean() > 0.5
    export = export_registration(registration, tmp_path / f"export.{suffix}")
    warped = READERS[reader](export.output, moving, lattice, tmp_path)
    there = warped[inside] != OUTSIDE
    assert there.mean() > 0.999, "at the moving image's border, rounding decides"
    theirs = np.corrcoef(fixed[inside][there], warped[inside][there])[0, 1]
    print(f"{reader} {suffix}: {theirs:.6f}, the product {own:.6f}")
    assert abs(theirs - own) < WITHIN
