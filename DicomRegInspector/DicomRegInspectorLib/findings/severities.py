"""How severe a finding can be."""

from __future__ import annotations

from typing import Literal

Severity = Literal["info", "warning", "error"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")
"""From least to most severe. ``error``: used as it is, geometry or values come out wrong."""
