"""The writers of registrations, images and structures can be imported in any of pytest's import modes."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "registration"), str(HERE.parent / "structures")]
