"""A transform applied to whatever it is applied to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

from ...errors import UsageError, without_warnings
from ...progress import Progress
from .applied import Applied
from .request import ApplyRequest

KINDS = {
    "image": ("images", "apply_image"),
    "labels": ("labels", "apply_labels"),
    "structures": ("structures", "apply_structures"),
    "dose": ("dose", "apply_dose"),
    "points": ("points", "apply_points"),
}
"""What can be brought along, and the module and function that do it."""


@without_warnings()
def apply_transform(kind: str, request: ApplyRequest, progress: Progress | None = None) -> Applied:
    """Apply a transform to an input and write what comes of it; with what is wrong with the transform among findings.

    Parameters
    ----------
    kind
        A name in :data:`KINDS`.

    Raises
    ------
    UsageError
        When there is no such kind, frames disagree, or the output cannot be written; then nothing is left behind.
    FileError
        When a file cannot be read.
    """
    if kind not in KINDS:
        raise UsageError(f"{kind}: is nothing a transform is applied to; there are {', '.join(KINDS)}")
    module, name = KINDS[kind]
    apply: Callable[[ApplyRequest, Progress | None], Applied] = getattr(import_module(f".{module}", __package__), name)
    applied = apply(request, progress)
    own = request.transform
    known = (*own.registration.header_findings, *own.item.findings)
    return replace(applied, findings=(*known, *applied.findings))
