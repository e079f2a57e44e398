"""Pictures of the kit's images for its page: the brightest along a line of sight, with places marked on them."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..report.html.markup import Markup, tag
from .equation import Array
from .visible import COLUMNS, ORIGIN, PIXEL_MM, ROWS, SLICE_MM, SLICES

_WINDOW_HU = (-250.0, 1000.0)


@dataclass(frozen=True)
class Sign:
    """A place on a picture."""

    label: str
    place: Array
    """(3,) LPS mm."""
    kind: str
    """``right``: a ring; ``wrong``: a cross."""


def picture(volume: Array, signs: Iterable[Sign], caption: str) -> Markup:
    """Return a figure of a volume from the feet and from the front, patient's right on the left.

    Parameters
    ----------
    volume
        (slices, rows, columns) Hounsfield units on the grid of all series of the kit.
    """
    shown = list(signs)
    axial = _view(volume.max(axis=0), (PIXEL_MM, PIXEL_MM), shown, (0, 1), (1, 1), "from the feet")
    frontal = _view(volume.max(axis=1)[::-1], (PIXEL_MM, SLICE_MM), shown, (0, 2), (1, -1), "from the front")
    return tag("figure", tag("div", axial, frontal, class_="views"), tag("figcaption", caption))


def _view(
    values: Array, pixel_mm: Sequence[float], signs: list[Sign], axes: Sequence[int], ways: Sequence[int], name: str
) -> Markup:
    """One line of sight; ``axes`` of LPS run right and, by ``ways``, down or up."""
    rows, columns = values.shape
    width, height = columns * pixel_mm[0], rows * pixel_mm[1]
    low = np.asarray(ORIGIN) - np.array([PIXEL_MM, PIXEL_MM, SLICE_MM]) / 2
    extent = np.array([COLUMNS * PIXEL_MM, ROWS * PIXEL_MM, SLICES * SLICE_MM])

    def at(place: Array) -> list[float]:
        inside = place - low
        return [
            float(inside[axis] if way > 0 else extent[axis] - inside[axis])
            for axis, way in zip(axes, ways, strict=True)
        ]

    image = tag("image", href=f"data:image/png;base64,{_png(values)}", width=f"{width:g}", height=f"{height:g}",
                preserveAspectRatio="none", class_="pixels")  # fmt: skip
    drawn = [_drawn(sign, *at(sign.place)) for sign in signs]
    label = f"Picture {name}, with the places of the table"
    return tag("div", tag("svg", image, *drawn, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=label),
               tag("p", name, class_="note"))  # fmt: skip


def _drawn(sign: Sign, x: float, y: float) -> Markup:
    if sign.kind == "right":
        shape = tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="11")
    else:
        shape = tag("path", d=f"M{x - 4:.1f} {y - 4:.1f}l8 8m0-8l-8 8")
    away = 12 if sign.kind == "right" else 5
    text = tag("text", sign.label, x=f"{x + away:.1f}", y=f"{y - away + 6:.1f}")
    return tag("g", shape, text, class_=f"sign-{sign.kind}")


def _png(values: Array) -> str:
    """Grey values as a PNG file (RFC 2083), in base64."""
    low, high = _WINDOW_HU
    grey = np.clip(np.rint((values - low) / (high - low) * 255), 0, 255).astype(np.uint8)
    rows, columns = grey.shape
    lines = np.zeros((rows, columns + 1), np.uint8)
    lines[:, 1:] = grey

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)), chunk(b"IEND", b""))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode("ascii")


STYLE = Markup(
    ".views{display:grid;grid-template-columns:1fr 1fr;gap:1rem;max-width:48rem}"
    ".views svg{width:100%;height:auto;background:#000}.pixels{image-rendering:pixelated}"
    ".sign-right circle{fill:none;stroke:#35d07f;stroke-width:1.6}.views .sign-right text{fill:#35d07f;font-size:11px}"
    ".sign-wrong path{stroke:#ffa347;stroke-width:1.8}.views .sign-wrong text{fill:#ffa347;font-size:9px}"
    "@media print{section.object{break-before:page}.views{max-width:25rem}}"
)
