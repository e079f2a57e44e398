"""The sample data in Slicer: where they are kept, in the module Sample Data, and into the scene.

They are registered while the application starts; what makes and loads them is imported when somebody asks for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from .settings.page import add_settings_panel

CATEGORY = "DICOM Registration Inspector"


def sample_folder() -> Path:
    """Return where this version's sample data are, or will be: in the cache that Slicer downloads into."""
    from .. import __version__

    return Path(slicer.app.cachePath) / f"DicomRegInspector-samples-{__version__}"


def register_sample_data(icons: Path) -> None:
    """Put the data sets into the module Sample Data; nothing in an application without it."""
    try:
        import SampleData
    except ImportError:
        return
    logic = SampleData.SampleDataLogic
    # New in Slicer's development versions; before, the title is the category's name.
    if hasattr(logic, "registerCustomSampleDataCategory"):
        logic.registerCustomSampleDataCategory(CATEGORY, title=_("DICOM Registration Inspector"))
    for key, title in (
        ("irregular", _("Irregular CT series (synthetic)")),
        ("pair", _("Deformable registration pair (synthetic)")),
    ):
        logic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=title,
            uris=[],
            fileNames=[],
            nodeNames=[],
            thumbnailFileName=str(icons / f"Sample-{key}.png"),
            customDownloader=_Loader(key),
        )


class _Loader:
    """What the button in the module Sample Data calls; equal to one registered before, as a reload registers again."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __repr__(self) -> str:
        # Sample Data tells sources apart by their text.
        return f"<DicomRegInspector sample data {self._key}>"

    def __call__(self, _source: object = None) -> list[Any]:
        from ..errors import DicomRegInspectorError

        with slicer.util.tryWithErrorDisplay(_("The sample data were not loaded."), waitCursor=True):
            try:
                return load_sample(self._key)
            except DicomRegInspectorError as error:
                slicer.util.errorDisplay(_("The sample data were not loaded. {error}").format(error=error))
        return []


def load_sample(key: str) -> list[Any]:
    """Make a data set where it is missing, load it, and choose its folder in the module's panel.

    Raises DicomRegInspectorError when the data cannot be written or loaded.

    Returns
    -------
    list of vtkMRMLNode
        ``irregular``: the volume, under the transform that puts every slice where its header says. ``pair``: both
        volumes and the transform, with the moving volume under it.
    """
    from DicomRegInspector import DicomRegInspectorLogic

    from ..registration import read_registration
    from ..samples import make_samples
    from ..scene.places import longest_vector_lps
    from .navigation import show_loaded, show_registration

    folder = make_samples(sample_folder(), key)
    logic = DicomRegInspectorLogic()
    if key == "irregular":
        nodes = logic.loadSeries(str(folder), mode="acquisition")
        show_loaded(nodes[0])
    else:
        volumes = [logic.loadSeries(str(folder / name))[0] for name in ("fixed", "moving")]
        registration = read_registration(folder / "registration.dcm")
        (transform,) = logic.loadRegistration(registration, placeVolumes=True)
        show_loaded(volumes[0])
        show_registration(transform, longest_vector_lps(registration, None))
        nodes = [*volumes, transform]
    logic.getParameterNode().inputFolder = str(folder)
    slicer.util.showStatusMessage(_("Synthetic DICOM files: {folder}").format(folder=folder), 5000)
    return nodes


def after_startup(icons: Path) -> Any:
    """Register the sample data and add the page of the settings dialog; returns the page, to be kept."""
    register_sample_data(icons)
    return add_settings_panel()
