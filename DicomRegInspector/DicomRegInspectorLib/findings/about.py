"""What a finding is about, as data, and in words made of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal

Kind = Literal["file", "series", "stack", "registration", "item", "node", "pair"]
"""A stack: some slices of a series. A pair: an item of a registration, and an image series that it is compared with."""


@dataclass(frozen=True)
class About:
    """What a finding is about."""

    kind: Kind
    uid: str = ""
    """Series Instance UID; empty where it is about none, or about a series without one."""
    file: str = ""
    """Path, as the caller gave it."""
    item: int | None = None
    """Of the registration, from 1."""
    slices: tuple[int, ...] = ()
    """Their numbers in the stack, from 1."""
    name: str = ""
    """As people know it: a node's; of a file, where that is not its path."""

    @property
    def words(self) -> str:
        """In words: ``reg.dcm``, ``series 1.2.3``, ``item 1 of reg.dcm``."""
        if self.kind in ("series", "stack"):
            return f"series {self.uid or '(without a UID)'}"
        if self.kind in ("item", "pair"):
            return f"item {self.item} of {Path(self.file).name}"
        if self.kind == "registration":
            return Path(self.file).name
        return self.name or self.file

    @property
    def subject(self) -> Subject:
        """The words, to be handed to whatever makes findings."""
        return Subject(self)

    def to_dict(self) -> dict[str, Any]:
        """Return what is known of it, as the JSON report holds it."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {key: list(value) if key == "slices" else value for key, value in values.items() if value}


class Subject(str):
    """The words for what a finding is about, with the data they were made of: nothing has to be read out of them."""

    about: About

    def __new__(cls, about: About) -> Subject:
        """Words of data."""
        subject = super().__new__(cls, about.words)
        subject.about = about
        return subject

    def __reduce__(self) -> tuple[type[Subject], tuple[About]]:
        return Subject, (self.about,)


def about_file(path: str | PathLike[str], name: str = "", series_uid: str = "") -> Subject:
    """Make what is about a file, under its path or another name."""
    return About("file", series_uid, fspath(path), name=name).subject


def about_series(uid: str) -> Subject:
    """Make what is about an image series."""
    return About("series", uid).subject


def about_registration(path: str | PathLike[str]) -> Subject:
    """Make what is about a registration as a whole."""
    return About("registration", file=fspath(path)).subject


def about_item(path: str | PathLike[str], number: int) -> Subject:
    """Make what is about an item of a registration."""
    return About("item", file=fspath(path), item=number).subject


def about_node(name: str) -> Subject:
    """Make what is about a node of the scene."""
    return About("node", name=name).subject
