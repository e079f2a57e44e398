"""Self-tests of layouts, linked views and what a scene keeps, mixed into those of the module."""

from __future__ import annotations

import time
from typing import Any

import qt
import slicer


class ViewsSelfTests:
    """Needs ``loadedWidget``, ``makeLogic`` and ``folder`` of the class that it is mixed into; no main window."""

    def imageNode(self, name: str, shift: float) -> Any:
        """Return a ball of 8 mm radius, ``shift`` mm to the patient's right of the grid's middle, RAS."""
        import numpy as np

        count, spacing = 24, 2.0
        registered = self.known.inside((0.5, 0.5, 0.5))
        origin = registered * [-1, -1, 1] - (count - 1) * spacing / 2
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        k, j, i = np.meshgrid(*[np.arange(count) * spacing + start for start in origin[::-1]], indexing="ij")
        right, front, top = registered * [-1, -1, 1]
        far = np.sqrt((i - right - shift) ** 2 + (j - front) ** 2 + (k - top) ** 2)
        slicer.util.updateVolumeFromArray(node, np.where(far < 8, 1000, 0).astype(np.int16))
        node.SetOrigin(*origin)
        node.SetSpacing(spacing, spacing, spacing)
        node.CreateDefaultDisplayNodes()
        return node

    def fourUp(self) -> tuple[Any, int]:
        """Return the layout manager, None without a main window, and the number of the layout that it shows now."""
        manager, four_up = slicer.app.layoutManager(), slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
        if manager is not None:
            manager.setLayout(four_up)
        return manager, four_up

    def test_comparison_stands_in_linked_views_and_goes_away_again(self) -> None:
        """Where there is a main window the layout changes and comes back; without one only the nodes are made."""
        from ...scene import layouts

        manager, before = self.fourUp()
        widget = self.loadedWidget()
        fixed, moving = self.imageNode("fixed", 0.0), self.imageNode("moving", 4.0)
        widget.ui.qualityFixedSelector.setCurrentNode(fixed)
        widget.ui.qualityMovingSelector.setCurrentNode(moving)
        widget.ui.measureButton.click()
        self.assertTrue(widget.ui.showComparisonButton.enabled)
        widget.ui.showComparisonButton.click()
        self.assertNotIn("Not shown", widget.ui.qualityStatusLabel.text)
        if manager is None:
            return
        self.assertEqual(manager.layout, layouts.COMPARISON)
        offsets = []
        for spec in layouts.COMPARISON_VIEWS:
            composite = slicer.mrmlScene.GetSingletonNode(spec.tag, "vtkMRMLSliceCompositeNode")
            self.assertTrue(composite.GetLinkedControl() and composite.GetHotLinkedControl())
            self.assertIsNotNone(composite.GetBackgroundVolumeID())
            offsets.append(slicer.mrmlScene.GetSingletonNode(spec.tag, "vtkMRMLSliceNode").GetSliceOffset())
        self.assertLess(max(offsets) - min(offsets), 1e-6)
        widget.ui.hideButton.click()
        self.assertEqual(manager.layout, before)

    def test_histograms_and_positions_have_their_layouts(self) -> None:
        """Each plot view holds its chart; the layout before comes back from both."""
        from ...scene import layouts
        from ..navigation import restore_layout

        manager, before = self.fourUp()
        widget = self.loadedWidget()
        widget.ui.measureButton.click()
        widget.ui.showHistogramsButton.click()
        for spec in layouts.PLOTS.values():
            view = slicer.mrmlScene.GetSingletonNode(spec.tag, "vtkMRMLPlotViewNode")
            self.assertIsNotNone(view.GetPlotChartNode())
        series = self.makeLogic().inspect([self.folder / "stack"]).series[0]
        chart = self.makeLogic().plotSlicePositions(series)
        view = slicer.mrmlScene.GetSingletonNode(layouts.POSITIONS_PLOT.tag, "vtkMRMLPlotViewNode")
        self.assertEqual(view.GetPlotChartNodeID(), chart.GetID())
        if manager is not None:
            self.assertEqual(manager.layout, layouts.POSITIONS)
        self.assertEqual(restore_layout(), manager is not None)
        if manager is not None:
            self.assertEqual(manager.layout, before)

    def test_show_buttons_leave_the_application_alive(self) -> None:
        """The event loop runs while determinants are computed, and Cancel stops them: no volume is made."""
        widget = self.loadedWidget()
        widget.ui.measureButton.click()
        count = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
        from ..quality import quality_shows

        work, seen = quality_shows.quality_arrays, []

        def slowly(field: Any, lattice: Any, progress: Any) -> Any:
            while progress(0, 1, "waiting"):
                time.sleep(0.001)
            return work(field, lattice, progress)

        def press() -> None:
            seen.append(widget.ui.qualityCancelButton.enabled)
            widget.ui.qualityCancelButton.click()

        quality_shows.quality_arrays = slowly
        try:
            qt.QTimer.singleShot(0, press)
            widget.ui.showJacobianButton.click()
        finally:
            quality_shows.quality_arrays = work
        self.assertEqual(seen, [True])
        self.assertIn("Cancelled", widget.ui.qualityStatusLabel.text)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"), count)

    def test_opened_scene_has_linear_grids(self) -> None:
        """Slicer's reader makes them cubic; they are made linear again."""
        from ...scene import restore_interpolation

        (node,) = self.makeLogic().loadRegistration(str(self.registrationFile), bake=True)
        path = self.folder / "grid.h5"
        node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        storage.SetFileName(str(path))
        self.assertTrue(storage.WriteData(node))
        self.assertTrue(storage.ReadData(node))
        restore_interpolation(slicer.mrmlScene)
        grid = node.GetTransformFromParentAs("vtkOrientedGridTransform", False, True)
        self.assertEqual(grid.GetInterpolationModeAsString(), "Linear")
        self.assertNodeFollowsEquation(node)
