"""Measures as rows: the one list that terminal, CSV, HTML, tables of the scene and the panel tell.

A measure is a line of words and its numbers. Whoever tells measures chooses how, never which: a measure that is added
to the list is told everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

RANK_WORDS = {
    "min": "smallest",
    "p1": "1 % below",
    "p5": "5 % below",
    "p50": "median",
    "p95": "95 % below",
    "p99": "99 % below",
    "max": "largest",
    "mean": "mean",
}
"""What ranks are called, in the order in which a table has them."""
WHOLE_NUMBERS = ("nodes", "points")
"""Units of counts."""


@dataclass(frozen=True)
class MeasureRow:
    """One number: what it is, how much, in what unit."""

    keys: tuple[str, ...]
    """The columns of a CSV table that it fills, with their unit."""
    measure: str
    """What it is, in words."""
    value: float | None
    """None where it is not defined."""
    unit: str
    """``fraction`` of 0 to 1 is shown in percent; ``1`` has none."""
    column: str = ""
    """How its column is titled where rows stand side by side, without the unit; by default as :attr:`measure`."""
    rank: str = ""
    """Of :data:`RANK_WORDS`, when it is one number of a distribution."""

    @property
    def shown(self) -> tuple[float | None, str]:
        """Value and unit as people read them."""
        if self.unit == "fraction":
            return None if self.value is None else 100 * self.value, "%"
        return self.value, self.unit

    @property
    def text(self) -> str:
        """The value with four significant digits; counts in full."""
        value, unit = self.shown
        if value is None:
            return "–"
        return f"{value:.0f}" if unit in WHOLE_NUMBERS else f"{value:.4g}"

    @property
    def title(self) -> str:
        """:attr:`column` with the unit: ``Displacement max (mm)``."""
        name, unit = self.column or self.measure, self.shown[1]
        return name if unit in ("1", *WHOLE_NUMBERS) else f"{name} ({unit})"


@dataclass(frozen=True)
class Measure:
    """One thing that was measured: a line about it, and its numbers."""

    name: str
    """How the line begins."""
    told: str
    """The line; empty for a distribution that only tables tell."""
    rows: tuple[MeasureRow, ...]

    @property
    def ranks(self) -> dict[str, float | None]:
        """The numbers of its distribution by rank; empty when it is none."""
        return {row.rank: row.value for row in self.rows if row.rank}


def rows_of(measures: Sequence[Measure]) -> list[MeasureRow]:
    """Return all numbers, those that only tables tell last."""
    return [row for measure in sorted(measures, key=lambda measure: not measure.told) for row in measure.rows]


def ranked(
    key: str, name: str, values: Mapping[str, float | None], unit: str, ranks: str, column: str = ""
) -> tuple[MeasureRow, ...]:
    """Return rows of a distribution.

    Parameters
    ----------
    key
        Of the CSV columns, with ``{}`` for the rank: ``displacement_{}_mm``.
    ranks
        Which, separated by blanks, in the order in which they are told.
    column
        What side-by-side columns are called, without the rank.
    """
    return tuple(
        MeasureRow((key.format(rank),), f"{name}, {RANK_WORDS[rank]}", values.get(rank), unit,
                   f"{column or name} {rank}", rank)
        for rank in ranks.split()
    )  # fmt: skip


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with so many significant digits; ``-`` for none."""
    return "-" if value is None else f"{value:.{digits}g}"
