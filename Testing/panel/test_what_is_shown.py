"""What is loaded is shown, what is drawn is one thing at a time, and what was there before comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from DicomRegInspectorLib.panel.selftests.files import KnownField, write_ct_stack, write_deformable
from DicomRegInspectorLib.samples import make_samples
from panel_steps import GAP_MM, inspect
from quality_nodes import fold, grid_node, lattice_points, texture, volume_node
from slicer_standin import views

SOFT_TISSUE = (400.0, 40.0)


@pytest.fixture
def scene(application: Any, widget: Any) -> Any:
    application.app.playMainWindow(True)
    application.app.layoutManager().setLayout(application.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    yield application.mrmlScene
    application.app.playMainWindow(False)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_samples(tmp_path_factory.mktemp("samples"), "pair")


def load_stack(ui: Any, folder: Path, series: int = 0) -> None:
    inspect(ui, folder)
    ui.seriesComboBox.currentIndex = series
    ui.loadSeriesButton.click()


def only(application: Any, name: str) -> Any:
    return application.mrmlScene.GetFirstNodeByName(name)


def test_a_loaded_stack_fills_the_views_in_its_window_and_the_3d_view_looks_at_it(
    application: Any, scene: Any, ui: Any, pair: Path
) -> None:
    load_stack(ui, pair / "fixed")
    volume = only(application, "SYNTHETIC chest CT, fixed")
    assert views.fills(volume)
    assert views.looks_at(volume)
    display = volume.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel()) == SOFT_TISSUE


def test_a_second_stack_takes_the_place_of_the_first_but_not_of_what_the_user_holds(
    application: Any, scene: Any, ui: Any, pair: Path
) -> None:
    load_stack(ui, pair / "fixed")
    (_, first), *others = views.slice_views()
    fixed = only(application, "SYNTHETIC chest CT, fixed")
    first.SetDoPropagateVolumeSelection(False)
    mask = volume_node(scene, np.zeros((4, 4, 4), np.uint8), "segments", "vtkMRMLLabelMapVolumeNode")
    for _, composite in others:
        composite.SetLabelVolumeID(mask.GetID())
    load_stack(ui, pair / "moving")
    assert first.GetBackgroundVolumeID() == fixed.GetID()
    assert set(views.layers()[1:]) == {("SYNTHETIC chest CT, moving", None, "segments")}


def test_a_3d_view_with_something_in_it_stays_where_it_is(application: Any, scene: Any, ui: Any, pair: Path) -> None:
    model = scene.AddNewNodeByClass("vtkMRMLModelNode", "bone")
    model.CreateDefaultDisplayNodes()
    before = views.focal_points()
    load_stack(ui, pair / "fixed")
    assert views.focal_points() == before


def test_a_registration_shows_its_fixed_image_at_the_longest_displacement(
    application: Any, scene: Any, ui: Any, pair: Path
) -> None:
    from DicomRegInspectorLib import inspect_paths
    from DicomRegInspectorLib.scene.places import longest_vector_lps

    for name in ("fixed", "moving"):
        application.modules.DicomRegInspectorWidget.logic.loadSeries(str(pair / name))
    inspect(ui, pair)
    ui.placeVolumesCheckBox.checked = True
    ui.registrationsTable.selectRow(0)
    ui.loadButton.click()
    fixed = only(application, "SYNTHETIC chest CT, fixed")
    assert views.fills(fixed)
    (registration,) = inspect_paths(pair / "registration-in-voxels.dcm").registrations
    x, y, z = longest_vector_lps(registration, None)
    places = [views.cut_at(node) for node, _ in views.slice_views()]
    assert sorted(places) == [(0, pytest.approx(-x)), (1, pytest.approx(-y)), (2, pytest.approx(z))]


@pytest.mark.parametrize(("looked_at", "shown"), [("moving", "SYNTHETIC chest CT, fixed"), ("another", "another")])
def test_a_registration_shows_its_fixed_image_and_not_its_moving_one_but_leaves_another(
    application: Any, scene: Any, ui: Any, pair: Path, looked_at: str, shown: str
) -> None:
    load_stack(ui, pair / "fixed")
    load_stack(ui, pair / "moving")
    other = volume_node(scene, texture(lattice_points()), "another")
    for _, composite in views.slice_views() if looked_at == "another" else ():
        composite.SetBackgroundVolumeID(other.GetID())
    inspect(ui, pair)
    ui.registrationsTable.selectRow(0)
    ui.loadButton.click()
    assert ui.registrationsStatusLabel.text.startswith("Loaded")
    assert set(views.backgrounds()) == {shown}


@pytest.mark.parametrize("key", ["irregular", "pair"])
def test_sample_data_are_shown(application: Any, scene: Any, key: str) -> None:
    from DicomRegInspectorLib.panel.sample_data import load_sample

    volume = load_sample(key)[0]
    assert views.fills(volume)
    assert views.looks_at(volume)
    display = volume.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel()) == SOFT_TISSUE


def test_a_series_that_the_dicom_browser_loads_is_shown(
    application: Any, scene: Any, database: Any, tmp_path: Path
) -> None:
    write_ct_stack(tmp_path, GAP_MM)
    database.insertFolder(str(tmp_path))
    every = application.modules.dicomPlugins.values()
    files = sorted(str(path) for path in tmp_path.iterdir())
    offers = [(plugin, one) for plugin in (made() for made in every) for one in plugin.examineForImport([files])]
    plugin, loadable = next((plugin, one) for plugin, one in offers if one.name.startswith("Regularized"))
    assert plugin.load(loadable)
    assert views.fills(only(application, loadable.name))


@pytest.fixture
def measured(application: Any, scene: Any, ui: Any) -> Any:
    """A folding field that was measured, with both images, of which the user looks at the moving one."""
    points = lattice_points()
    fixed, moving = volume_node(scene, texture(points + 3.0), "fixed"), volume_node(scene, texture(points), "moving")
    node = grid_node(scene, fold)
    ui.qualityTransformSelector.setCurrentNode(node)
    ui.qualityFixedSelector.setCurrentNode(fixed)
    ui.qualityMovingSelector.setCurrentNode(moving)
    ui.measureButton.click()
    for _, composite in views.slice_views():
        composite.SetBackgroundVolumeID(moving.GetID())
    return node


SHOWS = {
    "showJacobianButton": (("fixed", "field: Jacobian determinant", None), ["Jacobian\nyellow: folded"], []),
    "showMagnitudeButton": (("fixed", "field: Displacement (mm)", None), ["Displacement\n(mm)"], []),
    "showMaskButton": (("fixed", None, "field: folded, undefined, uncovered"), [], []),
    "showGlyphsButton": (("fixed", None, None), ["Displacement\n(mm)"], ["field"]),
    "showHistogramsButton": (("fixed", "field: Jacobian determinant", None), ["Jacobian\nyellow: folded"], []),
}
"""For each button: layers of every slice view, legends, transforms that are drawn."""


def told() -> tuple[Any, ...]:
    (layers,) = set(views.layers())
    return layers, views.legends(), views.drawn_transforms()


@pytest.mark.parametrize("first", [*SHOWS, "showComparisonButton"])
def test_each_show_takes_the_place_of_the_one_before(scene: Any, ui: Any, measured: Any, first: str) -> None:
    for second, expected in SHOWS.items():
        if second == first:
            continue
        getattr(ui, first).click()
        getattr(ui, second).click()
        assert told() == expected
        assert [name for name in (*SHOWS, "showComparisonButton") if getattr(ui, name).checked] == [second]
        ui.hideButton.click()


def test_the_difference_alone_has_a_legend_in_the_comparison(
    application: Any, scene: Any, ui: Any, measured: Any
) -> None:
    ui.showGlyphsButton.click()
    ui.showComparisonButton.click()
    assert views.legends() == ["Difference"]
    assert views.drawn_transforms() == []
    assert views.layers()[3][:2] == ("field: checkerboard", "field: difference")


def test_legends_come_after_the_views_that_show_them(
    application: Any, scene: Any, ui: Any, measured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slicer's views draw the legends that are added after them."""
    seen = []
    tag = scene.AddObserver(
        scene.NodeAddedEvent,
        lambda *_: seen.append((len(views.slice_views()), len(scene_nodes(scene, "vtkMRMLColorLegendDisplayNode")))),
    )
    ui.showComparisonButton.click()
    scene.RemoveObserver(tag)
    first = next(count for count, legends in seen if legends)
    assert first == 4 == len(views.slice_views())


