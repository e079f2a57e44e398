"""Histograms as SVG: bars of counts on a logarithmic axis, where a handful of folded nodes can still be seen."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...registration.measures.histograms import Histogram
from ...words import round_up
from .markup import Markup, tag, text

HEIGHT, _TOP, _AXIS = 200, 28, 40
"""Pixels: of the drawing, above the highest bar, and below the bars."""
_FLOOR = 0.5
"""Nodes at the foot of the bars: a single node has a height."""
_BOTTOM = HEIGHT - _AXIS


def histogram_figure(
    histogram: Histogram, caption: str, lines: Sequence[tuple[float, str]] = (), folded: bool = False
) -> Markup | None:
    """Draw a figure with the bars of one quantity; None when it is nowhere defined.

    Parameters
    ----------
    lines
        Values to mark where they are in range, each with its label.
    folded
        Whether values of 0 and less are folding, and are hatched.
    """
    if not histogram.defined:
        return None
    most = int(histogram.counts.max())
    low, high = float(histogram.edges[0]), float(histogram.edges[-1])
    decades = [10**power for power in range(int(math.log10(most)) + 1)]
    plot = tag(
        "svg",
        tag("title", caption),
        *(tag("line", x1="0%", x2="100%", y1=_y(count, most), y2=_y(count, most), class_="grid") for count in decades),
        *_bars(histogram, most, folded),
        *(part for row, line in enumerate(lines) for part in _line(line, low, high, 10 + 13 * row)),
        *_axis(low, high, histogram.axis),
        class_="plot",
        width="100%",
        height=HEIGHT,
        role="img",
        aria_label=caption,
    )
    shown = decades if len(decades) <= 5 else decades[::2]
    scale = tag(
        "svg",
        *(tag("text", f"{count:,}", x="100%", dx=-6, y=_y(count, most), dy="0.32em", text_anchor="end", class_="tick")
          for count in shown),
        tag("text", "nodes", x="100%", dx=-6, y=_BOTTOM + 18, text_anchor="end", class_="tick"),
        class_="scale",
        height=HEIGHT,
        aria_hidden="true",
    )  # fmt: skip
    heading = tag("figcaption", tag("strong", histogram.axis), tag("span", f" · {caption}"))
    return tag("figure", heading, tag("div", scale, plot, class_="chart"), class_="histogram")


def bar_height(count: int, most: int) -> float:
    """Return pixels of a bar: logarithmic, 0 for none."""
    if count <= 0:
        return 0.0
    return (_BOTTOM - _TOP) * math.log10(count / _FLOOR) / math.log10(most / _FLOOR)


def _y(count: int, most: int) -> str:
    return f"{_BOTTOM - bar_height(count, most):.2f}"


def _bars(histogram: Histogram, most: int, folded: bool) -> list[Markup]:
    edges, bars = histogram.edges, []
    low, span = float(edges[0]), float(edges[-1] - edges[0])
    for start, stop, count in zip(edges[:-1].tolist(), edges[1:].tolist(), histogram.counts.tolist(), strict=True):
        if not count:
            continue
        height = bar_height(count, most)
        is_folded = folded and stop <= 0
        bars.append(
            tag(
                "rect",
                tag("title", f"{start:.4g} to {stop:.4g}{' ' + histogram.unit if histogram.unit else ''}: "
                             f"{count:,} nodes"),
                x=f"{100 * (start - low) / span:.4f}%",
                width=f"{100 * (stop - start) / span:.4f}%",
                y=f"{_BOTTOM - height:.2f}",
                height=f"{height:.2f}",
                class_="bar-folded" if is_folded else "bar",
                fill="url(#hatch-folded)" if is_folded else None,
            )
        )  # fmt: skip
    return bars


def _line(line: tuple[float, str], low: float, high: float, y: int) -> list[Markup]:
    """A value marked; each has its label in a row of its own, so that they do not run into each other."""
    if not low <= line[0] <= high:
        return []
    x = 100 * (line[0] - low) / (high - low)
    anchor, shift = ("end", -5) if x > 60 else ("start", 5)
    return [
        tag("line", x1=f"{x:.4f}%", x2=f"{x:.4f}%", y1=0, y2=_BOTTOM, class_="marked"),
        tag("text", line[1], x=f"{x:.4f}%", dx=shift, y=y, text_anchor=anchor, class_="label"),
    ]


def _axis(low: float, high: float, title: str) -> list[Markup]:
    parts = [tag("line", x1="0%", x2="100%", y1=_BOTTOM, y2=_BOTTOM, class_="axis")]
    for value, written in ticks_between(low, high, 4):
        x = 100 * (value - low) / (high - low)
        anchor = "start" if x < 3 else "end" if x > 97 else "middle"
        parts.append(tag("line", x1=f"{x:.4f}%", x2=f"{x:.4f}%", y1=_BOTTOM, y2=_BOTTOM + 5, class_="axis"))
        parts.append(tag("text", written, x=f"{x:.4f}%", y=_BOTTOM + 18, text_anchor=anchor, class_="tick"))
    parts.append(tag("text", text(title), x="50%", y=HEIGHT - 5, text_anchor="middle", class_="axis-title"))
    return parts


def ticks_between(low: float, high: float, about: int) -> list[tuple[float, str]]:
    """Round values from low to high, about so many (never more than twice), each with how it is written."""
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return [(low, f"{low:.4g}")]
    step = round_up((high - low) / about)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    values = [number * step for number in range(first, last + 1)]
    return [(value, _written(value, places)) for value in values] or [(low, f"{low:.4g}")]


def _written(value: float, places: int) -> str:
    if abs(value) >= 1e6:
        return f"{value:.3g}".replace("-", "−")
    text = f"{value:.{places}f}"
    return (text if float(text) else text.lstrip("-")).replace("-", "−")
