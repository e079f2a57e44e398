"""Finding codes of the geometry of image series: where slices lie."""

from __future__ import annotations

from .code_info import FURTHER, INSTANCES, PLACES, CodeInfo

_JUDGED = {
    "interval_tolerance_percent": "how far an interval was allowed to be off the spacing, where it is not the usual 5",
}
_SPACED = {
    **_JUDGED,
    "interval_mm": "distance between the two slices",
    "expected_mm": "distance that the slices around them have",
}

GEOMETRY_CODES: dict[str, CodeInfo] = {
    "slice-gap": CodeInfo(
        "Slices missing",
        "Import the missing slices, or split or resample the series at the gap; do not average the spacing over it.",
        "Two neighbouring slices lie farther apart than the others do: slices were not sent, not imported or never "
        "scanned. A reader that averages the spacing puts every other slice in the wrong place, and one that "
        "interpolates shows anatomy nobody has imaged.",
        "Each slice's position is the product of Image Position (Patient) (0020,0032) with the normal of Image "
        "Orientation (Patient) (0020,0037), PS3.3 C.7.6.2.1.1; frames have theirs in Plane Position Sequence "
        "(0020,9113), RT Dose in Grid Frame Offset Vector (3004,000C). An interval is a gap when it exceeds the "
        "spacing around it by more than 5 %, unless one spacing and one origin put every position within half a unit "
        "of its last written digit: then rounding explains the differences. "
        "Where it is a whole multiple of the spacing, the missing slices are counted. Another share than 5 % can be "
        "set (--tolerance, or Slicer's application settings), for gaps, overlaps and changes of spacing alike.",
        ("error",),
        ("inspect", "loading"),
        {
            **PLACES,
            **FURTHER,
            **_SPACED,
            "gap_mm": "the same as interval_mm",
            "missing_slices": "how many slices fit in; null when it is no whole number",
            "whole_multiple": "whether the interval is a whole multiple of the spacing",
        },
        ("slice-overlap", "spacing-change", "spacing-jitter"),
    ),
    "slice-overlap": CodeInfo(
        "Slices closer than the spacing",
        "Split the series here, or drop the overlapping slice, before it is used as a regular volume.",
        "Two neighbouring slices lie closer together than the others do, as where two scans were joined or one slice "
        "was taken twice. As a regular volume, everything beyond this place is displaced.",
        "From the same positions as a gap: an interval is an overlap when it is smaller than the spacing around it by "
        "more than 5 %, and rounding of Image Position (Patient) (0020,0032) to its last digit does not explain it. "
        "Slices closer than 0.01 mm (or 5 % of the usual interval, if that is less) count as one position.",
        ("error",),
        ("inspect", "loading"),
        {**PLACES, **FURTHER, **_SPACED},
        ("slice-gap", "duplicate-position", "spacing-change"),
    ),
    "duplicate-position": CodeInfo(
        "Several slices at one position",
        "Separate the acquisitions (by acquisition, time or image type) and keep one slice for each position.",
        "More than one image lies at the same place, and nothing in their headers says which belong together. A "
        "volume can hold only one of them. As info: files that repeat an instance are copies and are left "
        "out.",
        "Positions along the normal, from Image Position (Patient) (0020,0032) and Image Orientation (Patient) "
        "(0020,0037), that lie within 0.01 mm (or 5 % of the usual interval, if that is less). Reported where no "
        "attribute of the header, alone or two or three together, and no order of Instance Number or time tells the "
        "slices apart into volumes (see several acquisitions in one series). Files with the same SOP Instance UID "
        "(0008,0018), position, orientation and Instance Number (0020,0013) are copies.",
        ("info", "warning", "error"),
        ("inspect", "loading"),
        {
            **INSTANCES,
            "slices": "slice numbers in the order of positions along the normal, from 1",
            "position_mm": "where they lie along the normal",
            "tried": "what differs among the images, and does not tell these apart",
            "positions": "how many positions hold several slices, where these are too many to list",
            "copies": "how many files repeat an instance",
            "same_instance": "true where the files are copies of one instance",
            "dropped_slices": "how many slices were left out of the volume",
            "dropped_sop_instance_uids": "SOP Instance UIDs of the slices that were left out of the volume",
            "dropped_frames": "their frame numbers",
        },
        ("acquisitions-mixed", "position-constant"),
    ),
    "spacing-change": CodeInfo(
        "Slice spacing changes",
        "Split the series at this border into sections of constant spacing, or resample it to one spacing.",
        "The series has sections of different slice spacing, as head scans with fine slices through the base of the "
        "skull have. No single spacing describes it: a regular volume of all slices is stretched in one section or "
        "the other. As a warning: the spacing drifts in steps too small to count one by one, and they add up.",
        "Three or more equal intervals in a row that are not the nominal spacing (the one that most intervals agree "
        "on) are a section of their own; the finding is placed at its border. Intervals are equal within 5 % or twice "
        "the last digit written, whichever is larger. A section drifts when a slice lies farther than that from where "
        "constant spacing would put it. Positions as for a gap: Image Position (Patient) (0020,0032) along the "
        "normal, PS3.3 C.7.6.2.1.1; Slice Thickness (0018,0050) is only quoted.",
        ("warning", "error"),
        ("inspect", "loading"),
        {
            **PLACES,
            **FURTHER,
            **_JUDGED,
            "spacing_before_mm": "spacing before the border, or at the beginning of the drift",
            "spacing_after_mm": "spacing after the border, or at the end of the drift",
            "sections": "first slice, last slice and spacing (mm) of the two sections",
            "thickness_before_mm": "Slice Thickness before the border",
            "thickness_after_mm": "Slice Thickness after the border",
            "deviation_mm": "of a drift: the farthest a slice lies from constant spacing",
            "first_slice": "of a drift: where it begins",
            "last_slice": "of a drift: where it ends",
        },
        ("thickness-change", "slice-gap", "slice-overlap"),
    ),
    "spacing-jitter": CodeInfo(
        "Slice positions are rounded",
        "Nothing is needed: the differences are no larger than the precision the positions were written with.",
        "Intervals that are meant to be equal differ a little, usually because positions were written with few "
        "decimals: 0.6 and 0.5 mm in turn stand for 0.58 mm. Some readers take this for an irregular acquisition; it "
        "is not.",
        "The largest difference between intervals of one section, where it exceeds 0.001 mm but no interval is off by"
        " more than 5 %, or one spacing and one origin put each Image Position (Patient) (0020,0032) within half a "
        "unit of its last digit, and the differences do not add up to a drift. The last digit is read from the "
        "decimal strings themselves (VR DS, PS3.5 6.2).",
        ("info",),
        ("inspect", "loading"),
        {
            **PLACES,
            **_JUDGED,
            "jitter_mm": "largest difference between intervals that count as equal",
            "precision_mm": "the last digit the positions were written with; 0 where it is not known",
            "nominal_spacing_mm": "spacing of the stack",
        },
        ("slice-gap", "spacing-change"),
    ),
    "position-missing": CodeInfo(
        "Slice without a position",
        "Get the images with Image Position (Patient) from the source system; without it a slice cannot be placed.",
        "Images that belong to a volume do not say where they lie. They cannot be placed among the others, and file "
        "names and instance numbers are no substitute.",
        "Image Position (Patient) (0020,0032) or Image Orientation (Patient) (0020,0037) is missing, has the wrong "
        "number of values or holds what is no finite number (in files with several frames: in Plane Position Sequence "
        "(0020,9113) and Plane Orientation Sequence (0020,9116)). Reported when other slices of the series have a "
        "position, or the SOP class is one of slices by definition (CT, MR, PET, RT Dose, Segmentation); PS3.3 "
        "C.7.6.2.",
        ("error",),
        ("inspect", "loading"),
        {
            **INSTANCES,
            "frames": "how many frames were put at the origin when a volume was made all the same",
            "assumed_spacing_mm": "how far apart these frames were put",
        },
        ("position-constant", "orientation-invalid", "number-invalid"),
    ),
    "position-constant": CodeInfo(
        "All slices at one position",
        "Treat these as a time series or get corrected positions: they are not a volume.",
        "All images of the stack lie in the same place, so that there is no third dimension: they are points in time, "
        "or the positions are wrong. As a warning: only one position is there, and the volume made of it is one slice "
        "thick.",
        "Every Image Position (Patient) (0020,0032) along the normal of Image Orientation (Patient) (0020,0037) is "
        "the same within 0.01 mm, and no time, echo or other header value tells the images apart. A single slice is "
        "given its Slice Thickness (0018,0050) when a volume is made, 1 mm without one.",
        ("warning", "error"),
        ("inspect", "loading"),
        {
            **INSTANCES,
            "position_mm": "where all of them lie along the normal",
            "assumed_thickness_mm": "thickness that was assumed for a volume of one slice",
        },
        ("duplicate-position", "acquisitions-mixed", "position-missing"),
    ),
    "orientation-invalid": CodeInfo(
        "Invalid orientation",
        "Get corrected images: row and column directions must be perpendicular unit vectors.",
        "The directions of rows and columns are not perpendicular, or not of length 1. Slices placed with them lie "
        "askew, and different readers correct them in different ways.",
        "Lengths and product of the two directions in Image Orientation (Patient) (0020,0037). PS3.3 C.7.6.2.1.1 asks "
        "for perpendicular unit vectors; off by more than 0.001, or by what rounding to the digits written explains, "
        "is reported, more than 0.01 as an error. Slices whose directions are nearly parallel define no plane and are "
        "left out of the stacks.",
        ("warning", "error"),
        ("inspect", "loading"),
        {**INSTANCES, "largest_error": "the farthest a length is from 1, or the product of the two from 0"},
        ("orientation-mixed", "position-missing"),
    ),
    "gantry-tilt": CodeInfo(
        "Tilted (sheared) stack",
        "Load the series with its acquisition transform, or resample it orthogonally; a plain volume would be sheared.",
        "The slices do not lie straight above each other along their normal: the gantry was tilted, or the stack was "
        "cut at an angle. A volume with perpendicular axes cannot hold them as they are; taken for one, anatomy is "
        "sheared, by the whole shift named here from the first slice to the last.",
        "A line is fitted through the slices' Image Position (Patient) (0020,0032), in-plane offsets over the "
        "position along the normal, so that steps and single outliers do not tilt it; its angle with the normal is "
        "the tilt. Reported when the shift over the whole stack exceeds a tenth of a pixel, twice the last digit "
        "written and 0.01 mm, and the angle exceeds 0.05° and what rounded direction cosines explain. Gantry/Detector"
        " Tilt (0018,1120) is only quoted: PS3.3 C.8.2.1 does not mean it for computations.",
        ("warning",),
        ("inspect", "loading"),
        {
            **PLACES,
            "tilt_deg": "angle between the normal and the line through the slices",
            "header_tilt_deg": "Gantry/Detector Tilt as the header says it; null without",
            "shift_mm": "in-plane shift from the first slice to the last",
            "header_spacing_mm": "Spacing Between Slices (0018,0088), where it is measured along the table",
            "along_row": "shift along the rows for each mm along the normal",
            "along_column": "shift along the columns for each mm along the normal",
        },
        ("in-plane-shift", "spacing-change"),
    ),
    "in-plane-shift": CodeInfo(
        "Slices shifted in plane",
        "Check the positions: slices lie beside the line that the others form.",
        "A slice, or all slices from a step on, are displaced within their own plane against the others. In a regular "
        "volume they are drawn in line, so that either their position or the image is wrong there.",
        "The distance of each slice's Image Position (Patient) (0020,0032), measured in its plane, from the line "
        "through the others (see the tilt). Slices that lie beside it alike, one after the other, are one finding, at "
        "the slice where the step is. Reported when the distance exceeds a tenth of a pixel of Pixel Spacing "
        "(0028,0030), twice the last digit written and 0.01 mm; three slices or more are needed.",
        ("warning",),
        ("inspect", "loading"),
        {
            **PLACES,
            **FURTHER,
            "shift_mm": "distance from the line",
            "first_slice": "of several slices that lie beside the line alike",
            "last_slice": "the last of these",
            "along_row_mm": "its part along the rows",
            "along_column_mm": "its part along the columns",
        },
        ("gantry-tilt",),
    ),
    "header-spacing-disagrees": CodeInfo(
        "Header spacing disagrees with positions",
        "Trust the positions; Spacing Between Slices and Slice Thickness do not place a slice.",
        "The header names another distance between slices than the positions have. Readers that take it, or the "
        "slice thickness, for the spacing make a volume of the wrong length. As info: CT slices are thinner than "
        "their distance, so that tissue between them was not imaged.",
        "Spacing Between Slices (0018,0088) against the spacing measured from Image Position (Patient) (0020,0032), "
        "section by section: off by more than 5 % and by more than twice the last digit written, unless it is the "
        "spacing along the table of a tilted stack (spacing · cos tilt, within 1 %). The sign is ignored: in nuclear "
        "medicine it tells which way the frames run. For CT with one section, Slice Thickness (0018,0050) is compared"
        " as well. Neither places a slice; positions do, PS3.3 C.7.6.2.1.1.",
        ("info", "warning"),
        ("inspect", "loading"),
        {
            **PLACES,
            "header_spacing_mm": "Spacing Between Slices as the header says it",
            "measured_spacing_mm": "distance between the slices",
            "thickness_mm": "Slice Thickness, where it is less than the distance",
        },
        ("thickness-change", "spacing-change"),
    ),
    "thickness-change": CodeInfo(
        "Slice thickness changes",
        "Split the series at this border: slices of different thickness average different amounts of tissue.",
        "Some slices average over more tissue than others. Noise, edges and small structures differ on the two sides, "
        "also where positions are regular.",
        "Slice Thickness (0018,0050) of neighbouring slices, different by more than 1 %. PS3.3 C.7.6.2.",
        ("warning",),
        ("inspect", "loading"),
        {
            **PLACES,
            **FURTHER,
            "thickness_before_mm": "of the first of the two slices",
            "thickness_after_mm": "of the second",
        },
        ("spacing-change", "header-spacing-disagrees"),
    ),
    "geometry-ignored-by-readers": CodeInfo(
        "Readers ignore this geometry",
        "Check position and spacing after loading: common readers use 1 mm and the origin for this kind of object.",
        "The file says where the image lies, but the libraries most programs read it with do not look there: GDCM "
        "and ITK give Secondary Capture images voxels of 1 mm at the origin. As an error: the size of a pixel is "
        "missing, for which programs assume 1 mm.",
        "SOP Class UID (0008,0016) is a Secondary Capture class, and Image Position (Patient) (0020,0032) and Image "
        "Orientation (Patient) (0020,0037) are there; not in functional groups of frames, which these libraries do "
        "read. As an error: Pixel Spacing (0028,0030) of a slice with a "
        "position is missing, or not positive when a volume is made.",
        ("warning", "error"),
        ("inspect", "loading"),
        {
            **INSTANCES,
            "sop_class_uid": "SOP Class UID of the images",
            "assumed_spacing_mm": "distance between pixels that was assumed",
        },
        ("position-missing", "pixel-spacing-kind"),
    ),
    "order-disagrees": CodeInfo(
        "Instance order is not slice order",
        "Sort by position, never by instance number, slice location or file name.",
        "Instance numbers or slice locations do not run in the order in which the slices lie. A program that sorts by "
        "them shuffles the volume.",
        "Instance Number (0020,0013) and Slice Location (0020,1041), or frame numbers, along the slices sorted by "
        "position: they have to run one way, and places where they turn back are counted. Neither is a position: "
        "PS3.3 C.7.6.2.1.2 calls the location a relative one.",
        ("warning",),
        ("inspect", "loading"),
        {
            **PLACES,
            "ordered_by": "Instance Number, Slice Location or frame number",
            "places": "how often it turns back",
        },
        ("acquisitions-mixed",),
    ),
}
"""Slice positions and orientations."""
