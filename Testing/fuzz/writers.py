"""Every command that writes, with the files it reads, for what is done to writers: kills, full disks, odd names."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_HERE = Path(__file__).resolve().parent
LIBRARY = _HERE.parents[1] / "DicomRegInspector"
sys.path[:0] = [str(LIBRARY), str(_HERE.parent / "registration"), str(_HERE.parent / "series")]

import regfiles as rf
from applied_making import write_disc, write_dose, write_labels
from stack_making import along_table, tilted, write_stack

UNASKED = ("inspect", "quality", "show", "pixels", "compare", "kit-score", "archive")
"""Commands that replace what is there without being asked: reports, and what the next run goes on with."""


@dataclass(frozen=True)
class Writer:
    """A command that writes."""

    name: str
    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    """Names in the folder where it runs; the first is the one that ``--output`` names, where there is one."""

    goes_on: bool = False
    """Whether the next run goes on with what is there."""

    def command(self, *more: str) -> list[str]:
        """The process to start, in a folder where the inputs are."""
        return [sys.executable, "-m", "DicomRegInspectorLib", *self.arguments, *more]

    @property
    def over(self) -> tuple[str, ...]:
        """What makes it replace what is there."""
        return () if self.arguments[0] in UNASKED else ("--overwrite",)


def environment() -> dict[str, str]:
    """Return what a writer's process needs to find the library."""
    return {**os.environ, "PYTHONPATH": str(LIBRARY), "OPENBLAS_NUM_THREADS": "1"}


def make_inputs(folder: Path, nodes: int = 24, slices: int = 15) -> None:
    """Write a registration, series, volumes, points, a dose and a structure; grids and series as large as asked for."""
    write_labels(folder / "labels.nrrd")
    write_dose(folder / "dose.dcm")
    write_disc(folder / "disc.dcm", "1.2.3.200")
    grid = rf.GridSpec(rf.smooth_vectors((nodes, nodes, nodes)))
    pre = rf.rigid((0.1, 0.2, 0.3), (5.0, -3.0, 2.0))
    rf.write(folder / "reg.dcm", rf.RegistrationSpec((rf.DeformableItem(grid, pre),)))
    heights = np.concatenate([np.arange(0, 2.0 * slices, 2.0), 2.0 * slices + 20 + np.arange(0, 3.0 * slices, 3.0)])
    write_stack(folder / "series", along_table(heights), tilted(15))
    write_stack(folder / "rounded", along_table(2.5 * np.arange(slices)), decimals=1)
    header = "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 16 12 {}\nendian: little\n"
    header += "encoding: raw\nspace directions: (2,0,0) (0,2,0) (0,0,2.5)\nspace origin: (0,0,0)\n\n"
    voxels = np.random.default_rng(2).integers(-1000, 2000, (slices, 12, 16)).astype("<i2")
    (folder / "values.nrrd").write_bytes(header.format(slices).encode() + voxels.tobytes())
    (folder / "landmarks.csv").write_text("name,x,y,z\n" + "".join(f"L{n},{n},{2 * n},{3 * n}\n" for n in range(30)))
    rows = np.random.default_rng(1).normal(0, 40, (200 * slices, 3)).tolist()
    (folder / "points.csv").write_text("x,y,z\n" + "".join(",".join(map(repr, row)) + "\n" for row in rows))


def _load(suffix: str) -> Writer:
    return Writer(f"load {suffix}", ("load", "reg.dcm", "--output", f"out{suffix}"), (f"out{suffix}",))


def _regularize(name: str, *outputs: str, more: tuple[str, ...] = ()) -> Writer:
    given = outputs[0] if not name.startswith("split") else outputs[0].replace("-section-1", "")
    mode = () if "--positions-only" in more else ("--mode", name.split()[0])
    series = "rounded" if "--positions-only" in more else "series"
    return Writer(f"regularize {name}", ("regularize", series, *mode, "--output", given, *more), outputs)


def _apply(name: str, *arguments: str) -> Writer:
    option, given, output, *more = arguments
    whole = ("apply", "reg.dcm", option, given, "--any-frame", "--fail-on", "never", "--output", output, *more)
    return Writer(f"apply {name}", whole, (output,))


