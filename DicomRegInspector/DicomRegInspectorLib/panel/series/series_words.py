"""What the section Series says of a series, its stacks, and what will come of them. No Qt here."""

from __future__ import annotations

from collections.abc import Sequence

from slicer.i18n import tr as _

from ...errors import UsageError
from ...scene.series.sequence import SequenceNodes
from ...series import Series, Stack
from ...series.pixels.set_grid import SetGroup
from ...series.pixels.stack_choices import names_that_differ
from ...series.pixels.volume import REGULAR_MM
from ...series.regularize.evenly_spaced import PlainStack, plain_stack
from ...series.regularize.plan import Plan
from ...series.regularize.regular import PlannedVolume
from ...tasks.regularize import Outcome
from ...words import decimals, tenths

MOST_SECTIONS = 3
"""So many are told one by one."""


def stack_in_words(number: int, stack: Stack) -> str:
    """Say in one entry of the list which stack it is, by the number from 1 and by what tells it from the others."""
    name = stack.label or (_("localizer") if stack.is_localizer else _("stack"))
    text = f"{number}: {name}"
    text += _(", {slices} slices of {columns} × {rows}").format(
        slices=len(stack.slices), columns=stack.columns, rows=stack.rows
    )
    spacing = stack.nominal_spacing_mm
    return text + (_(", {spacing} mm").format(spacing=spacing_text(spacing)) if spacing is not None else "")


def series_in_words(series: Series, stack: Stack | None) -> str:
    """Return the line under the list."""
    if stack is None or len(stack.slices) < 2:
        return _("No two slices with positions: not a volume.")
    text = _("{slices} slices").format(slices=len(stack.slices))
    if stack.nominal_spacing_mm is not None:
        text += _(", mostly {spacing} mm apart").format(spacing=spacing_text(stack.nominal_spacing_mm))
    if len(series.stacks) > 1 and stack is series.main_stack:
        text += _("; the largest of {stacks} stacks").format(stacks=len(series.stacks))
    if stack.tilt_deg is not None and abs(stack.tilt_deg) >= 0.05:
        text += _("; tilted by {tilt:.1f}°").format(tilt=stack.tilt_deg)
    return text + "."


def sequence_in_words(nodes: SequenceNodes, series: Series, group: SetGroup) -> str:
    """Say what was loaded as a sequence, what is filled in it, and what of the series is not in it."""
    stacks = [series.stacks[number - 1] for number in group.numbers]
    text = _("Loaded {count} volumes by {names} as {sequence}.").format(
        count=len(stacks), names=_(" and ").join(names_that_differ(stacks)), sequence=nodes.sequence.GetName()
    )
    missing = group.grid.missing_in_words(group.numbers)
    if missing:
        text += " " + _("Missing slices hold a fill value: {missing}.").format(missing=missing)
    if group.grid.deviation_mm > REGULAR_MM:
        uneven = _("Slices are not evenly spaced: with one spacing for all they lie up to {deviation:.3g} mm off.")
        text += " " + uneven.format(deviation=group.grid.deviation_mm)
    others = len(series.stacks) - len(stacks)
    if others:
        text += " " + _("Of the series {count} other stacks are not in it.").format(count=others)
    return text


def plan_in_words(plan: Plan) -> str:
    """Return the resulting geometry in one line: dimensions, spacing, what holds a fill value, what is left out."""
    count = len(plan.volumes)
    text = "; ".join(_volume_in_words(volume) for volume in plan.volumes[:MOST_SECTIONS])
    if count > 1:
        text = _("{count} volumes: ").format(count=count) + text
    if count > MOST_SECTIONS:
        text += _("; and {rest} more").format(rest=count - MOST_SECTIONS)
    if plan.dropped:
        text += _("; {count} left out ({reason})").format(
            count=len(plan.dropped), reason=", ".join(dict.fromkeys(left_out.reason for left_out in plan.dropped))
        )
    is_changed = plan.dropped or any(volume.is_moved or volume.filled_slices for volume in plan.volumes)
    if plan.mode == "acquisition" and not is_changed:
        text += _("; regular already: no transform is needed")
    return text + "."


