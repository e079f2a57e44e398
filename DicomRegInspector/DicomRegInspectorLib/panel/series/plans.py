"""Plans of series, kept for as long as the series and the options stay: a plan is made once for all who ask for it.

The section Series and the repairs of findings load what is planned in one way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ...errors import DicomRegInspectorError
from ...series import Series
from ...series.regularize.options import RegularizeOptions
from ...series.regularize.plan import Plan, plan
from ..job import Endings, Job

if TYPE_CHECKING:
    from ..logic import InspectorLogic

MOST_KEPT = 8
"""Of what was asked for last: the section Series, the question about a finding and its repair are open together."""


class Plans:
    """Makes plans and keeps them; refusals too."""

    def __init__(self) -> None:
        self._kept: list[tuple[Series, int | None, RegularizeOptions, Plan | DicomRegInspectorError]] = []

    def of(self, series: Series, options: RegularizeOptions, stack: int | None = None) -> Plan:
        """Return the plan for a stack of a series.

        Raises DicomRegInspectorError, see :func:`~...series.regularize.plan.plan`.
        """
        found = next(
            (made for of, number, how, made in self._kept if of is series and (number, how) == (stack, options)), None
        )
        if found is None:
            try:
                found = plan(series, options, stack)
            except DicomRegInspectorError as error:
                found = error
            self._kept = [*self._kept[1 - MOST_KEPT :], (series, stack, options, found)]
        if isinstance(found, DicomRegInspectorError):
            raise found
        return found

    def forget(self) -> None:
        """Let go of all: other series are shown."""
        self._kept = []


def load_planned(job: Job, logic: InspectorLogic, plan: Plan) -> list[Any] | None:
    """Load what is planned beside the application; returns the nodes, None when it failed or was cancelled."""
    nodes: list[Any] | None = job.run(
        lambda worker: logic.loadSeries(plan, run=worker.run),
        Endings(
            title=_("The series was not loaded."),
            refused=_("Not loaded: {error}"),
            cancelled=_("Cancelled; nothing was loaded."),
        ),
    )
    return nodes
