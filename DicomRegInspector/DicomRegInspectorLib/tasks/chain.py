"""Points through several registrations, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from os import PathLike

import numpy as np

from ..errors import RegistrationError, UsageError
from ..registration import Registration, RegistrationItem, read_registration
from ..registration.choose import choose_item
from ..registration.composite import in_a_row
from ..registration.conventions import NOTHING_ASSUMED, Assumed, named_turned
from ..registration.file.read import read_answering, turned_around
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
        The first, and those that follow in the order in which points of the registered frame go through them. One
        turned around is written as ``antsApplyTransforms -t`` has it: ``[0GenericAffine.mat,1]``.
    assumed
        What is known of the only one; of several, of those whose files leave something open.

    Raises
    ------
    FileError
        When one of them cannot be read or used.
    UsageError
        When one does not go on where the one before it ends.
    """
    registrations = read_each((path, *then), assumed)
    if not then:
        return registrations[0]
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
        first.path, 1, last.source_frame_uid, items[0].registered_frame_uid, mapping,
        header_findings=tuple(finding for each in items for finding in each.header_findings),
        images=last.images, names_frames=items[0].names_frames and last.names_frames,
    )  # fmt: skip
    names = ", then ".join(f"{each.path.name} ({each.format})" for each in registrations)
    said = replace(first.conventions, direction="registered to source, through all of them in the order given")
    return replace(first, kind=item.kind, items=(item,), format=names, conventions=said)


def read_each(paths: Sequence[str | PathLike[str]], assumed: Assumed = NOTHING_ASSUMED) -> list[Registration]:
    """Read registrations through which points go, also such that are named as turned around.

    Parameters
    ----------
    assumed
        What is known of the only one; of several, of those whose files leave it open.

    Raises
    ------
    UsageError
        When something is said of several that none leaves open.

    Other errors as of :func:`..registration.read_registration`.
    """
    registrations, maps, coordinates = [], assumed.maps, assumed.coordinates
    for path in paths:
        place, is_turned = named_turned(path) or (path, False)
        if len(paths) == 1:
            registration, maps, coordinates = read_registration(place, assumed), None, None
        else:
            registration, asked = read_answering(place, assumed)
            maps = None if asked.maps else maps
            coordinates = None if asked.coordinates else coordinates
        registrations.append(turned_around(registration) if is_turned else registration)
    if maps or coordinates:
        raise UsageError(
            f"{maps or coordinates} is said of {len(paths)} registrations, none of which leaves that open; to turn one "
            "of them around, name it as [FILE,1]"
        )
    return registrations


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
