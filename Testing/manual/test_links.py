"""Links of the README and the manual lead somewhere: files that are there, headings that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents import DOCS, ROOT, anchor, headings

PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "Testing" / "slicer_standin" / "README.md"])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in LINK.findall(text):
        if re.match(r"https?://", target):
            continue
        place, _, fragment = target.partition("#")
        file = (page.parent / place).resolve() if place else page
        assert file.exists(), f"{target} leads nowhere"
        assert file.is_relative_to(ROOT), f"{target} leaves the repository"
        if fragment:
            assert fragment in {anchor(heading) for heading in headings(file)}, f"{target}: there is no such heading"


def test_every_page_of_the_manual_is_reached_from_its_contents() -> None:
    seen, waiting = set(), [DOCS / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        targets = (target.partition("#")[0] for target in LINK.findall(page.read_text(encoding="utf-8")))
        waiting += [(page.parent / one).resolve() for one in targets if one.endswith(".md") and "://" not in one]
    assert set(DOCS.rglob("*.md")) <= seen


def test_pictures_are_small_and_say_what_they_show() -> None:
    for page in PAGES:
        for words, target in re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            assert len(words) > 20, f"{target} in {page.name} needs words for those who do not see it"
            picture = (page.parent / target).resolve()
            assert picture.stat().st_size < 400_000, target
