"""The command verify: the quality report on a phantom, each number against its closed form."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ..ending import DONE, FOUND
from ..output import complain, progress_bar, tell_report

if TYPE_CHECKING:
    from ...tasks.signing.verify import Verified


def verify_command(options: argparse.Namespace) -> int:
    """Check the quality report by the phantom; returns the exit code."""
    from ...report.files import check_place
    from ...report.text.terminal import Style
    from ...report.text.verification import verification
    from ...tasks.signing.verify import prepare_phantom, verify

    check_place(options.json, "JSON report", b"{")
    with TemporaryDirectory(prefix="dicom-reg-inspector-") as temporary:
        folder = Path(options.folder or temporary)
        with progress_bar(options) as progress:
            prepare_phantom(folder, progress)
            rows = verify(folder, progress)
    off = [row for row in rows if not row.is_right]
    tell_report(options, lambda: verification(rows, Style.of(sys.stdout)), lambda: _as_dict(rows, off))
    if off:
        complain(f"{len(off)} of {len(rows)} numbers are off by more than 0.1 %")
    return FOUND if off else DONE


def _as_dict(rows: Sequence[Verified], off: Sequence[Verified]) -> dict[str, Any]:
    from ... import __version__

    return {
        "schema": 1,
        "version": __version__,
        "numbers": len(rows),
        "off": len(off),
        "rows": [row.to_dict() for row in rows],
    }