def scene_nodes(scene: Any, class_name: str) -> list[Any]:
    nodes = scene.GetNodesByClass(class_name)
    return [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]


@pytest.mark.parametrize("button", [*SHOWS, "showComparisonButton"])
@pytest.mark.parametrize("ends_by", ["again", "hide"])
def test_hide_or_the_button_again_brings_back_what_was_there(
    application: Any, scene: Any, ui: Any, measured: Any, button: str, ends_by: str
) -> None:
    before, layout = views.layers(), application.app.layoutManager().layout
    getattr(ui, button).click()
    assert views.layers() != before or views.drawn_transforms()
    assert getattr(ui, button).checked
    (getattr(ui, button) if ends_by == "again" else ui.hideButton).click()
    assert (views.layers(), views.legends(), views.drawn_transforms()) == (before, [], [])
    assert application.app.layoutManager().layout == layout
    assert not getattr(ui, button).checked
    assert ui.qualityStatusLabel.text == "Hidden."


def test_hide_leaves_the_user_s_transforms_and_what_was_put_there_since(scene: Any, ui: Any, measured: Any) -> None:
    theirs = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "mine")
    theirs.CreateDefaultDisplayNodes()
    theirs.GetDisplayNode().SetVisibility(True)
    ui.showJacobianButton.click()
    other = volume_node(scene, texture(lattice_points()), "another")
    (_, composite), *_rest = views.slice_views()
    composite.SetForegroundVolumeID(other.GetID())
    ui.showGlyphsButton.click()
    ui.hideButton.click()
    assert views.drawn_transforms() == ["mine"]
    assert views.layers()[0] == ("moving", "another", None)


