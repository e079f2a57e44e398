"""The page to follow by hand: its places are where the images show the marks, and it needs nothing but itself."""

from __future__ import annotations

import html
import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.kit.catalogue import kit_objects
from DicomRegInspectorLib.kit.landings import SEEN_MM, probe, right_places, source_places
from DicomRegInspectorLib.kit.readings import MISREADINGS, answers_of
from DicomRegInspectorLib.kit.visible import CAPABILITY, MARKS, voxel_of

VISIBLE = [
    (made, number)
    for made in kit_objects()
    if made.capability == CAPABILITY
    for number, item in enumerate(made.items)
    if item.source != made.registered
    and not (item.parts.chain is not None and np.array_equal(item.parts.chain[0], np.eye(4)))
]


def series(kit: Path, name: str) -> np.ndarray:
    """(slices, rows, columns) Hounsfield units."""
    return np.stack([pydicom.dcmread(path).pixel_array - 1024.0 for path in sorted((kit / "images" / name).iterdir())])


def around(volume: np.ndarray, place: np.ndarray) -> np.ndarray:
    column, row, slice_ = np.rint(voxel_of(place)).astype(int)
    return volume[max(slice_ - 1, 0) : slice_ + 2, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]


@pytest.mark.parametrize(("made", "number"), VISIBLE, ids=lambda value: getattr(value, "name", value))
def test_both_series_show_each_mark_where_the_page_says(kit: Path, made, number: int) -> None:
    item = made.items[number]
    registered, source = series(kit, made.registered), series(kit, item.source)
    places = right_places(made, item)
    assert set(places) == {mark.name for mark in MARKS}
    for mark, there in zip(MARKS, source_places(made, item), strict=True):
        assert np.abs(around(registered, places[mark.name]) - mark.hu).min() < 40, mark.name
        assert np.abs(around(source, there) - mark.hu).min() < 40, mark.name


@pytest.mark.parametrize(("made", "number"), VISIBLE, ids=lambda value: getattr(value, "name", value))
def test_a_misread_mark_lies_where_the_misreading_sends_it_from(made, number: int) -> None:
    item = made.items[number]
    found = probe(made, item)
    goal = source_places(made, item)[MARKS.index(found.mark)]
    seen = [landing for landing in found.landings if landing.place is not None]
    assert len(seen) >= 4
    for landing in seen:
        others = [other.parts for other in made.items]
        (sent,) = answers_of((landing.misreading.name,), item.parts, others, landing.place[None])
        np.testing.assert_allclose(sent, goal, rtol=0, atol=0.1, err_msg=landing.misreading.name)
        assert landing.off_mm > SEEN_MM
        assert landing.off_mm == pytest.approx(np.linalg.norm(landing.place - found.right))


def test_the_page_stands_alone_and_names_every_object_and_misreading(kit: Path) -> None:
    page = html.unescape((kit / "kit.html").read_text(encoding="utf-8"))
    assert "default-src 'none'" in page and "<script" not in page
    assert all(link.startswith(("data:", "#")) for link in re.findall(r'(?:href|src)="([^"]*)"', page))
    for made in kit_objects():
        assert f"<code>{made.file_name}</code>" in page
    for misreading in MISREADINGS:
        assert f"<code>{misreading.name}</code>" in page
    named = re.findall(r"<code>(images/[\w-]+)</code>", page)
    assert named and all((kit / name).is_dir() for name in named)
    assert page.count("data:image/png;base64,") == 2 * len(VISIBLE)
    assert len(page.encode("utf-8")) < 1_000_000
