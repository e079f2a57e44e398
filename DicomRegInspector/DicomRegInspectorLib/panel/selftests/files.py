"""Small DICOM files that the self-tests write: a CT stack at chosen positions, and a known deformable field."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...registration.file.write import NewIdentity, write_deformable_registration
from ...samples.ct_files import SeriesNames, SliceGeometry, write_ct_series

ROWS, COLUMNS, PIXEL_MM = 8, 10, 2.0


def write_ct_stack(folder: Path, positions_mm: Sequence[float]) -> str:
    """Write axial CT slices, 8 x 10 pixels of 2 mm, corner at x = y = 0, LPS z as given. Returns the series' UID."""
    from pydicom.uid import generate_uid

    series, study, frame = (str(generate_uid(prefix=None)) for _ in range(3))
    names = SeriesNames(series, study, frame, "Self-test stack", patient_name="Made^Up")
    positions = np.array([(0.0, 0.0, z) for z in positions_mm])
    write_ct_series(
        folder, np.zeros((len(positions), ROWS, COLUMNS)), SliceGeometry(positions, ROWS, COLUMNS, PIXEL_MM), names
    )
    return names.series_uid


JPEG_LS = "1.2.840.10008.1.2.4.80"
"""Transfer Syntax UID of JPEG-LS Lossless (PS3.5 A.4.3)."""
_COMPRESS = """
import sys
import pydicom
for path in sys.argv[2:]:
    image = pydicom.dcmread(path)
    image.compress(sys.argv[1], generate_instance_uid=False)
    image.save_as(path)
"""
_DEADLY = """
import os
__version__ = "99.0.0"
def __getattr__(name):
    return lambda *arguments, **options: os._exit(9)
"""


def has_codec_beside(syntax: str) -> bool:
    """Tell whether there is a Python to start beside the application, and in it what encodes and decodes a syntax."""
    if not sys.executable:
        return False  # Python is embedded only.
    from pydicom.pixels import get_decoder, get_encoder

    return bool(get_decoder(syntax).is_available and get_encoder(syntax).is_available)


def compress_beside(folder: Path, syntax: str) -> None:
    """Write the files of a folder anew, compressed, by a Python of its own.

    Never in the application: its DCMTK and pyjpegls export the same symbols of CharLS, and encoding ends the process.

    Raises
    ------
    RuntimeError
        When that Python fails, with what it says.
    """
    command = [sys.executable, "-c", _COMPRESS, syntax, *map(str, sorted(folder.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"compressing failed: {done.stderr.strip()[-500:]}")


@contextmanager
def planted_decoder(place: Path) -> Iterator[None]:
    """Put decoders that end their process before the real ones, for every Python that is started meanwhile."""
    place.mkdir()
    for name in ("jpeg_ls", "gdcm"):  # whichever of the two pydicom takes
        (place / f"{name}.py").write_text(_DEADLY, encoding="utf-8")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(place), *([before] if before else [])])
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def write_phases(folder: Path, count: int, positions_mm: Sequence[float] = (0.0, 2.5, 5.0, 7.5)) -> str:
    """Write the slices of :func:`write_ct_stack` once for each of ``count`` time points. Returns the series' UID.

    Slice ``k`` (from 0) of time point ``t`` (from 1) is ``100 t + k`` HU throughout.
    """
    from pydicom import dcmread
    from pydicom.uid import generate_uid

    folder.mkdir(parents=True, exist_ok=True)
    series, study, frame = (str(generate_uid(prefix=None)) for _ in range(3))
    names = SeriesNames(series, study, frame, "Self-test phases")
    positions = np.array([(0.0, 0.0, z) for z in positions_mm])
    for t in range(1, count + 1):
        values = np.broadcast_to(100.0 * t + np.arange(len(positions))[:, None, None], (len(positions), ROWS, COLUMNS))
        part = folder / f"time{t:03d}"
        write_ct_series(part, values, SliceGeometry(positions, ROWS, COLUMNS, PIXEL_MM), names)
        for path in sorted(part.iterdir()):
            dataset = dcmread(path)
            dataset.TemporalPositionIdentifier = t
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{dataset.SOPInstanceUID}.{t}"
            dataset.save_as(path)
    return names.series_uid


@dataclass(frozen=True)
class KnownField:
    """A deformable registration whose result can be worked out by hand.

    The offset is an affine function of the registered point, ``D(x) = gradient · x + offset_mm``, which trilinear
    interpolation between grid nodes reproduces exactly.
    """

    dimensions: tuple[int, int, int] = (5, 6, 7)
    resolution_mm: tuple[float, float, float] = (4.0, 3.0, 2.5)
    origin_lps_mm: tuple[float, float, float] = (-8.0, 5.0, 11.0)
    gradient: np.ndarray = field(
        default_factory=lambda: np.array([[0.05, 0.0, 0.02], [0.0, -0.04, 0.01], [0.03, 0.0, 0.02]])
    )
    offset_mm: tuple[float, float, float] = (1.0, -2.0, 3.0)
    pre: np.ndarray = field(
        default_factory=lambda: np.array([[0.0, -1, 0, 7], [1, 0, 0, -3], [0, 0, 1, 2], [0, 0, 0, 1]])
    )
    post: np.ndarray = field(
        default_factory=lambda: np.array([[1.0, 0, 0, -4], [0, 0, -1, 6], [0, 1, 0, 1], [0, 0, 0, 1]])
    )

    def displacement(self, points: np.ndarray) -> np.ndarray:
        """Return D(x) at (..., 3) registered points, LPS mm."""
        return points @ self.gradient.T + np.asarray(self.offset_mm)

    def source_of(self, point: Sequence[float]) -> np.ndarray:
        """Return equation C.20.3-1 of PS3.3: ``M_post · (M_pre · x + D(x))``, LPS mm."""
        x = np.asarray(point, float)
        moved = self.pre[:3, :3] @ x + self.pre[:3, 3] + self.displacement(x)
        return self.post[:3, :3] @ moved + self.post[:3, 3]

    def inside(self, fraction: Sequence[float]) -> np.ndarray:
        """Return a point within the grid, by fractions of its extent along each axis, LPS mm."""
        extent = (np.asarray(self.dimensions) - 1) * np.asarray(self.resolution_mm)
        return np.asarray(self.origin_lps_mm) + np.asarray(fraction) * extent

    def vectors(self) -> np.ndarray:
        """Return (nz, ny, nx, 3) float32: x runs fastest in the file."""
        axes = [
            start + step * np.arange(count)
            for start, step, count in zip(self.origin_lps_mm, self.resolution_mm, self.dimensions, strict=True)
        ]
        z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
        return self.displacement(np.stack([x, y, z], axis=-1)).astype("<f4")


def write_deformable(path: Path, known: KnownField) -> tuple[str, str]:
    """Give a Deformable Spatial Registration (PS3.3 A.39.2) with one item. Returns its SOP and Series Instance UIDs."""
    from pydicom.uid import generate_uid

    identity = NewIdentity()
    write_deformable_registration(
        path,
        vectors=known.vectors(),
        origin=known.origin_lps_mm,
        directions=np.eye(3),
        spacing=known.resolution_mm,
        registered_frame_uid=generate_uid(prefix=None),
        source_frame_uid=generate_uid(prefix=None),
        pre=known.pre,
        post=known.post,
        series_description="Self-test field",
        content_label="SELFTEST",
        identity=identity,
    )
    return identity.sop_instance_uid, identity.series_instance_uid
