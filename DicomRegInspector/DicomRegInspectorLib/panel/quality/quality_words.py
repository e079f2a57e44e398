"""What was measured of a transform, in a few sentences. No Qt here."""

from __future__ import annotations

import math

from slicer.i18n import tr as _

from ...findings import Finding
from ...registration.mapping import INVERSE_TOLERANCE_MM
from ...registration.measures.bulk import BulkPart
from ...registration.measures.landmarks import TargetRegistrationError
from ...registration.measures.quality import Quality
from ...scene.quality.node_quality import NodeQuality
from ...scene.transforms.node_field import LinearField

TOLD = (
    "reg-frame-unknown",
    "reg-grid-does-not-cover",
    "reg-double-application",
    "reg-near-zero",
    "reg-landmarks-off",
    "reg-landmarks-worse",
)
"""Findings that are told as they are; the others are told by the measures and the audit that they come from."""

LEAST_BULK_SHARE = 0.5
"""Share of the displacement that has to go with the rigid part before the bulk motion is worth a sentence."""


def verdict(result: NodeQuality) -> str:
    """Give folding, what is undefined, inverse, bulk motion, audit, landmarks, images and frames, a point for each."""
    lines = []
    if result.repair:
        lines.append(_("Loaded in another way than the standard's: {repair}.").format(repair=result.repair))
    if result.zeroed:
        lines.append(
            _(
                "What the file leaves undefined is zero in this transform, and measured as zero: vectors at {count} of "
                "{nodes} nodes."
            ).format(count=result.zeroed, nodes=math.prod(result.quality.dimensions))
        )
    if isinstance(result.field, LinearField):
        lines.append(_linear(result.field))
    else:
        lines += _nonlinear(result.quality)
    if result.audit is not None:
        lines += [result.audit.sentence, *result.audit.notes]
    if result.landmarks is not None:
        lines.append(_landmarks(result.landmarks))
    lines += _not_checked(result)
    lines += [finding.message for finding in result.findings if _is_told(finding)]
    return "\n".join(f"• {line}" for line in lines)


def _not_checked(result: NodeQuality) -> list[str]:
    """What nobody asked for is not judged, and said so: a list without a fault is no proof."""
    lines = []
    if result.audit is None and not result.field.mapping.is_identity:
        lines.append(_("Not checked, for want of both images: whether the transform is read the way it was meant."))
    if result.landmarks is None:
        lines.append(_("Not checked, for want of landmarks: how far it leaves them apart."))
    return lines


def _is_told(finding: Finding) -> bool:
    # Of the units, signs in the vectors are a note; what the images say of them is the audit's sentence.
    return finding.code in TOLD or (finding.code == "reg-units-suspect" and finding.severity == "info")


def _linear(field: LinearField) -> str:
    if field.jacobian <= 0:
        return _("Linear, and it mirrors or flattens: the determinant is {value:.4g} everywhere.").format(
            value=field.jacobian
        )
    return _("Linear: nothing folds, volumes change by the factor {value:.4g} everywhere.").format(value=field.jacobian)


def _nonlinear(quality: Quality) -> list[str]:
    lines = []
    if quality.axes < 3:
        lines.append(_("The grid has {axes} axes with more than one node; it is measured along these.").format(
            axes=quality.axes
        ))  # fmt: skip
    if not quality.vectors.defined:
        return [*lines, _("No vector is defined: there is nothing to judge.")]
    lines.append(_folding(quality))
    holes = [region for region in (quality.vectors.undefined, quality.vectors.infinite) if region is not None]
    if holes:
        count = sum(region.count for region in holes)
        nodes = math.prod(quality.dimensions)
        share = 100 * count / nodes
        lines.append(
            _("Undefined at {count} of {nodes} nodes ({share:.3g} %).").format(count=count, nodes=nodes, share=share)
        )
    lines.append(_inverse(quality))
    if quality.rigid is not None:
        lines.append(_bulk(quality.rigid))
    return lines


def _folding(quality: Quality) -> str:
    jacobian = quality.jacobian
    if not jacobian.count:
        return _("Folding: the determinant is defined nowhere.")
    if quality.folded is None:
        return _("Folds nowhere: the Jacobian determinant is {low:.3g} to {high:.3g}.").format(
            low=jacobian.min, high=jacobian.max
        )
    return _(
        "Folds at {count} of {nodes} nodes ({share:.3g} %, {volume:.3g} cm³): the determinant goes down to {low:.3g}."
    ).format(
        count=quality.folded.count,
        nodes=jacobian.count,
        share=100 * quality.nonpositive_fraction,
        volume=quality.folded_volume_cm3,
        low=jacobian.min,
    )


def _inverse(quality: Quality) -> str:
    inverse = quality.inverse
    if inverse.max_mm is None:
        return _("Inverse: found nowhere.")
    within = _("within {residual:.2g} mm").format(residual=max(inverse.max_mm, INVERSE_TOLERANCE_MM))
    if inverse.not_found:
        return _("Inverse: not found at {lost} of {samples} points; elsewhere {within}.").format(
            lost=inverse.not_found, samples=inverse.samples, within=within
        )
    return _("Inverse: found at all {samples} points, {within}.").format(samples=inverse.samples, within=within)


def _bulk(part: BulkPart) -> str:
    values = {
        "shift": math.dist(part.shift_mm, (0, 0, 0)),
        "rotation": part.rotation_deg,
        "whole": part.displacement_rms_mm,
        "rest": part.residual_rms_mm,
    }
    if part.residual_rms_mm > (1 - LEAST_BULK_SHARE) * part.displacement_rms_mm:
        return _("Bulk motion: little; without it {rest:.3g} of {whole:.3g} mm RMS are left.").format(**values)
    return _(
        "Bulk motion: {shift:.3g} mm and {rotation:.3g}°; without it {rest:.3g} of {whole:.3g} mm RMS are left."
    ).format(**values)


def _landmarks(error: TargetRegistrationError) -> str:
    told, marks = error.to_dict(), [landmark.mark for landmark in error.landmarks]
    low, high = told["marks_mm"]
    within, between, above = (
        marks.count(mark) for mark in (f"within {low:g} mm", f"{low:g} to {high:g} mm", f"above {high:g} mm")
    )
    if told["after_mm"]["mean"] is None:
        text = _("Landmarks: the transform is defined at none of {pairs}.").format(pairs=len(marks))
    else:
        text = _(
            "Landmarks ({pairs} pairs): mean {before:.3g} mm before, {after:.3g} mm after, largest {largest:.3g} mm; "
            "{within} within {low:g} mm, {between} up to {high:g} mm, {above} above."
        ).format(
            pairs=len(marks), before=told["before_mm"]["mean"], after=told["after_mm"]["mean"],
            largest=told["after_mm"]["max"], within=within, between=between, above=above, low=low, high=high,
        )  # fmt: skip
    if told["undefined"]:
        text += " " + _("Not defined at: {names}.").format(names=", ".join(told["undefined"]))
    if told["unpaired"]:
        text += " " + _("Without a partner: {names}.").format(names=", ".join(told["unpaired"]))
    return text
