"""How much of an image lies outside a grid, against a look at every single pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import reference
import regfiles as rf
from DicomRegInspectorLib.findings import Finding
from DicomRegInspectorLib.tasks.relations import COVERAGE_TOLERANCE_MM, relation_findings
from relatives import REGISTERED, SOURCE, Images, codes, registration, series_of

ALLOWED = 0.5
"""mm that an image may reach beyond the outermost nodes: as much as rounding and pixel edges do."""


def grid(
    dimensions: tuple[int, int, int] = (12, 10, 8),
    spacing: tuple[float, float, float] = (5.0, 4.0, 3.0),
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> rf.GridSpec:
    nx, ny, nz = dimensions
    return rf.GridSpec(np.zeros((nz, ny, nx, 3), np.float32), spacing, origin, rf.orientation_of(angles))


def distances(spec: rf.GridSpec, points: np.ndarray) -> np.ndarray:
    """From each point to the box of the grid's nodes, mm."""
    axes = reference.directions_of(spec)
    along = (points - np.array(spec.origin)) @ np.linalg.inv(axes).T
    size = (np.array(spec.dimensions) - 1) * spec.spacing
    return np.linalg.norm(along - np.clip(along, 0, size), axis=-1)


def coverage(tmp_path: Path, spec: rf.GridSpec, *images: Images, **names: str) -> list[Finding]:
    one = registration(tmp_path / "reg.dcm", rf.DeformableItem(spec), **names)
    other = Images(SOURCE, series="1.2.3.1")
    found = relation_findings([one], series_of(*images, other))
    return [finding for finding in found if finding.code == "reg-grid-does-not-cover"]


def assert_agrees(finding: Finding, spec: rf.GridSpec, images: Images, tolerance_percent: float) -> None:
    away = distances(spec, images.pixels())
    outside = away > ALLOWED
    assert finding.evidence["outside_percent"] == pytest.approx(100 * outside.mean(), abs=tolerance_percent)
    assert finding.evidence["outside_max_mm"] == pytest.approx(away.max(), abs=1e-6)
    empty = [number for number, whole in enumerate(outside.all(axis=(1, 2)), 1) if whole]
    assert finding.evidence["slices_outside"] == empty


CASES = {
    "half beside": (grid(), Images(origin=(30.0, 5.0, 2.0), slices=4)),
    "a corner": (grid(), Images(origin=(-20.0, -15.0, -7.0))),
    "all around": (grid((4, 4, 4), origin=(20.0, 10.0, 8.0)), Images()),
    "oblique grid": (grid(angles=(0.3, -0.4, 0.6)), Images(origin=(-5.0, -8.0, 3.0))),
    "oblique stack": (grid(), Images(origin=(4.0, 6.0, 1.0), angles=(0.5, 0.2, -0.3))),
    "both oblique": (grid(angles=(0.2, 0.1, -0.5)), Images(origin=(-3.0, -4.0, -2.0), angles=(-0.3, 0.4, 0.2))),
    "sagittal": (grid(), Images(origin=(10.0, 0.0, 25.0), angles=(np.pi / 2, 0.0, np.pi / 2))),
    "nothing in common": (grid(), Images(origin=(500.0, 0.0, 0.0))),
    "one slice of nodes": (grid((12, 10, 1)), Images()),
    "one slice of pixels": (grid(), Images(slices=1, origin=(-10.0, 0.0, 5.0))),
    "one pixel a slice": (grid(), Images(rows=1, columns=1, slices=15, origin=(5.0, 5.0, -12.0))),
}


@pytest.mark.parametrize("case", CASES)
def test_small_images_are_judged_by_every_pixel(tmp_path: Path, case: str) -> None:
    spec, images = CASES[case]
    (finding,) = coverage(tmp_path, spec, images)
    assert finding.severity == "warning"
    assert finding.evidence["series_instance_uid"] == images.series
    assert_agrees(finding, spec, images, 1e-9)


@pytest.mark.parametrize("case", ["half beside", "a corner", "oblique grid", "both oblique"])
def test_large_images_are_judged_within_three_percent(tmp_path: Path, case: str) -> None:
    spec, small = CASES[case]
    fine = Images(
        rows=190, columns=230, spacing=(0.2, 0.3), slices=small.slices, origin=small.origin, angles=small.angles
    )
    (finding,) = coverage(tmp_path, spec, fine)
    assert_agrees(finding, spec, fine, 3.0)


def test_rows_and_columns_are_not_mixed_up(tmp_path: Path) -> None:
    # 20 rows 2 mm apart reach 38 mm along y, 24 columns 3 mm apart 69 mm along x: a grid of just that size covers.
    covering = grid((24, 20, 6), (3.0, 2.0, 4.0))
    assert coverage(tmp_path, covering, Images()) == []
    (finding,) = coverage(tmp_path, grid((20, 24, 6), (2.0, 3.0, 4.0)), Images())
    assert finding.evidence["outside_max_mm"] == pytest.approx(69 - 38)


@pytest.mark.parametrize(("beyond", "told"), [(0.0, False), (0.4, False), (0.6, True)])
def test_half_a_millimetre_beyond_the_nodes_does_not_count(tmp_path: Path, beyond: float, told: bool) -> None:
    assert COVERAGE_TOLERANCE_MM == ALLOWED
    spec = grid((24, 20, 6), (3.0, 2.0, 4.0), (0.0, beyond, 0.0))
    assert bool(coverage(tmp_path, spec, Images())) is told


def test_the_message_says_share_distance_and_slices(tmp_path: Path) -> None:
    # Slices at 0, 4, ... 40 mm; nodes from 10 to 31 mm: slices 1-3 and 9-11 are outside, by 10 mm at most.
    spec = grid((24, 20, 8), (3.0, 2.0, 3.0), (0.0, 0.0, 10.0))
    (finding,) = coverage(tmp_path, spec, Images(slices=11))
    assert finding.evidence["slices_outside"] == [1, 2, 3, 9, 10, 11]
    assert finding.evidence["outside_percent"] == pytest.approx(100 * 6 / 11)
    for words in ("54.5 %", "up to 10 mm", "slices 1-3, 9-11", "11 slices"):
        assert words in finding.message


def test_only_images_of_the_registered_frame_have_to_be_covered(tmp_path: Path) -> None:
    far = Images("1.9.9", origin=(500.0, 0.0, 0.0), series="1.2.3.7")
    assert coverage(tmp_path, grid((24, 20, 6), (3.0, 2.0, 4.0)), Images(), far) == []


def test_each_series_that_reaches_beyond_is_told(tmp_path: Path) -> None:
    inside = Images()
    beside = [Images(origin=(x, 0.0, 0.0), series=f"1.2.3.{number}") for number, x in ((8, 10.0), (9, 20.0))]
    found = coverage(tmp_path, grid((24, 20, 6), (3.0, 2.0, 4.0)), inside, *beside)
    assert {one.evidence["series_instance_uid"]: one.evidence["outside_max_mm"] for one in found} == pytest.approx(
        {"1.2.3.8": 10, "1.2.3.9": 20}
    )


def test_matrices_cover_everything(tmp_path: Path) -> None:
    one = registration(tmp_path / "reg.dcm", rf.MatrixItem((np.eye(4),)), rf.MatrixItem((np.eye(4),), frame=REGISTERED))
    found = relation_findings([one], series_of(Images(), Images(SOURCE, series="1.2.3.1", origin=(900.0, 0, 0))))
    assert codes(found) == ["reg-images-apart"]