def _volume_in_words(volume: PlannedVolume) -> str:
    ni, nj, nk = volume.dimensions
    across, down, along = volume.spacing_mm
    text = f"{ni} × {nj} × {nk}, {across:.4g} × {down:.4g} × {along:.4g} mm"
    if volume.filled_slices:
        text += _(", {count} slices in gaps hold a fill value").format(count=volume.filled_slices)
    return text


def geometry_rows(stack: Stack, plan: Plan | None) -> list[tuple[str, str, str]]:
    """Return what is compared before and after: a name, and both values in words with their units.

    What is nothing in both is left out.
    """
    volumes = plan.volumes if plan is not None else ()
    positions = stack.positions_mm
    places = [place for volume in volumes for place in volume.positions_mm]
    rows = [
        (_("Voxels"), f"{stack.columns} × {stack.rows} × {len(stack.slices)}", _voxels(volumes)),
        (
            _("Pixels, mm"),
            _pixels(stack.pixel_spacing_mm),
            _each([_pixels(volume.spacing_mm[1::-1]) for volume in volumes]),
        ),
        (_("Slices, mm"), _spacings(stack), _spacings_after(plan)),
        (
            _("Positions, mm"),
            _range(positions.tolist(), stack),
            _range(places, stack) or _("across the slices"),
        ),
        (
            _("Widest interval, mm"),
            f"{float(stack.intervals_mm.max()):.4g}",
            f"{max((volume.largest_step_mm for volume in volumes), default=0.0):.4g}",
        ),
    ]
    tilts = [stack.tilt_deg or 0.0, *(volume.tilt_deg for volume in volumes)]
    if max(map(abs, tilts)) >= LEAST_TILT_DEG:
        rows.append((_("Tilt"), _tilt(tilts[0]), _each([_tilt_after(volume) for volume in volumes])))
    rows.append((_("As a plain volume"), _plain(stack), _plain_after(plan)))
    filled = sum(volume.filled_slices for volume in volumes)
    dropped = len(plan.dropped) if plan is not None else 0
    rows += [(_("Slices filled"), _("none"), str(filled))] if filled else []
    rows += [(_("Slices left out"), _("none"), str(dropped))] if dropped else []
    rows.append((_("Values"), _("as in the files"), _values(plan)))
    return rows


def _voxels(volumes: Sequence[PlannedVolume]) -> str:
    """Sections differ in their slices alone."""
    if not volumes:
        return ""
    ni, nj, _nk = volumes[0].dimensions
    counts = [str(volume.dimensions[2]) for volume in volumes]
    shown = " + ".join(counts[:MOST_SECTIONS]) + (" + …" if len(counts) > MOST_SECTIONS else "")
    text = f"{ni} × {nj} × {shown}" if len(counts) == 1 else f"{ni} × {nj} × ({shown})"
    return text + (_(" in {count} volumes").format(count=len(counts)) if len(counts) > 1 else "")


def _each(texts: list[str]) -> str:
    """One text where all say the same."""
    texts = list(dict.fromkeys(texts))
    shown = "; ".join(texts[:MOST_SECTIONS])
    return shown + (
        _("; and {rest} more").format(rest=len(texts) - MOST_SECTIONS) if len(texts) > MOST_SECTIONS else ""
    )


def _pixels(spacing: tuple[float, ...] | None) -> str:
    if spacing is None:
        return _("unknown")
    return f"{spacing[1]:.4g} × {spacing[0]:.4g}"


def _spacings(stack: Stack) -> str:
    sections = stack.sections
    if len(sections) < 2:
        return f"{stack.nominal_spacing_mm:.4g}" if stack.nominal_spacing_mm is not None else _("unknown")
    if len({f"{section.spacing_mm:.4g}" for section in sections}) == 1:
        return _("{spacing:.4g}, in {count} sections").format(spacing=sections[0].spacing_mm, count=len(sections))
    texts = [
        _("{spacing:.4g} (slices {first}–{last})").format(
            spacing=section.spacing_mm, first=section.first, last=section.last
        )
        for section in sections
    ]
    return _each(texts)


def _spacings_after(plan: Plan | None) -> str:
    text = _each([f"{volume.spacing_mm[2]:.4g}" for volume in plan.volumes]) if plan is not None else ""
    if plan is not None and any(volume.is_moved for volume in plan.volumes):
        return _("{spacing}, moved by a transform").format(spacing=text)
    return text


