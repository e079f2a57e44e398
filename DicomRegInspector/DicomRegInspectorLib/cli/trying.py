"""Commands for those without data of their own: sample-data and demo."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from .ending import DONE
from .libraries import quiet_libraries, scene_room
from .output import tell


def sample_data_command(options: argparse.Namespace) -> int:
    """Make DICOM files to try the other commands on; returns the exit code."""
    from ..report.text.terminal import Style
    from ..samples import describe_samples, write_samples

    folder = Path(options.folder)
    write_samples(folder)
    tell(options, describe_samples(folder, Style.of(sys.stdout).wrap))
    return DONE


def demo_command(options: argparse.Namespace) -> int:
    """Do the whole job, once; returns the exit code."""
    with quiet_libraries(options.debug):
        scene_room("transforms.save")
    from ..report.text.terminal import Style
    from .demo import run_demo

    run_demo(Path(options.folder), Style.of(sys.stdout), partial(tell, options), lambda: quiet_libraries(options.debug))
    return DONE
