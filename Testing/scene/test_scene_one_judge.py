"""Equal mappings with equal images get the same verdict from the command line, in the report and as a node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import regfiles as rf
import scenetools as tools
import slicer
from DicomRegInspectorLib import inspect_paths, load_series
from DicomRegInspectorLib.findings import Finding
from DicomRegInspectorLib.registration.measures.rows import rows_of
from DicomRegInspectorLib.report.html.measuring import measure_items
from DicomRegInspectorLib.samples import make_samples
from DicomRegInspectorLib.scene import load_registration
from DicomRegInspectorLib.scene.quality.node_quality import measure_transform
from DicomRegInspectorLib.scene.series.series_volume import add_series_volume
from DicomRegInspectorLib.tasks.judge import Judgement
from DicomRegInspectorLib.tasks.quality import JudgedBy, run_quality

WHERE_FROM = ("file", "other_file", "other_item", "series_instance_uid", "matrix_lps")
"""Evidence that says where something was found, not what."""


def folding_field() -> rf.GridSpec:
    """Vectors in whole voxels that fold, far from where they started: each of several measures has something to say."""
    vectors = np.zeros((7, 8, 20, 3), np.float32)
    vectors[..., 0] = 40 - 9 * np.clip(np.arange(20) - 8, 0, 3)
    vectors[..., 1] = 7
    vectors[..., 2] = np.arange(7)[:, None, None]
    return rf.GridSpec(vectors, (2.0, 3.0, 5.0), (-15.0, 7.0, 30.0), rf.orientation_of((0.0, 0.0, 0.0)))


MEASURES = ("reg-bulk-motion", "reg-audit-undecided")
"""Notes of whoever asked for the quality; a report of an inspection has them among the measures, as no finding."""


def by_node(path: Path, images: tuple[Any, ...] = ()) -> Judgement:
    scene = slicer.vtkMRMLScene()
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    volumes = [add_series_volume(scene, image, "image") for image in images]
    (node,) = load_registration(path, scene)
    return measure_transform(node, None, *volumes)


def by_report(path: Path, *folders: Path) -> Judgement:
    inspection = inspect_paths([path, *folders])
    (measured,) = measure_items(inspection)
    told = inspection.findings
    for finding in measured.quality.findings:
        if finding.code in MEASURES:
            continue
        same = [one for one in told if (one.code, one.subject, one.message) == (finding.code, *_said(finding))]
        assert len(same) == 1, f"{finding.code} is told {len(same)} times in the report"
    return measured.quality


def _said(finding: Finding) -> tuple[str, str]:
    return finding.subject, finding.message


def numbers(evidence: Any) -> Any:
    """Evidence without where it was found, numbers as they can be compared."""
    if isinstance(evidence, dict):
        return {key: numbers(value) for key, value in evidence.items() if key not in WHERE_FROM}
    if isinstance(evidence, list | tuple):
        return [numbers(value) for value in evidence]
    return pytest.approx(evidence, rel=1e-3, abs=1e-4) if isinstance(evidence, float) else evidence


def assert_same(judgement: Judgement, other: Judgement) -> None:
    def told(one: Judgement) -> list[Finding]:
        return sorted(one.findings, key=lambda finding: finding.code)

    assert [(finding.code, finding.severity) for finding in told(judgement)] == [
        (finding.code, finding.severity) for finding in told(other)
    ]
    for finding, same in zip(told(judgement), told(other), strict=True):
        assert {key: value for key, value in same.evidence.items() if key not in WHERE_FROM} == numbers(
            finding.evidence
        ), finding.code
    rows, others = (rows_of(one.quality.measures) for one in (judgement, other))
    assert [(row.keys, row.measure, row.unit) for row in rows] == [(row.keys, row.measure, row.unit) for row in others]
    for row, same_row in zip(rows, others, strict=True):
        assert same_row.value == pytest.approx(row.value, rel=1e-3, abs=1e-4), row.measure
    assert (judgement.audit is None) == (other.audit is None)
    if judgement.audit is not None:
        assert judgement.audit.verdict == other.audit.verdict


@pytest.mark.parametrize(
    ("item", "codes"),
    [
        (rf.DeformableItem(tools.SMOOTH, tools.PRE, tools.POST), set()),
        (rf.DeformableItem(folding_field()), {"reg-folding", "reg-bulk-motion", "reg-units-suspect"}),
        (rf.DeformableItem(rf.GridSpec(np.full((4, 5, 6, 3), 0.01, np.float32), (2.0, 3.0, 4.0))), {"reg-near-zero"}),
        (rf.MatrixItem((rf.rigid((0.3, 0, 0), (30, 0, 0)),)), set()),
    ],
    ids=["smooth, with matrices", "folding", "nothing", "matrix"],
)
def test_a_registration_alone_is_judged_alike(item: rf.DeformableItem | rf.MatrixItem, codes: set[str]) -> None:
    path = tools.written(rf.RegistrationSpec((item,)))
    (of_command,) = run_quality(path).items
    found = {finding.code for finding in of_command.findings}
    assert codes <= found
    # Advice about what a field contains is given where there is a field.
    assert "reg-bulk-motion" not in found or isinstance(item, rf.DeformableItem)
    assert_same(of_command, by_report(path))
    assert_same(of_command, by_node(path))


def test_what_the_file_leaves_undefined_is_not_forgotten_by_its_node() -> None:
    vectors = tools.SMOOTH.vectors.copy()
    vectors[2, 3, 4] = np.nan
    path = tools.written(rf.RegistrationSpec((rf.DeformableItem(rf.GridSpec(vectors, (2.0, 3.0, 4.0))),)))
    (of_command,) = run_quality(path).items
    for judgement in (of_command, by_report(path), by_node(path)):
        (finding,) = [one for one in judgement.findings if one.code == "reg-vectors-undefined"]
        assert (finding.severity, finding.evidence["count"]) == ("warning", 1)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_samples(tmp_path_factory.mktemp("samples"), "pair")


def test_with_both_images_a_wrong_registration_is_judged_alike(pair: Path) -> None:
    path = next(pair.rglob("registration-in-voxels.dcm"))
    fixed, moving = path.parent / "fixed", path.parent / "moving"
    (of_command,) = run_quality(path, JudgedBy([fixed], [moving])).items
    assert of_command.audit.verdict == "voxel-units"
    assert_same(of_command, by_report(path, fixed, moving))
    assert_same(of_command, by_node(path, (load_series([fixed]), load_series([moving]))))


def test_an_image_beyond_the_grid_is_told_at_every_face(pair: Path, tmp_path: Path) -> None:
    folder = next(pair.rglob("registration.dcm")).parent
    import pydicom

    dataset = pydicom.dcmread(folder / "registration.dcm")
    grid = dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
    nx, ny, nz = grid.GridDimensions
    grid.GridDimensions, grid.VectorGridData = [nx, ny, nz // 2], grid.VectorGridData[: 12 * nx * ny * (nz // 2)]
    dataset.save_as(tmp_path / "half.dcm")
    path, fixed, moving = tmp_path / "half.dcm", folder / "fixed", folder / "moving"
    (of_command,) = run_quality(path, JudgedBy([fixed], [moving])).items
    assert of_command.audit.verdict == "standard"
    assert "reg-grid-does-not-cover" in {finding.code for finding in of_command.findings}
    assert_same(of_command, by_report(path, fixed, moving))
    assert_same(of_command, by_node(path, (load_series([fixed]), load_series([moving]))))
