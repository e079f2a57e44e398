"""What the elements and the vectors of a registration show to be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dicom.tags import element_name
from ..findings import Finding
from ..space import apply_matrix, lattice_corners
from .mapping import Mapping
from .matrices import largest_move_mm
from .measures import local
from .measures.distributions import FoldedNodes, distributions
from .measures.fill_values import LEAST_ALONE_MM, FillValue
from .measures.node_region import Region
from .measures.summary import Summary

if TYPE_CHECKING:
    from .measures.bulk import BulkPart

ORTHONORMAL_TOLERANCE = 1e-3
"""Largest dot product, and deviation from unit length, of grid directions: decimal strings of 4 places reach 2e-4."""
NEAR_ZERO_MM = 0.1
"""A field whose longest vector is shorter does nothing that can be seen: a tenth of the finest CT voxel edge and less.

One such export was seen in the field with components from -0.05 to 0.02 mm.
"""
STILL_WITHIN_MM = 500
"""From the origin of the frame, in each direction: a matrix alone does not say where the patient is."""

FOLDING_ERROR_SHARE = 1e-3
"""Share of folded nodes from which folding is an error: single nodes at the border fold in many usable fields."""
BULK_SHIFT_MM, BULK_ROTATION_DEG = 3.0, 1.0
"""Bulk motion worth a word: beyond what a careful patient set-up leaves."""
BULK_RESIDUAL_SHARE = 0.5
"""Share of the displacement that may be left for a rigid motion to count as most of it."""


def order_findings(pairs: list[tuple[int, int]], subject: str, is_repeated: bool = False) -> list[Finding]:
    """Return a finding when elements stand out of ascending order (PS3.5 section 7.1).

    Parameters
    ----------
    pairs
        (tag, the greater or equal tag that stood before it).
    is_repeated
        Whether some stand a second time, be it next to the first or not.
    """
    if not pairs:
        return []
    tag, before = pairs[0]
    again = is_repeated or any(tag == before for tag, before in pairs)
    where = "a second time" if tag == before else f"after {element_name(before)}"
    message = (
        f"{len(pairs)} element{'s stand' if len(pairs) > 1 else ' stands'} out of ascending tag order, "
        f"the first of them {element_name(tag)} {where}. "
        + ("Of what stands more than once the first was read." if again else "All were read.")
    )
    evidence = {"count": len(pairs), "first": f"({tag >> 16:04X},{tag & 0xFFFF:04X})"}
    return [Finding("reg-tag-order", "warning", message, subject, evidence)]


def mapping_findings(mapping: Mapping, subject: str) -> tuple[Finding, ...]:
    """Give what the vectors show: undefined and infinite ones, a field that does nothing, folding; none without a grid.

    Reads the vectors twice: for a sample, and for all.

    Raises FileError when their file is gone or has changed since it was opened.
    """
    if mapping.grid is None:
        return ()
    field, folding = mapping.field, FoldedNodes(mapping.field)
    quantities = [local.JACOBIAN] if mapping.grid.has_statistics else [local.JACOBIAN, local.MAGNITUDE]
    jacobian, *lengths = distributions(field, quantities, [(0, folding)])
    for summary in lengths:
        mapping.grid.statistics_of(summary)
    found, folded = vector_findings(mapping, subject), folding.region
    if folded is None:
        return found
    return found + folding_finding(subject, folding_evidence(mapping, folded, jacobian), jacobian)


def vector_findings(mapping: Mapping, subject: str) -> tuple[Finding, ...]:
    """Return findings that need the vectors' lengths: undefined and infinite ones, and a field that does nothing."""
    statistics = mapping.grid.statistics
    findings = []
    total = mapping.grid.place.count
    if statistics.undefined is not None:
        evidence = region_evidence(mapping, statistics.undefined)
        message = (
            f"{statistics.undefined.count} of {total} vectors ({evidence['percent']:.3g} %) are NaN (undefined), "
            f"{box_text(statistics.undefined)}. Points there map to nothing; in a scene these vectors are zero."
        )
        findings.append(Finding("reg-vectors-undefined", "warning", message, subject, evidence))
    if statistics.infinite is not None:
        evidence = region_evidence(mapping, statistics.infinite)
        message = (
            f"{statistics.infinite.count} of {total} vectors ({evidence['percent']:.3g} %) are infinite, "
            f"{box_text(statistics.infinite)}. In a scene these vectors are zero."
        )
        findings.append(Finding("reg-vectors-nonfinite", "error", message, subject, evidence))
    findings += [_fill_finding(mapping, fill, subject) for fill in statistics.fills]
    return (*findings, *_near_zero_finding(mapping, subject), *_sampled_finding(mapping, subject))


