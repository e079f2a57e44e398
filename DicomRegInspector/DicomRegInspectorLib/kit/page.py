"""The page of the kit: what to load, where to look, and what is seen, for systems that only show pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..report.html.document import head
from ..report.html.markup import DEFINITIONS, Markup, items, join, table, tag
from ..version import __version__
from ..words import plural, tenths
from .catalogue import kit_objects
from .equation import Array
from .landings import SEEN_MM, Landing, Probe, probe, right_places, together
from .objects import KitItem, KitObject
from .pictures import STYLE, Sign, picture
from .readings import MISREADINGS
from .visible import CAPABILITY, COLUMNS, MARKS, PIXEL_MM, ROWS, SLICE_MM, SLICES, voxel_of

TITLE = "Conformance kit for readers of DICOM registrations"
Volumes = Mapping[str, Array]
"""Hounsfield units (slices, rows, columns) of each series."""


def kit_page(volumes: Volumes) -> str:
    """Return the page as one HTML document, which needs no network, no script and no other file."""
    objects = kit_objects()
    visible = [made for made in objects if made.capability == CAPABILITY]
    body = tag(
        "body",
        tag("a", "Skip to the objects", href="#objects", class_="skip"),
        DEFINITIONS,
        tag("header", tag("p", "DICOM Registration Inspector", class_="product"), tag("h1", TITLE), _purpose(objects)),
        tag(
            "main",
            _how(visible),
            _marks(),
            tag("h2", "Objects that can be seen on images", id="objects"),
            *(_object(made, volumes) for made in visible),
            _catalogue(objects),
            _readings(),
        ),
        tag("footer", tag("p", "SYNTHETIC data, computed from formulas; no person's. Coordinates are LPS millimetres "
            f"(DICOM). Written by version {__version__}.")),
    )  # fmt: skip
    top = Markup(head("", TITLE).replace("</head>", f"<style>{STYLE}</style></head>"))
    return f"<!DOCTYPE html>\n{tag('html', top, body, lang='en')}\n"


def _purpose(objects: tuple[KitObject, ...]) -> Markup:
    count = sum(len(made.items) for made in objects)
    return tag(
        "p",
        f"{plural(len(objects), 'registration object')} with {count} items whose answers are known. A program that "
        "maps points answers the table of points; a system that only shows pictures is judged by eye.",
    )


def _how(visible: list[KitObject]) -> Markup:
    by_points = (
        ("Copy template.csv. For each row give the place (source_x, source_y, source_z, LPS mm) in the source frame of "
         "the item where the registered point (x, y, z) goes, nan where the object defines nothing. Items count from 1 "
         "in the order of the file; objects.csv says which frame and series each leads to."),
        "Leave the rows of an object empty that the reader refuses.",
        "dicom-reg-inspector kit-score KIT ANSWERS.csv says what is right and names what is misread.",
    )  # fmt: skip
    by_eye = (
        "Import the whole folder: all is of one patient (Kit^Nobody, KIT-1) and one study.",
        (f"For each of the {plural(len(visible), 'object')} below load its registered series, its source series and "
         "the object, and show the source series through the registration: fused, side by side or by linked cursors."),
        ("Put the cursor on a place of the table under “Read right”. Both images must show the mark there, the "
         f"same one, and all marks at once. {SEEN_MM:g} mm off is seen as half a mark beside the other."),
        "Where a mark of the source series is seen elsewhere, look it up under “Misread”: the place says how.",
    )  # fmt: skip
    return join(
        tag("h2", "How to use it"),
        tag("h3", "A program that maps points"),
        items(by_points, "ol"),
        tag("h3", "A system that shows pictures"),
        items(by_eye, "ol"),
    )


def _marks() -> Markup:
    rows = [
        (mark.name, f"{mark.hu} HU", *_coordinates(mark.centre), *_voxel(mark.centre)) for mark in MARKS
    ]  # fmt: skip
    return join(
        tag("h2", "The phantom"),
        tag(
            "p",
            f"All series have {COLUMNS} × {ROWS} pixels of {PIXEL_MM:g} mm and {SLICES} slices every {SLICE_MM:g} mm, "
            "at the same places: a body with a pocket of air, one of fat, and five balls of 17 mm, told apart by their "
            "Hounsfield units.",
        ),
        table("The marks in images/source-1", ("mark", "is", *_HEADS), rows),
    )  # fmt: skip


_HEADS = ("x, mm", "y, mm", "z, mm", "column", "row", "slice file")


def _coordinates(place: Array | tuple[float, float, float]) -> list[str]:
    return [f"{value + 0.0:.1f}".replace("-", "−") for value in place]


def _voxel(place: Array | tuple[float, float, float]) -> list[str]:
    """Column and row from 0 and the number in the slice's file name, which is from 1."""
    column, row, slice_ = voxel_of(place)
    return [f"{column:.0f}", f"{row:.0f}", f"slice{slice_ + 1:03.0f}.dcm"]


