"""What tells severities and marks apart besides their colour: shapes and hatches, defined once for the document."""

from __future__ import annotations

from .markup import Markup, tag

_SHAPES = {
    # An octagon with a cross, a triangle and a disc with their signs, a tick: known from everywhere.
    "error": '<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/><path class="sign" d="M5.5 5.5l5 5m0-5l-5 5"/>',
    "warning": '<path d="M8 1l7.5 13.5H.5z"/><path class="sign" d="M8 6v4m0 2v.6"/>',
    "info": '<circle cx="8" cy="8" r="7"/><path class="sign" d="M8 7v5m0-8v.6"/>',
    "good": '<circle cx="8" cy="8" r="7"/><path class="sign" d="M4.5 8.5l2.5 2.5 4.5-5.5"/>',
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


def icon(name: str) -> Markup:
    """A severity's sign (``error``, ``warning``, ``info``) or ``good``; the word stands beside it."""
    return tag("svg", tag("use", href=f"#icon-{name}"), class_=f"icon {name}", aria_hidden="true", focusable="false")
