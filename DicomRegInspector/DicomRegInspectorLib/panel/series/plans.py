"""Plans of series, kept for as long as the series and the options stay: a plan is made once for all who ask for it.

The section Series and the repairs of findings load what is planned in one way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ...errors import DicomRegInspectorError
from ...scene.places import series_names
from ...scene.series.twins import loaded_before
from ...series import Series
from ...series.regularize.options import RegularizeOptions
from ...series.regularize.plan import Plan, plan
from ..job import Endings, Job

if TYPE_CHECKING:
    from ..logic import InspectorLogic
    from ..worker import Worker

MOST_KEPT = 8
"""Of what was asked for last: the section Series, the question about a finding and its repair are open together."""


class Plans:
    """Makes plans and keeps them; refusals too. Loads what is planned, by names that tell the series apart."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
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

    def begin(self, every: Sequence[Series]) -> None:
        """Let go of all: other series are shown."""
        self._kept = []
        self._names = dict(zip(map(_key, every), series_names(every), strict=True))

    def load(self, job: Job, logic: InspectorLogic, plan: Plan) -> list[Any] | None:
        """Load what is planned beside the application; returns the nodes, None when it failed or was cancelled.

        What was loaded before and is as it was then is not there twice.
        """
        name = self._names.get(_key(plan.series), "") if plan.series is not None else ""

        def loaded(worker: Worker[Any]) -> list[Any]:
            nodes = logic.loadSeries(plan, run=worker.run, name=name)
            return [loaded_before(node, worker.run) or node for node in nodes]

        return job.run(
            loaded,
            Endings(
                title=_("The series was not loaded."),
                refused=_("Not loaded: {error}"),
                cancelled=_("Cancelled; nothing was loaded."),
            ),
        )


def _key(series: Series) -> tuple[str, str]:
    """What tells series apart, also when more was found about them since: UIDs may be missing, or be there twice."""
    return series.series_instance_uid, str(next(iter(series.paths), ""))
