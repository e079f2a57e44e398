"""One small file of each format of transforms, to damage."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from DicomRegInspectorLib.registration.baking import FieldVectors
from DicomRegInspectorLib.registration.file.fields.write_field import write_metaimage, write_nifti, write_nrrd
from DicomRegInspectorLib.registration.file.itk.write_itk import (
    affine_transform,
    field_transform,
    write_hdf5,
    write_text,
)
from DicomRegInspectorLib.registration.grid import grid_of_array
from DicomRegInspectorLib.registration.mapping import Mapping

SPLINE_FIXED = "4 4 4 0 0 0 9 8 7 1 0 0 0 1 0 0 0 1"
ELASTIX = """(Transform "{kind}")
(NumberOfParameters {count})
(TransformParameters {numbers})
(InitialTransformParametersFileName "NoInitialTransform")
(HowToCombineTransforms "Compose")
(FixedImageDimension 3)
(MovingImageDimension 3)
(Direction 1 0 0 0 1 0 0 0 1)
(UseDirectionCosines "true")
(CenterOfRotationPoint 1 2 3)
(GridSize 4 4 4)
(GridIndex 0 0 0)
(GridSpacing 9 8 7)
(GridOrigin 0 0 0)
(GridDirection 1 0 0 0 1 0 0 0 1)
(BSplineTransformSplineOrder 3)
"""
PLASTIMATCH = """MGH_GPUIT_BSP <experimental>
img_origin = -20 10 5
img_spacing = 2 2.5 3
img_dim = 8 8 8
roi_offset = 0 0 0
roi_dim = 8 8 8
vox_per_rgn = 8 8 8
direction_cosines = 1 0 0 0 1 0 0 0 1
"""


def transform_seeds(place: Path) -> Iterator[tuple[str, list[Path]]]:
    """Yield the name of each format and a file of it, in a folder of its own."""
    for name, path in _written(place):
        folder = place / path.name.replace(".", "-")
        folder.mkdir()
        yield f"reg-{name}", [path.rename(folder / path.name)]


def volume_seeds(place: Path) -> Iterator[tuple[str, list[Path]]]:
    """Yield a volume and a volume of labels in the formats of other programs, named as :func:`transform_seeds` does."""
    try:
        import SimpleITK as sitk
    except ImportError:
        return
    values = np.random.default_rng(7).integers(-1000, 2000, (4, 5, 6)).astype(np.int16)
    for kind, array in (("values", values), ("floats", values / np.float32(3)), ("labels", (values > 0).astype("u1"))):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((2.0, 2.5, 3.0))
        for ending in (".nrrd", ".nii.gz", ".mha"):
            path = place / f"{kind}{ending}"
            sitk.WriteImage(image, str(path))
            yield "volume", [path]


def _written(place: Path) -> Iterator[tuple[str, Path]]:
    vectors = np.random.default_rng(3).normal(0, 1, (5, 4, 3, 3)).astype(np.float32)
    lattice = np.diag([4.0, 5.0, 6.0, 1.0])
    field = FieldVectors(Mapping(grid=grid_of_array(vectors, lattice)))
    both = [affine_transform(np.eye(4)), field_transform((3, 4, 5), lattice, [vectors])]
    for name, write in (("nrrd", write_nrrd), ("mha", write_metaimage), ("nii", write_nifti)):
        write(place / f"field.{name}", field)
        yield name, place / f"field.{name}"
    packed = place / "packed.nii.gz"
    packed.write_bytes(gzip.compress(_bytes(write_nifti, place / "again.nii", field), mtime=0))
    yield "nii.gz", packed
    write_hdf5(place / "both.h5", both)
    yield "h5", place / "both.h5"
    write_text(place / "both.tfm", both)
    yield "tfm", place / "both.tfm"
    numbers = " ".join(f"{number:.4f}" for number in np.random.default_rng(5).normal(0, 1, 192))
    for name, text in _texts(numbers).items():
        (place / name).write_text(text)
        yield name, place / name
    yield from _of_simpleitk(place)


def _bytes(write: Callable[[Path, FieldVectors], None], path: Path, field: FieldVectors) -> bytes:
    write(path, field)
    return path.read_bytes()


def _texts(numbers: str) -> dict[str, str]:
    first, spline = "#Insight Transform File V1.0", "Transform: BSplineTransform_double_3_3"
    return {
        "spline.txt": f"{first}\n{spline}\nParameters: {numbers}\nFixedParameters: {SPLINE_FIXED}\n",
        "inverse.tfm": f"{first}\n{spline.replace('BSp', 'InverseBSp')}\nParameters: {numbers}\n"
        f"FixedParameters: {SPLINE_FIXED}\n",
        "elastix-0.txt": ELASTIX.format(kind="EulerTransform", count=6, numbers="0.1 0.2 0.3 1 2 3"),
        "elastix-1.txt": ELASTIX.format(kind="BSplineTransform", count=192, numbers=numbers),
        "plastimatch.txt": PLASTIMATCH + "\n".join(numbers.split()) + "\n",
        "matrix.txt": "1 0 0 5\n0 1 0 0\n0 0 1 0\n0 0 0 1\n",
    }


def _of_simpleitk(place: Path) -> Iterator[tuple[str, Path]]:
    """In what only ITK writes: chunks, newer HDF5, MATLAB."""
    try:
        import SimpleITK as sitk
    except ImportError:
        return
    spline = sitk.BSplineTransformInitializer(sitk.Image([8, 8, 8], sitk.sitkFloat32), [2, 2, 2], 3)
    whole = sitk.CompositeTransform([sitk.Euler3DTransform((1, 2, 3), 0.1, 0.2, 0.3), spline])
    for name, transform in (("itk.h5", whole), ("itk.mat", sitk.AffineTransform(3))):
        sitk.WriteTransform(transform, str(place / name))
        yield name, place / name