WRITERS: tuple[Writer, ...] = (
    *map(_load, (".mrb", ".h5", ".tfm", ".nrrd", ".nii.gz", ".nii", ".mha")),
    _regularize("resample .nrrd", "volume.nrrd"),
    _regularize("resample .nii.gz", "volume.nii.gz"),
    _regularize("resample .nii", "volume.nii"),
    _regularize("resample .mha", "volume.mha"),
    _regularize("resample .mrb", "volume.mrb"),
    _regularize("resample folder", "volume"),
    _regularize("resample .dcm", "volume.dcm", more=("--parametric-map",)),
    _regularize("acquisition .nrrd", "volume.nrrd", "volume-acquisition-transform.h5"),
    _regularize("acquisition .mrb", "volume.mrb"),
    _regularize("split .mha", "volume-section-1.mha", "volume-section-2.mha"),
    _regularize("positions folder", "volume", more=("--positions-only",)),
    Writer("export-image", ("export-image", "rounded", "--output", "volume"), ("volume",)),
    Writer("export-image one file", ("export-image", "rounded", "--output", "volume", "--parametric-map"), ("volume",)),
    Writer(
        "export-image volume",
        ("export-image", "values.nrrd", "--reference", "rounded", "--output", "volume"),
        ("volume",),
    ),
    Writer(
        "export-image labels",
        (
            "export-image",
            "labels.nrrd",
            "--kind",
            "segmentation",
            "--set",
            "SegmentAlgorithmType=MANUAL",
            "--output",
            "volume",
        ),
        ("volume",),
    ),
    Writer("export", ("export", "reg.dcm", "--output", "out.dcm"), ("out.dcm",)),
    Writer("export sampled", ("export", "reg.dcm", "--grid", "3", "--output", "out.dcm"), ("out.dcm",)),
    Writer("export points", ("export", "landmarks.csv", "--fixed", "rounded", "--output", "out.dcm"), ("out.dcm",)),
    _apply("image", "--image", "rounded", "out.nrrd"),
    _apply("folder", "--image", "rounded", "volume"),
    _apply("labels .nrrd", "--labels", "labels.nrrd", "out.nrrd"),
    _apply("dose", "--dose", "dose.dcm", "out.dcm", "--reference", "rounded"),
    _apply("structures", "--structures", "disc.dcm", "out.dcm", "--reference", "rounded"),
    Writer("apply points", ("apply", "reg.dcm", "--points", "landmarks.csv", "--output", "out.csv"), ("out.csv",)),
    Writer("kit", ("kit", "made"), ("made",)),
    Writer("show", ("show", "reg.dcm", "series", "--json", "out.json"), ("out.json",)),
    Writer("pixels", ("pixels", "series", "--json", "out.json"), ("out.json",)),
    Writer("compare", ("compare", "values.nrrd", "values.nrrd", "--json", "out.json"), ("out.json",)),
    Writer("map", ("map", "reg.dcm", "--points", "points.csv", "--output", "out.csv"), ("out.csv",)),
    Writer(
        "inspect",
        ("inspect", "reg.dcm", "series", "--json", "out.json", "--html", "out.html"),
        ("out.json", "out.html"),
    ),
    Writer(
        "quality",
        (
            "quality",
            "reg.dcm",
            "--json",
            "out.json",
            "--csv",
            "out.csv",
            "--html",
            "out.html",
            "--sign-off",
            "sign.html",
        ),
        ("out.json", "out.csv", "out.html", "sign.html"),
    ),
    Writer(
        "archive",
        ("archive", "reg.dcm", "series", "rounded", "--workers", "0", "--reports", "--output", "out"),
        ("out",),
        goes_on=True,
    ),
    Writer("sample-data", ("sample-data", "samples"), ("samples",)),
    Writer(
        "demo",
        ("demo", "made"),
        tuple(
            f"made/{name}"
            for name in (
                "report.json",
                "report.html",
                "scene.mrb",
                "registration.png",
                "quality.png",
                "synthetic-registration.dcm",
            )
        ),
    ),
)
"""Together they write every format that the library writes."""
