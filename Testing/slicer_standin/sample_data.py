"""Slicer's module SampleData as far as another module registers with it (SampleData.py of 5.12)."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import slicer


class SampleDataSource:
    """One entry; two with the same text are the same."""

    def __init__(self, **values: Any) -> None:
        self.sampleName = values["sampleName"]
        self.sampleDescription = self.sampleName
        self.uris, self.fileNames, self.nodeNames = values["uris"], values["fileNames"], values["nodeNames"]
        self.customDownloader, self.thumbnailFileName = values["customDownloader"], values["thumbnailFileName"]
        if not len(self.uris) == len(self.fileNames) == len(self.nodeNames):
            raise ValueError("All fields of sample data source must have the same length")

    def __str__(self) -> str:
        return f"{self.sampleName} {self.thumbnailFileName} {self.customDownloader} {self.uris}"


class SampleDataLogic:
    @staticmethod
    def registerCustomSampleDataSource(
        category: str = "Custom",
        sampleName: str | None = None,
        uris: list[str] | None = None,
        fileNames: list[str] | None = None,
        nodeNames: list[str] | None = None,
        customDownloader: Callable[[Any], Any] | None = None,
        thumbnailFileName: str | None = None,
    ) -> None:
        sources = slicer.modules.sampleDataSources.setdefault(category, [])
        source = SampleDataSource(
            sampleName=sampleName,
            uris=uris,
            fileNames=fileNames,
            nodeNames=nodeNames,
            customDownloader=customDownloader,
            thumbnailFileName=thumbnailFileName,
        )
        if str(source) not in map(str, sources):
            sources.append(source)


def make_module() -> types.ModuleType:
    """The module ``SampleData``."""
    slicer.modules.sampleDataSources = {}
    module = types.ModuleType("SampleData")
    module.SampleDataLogic = SampleDataLogic  # type: ignore[attr-defined]
    module.SampleDataSource = SampleDataSource  # type: ignore[attr-defined]
    return module
