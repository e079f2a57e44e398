"""Inspecting a registration in each encoding: deflated and big endian against plain, and what inflating alone takes.

Writes one grid as explicit little endian, explicit big endian and deflated (zlib's level 6, as pydicom writes), and
inspects each in fresh processes. Beside them the floor of the deflated one: ``zlib.decompressobj`` over the same bytes
and nothing else, in the same run; what is inspected has to be inflated once and then looked at as the plain file is.

    python Benchmarks/encodings.py [--repeat N] [--dimensions NX NY NZ]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

from harness import LIBRARY, by_turns, in_fresh_process, machine, memory, timed
from measures import write_file

ENCODINGS = {
    "plain": "1.2.840.10008.1.2.1",
    "big endian": "1.2.840.10008.1.2.2",
    "deflated": "1.2.840.10008.1.2.1.99",
}


def write_files(folder: Path, dimensions: tuple[int, int, int], prefix: str = "") -> dict[str, Path]:
    """One grid in each encoding."""
    import numpy as np
    import pydicom

    files = {name: folder / f"{prefix}{name}.dcm" for name in ENCODINGS}
    write_file(files["plain"], dimensions)
    dataset = pydicom.dcmread(files["plain"])
    dataset.file_meta.TransferSyntaxUID = ENCODINGS["deflated"]
    dataset.save_as(files["deflated"], enforce_file_format=True)
    dataset.walk(lambda _, element: element.value)  # parsed, so that all can be written in the other order
    dataset.file_meta.TransferSyntaxUID = ENCODINGS["big endian"]
    item = dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
    item.VectorGridData = np.frombuffer(item.VectorGridData, "<f4").byteswap().tobytes()
    pydicom.dcmwrite(files["big endian"], dataset, implicit_vr=False, little_endian=False, force_encoding=True)
    return files


def inspected(path: str) -> Callable[[], object]:
    """The whole inspection of one file; of a small one first, so that imports are not on the clock."""
    from DicomRegInspectorLib import inspect_paths

    inspect_paths(Path(path).with_name(f"small {Path(path).name}"))
    return lambda: inspect_paths(path)


def inflated(path: str) -> Callable[[], object]:
    """The deflated bytes through zlib, a piece at a time."""
    data = Path(path).read_bytes()
    start = 144 + int.from_bytes(data[140:144], "little")

    def run() -> int:
        inflater, count = zlib.decompressobj(-zlib.MAX_WBITS), 0
        for first in range(start, len(data), 1 << 16):
            count += len(inflater.decompress(data[first : first + (1 << 16)]))
        return count

    return run


CONTENDERS = {
    "inspect, plain": ("plain", inspected),
    "inspect, big endian": ("big endian", inspected),
    "inspect, deflated": ("deflated", inspected),
    "zlib alone": ("deflated", inflated),
}


def measure(name: str, path: str) -> None:
    """Run one contender in this process and print what it took."""
    run = CONTENDERS[name][1](path)
    took, _ = timed(run, memory("VmRSS"))
    print(json.dumps(took))


def main() -> None:
    """Write the files, measure everybody by turns, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--dimensions", type=int, nargs=3, default=(320, 320, 90))
    parser.add_argument("--file", help=argparse.SUPPRESS)
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(LIBRARY))
    if options.measure:
        measure(options.measure, options.file)
        return
    print(machine())
    print(f"best time and largest peak of {options.repeat} fresh processes each, warm page cache")
    print("cpu is of all cores together: where others use the machine, the ratio of these counts")
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), (40, 40, 40), "small ")
        files = write_files(Path(folder), tuple(options.dimensions))
        rows = by_turns(
            CONTENDERS,
            options.repeat,
            lambda name: in_fresh_process("--measure", name, "--file", files[CONTENDERS[name][0]]),
        )
        sizes = {name: path.stat().st_size for name, path in files.items()}
    print(f"{' x '.join(map(str, options.dimensions))} vectors, {sizes['plain'] / 1e6:.0f} MB, ", end="")
    print(f"deflated {sizes['deflated'] / 1e6:.0f} MB")
    best = {name: min(row["seconds"] for row in found) for name, found in rows.items()}
    cpu = {name: min(row["cpu"] for row in found) for name, found in rows.items()}
    floor = cpu["zlib alone"] + cpu["inspect, plain"]
    print(f"{'':22}{'seconds':>9}{'x plain':>9}{'cpu':>8}{'x plain':>9}{'x (zlib + plain)':>18}{'peak MB':>9}")
    for name, found in rows.items():
        peak = max(row["peak"] for row in found) / 1e6
        print(
            f"{name:22}{best[name]:9.2f}{best[name] / best['inspect, plain']:9.2f}"
            f"{cpu[name]:8.2f}{cpu[name] / cpu['inspect, plain']:9.2f}{cpu[name] / floor:18.2f}{peak:9.0f}"
        )


if __name__ == "__main__":
    main()
