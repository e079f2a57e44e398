"""Damaged compressed frames that take a native decoder down, or keep it busy for ever, cost no more than an error."""

from __future__ import annotations

import random
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from DicomRegInspectorLib.errors import FileError, UsageError
from DicomRegInspectorLib.series import check_pixels, load_series
from DicomRegInspectorLib.series.pixels import decode_apart
from DicomRegInspectorLib.series.pixels.decode_apart import DecoderLostError, DecodingProcesses, is_decoded_apart
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames

UNGUARDED = """
import sys, warnings; warnings.simplefilter("ignore")
import pydicom
try:
    pydicom.dcmread(sys.argv[1]).pixel_array
except Exception:
    pass
"""


def overwritten(frame: bytes, seed: int, reach: int | None = None) -> bytes:
    """Some bytes of a frame replaced by others, within its first ones where ``reach`` is given."""
    rng, damaged = random.Random(seed), bytearray(frame)
    for _ in range(rng.randrange(1, 20)):
        damaged[rng.randrange(reach or len(damaged))] = rng.randrange(256)
    return bytes(damaged)


def with_frame(tmp_path: Path, name: str, damage) -> str:
    """An installed file with its only frame damaged."""
    dataset = pydicom.dcmread(get_testdata_file(name, download=False))
    (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)
    frame = damage(frame)
    dataset.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2)])
    path = tmp_path / f"damaged-{name}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(path)
    return str(path)


KILLERS = {
    "SC_rgb_small_odd_jpeg.dcm": (29, 85),
    "JPEG2000.dcm": (41, 48, 105),
    "JPEGLSNearLossless_16.dcm": (20, 22, 32),
}
"""Seeds of damage that ends a process with GDCM 3.2.6: JPEG, JPEG 2000 and JPEG-LS."""


@pytest.fixture(scope="module", params=KILLERS)
def killer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file at which a process that just decodes it ends."""
    folder = tmp_path_factory.mktemp("killer")
    for seed in KILLERS[request.param]:
        path = with_frame(folder, request.param, lambda frame, seed=seed: overwritten(frame, seed))
        try:
            done = subprocess.run([sys.executable, "-c", UNGUARDED, path], timeout=20, check=False)
        except subprocess.TimeoutExpired:
            return path
        if done.returncode != 0:
            return path
    pytest.skip("no decoder installed here ends its process on such frames")


def test_a_frame_that_takes_its_decoder_down_is_an_error_of_that_file(killer: str) -> None:
    with pytest.raises(FileError, match="damaged") as caught:
        load_series(killer)
    assert caught.value.code == "pixel-not-decodable"
    assert caught.value.path == killer


def test_the_pixel_check_goes_on_after_such_a_frame(killer: str, tmp_path: Path) -> None:
    good = get_testdata_file("MR_small_jpeg_ls_lossless.dcm", download=False)
    report = check_pixels([killer, good])
    codes = {one.path: [finding.code for finding in one.findings] for one in report.files}
    assert "pixel-not-decodable" in codes[killer] and "pixel-not-decodable" not in codes[good]


def test_a_decoder_that_does_not_come_back_is_ended(tmp_path: Path) -> None:
    pytest.importorskip("jpeg_ls", reason="pyjpegls, which is known to block, is not installed")
    path = with_frame(tmp_path, "MR_small_jpeg_ls_lossless.dcm", lambda frame: frame[:2963])
    start = time.monotonic()
    with DecodingProcesses(patience_s=3) as processes:
        with pytest.raises((DecoderLostError, ValueError)):
            list(processes.frames(path, "1.2.840.10008.1.2.4.80", [0], True))
        assert time.monotonic() - start < 20
        good = get_testdata_file("MR_small_jpeg_ls_lossless.dcm", download=False)
        (values,) = processes.frames(good, "1.2.840.10008.1.2.4.80", [0], True)
    np.testing.assert_array_equal(values, pydicom.dcmread(get_testdata_file("MR_small.dcm")).pixel_array)


def test_a_process_that_ended_is_replaced(tmp_path: Path) -> None:
    good = get_testdata_file("MR_small_jpeg_ls_lossless.dcm", download=False)
    request = (good, "1.2.840.10008.1.2.4.80", [0], True)
    with DecodingProcesses() as processes:
        assert len(list(processes.frames(*request))) == 1
        (process,) = processes._all
        process._process.kill()
        process._process.wait()
        with pytest.raises(DecoderLostError):
            list(processes.frames(*request))
        assert len(list(processes.frames(*request))) == 1
        (process,) = processes._all
    assert process._process.returncode is not None


def test_what_cannot_crash_is_decoded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_decoded_apart("1.2.840.10008.1.2.1")
    assert not is_decoded_apart("1.2.840.10008.1.2.4.999")
    if "pylibjpeg" not in sys.modules:
        assert not is_decoded_apart("1.2.840.10008.1.2.5")  # RLE
    decode_apart.is_decoded_apart.cache_clear()
    monkeypatch.setattr(sys, "executable", "viewer")
    assert not is_decoded_apart("1.2.840.10008.1.2.4.80")
    decode_apart.is_decoded_apart.cache_clear()


def test_python_that_cannot_be_started_is_no_fault_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = get_testdata_file("JPEGLSNearLossless_16.dcm", download=False)
    program = tmp_path / "PythonSlicer"
    program.write_text("no program", encoding="ascii")
    assert is_decoded_apart(str(pydicom.dcmread(path).file_meta.TransferSyntaxUID))
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(UsageError, match=r"cannot be started \(.*PythonSlicer: .*Nothing is wrong with the file"):
        load_series([path])
    (finding,) = [one for one in check_pixels(path).findings if one.code == "pixel-not-decodable"]
    assert "cannot be started" in finding.message