def _sampled_finding(mapping: Mapping, subject: str) -> tuple[Finding, ...]:
    error = mapping.sampling_error
    if error is None or error.max_mm is None:
        return ()
    nodes = " × ".join(map(str, mapping.grid.dimensions))
    message = (
        f"To be measured and drawn it was sampled on a grid of {nodes} nodes. Between them the grid is up to "
        f"{error.max_mm:.3g} mm off what the transform says (99 % of {error.samples} points within "
        f"{error.p99_mm:.3g} mm, mean {error.mean_mm:.3g} mm). Points are mapped exactly."
    )
    return (Finding("reg-sampled", "info", message, subject, error.to_dict()),)


def _fill_finding(mapping: Mapping, fill: FillValue, subject: str) -> Finding:
    evidence = {"value_mm": fill.value, **region_evidence(mapping, fill.region)}
    message = (
        f"{fill.region.count} of {mapping.grid.place.count} vectors ({evidence['percent']:.3g} %) hold "
        f"{fill.value:.9g}, {box_text(fill.region)}: no displacement in mm but a number for “nothing here”. "
        "It is used as it stands: points there are sent to a place that does not exist."
    )
    severity = "error" if abs(fill.value) >= LEAST_ALONE_MM else "warning"
    return Finding("reg-vectors-fill-value", severity, message, subject, evidence)


def _near_zero_finding(mapping: Mapping, subject: str) -> tuple[Finding, ...]:
    """A finding when vectors and matrices together move no node by :data:`NEAR_ZERO_MM`."""
    statistics = mapping.grid.statistics
    if statistics.max_mm is None or statistics.max_mm >= NEAR_ZERO_MM:
        return ()
    by_matrices = largest_move_mm(mapping.affine, lattice_corners(mapping.index_to_lps, mapping.grid.dimensions))
    if by_matrices + statistics.max_mm * np.linalg.norm(mapping.post[:3, :3], 2) >= NEAR_ZERO_MM:
        return ()
    beside = "there is no other matrix than the identity"
    if mapping.has_matrices:
        beside = f"the matrices together move no node by more than {by_matrices:.3g} mm"
    message = (
        f"The longest vector is {statistics.max_mm:.3g} mm (mean {statistics.mean_mm:.3g} mm) and {beside}: "
        f"this registration moves nothing by {NEAR_ZERO_MM} mm or more."
    )
    evidence = {"max_mm": statistics.max_mm, "mean_mm": statistics.mean_mm, "threshold_mm": NEAR_ZERO_MM}
    return (Finding("reg-near-zero", "warning", message, subject, evidence),)


def still_finding(mappings: Sequence[Mapping], subject: str) -> tuple[Finding, ...]:
    """Give a note when none of an object's mappings, which can all be used, moves anything near its frame's origin."""
    reach = STILL_WITHIN_MM * (2.0 * np.array(list(np.ndindex(2, 2, 2))) - 1.0)
    if not mappings or any(mapping.grid is not None for mapping in mappings):
        return ()
    moved = max(largest_move_mm(mapping.affine, reach) for mapping in mappings)
    if moved >= NEAR_ZERO_MM:
        return ()
    matrices = "The only matrix is" if len(mappings) == 1 else f"All {len(mappings)} matrices are"
    message = (
        f"{matrices} the identity, or nearly: nothing within {STILL_WITHIN_MM} mm of the origin is moved by "
        f"{NEAR_ZERO_MM} mm. Scanners that make two images in one session say so that their frames are the same; "
        "from a registration something else is expected."
    )
    evidence = {"max_mm": moved, "threshold_mm": NEAR_ZERO_MM, "within_mm": STILL_WITHIN_MM}
    return (Finding("reg-near-zero", "info", message, subject, evidence),)


