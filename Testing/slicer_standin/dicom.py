"""DICOMLib and the DICOM database: names and values as the application's database gives them, read with pydicom."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import slicer


class DICOMLoadable:
    """Something a plugin offers to load."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.name = "Unknown"
        self.tooltip = "No further information available"
        self.warning = ""
        self.selected = False
        self.confidence = 0.5


class qSlicerDICOMExportable:
    """Something a plugin offers to export, with the rows of the dialog's table."""

    def __init__(self) -> None:
        self.name = self.tooltip = self.pluginClass = self.directory = ""
        self.subjectHierarchyItemID = 0
        self.confidence = 0.0
        self._tags: dict[str, str] = {}

    def setTag(self, name: str, value: str) -> None:
        self._tags[name] = value

    def tag(self, name: str) -> str | None:
        return self._tags.get(name)


class DICOMPlugin:
    """Base class of DICOM plugins. ``examineForImport`` asks ``examineFiles`` for each list and keeps the answers."""

    def __init__(self) -> None:
        self.loadType = "Generic DICOM"
        self.loadableCache: dict[tuple[str, ...], list[DICOMLoadable]] = {}
        self.tags = {"seriesInstanceUID": "0020,000E", "sopClassUID": "0008,0016"}

    def getCachedLoadables(self, files: list[str]) -> list[DICOMLoadable] | None:
        return self.loadableCache.get(tuple(files))

    def cacheLoadables(self, files: list[str], loadables: list[DICOMLoadable]) -> None:
        self.loadableCache[tuple(files)] = loadables

    def examineForImport(self, fileList: list[list[str]]) -> list[DICOMLoadable]:
        for files in fileList:
            if self.getCachedLoadables(files) is None:
                self.cacheLoadables(files, self.examineFiles(files))
        return [loadable for files in fileList for loadable in self.loadableCache[tuple(files)]]

    def examine(self, fileList: list[list[str]]) -> list[DICOMLoadable]:
        return self.examineForImport(fileList)

    def examineFiles(self, files: list[str]) -> list[DICOMLoadable]:
        return []

    def examineForExport(self, subjectHierarchyItemID: int) -> list[Any]:
        return []

    def load(self, loadable: DICOMLoadable) -> Any:
        return True

    def addSeriesInSubjectHierarchy(self, loadable: DICOMLoadable, dataNode: Any) -> None:
        """Put a node as its series under its study and patient, which are made where they are missing."""
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        tags = ("0010,0020", "0020,000D", "0020,000E")
        patient, study, series = (slicer.dicomDatabase.fileValue(loadable.files[0], tag) for tag in tags)
        item = hierarchy.CreateItem(hierarchy.GetSceneItemID(), dataNode)
        hierarchy.SetItemUID(item, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName(), series)
        insert = slicer.vtkSlicerSubjectHierarchyModuleLogic.InsertDicomSeriesInHierarchy
        insert(hierarchy, patient or f"Patient-{study}", study, series)


class DicomDatabase:
    """The questions that the module and its plugin ask of ctkDICOMDatabase. A value that is not there is ''."""

    def __init__(self) -> None:
        self.isOpen = True
        self._files: dict[str, Any] = {}
        self.tagsAsked: list[str] = []

    def insertFolder(self, folder: str) -> None:
        import pydicom

        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                try:
                    self._files[str(path)] = pydicom.dcmread(path, stop_before_pixels=True)
                except (pydicom.errors.InvalidDicomError, EOFError):
                    continue

    def series(self) -> list[str]:
        return list(dict.fromkeys(str(dataset.SeriesInstanceUID) for dataset in self._files.values()))

    def filesForSeries(self, seriesUID: str, hits: int = -1) -> tuple[str, ...]:
        found = [path for path, dataset in self._files.items() if dataset.get("SeriesInstanceUID") == seriesUID]
        return tuple(found[:hits] if hits >= 0 else found)

    def seriesForStudy(self, studyUID: str) -> tuple[str, ...]:
        every = [dataset for dataset in self._files.values() if dataset.get("StudyInstanceUID") == studyUID]
        return tuple(dict.fromkeys(str(dataset.SeriesInstanceUID) for dataset in every))

    def instancesForSeries(self, seriesUID: str, hits: int = -1) -> tuple[str, ...]:
        return tuple(str(self._files[path].SOPInstanceUID) for path in self.filesForSeries(seriesUID, hits))

    def fileForInstance(self, sopInstanceUID: str) -> str:
        found = [path for path, one in self._files.items() if one.get("SOPInstanceUID") == sopInstanceUID]
        return found[0] if found else ""

    def fileValue(self, path: str, tag: str) -> str:
        self.tagsAsked.append(tag)
        dataset = self._files.get(path)
        group, element = (int(part, 16) for part in tag.split(","))
        if dataset is None or (group, element) not in dataset or dataset[group, element].VR == "SQ":
            return ""
        value = dataset[group, element].value
        return "" if value is None else str(value)

    def instanceValue(self, sopInstanceUID: str, tag: str) -> str:
        for path, dataset in self._files.items():
            if dataset.get("SOPInstanceUID") == sopInstanceUID:
                return self.fileValue(path, tag)
        return ""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the stand-in's DICOM database has no {name}")


class TemporaryDICOMDatabase:
    """A database for the time of a ``with`` block, put in place of the application's."""

    def __init__(self, directory: str | None = None) -> None:
        self._before: Any = None

    def __enter__(self) -> DicomDatabase:
        self._before = slicer.dicomDatabase
        slicer.dicomDatabase = DicomDatabase()
        return slicer.dicomDatabase

    def __exit__(self, *exception: object) -> None:
        slicer.dicomDatabase = self._before


def importDicom(dicomDataDir: str, dicomDatabase: DicomDatabase | None = None, copyFiles: bool = False) -> bool:
    (dicomDatabase or slicer.dicomDatabase).insertFolder(dicomDataDir)
    return True


def make_modules() -> dict[str, types.ModuleType]:
    """The modules ``DICOMLib`` and ``DICOMLib.DICOMUtils``."""
    utils = types.ModuleType("DICOMLib.DICOMUtils")
    utils.TemporaryDICOMDatabase = TemporaryDICOMDatabase  # type: ignore[attr-defined]
    utils.importDicom = importDicom  # type: ignore[attr-defined]
    library = types.ModuleType("DICOMLib")
    library.DICOMLoadable = DICOMLoadable  # type: ignore[attr-defined]
    library.DICOMPlugin = DICOMPlugin  # type: ignore[attr-defined]
    library.DICOMUtils = utils  # type: ignore[attr-defined]
    return {"DICOMLib": library, "DICOMLib.DICOMUtils": utils}