def _object(made: KitObject, volumes: Volumes) -> Markup:
    moving = [(number, item) for number, item in enumerate(made.items, 1) if item.source != made.registered]
    parts = [part for number, item in moving for part in _item(made, number, item, volumes)]
    return tag("section", tag("h3", f"{made.file_name}: {made.title}"), *parts, class_="object", id=made.name)


def _item(made: KitObject, number: int, item: KitItem, volumes: Volumes) -> Iterator[Markup]:
    several = sum(other.source != made.registered for other in made.items) > 1
    source = "source-1" if item.source == made.registered else item.source
    load = (
        ("registered series", f"images/{made.registered}"),
        ("source series", f"images/{source}"),
        ("object", f"{made.file_name}" + (f", item {number}" if several else "")),
    )
    yield tag("p", "Load ", join(*(join(tag("code", name), f" ({what})") for what, name in load), by=", "), ".")
    right = right_places(made, item)
    found = probe(made, item)
    signs = [Sign(name, place, "right") for name, place in right.items()]
    seen = together(found.landings)
    signs += [Sign(str(count), place, "wrong") for count, (place, _) in enumerate(seen, 1)]
    yield picture(
        volumes[made.registered],
        signs,
        "The registered series, the brightest along the line of sight. Rings: where the marks of both series are when "
        f"the object is read right. Crosses: where mark {found.mark.name} of the source series is seen when it is "
        "misread; their numbers are in the table.",
    )
    yield table("Read right: both series show the mark at", ("mark", *_HEADS),
                [(name, *_coordinates(place), *_voxel(place)) for name, place in right.items()])  # fmt: skip
    yield _misread(found, seen)


def _misread(found: Probe, seen: list[tuple[Array, list[Landing]]]) -> Markup:
    rows = []
    for count, (place, landings) in enumerate(seen, 1):
        titles = "; or: ".join(landing.misreading.title for landing in landings)
        rows.append((str(count), *_coordinates(place), *_voxel(place), tenths(landings[0].off_mm), titles))
    nowhere = [landing.misreading.title for landing in found.landings if landing.place is None]
    caption = f"Misread: mark {found.mark.name} ({found.mark.hu} HU) of the source series is seen at"
    return join(
        table(caption, ("", *_HEADS, "mm off", "when"), rows, kind="numbers remarks"),
        tag("p", f"It is not seen on the images at all when: {'; '.join(nowhere)}.", class_="note")
        if nowhere
        else None,
    )


def _catalogue(objects: tuple[KitObject, ...]) -> Markup:
    rows = [
        (tag("code", made.file_name), made.title, made.capability, made.kind, made.encoding.words, made.broken or None)
        for made in objects
    ]
    heads = ("object", "what it is", "what it asks for", "holds", "encoding", "broken on purpose")
    return join(tag("h2", "All objects"), table("In the order of their series numbers", heads, rows, kind=None))


def _readings() -> Markup:
    rows = [(tag("code", misreading.name), misreading.title) for misreading in MISREADINGS]
    return join(
        tag("h2", "Misreadings that are told"),
        tag(
            "p",
            "Each is found by the points it gives, alone or two together. Where several give the same points on an "
            "object, all are told.",
        ),
        table("By their names in reports", ("name", "what is done"), rows, kind=None),
    )  # fmt: skip
