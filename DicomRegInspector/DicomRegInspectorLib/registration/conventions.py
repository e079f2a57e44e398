"""What a file means by its numbers: direction, coordinates, unit, and what is outside; said or left open."""

from __future__ import annotations

import re
from dataclasses import dataclass
from os import PathLike, fspath
from os.path import lexists
from typing import Literal

Question = Literal["direction", "coordinates", "coordinates of vectors"]
"""What a file may leave open: which way it maps; whether all its coordinates are LPS or RAS; of its vectors alone."""
Maps = Literal["registered-to-source", "source-to-registered"]
Coordinates = Literal["lps", "ras"]
LEFT_OPEN = "the file does not say"


@dataclass(frozen=True)
class Conventions:
    """What the numbers of a file mean, each in words."""

    direction: str
    coordinates: str
    unit: str
    outside: str
    """What becomes of points outside of a field."""

    def to_dict(self) -> dict[str, str]:
        """Return them as a JSON report holds them."""
        return dict(vars(self))


@dataclass(frozen=True)
class Assumed:
    """What a user says of files that leave it open, and of those where the user knows better."""

    maps: Maps | None = None
    coordinates: Coordinates | None = None
    """Axes of all coordinates; where only vectors leave it open, of these."""


def named_turned(path: str | PathLike[str]) -> tuple[str, bool] | None:
    """Return the file that is named as ``antsApplyTransforms -t [FILE,1]`` does, and whether it is turned around.

    None for any other name, and for a file that is really called so.
    """
    found = re.fullmatch(r"\[(.+),\s*([01])\]", fspath(path))
    return None if found is None or lexists(path) else (found.group(1), found.group(2) == "1")


NOTHING_ASSUMED = Assumed()
DICOM = Conventions(
    direction="deformable: registered to source; matrix: source to registered (PS3.3 C.20.3, C.20.2)",
    coordinates="LPS",
    unit="mm",
    outside="a matrix acts everywhere; outside of a grid nothing is defined",
)
