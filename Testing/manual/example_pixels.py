"""Files whose pixels, or which themselves, are wrong in one way; each maker's description stands in the manual."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from DicomRegInspectorLib import inspect_paths
from DicomRegInspectorLib.findings import Finding
from DicomRegInspectorLib.series import check_pixels
from pixel_files import ct
from pydicom.data import get_testdata_file
from shown import shows


def checked(**values: object) -> list[Finding]:
    """The findings of a CT image of 48 × 64 pixels, of which some elements were changed."""
    return list(check_pixels(ct(Path(), **values)).findings)


@shows("pixel-data-missing")
def no_pixels() -> list[Finding]:
    """A CT image whose pixels were taken out."""
    return checked(PixelData=None)


@shows("pixel-data-length")
def too_short() -> list[Finding]:
    """A CT image of 48 × 64 pixels with 100 bytes less than these need."""
    return checked(PixelData=bytes(6144 - 100))


@shows("pixel-bits-inconsistent")
def high_bits() -> list[Finding]:
    """A CT image of 12 bits stored in 16, with a bit above these set in five values."""
    values = (np.arange(48 * 64) % 4096).astype("<u2")
    values[10:15] |= 0x4000
    return checked(PixelData=values.tobytes())


@shows("pixel-frames-disagree")
def more_frames() -> list[Finding]:
    """A file that announces one frame and has room for three."""
    return checked(PixelData=bytes(3 * 6144))


@shows("rescale-varies")
def another_slope() -> list[Finding]:
    """A CT of six slices, one of which has a rescale slope of 1.5 instead of 1."""
    for number in range(6):
        ct(
            Path(),
            f"{number}.dcm",
            SOPInstanceUID=f"1.2.3.{number}",
            ImagePositionPatient=[0, 0, number],
            RescaleSlope=1.5 if number == 4 else 1,
        )
    return list(check_pixels(".").findings)


@shows("rescale-absurd")
def no_intercept() -> list[Finding]:
    """A CT image in Hounsfield units whose intercept was set to 0, although its values are unsigned."""
    return checked(RescaleIntercept=0, RescaleType="HU")


@shows("pixel-photometric")
def one_sample_rgb() -> list[Finding]:
    """A grey image that says RGB."""
    return checked(PhotometricInterpretation="RGB")


@shows("pixel-lossy")
def not_said() -> list[Finding]:
    """A JPEG image that says it was not compressed with loss."""
    lossy = pydicom.dcmread(get_testdata_file("SC_rgb_jpeg_dcmtk.dcm"))
    lossy.LossyImageCompression = "00"
    lossy.save_as("jpeg.dcm")
    return list(check_pixels("jpeg.dcm").findings)


@shows("pixel-spacing-kind")
def at_the_detector() -> list[Finding]:
    """A radiograph with the spacing at its detector only."""
    return checked(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.1", Modality="CR", ImagerPixelSpacing=[0.2, 0.2], PixelSpacing=None
    )


@shows("pixel-not-decodable")
def overwritten_width() -> list[Finding]:
    """A JPEG 2000 image whose width was overwritten, one of the files that pydicom tests itself with."""
    name = "JPEG2000-embedded-sequence-delimiter.dcm"
    Path(name).write_bytes(Path(get_testdata_file(name)).read_bytes())
    return list(check_pixels(name).findings)


@shows("file-unreadable")
def no_dicom() -> list[Finding]:
    """A text file whose name ends in .dcm."""
    Path("notes.dcm").write_text("not DICOM\n", encoding="ascii")
    return list(inspect_paths(".").findings)


@shows("file-truncated")
def cut_off() -> list[Finding]:
    """A CT image whose last 1,000 bytes were not copied."""
    path = Path(ct(Path()))
    path.write_bytes(path.read_bytes()[:-1000])
    return list(inspect_paths(".").findings)
