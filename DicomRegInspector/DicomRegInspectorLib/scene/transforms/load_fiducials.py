"""The points of a Spatial Fiducials object as markups, one node for each frame of reference."""

from __future__ import annotations

from collections.abc import Iterable

import slicer

from ...errors import RegistrationError
from ...registration import Registration
from ...space import RAS_SIGNS
from ...words import well_formed
from ..volumes import place_under_study

ATTRIBUTE_PREFIX = "DicomRegInspector."


def load_fiducials(registration: Registration, scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLMarkupsFiducialNode]:
    """Add a point list for each set of fiducials (PS3.3 C.21) that has points with a place.

    Raises RegistrationError when there is no fiducial with a place; nothing is added to the scene then.

    Returns
    -------
    list of vtkMRMLMarkupsFiducialNode
        Points by their identifiers, RAS mm, where the file says; under no transform. Of fiducials that are only marked
        on images the attribute ``DicomRegInspector.WithoutPlace`` has the number.
    """
    sets = [fiducials for fiducials in registration.fiducial_sets if fiducials.landmarks]
    if not sets:
        raise RegistrationError(
            registration.path, "is a Spatial Fiducials object without fiducials that have a place: nothing to load"
        )
    name = registration.series_description or registration.content_label or "Fiducials"
    nodes = []
    for number, fiducials in enumerate(sets, 1):
        node = slicer.vtkMRMLMarkupsFiducialNode()
        told = f"{name} set {number}" if len(sets) > 1 else name
        node.SetName(scene.GenerateUniqueName(well_formed(told)))
        for landmark in fiducials.landmarks:
            x, y, z = (RAS_SIGNS * landmark.position_lps_mm).tolist()
            node.AddControlPoint(x, y, z, well_formed(landmark.name))
        node = scene.AddNode(node)
        node.SetAttribute("DICOM.instanceUIDs", well_formed(registration.sop_instance_uid))
        for key, value in _provenance(registration, fiducials.frame_uid, fiducials.without_place):
            node.SetAttribute(ATTRIBUTE_PREFIX + key, well_formed(value))
        place_under_study(scene, node, registration.study_uid)
        nodes.append(node)
    return nodes


def _provenance(registration: Registration, frame_uid: str, without_place: Iterable[str]) -> list[tuple[str, str]]:
    return [
        ("SOPInstanceUID", registration.sop_instance_uid),
        ("FrameOfReferenceUID", frame_uid),
        ("FileName", registration.shown_name),
        ("WithoutPlace", str(len(list(without_place)))),
    ]
