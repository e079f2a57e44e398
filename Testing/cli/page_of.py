"""What an HTML report concludes."""

from __future__ import annotations

import re


def verdict_of(page: str) -> tuple[str, str]:
    """What the verdict is coloured by, and its words."""
    kind = re.search(r'<div class="verdict (\w+)"', page)
    words = re.search(r'<p class="words">([^<]*)</p>', page)
    assert kind and words, "the report has no verdict"
    return kind.group(1), words.group(1)
