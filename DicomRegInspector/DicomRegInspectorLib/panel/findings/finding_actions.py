"""Show me and Repair of the selected finding: what is needed first, what is asked, and what is done."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from ...errors import DicomRegInspectorError
from ...findings import Finding
from ...registration import Registration
from ...registration.conventions import Assumed
from ...registration.repairs import Repair
from ...scene.places import Place, registration_label
from ...series import Series
from ...series.regularize.options import Mode, RegularizeOptions
from ...series.regularize.plan import Plan
from ..job import Endings, Job
from ..navigation import Drawing, show_loaded
from ..registrations.registrations_section import RegistrationsSection, loaded_in_words, loading_endings
from ..series.plans import Plans
from ..series.series_words import plan_in_words
from ..worker import Worker
from .ask_box import AskBox, Question
from .finding_words import paragraphs
from .repair_offers import Offer, offer_for
from .show_me import ShowMe, missing, reason_not_to_show

if TYPE_CHECKING:
    from ..logic import InspectorLogic


@dataclass(frozen=True)
class Elsewhere:
    """What the section Findings asks of the others."""

    registrations: RegistrationsSection
    plans: Plans
    """What series would be made into; the section Series shares them."""
    choose_series: Callable[[Series | None, Mode | None], None]
    """Show a series in its section, with a way to make it regular."""
    reveal: Callable[[str], None]
    """Unfold a section, by its name in the .ui file."""
    loaded: Callable[[Registration, list[slicer.vtkMRMLTransformNode]], None]
    """Transforms were loaded from here."""
    drawing: Drawing
    """What all sections show in the views."""
    answer: Callable[[str, Assumed], None]
    """Inspect again, with what was said of a transform whose file leaves it open."""


class FindingActions:
    """Asks, loads, shows and repairs."""

    reason_not_to_show = staticmethod(reason_not_to_show)

    def __init__(
        self, logic: InspectorLogic, job: Job, ask: AskBox, say: Callable[[str], None], elsewhere: Elsewhere
    ) -> None:
        self._logic, self._job, self._ask, self._say, self._elsewhere = logic, job, ask, say, elsewhere
        self._show_me = ShowMe(logic, elsewhere.drawing)

    def offer_for(self, finding: Finding | None, place: Place | None) -> tuple[Offer | None, str]:
        """Return the repair for a finding; without one, the reason in words."""
        return offer_for(finding, place, self._elsewhere.plans)

    def show(self, finding: Finding, place: Place) -> None:
        """Show the place of a finding, or ask to load first what it is shown with."""
        needed = missing(place)
        if isinstance(needed, Registration):
            self._ask_to_load_registration(finding, place, needed)
        elif needed is not None and (plan := self._in_place(needed)) is not None:
            self._ask_to_load_series(finding, place, plan)
        else:
            self._show(finding, place)

    def _show(self, finding: Finding, place: Place) -> None:
        text = self._job.run(
            lambda worker: self._show_me.show(finding, place, worker),
            Endings(
                title=_("It cannot be shown."),
                refused=_("Not shown: {error}"),
                cancelled=_("Cancelled."),
            ),
        )
        if text:
            self._say(text)

    def _ask_to_load_registration(self, finding: Finding, place: Place, registration: Registration) -> None:
        name = html.escape(registration_label(registration))
        told = _("{name} is not loaded yet, so its deformation cannot be shown.").format(name=f"<b>{name}</b>")
        how = _("It is loaded as the standard says; the scene gets a new transform, and no volume is moved.")
        self._ask.ask(
            Question(
                paragraphs((told, html.escape(how))),
                _("Load and show"),
                lambda: self._load_registration(registration, None, lambda: self._show(finding, place)),
                _("Other options…"),
                lambda: self._go_to_registration(registration, None),
            )
        )

    def _ask_to_load_series(self, finding: Finding, place: Place, plan: Plan) -> None:
        told = _("No image of this series is in the scene yet.")
        how = _(
            "It can be loaded with every slice where its header says (under an acquisition transform, values "
            "untouched): {volumes}"
        ).format(volumes=plan_in_words(plan))
        self._ask.ask(
            Question(
                paragraphs((html.escape(told), html.escape(how))),
                _("Load and show"),
                lambda: self._load_series(plan, lambda: self._show(finding, place)),
                _("Without images"),
                lambda: self._show(finding, place),
            )
        )

    def _in_place(self, series: Series) -> Plan | None:
        """What loading a series under an acquisition transform gives; None when it cannot be loaded like that."""
        try:
            return self._elsewhere.plans.of(series, RegularizeOptions("acquisition"))
        except DicomRegInspectorError:
            return None

    def ask_to_repair(self, finding: Finding, place: Place) -> None:
        """Tell what the repair of a finding changes, and ask whether to do it."""
        offer, reason = self.offer_for(finding, place)
        if offer is None:
            self._say(reason)
            return
        self._ask.ask(
            Question(
                offer.html,
                offer.action,
                lambda: self._repair(offer),
                _("Other options…"),
                lambda: self._choose_otherwise(offer),
            )
        )

    def _repair(self, offer: Offer) -> None:
        if offer.registration is not None:
            self._load_registration(offer.registration, offer.reading, None)
        elif offer.plan is not None:
            self._load_series(offer.plan, None)

    def _choose_otherwise(self, offer: Offer) -> None:
        if offer.registration is not None:
            self._go_to_registration(offer.registration, offer.reading)
        elif offer.plan is not None:
            self._elsewhere.choose_series(offer.series, offer.plan.mode)
            self._say(_("Choose in the section Series how it is made regular; nothing has been done yet."))
            self._elsewhere.reveal("seriesCollapsibleButton")

    def _go_to_registration(self, registration: Registration, reading: Repair | None) -> None:
        self._elsewhere.registrations.choose(registration, reading)
        self._say(_("Choose in the section Registrations how it is loaded; nothing has been done yet."))
        self._elsewhere.reveal("registrationsCollapsibleButton")

    def _load_registration(
        self, registration: Registration, reading: Repair | None, then: Callable[[], None] | None
    ) -> None:
        def work(worker: Worker[Any]) -> list[slicer.vtkMRMLTransformNode]:
            if then is None:
                return self._elsewhere.registrations.load(worker, registration, reading)
            return self._logic.loadRegistration(registration, run=worker.run)  # to look at it: no volume is moved

        nodes = self._job.run(work, loading_endings())
        if not nodes:
            return
        self._elsewhere.loaded(registration, nodes)
        # Afterwards: what was measured of another transform leaves the table, and its row takes the sentence along.
        self._say(loaded_in_words(registration, nodes, again=False))
        if then is not None:
            then()

    def _load_series(self, plan: Plan, then: Callable[[], None] | None) -> None:
        nodes = self._elsewhere.plans.load(self._job, self._logic, plan)
        if not nodes:
            return
        self._say(_("Loaded {nodes}.").format(nodes=", ".join(node.GetName() for node in nodes)))
        if then is not None:
            then()
        else:
            self._elsewhere.drawing.hide()
            show_loaded(nodes[0])
