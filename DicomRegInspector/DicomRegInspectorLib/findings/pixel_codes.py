"""Finding codes of pixel data, and of files as such."""

from __future__ import annotations

from .code_info import FILES, CodeInfo

_IMAGE = {"length_bytes": "length of the pixel data", "expected_bytes": "length that the header asks for, padded"}
_RESCALES = {
    "rescales": "how many different pairs of slope and intercept",
    "slope_min": "smallest slope",
    "slope_max": "largest slope",
    "intercept_min": "smallest intercept",
    "intercept_max": "largest intercept",
}

PIXEL_CODES: dict[str, CodeInfo] = {
    "pixel-data-missing": CodeInfo(
        "No pixel data",
        "Get the images again from the source system.",
        "The object is an image by all its header says, but its pixels are not there: they were stripped or lost on "
        "the way. Objects that rightly have none, such as registrations, are not reported.",
        "None of Pixel Data (7FE0,0010), Float Pixel Data (7FE0,0008) and Double Float Pixel Data (7FE0,0009) in a "
        "file with Rows (0028,0010) and Columns (0028,0011) or the SOP class of an image, and no Pixel Data Provider "
        "URL (0028,7FE0); or the element is empty. PS3.3 C.7.6.3, C.7.6.24, C.7.6.25.",
        ("error",),
        ("pixels", "loading"),
        {
            **FILES,
            "rows": "Rows of the header",
            "columns": "Columns of the header",
            "expected_bytes": "length that the header asks for, without compression",
        },
        ("pixel-data-length", "file-truncated"),
    ),
    "pixel-data-length": CodeInfo(
        "Pixel data has the wrong length",
        "Get the images again from the source system.",
        "There are fewer or more bytes than the header's image needs. Too few: part of the image is missing or rows "
        "are shifted against each other. Too many, an odd length or bytes after the end: readers differ in what they "
        "make of it, and some stop.",
        "Uncompressed: length of Pixel Data (7FE0,0010) against Rows × Columns × samples × frames × Bits Allocated "
        "(0028,0100), made even (PS3.5 8.1.1; YBR_FULL_422 and single bits by their own rules), and the padding byte, "
        "which should be 0. Compressed: each fragment even, the sequence closed, the total as said. After the pixels "
        "only Data Set Trailing Padding (FFFC,FFFC) and signatures may follow (PS3.10 7.2).",
        ("info", "warning", "error"),
        ("pixels", "loading"),
        {
            **FILES,
            **_IMAGE,
            "frame_bytes": "length of one frame",
            "too_few_bytes": "how many bytes are missing",
            "too_many_bytes": "how many bytes are too many",
            "whole_frames": "how many whole frames there is room for",
            "padding_byte": "value of the byte that makes the length even",
            "fragments": "how many fragments of compressed data were found",
            "odd_fragments": "how many of these have an odd length",
            "announced_bytes": "length of the compressed data that the header says",
            "fragment_bytes": "length of all fragments",
            "trailing_bytes": "bytes after the end of the pixels",
            "zeros": "whether all of these are 0",
            "transfer_syntax_uid": "transfer syntax that does not allow such a length",
        },
        ("file-truncated", "pixel-frames-disagree", "pixel-data-missing"),
    ),
    "pixel-bits-inconsistent": CodeInfo(
        "Bit depths disagree",
        "Check the values before measuring on them.",
        "The header contradicts itself, or the values contradict the header, on how many bits a value has and whether "
        "it has a sign. Readers then get different values from one file: negative ones become large, or bits that are "
        "no image are taken for one.",
        "Bits Allocated (0028,0100), Bits Stored (0028,0101), High Bit (0028,0102) and Pixel Representation "
        "(0028,0103) against each other (PS3.5 8.1.1), against every uncompressed value and against the header of the "
        "first compressed image; Smallest Image Pixel Value (0028,0106), Largest Image Pixel Value (0028,0107) and "
        "Pixel Padding Value (0028,0120) against values and sign. Info where values come out the same either way; "
        "an error where they cannot be read as the header says.",
        ("info", "warning", "error"),
        ("pixels", "loading"),
        {
            **FILES,
            "bits_allocated": "Bits Allocated",
            "bits_stored": "Bits Stored",
            "high_bit": "High Bit",
            "pixel_representation": "Pixel Representation: 0 unsigned, 1 signed",
            "values": "how many values have bits set where none belong",
            "share_percent": "their share",
            "bits": "the bits that are set there, as a hexadecimal mask",
            "overlay_bits": "how many overlay planes these are",
            "vr": "VR the element is written with",
            "expected_vr": "VR that Pixel Representation asks for",
            "value": "value as written",
            "other_value": "value when read by the VR expected",
            "smallest": "Smallest Image Pixel Value",
            "largest": "Largest Image Pixel Value",
            "smallest_found": "smallest value in the pixels",
            "largest_found": "largest value in the pixels",
            "rows": "Rows of the header",
            "columns": "Columns of the header",
            "elements": "kinds of pixel data that are there",
            "expected_bits": "Bits Allocated that goes with this kind of pixel data",
            "element": "element that the compressed image contradicts",
            "header": "its value in the header",
            "compressed": "its value in the compressed image",
            "representation_0": "how many slices of the stack hold unsigned values",
            "representation_1": "how many slices of the stack hold signed values",
            "representation_None": "how many slices of the stack do not say",
        },
        ("rescale-absurd", "pixel-data-length", "pixel-photometric"),
    ),
    "pixel-frames-disagree": CodeInfo(
        "Number of frames disagrees",
        "Get the object again from the source system.",
        "The file announces another number of frames than it holds or describes, or its table of frames points to "
        "wrong places. Frames are missing, or shown with the position of another.",
        "Number of Frames (0028,0008) against the length of Pixel Data (7FE0,0010), against the items of Per-Frame "
        "Functional Groups Sequence (5200,9230) and, compressed, against the fragments, the Basic Offset Table "
        "(PS3.5 A.4) and Extended Offset Table (7FE0,0001) with Extended Offset Table Lengths (7FE0,0002) (PS3.3 "
        "C.7.6.3.1.8).",
        ("warning", "error"),
        ("pixels", "loading"),
        {
            **FILES,
            **_IMAGE,
            "frame_bytes": "length of one frame",
            "too_few_bytes": "how many bytes are missing",
            "too_many_bytes": "how many bytes are too many",
            "whole_frames": "how many whole frames there is room for",
            "number_of_frames": "Number of Frames as the file has it",
            "frames": "frames that the header announces",
            "functional_groups": "frames that the functional groups describe",
            "fragments": "how many fragments of compressed data there are",
            "fragment_bytes": "length of the frame's fragment",
            "empty_fragments": "numbers of fragments without any bytes",
            "empty_count": "how many fragments have none",
            "images": "how many fragments begin a compressed image",
            "table_bytes": "length of the Basic Offset Table",
            "table_entries": "entries of the Basic Offset Table",
            "extended_entries": "entries of the Extended Offset Table",
            "wrong_entries": "entries that point to no fragment",
            "first_wrong_frame": "first frame with a wrong entry, from 1",
            "first_entry": "first entry of the Basic Offset Table",
            "positions": "how many frames have a position",
            "without_pixels": "how many of these have no pixels",
        },
        ("pixel-data-length", "pixel-not-decodable"),
    ),
    "rescale-varies": CodeInfo(
        "Rescale differs between slices",
        "Apply the rescale slice by slice.",
        "Stored values mean something else from slice to slice or frame to frame. In PET that is normal (info); in "
        "other images it is unusual. Slices in different units cannot be in one volume at all.",
        "Rescale Slope (0028,1053) and Rescale Intercept (0028,1052) of all slices of a stack, or of the frames of a "
        "file (Pixel Value Transformation Sequence (0028,9145)), and their units: Units (0054,1001) or Rescale Type "
        "(0028,1054). PS3.3 C.11.1.",
        ("info", "warning", "error"),
        ("pixels", "loading"),
        {
            **FILES,
            **_RESCALES,
            "slices_without_rescale": "how many slices have none",
            "differing_slices": "how many slices have another than most",
            "sop_instance_uids": "SOP Instance UIDs of these, 50 at most",
            "units": "the units named, with how many slices name each",
        },
        ("rescale-absurd",),
    ),
    "rescale-absurd": CodeInfo(
        "Rescale cannot be meant",
        "Compare values with the source system before measuring on them; rescale by hand.",
        "The rescale gives values that this kind of image cannot have, such as a CT without anything below 0 HU. "
        "Thresholds, Hounsfield units and doses computed from such values are wrong.",
        "Rescale Slope (0028,1053), Rescale Intercept (0028,1052) and Rescale Type (0028,1054), PS3.3 C.11.1, applied "
        "to the values that are there (or that Bits Stored (0028,0101) allows). CT in Hounsfield units: a slope from "
        "0.01 to 100, an intercept from -100,000, and room below 0. MR: a positive slope, no Hounsfield units, and a "
        "range from 1 to 10,000,000 (info: less in diffusion maps). A slope of 0 is an error; both elements have "
        "to be numbers.",
        ("info", "warning", "error"),
        ("pixels",),
        {
            **FILES,
            "slope": "Rescale Slope; null without",
            "intercept": "Rescale Intercept; null without",
            "rescale_type": "Rescale Type",
            "lowest_value": "lowest value after rescaling",
            "highest_value": "highest value after rescaling",
        },
        ("rescale-varies", "pixel-bits-inconsistent"),
    ),
    "pixel-photometric": CodeInfo(
        "Colours contradict the header",
        "Check the displayed colours; get the images again if they are wrong.",
        "The header says one thing on colours or grey values, and the number of samples, the palette or the "
        "compressed image says another. The image is shown in false colours, inverted or not at all, depending on "
        "the program.",
        "Photometric Interpretation (0028,0004) against Samples per Pixel (0028,0002), Planar Configuration "
        "(0028,0006), the palette's descriptors and data, the transfer syntax (PS3.5 8.2) and the colour transform in "
        "the header of the first compressed image. PS3.3 C.7.6.3.1.2.",
        ("warning", "error"),
        ("pixels",),
        {
            **FILES,
            "photometric_interpretation": "Photometric Interpretation",
            "samples_per_pixel": "Samples per Pixel",
            "colour": "colour whose lookup table is missing",
            "descriptor": "its descriptor: entries, first value, bits",
        },
        ("pixel-bits-inconsistent", "pixel-lossy"),
    ),
    "pixel-lossy": CodeInfo(
        "Loss by compression is not said as it is",
        "Do not take the values for original ones; ask how it was compressed.",
        "The image was compressed with loss and does not say so, or not how much. Values are not those that were "
        "measured, which matters for everything that is computed from them.",
        "Lossy Image Compression (0028,2110) against the transfer syntax and the method in the header of the first "
        "compressed image; Lossy Image Compression Ratio (0028,2112) against the length of the compressed data, where "
        "the two differ by more than a factor of 2. PS3.3 C.7.6.1.1.5.",
        ("info", "warning", "error"),
        ("pixels",),
        {
            **FILES,
            "lossy_image_compression": "Lossy Image Compression: 01 lossy, 00 not, empty where it is missing",
            "transfer_syntax_uid": "transfer syntax",
            "ratios": "Lossy Image Compression Ratio, one for each step",
            "ratio_found": "uncompressed against compressed length; null where it cannot be told",
        },
        ("pixel-photometric", "pixel-not-decodable"),
    ),
    "pixel-spacing-kind": CodeInfo(
        "Which pixel spacing applies",
        "Measure in the plane that the spacing named here holds for.",
        "The size of a pixel is not plainly that in the patient: in a projection it holds at the detector or in a "
        "calibrated plane, in ultrasound inside of regions. Distances measured with the wrong one are off by the "
        "magnification.",
        "Pixel Spacing (0028,0030) against Imager Pixel Spacing (0018,1164) and Pixel Spacing Calibration Type "
        "(0028,0A02) in projections (PS3.3 10.7.1), against Sequence of Ultrasound Regions (0018,6011) in ultrasound "
        "(C.8.5.5), against Pixel Aspect Ratio (0028,0034) everywhere; the same within 0.1 %. Values have to be two "
        "positive numbers.",
        ("info", "warning"),
        ("pixels",),
        {
            **FILES,
            "pixel_spacing_mm": "Pixel Spacing: between rows, between columns; null without",
            "imager_pixel_spacing_mm": "Imager Pixel Spacing: between rows, between columns; null without",
            "regions_mm": "pixel size along x and y of the ultrasound regions that show tissue, 8 at most",
            "regions": "how many ultrasound regions there are",
            "aspect_ratio": "Pixel Aspect Ratio: vertical, horizontal",
        },
        ("pixel-spacing-mixed", "geometry-ignored-by-readers"),
    ),
    "pixel-not-decodable": CodeInfo(
        "Pixel data cannot be decoded",
        "Install a decoder for the transfer syntax named.",
        "The image is compressed in a way that nothing installed here decodes, or it is damaged. It cannot be shown, "
        "and programs that go on all the same show zeros.",
        "Up to 32 frames of each compressed file, evenly over all, are decoded with pydicom and the decoders it finds, "
        "where a decoder is known to abort in a process of its own. Rows (0028,0010), Columns (0028,0011) and Samples "
        "per Pixel (0028,0002) are compared with the header of the first compressed image (PS3.5 8.2).",
        ("error",),
        ("pixels", "loading"),
        {
            **FILES,
            "element": "element that the compressed image contradicts",
            "header": "its value in the header",
            "compressed": "its value in the compressed image",
        },
        ("pixel-frames-disagree", "file-truncated"),
    ),
}
"""Pixel data: there, as long as announced, and meaning what the header says."""

