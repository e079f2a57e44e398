"""A file that holds one mapping, as the registration it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ...errors import FileError
from ...findings import Finding
from ..composite import in_a_row
from ..conventions import Conventions, Question
from ..mapping import MappingError, PointTransform
from ..model import Registration, RegistrationItem


def one_mapping(
    path: Path,
    name: str,
    parts: Sequence[PointTransform],
    conventions: Conventions,
    *,
    left_open: Iterable[Question] = (),
    findings: Sequence[Finding] = (),
) -> Registration:
    """Return the registration of a file that names no frames.

    Parameters
    ----------
    name
        Of the format.
    parts
        Registered to source, LPS mm, the first acts first.
    left_open
        What the file does not say; the parts take it as registered to source and LPS.

    Raises
    ------
    FileError
        When the parts make no mapping.
    """
    try:
        mapping = in_a_row(parts)
    except MappingError as error:
        raise FileError(path, str(error)) from error
    item = RegistrationItem(path, 1, "", "", mapping, header_findings=tuple(findings), names_frames=False)
    return Registration(path, item.kind, (item,), format=name, conventions=conventions, left_open=frozenset(left_open))