def test_show_me_takes_the_place_of_a_show_too(scene: Any, ui: Any, widget: Any, measured: Any, tmp_path: Path) -> None:
    ui.showJacobianButton.click()
    write_ct_stack(tmp_path, GAP_MM)
    load_stack(ui, tmp_path)
    codes = [row.finding.code for row in widget.panel.findings.shown]
    ui.findingsTable.selectRow(codes.index("slice-gap"))
    ui.showMeButton.click()
    assert views.legends() == []
    assert set(views.layers()) == {("Self-test stack", None, None)}
    assert not ui.showJacobianButton.checked


def test_without_a_fixed_image_the_user_s_stays_behind_the_colours(scene: Any, ui: Any, measured: Any) -> None:
    ui.qualityFixedSelector.setCurrentNode(None)
    ui.showMagnitudeButton.click()
    assert set(views.layers()) == {("moving", "field: Displacement (mm)", None)}


MADE = ("vtkMRMLPlotChartNode", "vtkMRMLTableNode", "vtkMRMLVolumeNode")


def test_names_are_the_same_however_often_something_is_shown(
    application: Any, scene: Any, ui: Any, measured: Any
) -> None:
    def round_trip() -> list[str]:
        for name in (*SHOWS, "showComparisonButton", "qualityTablesButton"):
            getattr(ui, name).click()
        return views.names(*MADE)

    before = round_trip()
    ui.measureButton.click()
    assert round_trip() == before
    assert [name for name in before if name.endswith(("_1", "_2", "_3"))] == []
    ui.showHistogramsButton.click()
    shown = [
        scene.GetSingletonNode(tag, "vtkMRMLPlotViewNode") for tag in ("RegComponents", "RegLength", "RegJacobian")
    ]
    assert all(view.GetPlotChartNode().GetName() in ui.qualityStatusLabel.text for view in shown)


def test_series_without_a_description_are_called_as_slicer_calls_them(
    application: Any, scene: Any, ui: Any, widget: Any, tmp_path: Path
) -> None:
    import pydicom

    write_ct_stack(tmp_path, GAP_MM)
    for path in tmp_path.iterdir():
        dataset = pydicom.dcmread(path)
        del dataset.SeriesDescription
        dataset.SeriesNumber = 4
        dataset.save_as(path)
    load_stack(ui, tmp_path)
    assert ui.seriesComboBox.currentText == "CT, 4: Unnamed Series (10 slices)"
    assert ui.seriesStatusLabel.text == "Loaded 4: Unnamed Series."
    for _ in range(2):
        ui.plotButton.click()
        ui.beforeAfterButton.click()
        ui.saveTableButton.click()
    names = views.names(*MADE)
    assert [name for name in names if name.endswith(("_1", "_2", "_3"))] == []
    assert {"4: Unnamed Series", "4: Unnamed Series as a plain volume", "DICOM findings"} <= set(names)


def test_a_registration_loaded_without_a_window_is_no_error(
    application: Any, widget: Any, ui: Any, tmp_path: Path
) -> None:
    write_deformable(tmp_path / "reg.dcm", KnownField())
    inspect(ui, tmp_path)
    ui.loadButton.click()
    assert ui.registrationsStatusLabel.text.startswith("Loaded")
