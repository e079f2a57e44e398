"""Tags, value representations and transfer syntaxes (PS3.5, PS3.6), and which elements are read for what."""

from __future__ import annotations

from enum import IntEnum

UNDEFINED = 0xFFFFFFFF
"""The length of what ends with a delimiter."""

# Registration objects (PS3.3 C.20.2, C.20.3, C.21).
SPECIFIC_CHARACTER_SET = 0x00080005
SOP_CLASS_UID = 0x00080016
SOP_INSTANCE_UID = 0x00080018
MODALITY = 0x00080060
MANUFACTURER = 0x00080070
SERIES_DESCRIPTION = 0x0008103E
REFERENCED_SERIES = 0x00081115
REFERENCED_IMAGES = 0x00081140
REFERENCED_INSTANCES = 0x0008114A
REFERENCED_SOP_CLASS_UID = 0x00081150
REFERENCED_SOP_INSTANCE_UID = 0x00081155
OTHER_REFERENCED_STUDIES = 0x00081200
STUDY_INSTANCE_UID = 0x0020000D
SERIES_INSTANCE_UID = 0x0020000E
IMAGE_POSITION = 0x00200032
IMAGE_ORIENTATION = 0x00200037
FRAME_OF_REFERENCE_UID = 0x00200052
DEFORMABLE_REGISTRATION_SEQUENCE = 0x00640002
SOURCE_FRAME_OF_REFERENCE_UID = 0x00640003
DEFORMABLE_GRID_SEQUENCE = 0x00640005
GRID_DIMENSIONS = 0x00640007
GRID_RESOLUTION = 0x00640008
VECTOR_GRID_DATA = 0x00640009
PRE_MATRIX_SEQUENCE = 0x0064000F
POST_MATRIX_SEQUENCE = 0x00640010
CONTENT_LABEL = 0x00700080
REGISTRATION_SEQUENCE = 0x00700308
MATRIX_REGISTRATION_SEQUENCE = 0x00700309
MATRIX_SEQUENCE = 0x0070030A
MATRIX_TYPE = 0x0070030C
FIDUCIAL_SET_SEQUENCE = 0x0070031C
FIDUCIAL_SEQUENCE = 0x0070031E
FIDUCIAL_IDENTIFIER = 0x00700310
SHAPE_TYPE = 0x00700306
USED_FIDUCIALS_SEQUENCE = 0x00700314
FIDUCIAL_UID = 0x0070031A
CONTOUR_DATA = 0x30060050
TRANSFORMATION_MATRIX = 0x300600C6

REGISTRATION_ELEMENTS = frozenset(
    value for name, value in dict(globals()).items() if name.isupper() and isinstance(value, int)
)

REFERENCE_LISTS = dict.fromkeys(
    (REFERENCED_IMAGES, REFERENCED_INSTANCES), (REFERENCED_SOP_INSTANCE_UID, REFERENCED_SOP_CLASS_UID)
)
"""Sequences of which an object may have a hundred thousand items, and what of each is kept."""

STORAGE = "1.2.840.10008.5.1.4.1.1."
"""How the UIDs of the Storage SOP Classes begin (PS3.4 table B.5-1)."""
SPATIAL_REGISTRATION, SPATIAL_FIDUCIALS, DEFORMABLE_REGISTRATION = (f"{STORAGE}66.{number}" for number in (1, 2, 3))
RT_DOSE = STORAGE + "481.2"

SOP_CLASSES = {
    SPATIAL_REGISTRATION: "Spatial Registration",
    SPATIAL_FIDUCIALS: "Spatial Fiducials",
    DEFORMABLE_REGISTRATION: "Deformable Spatial Registration",
}

