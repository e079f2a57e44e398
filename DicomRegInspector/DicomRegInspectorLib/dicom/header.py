"""What is kept of a file's header, and what its values mean."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from .tags import MEDIA_STORAGE_DIRECTORY, SOP_CLASSES, STORAGE, Tag

REGISTRATION_SOP_CLASSES = frozenset(SOP_CLASSES)
"""Spatial Registration, Spatial Fiducials and Deformable Spatial Registration Storage."""

RAW_DATA, STANDARD_ROOT = STORAGE + "66", "1.2.840.10008."
"""Raw Data Storage, and how the SOP classes of the standard begin."""

_PADDING = b" \0"


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """The elements of one file that decide where its slices lie, as the file holds them.

    Values stay the file's own bytes (numbers little endian) and are decoded when asked for: most of a big series'
    values are the same in every file, and a number's written digits say how precise it is. A property is None (text:
    empty) where the element is absent, empty or does not hold what its representation says.
    """

    path: str
    transfer_syntax_uid: str
    own: Mapping[int, bytes]
    """Tag (group in the upper half) to the raw value, only for the tags of :class:`~.tags.Tag`."""
    size: int
    """Of the file, bytes."""
    pixel_data: str = "absent"
    """``"complete"``, ``"cut off"`` (the file ends within it), ``"absent"``, or ``"unchecked"``."""
    missing_bytes: int | None = None
    """How much of Pixel Data lies beyond the end of the file; None when that cannot be known."""
    has_registration_sequence: bool = False
    """Whether a registration's own sequence follows the header, whatever the SOP class says."""
    shared: Mapping[int, bytes] = field(default_factory=dict)
    """As :attr:`own`, of elements that are not there: one object for many files, most of what a series says."""

    def __eq__(self, other: object) -> bool:
        """Tell whether another header says the same of the same file, however much of it is shared."""
        return isinstance(other, Header) and self._compared == other._compared

    __hash__ = None  # type: ignore[assignment] # as of other values that hold a dictionary

    @property
    def _compared(self) -> tuple[object, ...]:
        return (
            self.path, self.transfer_syntax_uid, self.elements, self.size, self.pixel_data, self.missing_bytes,
            self.has_registration_sequence,
        )  # fmt: skip

    @property
    def elements(self) -> Mapping[int, bytes]:
        """All elements, for reading: a mapping that is made when asked for; :meth:`raw` gives one of them."""
        return MappingProxyType({**self.shared, **self.own})

    def raw(self, tag: int) -> bytes:
        """Return an element's value as the file holds it; empty where it is absent or empty."""
        own = self.own.get(tag)
        return self.shared.get(tag, b"") if own is None else own

    def holds(self, tag: int) -> bool:
        """Return whether an element is there, be it empty."""
        return tag in self.own or tag in self.shared

    @property
    def is_dicomdir(self) -> bool:
        """Whether this is a media directory, which names files and holds no image."""
        return self._text(Tag.MEDIA_STORAGE_SOP_CLASS_UID) == MEDIA_STORAGE_DIRECTORY

    @property
    def is_image(self) -> bool:
        """Whether the object has Rows and Columns, and is no raw data, which can have them without pixels.

        Raw data and objects of makers' own classes are images only with Bits Allocated, type 1 in every Image Pixel
        module (PS3.3 C.7.6.3); an image of the standard's classes that lacks it is damaged.
        """
        if not (self.rows and self.columns):
            return False
        uid = self.sop_class_uid
        return bool(self.bits_allocated) or not uid or (uid.startswith(STANDARD_ROOT) and uid != RAW_DATA)

    @property
    def is_registration(self) -> bool:
        """Whether this is a registration by its SOP class, its modality or the sequence it holds."""
        return (
            self.has_registration_sequence
            or self.sop_class_uid in REGISTRATION_SOP_CLASSES
            or (self.modality == "REG" and not self.is_image)
        )

    @property
    def is_cut_off(self) -> bool:
        """Whether the file ends within its pixel data."""
        return self.pixel_data == "cut off"

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID, or the media storage class where the dataset lacks it."""
        return self._text(Tag.SOP_CLASS_UID) or self._text(Tag.MEDIA_STORAGE_SOP_CLASS_UID)

    @property
    def sop_instance_uid(self) -> str:
        """SOP Instance UID."""
        return self._text(Tag.SOP_INSTANCE_UID)

    @property
    def study_uid(self) -> str:
        """Study Instance UID."""
        return self._text(Tag.STUDY_INSTANCE_UID)

    @property
    def series_uid(self) -> str:
        """Series Instance UID."""
        return self._text(Tag.SERIES_INSTANCE_UID)

    @property
    def frame_of_reference_uid(self) -> str:
        """Frame of Reference UID."""
        return self._text(Tag.FRAME_OF_REFERENCE_UID)

    @property
    def modality(self) -> str:
        """Modality, for instance ``CT``."""
        return self._text(Tag.MODALITY)

    @property
    def image_type(self) -> tuple[str, ...]:
        """Image Type's values, upper case."""
        return split_text(self.raw(Tag.IMAGE_TYPE))

    @property
    def series_description(self) -> str:
        """Series Description, decoded by the file's Specific Character Set."""
        character_set = self.raw(Tag.SPECIFIC_CHARACTER_SET)
        return decoded(self.raw(Tag.SERIES_DESCRIPTION), character_set)

    @property
    def rows(self) -> int:
        """Rows; 0 where absent."""
        return self._unsigned(Tag.ROWS)

    @property
    def columns(self) -> int:
        """Columns; 0 where absent."""
        return self._unsigned(Tag.COLUMNS)

    @property
    def samples_per_pixel(self) -> int:
        """Samples per Pixel; 0 where absent."""
        return self._unsigned(Tag.SAMPLES_PER_PIXEL)

    @property
    def bits_allocated(self) -> int:
        """Bits Allocated; 0 where absent."""
        return self._unsigned(Tag.BITS_ALLOCATED)

    @property
    def number_of_frames(self) -> int:
        """Number of Frames; 1 where absent or unreadable."""
        number = self.integer(Tag.NUMBER_OF_FRAMES)
        return number if number is not None and number > 0 else 1

    @property
    def series_number(self) -> int | None:
        """Series Number."""
        return self.integer(Tag.SERIES_NUMBER)

    @property
    def instance_number(self) -> int | None:
        """Instance Number."""
        return self.integer(Tag.INSTANCE_NUMBER)

    @property
    def acquisition_number(self) -> int | None:
        """Acquisition Number."""
        return self.integer(Tag.ACQUISITION_NUMBER)

    @property
    def slice_thickness_mm(self) -> float | None:
        """Slice Thickness."""
        return self.decimal(Tag.SLICE_THICKNESS)

    @property
    def spacing_between_slices_mm(self) -> float | None:
        """Spacing Between Slices as the header claims it."""
        return self.decimal(Tag.SPACING_BETWEEN_SLICES)

    @property
    def slice_location_mm(self) -> float | None:
        """Slice Location: whatever the scanner displayed, not a position."""
        return self.decimal(Tag.SLICE_LOCATION)

    @property
    def gantry_tilt_deg(self) -> float | None:
        """Gantry/Detector Tilt as the header claims it."""
        return self.decimal(Tag.GANTRY_TILT)

    @property
    def image_position_mm(self) -> tuple[float, ...] | None:
        """Image Position (Patient), LPS mm."""
        return numbers(self.raw(Tag.IMAGE_POSITION), 3)

    @property
    def image_orientation(self) -> tuple[float, ...] | None:
        """Image Orientation (Patient): row cosines, then column cosines, LPS."""
        return numbers(self.raw(Tag.IMAGE_ORIENTATION), 6)

    @property
    def pixel_spacing_mm(self) -> tuple[float, ...] | None:
        """Pixel Spacing: between rows, then between columns."""
        return numbers(self.raw(Tag.PIXEL_SPACING), 2)

    def integer(self, tag: int) -> int | None:
        """Return an IS element's first value."""
        value = self.decimal(tag)
        return int(value) if value is not None and value == int(value) else None

    def decimal(self, tag: int) -> float | None:
        """Return a DS or IS element's first value."""
        raw = self.raw(tag)
        return _first_number(raw) if raw else None

    def _text(self, tag: int) -> str:
        return _text_of(self.raw(tag))

    def _unsigned(self, tag: int) -> int:
        return _first_unsigned(self.raw(tag))


