"""A file that cannot be read among those that can, as a finding about it."""

from __future__ import annotations

import os

from ..errors import FileError
from . import Finding
from .about import about_file


def unreadable_finding(error: FileError) -> Finding:
    """Make a finding of why a file cannot be used."""
    subject = about_file(error.path, os.path.basename(error.path) or error.path)
    return Finding(error.code, "error", error.sentence, subject, {"file": error.path})
