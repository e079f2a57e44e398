"""What many tests of the panel do first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

GAP_MM = (0.0, 2.0, 4.0, 6.0, 8.0, 30.0, 32.0, 34.0, 36.0, 38.0)
"""Two sections of five slices 2 mm apart; ten slices are missing between them."""
MODES = ("acquisition", "resample", "split", "crop")
"""In the order of the panel's box."""


def inspect(ui: Any, folder: Path) -> None:
    """Choose a folder and have it inspected."""
    ui.inputPathLineEdit.currentPath = str(folder)
    ui.inspectFolderButton.click()
