"""What the DICOM browser is told of a series of images: its sets, and what an irregular one can be made into."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from slicer.i18n import tr as _

from ...dicom.header import Header
from ...errors import DicomRegInspectorError
from ...findings import Finding
from ...series import Series, inspect_series
from ...series.pixels.set_grid import SetGroup, groups_of_sets
from ...series.pixels.stack_choices import names_that_differ
from ...series.pixels.volume import REGULAR_MM
from ...series.regularize.options import RegularizeOptions
from ...series.regularize.plan import DUPLICATE_CODES, irregularities, plan

MOST_WARNINGS = 3
MOST_SECTIONS = 20
"""A stack in more pieces than this is no choice that a list could offer."""
MOST_SETS = 20
"""More sets are not offered one by one; all of them together still are."""


@dataclass(frozen=True)
class SeriesOffer:
    """One way to load a series."""

    what: str
    """Behind the series' number and description."""
    tooltip: str
    warning: str
    stacks: tuple[int, ...] = ()
    """The sets, by the numbers of the series' stacks: several as a sequence; none for the series made regular."""
    section: int = 0
    """Of the series made regular, from 1; 0 for all of it."""


def offers_of_series(headers: Sequence[Header]) -> list[SeriesOffer]:
    """Describe the ways to load a series that Slicer's own reader does not have; no pixel is read.

    There is nothing to offer for a regular series of one set, for files of several series, and without pixels.
    """
    if any(header.pixel_data == "absent" for header in headers):
        return []  # There is nothing to load, and Slicer's own reader is no more confident than this one.
    every = inspect_series(headers)
    if len(every) != 1:
        return []
    return [*_offers_of_sets(every[0]), *_offers_of_regular(every[0])]


def _offers_of_sets(series: Series) -> list[SeriesOffer]:
    """All sets that share a grid as one offer; then, where they are few, each set."""
    mixed = _sentences(
        [finding for finding in series.findings if finding.code == "acquisitions-mixed" and finding.severity != "info"]
    )
    offers = [_offer_of_group(series, group) for group in groups_of_sets(series)]
    sets = [number for number, stack in enumerate(series.stacks, 1) if stack.label and not stack.is_localizer]
    for place, number in enumerate(sets, 1) if 1 < len(sets) <= MOST_SETS else ():
        what = _("set {number} of {count}: {label}").format(
            number=place, count=len(sets), label=series.stacks[number - 1].label
        )
        tooltip = _("The images of this set alone, each where its header says; values untouched.")
        offers.append(SeriesOffer(what, tooltip, mixed, (number,)))
    return offers


def _offer_of_group(series: Series, group: SetGroup) -> SeriesOffer:
    stacks = [series.stacks[number - 1] for number in group.numbers]
    names = _(" and ").join(names_that_differ(stacks))
    what = _("4D: {count} volumes by {names}").format(count=len(stacks), names=names)
    warnings = []
    missing = group.grid.missing_in_words(group.numbers)
    if missing:
        text = _("Not all are complete: {missing}. Missing slices hold a fill value.")
        warnings.append(text.format(missing=missing))
    if group.grid.deviation_mm > REGULAR_MM:
        text = _("Slices are not evenly spaced: with one spacing for all they lie up to {deviation:.3g} mm off.")
        warnings.append(text.format(deviation=group.grid.deviation_mm))
    tooltip = _("A sequence with one volume for each; values untouched. The Sequences module plays it.")
    return SeriesOffer(what, tooltip, " ".join(warnings), group.numbers)


def _offers_of_regular(series: Series) -> list[SeriesOffer]:
    """What an irregular series can be made into; nothing for a regular one."""
    reasons = irregularities(series)
    if not reasons:
        return []
    warning = _sentences(reasons)
    try:
        planned = plan(series, RegularizeOptions("split"))
    except DicomRegInspectorError as error:
        logging.debug("Not offered as an irregular series: %s", error)
        return []
    codes = {reason.code for reason in reasons}
    if codes == {"gantry-tilt"}:
        what = _("upright, tilt removed")
        tooltip = _("Resampled at right angles to its slices, at their own spacing.")
    elif codes.issubset(DUPLICATE_CODES):
        what = _("without duplicates")
        tooltip = _("One image at each position, the first acquired; values untouched.")
    else:
        what = _("regularized")
        tooltip = _("Resampled to one spacing, upright; gaps that are wider than one slice are not bridged.")
    # Of several sets that are complete, the first is what is made regular.
    of = f"{planned.stack.label}, " if planned.stack.label else ""
    offers = [SeriesOffer(of + what, tooltip, warning)]
    count = len(planned.volumes)
    for number in range(1, count + 1) if 1 < count <= MOST_SECTIONS else ():
        name = of + _("section {number} of {count}").format(number=number, count=count)
        tooltip = _("Neighbouring slices of one spacing, values untouched.")
        offers.append(SeriesOffer(name, tooltip, warning, section=number))
    return offers


def _sentences(findings: Sequence[Finding]) -> str:
    return " ".join(finding.message.rstrip(".") + "." for finding in findings[:MOST_WARNINGS])
