"""Round numbers for axes."""

from __future__ import annotations

import math


def ticks_between(low: float, high: float, about: int) -> list[tuple[float, str]]:
    """Round values from low to high, about so many (never more than twice), each with how it is written."""
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return [(low, f"{low:.4g}")]
    step = round_step((high - low) / about)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    values = [number * step for number in range(first, last + 1)]
    return [(value, _written(value, places)) for value in values] or [(low, f"{low:.4g}")]


def round_step(value: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below a positive value."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))


def _written(value: float, places: int) -> str:
    if abs(value) >= 1e6:
        return f"{value:.3g}".replace("-", "−")
    text = f"{value:.{places}f}"
    return (text if float(text) else text.lstrip("-")).replace("-", "−")
