"""What is to be applied to what."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np

from ...errors import UsageError
from .transform import Transform

Interpolation = Literal["linear", "nearest", "cubic"]
INTERPOLATIONS: tuple[Interpolation, ...] = ("linear", "nearest", "cubic")


@dataclass(frozen=True, kw_only=True)
class ApplyRequest:
    """A transform, what it is applied to, and how; places may be given as paths of any kind, a reference as one.

    Raises
    ------
    UsageError
        The fill value is no finite number, spacings are not positive, or there is no such interpolation.
    """

    transform: Transform
    input: str
    """A file, or a folder with one image series."""
    output: Path
    """By its ending a volume file, a table of points or a DICOM file; else a new folder for DICOM images."""
    reference: Sequence[str] = ()
    """What is there in the frame of the output: a volume file, or files and folders of one DICOM image series. Its
    voxels are the output's, and its patient and study, where it is DICOM."""
    spacing_mm: tuple[float, float, float] | None = None
    """Other voxels than the reference's, over the same box, along i, j and k."""
    interpolation: Interpolation = "linear"
    """Of images and dose; labels are always taken from the nearest voxel."""
    fill: float | None = None
    """What stands where there is no value; None: padding, air or black for images, 0 for labels and dose."""
    any_frame: bool = False
    """Go on where frames of reference disagree; a finding says it."""
    audit: bool = True
    """Of an image: find out whether it and the reference agree with the registration as the standard reads it."""
    series_uid: str | None = None
    stack: int | str | None = None
    """Which images of the input, where it holds several series or stacks."""
    kind: str | None = None
    """What DICOM images are written of an image, by name; None: what the input's are, else the reference's."""
    description: str = ""
    """Series Description (0008,103E)."""
    quietly: Callable[[], AbstractContextManager[object]] = field(default=nullcontext, repr=False)
    """Makes the context that files are read and written in, for libraries that print to stderr."""

    def __post_init__(self) -> None:
        given = [self.reference] if isinstance(self.reference, (str, PathLike)) else self.reference
        object.__setattr__(self, "reference", tuple(os.fspath(place) for place in given))
        object.__setattr__(self, "input", os.fspath(self.input))
        object.__setattr__(self, "output", Path(self.output))
        if self.fill is not None and not np.isfinite(self.fill):
            raise UsageError(f"the fill value {self.fill} is no finite number")
        if self.interpolation not in INTERPOLATIONS:
            raise UsageError(f"{self.interpolation}: is no interpolation; there are {', '.join(INTERPOLATIONS)}")
        if self.spacing_mm is not None and not all(np.isfinite(mm) and mm > 0 for mm in self.spacing_mm):
            raise UsageError(f"spacing {self.spacing_mm}: expected mm, more than 0")
