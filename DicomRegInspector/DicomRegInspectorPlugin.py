"""Offers registrations and irregular series in Slicer's DICOM browser; what loads them is in DicomRegInspectorLib."""

import logging
import pathlib

import slicer
from DICOMLib import DICOMLoadable, DICOMPlugin
from slicer.i18n import tr as _

SPATIAL_REGISTRATION = "1.2.840.10008.5.1.4.1.1.66.1"
SPATIAL_FIDUCIALS = "1.2.840.10008.5.1.4.1.1.66.2"
DEFORMABLE_REGISTRATION = "1.2.840.10008.5.1.4.1.1.66.3"

NOT_IMAGES = ("REG", "SEG", "SR", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "KO", "PR", "DOC")
"""Modalities whose objects have no slices of an image to be made regular."""
MOST_WARNINGS = 3
MOST_SECTIONS = 20
"""A stack in more pieces than this is no choice that a list could offer."""

REGISTRATIONS = (SPATIAL_REGISTRATION, DEFORMABLE_REGISTRATION)


class DicomRegInspectorPluginClass(DICOMPlugin):
    """Claims registrations with a higher confidence (0.95) than SlicerRT's reader does (0.9).

    An irregular image series is offered regularized and by sections, but not selected, and with less confidence (0.4)
    than Slicer's own reader of volumes has in whole series (0.5) and in parts of them (0.45): the DICOM browser selects
    what has the most, so Slicer's stays what is loaded unless the user chooses. Of a regular series nothing is offered.
    """

    CONFIDENCE = 0.95
    SERIES_CONFIDENCE = 0.4
    LAST_RESORT = 0.1

    def __init__(self):
        super().__init__()
        self.loadType = _("DICOM registration")
        self.tags["sopClassUID"] = "0008,0016"
        self.tags["modality"] = "0008,0060"
        self.tags["frameOfReferenceUID"] = "0020,0052"
        self.tags["seriesDescription"] = "0008,103E"
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

    def examineFiles(self, files):
        """A loadable for each registration among the files; else what an irregular image series can be made to."""
        registrations = [loadable for loadable in map(self.examineFile, files) if loadable is not None]
        if registrations or len(files) == 0 or self.value(files[0], "modality") in NOT_IMAGES:
            return registrations
        return self.examineSeries(files)

    def examineSeries(self, files):
        """Loadables for an irregular series of images, by its headers; nothing for a regular one. Reads no pixel."""
        from DicomRegInspectorLib.errors import DicomRegInspectorError
        from DicomRegInspectorLib.series import inspect_series, read_header
        from DicomRegInspectorLib.series.regularize.options import RegularizeOptions
        from DicomRegInspectorLib.series.regularize.plan import DUPLICATE_CODES, irregularities, plan

        try:
            headers = [header for header in map(read_header, files) if header.is_image]
            if any(header.pixel_data == "absent" for header in headers):
                return []  # There is nothing to resample, and Slicer's own reader is no more confident than this one.
            every = inspect_series(headers)
            reasons = irregularities(every[0]) if len(every) == 1 else ()
            if not reasons:
                return []
            warning = " ".join(one.message.rstrip(".") + "." for one in reasons[:MOST_WARNINGS])
            sections = len(plan(every[0], RegularizeOptions("split")).volumes)
        except DicomRegInspectorError as error:
            logging.debug("Not offered as an irregular series: %s", error)
            return []
        codes = {one.code for one in reasons}
        if codes == {"gantry-tilt"}:
            what, tooltip = (
                _("upright, tilt removed"),
                _("Resampled at right angles to its slices, at their own spacing."),
            )
        elif codes.issubset(DUPLICATE_CODES):
            what, tooltip = (
                _("without duplicates"),
                _("One image at each position, the first acquired; values untouched."),
            )
        else:
            what = _("regularized")
            tooltip = _("Resampled to one spacing, upright; gaps that are wider than one slice are not bridged.")
        regularized = self.seriesLoadable(files, what, warning)
        regularized.tooltip = tooltip
        found = [regularized]
        for number in range(1, sections + 1) if 1 < sections <= MOST_SECTIONS else ():
            name = _("section {number} of {count}").format(number=number, count=sections)
            loadable = self.seriesLoadable(files, name, warning)
            loadable.tooltip = _("Neighbouring slices of one spacing, values untouched.")
            loadable.regularSection = number
            found.append(loadable)
        return found

    def seriesLoadable(self, files, what, warning):
        """A loadable of a series, made regular in one way; regularSection is 0 for all of it."""
        loadable = DICOMLoadable()
        loadable.files = list(files)
        loadable.name = self.named(files[0], what)
        loadable.warning = warning
        loadable.selected = False
        loadable.confidence = self.SERIES_CONFIDENCE
        loadable.regularSection = 0
        return loadable

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
        loadable.referencedInstanceUIDs = list(offer.referenced_instance_uids)
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
        return loadable

    def named(self, path, what):
        """``3: description - what``, as far as the series has a number and a description."""
        number, description = self.value(path, "seriesNumber"), self.value(path, "seriesDescription")
        return (f"{number}: " if number else "") + (f"{description} - " if description else "") + what

    def value(self, path, name):
        """A value from the DICOM database; empty when it has none."""
        return (slicer.dicomDatabase.fileValue(path, self.tags[name]) or "").strip()

    def load(self, loadable):
        """Load what was offered. True when all of it is in the scene; otherwise the log says why not."""
        section = getattr(loadable, "regularSection", None)
        return self.loadRegistration(loadable) if section is None else self.loadSeries(loadable, section)

    def loadSeries(self, loadable, section):
        """Load a series resampled (section 0), or one section of it."""
        from DicomRegInspectorLib.errors import DicomRegInspectorError
        from DicomRegInspectorLib.scene.series.series_nodes import load_section_node, load_series_nodes

        try:
            if section:
                node = load_section_node(slicer.mrmlScene, loadable.files, section)
            else:
                (node,) = load_series_nodes(slicer.mrmlScene, loadable.files, "resample")
        except DicomRegInspectorError as error:
            logging.error("The series was not loaded. %s", error)
            return False
        node.SetName(slicer.mrmlScene.GenerateUniqueName(loadable.name))
        self.addSeriesInSubjectHierarchy(loadable, node)
        return True

    def loadRegistration(self, loadable):
        """Load a registration's transform nodes."""
        from DicomRegInspectorLib.errors import DicomRegInspectorError
        from DicomRegInspectorLib.scene import load_registration
        from DicomRegInspectorLib.scene.volumes import place_under_study

        path = loadable.files[0]
        try:
            nodes = load_registration(pathlib.Path(path), slicer.mrmlScene)
        except DicomRegInspectorError as error:
            logging.error("The registration was not loaded. %s", error)
            return False
        # Slicer makes patient and study for the first node where the scene has them not yet; the others go beside it.
        self.addSeriesInSubjectHierarchy(loadable, nodes[0])
        study = self.value(path, "studyInstanceUID")
        for node in nodes:
            while node is not None:
                place_under_study(slicer.mrmlScene, node, study)
                node = node.GetParentTransformNode()
        return True


class DicomRegInspectorPlugin:
    """The hook by which Slicer finds the plugin; it has no panel of its own."""

    def __init__(self, parent):
        parent.title = "DICOM Registration Inspector Plugin"
        parent.categories = ["Developer Tools.DICOM Plugins"]
        parent.contributors = ["DicomRegInspector contributors"]
        parent.helpText = """
<p>Plugin of the DICOM module that loads DICOM registrations as transform nodes, and irregular image series
regularized or by sections. It has no panel.
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
