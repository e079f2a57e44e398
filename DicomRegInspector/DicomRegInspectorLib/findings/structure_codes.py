"""Finding codes of structures: what their contours hold, and what became of them under a registration."""

from __future__ import annotations

from .code_info import CodeInfo

_STRUCTURE = {"structure": "its name", "number": "ROI Number (3006,0022), or the segment's number"}
_CONTOURS = {**_STRUCTURE, "contours": "how many contours", "of_contours": "how many the structure has"}

STRUCTURE_CODES: dict[str, CodeInfo] = {
    "structure-contours-left-out": CodeInfo(
        "Contours of a structure cannot be used",
        "Export the structure set again, or draw these contours again; do not use the structure without them.",
        "Some contours of the structure are left out, because nothing can be made of them. What is computed of the "
        "structure, its volume for one, is that of the others alone.",
        "Contour Data (3006,0050) has to hold three finite numbers for each point, and a closed contour three "
        "different points or more; closed contours have to lie in planes that are parallel to those of the others, "
        "within half the distance of these planes (PS3.3 C.8.8.6).",
        ("error",),
        ("apply", "quality"),
        {
            **_CONTOURS,
            "not_numbers": "contours whose data are no numbers, or no triplets of them",
            "few_points": "contours with too few points, or with all on one line",
            "unknown_type": "contours whose Contour Geometric Type (3006,0042) is none of the standard's",
            "other_planes": "closed contours in planes across the others",
            "first_contour": "the first of them, counted from 1",
        },
        ("structure-contours-doubtful", "structure-gap"),
    ),
    "structure-contours-doubtful": CodeInfo(
        "Contours of a structure can be read in more than one way",
        "Look at these contours; where what was made of them is not what was meant, draw or export them again.",
        "The contours are used, but what encloses what is said in a way that programs read differently. Volumes differ "
        "from program to program then.",
        "By the contours with Contour Geometric Type (3006,0042) CLOSED_PLANAR or CLOSEDPLANAR_XOR in each plane. Of "
        "CLOSED_PLANAR one inside another is taken for a hole (PS3.3 C.8.8.6.3 has keyholes and CLOSEDPLANAR_XOR for "
        "that), two that overlap in part count both, one that is there twice counts once, and of one that crosses "
        "itself the even-odd rule says what is inside. Number of Contour Points (3006,0046) has to agree with the "
        "data, which decide, and the points of a contour have to lie within 0.1 mm of a plane.",
        ("info", "warning"),
        ("apply", "quality"),
        {
            **_STRUCTURE,
            "count_disagrees": "contours whose Number of Contour Points is not that of the data",
            "nested": "CLOSED_PLANAR contours inside another one: taken for holes",
            "overlapping": "CLOSED_PLANAR contours that overlap others in part: both are meant",
            "repeated": "contours that are there twice",
            "self_crossing": "contours that cross themselves",
            "not_planar": "contours whose points do not lie in a plane",
            "not_planar_mm": "how far a point lies from it at most",
            "volume_ml": "volume as it was read",
        },
        ("structure-contours-left-out",),
    ),
    "structure-gap": CodeInfo(
        "Planes of contours are missing",
        "Look at the slices between: if the structure goes on there, interpolate it where it was drawn.",
        "Between two planes of contours there is room for others. Nothing is filled in there: a structure of two parts "
        "looks the same. If slices were only not drawn, its volume is larger than what is computed.",
        "Intervals between the planes of closed contours, along their normal, of more than 1.5 times the structure's "
        "usual interval, unless three or more equal ones stand in a row.",
        ("warning",),
        ("apply", "quality"),
        {**_STRUCTURE, "gaps_mm": "these intervals, 20 at most", "gaps": "how many there are", "usual_mm": "the usual"},
        ("structure-contours-left-out", "slice-gap"),
    ),
    "structure-not-carried": CodeInfo(
        "Part of a structure has no place in the other frame",
        "Do not use the structure where a part is missing: take a registration, or images, that cover all of it.",
        "Where the transform is undefined nothing is drawn, and where the target has no slices nothing can be. What is "
        "missing of the structure would be missing in a dose statistic or a margin, too.",
        "Points spread over the inside of the structure, and those of open contours, are brought along. Those without "
        "a place (outside of the grid, beside NaN vectors, PS3.3 C.20.3, without an inverse) count as undefined, those "
        "above or below the slices of the reference as outside. An error from 1 % of the volume, or where points of "
        "contours that enclose nothing are lost. Labels and segments may reach beyond the voxels of the output: that "
        "is a warning, what is undefined of them an error from 1 % too.",
        ("warning", "error"),
        ("apply",),
        {
            **_STRUCTURE,
            "undefined_percent": "share of its volume that has no place",
            "undefined_ml": "that volume",
            "outside_percent": "share of its volume beyond the slices of the reference",
            "outside_ml": "that volume",
            "lost_points": "points of open contours, or of a table, that have no place",
        },
        ("structure-folded", "reg-grid-does-not-cover", "reg-vectors-undefined"),
    ),
    "structure-folded": CodeInfo(
        "The registration folds inside a structure",
        "Do not use the structure there: register again, or draw it by hand on the images.",
        "Inside the structure the registration turns space inside out: several places of one image go to one place of "
        "the other. Contours and volumes brought along are wrong there.",
        "The Jacobian determinant of the mapping, from differences over 0.02 mm at points spread over the structure in "
        "the registered frame; folded is where it is 0 or less.",
        ("error",),
        ("apply",),
        {
            **_STRUCTURE,
            "folded_percent": "share of these points that are folded",
        },
        ("reg-folding", "structure-not-carried"),
    ),
    "reg-structures-off": CodeInfo(
        "Structures do not come to lie on each other",
        "Look at these structures on both images: register again, or do not carry them over.",
        "The registration does not bring a structure of the source frame to where it was drawn in the registered one. "
        "It is wrong there, or the structures were drawn otherwise.",
        "Each structure of the source frame is carried over, voxel by voxel, and its surface compared with that of the "
        "structure of the same name: the mean distance to agreement may be 3 mm, the wider end of what AAPM TG-132 "
        "(Brock et al., Med Phys 44(7), 2017) asks. Also told where nothing of it comes here at all.",
        ("warning",),
        ("quality",),
        {
            "structures": "pairs of structures that were compared",
            "tolerance_mm": "mean distance to agreement that is tolerated",
            "farthest": "names of those that are farther off, the farthest first, 20 at most",
            "mean_distance_mm": "of the farthest, where it has one",
            "dice": "its overlap, 0 to 1",
        },
        ("reg-landmarks-off", "reg-folding"),
    ),
    "structure-empty": CodeInfo(
        "A structure has no contours",
        "Draw it, or leave it out where it is not needed.",
        "The structure has a name and nothing else. Nothing is computed of it, and it is written as empty as it is.",
        "Its item of ROI Contour Sequence (3006,0039) is missing, or has no Contour Sequence (3006,0040); of a "
        "Segmentation: no frame holds a voxel of the segment.",
        ("info",),
        ("apply", "quality"),
        _STRUCTURE,
        ("structure-contours-left-out",),
    ),
}
"""What structures show."""
