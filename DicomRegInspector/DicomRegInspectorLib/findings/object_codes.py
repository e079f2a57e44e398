"""Finding codes of what is no stack of slices, or does not hold its slices one by one."""

from __future__ import annotations

from .code_info import FILES, CodeInfo

_UIDS = {"sop_instance_uids": "SOP Instance UIDs of the files, 50 at most"}

OBJECT_CODES: dict[str, CodeInfo] = {
    "no-slice": CodeInfo(
        "Images that are no slices",
        "Look at them as the pictures they are; the volume is made without them.",
        "Screenshots, dose reports, localizers, snapshots of reformatted planes and frames of slides are no slices of "
        "a volume, and nothing is wrong with their lack of positions. They are named here, so that it is known what "
        "was left out.",
        "SOP Class UID (0008,0016): Secondary Capture and whole slide objects; Image Type (0008,0008): a secondary "
        "image (PS3.3 C.7.6.1.1.2) with words such as MPR, SCREEN SAVE, DOSE or PROT; Samples per Pixel (0028,0002): "
        "colours. Only images without a place count, or one or two that lie apart from a stack: Secondary Captures "
        "that make a stack are judged like any other slices.",
        ("info",),
        ("inspect", "loading"),
        {
            **_UIDS,
            "kind": "what they are",
            "images": "how many there are",
            "instance_numbers": "their Instance Numbers (frame numbers in a file with several frames), 50 at most",
        },
        ("localizer-in-series", "geometry-ignored-by-readers", "position-missing"),
    ),
    "slices-tiled": CodeInfo(
        "Mosaic: slices side by side in one image",
        "Load the series: each mosaic becomes a volume of its slices.",
        "Each image holds all slices of a volume side by side, as Siemens' mosaics and UIH's grids do. Taken for one "
        "slice, it has the wrong size and place. As a warning: the file does not say everything that is needed to "
        "take it apart, and what was assumed is named.",
        "The number of slices is Siemens' NumberOfImagesInMosaic, in the private element (0019,xx0A) or the CSA "
        "header (0029,xx10), the number of items in UIH's frame sequence (0065,xx51) otherwise. Siemens' Image "
        "Position (Patient) (0020,0032) is moved by half the difference between the mosaic's and the slice's size, "
        "along rows and columns; slices follow each other by Spacing Between Slices (0018,0088) in the direction of "
        "the CSA header's SliceNormalVector. MOSAIC in Image Type (0008,0008) alone makes none, but with an image "
        "wider than 600 mm both ways it does, and so does a size of as much that is a multiple of Acquisition Matrix "
        "(0018,1310).",
        ("info", "warning"),
        ("inspect", "loading"),
        {**_UIDS, "mosaics": "how many images are mosaics", "slices_in_each": "slices in each; null when not known"},
        ("acquisitions-mixed", "frames-unplaced"),
    ),
    "frames-unplaced": CodeInfo(
        "Frames without places of their own",
        "Load them with the spacing that the header claims, if you know it to be true; or get an enhanced object.",
        "A file holds several frames and says at most where the first one lies. As slices of CT, MR, PET or nuclear "
        "medicine (a warning) they cannot be placed but by assuming that they follow each other evenly. Frames of "
        "other objects are mostly points in time.",
        "Number of Frames (0028,0008) above 1, without positions in Per-Frame Functional Groups Sequence (5200,9230); "
        "in reconstructed nuclear medicine, without Spacing Between Slices (0018,0088). The claimed spacing is that of "
        "Spacing Between Slices or of Slice Thickness (0018,0050), and is used on request only.",
        ("info", "warning"),
        ("inspect", "loading"),
        {
            **_UIDS,
            "files": "how many files",
            "frames": "how many frames these have in all",
            "claimed_spacing_mm": "what the header claims to be their distance; null without",
            "assumed_spacing_mm": "the distance that they were placed by, as asked for",
        },
        ("position-missing", "position-constant"),
    ),
    "frames-omitted": CodeInfo(
        "Empty frames that are not stored",
        "Put the segment on the grid of the image it was drawn on before it is measured or laid over anything.",
        "A segmentation may leave out the planes on which nothing is segmented. A volume made of the frames that are "
        "there has no slices for these, and what lies on both sides of them is not adjacent.",
        "The frames' positions lie on planes at Spacing Between Slices (0018,0088), or at the smallest interval "
        "between frames or a fraction of it; planes between the first and the last without a frame are counted. PS3.3 "
        "C.8.20.2 allows them to be left out, so that nothing is said of it before a volume is made.",
        ("warning",),
        ("loading",),
        {"planes_left_out": "how many planes have no frame", "spacing_mm": "distance of the planes"},
        ("slice-gap",),
    ),
    "coordinates-not-patient": CodeInfo(
        "Positions that are not in the patient",
        "Do not lay the volume over other images without a registration.",
        "An ultrasound volume has coordinates of its own, which nothing ties to the patient. Sizes and distances "
        "inside of it are right.",
        "Frames have Plane Position (Volume) Sequence (PS3.3 C.7.6.16.2.21), but no Plane Position Sequence "
        "(0020,9113).",
        ("info",),
        ("inspect", "loading"),
        {"frames": "how many frames"},
        ("position-missing",),
    ),
    "dose-offsets-ambiguous": CodeInfo(
        "Dose planes that can be read in two ways",
        "Compare the dose with the plan's images before it is used; ask the planning system's maker which rule holds.",
        "The offsets of the dose planes fit neither of the two ways that DICOM has to write them. Programs differ in "
        "how they read such a grid, and by that the dose lies in different places.",
        "The first value of Grid Frame Offset Vector (3004,000C) has to be 0 (distances from the first plane), or the "
        "z coordinate of Image Position (Patient) (0020,0032) in a transverse grid (coordinates), within 0.01 mm: "
        "PS3.3 C.8.8.3.2. Any other value in a transverse grid is taken for a coordinate, in other grids for a "
        "distance.",
        ("warning",),
        ("inspect", "loading"),
        {"first_offset_mm": "the first offset", "position_z_mm": "z of Image Position (Patient)"},
        ("position-missing",),
    ),
    "number-invalid": CodeInfo(
        "A value that is no number",
        "Get the image again from its source, and tell the maker of the program that wrote or changed it.",
        "An element that has to hold numbers holds other text, such as commas for decimal points, or fewer numbers "
        "than it needs. Programs take it for missing, or read the part they understand. An error when pixels lie "
        "elsewhere by that.",
        "Pixel Spacing (0028,0030), Image Position (Patient) (0020,0032), Image Orientation (Patient) (0020,0037), "
        "Slice Thickness (0018,0050) and Spacing Between Slices (0018,0088), of the file or of its frames, are decimal "
        "strings (PS3.5 section 6.2): digits with a decimal point, separated by backslashes. Pixel Spacing has to be "
        "positive. Empty elements are not meant.",
        ("warning", "error"),
        ("inspect", "pixels", "loading"),
        {
            **FILES,
            **_UIDS,
            "values": "what stands there, 50 different texts at most",
            "images": "how many images or frames have it",
        },
        ("position-missing", "geometry-ignored-by-readers", "pixel-spacing-kind"),
    ),
}
"""Objects that are no stacks, and headers whose numbers are none."""
