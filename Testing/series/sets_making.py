"""Headers of series that hold several sets of images, and which set each image is of."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from DicomRegInspectorLib.dicom.header import Header
from DicomRegInspectorLib.dicom.tags import Tag
from DicomRegInspectorLib.series import Series
from series_making import header

MR = {"MODALITY": "MR", "SOP_CLASS_UID": "1.2.840.10008.5.1.4.1.1.4"}
_directions = np.random.default_rng(5).normal(size=(200, 3))
DIRECTIONS = _directions / np.linalg.norm(_directions, axis=1)[:, None]


def doubles(*values: float) -> bytes:
    """An FD element."""
    return np.array(values, dtype="<f8").tobytes()


def longs(*values: int) -> bytes:
    """A UL element."""
    return np.array(values, dtype="<u4").tobytes()


def _clock(k: int) -> str:
    return f"10{k // 60:02d}{k % 60:02d}"


VALUES: dict[str, Callable[[int], Any]] = {
    "TEMPORAL_POSITION": lambda k: k + 1,
    "TEMPORAL_POSITION_INDEX": lambda k: longs(k + 1),
    "DIFFUSION_B_VALUE": lambda k: doubles(100.0 * k),
    "DIFFUSION_GRADIENT": lambda k: doubles(*DIRECTIONS[k]),
    "ECHO_NUMBERS": lambda k: k + 1,
    "ECHO_TIME": lambda k: f"{4.6 * (k + 1):.2f}",
    "EFFECTIVE_ECHO_TIME": lambda k: doubles(1.5 + k),
    "INVERSION_TIME": lambda k: 100 + 50 * k,
    "REPETITION_TIME": lambda k: 500 + k,
    "FLIP_ANGLE": lambda k: 5 + k,
    "CARDIAC_PHASE_PERCENTAGE": lambda k: doubles(3.0 * k),
    "CARDIAC_TRIGGER_DELAY": lambda k: doubles(33.3 * k),
    "TRIGGER_TIME": lambda k: f"{33.3 * k:.1f}",
    "IMAGE_TYPE": lambda k: f"DERIVED\\PRIMARY\\DIXON\\T{k}",
    "COMPLEX_IMAGE_COMPONENT": lambda k: f"C{k}",
    "ASL_CONTEXT": lambda k: f"LABEL{k}",
    "STACK_ID": lambda k: f"S{k}",
    "DIMENSION_INDEX_VALUES": lambda k: longs(1, k + 1),
    "RECEIVE_COIL_NAME": lambda k: f"coil {k}",
    "CONVOLUTION_KERNEL": lambda k: f"B{k}f",
    "KVP": lambda k: 70 + k,
    "SLICE_THICKNESS": lambda k: f"{2 + 0.01 * k:.2f}",
    "RECONSTRUCTION_DIAMETER": lambda k: 200 + k,
    "SEQUENCE_NAME": lambda k: f"*ep_b{k}",
    "SCAN_OPTIONS": lambda k: f"OPTION{k}",
    "ACTUAL_FRAME_DURATION": lambda k: 1000 + k,
    "ACQUISITION_NUMBER": lambda k: k + 1,
    "ACQUISITION_UID": lambda k: f"1.2.{k}",
    "CONTRAST_AGENT": lambda k: f"agent {k}",
    "ACQUISITION_DATE_TIME": lambda k: f"20260101{_clock(k)}.5",
    "ACQUISITION_TIME": _clock,
    "CONTENT_TIME": _clock,
    "SERIES_TIME": _clock,
    "SERIES_DESCRIPTION": lambda k: f"description {k}",
}
"""For each element the value that the images of set ``k`` have."""


class Sets:
    """Images of several sets, in any order."""

    def __init__(self) -> None:
        self.headers: list[Header] = []
        self.set_of: dict[str, int] = {}
        self.lost: list[tuple[int, int]] = []

    def add(self, number: int, position: Sequence[float], **values: Any) -> None:
        """One image of a set."""
        image = header(position, **values)
        self.headers.append(image)
        self.set_of[image.sop_instance_uid] = number

    def lose(self, count: int, per_set: int, chance: random.Random) -> None:
        """Take images away, so that no set loses more than a third and no place all but one."""
        places = {image.sop_instance_uid: image.image_position_mm for image in self.headers}
        sets = len(set(self.set_of.values()))
        of_set: Counter[int] = Counter()
        of_place: Counter[Any] = Counter()
        kept = []
        for image in chance.sample(self.headers, len(self.headers)):
            number, place = self.set_of[image.sop_instance_uid], places[image.sop_instance_uid]
            if len(self.lost) < count and of_set[number] < per_set // 3 and of_place[place] < max(sets - 1, 1) // 2:
                of_set[number] += 1
                of_place[place] += 1
                self.lost.append((number, round(place[2], 3)))
            else:
                kept.append(image)
        self.headers = kept

    def renumber(self) -> None:
        """Instance numbers without gaps, as exporters give them anew."""
        for number, image in enumerate(sorted(self.headers, key=lambda image: image.instance_number or 0), start=1):
            image.own[int(Tag.INSTANCE_NUMBER)] = str(number).encode()  # type: ignore[index]

    @property
    def truth(self) -> list[list[str]]:
        """The SOP Instance UIDs of each set."""
        sets: defaultdict[int, list[str]] = defaultdict(list)
        for image in self.headers:
            sets[self.set_of[image.sop_instance_uid]].append(image.sop_instance_uid)
        return sorted(sorted(uids) for uids in sets.values())


def found(series: Series) -> list[list[str]]:
    """The SOP Instance UIDs of each stack."""
    return sorted(sorted(slice_.sop_instance_uid for slice_ in stack.slices) for stack in series.stacks)


def worse(series: Series, *, but: Iterable[str] = ()) -> list[str]:
    """The codes of the findings that are no mere remarks."""
    return [finding.code for finding in series.findings if finding.severity != "info" and finding.code not in but]


def named_missing(series: Series) -> int:
    """How many missing slices the finding about sets names."""
    (finding,) = [finding for finding in series.findings if finding.code == "acquisitions-mixed"]
    return sum(entry["slices"] for entry in finding.evidence.get("missing", []))
