"""The manual's Markdown as tests see it: fenced blocks under their headings, links, anchors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#{1,4}) (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    language: str
    text: str
    headings: tuple[str, ...]
    """The headings it stands under, the title first."""

    @property
    def heading(self) -> str:
        return self.headings[-1]


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a page in their order."""
    text = path.read_text(encoding="utf-8")
    fences = list(_FENCE.finditer(text))
    inside = [range(one.start(), one.end()) for one in fences]
    # A comment in a block looks like a heading.
    titles = [one for one in _HEADING.finditer(text) if not any(one.start() in span for span in inside)]
    found = []
    for fence in fences:
        open_titles: dict[int, str] = {}
        for title in (one for one in titles if one.start() < fence.start()):
            level = len(title[1])
            open_titles = {other: name for other, name in open_titles.items() if other < level} | {level: title[2]}
        found.append(Block(fence[1], fence[2], tuple(open_titles.values())))
    return found


def with_outputs(path: Path, language: str) -> Iterator[tuple[Block, str | None]]:
    """Blocks of a language with what they print: the text block that follows under the same heading, or None."""
    found = blocks(path)
    for block, following in zip(found, [*found[1:], None], strict=True):
        if block.language == language:
            shows = following is not None and following.language == "text" and following.headings == block.headings
            yield block, following.text if shows and following is not None else None


def headings(path: Path) -> list[str]:
    """The headings of a page, without those that are comments in blocks."""
    return [found[2] for found in _HEADING.finditer(_FENCE.sub("", path.read_text(encoding="utf-8")))]


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    plain = re.sub(r"[`*_]|\[([^\]]*)\]\([^)]*\)", lambda found: found[1] or "", heading)
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
