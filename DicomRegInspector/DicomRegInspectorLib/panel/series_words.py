"""What the section Series says of a series, its stacks, and what will come of them. No Qt here."""

from __future__ import annotations

from slicer.i18n import tr as _

from ..series import Series, Stack
from ..series.regularize.preview import Preview, VolumePreview

MOST_SECTIONS = 3
"""So many are told one by one."""


def stack_in_words(stack: Stack) -> str:
    """One entry of the list of stacks."""
    text = stack.label or (_("localizer") if stack.is_localizer else _("stack"))
    text += _(", {slices} slices of {columns} × {rows}").format(
        slices=len(stack.slices), columns=stack.columns, rows=stack.rows
    )
    spacing = stack.nominal_spacing_mm
    return text + (_(", {spacing:.3f} mm").format(spacing=spacing) if spacing is not None else "")


def series_in_words(series: Series, stack: Stack | None) -> str:
    """The line under the list."""
    if stack is None or len(stack.slices) < 2:
        return _("No two slices with positions: not a volume.")
    text = _("{slices} slices").format(slices=len(stack.slices))
    if stack.nominal_spacing_mm is not None:
        text += _(", mostly {spacing:.3f} mm apart").format(spacing=stack.nominal_spacing_mm)
    if len(series.stacks) > 1 and stack is series.main_stack:
        text += _("; the largest of {stacks} stacks").format(stacks=len(series.stacks))
    if stack.tilt_deg is not None and abs(stack.tilt_deg) >= 0.05:
        text += _("; tilted by {tilt:.1f}°").format(tilt=stack.tilt_deg)
    return text + "."


def preview_in_words(preview: Preview) -> str:
    """The resulting geometry in one line: dimensions, spacing, what holds a fill value, what is left out."""
    count = len(preview.volumes)
    text = "; ".join(_volume_in_words(one) for one in preview.volumes[:MOST_SECTIONS])
    if count > 1:
        text = _("{count} volumes: ").format(count=count) + text
    if count > MOST_SECTIONS:
        text += _("; and {rest} more").format(rest=count - MOST_SECTIONS)
    if preview.dropped:
        text += _("; {count} left out ({reason})").format(
            count=len(preview.dropped), reason=", ".join(dict.fromkeys(one.reason for one in preview.dropped))
        )
    return text + "."


def _volume_in_words(volume: VolumePreview) -> str:
    ni, nj, nk = volume.dimensions
    across, down, along = volume.spacing_mm
    text = f"{ni} × {nj} × {nk}, {across:.4g} × {down:.4g} × {along:.4g} mm"
    if volume.filled_slices:
        text += _(", {count} slices in gaps hold a fill value").format(count=volume.filled_slices)
    return text
