"""A score in words, as the terminal shows it."""

from __future__ import annotations

from pathlib import Path

from ..report.text.page import Page
from ..report.text.terminal import Style
from ..words import plural
from .answers import ANSWERS, OBJECTS, TEMPLATE
from .catalogue import kit_objects
from .score import VERDICTS, ItemScore, KitScore, reading_title
from .write import IMAGES, PAGE


def kit_written(folder: Path, style: Style) -> str:
    """Say what is in a kit's folder, and what to do with it."""
    objects = kit_objects()
    items = sum(len(made.items) for made in objects)
    files = (
        (PAGE, "the kit by hand: what to load, where to look, what is seen when it is right and when it is not"),
        (TEMPLATE, "the points that are asked for, with empty columns for a reader's answers"),
        (ANSWERS, "where they go: the template filled in"),
        (OBJECTS, "what each object is for, and which frame and series each item leads to"),
        (IMAGES, "CT series that the objects refer to"),
    )
    heading = f"SYNTHETIC data, computed from formulas; no person's: {plural(len(objects), 'object')}, {items} items"
    rows = [style.wrap(f"{folder / name}: {what}", 2, 6) for name, what in files]
    command = f"dicom-reg-inspector kit-score {folder} ANSWERS.csv"
    return "\n".join([style.wrap(heading), *rows, "", f"When a reader has answered: {command}"])


def score_report(score: KitScore, style: Style) -> str:
    """Return the verdicts by capability, what explains them, and then item by item."""
    page = Page(style)
    total = score.total
    count = len(score.items)
    page.title(f"{total['right']} of {plural(count, 'item')} right within {score.tolerance_mm:g} mm")
    rest = [f"{total[verdict]} {words}" for verdict, words in VERDICTS.items() if verdict != "right" and total[verdict]]
    if rest:
        page.text("; ".join(rest))
    page.section("By capability")
    heads = ("capability", "items", "right", "misread", "unknown", "refused")
    rows = [
        (name, str(sum(counts.values())), *(str(counts[verdict] or "-") for verdict in VERDICTS))
        for name, counts in score.counts.items()
    ]
    page.table(heads, rows, indent=2)
    if score.explanations:
        page.section("What explains the misread items")
        for names, explained, alone in score.explanations:
            only = f", and of {alone} nothing else does" if alone else ""
            page.text(f"{reading_title(names)} [{', '.join(names)}]: {plural(explained, 'item')}{only}", 2)
    capability = ""
    for item in score.items:
        if item.object.capability != capability:
            capability = item.object.capability
            page.section(capability[:1].upper() + capability[1:])
        page.lines.append(style.wrap(item_line(item, style), 2, 6))
    return str(page)


def item_line(item: ItemScore, style: Style) -> str:
    """Return one item's verdict in a line."""
    line = f"{item.title}: {item.words}"
    return style.paint(line, item.severity) if item.severity else line
