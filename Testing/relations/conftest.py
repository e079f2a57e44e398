"""Tests of relations use the writers of the registration tests and of the series tests."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "registration"), str(HERE.parent / "series")]
