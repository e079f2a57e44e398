"""The sets of a series as one sequence: what Slicer's Sequences module plays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import slicer

from ...errors import UsageError
from ...progress import Progress, Run, in_background
from ...series import Series, SeriesSets, SeriesVolume, load_sets
from ...series.pixels.choose_stack import Choices, Paths
from ...series.regularize.values import fill_value
from ...series.sets.attributes import unit_of
from ...words import well_formed
from ..transforms.load_registration import ATTRIBUTE_PREFIX
from ..volumes import place_under_study
from .acquisition import SOURCE_SERIES_ATTRIBUTE
from .series_volume import add_series_volume, fill_volume_node, name_of_volume, vtk_image

MISSING_ATTRIBUTE = ATTRIBUTE_PREFIX + "MissingSlices"
"""On the volume of an incomplete set: its slices, from 1, that no image is there for, and the value that they hold."""
NUMBERS = "number"
"""What the index is called where nothing tells the sets apart but their order."""


@dataclass(frozen=True)
class SequenceNodes:
    """A series as a sequence."""

    sequence: slicer.vtkMRMLSequenceNode
    """A volume node for each set."""
    browser: slicer.vtkMRMLSequenceBrowserNode
    proxy: slicer.vtkMRMLScalarVolumeNode
    """The volume that shows the set which is chosen in the browser."""
    filled_slices: int
    """Slices missing from incomplete sets; they hold a fill value."""


def load_sequence_nodes(
    scene: slicer.vtkMRMLScene,
    source: Series | Paths,
    stacks: Choices = None,
    *,
    name: str = "",
    progress: Progress | None = None,
    run: Run | None = None,
) -> SequenceNodes:
    """Load the sets of a series as a sequence node with a browser, without copying their values.

    The index is what tells the sets apart, with its unit: numbers where it is one attribute whose numbers differ (a
    time, an echo, a b-value), else the sets' labels. Where an incomplete set lacks a slice, its volume has the fill
    value (see :func:`~...series.regularize.values.fill_value`) and says which slice that is.

    Parameters
    ----------
    scene
        Where the nodes go, when all have been read; a failure or a stop leaves it as it was.
    source
        Files, folders, or an inspected series.
    stacks
        Which sets; see :func:`~...series.pixels.load_sets.load_sets`. They have to share a grid.
    name
        Of the nodes; by default what Slicer calls the series.
    progress, run
        See :func:`~.series_nodes.load_series_nodes`.

    Raises
    ------
    UsageError, FileError, Cancelled
        See :func:`~...series.pixels.load_sets.load_sets`; and UsageError for sets that share no grid, or a single one.
    """

    def read(report: Progress | None) -> tuple[SeriesSets, list[SeriesVolume]]:
        sets = load_sets(source, stacks, progress=report)
        if len(sets.volumes) < 2:
            raise UsageError("There is one set of images: load it as a volume.")
        return sets, volumes_on_grid(sets)

    sets, volumes = in_background(read, progress, run)
    return add_sequence(scene, sets, volumes, name)


def volumes_on_grid(sets: SeriesSets) -> list[SeriesVolume]:
    """Put each set on the grid that all share; where one lacks a slice, the fill value stands, and it is not valid.

    Raises UsageError when they share no grid.
    """
    if sets.grid is None or sets.together is None:
        raise UsageError(f"{sets.grid_problem} Load them one by one, or choose sets that share a grid.")
    if sets.grid.is_complete:
        arrays = sets.array()
    else:
        # One value for all, by the images of all.
        arrays = sets.array(fill_value(replace(sets.volumes[0], array=sets.together, padding=None), None))
    count = len(sets.grid.slice_positions_mm)
    volumes = []
    for array, volume, places in zip(arrays, sets.volumes, sets.grid.places, strict=True):
        valid = np.zeros(count, dtype=bool)
        valid[places] = True
        volumes.append(
            replace(
                volume,
                array=array,
                affine_lps=sets.grid.affine_lps,
                slice_positions_mm=sets.grid.slice_positions_mm,
                slice_corners_lps_mm=sets.grid.slice_corners_lps_mm,
                valid=valid,
                padding=None,
            )
        )
    return volumes


def add_sequence(
    scene: slicer.vtkMRMLScene, sets: SeriesSets, volumes: Sequence[SeriesVolume], name: str = ""
) -> SequenceNodes:
    """Add a sequence node, its browser and its proxy volume to a scene; the sequence's volumes use the arrays' memory.

    ``volumes``: of the sets, as :func:`volumes_on_grid` gives them.
    """
    first = volumes[0]
    name = well_formed(name or name_of_volume(first))
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", scene.GenerateUniqueName(f"{name} sequence"))
    index = _index(sets)
    sequence.SetIndexName(well_formed(index.name))
    sequence.SetIndexUnit(index.unit)
    sequence.SetIndexType(sequence.NumericIndex if index.is_numeric else sequence.TextIndex)
    for volume, value, label in zip(volumes, index.values, sets.labels, strict=True):
        node = slicer.vtkMRMLVectorVolumeNode() if volume.is_color else slicer.vtkMRMLScalarVolumeNode()
        node.SetName(well_formed(f"{name} {label}".strip()))
        fill_volume_node(node, volume)
        _note_missing(node, volume)
        # The image comes last: what the sequence takes in it copies.
        sequence.SetDataNodeAtValue(node, well_formed(value)).SetAndObserveImageData(vtk_image(volume))
    proxy = add_series_volume(scene, first, name)
    browser = _browser(scene, f"{name} browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    browser.AddProxyNode(proxy, sequence, False)
    browser.SetSelectedItemNumber(0)
    for node in (sequence, browser, proxy):
        node.SetAttribute(SOURCE_SERIES_ATTRIBUTE, well_formed(first.series_uid or "unknown"))
        place_under_study(scene, node, first.study_uid)
    filled = sum(int((~volume.valid).sum()) for volume in volumes)
    return SequenceNodes(sequence, browser, proxy, filled)


@dataclass(frozen=True)
class _Index:
    name: str
    unit: str
    is_numeric: bool
    values: tuple[str, ...]


def _index(sets: SeriesSets) -> _Index:
    """What a sequence is indexed by; values as text, all different."""
    names = list(sets.values)
    if len(names) == 1:
        (values,) = sets.values.values()
        numbers = [value for value in values if isinstance(value, float)]
        # A sequence sorts numbers: those that do not rise would leave its items in another order than the sets.
        if len(numbers) == len(values) and all(np.diff(numbers) > 0):
            return _Index(names[0], unit_of(names[0]), True, tuple(f"{value:.12g}" for value in numbers))
    if len(set(sets.labels)) == len(sets.labels) and all(sets.labels):
        return _Index(", ".join(names) or NUMBERS, "", False, sets.labels)
    return _Index(NUMBERS, "", True, tuple(map(str, sets.numbers)))


def _note_missing(node: slicer.vtkMRMLScalarVolumeNode, volume: SeriesVolume) -> None:
    missing = np.flatnonzero(~volume.valid)
    if missing.size:
        value = float(volume.array[missing[0]].flat[0])
        node.SetAttribute(MISSING_ATTRIBUTE, f"{' '.join(str(k + 1) for k in missing.tolist())}; value {value:.9g}")


def _browser(scene: slicer.vtkMRMLScene, name: str) -> slicer.vtkMRMLSequenceBrowserNode:
    """A browser node; outside of the application nobody has made its class known to the scene."""
    kind = "vtkMRMLSequenceBrowserNode"
    if not scene.IsNodeClassRegistered(kind):
        scene.RegisterNodeClass(slicer.vtkMRMLSequenceBrowserNode())
    return scene.AddNewNodeByClass(kind, scene.GenerateUniqueName(name))