FILE_CODES: dict[str, CodeInfo] = {
    "file-unreadable": CodeInfo(
        "File cannot be read",
        "Check the file and its permissions, or get it again.",
        "A file or folder was left out because it could not be read, or is not the DICOM that its name says. What it "
        "holds is not part of any other finding.",
        "The file cannot be opened or read, has no DICM at byte 128 and does not begin like a data set (PS3.10 7.1), "
        "or its header cannot be followed. In folders, files without DICOM are only counted unless their name ends in "
        ".dcm.",
        ("error",),
        ("inspect", "pixels", "quality", "loading"),
        {"file": "path of the file"},
        ("file-truncated",),
    ),
    "file-truncated": CodeInfo(
        "File is cut off",
        "Copy or export the file again: its end is missing.",
        "The file ends before what it announces: copying or sending it was interrupted. The end of the image or of "
        "the vectors is missing, and programs that do not check fill it with zeros.",
        "Lengths that elements announce (PS3.5 7.1) against the size of the file: in the header, in the vectors of a "
        "registration, in Pixel Data (7FE0,0010), and in the fragments of compressed pixels, whose sequence has to be "
        "closed (PS3.5 A.4).",
        ("error",),
        ("inspect", "pixels", "quality", "loading"),
        {
            **FILES,
            "file": "path of the file",
            "missing_bytes": "how many bytes are missing; null where the length is not announced",
            "sop_instance_uids": "SOP Instance UID of the image",
            "announced_bytes": "length that is announced",
            "present_bytes": "length that is there",
            "fragments": "how many fragments of compressed data were found",
        },
        ("file-unreadable", "pixel-data-length"),
    ),
    "file-names-identify": CodeInfo(
        "File names tell who the patient is",
        "Rename files and folders before a report is passed on, or pass on the HTML report, in which they are masked.",
        "Names of files or folders hold the name, a number or the birth date of a person that the files themselves "
        "name. Descriptions and other texts of files are masked wherever they are shown; a path is needed as it is to "
        "find the file again, so the terminal and the JSON report show it.",
        "Words of the names of files, and of folders at and below what was inspected, against Patient ID "
        "(0010,0020), the patient's name and birth date and the other elements that name people or are issued to one, "
        "of all files inspected. Case, accents and order do not matter; words that "
        "descriptions are made of (head, phantom) count beside another part of the same name only.",
        ("info",),
        ("inspect",),
        {"files": "how many file names", "folders": "how many folder names"},
    ),
}
"""Files as such."""
