"""Whole files to damage: those that pydicom ships, and one of every kind that this library understands."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom.data
from applied_making import write_dose, write_labels
from damage import Seed, seed
from DicomRegInspectorLib import ImageExportOptions, export_image
from DicomRegInspectorLib.kit.answers import answers_text
from DicomRegInspectorLib.kit.catalogue import kit_objects
from DicomRegInspectorLib.kit.encode import write_object
from DicomRegInspectorLib.kit.objects import FIDUCIALS
from DicomRegInspectorLib.registration import read_registration
from DicomRegInspectorLib.tasks.export import export_registration

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE.parent / room) for room in ("registration", "series", "structures")]

import mosaic_making as mosaics
import regfiles as rf
import structfiles as sf
import volume_making as vm
from structfiles import Region
from transform_seeds import transform_seeds, volume_seeds

LARGEST = 150_000
"""Bytes of pydicom's files that are used: damage in larger ones hits pixels only."""
SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")

POINTS = {
    "points.csv": 'name,x,y,z,defined\na,1.5,2,-3e2,1\n"b, c",nan,nan,nan,0\n' + "d,7,8,9,1\n" * 20,
    "points.fcsv": "# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n"
    "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
    + "".join(f"{n},{n},2.5,-3,0,0,0,1,1,1,0,F-{n},,,2,0\n" for n in range(8)),
    "points.mrk.json": '{"@schema": "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/'
    'Resources/Schema/markups-schema-v1.0.3.json#", "markups": [{"type": "Fiducial", "coordinateSystem": "LPS", '
    '"coordinateUnits": "mm", "controlPoints": [{"id": "1", "label": "F-1", "position": [1.0, 2.0, -3.0], '
    '"positionStatus": "defined"}]}]}\n',
}
"""Files of points, of every format."""


def seed_folders() -> list[list[Seed]]:
    """Return the seeds, those of one series together."""
    with tempfile.TemporaryDirectory() as place:
        made = [
            [seed(f"{group}/{file.name}", file.read_bytes()) for file in sorted(files)]
            for group, files in _made(Path(place))
        ]
        transforms = [
            [seed(f"{group}/{file.name}", file.read_bytes()) for file in files]
            for group, files in (*transform_seeds(Path(place)), *volume_seeds(Path(place)), *_of_kit(Path(place)))
        ]
    shipped = [[seed(file.name, file.read_bytes())] for file in _shipped()]
    few = [group for group in made + transforms if group[0].name.startswith(("points/", "answers/", "volume/"))]
    return shipped + made * 4 + transforms + few * 2


def _shipped() -> Iterator[Path]:
    folder = Path(pydicom.data.__file__).parent
    for file in sorted(folder.rglob("*")):
        is_data = file.is_file() and file.suffix not in (".py", ".pyc", ".json", ".xml", ".txt", ".md")
        if is_data and 0 < file.stat().st_size < LARGEST:
            yield file


def _of_kit(place: Path) -> Iterator[tuple[str, list[Path]]]:
    """A third of the objects of the conformance kit, and the answers of a reader that reads all of them right."""
    for number, made in enumerate(kit_objects()):
        if number % 3 == 0 or made.kind == FIDUCIALS:
            path = place / f"{made.name}.dcm"
            write_object(made, number, defaultdict(list), path)
            yield "reg-fiducials" if made.kind == FIDUCIALS else "reg-kit", [path]
    (place / "answers.csv").write_text(answers_text())
    yield "answers", [place / "answers.csv"]


def _made(place: Path) -> Iterator[tuple[str, list[Path]]]:
    grid = rf.GridSpec(rf.smooth_vectors((4, 5, 3)))
    turned = rf.rigid((0.1, 0.2, 0.3), (5.0, -3.0, 2.0))
    specs = {
        "reg-deformable": rf.RegistrationSpec((rf.DeformableItem(grid, turned, turned), rf.DeformableItem(grid))),
        "reg-matrices": rf.RegistrationSpec(
            (rf.MatrixItem((turned, np.eye(4))), rf.MatrixItem((turned,), frame="1.2.9"))
        ),
    }
    for name, spec in specs.items():
        yield name, [rf.write(place / f"{name}.dcm", spec)]
    for ending in (".h5", ".tfm", ".nrrd", ".mha", ".nii"):
        export_registration(read_registration(place / "reg-deformable.dcm"), place / f"reg{ending}", number=1)
        yield f"reg{ending}", [place / f"reg{ending}"]
    for number, syntax in enumerate(SYNTAXES):
        folder = place / f"ct{number}"
        folder.mkdir()
        images = [vm.dataset(pixels, where) for pixels, where in zip(vm.pixels_of(5), vm.axial(5), strict=True)]
        for index, image in enumerate(images):
            image.RescaleSlope, image.RescaleIntercept, image.SeriesDescription = "1.5", "-1024", "Thorax"
            image.KVP, image.AcquisitionNumber = "120", "1"
            vm.save(image, folder / f"{index}.dcm", syntax)
        yield f"ct{number}", list(folder.iterdir())
        if number == 1:
            near = rf.RegistrationSpec((rf.DeformableItem(grid, turned, source_frame="1.2.9"),), frame_uid="1.2.3.4")
            yield "related-reg", [rf.write(place / "near.dcm", near), *folder.iterdir()]
    enhanced = vm.enhanced(vm.pixels_of(4), vm.axial(4), [("1", "0")] * 4)
    yield "enhanced", [vm.save(enhanced, place / "enhanced.dcm")]
    yield "nuclear", [vm.save(vm.nuclear(vm.pixels_of(4, dtype="u2"), 2.5), place / "nuclear.dcm")]
    orientation = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    slices = mosaics.slices_of(7)
    mosaic = mosaics.mosaic(slices, (0, 0, 0), orientation, normal=(0, 0, 1))
    yield "mosaic", [vm.save(mosaic, place / "mosaic.dcm")]
    corners = np.array([(0.0, 0.0, 3.0 * k) for k in range(7)])
    for name, text in POINTS.items():
        (place / name).write_text(text)
        yield "points", [place / name]
    yield "uih", [vm.save(mosaics.uih_grid(slices, corners, orientation), place / "uih.dcm")]
    yield from _applied(place)


def _applied(place: Path) -> Iterator[tuple[str, list[Path]]]:
    """What transforms are applied to besides images: structures, doses, Segmentations."""
    ball = [Region("ball", sf.ball(8.0, np.arange(-6.0, 7.0, 3.0), count=24)), Region("dots", [])]
    for name, explicit in (("applied-implicit", False), ("applied-explicit", True)):
        yield name, [sf.write_rtstruct(place / f"{name}.dcm", ball, explicit=explicit)]
    yield "applied-dose", [write_dose(place / "dose.dcm")]
    if importlib.util.find_spec("highdicom") is not None:
        labels = write_labels(place / "labels.nrrd")
        for kind in ("segmentation", "parametric-map"):
            stated = {"SegmentAlgorithmType": "MANUAL"} if kind == "segmentation" else {}
            export_image(labels, place / kind, ImageExportOptions(kind=kind, stated=stated))
            yield f"applied-{kind}", list((place / kind).iterdir())
