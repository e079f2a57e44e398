"""Loading a series by its plan, with what is said when that fails: one way for the section Series and for repairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ...series.regularize.plan import Plan
from ..job import Endings, Job

if TYPE_CHECKING:
    from ..logic import InspectorLogic


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
