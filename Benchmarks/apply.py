"""An image through a deformation grid: this library's resampling against SimpleITK's Resample, in one run.

    python Benchmarks/apply.py [--slices 120] [--size 512] [--grid 128] [--repeat 5]

The image is of signed 16 bits; the field has as many nodes as asked for along x and y and half as many along z, axial
or turned against the image. Both start from the same arrays in memory, NumPy's (float32 vectors), and end with an array
of signed 16 bits; both have all cores. SimpleITK's way is DisplacementFieldTransform and Resample with linear
interpolation, by its own threads. Ours also keeps what is undefined, counts it, and rounds. The results are compared:
they differ by rounding only, for SimpleITK cuts off. Each runs in a fresh process, by turns; time is the best of the
repeats, memory by how much the process grew at its peak, the largest of them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from harness import LIBRARY, by_turns, in_fresh_process, machine, timed

sys.path.insert(0, str(LIBRARY))

FILL = -1000


def affine(spacing: tuple[float, float, float], counts: tuple[int, int, int], turn: float) -> np.ndarray:
    """(4, 4) from (i, j, k, 1) to LPS mm, with the middle of the lattice at the origin."""
    made = np.eye(4)
    c, s = np.cos(turn), np.sin(turn)
    made[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) * spacing
    made[:3, 3] = -made[:3, :3] @ (np.array(counts) - 1) / 2
    return made


def inputs(slices: int, size: int, grid: int, turn: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The image and its matrix, the vectors and theirs; the grid reaches a little beyond the image."""
    generator = np.random.default_rng(1)
    coarse = generator.integers(-900, 1500, (slices, size // 4, size // 4), dtype=np.int16)
    image = np.repeat(np.repeat(coarse, 4, axis=1), 4, axis=2)[:, :size, :size]
    of_image = affine((0.9, 0.9, 2.5), (size, size, slices), 0.0)
    counts = (grid, grid, grid // 2)
    reach = np.array([size * 0.9, size * 0.9, slices * 2.5]) * (1.5 if turn else 1.05)
    of_grid = affine(tuple(reach / (np.array(counts) - 1)), counts, turn)
    k, j, i = np.meshgrid(*(np.linspace(0, 9, count) for count in counts[::-1]), indexing="ij")
    vectors = np.stack([6 * np.sin(i + k), 5 * np.cos(j + i), 4 * np.sin(k + j)], axis=-1).astype(np.float32)
    return np.ascontiguousarray(image), of_image, vectors, of_grid


def ours(image: np.ndarray, of_image: np.ndarray, vectors: np.ndarray, of_grid: np.ndarray) -> np.ndarray:
    """The array that this library makes."""
    from DicomRegInspectorLib.registration import Mapping, Registration, RegistrationItem
    from DicomRegInspectorLib.registration.grid import grid_of_array
    from DicomRegInspectorLib.series.regularize.reference import ReferenceGrid
    from DicomRegInspectorLib.tasks.apply.resample import resample
    from DicomRegInspectorLib.tasks.apply.transform import Transform

    item = RegistrationItem(Path("memory"), 1, "", "", Mapping(grid=grid_of_array(vectors, of_grid)))
    transform = Transform(Registration(Path("memory"), "deformable", (item,)), item)
    target = ReferenceGrid(of_image, image.shape[::-1])
    return resample(image, of_image, transform, target, interpolation="linear", fill=FILL).array


def simpleitks(image: np.ndarray, of_image: np.ndarray, vectors: np.ndarray, of_grid: np.ndarray) -> np.ndarray:
    """The array that SimpleITK makes."""
    import SimpleITK as sitk

    def placed(made: sitk.Image, matrix: np.ndarray) -> sitk.Image:
        spacing = np.linalg.norm(matrix[:3, :3], axis=0)
        made.SetSpacing(spacing.tolist())
        made.SetOrigin(matrix[:3, 3].tolist())
        made.SetDirection((matrix[:3, :3] / spacing).ravel().tolist())
        return made

    moving = placed(sitk.GetImageFromArray(image), of_image)
    field = placed(sitk.GetImageFromArray(vectors.astype(np.float64), isVector=True), of_grid)
    transform = sitk.DisplacementFieldTransform(field)
    return sitk.GetArrayFromImage(sitk.Resample(moving, moving, transform, sitk.sitkLinear, FILL))


WAYS = {"this library": ours, "SimpleITK": simpleitks}


def run(name: str, turn: float, keep: str, slices: int, size: int, grid: int) -> None:
    """Resample in this process, keep the array, and print what it took."""
    import SimpleITK  # noqa: F401  (imports do not count)
    from DicomRegInspectorLib.tasks.apply import resample  # noqa: F401

    given = inputs(slices, size, grid, turn)
    took, array = timed(lambda: WAYS[name](*given))
    np.save(keep, array)
    print(json.dumps(took))


def main() -> None:
    """Run all ways by turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=120)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--grid", type=int, default=128)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sizes = (options.slices, options.size, options.grid)
    if options.run:
        name, turn, keep = options.run
        run(name, float(turn), keep, *sizes)
        return
    print(machine())
    voxels = options.slices * options.size**2
    print(
        f"{voxels / 1e6:.1f} million voxels, {options.grid**3 // 2 / 1e6:.2f} million vectors; best of {options.repeat}"
    )
    asked = [part for key in ("slices", "size", "grid") for part in (f"--{key}", getattr(options, key))]
    with tempfile.TemporaryDirectory() as folder:
        for title, turn in (("grid along the image", 0.0), ("grid turned by 20 degrees", np.radians(20))):
            kept = {name: Path(folder) / f"{number}.npy" for number, name in enumerate(WAYS)}

            def resampled(name: str, turn: float = turn, kept: dict[str, Path] = kept) -> dict[str, float]:
                return in_fresh_process(*asked, "--run", name, turn, kept[name])

            rows = by_turns(WAYS, options.repeat, resampled)
            best = {name: min(row["seconds"] for row in found) for name, found in rows.items()}
            print(f"\n{title}")
            for name, found in rows.items():
                cpu, peak = min(row["cpu"] for row in found), max(row["peak"] for row in found)
                print(f"  {name:14} {best[name]:6.2f} s {cpu:6.2f} s of all cores {peak / 1e6:6.0f} MB")
            apart = np.abs(np.load(kept["this library"]).astype(int) - np.load(kept["SimpleITK"]))
            print(f"  ratio {best['this library'] / best['SimpleITK']:.2f}; largest difference {apart.max()}")


if __name__ == "__main__":
    main()
