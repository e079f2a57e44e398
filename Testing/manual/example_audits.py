"""Pairs of images and registrations that are meant in another way than the standard's, and the audit's words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import regfiles as rf
from auditpairs import REGISTERED_FRAME, Deformation, audit_item, picture, signs_in_file, source_image, waves
from DicomRegInspectorLib.findings import Finding
from DicomRegInspectorLib.registration import read_registration
from shown import shows

MATRICES = Deformation(rf.rigid((0.1, -0.15, 0.2), (8, -6, 4)), rf.rigid((-0.2, 0.1, 0.15), (-3, 9, -7)))
PLAIN = Deformation(np.eye(4), np.eye(4))
POINTS = 6000


def audited(meant: str, deformation: Deformation = PLAIN, seed: int = 0) -> list[Finding]:
    """The findings on a pair whose fixed image was made by another reading of the registration than the standard's."""
    item = deformation.write(Path("registration.dcm"))
    mapping = deformation.meant(meant)
    fixed = picture(lambda points: waves(mapping(points), seed), frame=REGISTERED_FRAME)
    result = audit_item(item, fixed, source_image(), same_modality=True, points=POINTS)
    return list(result.findings(item.subject))


@shows("reg-units-suspect")
def voxels() -> list[Finding]:
    """Two images made by a formula, and a field between them whose vectors are numbers of voxels."""
    return audited("voxel-units")


@shows("reg-units-suspect")
def voxels_by_signs() -> list[Finding]:
    """The same kind of field without images: its maker is known for it, and its components are whole numbers."""
    nodes = np.random.default_rng(3).integers(-6, 7, (8, 10, 12, 3)).astype(np.float32)
    item = rf.DeformableItem(rf.GridSpec(nodes, (2.5, 2.5, 5.0), (0.0, 0.0, 0.0)))
    registration = read_registration(
        rf.write(Path("registration.dcm"), rf.RegistrationSpec((item,), manufacturer="ImSimQA"))
    )
    return list(signs_in_file(registration, registration.items[0]))


@shows("reg-direction-suspect")
def reversed_field() -> list[Finding]:
    """Two images made by a formula, and a field that leads from the moving to the fixed one."""
    return audited("reversed")


@shows("reg-axis-signs-suspect")
def other_signs() -> list[Finding]:
    """Two images made by a formula, and a field whose vectors were written in RAS coordinates."""
    return audited("axis-signs")


@shows("reg-matrices-suspect")
def matrices_too() -> list[Finding]:
    """Two images made by a formula, and a field that contains the motion of the matrices beside it already."""
    return audited("matrices-ignored", MATRICES)


@shows("reg-deformation-suspect")
def no_deformation() -> list[Finding]:
    """Two images made by a formula that agree as they are, and a field that moves them apart."""
    return audited("identity")


@shows("reg-audit-undecided")
def unrelated() -> list[Finding]:
    """Two images that have nothing to do with each other."""
    return audited("standard", seed=9)
