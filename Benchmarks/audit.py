"""The interpretation audit of a whole CT pair, against warping the same image once with SimpleITK.

Writes a Deformable Spatial Registration with a grid of 512 x 512 x 141 and makes a pair of images of the same size for
it. The audit (reading the file and its vectors, seven readings, both measures, bootstrap) and the peer (SimpleITK's
ResampleImageFilter with a DisplacementFieldTransform, linear, all cores; the field handed to it ready made) run in
fresh processes. The time runs from the call, imports and images done; the memory is the peak beyond what the process
held before. The second table shows the audit at other sizes.

    python Benchmarks/audit.py [--dimensions NX NY NZ] [--repeat N]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness import LIBRARY, by_turns, in_fresh_process, machine, timed

EXTENT_MM = (500.0, 500.0, 350.0)
ORIGIN = (-250.0, -250.0, -176.25)


def spacing_of(dimensions: tuple[int, int, int]) -> tuple[float, ...]:
    """The same body at any number of voxels."""
    return tuple(extent / size for extent, size in zip(EXTENT_MM, dimensions, strict=True))


def field_at(z, y, x):
    """A smooth displacement of up to 12 mm, LPS, that differs in all components."""
    import numpy as np

    return np.stack(
        np.broadcast_arrays(
            12 * np.sin(x / 60 + 0.3) * np.cos(z / 90),
            9 * np.cos(y / 70) * np.sin(z / 80 + 1),
            8 * np.sin(x / 75) * np.cos(y / 65 + 2),
        ),
        axis=-1,
    )


def body(x, y, z):
    """Something to see everywhere inside an ellipse, in HU."""
    import numpy as np

    texture = np.sin(x / 9) * np.cos(y / 11) + np.cos(z / 13 + x / 17) + np.sin(y / 8 - z / 15)
    inside = (x / 200) ** 2 + (y / 170) ** 2 < 1
    return np.where(inside, 400 * texture + 40, -1000).astype(np.float32)


def write_files(folder: Path, dimensions: tuple[int, int, int]) -> None:
    """registration.dcm, moving.npy, and fixed.npy: the moving image at the mapped points."""
    import numpy as np
    from DicomRegInspectorLib.registration.file.write import write_deformable_registration

    nx, ny, nz = dimensions
    spacing = spacing_of(dimensions)
    x, y, z = (o + s * np.arange(n) for o, s, n in zip(ORIGIN, spacing, dimensions, strict=True))
    vectors = np.empty((nz, ny, nx, 3), np.float32)
    fixed, moving = np.empty((nz, ny, nx), np.float32), np.empty((nz, ny, nx), np.float32)
    xx, yy = x[None, :], y[:, None]
    for k in range(nz):
        vectors[k] = field_at(z[k], yy, xx)
        dx, dy, dz = np.moveaxis(vectors[k], -1, 0)
        moving[k] = body(xx, yy, z[k])
        fixed[k] = body(xx + dx, yy + dy, z[k] + dz)
    write_deformable_registration(
        folder / "registration.dcm",
        vectors=vectors,
        origin=ORIGIN,
        directions=np.eye(3),
        spacing=spacing,
        registered_frame_uid="1.2.826.0.1.3680043.10.1.1",
        source_frame_uid="1.2.826.0.1.3680043.10.1.2",
    )
    np.save(folder / "fixed.npy", fixed)
    np.save(folder / "moving.npy", moving)


def index_to_lps(dimensions: tuple[int, int, int]):
    """(4, 4) of the images and the grid."""
    import numpy as np

    matrix = np.diag([*spacing_of(dimensions), 1.0])
    matrix[:3, 3] = ORIGIN
    return matrix


def this_library(folder: Path) -> Callable[[], str]:
    """From the file to the verdict."""
    import numpy as np
    from DicomRegInspectorLib.registration import read_registration
    from DicomRegInspectorLib.registration.audit import audit_mapping
    from DicomRegInspectorLib.registration.audit.scalar_image import ScalarImage

    arrays = [np.load(folder / f"{name}.npy") for name in ("fixed", "moving")]
    matrix = index_to_lps(arrays[0].shape[::-1])
    fixed, moving = (ScalarImage(array, matrix) for array in arrays)

    def run() -> str:
        item = read_registration(folder / "registration.dcm").items[0]
        result = audit_mapping(item.mapping, fixed, moving, same_modality=True)
        return f"{result.verdict}, ahead by {result.margin:.3f}, {result.samples} points"

    return run


def simpleitk_warp(folder: Path) -> Callable[[], str]:
    """One warped image."""
    import numpy as np
    import SimpleITK as sitk
    from DicomRegInspectorLib.registration import read_registration

    moving = sitk.GetImageFromArray(np.load(folder / "moving.npy"))
    field = sitk.GetImageFromArray(
        read_registration(folder / "registration.dcm").items[0].grid.vectors.astype(np.float64), isVector=True
    )
    spacing = spacing_of(moving.GetSize())
    for image in (moving, field):
        image.SetOrigin(ORIGIN)
        image.SetSpacing(spacing)
    transform = sitk.DisplacementFieldTransform(field)

    def run() -> str:
        warped = sitk.Resample(moving, moving, transform, sitk.sitkLinear, -1000.0)
        difference = np.abs(
            sitk.GetArrayViewFromImage(warped)[5:-5, ::8, ::8] - np.load(folder / "fixed.npy", "r")[5:-5, ::8, ::8]
        )
        return f"median difference to the registered image {np.median(difference):.1f} HU"

    return run


CONTENDERS = {"audit, file to verdict": this_library, "SimpleITK, one warp": simpleitk_warp}


def measure(name: str, folder: Path) -> None:
    """Run one contender in this process and print what it took."""
    run = CONTENDERS[name](folder)
    took, result = timed(run)
    print(json.dumps(took | {"result": result}))


def compare(folder: Path, repeat: int) -> None:
    """Contenders by turns; the table of their best times and largest peaks."""
    rows = by_turns(CONTENDERS, repeat, lambda name: in_fresh_process("--measure", name, "--folder", folder))
    best = {name: min(row["seconds"] for row in measured) for name, measured in rows.items()}
    print(f"{'':26}{'seconds':>9}{'x warp':>9}{'peak MB':>10}")
    for name, measured in rows.items():
        peak = max(row["peak"] for row in measured)
        ratio = best[name] / best["SimpleITK, one warp"]
        print(f"{name:26}{best[name]:9.3f}{ratio:9.2f}{peak / 1e6:10.1f}   {measured[0]['result']}")


def main() -> None:
    """Write the files, measure both, then the audit's growth with size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dimensions", type=int, nargs=3, default=(512, 512, 141), metavar=("NX", "NY", "NZ"))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(LIBRARY))
    if options.measure:
        measure(options.measure, options.folder)
        return
    dimensions = tuple(options.dimensions)
    print(f"{' x '.join(map(str, dimensions))} voxels; {machine()}")
    print(f"best of {options.repeat} fresh processes each, files in the page cache")
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), dimensions)
        compare(Path(folder), options.repeat)
    print("\nThe audit by size:")
    for parts in (8, 4, 2):
        smaller = (dimensions[0], dimensions[1], max(dimensions[2] // parts, 2))
        with tempfile.TemporaryDirectory() as folder:
            write_files(Path(folder), smaller)
            took = in_fresh_process("--measure", "audit, file to verdict", "--folder", folder)
        print(f"{' x '.join(map(str, smaller)):26}{took['seconds']:9.3f} s   {took['result']}")


if __name__ == "__main__":
    main()
