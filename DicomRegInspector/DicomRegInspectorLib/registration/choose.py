"""Which item of a registration is meant when nobody says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import ChoiceError, RegistrationError, UsageError
from .model import Registration, RegistrationItem


@dataclass(frozen=True)
class Choice:
    """An item, and what the user should know about how it was chosen (empty when there was nothing to choose)."""

    item: RegistrationItem
    note: str = ""


def choose_item(registration: Registration, number: int | None) -> Choice:
    """Return the item asked for, the only one, or the only one that moves anything.

    A Spatial Registration object usually holds an identity for the registered frame itself (PS3.3 C.20.2.1).

    Raises RegistrationError when there is no item. Raises UsageError when there is no such item, or several could be
    meant.
    """
    items = registration.items
    if not items:
        raise RegistrationError(registration.path, f"is a {registration.kind} object: it maps no points")
    if number is not None:
        return Choice(items_by_number(registration, [number])[0])
    if len(items) == 1:
        return Choice(items[0])
    moving = [item for item in items if not (item.problem is None and item.mapping.is_identity)]
    if len(moving) != 1:
        named = "; ".join(f"{item.number}: {item.description}, {item.moves}" for item in items)
        raise ChoiceError(f"{registration.path} has {len(items)} items; choose one ({named})", "item")
    (item,) = moving
    return Choice(item, f"item {item.number} of {len(items)} is used, {item.moves}; the others are the identity")


def items_by_number(registration: Registration, numbers: Iterable[int]) -> list[RegistrationItem]:
    """Return the items with these numbers, counting from 1, in the order asked for.

    Raises UsageError when there is none with a number asked for.
    """
    by_number = {item.number: item for item in registration.items}
    chosen = []
    for number in numbers:
        if number not in by_number:
            raise UsageError(f"{registration.path} has no item {number}; it has items 1 to {len(by_number)}")
        chosen.append(by_number[number])
    return chosen
