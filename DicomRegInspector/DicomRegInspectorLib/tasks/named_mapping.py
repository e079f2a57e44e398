"""What is judged: a mapping, what it is called, and between which frames it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..findings import About, Finding
from ..registration import Mapping, Registration, RegistrationItem


@dataclass(frozen=True, eq=False)
class NamedMapping:
    """A mapping with what its owner knows of it."""

    mapping: Mapping
    name: str
    """How findings name it; made by :mod:`..findings.about` where they have to lead to it."""
    frames: tuple[str, str] = ("", "")
    """Frame of Reference UIDs: registered, source; empty where they are not known."""
    known: tuple[Finding, ...] = ()
    """What was found where it comes from and cannot be measured: what the elements of a file say."""
    origin: tuple[str, ...] = ()
    """Manufacturer, description and label beside it."""

    @property
    def about(self) -> About | None:
        """What it is as data; None where its name is words alone."""
        return getattr(self.name, "about", None)

    @property
    def place(self) -> dict[str, Any]:
        """What evidence about it begins with: its file, where it is of one."""
        return {"file": self.about.file} if self.about is not None and self.about.file else {}


def named_item(item: RegistrationItem, registration: Registration | None = None) -> NamedMapping:
    """Return an item of a file.

    Parameters
    ----------
    registration
        The object that it is of, for the names in it.
    """
    origin: tuple[str, ...] = ()
    if registration is not None:
        origin = (registration.manufacturer, registration.series_description, registration.content_label)
    return NamedMapping(
        item.mapping,
        item.subject,
        (item.registered_frame_uid, item.source_frame_uid),
        item.header_findings,
        origin,
    )
