"""The settings: their values, where they are stored, and their page."""
