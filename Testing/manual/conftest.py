"""Tests of the manual use the writers of the registration, series and relation tests."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]
sys.path += [str(HERE.parent / room) for room in ("registration", "series", "relations")]
