"""Offers registrations, sets and irregular series in Slicer's DICOM browser, and exports transforms as such."""

import logging
import pathlib
from typing import ClassVar

import slicer
from DICOMLib import DICOMLoadable, DICOMPlugin
from slicer.i18n import tr as _

SPATIAL_REGISTRATION = "1.2.840.10008.5.1.4.1.1.66.1"
SPATIAL_FIDUCIALS = "1.2.840.10008.5.1.4.1.1.66.2"
DEFORMABLE_REGISTRATION = "1.2.840.10008.5.1.4.1.1.66.3"

NOT_IMAGES = ("REG", "SEG", "SR", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "KO", "PR", "DOC")
"""Modalities whose objects have no slices of an image to be made regular."""

REGISTRATIONS = (SPATIAL_REGISTRATION, DEFORMABLE_REGISTRATION)


class _Reader(DICOMPlugin):
    """What both plugins have: a browser shows one name of a reader for all that it offers."""

    def __init__(self):
        super().__init__()
        self.tags["sopClassUID"] = "0008,0016"
        self.tags["modality"] = "0008,0060"
        self.tags["frameOfReferenceUID"] = "0020,0052"
        self.tags["seriesDescription"] = "0008,103E"
        self.tags["patientName"] = "0010,0010"
        self.tags["patientID"] = "0010,0020"
        self.tags["patientBirthDate"] = "0010,0030"
        self.tags["seriesNumber"] = "0020,0011"
        self.tags["studyInstanceUID"] = "0020,000D"

    def examineForImport(self, fileList):
        """Loadables for each list of files, one list a series. Answers are kept, so that asking twice is free."""
        loadables = []
        for files in fileList:
            found = self.getCachedLoadables(files)
            if found is None:
                found = self.examineFiles(files)
                self.cacheLoadables(files, found)
            loadables += found
        return loadables

    def named(self, path, what):
        """``What - 3: description``, a series without a description called as Slicer calls it.

        The browser's list shows no more than the first word or two of a name, and several rows are of one series.
        """
        from DicomRegInspectorLib.panel.registrations.browser_offers import described

        number, description = self.value(path, "seriesNumber"), described(slicer.dicomDatabase, path)
        series = (f"{number}: " if number else "") + (description or "Unnamed Series")
        return f"{what[:1].upper()}{what[1:]} - {series}"

    def value(self, path, name):
        """A value from the DICOM database; empty when it has none."""
        return (slicer.dicomDatabase.fileValue(path, self.tags[name]) or "").strip()


class DicomRegInspectorSeriesPluginClass(_Reader):
    """Offers an irregular series regularized and by sections.

    Not selected, and with less confidence (0.4) than Slicer's own reader of volumes has in whole series (0.5) and in
    parts of them (0.45): the DICOM browser selects what has the most, so Slicer's stays what is loaded unless the user
    chooses. Of a regular series nothing is offered.
    """

    CONFIDENCE = 0.4
    SETS = False
    """Whether the sets of a series are offered, or what an irregular one can be made to."""

    _offers: ClassVar = {}
    """Ways to load a list of files, until the plugin of sets has taken its own from them too."""

    def __init__(self):
        super().__init__()
        self.loadType = _("Irregular series")

    def examineFiles(self, files):
        """Loadables for the ways to load a series of images that there are, by its headers. Reads no pixel."""
        if len(files) == 0 or self.value(files[0], "modality") in NOT_IMAGES:
            return []
        offers = self._offers.pop(tuple(files), None)
        if offers is None:
            offers = self._offers[tuple(files)] = self.offersOf(files)
        return [self.seriesLoadable(files, offer) for offer in offers if bool(offer.stacks) == self.SETS]

    def offersOf(self, files):
        """All ways to load a series that Slicer's own reader does not have."""
        from DicomRegInspectorLib.errors import DicomRegInspectorError
        from DicomRegInspectorLib.panel.series.series_offers import offers_of_series
        from DicomRegInspectorLib.series import read_header

        try:
            headers = [header for header in map(read_header, files) if header.is_image]
        except DicomRegInspectorError as error:
            logging.debug("Not offered as a series: %s", error)
            return []
        return offers_of_series(headers)

    def seriesLoadable(self, files, offer):
        """A loadable of a series, in the way that is offered."""
        loadable = DICOMLoadable()
        loadable.files = list(files)
        loadable.name = self.named(files[0], offer.what)
        loadable.tooltip = offer.tooltip
        loadable.warning = offer.warning
        loadable.selected = False
        loadable.confidence = self.CONFIDENCE
        loadable.regularSection = offer.section
        loadable.stackNumbers = list(offer.stacks)
        return loadable

    def load(self, loadable):
        """Load sets of a series, or the series resampled (section 0), or one section of it, and show them.

        True when all of it is in the scene; otherwise the log says why not.
        """
        from DicomRegInspectorLib.errors import DicomRegInspectorError
        from DicomRegInspectorLib.panel.navigation import show_loaded, show_sequence
        from DicomRegInspectorLib.scene.series.sequence import load_sequence_nodes
        from DicomRegInspectorLib.scene.series.series_nodes import load_section_node, load_series_nodes
        from DicomRegInspectorLib.words import well_formed

        scene, files, stacks = slicer.mrmlScene, loadable.files, loadable.stackNumbers
        section = loadable.regularSection
        try:
            if len(stacks) > 1:
                nodes = load_sequence_nodes(scene, files, stacks, name=loadable.name)
                show_sequence(nodes.browser)
                node = nodes.proxy
            elif section:
                node = load_section_node(scene, files, section)
            else:
                mode = "acquisition" if stacks else "resample"
                (node,) = load_series_nodes(scene, files, mode, stack=stacks[0] if stacks else None)
        except DicomRegInspectorError as error:
            logging.error("The series was not loaded. %s", error)
            return False
        if len(stacks) < 2:
            node.SetName(scene.GenerateUniqueName(well_formed(loadable.name)))
        self.addSeriesInSubjectHierarchy(loadable, node)
        show_loaded(node)
        return True


