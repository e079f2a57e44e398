"""Commands for those without data of their own: sample-data and demo."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from .ending import DONE
from .existing import output_stays, written_over
from .libraries import quiet_libraries, scene_room
from .output import tell


def sample_data_command(options: argparse.Namespace) -> int:
    """Make DICOM files to try the other commands on; returns the exit code."""
    from ..report.text.terminal import Style
    from ..samples import SAMPLES, describe_samples, write_samples

    folder = Path(options.folder)
    root, files = folder.resolve(), {name for sample in SAMPLES for name in sample.files}
    if output_stays(options, options.folder, (), lambda file: file.relative_to(root).as_posix() in files):
        return DONE
    with written_over(options, options.folder) as place:
        write_samples(Path(place))
    tell(options, describe_samples(folder, Style.of(sys.stdout).wrap))
    return DONE


def demo_command(options: argparse.Namespace) -> int:
    """Do the whole job, once; returns the exit code."""
    with quiet_libraries(options.debug):
        scene_room("transforms.save")
    from ..report.text.terminal import Style
    from .demo import OWN, run_demo

    if output_stays(options, options.folder, (), lambda file: file.name in OWN):
        return DONE
    run_demo(Path(options.folder), Style.of(sys.stdout), partial(tell, options), lambda: quiet_libraries(options.debug))
    return DONE
