"""What the module does, without a window: for the panel, for scripts and for the Python console."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

if TYPE_CHECKING:
    from ..progress import Progress, Run
    from ..registration import Registration
    from ..registration.repairs import Repair
    from ..scene.applying.apply_nodes import Placed
    from ..scene.applying.copies import HardenedCopy
    from ..scene.quality.node_quality import NodeQuality
    from ..scene.quality.quality_tables import QualityTables
    from ..scene.quality.show_quality import QualityNodes
    from ..scene.series.before_after import BeforeAfter
    from ..scene.series.sequence import SequenceNodes
    from ..series import PixelReport, Series
    from ..series.pixels.choose_stack import Choices, Paths
    from ..series.regularize.options import Duplicates, Mode, Overlaps
    from ..series.regularize.plan import Plan
    from ..tasks.dicom_export.outgoing import DicomExport
    from ..tasks.inspect import Inspection
    from ..tasks.left_open import Answers
    from ..tasks.regularize import Outcome
    from ..volumes import Comparison
    from .parameter_node import DicomRegInspectorParameterNode


class InspectorLogic:
    """The methods of DicomRegInspectorLogic. Each imports what it needs when it is called: the application starts.

    progress(done, total, text) is called as work goes on, and stops it by returning False: then
    DicomRegInspectorLib.errors.Cancelled is raised. run(function) may call function(progress) in a thread, with a
    callback of its own: it uses neither the scene nor Qt.
    """

    def getParameterNode(self) -> DicomRegInspectorParameterNode:
        """Return the parameter node of the scene, in its wrapper."""
        from .parameter_node import DicomRegInspectorParameterNode
        from .settings.stored import with_stored_defaults

        plain = super().getParameterNode()  # type: ignore[misc] # the class that this one is mixed with has it
        return with_stored_defaults(DicomRegInspectorParameterNode, plain)

    intervalTolerance: float = 0.05
    """Share of the spacing that an interval between slices may be off; the panel takes that of the settings."""

    def inspect(
        self,
        folder: Paths,
        progress: Progress | None = None,
        run: Run | None = None,
        audit: bool = True,
        assumed: Answers | None = None,
    ) -> Inspection:
        """Inspect a folder, a file, or a list of them, and return an Inspection.

        assumed says of transforms what their files leave open (DicomRegInspectorLib.registration.conventions.Assumed),
        of all of them or of each by its path; its left_open names those that nobody has said it of.
        Where a registration and both its images are there, the images are read and compared; audit=False is faster.
        """
        from .. import inspect_paths
        from ..progress import in_background
        from ..registration.conventions import NOTHING_ASSUMED

        share, said = self.intervalTolerance, NOTHING_ASSUMED if assumed is None else assumed
        return in_background(
            lambda report: inspect_paths(folder, report, interval_tolerance=share, audit=audit, assumed=said),
            progress,
            run,
        )

    def inspectDatabaseSeries(
        self, seriesUIDs: str | Iterable[str], progress: Progress | None = None, run: Run | None = None
    ) -> Inspection:
        """Inspect series of Slicer's DICOM database, given by their Series Instance UIDs."""
        from ..errors import UsageError

        database = getattr(slicer, "dicomDatabase", None)
        if not database or not database.isOpen:
            raise UsageError(_("There is no open DICOM database; open Slicer's DICOM module first."))
        uids = [seriesUIDs] if isinstance(seriesUIDs, str) else list(seriesUIDs)
        files = [path for uid in uids for path in database.filesForSeries(uid)]
        if not files:
            raise UsageError(_("The DICOM database has no files of the selected series."))
        return self.inspect(files, progress, run)

    def loadRegistration(
        self,
        path: str | PathLike[str] | Registration,
        bake: bool = False,
        placeVolumes: bool = False,
        repair: Repair | None = None,
        progress: Progress | None = None,
        run: Run | None = None,
    ) -> list[slicer.vtkMRMLTransformNode]:
        """Load a registration file; return one transform node for each of its items, to put source volumes under.

        repair reads it in another way than the standard's, which the nodes then say: voxel-units, reversed,
        axis-signs, without-bulk, matrices-ignored or matrices-swapped (DicomRegInspectorLib.registration.repairs).
        """
        from ..scene import load_registration

        return load_registration(
            path, slicer.mrmlScene, bake, place_volumes=placeVolumes, repair=repair, progress=progress, run=run
        )

    def loadSeries(
        self,
        pathsOrSeries: Series | Paths | Plan,
        mode: Mode | None = None,
        spacing: float | None = None,
        maxGap: float | None = None,
        stack: int | None = None,
        progress: Progress | None = None,
        run: Run | None = None,
        pixelSpacing: float | tuple[float, float] | None = None,
        duplicates: Duplicates | None = None,
        overlaps: Overlaps | None = None,
        reference: slicer.vtkMRMLVolumeNode | None = None,
        name: str = "",
        **options: Any,
    ) -> list[slicer.vtkMRMLScalarVolumeNode]:
        """Load an image series (files, folders or an inspected Series) and return its volume nodes.

        mode makes it regular: acquisition (values untouched, under a transform that puts every slice where its header
        says), resample (to a spacing and a pixelSpacing in mm, by default the nominal one and the files'; or on the
        grid of the volume node reference), split (a volume for each section of constant spacing) or crop (the longest
        section); None loads it as it is. Gaps of more than maxGap slices (by default 1) are never bridged. duplicates
        (first, last, mean, or an acquisition number) says which slice of one place is kept, overlaps (keep, first,
        last, mean) which of two too close; further options are those of RegularizeOptions. A Plan in place of a series
        says all of this. stack chooses one of several, by number from 1, label or value. name is what the series is
        called, without it as Slicer calls it.
        """
        from ..scene.series.series_nodes import load_series_nodes

        options.update(spacing_mm=spacing, in_plane_spacing_mm=pixelSpacing, max_gap=maxGap)
        options.update(duplicates=duplicates, overlaps=overlaps, reference=reference)
        return load_series_nodes(
            slicer.mrmlScene, pathsOrSeries, mode, stack=stack, progress=progress, run=run, name=name, **options
        )

    def loadSequence(
        self,
        pathsOrSeries: Series | Paths,
        stacks: Choices = None,
        progress: Progress | None = None,
        run: Run | None = None,
    ) -> SequenceNodes:
        """Load the sets of a series (time points, b-values, phases) as a sequence; return SequenceNodes.

        These are the sequence, its browser and the proxy volume that shows the set chosen. stacks says which sets, by
        number from 1, label or value ("b = 1000"), or a list of these; they have to share a grid. None takes all. Where
        a set lacks a slice its volume holds a fill value.
        """
        from ..scene.series.sequence import load_sequence_nodes

        return load_sequence_nodes(slicer.mrmlScene, pathsOrSeries, stacks, progress=progress, run=run)

    def addPlainVolume(
        self,
        series: Series,
        volumeNodes: Sequence[slicer.vtkMRMLScalarVolumeNode],
        stack: int | None = None,
        progress: Progress | None = None,
        run: Run | None = None,
    ) -> BeforeAfter:
        """Add an inspected Series as Slicer's reader has it without its transform; return a BeforeAfter with both."""
        from ..scene.series.before_after import add_plain_volume

        return add_plain_volume(slicer.mrmlScene, series, volumeNodes, stack=stack, progress=progress, run=run)

    def saveSeries(
        self,
        series: Series | Plan,
        place: str | PathLike[str],
        mode: Mode | None = None,
        spacing: float | None = None,
        maxGap: float | None = None,
        stack: int | None = None,
        progress: Progress | None = None,
        run: Run | None = None,
        pixelSpacing: float | tuple[float, float] | None = None,
        duplicates: Duplicates | None = None,
        overlaps: Overlaps | None = None,
        reference: slicer.vtkMRMLVolumeNode | None = None,
        **options: Any,
    ) -> Outcome:
        """Write an inspected Series as new DICOM and return an Outcome (description, written, dropped, notes).

        place is a new or empty folder, or a file that ends in .dcm for a Parametric Map of floating-point values. mode
        and the other options as for loadSeries, and a Plan as there; without a mode only positions are corrected that
        were written with too few digits, and pixels stay as they are. Never into the source's folder, never over a
        file.
        """
        from ..scene.series.series_nodes import save_series_or_plan

        options.update(spacing_mm=spacing, in_plane_spacing_mm=pixelSpacing, max_gap=maxGap)
        options.update(duplicates=duplicates, overlaps=overlaps, reference=reference)
        return save_series_or_plan(series, place, mode, stack=stack, progress=progress, run=run, **options)

    def checkPixels(self, paths: Paths, progress: Progress | None = None, run: Run | None = None) -> PixelReport:
        """Check the pixel data of files and folders and return a PixelReport (files, findings)."""
        from ..progress import in_background
        from ..series.pixel_checks.check_pixels import check_pixels

        return in_background(lambda report: check_pixels(paths, report), progress, run)

    def compareVolumes(
        self,
        volumeNodeA: slicer.vtkMRMLVolumeNode,
        volumeNodeB: slicer.vtkMRMLVolumeNode,
        progress: Progress | None = None,
        run: Run | None = None,
    ) -> Comparison:
        """Find out whether two volume nodes are the same physical image in any order of voxels; return a Comparison."""
        from ..scene.compare_nodes import compare_nodes

        return compare_nodes(volumeNodeA, volumeNodeB, progress=progress, run=run)

    def measureQuality(
        self,
        transformNode: slicer.vtkMRMLTransformNode,
        segmentationNode: slicer.vtkMRMLNode | None = None,
        fixedVolume: slicer.vtkMRMLVolumeNode | None = None,
        movingVolume: slicer.vtkMRMLVolumeNode | None = None,
        progress: Progress | None = None,
        fixedLandmarks: slicer.vtkMRMLMarkupsFiducialNode | None = None,
        movingLandmarks: slicer.vtkMRMLMarkupsFiducialNode | None = None,
        run: Run | None = None,
    ) -> NodeQuality:
        """Measure any transform node and return a NodeQuality (its to_dict() holds all the numbers).

        With a segmentation or label volume it is measured in each segment too; with both images it is judged how the
        transform is meant; with both markups nodes the distances of their points are told.
        """
        from ..scene.quality.node_quality import measure_transform

        return measure_transform(
            transformNode,
            segmentationNode,
            fixedVolume,
            movingVolume,
            fixed_landmarks=fixedLandmarks,
            moving_landmarks=movingLandmarks,
            progress=progress,
            run=run,
        )

    def createQualityTables(self, quality: NodeQuality) -> QualityTables:
        """Put what measureQuality returned into table nodes: measures, segments, landmarks, readings."""
        from ..scene.quality.quality_tables import add_quality_tables

        return add_quality_tables(slicer.mrmlScene, quality)

    def showQuality(
        self,
        transformNode: slicer.vtkMRMLTransformNode,
        fixedVolume: slicer.vtkMRMLVolumeNode | None = None,
        movingVolume: slicer.vtkMRMLVolumeNode | None = None,
        progress: Progress | None = None,
    ) -> QualityNodes:
        """Make and show everything there is to see of a transform: volumes, mask, charts, arrows, comparison."""
        from ..scene.quality.show_quality import show_quality

        return show_quality(transformNode, fixed=fixedVolume, moving=movingVolume, progress=progress)

    def exportTransform(
        self,
        transformNode: slicer.vtkMRMLTransformNode,
        fixedVolume: slicer.vtkMRMLVolumeNode,
        movingVolume: slicer.vtkMRMLVolumeNode,
        path: str | PathLike[str],
        description: str = "",
        files: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        run: Run | None = None,
    ) -> DicomExport:
        """Write any transform node as a DICOM registration of two volumes; return what was written, and how near.

        Patient, study and frames of reference are those of the images that the volumes were loaded from: of Slicer's
        DICOM database, else of files, which are named by SOP Instance UID. Never over a file.
        """
        from ..errors import UsageError
        from ..scene.transforms.export_nodes import export_node

        place = Path(path)
        if place.exists():
            raise UsageError(_("{file}: exists already; choose another name").format(file=place))
        database = getattr(slicer, "dicomDatabase", None)

        def file_of(uid: str) -> str:
            known = database.fileForInstance(uid) if database and database.isOpen else ""
            return known or (files or {}).get(uid, "")

        return export_node(
            transformNode,
            fixedVolume,
            movingVolume,
            place,
            file_of=file_of,
            description=description,
            progress=progress,
            run=run,
        )

    def putUnder(
        self,
        nodes: Sequence[slicer.vtkMRMLTransformableNode],
        transformNode: slicer.vtkMRMLTransformNode,
        back: bool = False,
    ) -> Placed:
        """Put nodes under a transform, back: the other way round; return a Placed, which says what stayed and why."""
        from ..scene.applying.apply_nodes import put_under

        return put_under(nodes, transformNode, back)

    def hardenCopies(
        self,
        nodes: Sequence[slicer.vtkMRMLTransformableNode],
        transformNode: slicer.vtkMRMLTransformNode,
        grid: slicer.vtkMRMLVolumeNode | None = None,
        back: bool = False,
        progress: Progress | None = None,
        run: Run | None = None,
    ) -> list[HardenedCopy]:
        """Make copies of images, segmentations, points and models that lie where a transform brings them.

        Copies of images and segmentations are made on the voxels of the volume grid. back goes from the registered to
        the source frame. Nothing that is there is changed; how each copy was made is noted on it.
        """
        from ..scene.applying.apply_nodes import harden_copies

        return harden_copies(nodes, transformNode, grid=grid, back=back, progress=progress, run=run)

    def writeReport(
        self,
        inspection: Inspection,
        path: str | PathLike[str],
        identifiers: bool = False,
        progress: Progress | None = None,
        run: Run | None = None,
    ) -> str:
        """Write an inspection as one HTML file, with measures, pictures and the files' digests; return its path.

        identifiers tells in it who the patient is; without it nobody is told. A file that is there is replaced only if
        it is such a report.
        """
        from ..report.html.write_report import ReportOptions, write_report
        from ..scene.pictures import report_pictures

        options = ReportOptions(identifiers=identifiers)
        return write_report(inspection, path, options, drawer=report_pictures, progress=progress, run=run).path

    def createFindingsTable(self, inspection: Inspection) -> slicer.vtkMRMLTableNode:
        """Put all findings of an inspection into a new table node and return it."""
        from ..scene.tables import findings_table

        return findings_table(inspection, slicer.mrmlScene)

    def plotSlicePositions(self, series: Series) -> slicer.vtkMRMLPlotChartNode:
        """Plot the distance from each slice of a series to the next; return the chart, shown if there is a layout."""
        from ..scene.charts import plot_slice_positions
        from .navigation import show_slice_positions_layout

        chart = plot_slice_positions(series, slicer.mrmlScene).chart
        show_slice_positions_layout(chart)
        return chart
