"""Registrations written and read back, and points to try them on."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np
import reference
import regfiles as rf
from DicomRegInspectorLib.registration import read_registration

SMOOTH = rf.GridSpec(
    rf.smooth_vectors((9, 8, 7), 4.0), (4.0, 5.0, 6.0), (-15.0, 7.0, 30.0), rf.orientation_of((0.4, 0.3, -0.7))
)


FOLDER = tempfile.TemporaryDirectory(prefix="reg-mapping-")
NUMBERS = itertools.count()


def read(spec: rf.RegistrationSpec | list[rf.Element], encoding: rf.Encoding = rf.Encoding()):  # noqa: B008
    """The registration, from a file of its own that stays (vectors and what is counted in them are read late)."""
    return read_registration(rf.write(Path(FOLDER.name) / f"reg-{next(NUMBERS)}.dcm", spec, encoding))


def one(item: rf.DeformableItem | rf.MatrixItem):
    return read(rf.RegistrationSpec((item,))).items[0]


def probes(item: rf.DeformableItem | rf.MatrixItem, seed: int = 0) -> np.ndarray:
    if isinstance(item, rf.MatrixItem) or item.grid is None:
        return np.random.default_rng(seed).uniform(-300, 300, (20, 3))
    return reference.points_inside(item.grid, 30, seed, margin=1e-4)
