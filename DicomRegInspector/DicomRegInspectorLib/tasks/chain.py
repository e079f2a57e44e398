"""Points through several registrations, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from os import PathLike
from pathlib import Path

import numpy as np

from ..errors import RegistrationError, UsageError
from ..registration import Registration, RegistrationItem, read_registration
from ..registration.choose import choose_item
from ..registration.composite import in_a_row
from ..registration.conventions import NOTHING_ASSUMED, Assumed
from ..registration.mapping import MappingError

ReadRegistration = Callable[[str | PathLike[str]], Registration]
"""How a registration is read: :func:`..registration.read_registration`, with what is known beside the file."""


def read_in_a_row(
    path: str | PathLike[str], then: Sequence[str | PathLike[str]], assumed: Assumed = NOTHING_ASSUMED
) -> Registration:
    """Read a registration and others through which points go on, as one: ANTs' warp and then its affine transform.

    Matrices and one field become one mapping exactly; more are a chain that is evaluated exactly and sampled on a grid
    where one is needed.

    Parameters
    ----------
    path, then
        The first, and those that follow in the order in which points of the registered frame go through them.
    assumed
        What is known of those whose files leave something open.

    Raises
    ------
    FileError
        When one of them cannot be read or used.
    UsageError
        When one does not go on where the one before it ends.
    """
    if not then:
        return read_registration(path, assumed)
    registrations = [read_registration(each, assumed) for each in (path, *then)]
    items = [choose_item(registration, None).item for registration in registrations]
    for item in items:
        item.require_usable()
    require_chain(items)
    first, last = registrations[0], items[-1]
    try:
        mapping = in_a_row([item.mapping for item in items])
    except MappingError as error:
        raise RegistrationError(first.path, f"and what follows it {error}") from error
    item = RegistrationItem(
        Path(path), 1, last.source_frame_uid, items[0].registered_frame_uid, mapping,
        header_findings=tuple(finding for each in items for finding in each.header_findings),
        images=last.images, names_frames=items[0].names_frames and last.names_frames,
    )  # fmt: skip
    names = ", then ".join(f"{each.path.name} ({each.format})" for each in registrations)
    said = replace(first.conventions, direction="registered to source, through all of them in the order given")
    return replace(first, kind=item.kind, items=(item,), format=names, conventions=said)


def require_chain(items: Sequence[RegistrationItem]) -> None:
    """Refuse items of which one does not go on where the one before it ends, as far as their formats name frames.

    Raises
    ------
    UsageError
        When the source frame of one is not the registered frame of the next.
    """
    for number, (item, following) in enumerate(pairwise(items), 1):
        if not (item.names_frames and following.names_frames):
            continue  # Nothing in such a file says where it leads; the user's order does.
        if item.source_frame_uid != following.registered_frame_uid or not item.source_frame_uid:
            raise UsageError(
                f"registration {number} leads to the frame {item.source_frame_uid or '(not named)'}, registration "
                f"{number + 1} begins in {following.registered_frame_uid or '(not named)'}: points cannot go on from "
                "one to the other; name registrations in the order in which points go through them"
            )


def through(items: Sequence[RegistrationItem], points: np.ndarray) -> np.ndarray:
    """Map points (n, 3) in LPS mm from the registered frame of the first item to the source frame of the last.

    Returns (n, 3), NaN where one of them is undefined.
    """
    for item in items:
        points = item.map_points(points)
    return points


def through_inverse(items: Sequence[RegistrationItem], points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Map points (n, 3) in LPS mm from the source frame of the last item to the registered frame of the first.

    Returns
    -------
    The points (n, 3), NaN where there is none, and how far from where they came from they are sent again, (n,) mm.
    """
    there, residual_mm = points, np.zeros(len(points))
    for item in reversed(items):
        result = item.map_points_inverse(there)
        there, residual_mm = result.points, result.residual_mm
    if len(items) > 1:
        residual_mm = np.linalg.norm(through(items, there) - points, axis=1)
    return there, residual_mm