def folding_finding(subject: str, folded: dict[str, Any] | None, jacobian: Summary) -> tuple[Finding, ...]:
    """Return a finding when Jacobian determinants of 0 or less were found.

    Parameters
    ----------
    folded
        What :func:`folding_evidence` gives; None without a folded region.
    jacobian
        Summary of the determinants.
    """
    if folded is None:
        return ()
    share = folded["count"] / jacobian.count
    message = (
        f"The Jacobian determinant is 0 or less at {folded['count']} of {jacobian.count} nodes ({100 * share:.3g} %), "
        f"as low as {jacobian.min:.3g}: the mapping folds there, within grid nodes (i, j, k) = "
        f"{tuple(folded['first_index_ijk'])} to {tuple(folded['last_index_ijk'])}."
    )
    evidence = {**folded, "jacobian_min": jacobian.min, "nonpositive_fraction": share}
    severity = "error" if share >= FOLDING_ERROR_SHARE else "warning"
    return (Finding("reg-folding", severity, message, subject, evidence),)


def bulk_finding(subject: str, rigid: BulkPart | None) -> tuple[Finding, ...]:
    """Give a finding when one rigid motion makes up most of a field: whoever also applies it separately moves twice."""
    if rigid is None:
        return ()
    shift = float(np.linalg.norm(rigid.shift_mm))
    large = shift >= BULK_SHIFT_MM or rigid.rotation_deg >= BULK_ROTATION_DEG
    if not large or rigid.residual_rms_mm > BULK_RESIDUAL_SHARE * rigid.displacement_rms_mm:
        return ()
    message = (
        f"One rigid motion (shift {shift:.4g} mm at the centre, rotation {rigid.rotation_deg:.3g}°) makes up most of "
        f"this mapping: without it, {rigid.residual_rms_mm:.3g} mm RMS are left of {rigid.displacement_rms_mm:.4g} mm."
    )
    return (Finding("reg-bulk-motion", "info", message, subject, rigid.to_dict()),)


def folding_evidence(mapping: Mapping, folded: Region, jacobian: Summary) -> dict[str, Any]:
    """Return what :func:`region_evidence` gives, and where the determinant is lowest."""
    evidence = region_evidence(mapping, folded)
    if jacobian.min_index is not None:
        evidence["lowest_at_lps_mm"] = apply_matrix(mapping.index_to_lps, np.array(jacobian.min_index)).tolist()
    return evidence


def region_evidence(mapping: Mapping, region: Region) -> dict[str, Any]:
    """Count, share, and the box of a region of the grid, as indices and in LPS mm."""
    ends = np.array([region.first, region.last])
    corners = apply_matrix(
        mapping.index_to_lps, np.array([ends[list(which), range(3)] for which in np.ndindex(2, 2, 2)])
    )
    return {
        "count": region.count,
        "percent": 100 * region.count / mapping.grid.place.count,
        "first_index_ijk": list(region.first),
        "last_index_ijk": list(region.last),
        "box_min_lps_mm": corners.min(axis=0).tolist(),
        "box_max_lps_mm": corners.max(axis=0).tolist(),
    }


def box_text(region: Region) -> str:
    """Return where a region lies on the grid, in words."""
    if region.count == 1:
        return f"at grid node (i, j, k) = {region.first}"
    return f"within grid nodes (i, j, k) = {region.first} to {region.last}"
