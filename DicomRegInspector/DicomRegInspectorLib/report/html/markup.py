r"""HTML put together from elements, so that nothing gets in unescaped: a plain ``str`` is always text.

What comes from a file goes through :func:`foreign`: its reading direction cannot leak out, control characters are
shown, not obeyed, and what is too long is cut with its length told.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from ..text.terminal import printable

LONGEST = 300
"""Characters of a text from a file that are shown; 10 kB fit into every element of a broken one."""

_NEGATIVE = re.compile(r"(?<![\w.])-(?=[\d.])")
_TAG = re.compile(r"<[^>]*>")
_VOID = frozenset({"meta", "img", "br", "hr", "link"})


class Markup(str):
    """Text that is HTML already; made by :func:`tag` and :func:`join` alone."""

    __slots__ = ()


Child = object
"""Markup goes in as it is, None not at all, everything else as text."""


def text(value: object) -> Markup:
    r"""Give words as text: escaped, and with control characters and marks of reading direction shown as ``\u202e``."""
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(printable(value), quote=True))


def join(*children: Child, by: str = "") -> Markup:
    """Join several in a row; None is left out."""
    return Markup(text(by).join(text(child) for child in children if child is not None))


def with_minus(words: str) -> str:
    """Return our own words with the sign of minus before numbers below zero, where a hyphen would be too short."""
    return _NEGATIVE.sub("−", words)


def tag(name: str, /, *children: Child, **attributes: object) -> Markup:
    """Make an element. ``class_`` is class, ``aria_label`` aria-label; None leaves an attribute out, True is bare."""
    written = ""
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        written += f" {key}" if value is True else f' {key}="{text(value)}"'
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def foreign(value: object, longest: int = LONGEST) -> Markup:
    r"""Give text from a file, isolated in its reading direction; ``\x1b`` and the like marked as what is not readable.

    >>> str(foreign("a<b"))
    '<bdi>a&lt;b</bdi>'
    """
    whole = str(value)
    beginning = whole[:longest]
    shown = html.escape(beginning) if beginning.isprintable() else "".join(map(_shown, beginning))
    cut = ""
    if len(whole) > longest:
        cut = f'<span class="cut"> … ({len(whole):,} characters, {longest:,} shown)</span>'
    return Markup(f"<bdi>{shown}</bdi>{cut}")


def _shown(character: str) -> str:
    safe = printable(character)
    return html.escape(safe) if safe == character else f'<span class="ctl">{safe}</span>'


def items(entries: Iterable[Child], name: str = "ul", **attributes: object) -> Markup:
    """Make a list."""
    return tag(name, *(tag("li", entry) for entry in entries), **attributes)


def facts(rows: Iterable[tuple[Child, Child]], kind: str = "facts") -> Markup | None:
    """Make a list of names and what they say; None when there are none."""
    pairs = [
        tag("div", tag("dt", name), tag("dd", value), class_="wide" if _is_long(value) else None)
        for name, value in rows
        if value not in (None, "")
    ]
    return tag("dl", *pairs, class_=kind) if pairs else None


def _is_long(value: Child) -> bool:
    """Whether a value needs the width of two columns."""
    return len(_TAG.sub("", text(value))) > 25


def table(
    caption: Child, heads: Iterable[Child], rows: Iterable[Iterable[Child]], *, kind: str | None = "numbers"
) -> Markup:
    """Return a table that scrolls within itself where it is too wide; the first cell of a row heads it.

    Parameters
    ----------
    kind
        ``numbers``: all columns but the first are numbers, set to the right; ``numbers remarks``: but for the last.
    """
    body = []
    for row in rows:
        first, *rest = row
        body.append(tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in rest)))
    written = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *(tag("th", head, scope="col") for head in heads))),
        tag("tbody", *body),
        class_=kind,
    )
    # Focusable, so that keys scroll it; a region needs a name.
    label = _TAG.sub("", text(caption))
    return tag("div", written, class_="scroll", tabindex="0", role="region", aria_label=Markup(label))


def icon(name: str) -> Markup:
    """Return a severity's sign (``error``, ``warning``, ``info``), ``good`` or ``open``; the word stands beside it."""
    return tag("svg", tag("use", href=f"#icon-{name}"), class_=f"icon {name}", aria_hidden="true", focusable="false")


_SHAPES = {
    # An octagon with a cross, a triangle and a disc with their signs, a tick, an empty ring: known from everywhere.
    "error": '<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/><path class="sign" d="M5.5 5.5l5 5m0-5l-5 5"/>',
    "warning": '<path d="M8 1l7.5 13.5H.5z"/><path class="sign" d="M8 6v4m0 2v.6"/>',
    "info": '<circle cx="8" cy="8" r="7"/><path class="sign" d="M8 7v5m0-8v.6"/>',
    "good": '<circle cx="8" cy="8" r="7"/><path class="sign" d="M4.5 8.5l2.5 2.5 4.5-5.5"/>',
    "open": '<circle class="ring" cx="8" cy="8" r="6"/><path class="ring" d="M5 8h6"/>',
}
DEFINITIONS = Markup(
    '<svg class="definitions" width="0" height="0" aria-hidden="true" focusable="false"><defs>'
    + "".join(f'<symbol id="icon-{name}" viewBox="0 0 16 16">{shape}</symbol>' for name, shape in _SHAPES.items())
    + '<pattern id="hatch-gap" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="gap-pale" width="7" height="7"/><rect class="gap" width="2.5" height="7"/></pattern>'
    '<pattern id="hatch-folded" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="folded-pale" width="6" height="6"/><rect class="folded" width="2.5" height="6"/></pattern>'
    "</defs></svg>"
)
"""Once in a document, before what refers to it; never ``display: none``, in which browsers draw no pattern."""