# How pixels are stored and what they mean (PS3.3 C.7.6.3, C.11.1).
SAMPLES, PHOTOMETRIC, PLANAR, FRAMES = 0x00280002, 0x00280004, 0x00280006, 0x00280008
ROWS, COLUMNS, BITS_ALLOCATED, BITS_STORED = 0x00280010, 0x00280011, 0x00280100, 0x00280101
HIGH_BIT, REPRESENTATION = 0x00280102, 0x00280103
INTERCEPT, SLOPE, RESCALE_TYPE, MODALITY_LUT = 0x00281052, 0x00281053, 0x00281054, 0x00283000
PADDING, PADDING_LIMIT = 0x00280120, 0x00280121
UNITS = 0x00541001
FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA = 0x7FE00008, 0x7FE00009
KEPT: dict[int, str] = {
    SAMPLES: "US",
    PHOTOMETRIC: "CS",
    PLANAR: "US",
    FRAMES: "IS",
    ROWS: "US",
    COLUMNS: "US",
    BITS_ALLOCATED: "US",
    BITS_STORED: "US",
    HIGH_BIT: "US",
    REPRESENTATION: "US",
    PADDING: "XS",
    PADDING_LIMIT: "XS",
    INTERCEPT: "DS",
    SLOPE: "DS",
    RESCALE_TYPE: "LO",
    UNITS: "CS",
}
"""The elements that say how to read pixels, with their value representations; XS is US or SS, read as US."""


class Tag(IntEnum):
    """Tags of the elements kept in a :class:`~.header.Header` (PS3.6), group in the upper half."""

    MEDIA_STORAGE_SOP_CLASS_UID = 0x00020002
    TRANSFER_SYNTAX_UID = 0x00020010
    SPECIFIC_CHARACTER_SET = 0x00080005
    IMAGE_TYPE = 0x00080008
    SOP_CLASS_UID = 0x00080016
    ACQUISITION_UID = 0x00080017
    SOP_INSTANCE_UID = 0x00080018
    STUDY_DATE = 0x00080020
    SERIES_DATE = 0x00080021
    ACQUISITION_DATE = 0x00080022
    CONTENT_DATE = 0x00080023
    ACQUISITION_DATE_TIME = 0x0008002A
    SERIES_TIME = 0x00080031
    ACQUISITION_TIME = 0x00080032
    CONTENT_TIME = 0x00080033
    ACCESSION_NUMBER = 0x00080050
    MODALITY = 0x00080060
    MANUFACTURER = 0x00080070
    INSTITUTION_NAME = 0x00080080
    REFERRING_PHYSICIAN_NAME = 0x00080090
    CONSULTING_PHYSICIAN_NAME = 0x0008009C
    SERIES_DESCRIPTION = 0x0008103E
    PHYSICIANS_OF_RECORD = 0x00081048
    PERFORMING_PHYSICIAN_NAME = 0x00081050
    READING_PHYSICIANS_NAME = 0x00081060
    OPERATORS_NAME = 0x00081070
    MODEL_NAME = 0x00081090
    COMPLEX_IMAGE_COMPONENT = 0x00089208
    PATIENT_NAME = 0x00100010
    PATIENT_ID = 0x00100020
    ISSUER_OF_PATIENT_ID = 0x00100021
    PATIENT_BIRTH_DATE = 0x00100030
    OTHER_PATIENT_IDS = 0x00101000
    OTHER_PATIENT_NAMES = 0x00101001
    PATIENT_BIRTH_NAME = 0x00101005
    PATIENT_MOTHER_BIRTH_NAME = 0x00101060
    MEDICAL_RECORD_LOCATOR = 0x00101090
    RESPONSIBLE_PERSON = 0x00102297
    CONTRAST_AGENT = 0x00180010
    SCAN_OPTIONS = 0x00180022
    SEQUENCE_NAME = 0x00180024
    SLICE_THICKNESS = 0x00180050
    KVP = 0x00180060
    REPETITION_TIME = 0x00180080
    ECHO_TIME = 0x00180081
    INVERSION_TIME = 0x00180082
    ECHO_NUMBERS = 0x00180086
    SPACING_BETWEEN_SLICES = 0x00180088
    TRIGGER_TIME = 0x00181060
    RECONSTRUCTION_DIAMETER = 0x00181100
    GANTRY_TILT = 0x00181120
    CONVOLUTION_KERNEL = 0x00181210
    ACTUAL_FRAME_DURATION = 0x00181242
    RECEIVE_COIL_NAME = 0x00181250
    PHASE_ENCODING_DIRECTION = 0x00181312
    FLIP_ANGLE = 0x00181314
    DIFFUSION_DIRECTIONALITY = 0x00189075
    EFFECTIVE_ECHO_TIME = 0x00189082
    DIFFUSION_B_VALUE = 0x00189087
    DIFFUSION_GRADIENT = 0x00189089
    ASL_CONTEXT = 0x00189257
    SIEMENS_CREATOR = 0x00190010
    SIEMENS_B_VALUE = 0x0019100C
    SIEMENS_GRADIENT = 0x0019100E
    STUDY_INSTANCE_UID = 0x0020000D
    SERIES_INSTANCE_UID = 0x0020000E
    SERIES_NUMBER = 0x00200011
    ACQUISITION_NUMBER = 0x00200012
    INSTANCE_NUMBER = 0x00200013
    IMAGE_POSITION = 0x00200032
    IMAGE_ORIENTATION = 0x00200037
    FRAME_OF_REFERENCE_UID = 0x00200052
    TEMPORAL_POSITION = 0x00200100
    SLICE_LOCATION = 0x00201041
    STACK_ID = 0x00209056
    TEMPORAL_POSITION_INDEX = 0x00209128
    CARDIAC_TRIGGER_DELAY = 0x00209153
    DIMENSION_INDEX_VALUES = 0x00209157
    CARDIAC_PHASE_PERCENTAGE = 0x00209241
    SAMPLES_PER_PIXEL = 0x00280002
    NUMBER_OF_FRAMES = 0x00280008
    ROWS = 0x00280010
    COLUMNS = 0x00280011
    PIXEL_SPACING = 0x00280030
    BITS_ALLOCATED = 0x00280100


