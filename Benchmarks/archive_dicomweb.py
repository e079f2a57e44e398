"""How fast an archive behind DICOMweb is judged, beside a bare client that only fetches the same metadata, in one run.

    python Benchmarks/archive_dicomweb.py [--studies 100] [--slices 100] [--repeat 3] [--workers 2]

An Orthanc of this benchmark's own (Debian's packages orthanc and orthanc-dicomweb), on loopback, is filled with CT
series made from a real header that pydicom installs (a GE scanner's, private groups included; see headers.py), one for
each study. The bare client asks for all studies, for the series of each and for the metadata of each series through
dicomweb-client, and does nothing with what comes; once with one connection, once with as many threads as the archive
has workers. The archive fetches the same, compares an instance of each series with its metadata, judges, and writes
its tables. They take turns; best of the repeats. The archive's second figure leaves out what comes before its first
request, mostly the start of Dask's workers. The library has its bytecode, as it has where it is installed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness import LIBRARY, as_installed, machine
from headers import write_ct_series

sys.path[:0] = [str(LIBRARY), str(LIBRARY.parent / "Testing" / "dicomweb")]

SERIES_COUNT = "00201209"


def fill(server: Any, folder: Path, studies: int, slices: int) -> None:
    """Give a server so many studies with one series each."""
    import pydicom

    write_ct_series(folder, slices)
    datasets = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    for study in range(studies):
        for number, dataset in enumerate(datasets):
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.2.3.{study + 1}", f"1.2.4.{study + 1}"
            dataset.SOPInstanceUID = f"1.2.5.{study + 1}.{number + 1}"
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.save_as(folder / "next.dcm")
            server.add([folder / "next.dcm"])


def bare(url: str, threads: int) -> tuple[float, int]:
    """Seconds that fetching all metadata takes, and the instances that came."""
    from dicomweb_client import DICOMwebClient

    own = threading.local()

    def client() -> DICOMwebClient:
        if not hasattr(own, "client"):
            own.client = DICOMwebClient(url)
        return own.client

    def fetch(study: str) -> int:
        return sum(
            len(client().retrieve_series_metadata(study, series["0020000E"]["Value"][0]))
            for series in client().search_for_series(study)
        )

    start = time.perf_counter()
    studies = [study["0020000D"]["Value"][0] for study in client().search_for_studies(get_remaining=True)]
    with ThreadPoolExecutor(threads) as pool:
        count = sum(pool.map(fetch, studies))
    return time.perf_counter() - start, count


def archive(url: str, output: Path, workers: int, threads: bool) -> tuple[float, float, int]:
    """Seconds that judging all studies takes, those from the first request on, and the studies judged."""
    from DicomRegInspectorLib.archive import EngineOptions, RunOptions, inspect_archive

    shutil.rmtree(output, ignore_errors=True)
    start, first = time.perf_counter(), []

    def progress(done: int, total: int, text: str) -> bool:
        first[:] = first or [time.perf_counter()]
        return True

    how = RunOptions(EngineOptions(workers=workers, threads=threads))
    tally = inspect_archive(url, output, how=how, progress=progress)
    end = time.perf_counter()
    if tally.failed:
        sys.exit(f"{tally.failed} studies failed")
    return end - start, end - first[0], tally.judged


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--slices", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", action="store_true")
    options = parser.parse_args()
    if "PYTHONPYCACHEPREFIX" not in os.environ:
        with tempfile.TemporaryDirectory() as bytecode:
            again = [sys.executable, *sys.argv]
            sys.exit(subprocess.run(again, env=as_installed(Path(bytecode))).returncode)
    from orthanc_server import MISSING, Orthanc, is_installed

    if not is_installed():
        sys.exit(MISSING)
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        server = Orthanc(Path(folder) / "orthanc")
        server.start()
        try:
            (Path(folder) / "ct").mkdir()
            fill(server, Path(folder) / "ct", options.studies, options.slices)
            several = f"{options.workers} connections"
            for _ in range(options.repeat):
                rates = {}
                for name, threads in (("bare client, 1 connection", 1), (f"bare client, {several}", options.workers)):
                    seconds, came = bare(server.url, threads)
                    rates[name] = came / seconds
                whole, asking, judged = archive(server.url, Path(folder) / "out", options.workers, options.threads)
                rates[f"archive, {options.workers} workers"] = judged * options.slices / whole
                rates["  from its first request on"] = judged * options.slices / asking
                best = {name: max(rate, best.get(name, 0.0)) for name, rate in rates.items()}
        finally:
            server.stop()
    print(f"{machine()}; {options.studies} studies of {options.slices} instances")
    reference = best["bare client, 1 connection"]
    for name, rate in best.items():
        print(f"{name:32} {rate:8,.0f} instances/s  {rate / reference:5.0%}")


if __name__ == "__main__":
    main()