class DicomRegInspectorSetsPluginClass(DicomRegInspectorSeriesPluginClass):
    """Offers the sets of a series as a sequence and one by one, with the same confidence."""

    SETS = True

    def __init__(self):
        super().__init__()
        self.loadType = _("Series of sets")


class DicomRegInspectorPluginClass(_Reader):
    """Claims registrations with a higher confidence (0.95) than SlicerRT's reader does (0.9)."""

    CONFIDENCE = 0.95
    LAST_RESORT = 0.1

    def __init__(self):
        super().__init__()
        self.loadType = _("Registration")

    def examineForImport(self, fileList):
        """Loadables whose references are the images that are not examined with them.

        The browser asks whether to load what is referred to unless one of its rows has just those files, and a
        registration refers to two series: it would ask for series that stand checked in its list.
        """
        loadables = super().examineForImport(fileList)
        examined = {path for files in fileList for path in files}
        for loadable in loadables:
            references = loadable.everyReference
            loadable.referencedInstanceUIDs = [uid for uid, path in references.items() if path not in examined]
        return loadables

    def examineFiles(self, files):
        """A loadable for each registration among the files."""
        return [loadable for loadable in map(self.examineFile, files) if loadable is not None]

    def examineFile(self, path):
        """A loadable for a registration, None for anything else. Only registrations are opened, and no vector is read.

        Modality REG under an unusual or missing class is looked at too: the content decides.
        """
        sopClass, modality = self.value(path, "sopClassUID"), self.value(path, "modality")
        if sopClass == SPATIAL_FIDUCIALS or (sopClass not in REGISTRATIONS and modality != "REG"):
            return None
        from DicomRegInspectorLib.errors import DicomRegInspectorError
        from DicomRegInspectorLib.panel.registrations.browser_offers import describe_registration

        try:
            offer = describe_registration(path, slicer.dicomDatabase)
        except DicomRegInspectorError as error:
            logging.debug("Not offered as a registration: %s", error)
            return self.unreadable(path, error) if sopClass in REGISTRATIONS else None
        if offer is None:
            return None
        loadable = self.registrationLoadable(path, offer.what)
        loadable.tooltip, loadable.warning = offer.tooltip, offer.warning
        uids = offer.referenced_instance_uids
        loadable.everyReference = {uid: slicer.dicomDatabase.fileForInstance(uid) for uid in uids}
        loadable.selected = offer.can_be_loaded
        loadable.confidence = self.CONFIDENCE if offer.can_be_loaded else self.LAST_RESORT
        return loadable

    def unreadable(self, path, error):
        """A registration by its class that cannot be read: offered after all others, with the reason."""
        loadable = self.registrationLoadable(path, _("Registration that cannot be read"))
        loadable.warning = str(error)
        loadable.selected, loadable.confidence = False, self.LAST_RESORT
        return loadable

    def registrationLoadable(self, path, what):
        """A loadable of one file, named after its series."""
        loadable = DICOMLoadable()
        loadable.files = [path]
        loadable.name = self.named(path, what)
        loadable.everyReference = {}
        return loadable

    def load(self, loadable):
        """Load a registration's transform nodes. True when all are in the scene; otherwise the log says why not."""
        from DicomRegInspectorLib.errors import DicomRegInspectorError
        from DicomRegInspectorLib.scene import load_registration
        from DicomRegInspectorLib.scene.volumes import place_under_study

        path = loadable.files[0]
        try:
            nodes = load_registration(pathlib.Path(path), slicer.mrmlScene)
        except DicomRegInspectorError as error:
            logging.error("The registration was not loaded. %s", error)
            return False
        # The series in the hierarchy keeps all that the file refers to, whatever the browser had to ask for.
        loadable.referencedInstanceUIDs = list(loadable.everyReference)
        # Slicer makes patient and study for the first node where the scene has them not yet; the others go beside it.
        self.addSeriesInSubjectHierarchy(loadable, nodes[0])
        study = self.value(path, "studyInstanceUID")
        for node in nodes:
            while node is not None:
                place_under_study(slicer.mrmlScene, node, study)
                node = node.GetParentTransformNode()
        return True

    def examineForExport(self, subjectHierarchyItemID):
        """An exportable for a transform or points; its rows name the volumes that it is between or lies in."""
        from DicomRegInspectorLib.panel.registrations.browser_exports import rows_of

        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        rows = rows_of(hierarchy.GetItemDataNode(subjectHierarchyItemID))
        if rows is None:
            return []
        exportable = slicer.qSlicerDICOMExportable()
        exportable.name = _("Registration")
        exportable.tooltip = _(
            "A matrix as Spatial Registration, other transforms as Deformable Spatial Registration, points as Spatial "
            "Fiducials, with patient, study and frames of reference of the volumes' images"
        )
        exportable.subjectHierarchyItemID = subjectHierarchyItemID
        exportable.pluginClass = self.__module__
        exportable.confidence = self.CONFIDENCE
        for name, value in rows.items():
            exportable.setTag(name, value)
        return [exportable]

    def export(self, exportables):
        """Write each exportable into its folder. Returns what went wrong, empty when nothing did."""
        from DicomRegInspectorLib.errors import DicomRegInspectorError
        from DicomRegInspectorLib.panel.registrations.browser_exports import in_words, rows_of, write_chosen

        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        for exportable in exportables:
            node = hierarchy.GetItemDataNode(exportable.subjectHierarchyItemID)
            rows = {name: (exportable.tag(name) or "").strip() for name in rows_of(node) or ()}
            if not rows:
                return _("Not exported: this is no transform and no point list.")
            try:
                write_chosen(node, rows, pathlib.Path(exportable.directory), slicer.dicomDatabase)
            except DicomRegInspectorError as error:
                logging.error("Not exported. %s", error)
                return in_words(error)
        return ""


