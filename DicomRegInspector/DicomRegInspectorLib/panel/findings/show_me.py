"""From a finding to the views: which image, which place, which layout and colours show it best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import slicer
from slicer.i18n import tr as _

from ...errors import Cancelled
from ...findings import Finding
from ...registration import Registration
from ...scene.places import Place, longest_vector_lps
from ...scene.quality.quality_arrays import QualityArrays, quality_arrays
from ...scene.quality.quality_views import place_quality_volumes
from ...scene.transforms.loaded import frame_of_transform, innermost, transforms_of, volumes_of
from ...scene.transforms.node_field import LinearField, Sampling, WorldField, take_field
from ...scene.volumes import volume_lattice
from ...series import Series
from ..navigation import Drawing, restore_layout, show_layers, show_loaded, show_position, show_slice_positions_layout
from ..quality.quality_shows import OVERLAY, arrows_in_words
from ..settings.stored import stored_settings
from ..worker import Worker

if TYPE_CHECKING:
    from ..logic import InspectorLogic

CHARTED = frozenset(
    {
        "slice-gap",
        "slice-overlap",
        "duplicate-position",
        "spacing-change",
        "spacing-jitter",
        "header-spacing-disagrees",
        "thickness-change",
        "order-disagrees",
    }
)
"""Findings about distances between slices: the chart of slice positions is shown beside the views."""

FieldShow = Literal["arrows", "jacobian", "mask"]

FIELD_SHOWS: dict[str, FieldShow] = {
    "reg-folding": "jacobian",
    "reg-vectors-undefined": "mask",
    "reg-vectors-nonfinite": "mask",
    "reg-grid-does-not-cover": "mask",
}
"""What is shown of a deformation for a finding; arrows for all others."""

WITHOUT_A_PLACE = ("file-", "reg-frame-unknown", "reg-sop-class", "reg-tag-order", "reg-incomplete", "reg-not-read")
"""Codes that begin like this are about identifiers or files."""


def reason_not_to_show(finding: Finding | None, place: Place | None) -> str:
    """Return why there is nothing to show of a finding; empty when there is something."""
    if finding is None or place is None:
        return _("Select a finding first.")
    if place.transform_id:
        gone = slicer.mrmlScene.GetNodeByID(place.transform_id) is None
        return _("The transform that was measured is not in the scene any more.") if gone else ""
    if finding.code.startswith(WITHOUT_A_PLACE) or (place.series is None and place.registration is None):
        return _("This finding is about a file or its identifiers: it has no place in space to show.")
    if place.registration is not None and not can_be_loaded(place.registration, place.item):
        return _("This registration cannot be loaded, so there is nothing to show; its findings say why.")
    if place.series is not None and place.position_lps_mm is None and place.series.main_stack is None:
        return _("These images have no positions: there is no place in space to show.")
    return ""


def can_be_loaded(registration: Registration, item: int | None = None) -> bool:
    """Tell whether a registration, or the item of it that a finding is about, can be loaded at all."""
    items = [candidate for candidate in registration.items if item is None or candidate.number == item]
    return bool(items) and not any(item.problem for item in registration.items)


def missing(place: Place) -> Series | Registration | None:
    """Give what has to be loaded before the place of a finding can be shown with its images; None when it is there."""
    scene = slicer.mrmlScene
    if place.transform_id:
        return None
    if place.registration is not None:
        return None if transforms_of(scene, place.registration, place.item) else place.registration
    if place.series is not None:
        return None if volumes_of(scene, place.series) else place.series
    return None


class ShowMe:
    """Shows the place of a finding in the scene's views."""

    def __init__(self, logic: InspectorLogic, drawing: Drawing) -> None:
        self._logic, self._drawing = logic, drawing

    def show(self, finding: Finding, place: Place, worker: Worker[Any]) -> str:
        """Show it and say what is shown; what is not in the scene is left out.

        Raises UsageError when the transform in the scene cannot be shown. Raises Cancelled when it was stopped.
        """
        if place.registration is not None or place.transform_id:
            return self._show_registration(finding, place, worker)
        return self._show_series(finding, place)

    def _show_series(self, finding: Finding, place: Place) -> str:
        told = []
        volumes = volumes_of(slicer.mrmlScene, place.series, place.slice_uid)
        volume = volumes[0] if volumes else None
        charted = finding.code in CHARTED and _has_chart(place.series) and stored_settings().layout_changes
        self._drawing.begin("finding")
        if charted:
            chart = self._logic.plotSlicePositions(place.series)
            show_slice_positions_layout(chart, volume)
            told.append(_("The distances between slices are in the chart {name}.").format(name=chart.GetName()))
        elif volume is not None:
            restore_layout()
            show_loaded(volume)
        if volume is not None:
            told.insert(0, _("{name} is shown in the slice views.").format(name=volume.GetName()))
        if place.position_lps_mm is not None:
            show_position(place.position_lps_mm)
            told.append(_("The views are at {place}.").format(place=place.where))
        if not told:
            return _("No image of this series is in the scene, and the finding is about all of it.")
        return " ".join(told)

    def _show_registration(self, finding: Finding, place: Place, worker: Worker[Any]) -> str:
        node = _node_of(place)
        if node is None:
            return _("The transform is not in the scene.")
        fixed = node.GetNodeReference(node.GetFixedNodeReferenceRole())
        image = fixed if fixed is not None and fixed.IsA("vtkMRMLScalarVolumeNode") else None
        told = self._show_field(FIELD_SHOWS.get(finding.code, "arrows"), node, image, worker)
        position = place.position_lps_mm
        if position is not None:
            told.append(_("The views are at its place."))
        elif place.registration is not None:
            position = longest_vector_lps(place.registration, place.item)
            if position is not None:
                told.append(_("The views are at the longest vector."))
        if position is not None:
            show_position(position)
        return " ".join(told)

    def _show_field(
        self,
        what: FieldShow,
        node: slicer.vtkMRMLTransformNode,
        image: slicer.vtkMRMLScalarVolumeNode | None,
        worker: Worker[Any],
    ) -> list[str]:
        field = take_field(node, reference=image)
        name, frame = {"name": node.GetName()}, frame_of_transform(node)
        if isinstance(field, LinearField):
            self._drawing.begin("finding")
            show_layers(image, frame_uid=frame)
            return [_("{name} is in the scene. It is linear: it does the same everywhere.").format(**name)]
        arrays = _arrays(field, node, image, worker)
        volumes = place_quality_volumes(slicer.mrmlScene, arrays)
        self._drawing.begin("finding")
        if what == "jacobian":
            show_layers(image, volumes.jacobian, opacity=OVERLAY, frame_uid=frame)
            return [_("{name}: the Jacobian determinant is shown; 0 or less folds.").format(**name)]
        if what == "mask":
            show_layers(image, label=volumes.mask, opacity=OVERLAY, frame_uid=frame)
            return [_marked_in_words(node.GetName(), volumes.counts)]
        show_layers(image, frame_uid=frame)
        return [arrows_in_words(node, arrays.field, volumes, image)]


