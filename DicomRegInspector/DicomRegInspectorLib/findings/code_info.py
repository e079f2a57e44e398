"""What the table of finding codes says of each code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .severities import Severity

FoundBy = Literal["inspect", "quality", "pixels", "apply", "loading"]
"""The command that reports it; ``loading``: making a volume of a series, in Slicer or by ``regularize``."""


@dataclass(frozen=True)
class CodeInfo:
    """What a finding code means, whatever file it is found in. The pages of the manual are made of it."""

    title: str
    """A few words, as a table heading would say it."""
    remedy: str
    """What a user can do about it, in one sentence."""
    meaning: str
    """What it means for whoever uses the data, in one to three sentences."""
    measured: str
    """From which elements it was found, with their tags, by which rule, and the section of DICOM that says so."""
    severities: tuple[Severity, ...]
    """Those it is reported with, from least to most severe."""
    found_by: tuple[FoundBy, ...]
    evidence: Mapping[str, str]
    """Each key that the evidence may have, with what stands there; a number's unit ends its key."""
    related: tuple[str, ...] = ()
    """Other codes worth reading of with this one."""


INSTANCES: Mapping[str, str] = {
    "sop_instance_uids": "SOP Instance UIDs of the images it is about, 50 at most",
    "instances": "how many instances these are in all",
    "instance_numbers": "their Instance Numbers (frame numbers in a file with several frames), 50 at most",
}
"""Evidence of findings about some images of a series."""
PLACES: Mapping[str, str] = {
    "slices": "slice numbers in the order of positions along the normal, from 1",
    "sop_instance_uids": "SOP Instance UIDs of these slices",
    "instance_numbers": "their Instance Numbers (frame numbers in a file with several frames)",
    "positions_mm": "their positions along the normal",
    "frame_numbers": "their frame numbers, in a file with several frames",
    "stack": "which stack of the series it is, where there are several",
}
"""Evidence of findings about places in a stack of slices."""
FURTHER: Mapping[str, str] = {
    "further_places": "in a last finding that stands for those not listed one by one: how many places more"
}
"""Evidence of codes of which 25 at most are listed for one stack."""
FILES: Mapping[str, str] = {
    "files": "how many files it was found in, where several say the same",
    "paths": "these files, 50 at most",
}
"""Evidence of findings of ``pixels`` that hold word for word for several files of a series."""
REGION: Mapping[str, str] = {
    "count": "how many grid nodes",
    "percent": "their share of all nodes",
    "first_index_ijk": "first node (i, j, k) of the box that holds them",
    "last_index_ijk": "last node (i, j, k) of that box",
    "box_min_lps_mm": "lowest corner of that box in LPS",
    "box_max_lps_mm": "highest corner of that box in LPS",
}
"""Evidence of findings about a region of a deformation grid."""
