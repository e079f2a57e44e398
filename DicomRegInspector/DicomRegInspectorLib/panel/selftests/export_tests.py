"""Self-tests of exporting: what is written imports, is offered, and loads where it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
import vtk

TOLERANCE_MM = 1e-3


class ExportSelfTests:
    """Mixed into the module's test class, which brings the assertions, a folder and an empty scene."""

    folder: Path

    def volumesFromDatabase(self: Any, database: Any) -> list[Any]:
        """Import two stacks, each of a frame of reference of its own, and return their volumes."""
        from DICOMLib import DICOMUtils

        from ...scene.series.series_nodes import load_series_nodes
        from .files import write_ct_stack

        places = [self.folder / "images" / name for name in ("fixed", "moving")]
        for place in places:
            write_ct_stack(place, [0.0, 2.5, 5.0, 7.5])
        self.assertTrue(DICOMUtils.importDicom(str(self.folder / "images"), database))
        volumes = []
        for place in places:
            (volume,) = load_series_nodes(slicer.mrmlScene, place)
            volume.SetName(place.name)
            volumes.append(volume)
        return volumes

    def exported(self: Any, node: Any, **rows: str) -> Path:
        """Return the folder of what the dialog's way through the plugin writes of a node."""
        plugin = slicer.modules.dicomPlugins["DicomRegInspectorPlugin"]()
        (exportable,) = plugin.examineForExport(self.itemOf(node))
        self.assertEqual(exportable.pluginClass, "DicomRegInspectorPlugin")
        folder = self.folder / f"exported {node.GetName()}"
        folder.mkdir()
        exportable.directory = str(folder)
        for name, value in rows.items():
            exportable.setTag(name, value)
        self.assertEqual(plugin.export([exportable]), "")
        return folder

    def sent(self: Any, node: Any, points: list[list[float]]) -> list[Any]:
        """Return where a node sends points of the world, RAS mm."""
        transform = vtk.vtkGeneralTransform()
        node.GetTransformFromWorld(transform)
        return [transform.TransformPoint(point) for point in points]

    def test_exported_registrations_import_and_load_where_they_were(self: Any) -> None:
        """A matrix and a thin plate spline, through the plugin and the DICOM database and back."""
        import numpy as np
        from DICOMLib import DICOMUtils

        plugin = slicer.modules.dicomPlugins["DicomRegInspectorPlugin"]()
        with DICOMUtils.TemporaryDICOMDatabase() as database:
            self.volumesFromDatabase(database)
            # Voxels of the fixed volume, RAS: nodes of what is sampled on it.
            points = [[-2.0, -4.0, 2.5], [-10.0, -8.0, 5.0], [-16.0, -2.0, 0.0]]
            for node in (self.linearNode(), self.splineNode()):
                expected = self.sent(node, points)
                folder = self.exported(node, FixedVolume="fixed", MovingVolume="moving")
                self.assertTrue(DICOMUtils.importDicom(str(folder), database))
                (path,) = folder.iterdir()
                series = database.fileValue(str(path), "0020,000E") or self.seriesOf(path)
                (loadable,) = plugin.examineForImport([list(database.filesForSeries(series))])
                self.assertTrue(loadable.selected)
                self.assertEqual(loadable.warning, "")
                self.assertEqual(len(loadable.referencedInstanceUIDs), 8)
                before = set(slicer.util.getNodesByClass("vtkMRMLTransformNode"))
                self.assertTrue(plugin.load(loadable))
                loaded = [each for each in slicer.util.getNodesByClass("vtkMRMLTransformNode") if each not in before]
                error = min(np.abs(np.subtract(self.sent(each, points), expected)).max() for each in loaded)
                self.assertLess(error, TOLERANCE_MM)

    def test_what_cannot_be_exported_is_said(self: Any) -> None:
        """Without volumes of images there is nobody whose registration it could be."""
        plugin = slicer.modules.dicomPlugins["DicomRegInspectorPlugin"]()
        (exportable,) = plugin.examineForExport(self.itemOf(self.linearNode()))
        exportable.directory = str(self.folder)
        self.assertIn("FixedVolume is empty", plugin.export([exportable]))
        self.assertFalse(list(self.folder.glob("registration-*.dcm")))

    def itemOf(self: Any, node: Any) -> int:
        """Return a node's item in the subject hierarchy, which the application makes by itself."""
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        item = hierarchy.GetItemByDataNode(node)
        return item or hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    def seriesOf(self: Any, path: Path) -> str:
        """Return the Series Instance UID of a file; the database may keep a copy of it elsewhere."""
        import pydicom

        return str(pydicom.dcmread(path, specific_tags=["SeriesInstanceUID"]).SeriesInstanceUID)

    def linearNode(self: Any) -> Any:
        """Return a node that shifts and turns about S."""
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "matrix")
        matrix = vtk.vtkTransform()
        matrix.Translate(1.0, -2.0, 0.5)
        matrix.RotateZ(5.0)
        node.SetMatrixTransformToParent(matrix.GetMatrix())
        return node

    def splineNode(self: Any) -> Any:
        """Return a node that bends space, stored in the direction that has to be inverted."""
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "spline")
        source, target = vtk.vtkPoints(), vtk.vtkPoints()
        for number in range(8):
            corner = [-20.0 * (number & 1), -20.0 * (number >> 1 & 1), 10.0 * (number >> 2)]
            source.InsertNextPoint(corner)
            target.InsertNextPoint([value + 0.3 * (number % 3) for value in corner])
        spline = vtk.vtkThinPlateSplineTransform()
        spline.SetBasisToR()
        spline.SetSourceLandmarks(source)
        spline.SetTargetLandmarks(target)
        node.SetAndObserveTransformToParent(spline)
        return node