def _marked_in_words(name: str, counts: dict[str, int]) -> str:
    words = {"folded": _("folded"), "undefined": _("undefined"), "uncovered": _("uncovered")}
    marked = ", ".join(word for key, word in words.items() if counts[key])
    told = _("{name}: marked are places that are {what}.") if marked else _("{name}: the mask is empty.")
    told = told.format(name=name, what=marked)
    # A transform of the scene is defined everywhere.
    return told if counts["undefined"] else told + " " + _("What the file leaves undefined is zero here.")


def _arrays(
    field: WorldField | Sampling,
    node: slicer.vtkMRMLTransformNode,
    image: slicer.vtkMRMLScalarVolumeNode | None,
    worker: Worker[Any],
) -> QualityArrays:
    """What there is to see of a deformation, computed in a thread; given up when its nodes leave the scene."""
    lattice = volume_lattice(image) if image is not None else None

    def compute(progress: Any) -> QualityArrays:
        sampled = field.field(progress) if isinstance(field, Sampling) else field
        return quality_arrays(sampled, lattice, progress)

    arrays = worker.run(compute)
    if any(shown is not None and shown.GetScene() is None for shown in (node, image)):
        raise Cancelled("what was to be shown is not in the scene any more")
    return arrays


def _node_of(place: Place) -> slicer.vtkMRMLTransformNode | None:
    if place.transform_id:
        return slicer.mrmlScene.GetNodeByID(place.transform_id)
    return innermost(transforms_of(slicer.mrmlScene, place.registration, place.item))


def _has_chart(series: Series) -> bool:
    return series.main_stack is not None and len(series.main_stack.slices) > 1
