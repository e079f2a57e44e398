"""What the panel says of two volumes that were compared. No Qt here."""

from __future__ import annotations

from slicer.i18n import tr as _

from ...volumes import Comparison, Volume

LEAST_ANGLE_DEG = 1e-3
"""Less is rounding of direction cosines."""


def comparison_in_words(comparison: Comparison) -> str:
    """Return the verdict, then what it is from, a line each."""
    lines = [comparison.reason + "."]
    lines.append(_("A is {a}, B is {b}.").format(a=_volume(comparison.a), b=_volume(comparison.b)))
    lines.append(
        _("i, j, k of A run along {axes} of B; largest angle between axes {angle}°.").format(
            axes=", ".join(comparison.index_mapping.signed_axes), angle=_angle(comparison.angle_deg)
        )
    )
    lines.append(
        _("Corners lie up to {distance:.4g} mm apart (the same place: up to {tolerance:.3g} mm).").format(
            distance=comparison.max_corner_distance_mm, tolerance=comparison.tolerance_mm
        )
    )
    values = comparison.values
    if values is not None and values.differing:
        text = _("Values, B − A: {differing:,} of {compared:,} differ, by {largest:.6g} at most").format(
            differing=values.differing, compared=values.compared, largest=values.max
        )
        if values.place is not None:
            text += _(", at voxel ({place}) of A").format(place=", ".join(map(str, values.place)))
        details = ", ".join(f"{name.replace('_', ' ')} {number:.6g}" for name, number in values.details.items())
        lines.append(text + (f"; {details}." if details else "."))
    return "\n".join(lines)


def _angle(degrees: float) -> str:
    return f"{degrees:.3g}" if degrees >= LEAST_ANGLE_DEG else "0"


def _volume(volume: Volume) -> str:
    ni, nj, nk = volume.dimensions
    spacing = " × ".join(f"{value:.4g}" for value in volume.spacing_mm)
    name = volume.name
    return _("{name} ({ni} × {nj} × {nk} voxels of {spacing} mm)").format(
        name=name, ni=ni, nj=nj, nk=nk, spacing=spacing
    )
