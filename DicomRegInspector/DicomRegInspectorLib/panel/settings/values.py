"""What the user may set once and for all in Slicer's application settings, as plain values.

This is read while the application starts, so nothing else of the library is imported; a test compares the numbers and
names that stand elsewhere too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

GROUP = "DicomRegInspector/"
"""Before every key in the settings file."""

MODE_NAMES = ("acquisition", "resample", "split", "crop")
"""The names of :data:`...series.regularize.options.MODES`."""

RANGES: dict[str, tuple[float, float]] = {
    "interval_tolerance_percent": (0.1, 45.0),
    "max_gap": (0.0, 100.0),
}
"""Least and most of each number."""


@dataclass(frozen=True)
class Settings:
    """The values in force; the defaults are those of the library and of the command line."""

    interval_tolerance_percent: float = 5.0
    """How far an interval between slices may be off the spacing before it is irregular, in per cent of the spacing."""
    regularize_mode: str = "acquisition"
    """How a stack is made regular unless another way is chosen; one of :data:`MODE_NAMES`."""
    max_gap: float = 1.0
    """Missing slices that are interpolated across; wider gaps hold the fill value."""
    bake: bool = False
    """Load a deformable registration as one grid that contains its matrices."""
    place_volumes: bool = False
    """Put volumes of the source frame under the loaded transform."""
    layout_changes: bool = True
    """Change the layout of the views where what is shown needs another one."""
    identifiers_in_reports: bool = False
    """Names and IDs of patients in saved reports."""

    @property
    def interval_tolerance(self) -> float:
        """The tolerance as a share of the spacing, as the library takes it."""
        return self.interval_tolerance_percent / 100


DEFAULTS = Settings()


def key_of(name: str) -> str:
    """Return the key of a field of :class:`Settings` in the settings file: ``DicomRegInspector/MaxGap``."""
    return GROUP + "".join(part.capitalize() for part in name.split("_"))


KEYS: dict[str, str] = {field.name: key_of(field.name) for field in fields(Settings)}
"""Field to key."""


def settings_from(stored: Mapping[str, object]) -> Settings:
    """Return what stored values mean.

    ``stored``: key to value, as QSettings gives it: of its type in the session it was set in, text or None in the next.

    Returns
    -------
    Settings
        A value that is missing, of another kind or out of range counts as its default: a settings file that another
        version or a person has written must not stop anything.
    """
    values = {}
    for name, key in KEYS.items():
        value = converted(name, stored.get(key))
        if value is not None:
            values[name] = value
    return Settings(**values)


def converted(name: str, stored: object) -> bool | float | str | None:
    """Return the value of one field, or None where what is stored means nothing."""
    default = getattr(DEFAULTS, name)
    if isinstance(default, bool):
        return _flag(stored)
    if isinstance(default, float):
        return _number(stored, *RANGES[name])
    return stored if isinstance(stored, str) and stored in MODE_NAMES else None


def _flag(stored: object) -> bool | None:
    if isinstance(stored, bool):
        return stored
    text = str(stored).strip().lower() if isinstance(stored, str | int | float) else ""
    return {"true": True, "false": False, "1": True, "0": False}.get(text)


def _number(stored: object, least: float, most: float) -> float | None:
    if isinstance(stored, bool) or not isinstance(stored, str | int | float):
        return None
    try:
        value = float(stored)
    except ValueError:
        return None
    return value if math.isfinite(value) and least <= value <= most else None
