"""Finding codes of registration objects: their elements, their vectors, and how they go with images."""

from __future__ import annotations

from .code_info import REGION, CodeInfo

_EQUATION = "Equation C.20.3-1 (PS3.3 C.20.3.1.1)"
_COUNTS = {"found": "how many values the element has", "expected": "how many it needs"}

REGISTRATION_CODES: dict[str, CodeInfo] = {
    "reg-sop-class-mismatch": CodeInfo(
        "Wrong SOP class for the content",
        "Read by content (as here); ask the vendor to write the class that matches.",
        "The file says it is one kind of registration and holds another. Programs that go by the class find nothing, "
        "or map points the wrong way: the two kinds run in opposite directions.",
        "SOP Class UID (0008,0016) against the sequences that are there: Deformable Registration Sequence (0064,0002) "
        "belongs to Deformable Spatial Registration (PS3.3 A.39.2), Registration Sequence (0070,0308) to Spatial "
        "Registration (PS3.3 A.39.1). Both in one file are reported too.",
        ("warning",),
        ("inspect", "quality"),
        {
            "sop_class_uid": "SOP Class UID of the file",
            "expected_sop_class_uid": "the one that goes with what the file holds",
        },
        ("reg-not-read", "reg-tag-order"),
    ),
    "reg-tag-order": CodeInfo(
        "Elements out of order",
        "Read with a tolerant reader; ask the vendor to write elements in ascending order.",
        "Elements are not in the order the standard asks for, or occur twice. Readers that rely on the "
        "order stop early or miss what follows; here they are read in any order, of the same tag the first.",
        "Tags in the order of the file, in the data set and in each item of its sequences. PS3.5 7.1 asks for "
        "ascending order, each tag once.",
        ("warning",),
        ("inspect", "quality"),
        {"count": "how many elements stand out of order", "first": "tag of the first of them"},
        ("reg-sop-class-mismatch",),
    ),
    "reg-vectors-undefined": CodeInfo(
        "Undefined vectors",
        "Do not use the registration where vectors are undefined (NaN); in a scene they are zero.",
        "In part of the grid the registration says nothing about where points go, on purpose. Contours and doses "
        "there cannot be mapped; a program that reads such vectors as zero leaves them where they are without a word.",
        "Vectors of Vector Grid Data (0064,0009) with a component that is NaN, counted with the box of nodes that "
        "holds them. PS3.3 C.20.3.1.3 gives NaN this meaning.",
        ("warning",),
        ("inspect", "quality"),
        REGION,
        ("reg-vectors-nonfinite", "reg-grid-does-not-cover"),
    ),
    "reg-vectors-nonfinite": CodeInfo(
        "Infinite vectors",
        "Ask for a new export: a displacement cannot be infinite; in a scene such vectors are zero.",
        "Some vectors are infinite: the export went wrong there. Points near them map to nothing.",
        "Vectors of Vector Grid Data (0064,0009) with an infinite component, and none that is NaN, counted with the "
        "box of nodes that holds them.",
        ("error",),
        ("inspect", "quality"),
        REGION,
        ("reg-vectors-undefined", "reg-vectors-byte-order"),
    ),
    "reg-vectors-fill-value": CodeInfo(
        "Vectors hold a fill value",
        "Do not use the registration where vectors hold this number; ask for an export with NaN in its place.",
        "Some vectors hold a number that a program writes where it has nothing to say, such as -9999. Read as the "
        "displacement that it claims to be, it sends points far out of the patient, and between such a vector and its "
        "neighbours to anywhere.",
        "Numbers of Vector Grid Data (0064,0009) that several vectors hold exactly and that are more than 5 times the "
        "largest of the other vectors: from 100 mm where all three components have it, whatever their signs, from "
        "2000 mm, as an error, also where one has it alone. PS3.3 C.20.3.1.3 knows NaN alone for it.",
        ("warning", "error"),
        ("inspect", "quality"),
        {"value_mm": "the number, as the displacement in mm that it is not", **REGION},
        ("reg-vectors-undefined", "reg-vectors-nonfinite", "reg-folding"),
    ),
    "reg-vectors-byte-order": CodeInfo(
        "Vectors in another byte order",
        "Compare the loaded field with the source system; ask the vendor to write the vectors as OF.",
        "The bytes of the vectors are in another order than the transfer syntax says. Read as declared they are "
        "noise; they were read in the order in which they make sense.",
        "Vector Grid Data (0064,0009) has another VR than OF, and less than half of a sample of its numbers is "
        "plausible as declared (0, NaN, or between a nanometre and ten metres), but more than 99 % in another order. "
        "Only OF says how a 32-bit number is written, PS3.5 7.3.",
        ("warning",),
        ("inspect", "quality"),
        {
            "vr": "VR of the element",
            "declared": "byte order that the transfer syntax says",
            "read_as": "byte order that the vectors were read in",
        },
        ("reg-vectors-nonfinite", "reg-grid-size-mismatch"),
    ),
    "reg-grid-size-mismatch": CodeInfo(
        "Vector count does not match the grid",
        "Ask for a new export: the vectors cannot be placed.",
        "There are more or fewer vectors than grid nodes, so that nobody can tell which vector belongs where. The "
        "item is not used.",
        "Length of Vector Grid Data (0064,0009) against Grid Dimensions (0064,0007): three 32-bit numbers for each "
        "node, PS3.3 C.20.3.1.3. Twice that length is named as what it probably is, 64-bit numbers.",
        ("error",),
        ("inspect", "quality"),
        {
            "found_bytes": "length of the vectors in the file",
            "expected_bytes": "length that the grid needs",
            "dimensions": "nodes along x, y and z of the grid",
        },
        ("reg-grid-invalid", "reg-vectors-byte-order"),
    ),
    "reg-grid-invalid": CodeInfo(
        "Invalid grid geometry",
        "Ask for a new export: the grid's place, directions, dimensions or resolution cannot be used.",
        "The file does not say properly where the vectors of the field lie. The item is not used.",
        "Of Deformable Registration Grid Sequence (0064,0005), which has one item at most: Image Position (Patient) "
        "(0020,0032) needs 3 finite numbers, Image Orientation (Patient) (0020,0037) two perpendicular unit vectors "
        "(within 0.001), Grid Dimensions (0064,0007) three whole numbers from 1, Grid Resolution (0064,0008) three "
        "numbers from 0.000001 to 1,000,000 mm. PS3.3 C.20.3.",
        ("error",),
        ("inspect", "quality"),
        {
            **_COUNTS,
            "resolution_mm": "Grid Resolution as the file has it",
            "dimensions": "Grid Dimensions as the file has them",
            "row_length": "length of the row direction",
            "column_length": "length of the column direction",
            "dot_product": "product of the two directions",
        },
        ("reg-grid-size-mismatch", "reg-matrix-invalid"),
    ),
    "reg-matrix-invalid": CodeInfo(
        "Invalid matrix",
        "Ask for a new export: a transformation matrix needs 16 finite numbers and 0 0 0 1 as its last row.",
        "A transformation matrix of the file is none. The item is not used.",
        "Frame of Reference Transformation Matrix (3006,00C6): 16 finite numbers, row by row, the last row 0 0 0 1 "
        "within 0.000001, PS3.3 C.20.2.1.1. Pre Deformation Matrix Registration Sequence (0064,000F) and Post "
        "Deformation Matrix Registration Sequence (0064,0010) have one item at most.",
        ("error",),
        ("inspect", "quality"),
        _COUNTS,
        ("reg-matrix-not-rigid", "reg-matrix-singular", "reg-grid-invalid"),
    ),
    "reg-matrix-not-rigid": CodeInfo(
        "Matrix is not rigid",
        "Check that scaling or shear is meant here.",
        "The matrix changes sizes or angles, or mirrors. That sizes change may be meant, but a patient's bones keep "
        "theirs, and a matrix that does more than its declared type says is a mistake; such a one is a warning. "
        "Nobody's left becomes right: a mirror is a warning whatever is declared.",
        "Singular values and determinant of the upper left 3 × 3 of Frame of Reference Transformation Matrix "
        "(3006,00C6): its columns have to be perpendicular unit vectors within 0.0001 and what half a unit of the last "
        "written digit of each number explains (of two decimals and more). Declared by Frame of Reference "
        "Transformation Matrix Type (0070,030C): RIGID, RIGID_SCALE, which may scale along axes, or AFFINE, which may "
        "scale and shear; PS3.3 C.20.2.1.2.",
        ("info", "warning"),
        ("inspect", "quality"),
        {
            "matrix": "which matrix of the item",
            "declared_type": "Frame of Reference Transformation Matrix Type",
            "singular_values": "its scales along its principal axes",
            "determinant": "its change of volume; negative: mirrored",
            "shear_deg": "how far right angles are off",
        },
        ("reg-matrix-singular", "reg-matrix-invalid"),
    ),
    "reg-matrix-singular": CodeInfo(
        "Matrix cannot be inverted",
        "Ask for a new export: this matrix collapses space.",
        "The matrix maps space onto a plane, a line or a point, so that no way leads back. Points of the patient "
        "cannot be told apart after it.",
        "Singular values of the upper left 3 × 3 of Frame of Reference Transformation Matrix (3006,00C6): the "
        "smallest is no more than a billionth of the largest.",
        ("error",),
        ("inspect", "quality"),
        {
            "matrix": "which matrix of the item",
            "declared_type": "Frame of Reference Transformation Matrix Type",
            "singular_values": "its scales along its principal axes",
            "determinant": "its change of volume",
        },
        ("reg-matrix-not-rigid", "reg-matrix-invalid"),
    ),
    "reg-near-zero": CodeInfo(
        "Registration does nearly nothing",
        "Check that the exported registration is the one you meant.",
        "No point is moved by as much as a tenth of a millimetre. The file loads without an error and changes "
        "nothing, which usually means that another registration was to be exported. A note where there are matrices "
        "only: scanners that make two images in one session say so that their frames are one.",
        "The longest vector of Vector Grid Data (0064,0009), turned by the post matrix, and what pre and post matrix "
        "together move the corners of the grid add up to less than 0.1 mm. Without a grid: no matrix of the object "
        "moves a point within 500 mm of the origin by 0.1 mm.",
        ("info", "warning"),
        ("inspect", "quality"),
        {
            "max_mm": "longest vector; of matrices alone, the most that they move a point",
            "mean_mm": "mean length of the vectors",
            "threshold_mm": "length below which a registration counts as doing nothing",
            "within_mm": "distance from the origin, along each axis, within which matrices alone were judged",
        },
        ("reg-units-suspect", "reg-bulk-motion"),
    ),
    "reg-sampled": CodeInfo(
        "Transform was sampled on a grid to be measured",
        "Where the error between the nodes matters, use what maps points exactly (map) or the file itself.",
        "The transform is no single grid between matrices: a B-spline, several fields in a row, an inverse. Points are "
        "mapped exactly all the same. What needs a grid (measures, pictures, the audit, transform nodes, displacement "
        "fields that are written) takes its displacements at nodes, with straight lines between them.",
        "At 5000 random points between the nodes, the distance between where the transform sends a point and where the "
        "grid with trilinear interpolation does.",
        ("info",),
        ("inspect", "quality"),
        {
            "max_mm": "largest distance found",
            "p99_mm": "distance that 99 % of the points stay below",
            "mean_mm": "mean distance",
            "samples": "points compared",
        },
        ("reg-folding", "reg-near-zero"),
    ),
    "reg-left-open": CodeInfo(
        "File does not say everything about its transform",
        "Say it: --maps and --coordinates on the command line, the question below the findings of the module; or "
        "name the file itself instead of its folder.",
        "Some formats do not say which way a transform maps, in which coordinates, or whether vectors are "
        "displacements at all; colours, gradients and eigenvectors are stored alike. Nothing of it is guessed: such a "
        "file is not read and not judged.",
        "A warning: the file is a transform, or was named, and leaves its direction or coordinates open. A remark: "
        "volumes in a folder hold three floating-point numbers for each voxel (MetaImage, NRRD without Slicer's key, "
        "NIfTI with intent 1007), and neither they nor their names (warp, deformation, dvf …) say that these are "
        "displacements.",
        ("info", "warning"),
        ("inspect",),
        {"file": "path of the file", "files": "how many volumes of vectors were left alone"},
        ("file-unreadable",),
    ),
    "reg-folding": CodeInfo(
        "Field folds",
        "Do not map dose or contours through the folded region.",
        "In places the mapping turns tissue inside out: different points go to one place, and volumes become "
        "negative. No patient does that, and a dose or contour mapped there means nothing.",
        f"The Jacobian determinant of the whole mapping ({_EQUATION}, matrices included) at every node of the grid, "
        "by central differences of the vectors, one-sided at the border: 0 or less is folded. An error from 0.1 % of "
        "the nodes on; single nodes at the border fold in many usable fields.",
        ("warning", "error"),
        ("inspect", "quality"),
        {
            **REGION,
            "lowest_at_lps_mm": "node with the lowest Jacobian determinant, in LPS; from inspecting a file",
            "jacobian_min": "lowest Jacobian determinant; 1 keeps volume",
            "nonpositive_fraction": "share, 0 to 1, of nodes with a determinant of 0 or less, of those where it is "
            "defined",
        },
        ("reg-units-suspect", "reg-vectors-byte-order"),
    ),
    "reg-frame-unknown": CodeInfo(
        "Frame of reference without images",
        "Find the images the registration was made for, or check that they were exported with it.",
        "None of the images at hand belongs to this frame of reference, so that nothing tells what the registration "
        "is to be applied to. It may have been made for other images, or one side wrote the wrong UID.",
        "Frame of Reference UID (0020,0052) at the top of the object (the registered frame) and Source Frame of "
        "Reference UID (0064,0003) of the item (of a matrix item: its own Frame of Reference UID) against those of "
        "all image series that were inspected with it; PS3.3 C.7.4.1, C.20.3. Not judged without image series.",
        ("warning",),
        ("inspect",),
        {
            "file": "file of the registration",
            "role": "registered or source",
            "frame_of_reference_uid": "the UID that no image series has",
            "near_misses": "UIDs of image series that differ from it in the last component or the last digits only",
            "frames_of_series": "UIDs that the image series have",
        },
        ("frame-of-reference-mixed", "reg-grid-does-not-cover"),
    ),
    "reg-bulk-motion": CodeInfo(
        "Field contains the bulk motion",
        "Do not apply the separate rigid registration on top of this field.",
        "Most of this mapping is one rigid motion of everything, the kind that a rigid registration before it "
        "finds. If that registration was exported as a file of its own, applying both moves twice.",
        f"The rotation and translation that fit best, by least squares (Kabsch 1976), to where {_EQUATION} takes the "
        "nodes of the grid: reported from 3 mm at the centre or 1° on, when at most half of the RMS displacement is "
        "left without it.",
        ("info",),
        ("quality",),
        {
            "matrix_lps": "the rigid motion, registered to source",
            "centre_lps_mm": "where its shift is told",
            "shift_mm": "displacement of the centre along L, P and S",
            "shift_length_mm": "its length",
            "rotation_deg": "its angle",
            "volume_ratio": "its change of volume; 1 for a rigid motion",
            "residual_rms_mm": "what is left of the mapping without it, root mean square",
            "residual_max_mm": "what is left of it at most",
            "displacement_rms_mm": "the whole displacement, root mean square",
        },
        ("reg-double-application",),
    ),
    "reg-double-application": CodeInfo(
        "Motion would be applied twice",
        "Apply either the field or the separate matrix, not both.",
        "The field contains the motion that a separate rigid registration between the same two frames describes too. "
        "Whoever applies one after the other moves everything twice.",
        "The rigid motion that fits the field best (see the bulk motion), from 3 mm or 1° on, against each matrix "
        "of Registration Sequence (0070,0308) between the same Frame of Reference UID (0020,0052) and Source Frame of "
        "Reference UID (0064,0003), in this file or another: they agree within 1 mm at every corner of the grid.",
        ("warning",),
        ("inspect",),
        {
            "file": "file of the registration",
            "other_file": "file of the separate matrix",
            "other_item": "number of its item, from 1",
            "agreement_mm": "how far the two are apart at the worst corner of the grid",
            "shift_mm": "length of the common motion at the centre",
            "rotation_deg": "its angle",
        },
        ("reg-bulk-motion",),
    ),
    "reg-grid-does-not-cover": CodeInfo(
        "Grid does not cover the image",
        "Do not use the registration outside the grid: the standard defines nothing there.",
        "Part of the image the registration was made for lies outside the field. The standard says nothing about "
        "points there; programs extend the field, use zero or drop them, each as it likes.",
        "Points on a lattice of 33 × 33 in each slice of every stack whose Frame of Reference UID (0020,0052) is the "
        "registered one, against the box of the outermost grid nodes (Grid Dimensions (0064,0007), Grid Resolution "
        f"(0064,0008)): farther out than 0.5 mm is outside. {_EQUATION} needs a vector at each point.",
        ("warning",),
        ("inspect",),
        {
            "file": "file of the registration",
            "series_instance_uid": "Series Instance UID of the image series",
            "outside_percent": "share of the image outside the grid, within some 3 %",
            "outside_max_mm": "distance of the farthest point from the grid",
            "slices_outside": "numbers of the slices that have no point inside, from 1",
        },
        ("reg-vectors-undefined", "reg-frame-unknown"),
    ),
    "reg-incomplete": CodeInfo(
        "Registration is incomplete",
        "Ask for a new export: what is missing decides where points go.",
        "The object lacks something without which it does not say what it maps where. As a warning: it can be used, "
        "but does not say for which images.",
        "Missing or empty: Deformable Registration Sequence (0064,0002) or Registration Sequence (0070,0308) in an "
        "object of that class, Matrix Registration Sequence (0070,0309), Matrix Sequence (0070,030A), Vector Grid "
        "Data (0064,0009), or, as a warning, Frame of Reference UID (0020,0052) and Source Frame of Reference UID "
        "(0064,0003) where the item refers to no images by Referenced Image Sequence (0008,1140) either. PS3.3 C.20.2, "
        "C.20.3.",
        ("warning", "error"),
        ("inspect", "quality"),
        {"file": "path of the file, where it cannot be used at all"},
        ("reg-frame-unknown", "reg-grid-invalid"),
    ),
    "reg-not-used": CodeInfo(
        "Something in the file is not used",
        "Ask the vendor what it is meant to do, and compare where points go with the system that wrote the file.",
        "The file holds something that could move points and that the standard gives no meaning where it stands. It is "
        "not applied here; the program that wrote it may well apply it, and then sends points elsewhere.",
        "A Matrix Registration Sequence (0070,0309), Matrix Sequence (0070,030A) or another element that moves points "
        "in a place where PS3.3 C.20.2 and C.20.3 have none, such as an item of Deformable Registration Sequence "
        "(0064,0002); such an element or a frame of reference a second time in the same data set; 4 × 4 matrices in "
        "private elements, and private sequences that hold a Frame of Reference Transformation Matrix (3006,00C6), "
        "unless they are the identity or a matrix that is used, or its inverse.",
        ("warning",),
        ("inspect", "quality"),
        {"element": "its tag", "within": "where it stands"},
        ("reg-tag-order", "reg-sop-class-mismatch", "reg-not-read"),
    ),
    "reg-not-read": CodeInfo(
        "Registration of a kind not read",
        "Nothing is wrong with the file; its content is named but not evaluated.",
        "The file holds named points, which do not map anything themselves but can serve as landmarks to measure a "
        "registration by; or names points that its matrix was made of; or is a structure set that relates two frames.",
        "Fiducial Set Sequence (0070,031C) is there, or the SOP Class UID (0008,0016) is Spatial Fiducials, and no "
        "registration sequence, PS3.3 C.21. An item of a registration has Used Fiducials Sequence (0070,0314). An RT "
        "Structure Set has Frame of Reference Relationship Sequence (3006,00C0), which is retired.",
        ("info",),
        ("inspect", "quality"),
        {
            "sets": "how many sets of points, one for each frame",
            "fiducials": "how many points in all",
            "fiducial_uids": "Fiducial UIDs of the points that a matrix was made of, 50 at most",
            "file": "path of the structure set",
            "relationships": "how many frames it relates to others",
        },
        ("reg-sop-class-mismatch",),
    ),
}
"""What the elements and vectors of a registration show, and how it goes with the images at hand."""
