"""What a comparison of two volumes found, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .text.page import Page, point, product
from .text.terminal import Style

if TYPE_CHECKING:
    from ..volumes import Comparison


def comparison_report(comparison: Comparison, style: Style) -> str:
    """The verdict, then what it is from."""
    page = Page(style)
    page.title("Compared")
    page.text(comparison.reason)
    for letter, volume in (("A", comparison.a), ("B", comparison.b)):
        page.section(f"{letter}: {volume.name}")
        page.row("voxels (i, j, k)", product(volume.dimensions))
        page.row("spacing, mm", product(float(value) for value in volume.spacing_mm))
        page.row("axes run to", f"{volume.orientation} from {point(volume.positions([0, 0, 0]))} mm LPS")
        page.row("values", str(volume.array.dtype))
    page.section("Places")
    page.row("i, j, k of A run along", ", ".join(comparison.index_mapping.signed_axes) + " of B")
    page.row("largest angle between axes", f"{comparison.angle_deg:.3g}°")
    page.row("largest distance between corners", f"{comparison.max_corner_distance_mm:.4g} mm")
    values = comparison.values
    if values is not None:
        page.section("Values, B − A")
        page.row("largest difference", f"{values.max:.6g}")
        page.row("mean, root mean square", f"{values.mean:.4g}, {values.rms:.4g}")
        page.row("differing", f"{values.differing:,} of {values.compared:,}")
        if values.undefined:
            page.row("undefined in one only", f"{values.undefined:,}")
        if values.place is not None:
            page.row("largest at voxel of A (i, j, k)", ", ".join(map(str, values.place)))
        page.row("explained by", values.explained_by)
        for name, number in values.details.items():
            page.row(name.replace("_", " "), f"{number:.6g}")
    return str(page)
