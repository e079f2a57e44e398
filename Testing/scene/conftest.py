"""Scene tests use the writer and the reference evaluation of the registration tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "registration")]
pytest.register_assert_rewrite("scenetools")


@pytest.fixture
def hierarchy_scene():
    """A scene with a subject hierarchy that holds a patient and a study."""
    slicer = pytest.importorskip("slicer", reason="the scene room needs slicer-core or Slicer")
    scene = slicer.vtkMRMLScene()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Patient")
    study = hierarchy.CreateStudyItem(patient, "Study")
    hierarchy.SetItemUID(study, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName(), "1.2.3.4.5")
    return scene, hierarchy, study
