"""Finding codes of how a registration is meant: what its two images, or signs in the file, say about that."""

from __future__ import annotations

from .code_info import CodeInfo

_COMPARED = (
    "The moving image is sampled where each reading maps some 30,000 points of the fixed image, and the readings are "
    "ranked by correlation (mutual information for images of different kinds). A verdict needs a lead over every rival "
    "with 95 % confidence, by a paired bootstrap over blocks of space, and images that fit worse when they are moved "
    "by 5 mm (or two voxels, if that is more)."
)
_AUDIT = {
    "verdict": "the reading that fits best, or undecided",
    "ranking": "every reading with its correlation, mutual information (nats), 95 % intervals and overlap, best first",
    "measure": "what decided: ncc (correlation) or mutual_information",
    "margin": "lead over the next best reading, in that measure",
    "margin_ci95": "95 % interval of that lead",
    "samples": "points at which the readings were compared",
    "blocks": "blocks of space that these lie in",
    "reason": "the numbers that decide, in a sentence",
    "notes": "remarks, as on frames of reference that do not match",
}

AUDIT_CODES: dict[str, CodeInfo] = {
    "reg-units-suspect": CodeInfo(
        "Vectors may not be in millimetres",
        "Compare the registered images before use; load with vectors scaled from voxels if that is what they are.",
        "The vectors are, or may be, numbers of voxels where the standard asks for millimetres: every displacement is "
        "then wrong by the spacing of the grid. An error where both images fit better that way; info where only "
        "signs in the file speak for it, which prove nothing.",
        "With both images: Vector Grid Data (0064,0009) is read as voxels along the grid's axes as well, times Grid "
        f"Resolution (0064,0008). {_COMPARED} Without images: Manufacturer (0008,0070) or a description names a system "
        "known for it, 98 % of the components along the grid's axes are whole numbers, or sizes along the axes are "
        "equal once multiplied by the spacing. PS3.3 C.20.3.1.3 asks for mm.",
        ("info", "error"),
        ("inspect", "quality"),
        {
            **_AUDIT,
            "known_system": "the name that was found",
            "whole_numbers_percent": "share of whole numbers among the components",
            "rms_along_axes": "root mean square of the components along the grid's axes, as stored",
            "spacing_mm": "spacing of the grid",
        },
        ("reg-audit-undecided", "reg-folding", "reg-near-zero"),
    ),
    "reg-direction-suspect": CodeInfo(
        "Field may be stored in the other direction",
        "Check that the two images were not exchanged; if they were not, load the registration reversed.",
        "The images fit better when the registration is read from source to registered instead of from registered to "
        "source. Used as the standard says, structures then move away from where they belong. It looks just the same "
        "when the two images were exchanged, or the two frames of reference swapped in the file.",
        "The mapping of Equation C.20.3-1 (PS3.3 C.20.3.1.1) is inverted point by point as a rival reading. "
        f"{_COMPARED}",
        ("error",),
        ("inspect", "quality"),
        _AUDIT,
        ("reg-audit-undecided", "reg-deformation-suspect"),
    ),
    "reg-axis-signs-suspect": CodeInfo(
        "Signs of x and y may have slipped",
        "Compare the registered images before use, and ask the vendor whether vectors are written in LPS.",
        "The images fit better when x and y of each displacement carry the other sign: the file was probably written "
        "in RAS coordinates, where DICOM has LPS. Left and right, front and back are then moved the wrong way.",
        "x and y of Vector Grid Data (0064,0009) with the other sign (of a matrix: mirrored in x and y before and "
        f"after) as a rival reading. {_COMPARED} Axes are those of the patient, PS3.3 C.7.6.2.1.1.",
        ("error",),
        ("inspect", "quality"),
        _AUDIT,
        ("reg-audit-undecided", "reg-direction-suspect"),
    ),
    "reg-matrices-suspect": CodeInfo(
        "Matrices may not be meant as they are written",
        "Compare the registered images before use; load with the matrices ignored if the field contains them already.",
        "The images fit better when the matrices beside the field are left out, when pre and post are exchanged, or "
        "when one or both are inverted. "
        "Some systems write the bulk motion into the field and into a matrix as well: applied as written, it counts "
        "twice.",
        "Pre Deformation Matrix Registration Sequence (0064,000F) and Post Deformation Matrix Registration Sequence "
        "(0064,0010), left out, exchanged or inverted in Equation C.20.3-1 (PS3.3 C.20.3.1.1), as rival readings. "
        f"{_COMPARED}",
        ("error",),
        ("inspect", "quality"),
        _AUDIT,
        ("reg-double-application", "reg-bulk-motion", "reg-audit-undecided"),
    ),
    "reg-deformation-suspect": CodeInfo(
        "Images agree better without the deformation",
        "Check that these are the images the registration was made for, and not one that was resampled by it already.",
        "The images fit best when the deformation is left out: it makes things worse than they were. The images may "
        "be others than those it was made for, one may have been resampled by it already, or the registration failed.",
        "Equation C.20.3-1 (PS3.3 C.20.3.1.1) without D, matrices kept (without a grid: without the matrices), as a "
        f"rival reading. {_COMPARED}",
        ("warning",),
        ("inspect", "quality"),
        _AUDIT,
        ("reg-frame-unknown", "reg-audit-undecided"),
    ),
    "reg-audit-undecided": CodeInfo(
        "Images do not tell how the registration is meant",
        "Compare the registered images by eye, or choose two images that show the same anatomy inside the grid.",
        "The two images leave open which way of reading the registration is right. That is no sign of an error: they "
        "may be too unlike, too uniform, hardly overlap, or the readings may lead to the same points. A warning where "
        "several readings fit equally well, and all of them better than the standard's. inspect tells only that: where "
        "nothing can be decided, it says that this was not checked.",
        f"{_COMPARED} Also undecided: a correlation that is not above 0.3 (mutual information 0.1 nats) with 95 % "
        "confidence, fewer than 500 points or 12 blocks of space in common, readings that lead to the same points, and "
        "a best reading that leads to within 2 mm of the standard's points, as precisely as registrations are made.",
        ("info", "warning"),
        ("inspect", "quality"),
        _AUDIT,
        ("reg-units-suspect", "reg-frame-unknown"),
    ),
}
"""What the interpretation audit concludes."""
