"""Finding codes of what registrations refer to, and how they go with each other and with images."""

from __future__ import annotations

from .code_info import CodeInfo

RELATION_CODES: dict[str, CodeInfo] = {
    "reg-reference-contradicts": CodeInfo(
        "References contradict the frame",
        "Find out which of the two the registration was made for before it is used.",
        "An item says by its frame of reference what it moves, and refers to images of another frame; or it names no "
        "frame and refers to images of several. One of the two is wrong, and each leads to other images.",
        "The images of Referenced Image Sequence (0008,1140) of the item that are at hand, by their Referenced SOP "
        "Instance UID (0008,1155): their Frame of Reference UID (0020,0052) against the item's, PS3.3 C.20.2, C.20.3.",
        ("warning",),
        ("inspect",),
        {
            "file": "file of the registration",
            "frame_of_reference_uid": "frame that the item names; empty where it names none",
            "frames_of_images": "frames of the images that it refers to",
            "series_instance_uids": "series of these images",
        },
        ("reg-frame-unknown", "reg-reference-missing"),
    ),
    "reg-reference-missing": CodeInfo(
        "Images referred to are not here",
        "Find the images that the registration refers to, or make sure that those here are what it was made for.",
        "The registration names the images it is about, and some or all of them are not among those at hand: slices "
        "were lost, another series is here in their place, or UIDs were changed in one of the two only. At severity "
        "info: all that is missing is of a series that is not here at all.",
        "Referenced SOP Instance UID (0008,1155) in Referenced Image Sequence (0008,1140) of each item, and in "
        "Referenced Series Sequence (0008,1115) and Studies Containing Other Referenced Instances Sequence (0008,1200) "
        "of the object, against the SOP Instance UID (0008,0018) of all images inspected; PS3.3 C.20.2, C.12.2. Not "
        "judged without image series, nor where no image has the item's frame, which is told by itself.",
        ("info", "warning"),
        ("inspect",),
        {
            "file": "file of the registration",
            "referenced": "how many images are referred to",
            "found": "how many of them are at hand",
            "missing": "how many are not",
            "sop_instance_uids": "SOP Instance UIDs of those that are missing, 50 at most",
            "series_instance_uids": "series of the images found; of a whole object, the series missing",
        },
        ("reg-reference-contradicts", "reg-frame-unknown"),
    ),
    "reg-registered-frame-moved": CodeInfo(
        "Registered frame is moved",
        "Ask for a new export, or use the matrix for the other frame after making sure of it.",
        "The registered frame stays where it is: an item for it can only be the identity. Here it has another matrix. "
        "It is an error when the item of another frame is the identity, for then the two were swapped, and whatever is "
        "loaded by them stays unmoved.",
        "Items of Registration Sequence (0070,0308) whose Frame of Reference UID (0020,0052) is that at the top of the "
        "object, and which move a corner of the images at hand (or of a cube of 200 mm) by more than 0.1 mm; PS3.3 "
        "C.20.2. Items that share the frame and refer to images of their own, the phases of a 4D CT, are meant so.",
        ("warning", "error"),
        ("inspect",),
        {
            "file": "file of the registration",
            "frame_of_reference_uid": "the registered frame",
            "moved_mm": "how far it is moved at most",
            "identity_items": "numbers, from 1, of the items for other frames that are the identity",
        },
        ("reg-matrices-disagree", "reg-images-apart"),
    ),
    "reg-matrices-disagree": CodeInfo(
        "Matrices disagree",
        "Find out which of the registrations is meant, and use that one alone.",
        "Two matrices say different things of the same two frames of reference: in one object, in two, or forth and "
        "back; or the way over a third frame leads elsewhere than the direct one. One of them is wrong or out of date.",
        "Matrices between the same two frames by Frame of Reference UID (0020,0052), or for the same images of "
        "Referenced Image Sequence (0008,1140), and around every three frames of which each pair has one: the largest "
        "distance between where they send the corners of the images at hand (or of a cube of 200 mm around the "
        "origin), from 2 mm on, the lower end of what Brock et al., Med Phys 44(7), 2017 (TG-132) tolerate. Fields are "
        "not compared.",
        ("warning",),
        ("inspect",),
        {
            "file": "file of the registration",
            "disagreement_mm": "largest distance between the two places",
            "tolerance_mm": "distance from which it is told",
            "other_files": "files of the matrices it disagrees with; two where they are applied in turn",
            "other_items": "numbers of their items, from 1",
        },
        ("reg-registered-frame-moved", "reg-double-application"),
    ),
    "reg-matrix-order": CodeInfo(
        "Order of matrices matters",
        "Compare a point with the source system before the registration is used in other programs.",
        "The item has several matrices whose product depends on the order. Programs differ in which of them they let "
        "act first; here it is the first, as DICOM says.",
        "Matrix Sequence (0070,030A) with more than one item: the largest distance between where the product "
        "M_n···M_1 (PS3.3 C.20.2, Equation C.20.2-2) and M_1···M_n send the corners of the images moved (of a cube of "
        "200 mm around the origin where none is known), from 0.1 mm on.",
        ("info",),
        ("inspect", "quality"),
        {
            "matrices": "how many there are",
            "difference_mm": "largest distance between the two places",
            "other_order_lps": "the product in the other order",
        },
        ("reg-matrices-disagree",),
    ),
    "reg-images-apart": CodeInfo(
        "Images do not meet",
        "Do not use the registration: look whether it is inverted, or made for other images.",
        "Where the registration sends the registered image there is nothing of the image it is to be compared with: "
        "not a point of the one lies in the other. Mostly a matrix was written the wrong way round, while the "
        "coordinates of the two scanners lie far apart.",
        "The box around all voxels of each stack of the registered side, mapped, against that of each stack of the "
        "source side (found by Frame of Reference UID (0020,0052) or by Referenced Image Sequence (0008,1140)): for "
        "matrices by separating axes, for fields by nodes of the grid in the image, with what lies between them left a "
        "margin. Told when no two of them are nearer than 0.5 mm, with the readings under which they would meet. "
        "Localizers do not count.",
        ("error",),
        ("inspect",),
        {
            "file": "file of the registration",
            "registered_series_instance_uid": "series of the registered image",
            "source_series_instance_uid": "series of the source image that lies nearest",
            "inside_percent": "share of the registered image that lands inside",
            "gap_mm": "distance between the two",
            "pairs": "how many pairs of images were looked at",
            "other_readings_inside_percent": "readings under which they meet, with the share that lands inside",
        },
        ("reg-frame-unknown", "reg-registered-frame-moved"),
    ),
}
"""What registrations and images at hand show only beside each other."""
