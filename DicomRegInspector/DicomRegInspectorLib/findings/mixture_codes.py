"""Finding codes of what is mixed up in an image series."""

from __future__ import annotations

from .code_info import INSTANCES, CodeInfo

_MIXED = {
    **INSTANCES,
    "values": "what was found, the most frequent first",
    "counts": "how many slices have each of these",
}

MIXTURE_CODES: dict[str, CodeInfo] = {
    "orientation-mixed": CodeInfo(
        "Several slice orientations",
        "Load each orientation as an image of its own.",
        "The series holds images of different planes, as scans in three orientations do. They are no stack of "
        "parallel slices and make no single volume; each orientation is judged for itself.",
        "Image Orientation (Patient) (0020,0037) of the slices, grouped where all six direction cosines agree within "
        "0.002 (0.1 degree); more than one group, localizers not counted. PS3.3 C.7.6.2.1.1.",
        ("warning",),
        ("inspect", "loading"),
        _MIXED,
        ("localizer-in-series", "orientation-invalid", "size-mixed"),
    ),
    "size-mixed": CodeInfo(
        "Several image sizes",
        "Load each image size as a series of its own.",
        "Images of different numbers of rows and columns are in one series. One volume cannot hold both; each size "
        "is judged for itself.",
        "Rows (0028,0010) and Columns (0028,0011) of the slices that have a position, localizers not counted; PS3.3 "
        "C.7.6.3.",
        ("warning",),
        ("inspect", "loading"),
        _MIXED,
        ("pixel-spacing-mixed", "orientation-mixed", "localizer-in-series"),
    ),
    "pixel-spacing-mixed": CodeInfo(
        "Several pixel spacings",
        "Load each pixel spacing as a series of its own, or resample to one.",
        "Slices of one series have pixels of different size. In one volume, anatomy would change its size from slice "
        "to slice.",
        "Pixel Spacing (0028,0030) of the slices that have a position, localizers not counted; values that agree "
        "within 0.1 % are the same. PS3.3 10.7.1.3.",
        ("warning",),
        ("inspect", "loading"),
        _MIXED,
        ("size-mixed", "pixel-spacing-kind"),
    ),
    "acquisitions-mixed": CodeInfo(
        "Several acquisitions in one series",
        "Separate the acquisitions before making a volume.",
        "The series holds several sets of images, each a volume of its own: points in time, echoes, b-values, kernels, "
        "stations side by side, phases shifted against each other, or scans that were repeated. As info where each "
        "set is complete, so that any of them is a volume as it is; as a warning where a set lacks slices, where sets "
        "overlap only in part, and where their positions are shifted against each other, so that all together are no "
        "volume.",
        "The smallest explanation by which no set has two images at one position: one attribute of the header, two or "
        "three together (temporal position, b-value and gradient, echo, inversion time, cardiac phase, trigger time, "
        "Image Type (0008,0008), stack, kernel, Acquisition Number (0020,0012), dates and times, …), also as private "
        "elements of Siemens; then the order of Instance Number (0020,0013), volume by volume or position by "
        "position; then the order in time at each position. Sets whose positions differ are looked for where all "
        "images together are irregular, or where Spacing Between Slices (0018,0088) or, but for MR, Slice Thickness "
        "(0018,0050) is at least 1.5 times their distance. Images at least half their width apart in plane are "
        "stations. Each set is then judged for itself.",
        ("info", "warning"),
        ("inspect", "loading"),
        {
            "distinguished_by": "the values, or the order, that tell the sets apart",
            "way": "value, order (of Instance Number), time (order at each position) or place (in plane)",
            "kind": "coinciding, slabs (overlapping in part), shifted or side by side",
            "sets": "name and number of slices of each set, 50 at most",
            "number_of_sets": "how many sets there are",
            "positions": "how many positions there are",
            "complete": "whether every set has all its slices",
            "shift_mm": "the farthest that a set's positions lie off those of the first set",
            "incomplete_sets": "how many sets lack slices",
            "missing": "for each set that lacks slices: its number from 1, its name, how many and where",
            "sop_instance_uids": "SOP Instance UID of the first slice of each set",
        },
        ("duplicate-position", "localizer-in-series"),
    ),
    "positions-restart": CodeInfo(
        "Positions begin anew",
        "If these are sections of one long scan, put them one behind the other with the mode restack, in the order and "
        "with the gap that you know.",
        "A long scan of a small specimen is made in several parts, and some scanners count the positions of each part "
        "from its own first slice: all parts seem to lie in one place. It is a possibility and no more: images of one "
        "place at several times look the same by their headers.",
        "CT images (Modality (0008,0060) CT or OT) whose slices and pixels lie less than 0.2 mm apart, several at one "
        "position. Taken in the order of Instance Number (0020,0013), or of acquisition number or time and Instance "
        "Number where that begins anew, their positions (Image Position (Patient) (0020,0032) along the normal, PS3.3 "
        "C.7.6.2.1.1) turn back to where they began, and each section runs straight on for three slices or more. "
        "Images that differ in temporal position, echo, b-value, trigger time or whatever else a scan sets on purpose "
        "are never told to be sections.",
        ("info",),
        ("inspect", "loading"),
        {
            "number_of_sections": "how many sections it may be",
            "sections": "of each, 50 at most: slices, first and last Instance Number, length from first to last slice "
            "(mm)",
            "begin_mm": "the position along the normal that the first section begins at",
            "spacing_mm": "distance between its slices",
            "sop_instance_uids": "SOP Instance UID of the first slice of each section",
        },
        ("acquisitions-mixed", "duplicate-position"),
    ),
    "localizer-in-series": CodeInfo(
        "Localizer among the slices",
        "Leave the localizer out of the volume.",
        "An overview image is filed with the slices. It has another orientation, size or position, and spoils a "
        "volume that takes it for a slice.",
        "LOCALIZER or SCOUT from the third value on of Image Type (0008,0008), PS3.3 C.8.2.1.1.1 (of a frame: Frame "
        "Type (0008,9007)), in a series that has other images.",
        ("info",),
        ("inspect", "loading"),
        INSTANCES,
        ("orientation-mixed", "size-mixed"),
    ),
    "frame-of-reference-mixed": CodeInfo(
        "Several frames of reference",
        "Load each frame of reference as a volume of its own: positions in different frames cannot be compared.",
        "Parts of the series were positioned in different coordinate systems, as after the patient was moved. Their "
        "positions cannot be compared: put in one volume, anatomy does not line up although the numbers look right.",
        "Frame of Reference UID (0020,0052) of the slices that have a position, localizers not counted; PS3.3 "
        "C.7.4.1. A missing UID counts as one of its own.",
        ("error",),
        ("inspect", "loading"),
        _MIXED,
        ("reg-frame-unknown",),
    ),
}
"""What one series should have only one of."""
