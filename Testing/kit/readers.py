"""Readers that answer the kit: each takes the kit's folder and gives its answers by object and item; None refuses."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HEADER = ("object", "item", "point", "x", "y", "z", "source_x", "source_y", "source_z")


@dataclass(frozen=True)
class Asked:
    """What the kit asks of one item."""

    path: Path
    item: int
    """From 1."""
    points: np.ndarray
    source_frame_uid: str
    registered_frame_uid: str


Reader = Callable[[Asked], np.ndarray | None]
"""(n, 3) LPS mm where the points go, NaN where the reader says they go nowhere; None where it refuses."""


def asked(folder: Path) -> Iterator[Asked]:
    """What the kit's tables ask, as a stranger finds it."""
    with open(folder / "objects.csv", encoding="utf-8", newline="") as file:
        objects = {(row["object"], row["item"]): row for row in csv.DictReader(file)}
    points: dict[tuple[str, str], list[list[float]]] = {}
    with open(folder / "template.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            points.setdefault((row["object"], row["item"]), []).append([float(row[axis]) for axis in "xyz"])
    for key, found in points.items():
        row = objects[key]
        yield Asked(folder / key[0], int(key[1]), np.array(found), row["source_frame_uid"], row["registered_frame_uid"])


def write_answers(folder: Path, reader: Reader, path: Path) -> Path:
    """Let a reader answer the whole kit; what it raises counts as a refusal."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for question in asked(folder):
            try:
                answers = reader(question)
            except ImportError:
                raise  # not installed is no refusal
            except Exception:  # a stranger's reader may raise anything
                answers = None
            rows = [[""] * 3] * len(question.points) if answers is None else np.asarray(answers, float).tolist()
            for number, (point, answer) in enumerate(zip(question.points.tolist(), rows, strict=True), 1):
                writer.writerow([question.path.name, question.item, number, *point, *answer])
    return path


def this_project(question: Asked) -> np.ndarray | None:
    """The library's own reader."""
    from DicomRegInspectorLib import read_registration

    registration = read_registration(question.path)
    if registration.kind == "fiducials":
        first, second = registration.fiducial_sets
        places = {landmark.name: landmark.position_lps_mm for landmark in second.landmarks}
        names = {landmark.position_lps_mm: landmark.name for landmark in first.landmarks}
        return np.array([places[names[tuple(point)]] for point in question.points.tolist()])
    return registration.items[question.item - 1].map_points(question.points)