LAST_TAG = int(Tag.BITS_ALLOCATED)
"""Reading stops at this element, or at the first with a higher tag: nothing after it is kept."""

SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
"""Value representations with a 16-bit length (PS3.5 table 7.1-2)."""
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
"""Value representations with two reserved bytes and a 32-bit length (PS3.5 table 7.1-1)."""

PEOPLE = (
    Tag.PATIENT_NAME,
    Tag.OTHER_PATIENT_NAMES,
    Tag.PATIENT_BIRTH_NAME,
    Tag.PATIENT_MOTHER_BIRTH_NAME,
    Tag.RESPONSIBLE_PERSON,
    Tag.REFERRING_PHYSICIAN_NAME,
    Tag.CONSULTING_PHYSICIAN_NAME,
    Tag.PHYSICIANS_OF_RECORD,
    Tag.PERFORMING_PHYSICIAN_NAME,
    Tag.READING_PHYSICIANS_NAME,
    Tag.OPERATORS_NAME,
)
"""Whose names are in a header."""

_SPECIAL_VRS = {
    **dict.fromkeys(PEOPLE, b"PN"),
    Tag.ACCESSION_NUMBER: b"SH",
    Tag.MANUFACTURER: b"LO",
    Tag.INSTITUTION_NAME: b"LO",
    Tag.MODEL_NAME: b"LO",
    Tag.PATIENT_ID: b"LO",
    Tag.ISSUER_OF_PATIENT_ID: b"LO",
    Tag.OTHER_PATIENT_IDS: b"LO",
    Tag.MEDICAL_RECORD_LOCATOR: b"LO",
    Tag.PATIENT_BIRTH_DATE: b"DA",
    Tag.SPECIFIC_CHARACTER_SET: b"CS",
    Tag.IMAGE_TYPE: b"CS",
    Tag.MODALITY: b"CS",
    Tag.COMPLEX_IMAGE_COMPONENT: b"CS",
    Tag.SCAN_OPTIONS: b"CS",
    Tag.PHASE_ENCODING_DIRECTION: b"CS",
    Tag.DIFFUSION_DIRECTIONALITY: b"CS",
    Tag.ASL_CONTEXT: b"CS",
    Tag.STUDY_DATE: b"DA",
    Tag.SERIES_DATE: b"DA",
    Tag.ACQUISITION_DATE: b"DA",
    Tag.CONTENT_DATE: b"DA",
    Tag.ACQUISITION_DATE_TIME: b"DT",
    Tag.SERIES_TIME: b"TM",
    Tag.ACQUISITION_TIME: b"TM",
    Tag.CONTENT_TIME: b"TM",
    Tag.SERIES_DESCRIPTION: b"LO",
    Tag.CONTRAST_AGENT: b"LO",
    Tag.SIEMENS_CREATOR: b"LO",
    Tag.SEQUENCE_NAME: b"SH",
    Tag.CONVOLUTION_KERNEL: b"SH",
    Tag.RECEIVE_COIL_NAME: b"SH",
    Tag.STACK_ID: b"SH",
    Tag.SIEMENS_B_VALUE: b"IS",
    Tag.ACTUAL_FRAME_DURATION: b"IS",
    Tag.ECHO_NUMBERS: b"IS",
    Tag.SERIES_NUMBER: b"IS",
    Tag.ACQUISITION_NUMBER: b"IS",
    Tag.INSTANCE_NUMBER: b"IS",
    Tag.TEMPORAL_POSITION: b"IS",
    Tag.NUMBER_OF_FRAMES: b"IS",
    Tag.EFFECTIVE_ECHO_TIME: b"FD",
    Tag.DIFFUSION_B_VALUE: b"FD",
    Tag.DIFFUSION_GRADIENT: b"FD",
    Tag.SIEMENS_GRADIENT: b"FD",
    Tag.CARDIAC_TRIGGER_DELAY: b"FD",
    Tag.CARDIAC_PHASE_PERCENTAGE: b"FD",
    Tag.TEMPORAL_POSITION_INDEX: b"UL",
    Tag.DIMENSION_INDEX_VALUES: b"UL",
    Tag.SAMPLES_PER_PIXEL: b"US",
    Tag.ROWS: b"US",
    Tag.COLUMNS: b"US",
    Tag.BITS_ALLOCATED: b"US",
}


