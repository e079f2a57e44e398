"""Colours that mean the same in the scene and in pictures, and that any kind of colour vision tells apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import slicer

from .convert import nodes_of_class

COLOURS_ATTRIBUTE = "DicomRegInspector.Colours"
_CATEGORY = "DICOM registration quality"

VIRIDIS = np.array(
    [
        (68, 1, 84), (72, 40, 120), (62, 74, 137), (49, 104, 142), (38, 130, 142),
        (31, 158, 137), (53, 183, 121), (110, 206, 88), (181, 222, 43), (253, 231, 37),
    ]
) / 255.0  # fmt: skip
"""The colour map viridis at ten equal steps: even in lightness, and readable by the colour-blind."""

DIVERGING = np.array(
    [(5, 48, 97), (41, 120, 181), (146, 197, 222), (247, 247, 247), (244, 179, 112), (213, 94, 0), (110, 38, 4)]
) / 255.0  # fmt: skip
"""Blue to white to vermillion at seven equal steps: as dark at one end as at the other, white in the middle."""

FOLDED_COLOUR = (0.941, 0.894, 0.259)
"""Okabe and Ito's yellow (#F0E442): what is folded stands out from the dark blue beside it in lightness and hue."""
UNDEFINED_COLOUR = (0.8, 0.475, 0.655)
"""Okabe and Ito's reddish purple (#CC79A7)."""
UNCOVERED_COLOUR = (0.0, 0.62, 0.451)
"""Okabe and Ito's bluish green (#009E73)."""
COMPONENT_COLOURS = {"R": (0.835, 0.369, 0.0), "A": (0.0, 0.62, 0.451), "S": (0.0, 0.447, 0.698)}
"""Okabe and Ito's vermillion, bluish green and blue, for the three axes."""

FOLDED, UNDEFINED, UNCOVERED = 1, 2, 3
"""Labels of the mask."""
PROBLEMS = {
    FOLDED: ("folded (Jacobian 0 or less)", FOLDED_COLOUR),
    UNDEFINED: ("undefined", UNDEFINED_COLOUR),
    UNCOVERED: ("not covered by the grid", UNCOVERED_COLOUR),
}

TABLE_SIZE = 256
"""What Slicer's display of a scalar volume tells apart."""


def ramp(steps: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """Return colours (..., 3) of a map of equal steps (n, 3) at shares from 0 to 1."""
    place = np.clip(np.asarray(share, float), 0, 1) * (len(steps) - 1)
    low = np.minimum(place.astype(int), len(steps) - 2)
    return steps[low] + (place - low)[..., None] * (steps[low + 1] - steps[low])


def sequential_table(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """Return Viridis, for lengths."""
    return _table(scene, "Displacement", ramp(VIRIDIS, np.linspace(0, 1, TABLE_SIZE)))


def diverging_table(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """Return blue, white, vermillion: white is the middle of the window."""
    return _table(scene, "Diverging", ramp(DIVERGING, np.linspace(0, 1, TABLE_SIZE)))


def jacobian_table(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """Make a copy of the diverging table, its first colour replaced by that of folding; see :func:`folding_window`."""
    colours = np.vstack([[FOLDED_COLOUR], ramp(DIVERGING, np.linspace(0, 1, TABLE_SIZE - 1))])
    return _table(scene, "Jacobian with folding", colours)


def folding_window(upper: float) -> tuple[float, float]:
    """Return the window (lower, upper) with which :func:`jacobian_table` shows 0 and less, and nothing else, as folded.

    Slicer maps a window to 256 colours before it looks them up: the first one is all below lower + width / 255, which
    is put just above zero. White is at 1 when ``upper`` is 2.
    """
    return 1e-7 - upper / (TABLE_SIZE - 2), upper


def problem_table(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """Return the labels of the mask; background is transparent."""
    node = _find(scene, "Problems")
    if node is None:
        node = _new(scene, "Problems", len(PROBLEMS) + 1)
        node.SetColor(0, "background", 0.0, 0.0, 0.0, 0.0)
        for label, (name, colour) in PROBLEMS.items():
            node.SetColor(label, name, *colour, 1.0)
    return node


def fill_length_colours(node: slicer.vtkMRMLProceduralColorNode, longest_mm: float) -> None:
    """Make viridis from 0 mm to the longest displacement: Slicer's display of a transform maps mm to colours."""
    node.SetAttribute("Category", _CATEGORY)
    function = node.GetColorTransferFunction()
    function.RemoveAllPoints()
    for share, colour in zip(np.linspace(0, 1, len(VIRIDIS)), VIRIDIS, strict=True):
        function.AddRGBPoint(float(share) * longest_mm, *(float(part) for part in colour))


def _find(scene: slicer.vtkMRMLScene, kind: str) -> slicer.vtkMRMLColorTableNode | None:
    every = nodes_of_class(scene, "vtkMRMLColorTableNode")
    return next((node for node in every if node.GetAttribute(COLOURS_ATTRIBUTE) == kind), None)


def _new(scene: slicer.vtkMRMLScene, kind: str, size: int) -> slicer.vtkMRMLColorTableNode:
    node = scene.AddNewNodeByClass("vtkMRMLColorTableNode", scene.GenerateUniqueName(f"Registration quality: {kind}"))
    node.SetTypeToUser()
    node.SetAttribute("Category", _CATEGORY)
    node.SetAttribute(COLOURS_ATTRIBUTE, kind)
    node.SetNumberOfColors(size)
    return node


def _table(scene: slicer.vtkMRMLScene, kind: str, colours: Sequence[Sequence[float]]) -> slicer.vtkMRMLColorTableNode:
    """The scene's table of this kind; made at the first use."""
    node = _find(scene, kind)
    if node is None:
        node = _new(scene, kind, len(colours))
        before = node.StartModify()
        for index, colour in enumerate(colours):
            node.SetColor(index, str(index), *(float(part) for part in colour), 1.0)
        node.EndModify(before)
    return node
