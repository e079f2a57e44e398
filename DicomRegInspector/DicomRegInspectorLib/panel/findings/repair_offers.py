"""Which repair there is for a finding, and what it changes and leaves, told before it is done. No Qt here."""

from __future__ import annotations

import html
from dataclasses import dataclass

from slicer.i18n import tr as _

from ...errors import DicomRegInspectorError
from ...findings import Finding
from ...registration import Registration
from ...registration.repairs import Repair
from ...scene.places import Place, registration_label
from ...series import Series
from ...series.regularize.options import Mode, RegularizeOptions
from ...series.regularize.plan import Plan
from ..registrations.readings import readings_for
from ..series.plans import Plans
from ..series.series_words import in_sentences, plan_in_words
from .finding_words import paragraphs

READING_FOR: dict[str, Repair] = {
    "reg-units-suspect": "voxel-units",
    "reg-direction-suspect": "reversed",
    "reg-axis-signs-suspect": "axis-signs",
    "reg-matrices-suspect": "matrices-ignored",
    "reg-bulk-motion": "without-bulk",
    "reg-double-application": "without-bulk",
}
"""Findings about registrations that another reading answers."""

MODE_FOR: dict[str, Mode] = {
    "slice-gap": "split",
    "slice-overlap": "split",
    "spacing-change": "split",
    "thickness-change": "split",
    "duplicate-position": "acquisition",
    "gantry-tilt": "acquisition",
    "in-plane-shift": "acquisition",
    "localizer-in-series": "acquisition",
    "order-disagrees": "acquisition",
    "positions-restart": "restack",
}
"""Findings about series that making it regular answers; the way that leaves values untouched."""


@dataclass(frozen=True)
class Offer:
    """One repair for one finding."""

    action: str
    """On the button that does it."""
    html: str
    """What it changes and what it does not, as rich text; escaped."""
    reading: Repair | None = None
    registration: Registration | None = None
    series: Series | None = None
    plan: Plan | None = None


def offer_for(finding: Finding | None, place: Place | None, plans: Plans) -> tuple[Offer | None, str]:
    """Return the repair for a finding; without one, the reason in words."""
    if finding is None or place is None:
        return None, _("Select a finding first.")
    if finding.code in READING_FOR and place.registration is not None:
        return _reading_offer(READING_FOR[finding.code], place.registration)
    if finding.code in MODE_FOR and place.series is not None:
        return _series_offer(MODE_FOR[finding.code], place.series, plans)
    return None, _("There is no repair for this finding here; the text above says how to fix it.")


def _reading_offer(reading: Repair, registration: Registration) -> tuple[Offer | None, str]:
    known = {reading.repair: reading for reading in readings_for(registration)}
    if reading not in known:
        return None, _("The reading that answers this finding does not apply to every item of this registration.")
    entry, name = known[reading], registration_label(registration)
    changes = entry.explanation
    spacings = [item.grid.spacing_mm for item in registration.items if item.grid is not None and not item.problem]
    if reading == "voxel-units" and spacings:
        across, down, along = spacings[0]
        changes += " " + _("The spacing is {across:.4g} × {down:.4g} × {along:.4g} mm.").format(
            across=across, down=down, along=along
        )
    text = _told(
        _("Load {name} read in another way: {title}").format(name=name, title=entry.title.lower()),
        _("It adds a new transform to the scene.") + " " + changes,
        _(
            "The file, transforms that are loaded already, and volumes under them. The new transform is called "
            "“repaired” and its attribute DicomRegInspector.Repair says how it was read."
        ),
        _("Nothing proves that this is what the file means: compare the registered images before you rely on it."),
    )
    return Offer(_("Load it like this"), text, reading=reading, registration=registration), ""


def _series_offer(mode: Mode, series: Series, plans: Plans) -> tuple[Offer | None, str]:
    try:
        plan = plans.of(series, RegularizeOptions(mode))
    except DicomRegInspectorError as error:
        return None, _("This series cannot be made regular: {error}").format(error=error)
    title, how = _modes()[mode]
    text = _told(
        title,
        _("It adds to the scene: {volumes}").format(volumes=plan_in_words(plan)) + " " + how,
        _("The files, and what is in the scene already."),
        in_sentences(*plan.notes) if mode == "restack" else "",
    )
    return Offer(_("Load it like this"), text, series=series, plan=plan), ""


def _modes() -> dict[Mode, tuple[str, str]]:
    """Title and explanation of each way to make a series regular."""
    return {
        "acquisition": (
            _("Load the series under an acquisition transform"),
            _("A transform puts every slice where its header says; gaps wider than one slice hold a fill value."),
        ),
        "resample": (
            _("Load the series resampled to one spacing"),
            _("Values are interpolated between the true positions; gaps wider than one slice are not bridged."),
        ),
        "split": (
            _("Load a volume for each section of constant spacing"),
            _("Values and positions stay those of the file; nothing is interpolated."),
        ),
        "crop": (
            _("Load the longest section of constant spacing"),
            _("Values and positions stay those of the file; slices outside are left out."),
        ),
        "restack": (
            _("Load the sections of the series one behind the other"),
            _(
                "Order and gap are assumed: as the sections were recorded, one slice spacing from each to the next. "
                "The section Series takes what you know of them."
            ),
        ),
    }


def _told(title: str, changes: str, keeps: str, caution: str) -> str:
    rows = [
        f"<b>{html.escape(title)}</b>",
        f"<b>{html.escape(_('What changes:'))}</b> {html.escape(changes)}",
        f"<b>{html.escape(_('What stays as it is:'))}</b> {html.escape(keeps)}",
    ]
    if caution:
        rows.append(f"<b>{html.escape(_('Take care:'))}</b> {html.escape(caution)}")
    return paragraphs(rows)
