"""Whether a registration is meant as it is read: both images are there when one is brought to the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from DicomRegInspectorLib import Applied, ApplyRequest, apply_transform, read_transform
from DicomRegInspectorLib.samples import write_samples

pytest.importorskip("SimpleITK")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample pair; one of its registrations has its vectors in voxels."""
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder / "samples")
    return folder / "samples" / "registration-pair"


def apply(pair: Path, registration: str, output: Path, **options: object) -> Applied:
    inverse = bool(options.pop("inverse", False))
    given, reference = ("fixed", "moving") if inverse else ("moving", "fixed")
    request = ApplyRequest(
        transform=read_transform(pair / registration, inverse=inverse),
        input=pair / given,
        output=output,
        **{"reference": pair / reference, **options},
    )
    return apply_transform("image", request)


@pytest.mark.parametrize("inverse", [False, True])
def test_images_that_agree_with_the_registration_are_told(pair: Path, tmp_path: Path, inverse: bool) -> None:
    applied = apply(pair, "registration.dcm", tmp_path / "out.nrrd", inverse=inverse)
    assert [note for note in applied.notes if "read like this: as the standard says" in note]
    assert {finding.severity for finding in applied.findings} <= {"info", "warning"}


def test_vectors_in_voxels_are_an_error_although_the_image_is_written(pair: Path, tmp_path: Path) -> None:
    applied = apply(pair, "registration-in-voxels.dcm", tmp_path / "out.nrrd")
    (finding,) = [finding for finding in applied.findings if finding.severity == "error"]
    assert finding.code == "reg-units-suspect" and "vectors in voxels" in finding.message
    assert (tmp_path / "out.nrrd").is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"audit": False}, "was not checked: that was not asked for."),
        ({"reference": ()}, "was not checked: there is no reference"),
    ],
)
def test_what_was_not_checked_is_told(pair: Path, tmp_path: Path, options: dict[str, object], said: str) -> None:
    applied = apply(pair, "registration.dcm", tmp_path / "out.nrrd", **options)
    assert [note for note in applied.notes if said in note]