@lru_cache(maxsize=4096)
def _text_of(raw: bytes) -> str:
    return raw.strip(_PADDING).decode("utf-8", "replace")


@lru_cache(maxsize=4096)
def _first_unsigned(raw: bytes) -> int:
    return int.from_bytes(raw[:2], "little") if len(raw) >= 2 else 0


@lru_cache(maxsize=4096)
def _first_number(raw: bytes) -> float | None:
    return _number(raw.split(b"\\", 1)[0])


def _number(raw: bytes) -> float | None:
    try:
        value = float(raw.strip(_PADDING))
    except ValueError:
        return None
    # Python reads 1_000 as a number; DICOM has no underscore in a DS.
    return value if math.isfinite(value) and b"_" not in raw else None


@lru_cache(maxsize=4096)
def numbers(raw: bytes, count: int) -> tuple[float, ...] | None:
    """Return the values of a DS element; None unless there are exactly ``count`` finite ones."""
    values = [_number(part) for part in raw.split(b"\\")]
    finite = tuple(value for value in values if value is not None)
    return finite if len(values) == len(finite) == count else None


def float64(raw: bytes) -> float | None:
    """Return the first value of an FD element, little endian."""
    value = struct.unpack_from("<d", raw)[0] if len(raw) >= 8 else math.nan
    return value if math.isfinite(value) else None