def _vr_of(tag: Tag) -> bytes:
    return _SPECIAL_VRS.get(tag, b"UI" if tag.name.endswith("_UID") else b"DS")


WANTED: dict[int, bytes] = {int(tag): _vr_of(tag) for tag in Tag}
"""Tag to value representation of every element that is kept."""

LENIENT = frozenset(tag for tag in WANTED if (tag >> 16) % 2)
"""Private elements: other makers put other things there, so one of another representation is passed over."""

BINARY_SIZES: dict[bytes, int] = {b"US": 2, b"UL": 4, b"FD": 8}
"""Bytes of one value for the representations that are not text."""

PIXEL_DATA = 0x7FE00010
PIXEL_KEYWORDS = {
    PIXEL_DATA: "PixelData",
    FLOAT_PIXEL_DATA: "FloatPixelData",
    DOUBLE_FLOAT_PIXEL_DATA: "DoubleFloatPixelData",
}
"""The elements that hold pixels."""
ITEM, END_OF_ITEM, END_OF_SEQUENCE = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
"""What sequences and the fragments of compressed pixels are made of (PS3.5 section 7.5)."""

IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
"""Deflated Image Frame Compression (PS3.5 annex A.4.12): each frame deflated by itself."""
_OTHER_FRAGMENTS = ("1.2.840.10008.1.2.5", DEFLATED_FRAMES)
MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"


def storage_classes(suffixes: str) -> frozenset[str]:
    """Return the Storage SOP Classes with these ends of their UIDs, divided by blanks."""
    return frozenset(STORAGE + suffix for suffix in suffixes.split())


def is_encapsulated(transfer_syntax_uid: str) -> bool:
    """Tell whether Pixel Data is compressed: explicit little endian with fragments (PS3.5 annex A.4)."""
    return transfer_syntax_uid.startswith("1.2.840.10008.1.2.4.") or transfer_syntax_uid in _OTHER_FRAGMENTS


def tag_text(tag: int) -> str:
    """Return a tag as people write it: ``(0020,0032)``."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def element_name(tag: int) -> str:
    """Name and tag of an element for a message: ``Image Position (Patient) (0020,0032)``."""
    from pydicom.datadict import dictionary_description

    try:
        return f"{dictionary_description(tag)} {tag_text(tag)}"
    except KeyError:
        return f"element {tag_text(tag)}"


def truncation_problem(tag: int, length: int, present: int) -> str:
    """Return what to tell the user about an element that ends beyond the file."""
    return (
        f"is cut off: {element_name(tag)} announces {length:,} bytes, the file has {max(present, 0):,} left. "
        "Copy or export it again."
    )


def partial_element_problem(left: int) -> str:
    return f"is cut off: its last {left} bytes are the beginning of an element. Copy or export it again."