class DicomRegInspectorPlugin:
    """The hook by which Slicer finds the plugin; it has no panel of its own."""

    def __init__(self, parent):
        parent.title = "DICOM Registration Inspector Plugin"
        parent.categories = ["Developer Tools.DICOM Plugins"]
        parent.contributors = ["DicomRegInspector contributors"]
        parent.helpText = """
<p>Plugin of the DICOM module that loads DICOM registrations as transform nodes, and irregular image series
regularized or by sections, and series of several volumes as sequences, and that exports transforms and points as
registrations and fiducials. It has no panel.
See the <a href="https://github.com/DicomRegInspector/SlicerDicomRegInspector">documentation</a>.</p>
"""
        parent.acknowledgementText = """
<p>Written by the DicomRegInspector contributors.</p>
"""
        parent.hidden = True
        try:
            slicer.modules.dicomPlugins  # noqa: B018 - made by the first plugin that comes
        except AttributeError:
            slicer.modules.dicomPlugins = {}
        slicer.modules.dicomPlugins["DicomRegInspectorPlugin"] = DicomRegInspectorPluginClass
        slicer.modules.dicomPlugins["DicomRegInspectorSeriesPlugin"] = DicomRegInspectorSeriesPluginClass
        slicer.modules.dicomPlugins["DicomRegInspectorSetsPlugin"] = DicomRegInspectorSetsPluginClass
