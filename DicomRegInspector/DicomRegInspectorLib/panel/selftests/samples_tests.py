"""Self-tests of the sample data and of the page in the settings dialog, mixed into those of the module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import slicer
import vtk


class SamplesSelfTests:
    """Needs ``makeLogic`` and ``folder`` of the class that it is mixed into; no main window."""

    def test_sample_data_are_listed_once_with_pictures(self) -> None:
        """In the module Sample Data, however often they are registered."""
        from ..sample_data import CATEGORY, register_sample_data

        icons = Path(slicer.util.modulePath("DicomRegInspector")).parent / "Resources" / "Icons"
        for _ in range(2):
            register_sample_data(icons)
        sources = slicer.modules.sampleDataSources[CATEGORY]
        self.assertEqual(len(sources), 2)
        for source in sources:
            self.assertTrue(Path(source.thumbnailFileName).is_file())
            self.assertTrue(callable(source.customDownloader))

    def test_irregular_sample_loads_with_every_slice_in_its_place(self) -> None:
        """Through the acquisition transform the first and the last slice lie where their headers say."""
        import numpy as np

        from ...samples.sets import irregular_geometry
        from ..sample_data import load_sample

        (node,) = load_sample("irregular")
        self.assertIn("SYNTHETIC", node.GetName())
        matrix, transform = vtk.vtkMatrix4x4(), vtk.vtkGeneralTransform()
        node.GetIJKToRASMatrix(matrix)
        node.GetParentTransformNode().GetTransformToWorld(transform)
        corners = irregular_geometry().positions * [-1, -1, 1]
        corners = corners[np.argsort(corners[:, 2])]
        last = node.GetImageData().GetDimensions()[2] - 1
        for k, expected in ((0, corners[0]), (last, corners[-1])):
            there = transform.TransformPoint(matrix.MultiplyPoint((0, 0, k, 1))[:3])
            self.assertLess(float(np.linalg.norm(np.array(there) - expected)), 1e-3)

    def test_pair_sample_maps_by_its_known_field(self) -> None:
        """The transform follows the formula that both images were made with, and carries the moving one."""
        import numpy as np

        from ...samples.known_field import BREATHING
        from ..sample_data import load_sample

        _fixed, moving, node = load_sample("pair")
        self.assertEqual(moving.GetTransformNodeID(), node.GetID())
        transform = vtk.vtkGeneralTransform()
        node.GetTransformFromWorld(transform)
        for point in ([-60.0, 10.0, -40.0], [70.0, -20.0, 30.0]):
            there = np.array(transform.TransformPoint(np.array(point) * [-1, -1, 1])) * [-1, -1, 1]
            # What linear interpolation between nodes 7, 7 and 5 mm apart leaves of a smooth field.
            self.assertLess(float(np.linalg.norm(there - BREATHING.source_of(np.array(point)))), 0.15)

    def test_settings_page_stores_resets_and_restores(self) -> None:
        """On a settings file of its own: what the user has set stays as it is."""
        from ..settings.page import SettingsPanel
        from ..settings.values import DEFAULTS, KEYS, settings_from

        store = qt.QSettings(str(self.folder / "settings.ini"), qt.QSettings.IniFormat)

        def stored() -> Any:
            store.sync()
            return settings_from({key: store.value(key) for key in KEYS.values()})

        page = SettingsPanel()
        page.widget.settings = store
        self.assertEqual(stored(), DEFAULTS)
        page.tolerance.value = 10.0
        page.mode.currentIndex = 2
        page.bake.checked = True
        page.widget.applySettings()
        self.assertEqual(stored().interval_tolerance_percent, 10.0)
        self.assertEqual((stored().regularize_mode, stored().bake), ("split", True))
        page.tolerance.value = 20.0
        page.widget.resetSettings()
        self.assertEqual(stored().interval_tolerance_percent, 10.0)
        page.widget.restoreDefaultSettings()
        self.assertEqual(stored(), DEFAULTS)
        self.assertEqual(page.tolerance.value, 5.0)