@lru_cache(maxsize=1024)
def split_text(raw: bytes) -> tuple[str, ...]:
    """Return the values of a CS element, upper case."""
    text = raw.strip(_PADDING).decode("utf-8", "replace").upper()
    return tuple(part.strip() for part in text.split("\\")) if text else ()


@lru_cache(maxsize=1024)
def decoded(raw: bytes, character_set: bytes, breaks: frozenset[int] = frozenset(b"\r\n\t\f")) -> str:
    r"""Decode text by Specific Character Set (0008,0005), without control characters, since it ends up on screens.

    Parameters
    ----------
    breaks
        After which the first of several character sets holds again (PS3.5 section 6.1.2.5.3); ``\`` too where
        there may be several values, ``^`` and ``=`` in names.
    """
    raw = raw.strip(_PADDING)
    if raw.isascii() and b"\x1b" not in raw:
        text = raw.decode("ascii")
    else:
        import warnings

        from pydicom.charset import convert_encodings, decode_bytes

        names = [part.strip() for part in character_set.decode("ascii", "replace").strip(" \0").split("\\")]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                text = decode_bytes(raw, convert_encodings(names), set(breaks))
            except (LookupError, ValueError):
                text = raw.decode("latin-1")
    return "".join(character for character in text if character.isprintable()).strip()


@lru_cache(maxsize=4096)
def decimals_of(raw: bytes) -> int | None:
    """Return the most digits after the decimal point in a DS element's values, an exponent counted in.

    ``b"-1.750000e+02\\\\3.5"`` has 4. None where nothing is a number. Negative for ``1e3``.
    """
    most = None
    for part in raw.split(b"\\"):
        mantissa, _, exponent = part.strip(_PADDING).lower().partition(b"e")
        _, _, fraction = mantissa.partition(b".")
        try:
            decimals = len(fraction) - (int(exponent) if exponent else 0)
        except ValueError:
            continue
        # A noise value such as 1.2e-15 says nothing of how its neighbours were rounded.
        if mantissa and (most is None or decimals > most) and decimals <= 16:
            most = decimals
    return most