def _range(places: Sequence[float], stack: Stack) -> str:
    if not places:
        return ""
    spacing = stack.nominal_spacing_mm or 1.0
    digits = decimals(spacing) if spacing < 1 else 2
    return _("{first} to {last}").format(first=f"{min(places):.{digits}f}", last=f"{max(places):.{digits}f}")


def spacing_text(spacing: float) -> str:
    """Return a distance between slices, mm, with as many decimals as it needs."""
    return f"{spacing:.{decimals(spacing)}f}"


def _tilt(degrees: float) -> str:
    return f"{abs(degrees) if abs(degrees) >= LEAST_TILT_DEG else 0:.3g}°"


def _tilt_after(volume: PlannedVolume) -> str:
    # The volume itself is upright: Slicer's tools expect right angles, and a transform leans it.
    is_leant = abs(volume.tilt_deg) >= LEAST_TILT_DEG
    return _("{tilt}, by a transform").format(tilt=_tilt(volume.tilt_deg)) if is_leant else _tilt(volume.tilt_deg)


def _plain(stack: Stack) -> str:
    """What one spacing for all slices makes of it; see :func:`plain_in_words`."""
    try:
        placement = plain_stack(stack.corners_lps_mm[stack.distinct])
    except UsageError:
        return _("unknown")
    number, distance = placement.farthest
    if distance < min(LEAST_DISTANCE_MM, placement.spacing_mm / 20):
        return _("in place")
    return _("off by up to {distance} mm (slice {number})").format(
        distance=f"{distance:.2g}" if WORTH_TELLING_MM <= distance < 1 else tenths(distance),
        number=stack.slice_number(number),
    )


def _plain_after(plan: Plan | None) -> str:
    volumes = plan.volumes if plan is not None else ()
    if any(volume.is_moved or abs(volume.tilt_deg) >= LEAST_TILT_DEG for volume in volumes):
        return _("in place under its transform")
    return _("in place")


def _values(plan: Plan | None) -> str:
    if plan is not None and plan.mode == "resample":
        return _("interpolated between slices")
    if plan is not None and plan.has_means:
        return _("untouched, but for means of several slices")
    return _("untouched")


LEAST_TILT_DEG = 0.05
LEAST_DISTANCE_MM = 0.01
"""Smaller ones are rounding."""
WORTH_TELLING_MM = 0.1


def plain_in_words(placement: PlainStack, stack: Stack) -> str:
    """Return how far off a plain volume of a stack is, beside the one that was made."""
    number, distance = placement.farthest
    worth_telling = min(WORTH_TELLING_MM, placement.spacing_mm / 2)
    if distance < worth_telling:
        return _("A plain volume shows every slice within {distance:.3g} mm of its place: both look alike.").format(
            distance=max(distance, min(LEAST_DISTANCE_MM, placement.spacing_mm / 20))
        )
    text = _("A plain volume takes {spacing} mm for every interval.").format(spacing=spacing_text(placement.spacing_mm))
    text += " "
    first = placement.first_beyond(worth_telling)
    if first is not None and first[0] != number:
        text += _("Slice {number} lies {distance} mm from where it shows it; ").format(
            number=stack.slice_number(first[0]), distance=tenths(first[1])
        )
        text += _("at most {distance} mm, slice {number}.")
    else:
        text += _("Slice {number} lies {distance} mm from where it shows it.")
    return text.format(number=stack.slice_number(number), distance=tenths(distance))


def outcome_in_words(outcome: Outcome) -> str:
    """Return what was written, and where."""
    places = ", ".join(str(path) for path in outcome.written)
    text = _("Saved in {places}: {what}.").format(places=places, what=outcome.description)
    if outcome.dropped:
        text += " " + _("Left out: {count} images.").format(count=len(outcome.dropped))
    return " ".join([text, in_sentences(*outcome.notes)]).strip()


def in_sentences(*notes: str) -> str:
    """Return what the library says without capitals and full stops as sentences."""
    return " ".join(f"{note[:1].upper()}{note[1:]}." for note in notes)
