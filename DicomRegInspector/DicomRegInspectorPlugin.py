"""Offers registration objects in Slicer's DICOM browser. What loads them is in DicomRegInspectorLib."""

import logging
import pathlib

import slicer
from DICOMLib import DICOMLoadable, DICOMPlugin
from slicer.i18n import tr as _

SPATIAL_REGISTRATION = "1.2.840.10008.5.1.4.1.1.66.1"
SPATIAL_FIDUCIALS = "1.2.840.10008.5.1.4.1.1.66.2"
DEFORMABLE_REGISTRATION = "1.2.840.10008.5.1.4.1.1.66.3"

KINDS = {SPATIAL_REGISTRATION: _("Spatial registration"), DEFORMABLE_REGISTRATION: _("Deformable registration")}


class DicomRegInspectorPluginClass(DICOMPlugin):
    """Claims registrations with a higher confidence (0.95) than SlicerRT's reader does (0.9)."""

    CONFIDENCE = 0.95

    def __init__(self):
        super().__init__()
        self.loadType = _("DICOM registration")
        self.tags["sopClassUID"] = "0008,0016"
        self.tags["modality"] = "0008,0060"
        self.tags["seriesDescription"] = "0008,103E"
        self.tags["seriesNumber"] = "0020,0011"
        self.tags["manufacturer"] = "0008,0070"
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
        """A loadable for each registration among the files, by what the database knows of them."""
        return [loadable for loadable in map(self.examineFile, files) if loadable is not None]

    def examineFile(self, path):
        """A loadable for a registration, None for anything else. No vector is read, and most files are not opened."""
        sopClass, modality = self.value(path, "sopClassUID"), self.value(path, "modality")
        warning = ""
        if sopClass in KINDS:
            kind = KINDS[sopClass]
        elif modality == "REG" and sopClass != SPATIAL_FIDUCIALS:
            # Modality REG under an unusual or missing class: the content decides, so the header has to be looked at.
            kind = self.kindByContent(path)
            if kind is None:
                return None
            warning = _("The SOP class ({uid}) is not one of a registration; the content is.").format(
                uid=sopClass or "?"
            )
        else:
            return None
        loadable = DICOMLoadable()
        loadable.files = [path]
        number, description = self.value(path, "seriesNumber"), self.value(path, "seriesDescription")
        loadable.name = (f"{number}: " if number else "") + (f"{description} - " if description else "") + kind
        loadable.tooltip = _(
            "{kind} written by {manufacturer}, loaded as transform nodes: "
            "a volume of the source frame placed under them lies where the registered images are."
        ).format(kind=kind, manufacturer=self.value(path, "manufacturer") or _("an unknown system"))
        loadable.warning = warning
        loadable.selected = True
        loadable.confidence = self.CONFIDENCE
        return loadable

    def value(self, path, name):
        """A value from the DICOM database; empty when it has none."""
        return (slicer.dicomDatabase.fileValue(path, self.tags[name]) or "").strip()

    def kindByContent(self, path):
        """What a file holds by its sequences; None when it is no registration that could be loaded."""
        from DicomRegInspectorLib import read_registration
        from DicomRegInspectorLib.errors import FileError

        try:
            registration = read_registration(path)
        except FileError as error:
            logging.debug("Not offered as a registration: %s", error)
            return None
        if not registration.items:
            return None
        return KINDS[SPATIAL_REGISTRATION if registration.kind == "matrix" else DEFORMABLE_REGISTRATION]

    def load(self, loadable):
        """Load the registration. True when all of it is in the scene; otherwise the log says why not."""
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
<p>Plugin of the DICOM module that loads DICOM registrations as transform nodes. It has no panel.
See the <a href="https://github.com/DicomRegInspector/DicomRegInspector">documentation</a>.</p>
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
