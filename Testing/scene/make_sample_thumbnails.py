"""Draw the thumbnails of Slicer's module Sample Data from the sample data themselves.

    python Testing/scene/make_sample_thumbnails.py

writes ``DicomRegInspector/Resources/Icons/Sample-*.png``; a test compares them with what it draws anew.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

MODULE = Path(__file__).resolve().parents[2] / "DicomRegInspector"
ICONS = MODULE / "Resources" / "Icons"
WIDTH, HEIGHT = 300, 260
BACKGROUND, ORANGE = (0.07, 0.08, 0.10), (0.90, 0.62, 0.0)
COLUMN = 53
"""Of the head: beside the middle, where there is nothing but the falx and the septum of the nose."""
STRIP = 26
"""Pixels of the caption."""


def main(icons: Path = ICONS) -> None:
    """Write both pictures."""
    from DicomRegInspectorLib.samples import write_samples

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "samples"
        write_samples(folder)
        draw_irregular(folder / "irregular-ct", icons / "Sample-irregular.png")
        draw_pair(folder / "registration-pair", icons / "Sample-pair.png")


def draw_irregular(folder: Path, path: Path) -> None:
    """The head from the side, every slice where its header says and as thick: the gap, the border and the tilt show."""
    import pydicom
    from DicomRegInspectorLib.scene.pictures.canvas import Canvas
    from DicomRegInspectorLib.scene.pictures.views import save_picture

    files = [pydicom.dcmread(one) for one in sorted(folder.iterdir())]
    row, column = np.reshape(np.array(files[0].ImageOrientationPatient, float), (2, 3))
    normal = np.cross(row, column)
    corners = np.array([one.ImagePositionPatient for one in files], float)
    places = corners @ normal
    thickness = np.array([float(one.SliceThickness) for one in files])
    pixels = np.stack([one.pixel_array[:, COLUMN] for one in files]) + float(files[0].RescaleIntercept)
    spacing = float(files[0].PixelSpacing[0])

    millimetres = 1.06
    high = HEIGHT - STRIP
    y = (np.arange(WIDTH) - WIDTH / 2) * millimetres
    z = (high / 2 - np.arange(high)) * millimetres + places.mean() / normal[2]
    points = np.stack(np.broadcast_arrays(corners[0, 0] + 0 * y, y, z[:, None]), axis=-1)
    along = points @ normal
    nearest = np.abs(along[..., None] - places).argmin(axis=-1)
    off = np.abs(along - places[nearest])
    down = ((points - corners[nearest]) @ column) / spacing
    index = np.clip(np.rint(down).astype(int), 0, pixels.shape[1] - 1)
    inside = (off <= thickness[nearest] / 2) & (down > -0.5) & (down < pixels.shape[1] - 0.5)
    grey = np.clip((pixels[nearest, index] + 120) / 320, 0, 1)
    # A thin dark line at the border of each slice: the slices are what this picture is about.
    grey *= np.where(off > thickness[nearest] / 2 - 0.45, 0.62, 1.0)
    between = (along > places.min()) & (along < places.max()) & ~inside & (np.abs(down - 47.5) < 47)
    picture = np.where(inside[..., None], grey[..., None], BACKGROUND)
    x, v = np.meshgrid(np.arange(WIDTH), np.arange(high))
    picture = np.where((between & ((x + v) % 7 < 3))[..., None], ORANGE, picture)
    canvas = Canvas(WIDTH, HEIGHT, BACKGROUND)
    canvas.paste(picture.astype(np.float32), 0, 0)
    _caption(canvas, "SYNTHETIC · one slice missing")
    save_picture(canvas, path)


def draw_pair(folder: Path, path: Path) -> None:
    """The fixed chest from the front with the deformation, as arrows to where each point is sampled from."""
    import pydicom
    from DicomRegInspectorLib import read_registration
    from DicomRegInspectorLib.scene.pictures.canvas import Canvas
    from DicomRegInspectorLib.scene.pictures.render import _arrow, colour_of
    from DicomRegInspectorLib.scene.pictures.views import save_picture

    files = [pydicom.dcmread(one) for one in sorted((folder / "fixed").iterdir())]
    corner = np.array(files[0].ImagePositionPatient, float)
    spacing = float(files[0].PixelSpacing[1])
    volume = np.stack([one.pixel_array for one in files]).astype(float) + float(files[0].RescaleIntercept)
    middle = volume.shape[1] // 2
    millimetres = 1.16
    high = HEIGHT - STRIP
    x = (np.arange(WIDTH) - WIDTH / 2) * millimetres
    z = (high / 2 - np.arange(high)) * millimetres
    i = (x - corner[0]) / spacing
    k = (z - corner[2]) / 5.0
    grey = _linear(volume[:, middle], k, i)
    picture = np.where(np.isnan(grey)[..., None], BACKGROUND, np.clip((grey + 1000) / 1500, 0, 1)[..., None] * 0.85)
    canvas = Canvas(WIDTH, HEIGHT, BACKGROUND)
    canvas.paste(picture.astype(np.float32), 0, 0)
    (item,) = read_registration(folder / "registration.dcm").items
    step = 20
    at = np.stack(np.meshgrid(np.arange(step / 2, WIDTH, step), np.arange(step / 2, high, step)), axis=-1)
    at = at.reshape(-1, 2)
    lps = np.stack(
        [
            (at[:, 0] - WIDTH / 2) * millimetres,
            np.full(len(at), corner[1] + middle * spacing),
            (high / 2 - at[:, 1]) * millimetres,
        ],
        axis=-1,
    )
    moved = item.map_points(lps) - lps
    length = np.linalg.norm(moved, axis=1)
    heads = at + np.stack([moved[:, 0], -moved[:, 2]], axis=-1) / millimetres * 1.3
    inside = [_is_inside(volume.shape, point, corner, spacing) for point in lps]
    shown = [one for one in np.argsort(length) if np.isfinite(length[one]) and inside[one]]
    for outline in (True, False):
        for one in shown:
            colour = (0.02, 0.02, 0.04) if outline else colour_of(length[one] / np.nanmax(length))
            _arrow(canvas, at[one], heads[one], colour, outline, (0, 0, WIDTH, high))
    _caption(canvas, "SYNTHETIC · known deformation")
    save_picture(canvas, path)


def _is_inside(shape: tuple[int, ...], point: np.ndarray, corner: np.ndarray, spacing: float) -> bool:
    index = np.rint((point - corner) / (spacing, spacing, 5.0)).astype(int)[::-1]
    return bool((index >= 0).all() and (index < shape).all())


def _linear(plane: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(rows, columns) values between the pixels of a plane; NaN outside."""
    r, c = np.clip(rows, 0, plane.shape[0] - 1.001), np.clip(columns, 0, plane.shape[1] - 1.001)
    k, i = r.astype(int)[:, None], c.astype(int)[None, :]
    a, b = (r - r.astype(int))[:, None], (c - c.astype(int))[None, :]
    upper = plane[k, i] * (1 - b) + plane[k, i + 1] * b
    lower = plane[k + 1, i] * (1 - b) + plane[k + 1, i + 1] * b
    outside = ((rows < -0.5) | (rows > plane.shape[0] - 0.5))[:, None] | (
        (columns < -0.5) | (columns > plane.shape[1] - 0.5)
    )[None, :]
    return np.where(outside, np.nan, upper * (1 - a) + lower * a)


def _caption(canvas: object, text: str) -> None:
    canvas.text(WIDTH / 2, HEIGHT - STRIP / 2, text, 15, (0.92, 0.92, 0.92), align="center")


if __name__ == "__main__":
    sys.path.insert(0, str(MODULE))
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ICONS)
