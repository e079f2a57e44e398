"""What the module adds to the application once it has started: nothing that takes time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .sample_data import register_sample_data
from .settings.page import add_settings_panel


def after_startup(icons: Path) -> Any:
    """Register the sample data and add the page of the settings dialog; returns the page, to be kept."""
    register_sample_data(icons)
    return add_settings_panel()
